//! A reminder's life: what can be asked of it, and how it is shown.

pub mod shown;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    lead_time::LeadTime,
    task::{Due, command::When},
    text::Title,
    time::Timestamp,
};

/// How a reminder is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The inbox.
    InApp,
    /// A webhook.
    Webhook,
    /// An e-mail.
    Email,
}

/// Where a reminder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It lies ahead.
    Pending,
    /// It has fired.
    Triggered,
    /// The user has seen it.
    Acknowledged,
    /// It will not fire.
    Cancelled,
}

/// Why a reminder went away (`reason` of `reminder.cancelled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// Its task was completed.
    TaskCompleted,
    /// Its task was cancelled.
    TaskCancelled,
    /// Its task was deleted.
    TaskDeleted,
    /// Its task's due date was cleared.
    DueCleared,
    /// The user took it off.
    User,
}

/// A reminder as the interface shows it (but for `user_id`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reminder {
    /// Its id.
    pub id: Uuid,
    /// Its task.
    pub task_id: Uuid,
    /// Its task's title.
    pub task_title: Title,
    /// Its task's due date.
    pub due: Option<Due>,
    /// How long before the due date.
    pub lead_time: Option<LeadTime>,
    /// When it comes; after a snooze, when it comes again.
    pub remind_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// How it is delivered.
    pub channels: Vec<Channel>,
    /// Where the webhook channel delivers.
    pub webhook_url: Option<String>,
    /// Where the e-mail channel delivers.
    pub email_address: Option<String>,
    /// Until when it is snoozed.
    pub snoozed_until: Option<Timestamp>,
    /// It fired more than 60 s after its time.
    pub late: bool,
    /// When it fired.
    pub triggered_at: Option<Timestamp>,
    /// When it was acknowledged.
    pub acknowledged_at: Option<Timestamp>,
    /// Rises with every change: the greater of the clock's milliseconds and one more than before.
    pub version: u64,
    /// When it was set.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How one channel fared with a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The channel.
    pub channel: Channel,
    /// `pending`, `sent`, `failed` or `cancelled`.
    pub status: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<String>,
    /// When this last changed.
    pub updated_at: Timestamp,
}

/// An entry of the in-app inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Its id: UUIDv5(reminder, firing).
    pub id: Uuid,
    /// `reminder`, or what else is told.
    pub kind: String,
    /// The reminder that fired.
    pub reminder_id: Option<Uuid>,
    /// Its task.
    pub task_id: Option<Uuid>,
    /// The task's title.
    pub title: String,
    /// One sentence.
    pub message: String,
    /// The reminder fired late.
    pub late: bool,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// How each channel fared.
    pub deliveries: Vec<Delivery>,
}

/// What can be asked of the ReminderActor. Setting, moving and deleting go to the task list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Command {
    /// Come again later.
    Snooze { reminder: Uuid, until: SnoozeUntil, expect: Option<u64> },
    /// It was seen. Idempotent.
    Acknowledge { reminder: Uuid, expect: Option<u64> },
    /// An inbox entry was read. Idempotent.
    Read { notification: Uuid },
    /// The whole inbox was read. Idempotent.
    ReadAll,
    /// How a channel fared with a firing (from `notify`).
    Delivered { notification: Uuid, delivery: Delivery },
    /// Tell the user something that is no reminder (a paused webhook).
    Tell { notification: Box<Notification> },
}

/// Until when a snooze lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnoozeUntil {
    /// So many minutes from now, 1 to 10,080.
    Minutes(i64),
    /// Until a moment, in the user's zone where it has no offset (resolved by the gateway).
    Moment(Timestamp),
    /// As given, for callers that resolve it themselves.
    When(When),
}

/// What the ReminderActor replies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The reminder as it is now.
    Reminder(Box<Reminder>),
    /// The inbox entry as it is now.
    Notification(Box<Notification>),
    /// Nothing to say.
    Done,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Query {
    /// One reminder.
    Reminder { reminder: Uuid },
    /// A page of reminders, soonest first; `from` and `to` bound `remind_at`, inclusive.
    List {
        status: Vec<Status>,
        task: Option<Uuid>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        limit: usize,
        cursor: Option<String>,
    },
    /// A page of the inbox, newest first.
    Inbox { unread: bool, limit: usize, cursor: Option<String> },
    /// Everything, for an export.
    Everything,
}

/// One answer; the variant is the query's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One reminder.
    Reminder(Box<Reminder>),
    /// A page of reminders.
    List {
        /// The reminders.
        reminders: Vec<Reminder>,
        /// How many match in all.
        count: usize,
        /// The cursor of the next page.
        next: Option<String>,
    },
    /// A page of the inbox.
    Inbox {
        /// The entries.
        notifications: Vec<Notification>,
        /// How many are unread in all.
        unread: usize,
        /// The cursor of the next page.
        next: Option<String>,
    },
    /// Every reminder.
    Everything(Vec<Reminder>),
}
