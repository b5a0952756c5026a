//! What the task list says of a task's reminders, and what that means for those that are held.
//!
//! A sync tells a state and may stand for many changes at once, so each answer here depends on what is said and
//! what is held alone: hearing the states between changes nothing of where it ends.

use std::sync::Arc;

use super::{Reminders, event::Event, record::Record};
use crate::{
    actor::Moment,
    message::{
        reminder::{Gone, Status},
        sync::Moments,
        task::SetReminder,
        time::Timestamp,
    },
};

impl Reminders {
    /// What happens to the reminders of a task now that these moments hold for it.
    pub(super) fn hear(&self, moments: &Moments, at: &Moment<'_>) -> Vec<Event> {
        let mut events = Vec::new();
        for set in &moments.reminders {
            match self.records.get(set.id) {
                Some(held) => events.extend(set_again(held, set, moments, at)),
                None if self.may_be_forgotten(set, moments) => {}
                None => events.extend(set_first(set, moments, at)),
            }
        }
        for held in self.records.of_task(moments.task) {
            let is_set = moments.reminders.iter().any(|set| set.id == held.reminder.id);
            if !is_set && !held.off {
                events.push(taken_off(held, moments, at));
            }
        }
        events
    }

    /// Whether it may have come and been forgotten, so that it must not come again.
    fn may_be_forgotten(&self, set: &SetReminder, moments: &Moments) -> bool {
        self.forgotten.is_some_and(|forgotten| {
            set.created_at <= forgotten && (moments.closed.is_some() || set.remind_at <= forgotten)
        })
    }
}

/// A reminder that is not known yet.
fn set_first(set: &SetReminder, moments: &Moments, at: &Moment<'_>) -> Vec<Event> {
    let record = Record::set(set, moments, at);
    let cancelled = moments
        .closed
        .map(|reason| Event::Cancelled { reminder: Arc::new(record.cancelled(reason, at)) });
    let mut events = vec![Event::Scheduled { reminder: Arc::new(record) }];
    events.extend(cancelled);
    events
}

/// A reminder that is known, set on a task that is open or closed.
fn set_again(
    held: &Record,
    set: &SetReminder,
    moments: &Moments,
    at: &Moment<'_>,
) -> Option<Event> {
    let next = held.described(set, moments);
    if !held.is_set_anew(set, moments) {
        return match moments.closed {
            None => on_open_task(held, next, at),
            Some(reason) => on_closed_task(held, next, reason, at),
        };
    }
    let next = next.unsnoozed().pending(set.remind_at).changed_by_list(at);
    Some(match moments.closed {
        None => Event::Scheduled { reminder: Arc::new(next) },
        Some(reason) => Event::Cancelled { reminder: Arc::new(next.cancelled(reason, at)) },
    })
}

/// The due date moves what is pending and not snoozed, and what fired while it was being moved to a later moment;
/// what was cancelled with the task comes back if it lies ahead, and what was taken from it in any case: nobody who heard
/// of it only when it was back would have cancelled it.
fn on_open_task(held: &Record, mut next: Record, at: &Moment<'_>) -> Option<Event> {
    let scheduled = |next: Record, moment: Timestamp| {
        let reminder = Arc::new(next.pending(moment).changed(at));
        Some(Event::Scheduled { reminder })
    };
    let set_at = next.set_at;
    match (held.reminder.status, held.reminder.snoozed_until) {
        (Status::Pending, None) if held.reminder.remind_at != set_at => scheduled(next, set_at),
        (Status::Cancelled, Some(until)) if until > at.now || held.off => scheduled(next, until),
        (Status::Cancelled, _) if set_at > at.now || held.off => {
            scheduled(next.unsnoozed(), set_at)
        }
        (Status::Cancelled, None) => {
            // As if it had been heard of while the task was closed.
            next.reminder.remind_at = set_at;
            noted(held, next, at)
        }
        _ if held.fired_too_soon(&next) => scheduled(next, set_at),
        _ => noted(held, next, at),
    }
}

/// What is pending is cancelled with the task, and then follows the due date, to come back at the right time.
fn on_closed_task(held: &Record, mut next: Record, reason: Gone, at: &Moment<'_>) -> Option<Event> {
    let status = held.reminder.status;
    if matches!(status, Status::Pending | Status::Cancelled)
        && next.reminder.snoozed_until.is_none()
    {
        next.reminder.remind_at = next.set_at;
    }
    if held.fired_too_soon(&next) {
        let moment = next.set_at;
        let next = next.pending(moment).cancelled(reason, at);
        return Some(Event::Cancelled { reminder: Arc::new(next) });
    }
    if status == Status::Pending {
        return Some(Event::Cancelled { reminder: Arc::new(next.cancelled(reason, at)) });
    }
    noted(held, next, at)
}

/// A reminder that the task no longer has.
fn taken_off(held: &Record, moments: &Moments, at: &Moment<'_>) -> Event {
    let mut next = held.clone();
    next.off = true;
    if held.reminder.status != Status::Pending {
        return Event::Noted { reminder: Arc::new(next) };
    }
    let id = held.reminder.id;
    let reason = if moments.due_cleared.contains(&id) { Gone::DueCleared } else { Gone::User };
    Event::Cancelled { reminder: Arc::new(next.cancelled(reason, at)) }
}

/// Something is known of it that does not touch when it comes; nothing, where nothing is new.
fn noted(held: &Record, next: Record, at: &Moment<'_>) -> Option<Event> {
    if next == *held {
        return None;
    }
    let next = match (next.looks_like(held), next.set_version > held.set_version) {
        (true, _) => next,
        (false, true) => next.changed_by_list(at),
        (false, false) => next.changed(at),
    };
    Some(Event::Noted { reminder: Arc::new(next) })
}
