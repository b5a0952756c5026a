//! The ledger; what is saved and what the log is told, pinned.

use super::{super::ledger::Fate, *};

#[test]
fn the_ledger_says_what_became_of_each_occurrence() {
    let rule = daily(json!({}));
    let two = made(&rule, "2026-03-02T09:00:00", 101);
    let done = with(&two, |it| it.open_task_ids.retain(|task| *task != id(100)));
    let skipped = with(&done, |it| it.skips.push(local("2026-03-05T09:00:00")));
    let given_up = with(&skipped, |it| {
        it.skips.push(local("2026-03-02T09:00:00"));
        it.open_task_ids.retain(|task| *task != id(101));
    });
    let mut state = Recurrence::default();
    play(&mut state, "2026-03-01T09:00Z", &Hear(rule));
    for step in [
        Wake("2026-03-02T09:00Z"),
        Hear(two),
        Hear(done),
        Hear(skipped.clone()),
        Hear(given_up.clone()),
        Wake("2026-03-04T09:00Z"),
        // Both missed ones are made in one turn.
        Hear(with(&given_up, |it| {
            it.last = Some(local("2026-03-04T09:00:00"));
            it.made += 2;
            it.open_task_ids.extend([id(102), id(103)]);
        })),
        Wake("2026-03-06T09:00Z"),
    ] {
        play(&mut state, "2026-03-06T09:00Z", &step);
    }
    let key = key();
    let Answer::Ledger { entries, next } =
        state.answer(&Query::Ledger, &moment(&key, Timestamp(0))).unwrap();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.start.to_string(), entry.fate, entry.task.map(|id| id.as_u128())))
        .collect();
    let entry =
        |day: u32, fate, task: Option<u128>| (format!("2026-03-0{day}T09:00:00"), fate, task);
    assert_eq!(
        entries,
        [
            entry(1, Fate::Closed, Some(100)),
            entry(2, Fate::Skipped, Some(101)),
            entry(3, Fate::Made, Some(102)),
            entry(4, Fate::Made, Some(103)),
            entry(5, Fate::Skipped, None),
            entry(6, Fate::Rung, None),
        ]
    );
    assert_eq!(next, state.next);
}

/// A rule's life, and every event of it.
fn life() -> (Recurrence, Vec<Event>) {
    let rule = daily(json!({ "ahead": "PT1H" }));
    let skipped = with(&rule, |it| it.skips.push(local("2026-03-03T09:00:00")));
    let titled = with(&skipped, |it| it.template.title = Title::parse("Water roses").unwrap());
    let paused = RuleState { next: None, ..with(&titled, |it| it.status = SeriesStatus::Paused) };
    let ended = with(&titled, |it| {
        (it.status, it.ended_reason) = (SeriesStatus::Ended, Some(EndedReason::Cancelled));
    });
    let (mut state, key, mut all) = (Recurrence::default(), key(), Vec::new());
    let at = moment(&key, Timestamp(0));
    for step in [Some(&rule), None, Some(&skipped), Some(&paused), Some(&titled), Some(&ended)] {
        let effects = match step {
            Some(rule) => state.receive(&key, &[item(rule.clone())], &at),
            None => state.wake(stamp("2026-03-02T08:00Z"), &at),
        };
        effects.events.iter().for_each(|event| state.evolve(event, &at));
        all.extend(effects.events);
    }
    (state, all)
}

#[test]
fn the_state_is_saved_like_this() {
    insta::assert_json_snapshot!(life().0);
}

#[test]
fn the_log_is_told_this() {
    let key = key();
    let at = moment(&key, Timestamp(0));
    let facts: Vec<_> = life().1.iter().filter_map(|event| Recurrence::fact(event, &at)).collect();
    insta::assert_json_snapshot!(serde_json::to_value(facts).unwrap());
}

#[test]
fn what_is_saved_is_loaded_again() {
    let (state, events) = life();
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Recurrence>(&text).unwrap(), state);
    let text = serde_json::to_string(&events).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Event>>(&text).unwrap(), events);
    assert_eq!(serde_json::from_str::<Recurrence>("{}").unwrap(), Recurrence::default());
}
