//! What is set aside, what is due to fire, and who calls which endpoint.

use actors::message::{event::CloudEvent, key::Kind, time::Timestamp};
use serde_json::json;

use super::{NOW, all, event};
use crate::views::{
    Applied, Views,
    letters::{DECIDED_KEPT_MS, DROPPED, Decided, REPLAYED},
    testing::on_both,
};

async fn trail(views: &Views, user: &str) -> Vec<String> {
    let page = views.audit(&all(user)).await.unwrap();
    page.entries.into_iter().map(|entry| entry.event_id).collect()
}

async fn a_letter_is_kept_once_and_has_its_effect_once_whatever_came_after(views: &Views) {
    let mended = event("ann", 2, 0, "task.updated");
    views.apply(&[event("ann", 1, 0, "task.created")], None, NOW).await.unwrap();
    for place in ["0/7", "0/7", "0/8"] {
        views.keep_letter(("t", place), b"{\0", "it is\n no JSON", NOW).await.unwrap();
    }
    views.apply(&[event("ann", 3, 0, "task.updated")], None, NOW).await.unwrap();
    let letters = views.letters(Decided::Not).await.unwrap();
    let [one, other] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((one.event.as_slice(), one.error.as_str()), (&b"{\0"[..], "it is no JSON"));

    assert_eq!(views.replay_letter(&one.id, &mended, NOW).await.unwrap().len(), 1);
    for id in [&one.id, &other.id] {
        assert!(views.replay_letter(id, &mended, NOW).await.unwrap().is_empty());
    }
    assert_eq!(trail(views, "ann").await, ["ann-1-0", "ann-3-0", "ann-2-0"]);
    assert_eq!(views.verify("ann").await.unwrap(), Ok(3));
    assert!(views.letters(Decided::Not).await.unwrap().is_empty());
    assert!(!views.drop_letter(&one.id, NOW).await.unwrap());
    let states = views.letters(Decided::Too).await.unwrap();
    assert!(states.iter().all(|letter| letter.status == REPLAYED));
    // The list has gone on from there.
    let after = views.apply(&[event("ann", 4, 0, "task.updated")], None, NOW).await.unwrap();
    assert_eq!(after.len(), 1);
}

async fn letters_that_were_decided_over_go_after_a_month(views: &Views) {
    for place in ["1", "2"] {
        views.keep_letter(("t", place), b"x", "why", NOW).await.unwrap();
    }
    let first = views.letters(Decided::Not).await.unwrap().remove(0);
    assert!(views.drop_letter(&first.id, NOW).await.unwrap());
    let known = views.letter(&first.id).await.unwrap().unwrap();
    assert_eq!((known.status.as_str(), known.decided_at), (DROPPED, Some(NOW.0)));
    views.forget_letters(Timestamp(NOW.0 + DECIDED_KEPT_MS)).await.unwrap();
    assert_eq!(views.letters(Decided::Too).await.unwrap().len(), 2);
    views.forget_letters(Timestamp(NOW.0 + DECIDED_KEPT_MS + 1)).await.unwrap();
    assert_eq!(views.letters(Decided::Too).await.unwrap().len(), 1);
}

async fn what_the_database_cannot_hold_holds_up_nobody(views: &Views) {
    let mut bad = event("bob", 1, 0, "task.created");
    bad.id = "bob\0".to_owned();
    let batch = [event("ann", 1, 0, "task.created"), bad, event("ann", 2, 0, "task.updated")];
    let Applied { fresh, refused } = views.apply_each(&batch, None, NOW).await.unwrap();
    // SQLite holds every text.
    let expected = if matches!(views, Views::Postgres(_)) { vec![1] } else { vec![] };
    assert_eq!(refused.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected);
    assert_eq!(fresh.iter().filter(|one| one.user == "ann").count(), 2);
    assert_eq!(trail(views, "ann").await, ["ann-1-0", "ann-2-0"]);
}

async fn an_event_of_others_is_written_down_and_changes_no_task(views: &Views) {
    let mut foreign = event("ann", 1, 0, "task.archived");
    (foreign.actor, foreign.id) = (None, "foreign".to_owned());
    views.apply(&[foreign], None, NOW).await.unwrap();
    assert_eq!(trail(views, "ann").await, ["foreign"]);
    assert!(views.all_archived("ann").await.unwrap().is_empty());
}

/// Event `sequence` of a user's reminder that is due at a moment.
fn reminder(user: &str, sequence: u64, kind: &str, at: i64) -> CloudEvent {
    let mut event = event(user, sequence, 0, kind);
    event.actor = Some(format!("ReminderActor/{user}"));
    event.id = format!("{user}-reminder-{sequence}");
    event.data.insert("reminder_id".to_owned(), json!(format!("of {user}")));
    event.data.insert("remind_at".to_owned(), json!(Timestamp(at).to_string()));
    event
}

async fn what_should_have_fired_is_found_until_it_has(views: &Views) {
    let by = NOW.0;
    let overdue = async |by| -> Vec<String> {
        let found = views.overdue_reminders(by).await.unwrap();
        found.into_iter().map(|(user, _)| user).collect()
    };
    let batch = [
        reminder("ann", 1, "reminder.scheduled", by - 1),
        reminder("bob", 1, "reminder.scheduled", by - 2),
        reminder("eve", 1, "reminder.scheduled", by + 1),
        reminder("joe", 1, "reminder.scheduled", by - 9),
        reminder("joe", 2, "reminder.triggered", by - 9),
    ];
    views.apply(&batch, None, NOW).await.unwrap();
    assert_eq!(overdue(by).await, ["bob", "ann"]);
    let later = [
        reminder("ann", 2, "reminder.snoozed", by + 5),
        reminder("bob", 2, "reminder.cancelled", by - 2),
    ];
    views.apply(&later, None, NOW).await.unwrap();
    assert!(overdue(by).await.is_empty());
    assert_eq!(overdue(by + 5).await, ["eve", "ann"]);
    views.settle_overdue(("eve", "of eve"), Kind::ReminderActor, by + 5).await.unwrap();
    assert_eq!(overdue(by + 5).await, ["ann"]);
}

async fn a_rule_is_behind_until_it_has_rung(views: &Views) {
    let rule = |sequence, kind: &str, at: Option<i64>| {
        let mut event = event("ann", sequence, 0, kind);
        event.data.insert("recurrence_id".to_owned(), json!("rule"));
        if let Some(at) = at {
            event.data.insert("rings_at".to_owned(), json!(Timestamp(at).to_string()));
        }
        event
    };
    let behind = async |by| views.overdue_rules(by).await.unwrap().len();
    let by = NOW.0;
    views.apply(&[rule(1, "recurrence.started", Some(by))], None, NOW).await.unwrap();
    assert_eq!((behind(by - 1).await, behind(by).await), (0, 1));
    views.apply(&[rule(2, "task.recurred", Some(by + 9))], None, NOW).await.unwrap();
    assert_eq!((behind(by).await, behind(by + 9).await), (0, 1));
    let other = ("ann", "another rule");
    views.settle_overdue(other, Kind::RecurrenceActor, by + 9).await.unwrap();
    assert_eq!(behind(by + 9).await, 1);
    views.apply(&[rule(3, "recurrence.ended", None)], None, NOW).await.unwrap();
    assert_eq!(behind(by + 9).await, 0);
}

async fn an_endpoint_that_is_called_is_called_by_nobody_else(views: &Views) {
    for sequence in 1..=2 {
        let mut fired = reminder("ann", sequence, "reminder.triggered", NOW.0);
        fired.data.insert("channels".to_owned(), json!(["email"]));
        fired.data.insert("email_address".to_owned(), json!("ann@example.org"));
        views.apply(&[fired], None, NOW).await.unwrap();
    }
    let due = async |now| -> Vec<i64> {
        views.due(now, 9).await.unwrap().into_iter().map(|it| it.ordinal).collect()
    };
    let first = views.due(NOW.0, 9).await.unwrap().remove(0);
    assert_eq!(due(NOW.0).await, [first.ordinal]);
    // Two processes want it; one has it, and the other does not go on with the second.
    assert!(views.claim(&first, NOW.0 + 60_000).await.unwrap());
    assert!(!views.claim(&first, NOW.0 + 60_000).await.unwrap());
    assert!(due(NOW.0 + 1).await.is_empty());
    // The one that had it is gone.
    assert_eq!(due(NOW.0 + 60_000).await, [first.ordinal]);
}

on_both! {
    a_letter_is_kept_once_and_has_its_effect_once_whatever_came_after
    letters_that_were_decided_over_go_after_a_month
    what_the_database_cannot_hold_holds_up_nobody
    an_event_of_others_is_written_down_and_changes_no_task
    what_should_have_fired_is_found_until_it_has
    a_rule_is_behind_until_it_has_rung
    an_endpoint_that_is_called_is_called_by_nobody_else
}
