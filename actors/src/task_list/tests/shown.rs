//! What the interface and the log see, and what is stored, pinned.

use serde_json::json;

use super::world::*;
use crate::{
    actor::Actor,
    message::{
        reminder::Channel,
        series,
        task::{
            Priority,
            command::{Change, Command, Patch, ReminderDraft, SettingsPatch},
            shown::shown,
        },
        text::Description,
    },
    task_list::TaskList,
};

fn full() -> (World, std::sync::Arc<crate::message::task::Task>) {
    let mut world = World::new();
    let settings =
        SettingsPatch { zone: Change::Set(chrono_tz::Europe::Berlin), ..SettingsPatch::default() };
    world.tell(Command::Configure { patch: settings }).unwrap();
    let mailed = ReminderDraft {
        channels: Some(vec![Channel::Email]),
        email_address: Some("ada@b-seed.example".to_owned()),
        ..lead("1h")
    };
    let task = world.add(Patch {
        description: Change::Set(Description::parse("Ask for Ada").unwrap().unwrap()),
        priority: Change::Set(Priority::High),
        tags: Change::Set(vec![tag("home"), tag("calls")]),
        reminders: Change::Set(vec![mailed, moment("2026-11-22T05:00:00Z")]),
        ..recurring("Call", "2026-11-22T09:00:00", json!({"pattern": "daily", "count": 3}))
    });
    (world, task)
}

#[test]
fn a_task_is_shown_as_the_contract_says() {
    let (mut world, task) = full();
    insta::assert_json_snapshot!("task", shown(&task, &world.key.user));
    let bare = world.add(draft("Buy milk"));
    insta::assert_json_snapshot!("bare_task", shown(&bare, &world.key.user));
}

#[test]
fn a_rule_is_shown_as_the_contract_says() {
    let (world, task) = full();
    let series = world.series(&task);
    insta::assert_json_snapshot!("rule", series::shown::shown(&series, &world.key.user));
}

#[test]
fn the_log_is_told_as_the_contract_says() {
    let (mut world, task) = full();
    let facts = |world: &World| {
        let events = world.wrote.events.iter();
        let facts: Vec<_> =
            world.at(|_, at| events.filter_map(|event| TaskList::fact(event, at)).collect());
        serde_json::to_value(facts).unwrap()
    };
    world.one(edit(&task, draft("Ring"))).unwrap();
    insta::assert_json_snapshot!("updated", facts(&world));
    world.one(complete(&task)).unwrap();
    insta::assert_json_snapshot!("completed", facts(&world));
}

#[test]
fn the_state_is_stored_as_before() {
    let (mut world, task) = full();
    world.one(complete(&task)).unwrap();
    let gone = world.add(draft("Gone"));
    world.one(delete(&gone, Default::default())).unwrap();
    insta::assert_json_snapshot!("state", &world.list);
    let events = &world.wrote.events;
    let again: Vec<crate::task_list::Event> =
        serde_json::from_str(&serde_json::to_string(events).unwrap()).unwrap();
    assert_eq!(&again, events);
}

#[test]
fn a_task_is_small() {
    let size = size_of::<crate::message::task::Task>();
    assert!(size <= 320, "{size} bytes");
}
