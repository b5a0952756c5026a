//! The nine tools as they are advertised: names, schemas and annotations, small enough for every context.

use std::sync::{Arc, LazyLock};

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

/// Whether a tool changes something, and how.
#[derive(Clone, Copy)]
enum Kind {
    Reads,
    Adds,
    Changes,
    Destroys,
}

/// The tools in the order of the contract.
pub(crate) fn list() -> &'static [Tool] {
    static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(tools);
    &TOOLS
}

const TASK_ID: &str = "Number (#42), title or id";
const DUE: &str = "2026-11-21, 2026-11-21T09:00 or English (tomorrow 5pm); none clears";
const PRIORITY: &str = "urgent, high, medium, low, none";
const RULE: &str = "daily, weekly, monthly, yearly, an RRULE, cron, or English (every 2 weeks on mon,thu); none clears";
const REMINDERS: &str = "Lead times (15min 1h 1d) or moments; the whole set";
const KEY: &str = "Same key and arguments: done once";
const DAY: &str = "A day, a moment or English";

fn text(what: &str) -> Value {
    if what.is_empty() {
        return json!({"type": "string"});
    }
    json!({"type": "string", "description": what})
}

fn texts(what: &str) -> Value {
    if what.is_empty() {
        return json!({"type": "array", "items": {"type": "string"}});
    }
    json!({"type": "array", "items": {"type": "string"}, "description": what})
}

fn integer(what: &str) -> Value {
    json!({"type": "integer", "description": what})
}

fn boolean(what: &str) -> Value {
    json!({"type": "boolean", "description": what})
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn objects(what: &str, fields: Vec<(&str, Value)>) -> Value {
    json!({"type": "array", "items": object(fields), "description": what})
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": fields, "additionalProperties": false})
}

/// Fields without their descriptions, for the items of a batch.
fn bare(fields: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let strip = |(name, schema): &(&'static str, Value)| {
        let mut schema = schema.clone();
        if let Value::Object(schema) = &mut schema {
            schema.shift_remove("description");
        }
        (*name, schema)
    };
    fields.iter().map(strip).collect()
}

fn tool(
    name: &'static str,
    title: &'static str,
    kind: Kind,
    what: &'static str,
    fields: Vec<(&str, Value)>,
) -> Tool {
    let Value::Object(schema) = object(fields) else { unreachable!("a schema is an object") };
    let annotations = ToolAnnotations::with_title(title)
        .read_only(matches!(kind, Kind::Reads))
        .destructive(matches!(kind, Kind::Destroys))
        .idempotent(!matches!(kind, Kind::Adds))
        .open_world(false);
    Tool::new(name, what, Arc::new(schema)).with_title(title).with_annotations(annotations)
}

fn tools() -> Vec<Tool> {
    let mut tools = writing();
    tools.extend(listing());
    tools.extend(reminding());
    tools
}

fn writing() -> Vec<Tool> {
    let new = vec![
        ("title", text("")),
        ("description", text("")),
        ("due_date", text(DUE)),
        ("priority", text(PRIORITY)),
        ("tags", texts("")),
        ("recurrence", text(RULE)),
        ("reminders", texts(REMINDERS)),
        ("zone", text("IANA zone, if not the user's")),
    ];
    let scope = text("Recurring: following (default), this or all");
    let mut changed = vec![
        ("task_id", text(TASK_ID)),
        ("title", text("")),
        ("description", text("")),
        ("due_date", text(DUE)),
        ("priority", text(PRIORITY)),
        ("tags", texts("The whole set")),
        ("recurrence", text(RULE)),
        ("reminders", texts(REMINDERS)),
        ("add_tags", texts("")),
        ("remove_tags", texts("")),
        ("status", text("pending, in_progress, completed, cancelled")),
        ("clear", texts("Of description due_date priority tags recurrence reminders")),
        ("scope", scope),
        ("if_version", integer("Refuse if the task changed since")),
    ];
    let mut added = new.clone();
    added.push(("tasks", objects("Several tasks at once, up to 25", bare(&new))));
    added.push(("idempotency_key", text(KEY)));
    let several = objects("Several changes at once, up to 25", bare(&changed));
    changed.push(("updates", several));
    changed.push(("idempotency_key", text(KEY)));
    let named = |undo: &str| {
        vec![
            ("task_id", text(TASK_ID)),
            ("tasks", texts("Several task_id, up to 25")),
            ("undo", boolean(undo)),
        ]
    };
    let mut completed = named("Reopen instead");
    completed.push(("skip", boolean("Recurring: skip this occurrence, make the next")));
    completed.push(("idempotency_key", text(KEY)));
    let mut deleted = named("Restore instead (30 days)");
    deleted.push(("idempotency_key", text(KEY)));
    vec![
        tool(
            "add_task",
            "Add tasks",
            Kind::Adds,
            "Add a task, or several. A recurring task needs a due date.",
            added,
        ),
        tool(
            "update_task",
            "Change tasks",
            Kind::Destroys,
            "Change fields of a task, or of several. What is not named stays as it is.",
            changed,
        ),
        tool(
            "complete_task",
            "Complete tasks",
            Kind::Changes,
            "Mark tasks as done. A recurring task answers its next occurrence.",
            completed,
        ),
        tool("delete_task", "Delete tasks", Kind::Destroys, "Delete tasks.", deleted),
    ]
}

const VIEWS: [&str; 8] =
    ["today", "overdue", "upcoming", "next7", "no_date", "open", "completed", "all"];
const STATUS: &str = "List of pending, in_progress, completed, cancelled, open, all";

fn listing() -> Vec<Tool> {
    let sort = one_of(&[
        "created_at",
        "updated_at",
        "due_date",
        "priority",
        "title",
        "position",
        "completed_at",
    ]);
    let order = || one_of(&["asc", "desc"]);
    vec![
        tool(
            "list_tasks",
            "List tasks",
            Kind::Reads,
            "List, filter and search tasks. Without any filter: what is overdue or due today.",
            vec![
                ("view", one_of(&VIEWS)),
                ("search", text("In title or description")),
                ("status", text(STATUS)),
                ("priority", text("List; none = without")),
                ("tags", text("Comma list")),
                ("tags_match", one_of(&["any", "all"])),
                ("due_date", text("That day")),
                ("due_date_from", text(DAY)),
                ("due_date_to", text("Inclusive")),
                ("sort", sort.clone()),
                ("order", order()),
                ("limit", integer("25, at most 100")),
                ("cursor", text("next_cursor of the page before")),
                ("detail", one_of(&["short", "full"])),
            ],
        ),
        tool(
            "sort_tasks",
            "Sort tasks",
            Kind::Changes,
            "Show tasks in an order; with save it becomes the manual order (sort=position).",
            vec![
                ("sort", sort),
                ("order", order()),
                ("view", one_of(&VIEWS)),
                ("status", text("")),
                ("priority", text("")),
                ("tags", text("")),
                ("limit", integer("25, at most 100")),
                ("save", boolean("Keep this order")),
            ],
        ),
    ]
}

fn reminding() -> Vec<Tool> {
    let one = vec![
        ("task_id", text(TASK_ID)),
        ("lead_time", text("Before the due date: 15min, 30min, 1h, 1d or PT45M")),
        ("remind_at", text("A moment, or English (tomorrow at 9)")),
        ("channels", texts("in_app, webhook, email")),
        ("reminder_id", text("Change this one")),
        ("snooze_minutes", integer("Snooze instead")),
    ];
    let mut set = one.clone();
    set.push(("reminders", objects("Several, up to 25", bare(&one))));
    set.push(("idempotency_key", text(KEY)));
    vec![
        tool(
            "set_reminder",
            "Set reminders",
            Kind::Adds,
            "Remind of a task, by lead_time or remind_at; change or snooze a reminder.",
            set,
        ),
        tool(
            "cancel_reminder",
            "Cancel reminders",
            Kind::Destroys,
            "Cancel a reminder, or all pending ones of a task.",
            vec![
                ("reminder_id", text("")),
                ("task_id", text("All its pending ones")),
                ("reminders", texts("Several reminder_id, up to 25")),
                ("idempotency_key", text(KEY)),
            ],
        ),
        tool(
            "list_reminders",
            "List reminders",
            Kind::Reads,
            "List reminders, soonest first.",
            vec![
                ("task_id", text(TASK_ID)),
                ("status", text("List of pending, triggered, acknowledged, cancelled")),
                ("from", text(DAY)),
                ("to", text("Inclusive")),
                ("limit", integer("100, at most 500")),
                ("cursor", text("")),
            ],
        ),
    ]
}
