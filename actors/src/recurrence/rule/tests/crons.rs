//! Cron: fields, names, ranges, steps, L, W, #, day of month OR day of week, and clock changes.

use super::*;

const START: &str = "2026-01-01T00:00:00";

#[test]
fn fields_lists_ranges_steps_and_names() {
    check("2026-01-01T10:10:00", "15 10 1 10 *", "2026-10-01T10:15:00 2027-10-01 2028-10-01 ...");
    check(START, "*/20 8-9 * * *", "08:00 08:20 08:40 09:00 09:20 09:40 2026-01-02T08:00:00 ...");
    check(START, "5-59/15 12 1 1 *", "12:05 12:20 12:35 12:50 2027-01-01T12:05:00 ...");
    check(START, "0 0 1 JAN-mar,Dec *", "01 02-01 03-01 12-01 2027-01-01 ...");
    check(START, "0 9 * * mon-fri", "2026-01-01T09:00:00 02 05 06 07 08 09 12 ...");
    check(START, "0 9 * * 1-5", "2026-01-01T09:00:00 02 05 06 07 08 09 12 ...");
    check(START, "0 9 * * 0,7", "2026-01-04T09:00:00 11 18 25 02-01 ...");
    check(START, "0 9 * * 5-7", "2026-01-02T09:00:00 03 04 09 10 11 ...");
    check(START, "0 9 * * FRI-SUN", "2026-01-02T09:00:00 03 04 09 10 11 ...");
    check(START, "0 9 ? * Sunday", "2026-01-04T09:00:00 11 18 25 02-01 ...");
    check(START, "0 9 * * */2", "2026-01-01T09:00:00 03 04 06 08 10 ...");
    check(START, "0 0 */10 * *", "01 11 21 31 02-01 11 21 03-01 ...");
}

#[test]
fn last_nearest_and_numbered_days() {
    check(START, "0 0 L * *", "31 02-28 03-31 04-30 ...");
    check("2028-01-31T12:00:00", "0 0 L 2 *", "2028-02-29T00:00:00 2029-02-28 ...");
    check(START, "0 0 15,L * *", "15 31 02-15 28 ...");
    // 15 February and 15 March 2026 are Sundays, 15 August is a Saturday.
    check(START, "0 0 15W * *", "15 02-16 03-16 04-15 05-15 06-15 07-15 08-14 ...");
    // 1 August 2026 is a Saturday: the 3rd, not 31 July; 1 February and 1 March are Sundays.
    check(START, "0 0 1W * *", "01 02-02 03-02 04-01 05-01 06-01 07-01 08-03 ...");
    // 31 May 2026 is a Sunday: the 29th, not 1 June; months without a 31st have none.
    check(START, "0 0 31W * *", "2026-01-30T00:00:00 03-31 05-29 07-31 08-31 10-30 12-31 ...");
    check(START, "0 0 LW * *", "2026-01-30T00:00:00 02-27 03-31 04-30 05-29 ...");
    check(START, "0 0 * * 5L", "2026-01-30T00:00:00 02-27 03-27 ...");
    check(START, "0 0 * * FRI#L", "2026-01-30T00:00:00 02-27 03-27 ...");
    check(START, "0 0 * * 2#3", "2026-01-20T00:00:00 02-17 03-17 ...");
    check(START, "0 0 * * MON#1,fri#5", "2026-01-05T00:00:00 30 02-02 03-02 04-06 ...");
    check(START, "0 0 * * 7#2", "2026-01-11T00:00:00 02-08 ...");
}

#[test]
fn both_day_fields_mean_either() {
    check(START, "0 12 1 * MON", "2026-01-01T12:00:00 05 12 19 26 02-01 02 09 ...");
    check(START, "0 12 13 * 5", "2026-01-02T12:00:00 09 13 16 23 30 02-06 ...");
    check(START, "0 0 31 2 1#1", "2026-02-02T00:00:00 2027-02-01 2028-02-07 ...");
}

#[test]
fn dates_that_never_come_are_valid_and_empty() {
    check(START, "* * 31 2 *", "");
    check(START, "0 0 30 2 ?", "");
    check("2097-01-01T00:00:00", "0 0 29 2 *", "2104-02-29T00:00:00 2108-02-29 ...");
}

#[test]
fn a_fixed_time_moves_in_a_gap_and_comes_once_in_a_fold() {
    let berlin = "Europe/Berlin";
    check_in(
        berlin,
        "2026-03-28T00:00:00",
        "30 2 * * *",
        "02:30 2026-03-29T03:30:00 2026-03-30T02:30:00 ...",
    );
    check_in(
        berlin,
        "2026-10-24T00:00:00",
        "30 2 * * *",
        "02:30 2026-10-25T02:30:00 2026-10-26T02:30:00 ...",
    );
    check_in(berlin, "2026-10-25T00:00:00", "*/30 2 * * *", "02:00 02:30 2026-10-26T02:00:00 ...");
    check_in(
        berlin,
        "2026-10-25T00:00:00",
        "0 1-3 * * *",
        "01:00 02:00 03:00 2026-10-26T01:00:00 ...",
    );
}

#[test]
fn a_wildcard_hour_comes_every_real_hour() {
    let berlin = "Europe/Berlin";
    check_in(berlin, "2026-03-29T01:00:00", "0 * * * *", "01:00 03:00 04:00 ...");
    check_in(berlin, "2026-10-25T01:00:00", "30 * * * *", "01:30 02:30 02:30 03:30 ...");
    check_in(
        berlin,
        "2026-10-25T01:30:00",
        "*/30 * * * *",
        "01:30 02:00 02:30 02:00 02:30 03:00 ...",
    );
    check_in(
        "Australia/Lord_Howe",
        "2026-04-05T01:00:00",
        "*/30 * * * *",
        "01:00 01:30 01:30 02:00 ...",
    );
    check_in("Australia/Lord_Howe", "2026-10-04T01:00:00", "0 * * * *", "01:00 03:00 04:00 ...");
}

#[test]
fn what_the_specification_refuses_is_refused() {
    for text in [
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * MON#6",
        "* * * * MON#0",
        "5-1 * * * *",
        "* * * * FRI-MON",
        "*/0 * * * *",
        "/30 * * * *",
        "0/15 * * * *",
        "10/10 * * * *",
        "1-15W * * * *",
        "* * 1-15W * *",
        "* * W * *",
        "* * * FOO *",
        "* * * * FOO",
        "* * * * L",
        "* * * ? *",
        "* ? * * *",
        "*,,1 * * * *",
        "- * * * *",
        "1- * * * *",
        "* * * *",
        "* * * * * *",
        "@daily",
        "1.5 * * * *",
        "-1 * * * *",
        "* * 0W * *",
        "* * 32W * *",
        "+1 * * * *",
        "99999999999999999999 * * * *",
        "*/99999999999999999999 * * * *",
        "* * * * +MON",
    ] {
        assert!(Rule::cron(text).is_err(), "{text}");
    }
}

/// Why the calendar is ours: what the `cron` crate does where the contract says otherwise.
#[test]
fn the_crate_differs_where_the_calendar_is_ours() {
    use chrono::TimeZone;
    use std::str::FromStr;

    let crate_says = |text: &str, zone: Tz, at: (i32, u32, u32), n: usize| -> Vec<String> {
        let from = zone.with_ymd_and_hms(at.0, at.1, at.2, 0, 0, 0).unwrap();
        let schedule = ::cron::Schedule::from_str(text).unwrap();
        schedule.after(&from).take(n).map(|at| at.naive_local().to_string()).collect()
    };
    let berlin: Tz = "Europe/Berlin".parse().unwrap();
    // A gap swallows the day's occurrence.
    let gap = crate_says("0 30 2 * * *", berlin, (2026, 3, 28), 2);
    assert_eq!(gap, ["2026-03-28 02:30:00", "2026-03-30 02:30:00"]);
    // Both day fields must hold.
    let both = crate_says("0 0 12 13 * FRI", Tz::UTC, (2026, 1, 1), 1);
    assert_eq!(both, ["2026-02-13 12:00:00"]);
    // It does not know L, W and #, and calls Sunday 1.
    for text in ["0 0 0 L * *", "0 0 0 15W * *", "0 0 0 * * 2#3", "0 0 0 * * 0"] {
        assert!(::cron::Schedule::from_str(text).is_err(), "{text}");
    }
}
