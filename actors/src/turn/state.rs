//! What an actor is between two turns: the content of its snapshot.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    entry::Entry,
    frame::{self, Framed, Head},
    outbox::{Outbox, pairs},
    window::Window,
};
use crate::{
    actor::{Actor, Moment},
    host::Stored,
    message::{event::Event, key::Key},
};

/// The actor and all that its promises need: nothing else is kept anywhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct State<A: Actor> {
    /// The last turn in it; stands in the row's head.
    #[serde(skip)]
    pub(super) sequence: u64,
    /// The id of that turn; stands in the row's head.
    #[serde(skip)]
    pub(super) last: Uuid,
    /// The actor.
    pub(super) actor: A,
    /// The last commands.
    pub(super) commands: Window<A::Reply>,
    /// What is owed.
    pub(super) outbox: Arc<Outbox>,
    /// Per sender, the last sync taken in.
    #[serde(with = "pairs", default)]
    pub(super) marks: BTreeMap<Key, u64>,
}

impl<A: Actor> Default for State<A> {
    fn default() -> Self {
        Self {
            sequence: 0,
            last: Uuid::nil(),
            actor: A::default(),
            commands: Window::default(),
            outbox: Arc::default(),
            marks: BTreeMap::new(),
        }
    }
}

impl<A: Actor> State<A> {
    /// The row: whole, or with the actor's pages behind it.
    pub(super) fn write(&self) -> Result<Framed, String> {
        let head = Head { sequence: self.sequence, id: self.last, before: Uuid::nil() };
        let mut pages = frame::Pages::default();
        self.actor.pages(&mut |kept, json| pages.add(kept, json));
        if pages.is_empty() {
            return frame::write(head, self);
        }
        pages.write(head, &Self { actor: self.actor.unpaged(), ..self.clone() })
    }

    /// The state of a row, and the bytes of its JSON.
    pub(super) fn read(row: &Stored) -> Result<(Self, usize), String> {
        let head = frame::head(&row.bytes)?;
        let mut state: Option<Self> = None;
        let raw = frame::each(&row.bytes, |json| {
            match &mut state {
                Some(state) => state.actor.add_page(json),
                None => serde_json::from_slice(json).map(|read| state = Some(read)),
            }
            .map_err(|error| error.to_string())
        })?;
        let state = state.ok_or("an empty row")?;
        Ok((Self { sequence: head.sequence, last: head.id, ..state }, raw))
    }

    /// Frees what a state that was read holds twice.
    pub(super) fn share(&mut self) {
        let Self { actor, commands, .. } = self;
        commands.each_reply(|reply| actor.share(reply));
    }

    /// The actor after these events.
    pub(super) fn evolved(&self, events: &[A::Event], at: &Moment<'_>) -> A {
        let mut actor = self.actor.clone();
        for event in events {
            actor.evolve(event, at);
        }
        actor
    }

    /// Takes in an entry of the journal, as it was read.
    pub(super) fn replay(&mut self, entry: Entry<A>, at: &Moment<'_>) {
        let actor = self.evolved(&entry.events, at);
        let facts = entry.facts(at);
        self.apply(entry, actor, facts);
    }

    /// Takes in an entry whose actor and facts are known.
    pub(super) fn apply(&mut self, entry: Entry<A>, actor: A, facts: Vec<Event>) {
        let sequence = entry.head.sequence;
        debug_assert_eq!(sequence, self.sequence + 1, "the journal has no gaps");
        self.sequence = sequence;
        self.last = entry.head.id;
        self.actor = actor;
        if let Some(outcome) = &entry.outcome {
            self.commands.push(sequence, outcome);
        }
        if let Some((from, mark)) = entry.mark {
            let known = self.marks.entry(from).or_default();
            *known = mark.max(*known);
        }
        // A logged turn took what was unlogged before it along.
        let published = if entry.logged { sequence } else { entry.published };
        let owes = !facts.is_empty() || !entry.syncs.is_empty();
        if owes || published > self.outbox.published || !entry.confirmed.is_empty() {
            let outbox = Arc::make_mut(&mut self.outbox);
            outbox.publish(published);
            outbox.log(sequence, facts);
            for (to, subject, value) in entry.syncs {
                outbox.tell(sequence, &to, subject, value);
            }
            for (to, conf) in entry.confirmed {
                outbox.confirm(&to, conf);
            }
        }
    }
}
