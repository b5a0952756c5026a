//! What screens are told of a fact: section 9 of the contract.

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::fact::Fact;

/// A message with its place in its user's stream, which is its id and the cursor that follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its place.
    pub ordinal: i64,
    /// Its type.
    pub kind: String,
    /// All of it as JSON, `id` first. A clone shares it.
    pub json: Arc<str>,
}

impl Message {
    /// The message of a body that has no id yet.
    pub(super) fn new(ordinal: i64, kind: String, body: &str) -> Self {
        let members = body.strip_prefix('{').unwrap_or("}");
        let json = format!("{{\"id\":\"{ordinal}\",{members}").into();
        Self { ordinal, kind, json }
    }
}

/// A message before its place is known.
pub(super) struct Draft<'a> {
    pub(super) event_id: Cow<'a, str>,
    pub(super) kind: &'a str,
    fact: &'a Fact<'a>,
}

/// The messages of a fact: its own, and the inbox entry that a fired reminder makes.
pub(super) fn of<'a>(fact: &'a Fact<'a>) -> Vec<Draft<'a>> {
    let kind = fact.event.kind.as_str();
    if !(kind.starts_with("task.") || kind.starts_with("reminder.")) || kind == "task.recurred" {
        return Vec::new();
    }
    let mut drafts = vec![Draft { event_id: Cow::Borrowed(&fact.event.id), kind, fact }];
    if kind == "reminder.triggered" {
        let event_id = Cow::Owned(format!("{}/notification", fact.event.id));
        drafts.push(Draft { event_id, kind: NOTIFICATION, fact });
    }
    drafts
}

const NOTIFICATION: &str = "notification.created";

/// A message as it is shown, but for its id.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    time: Option<&'a str>,
    user_id: &'a str,
    task_id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reminder_id: Option<&'a Value>,
    version: i64,
    task: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reminder: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a Value>,
}

impl Draft<'_> {
    /// The message as JSON, without its id, at this sequence of the user's list; `task` is the fact's, if it has one.
    pub(super) fn body(&self, list_sequence: i64, task: Option<&RawValue>) -> String {
        let data = &self.fact.event.data;
        let time = self.fact.event.time.as_deref();
        let of_task = self.kind.starts_with("task.");
        let created = self.kind == NOTIFICATION;
        let body = Body {
            kind: self.kind,
            time,
            user_id: self.fact.user,
            task_id: data.get("task_id"),
            reminder_id: data.get("reminder_id"),
            version: list_sequence,
            task: task.filter(|_| of_task),
            reminder: (!of_task).then(|| object(data, "reminder_id", REMINDER_EXTRAS)),
            notification: created.then(|| notification(data, time)),
            changes: data.get("changes").filter(|_| !created),
        };
        serde_json::to_string(&body).expect("JSON values are written")
    }
}

/// Members of a task event's data that are not the task's.
const TASK_EXTRAS: &[&str] = &["timestamp", "sequence", "actor", "cause", "changes"];
/// Members of a reminder event's data that are not the reminder's.
const REMINDER_EXTRAS: &[&str] = &[
    "timestamp",
    "sequence",
    "actor",
    "cause",
    "due_date",
    "reason",
    "channel",
    "attempt",
    "error",
    "notification_id",
];

/// The task of a task event's flat data, as section 4 shows it.
pub(crate) fn task(data: &Map<String, Value>) -> Value {
    object(data, "task_id", TASK_EXTRAS)
}

/// The object an event is about, from its flat data: `id` first, the event's own members left out.
fn object(data: &Map<String, Value>, id: &str, extras: &[&str]) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), member(data, id));
    for (name, value) in data {
        if name != id && !extras.contains(&name.as_str()) {
            object.insert(name.clone(), value.clone());
        }
    }
    Value::Object(object)
}

/// The inbox entry that a fired reminder made, as it was then.
fn notification(data: &Map<String, Value>, time: Option<&str>) -> Value {
    let due = data.get("due_date").and_then(Value::as_str);
    let message = due.map_or_else(|| "A reminder that you set.".to_owned(), due_sentence);
    let deliveries: Vec<Value> = data
        .get("channels")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|channel| {
            let (status, attempts) = if channel == "in_app" { ("sent", 1) } else { ("pending", 0) };
            json!({"channel": channel, "status": status, "attempts": attempts, "error": null,
                   "updated_at": time})
        })
        .collect();
    json!({
        "id": member(data, "notification_id"), "kind": "reminder",
        "reminder_id": member(data, "reminder_id"), "task_id": member(data, "task_id"),
        "title": member(data, "task_title"), "message": message, "late": member(data, "late"),
        "created_at": member(data, "triggered_at"), "read_at": null, "deliveries": deliveries,
    })
}

/// What the inbox says of a due date.
fn due_sentence(due: &str) -> String {
    match (due.get(..10), due.get(11..16)) {
        (Some(day), Some(time)) => format!("Due on {day} at {time}."),
        _ => format!("Due on {due}."),
    }
}

fn member(data: &Map<String, Value>, name: &str) -> Value {
    data.get(name).cloned().unwrap_or_default()
}
