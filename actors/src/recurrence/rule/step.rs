//! A task's next due date: one step from the due date, or from the day of completion.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use super::clock::{Clock, Placed, civil_of, month_length};
use super::dates::When;
use super::series::{Flavour, Limit, as_local};
use super::walk::Walk;
use super::{CatchUp, From, Pattern, Rule};
use crate::message::fault::{Code, Fault};
use crate::message::time::Local;

/// Occurrences that [`check`] looks at to see how close they come.
const LOOKED_AT: usize = 100;

/// Seconds that must lie between two occurrences of a task's rule.
const CLOSEST: i64 = 60;

impl Rule {
    /// One step from a due date: the next due date of mode completion. None when an end has passed.
    ///
    /// `anchor` is the first due date of the series: it gives the time of day, the day of the month, and the
    /// start of an RRULE. `from` is this due date, as an earlier step told it. The result is the wall clock of
    /// `zone`; a step into a gap shows where it truly lies and the one after is back at the anchor's time.
    /// Until is kept; a count is not, because only the caller knows how many were made: [`Rule::ended_after`].
    pub fn step(&self, anchor: Local, from: Local, zone: Option<Tz>) -> Option<Local> {
        match &self.pattern {
            Pattern::Rrule(_) | Pattern::Cron(_) => {
                // The second pass of a repeated hour has the same wall clock; it is not after the first.
                self.endless(anchor, zone, Some(When::Local(from)))
                    .map(|placed| as_local(placed, anchor))
                    .find(|local| *local > from)
            }
            _ => self.within(self.civil_step(anchor, from.date())?, anchor, zone),
        }
    }

    /// The next due date when `due` was completed or skipped at `done` (the wall clock of `zone` then), by `from` and
    /// `catch_up` of the rule. Always after `due`, but from a completion, which may be early: then it is after that, and
    /// another date than `due`. With `catch_up: latest` also after `done`.
    pub fn next_due(
        &self,
        anchor: Local,
        due: Local,
        done: NaiveDateTime,
        zone: Option<Tz>,
    ) -> Option<Local> {
        let completed = self.from == From::Completed;
        let latest = self.catch_up == CatchUp::Latest;
        let now = match anchor {
            // A day has come when it begins.
            Local::Day(_) => Local::Day(done.date()),
            Local::Moment(_) => Local::Moment(done),
        };
        let by_the_clock = matches!(&self.pattern, Pattern::Rrule(rule) if !rule.freq.is_civil());
        let base = match (completed, by_the_clock) {
            (false, _) => due,
            (true, false) => anchor.on(done.date()),
            (true, true) => now,
        };
        let passed =
            |next: Local| (next > due || completed && next != due) && !(latest && next <= now);
        if matches!(self.pattern, Pattern::Rrule(_) | Pattern::Cron(_)) {
            let from = if completed { base } else { due };
            let next = self.step(anchor, if latest { from.max(now) } else { from }, zone)?;
            return if next == due { self.step(anchor, due, zone) } else { Some(next) };
        }
        // From a completion the day of the month is that of the completion.
        let anchor = if completed { base } else { anchor };
        let mut next = base;
        loop {
            next = anchor.on(self.civil_step(anchor, next.date())?);
            if passed(next) {
                return self.within(next.date(), anchor, zone);
            }
        }
    }

    /// One step of a shorthand on the calendar.
    fn civil_step(&self, anchor: Local, from: NaiveDate) -> Option<NaiveDate> {
        let next = match self.pattern {
            Pattern::Daily { interval } => from.checked_add_days(Days::new(u64::from(interval))),
            Pattern::Weekly { interval, days: 0 } => {
                from.checked_add_days(Days::new(7 * u64::from(interval)))
            }
            Pattern::Weekly { interval, days } => {
                let today = from.weekday().num_days_from_monday();
                let later = u32::from(days) >> (today + 1);
                let ahead = if later != 0 {
                    later.trailing_zeros() + 1
                } else {
                    7 * interval + u32::from(days).trailing_zeros() - today
                };
                from.checked_add_days(Days::new(u64::from(ahead)))
            }
            Pattern::Monthly { interval, month_day } => {
                let named =
                    month_day.map_or(anchor.date().day(), |day| u32::try_from(day).unwrap_or(31));
                let this = on_month(from.year(), from.month(), named)?;
                if month_day.is_some() && this > from {
                    Some(this)
                } else {
                    let month = from.month0() + interval;
                    let year = from.year() + i32::try_from(month / 12).ok()?;
                    on_month(year, month % 12 + 1, named)
                }
            }
            Pattern::Yearly { interval } => {
                let year = from.year() + i32::try_from(interval).ok()?;
                // Only a 29 February is shortened, and it returns.
                let leap_day = (anchor.date().month(), anchor.date().day()) == (2, 29);
                let day = if leap_day && from.month() == 2 { 29 } else { from.day() };
                on_month(year, from.month(), day)
            }
            Pattern::Rrule(_) | Pattern::Cron(_) => None,
        };
        next.filter(|date| date.year() <= 9_999)
    }

    /// A day at the anchor's time as the wall clock shows it, unless the end has passed.
    fn within(&self, date: NaiveDate, anchor: Local, zone: Option<Tz>) -> Option<Local> {
        let (clock, whole_days) = clock(anchor, zone);
        let placed = clock.place(civil_of(anchor.on(date)));
        let ended = self
            .until
            .is_some_and(|until| Limit::of(until, Clock::of(zone), whole_days).passed_by(placed));
        (!ended).then(|| as_local(placed, anchor))
    }
}

/// The clock on which a start lies: whole days have none.
fn clock(start: Local, zone: Option<Tz>) -> (Clock, bool) {
    match start {
        Local::Day(_) => (Clock::Floating, true),
        Local::Moment(_) => (Clock::of(zone), false),
    }
}

/// A day of a month, or its last day where the month is shorter.
fn on_month(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day.min(month_length(year, month)))
}

/// Judges a rule with its start; see [`Rule::check`].
pub(super) fn check(rule: &Rule, start: Local, zone: Option<Tz>) -> Result<(), Vec<Fault>> {
    let (clock, whole_days) = clock(start, zone);
    let first = clock.place(civil_of(start));
    let mut faults = Vec::new();
    if let Some(until) = rule.until()
        && Limit::of(until, Clock::of(zone), whole_days).passed_by(first)
    {
        let pointer = if rule.until.is_some() { "/until" } else { "" };
        faults.push(Fault::new(
            pointer,
            Code::OutOfRange,
            "the rule ends before the first due date",
        ));
    }
    let fires = Walk::new(rule.plan(start), clock, first.key).next().is_some();
    if !fires && rule.rdates.is_empty() {
        faults.push(Fault::new("", Code::Invalid, "the rule has no occurrence at all"));
    }
    let seen: Vec<Placed> = rule.series(start, zone, Flavour::Pure, None).take(LOOKED_AT).collect();
    if !whole_days && seen.windows(2).any(|pair| pair[1].key - pair[0].key < CLOSEST) {
        let detail = "a task's rule has at least one minute between occurrences";
        faults.push(Fault::new("", Code::Invalid, detail));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
