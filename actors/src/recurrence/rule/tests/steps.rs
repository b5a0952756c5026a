//! A task's steps, the calendar of a schedule, ends, and what a task's rule may not be.

use super::*;

/// The due dates that completing in time gives, from the first on.
fn chain(rule: &Rule, start: &str, zone: &str, n: usize) -> Vec<String> {
    let (start, zone) = (local(start), super::zone(zone));
    let mut due = Some(start);
    let mut told = Vec::new();
    while let (Some(this), true) = (due, told.len() < n) {
        told.push(this.to_string());
        due = rule.step(start, this, zone);
    }
    told
}

fn object(value: Value) -> Rule {
    Rule::read(&value).unwrap().unwrap()
}

#[test]
fn month_ends_clamp_and_do_not_drift() {
    let monthly = Rule::monthly(1, None);
    let want = ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"];
    assert_eq!(chain(&monthly, "2028-01-31", "", 5), want);
    let want = ["2026-01-30T09:00:00", "2026-02-28T09:00:00", "2026-03-30T09:00:00"];
    assert_eq!(chain(&monthly, "2026-01-30T09:00:00", "Europe/Berlin", 3), want);
    let want = ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"];
    assert_eq!(chain(&Rule::monthly(3, None), "2026-11-30", "", 4), want);
    let want = ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"];
    assert_eq!(chain(&Rule::yearly(1), "2028-02-29", "", 5), want);
    let want = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"];
    assert_eq!(chain(&Rule::monthly(1, Some(31)), "2026-01-31", "", 4), want);
    assert_eq!(chain(&Rule::monthly(1, Some(-1)), "2026-01-31", "", 4), want);
    // RFC 5545 skips instead.
    let skips = Rule::rrule("FREQ=MONTHLY").unwrap();
    assert_eq!(chain(&skips, "2026-01-31", "", 3), ["2026-01-31", "2026-03-31", "2026-05-31"]);
}

#[test]
fn days_of_a_week_come_in_turn() {
    use chrono::Weekday::{Fri, Mon};
    let want = ["2026-11-23", "2026-11-27", "2026-12-07", "2026-12-11"];
    assert_eq!(chain(&Rule::weekly(2, &[Fri, Mon]), "2026-11-23", "", 4), want);
    // A first due date outside its days is the first all the same.
    assert_eq!(
        chain(&Rule::weekly(1, &[Mon]), "2026-11-25", "", 3),
        ["2026-11-25", "2026-11-30", "2026-12-07"]
    );
    assert_eq!(chain(&Rule::weekly(3, &[]), "2026-11-25", "", 2), ["2026-11-25", "2026-12-16"]);
}

#[test]
fn a_step_into_a_gap_is_told_as_it_lies_and_does_not_drift() {
    let want = ["2026-03-28T02:30:00", "2026-03-29T03:30:00", "2026-03-30T02:30:00"];
    for rule in [Rule::daily(1), Rule::rrule("FREQ=DAILY").unwrap()] {
        assert_eq!(chain(&rule, "2026-03-28T02:30:00", "Europe/Berlin", 3), want);
    }
}

#[test]
fn steps_and_calendar_agree_for_every_shorthand() {
    use chrono::Weekday::{Mon, Sun, Thu};
    let rules = [
        Rule::daily(1),
        Rule::daily(10),
        Rule::weekly(1, &[]),
        Rule::weekly(2, &[]),
        Rule::weekly(1, &[Mon, Thu]),
        Rule::weekly(3, &[Sun, Mon]),
        Rule::monthly(1, None),
        Rule::monthly(5, None),
        Rule::monthly(1, Some(31)),
        Rule::monthly(2, Some(-1)),
        Rule::monthly(1, Some(15)),
        Rule::yearly(1),
        Rule::yearly(4),
    ];
    for rule in rules {
        for start in ["2028-02-29", "2026-01-31", "2026-03-10", "2026-12-31"] {
            for time in ["", "T02:30:00", "T23:59:00"] {
                let start = local(&format!("{start}{time}"));
                let zone = super::zone("America/New_York");
                let calendar: Vec<String> =
                    rule.occurrences(start, zone, None).take(60).map(|at| at.to_string()).collect();
                assert_eq!(
                    chain(&rule, &start.to_string(), "America/New_York", 60),
                    calendar,
                    "{rule:?}"
                );
            }
        }
    }
}

#[test]
fn the_start_counts_for_a_task_and_not_for_the_rfc() {
    let rule = Rule::rrule("FREQ=WEEKLY;BYDAY=MO;COUNT=3").unwrap();
    let start = local("2026-11-25");
    let told = |days: Vec<Local>| days.iter().map(ToString::to_string).collect::<Vec<_>>();
    let task = told(rule.occurrences(start, None, None).collect());
    assert_eq!(task, ["2026-11-25", "2026-11-30", "2026-12-07"]);
    let pure = told(rule.pure_occurrences(start, None, None).collect());
    assert_eq!(pure, ["2026-11-30", "2026-12-07", "2026-12-14"]);
    let named = told(rule.occurrences(local("2026-11-23"), None, None).collect());
    assert_eq!(named, ["2026-11-23", "2026-11-30", "2026-12-07"]);
    let once = Rule::rrule("FREQ=WEEKLY;BYDAY=MO;COUNT=1").unwrap();
    assert_eq!(told(once.occurrences(start, None, None).collect()), ["2026-11-25"]);
    assert_eq!((rule.total(start, None), rule.ended_after(2, start, None)), (Some(3), false));
    assert!(rule.ended_after(3, start, None));
}

#[test]
fn after_agrees_with_skipping_and_expansion_repeats() {
    let rules = [
        object(json!({"pattern": "monthly", "count": 40})),
        Rule::daily(3),
        Rule::cron("*/7 * * * 1-5").unwrap(),
        Rule::rrule("FREQ=HOURLY;INTERVAL=5;BYDAY=SU").unwrap(),
        object(
            json!({"rrule": "FREQ=WEEKLY", "rdates": ["2026-11-29T08:00:00"], "exdates": ["2026-12-06"]}),
        ),
    ];
    for rule in rules {
        for zone in ["", "Europe/Berlin"] {
            let (start, zone) = (local("2026-10-04T02:10:00"), super::zone(zone));
            let all: Vec<Local> = rule.occurrences(start, zone, None).take(300).collect();
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(all, rule.occurrences(start, zone, None).take(300).collect::<Vec<_>>());
            for (index, at) in all.iter().enumerate().step_by(17) {
                let rest: Vec<Local> = rule.occurrences(start, zone, Some(*at)).take(5).collect();
                let want: Vec<Local> = all.iter().skip(index + 1).take(5).copied().collect();
                assert_eq!(rest[..want.len()], want, "{rule:?} after {at}");
            }
        }
    }
}

#[test]
fn completion_counts_from_what_the_rule_says() {
    let due = local("2026-11-20T09:00:00");
    let done =
        chrono::NaiveDate::from_ymd_opt(2026, 11, 24).unwrap().and_hms_opt(15, 0, 0).unwrap();
    let next = |value: Value| object(value).next_due(due, due, done, None).unwrap().to_string();
    assert_eq!(next(json!({"pattern": "daily"})), "2026-11-21T09:00:00");
    assert_eq!(next(json!({"pattern": "daily", "catch_up": "latest"})), "2026-11-25T09:00:00");
    assert_eq!(next(json!({"pattern": "daily", "from": "completed"})), "2026-11-25T09:00:00");
    assert_eq!(next(json!({"pattern": "weekly", "from": "completed"})), "2026-12-01T09:00:00");
    assert_eq!(next(json!({"pattern": "weekly", "catch_up": "latest"})), "2026-11-27T09:00:00");
    assert_eq!(next(json!({"pattern": "monthly", "from": "completed"})), "2026-12-24T09:00:00");
    assert_eq!(next(json!({"rrule": "FREQ=DAILY", "from": "completed"})), "2026-11-25T09:00:00");
    assert_eq!(next(json!({"rrule": "FREQ=DAILY", "catch_up": "latest"})), "2026-11-25T09:00:00");
    assert_eq!(
        next(json!({"cron": "0 9 * * *", "mode": "completion", "catch_up": "latest"})),
        "2026-11-25T09:00:00"
    );
    // Completed early, the next one is a step from then, but never on the same date.
    let early =
        chrono::NaiveDate::from_ymd_opt(2026, 11, 10).unwrap().and_hms_opt(8, 0, 0).unwrap();
    let habit = object(json!({"pattern": "weekly", "days": ["fri"], "from": "completed"}));
    assert_eq!(habit.next_due(due, due, early, None).unwrap().to_string(), "2026-11-13T09:00:00");
    let day_before = due.at(chrono::NaiveTime::MIN) - chrono::TimeDelta::days(1);
    for (rule, next) in [
        (json!({"pattern": "daily", "from": "completed"}), "2026-11-21T09:00:00"),
        (json!({"pattern": "daily", "interval": 3, "from": "completed"}), "2026-11-22T09:00:00"),
        (json!({"rrule": "FREQ=DAILY", "from": "completed"}), "2026-11-21T09:00:00"),
    ] {
        let rule = object(rule);
        assert_eq!(rule.next_due(due, due, day_before, None).unwrap().to_string(), next);
    }
}

#[test]
fn ends_are_inclusive() {
    let until = object(json!({"pattern": "daily", "until": "2026-11-23"}));
    assert_eq!(chain(&until, "2026-11-21T23:00:00", "Asia/Tokyo", 9).len(), 3);
    let moment = object(json!({"pattern": "daily", "until": "2026-11-22T23:00:00"}));
    assert_eq!(chain(&moment, "2026-11-21T23:00:00", "Asia/Tokyo", 9).len(), 2);
    let instant = object(json!({"pattern": "daily", "until": "2026-11-22T13:59:59Z"}));
    assert_eq!(chain(&instant, "2026-11-21T23:00:00", "Asia/Tokyo", 9).len(), 1);
    let inside = Rule::rrule("FREQ=DAILY;UNTIL=20261123").unwrap();
    assert_eq!(chain(&inside, "2026-11-21T23:00:00", "Asia/Tokyo", 9).len(), 3);
    // With a count, whichever comes first.
    let both = object(json!({"pattern": "daily", "until": "2026-11-30", "count": 2}));
    assert_eq!(both.occurrences(local("2026-11-21"), None, None).count(), 2);
}

#[test]
fn exceptions_and_additions_are_kept() {
    let rule = object(json!({
        "rrule": "FREQ=DAILY;COUNT=4", "rdates": ["2026-11-30T18:00:00", "2026-12-01"], "exdates": ["2026-11-22T09:00:00"],
    }));
    let start = local("2026-11-21T09:00:00");
    let days: Vec<String> = rule.occurrences(start, None, None).map(|at| at.to_string()).collect();
    let want = ["11-21T09", "11-23T09", "11-24T09", "11-30T18", "12-01T09"];
    assert_eq!(days, want.map(|at| format!("2026-{at}:00:00")));
    assert_eq!(rule.total(start, None), Some(5));
    assert_eq!(rule.step(start, start, None), Some(local("2026-11-23T09:00:00")));
}

#[test]
fn a_task_cannot_have_a_rule_that_never_fires_ends_before_it_starts_or_is_too_close() {
    let faults = |value: Value| {
        let rule = object(value);
        rule.check(local("2026-11-21T09:00:00"), super::zone("Europe/Berlin"))
            .map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>())
    };
    assert_eq!(faults(json!("daily")), Ok(()));
    assert_eq!(faults(json!("FREQ=MINUTELY")), Ok(()));
    assert_eq!(faults(json!("* * * * *")), Ok(()));
    assert_eq!(faults(json!("FREQ=SECONDLY;INTERVAL=60")), Ok(()));
    assert_eq!(faults(json!("FREQ=SECONDLY;BYSECOND=0;INTERVAL=7")), Ok(()));
    assert_eq!(faults(json!("FREQ=SECONDLY;INTERVAL=59")), Err(vec![String::new()]));
    assert_eq!(faults(json!("FREQ=YEARLY;BYSECOND=0,30")), Err(vec![String::new()]));
    assert_eq!(faults(json!("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")), Err(vec![String::new()]));
    assert_eq!(faults(json!("0 0 31 2 *")), Err(vec![String::new()]));
    assert_eq!(
        faults(json!({"pattern": "daily", "until": "2026-11-20"})),
        Err(vec!["/until".to_owned()])
    );
    assert_eq!(faults(json!({"pattern": "daily", "until": "2026-11-21"})), Ok(()));
    assert_eq!(faults(json!("FREQ=DAILY;UNTIL=20261120T090000Z")), Err(vec![String::new()]));
}
