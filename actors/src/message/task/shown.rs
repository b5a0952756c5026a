//! A task as the interface writes it (CONTRACT §4): every field, in order, nulls included.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{SetReminder, Task};
use crate::message::key::UserId;

/// A task of a user; serializes as the contract's Task.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The task.
    pub task: &'a Task,
    /// Whose it is.
    pub user: &'a UserId,
}

/// The contract's Task as a JSON value.
pub fn shown(task: &Task, user: &UserId) -> Value {
    serde_json::to_value(Shown { task, user }).expect("a task's keys are strings")
}

/// A task as its events carry it: flat, without `id` and `user_id`.
pub(crate) struct Told<'a> {
    /// The task.
    pub(crate) task: &'a Task,
    /// What changed of it, where it was there before: {field: {before, after}}.
    pub(crate) changes: Option<&'a Map<String, Value>>,
}

/// The fields of a task as its events carry them, without its id.
pub fn fields(task: &Task) -> Map<String, Value> {
    match serde_json::to_value(Fields(task)) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("a task serializes as an object, not as {other:?}"),
    }
}

/// Text by its `Display`, without a `String` between.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

struct Reminders<'a>(&'a [SetReminder]);

impl Serialize for Reminders<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Set))
    }
}

/// A reminder as its task shows it.
pub(crate) struct Set<'a>(pub(crate) &'a SetReminder);

impl Serialize for Set<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(3))?;
        map.serialize_entry("id", &self.0.id)?;
        map.serialize_entry("lead_time", &self.0.lead_time.map(Text))?;
        map.serialize_entry("remind_at", &Text(self.0.remind_at))?;
        map.end()
    }
}

struct Fields<'a>(&'a Task);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("number", &self.0.number)?;
        rest(self.0, &mut map)?;
        map.end()
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("task_id", &self.task.id)?;
        map.serialize_entry("number", &self.task.number)?;
        rest(self.task, &mut map)?;
        if let Some(changes) = self.changes {
            map.serialize_entry("changes", changes)?;
        }
        map.end()
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &self.task.id)?;
        map.serialize_entry("number", &self.task.number)?;
        map.serialize_entry("user_id", self.user.as_str())?;
        rest(self.task, &mut map)?;
        map.end()
    }
}

fn rest<M: SerializeMap>(task: &Task, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("title", &task.title)?;
    map.serialize_entry("description", &task.description)?;
    map.serialize_entry("status", &task.status)?;
    map.serialize_entry("completed", &(task.status == super::Status::Completed))?;
    map.serialize_entry("priority", &task.priority)?;
    map.serialize_entry("tags", &task.tags)?;
    map.serialize_entry("due_date", &task.due.map(Text))?;
    map.serialize_entry("zone", &task.zone.map(|zone| zone.name()))?;
    map.serialize_entry("recurrence", &task.recurrence.as_ref().map(|rule| rule.write()))?;
    map.serialize_entry("recurrence_id", &task.recurrence_id)?;
    map.serialize_entry("occurrence", &task.occurrence.map(Text))?;
    map.serialize_entry("reminders", &Reminders(&task.reminders))?;
    map.serialize_entry("position", &task.position)?;
    map.serialize_entry("created_at", &Text(task.created_at))?;
    map.serialize_entry("updated_at", &Text(task.updated_at))?;
    map.serialize_entry("completed_at", &task.completed_at.map(Text))?;
    map.serialize_entry("deleted_at", &task.deleted_at.map(Text))?;
    map.serialize_entry("version", &task.version)
}
