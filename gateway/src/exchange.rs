//! Everything a user has, out and in: as JSON lines without loss, or its tasks as a calendar file.

mod import;
mod read;

use std::{collections::HashMap, sync::Arc};

use actors::{
    Failure,
    message::{
        fault::Code,
        key::UserId,
        reminder::{self, Reminder},
        series::{self, Series},
        task::{
            self, Task,
            command::{Settings, SettingsPatch, TagUse},
            query::{Answer, Query},
        },
        text::Tag,
        time::Timestamp,
    },
};
use serde_json::{Value, json};

use crate::{
    app::App,
    fields::Unread,
    http::unavailable,
    ical::{self, Owner},
    problem::{Problem, Slug},
    shelf,
    tasks::unexpected,
};
pub(crate) use import::{Known, Report, Told, import};

/// What the first line calls the format, and its version.
const FORMAT: &str = "tickler-export";
const VERSION: u64 = 1;

/// Everything a user has.
struct Everything {
    tasks: Vec<Arc<Task>>,
    series: Vec<Arc<Series>>,
    tags: Vec<TagUse>,
    settings: Settings,
    reminders: Vec<Reminder>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON lines: everything.
    #[default]
    Lines,
    /// iCalendar: the tasks that are not deleted, as VTODO.
    Calendar,
}

impl Format {
    /// Reads its name.
    pub(crate) fn parse(text: &str) -> Result<Self, Unread> {
        match text.to_ascii_lowercase().as_str() {
            "jsonl" => Ok(Self::Lines),
            "ics" => Ok(Self::Calendar),
            _ => Err((Code::Invalid, "format is jsonl or ics.".to_owned())),
        }
    }

    /// The format of a body of this type.
    pub(crate) fn of_type(kind: &str) -> Option<Self> {
        match kind.to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/jsonl" => Some(Self::Lines),
            "text/calendar" => Some(Self::Calendar),
            _ => None,
        }
    }

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Lines => "application/x-ndjson",
            Self::Calendar => "text/calendar",
        }
    }

    /// How names of such files end.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Calendar => "ics",
        }
    }
}

/// A file that was read: each object with its line, and what could not be read.
#[derive(Debug, Default)]
struct File {
    settings: Option<SettingsPatch>,
    series: Vec<(usize, Arc<Series>)>,
    tasks: Vec<(usize, Arc<Task>)>,
    tags: Vec<(usize, Tag)>,
    /// Parts that are none of ours.
    foreign: usize,
    failed: Vec<(usize, &'static str, String)>,
}

impl File {
    fn fail(&mut self, line: usize, slug: Slug, why: String) {
        self.failed.push((line, slug.code(), why));
    }
}

/// Everything a user has as a file, and the sequence it was read at.
pub(crate) async fn export(
    app: &App,
    user: &UserId,
    format: Format,
    min_version: u64,
) -> Result<(Vec<u8>, u64), Problem> {
    let failed = |failure| Problem::failed(failure, user);
    app.views_shown(user, min_version).await.map_err(failed)?;
    let (all, version) = everything(app, user, min_version).await.map_err(failed)?;
    let archived = app.views.all_archived(user.as_str()).await.map_err(unavailable)?;
    let now = app.actors.now();
    let bytes = match format {
        Format::Lines => write(user, &all, &archived, now),
        Format::Calendar => {
            calendar(&all, &archived, &Owner::of(&all.settings, app.config.zone, now))
        }
    };
    Ok((bytes, version))
}

fn calendar(all: &Everything, archived: &[Arc<str>], owner: &Owner) -> Vec<u8> {
    let rules: HashMap<_, _> = all.series.iter().map(|one| (one.id, &**one)).collect();
    let archived: Vec<Task> = archived.iter().filter_map(|body| shelf::read(body)).collect();
    let tasks = archived.iter().chain(all.tasks.iter().map(|task| &**task));
    let alive = tasks.filter(|task| task.deleted_at.is_none());
    ical::write(alive, |task| rules.get(&task.recurrence_id?).copied(), owner)
}

/// Asks for everything a user has, and the sequence it was read at.
async fn everything(
    app: &App,
    user: &UserId,
    min_version: u64,
) -> Result<(Everything, u64), Failure> {
    let list = app.ask(user, Query::Everything, min_version).await?;
    let Answer::Everything { tasks, series, tags, settings } = list.answer else {
        return Err(unexpected(&list.answer));
    };
    let lives = app.ask_reminders(user, reminder::Query::Everything, list.version).await?;
    let reminder::Answer::Everything(reminders) = lives.answer else {
        return Err(unexpected(&lives.answer));
    };
    Ok((Everything { tasks, series, tags, settings, reminders }, list.version))
}

/// A block of lines.
struct Lines {
    text: Vec<u8>,
    count: usize,
}

impl Lines {
    /// Adds a line: its kind first, then the object's own members.
    fn add(&mut self, kind: &str, object: &Value) {
        let mut line = serde_json::Map::new();
        line.insert("kind".to_owned(), json!(kind));
        line.extend(object.as_object().cloned().unwrap_or_default());
        let json = serde_json::to_vec(&line).expect("what we write has text for keys");
        self.text.extend_from_slice(&json);
        self.text.push(b'\n');
        self.count += 1;
    }
}

/// Writes one block: all of one user.
fn write(user: &UserId, all: &Everything, archived: &[Arc<str>], now: Timestamp) -> Vec<u8> {
    let mut lines = Lines { text: Vec::new(), count: 0 };
    let header = json!({
        "format": FORMAT, "version": VERSION, "exported_at": now.to_string(), "user_id": user.as_str(),
    });
    lines.add("header", &header);
    let Settings { email, zone, all_day_time, channels } = &all.settings;
    let settings = json!({
        "email": email, "zone": zone.map(|zone| zone.name()),
        "all_day_time": all_day_time.format("%H:%M").to_string(), "channels": channels,
    });
    lines.add("settings", &settings);
    for tag in &all.tags {
        let name = tag.name.as_str();
        let tag = json!({
            "id": name, "name": name, "usage_count": tag.usage_count,
            "created_at": tag.created_at.to_string(),
        });
        lines.add("tag", &tag);
    }
    for one in &all.series {
        let mut shown = series::shown::shown(one, user);
        shown["standalone"] = json!(one.standalone);
        shown["ended_by"] = json!(one.ended_by);
        shown["last"] = json!(one.last);
        shown["last_task_id"] = json!(one.last_task);
        shown["skips"] = json!(one.skips);
        lines.add("recurrence", &shown);
    }
    for one in &all.tasks {
        let mut shown = task::shown::shown(one, user);
        if let Some(next) = &one.next {
            shown["successor"] = json!({"id": next.id, "version": next.version, "made": next.made});
        }
        if let Some(kept) = &one.ical {
            shown["ical"] = json!(kept);
        }
        lines.add("task", &shown);
    }
    for body in archived {
        lines.add("task", &serde_json::from_str(body).unwrap_or_default());
    }
    for reminder in &all.reminders {
        lines.add("reminder", &json!(reminder::shown::Shown { reminder, user }));
    }
    let before = lines.count;
    lines.add("end", &json!({ "lines": before }));
    lines.text
}
