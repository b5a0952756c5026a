//! Every example of RFC 5545 §3.8.5.3, with its verified erratum 3883, in America/New_York as printed.

use super::*;

const NY: &str = "America/New_York";

/// Checks an example against what the RFC prints; `...` where it goes on.
fn example(dtstart: &str, rrule: &str, want: &str) {
    check_in(NY, dtstart, rrule, want);
}

#[test]
fn daily_examples() {
    let start = "1997-09-02T09:00:00";
    example(start, "FREQ=DAILY;COUNT=10", "02 03 04 05 06 07 08 09 10 11");
    example(
        start,
        "FREQ=DAILY;INTERVAL=2",
        "02 04 06 08 10 12 14 16 18 20 22 24 26 28 30 10-02 04 ...",
    );
    example(start, "FREQ=DAILY;INTERVAL=10;COUNT=5", "02 12 22 10-02 12");
    let request = json!({"dtstart": start, "zone": NY, "rrule": "FREQ=DAILY;UNTIL=19971224T000000Z", "limit": 1000});
    let (days, complete) = expanded(&request);
    assert_eq!((days.len(), complete), (113, true));
    assert_eq!(days[112], "1997-12-23T09:00:00");
}

#[test]
fn every_day_in_january_for_three_years() {
    let start = "1998-01-01T09:00:00";
    let by_year = "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA";
    let by_day = "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1";
    let run =
        |rrule| expanded(&json!({"dtstart": start, "zone": NY, "rrule": rrule, "limit": 1000}));
    let (days, complete) = run(by_year);
    assert_eq!((days.len(), complete), (93, true));
    assert_eq!((&*days[31], &*days[92]), ("1999-01-01T09:00:00", "2000-01-31T09:00:00"));
    assert_eq!((days, complete), run(by_day));
}

#[test]
fn weekly_examples() {
    let start = "1997-09-02T09:00:00";
    let ten = "02 09 16 23 30 10-07 14 21 28 11-04";
    example(start, "FREQ=WEEKLY;COUNT=10", ten);
    example(start, "FREQ=WEEKLY;UNTIL=19971224T000000Z", &format!("{ten} 11 18 25 12-02 09 16 23"));
    let every_other = "02 16 30 10-14 28 11-11 25 12-09 23 1998-01-06 20 02-03 17 ...";
    example(start, "FREQ=WEEKLY;INTERVAL=2;WKST=SU", every_other);
    let twice = "02 04 09 11 16 18 23 25 30 10-02";
    example(start, "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", twice);
    example(start, "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", twice);
    example(
        "1997-09-01T09:00:00",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "01 03 05 15 17 19 29 10-01 03 13 15 17 27 29 31 11-10 12 14 24 26 28 12-08 10 12 22",
    );
    let eight = "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH";
    example(start, eight, "02 04 16 18 30 10-02 14 16");
}

#[test]
fn monthly_examples() {
    let fridays = "05 10-03 11-07 12-05";
    example(
        "1997-09-05T09:00:00",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        &format!("{fridays} 1998-01-02 02-06 03-06 04-03 05-01 06-05"),
    );
    example("1997-09-05T09:00:00", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", fridays);
    example(
        "1997-09-07T09:00:00",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "07 28 11-02 30 1998-01-04 25 03-01 29 05-03 31",
    );
    let mondays = "22 10-20 11-17 12-22 1998-01-19 02-16";
    example("1997-09-22T09:00:00", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", mondays);
    let third_last = "28 10-29 11-28 12-29 1998-01-29 02-26 ...";
    example("1997-09-28T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=-3", third_last);
    let twice = "02 15 10-02 15 11-02 15 12-02 15 1998-01-02 15";
    example("1997-09-02T09:00:00", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", twice);
    let ends = "30 10-01 31 11-01 30 12-01 31 1998-01-01 31 02-01";
    example("1997-09-30T09:00:00", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", ends);
    example(
        "1997-09-10T09:00:00",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "10 11 12 13 14 15 1999-03-10 11 12 13",
    );
    example(
        "1997-09-02T09:00:00",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "02 09 16 23 30 11-04 11 18 25 1998-01-06 13 20 27 03-03 10 17 24 31 ...",
    );
}

#[test]
fn yearly_examples() {
    example(
        "1997-06-10T09:00:00",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "10 07-10 1998-06-10 07-10 1999-06-10 07-10 2000-06-10 07-10 2001-06-10 07-10",
    );
    example(
        "1997-03-10T09:00:00",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "10 1999-01-10 02-10 03-10 2001-01-10 02-10 03-10 2003-01-10 02-10 03-10",
    );
    example(
        "1997-01-01T09:00:00",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "01 04-10 07-19 2000-01-01 04-09 07-18 2003-01-01 04-10 07-19 2006-01-01",
    );
    example("1997-05-19T09:00:00", "FREQ=YEARLY;BYDAY=20MO", "19 1998-05-18 1999-05-17 ...");
    let weeks = "12 1998-05-11 1999-05-17 ...";
    example("1997-05-12T09:00:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", weeks);
    example(
        "1997-03-13T09:00:00",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "13 20 27 1998-03-05 12 19 26 1999-03-04 11 18 25 ...",
    );
    example(
        "1997-06-05T09:00:00",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "05 12 19 26 07-03 10 17 24 31 08-07 14 21 28 1998-06-04 11 18 25 07-02 09 16 23 30 08-06 13 20 27 \
         1999-06-03 10 17 24 07-01 08 15 22 29 08-05 12 19 26 ...",
    );
    example(
        "1996-11-05T09:00:00",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "05 2000-11-07 2004-11-02 ...",
    );
}

#[test]
fn friday_the_13th_without_its_start() {
    let request = json!({
        "dtstart": "19970902T090000", "zone": NY, "rrule": "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "exdates": ["19970902T090000"], "limit": 5,
    });
    let (days, complete) = expanded(&request);
    let want = ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"];
    assert_eq!(days, want.map(|day| format!("{day}T09:00:00")));
    assert!(!complete);
}

#[test]
fn examples_that_pick_from_a_set() {
    let saturdays = "13 10-11 11-08 12-13 1998-01-10 02-07 03-07 04-11 05-09 06-13 ...";
    let first_after_sunday = "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13";
    example("1997-09-13T09:00:00", first_after_sunday, saturdays);
    let third = "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3";
    example("1997-09-04T09:00:00", third, "04 10-07 11-06");
    let next_to_last = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2";
    example("1997-09-29T09:00:00", next_to_last, "29 10-30 11-27 12-30 1998-01-29 02-26 03-30 ...");
}

#[test]
fn examples_within_a_day() {
    let start = "1997-09-02T09:00:00";
    // Erratum 3883: the printed UNTIL=19970902T170000Z is 13:00 in New York, before the last one printed.
    example(start, "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "09:00 12:00 15:00");
    example(start, "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z", "09:00 12:00");
    example(start, "FREQ=MINUTELY;INTERVAL=15;COUNT=6", "09:00 09:15 09:30 09:45 10:00 10:15");
    example(start, "FREQ=MINUTELY;INTERVAL=90;COUNT=4", "09:00 10:30 12:00 13:30");
    let run =
        |rrule| expanded(&json!({"dtstart": start, "zone": NY, "rrule": rrule, "limit": 1000}));
    let by_day = run("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40");
    assert_eq!(
        by_day.0[23..26],
        ["02T16:40", "03T09:00", "03T09:20"].map(|at| format!("1997-09-{at}:00"))
    );
    assert_eq!(by_day, run("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16"));
}

#[test]
fn the_start_of_the_week_matters() {
    let start = "1997-08-05T09:00:00";
    example(start, "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "05 10 19 24");
    example(start, "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "05 17 19 31");
}

#[test]
fn a_date_that_does_not_exist_is_ignored() {
    let start = "2007-01-15T09:00:00";
    example(start, "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "15 30 02-15 03-15 30");
}
