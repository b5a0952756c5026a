//! `/api/v1/export` and `/api/v1/import`: everything a user has, out and in.

use actors::message::task::command::{Command, Reply};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::{Ask, Outcome, answer, audit::unavailable, tasks::min_version};
use crate::{
    exchange::{self, CHUNK, File},
    fields::Unread,
    problem::{Problem, Slug},
    tasks::unexpected,
};
use actors::message::fault::Code;

/// Largest file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 16 << 20;

const JSON_LINES: &str = "application/x-ndjson";

fn format(text: &str) -> Result<(), Unread> {
    match text.to_ascii_lowercase().as_str() {
        "jsonl" => Ok(()),
        _ => Err((Code::Invalid, "format is jsonl.".to_owned())),
    }
}

fn replaces(text: &str) -> Result<bool, Unread> {
    match text.to_ascii_lowercase().as_str() {
        "skip" => Ok(false),
        "replace" => Ok(true),
        _ => Err((Code::Invalid, "mode is skip or replace.".to_owned())),
    }
}

/// `GET /api/v1/export?format=`
pub(super) async fn export(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    params.read("format", format);
    let min_version = min_version(&mut params);
    params.finish()?;
    let user = ask.user();
    let failed = |failure| Problem::failed(failure, user);
    ask.app.views_shown(user, min_version).await.map_err(failed)?;
    let (all, version) = exchange::everything(&ask.app, user, min_version).await.map_err(failed)?;
    let archived = ask.app.views.all_archived(user.as_str()).await.map_err(unavailable)?;
    let lines = exchange::write(user, &all, &archived, ask.app.actors.now());
    let mut answer = answer::written(StatusCode::OK, lines);
    let kind = HeaderValue::from_static(JSON_LINES);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    let name = HeaderValue::from_static("attachment; filename=\"tickler.jsonl\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(answer::at_version(answer, version))
}

/// `POST /api/v1/import?mode=&dry_run=`
pub(super) async fn import(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let replace = params.read("mode", replaces).unwrap_or(false);
    let dry_run = params.boolean("dry_run").unwrap_or(false);
    params.finish()?;
    let kind = ask.parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if ![JSON_LINES, "application/jsonl"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        let why = format!("The body must be {JSON_LINES}, as an export writes it.");
        return Err(Problem::new(Slug::UnsupportedMediaType, why));
    }
    let text = std::str::from_utf8(&ask.body)
        .map_err(|_| Problem::new(Slug::Malformed, "The file is not UTF-8."))?;
    let user = ask.user();
    let failed = |failure| Problem::failed(failure, user);
    let (held, _) = exchange::everything(&ask.app, user, 0).await.map_err(failed)?;
    let file = exchange::read(text, &held)?;
    let told = Told { replace, dry_run };
    told.all(&ask, file).await
}

/// How a file is imported.
struct Told {
    replace: bool,
    dry_run: bool,
}

impl Told {
    /// Gives the file to the task list, so many objects in one turn.
    async fn all(&self, ask: &Ask, file: File) -> Outcome {
        let File { settings, mut series, mut tasks, mut tags, mut failed } = file;
        let (mut created, mut updated, mut skipped, mut version) = (0, 0, 0, 0);
        let mut settings = settings;
        loop {
            let rules = series.split_off(series.len().saturating_sub(CHUNK));
            let room = CHUNK - rules.len();
            let some = match series.is_empty() {
                true => tasks.split_off(tasks.len().saturating_sub(room)),
                false => Vec::new(),
            };
            let names = match tasks.is_empty() && series.is_empty() {
                true => std::mem::take(&mut tags),
                false => Vec::new(),
            };
            let patch = settings.take();
            if rules.is_empty() && some.is_empty() && names.is_empty() && patch.is_none() {
                break;
            }
            let lines = some.iter().chain([]).map(|(line, _)| *line);
            let lines = lines.chain(rules.iter().map(|(line, _)| *line));
            let lines: Vec<usize> = lines.chain(names.iter().map(|(line, _)| *line)).collect();
            let command = Command::Import {
                replace: self.replace,
                dry_run: self.dry_run,
                tasks: some.into_iter().map(|(_, task)| task).collect(),
                series: rules.into_iter().map(|(_, series)| series).collect(),
                tags: names.into_iter().map(|(_, tag)| tag).collect(),
                settings: patch,
            };
            let told = ask.app.tell(ask.caller(), &ask.how_unkeyed(), command).await;
            let done = told.map_err(|failure| Problem::failed(failure, ask.user()))?;
            let Reply::Imported(imported) = done.reply else {
                return Err(Problem::failed(unexpected(&done.reply), ask.user()));
            };
            version = done.version;
            created += imported.created;
            updated += imported.updated;
            skipped += imported.skipped;
            for (index, why) in imported.failed {
                let line = lines.get(index).copied().unwrap_or_default();
                failed.push((line, Slug::from(why.slug).code(), why.detail.to_string()));
            }
        }
        Ok(report((created, updated, skipped), failed, version))
    }
}

fn report(
    (created, updated, skipped): (usize, usize, usize),
    mut failed: Vec<(usize, &'static str, String)>,
    version: u64,
) -> Response {
    failed.sort();
    let failed: Vec<_> = failed
        .into_iter()
        .map(|(line, code, detail)| json!({"line": line, "code": code, "detail": detail}))
        .collect();
    let body = json!({
        "created": created, "updated": updated, "skipped": skipped, "failed": failed,
    });
    answer::at_version(answer::json(StatusCode::OK, &body), version)
}
