//! Clock changes: gaps, folds, half hours, midnights, a day that never was; every zone with a change of late.

use chrono::{NaiveDate, Offset, TimeDelta, TimeZone};
use chrono_tz::TZ_VARIANTS;

use super::*;
use crate::message::time::resolve;

const LIMIT: usize = 8;

#[test]
fn a_gap_takes_the_offset_before_it() {
    let daily = "FREQ=DAILY;COUNT=3";
    check_in(
        "Europe/Berlin",
        "2026-03-28T02:30:00",
        daily,
        "28 2026-03-29T03:30:00 2026-03-30T02:30:00",
    );
    check_in(
        "Africa/Cairo",
        "2026-04-23T00:30:00",
        daily,
        "23 2026-04-24T01:30:00 2026-04-25T00:30:00",
    );
    check_in(
        "America/Santiago",
        "2026-09-05T00:00:00",
        daily,
        "05 2026-09-06T01:00:00 2026-09-07T00:00:00",
    );
    check_in(
        "America/Havana",
        "2026-03-07T00:15:00",
        daily,
        "07 2026-03-08T01:15:00 2026-03-09T00:15:00",
    );
    check_in(
        "Asia/Beirut",
        "2026-03-28T00:30:00",
        daily,
        "28 2026-03-29T01:30:00 2026-03-30T00:30:00",
    );
    check_in(
        "Atlantic/Azores",
        "2026-03-28T00:30:00",
        daily,
        "28 2026-03-29T01:30:00 2026-03-30T00:30:00",
    );
    check_in(
        "Australia/Lord_Howe",
        "2026-10-03T02:15:00",
        daily,
        "03 2026-10-04T02:45:00 2026-10-05T02:15:00",
    );
}

#[test]
fn a_fold_is_told_once_and_is_the_first() {
    for (zone, start) in [
        ("Europe/Berlin", "2026-10-24T02:30:00"),
        ("Africa/Cairo", "2026-10-28T23:30:00"),
        ("America/Havana", "2026-10-31T00:30:00"),
        ("Asia/Beirut", "2026-10-23T23:30:00"),
        ("Atlantic/Azores", "2026-10-24T00:30:00"),
    ] {
        let request = json!({"dtstart": start, "zone": zone, "rrule": "FREQ=DAILY;COUNT=4"});
        let (days, _) = expanded(&request);
        let time = &start[10..];
        assert!(days.iter().all(|day| day.ends_with(time)), "{zone} {days:?}");
        assert_eq!(days.len(), 4);
    }
    let first = json!({"dtstart": "2026-10-25T02:30:00", "zone": "Europe/Berlin", "rrule": "FREQ=DAILY;COUNT=1"});
    assert_eq!(expand(&first).unwrap()["occurrences"][0]["utc"], "2026-10-25T00:30:00Z");
}

#[test]
fn hours_step_in_elapsed_time() {
    // A gap: 00, 01, 03, 04. A fold: 01, 02, 02, 03. Half an hour: on from then at half past.
    check_in("Europe/Berlin", "2026-03-29T00:00:00", "FREQ=HOURLY;COUNT=4", "29 01:00 03:00 04:00");
    check_in("Europe/Berlin", "2026-10-25T01:00:00", "FREQ=HOURLY;COUNT=4", "25 02:00 02:00 03:00");
    check_in("Australia/Lord_Howe", "2026-04-05T01:00:00", "FREQ=HOURLY;COUNT=3", "05 01:30 02:30");
    let half_hours = "FREQ=MINUTELY;INTERVAL=30;COUNT=6";
    check_in(
        "America/New_York",
        "2026-11-01T00:30:00",
        half_hours,
        "00:30 01:00 01:30 01:00 01:30 02:00",
    );
    let six_hours = "FREQ=HOURLY;INTERVAL=6;COUNT=3";
    check_in("Europe/Berlin", "2026-03-28T20:00:00", six_hours, "28 2026-03-29T03:00:00 09:00");
    // BYHOUR=1 names both passes of the hour, and no minute of a swallowed one.
    let named = "FREQ=HOURLY;BYHOUR=1;COUNT=3";
    check_in("America/New_York", "2026-10-31T01:00:00", named, "31 2026-11-01T01:00:00 01:00");
    let swallowed = "FREQ=HOURLY;BYHOUR=2;COUNT=2";
    check_in("Europe/Berlin", "2026-03-28T02:00:00", swallowed, "28 2026-03-30T02:00:00");
}

#[test]
fn apia_had_no_30_december_2011_and_nothing_comes_twice() {
    let daily = "FREQ=DAILY;COUNT=4";
    check_in("Pacific/Apia", "2011-12-28T10:00:00", daily, "28 29 31 2012-01-01T10:00:00");
    let weekly = "FREQ=WEEKLY;COUNT=3";
    check_in("Pacific/Apia", "2011-12-23T10:00:00", weekly, "23 31 2012-01-06T10:00:00");
}

#[test]
fn what_a_gap_moves_stays_in_order_and_merges() {
    let rule = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30;COUNT=6";
    // 02:00, 02:30, 03:00 and 03:30 are two instants on the spring day.
    check_in(
        "Europe/Berlin",
        "2026-03-29T00:00:00",
        rule,
        "03:00 03:30 2026-03-30T02:00:00 02:30 03:00 03:30",
    );
    let rule = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=15,45;BYSETPOS=2,3;COUNT=3";
    check_in("Europe/Berlin", "2026-03-29T00:00:00", rule, "03:15 03:45 2026-03-30T02:45:00");
}

#[test]
fn utc_follows_the_wall_clock_and_floating_has_none() {
    let request = json!({"dtstart": "19970902T090000", "tz": "America/New_York", "rrule": "FREQ=YEARLY;COUNT=1"});
    let answer = expand(&request).unwrap();
    assert_eq!(
        answer["occurrences"],
        json!([{"local": "1997-09-02T09:00:00", "utc": "1997-09-02T13:00:00Z"}])
    );
    let floating =
        json!({"dtstart": "19970902T090000Z", "rrule": "FREQ=DAILY;UNTIL=19970903T090000Z"});
    let answer = expand(&floating).unwrap();
    assert_eq!(answer["occurrences"][1], json!({"local": "1997-09-03T09:00:00", "utc": null}));
    assert_eq!(answer["complete"], true);
    let instant = json!({"dtstart": "1997-09-02T13:00:00Z", "zone": "America/New_York", "rrule": "FREQ=DAILY;COUNT=1"});
    assert_eq!(expand(&instant).unwrap()["occurrences"][0]["local"], "1997-09-02T09:00:00");
    let day = json!({"dtstart": "2026-03-28", "zone": "Europe/Berlin", "rrule": "FREQ=DAILY;COUNT=2;BYHOUR=3"});
    assert_eq!(
        expand(&day).unwrap()["occurrences"][1],
        json!({"local": "2026-03-29", "utc": null})
    );
}

/// The instants from 2023 to 2026 at which a zone changes its offset.
fn changes(zone: Tz) -> Vec<i64> {
    let offset = |key: i64| {
        let at = chrono::DateTime::from_timestamp(key, 0).unwrap().naive_utc();
        zone.offset_from_utc_datetime(&at).fix().local_minus_utc()
    };
    let (begin, end) = (1_672_531_200_i64, 1_798_761_600_i64);
    (begin..end).step_by(21_600).filter(|key| offset(*key) != offset(key + 21_600)).collect()
}

#[test]
fn every_zone_with_a_change_from_2023_to_2026_keeps_every_day() {
    let mut seen = 0;
    for zone in TZ_VARIANTS {
        for change in changes(zone) {
            let day = chrono::DateTime::from_timestamp(change, 0).unwrap().date_naive();
            for (hour, rrule) in [
                (0, "FREQ=DAILY"),
                (1, "FREQ=DAILY;BYMINUTE=30"),
                (2, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"),
            ] {
                let start = (day - TimeDelta::days(3)).and_hms_opt(hour, 30, 0).unwrap();
                let rule = Rule::rrule(rrule).unwrap();
                let got: Vec<Local> =
                    rule.occurrences(Local::Moment(start), Some(zone), None).take(LIMIT).collect();
                // One a day, each the wall clock that RFC 5545 §3.3.5 gives to that day's time.
                let want: Vec<Local> = (0..LIMIT as i64)
                    .map(|n| Local::Moment(resolve(start + TimeDelta::days(n), zone).local))
                    .collect();
                assert_eq!(got, want, "{zone} {start}");
                assert!(
                    got.windows(2).all(|pair| pair[1].date() == pair[0].date().succ_opt().unwrap())
                );
                // The shorthand steps through the same days.
                let mut due = got[0];
                for next in &got[1..] {
                    due = Rule::daily(1).step(Local::Moment(start), due, Some(zone)).unwrap();
                    assert_eq!(due, *next, "{zone} {start}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 1_000, "{seen} changes");
}

#[test]
fn after_the_last_change_offsets_stand() {
    for zone in TZ_VARIANTS {
        let offset = |key: i64| {
            let at = chrono::DateTime::from_timestamp(key, 0).unwrap().naive_utc();
            zone.offset_from_utc_datetime(&at).fix().local_minus_utc()
        };
        let last = clock::CHANGES_END;
        assert!((0..2_000).all(|n| offset(last + n * 1_000_000) == offset(last)), "{zone}");
    }
}

#[test]
fn a_floating_rule_is_the_same_in_every_zone_without_changes_that_day() {
    let start = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap().and_hms_opt(9, 0, 0).unwrap();
    let rule = Rule::rrule("FREQ=WEEKLY;BYDAY=MO,FR;COUNT=6").unwrap();
    let floating: Vec<Local> = rule.occurrences(Local::Moment(start), None, None).collect();
    for zone in ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney"] {
        let zoned: Vec<Local> =
            rule.occurrences(Local::Moment(start), super::zone(zone), None).collect();
        assert_eq!(zoned, floating, "{zone}");
    }
}
