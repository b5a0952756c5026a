//! Undo: a compensating change, where nothing of the same fields was changed since.

mod read;

use std::sync::Arc;

use super::{complete, edit, event::Fate, order, work::Work};
use crate::message::{
    call::Cause,
    rejection::{Rejection, Slug},
    series::{EndedReason, Series},
    task::{
        Status, Task,
        command::{Reply, Scope, TaskRef, Undo},
    },
};

/// Undoes one event of a task.
pub(super) fn undo(work: &mut Work<'_>, undo: &Undo) -> Result<Reply, Rejection> {
    let task =
        work.list.any(TaskRef::Id(undo.task)).map_err(|_| no("The task is no longer here."))?;
    let task = task.clone();
    work.cause = Some(Cause { kind: "undo".to_owned(), id: undo.event_id });
    if !undo.is_known() {
        return Err(no("An event of this kind cannot be undone."));
    }
    if !undo.fits(&task) {
        return Err(no("The task was changed since; undo the later change first."));
    }
    let task = match undo.kind.as_str() {
        "task.created" | "task.restored" => {
            complete::delete(work, &task, Scope::Following);
            return Ok(Reply::Undone(None));
        }
        "task.deleted" => complete::restore(work, TaskRef::Id(task.id), None)?.task,
        "task.updated" => back(work, &task, undo)?,
        "task.completed" => {
            let before = status_before(undo).unwrap_or(Status::Pending);
            to_status(work, &task, before)?
        }
        "task.reopened" => {
            let before = status_before(undo).unwrap_or(Status::Completed);
            to_status(work, &task, before)?
        }
        _ => return Err(no("An event of this kind cannot be undone.")),
    };
    Ok(Reply::Undone(Some(work.again(task.id))))
}

fn no(detail: &str) -> Rejection {
    Rejection::new(Slug::CannotUndo, detail)
}

fn status_before(undo: &Undo) -> Option<Status> {
    serde_json::from_value(undo.changes.get("status")?.get("before")?.clone()).ok()
}

fn to_status(
    work: &mut Work<'_>,
    task: &Arc<Task>,
    status: Status,
) -> Result<Arc<Task>, Rejection> {
    let done = match status {
        Status::Completed => complete::complete(work, task)?,
        Status::Cancelled => complete::cancel(work, task, Scope::Following),
        Status::Pending | Status::InProgress => complete::reopen(work, task, status)?,
    };
    Ok(done.task)
}

/// Puts back what the fields were before.
fn back(work: &mut Work<'_>, task: &Arc<Task>, undo: &Undo) -> Result<Arc<Task>, Rejection> {
    let read = read::patch(&undo.changes).ok_or_else(|| no("The event cannot be read."))?;
    let revived = read.rule.and_then(|id| {
        let series = work.list.series.get(&id)?;
        let cancelled =
            series.ended_reason == Some(EndedReason::Cancelled) && series.ended_by.is_none();
        cancelled.then(|| series.clone())
    });
    let mut patch = read.patch;
    if revived.is_some() {
        patch.recurrence = crate::message::task::command::Change::Keep;
    }
    let task = edit::edit(work, task, &patch, Scope::Following)?.task;
    if let Some(series) = revived {
        revive(work, &task, &series, read.occurrence);
    }
    let mut task = work.again(task.id);
    if let Some(position) = read.position.filter(|position| order::is_position(position)) {
        let position = order::free(&work.list, &position);
        task = work.put(Fate::Updated, Task { position, ..(*task).clone() });
    }
    Ok(task)
}

/// The task follows its cancelled rule again.
fn revive(
    work: &mut Work<'_>,
    task: &Task,
    series: &Series,
    occurrence: Option<crate::message::time::Local>,
) {
    let mut series = series.clone();
    complete::revive(&mut series);
    let mut task = task.clone();
    task.recurrence = Some(series.rule.clone());
    task.recurrence_id = Some(series.id);
    task.occurrence = occurrence.or_else(|| task.due.map(crate::message::task::Due::local));
    work.put_series(series);
    work.put(Fate::Updated, task);
}
