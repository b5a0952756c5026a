//! How parameters and bodies of other spellings are read: renamed, and what is unknown named and left out.

use axum::{http::HeaderName, response::Response};
use serde_json::{Map, Value, json};

use super::{Ask, Row, Tree, Work, lists::Envelope};
use crate::{
    fields::{OWNED, Object, Sent, as_sent, reminder, value},
    http::{answer, ask::Spelled, named::Named},
    params::Params,
    problem::{Problem, Slug},
};
use actors::{
    message::fault::{Code, Fault},
    recurrence::rule::MEMBERS,
};

/// Names of body fields that meant nothing.
const IGNORED: HeaderName = HeaderName::from_static("tickler-ignored-fields");
/// Most names that are told, and the most characters of one.
const IGNORED_MAX: usize = 20;
const IGNORED_CHARS_MAX: usize = 50;

/// What a body says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing that matters.
    None,
    /// A task's fields.
    Task,
    /// A task's fields; its priority is medium where none is said.
    NewTask,
    /// `{completed}`, or nothing.
    Completed,
    /// Where a task goes.
    Place,
    /// Several operations.
    Batch,
    /// A rule, as the canon reads it.
    Rule,
    /// `{pattern_type, …}`.
    Recurring,
    /// A reminder.
    Reminder,
    /// A reminder of the task in the path.
    TaskReminder,
    /// `{snooze_minutes}`.
    Snooze,
    /// A tag.
    Tag,
    /// A webhook.
    Webhook,
    /// A message.
    Chat,
}

/// Our names of parameters, after the names that mean the same in the other trees; those win.
const PARAMS: &[(&str, &str)] = &[("sort_by", "sort"), ("sort_order", "order")];
const LIST_PARAMS: &[(&str, &str)] =
    &[("due_before", "due_date_to"), ("due_after", "due_date_from")];
const INBOX_PARAMS: &[(&str, &str)] = &[("unread_only", "unread")];

/// What other systems sort by.
const SORTS: &[(&str, &str)] = &[
    ("created", "created_at"),
    ("updated", "updated_at"),
    ("due", "due_date"),
    ("due_at", "due_date"),
    ("completed", "completed_at"),
];

const TASK: &[&str] = &[
    "title",
    "description",
    "notes",
    "status",
    "completed",
    "priority",
    "tags",
    "due_date",
    "due_at",
    "dueDate",
    "due",
    "zone",
    "recurrence",
    "recurrence_pattern",
    "recurrence_rule",
    "recurringRule",
    "recurring",
    "recurrence_type",
    "recurrence_interval",
    "recurrence_end_date",
    "recurringEndDate",
    "recurrence_count",
    "reminders",
    "remind",
    "reminder_at",
    "reminderAt",
    "reminder_offset",
    "is_recurring",
];

const REMINDER: &[&str] = &[
    "task_id",
    "lead_time",
    "reminder_offset",
    "remind_at",
    "reminder_at",
    "reminderAt",
    "channels",
    "webhook_url",
    "email_address",
];

const RECURRING: &[&str] =
    &["pattern_type", "cron_expression", "interval_days", "max_occurrences", "end_date"];

/// What is told of a translation.
#[derive(Default)]
pub(super) struct Notes {
    /// Our names of body fields, and theirs.
    pub(super) fields: Sent,
    /// Our names of parameters, and theirs.
    pub(super) params: Vec<(String, String)>,
    ignored: Vec<String>,
}

impl Notes {
    /// Adds the names of the fields that meant nothing.
    pub(super) fn tell(&self, mut answer: Response) -> Response {
        if !self.ignored.is_empty() {
            let cut = |name: &String| {
                let cut: String = name.chars().take(IGNORED_CHARS_MAX).collect();
                answer::path_segment(&cut)
            };
            let names: Vec<String> = self.ignored.iter().take(IGNORED_MAX).map(cut).collect();
            answer.headers_mut().insert(IGNORED, answer::text(&names.join(", ")));
        }
        answer
    }

    /// Removes every field that is not known; what the server owns is left to the object's reader.
    fn sift(&mut self, object: &mut Object, known: &[&str]) {
        object.retain(|name, _| {
            let name = name.as_str();
            let keep = known.contains(&name) || OWNED.contains(&name) || name == "user_id";
            if !keep {
                self.ignored.push(name.to_owned());
            }
            keep
        });
    }

    /// Gives a field our name; theirs wins where both are there.
    fn rename(&mut self, object: &mut Object, theirs: &str, ours: &'static str) {
        if let Some(value) = object.shift_remove(theirs) {
            object.insert(ours.to_owned(), value);
            self.fields.push((ours, theirs.to_owned()));
        }
    }
}

/// Makes the request one of the canon.
pub(super) async fn translate(row: &Row, ask: &mut Ask) -> Result<Notes, Problem> {
    let mut notes = Notes::default();
    let hash = ask.hash();
    let params = params(row, ask, &mut notes)?;
    ask.spelled = Some(Spelled { hash, params });
    if row.body == Body::TaskReminder {
        // The canon's path has no id.
        Named::Task(ask.task()?).judged(ask, ask.object().map(|_| ())).await?;
    }
    if row.body == Body::None || ask.body.is_empty() {
        return Ok(notes);
    }
    // What cannot be read is refused by the canon, after it has judged the path.
    let Ok(mut value) = ask.json() else { return Ok(notes) };
    let Value::Object(object) = &mut value else { return Ok(notes) };
    if let Err(problem) = body(row, ask.segment("id"), object, &mut notes) {
        let problem = as_sent(problem, &notes.fields);
        return match row.body {
            Body::Snooze => Named::Reminder(ask.id()?).judged(ask, Err(problem)).await,
            _ => Named::Task(ask.task()?).judged(ask, Err(problem)).await,
        };
    }
    ask.body = serde_json::to_vec(&value).unwrap_or_default().into();
    Ok(notes)
}

/// Our names of a row's parameters, after the names that mean the same in its tree.
fn names(row: &Row) -> Vec<(&'static str, &'static str)> {
    let lists = row.canon.1 == "/api/v1/tasks" && row.canon.0 == axum::http::Method::GET;
    let mut names = PARAMS.to_vec();
    if lists && row.tree != Tree::Api {
        names.extend(LIST_PARAMS);
    }
    if row.canon.1 == "/api/v1/notifications" {
        names.extend(INBOX_PARAMS);
    }
    names
}

/// The names of the parameters that a row takes, where its canon takes `ours`.
pub(super) fn taken(row: &Row, ours: &[&'static str]) -> Vec<&'static str> {
    let (own, unread): (&[&str], &[&str]) = match row.work {
        Work::List(Envelope::Pages) => {
            (&["page", "page_size"], &["tags_match", "cursor", "limit", "offset"])
        }
        Work::List(Envelope::Counts) => (&["due"], &["tags_match"]),
        Work::OfTask => (&[], &["task_id", "limit"]),
        Work::Canon | Work::OnReminderOfTask => (&[], &[]),
    };
    let ours: Vec<&str> = ours.iter().copied().filter(|name| !unread.contains(name)).collect();
    let theirs = names(row).into_iter().filter(|(_, name)| ours.contains(name));
    let theirs: Vec<&str> = theirs.map(|(name, _)| name).collect();
    [own, &theirs, &ours].concat()
}

/// The parameters by our names.
fn params(row: &Row, ask: &Ask, notes: &mut Notes) -> Result<Vec<(String, String)>, Problem> {
    let mut given = Params::decode(ask.parts.uri.query())?.left();
    for (theirs, ours) in names(row) {
        if !given.iter().any(|(name, value)| name == theirs && !value.is_empty()) {
            given.retain(|(name, _)| name != theirs);
            continue;
        }
        given.retain(|(name, _)| name != ours);
        for (name, _) in given.iter_mut().filter(|(name, _)| name == theirs) {
            ours.clone_into(name);
        }
        notes.params.push((ours.to_owned(), theirs.to_owned()));
    }
    for (name, value) in &mut given {
        match name.as_str() {
            "sort" => {
                let meant = SORTS.iter().find(|(theirs, _)| value.eq_ignore_ascii_case(theirs));
                if let Some((_, ours)) = meant {
                    (*ours).clone_into(value);
                }
            }
            "tags" => {
                if let Ok(Value::Array(tags)) = serde_json::from_str(value) {
                    let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
                    *value = tags.join(",");
                }
            }
            "completed" if row.tree == Tree::Api => match value.to_ascii_lowercase().as_str() {
                "all" => value.clear(),
                "pending" => "false".clone_into(value),
                "completed" => "true".clone_into(value),
                _ => {}
            },
            _ => {}
        }
    }
    if matches!(row.work, Work::List(_)) {
        given.retain(|(name, _)| name != "tags_match");
        given.push(("tags_match".to_owned(), "all".to_owned()));
    }
    Ok(given)
}

/// The body by our names.
fn body(row: &Row, id: &str, object: &mut Object, notes: &mut Notes) -> Result<(), Problem> {
    match row.body {
        Body::None => {}
        Body::Task => task(row.tree, object, notes),
        Body::NewTask => {
            task(row.tree, object, notes);
            if object.get("priority").is_none_or(value::is_nothing) {
                object.insert("priority".to_owned(), json!("medium"));
            }
        }
        Body::Completed => notes.sift(object, &["completed"]),
        Body::Place => notes.sift(object, &["before", "after", "to"]),
        Body::Batch => {
            notes.sift(object, &["atomic", "operations"]);
            let operations = object.get_mut("operations").and_then(Value::as_array_mut);
            for operation in operations.into_iter().flatten().filter_map(Value::as_object_mut) {
                notes.sift(operation, &["op", "body", "if_match"]);
                if let Some(Value::Object(body)) = operation.get_mut("body") {
                    let keep =
                        ["before", "after", "to"].map(|name| (name, body.shift_remove(name)));
                    task(row.tree, body, notes);
                    let kept = keep.into_iter().filter_map(|(name, value)| Some((name, value?)));
                    body.extend(kept.map(|(name, value)| (name.to_owned(), value)));
                }
            }
        }
        Body::Rule => {
            notes.sift(object, &MEMBERS);
            object.retain(|name, _| MEMBERS.contains(&name.as_str()));
        }
        Body::Recurring => recurring(object, notes)?,
        Body::Reminder => a_reminder(row.tree, object, notes),
        Body::TaskReminder => {
            a_reminder(row.tree, object, notes);
            object.shift_remove("id");
            object.insert("task_id".to_owned(), json!(id));
        }
        Body::Snooze => snooze(object, notes)?,
        Body::Tag => notes.sift(object, &["name", "usage_count"]),
        Body::Webhook => notes.sift(object, &["url", "events", "description", "secret", "status"]),
        Body::Chat => notes.sift(object, &["message", "conversation_id"]),
    }
    Ok(())
}

/// A task's fields: the tree's own names win, `completed` wins over `status`, and tags may be text.
fn task(tree: Tree, object: &mut Object, notes: &mut Notes) {
    notes.sift(object, TASK);
    if tree == Tree::User && object.contains_key("due_at") {
        for name in ["due_date", "dueDate", "due"] {
            object.shift_remove(name);
        }
    }
    own_rule(tree, object);
    let reminders = object.get_mut("reminders").and_then(Value::as_array_mut);
    for one in reminders.into_iter().flatten().filter_map(Value::as_object_mut) {
        a_reminder(tree, one, notes);
    }
    let completed = object.get("completed").and_then(Value::as_bool);
    let status = object.get("status").and_then(Value::as_str).and_then(|s| value::status(s).ok());
    if let (Some(completed), Some(status)) = (completed, status)
        && completed != (status == actors::message::task::Status::Completed)
    {
        object.shift_remove("status");
    }
    if let Some(Value::String(text)) = object.get("tags").filter(|tags| !value::is_nothing(tags)) {
        let tags = crate::fields::task::tag_texts(text);
        object.insert("tags".to_owned(), Value::Array(tags));
    }
}

/// Names of a rule that the tree writes besides `recurrence`: of an object sent back, the one that was changed is meant.
fn own_rule(tree: Tree, object: &mut Object) {
    let own: &[&str] = match tree {
        Tree::Root => &["recurrence_pattern"],
        Tree::User => &["recurrence_pattern", "recurrence_rule"],
        Tree::Api => return,
    };
    let custom = |value: &Value| value.as_str().is_some_and(|t| t.eq_ignore_ascii_case("custom"));
    if object.get("recurrence_pattern").is_some_and(custom) {
        object.shift_remove("recurrence_pattern");
        if object.get("recurrence_rule").is_some_and(value::is_nothing) {
            object.shift_remove("recurrence_rule");
        }
    }
    let Some(ours) = object.get("recurrence").cloned() else { return };
    let nothing = value::is_nothing(&ours);
    let same = |value: &Value| *value == ours || (nothing && value::is_nothing(value));
    let mut changed = false;
    for name in own {
        match object.get(*name) {
            Some(value) if same(value) => drop(object.shift_remove(*name)),
            Some(_) => changed = true,
            None => {}
        }
    }
    if changed {
        object.shift_remove("recurrence");
    }
}

/// A reminder's fields.
fn a_reminder(tree: Tree, object: &mut Object, notes: &mut Notes) {
    if tree == Tree::Root {
        // Of an object sent back unchanged the lead time stays.
        if object.get("trigger_at").is_some_and(|at| object.get("remind_at") != Some(at)) {
            object.shift_remove("lead_time");
        }
        notes.rename(object, "trigger_at", "remind_at");
        if let Some(channel) = object.shift_remove("channel")
            && object.get("channels").and_then(|channels| channels.get(0)) != Some(&channel)
        {
            let nothing = value::is_nothing(&channel);
            let channels = if nothing { Value::Null } else { json!([channel]) };
            object.insert("channels".to_owned(), channels);
            notes.fields.push(("channels", "channel".to_owned()));
        }
        object.shift_remove("retry_count");
    }
    let known: Vec<&str> = REMINDER.iter().chain(reminder::OWNED).copied().collect();
    notes.sift(object, &known);
}

/// `{snooze_minutes}`, which here goes up to a day.
fn snooze(object: &mut Object, notes: &mut Notes) -> Result<(), Problem> {
    const SNOOZE_MINUTES_MAX: i64 = 1_440;
    let own = object.contains_key("snooze_minutes");
    notes.rename(object, "snooze_minutes", "minutes");
    if own {
        object.shift_remove("until");
    }
    notes.sift(object, &["minutes", "until"]);
    object.retain(|name, _| matches!(name.as_str(), "minutes" | "until" | "user_id"));
    let minutes = object.get("minutes").and_then(Value::as_i64);
    if own && minutes.is_some_and(|minutes| !(1..=SNOOZE_MINUTES_MAX).contains(&minutes)) {
        let why = format!("This must be from 1 to {SNOOZE_MINUTES_MAX}.");
        return Err(Problem::field("/minutes", Code::OutOfRange, why));
    }
    Ok(())
}

/// `{pattern_type, cron_expression?, interval_days?, max_occurrences?, end_date?}` as a rule.
fn recurring(object: &mut Object, notes: &mut Notes) -> Result<(), Problem> {
    notes.sift(object, RECURRING);
    let mut given = std::mem::take(object);
    let mut take = |name: &str| given.shift_remove(name).filter(|value| !value::is_nothing(value));
    let wrong = |slug, name: &str, code, why: &str| {
        Err(Problem::fields(slug, vec![Fault::new(format!("/{name}"), code, why)]))
    };
    let Some(kind) = take("pattern_type") else {
        return wrong(Slug::Invalid, "pattern_type", Code::Required, "pattern_type is needed.");
    };
    let (cron, days) = (take("cron_expression"), take("interval_days"));
    let mut rule = Map::new();
    let mut say = |ours: &'static str, theirs: &str, value: Value| {
        notes.fields.push((ours, theirs.to_owned()));
        rule.insert(ours.to_owned(), value);
    };
    let word = kind.as_str().map(str::to_ascii_lowercase);
    match (word.as_deref(), cron, days) {
        (Some("custom"), Some(cron), None) => {
            say("pattern", "pattern_type", json!("cron"));
            say("cron", "cron_expression", cron);
            rule_mode(&mut rule);
        }
        (Some("custom"), None, Some(days)) => {
            say("pattern", "pattern_type", json!("daily"));
            say("interval", "interval_days", days);
        }
        (Some("custom"), ..) => {
            let why = "A custom rule has either a cron_expression or interval_days.";
            return wrong(Slug::InvalidRecurrence, "pattern_type", Code::Conflict, why);
        }
        (Some("daily"), _, days) => {
            say("pattern", "pattern_type", json!("daily"));
            if let Some(days) = days {
                say("interval", "interval_days", days);
            }
        }
        (Some("weekly" | "monthly" | "yearly"), ..) => say("pattern", "pattern_type", kind),
        _ => {
            let why = "The pattern_type is daily, weekly, monthly or custom.";
            return wrong(Slug::InvalidRecurrence, "pattern_type", Code::Invalid, why);
        }
    }
    for (theirs, ours) in [("max_occurrences", "count"), ("end_date", "until")] {
        if let Some(value) = take(theirs) {
            notes.fields.push((ours, theirs.to_owned()));
            rule.insert(ours.to_owned(), value);
        }
    }
    *object = rule;
    Ok(())
}

/// A cron rule goes by the calendar.
fn rule_mode(rule: &mut Object) {
    rule.insert("mode".to_owned(), json!("schedule"));
}
