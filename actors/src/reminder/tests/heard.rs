//! What the task list says, and what comes of it.

use super::{Step::*, *};

/// The same reminder as the user set it anew.
fn again(set: SetReminder, version: u64) -> SetReminder {
    SetReminder { version, ..set }
}

#[test]
fn hearing_the_same_again_changes_nothing() {
    let set = [fixed(1, 60), leading(2, 70)];
    story(&[
        (0, Hear(open(&set)), &["scheduled 1 pending 60s v1", "scheduled 2 pending 70s v1"]),
        (1, Hear(open(&set)), &[]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (61, Hear(open(&set)), &[]),
    ]);
}

#[test]
fn what_was_taken_off_and_is_back_fires_though_it_was_heard_of_when_its_moment_had_passed() {
    let both = || Hear(open(&[fixed(1, 60), fixed(2, 60)]));
    story(&[
        (0, both(), &["scheduled 1 pending 60s v1", "scheduled 2 pending 60s v1"]),
        (1, snooze(2, 1), &["snoozed 2 pending 61s v1000 zzz"]),
        (
            2,
            Hear(open(&[])),
            &[
                "cancelled 1 cancelled 60s v2000 off User",
                "cancelled 2 cancelled 61s v2000 zzz off User",
            ],
        ),
        (70, both(), &["scheduled 1 pending 60s v70000", "scheduled 2 pending 61s v70000 zzz"]),
    ]);
}

#[test]
fn a_moment_that_is_past_fires_at_once_in_a_wake_of_its_own() {
    let state = story(&[(100, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"])]);
    assert_eq!(state.alarm(), Some(Timestamp(60_000)));
}

#[test]
fn the_due_date_moves_what_is_pending_and_not_snoozed() {
    let moved = |second| Moments {
        due: due("2026-11-21"),
        ..open(&[leading(1, second), leading(2, second), leading(3, second), fixed(4, 5000)])
    };
    story(&[
        (
            0,
            Hear(open(&[leading(1, 60), leading(2, 60), leading(3, 60), fixed(4, 5000)])),
            &[
                "scheduled 1 pending 60s v1",
                "scheduled 2 pending 60s v1",
                "scheduled 3 pending 60s v1",
                "scheduled 4 pending 5000s v1",
            ],
        ),
        (10, snooze(2, 10), &["snoozed 2 pending 610s v10000 zzz"]),
        (11, snooze(3, 1), &["snoozed 3 pending 71s v11000 zzz"]),
        (
            71,
            Wake(71),
            &[
                "triggered 1 triggered 60s v71000",
                "delivered InApp sent 1",
                "triggered 3 triggered 71s v71000",
                "delivered InApp sent 1",
            ],
        ),
        (
            72,
            Hear(moved(900)),
            // The list moves only what lies ahead of it: what has fired here had been put off there, and comes again.
            &[
                "scheduled 1 pending 900s v72000",
                "noted 2 pending 610s v10000 zzz",
                "scheduled 3 pending 900s v72000",
                "noted 4 pending 5000s v1",
            ],
        ),
    ]);
    story(&[
        (0, Hear(open(&[leading(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (1, Hear(open(&[leading(1, 90)])), &["scheduled 1 pending 90s v1000"]),
        (2, Hear(open(&[leading(1, 1)])), &["scheduled 1 pending 1s v2000"]),
    ]);
}

#[test]
fn what_fired_when_it_had_been_put_off_is_cancelled_with_its_task_and_comes_back() {
    story(&[
        (0, Hear(open(&[leading(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (
            61,
            Hear(closed(Gone::TaskCompleted, &[leading(1, 900)])),
            &["cancelled 1 cancelled 900s v61000 TaskCompleted"],
        ),
        (62, Hear(open(&[leading(1, 900)])), &["scheduled 1 pending 900s v62000"]),
    ]);
    // Moved forward, its firing stands for the earlier moment too.
    story(&[
        (0, Hear(open(&[leading(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (61, Hear(open(&[leading(1, 30)])), &["noted 1 triggered 60s v60000"]),
    ]);
}

#[test]
fn a_new_time_makes_it_pending_again_whatever_it_was() {
    let anew = [again(fixed(1, 900), 200_000)];
    let before: &[Row<'_>] = &[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
    ];
    let middles: [&[Row<'_>]; 4] = [
        &[],
        &[(61, acknowledge(1), &["acknowledged 1 acknowledged 60s v61000"])],
        &[(61, snooze(1, 10), &["snoozed 1 pending 661s v61000 zzz"])],
        &[
            (61, snooze(1, 10), &["snoozed 1 pending 661s v61000 zzz"]),
            (62, Hear(open(&[])), &["cancelled 1 cancelled 661s v62000 zzz off User"]),
        ],
    ];
    for middle in middles {
        let after: &[Row<'_>] = &[(200, Hear(open(&anew)), &["scheduled 1 pending 900s v200000"])];
        let state = story(&[before, middle, after].concat());
        let key = key();
        let asked = state.answer(&Query::Reminder { reminder: id(1) }, &moment(&key, 200, 9));
        let Ok(Answer::Reminder(shown)) = asked else { panic!("{asked:?}") };
        assert_eq!((shown.triggered_at, shown.acknowledged_at), (None, None));
        assert_eq!((shown.snoozed_until, shown.late), (None, false));
    }
}

#[test]
fn the_same_time_set_again_fires_again_with_an_id_of_its_own() {
    let mut ids = Vec::new();
    let mut state = Reminders::default();
    let key = key();
    for (turn, version) in [(1, 1), (3, 70_000)] {
        play(&mut state, 60, turn, &Hear(open(&[again(fixed(1, 60), version)])));
        let effects = state.wake(Timestamp(60_000), &moment(&key, 60, turn + 1));
        let Some(Event::Triggered { notification, .. }) = effects.events.first() else { panic!() };
        ids.push(notification.id);
        play(&mut state, 60, turn + 1, &Wake(60));
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn new_channels_alone_do_not_bring_a_fired_one_back() {
    let channels = vec![Channel::InApp, Channel::Webhook];
    let wider = SetReminder { channels, ..again(fixed(1, 60), 70_000) };
    story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (70, Hear(open(&[wider])), &["noted 1 triggered 60s v70000"]),
    ]);
}

#[test]
fn the_version_told_by_the_list_is_the_version_here() {
    story(&[
        (5, Hear(open(&[again(fixed(1, 60), 4321)])), &["scheduled 1 pending 60s v4321"]),
        (9, Hear(open(&[again(fixed(1, 70), 8765)])), &["scheduled 1 pending 70s v8765"]),
        (20, snooze(1, 5), &["snoozed 1 pending 320s v20000 zzz"]),
        // The list's clock was behind: the version rises all the same.
        (20, Hear(open(&[again(fixed(1, 80), 19_000)])), &["scheduled 1 pending 80s v20001"]),
    ]);
}

#[test]
fn clearing_the_due_date_cancels() {
    let cleared = Moments { due_cleared: vec![id(1), id(2)], ..open(&[fixed(3, 900)]) };
    story(&[
        (
            0,
            Hear(open(&[leading(1, 60), leading(2, 800), fixed(3, 900)])),
            &[
                "scheduled 1 pending 60s v1",
                "scheduled 2 pending 800s v1",
                "scheduled 3 pending 900s v1",
            ],
        ),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (
            61,
            Hear(cleared),
            &[
                "noted 1 triggered 60s v60000 off",
                "cancelled 2 cancelled 800s v61000 off DueCleared",
            ],
        ),
    ]);
}

#[test]
fn taking_it_off_cancels_what_is_pending_and_leaves_what_has_fired() {
    story(&[
        (
            0,
            Hear(open(&[fixed(1, 60), fixed(2, 800)])),
            &["scheduled 1 pending 60s v1", "scheduled 2 pending 800s v1"],
        ),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (
            61,
            Hear(open(&[])),
            &["noted 1 triggered 60s v60000 off", "cancelled 2 cancelled 800s v61000 off User"],
        ),
        (62, Hear(open(&[])), &[]),
        (63, snooze(1, 5), &["ReminderClosed"]),
        (64, snooze(2, 5), &["ReminderClosed"]),
        (65, acknowledge(2), &["ReminderClosed"]),
        (66, acknowledge(1), &["acknowledged 1 acknowledged 60s v66000 off"]),
    ]);
}

#[test]
fn closing_a_task_cancels_and_opening_it_brings_back_what_lies_ahead() {
    for (reason, name) in [
        (Gone::TaskCompleted, "TaskCompleted"),
        (Gone::TaskCancelled, "TaskCancelled"),
        (Gone::TaskDeleted, "TaskDeleted"),
    ] {
        let set = [fixed(1, 60), fixed(2, 100), fixed(3, 200), fixed(4, 150)];
        story(&[
            (
                0,
                Hear(open(&set)),
                &[
                    "scheduled 1 pending 60s v1",
                    "scheduled 2 pending 100s v1",
                    "scheduled 3 pending 200s v1",
                    "scheduled 4 pending 150s v1",
                ],
            ),
            (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
            (61, snooze(4, 5), &["snoozed 4 pending 361s v61000 zzz"]),
            (
                70,
                Hear(closed(reason, &set)),
                &[
                    "noted 1 triggered 60s v60000",
                    &format!("cancelled 2 cancelled 100s v70000 {name}"),
                    &format!("cancelled 3 cancelled 200s v70000 {name}"),
                    &format!("cancelled 4 cancelled 361s v70000 zzz {name}"),
                ],
            ),
            (100, Wake(100), &[]),
            (
                100,
                Hear(open(&set)),
                &[
                    "noted 1 triggered 60s v60000",
                    &format!("noted 2 cancelled 100s v70000 {name}"),
                    "scheduled 3 pending 200s v100000",
                    "scheduled 4 pending 361s v100000 zzz",
                ],
            ),
        ]);
    }
}

#[test]
fn what_was_moved_while_its_task_was_closed_comes_back_at_its_new_time() {
    story(&[
        (0, Hear(open(&[leading(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (
            1,
            Hear(closed(Gone::TaskCompleted, &[leading(1, 60)])),
            &["cancelled 1 cancelled 60s v1000 TaskCompleted"],
        ),
        (
            2,
            Hear(closed(Gone::TaskCompleted, &[leading(1, 90)])),
            &["noted 1 cancelled 90s v2000 TaskCompleted"],
        ),
        (3, Hear(open(&[leading(1, 90)])), &["scheduled 1 pending 90s v3000"]),
    ]);
}

#[test]
fn a_reminder_first_heard_of_with_its_task_closed_is_told_of_and_cancelled() {
    story(&[(
        5,
        Hear(closed(Gone::TaskCompleted, &[fixed(1, 60)])),
        &["scheduled 1 pending 60s v1", "cancelled 1 cancelled 60s v5000 TaskCompleted"],
    )]);
}

#[test]
fn a_new_title_is_shown_and_touches_nothing_else() {
    let title = Title::parse("Pay less rent").unwrap();
    let state = story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (
            5,
            Hear(Moments { title: title.clone(), ..open(&[fixed(1, 60)]) }),
            &["noted 1 pending 60s v5000"],
        ),
    ]);
    assert_eq!(state.records.get(id(1)).unwrap().reminder.task_title, title);
}

#[test]
fn the_users_address_is_that_of_the_email_channel() {
    let mail = |address: Option<&str>| SetReminder {
        channels: vec![Channel::Email],
        email_address: address.map(str::to_owned),
        ..fixed(1, 60)
    };
    for (set, want) in [
        (mail(None), Some("ada@example.org")),
        (mail(Some("work@example.org")), Some("work@example.org")),
        (fixed(1, 60), None),
    ] {
        let email = Some("ada@example.org".to_owned());
        let moments = Moments { email, ..open(&[set]) };
        let state = story(&[(0, Hear(moments), &["scheduled 1 pending 60s v1"])]);
        let held = state.records.get(id(1)).unwrap();
        assert_eq!(held.reminder.email_address.as_deref(), want);
    }
}

#[test]
fn a_second_item_on_the_same_task_sees_what_the_first_has_done() {
    let key = key();
    let item = |sequence, second| Item {
        subject: Subject::Task(id(1001)),
        value: Value::Moments(open(&[leading(1, second)])),
        sequence,
    };
    let state = Reminders::default();
    let items = [item(1, 60), item(2, 90), item(3, 90)];
    let effects = state.receive(&Key::task_list(&user()), &items, &moment(&key, 0, 1));
    let lines: Vec<_> = effects.events.iter().map(line).collect();
    assert_eq!(lines, ["scheduled 1 pending 60s v1", "scheduled 1 pending 90s v2"]);
}

#[test]
fn closed_reminders_of_closed_tasks_do_not_grow_without_bound() {
    let mut state = Reminders::default();
    let extra = 5;
    for n in 0..(CLOSED_MAX + extra) as u128 {
        let task = id(10_000 + n);
        let set = SetReminder { created_at: Timestamp(n as i64 * 1000), ..fixed(n, n as i64) };
        let open = Moments { task, ..open(std::slice::from_ref(&set)) };
        play(&mut state, n as i64, 1, &Hear(open.clone()));
        play(&mut state, n as i64, 2, &Wake(n as i64));
        play(&mut state, n as i64, 3, &Hear(Moments { closed: Some(Gone::TaskCompleted), ..open }));
    }
    assert_eq!(state.records.all().count(), CLOSED_MAX);
    assert!(state.records.get(id(extra as u128 - 1)).is_none());
    assert!(state.records.get(id(extra as u128)).is_some());
    // The task is reopened: what has fired and was forgotten does not come again.
    let reopened = Moments { task: id(10_000), ..open(&[fixed(0, 0)]) };
    assert_eq!(play(&mut state, 9_000, 4, &Hear(reopened)), [""; 0]);
}
