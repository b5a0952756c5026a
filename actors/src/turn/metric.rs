//! What a turn counts.

use std::time::Duration;

use crate::{
    message::{event::Topic, key::Kind},
    reach::Failure,
};

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::TaskListActor => "TaskListActor",
        Kind::ReminderActor => "ReminderActor",
        Kind::RecurrenceActor => "RecurrenceActor",
    }
}

/// A turn ended.
pub(super) fn turn(actor: Kind, took: Duration) {
    metrics::histogram!("tickler_turn_seconds", "actor" => kind(actor)).record(took);
}

/// A command was answered.
pub(super) fn command(actor: Kind, replayed: Result<bool, &Failure>) {
    let outcome = match replayed {
        Ok(false) => "done",
        Ok(true) => "replayed",
        Err(Failure::Rejected(_)) => "rejected",
        Err(Failure::Busy) => "busy",
        Err(Failure::Unavailable(_) | Failure::Behind) => "unavailable",
        Err(Failure::Broken(_)) => "broken",
    };
    metrics::counter!("tickler_commands_total", "actor" => kind(actor), "outcome" => outcome)
        .increment(1);
}

/// Events and items owed by an actor: before, and now.
pub(super) fn owes(before: usize, now: usize) {
    // Counts of this size are exact in a float.
    #[allow(clippy::cast_precision_loss)]
    let (before, now) = (before as f64, now as f64);
    if (before - now).abs() > 0.5 {
        metrics::gauge!("tickler_outbox_pending").increment(now - before);
    }
}

/// An event was published, or was not.
pub(super) fn published(topic: Topic, ok: bool) {
    let topic = super::relay::topic(topic);
    if ok {
        metrics::counter!("tickler_events_published_total", "topic" => topic).increment(1);
    } else {
        metrics::counter!("tickler_events_failed_total", "topic" => topic).increment(1);
    }
}

/// Actors in memory, one more or one less.
pub(super) fn active(actor: Kind, change: f64) {
    metrics::gauge!("tickler_active_actors", "actor" => kind(actor)).increment(change);
}
