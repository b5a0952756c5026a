//! Settings, and what follows them.

use chrono::NaiveTime;
use serde_json::json;

use super::world::*;
use crate::message::{
    reminder::Channel,
    sync::Value,
    task::command::{Change, Command, Patch, ReminderDraft, SettingsPatch},
};

fn zone(zone: chrono_tz::Tz) -> Command {
    let patch = SettingsPatch { zone: Change::Set(zone), ..SettingsPatch::default() };
    Command::Configure { patch }
}

#[test]
fn a_new_zone_takes_floating_due_dates_along_and_leaves_the_others() {
    let mut world = World::new();
    let reminders = Change::Set(vec![lead("1h")]);
    let floating = world.add(Patch { reminders, ..due("Float", "2026-11-22T09:00:00") });
    let fixed = Patch { zone: Change::Set(chrono_tz::UTC), ..due("Fixed", "2026-11-22T09:00:00") };
    let fixed = world.add(fixed);
    let day = world.add(due("Day", "2026-11-22"));
    world.tell(zone(chrono_tz::Europe::Berlin)).unwrap();
    let now = world.get(&floating);
    assert_eq!(now.due.unwrap().to_string(), "2026-11-22T09:00:00+01:00");
    assert_eq!(now.reminders[0].remind_at, timestamp("2026-11-22T07:00:00Z"));
    assert_eq!((world.get(&fixed), world.get(&day)), (fixed, day));
    assert_eq!(world.told(), ["task.updated"]);
    assert_eq!(world.wrote.syncs.len(), 1);
    world.tell(zone(chrono_tz::Europe::Berlin)).unwrap();
    assert!(world.wrote.events.is_empty());
}

#[test]
fn a_new_all_day_time_moves_the_reminders_of_days() {
    let mut world = World::new();
    let reminders = Change::Set(vec![lead("1h")]);
    let day = world.add(Patch { reminders: reminders.clone(), ..due("Day", "2026-11-22") });
    let moment = world.add(Patch { reminders, ..due("Moment", "2026-11-22T09:00:00") });
    let patch = SettingsPatch {
        all_day_time: Change::Set(NaiveTime::from_hms_opt(7, 30, 0).unwrap()),
        ..SettingsPatch::default()
    };
    world.tell(Command::Configure { patch }).unwrap();
    assert_eq!(world.get(&day).reminders[0].remind_at, timestamp("2026-11-22T06:30:00Z"));
    assert_eq!(world.get(&moment), moment);
}

#[test]
fn a_new_zone_moves_the_ring_of_a_floating_rule() {
    let mut world = World::new();
    let json = json!({"pattern": "daily", "mode": "schedule"});
    world.add(recurring("Report", "2026-11-22T09:00:00", json));
    world.tell(zone(chrono_tz::Asia::Tokyo)).unwrap();
    let ring = world.wrote.syncs.iter().find_map(|(_, _, value)| match value {
        Value::Rule(state) => state.next,
        _ => None,
    });
    assert_eq!(ring.unwrap().1, timestamp("2026-11-23T00:00:00Z"));
}

#[test]
fn a_new_address_is_told_of_tasks_that_mail_to_it() {
    let mut world = World::new();
    let mailed = ReminderDraft { channels: Some(vec![Channel::Email]), ..lead("1h") };
    world.add(Patch { reminders: Change::Set(vec![mailed]), ..due("Mail", "2026-11-22") });
    world.add(Patch { reminders: Change::Set(vec![lead("1h")]), ..due("Inbox", "2026-11-22") });
    let email = Change::Set("u1@b-seed.example".to_owned());
    let patch = SettingsPatch { email, ..SettingsPatch::default() };
    world.tell(Command::Configure { patch }).unwrap();
    assert_eq!(world.wrote.syncs.len(), 1);
    assert!(world.told().is_empty());
}

#[test]
fn a_change_of_many_tasks_goes_on_in_wakes() {
    let mut world = World::new();
    for n in 0..1_200 {
        let patch = due(&format!("Task {n}"), "2026-11-22T09:00:00");
        world.unchecked(patch);
    }
    world.tell(zone(chrono_tz::Europe::Berlin)).unwrap();
    assert_eq!(world.told().len(), 500);
    world.until("2026-11-21T12:00:01Z");
    let late =
        world.list.tasks.values().filter(|task| task.due.unwrap().to_string().ends_with('Z'));
    assert_eq!(late.count(), 0);
    assert!(world.list.mass.is_empty());
}
