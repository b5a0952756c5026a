//! The types of events and messages, in every spelling that queries and filters may use.

use actors::message::fault::Code;

use crate::fields::{Unread, value::quoted};

/// Every type there is. A last part alone means the first of them that has it.
pub(crate) const ALL: &[&str] = &[
    "task.created",
    "task.updated",
    "task.completed",
    "task.reopened",
    "task.deleted",
    "task.restored",
    "task.archived",
    "task.recurred",
    "reminder.scheduled",
    "reminder.triggered",
    "reminder.snoozed",
    "reminder.acknowledged",
    "reminder.cancelled",
    "reminder.sent",
    "reminder.failed",
    "reminder.check",
    "recurrence.started",
    "recurrence.skipped",
    "recurrence.changed",
    "recurrence.paused",
    "recurrence.resumed",
    "recurrence.ended",
    "notification.created",
];

/// The type that a name means: `TASK_CREATED`, `TaskCreated`, `created`, `com.todo.task.created`.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_prefix("com.todo.").unwrap_or(&name);
    let plain = letters(name);
    let whole = ALL.iter().find(|kind| letters(kind) == plain);
    let last = || ALL.iter().find(|kind| kind.rsplit('.').next() == Some(plain.as_str()));
    whole.or_else(last).copied()
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The types that one item of a filter means: a name, `task.*`, or `*`.
pub(crate) fn meant(item: &str) -> Result<Vec<&'static str>, Unread> {
    let kinds: Vec<&'static str> = match item.strip_suffix('*') {
        Some(prefix) => {
            let prefix = prefix.to_ascii_lowercase();
            let prefix = prefix.strip_prefix("com.todo.").unwrap_or(&prefix).to_owned();
            ALL.iter().copied().filter(|kind| kind.starts_with(&prefix)).collect()
        }
        None => named(item).into_iter().collect(),
    };
    if kinds.is_empty() {
        let why = format!("{} is no type of event, such as task.created or task.*.", quoted(item));
        return Err((Code::Invalid, why));
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_its_type() {
        for (name, kind) in [
            ("task.created", "task.created"),
            ("TASK_CREATED", "task.created"),
            ("TaskCreated", "task.created"),
            ("created", "task.created"),
            ("com.todo.task.created", "task.created"),
            ("TASK_RECURRED", "task.recurred"),
            ("reminder-triggered", "reminder.triggered"),
            ("ReminderTriggered", "reminder.triggered"),
            ("triggered", "reminder.triggered"),
            ("com.todo.recurrence.paused", "recurrence.paused"),
            ("NOTIFICATION_CREATED", "notification.created"),
        ] {
            assert_eq!(named(name), Some(kind), "{name}");
        }
        assert_eq!(named("task.exploded"), None);
        assert_eq!(named(""), None);
        assert_eq!(meant("task.*").unwrap().len(), 8);
        assert_eq!(meant("*").unwrap().len(), ALL.len());
        assert!(meant("nothing.*").is_err());
    }
}
