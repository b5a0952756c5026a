//! Cron expressions of five fields, by the Open Cron Pattern Specification 1.0 to 1.4 (without its `+`).
//!
//! The `cron` crate reads and bounds minute, hour, day of month and month: lists, ranges, steps and names.
//! The rest it has otherwise or not at all, so it is done here: day of week (the crate counts Sunday as 1),
//! `L`, `W` and `#`, day of month OR day of week (the crate takes AND), and all of the calendar (at clock
//! changes the crate drops what a gap swallows and doubles what a fold repeats).

use std::str::FromStr;

use cron::{Schedule, TimeUnitSpec};

use super::clock::civil_of;
use super::days::{CronDays, Days, Within};
use super::plan::Plan;
use super::rrule::Freq;
use crate::message::fault::{Code, Fault};
use crate::message::time::Local;

/// Characters of a cron expression at most.
pub const CRON_CHARS_MAX: usize = 200;

/// Days of the week as cron names them, from Sunday (0).
const DAY_NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A checked cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// As given, with single spaces.
    text: String,
    pub(super) minutes: Vec<u8>,
    pub(super) hours: Vec<u8>,
    pub(super) days: Days,
}

impl Cron {
    /// Reads minute, hour, day of month, month and day of week.
    ///
    /// # Errors
    /// One fault, at ``, that names the field.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > CRON_CHARS_MAX {
            let detail = format!("a cron expression has at most {CRON_CHARS_MAX} characters");
            return Err(Fault::new("", Code::TooLong, detail));
        }
        let fields: Vec<String> = text.split_whitespace().map(str::to_ascii_uppercase).collect();
        let [minute, hour, of_month, month, of_week] = fields.as_slice() else {
            let detail =
                "a cron expression has five fields: minute, hour, day of month, month, day of week";
            return Err(Fault::new("", Code::Invalid, detail));
        };
        let mut days = CronDays::default();
        let plain = month_days(of_month, &mut days)?;
        let numbered = if plain.is_empty() { "*".to_owned() } else { plain.join(",") };
        week_days(of_week, &mut days)?;
        days.given = (!wild(of_month), !wild(of_week));
        for (name, field) in [
            ("minute", minute.as_str()),
            ("hour", hour),
            ("day of month", &numbered),
            ("month", month),
        ] {
            field.split(',').try_for_each(|item| well_formed(name, item))?;
        }
        let schedule = Schedule::from_str(&format!("0 {minute} {hour} {numbered} {month} *"))
            .map_err(|_| out_of_range(text))?;
        // Every ordinal of these fields is below 60.
        let list = |unit: &dyn Fn() -> Vec<u32>| unit().into_iter().map(|n| n as u8).collect();
        let bits = |numbers: Vec<u32>| numbers.into_iter().fold(0_u32, |all, n| all | 1 << n);
        if !plain.is_empty() {
            days.month_days = bits(schedule.days_of_month().iter().collect());
        }
        Ok(Self {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            minutes: list(&|| schedule.minutes().iter().collect()),
            hours: list(&|| schedule.hours().iter().collect()),
            days: Days {
                months: bits(schedule.months().iter().collect()) as u16,
                within: Within::Cron(days),
            },
        })
    }

    /// The expression as it was given, with single spaces.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether every hour of the day counts, so that every real hour does.
    pub(super) fn every_hour(&self) -> bool {
        self.hours.len() == 24
    }

    /// Lays the expression on its start: by elapsed minutes where every hour counts, else by days.
    pub(super) fn plan(&self, start: Local) -> Plan {
        let whole_days = matches!(start, Local::Day(_));
        let every_minute = self.minutes.len() == 60;
        let by_minutes = self.every_hour() && !whole_days;
        Plan {
            freq: if by_minutes { Freq::Minutely } else { Freq::Daily },
            interval: 1,
            days: self.days.clone(),
            hours: match (whole_days, by_minutes) {
                (true, _) => vec![0],
                (false, true) => Vec::new(),
                (false, false) => self.hours.clone(),
            },
            minutes: match (whole_days, by_minutes && every_minute) {
                (true, _) => vec![0],
                (false, true) => Vec::new(),
                (false, false) => self.minutes.clone(),
            },
            seconds: vec![0],
            positions: Vec::new(),
            week_start: 0,
            start: civil_of(start),
            whole_days,
        }
    }
}

/// `*`, or `?` in a field of days.
fn wild(field: &str) -> bool {
    matches!(field, "*" | "?")
}

/// Takes `L`, `LW` and `15W` out of a day-of-month field; what is left is for the crate.
fn month_days<'a>(field: &'a str, days: &mut CronDays) -> Result<Vec<&'a str>, Fault> {
    let mut plain = Vec::new();
    for item in field.split(',') {
        match item {
            "L" => days.last = true,
            "LW" => days.last_weekday = true,
            "?" if field == "?" => plain.push("*"),
            _ => match item.strip_suffix('W') {
                Some(day) => days.nearest |= 1 << number(day, 1, 31, "day of month")?,
                None => plain.push(item),
            },
        }
    }
    Ok(plain)
}

/// Reads a day-of-week field: 0 to 7 or names, ranges, steps, `FRI#2`, `5L`, `FRI#L`.
fn week_days(field: &str, days: &mut CronDays) -> Result<(), Fault> {
    if wild(field) {
        return Ok(());
    }
    let bit = |day: u32| 1_u8 << ((day + 6) % 7);
    for item in field.split(',') {
        if let Some((day, which)) = item.split_once('#') {
            let day = week_day(day)?;
            let n = match which {
                "L" => -1,
                _ => number(which, 1, 5, "day of week")? as i8,
            };
            days.numbered.push((n, (day + 6) % 7));
            continue;
        }
        if let Some(day) = item.strip_suffix('L') {
            days.numbered.push((-1, (week_day(day)? + 6) % 7));
            continue;
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step, 1, 7, "day of week")?)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((first, last)) => {
                // Sunday ends a week as well as it begins one: FRI-SUN is 5-7.
                let last = week_day(last)?;
                (week_day(first)?, if last == 0 { 7 } else { last })
            }
            None if step.is_some() => return Err(step_without_range("day of week")),
            None => {
                let day = week_day(range)?;
                (day, day)
            }
        };
        if first > last {
            return Err(invalid(format!("day of week: the range {item:?} runs backwards")));
        }
        for day in (first..=last).step_by(step.unwrap_or(1) as usize) {
            days.weekdays |= bit(day);
        }
    }
    Ok(())
}

/// A weekday as 0 (Sunday) to 7 (Sunday again), or by name.
fn week_day(text: &str) -> Result<u32, Fault> {
    match DAY_NAMES.iter().position(|name| text.len() >= 3 && long_name(name, text)) {
        Some(day) => Ok(day as u32),
        None => number(text, 0, 7, "day of week"),
    }
}

/// Whether `text` is the short or the long name of a weekday.
fn long_name(name: &str, text: &str) -> bool {
    let rest = match name {
        "TUE" => "SDAY",
        "WED" => "NESDAY",
        "THU" => "RSDAY",
        "SAT" => "URDAY",
        _ => "DAY",
    };
    text.strip_prefix(name).is_some_and(|tail| tail.is_empty() || tail == rest)
}

/// What the specification asks of an item and the crate does not: no step without a range, no empty piece.
fn well_formed(name: &str, item: &str) -> Result<(), Fault> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    if let Some(step) = step {
        number(step, 1, 999, name)?;
        if range != "*" && !range.contains('-') {
            return Err(step_without_range(name));
        }
    }
    let known = |piece: &str| {
        !piece.is_empty() && piece.len() <= 9 && piece.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if range == "*" || range.splitn(2, '-').all(known) {
        Ok(())
    } else {
        Err(invalid(format!("{name}: {} cannot be read", shown(item))))
    }
}

fn number(text: &str, least: u32, most: u32, name: &str) -> Result<u32, Fault> {
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && (least..=most).contains(n)).ok_or_else(|| {
        let detail = format!("{name}: {} is not from {least} to {most}", shown(text));
        Fault::new("", Code::OutOfRange, detail)
    })
}

fn step_without_range(name: &str) -> Fault {
    invalid(format!("{name}: a step follows * or a range, as in */15 or 10-50/10"))
}

fn out_of_range(text: &str) -> Fault {
    let detail = format!("{} has a field out of range, or a name that is none", shown(text));
    Fault::new("", Code::OutOfRange, detail)
}

fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new("", Code::Invalid, detail)
}

/// A piece of input as a message shows it: short, and quoted.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}
