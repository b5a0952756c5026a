//! A fact read into what the views need of it.

use actors::message::{event::CloudEvent, time::Timestamp};
use serde_json::Value;

/// An event with whose it is, where it stands in its stream, and when it happened.
pub(super) struct Fact<'a> {
    pub(super) event: &'a CloudEvent,
    pub(super) user: &'a str,
    pub(super) topic: &'static str,
    pub(super) sequence: i64,
    pub(super) ordinal: i64,
    pub(super) happened_at: i64,
    /// It was set aside while others went on: its place in its stream says nothing.
    pub(super) is_late: bool,
}

/// An actor's events of one topic, which come in order: a consumer's name and the actor's.
pub(super) type Stream = (String, String);

impl<'a> Fact<'a> {
    /// `None` for what names no user: nothing of it can be shown to anybody.
    pub(super) fn read(event: &'a CloudEvent, now: Timestamp) -> Option<Self> {
        let user =
            event.data.get("user_id").and_then(Value::as_str).or(event.partitionkey.as_deref())?;
        let number =
            |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
        let time =
            event.time.as_deref().and_then(|t| t.parse::<chrono::DateTime<chrono::Utc>>().ok());
        Some(Self {
            event,
            user,
            topic: topic(&event.kind),
            sequence: number(&event.sequence),
            ordinal: number(&event.index),
            happened_at: time.map_or(now.0, |at| at.timestamp_millis()),
            is_late: false,
        })
    }

    /// Whether it says how a task is now.
    pub(super) fn is_of_task(&self) -> bool {
        self.topic == "task-events" && self.event.kind.starts_with("task.")
    }

    /// Whose mark it must be above; `None` for what no actor of ours wrote.
    pub(super) fn stream(&self) -> Option<Stream> {
        if self.is_late {
            return None;
        }
        self.event.actor.clone().map(|actor| (format!("views/{}", self.topic), actor))
    }

    /// The user's sequence, where the fact says it: reminders and rules count by themselves.
    pub(super) fn list_sequence(&self) -> i64 {
        if self.event.kind.starts_with("task.") { self.sequence } else { 0 }
    }
}

/// The topic that an event type travels on: order holds within it alone.
pub(crate) fn topic(kind: &str) -> &'static str {
    match kind.split('.').next() {
        Some("reminder") => "reminders",
        Some("recurrence") => "task-recurrence",
        _ if kind == "task.recurred" => "task-recurrence",
        _ => "task-events",
    }
}
