//! What happens to a rule, and what the log is told of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::ledger::Entry;
use crate::message::{
    event::{Fact, Members, Topic},
    series::EndedReason,
    sync::RuleState,
    time::{Local, Timestamp},
};

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The task list told what the rule is now.
    Heard {
        /// The rule.
        state: Arc<RuleState>,
        /// The start that rings next, and when.
        next: Option<(Local, Timestamp)>,
        /// The latest start of this rule that rang.
        rung: Option<Local>,
        /// What is new in the ledger.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        entries: Vec<Entry>,
    },
    /// Something became of the rule that the log is told.
    Told {
        /// The rule's id.
        rule: Uuid,
        /// Its newest open task; the skipped occurrence's, where it had one.
        task: Option<Uuid>,
        /// What became of it.
        what: What,
        /// When it rings next, where it is on a schedule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rings_at: Option<Timestamp>,
    },
    /// Starts have come, or were passed over.
    Rang {
        /// Those that the task list is told; none where they were passed over.
        starts: Vec<Local>,
        /// The start that rings next, and when.
        next: Option<(Local, Timestamp)>,
    },
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was made.
    Started,
    /// An occurrence is passed over.
    Skipped {
        /// Its original local start.
        occurrence: Local,
    },
    /// It is another now.
    Changed {
        /// {field: {before, after}} in the values of the interface.
        changes: Map<String, Value>,
    },
    /// It makes nothing until it is resumed.
    Paused,
    /// It makes tasks again.
    Resumed,
    /// It makes no more tasks.
    Ended {
        /// Why.
        reason: Option<EndedReason>,
    },
}

impl Event {
    /// What the log is told (CONTRACT §13).
    pub(super) fn fact(&self) -> Option<Fact> {
        let Self::Told { rule, task, what, rings_at } = self else { return None };
        let mut data = Map::new();
        data.insert("recurrence_id".to_owned(), json!(rule));
        data.insert("task_id".to_owned(), json!(task));
        if let Some(at) = rings_at {
            data.insert("rings_at".to_owned(), json!(at.to_string()));
        }
        let kind = match what {
            What::Started => "recurrence.started",
            What::Skipped { occurrence } => {
                data.insert("occurrence".to_owned(), json!(occurrence));
                "recurrence.skipped"
            }
            What::Changed { changes } => {
                data.insert("changes".to_owned(), Value::Object(changes.clone()));
                "recurrence.changed"
            }
            What::Paused => "recurrence.paused",
            What::Resumed => "recurrence.resumed",
            What::Ended { reason } => {
                data.insert("reason".to_owned(), json!(reason));
                "recurrence.ended"
            }
        };
        let (topic, kind) = (Topic::TaskRecurrence, kind.to_owned());
        Some(Fact { topic, kind, subject: *rule, cause: None, data: Members::write(&data) })
    }
}
