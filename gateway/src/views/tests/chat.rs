//! Conversations: one answers at a time, and what nobody needs any more goes.

use actors::message::time::Timestamp;

use super::{NOW, Views, on_both};
use crate::views::chat::{CONVERSATION_KEPT_MS, CONVERSATIONS_MAX, Lease, Leased, ToolCall, Turn};

const FOR_MS: i64 = 1_000;

async fn begun(views: &Views, user: &str, id: &str, now: Timestamp) {
    views.begin_conversation(user, (id, "Title"), now).await.unwrap();
}

async fn leased(views: &Views, user: &str, id: &str, at: i64) -> Leased {
    views.lease(user, id, (Timestamp(at), FOR_MS), 2).await.unwrap()
}

async fn lease(views: &Views, user: &str, id: &str, at: i64) -> Lease {
    match leased(views, user, id, at).await {
        Leased::Yes(lease) => lease,
        other => panic!("{other:?}"),
    }
}

fn turn(id: &str, ordinal: i64) -> Turn {
    Turn {
        id: id.to_owned(),
        ordinal,
        message: "Hello".to_owned(),
        calls: Vec::new(),
        response: String::new(),
        created_at: NOW.0,
        answered_at: None,
    }
}

async fn one_answers_at_a_time(views: &Views) {
    for id in ["a", "b", "c"] {
        begun(views, "ann", id, NOW).await;
    }
    let first = lease(views, "ann", "a", 0).await;
    assert_eq!(leased(views, "ann", "a", 999).await, Leased::Busy);
    assert_eq!(leased(views, "bob", "a", 999).await, Leased::Absent);
    assert_eq!(leased(views, "ann", "x", 999).await, Leased::Absent);
    lease(views, "ann", "b", 0).await;
    assert_eq!(leased(views, "ann", "c", 999).await, Leased::Busy, "two are under way");
    // Whoever has it no longer writes nothing.
    let second = lease(views, "ann", "a", 1_000).await;
    assert!(!views.add_turn(&first, &turn("t", 1)).await.unwrap());
    assert!(views.add_turn(&second, &turn("t", 1)).await.unwrap());
    views.release(&first).await.unwrap();
    assert!(views.save_turn(&second, &turn("t", 1), NOW).await.unwrap());
    assert!(!views.save_turn(&first, &turn("t", 1), NOW).await.unwrap());
    views.release(&second).await.unwrap();
    assert!(!views.save_turn(&second, &turn("t", 1), NOW).await.unwrap());
    lease(views, "ann", "a", 1_001).await;
}

async fn a_turn_is_kept_as_it_was_and_goes_with_its_conversation(views: &Views) {
    begun(views, "ann", "a", NOW).await;
    let lease = lease(views, "ann", "a", 0).await;
    for n in 1..=3 {
        assert!(views.add_turn(&lease, &turn(&format!("t{n}"), n)).await.unwrap());
    }
    let call = ToolCall {
        name: "list_tasks".to_owned(),
        arguments: serde_json::json!({"b": 1, "a": "\u{0}"}),
        result: Some(serde_json::json!({"tasks": []})),
        ok: true,
        round: 2,
    };
    let done = Turn {
        calls: vec![call],
        response: "Ünd".to_owned(),
        answered_at: Some(NOW.0 + 5),
        ..turn("t2", 2)
    };
    assert!(views.save_turn(&lease, &done, NOW.plus(5)).await.unwrap());
    assert_eq!(views.turn("t2").await.unwrap(), Some(done.clone()));
    assert_eq!(views.turns("a", 2).await.unwrap(), [done, turn("t3", 3)]);
    let conversation = views.conversation("ann", "a").await.unwrap().unwrap();
    assert_eq!((conversation.created_at, conversation.updated_at), (NOW.0, NOW.0 + 5));
    assert!(!views.delete_conversation("bob", "a").await.unwrap());
    assert!(views.delete_conversation("ann", "a").await.unwrap());
    assert_eq!(views.turn("t2").await.unwrap(), None);
    assert!(!views.save_turn(&lease, &turn("t2", 2), NOW).await.unwrap());
}

async fn of_too_many_conversations_the_oldest_go(views: &Views) {
    let most = usize::try_from(CONVERSATIONS_MAX).unwrap();
    begun(views, "bob", "bob's", NOW).await;
    for n in 0..most + 3 {
        begun(views, "ann", &format!("{n:03}"), NOW.plus(n as i64)).await;
    }
    // Begun again it is the same.
    begun(views, "ann", "202", NOW).await;
    let all = views.conversations("ann", (i64::MAX, ""), 1_000).await.unwrap();
    assert_eq!((all.len(), all[0].id.as_str()), (most, "202"));
    assert_eq!(all[most - 1].id, "003");
    let (below, id) = (all[9].updated_at, all[9].id.as_str());
    let next = views.conversations("ann", (below, id), 10).await.unwrap();
    assert_eq!(next, all[10..20]);
    let end = NOW.plus(CONVERSATION_KEPT_MS + 200);
    views.forget_conversations(end).await.unwrap();
    let left = views.conversations("ann", (i64::MAX, ""), 1_000).await.unwrap();
    let ids: Vec<&str> = left.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["202", "201", "200"]);
    assert_eq!(views.conversation("bob", "bob's").await.unwrap(), None);
}

async fn a_message_that_was_not_answered_is_found_again(views: &Views) {
    let found = async |user: &str, message: &str, since: i64| {
        let found = views.broken_off(user, message, Timestamp(since)).await.unwrap();
        found.map(|it| it.id)
    };
    begun(views, "ann", "a", NOW).await;
    let lease = lease(views, "ann", "a", 0).await;
    assert_eq!(found("ann", "Hello", 0).await, None);
    assert!(views.add_turn(&lease, &turn("t1", 1)).await.unwrap());
    assert_eq!(found("ann", "Hello", NOW.0).await.as_deref(), Some("a"));
    for (user, message, since) in
        [("bob", "Hello", 0), ("ann", "hello", 0), ("ann", "Hello", NOW.0 + 1)]
    {
        assert_eq!(found(user, message, since).await, None);
    }
    assert!(views.add_turn(&lease, &turn("t2", 2)).await.unwrap());
    assert_eq!(found("ann", "Hello", 0).await, None, "it has gone on");
    begun(views, "ann", "empty", NOW).await;
    for id in ["a", "empty"] {
        views.delete_if_empty(id).await.unwrap();
    }
    let left = views.conversations("ann", (i64::MAX, ""), 9).await.unwrap();
    assert_eq!(left.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a"]);
}

on_both! {
    a_message_that_was_not_answered_is_found_again
    one_answers_at_a_time
    a_turn_is_kept_as_it_was_and_goes_with_its_conversation
    of_too_many_conversations_the_oldest_go
}
