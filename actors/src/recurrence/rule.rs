//! A rule of recurrence: what it may say, how it is read and written, and which occurrences it has.
//!
//! Civil arithmetic first, zone last: a rule is expanded on the wall clock and each wall clock then
//! becomes an instant, in a gap by the offset before it, in a fold the first (RFC 5545 §3.3.5). Rules of
//! hours and shorter step in elapsed time. Pure: no clock, no I/O, no random numbers.
//!
//! Reading order: `read` and `write` (the interface's forms), `rrule` and `cron` (their texts), `days`
//! and `plan` (what a rule names), `civil` and `elapsed` (the two walks), `walk` and `series` (order,
//! ends, RDATE, EXDATE), `step` (a task's next due date), `explain`, `expand`.

use chrono_tz::Tz;
use serde_json::Value;

use crate::message::fault::{Code, Fault};
use crate::message::time::Local;

mod civil;
mod clock;
mod cron;
mod dates;
mod days;
mod elapsed;
mod expand;
mod explain;
mod plan;
mod read;
mod rrule;
mod series;
mod step;
mod walk;
mod write;

pub use self::cron::{CRON_CHARS_MAX, Cron};
pub use self::dates::{Until, When};
pub use self::expand::{expand, expand_with};
pub use self::read::{MEMBERS, is_notation};
pub use self::rrule::{Freq, RRULE_CHARS_MAX, Rrule};

/// The largest interval of a shorthand.
pub const INTERVAL_MAX: u32 = 999;
/// The largest count.
pub const COUNT_MAX: u32 = 10_000;
/// RDATE or EXDATE entries of a rule.
pub const DATES_MAX: usize = 366;
/// How long before its due date a scheduled task may be made, in seconds (30 days).
pub const AHEAD_SECONDS_MAX: u32 = 30 * 86_400;

/// A checked and normalised rule. Serialised as its object form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pattern: Pattern,
    mode: Mode,
    from: From,
    catch_up: CatchUp,
    count: Option<u32>,
    until: Option<Until>,
    ahead: u32,
    rdates: Vec<When>,
    exdates: Vec<When>,
}

/// What repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every `interval` days.
    Daily {
        /// 1 to 999.
        interval: u32,
    },
    /// Every `interval` weeks.
    Weekly {
        /// 1 to 999.
        interval: u32,
        /// On these days, as bits from Monday (0); none means the weekday of the start.
        days: u8,
    },
    /// Every `interval` months, clamped to the last day of short months.
    Monthly {
        /// 1 to 999.
        interval: u32,
        /// 1 to 31, or -1 for the last day; none means the day of the start.
        month_day: Option<i8>,
    },
    /// Every `interval` years; 29 February is clamped like months.
    Yearly {
        /// 1 to 999.
        interval: u32,
    },
    /// A recurrence rule of RFC 5545.
    Rrule(Rrule),
    /// A cron expression.
    Cron(Cron),
}

/// Who makes the next task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Completing or skipping this one.
    Completion,
    /// The calendar, whatever became of the last one.
    Schedule,
}

/// What the next due date is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The due date.
    Due,
    /// The day of completion.
    Completed,
}

/// What becomes of occurrences that were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Each is made.
    Each,
    /// Only the newest is made.
    Latest,
}

impl Rule {
    /// A rule of `pattern` with everything else as by default.
    pub fn of(pattern: Pattern) -> Self {
        let mode = match pattern {
            Pattern::Cron(_) => Mode::Schedule,
            _ => Mode::Completion,
        };
        Self {
            pattern,
            mode,
            from: From::Due,
            catch_up: CatchUp::Each,
            count: None,
            until: None,
            ahead: 0,
            rdates: Vec::new(),
            exdates: Vec::new(),
        }
    }

    /// Every `interval` days (held within 1 to 999, as in all shorthands).
    pub fn daily(interval: u32) -> Self {
        Self::of(Pattern::Daily { interval: interval.clamp(1, INTERVAL_MAX) })
    }

    /// Every `interval` weeks on `days` (from Monday, 0); without days on the weekday of the start.
    pub fn weekly(interval: u32, days: &[chrono::Weekday]) -> Self {
        let bits = days.iter().fold(0, |all, day| all | 1 << day.num_days_from_monday());
        Self::of(Pattern::Weekly { interval: interval.clamp(1, INTERVAL_MAX), days: bits })
    }

    /// Every `interval` months on a day of the month (1 to 31, -1 the last), else on that of the start.
    pub fn monthly(interval: u32, month_day: Option<i8>) -> Self {
        let month_day = month_day.filter(|day| *day == -1 || (1..=31).contains(day));
        Self::of(Pattern::Monthly { interval: interval.clamp(1, INTERVAL_MAX), month_day })
    }

    /// Every `interval` years.
    pub fn yearly(interval: u32) -> Self {
        Self::of(Pattern::Yearly { interval: interval.clamp(1, INTERVAL_MAX) })
    }

    /// The rule of an RRULE.
    ///
    /// # Errors
    /// As [`Rrule::parse`].
    pub fn rrule(text: &str) -> Result<Self, Fault> {
        Rrule::parse(text).map(|rule| Self::of(Pattern::Rrule(rule)))
    }

    /// The rule of a cron expression; its mode is `schedule`.
    ///
    /// # Errors
    /// As [`Cron::parse`].
    pub fn cron(text: &str) -> Result<Self, Fault> {
        Cron::parse(text).map(|cron| Self::of(Pattern::Cron(cron)))
    }

    /// What repeats.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Who makes the next task.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the next due date is counted from.
    pub fn from(&self) -> From {
        self.from
    }

    /// What becomes of missed occurrences.
    pub fn catch_up(&self) -> CatchUp {
        self.catch_up
    }

    /// How many occurrences there are in all, beside the rule or by COUNT in it. RDATE and EXDATE do not change
    /// a count beside the rule; what COUNT comes to with them is [`Rule::total`].
    pub fn count(&self) -> Option<u64> {
        match &self.pattern {
            Pattern::Rrule(Rrule { count: Some(count), .. }) => {
                Some(self.count.map_or(*count, |beside| (*count).min(u64::from(beside))))
            }
            _ => self.count.map(u64::from),
        }
    }

    /// The end, beside the rule or by UNTIL in it.
    pub fn until(&self) -> Option<Until> {
        match &self.pattern {
            Pattern::Rrule(Rrule { until: Some(until), .. }) => Some(*until),
            _ => self.until,
        }
    }

    /// How many seconds before its due date the calendar makes a task.
    pub fn ahead(&self) -> u32 {
        self.ahead
    }

    /// Additional occurrences (RDATE).
    pub fn rdates(&self) -> &[When] {
        &self.rdates
    }

    /// Occurrences taken away (EXDATE).
    pub fn exdates(&self) -> &[When] {
        &self.exdates
    }

    /// The same rule in another mode. `from` falls back to `due` and `ahead` to nothing where they do not apply.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        match mode {
            Mode::Schedule => self.from = From::Due,
            Mode::Completion => self.ahead = 0,
        }
        self
    }

    /// The same rule, counted from the due date or from the day of completion; only in mode completion.
    #[must_use]
    pub fn with_from(mut self, from: From) -> Self {
        if self.mode == Mode::Completion {
            self.from = from;
        }
        self
    }

    /// The same rule with another way of catching up.
    #[must_use]
    pub fn with_catch_up(mut self, catch_up: CatchUp) -> Self {
        self.catch_up = catch_up;
        self
    }

    /// The same rule with an end (`recurrence_end_date`); none leaves it as it is.
    ///
    /// # Errors
    /// At `/until`: the RRULE has an end of its own, or the rule another one.
    pub fn with_until(mut self, until: Option<Until>) -> Result<Self, Fault> {
        if let Some(until) = until {
            if self.until().is_some_and(|present| present != until) {
                return Err(Fault::new(
                    "/until",
                    Code::Conflict,
                    "the end is given twice, and differently",
                ));
            }
            if self.until().is_none() {
                self.until = Some(until);
            }
        }
        Ok(self)
    }

    /// The same rule with a count (`recurrence_count`); none leaves it as it is.
    ///
    /// # Errors
    /// At `/count`: not 1 to 10,000, or the rule has another one.
    pub fn with_count(mut self, count: Option<i64>) -> Result<Self, Fault> {
        if let Some(count) = count {
            let count = read::count(count)?;
            if self.count().is_some_and(|present| present != u64::from(count)) {
                return Err(Fault::new(
                    "/count",
                    Code::Conflict,
                    "the count is given twice, and differently",
                ));
            }
            if self.count().is_none() {
                self.count = Some(count);
            }
        }
        Ok(self)
    }

    /// The same rule without the occurrence at `when` (EXDATE); only an RRULE keeps such exceptions.
    #[must_use]
    pub fn without(mut self, when: When) -> Self {
        if matches!(self.pattern, Pattern::Rrule(_)) && !self.exdates.contains(&when) {
            self.exdates.push(when);
        }
        self
    }

    /// The occurrences of a task's calendar, ascending and each once: `start` is the first whether the rule names
    /// it or not, and counts; only those after `after` are told. Each is the wall clock of `zone`, so that one in
    /// a gap shows where it truly lies; of an hour that comes twice only the first is told. Endless rules go
    /// on to year 9999, but an iterator ends after its bound of work, some 50,000 occurrences: ask anew with `after`.
    pub fn occurrences(
        &self,
        start: Local,
        zone: Option<Tz>,
        after: Option<Local>,
    ) -> impl Iterator<Item = Local> + use<> {
        rising(self.series(start, zone, series::Flavour::Task, after.map(When::Local)), start)
    }

    /// The occurrences by RFC 5545 alone: a start that its rule does not name is none. Else as
    /// [`Rule::occurrences`].
    pub fn pure_occurrences(
        &self,
        start: Local,
        zone: Option<Tz>,
        after: Option<Local>,
    ) -> impl Iterator<Item = Local> + use<> {
        rising(self.series(start, zone, series::Flavour::Pure, after.map(When::Local)), start)
    }

    /// How many occurrences there are in all where the rule has a count, RDATE and EXDATE considered.
    pub fn total(&self, start: Local, zone: Option<Tz>) -> Option<u64> {
        let count = self.count()?;
        if self.rdates.is_empty() && self.exdates.is_empty() {
            return Some(count);
        }
        // The walk has a bound, so a COUNT without measure does not keep this going.
        Some(self.series(start, zone, series::Flavour::Task, None).count() as u64)
    }

    /// Whether a rule of which `made` occurrences were made has no more by its count.
    pub fn ended_after(&self, made: u64, start: Local, zone: Option<Tz>) -> bool {
        self.total(start, zone).is_some_and(|total| made >= total)
    }

    /// Judges the rule as one of a task or calendar that starts at `start`.
    ///
    /// # Errors
    /// `/until`: it ends before the first due date. ``: it has no occurrence at all, or two closer than a minute.
    pub fn check(&self, start: Local, zone: Option<Tz>) -> Result<(), Vec<Fault>> {
        step::check(self, start, zone)
    }

    /// The rule as one plain English sentence, such as `every 2 weeks on Monday and Friday until 31 March 2027`.
    pub fn explain(&self, start: Local, zone: Option<Tz>) -> String {
        explain::sentence(self, start, zone)
    }

    /// Reads every form but English: null and `""` (none), a shorthand, an RRULE, five cron fields, the object.
    /// Names and enums in any case.
    ///
    /// # Errors
    /// All faults found, with pointers relative to the value. A text that [`is_notation`] denies may be English.
    pub fn read(value: &Value) -> Result<Option<Self>, Vec<Fault>> {
        read::rule(value, None)
    }

    /// As [`Rule::read`], with the mode of a rule that names none (`POST /recurrences` takes `schedule`).
    ///
    /// # Errors
    /// As [`Rule::read`].
    pub fn read_as(value: &Value, mode: Mode) -> Result<Option<Self>, Vec<Fault>> {
        read::rule(value, Some(mode))
    }
}

/// Occurrences as civil times, which only rise: the second pass of a repeated hour is left out.
fn rising(series: series::Series, start: Local) -> impl Iterator<Item = Local> + use<> {
    let mut last = None;
    series.map(move |placed| series::as_local(placed, start)).filter(move |local| {
        let rises = last.is_none_or(|last| *local > last);
        if rises {
            last = Some(*local);
        }
        rises
    })
}

#[cfg(test)]
mod tests;
