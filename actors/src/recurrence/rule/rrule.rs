//! Recurrence rules of RFC 5545 §3.3.10: what they hold, and how they are read and written as text.

use std::fmt;

use super::dates::Until;
use crate::message::fault::{Code, Fault};

mod read;

/// Characters of an RRULE at most.
pub const RRULE_CHARS_MAX: usize = 1_000;

/// How often a rule repeats (FREQ).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freq {
    /// Every second.
    Secondly,
    /// Every minute.
    Minutely,
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every year.
    Yearly,
}

impl Freq {
    const NAMES: [(&'static str, Self); 7] = [
        ("SECONDLY", Self::Secondly),
        ("MINUTELY", Self::Minutely),
        ("HOURLY", Self::Hourly),
        ("DAILY", Self::Daily),
        ("WEEKLY", Self::Weekly),
        ("MONTHLY", Self::Monthly),
        ("YEARLY", Self::Yearly),
    ];

    /// Whether it repeats on the calendar; the others step in elapsed time.
    pub(super) fn is_civil(self) -> bool {
        self >= Self::Daily
    }

    /// Its name in an RRULE.
    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, freq)| *freq == self).map_or("", |(name, _)| name)
    }
}

/// The weekdays as RFC 5545 writes them, from Monday.
pub(super) const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A checked recurrence rule. Lists are ascending and hold nothing twice; weekdays count from Monday (0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrule {
    /// The text it was read from, in upper case; empty where it was not.
    pub(super) text: String,
    /// FREQ.
    pub freq: Freq,
    /// INTERVAL, at least 1; larger than the numbers reach it is held at their end.
    pub interval: u64,
    /// COUNT.
    pub count: Option<u64>,
    /// UNTIL.
    pub until: Option<Until>,
    /// BYSECOND, 0 to 60.
    pub seconds: Vec<u8>,
    /// BYMINUTE.
    pub minutes: Vec<u8>,
    /// BYHOUR.
    pub hours: Vec<u8>,
    /// BYDAY: which one (0 for every), of which weekday.
    pub days: Vec<(i8, u32)>,
    /// BYMONTHDAY, ±1 to ±31.
    pub month_days: Vec<i8>,
    /// BYYEARDAY, ±1 to ±366.
    pub year_days: Vec<i16>,
    /// BYWEEKNO, ±1 to ±53.
    pub week_numbers: Vec<i8>,
    /// BYMONTH.
    pub months: Vec<u8>,
    /// BYSETPOS, ±1 to ±366.
    pub positions: Vec<i16>,
    /// WKST.
    pub week_start: u32,
}

impl Rrule {
    /// The rule that repeats every `interval` and names nothing more.
    pub fn new(freq: Freq, interval: u64) -> Self {
        Self {
            text: String::new(),
            freq,
            interval,
            count: None,
            until: None,
            seconds: Vec::new(),
            minutes: Vec::new(),
            hours: Vec::new(),
            days: Vec::new(),
            month_days: Vec::new(),
            year_days: Vec::new(),
            week_numbers: Vec::new(),
            months: Vec::new(),
            positions: Vec::new(),
            week_start: 0,
        }
    }

    /// Reads an RRULE; `RRULE:` before it is allowed, and so are both cases.
    ///
    /// # Errors
    /// One fault, at ``, that names the part: what RFC 5545 does not know or forbids.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > RRULE_CHARS_MAX {
            return Err(Fault::new(
                "",
                Code::TooLong,
                format!("an RRULE has at most {RRULE_CHARS_MAX} characters"),
            ));
        }
        let text = text.trim();
        let rest = match text.get(..6) {
            Some(head) if head.eq_ignore_ascii_case("RRULE:") => &text[6..],
            _ => text,
        };
        let text = rest.to_ascii_uppercase();
        let rule = read::rule(&text)?;
        Ok(Self { text, ..rule })
    }

    /// The rule as it was given, or as it is written where it was not.
    pub fn text(&self) -> String {
        if self.text.is_empty() { self.to_string() } else { self.text.clone() }
    }
}

impl fmt::Display for Rrule {
    /// Writes the rule as RRULE text, in the order of the RFC and without what is default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: ToString>(f: &mut fmt::Formatter<'_>, part: &str, values: &[T]) -> fmt::Result {
            if values.is_empty() {
                return Ok(());
            }
            let values: Vec<String> = values.iter().map(T::to_string).collect();
            write!(f, ";{part}={}", values.join(","))
        }
        write!(f, "FREQ={}", self.freq.name())?;
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        list(f, "BYMONTH", &self.months)?;
        list(f, "BYWEEKNO", &self.week_numbers)?;
        list(f, "BYYEARDAY", &self.year_days)?;
        list(f, "BYMONTHDAY", &self.month_days)?;
        let days: Vec<String> = self
            .days
            .iter()
            .map(|(n, day)| match n {
                0 => WEEKDAYS[*day as usize].to_owned(),
                n => format!("{n}{}", WEEKDAYS[*day as usize]),
            })
            .collect();
        list(f, "BYDAY", &days)?;
        list(f, "BYHOUR", &self.hours)?;
        list(f, "BYMINUTE", &self.minutes)?;
        list(f, "BYSECOND", &self.seconds)?;
        list(f, "BYSETPOS", &self.positions)?;
        if self.week_start != 0 {
            write!(f, ";WKST={}", WEEKDAYS[self.week_start as usize])?;
        }
        if let Some(count) = self.count {
            write!(f, ";COUNT={count}")?;
        }
        if let Some(until) = self.until {
            write!(f, ";UNTIL={}", until.basic())?;
        }
        Ok(())
    }
}
