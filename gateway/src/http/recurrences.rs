//! `/api/v1/recurrences` and a task's recurrence.

use std::sync::Arc;

use actors::{
    Done,
    message::{
        fault::{Code, Fault},
        series::{Series, SeriesStatus, shown::Shown},
        task::{
            command::{Change, Command, SeriesDraft, SeriesPatch, When},
            query::{Occurrence, Query},
        },
        time::Local,
    },
    recurrence::rule::{Mode, Rule},
};
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ask, Outcome, answer,
    named::{Named, conditions, failed, plain},
    tasks::{self as http_tasks, min_version},
};
use crate::{
    fields::{
        OWNED as OWNED_BY_SERVER, Object, Reader, Spelling, Unread, as_sent, pointer,
        task as fields, value,
    },
    problem::{Problem, Slug},
    recurrences::{self, Changed},
    reminders, tasks,
};

/// Rules on a page when nothing is said, and at most.
const PAGE: u64 = 50;
const PAGE_MAX: u64 = 200;
/// Occurrences of a preview when nothing is said, and at most.
const PREVIEW: u64 = 5;
const PREVIEW_MAX: u64 = 100;
/// Fields of a template, by all their names.
const TEMPLATE: &[&str] = &[
    "title",
    "description",
    "notes",
    "priority",
    "tags",
    "reminders",
    "remind",
    "reminder_offset",
];
/// Fields of a rule that the server owns, besides those of every object.
const OWNED: &[&str] = &["status", "ended_reason", "next_due", "occurrences", "open_task_ids"];

/// `PUT POST /api/v1/tasks/{id}/recurrence`
pub(super) async fn set(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let read = || {
        let (how, if_match) = conditions(&ask)?;
        let body = ask.json()?;
        let rule = fields::rule(&body, None).map_err(|faults| bad_rule("", faults))?;
        let needed = || bad_rule("", vec![Fault::new("", Code::Required, "A rule is needed.")]);
        let rule = rule.ok_or_else(needed)?;
        Ok((how, if_match, Arc::new(rule)))
    };
    let (how, if_match, rule) = Named::Task(task).judged(&ask, read()).await?;
    let expect = Named::Task(task).expected(&ask, if_match).await?;
    let command = Command::SetRecurrence { task, rule, expect };
    http_tasks::changed(&ask, &how, command).await.map_err(|problem| {
        // The body is the rule itself.
        as_sent(problem, &vec![("recurrence", String::new())])
    })
}

/// `DELETE /api/v1/tasks/{id}/recurrence`
pub(super) async fn unset(ask: Ask) -> Outcome {
    let done = cancelled(&ask).await?;
    let answer = answer::at_version(answer::nothing(), done.version);
    Ok(answer::replayed(answer, done.replayed))
}

/// `POST /api/v1/tasks/{id}/recurrence/cancel`
pub(super) async fn cancel(ask: Ask) -> Outcome {
    let done = cancelled(&ask).await?;
    Ok(http_tasks::whole(&ask, StatusCode::OK, &done, Vec::new()))
}

async fn cancelled(ask: &Ask) -> Result<Done<actors::message::task::command::Done>, Problem> {
    let task = ask.task()?;
    let (how, if_match) = Named::Task(task).judged(ask, plain(ask)).await?;
    let expect = Named::Task(task).expected(ask, if_match).await?;
    let command = Command::CancelRecurrence { task, expect };
    tasks::change(&ask.app, ask.caller(), &how, command).await.map_err(failed(ask))
}

/// `POST /api/v1/recurrences`
pub(super) async fn create(ask: Ask) -> Outcome {
    ask.no_params()?;
    let how = ask.how()?;
    let draft = Box::new(draft(&ask, &ask.object()?)?);
    let done = recurrences::change(&ask.app, ask.caller(), &how, Command::CreateSeries { draft })
        .await
        .map_err(failed(&ask))?;
    let place = format!("/api/v1/recurrences/{}", done.reply.series.id);
    let mut answer = written(&ask, StatusCode::CREATED, &done);
    answer.headers_mut().insert(header::LOCATION, answer::text(&place));
    Ok(answer)
}

fn draft(ask: &Ask, object: &Object) -> Result<SeriesDraft, Problem> {
    let mut reader = Reader::new(object, ask.user(), Spelling::Strict)?;
    let rule = rule(&mut reader, Mode::Schedule);
    if rule.is_none() && reader.faults.is_empty() {
        reader.required("recurrence");
    }
    let start = reader.field(&["start"], |start| value::when(value::text(start)?));
    let zone = fields::zone(&mut reader);
    let task = match reader.take("task") {
        Some((_, Value::Object(task))) => {
            let fields = fields::draft(task, ask.user(), Spelling::Strict)
                .map_err(|problem| problem.under("/task"))?;
            not_of_a_template(&mut reader, task);
            Some(fields)
        }
        Some((_, other)) if !other.is_null() => {
            reader.faults.push("/task".into(), Code::Invalid, "The task is an object.");
            None
        }
        _ => None,
    };
    for (name, absent) in [("start", start.is_none()), ("task", task.is_none())] {
        let nothing = |value: &Value| value.is_null() && name == "task";
        if absent && object.get(name).is_none_or(nothing) {
            reader.required(name);
        }
    }
    reader.finish()?;
    let (Some(rule), Some(start), Some(task)) = (rule, start, task) else {
        return Err(Problem::internal());
    };
    let zone = if let Change::Set(zone) = zone { Some(zone) } else { None };
    Ok(SeriesDraft { rule, start, zone, task: task.patch })
}

/// Notes the fields of a task that each occurrence has from its rule.
fn not_of_a_template(reader: &mut Reader<'_>, task: &Object) {
    for name in task.keys().filter(|name| !TEMPLATE.contains(&name.as_str())) {
        if !OWNED_BY_SERVER.contains(&name.as_str()) {
            let why = format!("{name} is not the template's: each occurrence has its own.");
            let at = format!("/task{}", pointer(name));
            reader.faults.push(at, Code::UnknownField, why);
        }
    }
}

/// `recurrence`, in every spelling, whose mode is `mode` where it says none.
fn rule(reader: &mut Reader<'_>, mode: Mode) -> Option<Arc<Rule>> {
    match fields::recurrence(reader, Some(mode)) {
        Change::Set(rule) => Some(rule),
        Change::Clear => {
            let needed = Fault::new("/recurrence", Code::Required, "A rule is needed.");
            reader.faults.add(Slug::InvalidRecurrence, needed);
            None
        }
        Change::Keep => None,
    }
}

/// `GET /api/v1/recurrences`
pub(super) async fn list(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let status = params.list("status", status);
    let limit = params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE) as usize;
    let cursor = params.take("cursor");
    let min_version = min_version(&mut params);
    params.finish()?;
    let query = Query::SeriesList { status, limit, cursor };
    let page =
        recurrences::list(&ask.app, ask.user(), query, min_version).await.map_err(failed(&ask))?;
    let (series, next) = &page.answer;
    let user = ask.user();
    let shown: Vec<_> = series.iter().map(|series| Shown { series, user }).collect();
    let body = json!({"recurrences": shown, "next_cursor": next});
    Ok(answer::at_version(answer::json(StatusCode::OK, &body), page.version))
}

fn status(text: &str) -> Result<SeriesStatus, Unread> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "active" => SeriesStatus::Active,
        "paused" => SeriesStatus::Paused,
        "ended" => SeriesStatus::Ended,
        _ => {
            return Err((Code::Invalid, "The status is one of active, paused, ended.".to_owned()));
        }
    })
}

/// `GET /api/v1/recurrences/{id}`
pub(super) async fn get(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let read = || {
        let mut params = ask.params()?;
        let min_version = min_version(&mut params);
        params.finish().map(|()| min_version)
    };
    let min_version = Named::Series(id).judged(&ask, read()).await?;
    let found =
        recurrences::get(&ask.app, ask.user(), id, min_version).await.map_err(failed(&ask))?;
    let series = &found.answer;
    let answer = answer::cached(&ask, series.version, || series_json(&ask, series));
    Ok(answer::at_version(answer, found.version))
}

/// `PUT PATCH /api/v1/recurrences/{id}`: changes what follows.
pub(super) async fn edit(ask: Ask) -> Outcome {
    let series = ask.id()?;
    let current = recurrences::get(&ask.app, ask.user(), series, 0).await.map_err(failed(&ask))?;
    let (how, if_match) = conditions(&ask)?;
    let patch = Box::new(patch(&ask, &ask.object()?, current.answer.rule.mode())?);
    let expect = Named::Series(series).expected(&ask, if_match).await?;
    let command = Command::EditSeries { series, patch, expect };
    let done =
        recurrences::change(&ask.app, ask.caller(), &how, command).await.map_err(failed(&ask))?;
    Ok(written(&ask, StatusCode::OK, &done))
}

fn patch(ask: &Ask, object: &Object, mode: Mode) -> Result<SeriesPatch, Problem> {
    let mut reader = Reader::new(object, ask.user(), Spelling::Strict)?;
    let rule = rule(&mut reader, mode);
    let start = reader.field(&["start"], |start| value::when(value::text(start)?));
    let zone = fields::zone(&mut reader);
    let task = match reader.take("task") {
        Some((_, Value::Object(task))) => {
            let fields = fields::patch(task, ask.user(), Spelling::Strict)
                .map_err(|problem| problem.under("/task"))?;
            not_of_a_template(&mut reader, task);
            fields.patch
        }
        Some((_, other)) if !other.is_null() => {
            reader.faults.push("/task".into(), Code::Invalid, "The task is an object.");
            Default::default()
        }
        _ => Default::default(),
    };
    for owned in OWNED {
        reader.take(owned);
    }
    reader.finish()?;
    Ok(SeriesPatch { rule, start, zone, task })
}

/// `DELETE /api/v1/recurrences/{id}`
pub(super) async fn delete(ask: Ask) -> Outcome {
    let done =
        act(&ask, ask.no_body(), |series, expect| Command::CancelSeries { series, expect }).await?;
    let answer = answer::at_version(answer::nothing(), done.version);
    Ok(answer::replayed(answer, done.replayed))
}

/// `POST /api/v1/recurrences/{id}/pause`
pub(super) async fn pause(ask: Ask) -> Outcome {
    let done =
        act(&ask, ask.no_body(), |series, expect| Command::PauseSeries { series, expect }).await?;
    Ok(written(&ask, StatusCode::OK, &done))
}

/// `POST /api/v1/recurrences/{id}/resume`
pub(super) async fn resume(ask: Ask) -> Outcome {
    let done =
        act(&ask, ask.no_body(), |series, expect| Command::ResumeSeries { series, expect }).await?;
    Ok(written(&ask, StatusCode::OK, &done))
}

/// `POST /api/v1/recurrences/{id}/skip`
pub(super) async fn skip(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let read = || {
        let object = ask.object_or_empty()?;
        let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
        // `occurrence` is a field that the server owns elsewhere; here it is the caller's.
        let occurrence =
            reader.clearable(&["occurrence"], |value| value::when(value::text(value)?));
        reader.finish()?;
        Ok(if let Change::Set(when) = occurrence { Some(when) } else { None })
    };
    let when = Named::Series(id).judged(&ask, read()).await?;
    let occurrence = match when {
        None => None,
        Some(When::Local(local)) => Some(local),
        Some(When::Instant(at)) => {
            let found =
                recurrences::get(&ask.app, ask.user(), id, 0).await.map_err(failed(&ask))?;
            let zone = match found.answer.zone {
                Some(zone) => zone,
                None => reminders::zone(&ask.app, ask.user()).await.map_err(failed(&ask))?,
            };
            Some(Local::Moment(at.with_timezone(&zone).naive_local()))
        }
    };
    let done =
        act(&ask, Ok(()), |series, expect| Command::SkipOccurrence { series, occurrence, expect })
            .await?;
    let Changed { series, skipped, next } = &done.reply;
    let body = json!({
        "recurrence": Shown { series, user: ask.user() }, "skipped": skipped, "next": next,
    });
    let json = serde_json::to_vec(&body).expect("a rule is JSON");
    let answer = answer::object(StatusCode::OK, json, series.version);
    Ok(answer::replayed(answer::at_version(answer, done.version), done.replayed))
}

/// `GET /api/v1/recurrences/{id}/preview?n=`
pub(super) async fn preview(ask: Ask) -> Outcome {
    let series = ask.id()?;
    let read = || {
        let mut params = ask.params()?;
        let n = params.number("n", 1, PREVIEW_MAX).unwrap_or(PREVIEW) as usize;
        let min_version = min_version(&mut params);
        params.finish().map(|()| (n, min_version))
    };
    let (n, min_version) = Named::Series(series).judged(&ask, read()).await?;
    let query = Query::Preview { series, n };
    let found = recurrences::preview(&ask.app, ask.user(), query, min_version)
        .await
        .map_err(failed(&ask))?;
    let preview = &found.answer;
    let body = json!({
        "occurrences": preview.occurrences.iter().map(occurrence).collect::<Vec<_>>(),
        "complete": preview.complete, "explain": preview.explain,
    });
    Ok(answer::at_version(answer::json(StatusCode::OK, &body), found.version))
}

fn occurrence(occurrence: &Occurrence) -> Value {
    let utc = occurrence.utc.map(|at| at.utc().format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let reminders: Vec<_> = occurrence.reminders.iter().map(ToString::to_string).collect();
    json!({"local": occurrence.local, "utc": utc, "reminders": reminders})
}

fn bad_rule(parent: &str, faults: Vec<Fault>) -> Problem {
    let faults = faults.into_iter().map(|fault| fault.under(parent)).collect();
    Problem::fields(Slug::InvalidRecurrence, faults)
}

/// One call on a rule, after its body was read.
async fn act(
    ask: &Ask,
    body: Result<(), Problem>,
    command: impl FnOnce(Uuid, Option<u64>) -> Command,
) -> Result<Done<Changed>, Problem> {
    let id = ask.id()?;
    let named = Named::Series(id);
    let (how, if_match) = named.judged(ask, body.and_then(|()| conditions(ask))).await?;
    let expect = named.expected(ask, if_match).await?;
    recurrences::change(&ask.app, ask.caller(), &how, command(id, expect))
        .await
        .map_err(failed(ask))
}

fn series_json(ask: &Ask, series: &Series) -> Vec<u8> {
    serde_json::to_vec(&Shown { series, user: ask.user() }).expect("a rule is JSON")
}

/// A rule with its ETag.
fn written(ask: &Ask, status: StatusCode, done: &Done<Changed>) -> Response {
    let series = &done.reply.series;
    let answer = answer::object(status, series_json(ask, series), series.version);
    answer::replayed(answer::at_version(answer, done.version), done.replayed)
}
