//! Closing, opening, deleting and restoring.

use serde_json::json;

use super::world::*;
use crate::message::{
    rejection::Slug,
    reminder::Gone,
    series::{EndedReason, SeriesStatus},
    sync::Value,
    task::{
        Status,
        command::{Change, Operation, Patch, Scope},
    },
};

fn daily(world: &mut World) -> std::sync::Arc<crate::message::task::Task> {
    world.add(recurring("Water plants", "2026-11-21", json!("daily")))
}

#[test]
fn completing_makes_the_next_occurrence_in_the_same_turn() {
    let mut world = World::new();
    let task = world.add(Patch {
        tags: Change::Set(vec![tag("home")]),
        reminders: Change::Set(vec![lead("1d"), moment("2026-11-21T13:00:00Z")]),
        ..recurring("Water plants", "2026-11-21", json!("daily"))
    });
    let done = world.one(complete(&task)).unwrap();
    assert!(done.completed);
    let next = done.next.unwrap();
    assert_eq!(next.due.unwrap().to_string(), "2026-11-22");
    assert_eq!(
        (next.occurrence, next.recurrence_id),
        (Some(local("2026-11-22")), task.recurrence_id)
    );
    let rule = task.recurrence_id.unwrap();
    assert_eq!(next.id, uuid::Uuid::new_v5(&rule, b"2026-11-22"));
    assert_eq!(next.tags, task.tags);
    assert_eq!(next.reminders.len(), 1, "only lead times are carried");
    assert_eq!(next.reminders[0].remind_at, timestamp("2026-11-21T09:00:00Z"));
    assert_eq!(world.told(), ["task.completed", "task.created", "task.recurred"]);
}

#[test]
fn completing_again_answers_the_same_next_and_writes_nothing() {
    let mut world = World::new();
    let task = daily(&mut world);
    let next = world.one(complete(&task)).unwrap().next.unwrap();
    let again = world.one(complete(&task)).unwrap();
    assert_eq!(again.next, Some(next));
    assert!(world.wrote.events.is_empty());
}

#[test]
fn reopening_takes_back_an_untouched_successor() {
    let mut world = World::new();
    let task = daily(&mut world);
    let next = world.one(complete(&task)).unwrap().next.unwrap();
    let done = world.one(reopen(&task)).unwrap();
    assert_eq!(done.removed, Some(next.id));
    assert_eq!(world.told(), ["task.deleted", "task.reopened"]);
    assert_eq!(world.series(&task).made, 1);
    let again = world.one(complete(&task)).unwrap().next.unwrap();
    assert_eq!(again.id, next.id);
    assert_eq!(world.told(), ["task.completed", "task.created", "task.recurred"]);
}

#[test]
fn reopening_leaves_a_touched_successor_and_completing_makes_no_second() {
    let mut world = World::new();
    let task = daily(&mut world);
    let next = world.one(complete(&task)).unwrap().next.unwrap();
    world.one(edit(&next, draft("Water the plants"))).unwrap();
    assert_eq!(world.one(reopen(&task)).unwrap().removed, None);
    assert_eq!(world.list.open, 2);
    let again = world.one(complete(&task)).unwrap();
    assert_eq!(again.next.unwrap().id, next.id);
    assert_eq!(world.told(), ["task.completed"]);
}

#[test]
fn reopening_is_idempotent() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    assert_eq!(world.one(reopen(&task)).unwrap().task, task);
    assert!(world.wrote.events.is_empty());
}

#[test]
fn toggling_goes_to_and_fro() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    for told in ["task.completed", "task.reopened"] {
        world.one(Operation::Toggle { task: id(&task), expect: None }).unwrap();
        assert_eq!(world.told(), [told]);
    }
}

#[test]
fn closing_cancels_reminders_and_opening_brings_them_back() {
    let mut world = World::new();
    let task = world.add(Patch {
        reminders: Change::Set(vec![moment("2026-11-22T13:00:00Z")]),
        ..draft("Call")
    });
    for (operation, closed) in [
        (complete(&task), Some(Gone::TaskCompleted)),
        (reopen(&task), None),
        (delete(&task, Scope::Following), Some(Gone::TaskDeleted)),
        (restore(&task), None),
        (
            edit(&task, Patch { status: Some(Status::Cancelled), ..Patch::default() }),
            Some(Gone::TaskCancelled),
        ),
    ] {
        world.one(operation).unwrap();
        let Value::Moments(moments) = &world.wrote.syncs[0].2 else { panic!("moments are told") };
        assert_eq!((moments.closed, moments.reminders.len()), (closed, 1));
        assert!(!world.wrote.confirm, "the moment is far off");
    }
}

#[test]
fn a_near_moment_that_is_taken_away_must_be_confirmed() {
    for (at, confirm) in [
        ("2026-11-21T12:02:00Z", true),
        ("2026-11-21T12:02:00.001Z", false),
        ("2026-11-21T11:00:00Z", true),
    ] {
        let mut world = World::new();
        let reminders = Change::Set(vec![moment("2026-11-22T00:00:00Z"), moment(at)]);
        let task = world.add(Patch { reminders, ..draft("Call") });
        assert!(!world.wrote.confirm, "setting takes nothing away");
        world.one(complete(&task)).unwrap();
        assert_eq!(world.wrote.confirm, confirm, "{at}");
    }
}

#[test]
fn a_deleted_task_is_gone_until_it_is_restored() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    world.one(delete(&task, Scope::Following)).unwrap();
    assert_eq!(world.told(), ["task.deleted"]);
    assert_eq!(world.one(delete(&task, Scope::Following)).unwrap_err().slug, Slug::NotFound);
    let back = world.one(restore(&task)).unwrap().task;
    assert_eq!((back.deleted_at, world.told()), (None, vec!["task.restored".to_owned()]));
    world.one(restore(&task)).unwrap();
    assert!(world.wrote.events.is_empty());
    world.one(delete(&task, Scope::Following)).unwrap();
    world.until("2026-12-21T11:59:59.999Z");
    assert!(world.one(restore(&task)).is_ok());
    world.one(delete(&task, Scope::Following)).unwrap();
    world.until("2027-01-21T12:00:00Z");
    assert_eq!(world.one(restore(&task)).unwrap_err().slug, Slug::NotFound);
    assert!(world.list.tasks.is_empty());
}

#[test]
fn deleting_ends_a_rule_and_restoring_revives_it() {
    let mut world = World::new();
    let task = daily(&mut world);
    world.one(delete(&task, Scope::Following)).unwrap();
    let series = world.series(&task);
    assert_eq!(
        (series.status, series.ended_reason),
        (SeriesStatus::Ended, Some(EndedReason::Deleted))
    );
    assert_eq!(world.told(), ["task.deleted"]);
    world.one(restore(&task)).unwrap();
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
    assert!(world.one(complete(&task)).unwrap().next.is_some());
}

#[test]
fn deleting_this_one_makes_the_next() {
    let mut world = World::new();
    let task = daily(&mut world);
    let done = world.one(delete(&task, Scope::This)).unwrap();
    assert_eq!(world.told(), ["task.deleted", "task.created", "task.recurred"]);
    assert_eq!(done.next.unwrap().due.unwrap().to_string(), "2026-11-22");
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
}

#[test]
fn deleting_what_was_completed_leaves_the_rule() {
    let mut world = World::new();
    let task = daily(&mut world);
    world.one(complete(&task)).unwrap();
    world.one(delete(&task, Scope::Following)).unwrap();
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
}

#[test]
fn cancelling_ends_a_rule_and_reopening_revives_it() {
    let mut world = World::new();
    let task = daily(&mut world);
    let cancel = Patch { status: Some(Status::Cancelled), ..Patch::default() };
    assert_eq!(world.one(edit(&task, cancel.clone())).unwrap().next, None);
    assert_eq!(world.series(&task).ended_reason, Some(EndedReason::Cancelled));
    world.one(reopen(&task)).unwrap();
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
    let done = world.one(edit_in(&task, cancel, Scope::This)).unwrap();
    assert!(done.next.is_some(), "this one alone is cancelled");
}

#[test]
fn completing_what_was_cancelled_goes_on_with_the_rule() {
    let mut world = World::new();
    let task = daily(&mut world);
    let cancel = Patch { status: Some(Status::Cancelled), ..Patch::default() };
    world.one(edit(&task, cancel)).unwrap();
    assert!(world.one(complete(&task)).unwrap().next.is_some());
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
}

#[test]
fn skipping_cancels_this_one_and_makes_the_next() {
    let mut world = World::new();
    let skip = |task| Operation::Skip { task: id(task), expect: None };
    let single = world.add(draft("Buy milk"));
    assert_eq!(world.one(skip(&single)).unwrap_err().slug, Slug::NotRecurring);
    let task = daily(&mut world);
    let done = world.one(skip(&task)).unwrap();
    assert_eq!(done.task.status, Status::Cancelled);
    assert_eq!(done.next.unwrap().due.unwrap().to_string(), "2026-11-22");
    assert_eq!(world.told(), ["task.updated", "task.created", "task.recurred"]);
    assert_eq!(world.series(&task).skips, [local("2026-11-21")]);
    assert_eq!(world.one(skip(&task)).unwrap_err().slug, Slug::TaskClosed);
    assert!(world.one(reopen(&task)).unwrap().removed.is_some());
    assert!(world.series(&task).skips.is_empty());
}

#[test]
fn closed_tasks_are_archived_after_a_year_and_then_refuse_changes() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    world.one(complete(&task)).unwrap();
    world.until("2027-11-21T11:59:59Z");
    assert!(world.list.get(task.id).is_some());
    world.until("2027-11-21T12:00:00Z");
    assert_eq!(world.told(), ["task.archived"]);
    assert!(world.list.tasks.is_empty());
    for operation in [reopen(&task), delete(&task, Scope::Following), restore(&task)] {
        assert_eq!(world.one(operation).unwrap_err().slug, Slug::TaskClosed);
    }
    world.calls = 0;
    let again = Operation::Create { draft: Box::new(draft("Buy milk")) };
    assert_eq!(world.one(again).unwrap_err().slug, Slug::TaskClosed);
    assert_eq!(world.add(draft("Buy bread")).number, 2, "numbers are never given twice");
}

#[test]
fn closed_tasks_beyond_the_newest_two_thousand_are_archived_at_once() {
    let mut world = World::new();
    for _ in 0..2_000 {
        world.unchecked(Patch { status: Some(Status::Completed), ..draft("Done") });
        world.now = world.now.plus(1);
    }
    let task = world.add(draft("One more"));
    world.one(complete(&task)).unwrap();
    assert_eq!(world.told(), ["task.completed", "task.archived"]);
    assert_eq!(world.list.closed.len(), 2_000);
}
