//! The trail: who did what (`/api/v1/audit`), what became of a task (`…/history`), and taking it back (`/api/v1/undo`).

use actors::{
    Failure,
    message::{
        fault::Code,
        key::UserId,
        task::{
            Task,
            command::{Command, Reply, TaskRef, Undo, When},
            query::{Answer, Order, Query},
        },
        time::{Local, Timestamp, resolve},
    },
};
use axum::{http::StatusCode, response::Response};
use chrono_tz::Tz;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ask, Outcome, answer, tasks::min_version};
use crate::{
    cursor,
    fields::{Reader, Spelling, Unread, value},
    identity::{Audience, scope::Scope},
    kinds, listing,
    params::Params,
    problem::{Problem, Slug},
    tasks::{self, unexpected},
    views::{AuditEntry, AuditPage, AuditQuery},
};

/// Entries on one page when nothing is said.
const PAGE: u64 = 50;
/// Most entries on one page.
const PAGE_MAX: u64 = 200;
/// How long a change can be undone.
const UNDO_MS: i64 = 30 * 86_400_000;

/// What an audit query asks for, before days and ids are resolved.
struct Wanted {
    types: Vec<&'static str>,
    task: Option<String>,
    from: Option<When>,
    to: Option<When>,
    user: Option<String>,
    newest_first: bool,
    limit: u64,
    offset: u64,
    cursor: Option<String>,
    min_version: u64,
}

/// `GET /api/v1/audit`
pub(super) async fn list(ask: Ask) -> Outcome {
    let wanted = wanted(&ask)?;
    let own = wanted.user.as_deref().is_none_or(|user| user == ask.user().as_str());
    if !own && !ask.caller().scopes.has(Scope::AuditAll) {
        return Err(ask.app.identity.lacking(Scope::AuditAll, &ask.parts.headers, Audience::Api));
    }
    let user = match &wanted.user {
        None => Some(ask.user().clone()),
        Some(user) => UserId::parse(user),
    };
    let asked = if own { wanted.min_version } else { 0 };
    ask.app.views_shown(ask.user(), asked).await.map_err(|f| Problem::failed(f, ask.user()))?;
    let Some((user, query)) = resolved(&ask, user, &wanted).await? else {
        return Ok(page_json(
            &wanted,
            AuditPage { entries: Vec::new(), total: 0, next: None },
            None,
        ));
    };
    let of = (
        "audit",
        user.as_str(),
        &query.types,
        &query.task,
        query.from,
        query.to,
        query.newest_first,
    );
    let after = wanted.cursor.as_deref().map(|text| cursor::read(&of, text)).transpose()?;
    let page = ask.app.views.audit(&AuditQuery { after, ..query.clone() }).await;
    let page = page.map_err(unavailable)?;
    let next = page.next.map(|place| cursor::write(&of, &place));
    Ok(page_json(&wanted, page, next))
}

fn page_json(wanted: &Wanted, page: AuditPage, next: Option<String>) -> Response {
    let AuditPage { entries, total, .. } = page;
    let body = json!({
        "entries": entries, "total": total, "limit": wanted.limit, "offset": wanted.offset,
        "next_cursor": next,
    });
    answer::json(StatusCode::OK, &body)
}

fn wanted(ask: &Ask) -> Result<Wanted, Problem> {
    let mut params = ask.params()?;
    let wanted = Wanted {
        types: params.list("event_type", kinds::meant).concat(),
        task: params.take("task_id"),
        from: bound(&mut params, ["from", "start_date"]),
        to: bound(&mut params, ["to", "end_date"]),
        user: params.take("user_id"),
        newest_first: params.read("order", listing::order) == Some(Order::Desc),
        limit: params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE),
        offset: params.number("offset", 0, i64::MAX.cast_unsigned()).unwrap_or(0),
        cursor: params.take("cursor"),
        min_version: min_version(&mut params),
    };
    if wanted.cursor.is_some() && wanted.offset > 0 {
        let why = "Give a cursor or an offset, not both.";
        params.fault("offset", (Code::Conflict, why.to_owned()));
    }
    params.finish()?;
    Ok(wanted)
}

/// One bound by either of its names; both must say the same.
fn bound(params: &mut Params, names: [&str; 2]) -> Option<When> {
    let [first, second] = names.map(|name| params.read(name, day_or_moment));
    match (first, second) {
        (Some(one), Some(other)) if one != other => {
            let why = format!("{} and {} say different things.", names[0], names[1]);
            params.fault(names[1], (Code::Conflict, why));
            None
        }
        (first, second) => first.or(second),
    }
}

fn day_or_moment(text: &str) -> Result<When, Unread> {
    match value::when(text)? {
        day @ When::Local(Local::Day(_)) => Ok(day),
        _ => value::precise(text),
    }
}

/// The query with its days, names and ids resolved; `None` where it names what nobody has.
async fn resolved(
    ask: &Ask,
    user: Option<UserId>,
    wanted: &Wanted,
) -> Result<Option<(UserId, AuditQuery)>, Problem> {
    let Some(user) = user else { return Ok(None) };
    let zone = if wanted.from.is_some() || wanted.to.is_some() {
        zone(ask, &user).await?
    } else {
        Tz::UTC
    };
    let task = match &wanted.task {
        None => None,
        Some(text) => match value::task_ref(text) {
            None => return Ok(None),
            Some(task) => match task_id(ask, &user, task).await? {
                None => return Ok(None),
                Some(id) => Some(id.to_string()),
            },
        },
    };
    let query = AuditQuery {
        user: user.as_str().to_owned(),
        types: wanted.types.iter().map(|kind| (*kind).to_owned()).collect(),
        task,
        from: wanted.from.map(|from| first_ms(from, zone)),
        to: wanted.to.map(|to| last_ms(to, zone)),
        newest_first: wanted.newest_first,
        limit: wanted.limit.cast_signed(),
        offset: wanted.offset.cast_signed(),
        after: None,
    };
    Ok(Some((user, query)))
}

async fn zone(ask: &Ask, user: &UserId) -> Result<Tz, Problem> {
    let owner = tasks::owner(&ask.app, user, 0).await;
    let owner = owner.map_err(|failure| Problem::failed(failure, ask.user()))?;
    Ok(owner.settings.zone.unwrap_or(owner.default_zone))
}

fn first_ms(when: When, zone: Tz) -> i64 {
    let local = |at| Timestamp::from(resolve(at, zone).utc).0;
    match when {
        When::Instant(at) => Timestamp::from(at).0,
        When::Local(Local::Moment(at)) => local(at),
        When::Local(Local::Day(day)) => local(day.and_time(chrono::NaiveTime::MIN)),
    }
}

/// A day ends with its last millisecond.
fn last_ms(when: When, zone: Tz) -> i64 {
    match when {
        When::Local(Local::Day(day)) => {
            let next = day.succ_opt().unwrap_or(day);
            first_ms(When::Local(Local::Day(next)), zone) - 1
        }
        when => first_ms(when, zone),
    }
}

/// The id of a task, whatever has become of it. Ids are not looked up: the trail knows tasks that the list forgot.
async fn task_id(ask: &Ask, user: &UserId, task: TaskRef) -> Result<Option<Uuid>, Problem> {
    let number = match task {
        TaskRef::Id(id) => return Ok(Some(id)),
        TaskRef::Number(number) => number,
    };
    if let Some(task) = current(ask, user, task).await? {
        return Ok(Some(task.id));
    }
    let archived = ask.app.views.archived(user.as_str(), &number.to_string()).await;
    let archived: Option<Value> =
        archived.map_err(unavailable)?.and_then(|body| serde_json::from_str(&body).ok());
    Ok(archived.and_then(|task| value::id(task["id"].as_str()?)))
}

/// A task as the list has it, deleted or not; `None` where it has not.
async fn current(
    ask: &Ask,
    user: &UserId,
    task: TaskRef,
) -> Result<Option<std::sync::Arc<Task>>, Problem> {
    match ask.app.actors.ask_tasks(user, Query::Task { task, deleted: true }, 0).await {
        Ok(answered) => match answered.answer {
            Answer::Task(task) => Ok(Some(task)),
            other => Err(Problem::failed(unexpected(&other), ask.user())),
        },
        Err(Failure::Rejected(_)) => Ok(None),
        Err(failure) => Err(Problem::failed(failure, ask.user())),
    }
}

/// `GET /api/v1/tasks/{id}/history`
pub(super) async fn history(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let user = ask.user();
    let read = || {
        let mut params = ask.params()?;
        let limit = params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE);
        let text = params.take("cursor");
        let least = min_version(&mut params);
        params.finish().map(|()| (limit, text, least))
    };
    let read = read();
    let (limit, text, least) = read.clone().unwrap_or((1, None, 0));
    ask.app.views_shown(user, least).await.map_err(|f| Problem::failed(f, user))?;
    let Some(id) = task_id(&ask, user, task).await? else { return Err(Problem::not_found()) };
    let now = current(&ask, user, TaskRef::Id(id)).await?;
    let of = ("history", user.as_str(), id);
    let query = AuditQuery {
        user: user.as_str().to_owned(),
        task: Some(id.to_string()),
        newest_first: true,
        limit: limit.cast_signed(),
        ..AuditQuery::default()
    };
    let page = ask.app.views.audit(&query).await.map_err(unavailable)?;
    if page.total == 0 && now.is_none() {
        return Err(Problem::not_found());
    }
    read?;
    let page = match text {
        None => page,
        Some(text) => {
            let query = AuditQuery { after: Some(cursor::read(&of, &text)?), ..query };
            ask.app.views.audit(&query).await.map_err(unavailable)?
        }
    };
    let since = ask.app.actors.now().plus(-UNDO_MS);
    let shown = |entry: &AuditEntry| {
        let undo = undo_of(entry).filter(|_| at(entry) >= since);
        let undoable = undo.zip(now.as_ref()).is_some_and(|(undo, task)| undo.fits(task));
        let member = |name| entry.payload.get(name).cloned().unwrap_or_default();
        json!({
            "event_id": entry.event_id, "event_type": entry.event_type,
            "timestamp": entry.timestamp, "actor": member("actor"), "cause": member("cause"),
            "changes": member("changes"), "undoable": undoable,
        })
    };
    let entries: Vec<Value> = page.entries.iter().map(shown).collect();
    let next = page.next.map(|place| cursor::write(&of, &place));
    let answer = answer::json(StatusCode::OK, &json!({"entries": entries, "next_cursor": next}));
    let owner = tasks::owner(&ask.app, user, least).await;
    let version = owner.map_err(|failure| Problem::failed(failure, user))?.version;
    Ok(answer::at_version(answer, version))
}

fn at(entry: &AuditEntry) -> Timestamp {
    let at = entry.timestamp.parse::<chrono::DateTime<chrono::Utc>>();
    at.map_or(Timestamp(0), Timestamp::from)
}

/// The command that undoes an event; `None` where it is not one of a task of ours.
fn undo_of(entry: &AuditEntry) -> Option<Undo> {
    let changes = entry.payload.get("changes").and_then(Value::as_object);
    Some(Undo {
        event_id: value::id(&entry.event_id)?,
        kind: entry.event_type.clone(),
        task: value::id(entry.task_id.as_deref()?)?,
        changes: changes.cloned().unwrap_or_default(),
        sequence: entry.payload.get("sequence")?.as_u64()?,
    })
}

/// `POST /api/v1/undo`
pub(super) async fn undo(ask: Ask) -> Outcome {
    ask.no_params()?;
    let how = ask.how()?;
    let user = ask.user();
    let object = ask.object()?;
    let mut reader = Reader::new(&object, user, Spelling::Strict)?;
    let event = reader.field(&["event_id"], value::text);
    if event.is_none() && reader.faults.is_empty() {
        reader.required("event_id");
    }
    reader.finish()?;
    let event = value::id(event.unwrap_or_default()).ok_or_else(Problem::not_found)?;
    ask.app
        .views_shown(user, ask.app.version_seen(user))
        .await
        .map_err(|f| Problem::failed(f, user))?;
    let entry = ask.app.views.audit_event(user.as_str(), &event.to_string()).await;
    let entry = entry.map_err(unavailable)?.ok_or_else(Problem::not_found)?;
    let cannot = |why| Problem::new(Slug::CannotUndo, why);
    if at(&entry) < ask.app.actors.now().plus(-UNDO_MS) {
        return Err(cannot("A change can be undone for 30 days."));
    }
    let undo = undo_of(&entry).filter(|undo| undo.kind.starts_with("task."));
    let undo = undo.ok_or_else(|| cannot("Only changes of tasks can be undone."))?;
    let told = ask.app.tell(ask.caller(), &how, Command::Undo { undo: Box::new(undo) }).await;
    let done = told.map_err(|failure| Problem::failed(failure, user))?;
    let Reply::Undone(task) = &done.reply else {
        return Err(Problem::failed(unexpected(&done.reply), user));
    };
    let mut json = serde_json::to_vec(&json!({"undone": event})).unwrap_or_default();
    let task = task.as_ref().map_or_else(|| b"null".to_vec(), |task| answer::task_json(task, user));
    answer::add_member(&mut json, "task", &task);
    let answer = answer::at_version(answer::written(StatusCode::OK, json), done.version);
    Ok(answer::replayed(answer, done.replayed))
}

/// The views cannot answer now.
pub(crate) fn unavailable(error: sqlx::Error) -> Problem {
    tracing::warn!(%error, "the views do not answer");
    Problem::unavailable()
}
