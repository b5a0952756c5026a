//! What one actor must know of another, sent after the commit as state, not as commands.
//!
//! A sync may be repeated, merged, reordered or late: the receiver keeps one mark per sender and
//! applies only the items above it. It cannot be rejected.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    key::Key,
    reminder::Gone,
    series::Series,
    task::{Due, SetReminder},
    text::Title,
    time::{Local, Timestamp},
};

/// Which thing an item is about: a newer item of the same subject replaces an older one in the sender's outbox.
/// A task's id, a rule's id, or the start that rings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A task's moments.
    Task(Uuid),
    /// A rule.
    Rule(Uuid),
    /// A start that has come.
    Ring(Local),
}

/// The moments of one task, whole: reminders that are not listed were taken off by the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// The task.
    pub task: Uuid,
    /// Its title.
    pub title: Title,
    /// Its due date.
    pub due: Option<Due>,
    /// Why its reminders are not to fire now; `None` while the task is open.
    pub closed: Option<Gone>,
    /// What is set on it.
    pub reminders: Vec<SetReminder>,
    /// Reminders that went because the due date was cleared, not because the user took them off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub due_cleared: Vec<Uuid>,
    /// The user's e-mail address, for the e-mail channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// What a rule's clock needs, and what the ledger is to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleState {
    /// The rule as the list holds it.
    pub series: Arc<Series>,
    /// The zone that holds now (the rule's, else the user's).
    pub zone: chrono_tz::Tz,
    /// For a schedule: the start that rings next, and when; `None` when nothing is to ring.
    pub next: Option<(Local, Timestamp)>,
}

/// What an item says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// List to reminders: these moments hold for this task.
    Moments(Moments),
    /// List to rule: the rule is this.
    Rule(RuleState),
    /// Rule to list: this start has come.
    Ring(Local),
}

/// One item: its subject, its value, and the sender's sequence at its last change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What it is about.
    pub subject: Subject,
    /// What it says.
    pub value: Value,
    /// The sender's sequence at this item's last change.
    pub sequence: u64,
}

/// Everything not yet confirmed, from one actor to another, at the sender's sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    /// Who says it.
    pub from: Key,
    /// The sender's sequence; confirmed as sent.
    pub sequence: u64,
    /// The items, oldest change first.
    pub items: Vec<Item>,
}
