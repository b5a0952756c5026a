//! A rule as one plain English sentence, without its full stop.

use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

use super::days::{CronDays, Within};
use super::rrule::Freq;
use super::{Cron, From, Pattern, Rrule, Rule, When};
use crate::message::time::Local;

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Times of day, minutes and the like that are told one by one at most.
const TOLD_MAX: usize = 12;

/// The sentence; see [`Rule::explain`].
pub(super) fn sentence(rule: &Rule, start: Local, zone: Option<Tz>) -> String {
    let mut text = match &rule.pattern {
        Pattern::Daily { interval } => every(*interval, "day"),
        Pattern::Weekly { interval, days } => {
            let named: Vec<u32> = (0..7).filter(|day| days & (1 << day) != 0).collect();
            let of_start = [start.date().weekday().num_days_from_monday()];
            let named = if named.is_empty() { &of_start[..] } else { &named };
            format!("{} on {}", every(*interval, "week"), weekdays(named))
        }
        Pattern::Monthly { interval, month_day } => {
            let named = month_day.unwrap_or(start.date().day() as i8);
            let clamp = if named > 28 { " or the last day of shorter months" } else { "" };
            format!("{} on the {}{clamp}", every(*interval, "month"), month_day_name(named))
        }
        Pattern::Yearly { interval } => {
            let clamp = if (start.date().month(), start.date().day()) == (2, 29) {
                " or 28 February"
            } else {
                ""
            };
            format!("{} on {}{clamp}", every(*interval, "year"), day_of_year(start.date()))
        }
        Pattern::Rrule(rrule) => rrule_text(rrule, start),
        Pattern::Cron(cron) => cron_text(cron),
    };
    if rule.from == From::Completed {
        text.push_str(" after completion");
    }
    if let Some(until) = rule.until() {
        text = format!("{text} until {}", end(until, start, zone));
    }
    if let Some(count) = rule.count() {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        text = format!("{text}, {times}");
    }
    let plus = |n: usize, word: &str| match n {
        0 => String::new(),
        1 => format!(", {word} one date"),
        n => format!(", {word} {n} dates"),
    };
    text + &plus(rule.rdates.len(), "plus") + &plus(rule.exdates.len(), "except")
}

/// `every day`, `every 2 weeks`.
fn every(interval: impl Into<u64>, unit: &str) -> String {
    match interval.into() {
        1 => format!("every {unit}"),
        n => format!("every {n} {unit}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `1st`, `22nd`, `13th`.
fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// `first`, `last`, `second to last`, `6th`.
fn rank(n: i32) -> String {
    let word = |n: u32| match n {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        4 => "fourth".to_owned(),
        5 => "fifth".to_owned(),
        n => ordinal(n),
    };
    match n {
        -1 => "last".to_owned(),
        ..-1 => format!("{} to last", word(n.unsigned_abs())),
        _ => word(n.unsigned_abs()),
    }
}

/// `15th`, `last day`, `second to last day`.
fn month_day_name(n: i8) -> String {
    if n > 0 { ordinal(u32::from(n.unsigned_abs())) } else { format!("{} day", rank(n.into())) }
}

fn day_of_year(date: NaiveDate) -> String {
    format!("{} {}", date.day(), MONTHS[date.month0() as usize])
}

/// `Monday and Friday`, `Monday to Friday`.
fn weekdays(days: &[u32]) -> String {
    let name = |day: u32| WEEKDAYS[day as usize].to_owned();
    match days {
        [0, 1, 2, 3, 4, 5, 6] => "any day".to_owned(),
        [first, _, .., last] if days.len() > 2 && (last - first) as usize == days.len() - 1 => {
            format!("{} to {}", name(*first), name(*last))
        }
        _ => joined(&days.iter().map(|day| name(*day)).collect::<Vec<_>>()),
    }
}

/// ` in March and June`; nothing where every month counts.
fn months(months: &[u8]) -> String {
    if months.is_empty() || months.len() == 12 {
        return String::new();
    }
    let names: Vec<String> =
        months.iter().map(|month| MONTHS[usize::from(*month) - 1].to_owned()).collect();
    format!(" in {}", joined(&names))
}

fn end(until: When, start: Local, zone: Option<Tz>) -> String {
    let local = until.local(zone);
    let date = local.date();
    let day = format!("{} {}", day_of_year(date), date.year());
    match (start, local) {
        (Local::Moment(_), Local::Moment(at)) => {
            format!("{day} at {:02}:{:02}", at.hour(), at.minute())
        }
        _ => day,
    }
}

/// ` at 09:00 and 17:00`; where there are many, the parts one by one.
fn times(hours: &[u8], minutes: &[u8], seconds: &[u8], start: Local) -> String {
    let (hour, minute, second) = match start {
        Local::Day(_) => return String::new(),
        Local::Moment(at) => (at.hour() as u8, at.minute() as u8, at.second() as u8),
    };
    if hours.is_empty() && minutes.is_empty() && seconds.is_empty() {
        return String::new();
    }
    let (own_hour, own_minute, own_second) = ([hour], [minute], [second]);
    let or = |list: &'_ [u8], own: &'_ [u8]| -> Vec<u8> {
        if list.is_empty() { own.to_vec() } else { list.to_vec() }
    };
    let (hours, minutes, seconds) =
        (or(hours, &own_hour), or(minutes, &own_minute), or(seconds, &own_second));
    if hours.len() * minutes.len() * seconds.len() > TOLD_MAX {
        return parts(&hours, &minutes, &seconds);
    }
    let mut told = Vec::new();
    for hour in &hours {
        for minute in &minutes {
            for second in &seconds {
                let tail = if *second == 0 { String::new() } else { format!(":{second:02}") };
                told.push(format!("{hour:02}:{minute:02}{tail}"));
            }
        }
    }
    format!(" at {}", joined(&told))
}

/// ` in hours 9 and 10, in minutes 0 and 30`; what is empty is not told.
fn parts(hours: &[u8], minutes: &[u8], seconds: &[u8]) -> String {
    let told = [("hour", hours, 24), ("minute", minutes, 60), ("second", seconds, 60)]
        .iter()
        .filter(|(_, list, all)| !list.is_empty() && list.len() < *all)
        .map(|(unit, list, _)| format!("in {unit}{}", numbers(list)))
        .collect::<Vec<_>>();
    if told.is_empty() { String::new() } else { format!(" {}", told.join(", ")) }
}

/// ` 9`, `s 9 and 10`, `s 9 to 17`.
fn numbers(list: &[u8]) -> String {
    match list {
        [one] => format!(" {one}"),
        [first, .., last] if list.len() > 2 && usize::from(last - first) == list.len() - 1 => {
            format!("s {first} to {last}")
        }
        _ => format!("s {}", joined(&list.iter().map(u8::to_string).collect::<Vec<_>>())),
    }
}

fn rrule_text(rule: &Rrule, start: Local) -> String {
    let unit = match rule.freq {
        Freq::Secondly => "second",
        Freq::Minutely => "minute",
        Freq::Hourly => "hour",
        Freq::Daily => "day",
        Freq::Weekly => "week",
        Freq::Monthly => "month",
        Freq::Yearly => "year",
    };
    let mut text = every(rule.interval, unit);
    match day_parts(rule, start).as_slice() {
        [] => {}
        [one] => text = format!("{text} on {one}"),
        parts => text = format!("{text} on each {}", parts.join(" that is ")),
    }
    text.push_str(&months(&rule.months));
    if !rule.week_numbers.is_empty() {
        let told: Vec<String> = rule
            .week_numbers
            .iter()
            .map(|&n| match n {
                1.. => format!("week {n}"),
                _ => format!("the {} week", rank(n.into())),
            })
            .collect();
        text = format!("{text} in {} of the year", joined(&told));
    }
    text.push_str(&if rule.freq.is_civil() {
        times(&rule.hours, &rule.minutes, &rule.seconds, start)
    } else {
        parts(&rule.hours, &rule.minutes, &rule.seconds)
    });
    if !rule.positions.is_empty() {
        let told: Vec<String> = rule.positions.iter().map(|&n| rank(n.into())).collect();
        text = format!("{text}, only the {} of these in each {unit}", joined(&told));
    }
    text
}

/// What names the days: `Monday and the first Friday`, `the 13th`.
fn day_parts(rule: &Rrule, start: Local) -> Vec<String> {
    let date = start.date();
    let mut told = Vec::new();
    if !rule.days.is_empty() {
        let plain: Vec<u32> =
            rule.days.iter().filter(|(n, _)| *n == 0).map(|(_, day)| *day).collect();
        let mut words = if plain.is_empty() { Vec::new() } else { vec![weekdays(&plain)] };
        words.extend(
            rule.days
                .iter()
                .filter(|(n, _)| *n != 0)
                .map(|(n, day)| format!("the {} {}", rank((*n).into()), WEEKDAYS[*day as usize])),
        );
        let yearly = rule.freq == Freq::Yearly && rule.months.is_empty() && plain.is_empty();
        told.push(joined(&words) + if yearly { " of the year" } else { "" });
    }
    if !rule.month_days.is_empty() {
        let (last, first): (Vec<i8>, Vec<i8>) = rule.month_days.iter().partition(|n| **n < 0);
        let words: Vec<String> =
            first.iter().chain(last.iter().rev()).map(|&n| month_day_name(n)).collect();
        told.push(format!("the {}", joined(&words)));
    }
    if !rule.year_days.is_empty() {
        let words: Vec<String> = rule
            .year_days
            .iter()
            .map(|&n| match n {
                1.. => format!("{n}"),
                _ => format!("{n} (from the end)"),
            })
            .collect();
        told.push(format!("day {} of the year", joined(&words)));
    }
    if told.is_empty() {
        match rule.freq {
            Freq::Yearly if !rule.week_numbers.is_empty() => {
                told.push(WEEKDAYS[date.weekday().num_days_from_monday() as usize].to_owned());
            }
            Freq::Yearly if rule.months.is_empty() => told.push(day_of_year(date)),
            Freq::Yearly | Freq::Monthly => told.push(format!("the {}", ordinal(date.day()))),
            Freq::Weekly => {
                told.push(WEEKDAYS[date.weekday().num_days_from_monday() as usize].to_owned());
            }
            _ => {}
        }
    }
    told
}

fn cron_text(cron: &Cron) -> String {
    let every_minute = cron.minutes.len() == 60;
    let stepped = |list: &[u8], all: u8| -> Option<u8> {
        let step = list.get(1)?.checked_sub(list[0])?;
        let even = list[0] == 0
            && step > 1
            && all.is_multiple_of(step)
            && usize::from(all / step) == list.len()
            && list.windows(2).all(|pair| pair[1] - pair[0] == step);
        even.then_some(step)
    };
    let mut text = if cron.every_hour() {
        match (every_minute, stepped(&cron.minutes, 60)) {
            (true, _) => "every minute".to_owned(),
            (_, Some(step)) => format!("every {step} minutes"),
            _ if cron.minutes == [0] => "every hour".to_owned(),
            _ => format!("every hour at minute{}", numbers(&cron.minutes)),
        }
    } else if every_minute {
        format!("every minute in hour{}", numbers(&cron.hours))
    } else if let Some(step) = stepped(&cron.minutes, 60) {
        format!("every {step} minutes in hour{}", numbers(&cron.hours))
    } else {
        let midnight = Local::Moment(NaiveDate::MIN.and_time(chrono::NaiveTime::MIN));
        let told = times(&cron.hours, &cron.minutes, &[0], midnight);
        told.trim_start().to_owned()
    };
    let Within::Cron(days) = &cron.days.within else { return text };
    match days.given {
        (false, false) if cron.every_hour() => {}
        (false, false) => text.push_str(" every day"),
        _ => text.push_str(&cron_days(days)),
    }
    let named: Vec<u8> = (1..=12).filter(|month| cron.days.months & (1 << month) != 0).collect();
    text + &months(&named)
}

/// ` on the 1st and 15th of the month or on Monday`.
fn cron_days(days: &CronDays) -> String {
    let mut of_month: Vec<String> =
        (1..=31).filter(|day| days.month_days & (1 << day) != 0).map(ordinal).collect();
    if days.last {
        of_month.push("last day".to_owned());
    }
    if days.last_weekday {
        of_month.push("last weekday".to_owned());
    }
    of_month.extend(
        (1..=31)
            .filter(|day| days.nearest & (1 << day) != 0)
            .map(|day| format!("the weekday nearest the {}", ordinal(day))),
    );
    let plain: Vec<u32> = (0..7).filter(|day| days.weekdays & (1 << day) != 0).collect();
    let mut of_week = if plain.is_empty() { Vec::new() } else { vec![weekdays(&plain)] };
    of_week.extend(
        days.numbered
            .iter()
            .map(|(n, day)| format!("the {} {}", rank((*n).into()), WEEKDAYS[*day as usize])),
    );
    let of_month = format!("the {} of the month", joined(&of_month));
    match days.given {
        (false, false) => String::new(),
        (true, false) => format!(" on {of_month}"),
        (false, true) => format!(" on {}", joined(&of_week)),
        (true, true) => format!(" on {of_month} or on {}", joined(&of_week)),
    }
}
