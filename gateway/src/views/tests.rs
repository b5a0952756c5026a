mod aside;
mod chat;

use actors::message::{event::CloudEvent, time::Timestamp};
use serde_json::{Value, json};

use super::{AuditQuery, ChangesError, Views, testing::on_both};

/// Event `index` of turn `sequence` of a user's list.
fn event(user: &str, sequence: u64, index: u64, kind: &str) -> CloudEvent {
    serde_json::from_value(json!({
        "id": format!("{user}-{sequence}-{index}"), "type": kind, "partitionkey": user,
        "time": "2027-01-01T00:00:00.000Z", "sequence": format!("{sequence:020}"),
        "actor": format!("TaskListActor/{user}"), "index": index.to_string(),
        "data": {"user_id": user, "task_id": "t", "title": "Bread ü", "number": 1, "sequence": sequence, "z": 1.5, "a": null},
    }))
    .unwrap()
}

fn all(user: &str) -> AuditQuery {
    AuditQuery { user: user.to_owned(), limit: 200, ..AuditQuery::default() }
}

const NOW: Timestamp = Timestamp(1_800_000_000_000);

async fn an_event_delivered_again_has_its_effect_once(views: &Views) {
    let batch = [
        event("ann", 1, 0, "task.created"),
        event("ann", 1, 1, "task.recurred"),
        event("bob", 1, 0, "task.created"),
    ];
    assert_eq!(views.apply(&batch, None, NOW).await.unwrap().len(), 2);
    for _ in 0..10 {
        assert!(views.apply(&batch, None, NOW).await.unwrap().is_empty());
    }
    views
        .apply(&[event("ann", 2, 0, "task.updated"), event("ann", 1, 0, "task.created")], None, NOW)
        .await
        .unwrap();
    let page = views.audit(&all("ann")).await.unwrap();
    let types: Vec<_> = page.entries.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!((types, page.total), (vec!["task.created", "task.recurred", "task.updated"], 3));
}

async fn the_chain_holds_and_cannot_be_rewritten(views: &Views) {
    let batch: Vec<_> = (1..=5).map(|n| event("ann", n, 0, "task.updated")).collect();
    views.apply(&batch, None, NOW).await.unwrap();
    let entries = views.audit(&all("ann")).await.unwrap().entries;
    let mut before = None;
    for entry in &entries {
        assert_eq!(entry.prev_hash, before);
        assert_eq!(entry.hash, entry.expected_hash());
        before = Some(entry.hash.clone());
    }
    for change in ["UPDATE audit SET payload = '{}'", "DELETE FROM audit"] {
        let refused = match views {
            Views::Sqlite(pool) => sqlx::query(change).execute(pool).await.is_err(),
            Views::Postgres(pool) => sqlx::query(change).execute(pool).await.is_err(),
        };
        assert!(refused, "{change}");
    }
}

async fn a_page_is_filtered_ordered_and_followed(views: &Views) {
    let batch: Vec<_> = (1..=5)
        .map(|n| event("ann", n, 0, if n % 2 == 0 { "task.updated" } else { "task.created" }))
        .collect();
    views.apply(&batch, None, NOW).await.unwrap();
    let sequences = |entries: &[super::AuditEntry]| -> Vec<u64> {
        entries.iter().map(|entry| entry.payload["sequence"].as_u64().unwrap()).collect()
    };
    let query = AuditQuery {
        types: vec!["task.created".to_owned()],
        newest_first: true,
        limit: 2,
        ..all("ann")
    };
    let first = views.audit(&query).await.unwrap();
    assert_eq!((sequences(&first.entries), first.total), (vec![5, 3], 3));
    let second = views.audit(&AuditQuery { after: first.next, ..query }).await.unwrap();
    assert_eq!((sequences(&second.entries), second.next), (vec![1], None));
    assert!(views.audit(&all("bob")).await.unwrap().entries.is_empty());
}

async fn messages_resume_where_a_screen_left_off(views: &Views) {
    assert_eq!(views.newest("ann").await.unwrap(), 0);
    let batch: Vec<_> = (1..=3).map(|n| event("ann", n, 0, "task.updated")).collect();
    views.apply(&batch, None, NOW).await.unwrap();
    let page = views.changes("ann", 1, 1).await.unwrap();
    assert_eq!((page.next, page.more), (2, true));
    let body: Value = serde_json::from_str(&page.messages[0].json).unwrap();
    assert_eq!(body["id"], "2");
    assert_eq!(body["task"]["id"], "t");
    assert_eq!(body["task"]["title"], Value::from("Bread ü"));
    assert_eq!(body["version"], 2);
    assert!(matches!(views.changes("ann", 9, 1).await, Err(ChangesError::Expired)));
    views.forget_messages(Timestamp(NOW.0 + super::MESSAGES_KEPT_MS)).await.unwrap();
    assert!(matches!(views.changes("ann", 1, 1).await, Err(ChangesError::Expired)));
    assert_eq!(views.newest("ann").await.unwrap(), 3);
}

/// Changes the trail as only somebody with the database's password can.
async fn forge(views: &Views, change: &'static str) {
    match views {
        Views::Sqlite(pool) => {
            for name in ["audit_no_update", "audit_no_delete"] {
                let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER IF EXISTS {name}"));
                sqlx::query(drop).execute(pool).await.unwrap();
            }
        }
        Views::Postgres(pool) => {
            let drop = "DROP TRIGGER IF EXISTS audit_no_change ON audit";
            sqlx::query(drop).execute(pool).await.unwrap();
        }
    }
    match views {
        Views::Sqlite(pool) => {
            sqlx::query(change).execute(pool).await.unwrap();
        }
        Views::Postgres(pool) => {
            sqlx::query(change).execute(pool).await.unwrap();
        }
    }
}

async fn a_forged_trail_is_told_by_its_first_broken_entry(views: &Views) {
    for user in ["ann", "bob", "eve", "joe"] {
        let batch: Vec<_> = (1..=5).map(|n| event(user, n, 0, "task.updated")).collect();
        views.apply(&batch, None, NOW).await.unwrap();
        assert_eq!(views.verify(user).await.unwrap(), Ok(5));
    }
    forge(
        views,
        "UPDATE audit SET event_type = 'task.created' WHERE user_id = 'ann' AND ordinal = 3",
    )
    .await;
    forge(views, "DELETE FROM audit WHERE user_id = 'bob' AND ordinal = 2").await;
    forge(views, "UPDATE audit SET prev_hash = hash WHERE user_id = 'eve' AND ordinal = 4").await;
    let mut places = Vec::new();
    for user in views.audited_users().await.unwrap() {
        let place = views.verify(&user).await.unwrap().map_err(|broken| broken.ordinal);
        places.push((user, place));
    }
    let expected = [("ann", Err(3)), ("bob", Err(2)), ("eve", Err(4)), ("joe", Ok(5))];
    assert_eq!(places, expected.map(|(user, place)| (user.to_owned(), place)));
}

async fn a_stream_begun_anew_expires_every_cursor(views: &Views) {
    for user in ["ann", "bob"] {
        views.apply(&[event(user, 1, 0, "task.created")], None, NOW).await.unwrap();
    }
    views.replay_live("ann").await.unwrap();
    assert!(matches!(views.changes("ann", 1, 1).await, Err(ChangesError::Expired)));
    let now = views.newest("ann").await.unwrap();
    assert!(views.changes("ann", now, 1).await.unwrap().messages.is_empty());
    views.apply(&[event("ann", 2, 0, "task.updated")], None, NOW).await.unwrap();
    assert_eq!(views.changes("ann", now, 9).await.unwrap().messages.len(), 1);
    assert!(views.changes("bob", 1, 1).await.is_ok());
}

async fn two_who_apply_the_same_at_once_have_one_effect(views: &Views) {
    let users = ["ann", "bob", "eve"];
    let batch = |n| -> Vec<CloudEvent> {
        users.iter().map(|user| event(user, n, 0, "task.updated")).collect()
    };
    let backwards = |n| -> Vec<CloudEvent> { batch(n).into_iter().rev().collect() };
    for n in 1..=20 {
        let (one, other) = (batch(n), backwards(n));
        let both = tokio::join!(views.apply(&one, None, NOW), views.apply(&other, None, NOW));
        assert_eq!(both.0.unwrap().len() + both.1.unwrap().len(), users.len());
    }
    for user in users {
        assert_eq!(views.verify(user).await.unwrap(), Ok(20));
        assert_eq!(views.newest(user).await.unwrap(), 20);
    }
}

on_both! {
    two_who_apply_the_same_at_once_have_one_effect
    a_forged_trail_is_told_by_its_first_broken_entry
    a_stream_begun_anew_expires_every_cursor
    an_event_delivered_again_has_its_effect_once
    the_chain_holds_and_cannot_be_rewritten
    a_page_is_filtered_ordered_and_followed
    messages_resume_where_a_screen_left_off
}
