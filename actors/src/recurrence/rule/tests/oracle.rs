//! A second, slow and obvious implementation: look at every day (or every minute), ask each part in words, compare.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;

use super::*;

/// Days that the oracle looks at for rules of days and longer, and for those of hours and shorter.
const CIVIL_DAYS: i64 = 3_000;
const ELAPSED_DAYS: i64 = 5;

/// Whether `n` counts `index` (from 1) among `len`, from the start or, below zero, from the end.
fn counts(n: i64, index: i64, len: i64) -> bool {
    n == index || n == index - len - 1
}

fn length_of_month(date: NaiveDate) -> i64 {
    (1..=31).rfind(|day| date.with_day(*day).is_some()).unwrap().into()
}

fn length_of_year(date: NaiveDate) -> i64 {
    if NaiveDate::from_ymd_opt(date.year(), 2, 29).is_some() { 366 } else { 365 }
}

fn week_start(rule: &Rrule, date: NaiveDate) -> NaiveDate {
    let mut day = date;
    while day.weekday().num_days_from_monday() != rule.week_start {
        day = day.pred_opt().unwrap();
    }
    day
}

/// The number of a day's week and how many weeks its year has, by ISO 8601 with any first weekday.
fn week_number(rule: &Rrule, date: NaiveDate) -> (i64, i64) {
    let start = week_start(rule, date);
    // The week belongs to the year that has its fourth day.
    let year = (start + TimeDelta::days(3)).year();
    let first_of = |year| week_start(rule, NaiveDate::from_ymd_opt(year, 1, 4).unwrap());
    let weeks = (first_of(year + 1) - first_of(year)).num_days() / 7;
    ((start - first_of(year)).num_days() / 7 + 1, weeks)
}

/// Whether every part that names days names this one.
fn names_day(rule: &Rrule, start: NaiveDate, date: NaiveDate) -> bool {
    let weekday = date.weekday().num_days_from_monday();
    let by_month = rule.months.is_empty() || rule.months.contains(&(date.month() as u8));
    let by_week = rule.week_numbers.is_empty() || {
        let (number, weeks) = week_number(rule, date);
        rule.week_numbers.iter().any(|n| counts((*n).into(), number, weeks))
    };
    let of_year = i64::from(date.ordinal());
    let by_year_day = rule.year_days.is_empty()
        || rule.year_days.iter().any(|n| counts((*n).into(), of_year, length_of_year(date)));
    let of_month = i64::from(date.day());
    let by_month_day = rule.month_days.is_empty()
        || rule.month_days.iter().any(|n| counts((*n).into(), of_month, length_of_month(date)));
    let in_year = rule.freq == Freq::Yearly && rule.months.is_empty();
    let by_day = rule.days.is_empty()
        || rule.days.iter().any(|(n, named)| {
            let (index, len) = if in_year {
                (of_year, length_of_year(date))
            } else {
                (of_month, length_of_month(date))
            };
            // How many of this weekday there are up to this day, and in all.
            let (so_far, after) = ((index - 1) / 7 + 1, (len - index) / 7);
            *named == weekday && (*n == 0 || counts((*n).into(), so_far, so_far + after))
        });
    let nothing = rule.week_numbers.is_empty()
        && rule.year_days.is_empty()
        && rule.month_days.is_empty()
        && rule.days.is_empty();
    let as_start = match rule.freq {
        Freq::Yearly if nothing => {
            date.day() == start.day() && (!rule.months.is_empty() || date.month() == start.month())
        }
        Freq::Yearly
            if !rule.week_numbers.is_empty()
                && rule.days.is_empty()
                && rule.month_days.is_empty()
                && rule.year_days.is_empty() =>
        {
            date.weekday() == start.weekday()
        }
        Freq::Monthly if nothing => date.day() == start.day(),
        Freq::Weekly if nothing => date.weekday() == start.weekday(),
        _ => true,
    };
    by_month && by_week && by_year_day && by_month_day && by_day && as_start
}

fn or_of_start(list: &[u8], of_start: u32) -> Vec<u32> {
    if list.is_empty() { vec![of_start] } else { list.iter().map(|n| u32::from(*n)).collect() }
}

/// What BYSETPOS leaves of the set of one period.
fn picked<T: Copy>(rule: &Rrule, set: &[T]) -> Vec<T> {
    let len = set.len() as i64;
    (1..=len)
        .filter(|index| {
            rule.positions.is_empty()
                || rule.positions.iter().any(|n| counts((*n).into(), *index, len))
        })
        .map(|index| set[index as usize - 1])
        .collect()
}

/// Rules of days and longer on the bare calendar.
fn civil(rule: &Rrule, start: NaiveDateTime) -> Vec<NaiveDateTime> {
    let period = |date: NaiveDate| match rule.freq {
        Freq::Yearly => i64::from(date.year() - start.year()),
        Freq::Monthly => {
            i64::from(date.year() - start.year()) * 12 + i64::from(date.month())
                - i64::from(start.month())
        }
        Freq::Weekly => (week_start(rule, date) - week_start(rule, start.date())).num_days() / 7,
        _ => (date - start.date()).num_days(),
    };
    let mut all = Vec::new();
    let mut set: (i64, Vec<NaiveDateTime>) = (0, Vec::new());
    // A year before the start, so that the first period is whole.
    for ahead in -370..CIVIL_DAYS {
        let date = start.date() + TimeDelta::days(ahead);
        let this = period(date);
        if this != set.0 {
            all.extend(picked(rule, &set.1));
            set = (this, Vec::new());
        }
        if this.rem_euclid(rule.interval as i64) != 0 || !names_day(rule, start.date(), date) {
            continue;
        }
        for hour in or_of_start(&rule.hours, start.hour()) {
            for minute in or_of_start(&rule.minutes, start.minute()) {
                for second in or_of_start(&rule.seconds, start.second()) {
                    set.1.extend(date.and_hms_opt(hour, minute, second));
                }
            }
        }
    }
    all.retain(|at| *at >= start);
    all
}

/// Rules of hours and shorter in a zone: every second of every real minute that could count.
fn elapsed(rule: &Rrule, start: NaiveDateTime, zone: Tz) -> Vec<i64> {
    let first = crate::message::time::resolve(start, zone);
    let unit = match rule.freq {
        Freq::Hourly => 3_600,
        Freq::Minutely => 60,
        _ => 1,
    };
    let begin = first.utc.timestamp();
    // Periods are counted from the start of the hour, minute or second of the start.
    let origin = begin - i64::from(first.local.num_seconds_from_midnight()) % unit;
    let mut all = Vec::new();
    let mut set: (i64, Vec<i64>) = (0, Vec::new());
    for ahead in 0..ELAPSED_DAYS * 86_400 {
        let key = origin + ahead;
        let period = ahead / unit;
        if period != set.0 {
            all.extend(picked(rule, &set.1));
            set = (period, Vec::new());
        }
        if period % rule.interval as i64 != 0 {
            continue;
        }
        // Offsets of our days are whole minutes, so most seconds need no zone.
        let second = key.rem_euclid(60) as u8;
        if unit > 1 && !or_of_start(&rule.seconds, start.second()).contains(&second.into()) {
            continue;
        }
        let utc = chrono::DateTime::from_timestamp(key, 0).unwrap().naive_utc();
        let offset = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
        let at = utc + TimeDelta::seconds(offset.into());
        let has = |list: &[u8], value: u32| list.is_empty() || list.contains(&(value as u8));
        // What is below the frequency and not named lies as far into its period as the start does.
        let within = ahead % unit;
        let of_start = begin - origin;
        let as_start = if unit == 1 || !rule.minutes.is_empty() && unit == 3_600 {
            !rule.seconds.is_empty() || unit == 1 || at.second() == start.second()
        } else if rule.seconds.is_empty() {
            within == of_start
        } else {
            within / 60 == of_start / 60
        };
        let named = as_start
            && has(&rule.seconds, at.second())
            && has(&rule.minutes, at.minute())
            && has(&rule.hours, at.hour())
            && names_day(rule, start.date(), at.date());
        if named {
            set.1.push(key);
        }
    }
    // The last period may be cut off, so it is not told.
    all.retain(|key| *key >= begin);
    all
}

fn small_set<T: Ord + Clone + std::fmt::Debug + 'static>(
    values: impl Strategy<Value = T> + 'static,
    most: usize,
    share: f64,
) -> BoxedStrategy<Vec<T>> {
    if share == 0.0 {
        return Just(Vec::new()).boxed();
    }
    weighted(share, btree_set(values, 1..=most))
        .prop_map(|set| set.map(|set| set.into_iter().collect()).unwrap_or_default())
        .boxed()
}

fn signed(most: i16) -> impl Strategy<Value = i16> + Clone {
    (1..=most).prop_flat_map(|n| prop_oneof![Just(n), Just(-n)])
}

/// Any rule of a frequency that the RFC allows.
fn any_rule(freq: Freq) -> impl Strategy<Value = Rrule> {
    let days = small_set((0_u32..7).prop_map(|day| (0_i8, day)), 4, 0.4);
    let numbered = small_set(
        (signed(if freq == Freq::Monthly { 5 } else { 53 }), 0_u32..7)
            .prop_map(|(n, day)| (n as i8, day)),
        3,
        if matches!(freq, Freq::Monthly | Freq::Yearly) { 0.3 } else { 0.0 },
    );
    let share = |allowed: bool, share: f64| if allowed { share } else { 0.0 };
    let dates = (
        days,
        numbered,
        small_set(signed(31).prop_map(|n| n as i8), 6, share(freq != Freq::Weekly, 0.3)),
        small_set(
            signed(366),
            30,
            share(!matches!(freq, Freq::Daily | Freq::Weekly | Freq::Monthly), 0.15),
        ),
        small_set(signed(53).prop_map(|n| n as i8), 4, share(freq == Freq::Yearly, 0.2)),
        small_set(1_u8..=12, 4, 0.35),
    );
    let times =
        (small_set(0_u8..60, 3, 0.2), small_set(0_u8..60, 3, 0.2), small_set(0_u8..24, 3, 0.2));
    let rest = (
        vec(prop_oneof![Just(1_u64), Just(1), 1_u64..6, 1_u64..40], 1),
        small_set(prop_oneof![signed(5), signed(40)], 3, 0.3),
        0_u32..7,
    );
    (dates, times, rest).prop_map(move |(dates, times, rest)| {
        let (mut days, numbered, month_days, year_days, week_numbers, months) = dates;
        if week_numbers.is_empty() {
            days.extend(numbered);
            days.sort_unstable();
        }
        let (seconds, minutes, hours) = times;
        let (interval, mut positions, week_start) = rest;
        let parts =
            [days.len(), month_days.len(), year_days.len(), week_numbers.len(), months.len()];
        if parts.iter().sum::<usize>() + seconds.len() + minutes.len() + hours.len() == 0 {
            positions.clear();
        }
        Rrule {
            seconds,
            minutes,
            hours,
            days,
            month_days,
            year_days,
            week_numbers,
            months,
            positions,
            week_start,
            ..Rrule::new(freq, interval[0])
        }
    })
}

fn any_start() -> impl Strategy<Value = NaiveDateTime> {
    let day = prop_oneof![
        -8_000_i64..20_000,
        // Ends of months and years, where rules break.
        (1970_i32..2040, 1_u32..=12).prop_map(|(year, month)| {
            let next = NaiveDate::from_ymd_opt(year + i32::from(month == 12), month % 12 + 1, 1);
            (next.unwrap().pred_opt().unwrap() - NaiveDate::from_ymd_opt(1970, 1, 1).unwrap())
                .num_days()
        }),
    ];
    (day, 0_i64..86_400).prop_map(|(day, second)| {
        chrono::DateTime::from_timestamp(day * 86_400 + second, 0).unwrap().naive_utc()
    })
}

/// The engine's occurrences before `end`, at most 400.
fn engine(rule: &Rrule, start: NaiveDateTime, zone: Option<Tz>, end: i64) -> Vec<(i64, i64)> {
    let text = rule.to_string();
    let read = Rule::rrule(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    read.series(Local::Moment(start), zone, series::Flavour::Pure, None)
        .map(|placed| (placed.key, placed.local))
        .take_while(|(key, _)| *key < end)
        .take(400)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rules of days and longer, on the bare calendar.
    #[test]
    fn civil_rules_agree_with_looking_at_every_day(
        rule in prop_oneof![any_rule(Freq::Yearly), any_rule(Freq::Monthly), any_rule(Freq::Weekly), any_rule(Freq::Daily)],
        start in any_start(),
    ) {
        // The last period that the oracle saw may be cut off: a year and a bit is left out.
        let end = (start.date() + TimeDelta::days(CIVIL_DAYS - 370)).and_hms_opt(0, 0, 0).unwrap();
        let want: Vec<i64> = civil(&rule, start)
            .into_iter()
            .take_while(|at| *at < end)
            .take(400)
            .map(|at| at.and_utc().timestamp())
            .collect();
        let got = engine(&rule, start, None, end.and_utc().timestamp());
        prop_assert_eq!(got.iter().map(|(key, _)| *key).collect::<Vec<_>>(), want, "{} from {}", rule, start);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rules of hours and shorter, across clock changes of an hour, of half an hour, and at midnight.
    #[test]
    fn elapsed_rules_agree_with_looking_at_every_second(
        rule in prop_oneof![any_rule(Freq::Hourly), any_rule(Freq::Minutely), any_rule(Freq::Secondly)],
        change in prop_oneof![
            Just(("America/New_York", "2026-03-08")), Just(("America/New_York", "2026-11-01")),
            Just(("Australia/Lord_Howe", "2026-04-05")), Just(("Australia/Lord_Howe", "2026-10-04")),
            Just(("America/Havana", "2026-11-01")), Just(("America/Santiago", "2026-09-06")),
            Just(("Atlantic/Azores", "2026-03-29")), Just(("Asia/Beirut", "2026-10-25")),
            Just(("Pacific/Apia", "2011-12-30")), Just(("UTC", "2028-02-29")),
        ],
        before in 0_i64..2 * 86_400,
        // The parts that name days are left out as a rule, so that something happens within the days seen.
        keep_days in 0_u8..5,
    ) {
        let (name, day) = change;
        let zone: Tz = name.parse().unwrap();
        let start = local(day).at(chrono::NaiveTime::MIN) - TimeDelta::seconds(before);
        let mut rule = rule;
        if keep_days > 0 {
            rule.month_days.clear();
            rule.year_days.clear();
            rule.months.clear();
        }
        if name == "Australia/Lord_Howe" {
            // Half an hour off, elapsed hours and those of the clock differ, and their sets are a choice of ours.
            rule.positions.clear();
            rule.interval = 1;
        }
        if rule.days.is_empty() && rule.month_days.is_empty() && rule.year_days.is_empty() && rule.months.is_empty()
            && rule.hours.is_empty() && rule.minutes.is_empty() && rule.seconds.is_empty() {
            rule.positions.clear();
        }
        let end = crate::message::time::resolve(start, zone).utc.timestamp() + (ELAPSED_DAYS - 1) * 86_400;
        let want: Vec<i64> = elapsed(&rule, start, zone).into_iter().take_while(|key| *key < end).take(400).collect();
        let got = engine(&rule, start, Some(zone), end);
        prop_assert_eq!(got.iter().map(|(key, _)| *key).collect::<Vec<_>>(), want, "{} from {} in {}", rule, start, name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Order, COUNT, UNTIL and `after`, against the plain list of occurrences.
    #[test]
    fn ends_and_jumps_cut_the_same_list(
        rule in prop_oneof![any_rule(Freq::Yearly), any_rule(Freq::Monthly), any_rule(Freq::Weekly), any_rule(Freq::Daily),
            any_rule(Freq::Hourly), any_rule(Freq::Minutely)],
        start in any_start(),
        zone in prop_oneof![Just(""), Just("Europe/Berlin"), Just("Pacific/Apia"), Just("Australia/Lord_Howe")],
        cut in 0_usize..40,
    ) {
        let (start, zone) = (Local::Moment(start), super::zone(zone));
        let list = |rule: &Rrule, after: Option<When>| -> Vec<(i64, i64)> {
            let rule = Rule::rrule(&rule.to_string()).unwrap();
            let series = rule.series(start, zone, series::Flavour::Pure, after);
            series.map(|placed| (placed.key, placed.local)).take(60).collect()
        };
        let all = list(&rule, None);
        prop_assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
        prop_assert_eq!(&list(&rule, None), &all);
        let Some((key, _)) = all.get(cut).copied() else { return Ok(()) };
        let at = When::Utc(chrono::DateTime::from_timestamp(key, 0).unwrap().naive_utc());
        let counted = Rrule { count: Some(cut as u64 + 1), ..rule.clone() };
        prop_assert_eq!(&list(&counted, None), &all[..=cut]);
        let ended = Rrule { until: Some(at), ..rule.clone() };
        prop_assert_eq!(&list(&ended, None), &all[..=cut]);
        prop_assert_eq!(list(&ended, Some(at)), vec![]);
        let rest = list(&rule, Some(at));
        let len = (all.len() - cut - 1).min(rest.len());
        prop_assert_eq!(&rest[..len], &all[cut + 1..]);
    }
}
