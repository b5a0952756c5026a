//! Everything a user has, as JSON lines: written for an export, and read again without loss.

mod read;

use std::sync::Arc;

use actors::{
    Failure,
    message::{
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

use crate::{app::App, tasks::unexpected};
pub(crate) use read::read;

/// Most objects that are imported in one turn.
pub(crate) const CHUNK: usize = 500;
/// What the first line calls the format, and its version.
const FORMAT: &str = "tickler-export";
const VERSION: u64 = 1;

/// Everything a user has.
pub(crate) struct Everything {
    pub(crate) tasks: Vec<Arc<Task>>,
    pub(crate) series: Vec<Arc<Series>>,
    pub(crate) tags: Vec<TagUse>,
    pub(crate) settings: Settings,
    pub(crate) reminders: Vec<Reminder>,
}

/// A file that was read: each object with its line, and what could not be read.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) settings: Option<SettingsPatch>,
    pub(crate) series: Vec<(usize, Arc<Series>)>,
    pub(crate) tasks: Vec<(usize, Arc<Task>)>,
    pub(crate) tags: Vec<(usize, Tag)>,
    pub(crate) failed: Vec<(usize, &'static str, String)>,
}

/// Asks for everything a user has, and the sequence it was read at.
pub(crate) async fn everything(
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
pub(crate) fn write(
    user: &UserId,
    all: &Everything,
    archived: &[Arc<str>],
    now: Timestamp,
) -> Vec<u8> {
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
