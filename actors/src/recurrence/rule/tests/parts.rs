//! One table for each part of a recurrence rule, and the choices where RFC 5545 is silent.

use super::*;

#[test]
fn interval_steps_by_periods_and_never_overflows() {
    check("2026-01-31", "FREQ=MONTHLY;INTERVAL=2", "31 03-31 05-31 07-31 ...");
    check("2026-01-01", "FREQ=YEARLY;INTERVAL=100", "01 2126-01-01 2226-01-01 ...");
    check(
        "2026-01-01T00:00:00",
        "FREQ=HOURLY;INTERVAL=25",
        "00:00 2026-01-02T01:00:00 2026-01-03T02:00:00 ...",
    );
    for freq in ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"] {
        for interval in [
            "300000000000",
            "9223372036854775807",
            "18446744073709551615",
            "99999999999999999999999999",
        ] {
            let rule = format!("FREQ={freq};INTERVAL={interval}");
            check("2026-01-31T00:00:00", &rule, "31");
            check("2026-01-31T00:00:00", &format!("{rule};BYMONTH=2"), "");
            check_in("America/New_York", "2026-01-31T00:00:00", &rule, "31");
        }
    }
}

#[test]
fn count_is_exact_and_until_is_inclusive() {
    check("2026-01-01T09:00:00", "FREQ=DAILY;COUNT=1", "01");
    check("2026-01-01T09:00:00", "FREQ=DAILY;UNTIL=20260103T090000", "01 02 03");
    check("2026-01-01T09:00:00", "FREQ=DAILY;UNTIL=20260103T085959", "01 02");
    check("2026-01-01T09:00:00", "FREQ=DAILY;UNTIL=20260103", "01 02 03");
    check("2026-01-01", "FREQ=DAILY;UNTIL=20260103", "01 02 03");
    check("2026-01-01", "FREQ=DAILY;UNTIL=20260103T000000Z", "01 02 03");
    check("2026-01-01", "FREQ=DAILY;UNTIL=20251231", "");
    // A day includes that local day, whatever it is in UTC.
    check_in("Asia/Tokyo", "2026-01-01T05:00:00", "FREQ=DAILY;UNTIL=20260103", "01 02 03");
    check_in("America/Los_Angeles", "2026-01-01T23:00:00", "FREQ=DAILY;UNTIL=20260103", "01 02 03");
    check_in("Asia/Tokyo", "2026-01-01T05:00:00", "FREQ=DAILY;UNTIL=20260102T200000Z", "01 02 03");
    check_in("Asia/Tokyo", "2026-01-01T05:00:00", "FREQ=DAILY;UNTIL=20260102T195959Z", "01 02");
}

#[test]
fn bymonth_limits_and_expands() {
    check("2026-01-30", "FREQ=YEARLY;BYMONTH=1,2,3", "30 03-30 2027-01-30 03-30 ...");
    check("2026-01-30", "FREQ=MONTHLY;BYMONTH=3", "2026-03-30 2027-03-30 ...");
    check("2026-01-30", "FREQ=WEEKLY;BYMONTH=2", "2026-02-06 13 20 27 2027-02-05 ...");
    check(
        "2026-01-30T10:00:00",
        "FREQ=HOURLY;INTERVAL=12;BYMONTH=2",
        "2026-02-01T10:00:00 22:00 2026-02-02T10:00:00 ...",
    );
}

#[test]
fn bymonthday_counts_from_both_ends_and_skips_what_is_missing() {
    check("2026-01-31", "FREQ=MONTHLY", "31 03-31 05-31 ...");
    check("2028-02-29", "FREQ=YEARLY", "29 2032-02-29 2036-02-29 ...");
    check("2026-01-01", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31 02-28 03-31 04-30 ...");
    check("2026-01-01", "FREQ=MONTHLY;BYMONTHDAY=-31", "01 03-01 05-01 07-01 08-01 ...");
    check("2026-01-01", "FREQ=MONTHLY;BYMONTHDAY=-29,29", "2026-01-03 29 03-03 29 04-02 29 ...");
    check("2026-01-01", "FREQ=YEARLY;BYMONTHDAY=31", "2026-01-31 03-31 05-31 07-31 ...");
    check("2026-01-01", "FREQ=DAILY;BYMONTHDAY=1,-1", "01 31 02-01 28 03-01 ...");
}

#[test]
fn byyearday_counts_from_both_ends() {
    check(
        "2026-01-01",
        "FREQ=YEARLY;BYYEARDAY=60,-1",
        "2026-03-01 12-31 2027-03-01 12-31 2028-02-29 12-31 ...",
    );
    check("2026-01-01", "FREQ=YEARLY;BYYEARDAY=366", "2028-12-31 2032-12-31 ...");
    check("2026-01-01", "FREQ=YEARLY;BYYEARDAY=-366", "2028-01-01 2032-01-01 ...");
    check(
        "2026-01-01",
        "FREQ=YEARLY;BYYEARDAY=1,100;BYMONTH=4",
        "2026-04-10 2027-04-10 2028-04-09 ...",
    );
    check(
        "2026-01-01T08:00:00",
        "FREQ=HOURLY;INTERVAL=8;BYYEARDAY=-1",
        "2026-12-31T00:00:00 08:00 16:00 ...",
    );
}

#[test]
fn byweekno_takes_the_weekday_of_the_start_and_whole_weeks() {
    check("1997-05-12", "FREQ=YEARLY;BYWEEKNO=20", "12 1998-05-11 1999-05-17 ...");
    check("1997-09-02", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "1997-12-29 1999-01-04 2000-01-03 ...");
    check("1997-09-02", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "1998-12-28 2004-12-27 2009-12-28 ...");
    check("1997-09-02", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU", "1997-12-28 1999-01-03 2000-01-02 ...");
    check(
        "2026-01-01",
        "FREQ=YEARLY;BYWEEKNO=1;BYDAY=SU;WKST=SU",
        "2026-01-04 2027-01-03 2028-01-02 2028-12-31 ...",
    );
    check("2026-01-01", "FREQ=YEARLY;BYWEEKNO=20;BYMONTHDAY=13", "2026-05-13 2030-05-13 ...");
}

#[test]
fn byday_with_numbers_counts_in_its_month_or_year() {
    check("2026-01-01", "FREQ=MONTHLY;BYDAY=1MO,-1FR", "2026-01-05 30 02-02 27 03-02 27 ...");
    check("2026-01-01", "FREQ=MONTHLY;BYDAY=5MO", "2026-03-30 06-29 08-31 11-30 ...");
    check("2026-01-01", "FREQ=YEARLY;BYDAY=1MO,-1MO", "2026-01-05 12-28 2027-01-04 12-27 ...");
    check("2026-01-01", "FREQ=YEARLY;BYDAY=53TH", "2026-12-31 2032-12-30 ...");
    check("2026-01-01", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-11-26 2027-11-25 ...");
    check("2026-01-01", "FREQ=YEARLY;BYDAY=FR;BYMONTHDAY=13", "2026-02-13 03-13 11-13 ...");
    check(
        "2026-01-01",
        "FREQ=MONTHLY;BYDAY=2TU;BYMONTHDAY=8,9,10",
        "2026-02-10 03-10 06-09 09-08 ...",
    );
}

#[test]
fn bysetpos_counts_the_whole_period() {
    // The week of the start has Monday in it already, so that its third is Friday.
    check("2026-11-25", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=3", "2026-11-27 12-04 ...");
    check("2026-11-25", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1", "2026-11-30 12-07 ...");
    check(
        "2026-01-01",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1",
        "01 30 02-02 27 03-02 31 ...",
    );
    check(
        "2026-01-01T00:00:00",
        "FREQ=DAILY;BYHOUR=6,12,18;BYSETPOS=-1",
        "18:00 2026-01-02T18:00:00 ...",
    );
    check(
        "2026-01-01T00:00:00",
        "FREQ=HOURLY;BYMINUTE=5,10,15;BYSETPOS=2",
        "00:10 01:10 02:10 ...",
    );
    check("2026-01-01", "FREQ=YEARLY;BYDAY=MO;BYSETPOS=53", "2029-12-31 2035-12-31 ...");
    check("2026-01-01", "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", "");
}

#[test]
fn times_of_day_expand_and_limit() {
    check(
        "2026-01-01T09:30:15",
        "FREQ=DAILY;BYHOUR=8,10",
        "2026-01-01T10:30:15 2026-01-02T08:30:15 2026-01-02T10:30:15 ...",
    );
    check("2026-01-01T09:30:15", "FREQ=WEEKLY;BYMINUTE=0", "2026-01-08T09:00:15 15 ...");
    check(
        "2026-01-01T09:30:15",
        "FREQ=MINUTELY;BYHOUR=10;BYMINUTE=1",
        "2026-01-01T10:01:15 02 ...",
    );
    check(
        "2026-01-01T09:30:15",
        "FREQ=SECONDLY;BYHOUR=10;BYMINUTE=1;BYSECOND=1,2",
        "2026-01-01T10:01:01 2026-01-01T10:01:02 2026-01-02T10:01:01 ...",
    );
    // 60 is a leap second, which civil time has not.
    check("2026-01-01T09:30:15", "FREQ=DAILY;BYSECOND=60", "");
    check("2026-01-01T09:30:15", "FREQ=DAILY;BYSECOND=15,60", "01 02 03 ...");
    // A start that is a day has no times.
    check("2026-01-01", "FREQ=DAILY;BYHOUR=8,10;BYMINUTE=5", "01 02 03 ...");
    check("2026-01-01", "FREQ=HOURLY;INTERVAL=8;BYDAY=MO", "2026-01-05 12 ...");
}

#[test]
fn a_start_outside_its_rule_is_no_occurrence_and_same_instants_are_one() {
    check("1997-09-02", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2", "1998-02-13 03-13");
    let request = json!({
        "dtstart": "2026-01-01T09:00:00", "zone": "Europe/Berlin", "rrule": "FREQ=DAILY;COUNT=3",
        "rdates": ["20260102T090000", "2026-01-05", "2026-01-01T08:30:00Z"], "exdates": ["20260103T080000Z"],
    });
    let (got, complete) = expanded(&request);
    let want = ["01T09:00", "01T09:30", "02T09:00", "05T09:00"];
    assert_eq!((got, complete), (want.map(|at| format!("2026-01-{at}:00")).to_vec(), true));
}

#[test]
fn rules_that_never_fire_end_at_once() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=SECONDLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=1",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=YEARLY;BYYEARDAY=1;BYMONTHDAY=2",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5",
        "FREQ=DAILY;BYSETPOS=2;BYHOUR=9",
    ] {
        check("2026-01-01T09:00:00", rule, "");
        check_in("America/New_York", "2026-01-01T09:00:00", rule, "");
    }
}

#[test]
fn what_the_rfc_forbids_is_refused_with_its_part_named() {
    for (rule, part) in [
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=WEEKLY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=DAILY;BYDAY=1MO", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=-1MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY"),
        ("FREQ=HOURLY;BYDAY=2MO", "BYDAY"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "COUNT"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;FOO=1", "FOO"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;BYSETPOS=0;BYHOUR=1", "BYSETPOS"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL"),
        ("FREQ=DAILY;COUNT=", "COUNT"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=61", "BYSECOND"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH"),
        ("FREQ=DAILY;BYMONTH=0", "BYMONTH"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=", "BYDAY"),
        ("FREQ=DAILY;WKST=1MO", "WKST"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;UNTIL=2026", "UNTIL"),
        ("FREQ=DAILY;;COUNT=2", "NAME=value"),
        ("", "NAME=value"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL"),
        ("FREQ=DAILY; COUNT=1", "COUNT"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY"),
        ("FREQ=DAILY;BYHOUR=+1", "BYHOUR"),
    ] {
        let fault = Rule::rrule(rule).unwrap_err();
        assert!(fault.detail.contains(part), "{rule}: {}", fault.detail);
        let faults = expand(
            &json!({"dtstart": "2026-01-01", "rrule": if rule.is_empty() { "X" } else { rule }}),
        )
        .unwrap_err();
        assert_eq!(faults[0].pointer, "/rrule");
    }
}
