//! The reasons an actor says no: answers, not failures.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{fault::Fault, reminder::Reminder, series::Series, task::Task};

/// The kind of no, written as the problem's slug (`no-due-date`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slug {
    /// 400: a lead-time reminder on a task without due date.
    NoDueDate,
    /// 404: no such object for this user.
    NotFound,
    /// 409: a tag of that name exists.
    TagExists,
    /// 409: tasks carry the tag.
    TagInUse,
    /// 409: a pending reminder of that moment and those channels exists.
    ReminderExists,
    /// 409: the reminder was acknowledged, cancelled, or has not fired.
    ReminderClosed,
    /// 409: the task is archived, or not open.
    TaskClosed,
    /// 409: the task follows no rule.
    NotRecurring,
    /// 409: the rule has ended.
    RuleEnded,
    /// 409: the same fields were changed later.
    CannotUndo,
    /// 409: a limit of the user or the task is reached.
    LimitReached,
    /// 412: the object has another version; carries it as `current`.
    Stale,
    /// 422: a field is wrong.
    Invalid,
    /// 422: a rule on a task without due date.
    RecurrenceNeedsDueDate,
    /// 422: the rule is wrong.
    InvalidRecurrence,
    /// 422: no such IANA zone.
    InvalidZone,
    /// 422: the Idempotency-Key was used for something else.
    IdempotencyKeyReused,
    /// 422: an operation of an atomic batch failed.
    BatchRejected,
    /// 400: the cursor is not one of this list's.
    InvalidCursor,
    /// 422: an address that is not called (judged by the gateway).
    ForbiddenAddress,
    /// 422: a channel that is not configured (judged by the gateway).
    ChannelUnavailable,
}

/// The object as it is, when the caller's version is not it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Current {
    /// A task.
    Task(std::sync::Arc<Task>),
    /// A reminder.
    Reminder(Box<Reminder>),
    /// A rule.
    Series(std::sync::Arc<Series>),
}

/// A refusal: nothing was changed.
#[derive(Clone, Debug, PartialEq, Error, Serialize, Deserialize)]
#[error("{detail}")]
pub struct Rejection {
    /// The kind of no.
    pub slug: Slug,
    /// One sentence a person can act on.
    pub detail: String,
    /// The fields at fault, by their canonical names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// With [`Slug::Stale`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    /// With [`Slug::BatchRejected`]: the outcome of every operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Result<super::task::command::Reply, Rejection>>,
}

impl Rejection {
    /// A refusal without fields.
    pub fn new(slug: Slug, detail: impl Into<String>) -> Self {
        Self { slug, detail: detail.into(), faults: Vec::new(), current: None, results: Vec::new() }
    }

    /// A refusal that names fields.
    pub fn with(slug: Slug, detail: impl Into<String>, faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::new(slug, detail) }
    }

    /// Nothing of that id is the caller's: absent, foreign and deleted are one.
    pub fn not_found() -> Self {
        Self::new(Slug::NotFound, "There is nothing here under that id.")
    }
}
