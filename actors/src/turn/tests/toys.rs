//! Three small actors that use every part of a turn: a list that sets moments, a clock that fires them, a rule that rings.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::world::Cast;
use crate::{
    actor::{Actor, Decision, Effects, Moment},
    message::{
        call::Call,
        event::{Fact, Members, Topic},
        key::Key,
        rejection::{Rejection, Slug},
        sync::{Item, Moments, Subject, Value},
        task::SetReminder,
        text::Title,
        time::{Local, Timestamp},
    },
};

/// A moment nearer than this is taken away only with the clock's confirmation.
const NEAR_MS: i64 = 120_000;
/// Between two rings of a rule.
pub(super) const RING_MS: i64 = 20_000;

/// The toys, on whatever kind of host.
pub(super) trait Toys: Cast<List = List, Clock = Clock, Rule = Rule> {}

/// Hosts that share a store.
pub(super) struct Shared;
/// One host with a store of its own.
pub(super) struct Owned;

impl Cast for Shared {
    const OWNED: bool = false;
    type List = List;
    type Clock = Clock;
    type Rule = Rule;
}

impl Cast for Owned {
    const OWNED: bool = true;
    type List = List;
    type Clock = Clock;
    type Rule = Rule;
}

impl Toys for Shared {}
impl Toys for Owned {}

fn fact(topic: Topic, kind: &str) -> Fact {
    Fact {
        topic,
        kind: kind.to_owned(),
        subject: Uuid::nil(),
        cause: None,
        data: Members::default(),
    }
}

/// A command's id in little room.
pub(super) fn short(id: Uuid) -> u64 {
    id.as_u64_pair().0
}

pub(super) fn id(item: u64) -> Uuid {
    Uuid::from_u128(u128::from(item) + 1)
}

fn local(at: Timestamp) -> Local {
    Local::Moment(at.utc().naive_utc())
}

fn instant(local: Local) -> Timestamp {
    let Local::Moment(at) = local else { unreachable!("rings are moments") };
    DateTime::<Utc>::from_naive_utc_and_offset(at, Utc).into()
}

// The list.

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) total: u64,
    pub(super) items: BTreeMap<u64, (Option<Timestamp>, u64)>,
    pub(super) done: Vec<(u64, u64, u64)>,
    pub(super) sets: Vec<(u64, u64, Option<Timestamp>)>,
    pub(super) rung: Vec<Local>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Tell {
    /// Sets an item's moment, or takes it away.
    Set { item: u64, moment: Option<Timestamp> },
    /// Adds to the total; tells the log only if more than 1.
    Add { n: u64 },
    /// Refuses while the total is below.
    Reach { total: u64 },
    /// Changes nothing and says the total.
    Look,
    /// Starts a rule.
    Start { rule: Uuid, first: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) total: u64,
    pub(super) sequence: u64,
    pub(super) confirmed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Listed {
    Set { command: Uuid, item: u64, moment: Option<Timestamp> },
    Added { command: Uuid, n: u64 },
    Counted,
    Started { command: Uuid },
    Rung { start: Local },
}

fn moments(item: u64, moment: Option<Timestamp>) -> Value {
    let reminder = |remind_at| SetReminder {
        id: id(item),
        lead_time: None,
        remind_at,
        channels: Vec::new(),
        webhook_url: None,
        email_address: None,
        created_at: Timestamp(0),
        version: 0,
    };
    Value::Moments(Moments {
        task: id(item),
        title: Title::parse("toy").unwrap(),
        due: None,
        closed: None,
        reminders: moment.map(reminder).into_iter().collect(),
        due_cleared: Vec::new(),
        email: None,
    })
}

impl Actor for List {
    type Command = Tell;
    type Reply = Told;
    type Event = Listed;
    type Query = ();
    type Answer = (u64, u64);

    fn decide(&self, call: &Call<Tell>, at: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        let mut told = Told { total: self.total, sequence: at.sequence, confirmed: false };
        let (command, mut effects) = (call.id, Effects::default());
        match call.command {
            Tell::Set { item, moment } => {
                let near = |old: Timestamp| old < at.now.plus(NEAR_MS);
                let old = self.items.get(&item).and_then(|(old, _)| *old);
                effects.confirm = old.is_some_and(near);
                told.confirmed = effects.confirm;
                effects.events.push(Listed::Set { command, item, moment });
                let to = Key::reminder(&at.key.user);
                effects.syncs.push((to, Subject::Task(id(item)), moments(item, moment)));
            }
            Tell::Add { n } => {
                effects.events.push(Listed::Added { command, n });
                effects.events.extend((n > 1).then_some(Listed::Counted));
                told.total += n;
            }
            Tell::Reach { total } if self.total < total => {
                return Err(Rejection::new(Slug::LimitReached, self.total.to_string()));
            }
            Tell::Reach { .. } | Tell::Look => {}
            Tell::Start { rule, first } => {
                effects.events.push(Listed::Started { command });
                let to = Key::recurrence(&at.key.user, rule);
                effects.syncs.push((to, Subject::Rule(rule), Value::Ring(local(first))));
            }
        }
        Ok(Decision { reply: told, effects })
    }

    fn wake(&self, _: Timestamp, _: &Moment<'_>) -> Effects<Self> {
        Effects::default()
    }

    fn receive(&self, _: &Key, items: &[Item], _: &Moment<'_>) -> Effects<Self> {
        let mut last = self.rung.last().copied();
        let mut effects = Effects::default();
        for item in items {
            let Value::Ring(start) = item.value else { continue };
            if last.is_none_or(|last| start > last) {
                effects.events.push(Listed::Rung { start });
                last = Some(start);
            }
        }
        effects
    }

    fn evolve(&mut self, event: &Listed, at: &Moment<'_>) {
        match *event {
            Listed::Set { command, item, moment } => {
                self.items.insert(item, (moment, at.sequence));
                self.sets.push((at.sequence, item, moment));
                self.done.push((short(command), at.sequence, self.total));
            }
            Listed::Added { command, n } => {
                self.total += n;
                self.done.push((short(command), at.sequence, self.total));
            }
            Listed::Counted => {}
            Listed::Started { command } => {
                self.done.push((short(command), at.sequence, self.total))
            }
            Listed::Rung { start } => self.rung.push(start),
        }
    }

    fn alarm(&self) -> Option<Timestamp> {
        None
    }

    fn answer(&self, (): &(), at: &Moment<'_>) -> Result<(u64, u64), Rejection> {
        Ok((self.total, at.sequence))
    }

    fn fact(event: &Listed, _: &Moment<'_>) -> Option<Fact> {
        let silent = matches!(event, Listed::Added { n: 0..=1, .. });
        (!silent).then(|| fact(Topic::TaskEvents, "toy"))
    }
}

// The clock.

/// Which setting of a moment: the list's sequence, or the clock's own with a snooze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Token {
    Set(u64),
    Snooze(u64),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Clock {
    pub(super) heard: BTreeMap<u64, u64>,
    pub(super) pending: BTreeMap<u64, (Timestamp, Token)>,
    pub(super) history: Vec<(u64, Ticked)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Snooze {
    pub(super) item: u64,
    pub(super) to: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Ticked {
    Heard { item: u64, moment: Option<Timestamp>, sequence: u64 },
    Fired { item: u64, moment: Timestamp, token: Token, alarm: Timestamp },
    Snoozed { command: Uuid, item: u64, to: Timestamp },
}

impl Actor for Clock {
    type Command = Snooze;
    type Reply = u64;
    type Event = Ticked;
    type Query = ();
    type Answer = BTreeMap<u64, u64>;

    fn decide(&self, call: &Call<Snooze>, at: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        let Snooze { item, to } = call.command;
        let fired = self.heard.contains_key(&item) && !self.pending.contains_key(&item);
        if !fired {
            return Err(Rejection::new(Slug::ReminderClosed, "not fired"));
        }
        let events = vec![Ticked::Snoozed { command: call.id, item, to }];
        Ok(Decision { reply: at.sequence, effects: Effects { events, ..Effects::default() } })
    }

    fn wake(&self, alarm: Timestamp, _: &Moment<'_>) -> Effects<Self> {
        let due = self.pending.iter().filter(|(_, (moment, _))| *moment <= alarm);
        let fired = |(item, (moment, token)): (&u64, &(Timestamp, Token))| Ticked::Fired {
            item: *item,
            moment: *moment,
            token: *token,
            alarm,
        };
        Effects { events: due.map(fired).collect(), ..Effects::default() }
    }

    fn receive(&self, _: &Key, items: &[Item], _: &Moment<'_>) -> Effects<Self> {
        let heard = items.iter().filter_map(|item| {
            let Value::Moments(moments) = &item.value else { return None };
            let number = u64::try_from(moments.task.as_u128() - 1).unwrap();
            let moment = moments.reminders.first().map(|reminder| reminder.remind_at);
            Some(Ticked::Heard { item: number, moment, sequence: item.sequence })
        });
        Effects { events: heard.collect(), ..Effects::default() }
    }

    fn evolve(&mut self, event: &Ticked, at: &Moment<'_>) {
        match *event {
            Ticked::Heard { item, moment, sequence } => {
                self.heard.insert(item, sequence);
                match moment {
                    Some(moment) => self.pending.insert(item, (moment, Token::Set(sequence))),
                    None => self.pending.remove(&item),
                };
            }
            Ticked::Fired { item, .. } => {
                self.pending.remove(&item);
            }
            Ticked::Snoozed { item, to, .. } => {
                self.pending.insert(item, (to, Token::Snooze(at.sequence)));
            }
        }
        self.history.push((at.sequence, event.clone()));
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.pending.values().map(|(moment, _)| *moment).min()
    }

    fn answer(&self, (): &(), _: &Moment<'_>) -> Result<BTreeMap<u64, u64>, Rejection> {
        Ok(self.heard.clone())
    }

    fn fact(_: &Ticked, _: &Moment<'_>) -> Option<Fact> {
        Some(fact(Topic::Reminders, "toy"))
    }
}

// The rule.

/// How often a rule rings.
pub(super) const RINGS: u64 = 5;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rule {
    next: Option<Local>,
    rung: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Ruled {
    Began { first: Local },
    Rang { start: Local },
}

impl Actor for Rule {
    type Command = ();
    type Reply = ();
    type Event = Ruled;
    type Query = ();
    type Answer = ();

    fn decide(&self, _: &Call<()>, _: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        Err(Rejection::not_found())
    }

    fn wake(&self, alarm: Timestamp, at: &Moment<'_>) -> Effects<Self> {
        let mut effects = Effects::default();
        let (mut next, mut rung) = (self.next, self.rung);
        while let Some(start) = next.filter(|start| instant(*start) <= alarm && rung < RINGS) {
            effects.events.push(Ruled::Rang { start });
            let to = Key::task_list(&at.key.user);
            effects.syncs.push((to, Subject::Ring(start), Value::Ring(start)));
            next = Some(local(instant(start).plus(RING_MS)));
            rung += 1;
        }
        effects
    }

    fn receive(&self, _: &Key, items: &[Item], _: &Moment<'_>) -> Effects<Self> {
        let began = items.iter().filter_map(|item| match item.value {
            Value::Ring(first) => Some(Ruled::Began { first }),
            _ => None,
        });
        Effects { events: began.collect(), ..Effects::default() }
    }

    fn evolve(&mut self, event: &Ruled, _: &Moment<'_>) {
        match *event {
            Ruled::Began { first } => self.next = Some(first),
            Ruled::Rang { start } => {
                self.next = Some(local(instant(start).plus(RING_MS)));
                self.rung += 1;
            }
        }
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.next.filter(|_| self.rung < RINGS).map(instant)
    }

    fn answer(&self, (): &(), _: &Moment<'_>) -> Result<(), Rejection> {
        Ok(())
    }

    fn fact(_: &Ruled, _: &Moment<'_>) -> Option<Fact> {
        Some(fact(Topic::TaskRecurrence, "toy"))
    }
}

pub(super) fn start_of_ring(first: Timestamp, n: u64) -> Local {
    local(first.plus(RING_MS * n.cast_signed()))
}
