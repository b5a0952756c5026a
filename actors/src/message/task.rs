//! A task, and what can be said of one.

pub mod command;
pub mod query;
pub mod shown;

use std::{fmt, sync::Arc};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    lead_time::LeadTime,
    reminder::Channel,
    text::{Description, Tag, Title},
    time::{Local, Timestamp, resolve},
};
use crate::recurrence::rule::Rule;

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    #[default]
    Pending,
    /// Begun.
    InProgress,
    /// Done.
    Completed,
    /// Given up or skipped.
    Cancelled,
}

impl Status {
    /// Pending or in progress.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::InProgress)
    }
}

/// How much it matters; orders by rank, urgent highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Someday.
    Low,
    /// Normal.
    Medium,
    /// Soon.
    High,
    /// Now.
    Urgent,
}

/// When a task is due: a day, or a wall-clock moment with the offset that its zone has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// A whole day.
    Day(NaiveDate),
    /// A moment.
    Moment {
        /// Its wall clock.
        local: NaiveDateTime,
        /// Seconds east of UTC.
        offset: i32,
    },
}

impl Due {
    /// A civil time as it falls in `zone`.
    pub fn new(local: Local, zone: Tz) -> Self {
        match local {
            Local::Day(day) => Self::Day(day),
            Local::Moment(at) => {
                let at = resolve(at, zone);
                Self::Moment { local: at.local, offset: at.offset }
            }
        }
    }

    /// Its civil time.
    pub fn local(self) -> Local {
        match self {
            Self::Day(day) => Local::Day(day),
            Self::Moment { local, .. } => Local::Moment(local),
        }
    }

    /// The instant it stands for; a day is taken at `time` in `zone`.
    pub fn instant(self, time: NaiveTime, zone: Tz) -> Timestamp {
        match self {
            Self::Day(day) => resolve(day.and_time(time), zone).utc.into(),
            Self::Moment { local, offset } => {
                Timestamp(local.and_utc().timestamp_millis() - i64::from(offset) * 1000)
            }
        }
    }
}

impl fmt::Display for Due {
    /// `2026-11-21`, `2026-11-21T09:00:00+01:00`, or `…Z` in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
            Self::Moment { local, offset: 0 } => {
                write!(f, "{}Z", local.format("%Y-%m-%dT%H:%M:%S"))
            }
            Self::Moment { local, offset } => {
                let zone = FixedOffset::east_opt(offset).unwrap_or(Utc.fix());
                let at: DateTime<FixedOffset> = zone.from_utc_datetime(
                    &(local - chrono::TimeDelta::seconds(i64::from(zone.local_minus_utc()))),
                );
                write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%:z"))
            }
        }
    }
}

/// A reminder as it is set on a task; its life is the ReminderActor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetReminder {
    /// Its id.
    pub id: Uuid,
    /// How long before the due date; `None` for a fixed moment.
    pub lead_time: Option<LeadTime>,
    /// When it comes.
    pub remind_at: Timestamp,
    /// How it is delivered.
    pub channels: Vec<Channel>,
    /// Where the webhook channel delivers; `None` means the user's webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Where the e-mail channel delivers; `None` means the user's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_address: Option<String>,
    /// When it was set.
    pub created_at: Timestamp,
    /// Rises when the user changes the reminder, which makes it pending again; a moved due date moves `remind_at`
    /// alone. The ReminderActor counts on from here.
    pub version: u64,
}

/// A task. Cheap to share (`Arc<Task>`); everything the interface shows of it is in here, but for the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: Uuid,
    /// Its small number, per user.
    pub number: u64,
    /// What is to be done.
    pub title: Title,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// How far it has come.
    pub status: Status,
    /// How much it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Its tags, unique, in the order given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// Its own zone; `None` follows the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Tz>,
    /// Its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Arc<Rule>>,
    /// Its rule's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence_id: Option<Uuid>,
    /// Which occurrence of the rule it is: the original local start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Local>,
    /// The reminders set on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<SetReminder>,
    /// Its place in the manual order: compares bytewise.
    pub position: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// The list's sequence at its last change.
    pub version: u64,
    /// The occurrence that closing this one made. Not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<Successor>>,
    /// What a calendar file says of it that its fields do not: content lines of iCalendar (RFC 5545), unfolded, each
    /// ended by a line feed; given back when it is exported. Not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ical: Option<Arc<str>>,
}

/// What closing an occurrence made, so that closing it again makes nothing more and reopening it takes that back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// The next occurrence.
    pub id: Uuid,
    /// Its version when it was made; it has not been touched while it still has it.
    pub version: u64,
    /// How many occurrences the rule had made before it.
    pub made: u32,
}
