//! Every reminder of a user, found by id, by task and by moment.

use std::{ops::RangeInclusive, sync::Arc};

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::record::Record;
use crate::message::{reminder::Status, time::Timestamp};

/// The records and their indexes; a clone shares everything. Saved as a list, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Records {
    by_id: OrdMap<Uuid, Arc<Record>>,
    by_task: OrdSet<(Uuid, Uuid)>,
    by_moment: OrdSet<(Timestamp, Uuid)>,
    /// Those that lie ahead, or are due.
    pending: OrdSet<(Timestamp, Uuid)>,
    /// Those of which only the past is kept, by their last change.
    past: OrdSet<(Timestamp, Uuid)>,
}

impl Records {
    /// Puts a record in its place, or in that of the one with its id.
    pub(super) fn put(&mut self, record: Arc<Record>) {
        self.remove(record.reminder.id);
        let (id, moment) = (record.reminder.id, record.reminder.remind_at);
        self.by_task.insert((record.reminder.task_id, id));
        self.by_moment.insert((moment, id));
        if record.reminder.status == Status::Pending {
            self.pending.insert((moment, id));
        }
        if record.is_past() {
            self.past.insert((record.reminder.updated_at, id));
        }
        self.by_id.insert(id, record);
    }

    fn remove(&mut self, id: Uuid) {
        let Some(old) = self.by_id.remove(&id) else { return };
        self.by_task.remove(&(old.reminder.task_id, id));
        self.by_moment.remove(&(old.reminder.remind_at, id));
        self.pending.remove(&(old.reminder.remind_at, id));
        self.past.remove(&(old.reminder.updated_at, id));
    }

    /// Drops the oldest past ones beyond `max`; says up to when they were last changed.
    pub(super) fn shed(&mut self, max: usize) -> Option<Timestamp> {
        let mut newest = None;
        while self.past.len() > max {
            let &(changed, id) = self.past.get_min()?;
            self.remove(id);
            newest = Some(changed);
        }
        newest
    }

    /// The record of that id.
    pub(super) fn get(&self, id: Uuid) -> Option<&Arc<Record>> {
        self.by_id.get(&id)
    }

    /// How many are pending.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The earliest pending moment.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.pending.get_min().map(|(moment, _)| *moment)
    }

    /// Pending ones whose moment is not after `alarm`, earliest first.
    pub(super) fn due(&self, alarm: Timestamp) -> impl Iterator<Item = &Arc<Record>> {
        self.pending.range(..=(alarm, Uuid::max())).filter_map(|(_, id)| self.by_id.get(id))
    }

    /// Those of a task, by id.
    pub(super) fn of_task(&self, task: Uuid) -> impl Iterator<Item = &Arc<Record>> {
        self.by_task
            .range((task, Uuid::nil())..=(task, Uuid::max()))
            .filter_map(|(_, id)| self.by_id.get(id))
    }

    /// Those whose moments lie in a span, soonest first.
    pub(super) fn between(
        &self,
        span: RangeInclusive<Timestamp>,
    ) -> impl Iterator<Item = &Arc<Record>> {
        Self::within(&self.by_moment, span).filter_map(|id| self.by_id.get(id))
    }

    /// Pending ones whose moments lie in a span, soonest first.
    pub(super) fn pending_between(
        &self,
        span: RangeInclusive<Timestamp>,
    ) -> impl Iterator<Item = &Arc<Record>> {
        Self::within(&self.pending, span).filter_map(|id| self.by_id.get(id))
    }

    fn within(
        index: &OrdSet<(Timestamp, Uuid)>,
        span: RangeInclusive<Timestamp>,
    ) -> impl Iterator<Item = &Uuid> {
        let (from, to) = (*span.start(), *span.end());
        // A range that ends before it begins would panic.
        let none = from > to;
        let to = to.max(from);
        index
            .range((from, Uuid::nil())..=(to, Uuid::max()))
            .take_while(move |_| !none)
            .map(|(_, id)| id)
    }

    /// All of them, by id.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.by_id.values()
    }
}

impl FromIterator<Arc<Record>> for Records {
    fn from_iter<I: IntoIterator<Item = Arc<Record>>>(records: I) -> Self {
        let mut all = Self::default();
        for record in records {
            all.put(record);
        }
        all
    }
}

impl Serialize for Records {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all())
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Arc<Record>>::deserialize(deserializer)?.into_iter().collect())
    }
}
