//! The writable fields of a task, in every spelling, as a [`Patch`].

use std::sync::Arc;

use actors::{
    message::{
        fault::{Code, Fault},
        key::UserId,
        reminder::Channel,
        task::{
            Status,
            command::{Change, Patch, Place, ReminderAt, ReminderDraft, Scope},
        },
        text::{TASK_TAGS_MAX, Tag},
    },
    quick_add::recurrence as recurrence_in_english,
    recurrence::rule::{Mode, Rule, is_notation},
};
use serde_json::{Value, json};

use super::{Object, Reader, Sent, Spelling, Unread, pointer, reminder, value};
use crate::problem::{Problem, Slug};

/// Most reminders on one task.
pub(crate) const TASK_REMINDERS_MAX: usize = 20;

/// Most tags in a list that is sent, those that come twice counted.
const TAGS_SENT_MAX: usize = 100;

/// A task's fields as they were read.
#[derive(Debug)]
pub(crate) struct Fields {
    /// What they say.
    pub(crate) patch: Patch,
    /// What our names were called.
    pub(crate) sent: Sent,
    /// Names that mean nothing (tolerant spelling only).
    pub(crate) ignored: Vec<String>,
}

/// Reads the fields of a new task.
pub(crate) fn draft(object: &Object, user: &UserId, spelling: Spelling) -> Result<Fields, Problem> {
    read(object, user, spelling, Title::Needed)
}

/// Reads the fields of a change.
pub(crate) fn patch(object: &Object, user: &UserId, spelling: Spelling) -> Result<Fields, Problem> {
    read(object, user, spelling, Title::Optional)
}

#[derive(Clone, Copy, PartialEq)]
enum Title {
    Needed,
    Optional,
}

fn read(
    object: &Object,
    user: &UserId,
    spelling: Spelling,
    title: Title,
) -> Result<Fields, Problem> {
    let mut reader = Reader::new(object, user, spelling)?;
    let reader_ref = &mut reader;
    let mut patch = Patch {
        title: read_title(reader_ref, title),
        description: reader_ref
            .field(&["description", "notes"], |value| match value {
                Value::Null => Ok(Change::Clear),
                value => value::description(value)
                    .map(|description| description.map_or(Change::Clear, Change::Set)),
            })
            .unwrap_or_default(),
        priority: reader_ref
            .field(&["priority"], |value| match value {
                value if value::is_nothing(value) => Ok(Change::Clear),
                value => value::priority(value::text(value)?)
                    .map(|priority| priority.map_or(Change::Clear, Change::Set)),
            })
            .unwrap_or_default(),
        tags: tags(reader_ref),
        due: reader_ref.clearable(&["due_date", "due_at", "dueDate", "due"], |value| {
            value::when(value::text(value)?)
        }),
        zone: zone(reader_ref),
        recurrence: recurrence(reader_ref, None),
        reminders: reminders(reader_ref, user),
        ..Patch::default()
    };
    read_status(reader_ref, &mut patch, title);
    reader_ref.take("is_recurring");
    let (sent, ignored) = reader.finish()?;
    Ok(Fields { patch, sent, ignored })
}

fn read_title(reader: &mut Reader<'_>, needed: Title) -> Option<actors::message::text::Title> {
    match reader.take("title") {
        Some((_, Value::Null)) => reader.required("title"),
        Some(_) => return reader.field(&["title"], value::title),
        None if needed == Title::Needed => reader.required("title"),
        None => {}
    }
    None
}

/// `status`, and the synonym `completed`, which may only say the same.
fn read_status(reader: &mut Reader<'_>, patch: &mut Patch, title: Title) {
    match reader.take("status") {
        Some((_, Value::Null)) if title == Title::Optional => reader.required("status"),
        Some((_, Value::Null)) | None => {}
        Some(_) => {
            patch.status = reader.field(&["status"], |value| value::status(value::text(value)?));
        }
    }
    let completed = reader.clearable(&["completed"], value::boolean);
    match (completed, patch.status) {
        (Change::Set(completed), Some(status)) if completed != (status == Status::Completed) => {
            reader.conflict("completed", "status");
        }
        (Change::Set(true), None) => patch.status = Some(Status::Completed),
        (Change::Set(false), None) => patch.reopen = title == Title::Optional,
        _ => {}
    }
}

/// The zone.
pub(crate) fn zone(reader: &mut Reader<'_>) -> Change<chrono_tz::Tz> {
    let read = |value: &Value| {
        if value::is_nothing(value) {
            return Ok(Change::Clear);
        }
        let fault = |slug, (code, detail): Unread| (slug, vec![Fault::new("", code, detail)]);
        let text = value::text(value).map_err(|unread| fault(Slug::Invalid, unread))?;
        value::zone(text).map(Change::Set).map_err(|unread| fault(Slug::InvalidZone, unread))
    };
    reader.field_with(&["zone"], read).unwrap_or_default()
}

fn tags(reader: &mut Reader<'_>) -> Change<Vec<Tag>> {
    let spelling = reader.spelling();
    let read = |value: &Value| {
        if value::is_nothing(value) {
            return Ok(Change::Clear);
        }
        tag_list(value, spelling).map(Change::Set)
    };
    reader.field_with(&["tags"], read).unwrap_or_default()
}

/// A list of tags: unique, in the order given; tolerantly also JSON text or a comma list.
pub(crate) fn tag_list(value: &Value, spelling: Spelling) -> Result<Vec<Tag>, (Slug, Vec<Fault>)> {
    let wrong = |pointer: String, (code, detail): Unread| {
        (Slug::Invalid, vec![Fault::new(pointer, code, detail)])
    };
    let texts;
    let items = match value {
        Value::Array(items) => items,
        Value::String(text) if spelling == Spelling::Tolerant => {
            texts = tag_texts(text);
            &texts
        }
        _ => {
            let why = "The tags are a list of texts.".to_owned();
            return Err(wrong(String::new(), (Code::Invalid, why)));
        }
    };
    let too_many = || {
        let why = format!("A task has at most {TASK_TAGS_MAX} tags.");
        wrong(String::new(), (Code::OutOfRange, why))
    };
    if items.len() > TAGS_SENT_MAX {
        return Err(too_many());
    }
    let mut tags: Vec<Tag> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let read = value::text(item).and_then(value::tag);
        let tag = read.map_err(|unread| wrong(format!("/{index}"), unread))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > TASK_TAGS_MAX {
            return Err(too_many());
        }
    }
    Ok(tags)
}

/// The tags of a text: a JSON array, or a comma list.
pub(crate) fn tag_texts(text: &str) -> Vec<Value> {
    if let Ok(Value::Array(items)) = serde_json::from_str(text) {
        return items;
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| Value::String(item.to_owned())).collect()
}

/// The names of a rule as a whole.
const RULE: [&str; 5] = ["recurrence", PATTERN, "recurrence_rule", "recurringRule", "recurring"];
const PATTERN: &str = "recurrence_pattern";

fn is_custom(text: &str) -> bool {
    text.eq_ignore_ascii_case("custom")
}

/// `recurrence` and its synonyms: whole, as type and interval, and with an end or a count beside it. A rule that says no
/// mode has `mode`, where one is given.
pub(crate) fn recurrence(reader: &mut Reader<'_>, mode: Option<Mode>) -> Change<Arc<Rule>> {
    let kind = reader.take("recurrence_type");
    let interval = reader.take("recurrence_interval").filter(|(_, value)| !value.is_null());
    let end = beside(reader, &["recurrence_end_date", "recurringEndDate"], "until");
    let count = beside(reader, &["recurrence_count"], "count");
    let beside: Vec<_> = [end, count].into_iter().flatten().collect();
    let custom = |(_, value): (&str, &Value)| value.as_str().is_some_and(is_custom);
    let names = if reader.take(PATTERN).is_some_and(custom) {
        // An object sent back whose rule has no shorthand: it says nothing.
        RULE.into_iter().filter(|name| *name != PATTERN).collect()
    } else {
        RULE.to_vec()
    };
    let read = |value: &Value| read_rule(value, &beside, mode);
    let whole = reader.field_with(&names, read).unwrap_or_default();
    for (sent, ours, _) in &beside {
        reader.named_apart(&names, ours, sent);
        let ours = if *ours == "until" { "recurrence/until" } else { "recurrence/count" };
        reader.sent.insert(0, (ours, (*sent).to_owned()));
    }
    let Some((name, kind)) = kind.filter(|(_, kind)| !kind.is_null()) else {
        if whole.is_keep() && reader.faults.is_empty() {
            for (sent, ..) in &beside {
                let why = "An end or a count needs a recurrence beside it.";
                reader.faults.push(pointer(sent), Code::Invalid, why);
            }
        }
        if kind.is_some() && whole.is_keep() {
            return Change::Clear;
        }
        return whole;
    };
    let typed = match kind.as_str() {
        Some("" | "none") => Ok(Change::Clear),
        _ => {
            let interval = interval.map_or(&Value::Null, |(_, value)| value);
            let mut rule = json!({ "pattern": kind });
            if !interval.is_null() {
                rule["interval"] = interval.clone();
            }
            read_rule(&rule, &beside, mode)
        }
    };
    match typed {
        Ok(typed) => {
            if !whole.is_keep() && whole != typed {
                reader.conflict(name, "recurrence");
            }
            reader.sent.push(("recurrence", name.to_owned()));
            typed
        }
        Err((slug, faults)) => {
            for fault in faults {
                let of = |ours: &str| fault.pointer.strip_prefix('/') == Some(ours);
                let apart = beside.iter().find(|(_, ours, _)| of(ours)).map(|(sent, ..)| *sent);
                let at = apart.unwrap_or(if of("interval") { "recurrence_interval" } else { name });
                let at = Fault::new(pointer(at), fault.code, fault.detail);
                reader.faults.add(slug, at);
            }
            Change::Keep
        }
    }
}

/// An end or a count that stands beside the rule: the name it was sent under, the rule's own name, the value.
fn beside<'a>(
    reader: &mut Reader<'a>,
    names: &[&'static str],
    ours: &'static str,
) -> Option<(&'a str, &'static str, &'a Value)> {
    let mut found: Option<(&str, &'static str, &Value)> = None;
    for name in names {
        let Some((sent, value)) = reader.take(name) else { continue };
        if value::is_nothing(value) {
            continue;
        }
        match found {
            Some((_, _, first)) if first != value => reader.conflict(sent, names[0]),
            _ => found = Some((sent, ours, value)),
        }
    }
    found
}

/// A rule in any notation, or in English; `None` for null. One that says no mode has `mode`, where one is given.
pub(crate) fn rule(value: &Value, mode: Option<Mode>) -> Result<Option<Rule>, Vec<Fault>> {
    let english = value.as_str().filter(|text| !is_notation(text)).and_then(recurrence_in_english);
    let value = english.as_ref().unwrap_or(value);
    // `from` has a meaning in one mode only, and so says which.
    let says_from = value.as_object().is_some_and(|rule| rule.contains_key("from"));
    match mode.filter(|_| !says_from) {
        Some(mode) => Rule::read_as(value, mode),
        None => Rule::read(value),
    }
}

type Beside<'a> = (&'a str, &'static str, &'a Value);

fn read_rule(
    value: &Value,
    beside: &[Beside<'_>],
    mode: Option<Mode>,
) -> Result<Change<Arc<Rule>>, (Slug, Vec<Fault>)> {
    if value::is_nothing(value) {
        return Ok(Change::Clear);
    }
    let bad = |faults| (Slug::InvalidRecurrence, faults);
    let Some(rule) = rule(value, mode).map_err(bad)? else { return Ok(Change::Clear) };
    if beside.is_empty() {
        return Ok(Change::Set(Arc::new(rule)));
    }
    let mut object = match rule.write() {
        Value::Object(object) => object,
        shorthand => Object::from_iter([("pattern".to_owned(), shorthand)]),
    };
    for (sent, ours, value) in beside {
        let inside = object.get(*ours).filter(|inside| !inside.is_null());
        if inside.is_some_and(|inside| inside != *value) {
            let why = format!("{sent} is said inside the rule too.");
            return Err(bad(vec![Fault::new(format!("/{ours}"), Code::Conflict, why)]));
        }
        object.insert((*ours).to_owned(), (*value).clone());
    }
    let rule = Rule::read_as(&Value::Object(object), rule.mode()).map_err(bad)?;
    Ok(rule.map_or(Change::Clear, |rule| Change::Set(Arc::new(rule))))
}

/// `reminders` and its synonyms: a list, one of its items, one moment, or minutes before.
fn reminders(reader: &mut Reader<'_>, user: &UserId) -> Change<Vec<ReminderDraft>> {
    let spelling = reader.spelling();
    let plain = |at| ReminderDraft {
        id: None,
        at,
        channels: None::<Vec<Channel>>,
        webhook_url: None,
        email_address: None,
    };
    let list = reader
        .field_with(&["reminders", "remind"], |value| list_of(value, user, spelling))
        .unwrap_or_default();
    let moment = reader.clearable(&["reminder_at", "reminderAt"], reminder::moment);
    let offset = reader.clearable(&["reminder_offset"], reminder::minutes_before);
    let sent = reader.spelled(&["reminders", "remind"]);
    if reader.object.get(sent).is_some_and(Value::is_string) {
        // One by itself has no place in a list.
        reader.sent.insert(0, ("reminders/0/lead_time", sent.to_owned()));
    }
    let mut single: Vec<(&str, ReminderDraft)> = Vec::new();
    let mut cleared = false;
    match moment {
        Change::Set(moment) => {
            let sent = reader.spelled(&["reminder_at", "reminderAt"]);
            single.push((sent, plain(ReminderAt::Moment(moment))));
        }
        Change::Clear => cleared = true,
        Change::Keep => {}
    }
    match offset {
        Change::Set(lead) => single.push(("reminder_offset", plain(ReminderAt::Lead(lead)))),
        Change::Clear => cleared = true,
        Change::Keep => {}
    }
    match (list, &single[..]) {
        (Change::Keep, []) if cleared => Change::Clear,
        (list, []) => list,
        (Change::Keep, all) => {
            if let [(sent, _)] = all {
                reader.sent.push(("reminders/0/lead_time", (*sent).to_owned()));
                reader.sent.push(("reminders", (*sent).to_owned()));
            }
            Change::Set(single.into_iter().map(|(_, draft)| draft).collect())
        }
        (Change::Set(list), all) if all.iter().all(|(_, one)| list.contains(one)) => {
            Change::Set(list)
        }
        (list, [(sent, _), ..]) => {
            reader.conflict(sent, "reminders");
            list
        }
    }
}

fn list_of(
    value: &Value,
    user: &UserId,
    spelling: Spelling,
) -> Result<Change<Vec<ReminderDraft>>, (Slug, Vec<Fault>)> {
    let items = match value {
        value if value::is_nothing(value) => return Ok(Change::Clear),
        Value::Array(items) => items.as_slice(),
        Value::String(_) | Value::Object(_) => std::slice::from_ref(value),
        _ => {
            let why = "The reminders are a list of lead times, moments or objects.";
            return Err((Slug::Invalid, vec![Fault::new("", Code::Invalid, why)]));
        }
    };
    if items.len() > TASK_REMINDERS_MAX {
        let why = format!("A task has at most {TASK_REMINDERS_MAX} pending reminders.");
        return Err((Slug::LimitReached, vec![Fault::new("", Code::OutOfRange, why)]));
    }
    let mut drafts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let draft = reminder::item(item, user, spelling).map_err(|(slug, faults)| {
            let under = |fault: Fault| match value {
                Value::Array(_) => fault.under(&format!("/{index}")),
                _ => fault,
            };
            (slug, faults.into_iter().map(under).collect())
        })?;
        drafts.push(draft);
    }
    Ok(Change::Set(drafts))
}

/// Where a task goes: exactly one of `before`, `after`, `to`.
pub(crate) fn place(object: &Object, user: &UserId) -> Result<Place, Problem> {
    let mut reader = Reader::new(object, user, Spelling::Strict)?;
    let mut places = Vec::new();
    for name in ["before", "after"] {
        let Some((_, value)) = reader.take(name).filter(|(_, value)| !value.is_null()) else {
            continue;
        };
        let task = value::task_ref_value(value);
        places.push(match (task, name) {
            (Some(task), "before") => Ok(Place::Before(task)),
            (Some(task), _) => Ok(Place::After(task)),
            (None, _) => Err(Problem::not_found()),
        });
    }
    let to = reader.clearable(&["to"], |value| {
        match value::text(value)?.to_ascii_lowercase().as_str() {
            "first" => Ok(Place::First),
            "last" => Ok(Place::Last),
            _ => Err((Code::Invalid, "This must be first or last.".to_owned())),
        }
    });
    if let Change::Set(place) = &to {
        places.push(Ok(*place));
    }
    match places.len() {
        0 if reader.faults.is_empty() => reader.required("to"),
        0 | 1 => {}
        _ => {
            let last = if matches!(to, Change::Set(_)) { "to" } else { "after" };
            reader.conflict(last, "before");
        }
    }
    reader.finish()?;
    places.into_iter().next().unwrap_or_else(|| Err(Problem::internal()))
}

/// `{completed: bool}`; an absent or null one toggles.
pub(crate) fn completed(object: &Object, user: &UserId) -> Result<Option<bool>, Problem> {
    let mut reader = Reader::new(object, user, Spelling::Strict)?;
    let completed = reader.clearable(&["completed"], value::boolean);
    reader.finish()?;
    Ok(match completed {
        Change::Set(completed) => Some(completed),
        _ => None,
    })
}

/// How far an edit reaches.
pub(crate) fn edit_scope(text: &str) -> Result<Scope, Unread> {
    match text.to_ascii_lowercase().as_str() {
        "following" => Ok(Scope::Following),
        "this" => Ok(Scope::This),
        "all" => Ok(Scope::All),
        _ => Err((Code::Invalid, "The scope is following, this or all.".to_owned())),
    }
}

/// How far a deletion reaches.
pub(crate) fn delete_scope(text: &str) -> Result<Scope, Unread> {
    match text.to_ascii_lowercase().as_str() {
        "series" => Ok(Scope::Series),
        _ => edit_scope(text)
            .map_err(|_| (Code::Invalid, "The scope is following, this, all or series.".into())),
    }
}
