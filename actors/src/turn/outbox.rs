//! What an actor still owes: events that are not in the log, and what others have not confirmed to know.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::{
    event::Event,
    key::Key,
    sync::{Item, Subject, Sync, Value},
};

/// Turns whose events are published in one call at most.
const BATCH_TURNS_MAX: usize = 64;

/// What one destination is to know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Dest {
    /// The last sync that it confirmed.
    pub(super) conf: u64,
    /// What it has not confirmed: value, and the sequence of its last change.
    #[serde(with = "pairs", default)]
    items: BTreeMap<Subject, (Arc<Value>, u64)>,
}

/// Events and syncs that are on their way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outbox {
    /// Events of turns up to this one are in the log.
    pub(super) published: u64,
    /// Events above `published`, by turn.
    events: VecDeque<(u64, Arc<[Event]>)>,
    /// What each destination is to know.
    #[serde(with = "pairs", default)]
    dests: BTreeMap<Key, Dest>,
}

impl Outbox {
    /// Takes in the events of a turn.
    pub(super) fn log(&mut self, sequence: u64, events: Vec<Event>) {
        if !events.is_empty() && sequence > self.published {
            self.events.push_back((sequence, events.into()));
        }
    }

    /// Takes in what a destination is to know since turn `sequence`.
    pub(super) fn tell(&mut self, sequence: u64, to: &Key, subject: Subject, value: Value) {
        let dest = self.dests.entry(to.clone()).or_default();
        dest.items.insert(subject, (Arc::new(value), sequence));
    }

    /// Events of turns up to `sequence` are in the log. Never moves back.
    pub(super) fn publish(&mut self, sequence: u64) {
        self.published = self.published.max(sequence);
        while self.events.front().is_some_and(|(turn, _)| *turn <= self.published) {
            self.events.pop_front();
        }
    }

    /// `to` knows what was sent to it at `sequence`. Never moves back.
    pub(super) fn confirm(&mut self, to: &Key, sequence: u64) {
        if let Some(dest) = self.dests.get_mut(to) {
            dest.conf = dest.conf.max(sequence);
            dest.items.retain(|_, (_, changed)| *changed > dest.conf);
        }
    }

    /// The lowest events that are not in the log, in order, and the turn of the last of them.
    pub(super) fn batch(&self) -> Option<(u64, Vec<Arc<[Event]>>)> {
        let turns = self.events.iter().take(BATCH_TURNS_MAX);
        let (lasts, batch): (Vec<u64>, Vec<Arc<[Event]>>) = turns.cloned().unzip();
        lasts.last().map(|last| (*last, batch))
    }

    /// All events that are not in the log, in order.
    pub(super) fn all(&self) -> Vec<Event> {
        self.events.iter().flat_map(|(_, events)| events.iter().cloned()).collect()
    }

    /// Everything that `to` has not confirmed, said at `sequence`.
    pub(super) fn sync(&self, from: &Key, sequence: u64, to: &Key) -> Option<Sync> {
        let dest = self.dests.get(to).filter(|dest| !dest.items.is_empty())?;
        let mut items: Vec<Item> = dest
            .items
            .iter()
            .map(|(subject, (value, sequence))| Item {
                subject: subject.clone(),
                value: Value::clone(value),
                sequence: *sequence,
            })
            .collect();
        items.sort_by_key(|item| item.sequence);
        Some(Sync { from: from.clone(), sequence, items })
    }

    /// Who has something to be told.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Key> {
        self.dests.iter().filter(|(_, dest)| !dest.items.is_empty()).map(|(key, _)| key)
    }

    /// Events are not in the log.
    pub(super) fn unlogged(&self) -> bool {
        !self.events.is_empty()
    }

    /// What `to` was last heard to know.
    pub(super) fn conf(&self, to: &Key) -> u64 {
        self.dests.get(to).map_or(0, |dest| dest.conf)
    }

    /// `to` knows everything up to turn `sequence`.
    pub(super) fn knows(&self, to: &Key, sequence: u64) -> bool {
        self.dests.get(to).is_none_or(|dest| dest.knows(sequence))
    }

    /// Everyone knows everything up to turn `sequence`.
    pub(super) fn all_know(&self, sequence: u64) -> bool {
        self.dests.values().all(|dest| dest.knows(sequence))
    }

    /// The log holds everything up to turn `sequence`.
    pub(super) fn logged(&self, sequence: u64) -> bool {
        self.events.front().is_none_or(|(turn, _)| *turn > sequence)
    }

    /// Nothing is owed.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.waiting().next().is_none()
    }

    /// How much is owed: events and items.
    pub(super) fn len(&self) -> usize {
        self.events.iter().map(|(_, events)| events.len()).sum::<usize>()
            + self.dests.values().map(|dest| dest.items.len()).sum::<usize>()
    }
}

impl Dest {
    // A later item under the same subject takes the earlier one's place, so "no item up to the sequence is left" would
    // not say that the change of that sequence is known.
    fn knows(&self, sequence: u64) -> bool {
        self.items.is_empty() || self.conf >= sequence
    }
}

/// A map whose keys are no strings, in JSON as a list of pairs.
pub(super) mod pairs {
    use super::{BTreeMap, Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(in super::super) fn deserialize<'de, K, V, D>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
