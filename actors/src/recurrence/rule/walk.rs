//! The occurrences of a plan on a clock, in order, each instant once.

use std::collections::VecDeque;

use super::civil::Civil;
use super::clock::{Clock, DAY, Placed};
use super::elapsed::Elapsed;
use super::plan::Plan;

/// How much work a walk may do before it gives up, in periods looked at and occurrences drawn; this many take
/// well under 50 ms, and rules that people use need two for each occurrence.
pub(super) const BUDGET: u32 = 100_000;

/// A plan being walked.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    kind: Kind,
    clock: Clock,
    whole_days: bool,
    /// Only keys from here on are told.
    from: i64,
    budget: u32,
    /// Occurrences that a gap has moved, until those that follow have caught up.
    moved: VecDeque<Placed>,
    /// One that was drawn before a moved one had to be told.
    held: Option<Placed>,
    last: Option<i64>,
    drained: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Civil(Box<Civil>),
    Elapsed(Box<Elapsed>),
}

impl Walk {
    /// The walk over all occurrences with a key of at least `from`.
    pub(super) fn new(plan: Plan, clock: Clock, from: i64) -> Self {
        // Whole days have no clock, and steps of hours from a day stay on the bare calendar.
        let whole_days = plan.whole_days;
        let clock = if whole_days { Clock::Floating } else { clock };
        let kind = if plan.freq.is_civil() {
            let local = clock.local(from);
            // What a gap moved lies before its place by at most a day, the widest gap there has been.
            let even = clock.is_even() || clock.offset(from - DAY) == clock.offset(from);
            Kind::Civil(Box::new(Civil::new(plan, if even { local } else { local - DAY })))
        } else {
            Kind::Elapsed(Box::new(Elapsed::new(plan, clock, from)))
        };
        Self {
            kind,
            clock,
            whole_days,
            from,
            budget: BUDGET,
            moved: VecDeque::new(),
            held: None,
            last: None,
            drained: false,
        }
    }

    /// Whether the walk stopped because it had worked enough, not because the rule ends.
    pub(super) fn gave_up(&self) -> bool {
        self.budget == 0
    }

    /// The next one of the rule, whether or not a gap has moved it.
    fn draw(&mut self) -> Option<(Placed, bool)> {
        // A COUNT may have to be counted through from the start, so what is drawn costs as well.
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 {
            return None;
        }
        match &mut self.kind {
            Kind::Civil(walk) => {
                let civil = walk.next(&mut self.budget)?;
                let placed = self.clock.place(civil);
                Some((placed, placed.local != civil))
            }
            Kind::Elapsed(walk) => walk.next(&mut self.budget).map(|placed| (placed, false)),
        }
    }

    /// The next in order. Only what a gap moved can come out of order, and only later ones can pass it.
    fn in_order(&mut self) -> Option<Placed> {
        loop {
            if let Some(held) = self.held {
                if let Some(moved) = self.moved.pop_front_if(|moved| moved.key <= held.key) {
                    return Some(moved);
                }
                self.held = None;
                return Some(held);
            }
            if self.drained {
                return self.moved.pop_front();
            }
            match self.draw() {
                Some((placed, true)) => self.moved.push_back(placed),
                Some((placed, false)) => self.held = Some(placed),
                None => self.drained = true,
            }
        }
    }
}

impl Iterator for Walk {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        loop {
            let mut placed = self.in_order()?;
            if self.whole_days {
                let midnight = placed.local - placed.local.rem_euclid(DAY);
                placed = Placed { key: midnight, local: midnight };
            }
            if placed.key >= self.from && self.last.is_none_or(|last| placed.key > last) {
                self.last = Some(placed.key);
                return Some(placed);
            }
        }
    }
}
