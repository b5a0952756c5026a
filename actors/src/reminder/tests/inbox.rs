//! The inbox: told, read, delivered.

use super::{Step::*, *};

fn told(n: u128) -> Notification {
    Notification {
        id: id(n),
        kind: "webhook_paused".to_owned(),
        reminder_id: None,
        task_id: None,
        title: format!("Note {n}"),
        message: "A webhook was paused.".to_owned(),
        late: false,
        created_at: Timestamp(0),
        read_at: None,
        deliveries: Vec::new(),
    }
}

fn tell(n: u128) -> Step {
    Ask(Command::Tell { notification: Box::new(told(n)) })
}

fn read(n: u128) -> Step {
    Ask(Command::Read { notification: id(n) })
}

/// An actor whose reminder 1 has fired on every channel, and its inbox entry.
fn fired() -> (Reminders, Uuid) {
    let channels = vec![Channel::InApp, Channel::Webhook, Channel::Email];
    let set = SetReminder { channels, ..fixed(1, 60) };
    let state = story(&[
        (0, Hear(open(&[set])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
    ]);
    let entry = state.inbox.below(u64::MAX).next().unwrap().1.id;
    (state, entry)
}

fn delivered(entry: Uuid, channel: Channel, status: &str, attempts: u32) -> Step {
    let error = (status != "sent").then(|| "refused".to_owned());
    let status = status.to_owned();
    let delivery = Delivery { channel, status, attempts, error, updated_at: Timestamp(0) };
    Ask(Command::Delivered { notification: entry, delivery })
}

#[test]
fn reading_is_idempotent() {
    let state = story(&[
        (1, tell(1), &["told Note 1"]),
        (1, tell(1), &[]),
        (2, tell(2), &["told Note 2"]),
        (3, read(1), &["read"]),
        (4, read(1), &[]),
        (5, Ask(Command::ReadAll), &["all read"]),
        (6, Ask(Command::ReadAll), &[]),
        (7, read(3), &["NotFound"]),
    ]);
    assert_eq!(state.inbox.get(id(1)).unwrap().read_at, Some(Timestamp(3000)));
    assert_eq!(state.inbox.get(id(2)).unwrap().read_at, Some(Timestamp(5000)));
}

#[test]
fn the_inbox_keeps_the_newest() {
    let mut state = Reminders::default();
    for n in 0..=INBOX_MAX as u128 {
        play(&mut state, 0, 1, &tell(n));
    }
    assert_eq!(state.inbox.unread(), INBOX_MAX);
    assert_eq!(play(&mut state, 0, 1, &read(0)), ["NotFound"]);
    assert_eq!(play(&mut state, 0, 1, &read(1)), ["read"]);
}

#[test]
fn a_firing_is_told_with_what_is_to_be_delivered() {
    let (state, entry) = fired();
    insta::assert_json_snapshot!(state.inbox.get(entry).unwrap());
}

#[test]
fn what_was_sent_stays_sent_and_what_failed_may_yet_be_sent() {
    use Channel::{Email, Webhook};
    let (mut state, entry) = fired();
    let rows: [(Step, &[&str]); 10] = [
        (delivered(entry, Webhook, "pending", 1), &["delivered Webhook pending 1"]),
        (delivered(entry, Webhook, "pending", 1), &[]),
        (delivered(entry, Webhook, "sent", 2), &["delivered Webhook sent 2"]),
        (delivered(entry, Webhook, "sent", 2), &[]),
        (delivered(entry, Webhook, "pending", 3), &[]),
        (delivered(entry, Webhook, "failed", 3), &[]),
        (delivered(entry, Email, "failed", 9), &["delivered Email failed 9"]),
        (delivered(entry, Email, "pending", 10), &[]),
        (delivered(entry, Email, "sent", 10), &["delivered Email sent 10"]),
        (delivered(id(5), Email, "sent", 9), &["NotFound"]),
    ];
    for (turn, (step, want)) in rows.into_iter().enumerate() {
        assert_eq!(play(&mut state, 70, turn as u64, &step), want, "{step:?}");
    }
}

#[test]
fn a_due_date_is_said_in_the_message() {
    for (due, want) in [
        (None, "A reminder that you set."),
        (due("2026-11-21"), "Due on 2026-11-21."),
        (due("2026-11-21T09:00:00"), "Due on 2026-11-21 at 09:00."),
    ] {
        let state = story(&[
            (0, Hear(Moments { due, ..open(&[fixed(1, 60)]) }), &["scheduled 1 pending 60s v1"]),
            (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        ]);
        assert_eq!(state.inbox.below(u64::MAX).next().unwrap().1.message, want);
    }
}
