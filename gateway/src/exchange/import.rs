//! Gives a file to a user's task list, so much of it in a turn.

use std::{sync::Arc, time::Duration};

use actors::{
    Done, Failure,
    message::{
        fault::Code,
        series::Series,
        task::{
            Task,
            command::{Command, Imported, Reply, SettingsPatch},
        },
        text::Tag,
    },
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Everything, File, Format, everything, read};
use crate::{
    app::{App, How, random_id},
    fields::Unread,
    ical::{self, Item, Owner},
    identity::Caller,
    problem::{Problem, Slug},
    tasks::unexpected,
};

/// Most objects that are imported in one turn.
const TURN_OBJECTS_MAX: usize = 500;
/// Text of users in one turn, in bytes; the turn writes it down some times over, within its own bound.
const TURN_BYTES_MAX: usize = 48 * 1024;
/// The waits before a turn that got no answer is given again, in milliseconds.
const AGAIN_MS: [u64; 3] = [100, 500, 2_000];

/// What becomes of objects whose id is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Known {
    /// They stay as they are.
    #[default]
    Skip,
    /// They become what the file says.
    Replace,
}

impl Known {
    /// Reads `mode`.
    pub(crate) fn parse(text: &str) -> Result<Self, Unread> {
        match text.to_ascii_lowercase().as_str() {
            "skip" => Ok(Self::Skip),
            "replace" => Ok(Self::Replace),
            _ => Err((Code::Invalid, "mode is skip or replace.".to_owned())),
        }
    }

    /// As `mode` says it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Replace => "replace",
        }
    }
}

/// How a file is imported.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// What becomes of known ids.
    pub(crate) known: Known,
    /// Only say what would become of it.
    pub(crate) dry_run: bool,
}

/// What became of a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    created: usize,
    updated: usize,
    skipped: usize,
    failed: Vec<(usize, &'static str, String)>,
    /// The user's sequence after it.
    pub(crate) version: u64,
}

impl Report {
    /// As the interface shows it.
    pub(crate) fn shown(mut self) -> Value {
        self.failed.sort();
        let failed = self.failed.into_iter();
        let failed: Vec<Value> = failed
            .map(|(line, code, detail)| json!({"line": line, "code": code, "detail": detail}))
            .collect();
        json!({
            "created": self.created, "updated": self.updated, "skipped": self.skipped, "failed": failed,
        })
    }
}

/// Imports a file for the caller.
pub(crate) async fn import(
    app: &App,
    caller: &Caller,
    format: Format,
    bytes: &[u8],
    told: Told,
    traceparent: Option<&str>,
) -> Result<Report, Problem> {
    let failed = |failure| Problem::failed(failure, &caller.user);
    let (held, version) = everything(app, &caller.user, 0).await.map_err(failed)?;
    let file = match format {
        Format::Lines => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Problem::new(Slug::Malformed, "The file is not UTF-8."))?;
            read::read(text, &held)?
        }
        Format::Calendar => calendar(app, bytes, &held)?,
    };
    let mut report =
        Report { skipped: file.foreign, failed: file.failed.clone(), version, ..Report::default() };
    for turn in turns(file, format) {
        let how = How {
            id: random_id(),
            idempotency: None,
            by: caller.by.clone(),
            traceparent: traceparent.map(str::to_owned),
        };
        let lines = turn.lines();
        let counted = turn.counted;
        let done = insist(app, caller, &how, turn.command(told)).await.map_err(failed)?;
        let Reply::Imported(imported) = done.reply else {
            return Err(Problem::failed(unexpected(&done.reply), &caller.user));
        };
        report.version = done.version;
        report.add(imported, &lines, counted);
    }
    Ok(report)
}

/// Gives a command, again under its id where there is no answer: a file half taken in is worth a wait.
async fn insist(
    app: &App,
    caller: &Caller,
    how: &How,
    command: Command,
) -> Result<Done<Reply>, Failure> {
    for wait in AGAIN_MS {
        match app.tell(caller, how, command.clone()).await {
            Err(Failure::Unavailable(_)) => sleep(Duration::from_millis(wait)).await,
            told => return told,
        }
    }
    app.tell(caller, how, command).await
}

impl Report {
    fn add(&mut self, imported: Imported, lines: &[usize], counted: bool) {
        if counted {
            self.created += imported.created;
            self.updated += imported.updated;
            self.skipped += imported.skipped;
        }
        for (index, why) in imported.failed {
            let line = lines.get(index).copied().unwrap_or_default();
            let failed = (line, Slug::from(why.slug).code(), why.detail.to_string());
            if counted || !self.failed.contains(&failed) {
                self.failed.push(failed);
            }
        }
    }
}

fn calendar(app: &App, bytes: &[u8], held: &Everything) -> Result<File, Problem> {
    let owner = Owner::of(&held.settings, app.config.zone, app.actors.now());
    let mut file = File::default();
    for item in ical::read(bytes, &held.tasks, &held.series, &owner)? {
        match item {
            Ok(Item::Task(line, task, series)) => {
                file.tasks.push((line, task));
                file.series.extend(series.map(|series| (line, series)));
            }
            Ok(Item::Foreign) => file.foreign += 1,
            Err(fail) => file.fail(fail.at, fail.slug, fail.why),
        }
    }
    Ok(file)
}

/// What is imported in one turn.
#[derive(Default)]
struct Turn {
    settings: Option<SettingsPatch>,
    series: Vec<(usize, Arc<Series>)>,
    tasks: Vec<(usize, Arc<Task>)>,
    tags: Vec<(usize, Tag)>,
    bytes: usize,
    /// Its objects are objects of the file.
    counted: bool,
}

impl Turn {
    fn is_full(&self, bytes: usize) -> bool {
        let objects = self.series.len() + self.tasks.len() + self.tags.len();
        objects >= TURN_OBJECTS_MAX || objects > 0 && self.bytes + bytes > TURN_BYTES_MAX
    }

    fn is_empty(&self) -> bool {
        self.settings.is_none() && self.series.len() + self.tasks.len() + self.tags.len() == 0
    }

    /// The lines of its objects, in the order of the command.
    fn lines(&self) -> Vec<usize> {
        let tasks = self.tasks.iter().map(|(line, _)| *line);
        let series = self.series.iter().map(|(line, _)| *line);
        tasks.chain(series).chain(self.tags.iter().map(|(line, _)| *line)).collect()
    }

    fn command(self, told: Told) -> Command {
        Command::Import {
            replace: told.known == Known::Replace,
            dry_run: told.dry_run,
            tasks: self.tasks.into_iter().map(|(_, task)| task).collect(),
            series: self.series.into_iter().map(|(_, series)| series).collect(),
            tags: self.tags.into_iter().map(|(_, tag)| tag).collect(),
            settings: self.settings,
        }
    }
}

/// A file in turns: rules first, so that tasks find theirs. The rules of a calendar are parts of its tasks.
fn turns(file: File, format: Format) -> Vec<Turn> {
    let mut turns =
        vec![Turn { settings: file.settings, counted: format == Format::Lines, ..Turn::default() }];
    let mut place = |bytes: usize, counted: bool, put: &mut dyn FnMut(&mut Turn)| {
        let full = turns.last().is_none_or(|turn| turn.is_full(bytes) || turn.counted != counted);
        if full {
            turns.push(Turn { counted, ..Turn::default() });
        }
        if let Some(turn) = turns.last_mut() {
            turn.bytes += bytes;
            put(turn);
        }
    };
    for (line, series) in file.series {
        let bytes = series.template.description.as_ref().map_or(0, |text| text.as_str().len());
        let mut one = Some((line, series));
        place(bytes, format == Format::Lines, &mut |turn| turn.series.extend(one.take()));
    }
    for (line, task) in file.tasks {
        let text = task.description.as_ref().map_or(0, |text| text.as_str().len());
        let bytes = text + task.ical.as_ref().map_or(0, |kept| kept.len());
        let mut one = Some((line, task));
        place(bytes, true, &mut |turn| turn.tasks.extend(one.take()));
    }
    for tag in file.tags {
        let mut one = Some(tag);
        place(0, true, &mut |turn| turn.tags.extend(one.take()));
    }
    turns.retain(|turn| !turn.is_empty());
    turns
}
