//! Tables of what tools are called, what their arguments mean, and what is advertised of them.

use actors::message::time::Timestamp;
use serde_json::{Value, json};

use super::{
    args::{Args, items},
    english::English,
    names::{self, Tool},
    scope, tools,
};
use crate::{fields::Object, identity::scope::Scope};

/// Every argument of the contract: its tool, its name, its type (`[]` an array of texts, `{}` of objects).
const ARGUMENTS: &[(&str, &str)] = &[
    (
        "add_task",
        "title description due_date priority tags[] recurrence reminders[] zone tasks{} idempotency_key",
    ),
    (
        "update_task",
        "task_id title description due_date priority tags[] recurrence reminders[] add_tags[] remove_tags[] status \
         clear[] scope if_version:i updates{} idempotency_key",
    ),
    ("complete_task", "task_id tasks[] undo:b skip:b idempotency_key"),
    ("delete_task", "task_id tasks[] undo:b idempotency_key"),
    (
        "list_tasks",
        "view search status priority tags tags_match due_date due_date_from due_date_to sort order limit:i cursor detail",
    ),
    ("sort_tasks", "sort order view status priority tags limit:i save:b"),
    (
        "set_reminder",
        "task_id lead_time remind_at channels[] reminder_id snooze_minutes:i reminders{} idempotency_key",
    ),
    ("cancel_reminder", "reminder_id task_id reminders[] idempotency_key"),
    ("list_reminders", "task_id status from to limit:i cursor"),
];

fn kind(schema: &Value) -> &'static str {
    match (schema["type"].as_str(), schema["items"]["type"].as_str()) {
        (Some("string"), None) => "",
        (Some("integer"), None) => ":i",
        (Some("boolean"), None) => ":b",
        (Some("array"), Some("string")) => "[]",
        (Some("array"), Some("object")) => "{}",
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_tools_have_the_arguments_of_the_contract_and_no_others() {
    assert_eq!(tools::list().len(), ARGUMENTS.len());
    for (tool, (name, expected)) in tools::list().iter().zip(ARGUMENTS) {
        assert_eq!(tool.name, *name);
        let schema = Value::Object((*tool.input_schema).clone());
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema.get("required").is_none(), "{name}");
        let fields = schema["properties"].as_object().unwrap();
        let mut found: Vec<String> =
            fields.iter().map(|(field, schema)| format!("{field}{}", kind(schema))).collect();
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_advertised_is_small_and_plain() {
    let text = serde_json::to_string(tools::list()).unwrap();
    assert!(text.len() <= 10_000, "{} bytes", text.len());
    for banned in ["$ref", "\"null\"", "anyOf", "oneOf"] {
        assert!(!text.contains(banned), "{banned}");
    }
    for tool in tools::list() {
        let annotations = json!(tool.annotations);
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(annotations[hint].is_boolean(), "{}: {hint}", tool.name);
        }
        assert!(annotations["title"].is_string());
        assert!(tool.description.as_ref().is_some_and(|what| what.len() <= 2_048));
        assert!(names::tool(&tool.name).is_some());
    }
}

#[test]
fn a_call_needs_the_scope_of_its_tool() {
    for (method, name, arguments, expected) in [
        ("initialize", "", json!({}), None),
        ("tools/list", "", json!({}), None),
        ("tools/call", "list_tasks", json!({}), Some(Scope::TasksRead)),
        ("tools/call", "search_tasks", json!({}), Some(Scope::TasksRead)),
        ("tools/call", "list_reminders", json!({}), Some(Scope::TasksRead)),
        ("tools/call", "sort_tasks", json!({"save": false}), Some(Scope::TasksRead)),
        ("tools/call", "sort_tasks", json!({"save": true}), Some(Scope::TasksWrite)),
        ("tools/call", "sort_tasks", json!({"save": "TRUE"}), Some(Scope::TasksWrite)),
        ("tools/call", "add_task", json!({}), Some(Scope::TasksWrite)),
        ("tools/call", "delete_reminder", json!({}), Some(Scope::TasksWrite)),
        ("tools/call", "no_such_tool", json!({}), None),
        ("resources/read", "", json!({}), Some(Scope::TasksRead)),
    ] {
        let message = json!({"method": method, "params": {"name": name, "arguments": arguments}});
        assert_eq!(scope(&message), expected, "{message}");
    }
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

#[test]
fn arguments_may_have_other_names_but_not_other_values() {
    for (tool, given, expected) in [
        (
            "add_task",
            json!({"title": "a", "tags": null, "due_date": " "}),
            Some(json!({"title": "a"})),
        ),
        ("add_task", json!({"task": "a"}), Some(json!({"title": "a"}))),
        ("update_task", json!({"id": 4}), Some(json!({"task_id": 4}))),
        ("update_task", json!({"task_title": "a", "task_id": "a"}), Some(json!({"task_id": "a"}))),
        ("update_task", json!({"task_title": "a", "task_id": "b"}), None),
        (
            "add_tags",
            json!({"task": 1, "tags": ["a"]}),
            Some(json!({"add_tags": ["a"], "task_id": 1})),
        ),
        ("search_tasks", json!({"query": "a"}), Some(json!({"search": "a"}))),
        (
            "list_tasks",
            json!({"tag": "a", "due_before": "b", "due_after": "c", "sort_by": "d", "sort_order": "e"}),
            Some(
                json!({"tags": "a", "due_date_to": "b", "due_date_from": "c", "sort": "d", "order": "e"}),
            ),
        ),
        ("set_reminder", json!({"reminder_time": "x"}), Some(json!({"remind_at": "x"}))),
    ] {
        let (tool, sugar) = names::tool(tool).unwrap();
        let read = Args::new(object(given.clone()), &[sugar, tool.synonyms()]).ok();
        assert_eq!(read.map(|args| Value::Object(args.map)), expected, "{given}");
    }
    assert_eq!(names::tool("set_priority").unwrap().0, Tool::Update);
}

#[test]
fn lists_come_as_arrays_as_json_text_or_with_commas() {
    for (given, expected) in [
        (json!(["a", "", "b"]), json!(["a", "b"])),
        (json!("[\"a\", \"b\"]"), json!(["a", "b"])),
        (json!("a, b,,"), json!(["a", "b"])),
        (json!("a"), json!(["a"])),
        (json!(4), json!([4])),
    ] {
        assert_eq!(Value::Array(items(given.clone())), expected, "{given}");
    }
    for (given, count) in [
        (json!("1, #2,3"), 3),
        (json!("Milk, eggs and butter"), 1),
        (json!(["Milk, eggs", "butter"]), 2),
        (json!("[1, 2]"), 2),
        (json!(7), 1),
    ] {
        let mut args = Args::new(object(json!({ "tasks": given })), &[]).unwrap();
        assert_eq!(args.whole("tasks").unwrap().len(), count, "{given}");
    }
    let many: Vec<u32> = (0..26).collect();
    assert!(Args::new(object(json!({"tasks": many})), &[]).unwrap().whole("tasks").is_err());
}

#[test]
fn numbers_and_answers_come_as_text_too() {
    let given = json!({"a": "42", "b": 42, "c": "forty", "d": "true", "e": "No"});
    let mut args = Args::new(object(given), &[]).unwrap();
    assert_eq!(args.integer("a", 1, 100).unwrap(), Some(42));
    assert_eq!(args.integer("b", 1, 10).ok(), None);
    assert_eq!(args.integer("c", 1, 100).ok(), None);
    assert_eq!(args.boolean("d").ok(), Some(true));
    assert_eq!(args.boolean("e").ok(), None);
    assert_eq!(args.boolean("absent").ok(), Some(false));
}

#[test]
fn english_becomes_what_the_fields_read() {
    // Monday 1 March 2027, 9 o'clock in Berlin.
    let english = English { now: Timestamp(1_803_888_000_000), zone: chrono_tz::Europe::Berlin };
    for (given, expected) in [
        (json!({"due_date": "2027-03-05"}), json!({"due_date": "2027-03-05"})),
        (json!({"due_date": "2027-03-05T10:00"}), json!({"due_date": "2027-03-05T10:00"})),
        (json!({"due": "tomorrow"}), json!({"due": "2027-03-02"})),
        (json!({"due_date": "tomorrow 5pm"}), json!({"due_date": "2027-03-02T16:00:00.000Z"})),
        (
            json!({"due_date": "tomorrow 5pm", "zone": "Asia/Tokyo"}),
            json!({"due_date": "2027-03-02T08:00:00.000Z", "zone": "Asia/Tokyo"}),
        ),
        (json!({"due_date": "some day"}), json!({"due_date": "some day"})),
        (json!({"recurrence": "weekly"}), json!({"recurrence": "weekly"})),
        (
            json!({"recurrence": "every friday"}),
            json!({"recurrence": {"pattern": "weekly", "days": ["fri"]}, "due_date": "2027-03-05"}),
        ),
        (
            json!({"recurrence": "every friday at 10", "due_date": "2027-03-12"}),
            json!({"recurrence": {"pattern": "weekly", "days": ["fri"]}, "due_date": "2027-03-12T10:00:00"}),
        ),
        (
            json!({"reminders": ["30 minutes before", "1h", "tomorrow at 9", "2027-03-02T09:00:00Z"]}),
            json!({"reminders": ["30min", "1h", "2027-03-02T08:00:00.000Z", "2027-03-02T09:00:00Z"]}),
        ),
        (json!({"remind": "1h, 1d"}), json!({"remind": ["1h", "1d"]})),
        (json!({"reminder_offset": "30"}), json!({"reminder_offset": 30})),
        (json!({"remind_at": "in 20 minutes"}), json!({"remind_at": "2027-03-01T08:20:00.000Z"})),
        (json!({"lead_time": "an hour before"}), json!({"lead_time": "1h"})),
        (json!({"channels": "email,in_app"}), json!({"channels": ["email", "in_app"]})),
    ] {
        let mut map = object(given.clone());
        english.task(&mut map, None);
        assert_eq!(Value::Object(map), expected, "{given}");
    }
}
