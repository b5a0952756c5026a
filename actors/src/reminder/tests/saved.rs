//! What is saved and what the log is told, pinned.

use super::{Step::*, *};

/// A life in eight turns, and every event of it.
fn life() -> (Reminders, Vec<Event>) {
    let channels = vec![Channel::InApp, Channel::Webhook];
    let set = [
        SetReminder { channels, version: 7, ..leading(1, 60) },
        SetReminder { webhook_url: Some("https://example.org/hook".to_owned()), ..fixed(2, 70) },
    ];
    let due = due("2026-11-21T09:00:00");
    let open = Moments { due, ..open(&set) };
    let closed = Moments { closed: Some(Gone::TaskCompleted), ..open.clone() };
    let steps = [
        (0, Hear(open)),
        (60, Wake(60)),
        (61, snooze(1, 1)),
        (121, Wake(121)),
        (122, acknowledge(1)),
        (123, Hear(closed)),
        (124, Ask(Command::ReadAll)),
    ];
    let (mut state, key, mut all) = (Reminders::default(), key(), Vec::new());
    for (turn, (now, step)) in steps.iter().enumerate() {
        let at = moment(&key, *now, turn as u64 + 1);
        let effects = effects(&state, step, &at).unwrap();
        effects.events.iter().for_each(|event| state.evolve(event, &at));
        all.extend(effects.events);
    }
    let entry = state.inbox.below(u64::MAX).next().unwrap().1.id;
    let delivery = Delivery {
        channel: Channel::Webhook,
        status: "failed".to_owned(),
        attempts: 10,
        error: Some("410 Gone".to_owned()),
        updated_at: Timestamp(130_000),
    };
    let at = moment(&key, 130, 8);
    let step = Ask(Command::Delivered { notification: entry, delivery });
    let effects = effects(&state, &step, &at).unwrap();
    effects.events.iter().for_each(|event| state.evolve(event, &at));
    all.extend(effects.events);
    (state, all)
}

#[test]
fn the_state_is_saved_like_this() {
    insta::assert_json_snapshot!(life().0);
}

#[test]
fn the_events_are_saved_like_this() {
    insta::assert_json_snapshot!(life().1);
}

#[test]
fn the_log_is_told_this() {
    let key = key();
    let facts: Vec<_> =
        life().1.iter().filter_map(|event| Reminders::fact(event, &moment(&key, 0, 1))).collect();
    insta::assert_json_snapshot!(serde_json::to_value(facts).unwrap());
}

#[test]
fn what_is_saved_is_loaded_again() {
    let (state, events) = life();
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Reminders>(&text).unwrap(), state);
    let text = serde_json::to_string(&events).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Event>>(&text).unwrap(), events);
    let empty: Reminders =
        serde_json::from_str(r#"{"records":[],"inbox":{"told":0,"entries":[]}}"#).unwrap();
    assert_eq!(empty, Reminders::default());
}
