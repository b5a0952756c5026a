//! Closing and opening tasks: complete, cancel, skip, reopen, delete, restore, and what a rule makes of it.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    coming::{self, Next},
    edit::done,
    event::{Event, Fate},
    retire::DELETED_MS,
    series,
    state::{is_live, is_open},
    work::{Work, fresh},
};
use crate::{
    message::{
        rejection::{Rejection, Slug},
        series::{EndedReason, Series, SeriesStatus},
        task::{
            Status, Successor, Task,
            command::{Done, Scope, TaskRef},
        },
    },
    recurrence::rule::Mode,
};

/// What becomes of a rule when one of its tasks is closed.
enum Outcome {
    Nothing,
    Next(Next),
    End(EndedReason),
}

/// Completes a task and makes the next occurrence. Again: the same, and nothing happens.
pub(super) fn complete(work: &mut Work<'_>, task: &Arc<Task>) -> Result<Done, Rejection> {
    let completed = task.recurrence_id.is_some();
    if task.status == Status::Completed {
        let next = successor(work, task);
        return Ok(Done { next, completed, ..done(task.clone()) });
    }
    let outcome = succession(work, task);
    let done = close(work, task, Fate::Completed, outcome, |work, task| {
        task.status = Status::Completed;
        task.completed_at = Some(work.at.now);
    });
    Ok(Done { completed, ..done })
}

/// Cancels a task: its rule of mode completion ends, unless only this one is meant.
pub(super) fn cancel(work: &mut Work<'_>, task: &Arc<Task>, scope: Scope) -> Done {
    let outcome = match scope {
        _ if task.status == Status::Completed => Outcome::Nothing,
        Scope::This => succession(work, task),
        Scope::Following | Scope::All | Scope::Series => halt(work, task, EndedReason::Cancelled),
    };
    close(work, task, Fate::Updated, outcome, |_, task| {
        task.status = Status::Cancelled;
        task.completed_at = None;
    })
}

/// Cancels this occurrence and makes the next.
pub(super) fn skip(work: &mut Work<'_>, task: &Arc<Task>) -> Result<Done, Rejection> {
    if task.recurrence_id.is_none() {
        let detail = "The task follows no rule, so there is nothing to skip to.";
        return Err(Rejection::new(Slug::NotRecurring, detail));
    }
    if !task.status.is_open() {
        return Err(Rejection::new(Slug::TaskClosed, "The task is not open."));
    }
    let outcome = succession(work, task);
    if let (Some(series), Some(occurrence)) = (work.rule_of(task), task.occurrence) {
        let mut series = (*series).clone();
        series::note_skip(&mut series, occurrence);
        work.put_series(series);
    }
    Ok(close(work, task, Fate::Updated, outcome, |_, task| {
        task.status = Status::Cancelled;
        task.completed_at = None;
    }))
}

/// Deletes a task.
pub(super) fn delete(work: &mut Work<'_>, task: &Arc<Task>, scope: Scope) -> Done {
    let outcome = match scope {
        Scope::Series => Outcome::End(EndedReason::Deleted),
        _ if !is_open(task) => Outcome::Nothing,
        Scope::This => succession(work, task),
        Scope::Following | Scope::All => halt(work, task, EndedReason::Deleted),
    };
    let others = match (scope, work.rule_of(task)) {
        (Scope::All, Some(series)) => series.open_task_ids.clone(),
        _ => Vec::new(),
    };
    let done = close(work, task, Fate::Deleted, outcome, |work, task| {
        task.deleted_at = Some(work.at.now);
    });
    for other in others.into_iter().filter(|id| *id != task.id) {
        let mut other = (*work.again(other)).clone();
        other.deleted_at = Some(work.at.now);
        work.put(Fate::Deleted, other);
    }
    done
}

/// Makes a closed task open again and takes back the next occurrence if nobody has touched it.
pub(super) fn reopen(
    work: &mut Work<'_>,
    task: &Arc<Task>,
    status: Status,
) -> Result<Done, Rejection> {
    if task.status.is_open() {
        return Ok(done(task.clone()));
    }
    work.room()?;
    let mut new = (**task).clone();
    new.status = status;
    new.completed_at = None;
    let untouched = task.next.as_deref().and_then(|link| {
        let next = work.list.get(link.id)?;
        let is = next.version == link.version
            && next.status == Status::Pending
            && next.deleted_at.is_none();
        is.then(|| (next.clone(), link.made))
    });
    if let Some(rule) = work.rule_of(task)
        && (untouched.is_some() || rule.ended_by == Some(task.id))
    {
        room_to_revive(work, &rule)?;
    }
    if let Some((next, _)) = &untouched {
        let cause = work.cause.clone();
        let mut gone = (**next).clone();
        gone.deleted_at = Some(work.at.now);
        gone.updated_at = work.at.now;
        gone.version = work.at.sequence;
        let task = Arc::new(gone);
        let changes = serde_json::Map::new();
        work.emit(Event::Task { fate: Fate::TakenBack, task, changes, cause });
        new.next = None;
    }
    let new = work.put(Fate::Reopened, new);
    if let Some(series) = work.rule_of(&new) {
        let mut series = (*series).clone();
        if let Some((_, made)) = &untouched {
            series.made = *made;
            (series.last, series.last_task) = (new.occurrence, Some(new.id));
        }
        if untouched.is_some() || series.ended_by == Some(new.id) {
            revive(&mut series);
        }
        series.skips.retain(|skip| Some(*skip) != new.occurrence);
        work.put_series(series);
    }
    Ok(Done { removed: untouched.map(|(next, _)| next.id), ..done(new) })
}

/// Brings a deleted task back as it was, within 30 days.
pub(super) fn restore(
    work: &mut Work<'_>,
    task: TaskRef,
    expect: Option<u64>,
) -> Result<Done, Rejection> {
    let task = work.list.any(task)?.clone();
    if task.deleted_at.is_some_and(|at| at.plus(DELETED_MS) <= work.at.now) {
        return Err(Rejection::not_found());
    }
    fresh(&task, expect)?;
    if task.deleted_at.is_none() {
        return Ok(done(task));
    }
    if task.status.is_open() {
        work.room()?;
    }
    if let Some(rule) = work.rule_of(&task)
        && rule.ended_by == Some(task.id)
    {
        room_to_revive(work, &rule)?;
    }
    let mut new = (*task).clone();
    new.deleted_at = None;
    let task = work.put(Fate::Restored, new);
    if let Some(series) = work.rule_of(&task)
        && series.ended_by == Some(task.id)
    {
        let mut series = (*series).clone();
        revive(&mut series);
        work.put_series(series);
    }
    Ok(done(task))
}

/// The open occurrence `old` has left its rule (`recurrence` null for it alone): the rule goes on.
pub(super) fn leave(work: &mut Work<'_>, old: &Arc<Task>) {
    if is_open(old)
        && let Outcome::Next(next) = succession(work, old)
        && let Some(series) = work.rule_of(old)
    {
        series::make(work, &series, next, Some(old.id));
    }
}

/// The occurrence that closing a task made, unless it was deleted.
pub(super) fn successor(work: &Work<'_>, task: &Task) -> Option<Arc<Task>> {
    let next = work.list.get(task.next.as_deref()?.id)?;
    next.deleted_at.is_none().then(|| next.clone())
}

/// Mode completion: what follows a task that is closed now.
fn succession(work: &Work<'_>, task: &Task) -> Outcome {
    let Some(series) = work.rule_of(task) else { return Outcome::Nothing };
    let active = series.status == SeriesStatus::Active || series.ended_by == Some(task.id);
    let newest = series.last_task == Some(task.id);
    let Some(occurrence) = task.occurrence.filter(|_| active && newest && task.next.is_none())
    else {
        return Outcome::Nothing;
    };
    if series.rule.mode() == Mode::Schedule {
        return Outcome::Nothing;
    }
    let zone = series.zone.unwrap_or_else(|| work.zone());
    match coming::after(&series, zone, occurrence, series.made, work.at.now.local(zone)) {
        Ok(next) => Outcome::Next(next),
        Err(reason) => Outcome::End(reason),
    }
}

/// Mode completion: without this task there is no next.
fn halt(work: &Work<'_>, task: &Task, reason: EndedReason) -> Outcome {
    match work.rule_of(task) {
        Some(series)
            if is_live(&series)
                && series.rule.mode() == Mode::Completion
                && series.last_task == Some(task.id) =>
        {
            Outcome::End(reason)
        }
        _ => Outcome::Nothing,
    }
}

/// Closes or deletes a task and does to its rule what follows.
fn close(
    work: &mut Work<'_>,
    task: &Arc<Task>,
    fate: Fate,
    outcome: Outcome,
    how: impl FnOnce(&Work<'_>, &mut Task),
) -> Done {
    let mut new = (**task).clone();
    how(work, &mut new);
    let series = work.rule_of(task);
    if let (Outcome::Next(next), Some(series)) = (&outcome, &series) {
        let id = series::occurrence_id(&work.list, series, *next);
        let version = work.at.sequence;
        new.next = Some(Box::new(Successor { id, version, made: series.made }));
    }
    let task = work.put(fate, new);
    let series = task.recurrence_id.and_then(|id| work.list.series.get(&id).cloned());
    match (outcome, series) {
        (Outcome::Next(next), Some(series)) => {
            let mut revived = (*series).clone();
            revive(&mut revived);
            series::make(work, &revived, next, Some(task.id));
        }
        (Outcome::End(reason), Some(series)) if is_live(&series) => {
            end(work, &series, reason, Some(task.id));
        }
        _ => {}
    }
    let next = successor(work, &task);
    Done { next, ..done(task) }
}

/// Ends a rule.
pub(super) fn end(
    work: &mut Work<'_>,
    series: &Series,
    reason: EndedReason,
    by: Option<Uuid>,
) -> Arc<Series> {
    let mut series = series.clone();
    series.status = SeriesStatus::Ended;
    series.ended_reason = Some(reason);
    series.ended_by = by;
    work.put_series(series)
}

/// Room for a rule to go on, if it is ended.
fn room_to_revive(work: &Work<'_>, rule: &Series) -> Result<(), Rejection> {
    if is_live(rule) { Ok(()) } else { series::room_among_live(work) }
}

/// An ended rule goes on.
pub(super) fn revive(series: &mut Series) {
    if series.status == SeriesStatus::Ended {
        series.status = SeriesStatus::Active;
        series.ended_reason = None;
        series.ended_by = None;
    }
}
