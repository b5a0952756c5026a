//! Rules that make the next task when this one is done.

use std::sync::Arc;

use serde_json::json;

use super::world::*;
use crate::{
    message::{
        rejection::Slug,
        series::{EndedReason, SeriesStatus},
        task::{
            Task,
            command::{Change, Command, Operation, Patch, Reply, Scope, SeriesDraft, SeriesPatch},
            query::{Answer, Query},
        },
    },
    task_list::RULES_MAX,
};

/// Completes again and again, and gathers the due dates.
fn chain(world: &mut World, task: Arc<Task>, n: usize) -> Vec<String> {
    let mut dues = vec![task.due.unwrap().to_string()];
    let mut task = task;
    for _ in 0..n {
        let Some(next) = world.one(complete(&task)).unwrap().next else { break };
        dues.push(next.due.unwrap().to_string());
        task = next;
    }
    dues
}

#[test]
fn month_ends_clamp_and_do_not_drift() {
    for (start, rule, dues) in [
        (
            "2028-01-31",
            json!("monthly"),
            vec!["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"],
        ),
        ("2027-01-30", json!("monthly"), vec!["2027-01-30", "2027-02-28", "2027-03-30"]),
        (
            "2028-02-29",
            json!("yearly"),
            vec!["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"],
        ),
        ("2027-01-31", json!("FREQ=MONTHLY"), vec!["2027-01-31", "2027-03-31", "2027-05-31"]),
        (
            "2026-11-21",
            json!({"pattern": "weekly", "days": ["mon", "thu"]}),
            vec!["2026-11-21", "2026-11-23", "2026-11-26", "2026-11-30"],
        ),
        (
            "2026-11-21",
            json!({"pattern": "daily", "interval": 3, "count": 3}),
            vec!["2026-11-21", "2026-11-24", "2026-11-27"],
        ),
        (
            "2026-11-21",
            json!({"pattern": "daily", "until": "2026-11-22"}),
            vec!["2026-11-21", "2026-11-22"],
        ),
    ] {
        let mut world = World::new();
        let task = world.add(recurring("Pay rent", start, rule));
        let n = if dues.len() == 2 || dues.len() == 3 && start == "2026-11-21" {
            9
        } else {
            dues.len() - 1
        };
        assert_eq!(chain(&mut world, task, n), dues);
    }
}

#[test]
fn the_wall_clock_is_kept_over_a_clock_change() {
    let mut world = World::new();
    let task = world.add(Patch {
        zone: Change::Set(chrono_tz::Europe::Berlin),
        ..recurring("Call", "2027-03-27T02:30:00", json!("daily"))
    });
    let dues = chain(&mut world, task, 2);
    assert_eq!(
        dues,
        ["2027-03-27T02:30:00+01:00", "2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00"]
    );
}

#[test]
fn a_rule_ends_with_its_count_and_comes_back_with_a_reopening() {
    let mut world = World::new();
    let rule = json!({"pattern": "daily", "count": 1});
    let task = world.add(recurring("Once", "2026-11-21", rule));
    assert_eq!(world.one(complete(&task)).unwrap().next, None);
    let series = world.series(&task);
    assert_eq!(
        (series.status, series.ended_reason),
        (SeriesStatus::Ended, Some(EndedReason::Count))
    );
    world.one(reopen(&task)).unwrap();
    assert_eq!(world.series(&task).status, SeriesStatus::Active);
}

#[test]
fn catching_up_takes_the_latest_or_each() {
    for (rule, next) in [
        (json!("daily"), "2026-11-02"),
        (json!({"pattern": "daily", "catch_up": "latest"}), "2026-11-22"),
        (json!({"pattern": "daily", "interval": 3, "from": "completed"}), "2026-11-24"),
    ] {
        let mut world = World::new();
        let task = world.add(recurring("Water plants", "2026-11-01", rule));
        let made = world.one(complete(&task)).unwrap().next.unwrap();
        assert_eq!(made.due.unwrap().to_string(), next);
    }
}

#[test]
fn a_rule_needs_a_due_date_on_every_path() {
    let mut world = World::new();
    let plain = world.add(draft("Buy milk"));
    let task = world.add(recurring("Pay rent", "2026-11-30", json!("monthly")));
    let daily = Change::Set(rule(json!("daily")));
    for (operation, pointer) in [
        (
            Operation::Create {
                draft: Box::new(Patch { recurrence: daily.clone(), ..draft("Walk") }),
            },
            "/recurrence",
        ),
        (edit(&plain, Patch { recurrence: daily, ..Patch::default() }), "/recurrence"),
        (edit(&task, Patch { due: Change::Clear, ..Patch::default() }), "/due_date"),
    ] {
        let no = world.one(operation).unwrap_err();
        let told = (no.slug, no.faults[0].pointer.as_str());
        assert_eq!(told, (Slug::RecurrenceNeedsDueDate, pointer));
    }
    let both = Patch { due: Change::Clear, recurrence: Change::Clear, ..Patch::default() };
    assert_eq!(world.one(edit(&task, both)).unwrap().task.due, None);
}

#[test]
fn a_rule_that_ends_before_its_first_due_date_is_refused() {
    let rule = json!({"pattern": "daily", "until": "2026-11-20"});
    let patch = recurring("Walk", "2026-11-21", rule);
    let no = World::new().one(Operation::Create { draft: Box::new(patch) }).unwrap_err();
    let told = (no.slug, no.faults[0].pointer.as_str());
    assert_eq!(told, (Slug::InvalidRecurrence, "/recurrence/until"));
}

#[test]
fn following_reanchors_and_carries_and_this_does_not() {
    let moved = Patch {
        due: Change::Set(when("2026-11-25")),
        title: Some(title("Water the garden")),
        ..Patch::default()
    };
    for (scope, next, name) in [
        (Scope::Following, "2026-12-02", "Water the garden"),
        (Scope::All, "2026-12-02", "Water the garden"),
        (Scope::This, "2026-11-28", "Water plants"),
    ] {
        let mut world = World::new();
        let task = world.add(recurring("Water plants", "2026-11-21", json!("weekly")));
        world.one(edit_in(&task, moved.clone(), scope)).unwrap();
        let made = world.one(complete(&task)).unwrap().next.unwrap();
        let told = (made.due.unwrap().to_string(), made.title.as_str().to_owned());
        assert_eq!(told, (next.to_owned(), name.to_owned()));
    }
}

#[test]
fn a_rule_moved_back_onto_an_earlier_start_makes_no_task_twice() {
    let mut world = World::new();
    let task = world.add(recurring("Water plants", "2026-11-21", json!("weekly")));
    let second = world.one(complete(&task)).unwrap().next.unwrap();
    let back = Patch { due: Change::Set(when("2026-11-21")), ..Patch::default() };
    world.one(edit(&second, back)).unwrap();
    let third = world.one(complete(&second)).unwrap().next.unwrap();
    assert_eq!(third.due.unwrap().to_string(), "2026-11-28");
    assert_ne!(third.id, second.id);
}

#[test]
fn reminders_and_tags_set_on_a_recurring_task_are_carried() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21T18:00:00Z", json!("daily")));
    world.tell(Command::SetReminder { task: id(&task), draft: lead("1h") }).unwrap();
    let put = Command::Tag { task: id(&task), tag: tag("dog"), on: true, expect: None };
    world.tell(put).unwrap();
    let next = world.one(complete(&task)).unwrap().next.unwrap();
    assert_eq!(next.reminders[0].remind_at, timestamp("2026-11-22T17:00:00Z"));
    assert_eq!(next.tags, [tag("dog")]);
}

#[test]
fn cancelling_recurrence_takes_it_off_and_nothing_follows() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!("daily")));
    let series = task.recurrence_id.unwrap();
    let cancel = Command::CancelRecurrence { task: id(&task), expect: None };
    world.tell(cancel.clone()).unwrap();
    let now = world.get(&task);
    assert_eq!((&now.recurrence, now.recurrence_id, now.occurrence), (&None, None, None));
    assert_eq!(world.list.series[&series].ended_reason, Some(EndedReason::Cancelled));
    world.tell(cancel).unwrap();
    assert!(world.wrote.events.is_empty());
    assert_eq!(world.one(complete(&task)).unwrap().next, None);
}

#[test]
fn another_rule_takes_the_place_of_the_first_from_here() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!("daily")));
    let rule = rule(json!({"pattern": "weekly", "count": 2}));
    let set = Command::SetRecurrence { task: id(&task), rule, expect: None };
    world.tell(set.clone()).unwrap();
    assert_eq!(world.get(&task).recurrence_id, task.recurrence_id);
    assert_eq!(world.told(), ["task.updated"]);
    assert_eq!(world.changed(), ["recurrence"]);
    world.tell(set).unwrap();
    assert!(world.wrote.events.is_empty());
    let task = world.get(&task);
    assert_eq!(chain(&mut world, task, 5), ["2026-11-21", "2026-11-28"]);
}

#[test]
fn leaving_a_rule_alone_lets_it_go_on() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!("daily")));
    let series = task.recurrence_id.unwrap();
    let leave = Patch { recurrence: Change::Clear, ..Patch::default() };
    let done = world.one(edit_in(&task, leave, Scope::This)).unwrap();
    assert_eq!(done.task.recurrence_id, None);
    let series = &world.list.series[&series];
    assert_eq!((series.status, series.open_task_ids.len()), (SeriesStatus::Active, 1));
}

#[test]
fn a_paused_rule_makes_nothing_and_a_resumed_one_what_lies_ahead() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-01T18:00:00Z", json!("daily")));
    let series = task.recurrence_id.unwrap();
    let pause = Command::PauseSeries { series, expect: None };
    let resume = Command::ResumeSeries { series, expect: None };
    world.tell(pause.clone()).unwrap();
    world.tell(pause).unwrap();
    assert!(world.wrote.events.is_empty());
    assert_eq!(world.one(complete(&task)).unwrap().next, None);
    world.tell(resume.clone()).unwrap();
    let open = world.list.series[&series].open_task_ids.clone();
    let made = world.list.get(open[0]).unwrap();
    assert_eq!(made.due.unwrap().to_string(), "2026-11-21T18:00:00Z");
    world.tell(resume.clone()).unwrap();
    assert!(world.wrote.events.is_empty());
    world.tell(Command::CancelSeries { series, expect: None }).unwrap();
    assert_eq!(world.tell(resume).unwrap_err().slug, Slug::RuleEnded);
}

fn stand_alone(start: &str, json: serde_json::Value) -> Command {
    Command::CreateSeries {
        draft: Box::new(SeriesDraft {
            rule: rule(json),
            start: when(start),
            zone: None,
            task: Patch { reminders: Change::Set(vec![lead("1h")]), ..draft("Report") },
        }),
    }
}

#[test]
fn a_stand_alone_rule_of_mode_completion_makes_its_first_task_at_once() {
    let mut world = World::new();
    let json = json!({"pattern": "rrule", "rrule": "FREQ=WEEKLY;BYDAY=MO", "mode": "completion"});
    let reply = world.tell(stand_alone("2026-11-21T09:00:00", json)).unwrap();
    let Reply::Series { series, .. } = reply else { panic!("a rule is answered") };
    assert_eq!(world.told(), ["task.created", "task.recurred"]);
    let first = world.list.get(series.open_task_ids[0]).unwrap().clone();
    assert_eq!(first.due.unwrap().to_string(), "2026-11-23T09:00:00Z");
    assert_eq!(series.next_due.unwrap().to_string(), "2026-11-30T09:00:00Z");
    let next = world.one(complete(&first)).unwrap().next.unwrap();
    assert_eq!(next.due.unwrap().to_string(), "2026-11-30T09:00:00Z");
}

#[test]
fn a_stand_alone_rules_reminders_lead_and_its_tasks_have_a_title() {
    let mut world = World::new();
    let Command::CreateSeries { draft } = stand_alone("2026-11-23", json!("daily")) else {
        unreachable!()
    };
    let mut fixed = draft.clone();
    fixed.task.reminders = Change::Set(vec![moment("2026-11-23T09:00:00Z")]);
    let mut nameless = draft;
    nameless.task.title = None;
    for (draft, pointer) in [(fixed, "/task/reminders/0"), (nameless, "/task/title")] {
        let no = world.tell(Command::CreateSeries { draft }).unwrap_err();
        assert_eq!((no.slug, no.faults[0].pointer.as_str()), (Slug::Invalid, pointer));
    }
}

#[test]
fn rules_are_limited() {
    let mut world = World::new();
    world.list.rules = RULES_MAX;
    let patch = recurring("Walk", "2026-11-21", json!("daily"));
    let call = world.call(Command::One { operation: Operation::Create { draft: Box::new(patch) } });
    let no = world.at(|list, at| crate::actor::Actor::decide(list, &call, at).unwrap_err());
    assert_eq!(no.slug, Slug::LimitReached);
}

#[test]
fn a_rule_is_changed_for_what_follows() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!("daily")));
    let series = task.recurrence_id.unwrap();
    let patch = SeriesPatch {
        rule: Some(rule(json!("weekly"))),
        task: draft("Run"),
        ..SeriesPatch::default()
    };
    let edit = |expect| {
        let patch = Box::new(patch.clone());
        Command::EditSeries { series, patch, expect }
    };
    assert_eq!(world.tell(edit(Some(99))).unwrap_err().slug, Slug::Stale);
    world.tell(edit(None)).unwrap();
    assert_eq!(world.get(&task).recurrence, Some(rule(json!("weekly"))));
    let next = world.one(complete(&task)).unwrap().next.unwrap();
    assert_eq!((next.title.as_str(), next.due.unwrap().to_string()), ("Run", "2026-11-28".into()));
}

#[test]
fn a_coming_occurrence_is_skipped() {
    let mut world = World::new();
    let task = world.add(recurring("Walk", "2026-11-21", json!({"pattern": "daily", "count": 4})));
    let series = task.recurrence_id.unwrap();
    let skip = |occurrence: Option<&str>| Command::SkipOccurrence {
        series,
        occurrence: occurrence.map(local),
        expect: None,
    };
    let reply = world.tell(skip(None)).unwrap();
    let Reply::Series { skipped, next, .. } = reply else { panic!("a rule is answered") };
    assert_eq!((skipped, next), (Some(local("2026-11-22")), Some(local("2026-11-23"))));
    world.tell(skip(Some("2026-11-22"))).unwrap();
    assert!(world.wrote.events.is_empty(), "skipping it again skips nothing more");
    let no = world.tell(skip(Some("2026-12-24"))).unwrap_err();
    assert_eq!((no.slug, no.faults[0].pointer.as_str()), (Slug::Invalid, "/occurrence"));
    assert_eq!(chain(&mut world, task, 9), ["2026-11-21", "2026-11-23", "2026-11-24"]);
}

#[test]
fn a_preview_tells_what_completing_makes() {
    for json in [
        json!("monthly"),
        json!({"pattern": "weekly", "days": ["tue", "fri"], "count": 4}),
        json!("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3"),
        json!({"pattern": "daily", "catch_up": "latest", "until": "2026-12-02"}),
    ] {
        let mut world = World::new();
        let task = world.add(recurring("Walk", "2026-11-30", json));
        let series = task.recurrence_id.unwrap();
        let answer = world.ask(&Query::Preview { series, n: 6 }).unwrap();
        let Answer::Preview { occurrences, complete, .. } = answer else { panic!("a preview") };
        let told: Vec<String> = occurrences.iter().map(|next| next.local.to_string()).collect();
        world.now = timestamp("2026-11-30T10:00:00Z");
        let mut dues = Vec::new();
        let mut task = task;
        while dues.len() < 6
            && let Some(next) = world.one(super::world::complete(&task)).unwrap().next
        {
            dues.push(next.due.unwrap().to_string());
            world.now = world.now.max(timestamp(&format!("{}T10:00:00Z", dues.last().unwrap())));
            task = next;
        }
        assert_eq!(told, dues);
        assert_eq!(complete, dues.len() < 6);
    }
}

#[test]
fn rules_are_listed_newest_first_in_pages() {
    let mut world = World::new();
    for n in 0..5 {
        world.now = world.now.plus(1);
        world.add(recurring(&format!("Walk {n}"), "2026-11-21", json!("daily")));
    }
    let mut cursor = None;
    let mut told = Vec::new();
    loop {
        let answer =
            world.ask(&Query::SeriesList { status: Vec::new(), limit: 2, cursor }).unwrap();
        let Answer::SeriesList { series, next } = answer else { panic!("rules are answered") };
        told.extend(series.iter().map(|series| series.template.title.to_string()));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(told, ["Walk 4", "Walk 3", "Walk 2", "Walk 1", "Walk 0"]);
    let wrong = Some("zz".to_owned());
    let no = world.ask(&Query::SeriesList { status: Vec::new(), limit: 2, cursor: wrong });
    assert_eq!(no.unwrap_err().slug, Slug::InvalidCursor);
}
