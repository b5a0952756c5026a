//! Tasks and reminders as one line to read out, and as short data.

use actors::message::{
    key::UserId,
    reminder::{Reminder, shown::Shown as ShownReminder},
    task::{Due, Priority, Status, Task, shown::shown},
};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde_json::{Value, json};

/// How much of a task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Short,
    Full,
}

/// A task as data.
pub(super) fn task(task: &Task, user: &UserId, detail: Detail) -> Value {
    let mut short = json!({
        "task_id": task.id, "number": task.number, "title": task.title, "status": task.status,
        "completed": task.status == Status::Completed, "priority": task.priority,
        "due_date": task.due.map(|due| due.to_string()), "tags": task.tags,
        "recurrence": task.recurrence.as_ref().map(|rule| rule.write()),
        "reminders": task.reminders.len(), "version": task.version,
    });
    if detail == Detail::Full
        && let (Value::Object(rest), Some(short)) = (shown(task, user), short.as_object_mut())
    {
        for (name, value) in rest {
            if name != "id" && !short.contains_key(&name) {
                short.insert(name, value);
            }
        }
    }
    short
}

/// A reminder as data.
pub(super) fn reminder(reminder: &Reminder, user: &UserId) -> Value {
    let Value::Object(shown) = json!(ShownReminder { reminder, user }) else {
        unreachable!("a reminder is an object")
    };
    let name = |name: String| if name == "id" { "reminder_id".to_owned() } else { name };
    Value::Object(shown.into_iter().map(|(key, value)| (name(key), value)).collect())
}

/// `#42 Buy bread, due Saturday 21 November 2026`
pub(super) fn name(task: &Task) -> String {
    match task.due {
        None => format!("#{} {}", task.number, task.title.as_str()),
        Some(due) => format!("#{} {}, due {}", task.number, task.title.as_str(), when(due)),
    }
}

/// The whole line of a task.
pub(super) fn line(task: &Task) -> String {
    let mut parts = vec![name(task)];
    parts.extend(match task.priority {
        None => None,
        Some(Priority::Urgent) => Some("urgent".to_owned()),
        Some(Priority::High) => Some("high priority".to_owned()),
        Some(Priority::Medium) => Some("medium priority".to_owned()),
        Some(Priority::Low) => Some("low priority".to_owned()),
    });
    parts.extend(task.recurrence.as_ref().map(|rule| match rule.write() {
        Value::String(word) => format!("repeats {word}"),
        _ => "repeats".to_owned(),
    }));
    if !task.tags.is_empty() {
        let tags: Vec<String> = task.tags.iter().map(|tag| format!("#{}", tag.as_str())).collect();
        parts.push(tags.join(" "));
    }
    match task.reminders.len() {
        0 => {}
        1 => parts.push("1 reminder".to_owned()),
        n => parts.push(format!("{n} reminders")),
    }
    match task.status {
        Status::Pending => {}
        Status::InProgress => parts.push("in progress".to_owned()),
        Status::Completed => parts.push("done".to_owned()),
        Status::Cancelled => parts.push("cancelled".to_owned()),
    }
    parts.join(", ")
}

/// The line of a reminder, in the user's zone.
pub(super) fn reminder_line(reminder: &Reminder, zone: Tz) -> String {
    let title = reminder.task_title.as_str();
    let at = moment(reminder.remind_at.local(zone));
    let status = match reminder.status {
        actors::message::reminder::Status::Pending if reminder.snoozed_until.is_some() => "snoozed",
        actors::message::reminder::Status::Pending => "pending",
        actors::message::reminder::Status::Triggered => "has come",
        actors::message::reminder::Status::Acknowledged => "seen",
        actors::message::reminder::Status::Cancelled => "cancelled",
    };
    format!("Reminder of {title}, {at}, {status}")
}

fn when(due: Due) -> String {
    match due {
        Due::Day(day) => day.format("%A %-d %B %Y").to_string(),
        Due::Moment { local, .. } => moment(local),
    }
}

fn moment(local: NaiveDateTime) -> String {
    local.format("%A %-d %B %Y at %H:%M").to_string()
}
