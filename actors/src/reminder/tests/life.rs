//! Firing, snoozing, acknowledging.

use super::{Step::*, *};

#[test]
fn a_reminder_fires_once_at_its_time_and_is_acknowledged() {
    let state = story(&[
        (1, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (59, Wake(59), &[]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (60, Wake(60), &[]),
        (61, acknowledge(1), &["acknowledged 1 acknowledged 60s v61000"]),
        (62, acknowledge(1), &[]),
        (63, snooze(1, 5), &["ReminderClosed"]),
        (64, Wake(9999), &[]),
    ]);
    assert_eq!(state.alarm(), None);
}

#[test]
fn due_is_what_the_alarm_says_whatever_the_clock() {
    story(&[
        (
            0,
            Hear(open(&[fixed(1, 60), fixed(2, 61)])),
            &["scheduled 1 pending 60s v1", "scheduled 2 pending 61s v1"],
        ),
        // A clock that is ahead makes nothing early, and one that is behind nothing late or early.
        (9999, Wake(60), &["triggered 1 triggered 60s v9999000 late", "delivered InApp sent 1"]),
        (50, Wake(61), &["triggered 2 triggered 61s v50000", "delivered InApp sent 1"]),
    ]);
}

#[test]
fn late_is_more_than_a_minute_after() {
    story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (120, Wake(60), &["triggered 1 triggered 60s v120000", "delivered InApp sent 1"]),
    ]);
    story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (121, Wake(60), &["triggered 1 triggered 60s v121000 late", "delivered InApp sent 1"]),
    ]);
}

#[test]
fn all_that_was_missed_fires_in_order() {
    story(&[
        (
            0,
            Hear(open(&[fixed(1, 70), fixed(2, 60), fixed(3, 90)])),
            &[
                "scheduled 1 pending 70s v1",
                "scheduled 2 pending 60s v1",
                "scheduled 3 pending 90s v1",
            ],
        ),
        (
            80,
            Wake(80),
            &[
                "triggered 2 triggered 60s v80000",
                "delivered InApp sent 1",
                "triggered 1 triggered 70s v80000",
                "delivered InApp sent 1",
            ],
        ),
    ]);
}

#[test]
fn a_snooze_makes_it_pending_again() {
    story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (30, snooze(1, 1), &["snoozed 1 pending 90s v30000 zzz"]),
        (30, snooze(1, 1), &[]),
        (60, Wake(60), &[]),
        (90, Wake(90), &["triggered 1 triggered 90s v90000", "delivered InApp sent 1"]),
        (90, snooze(1, 10_080), &["snoozed 1 pending 604890s v90001 zzz"]),
        (91, acknowledge(1), &["ReminderClosed"]),
    ]);
}

#[test]
fn a_snooze_has_bounds() {
    let until = |second: i64| {
        let until = SnoozeUntil::Moment(Timestamp(second * 1000));
        Ask(Command::Snooze { reminder: id(1), until, expect: None })
    };
    let local = |text: &str| {
        let local = Local::try_from(text.to_owned()).unwrap();
        let until = SnoozeUntil::When(When::Local(local));
        Ask(Command::Snooze { reminder: id(1), until, expect: None })
    };
    story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (0, snooze(1, 0), &["Invalid"]),
        (0, snooze(1, 10_081), &["Invalid"]),
        (0, snooze(1, i64::MIN), &["Invalid"]),
        (0, snooze(1, i64::MAX), &["Invalid"]),
        (5, until(5), &["Invalid"]),
        (5, until(253_402_300_800), &["Invalid"]),
        (5, until(6), &["snoozed 1 pending 6s v5000 zzz"]),
        (5, local("1970-01-02T00:00:00"), &["snoozed 1 pending 86400s v5001 zzz"]),
        (5, local("1970-01-02"), &["snoozed 1 pending 118800s v5002 zzz"]),
    ]);
}

#[test]
fn a_stale_version_is_refused_with_the_reminder_as_it_is() {
    let key = key();
    let mut state = story(&[(0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"])]);
    let command = |expect| {
        let until = SnoozeUntil::Minutes(5);
        call(Command::Snooze { reminder: id(1), until, expect: Some(expect) })
    };
    let refused = state.decide(&command(2), &moment(&key, 1, 2)).unwrap_err();
    assert_eq!(refused.slug, Slug::Stale);
    assert!(matches!(refused.current, Some(Current::Reminder(held)) if held.version == 1));
    assert!(state.decide(&command(1), &moment(&key, 1, 2)).is_ok());

    play(&mut state, 60, 3, &Wake(60));
    let acknowledge = call(Command::Acknowledge { reminder: id(1), expect: Some(1) });
    let refused = state.decide(&acknowledge, &moment(&key, 61, 4)).unwrap_err();
    assert_eq!(refused.slug, Slug::Stale);
}

#[test]
fn what_is_not_there_is_not_found() {
    story(&[
        (0, snooze(1, 5), &["NotFound"]),
        (0, acknowledge(1), &["NotFound"]),
        (0, Ask(Command::Read { notification: id(1) }), &["NotFound"]),
    ]);
}

#[test]
fn snoozing_is_bounded_by_the_pending_ones() {
    let mut state = story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
    ]);
    let many: Vec<_> = (0..PENDING_MAX as u128).map(|n| fixed(5000 + n, 999)).collect();
    play(&mut state, 61, 3, &Hear(Moments { task: id(2), ..open(&many) }));
    assert_eq!(play(&mut state, 62, 4, &snooze(1, 5)), ["LimitReached"]);
    // One that is pending already may be put off.
    assert_eq!(play(&mut state, 62, 5, &snooze(5000, 5)), ["snoozed 5000 pending 362s v62000 zzz"]);
}

#[test]
fn one_wake_fires_a_bounded_number_and_the_rest_is_due_at_once() {
    let many: Vec<_> = (0..WAKE_FIRINGS_MAX as u128 + 1).map(|n| fixed(n, 60)).collect();
    let mut state = Reminders::default();
    play(&mut state, 0, 1, &Hear(open(&many)));
    assert_eq!(play(&mut state, 60, 2, &Wake(60)).len(), 2 * WAKE_FIRINGS_MAX);
    assert_eq!(state.alarm(), Some(Timestamp(60_000)));
    assert_eq!(play(&mut state, 60, 3, &Wake(60)).len(), 2);
    assert_eq!(state.alarm(), None);
}

#[test]
fn a_snoozed_reminder_of_a_closed_task_is_cancelled_when_it_comes_due() {
    story(&[
        (0, Hear(open(&[fixed(1, 60)])), &["scheduled 1 pending 60s v1"]),
        (60, Wake(60), &["triggered 1 triggered 60s v60000", "delivered InApp sent 1"]),
        (61, Hear(closed(Gone::TaskCompleted, &[fixed(1, 60)])), &["noted 1 triggered 60s v60000"]),
        (62, snooze(1, 1), &["snoozed 1 pending 122s v62000 zzz"]),
        (122, Wake(122), &["cancelled 1 cancelled 122s v122000 zzz TaskCompleted"]),
    ]);
}
