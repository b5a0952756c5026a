//! A rule as the interface writes it (CONTRACT §5, Recurrence): every field, in order, nulls included.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{Series, Template, TemplateReminder};
use crate::message::{key::UserId, task::shown::Text};

/// A rule of a user; serializes as the contract's Recurrence.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The rule.
    pub series: &'a Series,
    /// Whose it is.
    pub user: &'a UserId,
}

/// The contract's Recurrence as a JSON value.
pub fn shown(series: &Series, user: &UserId) -> Value {
    serde_json::to_value(Shown { series, user }).expect("a rule's keys are strings")
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { series, user } = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &series.id)?;
        map.serialize_entry("user_id", user.as_str())?;
        map.serialize_entry("status", &series.status)?;
        map.serialize_entry("ended_reason", &series.ended_reason)?;
        map.serialize_entry("recurrence", &series.rule.object())?;
        map.serialize_entry("start", &Text(series.start))?;
        map.serialize_entry("zone", &series.zone.map(|zone| zone.name()))?;
        map.serialize_entry("task", &Made(&series.template))?;
        map.serialize_entry("next_due", &series.next_due.map(Text))?;
        map.serialize_entry("occurrences", &series.made)?;
        map.serialize_entry("open_task_ids", &series.open_task_ids)?;
        map.serialize_entry("version", &series.version)?;
        map.serialize_entry("created_at", &Text(series.created_at))?;
        map.serialize_entry("updated_at", &Text(series.updated_at))?;
        map.end()
    }
}

struct Made<'a>(&'a Template);

impl Serialize for Made<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("title", &self.0.title)?;
        map.serialize_entry("description", &self.0.description)?;
        map.serialize_entry("priority", &self.0.priority)?;
        map.serialize_entry("tags", &self.0.tags)?;
        let reminders: Vec<_> = self.0.reminders.iter().map(Lead).collect();
        map.serialize_entry("reminders", &reminders)?;
        map.end()
    }
}

struct Lead<'a>(&'a TemplateReminder);

impl Serialize for Lead<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("lead_time", &Text(self.0.lead_time))?;
        map.serialize_entry("channels", &self.0.channels)?;
        map.serialize_entry("webhook_url", &self.0.webhook_url)?;
        map.serialize_entry("email_address", &self.0.email_address)?;
        map.end()
    }
}
