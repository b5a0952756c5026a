//! A rule's clock as stories: what is heard or due, and the whole of what comes of it.

mod always;
mod saved;

use serde_json::json;
use uuid::Uuid;

use super::{event::What, rule::Rule, *};
use crate::message::{
    key::UserId,
    series::{EndedReason, Series, Template},
    text::Title,
};

/// What is done to the actor.
#[derive(Clone, Debug)]
enum Step {
    /// The task list says this.
    Hear(RuleState),
    /// The alarm of this moment rings.
    Wake(&'static str),
}
use Step::{Hear, Wake};

/// Now, what is done, and every event and ring that comes of it, each in one line.
type Row<'a> = (&'a str, Step, &'a [&'a str]);

/// Plays a story from an empty actor on; hands back the actor.
fn story(rows: &[Row<'_>]) -> Recurrence {
    let mut state = Recurrence::default();
    for (index, (now, step, want)) in rows.iter().enumerate() {
        let got = play(&mut state, now, step);
        assert_eq!(got, *want, "row {index}: {step:?}");
    }
    state
}

fn play(state: &mut Recurrence, now: &str, step: &Step) -> Vec<String> {
    let key = key();
    let at = moment(&key, stamp(now));
    let effects = match step {
        Hear(rule) => state.receive(&Key::task_list(&key.user), &[item(rule.clone())], &at),
        Wake(alarm) => state.wake(stamp(alarm), &at),
    };
    assert!(!effects.confirm);
    for event in &effects.events {
        state.evolve(event, &at);
    }
    let rings = effects.syncs.iter().map(|(to, subject, value)| {
        assert_eq!(*to, Key::task_list(&key.user));
        let Value::Ring(start) = value else { panic!("{value:?}") };
        assert_eq!(*subject, Subject::Ring(*start));
        format!("ring {start}")
    });
    effects.events.iter().map(line).chain(rings).collect()
}

/// An event in one line; of a start and its moment, both where they differ.
fn line(event: &Event) -> String {
    let next = |next: &Option<(Local, Timestamp)>| match next {
        Some((start, moment)) => format!("next {start} at {}", short(*moment)),
        None => "next none".to_owned(),
    };
    match event {
        Event::Heard { next: coming, .. } => format!("heard, {}", next(coming)),
        Event::Rang { starts, next: coming } => format!("rang {}, {}", starts.len(), next(coming)),
        Event::Told { what, .. } => match what {
            What::Started => "started".to_owned(),
            What::Skipped { occurrence } => format!("skipped {occurrence}"),
            What::Changed { changes } => {
                let fields: Vec<_> = changes.keys().cloned().collect();
                format!("changed {}", fields.join(" "))
            }
            What::Paused => "paused".to_owned(),
            What::Resumed => "resumed".to_owned(),
            What::Ended { reason } => format!("ended {reason:?}"),
        },
    }
}

fn short(moment: Timestamp) -> String {
    moment.to_string().replace(":00.000Z", "Z")
}

fn stamp(text: &str) -> Timestamp {
    let text = text.replace('Z', ":00Z");
    chrono::DateTime::parse_from_rfc3339(&text).unwrap().to_utc().into()
}

fn local(text: &str) -> Local {
    Local::try_from(text.to_owned()).unwrap()
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn key() -> Key {
    Key::recurrence(&UserId::parse("ada").unwrap(), id(1))
}

fn moment(key: &Key, now: Timestamp) -> Moment<'_> {
    Moment { key, sequence: 1, now, default_zone: chrono_tz::UTC }
}

fn item(state: RuleState) -> Item {
    Item { subject: Subject::Rule(id(1)), value: Value::Rule(state), sequence: 1 }
}

/// A rule from a first start, as it is when its first task has just been made.
fn series(rule: serde_json::Value, start: &str) -> Series {
    Series {
        id: id(1),
        rule: Arc::new(Rule::read(&rule).unwrap().unwrap()),
        start: local(start),
        zone: None,
        template: Template {
            title: Title::parse("Water the plants").unwrap(),
            description: None,
            priority: None,
            tags: Vec::new(),
            reminders: Vec::new(),
        },
        status: SeriesStatus::Active,
        ended_reason: None,
        ended_by: None,
        standalone: false,
        last_task: None,
        next_due: None,
        made: 1,
        last: Some(local(start)),
        skips: Vec::new(),
        open_task_ids: vec![id(100)],
        version: 1,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// A daily schedule at nine from 1 March on, in UTC, that rings next on 2 March.
fn daily(more: serde_json::Value) -> RuleState {
    let mut rule = json!({ "pattern": "daily", "mode": "schedule" });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let series = series(rule, "2026-03-01T09:00:00");
    rung_next(RuleState { series: Arc::new(series), zone: chrono_tz::UTC, next: None })
}

/// The same with the next start and moment that the task list would name.
fn rung_next(state: RuleState) -> RuleState {
    let last = state.series.last.unwrap();
    let next = following(&state, last).next();
    RuleState { next, ..state }
}

/// The same, changed.
fn with(state: &RuleState, change: impl FnOnce(&mut Series)) -> RuleState {
    let mut series = (*state.series).clone();
    change(&mut series);
    rung_next(RuleState { series: Arc::new(series), ..state.clone() })
}

/// The same after the list made the start.
fn made(state: &RuleState, start: &str, task: u128) -> RuleState {
    with(state, |series| {
        series.last = Some(local(start));
        series.made += 1;
        series.open_task_ids.push(id(task));
    })
}

#[test]
fn a_start_rings_when_it_comes_and_never_twice() {
    let rule = daily(json!({}));
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(rule.clone()),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
        ),
        ("2026-03-01T09:01Z", Hear(rule.clone()), &[]),
        // Whatever the clock says: due is what the alarm says.
        ("2026-03-09T00:00Z", Wake("2026-03-02T08:59Z"), &[]),
        (
            "2026-03-02T09:00Z",
            Wake("2026-03-02T09:00Z"),
            &["rang 1, next 2026-03-03T09:00:00 at 2026-03-03T09:00Z", "ring 2026-03-02T09:00:00"],
        ),
        ("2026-03-02T09:00Z", Wake("2026-03-02T09:00Z"), &[]),
        // The list changed something before it heard the ring.
        (
            "2026-03-02T09:00Z",
            Hear(with(&rule, |it| it.version = 2)),
            &["heard, next 2026-03-03T09:00:00 at 2026-03-03T09:00Z"],
        ),
        (
            "2026-03-02T09:01Z",
            Hear(made(&rule, "2026-03-02T09:00:00", 101)),
            &["heard, next 2026-03-03T09:00:00 at 2026-03-03T09:00Z"],
        ),
    ]);
}

#[test]
fn a_rule_that_waits_for_its_task_never_rings() {
    let series = series(json!("daily"), "2026-03-01T09:00:00");
    let next = Some((local("2026-03-02T09:00:00"), Timestamp(0)));
    let rule = RuleState { series: Arc::new(series), zone: chrono_tz::UTC, next };
    let state = story(&[("2026-03-01T09:00Z", Hear(rule), &["heard, next none", "started"])]);
    assert_eq!(state.alarm(), None);
    assert_eq!(story(&[("2026-03-01T09:00Z", Wake("2026-03-09T09:00Z"), &[])]).alarm(), None);
}

#[test]
fn each_missed_start_rings() {
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(daily(json!({}))),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
        ),
        (
            "2026-03-05T00:00Z",
            Wake("2026-03-04T12:00Z"),
            &[
                "rang 3, next 2026-03-05T09:00:00 at 2026-03-05T09:00Z",
                "ring 2026-03-02T09:00:00",
                "ring 2026-03-03T09:00:00",
                "ring 2026-03-04T09:00:00",
            ],
        ),
    ]);
}

#[test]
fn latest_rings_the_newest_missed_start_alone_by_its_own_alarm() {
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(daily(json!({ "catch_up": "latest" }))),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
        ),
        (
            "2026-03-05T00:00Z",
            Wake("2026-03-02T09:00Z"),
            &["rang 0, next 2026-03-04T09:00:00 at 2026-03-04T09:00Z"],
        ),
        (
            "2026-03-05T00:00Z",
            Wake("2026-03-04T09:00Z"),
            &["rang 1, next 2026-03-05T09:00:00 at 2026-03-05T09:00Z", "ring 2026-03-04T09:00:00"],
        ),
        // On time, there is nothing to pass over.
        (
            "2026-03-05T09:00Z",
            Wake("2026-03-05T09:00Z"),
            &["rang 1, next 2026-03-06T09:00:00 at 2026-03-06T09:00Z", "ring 2026-03-05T09:00:00"],
        ),
    ]);
}

#[test]
fn ahead_and_the_zone_say_when_a_start_rings() {
    let berlin = |rule: serde_json::Value, start| {
        let series = series(rule, start);
        let zone = chrono_tz::Europe::Berlin;
        rung_next(RuleState { series: Arc::new(series), zone, next: None })
    };
    let hour = json!({ "pattern": "daily", "mode": "schedule", "ahead": "PT1H" });
    let day = json!({ "pattern": "daily", "mode": "schedule" });
    // On 29 March 2026 the clocks of Berlin go from 02:00 to 03:00.
    story(&[
        (
            "2026-03-27T00:00Z",
            Hear(berlin(hour, "2026-03-27T02:30:00")),
            &["heard, next 2026-03-28T02:30:00 at 2026-03-28T00:30Z", "started"],
        ),
        (
            "2026-03-28T00:30Z",
            Wake("2026-03-28T00:30Z"),
            &["rang 1, next 2026-03-29T03:30:00 at 2026-03-29T00:30Z", "ring 2026-03-28T02:30:00"],
        ),
        (
            "2026-03-29T00:30Z",
            Wake("2026-03-29T00:30Z"),
            &["rang 1, next 2026-03-30T02:30:00 at 2026-03-29T23:30Z", "ring 2026-03-29T03:30:00"],
        ),
    ]);
    story(&[(
        "2026-03-27T00:00Z",
        Hear(berlin(day, "2026-03-28")),
        &["heard, next 2026-03-29 at 2026-03-28T23:00Z", "started"],
    )]);
}

#[test]
fn skips_count_and_until_are_kept() {
    let skipped = with(&daily(json!({ "count": 4 })), |it| {
        it.skips = vec![local("2026-03-03T09:00:00")];
    });
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(skipped),
            &[
                "heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z",
                "started",
                "skipped 2026-03-03T09:00:00",
            ],
        ),
        (
            "2026-03-09T09:00Z",
            Wake("2026-03-09T09:00Z"),
            &["rang 2, next none", "ring 2026-03-02T09:00:00", "ring 2026-03-04T09:00:00"],
        ),
    ]);
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(daily(json!({ "until": "2026-03-03" }))),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
        ),
        (
            "2026-03-09T09:00Z",
            Wake("2026-03-09T09:00Z"),
            &["rang 2, next none", "ring 2026-03-02T09:00:00", "ring 2026-03-03T09:00:00"],
        ),
    ]);
}

#[test]
fn a_start_of_its_own_counts_only_where_the_rule_names_it() {
    // 1 March 2026 is a Sunday.
    let rule =
        json!({ "pattern": "rrule", "rrule": "FREQ=WEEKLY;BYDAY=MO;COUNT=2", "mode": "schedule" });
    let with_task = series(rule, "2026-03-01T09:00:00");
    let standalone = Series { standalone: true, last: None, made: 0, ..with_task.clone() };
    for (series, want) in [
        (with_task, ["rang 1, next none", "ring 2026-03-02T09:00:00"].as_slice()),
        (
            standalone,
            &["rang 2, next none", "ring 2026-03-02T09:00:00", "ring 2026-03-09T09:00:00"],
        ),
    ] {
        let next = Some((local("2026-03-02T09:00:00"), stamp("2026-03-02T09:00Z")));
        let rule = RuleState { series: Arc::new(series), zone: chrono_tz::UTC, next };
        story(&[
            (
                "2026-03-01T09:00Z",
                Hear(rule),
                &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
            ),
            ("2026-03-31T09:00Z", Wake("2026-03-31T09:00Z"), want),
        ]);
    }
}

#[test]
fn nothing_rings_for_the_time_of_a_pause() {
    let rule = daily(json!({}));
    let paused = RuleState { next: None, ..with(&rule, |it| it.status = SeriesStatus::Paused) };
    // The list passes over what fell into the pause.
    let resumed = with(&rule, |it| it.last = Some(local("2026-03-05T09:00:00")));
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(rule),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
        ),
        ("2026-03-01T10:00Z", Hear(paused.clone()), &["heard, next none", "paused"]),
        ("2026-03-01T10:00Z", Hear(paused), &[]),
        ("2026-03-02T09:00Z", Wake("2026-03-02T09:00Z"), &[]),
        (
            "2026-03-05T10:00Z",
            Hear(resumed),
            &["heard, next 2026-03-06T09:00:00 at 2026-03-06T09:00Z", "resumed"],
        ),
    ]);
}

#[test]
fn an_ended_rule_rings_no_more_and_may_come_back() {
    let rule = daily(json!({}));
    let ended = with(&rule, |it| {
        it.status = SeriesStatus::Ended;
        it.ended_reason = Some(EndedReason::Deleted);
        it.open_task_ids.clear();
    });
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(ended.clone()),
            &["heard, next none", "started", "ended Some(Deleted)"],
        ),
        (
            "2026-03-01T09:00Z",
            Hear(rule),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "resumed"],
        ),
        ("2026-03-01T10:00Z", Hear(ended), &["heard, next none", "ended Some(Deleted)"]),
    ]);
}

#[test]
fn a_changed_rule_begins_anew() {
    let rule = daily(json!({}));
    // Before the list hears of nine o'clock, the user has made it eight o'clock, which is past.
    let eight = with(&rule, |it| it.start = local("2026-03-01T08:00:00"));
    let titled = with(&eight, |it| {
        it.template.title = Title::parse("Water the roses").unwrap();
        it.zone = Some(chrono_tz::UTC);
    });
    let weekly = with(&titled, |it| {
        let rule = json!({ "pattern": "weekly", "mode": "schedule" });
        it.rule = Arc::new(Rule::read(&rule).unwrap().unwrap());
    });
    story(&[
        (
            "2026-03-01T09:00Z",
            Hear(rule),
            &["heard, next 2026-03-02T09:00:00 at 2026-03-02T09:00Z", "started"],
        ),
        (
            "2026-03-02T09:00Z",
            Wake("2026-03-02T09:00Z"),
            &["rang 1, next 2026-03-03T09:00:00 at 2026-03-03T09:00Z", "ring 2026-03-02T09:00:00"],
        ),
        (
            "2026-03-02T09:00Z",
            Hear(eight),
            &["heard, next 2026-03-02T08:00:00 at 2026-03-02T08:00Z", "changed start"],
        ),
        (
            "2026-03-02T09:00Z",
            Wake("2026-03-02T08:00Z"),
            &["rang 1, next 2026-03-03T08:00:00 at 2026-03-03T08:00Z", "ring 2026-03-02T08:00:00"],
        ),
        (
            "2026-03-02T09:00Z",
            Hear(titled),
            &["heard, next 2026-03-03T08:00:00 at 2026-03-03T08:00Z", "changed zone task"],
        ),
        (
            "2026-03-02T09:00Z",
            Hear(weekly),
            &["heard, next 2026-03-08T08:00:00 at 2026-03-08T08:00Z", "changed recurrence"],
        ),
    ]);
}

#[test]
fn a_wake_rings_and_passes_over_bounded_numbers() {
    let minutely = |catch_up: &str| {
        let rule = json!({
            "pattern": "rrule", "rrule": "FREQ=MINUTELY", "mode": "schedule", "catch_up": catch_up,
        });
        let series = series(rule, "2026-03-01T00:00:00");
        rung_next(RuleState { series: Arc::new(series), zone: chrono_tz::UTC, next: None })
    };
    for catch_up in ["each", "latest"] {
        let mut state = Recurrence::default();
        play(&mut state, "2026-03-01T00:00Z", &Hear(minutely(catch_up)));
        let (mut wakes, mut rings) = (0, 0);
        let key = key();
        // Two days of downtime.
        let at = moment(&key, stamp("2026-03-03T00:00Z"));
        while let Some(alarm) = state.alarm().filter(|alarm| *alarm <= at.now) {
            let effects = state.wake(alarm.max(stamp("2026-03-02T00:00Z")), &at);
            effects.events.iter().for_each(|event| state.evolve(event, &at));
            assert!(effects.syncs.len() <= RINGS_MAX);
            (wakes, rings) = (wakes + 1, rings + effects.syncs.len());
        }
        let want = if catch_up == "each" { (15 + 1440, 2880) } else { (4, 1) };
        assert_eq!((wakes, rings), want, "{catch_up}");
        assert!(state.ledger.entries().count() <= ledger::LEDGER_MAX);
    }
}
