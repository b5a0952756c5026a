//! How answers are written for other trees: the canon's objects, plus the fields that their clients look for.

use actors::message::{
    key::UserId,
    reminder::{Notification, Query},
};
use axum::{
    body::{Body, to_bytes},
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::{Row, Tree, Work};
use crate::{app::App, fields::Object, problem::Problem, reminders};

/// Largest answer that is written anew, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Inbox entries that are looked at for deliveries: all there are.
const INBOX_MAX: usize = 500;

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The canon's.
    Same,
    /// A task, with the tree's own fields.
    Task,
    /// A reminder, with the tree's own fields.
    Reminder,
    /// The canon's page of reminders, each with the tree's own fields.
    Reminders,
    /// A bare array of reminders.
    BareReminders,
    /// `{reminders, count}`
    CountedReminders,
    /// An answer of chat, whose calls have a `tool_name`.
    Chat,
    /// 204.
    Nothing,
}

/// The answer in the shape that the row says.
pub(super) async fn shaped(
    row: &Row,
    answer: Response,
    app: &App,
    user: &UserId,
) -> Result<Response, Problem> {
    let lists = matches!(row.work, Work::List(_));
    let plain = row.shape == Shape::Same && !lists;
    if plain || row.tree == Tree::Api || !answer.status().is_success() {
        return Ok(answer);
    }
    let (mut head, body) = answer.into_parts();
    if row.shape == Shape::Nothing {
        head.status = StatusCode::NO_CONTENT;
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::ETAG);
        return Ok(Response::from_parts(head, Body::empty()));
    }
    let is_json = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return Ok(Response::from_parts(head, body));
    }
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| Problem::internal())?;
    let mut value: Value = serde_json::from_slice(&bytes).map_err(|_| Problem::internal())?;
    match row.shape {
        Shape::Same => each(value.get_mut("tasks"), |task| plus_task(row.tree, task)),
        Shape::Task => plus_task(row.tree, &mut value),
        Shape::Reminder => {
            let inbox = inbox(app, user, std::slice::from_ref(&value)).await?;
            plus_reminder(&mut value, &inbox);
        }
        Shape::Reminders | Shape::BareReminders => {
            let none = Vec::new();
            let list = value.get("reminders").and_then(Value::as_array).unwrap_or(&none);
            let inbox = inbox(app, user, list).await?;
            each(value.get_mut("reminders"), |one| plus_reminder(one, &inbox));
            if row.shape == Shape::BareReminders {
                value = value.get_mut("reminders").map(Value::take).unwrap_or_default();
            }
        }
        Shape::CountedReminders => {
            if let Some(object) = value.as_object_mut() {
                object.shift_remove("next_cursor");
            }
        }
        Shape::Chat => plus_tool_names(&mut value),
        Shape::Nothing => {}
    }
    let json = serde_json::to_vec(&value).map_err(|_| Problem::internal())?;
    Ok(Response::from_parts(head, Body::from(json)))
}

fn each(list: Option<&mut Value>, change: impl Fn(&mut Value)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
}

/// What the tree's clients look for in a task, and in the task that follows it.
fn plus_task(tree: Tree, task: &mut Value) {
    let Some(object) = task.as_object_mut() else { return };
    let rule = object.get("recurrence").cloned().unwrap_or_default();
    let pattern = match &rule {
        Value::Null => Value::Null,
        Value::String(shorthand) => json!(shorthand),
        _ => json!("custom"),
    };
    object.insert("is_recurring".to_owned(), json!(!rule.is_null()));
    object.insert("recurrence_pattern".to_owned(), pattern);
    if tree == Tree::User {
        let due = object.get("due_date").cloned().unwrap_or_default();
        object.insert("due_at".to_owned(), due);
        object.insert("recurrence_rule".to_owned(), rule);
        if object.get("priority").is_some_and(Value::is_null) {
            object.insert("priority".to_owned(), json!("none"));
        }
    }
    if let Some(next) = object.get_mut("next") {
        plus_task(tree, next);
    }
}

/// The inbox, where a reminder has been triggered and may have been delivered.
async fn inbox(app: &App, user: &UserId, list: &[Value]) -> Result<Vec<Notification>, Problem> {
    if list.iter().all(|one| one["triggered_at"].is_null()) {
        return Ok(Vec::new());
    }
    let query = Query::Inbox { unread: false, limit: INBOX_MAX, cursor: None };
    let inbox = reminders::inbox(app, user, query, 0).await;
    Ok(inbox.map_err(|failure| Problem::failed(failure, user))?.notifications)
}

/// What the clients of 000 and 002 look for in a reminder.
fn plus_reminder(reminder: &mut Value, inbox: &[Notification]) {
    let Some(object) = reminder.as_object_mut() else { return };
    plus_delivery(object, inbox);
    let at = object.get("remind_at").cloned().unwrap_or_default();
    object.insert("trigger_at".to_owned(), at);
    let channel = object.get("channels").and_then(|channels| channels.get(0)).cloned();
    object.insert("channel".to_owned(), channel.unwrap_or_default());
}

/// `status` in their words, and how often a delivery was tried again.
fn plus_delivery(object: &mut Object, inbox: &[Notification]) {
    let id = object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let entry = inbox.iter().find(|n| n.reminder_id.is_some_and(|of| of.to_string() == id));
    let deliveries = entry.map(|entry| entry.deliveries.as_slice()).unwrap_or_default();
    let retries = deliveries.iter().map(|one| one.attempts.saturating_sub(1)).max().unwrap_or(0);
    let failed = deliveries.iter().any(|one| one.status == "failed");
    let status = object.get("status").and_then(Value::as_str).unwrap_or_default();
    if matches!(status, "triggered" | "acknowledged") {
        let status = if failed { "failed" } else { "sent" };
        object.insert("status".to_owned(), json!(status));
    }
    object.insert("retry_count".to_owned(), json!(retries));
}

/// `tool_name` beside `name`, wherever there are tool calls, or one.
pub(in crate::http) fn plus_tool_names(value: &mut Value) {
    let name = |call: &mut Value| {
        let name = call.get("name").cloned();
        if let (Some(call), Some(name)) = (call.as_object_mut(), name) {
            call.insert("tool_name".to_owned(), name);
        }
    };
    name(value);
    each(value.get_mut("tool_calls"), name);
    each(value.get_mut("messages"), |message| each(message.get_mut("tool_calls"), name));
}
