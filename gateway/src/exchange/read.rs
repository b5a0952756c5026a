//! Reads the lines of an export.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use actors::{
    message::{
        fault::Code,
        lead_time::LeadTime,
        reminder::Channel,
        series::{EndedReason, Series, SeriesStatus, Template, TemplateReminder},
        task::{
            Priority, SetReminder, Status, Successor, Task,
            command::{Change, SettingsPatch},
        },
        text::{Description, Tag, Title},
        time::{Local, Timestamp},
    },
    recurrence::rule::Rule,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Everything, FORMAT, File, VERSION};
use crate::{
    fields::value,
    ical::KEPT_BYTES_MAX,
    problem::{Problem, Slug},
    shelf,
};

/// A task as a line writes it.
#[derive(Deserialize)]
struct TaskLine {
    id: Uuid,
    #[serde(default)]
    number: u64,
    title: String,
    description: Option<String>,
    status: Status,
    priority: Option<Priority>,
    #[serde(default)]
    tags: Vec<String>,
    due_date: Option<String>,
    zone: Option<String>,
    recurrence: Option<Value>,
    recurrence_id: Option<Uuid>,
    occurrence: Option<Local>,
    #[serde(default)]
    reminders: Vec<SetLine>,
    #[serde(default)]
    position: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    successor: Option<SuccessorLine>,
    ical: Option<Arc<str>>,
}

#[derive(Deserialize)]
struct SuccessorLine {
    id: Uuid,
    version: u64,
    made: u32,
}

#[derive(Deserialize)]
struct SetLine {
    id: Uuid,
    lead_time: Option<String>,
    remind_at: DateTime<Utc>,
}

/// A reminder as a line writes it, as far as its task does not say it.
#[derive(Deserialize)]
struct ReminderLine {
    id: Uuid,
    status: actors::message::reminder::Status,
    channels: Vec<Channel>,
    webhook_url: Option<String>,
    email_address: Option<String>,
    version: u64,
    created_at: DateTime<Utc>,
}

/// A rule as a line writes it.
#[derive(Deserialize)]
struct RuleLine {
    id: Uuid,
    status: SeriesStatus,
    ended_reason: Option<EndedReason>,
    recurrence: Value,
    start: Local,
    zone: Option<String>,
    task: TemplateLine,
    next_due: Option<String>,
    #[serde(default)]
    occurrences: u32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    standalone: bool,
    ended_by: Option<Uuid>,
    last: Option<Local>,
    last_task_id: Option<Uuid>,
    #[serde(default)]
    skips: Vec<Local>,
}

#[derive(Deserialize)]
struct TemplateLine {
    title: String,
    description: Option<String>,
    priority: Option<Priority>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    reminders: Vec<LeadLine>,
}

#[derive(Deserialize)]
struct LeadLine {
    lead_time: String,
    channels: Vec<Channel>,
    webhook_url: Option<String>,
    email_address: Option<String>,
}

#[derive(Deserialize)]
struct SettingsLine {
    email: Option<String>,
    zone: Option<String>,
    all_day_time: Option<String>,
    channels: Option<Vec<Channel>>,
}

/// Why a line is left out.
type Why = String;

/// Reads a file; one that has no end, or another number of lines than it says, is refused.
pub(super) fn read(text: &str, held: &Everything) -> Result<File, Problem> {
    let lines: Vec<(usize, &str)> = text.lines().enumerate().map(|(n, l)| (n + 1, l)).collect();
    let lines: Vec<(usize, &str)> =
        lines.into_iter().filter(|(_, line)| !line.trim().is_empty()).collect();
    let mut file = File::default();
    let mut parsed = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        match serde_json::from_str::<Value>(line) {
            Ok(value) if value.is_object() => parsed.push((number, value)),
            _ => {
                file.fail(number, Slug::Malformed, "This is no JSON object.".to_owned());
                parsed.push((number, Value::Null));
            }
        }
    }
    whole(&parsed)?;
    let lives = reminders(&parsed);
    let set: HashSet<Uuid> =
        held.tasks.iter().flat_map(|task| task.reminders.iter().map(|set| set.id)).collect();
    for (number, value) in parsed {
        let line = number;
        let read = match value["kind"].as_str() {
            Some("task") => task(value, &lives, &set).map(|task| file.tasks.push((line, task))),
            Some("recurrence") => rule(value).map(|rule| file.series.push((line, rule))),
            Some("tag") => tag(&value).map(|tag| file.tags.push((line, tag))),
            Some("settings") => settings(value).map(|patch| file.settings = Some(patch)),
            _ => Ok(()),
        };
        if let Err(why) = read {
            file.fail(number, Slug::Invalid, why);
        }
    }
    newest(&mut file);
    Ok(file)
}

/// Whether every block begins, ends, and has as many lines as it says.
fn whole(lines: &[(usize, Value)]) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::field("", Code::Invalid, why));
    let mut begun: Option<usize> = None;
    for (index, (_, line)) in lines.iter().enumerate() {
        match (line["kind"].as_str(), begun) {
            (Some("header"), None) => {
                if line["format"] != FORMAT || line["version"] != VERSION {
                    return refused("The file is no export of a version that is known here.");
                }
                begun = Some(index);
            }
            (Some("end"), Some(first)) => {
                if line["lines"] != index - first {
                    return refused("The file has not as many lines as its end says.");
                }
                begun = None;
            }
            (Some("header" | "end"), _) | (_, None) => {
                return refused("The file does not begin with a header.");
            }
            _ => {}
        }
    }
    match begun.is_some() || lines.is_empty() {
        true => refused("The file has no end; it may have been cut off."),
        false => Ok(()),
    }
}

fn reminders(lines: &[(usize, Value)]) -> HashMap<Uuid, ReminderLine> {
    let of_kind = lines.iter().filter(|(_, line)| line["kind"] == "reminder");
    let read = of_kind.filter_map(|(_, line)| ReminderLine::deserialize(line).ok());
    read.map(|line| (line.id, line)).collect()
}

fn object<T: for<'a> Deserialize<'a>>(value: Value) -> Result<T, Why> {
    serde_json::from_value(value).map_err(|why| format!("The line cannot be read: {why}."))
}

fn title(text: &str) -> Result<Title, Why> {
    value::title(&Value::from(text)).map_err(|(_, why)| why)
}

fn description(text: Option<String>) -> Result<Option<Description>, Why> {
    let text = text.map(|text| value::description(&Value::from(text)).map_err(|(_, why)| why));
    Ok(text.transpose()?.flatten())
}

fn tags(texts: &[String]) -> Result<Vec<Tag>, Why> {
    texts.iter().map(|text| value::tag(text).map_err(|(_, why)| why)).collect()
}

fn zone(text: Option<String>) -> Result<Option<chrono_tz::Tz>, Why> {
    text.map(|text| value::zone(&text).map_err(|(_, why)| why)).transpose()
}

fn lead(text: &str) -> Result<LeadTime, Why> {
    value::lead_time(text).map_err(|(_, why)| why)
}

fn notation(value: &Value) -> Result<Option<Arc<Rule>>, Why> {
    let first = |faults: Vec<actors::message::fault::Fault>| {
        faults.into_iter().next().map_or_else(String::new, |fault| fault.detail)
    };
    Ok(Rule::read(value).map_err(first)?.map(Arc::new))
}

/// A task. A reminder that has fired is set again only where it is set already: elsewhere it would fire once more.
fn task(
    value: Value,
    lives: &HashMap<Uuid, ReminderLine>,
    held: &HashSet<Uuid>,
) -> Result<Arc<Task>, Why> {
    use actors::message::reminder::Status::{Acknowledged, Triggered};
    let line: TaskLine = object(value)?;
    let mut set = Vec::with_capacity(line.reminders.len());
    for one in line.reminders {
        let life = lives.get(&one.id);
        let fired = life.is_some_and(|life| matches!(life.status, Triggered | Acknowledged));
        if fired && !held.contains(&one.id) {
            continue;
        }
        set.push(SetReminder {
            id: one.id,
            lead_time: one.lead_time.as_deref().map(lead).transpose()?,
            remind_at: one.remind_at.into(),
            channels: life.map_or_else(|| vec![Channel::InApp], |life| life.channels.clone()),
            webhook_url: life.and_then(|life| life.webhook_url.clone()),
            email_address: life.and_then(|life| life.email_address.clone()),
            created_at: life.map_or(line.created_at, |life| life.created_at).into(),
            version: life.map_or(1, |life| life.version),
        });
    }
    let due = line.due_date.as_deref().map(|text| {
        shelf::due(text).ok_or_else(|| "The due_date is no day and no moment.".to_owned())
    });
    Ok(Arc::new(Task {
        id: line.id,
        number: line.number,
        title: title(&line.title)?,
        description: description(line.description)?,
        status: line.status,
        priority: line.priority,
        tags: tags(&line.tags)?,
        due: due.transpose()?,
        zone: zone(line.zone)?,
        recurrence: line.recurrence.as_ref().map(notation).transpose()?.flatten(),
        recurrence_id: line.recurrence_id,
        occurrence: line.occurrence,
        reminders: set,
        position: line.position.into(),
        created_at: line.created_at.into(),
        updated_at: line.updated_at.into(),
        completed_at: line.completed_at.map(Timestamp::from),
        deleted_at: line.deleted_at.map(Timestamp::from),
        version: 0,
        next: line.successor.map(|next| {
            Box::new(Successor { id: next.id, version: next.version, made: next.made })
        }),
        ical: line.ical.filter(|text| text.len() <= KEPT_BYTES_MAX),
    }))
}

fn rule(value: Value) -> Result<Arc<Series>, Why> {
    let line: RuleLine = object(value)?;
    let rule =
        notation(&line.recurrence)?.ok_or_else(|| "The recurrence is missing.".to_owned())?;
    let mut reminders = Vec::with_capacity(line.task.reminders.len());
    for one in line.task.reminders {
        reminders.push(TemplateReminder {
            lead_time: lead(&one.lead_time)?,
            channels: one.channels,
            webhook_url: one.webhook_url,
            email_address: one.email_address,
        });
    }
    Ok(Arc::new(Series {
        id: line.id,
        rule,
        start: line.start,
        zone: zone(line.zone)?,
        template: Template {
            title: title(&line.task.title)?,
            description: description(line.task.description)?,
            priority: line.task.priority,
            tags: tags(&line.task.tags)?,
            reminders,
        },
        status: line.status,
        ended_reason: line.ended_reason,
        ended_by: line.ended_by,
        standalone: line.standalone,
        next_due: line.next_due.as_deref().and_then(shelf::due),
        made: line.occurrences,
        last: line.last,
        last_task: line.last_task_id,
        skips: line.skips,
        open_task_ids: Vec::new(),
        version: 0,
        created_at: line.created_at.into(),
        updated_at: line.updated_at.into(),
    }))
}

fn tag(line: &Value) -> Result<Tag, Why> {
    let name = line["name"].as_str().ok_or_else(|| "The tag has no name.".to_owned())?;
    value::tag(name).map_err(|(_, why)| why)
}

fn settings(value: Value) -> Result<SettingsPatch, Why> {
    let line: SettingsLine = object(value)?;
    let time = line.all_day_time.map(|text| value::time_of_day(&text).map_err(|(_, why)| why));
    Ok(SettingsPatch {
        email: line.email.map_or(Change::Clear, Change::Set),
        zone: zone(line.zone)?.map_or(Change::Clear, Change::Set),
        all_day_time: time.transpose()?.map_or(Change::Clear, Change::Set),
        channels: line.channels.map_or(Change::Clear, Change::Set),
    })
}

/// A rule whose line does not say how far it has come has come to its newest occurrence.
fn newest(file: &mut File) {
    let mut newest: HashMap<Uuid, (Local, Uuid)> = HashMap::new();
    for (_, task) in &file.tasks {
        if let (Some(rule), Some(occurrence)) = (task.recurrence_id, task.occurrence) {
            let held = newest.entry(rule).or_insert((occurrence, task.id));
            if held.0 < occurrence {
                *held = (occurrence, task.id);
            }
        }
    }
    for (_, series) in &mut file.series {
        if let Some((last, task)) = newest.get(&series.id)
            && (series.last.is_none() || series.last_task.is_none())
        {
            let series = Arc::make_mut(series);
            series.last.get_or_insert(*last);
            series.last_task.get_or_insert(*task);
        }
    }
}
