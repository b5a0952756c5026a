//! What happens to reminders and the inbox, and what the log is told of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::record::Record;
use crate::message::{
    call::Cause,
    event::{Fact, Members, Topic},
    reminder::{Delivery, Notification},
    time::Timestamp,
};

/// What happened. An event carries the reminder as it is after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was set, moved or brought back: it lies ahead, or is due at once.
    Scheduled { reminder: Arc<Record> },
    /// It fired.
    Triggered { reminder: Arc<Record>, notification: Arc<Notification> },
    /// It was put off.
    Snoozed { reminder: Arc<Record> },
    /// It was seen.
    Acknowledged { reminder: Arc<Record> },
    /// It will not fire.
    Cancelled { reminder: Arc<Record> },
    /// Something else about it is known: its task's title, its channels, that it is off its task.
    Noted { reminder: Arc<Record> },
    /// A channel fared so with an inbox entry, which is of `reminder` where that is still known.
    Delivered { notification: Uuid, delivery: Delivery, reminder: Option<Arc<Record>> },
    /// The user was told something that is no reminder.
    Told { notification: Arc<Notification> },
    /// An inbox entry was read.
    Read { notification: Uuid, at: Timestamp },
    /// The whole inbox was read.
    AllRead { at: Timestamp },
}

impl Event {
    /// What the log is told (CONTRACT §13).
    pub(super) fn fact(&self) -> Option<Fact> {
        let (kind, record) = match self {
            Self::Scheduled { reminder } => ("reminder.scheduled", reminder),
            Self::Triggered { reminder, .. } => ("reminder.triggered", reminder),
            Self::Snoozed { reminder } => ("reminder.snoozed", reminder),
            Self::Acknowledged { reminder } => ("reminder.acknowledged", reminder),
            Self::Cancelled { reminder } => ("reminder.cancelled", reminder),
            Self::Delivered { delivery, reminder: Some(reminder), .. } => {
                match delivery.status.as_str() {
                    "sent" => ("reminder.sent", reminder),
                    "failed" => ("reminder.failed", reminder),
                    _ => return None,
                }
            }
            Self::Delivered { .. }
            | Self::Noted { .. }
            | Self::Told { .. }
            | Self::Read { .. }
            | Self::AllRead { .. } => return None,
        };
        let mut data = described(record);
        match self {
            Self::Cancelled { .. } => put(&mut data, "reason", json!(record.gone)),
            Self::Triggered { notification, .. } => {
                put(&mut data, "notification_id", json!(notification.id));
            }
            Self::Delivered { notification, delivery, .. } => {
                put(&mut data, "channel", json!(delivery.channel));
                put(&mut data, "attempt", json!(delivery.attempts));
                put(&mut data, "error", json!(delivery.error));
                put(&mut data, "notification_id", json!(notification));
            }
            _ => {}
        }
        let by_list = matches!(self, Self::Scheduled { .. } | Self::Cancelled { .. });
        let cause = by_list.then(|| Cause { kind: "task".to_owned(), id: record.reminder.task_id });
        let (topic, subject) = (Topic::Reminders, record.reminder.id);
        Some(Fact { topic, kind: kind.to_owned(), subject, cause, data: Members::write(&data) })
    }
}

/// The members that every `reminder.*` has: those of CONTRACT §13, and the rest of §7, which live messages and
/// deliveries show as it was at the event.
fn described(record: &Record) -> Map<String, Value> {
    let it = &record.reminder;
    let mut data = Map::new();
    put(&mut data, "reminder_id", json!(it.id));
    put(&mut data, "task_id", json!(it.task_id));
    put(&mut data, "task_title", json!(it.task_title));
    put(&mut data, "due_date", json!(it.due.map(|due| due.to_string())));
    put(&mut data, "remind_at", text(Some(it.remind_at)));
    put(&mut data, "lead_time", json!(it.lead_time));
    put(&mut data, "status", json!(it.status));
    put(&mut data, "channels", json!(it.channels));
    put(&mut data, "late", json!(it.late));
    put(&mut data, "webhook_url", json!(it.webhook_url));
    put(&mut data, "email_address", json!(it.email_address));
    put(&mut data, "snoozed_until", text(it.snoozed_until));
    put(&mut data, "triggered_at", text(it.triggered_at));
    put(&mut data, "acknowledged_at", text(it.acknowledged_at));
    put(&mut data, "version", json!(it.version));
    put(&mut data, "created_at", text(Some(it.created_at)));
    put(&mut data, "updated_at", text(Some(it.updated_at)));
    data
}

fn put(data: &mut Map<String, Value>, name: &str, value: Value) {
    data.insert(name.to_owned(), value);
}

fn text(moment: Option<Timestamp>) -> Value {
    moment.map_or(Value::Null, |moment| Value::String(moment.to_string()))
}
