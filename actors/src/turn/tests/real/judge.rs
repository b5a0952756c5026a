//! What was promised to users of the three actors: every turn that took place is read again, one after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use imbl::OrdMap;
use uuid::Uuid;

use super::{
    super::{
        super::{entry::Entry, state::State},
        judge::{log, stored},
        world::World,
    },
    Real,
    drive::{Ack, User},
    fired, made,
};
use crate::{
    actor::{Actor, Moment},
    message::{key::Key, series::Series, task::Task, time::Timestamp},
    recurrence::Recurrence,
    reminder::{Reminders, event::Event as Ticked},
    task_list::{Event, Fate, TaskList},
};

/// Of which turns everything must have come to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Those that a user was told of.
    Acknowledged,
    /// Every one that took place.
    Everything,
}

/// A turn that took place, and the actor after it.
pub(super) struct Turn<A: Actor> {
    pub(super) entry: Entry<A>,
    pub(super) at: i64,
    pub(super) after: A,
}

/// The tasks and rules after a turn, by what the events say alone.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub(super) tasks: OrdMap<Uuid, Arc<Task>>,
    pub(super) series: OrdMap<Uuid, Arc<Series>>,
}

impl Model {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Task { fate: Fate::TakenBack | Fate::Archived, task, .. } => {
                self.tasks.remove(&task.id);
            }
            Event::Task { task, .. } => {
                self.tasks.insert(task.id, task.clone());
            }
            Event::Series { series } => {
                self.series.insert(series.id, series.clone());
            }
            _ => {}
        }
    }
}

/// Whatever the judge knows of one user.
pub(super) struct Case<'a> {
    pub(super) list: Vec<Turn<TaskList>>,
    /// After each turn of the list; the first is before all.
    pub(super) models: Vec<Model>,
    pub(super) clock: Vec<Turn<Reminders>>,
    pub(super) acks:
        &'a [Ack<crate::message::task::command::Command, crate::message::task::command::Reply>],
    /// Turns of the list that a user was told of.
    pub(super) acked: BTreeSet<u64>,
    /// Turns of the reminders that a user was told of.
    pub(super) ticked: BTreeSet<u64>,
    pub(super) what: What,
    pub(super) now: i64,
}

impl Case<'_> {
    /// Whether what this turn of the list led to must have come to its end.
    pub(super) fn is_over(&self, turn: u64) -> bool {
        self.what == What::Everything || self.acked.contains(&turn)
    }

    pub(super) fn last(&self) -> &Model {
        self.models.last().expect("there is one before all turns")
    }

    /// When a turn of the list took place.
    pub(super) fn at(&self, turn: u64) -> i64 {
        self.list[usize::try_from(turn).unwrap() - 1].at
    }
}

pub(super) fn judge<C: Real>(user: &User<C>, what: What) -> Result<(), String> {
    let list = history::<C, TaskList>(&user.world, &user.list)?;
    let clock = history::<C, Reminders>(&user.world, &user.clock)?;
    let seen = user.seen.lock().unwrap();
    commands(&user.list, &list, &seen.lists, &seen.issued)?;
    commands(&user.clock, &clock, &seen.clocks, &seen.issued)?;
    in_order(&seen.lists)?;
    in_order(&seen.clocks)?;
    list.iter().try_for_each(caused)?;
    clock.iter().try_for_each(ticked)?;
    let mut models = vec![Model::default()];
    for turn in &list {
        let mut model = models.last().cloned().unwrap_or_default();
        turn.entry.events.iter().for_each(|event| model.take(event));
        models.push(model);
    }
    let acked: BTreeSet<u64> = seen.lists.iter().map(|ack| ack.done.version).collect();
    let of_clock: BTreeSet<u64> = seen.clocks.iter().map(|ack| ack.done.version).collect();
    log(&user.world, &|key, sequence| {
        what == What::Everything
            || *key == user.list && acked.contains(&sequence)
            || *key == user.clock && of_clock.contains(&sequence)
    })?;
    let (acks, now) = (&seen.lists[..], user.world.now());
    let case = Case { list, models, clock, acks, acked, ticked: of_clock, what, now };
    made::judge(&case)?;
    fired::judge(&case)?;
    rules(user, &case)
}

/// Every turn of an actor, as its rows were written; together they are what the store has now.
pub(super) fn history<C: Real, A: Actor>(
    world: &World<C>,
    key: &Key,
) -> Result<Vec<Turn<A>>, String> {
    let now = stored::<C, A>(world, key)?;
    let inner = world.inner();
    let mut state = State::<A>::default();
    let mut turns = Vec::new();
    for commit in inner.commits.iter().filter(|commit| commit.key == *key) {
        let (entry, _) = Entry::<A>::read(&commit.row)?;
        let at = entry.moment(key, chrono_tz::UTC);
        state.replay(entry.clone(), &at);
        turns.push(Turn { entry, at: commit.at, after: state.actor.clone() });
    }
    let json = |actor: &A| serde_json::to_value(actor).expect("an actor is JSON");
    if json(&now) != json(&state.actor) {
        return Err(format!("{key}: what is stored is not what took place"));
    }
    Ok(turns)
}

/// Each command took place once, as it was answered; and nothing that nobody asked for.
fn commands<A: Actor>(
    key: &Key,
    turns: &[Turn<A>],
    acks: &[Ack<A::Command, A::Reply>],
    issued: &[Uuid],
) -> Result<(), String> {
    let json = |reply: &A::Reply| serde_json::to_value(reply).expect("a reply is JSON");
    let mut done = BTreeMap::new();
    for turn in turns {
        let Some(outcome) = &turn.entry.outcome else { continue };
        if done.insert(outcome.id, (turn.entry.head.sequence, outcome)).is_some() {
            return Err(format!("{key}: command {} was done twice", outcome.id));
        }
        if !issued.contains(&outcome.id) {
            return Err(format!("{key}: nobody asked for {}", outcome.id));
        }
    }
    for ack in acks {
        let version = ack.done.version;
        if let Some((sequence, outcome)) = done.get(&ack.call.id) {
            if *sequence != version || json(&outcome.reply) != json(&ack.done.reply) {
                return Err(format!("{key}: turn {version} was answered, turn {sequence} done"));
            }
            continue;
        }
        let Some(before) = usize::try_from(version).ok().filter(|at| *at <= turns.len()) else {
            return Err(format!("{key}: turn {version} was answered and is not there"));
        };
        let fresh = A::default();
        let state = before.checked_sub(1).map_or(&fresh, |at| &turns[at].after);
        let now = Timestamp(ack.began - 3_000);
        let at = Moment { key, sequence: version + 1, now, default_zone: chrono_tz::UTC };
        let changes = state.decide(&ack.call, &at).is_ok_and(|it| !it.effects.events.is_empty());
        if changes || ack.call.idempotency.is_some() {
            return Err(format!("{key}: {} was answered at {version}, not done", ack.call.id));
        }
    }
    Ok(())
}

/// What was answered before something was asked is earlier than it.
fn in_order<T, R>(acks: &[Ack<T, R>]) -> Result<(), String> {
    for later in acks {
        let earlier = acks.iter().filter(|ack| ack.ended < later.began);
        let most = earlier.map(|ack| ack.done.version).max().unwrap_or(0);
        if most > later.done.version {
            return Err(format!("{} was answered after {most}", later.done.version));
        }
    }
    Ok(())
}

/// A turn of the list without a command makes what a rule has rung for, and nothing else.
fn caused(turn: &Turn<TaskList>) -> Result<(), String> {
    let by_rule = |event: &Event| {
        matches!(event, Event::Series { .. } | Event::Recurred { .. })
            || matches!(event, Event::Task { fate: Fate::Created, cause: Some(cause), .. } if cause.kind == "rule")
    };
    let entry = &turn.entry;
    let rung = entry.mark.is_some() && entry.events.iter().all(by_rule);
    if entry.outcome.is_some() || entry.events.is_empty() || rung {
        return Ok(());
    }
    Err(format!("turn {} has no cause: {:?}", entry.head.sequence, entry.events))
}

/// What wakes, syncs and commands each can do to reminders.
fn ticked(turn: &Turn<Reminders>) -> Result<(), String> {
    let entry = &turn.entry;
    let fits = |event: &Ticked| match event {
        Ticked::Snoozed { .. } | Ticked::Acknowledged { .. } => entry.outcome.is_some(),
        Ticked::Scheduled { .. } | Ticked::Noted { .. } => entry.mark.is_some(),
        Ticked::Cancelled { .. } => entry.outcome.is_none(),
        Ticked::Triggered { .. } | Ticked::Delivered { .. } => {
            entry.outcome.is_none() && entry.mark.is_none()
        }
        _ => false,
    };
    match entry.events.iter().find(|event| !fits(event)) {
        Some(odd) => Err(format!("turn {} cannot do {odd:?}", entry.head.sequence)),
        None => Ok(()),
    }
}

/// Every rule's clock knows the rule as the list has it, and will ring what the list expects.
fn rules<C: Real>(user: &User<C>, case: &Case<'_>) -> Result<(), String> {
    use crate::message::task::query::{Answer, Query};
    let Some(list) = case.list.last() else { return Ok(()) };
    let now = Timestamp(case.now);
    let sequence = list.entry.head.sequence;
    let at = Moment { key: &user.list, sequence, now, default_zone: chrono_tz::UTC };
    for (id, series) in &case.last().series {
        let key = Key::recurrence(&user.list.user, *id);
        let rule = history::<C, Recurrence>(&user.world, &key)?;
        let rule = rule.last().map(|turn| turn.after.clone()).unwrap_or_default();
        let rule = serde_json::to_value(rule).expect("an actor is JSON");
        let held = &rule["held"]["series"];
        if case.is_over(series.version) && held["version"].as_u64() < Some(series.version) {
            return Err(format!("{key} never heard of turn {}", series.version));
        }
        if case.what == What::Acknowledged {
            continue;
        }
        let Ok(Answer::Series(shown)) = list.after.answer(&Query::Series { series: *id }, &at)
        else {
            return Err(format!("{key} is unknown to its list"));
        };
        if *held != serde_json::to_value(&*shown).expect("a rule is JSON") {
            return Err(format!("{key} holds {held}, the list {shown:?}"));
        }
        let next = made::next(&shown);
        let rings = rule["next"][0].as_str().map(str::to_owned);
        if next.map(|next| next.to_string()) != rings {
            return Err(format!("{key} rings {rings:?} next, the list expects {next:?}"));
        }
    }
    Ok(())
}
