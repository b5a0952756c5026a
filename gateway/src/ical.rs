//! Calendar files (iCalendar, RFC 5545): tasks as VTODO, out and in, without loss.
//!
//! What a task has a field for is written from the field; how a file spelled it, and whatever else a file said, is kept
//! with the task and given back. A spelling that no longer says what the field holds gives way to the field.
//!
//! Reading order: `line` and `part` (the file's form), `zone` and `when` (times), `group` (which lines say which field),
//! `rule` and `alarm`, `todo` (a VTODO made a task), `read` and `write` (files).

mod alarm;
mod group;
mod line;
mod part;
mod read;
mod rule;
#[cfg(test)]
mod tests;
mod todo;
mod when;
mod write;
mod zone;

use actors::message::{reminder::Channel, task::command::Settings, time::Timestamp};
use chrono::NaiveTime;
use chrono_tz::Tz;

use crate::problem::Slug;

pub(crate) use read::{Item, read};
pub(crate) use write::write;

/// Most bytes of what a file says of one task beyond its fields.
pub(crate) const KEPT_BYTES_MAX: usize = 32 * 1024;

/// Whose tasks they are, as far as files depend on it.
pub(crate) struct Owner {
    /// The user's zone.
    pub(crate) zone: Tz,
    /// When a due day counts.
    pub(crate) all_day: NaiveTime,
    /// The channels of new reminders.
    pub(crate) channels: Vec<Channel>,
    /// What time it is.
    pub(crate) now: Timestamp,
}

impl Owner {
    /// The owner of these settings.
    pub(crate) fn of(settings: &Settings, default_zone: Tz, now: Timestamp) -> Self {
        Self {
            zone: settings.zone.unwrap_or(default_zone),
            all_day: settings.all_day_time,
            channels: settings.channels.clone(),
            now,
        }
    }
}

/// Why a component is left out: its line, the kind of problem, and a sentence.
#[derive(Debug, PartialEq)]
pub(crate) struct Fail {
    pub(crate) at: usize,
    pub(crate) slug: Slug,
    pub(crate) why: String,
}

fn fail(at: usize, slug: Slug, why: String) -> Fail {
    Fail { at, slug, why }
}
