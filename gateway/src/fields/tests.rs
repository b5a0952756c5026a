//! What is read of bodies, as tables.

use actors::message::{
    fault::Code,
    key::UserId,
    task::{
        Priority, Status,
        command::{Change, Operation, Patch, Place, ReminderAt, TaskRef, When},
    },
    time::Local,
};
use serde_json::{Value, json};

use super::{Object, Spelling, as_sent, batch, task, value};
use crate::problem::{Problem, Slug, Wrong};

fn user() -> UserId {
    UserId::parse("ana").expect("a user id")
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn patch(value: Value) -> Result<Patch, Problem> {
    task::patch(&object(value), &user(), Spelling::Strict).map(|fields| fields.patch)
}

fn draft(value: Value) -> Result<Patch, Problem> {
    task::draft(&object(value), &user(), Spelling::Strict).map(|fields| fields.patch)
}

/// The slug and the faults (pointer, code) of a refusal.
fn refusal<T: std::fmt::Debug>(read: Result<T, Problem>) -> (Slug, Vec<(String, Code)>) {
    let problem = read.expect_err("a refusal");
    let faults = problem.wrong.iter().map(|wrong| match wrong {
        Wrong::Field(fault) => (fault.pointer.clone(), fault.code),
        Wrong::Parameter { name, code, .. } => (name.clone(), *code),
    });
    (problem.slug, faults.collect())
}

#[test]
fn every_spelling_of_a_task_means_the_same() {
    let canon = draft(json!({
        "title": "Pay", "description": "rent", "status": "in_progress", "priority": "urgent",
        "due_date": "2026-11-21T09:00:00Z", "reminders": [{"lead_time": "1h"}],
        "recurrence": "daily",
    }));
    for (name, other) in [
        ("notes", json!({"notes": "rent"})),
        ("status", json!({"status": "doing"})),
        ("status", json!({"status": "InProgress"})),
        ("status", json!({"status": "IN_PROGRESS"})),
        ("priority", json!({"priority": "critical"})),
        ("priority", json!({"priority": "P1"})),
        ("due", json!({"due": "2026-11-21T09:00:00Z"})),
        ("due_at", json!({"due_at": "2026-11-21T10:00:00+01:00"})),
        ("dueDate", json!({"dueDate": "2026-11-21t09:00:00.999z"})),
        ("reminders", json!({"reminders": ["1hr"]})),
        ("reminders", json!({"reminders": [{"lead_time": "PT60M"}]})),
        ("remind", json!({"remind": ["1h"]})),
        ("remind", json!({"remind": "1hour"})),
        ("reminder_offset", json!({"reminder_offset": 60})),
        ("recurrence_pattern", json!({"recurrence_pattern": "DAILY"})),
        ("recurrence_rule", json!({"recurrence_rule": {"pattern": "daily"}})),
        ("recurringRule", json!({"recurringRule": "every day"})),
        ("recurring", json!({"recurring": "daily", "is_recurring": true})),
        ("recurrence_type", json!({"recurrence_type": "daily", "recurrence_interval": 1})),
    ] {
        let mut body = object(json!({
            "title": " Pay ", "description": "rent", "status": "in_progress",
            "priority": "urgent", "due_date": "2026-11-21T09:00:00Z",
            "reminders": [{"lead_time": "1h"}], "recurrence": "daily",
        }));
        let replaced = match name {
            "notes" => "description",
            "due" | "due_at" | "dueDate" => "due_date",
            "remind" | "reminder_offset" => "reminders",
            "recurrence_pattern" | "recurrence_rule" | "recurringRule" | "recurring"
            | "recurrence_type" => "recurrence",
            same => same,
        };
        body.remove(replaced);
        body.extend(object(other.clone()));
        assert_eq!(draft(Value::Object(body)), canon, "{other}");
    }
}

#[test]
fn spellings_that_disagree_are_a_conflict_at_the_second() {
    for (body, pointer) in [
        (json!({"due_date": "2026-11-21", "due": "2026-11-22"}), "/due"),
        (json!({"due_date": null, "dueDate": "2026-11-22"}), "/dueDate"),
        (json!({"description": "a", "notes": "b"}), "/notes"),
        (json!({"status": "pending", "completed": true}), "/completed"),
        (json!({"status": "completed", "completed": false}), "/completed"),
        (json!({"recurrence": "daily", "recurring": "weekly"}), "/recurring"),
        (json!({"recurrence": "daily", "recurrence_type": "weekly"}), "/recurrence_type"),
        (json!({"reminders": ["1h"], "reminder_offset": 30}), "/reminder_offset"),
        (json!({"reminders": ["1h"], "reminderAt": "2026-11-21T09:00:00Z"}), "/reminderAt"),
    ] {
        let (slug, faults) = refusal(patch(body.clone()));
        assert_eq!(
            (slug, &faults[..]),
            (Slug::Invalid, &[(pointer.to_owned(), Code::Conflict)][..]),
            "{body}"
        );
    }
    for agreeing in [
        json!({"due_date": "2026-11-21", "due": "2026-11-21"}),
        json!({"due_date": "2026-11-21T09:00:00Z", "due_at": "2026-11-21T10:00:00+01:00"}),
        json!({"status": "in_progress", "completed": false}),
        json!({"status": "cancelled", "completed": false}),
        json!({"status": "done", "completed": true}),
        json!({"recurrence": "daily", "recurrence_pattern": {"pattern": "daily", "interval": 1}}),
        json!({"recurrence": "weekly", "recurrence_pattern": "custom"}),
        json!({"reminders": ["1h", "30m"], "reminder_offset": 30}),
    ] {
        assert!(patch(agreeing.clone()).is_ok(), "{agreeing}");
    }
}

#[test]
fn absent_null_and_empty_are_told_apart() {
    assert_eq!(patch(json!({})), Ok(Patch::default()));
    let cleared = patch(json!({
        "description": null, "priority": null, "tags": null, "due_date": null, "zone": null,
        "recurrence": null, "reminders": null,
    }));
    let empty = patch(json!({
        "description": "", "priority": "", "tags": "", "due_date": "", "zone": "",
        "recurrence": "", "reminders": "",
    }));
    let expected = Patch {
        description: Change::Clear,
        priority: Change::Clear,
        tags: Change::Clear,
        due: Change::Clear,
        zone: Change::Clear,
        recurrence: Change::Clear,
        reminders: Change::Clear,
        ..Patch::default()
    };
    assert_eq!(cleared, Ok(expected.clone()));
    assert_eq!(empty, Ok(expected));
    assert_eq!(patch(json!({"priority": "none"})).map(|p| p.priority), Ok(Change::Clear));
    assert!(draft(json!({"title": "a", "status": null, "completed": null})).is_ok());
}

#[test]
fn completed_alone_completes_or_reopens() {
    let completed = patch(json!({"completed": true})).expect("a patch");
    assert_eq!((completed.status, completed.reopen), (Some(Status::Completed), false));
    let reopened = patch(json!({"completed": false})).expect("a patch");
    assert_eq!((reopened.status, reopened.reopen), (None, true));
    let drafted = draft(json!({"title": "a", "completed": false})).expect("a draft");
    assert_eq!((drafted.status, drafted.reopen), (None, false));
}

#[test]
fn each_wrong_field_is_named_with_its_kind() {
    use Code::{Invalid, OutOfRange, Required, TooLong, TooShort, UnknownField};
    let long = "x".repeat(201);
    let longer = "x".repeat(10_001);
    let tags: Vec<String> = (0..10_000).map(|n| format!("t{n}")).collect();
    let reminders: Vec<String> = (1..=21).map(|n| format!("{n}min")).collect();
    for (body, pointer, code) in [
        (json!({}), "/title", Required),
        (json!({"title": null}), "/title", Required),
        (json!({"title": ""}), "/title", TooShort),
        (json!({"title": " \t "}), "/title", TooShort),
        (json!({"title": long}), "/title", TooLong),
        (json!({"title": "a\u{0}b"}), "/title", Invalid),
        (json!({"title": 7}), "/title", Invalid),
        (json!({"title": ["a"]}), "/title", Invalid),
        (json!({"title": "a", "description": longer}), "/description", TooLong),
        (json!({"title": "a", "description": "\u{7}"}), "/description", Invalid),
        (json!({"title": "a", "description": 1}), "/description", Invalid),
        (json!({"title": "a", "status": "open"}), "/status", Invalid),
        (json!({"title": "a", "status": 1}), "/status", Invalid),
        (json!({"title": "a", "completed": "yes"}), "/completed", Invalid),
        (json!({"title": "a", "priority": "p5"}), "/priority", Invalid),
        (json!({"title": "a", "priority": 1}), "/priority", Invalid),
        (json!({"title": "a", "tags": "a,b"}), "/tags", Invalid),
        (json!({"title": "a", "tags": [1]}), "/tags/0", Invalid),
        (json!({"title": "a", "tags": ["ok", "not ok"]}), "/tags/1", Invalid),
        (json!({"title": "a", "tags": ["#a"]}), "/tags/0", Invalid),
        (json!({"title": "a", "tags": [""]}), "/tags/0", TooShort),
        (json!({"title": "a", "tags": tags}), "/tags", OutOfRange),
        (json!({"title": "a", "due_date": "tomorrow"}), "/due_date", Invalid),
        (json!({"title": "a", "due_date": "2026-02-29"}), "/due_date", Invalid),
        (json!({"title": "a", "due_date": "2026-11-21T25:00:00Z"}), "/due_date", Invalid),
        (json!({"title": "a", "due_date": "2026-11-21T09:00:00+25:00"}), "/due_date", Invalid),
        (json!({"title": "a", "due_date": "0000-01-01"}), "/due_date", Invalid),
        (json!({"title": "a", "due_date": "9999-12-31T23:59:59-23:00"}), "/due_date", Invalid),
        (json!({"title": "a", "due_date": 1_700_000_000}), "/due_date", Invalid),
        (json!({"title": "a", "due": {}}), "/due", Invalid),
        (json!({"title": "a", "zone": 1}), "/zone", Invalid),
        (json!({"title": "a", "reminders": 5}), "/reminders", Invalid),
        (json!({"title": "a", "reminders": ["soon"]}), "/reminders/0", Invalid),
        (json!({"title": "a", "reminders": [{}]}), "/reminders/0/remind_at", Required),
        (
            json!({"title": "a", "reminders": [{"lead_time": "0m"}]}),
            "/reminders/0/lead_time",
            OutOfRange,
        ),
        (
            json!({"title": "a", "reminders": [{"lead_time": "1h", "x": 1}]}),
            "/reminders/0/x",
            UnknownField,
        ),
        (json!({"title": "a", "reminder_offset": 0}), "/reminder_offset", OutOfRange),
        (json!({"title": "a", "reminder_offset": 1.5}), "/reminder_offset", Invalid),
        (json!({"title": "a", "reminder_at": "2026-11-21"}), "/reminder_at", Invalid),
        (json!({"title": "a", "Title": "b"}), "/Title", UnknownField),
        (json!({"title": "a", "a/b~c": 1}), "/a~1b~0c", UnknownField),
        (json!({"title": "a", "": 1}), "/", UnknownField),
    ] {
        let expected = (Slug::Invalid, vec![(pointer.to_owned(), code)]);
        assert_eq!(refusal(draft(body.clone())), expected, "{body}");
    }
    let many = refusal(draft(json!({"title": "a", "reminders": reminders})));
    assert_eq!(many, (Slug::LimitReached, vec![("/reminders".to_owned(), OutOfRange)]));
}

#[test]
fn zones_and_rules_have_kinds_of_their_own() {
    let zone = refusal(draft(json!({"title": "a", "zone": "Mars/Base"})));
    assert_eq!(zone, (Slug::InvalidZone, vec![("/zone".to_owned(), Code::Invalid)]));
    for (body, pointer) in [
        (json!({"title": "a", "recurrence": "FREQ=NEVER"}), "/recurrence"),
        (
            json!({"title": "a", "recurring": {"pattern": "daily", "interval": 0}}),
            "/recurring/interval",
        ),
        (
            json!({"title": "a", "recurrence_type": "daily", "recurrence_interval": 0}),
            "/recurrence_interval",
        ),
        (
            json!({"title": "a", "recurrence": {"pattern": "daily", "count": 3}, "recurrence_count": 4}),
            "/recurrence/count",
        ),
    ] {
        let (slug, faults) = refusal(draft(body.clone()));
        assert_eq!(slug, Slug::InvalidRecurrence, "{body}");
        assert!(faults.iter().any(|(at, _)| at.starts_with(pointer)), "{body}: {faults:?}");
    }
    let both = refusal(draft(json!({"title": "a", "zone": "Mars/Base", "priority": "x"})));
    assert_eq!(both.0, Slug::Invalid);
    assert_eq!(both.1.len(), 2);
}

#[test]
fn an_end_and_a_count_stand_beside_a_rule() {
    let whole = draft(json!({"title": "a", "recurrence": {
        "pattern": "weekly", "interval": 2, "until": "2027-01-31",
    }}));
    for body in [
        json!({"title": "a", "recurrence": {"pattern": "weekly", "interval": 2}, "recurrence_end_date": "2027-01-31"}),
        json!({"title": "a", "recurrence": {"pattern": "weekly", "interval": 2}, "recurringEndDate": "2027-01-31"}),
        json!({"title": "a", "recurrence_type": "weekly", "recurrence_interval": 2, "recurrence_end_date": "2027-01-31"}),
    ] {
        assert_eq!(draft(body.clone()), whole, "{body}");
    }
    let counted = draft(json!({"title": "a", "recurrence": {"pattern": "daily", "count": 3}}));
    let beside = draft(json!({"title": "a", "recurring": "daily", "recurrence_count": 3}));
    assert_eq!(counted, beside);
    let alone = refusal(draft(json!({"title": "a", "recurrence_end_date": "2027-01-31"})));
    assert_eq!(alone.1, [("/recurrence_end_date".to_owned(), Code::Invalid)]);
    assert!(draft(json!({"title": "a", "recurrence_end_date": null})).is_ok());
}

#[test]
fn what_the_server_owns_is_ignored_but_another_user_is_refused() {
    let sent_back = json!({
        "id": "x", "number": 1, "user_id": "ana", "version": 3, "position": "a",
        "created_at": "", "updated_at": "", "completed_at": null, "deleted_at": null,
        "occurrence": null, "recurrence_id": null, "next": null, "removed": null,
        "is_recurring": false,
    });
    assert_eq!(patch(sent_back), Ok(Patch::default()));
    assert_eq!(refusal(patch(json!({"user_id": "bob"}))), (Slug::WrongUser, vec![]));
    assert_eq!(refusal(patch(json!({"user_id": 7}))).0, Slug::WrongUser);
    assert!(patch(json!({"user_id": null})).is_ok());
}

#[test]
fn a_reminder_sent_back_keeps_its_id_and_its_lead() {
    let id = "0b7c9a52-0000-4000-8000-000000000001";
    let read = patch(json!({"reminders": [
        {"id": id, "lead_time": "1h", "remind_at": "2026-11-21T08:00:00.000Z"},
        {"remind_at": "2026-11-21T08:00:00.250Z"},
    ]}))
    .expect("a patch");
    let Change::Set(reminders) = read.reminders else { panic!("reminders") };
    assert_eq!(reminders[0].id, value::id(id));
    assert!(matches!(reminders[0].at, ReminderAt::Lead(_)));
    let ReminderAt::Moment(When::Instant(at)) = reminders[1].at else { panic!("a moment") };
    assert_eq!(at.timestamp_subsec_millis(), 250);
    let both = refusal(patch(json!({"reminders": [
        {"lead_time": "1h", "remind_at": "2026-11-21T08:00:00Z"},
    ]})));
    assert_eq!(both.1, [("/reminders/0/remind_at".to_owned(), Code::Conflict)]);
}

#[test]
fn days_wall_clocks_and_instants_are_told_apart() {
    for (text, shown) in [
        ("2026-11-21", "day 2026-11-21"),
        (" 2026-11-21 ", "day 2026-11-21"),
        ("2026-11-21T09:00", "wall 2026-11-21T09:00:00"),
        ("2026-11-21 09:00:30", "wall 2026-11-21T09:00:30"),
        ("2026-11-21T09:00:00.5", "wall 2026-11-21T09:00:00"),
        ("2026-11-21T09:00:00Z", "utc 2026-11-21T09:00:00+00:00"),
        ("2026-11-21T09:00:00+05:30", "utc 2026-11-21T03:30:00+00:00"),
        ("2026-11-21T09:00:00-0800", "utc 2026-11-21T17:00:00+00:00"),
        ("2026-11-21T09:00:00.123456Z", "utc 2026-11-21T09:00:00+00:00"),
        ("2026-11-21T24:00:00Z", "-"),
        ("2026-11-21T09:00:60Z", "-"),
        ("2026-11-21T09:00:00.Z", "-"),
        ("2026-11-21T09Z", "-"),
        ("2026-1-1", "-"),
        ("2026-13-01", "-"),
        ("20261121", "-"),
        ("+002026-11-21", "-"),
        ("2026-11-21T09:00:00 UTC", "-"),
        ("２０２６-11-21", "-"),
        ("", "-"),
    ] {
        let read = match value::when(text) {
            Ok(When::Local(Local::Day(day))) => format!("day {day}"),
            Ok(When::Local(Local::Moment(at))) => format!("wall {}", Local::Moment(at)),
            Ok(When::Instant(at)) => format!("utc {}", at.to_rfc3339()),
            Err(_) => "-".to_owned(),
        };
        assert_eq!(read, shown, "{text:?}");
    }
}

#[test]
fn a_task_is_named_by_id_or_number() {
    let id = "0B7C9A52-0000-4000-8000-00000000000A";
    for (text, named) in [
        ("42", Some(TaskRef::Number(42))),
        ("0", Some(TaskRef::Number(0))),
        ("18446744073709551616", None),
        ("-1", None),
        ("4 2", None),
        ("", None),
        ("#42", None),
        (id, value::id(id).map(TaskRef::Id)),
        ("0b7c9a5200004000800000000000000a", None),
        ("{0b7c9a52-0000-4000-8000-00000000000a}", None),
        ("urn:uuid:0b7c9a52-0000-4000-8000-00000000000a", None),
        ("0b7c9a52-0000-4000-8000-00000000000g", None),
    ] {
        assert_eq!(value::task_ref(text), named, "{text}");
    }
    assert!(value::id(id).is_some());
}

#[test]
fn a_place_is_exactly_one() {
    let place = |value| task::place(&object(value), &user());
    assert_eq!(place(json!({"to": "FIRST"})), Ok(Place::First));
    assert_eq!(place(json!({"before": 4, "to": null})), Ok(Place::Before(TaskRef::Number(4))));
    assert_eq!(place(json!({"after": "4"})), Ok(Place::After(TaskRef::Number(4))));
    assert_eq!(refusal(place(json!({}))).1, [("/to".to_owned(), Code::Required)]);
    assert_eq!(refusal(place(json!({"to": "up"}))).1, [("/to".to_owned(), Code::Invalid)]);
    assert_eq!(
        refusal(place(json!({"to": "first", "after": 1}))).1,
        [("/to".to_owned(), Code::Conflict)]
    );
    assert_eq!(refusal(place(json!({"before": "x"}))).0, Slug::NotFound);
    assert_eq!(refusal(place(json!({"to": "last", "by": 1}))).1[0].1, Code::UnknownField);
}

#[test]
fn operations_of_a_batch_are_read_one_by_one() {
    let read = batch::read(
        &object(json!({"atomic": true, "operations": [
            {"op": "create", "body": {"title": "a", "dueDate": "2026-11-21"}},
            {"op": "UPDATE", "id": 3, "body": {"priority": "p1"}, "if_match": "\"v7\""},
            {"op": "complete", "id": "4", "if_match": "*"},
            {"op": "move", "id": 4, "body": {"to": "last"}},
            {"op": "create", "body": {"titel": "a"}},
            {"op": "update", "body": {}},
            {"op": "explode", "id": 1},
            {"op": "delete", "id": "nonsense"},
            {"op": "complete", "id": 1, "if_match": "soon"},
            7,
        ]})),
        &user(),
    )
    .expect("a batch");
    assert!(read.atomic);
    let mut operations = read.operations.into_iter();
    let mut next = || operations.next().expect("an operation");
    let (operation, sent) = next().expect("a create");
    assert!(matches!(operation, Operation::Create { .. }));
    assert_eq!(sent, [("due_date", "dueDate".to_owned())]);
    let (operation, _) = next().expect("an update");
    let Operation::Edit { task, patch, expect, .. } = operation else { panic!("an edit") };
    assert_eq!((task, expect), (TaskRef::Number(3), Some(7)));
    assert_eq!(patch.priority, Change::Set(Priority::Urgent));
    assert!(matches!(next(), Ok((Operation::Complete { expect: None, .. }, _))));
    assert!(matches!(next(), Ok((Operation::Move { place: Place::Last, .. }, _))));
    for (slug, pointer) in [
        (Slug::Invalid, "/operations/4/body/title"),
        (Slug::Invalid, "/operations/5/id"),
        (Slug::Invalid, "/operations/6/op"),
        (Slug::NotFound, ""),
        (Slug::Invalid, "/operations/8/if_match"),
        (Slug::Invalid, "/operations/9"),
    ] {
        let (found, faults) = refusal(next());
        assert_eq!(found, slug, "{pointer}");
        assert!(pointer.is_empty() || faults[0].0 == pointer, "{pointer}: {faults:?}");
    }
    for (body, code) in [
        (json!({}), Code::Required),
        (json!({"operations": []}), Code::OutOfRange),
        (json!({"operations": vec![json!({}); 101]}), Code::OutOfRange),
        (json!({"operations": {}}), Code::Invalid),
        (json!({"operations": [{}], "atomic": "yes"}), Code::Invalid),
    ] {
        assert_eq!(refusal(batch::read(&object(body.clone()), &user())).1[0].1, code, "{body}");
    }
}

#[test]
fn faults_of_an_actor_name_the_field_as_sent() {
    let body = object(json!({"title": "a", "dueDate": "2026-11-21", "recurring": "daily"}));
    let fields = task::draft(&body, &user(), Spelling::Strict).expect("a draft");
    let faults = ["/due_date", "/recurrence/until", "/title", "/due_dates"];
    let faults =
        faults.map(|at| actors::message::fault::Fault::new(at, Code::Invalid, "")).to_vec();
    let problem = as_sent(Problem::fields(Slug::Invalid, faults), &fields.sent);
    let pointers: Vec<String> =
        refusal::<()>(Err(problem)).1.into_iter().map(|(at, _)| at).collect();
    assert_eq!(pointers, ["/dueDate", "/recurring/until", "/title", "/due_dates"]);
}

#[test]
fn a_tolerant_reader_takes_text_for_lists_and_tells_what_it_left_out() {
    let read = |value| task::draft(&object(value), &user(), Spelling::Tolerant).expect("a draft");
    let fields = read(json!({"title": "a", "tags": "b, c,b", "colour": "red"}));
    assert_eq!(fields.ignored, ["colour"]);
    let Change::Set(tags) = fields.patch.tags else { panic!("tags") };
    assert_eq!(tags.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b", "c"]);
    let json_text = read(json!({"title": "a", "tags": "[\"b\", \"C\"]"}));
    assert_eq!(json_text.patch.tags, Change::Set(tags));
}
