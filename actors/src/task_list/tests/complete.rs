//! Closing, opening, deleting and restoring.

use serde_json::json;

use super::world::*;
use crate::message::{rejection::Slug, task::command::Scope};

#[test]
fn completing_makes_the_next_occurrence_in_the_same_turn() {
    let mut world = World::new();
    let task = world.add(recurring("Water plants", "2026-11-21", json!("daily")));
    let done = world.one(complete(&task)).unwrap();
    let next = done.next.unwrap();
    assert_eq!(next.due.unwrap().to_string(), "2026-11-22");
    assert_eq!(world.told(), ["task.completed", "task.created", "task.recurred"]);
    let again = world.one(complete(&task)).unwrap();
    assert_eq!(again.next.unwrap().id, next.id);
    assert!(world.wrote.events.is_empty());
}

#[test]
fn reopening_takes_back_an_untouched_successor() {
    let mut world = World::new();
    let task = world.add(recurring("Water plants", "2026-11-21", json!("daily")));
    let next = world.one(complete(&task)).unwrap().next.unwrap();
    let done = world.one(reopen(&task)).unwrap();
    assert_eq!(done.removed, Some(next.id));
    assert_eq!(world.told(), ["task.deleted", "task.reopened"]);
    let again = world.one(complete(&task)).unwrap().next.unwrap();
    assert_eq!(again.id, next.id);
}

#[test]
fn a_deleted_task_is_gone_until_it_is_restored() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    world.one(delete(&task, Scope::Following)).unwrap();
    assert_eq!(world.one(delete(&task, Scope::Following)).unwrap_err().slug, Slug::NotFound);
    let back = world.one(restore(&task)).unwrap().task;
    assert_eq!(back.deleted_at, None);
    world.one(restore(&task)).unwrap();
    assert!(world.wrote.events.is_empty());
    world.one(delete(&task, Scope::Following)).unwrap();
    world.until("2026-12-21T11:59:59Z");
    assert!(world.one(restore(&task)).is_ok());
    world.one(delete(&task, Scope::Following)).unwrap();
    world.until("2027-01-21T12:00:00Z");
    assert_eq!(world.one(restore(&task)).unwrap_err().slug, Slug::NotFound);
    assert!(world.list.tasks.is_empty());
}
