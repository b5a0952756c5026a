//! The occurrences of a rule from its start: RDATE, EXDATE, count and until around the walk.

use chrono_tz::Tz;

use super::clock::{Clock, DAY, Placed, civil_of, midnight, moment, number};
use super::dates::When;
use super::walk::Walk;
use super::{Pattern, Rule};
use crate::message::time::Local;

/// What counts as an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// RFC 5545 to the letter: a start that its rule does not name is none.
    Pure,
    /// A task's: the start is the first, whether the rule names it or not.
    Task,
}

/// Occurrences in order, each once. Ends with the rule, or when its walk has worked enough.
#[derive(Clone, Debug)]
pub(super) struct Series {
    walk: Walk,
    /// UNTIL and COUNT of the rule itself; RDATE is free of them.
    rule_until: Option<Limit>,
    rule_left: Option<u64>,
    /// Ends for everything, RDATE too.
    until: Option<Limit>,
    left: Option<u64>,
    /// RDATE, latest first, so that the next is at the end; a task's start is among them.
    extra: Vec<Placed>,
    excluded: Excluded,
    /// The start of a task, which nothing excludes.
    kept: Option<i64>,
    next_of_rule: Option<Placed>,
    /// Only keys above are told; those before still count.
    after: Option<i64>,
    last: Option<i64>,
    done: bool,
}

/// The last that counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// By its key.
    Key(i64),
    /// By the wall clock, up to but without this civil second: a day as end includes that local day.
    Before(i64),
}

impl Limit {
    pub(super) fn of(until: When, clock: Clock, whole_days: bool) -> Self {
        match until {
            When::Local(Local::Day(day)) => Self::Before(midnight(number(day)) + DAY),
            _ => Self::Key(until.placed(clock, whole_days).key),
        }
    }

    pub(super) fn passed_by(self, placed: Placed) -> bool {
        match self {
            Self::Key(key) => placed.key > key,
            Self::Before(civil) => placed.local >= civil,
        }
    }
}

/// What EXDATE takes away, ascending; a day among moments takes all of that local day.
#[derive(Clone, Debug, Default)]
struct Excluded {
    keys: Vec<i64>,
    days: Vec<i64>,
}

impl Excluded {
    fn of(exdates: &[When], clock: Clock, whole_days: bool) -> Self {
        let mut excluded = Self::default();
        for when in exdates {
            match (when, whole_days) {
                (When::Local(Local::Day(day)), false) => excluded.days.push(midnight(number(*day))),
                _ => excluded.keys.push(when.placed(clock, whole_days).key),
            }
        }
        excluded.keys.sort_unstable();
        excluded.days.sort_unstable();
        excluded
    }

    fn holds(&self, placed: Placed) -> bool {
        let midnight = placed.local - placed.local.rem_euclid(DAY);
        self.keys.binary_search(&placed.key).is_ok() || self.days.binary_search(&midnight).is_ok()
    }
}

impl Rule {
    /// The series with all its ends.
    pub(super) fn series(
        &self,
        start: Local,
        zone: Option<Tz>,
        flavour: Flavour,
        after: Option<When>,
    ) -> Series {
        let counted = self.count.is_some() || self.inner_count().is_some();
        Series::new(self, start, zone, flavour, after, counted)
    }

    /// The series without any count.
    pub(super) fn endless(&self, start: Local, zone: Option<Tz>, after: Option<When>) -> Series {
        Series::new(self, start, zone, Flavour::Task, after, false)
    }

    /// COUNT inside the RRULE.
    fn inner_count(&self) -> Option<u64> {
        match &self.pattern {
            Pattern::Rrule(rule) => rule.count,
            _ => None,
        }
    }
}

impl Series {
    fn new(
        rule: &Rule,
        start: Local,
        zone: Option<Tz>,
        flavour: Flavour,
        after: Option<When>,
        counted: bool,
    ) -> Self {
        let whole_days = matches!(start, Local::Day(_));
        let clock = if whole_days { Clock::Floating } else { Clock::of(zone) };
        let laid = |when: When| when.placed(Clock::of(zone), whole_days);
        let first = clock.place(civil_of(start));
        let after = after.map(|when| match (when, whole_days) {
            // A day means all of it.
            (When::Local(Local::Day(day)), false) => {
                clock.place(midnight(number(day)) + DAY).key - 1
            }
            _ => laid(when).key,
        });
        let from = match after {
            Some(after) if !counted => first.key.max(after.saturating_add(1)),
            _ => first.key,
        };
        let time = civil_of(start).rem_euclid(DAY);
        let mut extra: Vec<Placed> = rule
            .rdates
            .iter()
            .map(|when| match (when, whole_days) {
                // A day among moments is that day at the start's time.
                (When::Local(Local::Day(day)), false) => clock.place(midnight(number(*day)) + time),
                _ => laid(*when),
            })
            .collect();
        if flavour == Flavour::Task {
            extra.retain(|placed| placed.key > first.key);
            if from == first.key {
                extra.push(first);
            }
        }
        extra.sort_unstable();
        extra.dedup();
        extra.reverse();
        let rule_until = match &rule.pattern {
            Pattern::Rrule(rule) => rule.until,
            _ => None,
        };
        let limit = |until| Limit::of(until, Clock::of(zone), whole_days);
        let plan = rule.plan(start);
        let mut series = Self {
            walk: Walk::new(plan, clock, from),
            rule_until: rule_until.map(limit),
            rule_left: rule.inner_count().filter(|_| counted),
            until: rule.until.map(limit),
            left: rule.count.map(u64::from).filter(|_| counted),
            extra,
            excluded: Excluded::of(&rule.exdates, Clock::of(zone), whole_days),
            kept: (flavour == Flavour::Task).then_some(first.key),
            next_of_rule: None,
            after,
            last: None,
            done: false,
        };
        series.advance();
        if flavour == Flavour::Task && series.next_of_rule != Some(first) && from == first.key {
            // The start takes one of COUNT although the rule does not name it.
            series.rule_left = series.rule_left.map(|left| left.saturating_sub(1));
            if series.rule_left == Some(0) {
                series.next_of_rule = None;
            }
        }
        series
    }

    /// Whether the series ends only because it was too much work to go on.
    pub(super) fn gave_up(&self) -> bool {
        self.walk.gave_up()
    }

    /// Draws the next occurrence of the rule itself, within UNTIL and COUNT.
    fn advance(&mut self) {
        self.next_of_rule = None;
        if self.rule_left == Some(0) {
            return;
        }
        let until = self.rule_until;
        self.next_of_rule =
            self.walk.next().filter(|next| !until.is_some_and(|until| until.passed_by(*next)));
        if self.next_of_rule.is_none() {
            self.rule_left = Some(0);
        }
    }

    /// The next of rule and RDATE together.
    fn merged(&mut self) -> Option<Placed> {
        let extra = self.extra.last().copied();
        match (self.next_of_rule, extra) {
            (Some(next), Some(extra)) if extra.key <= next.key => self.extra.pop(),
            (Some(next), _) => {
                self.rule_left = self.rule_left.map(|left| left - 1);
                self.advance();
                Some(next)
            }
            (None, _) => self.extra.pop(),
        }
    }
}

impl Iterator for Series {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        while !self.done && self.left != Some(0) {
            let Some(placed) = self.merged() else { break };
            if self.last.is_some_and(|last| placed.key <= last)
                || (self.excluded.holds(placed) && self.kept != Some(placed.key))
            {
                continue;
            }
            self.last = Some(placed.key);
            if self.until.is_some_and(|until| until.passed_by(placed)) {
                break;
            }
            self.left = self.left.map(|left| left - 1);
            if self.after.is_none_or(|after| placed.key > after) {
                return Some(placed);
            }
        }
        self.done = true;
        None
    }
}

/// An occurrence as a civil time of the start's kind.
pub(super) fn as_local(placed: Placed, start: Local) -> Local {
    let at = moment(placed.local);
    match start {
        Local::Day(_) => Local::Day(at.date()),
        Local::Moment(_) => Local::Moment(at),
    }
}
