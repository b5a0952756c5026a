//! What the task list says of a rule, and what that means beside what it said before.
//!
//! A sync tells a state and may stand for many changes at once: what the log is told is what differs.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Recurrence,
    event::{Event, What},
    following,
    ledger::{Entry, Fate, LEDGER_MAX},
    rule::{CatchUp, Mode},
};
use crate::message::{
    series::{Series, SeriesStatus, Template},
    sync::RuleState,
    time::{Local, Timestamp},
};

impl Recurrence {
    /// What happens now that the rule is this.
    pub(super) fn hear(&self, state: &RuleState) -> Vec<Event> {
        if self.held.as_deref() == Some(state) {
            return Vec::new();
        }
        let (rung, next) = self.next_of(state);
        let entries = self.entries_of(state);
        let heard = Event::Heard { state: Arc::new(state.clone()), next, rung, entries };
        let rings_at = next.map(|(_, moment)| moment);
        let rule = state.series.id;
        let newest = state.series.open_task_ids.last().copied();
        let told = whats(self.held.as_deref().map(|held| held.series.as_ref()), &state.series);
        let told = told.into_iter().map(|what| {
            let task = match &what {
                What::Skipped { occurrence } => self.ledger.task(*occurrence),
                _ => newest,
            };
            Event::Told { rule, task, what, rings_at }
        });
        std::iter::once(heard).chain(told).collect()
    }

    /// The latest start that rang, and the next to ring. The list may not have heard yet of what rang; a rule that
    /// was changed begins anew.
    fn next_of(&self, state: &RuleState) -> (Option<Local>, Option<(Local, Timestamp)>) {
        let is_same = |held: &&Arc<RuleState>| {
            held.series.rule == state.series.rule
                && held.series.start == state.series.start
                && held.zone == state.zone
        };
        let rung = self.held.as_ref().filter(is_same).and(self.rung);
        let rings = state.series.status == SeriesStatus::Active
            && state.series.rule.mode() == Mode::Schedule;
        let next = match (state.next.filter(|_| rings), rung) {
            (Some(next), Some(rung)) if next.0 <= rung => following(state, rung).next(),
            (next, _) => next,
        };
        (rung, next)
    }

    /// What is new in the ledger: occurrences made, skipped, and no longer open.
    fn entries_of(&self, state: &RuleState) -> Vec<Entry> {
        let is_open = |task: &Uuid| state.series.open_task_ids.contains(task);
        let closed = self.ledger.entries().filter_map(|entry| {
            let over = entry.fate == Fate::Made && entry.task.is_some_and(|task| !is_open(&task));
            over.then(|| Entry { fate: Fate::Closed, ..entry.clone() })
        });
        let held = self.held.as_deref();
        let known = |start: &Local| held.is_some_and(|held| held.series.skips.contains(start));
        let skipped = state.series.skips.iter().filter(|start| !known(start));
        let skipped = skipped.map(|start| {
            let task = self.ledger.task(*start);
            Entry { start: *start, fate: Fate::Skipped, task }
        });
        closed.chain(made(held, state)).chain(skipped).collect()
    }
}

/// The occurrences made since, with their tasks where they can be told apart.
fn made(held: Option<&RuleState>, state: &RuleState) -> Vec<Entry> {
    let before = held.and_then(|held| held.series.last);
    let Some(last) = state.series.last.filter(|last| before.is_none_or(|before| *last > before))
    else {
        return Vec::new();
    };
    let rule = &state.series.rule;
    let starts = match before {
        // The calendar makes every start up to the last; whatever else makes, makes one.
        Some(before) if rule.mode() == Mode::Schedule && rule.catch_up() == CatchUp::Each => {
            let mut starts: Vec<Local> = following(state, before)
                .map(|(start, _)| start)
                .take_while(|start| *start < last)
                .take(LEDGER_MAX - 1)
                .collect();
            starts.push(last);
            starts
        }
        _ => vec![last],
    };
    let was_open = |task: &&Uuid| held.is_some_and(|it| it.series.open_task_ids.contains(task));
    let tasks: Vec<Uuid> =
        state.series.open_task_ids.iter().filter(|task| !was_open(task)).copied().collect();
    let known = tasks.len() == starts.len();
    let task = |at: usize| known.then(|| tasks[at]);
    let entry = |(at, start)| Entry { start, fate: Fate::Made, task: task(at) };
    starts.into_iter().enumerate().map(entry).collect()
}

/// What the log is told: how the rule differs from what it was.
fn whats(before: Option<&Series>, now: &Series) -> Vec<What> {
    use SeriesStatus::{Active, Ended, Paused};
    let mut whats = Vec::new();
    match before {
        None => whats.push(What::Started),
        Some(before) => {
            let changes = changes(before, now);
            if !changes.is_empty() {
                whats.push(What::Changed { changes });
            }
        }
    }
    let known = |start: &Local| before.is_some_and(|before| before.skips.contains(start));
    let skips = now.skips.iter().filter(|start| !known(start));
    whats.extend(skips.map(|occurrence| What::Skipped { occurrence: *occurrence }));
    match (before.map_or(Active, |before| before.status), now.status) {
        (Active | Ended, Paused) => whats.push(What::Paused),
        (Paused | Ended, Active) => whats.push(What::Resumed),
        (Active | Paused, Ended) => whats.push(What::Ended { reason: now.ended_reason }),
        (Active, Active) | (Paused, Paused) | (Ended, Ended) => {}
    }
    whats
}

/// What changed of what the user sets: {field: {before, after}}.
fn changes(before: &Series, now: &Series) -> Map<String, Value> {
    let mut changes = Map::new();
    let mut differ = |name: &str, value: &dyn Fn(&Series) -> Value| {
        let (before, after) = (value(before), value(now));
        if before != after {
            changes.insert(name.to_owned(), json!({ "before": before, "after": after }));
        }
    };
    differ("recurrence", &|series| series.rule.object());
    differ("start", &|series| json!(series.start));
    differ("zone", &|series| json!(series.zone.map(|zone| zone.name())));
    differ("task", &|series| template(&series.template));
    changes
}

/// A template in the values of the interface.
fn template(template: &Template) -> Value {
    let reminders: Vec<Value> = template
        .reminders
        .iter()
        .map(|it| {
            json!({
                "lead_time": it.lead_time,
                "channels": it.channels,
                "webhook_url": it.webhook_url,
                "email_address": it.email_address,
            })
        })
        .collect();
    json!({
        "title": template.title,
        "description": template.description,
        "priority": template.priority,
        "tags": template.tags,
        "reminders": reminders,
    })
}
