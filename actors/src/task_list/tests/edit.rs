//! Making and changing tasks.

use super::world::*;
use crate::message::{
    rejection::Slug,
    task::{
        Priority, Status,
        command::{Change, Operation, Patch},
    },
};

#[test]
fn a_task_is_made_with_the_calls_id_and_a_number() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    assert_eq!((task.id.as_u128(), task.number, task.version), (1, 1, 1));
    assert_eq!(world.told(), ["task.created"]);
    assert!(world.wrote.syncs.is_empty(), "a task without reminders concerns nobody else");
}

#[test]
fn a_repeated_create_answers_the_task_that_is_there() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    world.calls = 0;
    let again = world.one(Operation::Create { draft: Box::new(draft("Buy bread")) }).unwrap();
    assert_eq!((again.task, again.created), (task, true));
    assert!(world.wrote.events.is_empty());
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let mut world = World::new();
    let task = world.add(due("Buy milk", "2026-11-22T09:00:00+00:00"));
    let done = world.one(edit(&task, due("Buy milk", "2026-11-22T09:00:00+00:00"))).unwrap();
    assert_eq!(done.task, task);
    assert!(world.wrote.events.is_empty());
}

#[test]
fn a_change_says_what_changed() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    let patch = Patch { priority: Change::Set(Priority::High), ..draft("Buy bread") };
    let done = world.one(edit(&task, patch)).unwrap();
    assert_eq!(done.task.version, 2);
    assert_eq!(world.told(), ["task.updated"]);
    assert_eq!(world.changed(), ["title", "priority"]);
}

#[test]
fn a_stale_change_is_refused_with_the_task_as_it_is() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    let operation = Operation::Complete { task: id(&task), expect: Some(7) };
    let no = world.one(operation).unwrap_err();
    assert_eq!(no.slug, Slug::Stale);
    assert!(no.current.is_some());
}

#[test]
fn a_task_without_title_is_refused() {
    let no = World::new().one(Operation::Create { draft: Box::default() }).unwrap_err();
    assert_eq!((no.slug, no.faults[0].pointer.as_str()), (Slug::Invalid, "/title"));
}

#[test]
fn status_in_a_patch_completes_cancels_and_reopens() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    for (to, told) in [
        (Status::InProgress, "task.updated"),
        (Status::Completed, "task.completed"),
        (Status::Cancelled, "task.updated"),
        (Status::InProgress, "task.reopened"),
    ] {
        let patch = Patch { status: Some(to), ..Patch::default() };
        let done = world.one(edit(&task, patch)).unwrap();
        assert_eq!(done.task.status, to);
        assert_eq!(world.told(), [told]);
        assert_eq!(done.task.completed_at.is_some(), to == Status::Completed);
    }
}
