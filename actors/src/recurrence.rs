//! The clock and the ledger of one rule.
//!
//! The task list owns the rule and makes its tasks. This actor knows when the next start of a schedule has come
//! and tells the list so; it keeps what became of the newest occurrences, and says to the log what became of the
//! rule. `rule` is the engine: which occurrences a rule has.

pub mod event;
mod heard;
pub mod ledger;
pub mod rule;

use std::{iter, sync::Arc};

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use self::{
    event::Event,
    ledger::{Entry, Ledger},
    rule::{CatchUp, Mode},
};
use crate::{
    actor::{Actor, Decision, Effects, Moment},
    message::{
        call::Call,
        event::Fact,
        key::Key,
        rejection::Rejection,
        series::SeriesStatus,
        sync::{Item, RuleState, Subject, Value},
        task::Due,
        time::{Local, Timestamp},
    },
};

/// Most starts that one wake rings; what is left rings at once, in the next wake.
pub const RINGS_MAX: usize = 100;
/// Most starts that one wake passes over in search of the newest one missed; the next wake goes on.
pub const PASSED_MAX: usize = 1_000;

/// Nothing can be asked of a rule's clock: rules are changed in the task list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {}

/// Nothing is replied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Query {
    /// What became of the newest occurrences.
    Ledger,
}

/// One answer; the variant is the query's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What became of the newest occurrences.
    Ledger {
        /// They, oldest first.
        entries: Vec<Entry>,
        /// The start that rings next, and when.
        next: Option<(Local, Timestamp)>,
    },
}

/// One rule. A clone shares everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recurrence {
    /// The rule as the task list last told it.
    #[serde(default)]
    held: Option<Arc<RuleState>>,
    /// The start that rings next, and when.
    #[serde(default)]
    next: Option<(Local, Timestamp)>,
    /// The latest start of this rule that rang.
    #[serde(default)]
    rung: Option<Local>,
    /// What became of the newest occurrences.
    #[serde(default)]
    ledger: Ledger,
}

impl Actor for Recurrence {
    type Command = Command;
    type Reply = Reply;
    type Event = Event;
    type Query = Query;
    type Answer = Answer;

    fn decide(&self, call: &Call<Command>, _at: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        match call.command {}
    }

    fn wake(&self, alarm: Timestamp, at: &Moment<'_>) -> Effects<Self> {
        let (Some(held), Some(next)) = (&self.held, self.next) else { return Effects::default() };
        if next.1 > alarm {
            return Effects::default();
        }
        let event = match held.series.rule.catch_up() {
            CatchUp::Each => ring_each(held, next, alarm),
            CatchUp::Latest => ring_latest(held, next, alarm, at.now),
        };
        let mut effects = Effects::default();
        if let Event::Rang { starts, .. } = &event {
            let list = Key::task_list(&at.key.user);
            let ring = |start: &Local| (list.clone(), Subject::Ring(*start), Value::Ring(*start));
            effects.syncs = starts.iter().map(ring).collect();
        }
        effects.events = vec![event];
        effects
    }

    fn receive(&self, _from: &Key, items: &[Item], at: &Moment<'_>) -> Effects<Self> {
        // A second item must see what the first has done.
        let mut after = self.clone();
        let mut effects = Effects::default();
        for item in items {
            let Value::Rule(state) = &item.value else { continue };
            for event in after.hear(state) {
                after.evolve(&event, at);
                effects.events.push(event);
            }
        }
        effects
    }

    fn evolve(&mut self, event: &Event, _at: &Moment<'_>) {
        match event {
            Event::Heard { state, next, rung, entries } => {
                self.held = Some(state.clone());
                (self.next, self.rung) = (*next, *rung);
                entries.iter().for_each(|entry| self.ledger.note(entry));
            }
            Event::Rang { starts, next } => {
                self.next = *next;
                self.rung = starts.last().copied().or(self.rung);
                starts.iter().for_each(|start| self.ledger.rang(*start));
            }
            Event::Told { .. } => {}
        }
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.next.map(|(_, moment)| moment)
    }

    fn answer(&self, query: &Query, _at: &Moment<'_>) -> Result<Answer, Rejection> {
        match query {
            Query::Ledger => {
                let entries = self.ledger.entries().cloned().collect();
                Ok(Answer::Ledger { entries, next: self.next })
            }
        }
    }

    fn fact(event: &Event, _at: &Moment<'_>) -> Option<Fact> {
        event.fact()
    }
}

/// Every start that has come by `alarm`, as many as one wake rings.
fn ring_each(held: &RuleState, next: (Local, Timestamp), alarm: Timestamp) -> Event {
    let mut starts = vec![next.0];
    let mut later = following(held, next.0);
    let mut next = later.next();
    while let Some((start, moment)) = next
        && moment <= alarm
        && starts.len() < RINGS_MAX
    {
        starts.push(start);
        next = later.next();
    }
    Event::Rang { starts, next }
}

/// The newest start that has come by now. Where the alarm is older than that, nothing rings yet: the start is
/// made the next one, and rings by its own alarm, so that a clock ahead of the alarm's makes nothing early.
fn ring_latest(
    held: &RuleState,
    next: (Local, Timestamp),
    alarm: Timestamp,
    now: Timestamp,
) -> Event {
    let mut newest = next;
    let mut later = following(held, next.0);
    let mut after = later.next();
    let has_come = |start: &(Local, Timestamp)| start.1 <= now.max(alarm);
    for _ in 0..PASSED_MAX {
        let Some(start) = after.filter(has_come) else { break };
        newest = start;
        after = later.next();
    }
    if newest.1 > alarm || after.is_some_and(|start| has_come(&start)) {
        return Event::Rang { starts: Vec::new(), next: Some(newest) };
    }
    Event::Rang { starts: vec![newest.0], next: after }
}

/// The starts after one that a schedule is to make, each with the moment it rings.
fn following(held: &RuleState, after: Local) -> impl Iterator<Item = (Local, Timestamp)> {
    let (series, zone) = (&held.series, Some(held.zone));
    let starts: Box<dyn Iterator<Item = Local>> = match series.rule.mode() {
        _ if series.status != SeriesStatus::Active => Box::new(iter::empty()),
        Mode::Completion => Box::new(iter::empty()),
        // A start of its own counts only where the rule names it.
        Mode::Schedule if series.standalone => {
            Box::new(series.rule.pure_occurrences(series.start, zone, Some(after)))
        }
        Mode::Schedule => Box::new(series.rule.occurrences(series.start, zone, Some(after))),
    };
    starts.filter(|start| !series.skips.contains(start)).map(|start| (start, rings_at(held, start)))
}

/// When a start rings: `ahead` before its due; a day begins at its midnight.
fn rings_at(held: &RuleState, start: Local) -> Timestamp {
    let due = Due::new(start, held.zone).instant(NaiveTime::MIN, held.zone);
    due.plus(-i64::from(held.series.rule.ahead()) * 1000)
}

#[cfg(test)]
mod tests;
