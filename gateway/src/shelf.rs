//! Tasks that the views keep as JSON, sifted and sorted as the list itself would: archived ones, and found ones.

use std::{collections::HashMap, sync::Arc};

use actors::{
    message::{
        rejection::Rejection,
        task::{
            Due, Task,
            command::Settings,
            query::{Answer, Filter, List},
        },
        text::{Description, Tag, Title},
        time::Timestamp,
    },
    task_list,
};
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use uuid::Uuid;

/// A page of tasks as JSON.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The tasks.
    pub(crate) tasks: Vec<Arc<str>>,
    /// How many match in all.
    pub(crate) total: usize,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

/// A page of tasks.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// The tasks.
    pub(crate) tasks: Vec<Arc<Task>>,
    /// How many match in all.
    pub(crate) total: usize,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

/// Whose tasks they are, as far as filters depend on it.
pub(crate) struct Owner {
    /// The user's settings.
    pub(crate) settings: Settings,
    /// The user's sequence.
    pub(crate) version: u64,
    /// What time it is.
    pub(crate) now: Timestamp,
    /// The zone of users who have set none.
    pub(crate) default_zone: Tz,
}

impl Owner {
    /// Keeps what holds a task that passes a filter.
    pub(crate) fn sieve<T>(&self, held: &mut Vec<T>, task: impl Fn(&T) -> &Task, filter: &Filter) {
        let at = (self.version, self.now, self.default_zone);
        task_list::sieve(held, task, self.settings.clone(), filter, at);
    }

    /// The page that a list asks for, of these tasks.
    pub(crate) fn page(self, tasks: &[Arc<Task>], list: &List) -> Result<Sorted, Rejection> {
        let Self { settings, version, now, default_zone } = self;
        let sifted = task_list::sifted(tasks, settings, list, (version, now, default_zone))?;
        let Answer::List { tasks, total, next } = sifted else { return Ok(Sorted::default()) };
        Ok(Sorted { tasks, total, next })
    }
}

/// The page that a list asks for, of these tasks. One that cannot be read is left out.
pub(crate) fn page(
    bodies: impl IntoIterator<Item = Arc<str>>,
    owner: Owner,
    list: &List,
) -> Result<Page, Rejection> {
    let (tasks, by_id) = read_all(bodies);
    let Sorted { tasks, total, next } = owner.page(&tasks, list)?;
    let tasks = tasks.iter().filter_map(|task| by_id.get(&task.id).cloned()).collect();
    Ok(Page { tasks, total, next })
}

type Read = (Vec<Arc<Task>>, HashMap<Uuid, Arc<str>>);

fn read_all(bodies: impl IntoIterator<Item = Arc<str>>) -> Read {
    let mut by_id = HashMap::new();
    let mut tasks = Vec::new();
    for body in bodies {
        if let Some(task) = read(&body) {
            by_id.insert(task.id, body);
            tasks.push(Arc::new(task));
        }
    }
    (tasks, by_id)
}

/// What filters and sorting look at of a task as the interface writes it.
#[derive(Deserialize)]
struct Written {
    id: Uuid,
    number: u64,
    title: String,
    description: Option<String>,
    status: actors::message::task::Status,
    priority: Option<actors::message::task::Priority>,
    #[serde(default)]
    tags: Vec<String>,
    due_date: Option<String>,
    zone: Option<String>,
    recurrence_id: Option<Uuid>,
    position: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    version: u64,
}

/// A task from what the interface writes of it, as far as filters, sorts and searches look at it.
pub(crate) fn read(body: &str) -> Option<Task> {
    let written: Written = serde_json::from_str(body).ok()?;
    Some(Task {
        id: written.id,
        number: written.number,
        title: Title::parse(&written.title).ok()?,
        description: written.description.and_then(|text| Description::parse(&text).ok().flatten()),
        status: written.status,
        priority: written.priority,
        tags: written.tags.iter().filter_map(|tag| Tag::parse(tag).ok()).collect(),
        due: written.due_date.as_deref().and_then(due),
        zone: written.zone.and_then(|zone| zone.parse().ok()),
        recurrence: None,
        recurrence_id: written.recurrence_id,
        occurrence: None,
        reminders: Vec::new(),
        position: written.position.into(),
        created_at: written.created_at.into(),
        updated_at: written.updated_at.into(),
        completed_at: written.completed_at.map(Timestamp::from),
        deleted_at: written.deleted_at.map(Timestamp::from),
        version: written.version,
        next: None,
        ical: None,
    })
}

/// A due date as the interface writes it.
pub(crate) fn due(text: &str) -> Option<Due> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(Due::Day(day));
    }
    let at: DateTime<FixedOffset> = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Due::Moment { local: at.naive_local(), offset: at.offset().local_minus_utc() })
}

#[cfg(test)]
mod tests {
    use actors::message::{key::UserId, task::shown::shown};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_is_read_as_it_was_written() {
        for due in [
            json!(null),
            json!("2027-03-01"),
            json!("2027-03-01T09:00:00+01:00"),
            json!("2027-03-01T09:00:00Z"),
        ] {
            let written = json!({
                "id": "7d9c0cf6-0d46-4d57-9f0e-0e2f7d3f4c11", "number": 7, "user_id": "ann", "title": "Zahnärztin",
                "description": "bring\nthe card", "status": "completed", "completed": true, "priority": "high",
                "tags": ["home/garden"], "due_date": due, "zone": "Europe/Berlin", "recurrence": null,
                "recurrence_id": null, "occurrence": null, "reminders": [], "position": "a0",
                "created_at": "2027-01-01T00:00:00.001Z", "updated_at": "2027-01-02T00:00:00.000Z",
                "completed_at": "2027-01-02T00:00:00.000Z", "deleted_at": null, "version": 9,
            });
            let task = read(&written.to_string()).unwrap();
            assert_eq!(shown(&task, &UserId::parse("ann").unwrap()), written);
        }
    }
}
