//! The clock and the afterlife of a user's reminders: what is due fires; what has fired is snoozed,
//! acknowledged and kept in the inbox.
//!
//! Which reminders a task has is the task list's to say. It says so in `Moments`, the whole truth about one
//! task, and this actor only adds what happened since: fired, snoozed, acknowledged, cancelled.

mod ask;
mod cursor;
pub mod event;
mod heard;
mod inbox;
pub mod record;
mod records;

use std::sync::Arc;

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::{event::Event, inbox::Inbox, record::Record, records::Records};
use crate::{
    actor::{Actor, Decision, Effects, Moment},
    message::{
        call::Call,
        event::Fact,
        fault::{Code, Fault},
        key::Key,
        rejection::{Current, Rejection, Slug},
        reminder::{
            Answer, Channel, Command, Delivery, Notification, Query, Reply, SnoozeUntil, Status,
        },
        sync::{Item, Value},
        task::command::When,
        time::{Timestamp, resolve},
    },
};

/// Most pending reminders of a user; binds commands, not syncs.
pub const PENDING_MAX: usize = 10_000;
/// Closed reminders kept of tasks that are closed or no longer carry them; the oldest are forgotten.
pub const CLOSED_MAX: usize = 2_000;
/// Entries of the inbox; the oldest are forgotten.
pub const INBOX_MAX: usize = 500;
/// Most reminders that one wake fires; what is left is due at once, in the next wake.
pub const WAKE_FIRINGS_MAX: usize = 1_000;
/// A reminder that fires later than this after its time is late.
pub const LATE_MS: i64 = 60_000;
/// Longest snooze given in minutes: a week.
pub const SNOOZE_MINUTES_MAX: i64 = 10_080;
/// The end of the year 9999: no reminder comes later.
pub const MOMENT_MAX: Timestamp = Timestamp(253_402_300_799_999);

/// One user's reminders and inbox. A clone shares everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reminders {
    /// Every reminder, found by id, task and moment.
    records: Records,
    /// What the user was told.
    inbox: Inbox,
    /// Closed reminders last changed up to here may have been forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten: Option<Timestamp>,
}

impl Actor for Reminders {
    type Command = Command;
    type Reply = Reply;
    type Event = Event;
    type Query = Query;
    type Answer = Answer;

    fn decide(&self, call: &Call<Command>, at: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        match &call.command {
            Command::Snooze { reminder, until, expect } => {
                self.snooze(*reminder, *until, *expect, at)
            }
            Command::Acknowledge { reminder, expect } => self.acknowledge(*reminder, *expect, at),
            Command::Read { notification } => self.read(*notification, at),
            Command::ReadAll if self.inbox.unread() == 0 => Ok(nothing(Reply::Done)),
            Command::ReadAll => Ok(decided(Reply::Done, Event::AllRead { at: at.now })),
            Command::Delivered { notification, delivery } => {
                self.delivered(*notification, delivery)
            }
            Command::Tell { notification } => {
                let reply = Reply::Notification(notification.clone());
                Ok(match self.inbox.get(notification.id) {
                    Some(held) => nothing(Reply::Notification(Box::new(held.clone()))),
                    None => decided(
                        reply,
                        Event::Told { notification: Arc::new((**notification).clone()) },
                    ),
                })
            }
        }
    }

    fn wake(&self, alarm: Timestamp, at: &Moment<'_>) -> Effects<Self> {
        let due = self.records.due(alarm).take(WAKE_FIRINGS_MAX);
        let events = due.flat_map(|record| came_due(record, at)).collect();
        Effects { events, ..Effects::default() }
    }

    fn receive(&self, _from: &Key, items: &[Item], at: &Moment<'_>) -> Effects<Self> {
        // A second item on the same task must see what the first has done.
        let mut after = self.clone();
        let mut effects = Effects::default();
        for item in items {
            let Value::Moments(moments) = &item.value else { continue };
            for event in after.hear(moments, at) {
                after.evolve(&event, at);
                effects.events.push(event);
            }
        }
        effects
    }

    fn evolve(&mut self, event: &Event, _at: &Moment<'_>) {
        match event {
            Event::Scheduled { reminder }
            | Event::Snoozed { reminder }
            | Event::Acknowledged { reminder }
            | Event::Cancelled { reminder }
            | Event::Noted { reminder } => self.keep(reminder),
            Event::Triggered { reminder, notification } => {
                self.keep(reminder);
                self.inbox.add(notification);
            }
            Event::Delivered { notification, delivery, .. } => {
                self.inbox.change(*notification, |entry| entry.note(delivery));
            }
            Event::Told { notification } => self.inbox.add(notification),
            Event::Read { notification, at } => {
                self.inbox.change(*notification, |entry| entry.read_at = Some(*at));
            }
            Event::AllRead { at } => self.inbox.read_all(*at),
        }
    }

    fn alarm(&self) -> Option<Timestamp> {
        self.records.earliest()
    }

    fn answer(&self, query: &Query, at: &Moment<'_>) -> Result<Answer, Rejection> {
        self.ask(query, at)
    }

    fn fact(event: &Event, _at: &Moment<'_>) -> Option<Fact> {
        event.fact()
    }
}

impl Reminders {
    /// Puts a record in its place, and forgets the oldest closed ones beyond [`CLOSED_MAX`].
    fn keep(&mut self, record: &Arc<Record>) {
        self.records.put(record.clone());
        self.forgotten = self.forgotten.max(self.records.shed(CLOSED_MAX));
    }

    /// The reminder of that id, at the version that the caller has seen.
    fn held(&self, id: Uuid, expect: Option<u64>) -> Result<&Arc<Record>, Rejection> {
        let record = self.records.get(id).ok_or_else(Rejection::not_found)?;
        match expect {
            Some(version) if version != record.reminder.version => Err(Rejection {
                current: Some(Current::Reminder(Box::new(record.reminder.clone()))),
                ..Rejection::new(
                    Slug::Stale,
                    "The reminder has changed since; read it and try again.",
                )
            }),
            _ => Ok(record),
        }
    }

    fn snooze(
        &self,
        id: Uuid,
        until: SnoozeUntil,
        expect: Option<u64>,
        at: &Moment<'_>,
    ) -> Result<Decision<Self>, Rejection> {
        let record = self.held(id, expect)?;
        let until = snooze_end(until, at)?;
        let closed = |detail| Err(Rejection::new(Slug::ReminderClosed, detail));
        match record.reminder.status {
            Status::Acknowledged => {
                return closed("The reminder was acknowledged; set a new time instead.");
            }
            Status::Cancelled => {
                return closed("The reminder was cancelled; set a new time instead.");
            }
            Status::Triggered if record.off => {
                return closed("The reminder was taken off its task; set a new one instead.");
            }
            Status::Triggered if self.records.pending() >= PENDING_MAX => {
                return Err(Rejection::new(
                    Slug::LimitReached,
                    format!("A user has at most {PENDING_MAX} pending reminders; let some go."),
                ));
            }
            Status::Pending if record.reminder.snoozed_until == Some(until) => {
                return Ok(nothing(shown(record)));
            }
            Status::Pending | Status::Triggered => {}
        }
        let reminder = Arc::new(record.snoozed(until, at));
        Ok(decided(shown(&reminder), Event::Snoozed { reminder }))
    }

    fn acknowledge(
        &self,
        id: Uuid,
        expect: Option<u64>,
        at: &Moment<'_>,
    ) -> Result<Decision<Self>, Rejection> {
        let record = self.held(id, expect)?;
        let closed = |detail| Err(Rejection::new(Slug::ReminderClosed, detail));
        match record.reminder.status {
            Status::Acknowledged => Ok(nothing(shown(record))),
            Status::Pending => closed("The reminder has not fired yet; there is nothing to see."),
            Status::Cancelled => closed("The reminder was cancelled; there is nothing to see."),
            Status::Triggered => {
                let reminder = Arc::new(record.acknowledged(at));
                Ok(decided(shown(&reminder), Event::Acknowledged { reminder }))
            }
        }
    }

    fn read(&self, id: Uuid, at: &Moment<'_>) -> Result<Decision<Self>, Rejection> {
        let mut entry = self.inbox.get(id).ok_or_else(Rejection::not_found)?.clone();
        if entry.read_at.is_some() {
            return Ok(nothing(Reply::Notification(Box::new(entry))));
        }
        entry.read_at = Some(at.now);
        let event = Event::Read { notification: id, at: at.now };
        Ok(decided(Reply::Notification(Box::new(entry)), event))
    }

    fn delivered(&self, id: Uuid, delivery: &Delivery) -> Result<Decision<Self>, Rejection> {
        let mut entry = self.inbox.get(id).ok_or_else(Rejection::not_found)?.clone();
        let held = entry.deliveries.iter().find(|held| held.channel == delivery.channel);
        if held.is_some_and(|held| !held.is_before(delivery)) {
            return Ok(nothing(Reply::Notification(Box::new(entry))));
        }
        entry.note(delivery);
        let reminder = entry.reminder_id.and_then(|id| self.records.get(id)).cloned();
        let event = Event::Delivered { notification: id, delivery: delivery.clone(), reminder };
        Ok(decided(Reply::Notification(Box::new(entry)), event))
    }
}

impl Notification {
    /// Takes down how a channel fared.
    fn note(&mut self, delivery: &Delivery) {
        match self.deliveries.iter_mut().find(|held| held.channel == delivery.channel) {
            Some(held) => *held = delivery.clone(),
            None => self.deliveries.push(delivery.clone()),
        }
    }
}

impl Delivery {
    /// Whether `later` says more than this: a report may come twice or late. What was sent stays sent; what failed
    /// may yet be sent by hand.
    fn is_before(&self, later: &Self) -> bool {
        match (self.status.as_str(), later.status.as_str()) {
            ("pending", "pending") => self.attempts < later.attempts,
            ("pending", _) | ("failed", "sent") => true,
            _ => false,
        }
    }
}

/// What becomes of a pending reminder whose time has come.
fn came_due(record: &Record, at: &Moment<'_>) -> Vec<Event> {
    if let Some(reason) = record.closed {
        return vec![Event::Cancelled { reminder: Arc::new(record.cancelled(reason, at)) }];
    }
    let reminder = Arc::new(record.fired(at));
    let notification = Arc::new(reminder.notification(at));
    let in_app = notification.deliveries.iter().find(|delivery| delivery.channel == Channel::InApp);
    let sent = in_app.map(|delivery| Event::Delivered {
        notification: notification.id,
        delivery: delivery.clone(),
        reminder: Some(reminder.clone()),
    });
    let mut events = vec![Event::Triggered { reminder, notification }];
    events.extend(sent);
    events
}

/// Until when a snooze lasts: ahead of now, and within its bounds.
fn snooze_end(until: SnoozeUntil, at: &Moment<'_>) -> Result<Timestamp, Rejection> {
    let wrong = |pointer: &str, detail: &str| {
        let fault = Fault::new(pointer, Code::OutOfRange, detail);
        Err(Rejection::with(Slug::Invalid, detail, vec![fault]))
    };
    let end = match until {
        SnoozeUntil::Minutes(minutes) if !(1..=SNOOZE_MINUTES_MAX).contains(&minutes) => {
            return wrong("/minutes", "A snooze lasts 1 to 10,080 minutes.");
        }
        SnoozeUntil::Minutes(minutes) => at.now.plus(minutes * 60_000),
        SnoozeUntil::Moment(moment) => moment,
        SnoozeUntil::When(When::Instant(instant)) => instant.into(),
        SnoozeUntil::When(When::Local(local)) => {
            let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
            resolve(local.at(nine), at.default_zone).utc.into()
        }
    };
    if end <= at.now || end > MOMENT_MAX {
        return wrong("/until", "A snooze ends after now and before the year 10000.");
    }
    Ok(end)
}

fn shown(record: &Record) -> Reply {
    Reply::Reminder(Box::new(record.reminder.clone()))
}

fn nothing(reply: Reply) -> Decision<Reminders> {
    Decision { reply, effects: Effects::default() }
}

fn decided(reply: Reply, event: Event) -> Decision<Reminders> {
    Decision { reply, effects: Effects { events: vec![event], ..Effects::default() } }
}

#[cfg(test)]
mod tests;
