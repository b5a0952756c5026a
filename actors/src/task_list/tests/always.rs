//! What holds whatever is asked, in whatever order.

use proptest::prelude::*;
use serde_json::json;

use super::world::*;
use crate::{
    actor::Actor,
    message::{
        sync::Value,
        task::{
            Status,
            command::{
                Change, Command, Operation, Patch, Place, ReminderDraft, Scope, SettingsPatch,
                TaskRef,
            },
        },
    },
    task_list::TaskList,
};

fn a_patch() -> impl Strategy<Value = Patch> {
    let due = prop::sample::select(vec![
        Change::Keep,
        Change::Keep,
        Change::Clear,
        Change::Set(when("2026-11-21")),
        Change::Set(when("2026-11-28")),
        Change::Set(when("2026-11-22T09:00:00")),
    ]);
    let rules = prop::sample::select(vec![
        Change::Keep,
        Change::Keep,
        Change::Clear,
        Change::Set(rule(json!("weekly"))),
        Change::Set(rule(json!({"pattern": "daily", "count": 3}))),
        Change::Set(rule(json!({"pattern": "daily", "mode": "schedule"}))),
    ]);
    let tags = prop::sample::subsequence(vec!["a", "b", "c"], 0..=2);
    let reminders = prop::sample::select::<Vec<ReminderDraft>>(vec![
        vec![],
        vec![lead("1h")],
        vec![moment("2026-11-21T12:01:00Z"), lead("1d")],
    ]);
    let status = prop::option::weighted(
        0.3,
        prop::sample::select(vec![
            Status::Pending,
            Status::InProgress,
            Status::Completed,
            Status::Cancelled,
        ]),
    );
    let name = prop::sample::select(vec!["one", "two"]);
    (name, due, rules, tags, reminders, status, any::<[bool; 3]>()).prop_map(
        |(name, due, recurrence, tags, reminders, status, [tagged, named, reminded])| Patch {
            title: named.then(|| title(name)),
            due,
            recurrence,
            status,
            tags: match tagged {
                true => Change::Set(tags.into_iter().map(tag).collect()),
                false => Change::Keep,
            },
            reminders: if reminded { Change::Set(reminders) } else { Change::Keep },
            ..Patch::default()
        },
    )
}

fn an_operation() -> impl Strategy<Value = Operation> {
    let scope =
        prop::sample::select(vec![Scope::Following, Scope::This, Scope::All, Scope::Series]);
    (0..8u8, 1..9u64, 1..9u64, a_patch(), scope).prop_map(|(kind, number, other, patch, scope)| {
        let (task, expect) = (TaskRef::Number(number), None);
        match kind {
            0 => {
                Operation::Create { draft: Box::new(Patch { title: Some(title("made")), ..patch }) }
            }
            1 => Operation::Edit { task, patch: Box::new(patch), scope, expect },
            2 => Operation::Complete { task, expect },
            3 => Operation::Reopen { task, expect },
            4 => Operation::Restore { task, expect },
            5 => Operation::Skip { task, expect },
            6 => Operation::Move { task, place: Place::Before(TaskRef::Number(other)), expect },
            _ => Operation::Delete { task, scope, expect },
        }
    })
}

fn a_command() -> impl Strategy<Value = Command> {
    let operations = prop::collection::vec(an_operation(), 1..5);
    let names = prop::sample::subsequence(vec!["a", "b", "c"], 2);
    let zone = prop::sample::select(vec![
        Change::Clear,
        Change::Set(chrono_tz::Asia::Tokyo),
        Change::Set(chrono_tz::America::New_York),
    ]);
    prop_oneof![
        8 => an_operation().prop_map(|operation| Command::One { operation }),
        2 => (any::<bool>(), operations)
            .prop_map(|(atomic, operations)| Command::Batch { atomic, operations }),
        1 => names.prop_map(|names| Command::RenameTag {
            tag: tag(names[0]),
            to: tag(names[1]),
            merge: true,
        }),
        1 => zone.prop_map(|zone| Command::Configure {
            patch: SettingsPatch { zone, ..SettingsPatch::default() },
        }),
        1 => (1..9u64).prop_map(|n| Command::CancelRecurrence {
            task: TaskRef::Number(n),
            expect: None,
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_derived_follows_from_what_is_stored(
        commands in prop::collection::vec(a_command(), 1..25)
    ) {
        let mut world = World::new();
        for command in commands {
            let before = world.list.clone();
            world.now = world.now.plus(10_000);
            match world.tell(command) {
                Err(_) => prop_assert_eq!(&world.list, &before, "a refusal changes nothing"),
                Ok(_) => {
                    let told = world.told();
                    let changed = world.list != before;
                    prop_assert!(changed || told.is_empty(), "what is told has happened");
                }
            }
            // Each task with reminders is known to the ReminderActor as it is, so what it was not told did not change.
            for task in world.list.tasks.values() {
                let was = before.get(task.id);
                let differs = was.map(|was| &was.reminders[..]).unwrap_or_default() != task.reminders
                    || was.is_some_and(|was| {
                        (was.status.is_open(), was.deleted_at.is_some())
                            != (task.status.is_open(), task.deleted_at.is_some())
                            && !task.reminders.is_empty()
                    });
                let told = world.wrote.syncs.iter().any(|(_, _, value)| {
                    matches!(value, Value::Moments(moments) if moments.task == task.id
                        && moments.reminders == task.reminders)
                });
                prop_assert!(!differs || told, "the ReminderActor is told of {}", task.title);
            }
        }
    }

    #[test]
    fn deciding_twice_is_deciding_once(commands in prop::collection::vec(a_command(), 1..12)) {
        let mut world = World::new();
        for command in commands {
            let call = world.call(command);
            let twice = [(); 2].map(|()| world.at(|list, at| list.decide(&call, at)));
            prop_assert_eq!(&twice[0], &twice[1]);
            if let Ok(decision) = &twice[0] {
                world.take(decision.effects.clone());
            }
        }
        let json = serde_json::to_string(&world.list).unwrap();
        let again: TaskList = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), json);
    }
}
