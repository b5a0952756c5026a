//! Import of what was exported.

use std::sync::Arc;

use serde_json::json;

use super::world::*;
use crate::message::{
    rejection::Slug,
    series::Series,
    task::{
        SetReminder, Task,
        command::{Change, Command, Imported, Patch, Reply, Scope},
        query::{Answer, Query},
    },
    text::Tag,
};

struct File {
    tasks: Vec<Arc<Task>>,
    series: Vec<Arc<Series>>,
    tags: Vec<Tag>,
}

fn export(world: &World) -> File {
    match world.ask(&Query::Everything).unwrap() {
        Answer::Everything { tasks, series, tags, .. } => {
            File { tasks, series, tags: tags.into_iter().map(|tag| tag.name).collect() }
        }
        other => panic!("everything is answered, not {other:?}"),
    }
}

fn import(world: &mut World, file: &File, replace: bool, dry_run: bool) -> Imported {
    let command = Command::Import {
        replace,
        dry_run,
        tasks: file.tasks.clone(),
        series: file.series.clone(),
        tags: file.tags.clone(),
        settings: None,
    };
    match world.tell(command).unwrap() {
        Reply::Imported(imported) => imported,
        other => panic!("an import is answered, not {other:?}"),
    }
}

fn full() -> World {
    let mut world = World::new();
    let reminders = Change::Set(vec![lead("1h")]);
    let walk = Patch { reminders, ..recurring("Walk", "2026-11-21T18:00:00Z", json!("daily")) };
    let walk = world.add(walk);
    world.one(complete(&walk)).unwrap();
    let gone = world.add(Patch { tags: Change::Set(vec![tag("x")]), ..draft("Gone") });
    world.one(delete(&gone, Scope::Following)).unwrap();
    world
}

#[test]
fn what_was_exported_comes_back_and_the_same_again_changes_nothing() {
    let from = full();
    let file = export(&from);
    let mut to = World::new();
    let all = file.tasks.len() + file.series.len();
    let rehearsed = import(&mut to, &file, false, true);
    assert_eq!(rehearsed.created, all + 1 - 1, "{rehearsed:?}");
    assert!(to.list.tasks.is_empty() && to.wrote.events.is_empty());
    assert_eq!(import(&mut to, &file, false, false).created, rehearsed.created);
    let titles = |world: &World| -> Vec<(u64, String, bool)> {
        let tasks = world.list.tasks.values();
        tasks.map(|t| (t.number, t.title.to_string(), t.deleted_at.is_some())).collect()
    };
    assert_eq!(titles(&to), titles(&from));
    for replace in [false, true] {
        let again = import(&mut to, &file, replace, false);
        assert_eq!((again.created, again.updated, again.failed.len()), (0, 0, 0));
        assert!(to.wrote.events.is_empty() && to.wrote.syncs.is_empty());
    }
    let open =
        to.list.tasks.values().find(|task| task.status.is_open() && task.deleted_at.is_none());
    let open = open.unwrap().clone();
    assert!(to.one(complete(&open)).unwrap().next.is_some(), "its rule goes on");
}

#[test]
fn known_ids_are_replaced_where_that_is_asked() {
    let mut world = full();
    let file = export(&world);
    let open = file.tasks.iter().find(|task| task.status.is_open()).unwrap();
    world.one(edit(open, draft("Run"))).unwrap();
    assert_eq!(import(&mut world, &file, false, false).updated, 0);
    let done = import(&mut world, &file, true, false);
    assert!(done.updated >= 1);
    assert_eq!(world.get(open).title.as_str(), "Walk");
}

#[test]
fn a_reminder_that_a_file_changes_has_a_version_above_those_that_were_seen() {
    let mut world = full();
    let file = export(&world);
    let old = file.tasks.iter().find(|task| task.status.is_open()).unwrap();
    world.now = world.now.plus(1_000);
    let later = Patch { reminders: Change::Set(vec![lead("2h")]), ..Patch::default() };
    let seen = world.one(edit(old, later)).unwrap().task.reminders[0].clone();
    let old_one = Arc::new(Task {
        reminders: vec![SetReminder { id: seen.id, ..old.reminders[0].clone() }],
        ..(**old).clone()
    });
    let file = File { tasks: vec![old_one], ..file };
    import(&mut world, &file, true, false);
    let is = world.get(old).reminders[0].clone();
    assert_eq!((is.id, is.lead_time), (seen.id, old.reminders[0].lead_time));
    assert!(is.version > seen.version, "{is:?} after {seen:?}");
    assert_eq!(import(&mut world, &file, true, false).updated, 0, "the same again changes nothing");
}

#[test]
fn numbers_and_places_that_are_taken_are_given_anew() {
    let file = export(&full());
    let mut world = World::new();
    world.calls = 1_000;
    world.add(draft("Mine"));
    import(&mut world, &file, false, false);
    assert_eq!(world.list.tasks.len(), 4);
}

#[test]
fn limits_hold_for_each_object() {
    let file = export(&full());
    let mut world = World::new();
    world.list.open = crate::task_list::TASKS_MAX;
    let command = Command::Import {
        replace: false,
        dry_run: true,
        tasks: file.tasks.clone(),
        series: Vec::new(),
        tags: Vec::new(),
        settings: None,
    };
    let call = world.call(command);
    let decided = world.at(|list, at| crate::actor::Actor::decide(list, &call, at).unwrap());
    let Reply::Imported(imported) = decided.reply else { panic!("an import is answered") };
    let open = file.tasks.iter().filter(|t| t.status.is_open() && t.deleted_at.is_none()).count();
    assert_eq!(imported.failed.len(), open);
    assert!(imported.failed.iter().all(|(_, no)| no.slug == Slug::LimitReached));
}

#[test]
fn what_a_calendar_says_beside_the_fields_is_kept_and_nobody_is_told() {
    let mut world = World::new();
    let task = world.add(draft("Call"));
    let file = |ical: &str| File {
        tasks: vec![Arc::new(Task { ical: Some(ical.into()), ..(*task).clone() })],
        series: Vec::new(),
        tags: Vec::new(),
    };
    assert_eq!(import(&mut world, &file("X-A:1\n"), false, false).skipped, 1);
    assert_eq!(import(&mut world, &file("X-A:1\n"), true, false).updated, 1);
    let held = world.get(&task);
    assert_eq!((held.ical.as_deref(), held.version), (Some("X-A:1\n"), task.version));
    assert_eq!(import(&mut world, &file("X-A:1\n"), true, false).skipped, 1);
    world.one(edit(&task, draft("Call Ann"))).unwrap();
    assert_eq!(world.get(&task).ical.as_deref(), Some("X-A:1\n"));
    let stored = serde_json::to_string(&world.list).unwrap();
    let list: crate::task_list::TaskList = serde_json::from_str(&stored).unwrap();
    assert_eq!(list.tasks, world.list.tasks);
}

#[test]
fn a_rule_that_begins_elsewhere_goes_on_from_there() {
    let mut world = full();
    let mut file = export(&world);
    let open = file.tasks.iter().find(|task| task.status.is_open()).unwrap().clone();
    let start = local("2026-11-21T20:00:00");
    let series = Arc::make_mut(&mut file.series[0]);
    (series.start, series.last, series.last_task) = (start, Some(start), Some(open.id));
    file.tasks.clear();
    assert_eq!(import(&mut world, &file, true, false).updated, 1);
    let held = world.list.series.values().next().unwrap();
    assert_eq!((held.start, held.last, held.last_task), (start, Some(start), Some(open.id)));
}
