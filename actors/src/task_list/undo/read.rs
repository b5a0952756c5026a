//! What fields were, out of the changes that an event tells in the values of the interface.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    message::{
        lead_time::LeadTime,
        task::command::{Change, Patch, ReminderAt, ReminderDraft, When},
        text::Title,
        time::Local,
    },
    recurrence::rule::Rule,
};

/// The way back.
pub(super) struct Read {
    /// What the interface could have asked for.
    pub(super) patch: Patch,
    /// The place in the manual order.
    pub(super) position: Option<String>,
    /// The rule that was followed.
    pub(super) rule: Option<Uuid>,
    /// As which of its occurrences.
    pub(super) occurrence: Option<Local>,
}

/// Reads `before` of each field; `None` where one cannot be read.
pub(super) fn patch(changes: &Map<String, Value>) -> Option<Read> {
    let mut read = Read { patch: Patch::default(), position: None, rule: None, occurrence: None };
    let patch = &mut read.patch;
    for (field, change) in changes {
        let before = change.get("before")?;
        match field.as_str() {
            "title" => patch.title = Some(Title::parse(before.as_str()?).ok()?),
            "description" => patch.description = changed(before)?,
            "status" => patch.status = Some(plain(before)?),
            "priority" => patch.priority = changed(before)?,
            "tags" => patch.tags = changed(before)?,
            "due_date" => patch.due = with(before, |value| when(value.as_str()?))?,
            "zone" => patch.zone = with(before, |value| value.as_str()?.parse().ok())?,
            "recurrence" => patch.recurrence = with(before, rule)?,
            "reminders" => {
                let drafts = before.as_array()?.iter().map(draft).collect::<Option<_>>()?;
                patch.reminders = Change::Set(drafts);
            }
            "position" => read.position = Some(plain(before)?),
            "recurrence_id" => read.rule = plain(before)?,
            "occurrence" => read.occurrence = plain(before)?,
            _ => return None,
        }
    }
    Some(read)
}

fn plain<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn with<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Change<T>> {
    if value.is_null() { Some(Change::Clear) } else { read(value).map(Change::Set) }
}

fn changed<T: DeserializeOwned>(value: &Value) -> Option<Change<T>> {
    with(value, plain)
}

fn when(text: &str) -> Option<When> {
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => Some(When::Local(Local::Day(day))),
        Err(_) => DateTime::parse_from_rfc3339(text).ok().map(|at| When::Instant(at.to_utc())),
    }
}

fn rule(value: &Value) -> Option<Arc<Rule>> {
    Rule::read(value).ok().flatten().map(Arc::new)
}

fn draft(value: &Value) -> Option<ReminderDraft> {
    let at = match value.get("lead_time")?.as_str() {
        Some(lead) => ReminderAt::Lead(LeadTime::parse(lead).ok()?),
        None => ReminderAt::Moment(when(value.get("remind_at")?.as_str()?)?),
    };
    Some(ReminderDraft {
        id: plain(value.get("id")?)?,
        at,
        channels: None,
        webhook_url: None,
        email_address: None,
    })
}
