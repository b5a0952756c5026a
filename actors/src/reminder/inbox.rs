//! The in-app inbox: the newest entries that a user was told, oldest first.

use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::INBOX_MAX;
use crate::message::{reminder::Notification, time::Timestamp};

/// The entries under their serial numbers, which are never given twice; a clone shares everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(super) struct Inbox {
    entries: OrdMap<u64, Arc<Notification>>,
    serials: OrdMap<Uuid, u64>,
    /// How many entries there ever were.
    told: u64,
}

impl Inbox {
    /// Adds an entry; the oldest beyond [`INBOX_MAX`] goes. One that is there already stays as it is.
    pub(super) fn add(&mut self, entry: &Arc<Notification>) {
        if self.serials.contains_key(&entry.id) {
            return;
        }
        self.serials.insert(entry.id, self.told);
        self.entries.insert(self.told, entry.clone());
        self.told += 1;
        while self.entries.len() > INBOX_MAX {
            let Some((serial, oldest)) = self.entries.get_min().cloned() else { return };
            self.entries.remove(&serial);
            self.serials.remove(&oldest.id);
        }
    }

    /// Changes an entry, where it is still there.
    pub(super) fn change(&mut self, id: Uuid, change: impl FnOnce(&mut Notification)) {
        if let Some(entry) = self.serials.get(&id).and_then(|at| self.entries.get_mut(at)) {
            change(Arc::make_mut(entry));
        }
    }

    /// Marks every entry read.
    pub(super) fn read_all(&mut self, at: Timestamp) {
        let unread: Vec<Uuid> = self
            .entries
            .values()
            .filter(|entry| entry.read_at.is_none())
            .map(|entry| entry.id)
            .collect();
        for id in unread {
            self.change(id, |entry| entry.read_at = Some(at));
        }
    }

    /// The entry of that id.
    pub(super) fn get(&self, id: Uuid) -> Option<&Notification> {
        self.serials.get(&id).and_then(|at| self.entries.get(at)).map(AsRef::as_ref)
    }

    /// How many are unread.
    pub(super) fn unread(&self) -> usize {
        self.entries.values().filter(|entry| entry.read_at.is_none()).count()
    }

    /// The entries below a serial number, newest first.
    pub(super) fn below(&self, serial: u64) -> impl Iterator<Item = (u64, &Arc<Notification>)> {
        self.entries.range(..serial).rev().map(|(serial, entry)| (*serial, entry))
    }
}

/// The inbox as it is saved: serial numbers are consecutive, so the last one tells them all.
#[derive(Serialize, Deserialize)]
struct Saved {
    told: u64,
    entries: Vec<Arc<Notification>>,
}

impl From<Inbox> for Saved {
    fn from(inbox: Inbox) -> Self {
        Self { told: inbox.told, entries: inbox.entries.values().cloned().collect() }
    }
}

impl From<Saved> for Inbox {
    fn from(saved: Saved) -> Self {
        let told = saved.told.saturating_sub(saved.entries.len() as u64);
        let mut inbox = Self { told, ..Self::default() };
        for entry in &saved.entries {
            inbox.add(entry);
        }
        inbox
    }
}
