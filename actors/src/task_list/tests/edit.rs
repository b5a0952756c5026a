//! Making and changing tasks.

use super::world::*;
use crate::{
    message::{
        rejection::{Current, Slug},
        task::{
            Priority, Status,
            command::{Change, Command, Operation, Patch, ReminderAt, ReminderDraft, TaskRef},
        },
        text::Description,
    },
    task_list::TASKS_MAX,
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
fn a_task_can_be_made_closed() {
    for (status, told) in
        [(Status::Completed, "task.completed"), (Status::Cancelled, "task.updated")]
    {
        let mut world = World::new();
        let task = world.add(Patch { status: Some(status), ..draft("Buy milk") });
        assert_eq!(task.status, status);
        assert_eq!(world.told(), ["task.created", told]);
    }
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let mut world = World::new();
    let first = Patch {
        tags: Change::Set(vec![tag("home")]),
        reminders: Change::Set(vec![lead("1h"), moment("2026-11-22T08:00:00Z")]),
        ..due("Buy milk", "2026-11-22T09:00:00+00:00")
    };
    let task = world.add(first.clone());
    let done = world.one(edit(&task, first)).unwrap();
    assert_eq!(done.task, task);
    assert!(world.wrote.events.is_empty() && world.wrote.syncs.is_empty());
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
fn null_clears_and_absent_keeps() {
    let mut world = World::new();
    let text = Description::parse("semi-skimmed").unwrap().unwrap();
    let task = world.add(Patch {
        description: Change::Set(text),
        priority: Change::Set(Priority::Low),
        tags: Change::Set(vec![tag("home"), tag("shop"), tag("home")]),
        ..due("Buy milk", "2026-11-22")
    });
    assert_eq!(task.tags, [tag("home"), tag("shop")]);
    let done = world.one(edit(&task, Patch::default())).unwrap();
    assert_eq!(done.task, task);
    let clear = Patch {
        description: Change::Clear,
        priority: Change::Clear,
        tags: Change::Clear,
        due: Change::Clear,
        ..Patch::default()
    };
    let done = world.one(edit(&task, clear)).unwrap().task;
    assert_eq!((&done.description, done.priority, done.due), (&None, None, None));
    assert!(done.tags.is_empty());
}

#[test]
fn a_stale_change_is_refused_with_the_task_as_it_is() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    let expect = Some(7);
    let task_ref = id(&task);
    let operations = [
        Operation::Complete { task: task_ref, expect },
        Operation::Reopen { task: task_ref, expect },
        Operation::Toggle { task: task_ref, expect },
        Operation::Restore { task: task_ref, expect },
        Operation::Skip { task: task_ref, expect },
        Operation::Delete { task: task_ref, scope: Default::default(), expect },
        Operation::Edit {
            task: task_ref,
            patch: Box::default(),
            scope: Default::default(),
            expect,
        },
    ];
    for operation in operations {
        let no = world.one(operation).unwrap_err();
        assert_eq!(no.slug, Slug::Stale);
        assert!(matches!(no.current, Some(Current::Task(held)) if held == task));
    }
}

#[test]
fn what_is_unknown_or_deleted_is_not_found() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    world.one(delete(&task, Default::default())).unwrap();
    for task in [id(&task), TaskRef::Number(task.number), TaskRef::Number(9)] {
        let no = world.one(Operation::Complete { task, expect: Some(1) }).unwrap_err();
        assert_eq!(no.slug, Slug::NotFound);
    }
}

#[test]
fn a_task_without_title_is_refused() {
    let no = World::new().one(Operation::Create { draft: Box::default() }).unwrap_err();
    assert_eq!((no.slug, no.faults[0].pointer.as_str()), (Slug::Invalid, "/title"));
}

#[test]
fn a_task_has_at_most_twenty_tags() {
    let mut world = World::new();
    let tags: Vec<_> = (0..20).map(|n| tag(&format!("t{n}"))).collect();
    let task = world.add(Patch { tags: Change::Set(tags), ..draft("Buy milk") });
    let more = Patch { add_tags: vec![tag("one-more")], ..Patch::default() };
    let no = world.one(edit(&task, more)).unwrap_err();
    assert_eq!((no.slug, no.faults[0].pointer.as_str()), (Slug::Invalid, "/tags"));
    let swap =
        Patch { add_tags: vec![tag("one-more")], remove_tags: vec![tag("t0")], ..Patch::default() };
    assert_eq!(world.one(edit(&task, swap)).unwrap().task.tags.len(), 20);
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

#[test]
fn completed_false_alone_reopens_what_is_completed_and_leaves_others() {
    for (status, told) in [
        (Status::Completed, vec!["task.reopened"]),
        (Status::Cancelled, vec![]),
        (Status::InProgress, vec![]),
    ] {
        let mut world = World::new();
        let task = world.add(Patch { status: Some(status), ..draft("Buy milk") });
        let patch = Patch { reopen: true, ..Patch::default() };
        world.one(edit(&task, patch)).unwrap();
        assert_eq!(world.told(), told);
    }
}

#[test]
fn a_change_beside_a_completion_is_told_by_itself() {
    let mut world = World::new();
    let task = world.add(draft("Buy milk"));
    let patch = Patch { status: Some(Status::Completed), ..draft("Buy bread") };
    world.one(edit(&task, patch)).unwrap();
    assert_eq!(world.told(), ["task.updated", "task.completed"]);
}

#[test]
fn a_zone_alone_keeps_the_wall_clock() {
    let mut world = World::new();
    let task = world.add(due("Call", "2026-11-22T09:00:00"));
    assert_eq!(task.due.unwrap().to_string(), "2026-11-22T09:00:00Z");
    let zone = Patch { zone: Change::Set(chrono_tz::Europe::Berlin), ..Patch::default() };
    let done = world.one(edit(&task, zone)).unwrap().task;
    assert_eq!(done.due.unwrap().to_string(), "2026-11-22T09:00:00+01:00");
    let instant = Patch { due: Change::Set(when("2026-07-01T07:00:00Z")), ..Patch::default() };
    let done = world.one(edit(&task, instant)).unwrap().task;
    assert_eq!(done.due.unwrap().to_string(), "2026-07-01T09:00:00+02:00");
}

#[test]
fn fractions_of_a_second_are_dropped() {
    let mut world = World::new();
    let task = world.add(due("Call", "2026-11-22T09:00:00.987Z"));
    assert_eq!(task.due.unwrap().to_string(), "2026-11-22T09:00:00Z");
}

#[test]
fn a_lead_time_inside_a_task_needs_a_due_date() {
    let no = World::new()
        .one(Operation::Create {
            draft: Box::new(Patch {
                reminders: Change::Set(vec![moment("2026-11-22T08:00:00Z"), lead("1h")]),
                ..draft("Buy milk")
            }),
        })
        .unwrap_err();
    let pointer = no.faults[0].pointer.as_str();
    assert_eq!((no.slug, pointer), (Slug::NoDueDate, "/reminders/1/lead_time"));
}

#[test]
fn open_tasks_are_limited_and_closed_ones_are_not_counted() {
    let mut world = World::new();
    let first = world.add(draft("Buy milk"));
    world.list.open = TASKS_MAX;
    let create = || Operation::Create { draft: Box::new(draft("Buy bread")) };
    let call = world.call(Command::One { operation: create() });
    let refused = world.at(|list, at| {
        use crate::actor::Actor;
        list.decide(&call, at).unwrap_err()
    });
    assert_eq!(refused.slug, Slug::LimitReached);
    world.list.open = 1;
    world.one(complete(&first)).unwrap();
    world.one(create()).unwrap();
}

#[test]
fn a_reminder_that_is_sent_back_is_kept() {
    let mut world = World::new();
    let task = world.add(Patch {
        reminders: Change::Set(vec![lead("1h")]),
        ..due("Call", "2026-11-22T09:00:00Z")
    });
    let set = task.reminders[0].clone();
    let back = ReminderDraft { id: Some(set.id), ..lead("1h") };
    let other =
        ReminderDraft { at: ReminderAt::Moment(when("2026-11-22T07:00:00Z")), ..lead("1h") };
    let patch = Patch { reminders: Change::Set(vec![other, back]), ..Patch::default() };
    let done = world.one(edit(&task, patch)).unwrap().task;
    assert_eq!(done.reminders.len(), 2);
    assert_eq!(done.reminders[1], set);
}
