use chrono_tz::TZ_VARIANTS;

use super::*;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").unwrap()
}

fn check(zone: &str, asked: &str, utc: &str, local: &str) {
    let seen = resolve(at(asked), zone.parse().unwrap());
    assert_eq!((seen.utc.naive_utc(), seen.local), (at(utc), at(local)), "{zone} {asked}");
}

#[test]
fn a_gap_takes_the_offset_before_it_and_a_fold_the_first() {
    check("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00", "2026-03-29T03:30:00");
    check("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00", "2026-10-25T02:30:00");
    // Lord Howe moves by half an hour.
    check(
        "Australia/Lord_Howe",
        "2026-10-04T02:15:00",
        "2026-10-03T15:45:00",
        "2026-10-04T02:45:00",
    );
    check(
        "Australia/Lord_Howe",
        "2026-04-05T01:45:00",
        "2026-04-04T14:45:00",
        "2026-04-05T01:45:00",
    );
    // Apia had no 30 December 2011 at all, Kwajalein no 21 August 1993.
    check("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-30T20:00:00", "2011-12-31T10:00:00");
    check("Pacific/Kwajalein", "1993-08-21T12:00:00", "1993-08-22T00:00:00", "1993-08-22T12:00:00");
    // Liberia gave up an offset with seconds, -0:44:30.
    check("Africa/Monrovia", "1972-01-07T00:10:00", "1972-01-07T00:54:30", "1972-01-07T00:54:30");
}

/// Every change of every zone, found by asking the offset hour by hour and then second by second.
#[test]
fn every_change_of_every_zone_resolves_as_its_definition_says() {
    for zone in TZ_VARIANTS {
        let offset = |utc: i64| {
            let at = DateTime::from_timestamp(utc, 0).unwrap().naive_utc();
            i64::from(zone.offset_from_utc_datetime(&at).fix().local_minus_utc())
        };
        // From 2010 to 2030, day by day: no zone has changed twice within a day of these years.
        let (mut low, end) = (1_262_304_000_i64, 1_893_456_000_i64);
        while low < end {
            let high = low + 24 * 3_600;
            let (before, after) = (offset(low), offset(high));
            if before != after {
                let (mut a, mut b) = (low, high);
                while b - a > 1 {
                    let middle = a + (b - a) / 2;
                    if offset(middle) == before { a = middle } else { b = middle }
                }
                // The wall clocks of the gap, or of the fold: both mean the offset before.
                let (from, width) = (b + before.min(after), (after - before).abs());
                for part in 1..4 {
                    let local = from + width * part / 4;
                    let asked = DateTime::from_timestamp(local, 0).unwrap().naive_utc();
                    let seen = resolve(asked, zone);
                    assert_eq!(seen.utc.timestamp(), local - before, "{zone} {asked}");
                }
            }
            low = high;
        }
    }
}

#[test]
fn civil_times_order_by_day_and_a_day_comes_before_its_moments() {
    let parse = |text: &str| Local::try_from(text.to_owned()).unwrap();
    let day = parse("2026-03-01");
    assert!(day < parse("2026-03-01T00:00:00"));
    assert!(parse("2026-02-28T23:59:59") < day);
    assert!(parse("2026-03-01T10:00:00") < parse("2026-03-02"));
}
