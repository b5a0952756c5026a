//! A rule and what it has made so far, as `/recurrences` shows it.

pub mod shown;

use std::sync::Arc;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    lead_time::LeadTime,
    reminder::Channel,
    task::{Due, Priority, SetReminder, Task},
    text::{Description, Tag, Title},
    time::{Local, Timestamp},
};
use crate::recurrence::rule::Rule;

/// Whether a rule still makes tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesStatus {
    /// It does.
    Active,
    /// Not until it is resumed.
    Paused,
    /// Never again.
    Ended,
}

/// Why a rule ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedReason {
    /// All of `count` were made.
    Count,
    /// `until` has come.
    Until,
    /// The user cancelled it.
    Cancelled,
    /// Its task was deleted.
    Deleted,
}

/// A lead-time reminder that every occurrence gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateReminder {
    /// How long before.
    pub lead_time: LeadTime,
    /// How it is delivered.
    pub channels: Vec<Channel>,
    /// Where the webhook channel delivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Where the e-mail channel delivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_address: Option<String>,
}

/// What every occurrence is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its title.
    pub title: Title,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Its priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its lead-time reminders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<TemplateReminder>,
}

impl Template {
    /// What the occurrences of this task's rule are made of.
    pub fn of(task: &Task) -> Self {
        let lead = |set: &SetReminder| {
            Some(TemplateReminder {
                lead_time: set.lead_time?,
                channels: set.channels.clone(),
                webhook_url: set.webhook_url.clone(),
                email_address: set.email_address.clone(),
            })
        };
        Self {
            title: task.title.clone(),
            description: task.description.clone(),
            priority: task.priority,
            tags: task.tags.clone(),
            reminders: task.reminders.iter().filter_map(lead).collect(),
        }
    }
}

/// A rule with its anchor, its template and its count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its id.
    pub id: Uuid,
    /// The rule.
    pub rule: Arc<Rule>,
    /// The first occurrence: due date of the task it came with, or the given start.
    pub start: Local,
    /// Its zone; `None` follows the user's.
    pub zone: Option<Tz>,
    /// What its tasks are made of.
    pub template: Template,
    /// Whether it still makes tasks.
    pub status: SeriesStatus,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_reason: Option<EndedReason>,
    /// The task whose closing or deletion ended it; reopening or restoring that one revives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Uuid>,
    /// It came by `POST /recurrences`: `start` counts only where the rule names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standalone: bool,
    /// When the next task will be due, as far as that is known now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Due>,
    /// How many occurrences were made (skipped ones counted).
    pub made: u32,
    /// Only later original local starts are made: the newest occurrence made, or where making begins after a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Local>,
    /// The newest task it made, or came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_task: Option<Uuid>,
    /// Occurrences (original local starts) that were skipped: coming ones, and the newest of those past.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<Local>,
    /// Its tasks that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_task_ids: Vec<Uuid>,
    /// The list's sequence at its last change.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
