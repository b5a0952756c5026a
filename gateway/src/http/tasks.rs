//! `/api/v1/tasks`: how each call is read and its result written. What it does is in [`crate::tasks`].

use actors::{
    Done, Failure,
    message::{
        rejection,
        task::{
            Status,
            command::{self, Command, Operation, TaskRef},
            query::List,
        },
    },
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    Ask, Outcome, answer,
    audit::unavailable,
    named::{Named, conditions, plain},
};
use crate::{
    app::How,
    fields::{self, Spelling, as_sent, task},
    listing,
    params::Params,
    problem::Problem,
    shelf, tasks,
};

/// `GET /api/v1/tasks`
pub(super) async fn list(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let listing = listing::take(&mut params);
    let min_version = min_version(&mut params);
    params.finish()?;
    let page = page(&ask, listing, min_version).await?;
    let mut answer = answer::written(StatusCode::OK, page.json);
    let headers = answer.headers_mut();
    headers.insert(answer::TOTAL, HeaderValue::from(page.total));
    if let Some(cursor) = page.next {
        headers.insert(header::LINK, answer::next_link(&ask, &cursor));
    }
    Ok(answer::at_version(answer, page.version))
}

/// A page of a list, written.
pub(super) struct Page {
    /// A JSON array of tasks.
    pub(super) json: Vec<u8>,
    /// How many match in all.
    pub(super) total: usize,
    /// The cursor of the next page.
    pub(super) next: Option<String>,
    /// The user's sequence.
    pub(super) version: u64,
}

/// A page of a list.
pub(super) async fn page(
    ask: &Ask,
    listing: listing::Listing,
    min_version: u64,
) -> Result<Page, Problem> {
    let listing::Listing { list, archived } = listing;
    if archived {
        return archive(ask, list, min_version).await;
    }
    let user = ask.user();
    let page = tasks::list(&ask.app, user, list, min_version)
        .await
        .map_err(|failure| Problem::failed(failure, user))?;
    let tasks::Page { tasks, total, next } = page.answer;
    Ok(Page { json: answer::tasks_json(&tasks, user), total, next, version: page.version })
}

/// What the cursors of archived tasks begin with, so that they hold for no other list.
const ARCHIVED: &str = "archived-";

/// A page of archived tasks, which the actor does not hold.
async fn archive(ask: &Ask, mut list: List, min_version: u64) -> Result<Page, Problem> {
    let user = ask.user();
    if let Some(cursor) = &mut list.cursor {
        // What is left of another list's cursor is no cursor.
        *cursor = cursor.strip_prefix(ARCHIVED).unwrap_or_default().to_owned();
    }
    let failed = |failure| Problem::failed(failure, user);
    ask.app.views_shown(user, min_version).await.map_err(failed)?;
    let owner = tasks::owner(&ask.app, user, min_version).await.map_err(failed)?;
    let version = owner.version;
    let bodies = ask.app.views.all_archived(user.as_str()).await.map_err(unavailable)?;
    let page = shelf::page(bodies, owner, &list).map_err(|why| Problem::rejected(why, user))?;
    let json = format!("[{}]", page.tasks.join(",")).into_bytes();
    let next = page.next.map(|next| format!("{ARCHIVED}{next}"));
    Ok(Page { json, total: page.total, next, version })
}

/// The version that a read must have reached.
pub(super) fn min_version(params: &mut Params) -> u64 {
    params.number("min_version", 0, u64::MAX).unwrap_or_default()
}

/// `POST /api/v1/tasks`
pub(super) async fn create(ask: Ask) -> Outcome {
    ask.no_params()?;
    let how = ask.how()?;
    let fields = task::draft(&ask.object()?, ask.user(), Spelling::Strict)?;
    deliverable(&ask, &fields.patch)?;
    let operation = Operation::Create { draft: Box::new(fields.patch) };
    let done = operate(&ask, &how, operation, &fields.sent).await?;
    Ok(created(&ask, &done))
}

/// Refuses reminders by a channel that nothing is configured for.
fn deliverable(ask: &Ask, patch: &command::Patch) -> Result<(), Problem> {
    let command::Change::Set(drafts) = &patch.reminders else { return Ok(()) };
    drafts.iter().enumerate().try_for_each(|(index, draft)| {
        let at = format!("/reminders/{index}");
        super::reminders::deliverable(ask, &at, draft.channels.as_deref())
    })
}

/// 201 with the place of the new task.
fn created(ask: &Ask, done: &Done<command::Done>) -> Response {
    let mut answer = whole(ask, StatusCode::CREATED, done, Vec::new());
    let place = format!("/api/v1/tasks/{}", done.reply.task.id);
    answer.headers_mut().insert(header::LOCATION, answer::text(&place));
    answer
}

/// `GET /api/v1/tasks/{id}`
pub(super) async fn get(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let read = async {
        let mut params = ask.params()?;
        let min_version = min_version(&mut params);
        params.finish().map(|()| min_version)
    };
    let min_version = Named::Task(task).judged(&ask, read.await).await?;
    let user = ask.user();
    let found = match tasks::get(&ask.app, user, task, min_version).await {
        Ok(found) => found,
        Err(failure) => return archived(&ask, failure).await,
    };
    let task = found.answer;
    let answer = answer::cached(&ask, task.version, || answer::task_json(&task, user));
    Ok(answer::at_version(answer, found.version))
}

/// A task that the list does not have, from the archive.
async fn archived(ask: &Ask, failure: Failure) -> Outcome {
    let user = ask.user();
    let Failure::Rejected(why) = &failure else { return Err(Problem::failed(failure, user)) };
    if why.slug == rejection::Slug::TaskClosed {
        // The list knows that it was archived, and the views come to know it within a moment.
        ask.app
            .views_shown(user, ask.app.version_seen(user))
            .await
            .map_err(|f| Problem::failed(f, user))?;
    }
    let id = match ask.task()? {
        TaskRef::Id(id) => id.to_string(),
        TaskRef::Number(number) => number.to_string(),
    };
    let body = ask.app.views.archived(user.as_str(), &id).await.map_err(unavailable)?;
    let body = body.ok_or_else(Problem::not_found)?;
    let task: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let version = task["version"].as_u64().unwrap_or_default();
    let owner = tasks::owner(&ask.app, user, 0).await.map_err(|f| Problem::failed(f, user))?;
    Ok(answer::at_version(answer::cached(ask, version, || body.into_bytes()), owner.version))
}

/// `PUT PATCH /api/v1/tasks/{id}?scope=`
pub(super) async fn edit(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let read = || {
        let mut params = ask.params()?;
        let scope = params.read("scope", task::edit_scope).unwrap_or_default();
        params.finish()?;
        let how = ask.how()?;
        let if_match = ask.if_match()?;
        let fields = task::patch(&ask.object()?, ask.user(), Spelling::Strict)?;
        deliverable(&ask, &fields.patch)?;
        Ok((how, if_match, scope, fields))
    };
    let (how, if_match, scope, fields) = Named::Task(task).judged(&ask, read()).await?;
    let expect = Named::Task(task).expected(&ask, if_match).await?;
    let patch = Box::new(fields.patch);
    let operation = Operation::Edit { task, patch, scope, expect };
    let done = operate(&ask, &how, operation, &fields.sent).await?;
    let next = if done.reply.completed { next(&ask, &done) } else { Vec::new() };
    Ok(whole(&ask, StatusCode::OK, &done, next))
}

/// `DELETE /api/v1/tasks/{id}?scope=`
pub(super) async fn delete(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let read = || {
        let mut params = ask.params()?;
        let scope = params.read("scope", task::delete_scope).unwrap_or_default();
        params.finish()?;
        ask.no_body()?;
        Ok((ask.how()?, ask.if_match()?, scope))
    };
    let (how, if_match, scope) = Named::Task(task).judged(&ask, read()).await?;
    let expect = Named::Task(task).expected(&ask, if_match).await?;
    let done = operate(&ask, &how, Operation::Delete { task, scope, expect }, &vec![]).await?;
    let answer = answer::at_version(answer::nothing(), done.version);
    Ok(answer::replayed(answer, done.replayed))
}

/// `POST /api/v1/tasks/{id}/complete`
pub(super) async fn complete(ask: Ask) -> Outcome {
    let nothing = ask.no_body();
    act(ask, nothing, Show::Next, |task, expect| Operation::Complete { task, expect }).await
}

/// `POST /api/v1/tasks/{id}/reopen`
pub(super) async fn reopen(ask: Ask) -> Outcome {
    let nothing = ask.no_body();
    act(ask, nothing, Show::Removed, |task, expect| Operation::Reopen { task, expect }).await
}

/// `POST /api/v1/tasks/{id}/restore`
pub(super) async fn restore(ask: Ask) -> Outcome {
    let nothing = ask.no_body();
    act(ask, nothing, Show::Restored, |task, expect| Operation::Restore { task, expect }).await
}

/// `POST /api/v1/tasks/{id}/skip`
pub(super) async fn skip(ask: Ask) -> Outcome {
    let nothing = ask.no_body();
    act(ask, nothing, Show::Next, |task, expect| Operation::Skip { task, expect }).await
}

/// `PATCH /api/v1/tasks/{id}/complete`: toggles, or sets `{completed}`.
pub(super) async fn toggle(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let read = ask.object_or_empty().and_then(|body| task::completed(&body, ask.user()));
    let completed = Named::Task(task).judged(&ask, read).await?;
    act(ask, Ok(()), Show::ByStatus, move |task, expect| match completed {
        None => Operation::Toggle { task, expect },
        Some(true) => Operation::Complete { task, expect },
        Some(false) => Operation::Reopen { task, expect },
    })
    .await
}

/// `POST /api/v1/tasks/{id}/move`
pub(super) async fn place(ask: Ask) -> Outcome {
    let task = ask.task()?;
    let read = ask.object().and_then(|body| task::place(&body, ask.user()));
    let place = Named::Task(task).judged(&ask, read).await?;
    act(ask, Ok(()), Show::Task, move |task, expect| Operation::Move { task, place, expect }).await
}

/// `PUT /api/v1/tasks/{id}/tags/{name}`
pub(super) async fn tag(ask: Ask) -> Outcome {
    set_tag(ask, Tagged::On).await
}

/// `DELETE /api/v1/tasks/{id}/tags/{name}`
pub(super) async fn untag(ask: Ask) -> Outcome {
    set_tag(ask, Tagged::Off).await
}

#[derive(Clone, Copy, PartialEq)]
enum Tagged {
    On,
    Off,
}

async fn set_tag(ask: Ask, tagged: Tagged) -> Outcome {
    let task = ask.task()?;
    let read = || {
        let (how, if_match) = plain(&ask)?;
        let tag = fields::value::tag(ask.segment("name"))
            .map_err(|(code, detail)| Problem::field("/name", code, detail))?;
        Ok((how, if_match, tag))
    };
    let (how, if_match, tag) = Named::Task(task).judged(&ask, read()).await?;
    let expect = Named::Task(task).expected(&ask, if_match).await?;
    let command = Command::Tag { task, tag, on: tagged == Tagged::On, expect };
    let done = tasks::change(&ask.app, ask.caller(), &how, command)
        .await
        .map_err(|failure| Problem::failed(failure, ask.user()))?;
    let answer = answer::at_version(answer::nothing(), done.version);
    Ok(answer::replayed(answer, done.replayed))
}

/// What an answer shows besides the task.
#[derive(Clone, Copy)]
enum Show {
    Task,
    Restored,
    Next,
    Removed,
    ByStatus,
}

/// One operation, after its body was read.
async fn act(
    ask: Ask,
    body: Result<(), Problem>,
    show: Show,
    operation: impl FnOnce(TaskRef, Option<u64>) -> Operation,
) -> Outcome {
    let task = ask.task()?;
    let named = match show {
        Show::Restored => Named::AnyTask(task),
        _ => Named::Task(task),
    };
    let read = body.and_then(|()| conditions(&ask));
    let (how, if_match) = named.judged(&ask, read).await?;
    let expect = named.expected(&ask, if_match).await?;
    let done = operate(&ask, &how, operation(task, expect), &vec![]).await?;
    let completed = done.reply.task.status == Status::Completed;
    let member = match show {
        Show::Task | Show::Restored => Vec::new(),
        Show::ByStatus if completed => next(&ask, &done),
        Show::Next => next(&ask, &done),
        Show::Removed | Show::ByStatus => removed(&done),
    };
    Ok(whole(&ask, StatusCode::OK, &done, member))
}

pub(super) type Member = Vec<(&'static str, Vec<u8>)>;

fn next(ask: &Ask, done: &Done<command::Done>) -> Member {
    let next = done.reply.next.as_ref();
    let json = next.map_or_else(|| b"null".to_vec(), |next| answer::task_json(next, ask.user()));
    vec![("next", json)]
}

fn removed(done: &Done<command::Done>) -> Member {
    let json = done.reply.removed.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
    vec![("removed", json.into_bytes())]
}

/// The answer of a task with its ETag, the user's sequence, and what else belongs to it.
pub(super) fn whole(
    ask: &Ask,
    status: StatusCode,
    done: &Done<command::Done>,
    members: Member,
) -> Response {
    let mut json = answer::task_json(&done.reply.task, ask.user());
    for (name, value) in members {
        answer::add_member(&mut json, name, &value);
    }
    let answer = answer::object(status, json, done.reply.task.version);
    answer::replayed(answer::at_version(answer, done.version), done.replayed)
}

/// Gives any command whose reply is a task.
pub(super) async fn changed(ask: &Ask, how: &How, command: Command) -> Outcome {
    let done = tasks::change(&ask.app, ask.caller(), how, command)
        .await
        .map_err(|failure| Problem::failed(failure, ask.user()))?;
    Ok(whole(ask, StatusCode::OK, &done, Vec::new()))
}

async fn operate(
    ask: &Ask,
    how: &How,
    operation: Operation,
    sent: &fields::Sent,
) -> Result<Done<command::Done>, Problem> {
    tasks::operate(&ask.app, ask.caller(), how, operation)
        .await
        .map_err(|failure| as_sent(Problem::failed(failure, ask.user()), sent))
}
