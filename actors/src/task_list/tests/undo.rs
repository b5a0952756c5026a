//! Undo of what events tell.

use serde_json::json;
use uuid::Uuid;

use super::world::*;
use crate::{
    actor::Actor,
    message::{
        rejection::{Rejection, Slug},
        task::{
            Status, Task,
            command::{Change, Command, Patch, Place, Reply, Scope, Undo},
        },
    },
    task_list::TaskList,
};

/// The undo of a fact of the last turn.
fn undo_of(world: &World, nth: usize) -> Undo {
    let fact = world.at(|_, at| {
        let mut facts = world.wrote.events.iter().filter_map(|event| TaskList::fact(event, at));
        facts.nth(nth).unwrap()
    });
    let data = fact.data.read();
    let changes = data.get("changes").and_then(|changes| changes.as_object());
    Undo {
        event_id: Uuid::from_u128(77),
        kind: fact.kind,
        task: fact.subject,
        changes: changes.cloned().unwrap_or_default(),
        sequence: world.sequence,
    }
}

fn undo(world: &mut World, undo: &Undo) -> Result<Reply, Rejection> {
    world.tell(Command::Undo { undo: Box::new(undo.clone()) })
}

/// The task as people see it, but for the clock's and the list's own fields.
fn looks(task: &Task) -> Task {
    let mut task = task.clone();
    task.version = 0;
    task.updated_at = task.created_at;
    task.reminders.iter_mut().for_each(|set| set.version = 0);
    task
}

#[test]
fn an_edit_is_put_back_field_by_field() {
    let mut world = World::new();
    let task = world.add(Patch {
        tags: Change::Set(vec![tag("home")]),
        reminders: Change::Set(vec![lead("1h"), moment("2026-11-23T07:00:00Z")]),
        ..due("Call", "2026-11-23T09:00:00Z")
    });
    let patches = [
        draft("Ring"),
        Patch { due: Change::Set(when("2026-11-25")), ..Patch::default() },
        Patch { tags: Change::Clear, status: Some(Status::InProgress), ..Patch::default() },
        Patch { status: Some(Status::Cancelled), ..Patch::default() },
        Patch { due: Change::Clear, reminders: Change::Clear, ..Patch::default() },
        Patch { zone: Change::Set(chrono_tz::Asia::Tokyo), ..Patch::default() },
    ];
    for patch in patches {
        world.one(edit(&task, patch)).unwrap();
        let back = undo_of(&world, 0);
        undo(&mut world, &back).unwrap();
        assert_eq!(looks(&world.get(&task)), looks(&task), "{back:?}");
        assert_eq!(undo(&mut world, &back).unwrap_err().slug, Slug::CannotUndo);
    }
}

#[test]
fn a_later_change_of_the_same_field_forbids_it_and_of_another_does_not() {
    let mut world = World::new();
    let task = world.add(draft("Call"));
    world.one(edit(&task, draft("Ring"))).unwrap();
    let back = undo_of(&world, 0);
    world
        .one(edit(&task, Patch { due: Change::Set(when("2026-11-25")), ..Patch::default() }))
        .unwrap();
    undo(&mut world, &back).unwrap();
    assert_eq!(world.get(&task).title.as_str(), "Call");
    world.one(edit(&task, draft("Ring"))).unwrap();
    let back = undo_of(&world, 0);
    world.one(edit(&task, draft("Phone"))).unwrap();
    assert_eq!(undo(&mut world, &back).unwrap_err().slug, Slug::CannotUndo);
}

#[test]
fn each_kind_has_its_way_back() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!("daily")));
    world.one(complete(&task)).unwrap();
    let completed = undo_of(&world, 0);
    undo(&mut world, &completed).unwrap();
    assert_eq!((world.get(&task).status, world.list.tasks.len()), (Status::Pending, 1));
    let reopened = undo_of(&world, 1);
    assert_eq!(reopened.kind, "task.reopened");
    undo(&mut world, &reopened).unwrap();
    assert_eq!((world.get(&task).status, world.list.tasks.len()), (Status::Completed, 2));
    world.one(delete(&task, Scope::Following)).unwrap();
    let deleted = undo_of(&world, 0);
    undo(&mut world, &deleted).unwrap();
    assert_eq!(world.get(&task).deleted_at, None);
    let restored = undo_of(&world, 0);
    assert_eq!(undo(&mut world, &restored).unwrap(), Reply::Undone(None));
    assert!(world.get(&task).deleted_at.is_some());
}

#[test]
fn making_a_task_is_undone_while_nothing_was_done_with_it() {
    let mut world = World::new();
    let task = world.add(draft("Call"));
    let created = undo_of(&world, 0);
    assert_eq!(undo(&mut world, &created).unwrap(), Reply::Undone(None));
    assert_eq!(world.told(), ["task.deleted"]);
    world.one(restore(&task)).unwrap();
    assert_eq!(undo(&mut world, &created).unwrap_err().slug, Slug::CannotUndo);
}

#[test]
fn a_rule_that_was_taken_off_comes_back_as_itself() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!("daily")));
    world.tell(Command::CancelRecurrence { task: id(&task), expect: None }).unwrap();
    let back = undo_of(&world, 0);
    undo(&mut world, &back).unwrap();
    assert_eq!(looks(&world.get(&task)), looks(&task));
    assert!(world.one(complete(&task)).unwrap().next.is_some());
}

#[test]
fn a_place_is_put_back() {
    let mut world = World::new();
    let task = world.add(draft("a"));
    world.add(draft("b"));
    let place = Place::Last;
    let operation =
        crate::message::task::command::Operation::Move { task: id(&task), place, expect: None };
    world.one(operation).unwrap();
    let back = undo_of(&world, 0);
    undo(&mut world, &back).unwrap();
    assert_eq!(world.get(&task).position, task.position);
}
