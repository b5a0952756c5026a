//! Reminders on tasks.

use std::sync::Arc;

use uuid::Uuid;

use super::world::*;
use crate::{
    message::{
        rejection::{Rejection, Slug},
        reminder::{Channel, Reminder},
        sync::Value,
        task::{
            Task,
            command::{Change, Command, Patch, ReminderAt, ReminderDraft, Reply, TaskRef},
        },
    },
    task_list::REMINDERS_MAX,
};

fn set(world: &mut World, task: &Task, draft: ReminderDraft) -> Result<Reminder, Rejection> {
    reminder(world.tell(Command::SetReminder { task: id(task), draft })?)
}

fn reminder(reply: Reply) -> Result<Reminder, Rejection> {
    match reply {
        Reply::Reminder(reminder) => Ok(*reminder),
        other => panic!("a reminder is answered, not {other:?}"),
    }
}

fn change(reminder: Uuid, at: &str) -> Command {
    Command::ChangeReminder {
        reminder,
        at: Some(ReminderAt::Moment(when(at))),
        channels: None,
        expect: None,
    }
}

fn call(world: &mut World) -> Arc<Task> {
    world.add(due("Call", "2026-11-23T09:00:00Z"))
}

#[test]
fn a_reminder_is_set_and_told() {
    let mut world = World::new();
    let task = call(&mut world);
    let made = set(&mut world, &task, lead("1d")).unwrap();
    assert_eq!(made.remind_at, timestamp("2026-11-22T09:00:00Z"));
    assert_eq!(made.channels, [Channel::InApp]);
    assert_eq!(world.told(), ["task.updated"]);
    assert_eq!(world.changed(), ["reminders"]);
    let Value::Moments(moments) = &world.wrote.syncs[0].2 else { panic!("moments are told") };
    assert_eq!(moments.reminders, world.get(&task).reminders);
    world.calls -= 1;
    let again = set(&mut world, &task, lead("1d")).unwrap();
    assert_eq!((again.id, world.wrote.events.len()), (made.id, 0), "a repeat answers the same");
}

#[test]
fn whole_days_keep_the_wall_clock_and_days_count_from_the_all_day_time() {
    let mut world = World::new();
    let berlin = Change::Set(chrono_tz::Europe::Berlin);
    for (due_at, before, at) in [
        ("2027-03-28T12:00:00", "1d", "2027-03-27T11:00:00Z"),
        ("2027-03-28T12:00:00", "PT24H", "2027-03-27T11:00:00Z"),
        ("2027-03-28T12:00:00", "PT25H", "2027-03-27T09:00:00Z"),
        ("2027-03-29", "15min", "2027-03-29T06:45:00Z"),
    ] {
        let task = world.add(Patch { zone: berlin.clone(), ..due("Call", due_at) });
        let made = set(&mut world, &task, lead(before)).unwrap();
        assert_eq!(made.remind_at, timestamp(at), "{before} before {due_at}");
    }
}

#[test]
fn what_a_reminder_needs() {
    let mut world = World::new();
    let task = call(&mut world);
    let free = world.add(draft("Some day"));
    let closed = world.add(due("Done", "2026-11-23"));
    world.one(complete(&closed)).unwrap();
    set(&mut world, &task, lead("1h")).unwrap();
    let unknown = Command::SetReminder { task: TaskRef::Number(99), draft: lead("1h") };
    for (no, slug) in [
        (set(&mut world, &free, lead("1h")).unwrap_err(), Slug::NoDueDate),
        (set(&mut world, &closed, lead("1h")).unwrap_err(), Slug::TaskClosed),
        (set(&mut world, &task, moment("2026-11-23T08:00:00Z")).unwrap_err(), Slug::ReminderExists),
        (world.tell(unknown).unwrap_err(), Slug::NotFound),
    ] {
        assert_eq!(no.slug, slug);
    }
    let other = ReminderDraft { channels: Some(vec![Channel::Email]), ..lead("1h") };
    assert!(set(&mut world, &task, other).is_ok(), "other channels are another reminder");
}

#[test]
fn a_task_has_twenty_pending_reminders_and_those_past_do_not_count() {
    let mut world = World::new();
    let task = call(&mut world);
    for minutes in 1..=20 {
        set(&mut world, &task, lead(&format!("PT{minutes}M"))).unwrap();
    }
    assert_eq!(set(&mut world, &task, lead("PT21M")).unwrap_err().slug, Slug::LimitReached);
    world.now = timestamp("2026-11-23T08:40:00Z");
    assert!(set(&mut world, &task, moment("2026-11-23T10:00:00Z")).is_ok());
}

#[test]
fn a_user_has_ten_thousand_pending_reminders() {
    let mut world = World::new();
    let task = call(&mut world);
    let coming = (0..REMINDERS_MAX).map(|n| (world.now.plus(1), Uuid::from_u128(n as u128)));
    let full: imbl::OrdSet<_> = coming.collect();
    let past = full.iter().map(|(_, id)| (world.now, *id)).collect();
    for (moments, fits) in [(full, false), (past, true)] {
        world.list.moments = moments;
        let command = Command::SetReminder { task: id(&task), draft: lead("1h") };
        let call = world.call(command);
        let decided = world.at(|list, at| crate::actor::Actor::decide(list, &call, at));
        assert_eq!(
            decided.map(|_| ()).map_err(|no| no.slug),
            if fits { Ok(()) } else { Err(Slug::LimitReached) }
        );
    }
}

#[test]
fn a_new_due_date_moves_what_leads_and_lies_ahead() {
    let mut world = World::new();
    let reminders = vec![lead("1h"), moment("2026-11-23T07:00:00Z"), lead("P3D")];
    let task = world
        .add(Patch { reminders: Change::Set(reminders), ..due("Call", "2026-11-23T09:00:00Z") });
    let moved = Patch { due: Change::Set(when("2026-11-24T09:00:00Z")), ..Patch::default() };
    let now = world.one(edit(&task, moved)).unwrap().task;
    let at: Vec<String> = now.reminders.iter().map(|set| set.remind_at.to_string()).collect();
    assert_eq!(
        at,
        ["2026-11-24T08:00:00.000Z", "2026-11-23T07:00:00.000Z", "2026-11-20T09:00:00.000Z"],
        "what is past has fired, and stays"
    );
    let versions = |task: &Task| task.reminders.iter().map(|set| set.version).collect::<Vec<_>>();
    assert_eq!(versions(&now), versions(&task), "moving with the due date is not setting anew");
    assert_eq!(world.changed(), ["due_date", "reminders"]);
}

#[test]
fn clearing_the_due_date_takes_what_leads() {
    let mut world = World::new();
    let reminders = vec![lead("1h"), moment("2026-11-23T07:00:00Z")];
    let task = world
        .add(Patch { reminders: Change::Set(reminders), ..due("Call", "2026-11-23T09:00:00Z") });
    let clear = Patch { due: Change::Clear, ..Patch::default() };
    let now = world.one(edit(&task, clear)).unwrap().task;
    assert_eq!(now.reminders.len(), 1);
    let Value::Moments(moments) = &world.wrote.syncs[0].2 else { panic!("moments are told") };
    assert_eq!(moments.due_cleared, [task.reminders[0].id]);
}

#[test]
fn a_new_time_makes_a_new_version_and_the_same_writes_nothing() {
    let mut world = World::new();
    let task = call(&mut world);
    let made = set(&mut world, &task, lead("1h")).unwrap();
    world.tell(change(made.id, "2026-11-23T08:30:00Z")).unwrap();
    let now = world.get(&task).reminders[0].clone();
    assert_eq!((now.lead_time, now.remind_at), (None, timestamp("2026-11-23T08:30:00Z")));
    assert!(now.version > made.version);
    world.tell(change(made.id, "2026-11-23T08:30:00Z")).unwrap();
    assert!(world.wrote.events.is_empty());
    world.now = timestamp("2026-11-23T08:31:00Z");
    world.tell(change(made.id, "2026-11-23T08:30:00Z")).unwrap();
    assert!(world.get(&task).reminders[0].version > now.version, "one that has fired comes again");
    assert!(world.told().is_empty(), "the task shows no change");
}

#[test]
fn a_changed_reminder_is_refused_what_a_new_one_is() {
    let mut world = World::new();
    let task = call(&mut world);
    let first = set(&mut world, &task, lead("1h")).unwrap();
    set(&mut world, &task, lead("15min")).unwrap();
    let no = world.tell(change(first.id, "2026-11-23T08:45:00Z")).unwrap_err();
    assert_eq!(no.slug, Slug::ReminderExists);
    assert_eq!(world.tell(change(Uuid::nil(), "2026-11-23")).unwrap_err().slug, Slug::NotFound);
    let stale = Command::DeleteReminder { reminder: first.id, expect: Some(1) };
    assert_eq!(world.tell(stale).unwrap_err().slug, Slug::Stale);
    world.one(complete(&task)).unwrap();
    let no = world.tell(change(first.id, "2026-11-23T08:00:00Z")).unwrap_err();
    assert_eq!(no.slug, Slug::TaskClosed);
}

#[test]
fn a_reminder_is_taken_off_and_can_be_set_again_as_itself() {
    let mut world = World::new();
    let task = call(&mut world);
    let made = set(&mut world, &task, lead("1h")).unwrap();
    let delete = Command::DeleteReminder { reminder: made.id, expect: Some(made.version) };
    world.tell(delete.clone()).unwrap();
    assert!(world.get(&task).reminders.is_empty());
    assert_eq!(world.tell(delete).unwrap(), Reply::Done, "there is nothing left to take off");
    let draft = ReminderDraft { id: Some(made.id), ..lead("15min") };
    assert_eq!(set(&mut world, &task, draft).unwrap().id, made.id);
}
