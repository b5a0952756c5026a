//! The last commands and what became of them, so that a repeat is answered and not done again.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::Outcome;
use crate::message::call::{Call, Idempotency};

/// Commands that are remembered.
pub(super) const WINDOW_MAX: usize = 128;
/// Replies that are kept of commands without an Idempotency-Key: only the gateway repeats those, and at once.
pub(super) const UNKEYED_REPLIES_MAX: usize = 8;

/// A command that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "R: Serialize", deserialize = "R: Deserialize<'de>"))]
pub(super) struct Known<R> {
    /// Its id.
    pub(super) id: Uuid,
    /// The turn that did it.
    pub(super) sequence: u64,
    /// See [`Outcome::asked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Uuid>,
    /// See [`Outcome::confirm`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) confirm: bool,
    /// What was replied; forgotten early where there was no key.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Arc<R>>,
}

/// The commands of the last writes, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent, bound(serialize = "R: Serialize", deserialize = "R: Deserialize<'de>"))]
pub(super) struct Window<R>(VecDeque<Known<R>>);

impl<R> Default for Window<R> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<R> Window<R> {
    /// The command of that id, if it was done.
    pub(super) fn find(&self, id: Uuid) -> Option<&Known<R>> {
        // From the end: a repeat comes soon.
        self.0.iter().rev().find(|known| known.id == id)
    }

    /// Takes in what turn `sequence` did.
    pub(super) fn push(&mut self, sequence: u64, outcome: &Outcome<R>) {
        if self.0.len() == WINDOW_MAX {
            self.0.pop_front();
        }
        let Outcome { id, asked, confirm, ref reply } = *outcome;
        self.0.push_back(Known { id, sequence, asked, confirm, reply: Some(reply.clone()) });
        if asked.is_none() {
            let unkeyed = |known: &&mut Known<R>| known.asked.is_none() && known.reply.is_some();
            if let Some(old) = self.0.iter_mut().rev().filter(unkeyed).nth(UNKEYED_REPLIES_MAX) {
                old.reply = None;
            }
        }
    }

    /// Does something to each reply that nobody else holds.
    pub(super) fn each_reply(&mut self, change: impl FnMut(&mut R)) {
        let replies = self.0.iter_mut().filter_map(|known| known.reply.as_mut());
        replies.filter_map(Arc::get_mut).for_each(change);
    }
}

/// What is asked under a key, in the 16 bytes that the window keeps.
pub(super) fn asked<C>(call: &Call<C>) -> Option<Uuid> {
    let Idempotency { hash } = call.idempotency.as_ref()?;
    Some(Uuid::new_v5(&Uuid::nil(), hash.as_bytes()))
}
