//! What happened to a task list. Events carry the state they lead to, so that taking them in judges nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::mass::Mass;
use crate::message::{
    call::Cause,
    series::Series,
    task::{Task, command::Settings},
    text::Tag,
    time::Timestamp,
};

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was made.
    Created,
    /// Fields of it were changed.
    Updated,
    /// It was done.
    Completed,
    /// It is open again.
    Reopened,
    /// It was deleted; restorable for 30 days.
    Deleted,
    /// It is back.
    Restored,
    /// It left the list for the archive.
    Archived,
    /// An untouched successor was taken back: gone as if never made, told as deleted.
    TakenBack,
    /// Something of it changed that is not shown; told to nobody.
    Touched,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Something became of a task; it is now so.
    Task {
        /// What.
        fate: Fate,
        /// The task as it is now.
        task: Arc<Task>,
        /// What changed of what is shown: {field: {before, after}} in the values of the interface.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        changes: Map<String, Value>,
        /// What led to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// A deleted task can no longer be restored.
    Purged {
        /// The task.
        task: Uuid,
    },
    /// A rule made an occurrence.
    Recurred {
        /// The new task.
        task: Arc<Task>,
        /// The occurrence before it.
        previous: Option<Uuid>,
        /// When the rule rings next, where it is on a schedule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rings_at: Option<Timestamp>,
    },
    /// A rule is now so. What the log is told of it, its own actor tells.
    Series {
        /// The rule.
        series: Arc<Series>,
    },
    /// A rule that ended long ago was forgotten.
    Forgotten {
        /// The rule.
        series: Uuid,
    },
    /// A tag was made.
    Tagged {
        /// The tag.
        tag: Tag,
        /// When it was made.
        created_at: Timestamp,
    },
    /// A tag was deleted.
    Untagged {
        /// The tag.
        tag: Tag,
    },
    /// The settings are now so.
    Configured {
        /// The settings.
        settings: Settings,
    },
    /// Changes of many tasks that the next wakes go on with.
    Pending {
        /// What is left to do.
        mass: Vec<Mass>,
    },
}
