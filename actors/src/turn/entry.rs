//! What one turn writes: one slot of the journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::frame::{self, Framed, Head};
use crate::{
    actor::{Actor, Moment},
    host::Stored,
    message::{
        call::By,
        event::Event,
        key::Key,
        sync::{Subject, Value},
        time::Timestamp,
    },
};

/// What a repeat of a command is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome<R> {
    /// The command's id.
    pub(super) id: Uuid,
    /// What was asked under its Idempotency-Key, if it had one: 16 bytes derived from the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Uuid>,
    /// Success is answered only once the syncs of this turn are confirmed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) confirm: bool,
    /// What the caller was told.
    pub(super) reply: Arc<R>,
}

/// One turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Entry<A: Actor> {
    /// Which turn; stands in the row's head.
    #[serde(skip)]
    pub(super) head: Head,
    /// When it was decided.
    pub(super) time: Timestamp,
    /// The command's outcome; `None` for a wake or a sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Outcome<A::Reply>>,
    /// Who did it.
    pub(super) by: By,
    /// W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<String>,
    /// What happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<A::Event>,
    /// What others must come to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) syncs: Vec<(Key, Subject, Value)>,
    /// The sender whose sync this turn took in, and the sync's sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<(Key, u64)>,
    /// Events of turns up to this one are in the log, as known before this turn.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) published: u64,
    /// What each destination has confirmed since the turn before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) confirmed: Vec<(Key, u64)>,
    /// Its own events went into the log in the same transaction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) logged: bool,
}

impl<A: Actor> Entry<A> {
    /// The row.
    pub(super) fn write(&self) -> Result<Framed, String> {
        frame::write(self.head, self)
    }

    /// The entry of a row, and the bytes of its JSON.
    pub(super) fn read(row: &Stored) -> Result<(Self, usize), String> {
        let (entry, raw) = frame::body::<Self>(&row.bytes)?;
        Ok((Self { head: frame::head(&row.bytes)?, ..entry }, raw))
    }

    /// The moment of this turn.
    pub(super) fn moment<'a>(&self, key: &'a Key, zone: chrono_tz::Tz) -> Moment<'a> {
        Moment { key, sequence: self.head.sequence, now: self.time, default_zone: zone }
    }

    /// What the log is to be told: the same at every call.
    pub(super) fn facts(&self, at: &Moment<'_>) -> Vec<Event> {
        let events = self.events.iter().enumerate();
        events
            .filter_map(|(index, event)| {
                Some(Event {
                    id: at.key.event_id(at.sequence, index),
                    key: at.key.clone(),
                    sequence: at.sequence,
                    index,
                    time: self.time,
                    by: self.by.clone(),
                    traceparent: self.traceparent.clone(),
                    fact: A::fact(event, at)?,
                })
            })
            .collect()
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
