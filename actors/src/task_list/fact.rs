//! What the log is told: an event as the contract's CloudEvents carry it.

use serde_json::{Map, Value, json};

use super::event::{Event, Fate};
use crate::message::{
    call::Cause,
    event::{Fact, Members, Topic},
    task::{
        Task,
        shown::{Set, Told},
    },
};

/// The fact of an event; `None` for what only the list needs.
pub(super) fn fact(event: &Event) -> Option<Fact> {
    match event {
        Event::Task { fate, task, changes, cause } => {
            let kind = kind(*fate)?.to_owned();
            let changes = (*fate != Fate::Created).then_some(changes);
            let data = Members::write(&Told { task, changes });
            let (topic, subject, cause) = (Topic::TaskEvents, task.id, cause.clone());
            Some(Fact { topic, kind, subject, cause, data })
        }
        Event::Recurred { task, previous, rings_at } => {
            let mut data = Map::new();
            data.insert("recurrence_id".to_owned(), json!(task.recurrence_id));
            data.insert("task_id".to_owned(), json!(task.id));
            data.insert("previous_task_id".to_owned(), json!(previous));
            data.insert("occurrence".to_owned(), text(task.occurrence));
            data.insert("due_date".to_owned(), text(task.due));
            if let Some(at) = rings_at {
                data.insert("rings_at".to_owned(), json!(at.to_string()));
            }
            let cause = match (previous, task.recurrence_id) {
                (Some(id), _) => Some(Cause { kind: "task".to_owned(), id: *id }),
                (None, Some(id)) => Some(Cause { kind: "rule".to_owned(), id }),
                (None, None) => None,
            };
            let (topic, kind) = (Topic::TaskRecurrence, "task.recurred".to_owned());
            Some(Fact { topic, kind, subject: task.id, cause, data: Members::write(&data) })
        }
        _ => None,
    }
}

fn kind(fate: Fate) -> Option<&'static str> {
    Some(match fate {
        Fate::Created => "task.created",
        Fate::Updated => "task.updated",
        Fate::Completed => "task.completed",
        Fate::Reopened => "task.reopened",
        Fate::Deleted | Fate::TakenBack => "task.deleted",
        Fate::Restored => "task.restored",
        Fate::Archived => "task.archived",
        Fate::Touched => return None,
    })
}

fn text<T: std::fmt::Display>(value: Option<T>) -> Value {
    value.map_or(Value::Null, |value| Value::String(value.to_string()))
}

/// What changed of what is shown, but for the clock's and the list's own fields: {field: {before, after}}.
pub(super) fn changes(old: &Task, new: &Task) -> Map<String, Value> {
    let mut changes = Map::new();
    let mut differ = |name: &str, differs: bool, value: &dyn Fn(&Task) -> Value| {
        if differs {
            let change = json!({ "before": value(old), "after": value(new) });
            changes.insert(name.to_owned(), change);
        }
    };
    differ("title", old.title != new.title, &|task| json!(task.title));
    differ("description", old.description != new.description, &|task| json!(task.description));
    differ("status", old.status != new.status, &|task| json!(task.status));
    differ("priority", old.priority != new.priority, &|task| json!(task.priority));
    differ("tags", old.tags != new.tags, &|task| json!(task.tags));
    differ("due_date", old.due != new.due, &|task| text(task.due));
    differ("zone", old.zone != new.zone, &|task| json!(task.zone.map(|zone| zone.name())));
    differ("recurrence", old.recurrence != new.recurrence, &|task| {
        task.recurrence.as_ref().map_or(Value::Null, |rule| rule.write())
    });
    differ("recurrence_id", old.recurrence_id != new.recurrence_id, &|task| {
        json!(task.recurrence_id)
    });
    differ("occurrence", old.recurrence_id != new.recurrence_id, &|task| text(task.occurrence));
    let reminders = |task: &Task| -> Value {
        task.reminders.iter().map(|set| json!(Set(set))).collect::<Vec<_>>().into()
    };
    let shown = |task: &Task| -> Vec<_> {
        task.reminders.iter().map(|set| (set.id, set.lead_time, set.remind_at)).collect()
    };
    differ("reminders", shown(old) != shown(new), &reminders);
    differ("position", old.position != new.position, &|task| json!(task.position));
    changes
}
