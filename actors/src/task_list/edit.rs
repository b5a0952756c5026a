//! Making and changing tasks: a draft is a patch of an empty task, PUT is the same merge as PATCH.

use std::sync::Arc;

use super::{
    complete,
    event::Fate,
    order, remind, series,
    work::{Work, archived, invalid},
};
use crate::message::{
    fault::{Code, Fault},
    rejection::{Rejection, Slug},
    task::{
        Due, Status, Task,
        command::{Change, Done, Patch, Scope, When},
    },
    text::{TASK_TAGS_MAX, Tag, Title},
    time::Local,
};

/// One task and nothing besides.
pub(super) fn done(task: Arc<Task>) -> Done {
    Done { task, next: None, removed: None, created: false, completed: false }
}

/// Makes a task under the operation's id. One that exists already is answered as it is.
pub(super) fn create(work: &mut Work<'_>, draft: &Patch) -> Result<Done, Rejection> {
    if let Some(task) = work.list.get(work.id).cloned() {
        let next = complete::successor(work, &task);
        return Ok(Done { next, created: true, ..done(task) });
    }
    if work.list.archived_ids.contains(&work.id) {
        return Err(archived());
    }
    let title = draft.title.clone().ok_or_else(|| {
        invalid("/title", Code::Required, "A task needs a title of 1 to 200 characters.")
    })?;
    let status = draft.status.unwrap_or_default();
    if status.is_open() {
        work.room()?;
    }
    let mut task = blank(work, title);
    task.status = if status.is_open() { status } else { Status::Pending };
    fields(work, None, &mut task, draft, Scope::Following)?;
    let task = work.put(Fate::Created, task);
    let done = match status {
        Status::Completed => complete::complete(work, &task)?,
        Status::Cancelled => complete::cancel(work, &task, Scope::Following),
        Status::Pending | Status::InProgress => done(task),
    };
    Ok(Done { created: true, ..done })
}

/// A task with a title, a number and a place at the end.
pub(super) fn blank(work: &Work<'_>, title: Title) -> Task {
    Task {
        id: work.id,
        number: work.list.numbered + 1,
        title,
        description: None,
        status: Status::Pending,
        priority: None,
        tags: Vec::new(),
        due: None,
        zone: None,
        recurrence: None,
        recurrence_id: None,
        occurrence: None,
        reminders: Vec::new(),
        position: order::last(&work.list),
        created_at: work.at.now,
        updated_at: work.at.now,
        completed_at: None,
        deleted_at: None,
        version: work.at.sequence,
        next: None,
        ical: None,
    }
}

/// Changes a task: opens it first and closes it last, so that what else the patch says holds for an open task.
pub(super) fn edit(
    work: &mut Work<'_>,
    task: &Arc<Task>,
    patch: &Patch,
    scope: Scope,
) -> Result<Done, Rejection> {
    let was = task.status;
    let to = patch.status.or((patch.reopen && was == Status::Completed).then_some(Status::Pending));
    let mut removed = None;
    let mut task = task.clone();
    if let Some(to) = to.filter(|to| to.is_open() && !was.is_open()) {
        let reopened = complete::reopen(work, &task, to)?;
        (task, removed) = (reopened.task, reopened.removed);
    }
    let before = task;
    let task = apply(work, &before, patch, scope)?;
    if scope == Scope::All {
        apply_to_others(work, &before, &task, patch)?;
    }
    let task = work.again(task.id);
    let done = match to {
        Some(Status::Completed) if was != Status::Completed => complete::complete(work, &task)?,
        Some(Status::Cancelled) if was != Status::Cancelled => complete::cancel(work, &task, scope),
        _ => done(task),
    };
    Ok(Done { removed, ..done })
}

/// Changes the fields of one task, and of its rule what the scope reaches.
fn apply(
    work: &mut Work<'_>,
    old: &Arc<Task>,
    patch: &Patch,
    scope: Scope,
) -> Result<Arc<Task>, Rejection> {
    let mut new = (**old).clone();
    if let Some(status) = patch.status.filter(|status| status.is_open() && new.status.is_open()) {
        new.status = status;
    }
    fields(work, Some(old), &mut new, patch, scope)?;
    let task = work.put(Fate::Updated, new);
    if scope != Scope::This {
        series::carry(work, old, &task);
    }
    if scope == Scope::This && patch.recurrence == Change::Clear {
        complete::leave(work, old);
    }
    Ok(task)
}

/// `scope=all`: the other open occurrences take the same change; a due date moves by as much.
fn apply_to_others(
    work: &mut Work<'_>,
    before: &Task,
    task: &Task,
    patch: &Patch,
) -> Result<(), Rejection> {
    let Some(series) = work.rule_of(task) else { return Ok(()) };
    let mut patch = Patch {
        status: None,
        reopen: false,
        due: Change::Keep,
        recurrence: Change::Keep,
        ..patch.clone()
    };
    if let Change::Set(reminders) = &mut patch.reminders {
        reminders.iter_mut().for_each(|draft| draft.id = None);
    }
    for other in series.open_task_ids.iter().filter(|id| **id != task.id) {
        let other = work.again(*other);
        let shifted = match (before.due, task.due, other.due) {
            (Some(from), Some(to), Some(due)) if from != to => {
                moved(from.local(), to.local(), due.local())
            }
            _ => None,
        };
        patch.due = shifted.map_or(Change::Keep, |local| Change::Set(When::Local(local)));
        let other = apply(work, &other, &patch, Scope::This)?;
        if shifted.is_some() {
            let occurrence = other.due.map(Due::local);
            work.put(Fate::Touched, Task { occurrence, ..(*other).clone() });
        }
    }
    Ok(())
}

/// Brings a patch to bear on a task, all but closing and opening it.
fn fields(
    work: &mut Work<'_>,
    old: Option<&Task>,
    task: &mut Task,
    patch: &Patch,
    scope: Scope,
) -> Result<(), Rejection> {
    if let Some(title) = &patch.title {
        task.title = title.clone();
    }
    change(&mut task.description, &patch.description);
    change(&mut task.priority, &patch.priority);
    tags(task, patch)?;
    when(work, task, patch);
    let recurring = match patch.recurrence {
        Change::Keep => task.recurrence.is_some(),
        Change::Clear => false,
        Change::Set(_) => true,
    };
    if recurring && task.due.is_none() {
        return Err(needs_due_date(&patch.due));
    }
    if task.due.is_none() {
        let gone = task.reminders.iter().filter(|set| set.lead_time.is_some());
        work.due_cleared.extend(gone.map(|set| set.id));
        task.reminders.retain(|set| set.lead_time.is_none());
    } else if old.is_some_and(|old| old.due != task.due || old.zone != task.zone) {
        work.follow_due(task);
    }
    match &patch.reminders {
        Change::Keep => {}
        Change::Clear => task.reminders.clear(),
        Change::Set(drafts) => task.reminders = work.replaced_reminders(task, drafts)?,
    }
    if !task.status.is_open()
        && old.is_some_and(|old| {
            let had = |id| old.reminders.iter().any(|set| set.id == id);
            task.reminders.iter().any(|set| !had(set.id))
        })
    {
        return Err(remind::closed());
    }
    series::amend(work, old, task, &patch.recurrence, scope)
}

fn change<T: Clone>(field: &mut Option<T>, change: &Change<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *field = None,
        Change::Set(value) => *field = Some(value.clone()),
    }
}

fn tags(task: &mut Task, patch: &Patch) -> Result<(), Rejection> {
    match &patch.tags {
        Change::Keep => {}
        Change::Clear => task.tags.clear(),
        Change::Set(tags) => task.tags = unique(tags),
    }
    for tag in &patch.add_tags {
        if !task.tags.contains(tag) {
            task.tags.push(tag.clone());
        }
    }
    task.tags.retain(|tag| !patch.remove_tags.contains(tag));
    tags_fit(task)
}

/// 20 tags and no more.
pub(super) fn tags_fit(task: &Task) -> Result<(), Rejection> {
    if task.tags.len() <= TASK_TAGS_MAX {
        return Ok(());
    }
    Err(invalid("/tags", Code::OutOfRange, "A task has at most 20 tags."))
}

/// Each once, in the order given.
pub(super) fn unique(tags: &[Tag]) -> Vec<Tag> {
    let mut seen = Vec::with_capacity(tags.len());
    for tag in tags {
        if !seen.contains(tag) {
            seen.push(tag.clone());
        }
    }
    seen
}

/// Zone and due date: a zone alone keeps the wall clock.
fn when(work: &Work<'_>, task: &mut Task, patch: &Patch) {
    let was = task.zone;
    change(&mut task.zone, &patch.zone);
    let zone = work.zone_of(task);
    match patch.due {
        Change::Keep if task.zone == was => {}
        Change::Keep => task.due = task.due.map(|due| Due::new(due.local(), zone)),
        Change::Clear => task.due = None,
        Change::Set(when) => task.due = Some(remind::due(when, zone)),
    }
}

fn needs_due_date<T>(due: &Change<T>) -> Rejection {
    let pointer = if matches!(due, Change::Clear) { "/due_date" } else { "/recurrence" };
    let detail = "A recurring task needs a due date: its first occurrence.";
    let fault = Fault::new(pointer, Code::Required, detail);
    Rejection::with(Slug::RecurrenceNeedsDueDate, detail, vec![fault])
}

/// `what`, moved as far as from one civil time to another; all of them days, or all moments.
fn moved(from: Local, to: Local, what: Local) -> Option<Local> {
    match (from, to, what) {
        (Local::Day(from), Local::Day(to), Local::Day(day)) => {
            day.checked_add_signed(to - from).map(Local::Day)
        }
        (Local::Moment(from), Local::Moment(to), Local::Moment(at)) => {
            at.checked_add_signed(to - from).map(Local::Moment)
        }
        _ => None,
    }
}
