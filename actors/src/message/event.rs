//! A fact on its way to the log: what happened, as CloudEvents carry it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    call::{By, Cause},
    key::Key,
    time::Timestamp,
};

/// Where an event goes. Each has a dead-letter topic; `task-updates` and `task-audit` are derived copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// What became of tasks.
    TaskEvents,
    /// What became of reminders.
    Reminders,
    /// What became of rules and occurrences.
    TaskRecurrence,
}

/// What an actor says of one of its events, without the envelope that the turn adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Where it goes.
    pub topic: Topic,
    /// `task.created` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The task, rule or reminder.
    pub subject: Uuid,
    /// What led to it.
    pub cause: Option<Cause>,
    /// The members of `data` besides user_id, timestamp, sequence, actor and cause.
    pub data: Map<String, Value>,
}

/// A fact with its envelope: what the log holds and every consumer reads. Ordered per actor by (sequence, index).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// UUIDv5(actor, sequence, index): the same at every delivery.
    pub id: Uuid,
    /// The actor that wrote it.
    pub key: Key,
    /// The actor's turn.
    pub sequence: u64,
    /// Which event of that turn.
    pub index: usize,
    /// When the turn was decided.
    pub time: Timestamp,
    /// Who did it.
    pub by: By,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// What happened.
    pub fact: Fact,
}
