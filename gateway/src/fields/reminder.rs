//! A reminder as callers give it: inside a task, or by itself.

use actors::message::{
    fault::{Code, Fault},
    key::UserId,
    lead_time::LeadTime,
    reminder::Channel,
    task::command::{ReminderAt, ReminderDraft, When},
};
use chrono::TimeDelta;
use serde_json::Value;

use super::{Object, Reader, Spelling, Unread, value};
use crate::problem::{Problem, Slug, Wrong};

/// Longest address, in characters.
const ADDRESS_CHARS_MAX: usize = 320;
/// Longest webhook URL, in characters.
const URL_CHARS_MAX: usize = 2_000;

/// A lead time or a moment, as one text.
pub(crate) fn at(text: &str) -> Result<ReminderAt, Unread> {
    if let Ok(lead) = LeadTime::parse(text) {
        return Ok(ReminderAt::Lead(lead));
    }
    value::precise(text).map(ReminderAt::Moment).map_err(|_| {
        let why = "A reminder is a lead time such as 1h, or a moment such as 2026-11-21T09:00:00Z.";
        (Code::Invalid, why.to_owned())
    })
}

/// A moment.
pub(crate) fn moment(value: &Value) -> Result<When, Unread> {
    value::precise(value::text(value)?)
}

/// So many minutes before.
pub(crate) fn minutes_before(value: &Value) -> Result<LeadTime, Unread> {
    let minutes = value::integer(value, 1, 365 * 1440)?;
    LeadTime::new(TimeDelta::minutes(minutes))
        .map_err(|_| (Code::OutOfRange, "That is too long before.".to_owned()))
}

/// The ways of delivery; null is the user's.
pub(crate) fn channels(value: &Value) -> Result<Option<Vec<Channel>>, Unread> {
    if value::is_nothing(value) {
        return Ok(None);
    }
    let wrong = || (Code::Invalid, "The channels are a list of in_app, webhook, email.".to_owned());
    let items = value.as_array().ok_or_else(wrong)?;
    let mut channels = Vec::new();
    for item in items {
        let channel = match item.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "in_app" | "inapp" | "in-app" => Channel::InApp,
            "webhook" => Channel::Webhook,
            "email" => Channel::Email,
            _ => return Err(wrong()),
        };
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    if channels.is_empty() {
        return Err((Code::TooShort, "At least one channel is needed.".to_owned()));
    }
    Ok(Some(channels))
}

/// Where the e-mail channel delivers; null is the user's address.
pub(crate) fn email(value: &Value) -> Result<Option<String>, Unread> {
    if value::is_nothing(value) {
        return Ok(None);
    }
    let text = value::text(value)?.trim();
    let fine = text
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    match fine && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true if text.chars().count() > ADDRESS_CHARS_MAX => Err((
            Code::TooLong,
            format!("The address has more than {ADDRESS_CHARS_MAX} characters."),
        )),
        true => Ok(Some(text.to_owned())),
        false => Err((Code::Invalid, "This must be an e-mail address.".to_owned())),
    }
}

/// Where the webhook channel delivers; null is the user's webhooks. Which hosts are allowed is judged where it is called.
pub(crate) fn webhook_url(value: &Value) -> Result<Option<String>, Unread> {
    if value::is_nothing(value) {
        return Ok(None);
    }
    let text = value::text(value)?.trim();
    let uri = text
        .parse::<axum::http::Uri>()
        .ok()
        .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    match uri {
        Some(_) if text.chars().count() > URL_CHARS_MAX => {
            Err((Code::TooLong, format!("The URL has more than {URL_CHARS_MAX} characters.")))
        }
        Some(_) => Ok(Some(text.to_owned())),
        None => Err((Code::Invalid, "This must be an http or https URL.".to_owned())),
    }
}

/// When a reminder comes, from `lead_time` or `remind_at` and their synonyms: `Ok(None)` where neither is given. With
/// `kept` (an object sent back) a lead time wins over the moment that follows from it.
pub(crate) fn when(reader: &mut Reader<'_>, kept: bool) -> Option<ReminderAt> {
    let lead = reader.clearable(&["lead_time"], |value| value::lead_time(value::text(value)?));
    let offset = reader.clearable(&["reminder_offset"], minutes_before);
    let moment = reader.clearable(&["remind_at", "reminder_at", "reminderAt"], moment);
    use actors::message::task::command::Change::Set;
    let lead = match (lead, offset) {
        (Set(lead), Set(offset)) if lead != offset => {
            reader.conflict("reminder_offset", "lead_time");
            Some(lead)
        }
        (Set(lead), _) | (_, Set(lead)) => Some(lead),
        _ => None,
    };
    match (lead, moment) {
        (Some(_), Set(_)) if !kept => {
            let sent = reader.spelled(&["remind_at", "reminder_at", "reminderAt"]);
            reader.conflict(sent, "lead_time");
            None
        }
        (Some(lead), _) => Some(ReminderAt::Lead(lead)),
        (None, Set(moment)) => Some(ReminderAt::Moment(moment)),
        (None, _) => None,
    }
}

/// One reminder of a task: a lead time or a moment as text, or an object.
pub(crate) fn item(
    item: &Value,
    user: &UserId,
    spelling: Spelling,
) -> Result<ReminderDraft, (Slug, Vec<Fault>)> {
    let fault = |(code, detail): Unread| (Slug::Invalid, vec![Fault::new("", code, detail)]);
    if let Some(text) = item.as_str() {
        let at = at(text).map_err(fault)?;
        let (channels, webhook_url, email_address) = (None, None, None);
        return Ok(ReminderDraft { id: None, at, channels, webhook_url, email_address });
    }
    let Some(object) = item.as_object() else {
        let why = "A reminder is an object with lead_time or remind_at, or one of them as text.";
        return Err(fault((Code::Invalid, why.to_owned())));
    };
    draft(object, user, spelling).map_err(|problem| {
        let faults = problem.wrong.into_iter().filter_map(|wrong| match wrong {
            Wrong::Field(fault) => Some(fault),
            Wrong::Parameter { .. } => None,
        });
        (problem.slug, faults.collect())
    })
}

/// A reminder as an object.
pub(crate) fn draft(
    object: &Object,
    user: &UserId,
    spelling: Spelling,
) -> Result<ReminderDraft, Problem> {
    let mut reader = Reader::new(object, user, spelling)?;
    let id = reader.take("id").and_then(|(_, id)| value::id(id.as_str()?));
    let at = when(&mut reader, id.is_some());
    let channels = reader.field(&["channels"], channels).flatten();
    let webhook_url = reader.field(&["webhook_url"], webhook_url).flatten();
    let email_address = reader.field(&["email_address"], email).flatten();
    for owned in OWNED {
        reader.take(owned);
    }
    if at.is_none() && reader.faults.is_empty() {
        reader.required("remind_at");
    }
    reader.finish()?;
    let at = at.ok_or_else(Problem::internal)?;
    Ok(ReminderDraft { id, at, channels, webhook_url, email_address })
}

/// Fields of a reminder that the server owns.
pub(crate) const OWNED: &[&str] = &[
    "task_title",
    "status",
    "snoozed_until",
    "late",
    "triggered_at",
    "acknowledged_at",
    "webhook_secret",
];
