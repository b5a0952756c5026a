//! Tasks by a forgiving reference, as people and chatbots say it.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    list::holds,
    state::{TaskList, is_open},
};
use crate::message::{
    task::{Task, query::Answer},
    text::fold,
};

/// Tasks by id, by number (`42`, `#42`), by exact title, else the open ones whose title contains the text. Deleted
/// tasks are not found.
pub(super) fn find(list: &TaskList, text: &str, limit: usize) -> Answer {
    let text = text.trim();
    let alive = |task: &&Arc<Task>| task.deleted_at.is_none();
    if let Ok(id) = Uuid::parse_str(text) {
        return found(list.get(id).filter(alive).cloned().into_iter().collect(), limit);
    }
    let number = text.strip_prefix('#').unwrap_or(text).parse::<u64>().ok();
    if let Some(task) = number.and_then(|number| list.tasks.get(&number)).filter(alive) {
        return found(vec![task.clone()], limit);
    }
    let needle = fold(text);
    if needle.is_empty() {
        return found(Vec::new(), limit);
    }
    let same = |task: &&Arc<Task>| holds(task.title.as_str(), &needle);
    let holding: Vec<&Arc<Task>> = list.tasks.values().filter(alive).filter(same).collect();
    let exact: Vec<&Arc<Task>> =
        holding.iter().copied().filter(|task| fold(task.title.as_str()) == needle).collect();
    let open = |tasks: &[&Arc<Task>]| -> Vec<Arc<Task>> {
        tasks.iter().filter(|task| is_open(task)).map(|task| Arc::clone(task)).collect()
    };
    // Of tasks with one title the open ones are meant, if there are any.
    let tasks = match (open(&exact), exact.is_empty()) {
        (tasks, false) if !tasks.is_empty() => tasks,
        (_, false) => exact.into_iter().cloned().collect(),
        (_, true) => open(&holding),
    };
    found(tasks, limit)
}

fn found(mut tasks: Vec<Arc<Task>>, limit: usize) -> Answer {
    let total = tasks.len();
    tasks.truncate(limit);
    Answer::List { tasks, total, next: None }
}
