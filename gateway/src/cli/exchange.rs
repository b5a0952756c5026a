//! `tickler export` and `tickler import`.

use std::{
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{
    Exit,
    door::{Door, Not, Where, unavailable},
};
use crate::exchange::{Format, Known, Told};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// What the first line of a block has, and within how many bytes.
const HEADER: &[u8] = b"\"header\"";
const HEADER_WITHIN: usize = 256;
/// Failures of one user that are shown.
const FAILURES_SHOWN: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Whose tasks [default in dev mode: dev]
    #[arg(long)]
    user: Option<String>,
    /// Everybody's, one block after the other
    #[arg(long, conflicts_with_all = ["user", "url", "token"])]
    all: bool,
    /// jsonl: everything, without loss; ics: the tasks, for calendar programs
    #[arg(long, value_enum, default_value = "jsonl")]
    format: As,
    /// Where to write it [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file; - reads stdin
    file: PathBuf,
    /// Whose tasks they become [default: whose the file says they are; in dev mode dev]
    #[arg(long)]
    user: Option<String>,
    /// What becomes of tasks that are there already
    #[arg(long, value_enum, default_value = "skip")]
    mode: Mode,
    /// What the file is [default: what it looks like]
    #[arg(long, value_enum)]
    format: Option<As>,
    /// Only say what would become of it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    at: Where,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum As {
    /// JSON lines
    Jsonl,
    /// iCalendar
    Ics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// They stay as they are
    Skip,
    /// They become what the file says
    Replace,
}

impl From<As> for Format {
    fn from(format: As) -> Self {
        match format {
            As::Jsonl => Self::Lines,
            As::Ics => Self::Calendar,
        }
    }
}

/// One line on a terminal that says how far it is.
struct Progress {
    what: &'static str,
    all: usize,
}

impl Progress {
    fn at(&self, done: usize) {
        let mut err = std::io::stderr();
        if self.all > 1 && err.is_terminal() {
            let end = if done == self.all { "\n" } else { "" };
            // Nothing depends on it.
            let _ = write!(err, "\r{} {done} of {} users{end}", self.what, self.all);
        }
    }

    /// Makes room for another line.
    fn clear(&self) {
        let mut err = std::io::stderr();
        if self.all > 1 && err.is_terminal() {
            let _ = write!(err, "\r\x1b[K");
        }
    }
}

impl Export {
    /// Does it.
    pub(super) async fn run(self) -> Not<Exit> {
        if self.all && self.format == As::Ics {
            let why = "--all: a calendar has one owner; use --format jsonl, or --user";
            return Err((Exit::Usage, why.to_owned()));
        }
        let door = self.at.open().await?;
        let done = write(&door, self.user, self.all, self.format.into(), self.output).await;
        door.close().await;
        done.map(|()| Exit::Done)
    }
}

async fn write(
    door: &Door,
    user: Option<String>,
    all: bool,
    format: Format,
    output: Option<PathBuf>,
) -> Not<()> {
    let users = match (all, user.or_else(|| door.usual().map(str::to_owned))) {
        (true, _) => door.users().await?,
        (false, Some(user)) => vec![user],
        (false, None) if door.knows() => vec![String::new()],
        (false, None) => return Err((Exit::Usage, "say whose tasks: --user or --all".to_owned())),
    };
    let progress = Progress { what: "exported", all: users.len() };
    // A file that is there stays as it is until the new one is whole.
    let partial = output.as_ref().map(|path| path.with_added_extension("partial"));
    let mut out: Box<dyn Write> = match &partial {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => Box::new(std::fs::File::create(path).map_err(|error| at(path, &error))?),
    };
    for (done, user) in users.iter().enumerate() {
        let file = door.export(user, format).await?;
        out.write_all(&file).map_err(unavailable)?;
        progress.at(done + 1);
    }
    out.flush().map_err(unavailable)?;
    match output.zip(partial) {
        None => Ok(()),
        Some((path, partial)) => {
            std::fs::rename(&partial, &path).map_err(|error| at(&path, &error))
        }
    }
}

fn at(path: &Path, error: &std::io::Error) -> (Exit, String) {
    (Exit::Unavailable, format!("{}: {error}", path.display()))
}

impl Import {
    /// Does it.
    pub(super) async fn run(self) -> Not<Exit> {
        let file = self.read()?;
        let format = self.format.map_or_else(|| looks(&file), Format::from);
        let blocks = match format {
            Format::Lines => blocks(&file),
            Format::Calendar => vec![Block { user: None, before: 0, file }],
        };
        let known = match self.mode {
            Mode::Skip => Known::Skip,
            Mode::Replace => Known::Replace,
        };
        let told = Told { known, dry_run: self.dry_run };
        let door = self.at.open().await?;
        let done = give(&door, self.user.as_deref(), format, blocks, told).await;
        door.close().await;
        done
    }

    fn read(&self) -> Not<Vec<u8>> {
        let mut file = Vec::new();
        let source: Box<dyn Read> = match self.file.as_os_str() == "-" {
            true => Box::new(std::io::stdin().lock()),
            false => {
                Box::new(std::fs::File::open(&self.file).map_err(|error| at(&self.file, &error))?)
            }
        };
        let read = source.take(FILE_BYTES_MAX + 1).read_to_end(&mut file);
        read.map_err(|error| at(&self.file, &error))?;
        if file.len() as u64 > FILE_BYTES_MAX {
            return Err((Exit::Refused, format!("{} has more than 1 GiB", self.file.display())));
        }
        Ok(file)
    }
}

/// What a file looks like: a calendar begins with one word.
fn looks(file: &[u8]) -> Format {
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file).trim_ascii_start();
    let head = text.get(..15).unwrap_or_default();
    if head.eq_ignore_ascii_case(b"BEGIN:VCALENDAR") { Format::Calendar } else { Format::Lines }
}

/// A user's part of a file, and the lines before it.
struct Block {
    user: Option<String>,
    before: usize,
    file: Vec<u8>,
}

/// The blocks of JSON lines: each begins with a header. What is no whole block the import itself refuses.
fn blocks(file: &[u8]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (before, line) in file.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let header = line.windows(HEADER.len()).take(HEADER_WITHIN).any(|word| word == HEADER);
        let header: Option<Value> = header.then(|| serde_json::from_slice(line).ok()).flatten();
        let header = header.filter(|header| header["kind"] == "header");
        match (blocks.last_mut(), header) {
            (Some(block), None) => block.file.extend_from_slice(line),
            (_, header) => {
                let user = header.and_then(|header| header["user_id"].as_str().map(str::to_owned));
                blocks.push(Block { user, before, file: line.to_vec() });
            }
        }
    }
    if blocks.is_empty() {
        blocks.push(Block { user: None, before: 0, file: Vec::new() });
    }
    blocks
}

async fn give(
    door: &Door,
    user: Option<&str>,
    format: Format,
    mut blocks: Vec<Block>,
    told: Told,
) -> Not<Exit> {
    if let (Some(user), true) = (user, blocks.len() > 1) {
        blocks.retain(|block| block.user.as_deref() == Some(user));
        if blocks.is_empty() {
            let why = format!("--user: the file has tasks of several users, and none of {user}");
            return Err((Exit::Refused, why));
        }
    }
    if door.knows() && blocks.len() > 1 {
        let why = "--token: the file has tasks of several users, and a token is one's; use --user";
        return Err((Exit::Refused, why.to_owned()));
    }
    let progress = Progress { what: "imported", all: blocks.len() };
    let several = blocks.len() > 1;
    let mut exit = Exit::Done;
    for (done, block) in blocks.into_iter().enumerate() {
        let its = block.user.as_deref();
        let usual = if several { its.or(door.usual()) } else { door.usual().or(its) };
        let user = match user.or(usual) {
            Some(user) => user.to_owned(),
            None if door.knows() => String::new(),
            None => return Err((Exit::Usage, "say whose tasks: --user".to_owned())),
        };
        progress.at(done);
        let report = door.import(&user, format, block.file, told).await;
        progress.clear();
        let report = report?;
        if say(&user, &report, block.before, told.dry_run) > 0 {
            exit = Exit::Refused;
        }
    }
    Ok(exit)
}

/// Says what became of a file; how much of it failed.
fn say(user: &str, report: &Value, before: usize, dry_run: bool) -> usize {
    let empty = Vec::new();
    let failed = report["failed"].as_array().unwrap_or(&empty);
    for one in failed.iter().take(FAILURES_SHOWN) {
        let line = one["line"].as_u64().unwrap_or_default() + before as u64;
        let (code, why) = (one["code"].as_str(), one["detail"].as_str());
        eprintln!("line {line}: {}: {}", code.unwrap_or_default(), why.unwrap_or_default());
    }
    if failed.len() > FAILURES_SHOWN {
        eprintln!("… and {} more", failed.len() - FAILURES_SHOWN);
    }
    let whose = if user.is_empty() { String::new() } else { format!("{user}: ") };
    let would = if dry_run { " (dry run)" } else { "" };
    println!(
        "{whose}{} created, {} updated, {} skipped, {} failed{would}",
        report["created"],
        report["updated"],
        report["skipped"],
        failed.len()
    );
    failed.len()
}
