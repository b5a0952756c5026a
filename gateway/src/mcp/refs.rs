//! Which task is meant: by id, number, exact title, or what the one open task's title contains.

use std::sync::Arc;

use actors::message::{
    rejection::Slug,
    task::{
        Status, Task,
        command::TaskRef,
        query::{Answer, Filter, List, Query, SortBy},
    },
    text::fold,
};
use serde_json::Value;

use super::{result::Refusal, scene::Scene};
use crate::{fields::value, problem::Problem, tasks};

/// Most candidates that are told.
const CANDIDATES_MAX: usize = 5;
/// Tasks that are looked through for one that is closed or deleted.
const CLOSED_MAX: usize = 1_000;

/// Where the task that is meant may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// Open ones, else those of just that title.
    Open,
    /// Completed and cancelled ones first.
    Closed,
    /// Deleted ones.
    Deleted,
}

/// The reference that a value is: a number, or a text.
pub(super) fn text(value: Option<&Value>) -> Result<String, Refusal> {
    match value {
        Some(Value::String(text)) => Ok(text.trim().to_owned()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Object(object)) => {
            let names = ["task_id", "id", "task", "task_title", "title", "number"];
            let found = names.iter().find_map(|name| object.get(*name).filter(|v| !v.is_object()));
            text(found)
        }
        _ => Err(Refusal::invalid("Say which task: task_id is its number, its title or its id.")),
    }
}

/// The task that a text names.
pub(super) async fn find(
    scene: &Scene<'_>,
    text: &str,
    among: Among,
) -> Result<Arc<Task>, Refusal> {
    let bare = text.strip_prefix('#').unwrap_or(text).trim();
    if let Some(task) = value::task_ref(bare) {
        let found = by_ref(scene, task, among).await?;
        return match (found, task) {
            (Some(task), _) => Ok(task),
            // A number that no task has may still be all of a title.
            (None, TaskRef::Number(_)) if bare == text => {
                let same = |task: &Arc<Task>| fold(task.title.as_str()) == fold(text);
                let found = by_title(scene, text, among).await?;
                one(text, found.into_iter().filter(same).collect())
            }
            (None, _) => Err(absent(text)),
        };
    }
    one(text, by_title(scene, text, among).await?)
}

fn one(text: &str, mut found: Vec<Arc<Task>>) -> Result<Arc<Task>, Refusal> {
    match found.len() {
        0 => Err(absent(text)),
        1 => Ok(found.remove(0)),
        _ => {
            found.truncate(CANDIDATES_MAX);
            Err(Refusal::ambiguous(text, found))
        }
    }
}

fn absent(text: &str) -> Refusal {
    let text = value::quoted(text);
    Refusal::new(Problem::not_found().slug.code(), format!("There is no task {text}."))
}

async fn ask(scene: &Scene<'_>, query: Query) -> Result<Answer, Refusal> {
    let user = scene.user();
    let answered = scene.app().ask(user, query, 0).await;
    Ok(answered.map_err(|failure| Refusal::failed(failure, user))?.answer)
}

async fn by_ref(
    scene: &Scene<'_>,
    task: TaskRef,
    among: Among,
) -> Result<Option<Arc<Task>>, Refusal> {
    let query = Query::Task { task, deleted: among == Among::Deleted };
    match scene.app().ask(scene.user(), query, 0).await {
        Ok(answered) => match answered.answer {
            Answer::Task(task) => Ok(Some(task)),
            other => Err(Refusal::failed(tasks::unexpected(&other), scene.user())),
        },
        // An archived task is known, and refuses.
        Err(actors::Failure::Rejected(why)) if why.slug == Slug::NotFound => Ok(None),
        Err(failure) => Err(Refusal::failed(failure, scene.user())),
    }
}

async fn by_title(scene: &Scene<'_>, text: &str, among: Among) -> Result<Vec<Arc<Task>>, Refusal> {
    if among != Among::Open {
        let found = closed(scene, text, among).await?;
        if !found.is_empty() || among == Among::Deleted {
            return Ok(found);
        }
    }
    let query = Query::Find { text: text.to_owned(), limit: CANDIDATES_MAX + 1 };
    listed(scene, query).await
}

async fn listed(scene: &Scene<'_>, query: Query) -> Result<Vec<Arc<Task>>, Refusal> {
    match ask(scene, query).await? {
        Answer::List { tasks, .. } => Ok(tasks),
        other => Err(Refusal::failed(tasks::unexpected(&other), scene.user())),
    }
}

/// Closed or deleted tasks of a title, else those whose title contains the text.
async fn closed(scene: &Scene<'_>, text: &str, among: Among) -> Result<Vec<Arc<Task>>, Refusal> {
    let needle = fold(text.trim());
    if needle.is_empty() {
        return Ok(Vec::new());
    }
    let status = match among {
        Among::Closed => vec![Status::Completed, Status::Cancelled],
        _ => Vec::new(),
    };
    let deleted = among == Among::Deleted;
    let filter = Filter { search: text.trim().to_owned(), status, deleted, ..Filter::default() };
    let sort = SortBy::UpdatedAt;
    let list = List { filter, sort, limit: CLOSED_MAX, ..List::default() };
    let mut found = listed(scene, Query::List { list: Box::new(list) }).await?;
    found.retain(|task| fold(task.title.as_str()).contains(&needle));
    let exact = |task: &Arc<Task>| fold(task.title.as_str()) == needle;
    if found.iter().any(exact) {
        found.retain(exact);
    }
    Ok(found)
}
