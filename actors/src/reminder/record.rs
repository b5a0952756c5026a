//! One reminder with what its clock must know besides what is shown, and the steps of its life.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::LATE_MS;
use crate::{
    actor::Moment,
    message::{
        reminder::{Channel, Delivery, Gone, Notification, Reminder, Status},
        sync::Moments,
        task::{Due, SetReminder},
        time::Timestamp,
    },
};

/// A reminder, and what was last heard of it from the task list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// As it is shown.
    pub reminder: Reminder,
    /// The version at which the user last set it.
    pub set_version: u64,
    /// When it comes, as the task list has it; a snooze does not change this.
    pub set_at: Timestamp,
    /// The task list no longer has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// Why its task is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Gone>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// How often it has fired.
    #[serde(default)]
    pub firings: u32,
    /// The turn of its last change.
    pub changed: u64,
}

impl Record {
    /// A reminder newly set, pending.
    pub(super) fn set(set: &SetReminder, moments: &Moments, at: &Moment<'_>) -> Self {
        let reminder = Reminder {
            id: set.id,
            task_id: moments.task,
            task_title: moments.title.clone(),
            due: moments.due,
            lead_time: set.lead_time,
            remind_at: set.remind_at,
            status: Status::Pending,
            channels: set.channels.clone(),
            webhook_url: set.webhook_url.clone(),
            email_address: address(set, moments),
            snoozed_until: None,
            late: false,
            triggered_at: None,
            acknowledged_at: None,
            version: set.version,
            created_at: set.created_at,
            updated_at: set.created_at,
        };
        Self {
            reminder,
            set_version: set.version,
            set_at: set.remind_at,
            off: false,
            closed: moments.closed,
            gone: None,
            firings: 0,
            changed: at.sequence,
        }
    }

    /// The same reminder with what the task list says of it now, but for its moment and status.
    pub(super) fn described(&self, set: &SetReminder, moments: &Moments) -> Self {
        Self {
            reminder: Reminder {
                task_id: moments.task,
                task_title: moments.title.clone(),
                due: moments.due,
                lead_time: set.lead_time,
                channels: set.channels.clone(),
                webhook_url: set.webhook_url.clone(),
                email_address: address(set, moments),
                ..self.reminder.clone()
            },
            set_version: self.set_version.max(set.version),
            set_at: set.remind_at,
            off: false,
            closed: moments.closed,
            ..self.clone()
        }
    }

    /// Whether the user has given it a new time since: the list raises the version with every change of the
    /// user's, and this one is not of the channels alone, and not the due date's moving.
    pub(super) fn is_set_anew(&self, set: &SetReminder, moments: &Moments) -> bool {
        let held = &self.reminder;
        let moved_with_due = set.lead_time.is_some() && moments.due != held.due;
        let new_time =
            set.lead_time != held.lead_time || (set.remind_at != self.set_at && !moved_with_due);
        let new_channels = set.channels != held.channels
            || set.webhook_url != held.webhook_url
            || address(set, moments) != held.email_address;
        set.version > self.set_version && (new_time || !new_channels)
    }

    /// Whether it fired at a moment that the task list had already put off. The list moves only what lies ahead of
    /// it, so a moment that is moved had not come there; one that is moved forward has come by its firing.
    pub(super) fn fired_too_soon(&self, next: &Self) -> bool {
        matches!(self.reminder.status, Status::Triggered | Status::Acknowledged)
            && next.set_at != self.set_at
            && next.set_at > self.reminder.remind_at
    }

    /// Pending at `moment`, as if it had never come.
    #[must_use]
    pub(super) fn pending(mut self, moment: Timestamp) -> Self {
        self.reminder.status = Status::Pending;
        self.reminder.remind_at = moment;
        self.reminder.late = false;
        self.reminder.triggered_at = None;
        self.reminder.acknowledged_at = None;
        self.gone = None;
        self
    }

    /// Not snoozed.
    #[must_use]
    pub(super) fn unsnoozed(mut self) -> Self {
        self.reminder.snoozed_until = None;
        self
    }

    /// Snoozed until a moment.
    pub(super) fn snoozed(&self, until: Timestamp, at: &Moment<'_>) -> Self {
        let mut next = self.clone().pending(until);
        next.reminder.snoozed_until = Some(until);
        next.changed(at)
    }

    /// Seen by the user.
    pub(super) fn acknowledged(&self, at: &Moment<'_>) -> Self {
        let mut next = self.clone();
        next.reminder.status = Status::Acknowledged;
        next.reminder.acknowledged_at = Some(at.now);
        next.changed(at)
    }

    /// Not to fire.
    pub(super) fn cancelled(&self, reason: Gone, at: &Moment<'_>) -> Self {
        let mut next = self.clone();
        next.reminder.status = Status::Cancelled;
        next.gone = Some(reason);
        next.changed(at)
    }

    /// Fired. A clock that is behind the alarm's does not make it early.
    pub(super) fn fired(&self, at: &Moment<'_>) -> Self {
        let mut next = self.clone().unsnoozed();
        next.reminder.status = Status::Triggered;
        next.reminder.triggered_at = Some(at.now.max(self.reminder.remind_at));
        next.reminder.late = at.now > self.reminder.remind_at.plus(LATE_MS);
        next.firings += 1;
        next.changed(at)
    }

    /// Changed in this turn by something of here: the version rises above the clock and all before it.
    #[must_use]
    pub(super) fn changed(mut self, at: &Moment<'_>) -> Self {
        let clock = u64::try_from(at.now.0).unwrap_or(0);
        let reminder = &mut self.reminder;
        reminder.version = clock.max(reminder.version + 1).max(self.set_version);
        reminder.updated_at = at.now;
        self.changed = at.sequence;
        self
    }

    /// Changed in this turn by the user, in the task list: the version is the one that the user was told,
    /// unless more has happened here.
    #[must_use]
    pub(super) fn changed_by_list(mut self, at: &Moment<'_>) -> Self {
        let reminder = &mut self.reminder;
        reminder.version = self.set_version.max(reminder.version + 1);
        reminder.updated_at = at.now;
        self.changed = at.sequence;
        self
    }

    /// Whether both look the same from outside.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let due: Option<Due> = None;
        Reminder { due, ..self.reminder.clone() } == Reminder { due, ..other.reminder.clone() }
    }

    /// Neither pending nor on an open task: nothing but the past is kept of it.
    pub(super) fn is_past(&self) -> bool {
        self.reminder.status != Status::Pending && (self.off || self.closed.is_some())
    }

    /// The inbox entry of its last firing.
    pub(super) fn notification(&self, at: &Moment<'_>) -> Notification {
        let it = &self.reminder;
        let delivery = |channel: &Channel| {
            let (status, attempts) =
                if *channel == Channel::InApp { ("sent", 1) } else { ("pending", 0) };
            let status = status.to_owned();
            Delivery { channel: *channel, status, attempts, error: None, updated_at: at.now }
        };
        Notification {
            id: firing_id(it.id, self.firings, it.remind_at),
            kind: "reminder".to_owned(),
            reminder_id: Some(it.id),
            task_id: Some(it.task_id),
            title: it.task_title.to_string(),
            message: sentence(it.due),
            late: it.late,
            created_at: it.triggered_at.unwrap_or(at.now),
            read_at: None,
            deliveries: it.channels.iter().map(delivery).collect(),
        }
    }
}

/// Where the e-mail channel delivers: the address set on it, else the user's.
fn address(set: &SetReminder, moments: &Moments) -> Option<String> {
    let users = || moments.email.clone().filter(|_| set.channels.contains(&Channel::Email));
    set.email_address.clone().or_else(users)
}

/// UUIDv5(reminder, firing): the count tells firings at one moment apart, the moment those of a reminder that was
/// forgotten between.
fn firing_id(reminder: Uuid, count: u32, moment: Timestamp) -> Uuid {
    Uuid::new_v5(&reminder, format!("{count}/{}", moment.0).as_bytes())
}

/// What an inbox entry says of a task's due date.
fn sentence(due: Option<Due>) -> String {
    match due {
        Some(Due::Day(day)) => format!("Due on {day}."),
        Some(Due::Moment { local, .. }) => format!("Due on {}.", local.format("%Y-%m-%d at %H:%M")),
        None => "A reminder that you set.".to_owned(),
    }
}
