//! What became of the newest occurrences of a rule.

use imbl::Vector;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::message::time::Local;

/// Occurrences kept; older ones are in the views.
pub const LEDGER_MAX: usize = 100;

/// What became of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its start has come, and the task list was told.
    Rung,
    /// Its task was made.
    Made,
    /// Its task is no longer open.
    Closed,
    /// It was skipped.
    Skipped,
}

/// One occurrence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its original local start.
    pub start: Local,
    /// What became of it.
    pub fate: Fate,
    /// Its task, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Uuid>,
}

/// The newest occurrences, by start; a clone shares everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Ledger(Vector<Entry>);

impl Ledger {
    /// Takes down what became of an occurrence, in place of what was known of it.
    pub(super) fn note(&mut self, entry: &Entry) {
        match self.0.binary_search_by_key(&entry.start, |held| held.start) {
            Ok(at) => {
                self.0.set(at, entry.clone());
            }
            Err(at) => self.0.insert(at, entry.clone()),
        }
        while self.0.len() > LEDGER_MAX {
            self.0.pop_front();
        }
    }

    /// Takes down that a start has come, where nothing is known of it yet.
    pub(super) fn rang(&mut self, start: Local) {
        if self.0.binary_search_by_key(&start, |held| held.start).is_err() {
            self.note(&Entry { start, fate: Fate::Rung, task: None });
        }
    }

    /// The task of an occurrence, where it is known.
    pub(super) fn task(&self, start: Local) -> Option<Uuid> {
        let at = self.0.binary_search_by_key(&start, |held| held.start).ok()?;
        self.0.get(at)?.task
    }

    /// The occurrences, oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }
}
