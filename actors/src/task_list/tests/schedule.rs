//! Rules by which the calendar makes tasks.

use serde_json::json;
use uuid::Uuid;

use super::world::*;
use crate::message::{
    series::{EndedReason, SeriesStatus},
    sync::Value,
    task::command::{Change, Command, Operation, Patch, Reply, Scope, SeriesDraft},
};

fn by_calendar(world: &mut World, start: &str, json: serde_json::Value) -> Uuid {
    let draft = SeriesDraft {
        rule: rule(json),
        start: when(start),
        zone: None,
        task: Patch { tags: Change::Set(vec![tag("work")]), ..draft("Report") },
    };
    match world.tell(Command::CreateSeries { draft: Box::new(draft) }).unwrap() {
        Reply::Series { series, .. } => series.id,
        other => panic!("a rule is answered, not {other:?}"),
    }
}

/// What the last turn told the rule's own actor of the next ring.
fn next_ring(world: &World) -> Option<String> {
    let mut states = world.wrote.syncs.iter().filter_map(|(_, _, value)| match value {
        Value::Rule(state) => Some(state),
        _ => None,
    });
    let (start, at) = states.next_back().expect("a rule is told").next?;
    Some(format!("{start} at {at}"))
}

fn dues(world: &World, series: Uuid) -> Vec<String> {
    let open = world.list.series[&series].open_task_ids.iter();
    open.map(|id| world.list.get(*id).unwrap().due.unwrap().to_string()).collect()
}

#[test]
fn a_ring_makes_the_task_once() {
    let mut world = World::new();
    let cron = json!({"pattern": "cron", "cron": "0 9 * * *", "ahead": "PT1H"});
    let series = by_calendar(&mut world, "2026-11-22T09:00:00", cron);
    let first = "2026-11-22T09:00:00 at 2026-11-22T08:00:00.000Z";
    assert_eq!(next_ring(&world).as_deref(), Some(first));
    world.now = timestamp("2026-11-22T08:00:00Z");
    world.ring(series, &["2026-11-22T09:00:00"]);
    assert_eq!(world.told(), ["task.created", "task.recurred"]);
    assert_eq!(dues(&world, series), ["2026-11-22T09:00:00Z"]);
    let second = "2026-11-23T09:00:00 at 2026-11-23T08:00:00.000Z";
    assert_eq!(next_ring(&world).as_deref(), Some(second));
    world.ring(series, &["2026-11-22T09:00:00"]);
    assert!(world.wrote.events.is_empty() && world.wrote.syncs.is_empty());
}

#[test]
fn missed_rings_make_each_or_the_newest() {
    for (catch_up, made) in
        [("each", vec!["2026-11-22", "2026-11-23", "2026-11-24"]), ("latest", vec!["2026-11-24"])]
    {
        let mut world = World::new();
        let json = json!({"pattern": "daily", "mode": "schedule", "catch_up": catch_up});
        let series = by_calendar(&mut world, "2026-11-22", json);
        world.now = timestamp("2026-11-24T12:00:00Z");
        world.ring(series, &["2026-11-22", "2026-11-23", "2026-11-24"]);
        assert_eq!(dues(&world, series), made);
        assert_eq!(next_ring(&world).as_deref(), Some("2026-11-25 at 2026-11-25T00:00:00.000Z"));
    }
}

#[test]
fn starts_before_the_rule_was_made_are_not_missed() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    by_calendar(&mut world, "2026-11-01", json.clone());
    assert_eq!(next_ring(&world).as_deref(), Some("2026-11-21 at 2026-11-21T00:00:00.000Z"));
    by_calendar(&mut world, "2026-11-01T12:00:00", json.clone());
    let now = "2026-11-21T12:00:00 at 2026-11-21T12:00:00.000Z";
    assert_eq!(next_ring(&world).as_deref(), Some(now));
    world.add(recurring("Bound", "2026-11-01T11:00:00Z", json));
    let tomorrow = "2026-11-22T11:00:00 at 2026-11-22T11:00:00.000Z";
    assert_eq!(next_ring(&world).as_deref(), Some(tomorrow));
}

#[test]
fn a_start_that_the_rule_no_longer_has_makes_nothing() {
    let mut world = World::new();
    let json = json!({"pattern": "weekly", "mode": "schedule"});
    let series = by_calendar(&mut world, "2026-11-22", json);
    world.ring(series, &["2026-11-23"]);
    assert_eq!(dues(&world, series), ["2026-11-22"], "what lies before it is made");
    world.ring(Uuid::nil(), &["2026-11-23"]);
    assert!(world.wrote.events.is_empty());
}

#[test]
fn completing_makes_no_next_and_deleting_lets_the_rule_go_on() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    let task = world.add(recurring("Report", "2026-11-22", json));
    assert_eq!(world.one(complete(&task)).unwrap().next, None);
    world.one(reopen(&task)).unwrap();
    for scope in [Scope::Following, Scope::This, Scope::All] {
        world.one(delete(&task, scope)).unwrap();
        assert_eq!(world.series(&task).status, SeriesStatus::Active);
        world.one(restore(&task)).unwrap();
    }
    world.one(delete(&task, Scope::Series)).unwrap();
    assert_eq!(world.series(&task).ended_reason, Some(EndedReason::Deleted));
    world.one(restore(&task)).unwrap();
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
}

#[test]
fn a_pause_is_never_caught_up_with() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    let series = by_calendar(&mut world, "2026-11-22", json);
    world.tell(Command::PauseSeries { series, expect: None }).unwrap();
    assert_eq!(next_ring(&world), None);
    world.ring(series, &["2026-11-22"]);
    assert!(world.wrote.events.is_empty());
    world.now = timestamp("2026-11-25T12:00:00Z");
    world.tell(Command::ResumeSeries { series, expect: None }).unwrap();
    assert_eq!(next_ring(&world).as_deref(), Some("2026-11-25 at 2026-11-25T00:00:00.000Z"));
}

#[test]
fn a_skipped_start_is_passed_over_and_counts() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule", "count": 3});
    let series = by_calendar(&mut world, "2026-11-22", json);
    let skip = Command::SkipOccurrence { series, occurrence: None, expect: None };
    world.tell(skip).unwrap();
    assert_eq!(next_ring(&world).as_deref(), Some("2026-11-23 at 2026-11-23T00:00:00.000Z"));
    world.ring(series, &["2026-11-23"]);
    world.ring(series, &["2026-11-24"]);
    let series = &world.list.series[&series];
    assert_eq!((series.made, series.ended_reason), (3, Some(EndedReason::Count)));
}

#[test]
fn cancelling_leaves_open_tasks_without_recurrence() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    let series = by_calendar(&mut world, "2026-11-22", json);
    world.ring(series, &["2026-11-22", "2026-11-23"]);
    let open = world.list.series[&series].open_task_ids.clone();
    let cancel = Command::CancelSeries { series, expect: None };
    world.tell(cancel.clone()).unwrap();
    assert_eq!(world.told(), ["task.updated", "task.updated"]);
    for task in open {
        let task = world.list.get(task).unwrap();
        assert_eq!((&task.recurrence, task.recurrence_id), (&None, None));
    }
    assert_eq!(world.list.series[&series].ended_reason, Some(EndedReason::Cancelled));
    world.tell(cancel).unwrap();
    assert!(world.wrote.events.is_empty());
}

#[test]
fn scope_all_changes_every_open_occurrence() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    let series = by_calendar(&mut world, "2026-11-22T09:00:00", json);
    world.ring(series, &["2026-11-22T09:00:00", "2026-11-23T09:00:00"]);
    let newest = world.list.series[&series].open_task_ids[1];
    let task = world.list.get(newest).unwrap().clone();
    let patch = Patch {
        title: Some(title("Review")),
        due: Change::Set(when("2026-11-23T10:00:00")),
        ..Patch::default()
    };
    world.one(edit_in(&task, patch, Scope::All)).unwrap();
    assert_eq!(dues(&world, series), ["2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"]);
    for id in &world.list.series[&series].open_task_ids {
        assert_eq!(world.list.get(*id).unwrap().title.as_str(), "Review");
    }
    let tomorrow = "2026-11-24T10:00:00 at 2026-11-24T10:00:00.000Z";
    assert_eq!(next_ring(&world).as_deref(), Some(tomorrow));
}

#[test]
fn skipping_a_task_of_a_schedule_makes_no_next() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    let task = world.add(recurring("Report", "2026-11-22", json));
    let done = world.one(Operation::Skip { task: id(&task), expect: None }).unwrap();
    assert_eq!(done.next, None);
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
}

#[test]
fn the_newest_of_a_long_silence_is_found_without_walking_through_it() {
    let mut world = World::new();
    let json = json!({"pattern": "cron", "cron": "* * * * *", "catch_up": "latest"});
    let series = by_calendar(&mut world, "2026-11-21T13:00:00", json);
    world.now = timestamp("2036-11-21T12:00:30Z");
    world.ring(series, &["2026-11-21T13:00:00"]);
    assert_eq!(dues(&world, series).len(), 1);
    world.now = timestamp("2036-11-21T12:05:30Z");
    world.ring(series, &["2036-11-21T12:01:00"]);
    assert_eq!(dues(&world, series)[1], "2036-11-21T12:05:00Z");
}

#[test]
fn a_rule_whose_task_is_its_only_start_has_ended() {
    for (rule_json, reason) in [
        (json!({"pattern": "daily", "mode": "schedule", "count": 1}), Some(EndedReason::Count)),
        (
            json!({"pattern": "daily", "mode": "schedule", "until": "2026-11-23"}),
            Some(EndedReason::Until),
        ),
        (json!({"pattern": "daily", "mode": "schedule", "until": "2026-11-24"}), None),
    ] {
        let mut world = World::new();
        let draft = Patch {
            due: Change::Set(when("2026-11-23T09:00:00")),
            recurrence: Change::Set(rule(rule_json)),
            ..draft("Report")
        };
        let made = world.one(Operation::Create { draft: Box::new(draft) }).unwrap().task;
        let series = &world.list.series[&made.recurrence_id.unwrap()];
        assert_eq!(series.ended_reason, reason);
        assert_eq!(made.recurrence, Some(series.rule.clone()));
    }
}
