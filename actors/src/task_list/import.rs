//! Import of whole objects as they were exported: known ids are skipped or replaced, the same again changes nothing.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use super::{
    edit,
    event::{Event, Fate},
    fact, order, settings,
    state::{is_live, is_open},
    work::{Work, limit},
};
use crate::message::{
    call::Cause,
    rejection::Rejection,
    series::Series,
    task::{
        Task,
        command::{Imported, Settings, SettingsPatch},
    },
    text::Tag,
};

/// What is imported.
pub(super) struct File<'a> {
    pub(super) tasks: &'a [Arc<Task>],
    pub(super) series: &'a [Arc<Series>],
    pub(super) tags: &'a [Tag],
    pub(super) settings: Option<&'a SettingsPatch>,
}

/// What becomes of objects whose id is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Skip,
    Replace,
}

/// What became of one object.
enum Fared {
    Created,
    Updated,
    Skipped,
}

/// Imports a file. Rules come first, so that tasks find theirs.
pub(super) fn import(work: &mut Work<'_>, known: Known, file: &File<'_>) -> Imported {
    let mut imported = Imported::default();
    work.cause = Some(Cause { kind: "import".to_owned(), id: work.id });
    let mut count = |index: usize, fared: Result<Fared, Rejection>| match fared {
        Ok(Fared::Created) => imported.created += 1,
        Ok(Fared::Updated) => imported.updated += 1,
        Ok(Fared::Skipped) => imported.skipped += 1,
        Err(no) => imported.failed.push((index, no)),
    };
    if let Some(patch) = file.settings {
        count(0, Ok(configure(work, known, patch)));
    }
    let newest = newest(file.tasks);
    for (index, series) in file.series.iter().enumerate() {
        let fared = rule(work, known, series, newest.get(&series.id).copied());
        count(file.tasks.len() + index, fared);
    }
    for (index, task) in file.tasks.iter().enumerate() {
        count(index, one(work, known, task));
    }
    for (index, tag) in file.tags.iter().enumerate() {
        count(file.tasks.len() + file.series.len() + index, Ok(name(work, tag)));
    }
    work.cause = None;
    imported
}

fn configure(work: &mut Work<'_>, known: Known, patch: &SettingsPatch) -> Fared {
    let old = work.list.settings.clone();
    let new = settings::patched(&old, patch);
    if *old == new || known == Known::Skip && *old != Settings::default() {
        return Fared::Skipped;
    }
    match settings::configure(work, patch) {
        Ok(_) => Fared::Updated,
        Err(_) => Fared::Skipped,
    }
}

fn name(work: &mut Work<'_>, tag: &Tag) -> Fared {
    if work.list.tags.contains_key(tag) {
        return Fared::Skipped;
    }
    work.emit(Event::Tagged { tag: tag.clone(), created_at: work.at.now });
    Fared::Created
}

/// The newest occurrence of each rule in a file.
fn newest(tasks: &[Arc<Task>]) -> BTreeMap<Uuid, &Task> {
    let mut newest: BTreeMap<Uuid, &Task> = BTreeMap::new();
    for task in tasks {
        if let Some(rule) = task.recurrence_id {
            let held = newest.entry(rule).or_insert(task);
            if held.occurrence < task.occurrence {
                *held = task;
            }
        }
    }
    newest
}

fn rule(
    work: &mut Work<'_>,
    known: Known,
    file: &Series,
    newest: Option<&Task>,
) -> Result<Fared, Rejection> {
    let held = work.list.series.get(&file.id).cloned();
    let mut new = file.clone();
    new.last = new.last.or(newest.and_then(|task| task.occurrence));
    new.last_task = new.last_task.or(newest.map(|task| task.id));
    new.open_task_ids = held.as_ref().map_or_else(Vec::new, |held| held.open_task_ids.clone());
    match held {
        Some(_) if known == Known::Skip => Ok(Fared::Skipped),
        Some(held) => {
            if new.start == held.start {
                new.last = new.last.max(held.last);
                new.last_task = held.last_task.or(new.last_task);
            }
            (new.next_due, new.version) = (held.next_due, held.version);
            new.updated_at = held.updated_at;
            new.standalone |= held.standalone;
            new.ended_by = new.ended_by.or(held.ended_by);
            if new.skips.is_empty() {
                new.skips.clone_from(&held.skips);
            }
            if *held == new {
                return Ok(Fared::Skipped);
            }
            work.put_series(new);
            Ok(Fared::Updated)
        }
        None if is_live(&new) && work.list.rules >= super::RULES_MAX => {
            Err(limit("You have 1,000 rules; cancel some first."))
        }
        None => {
            work.put_series(new);
            Ok(Fared::Created)
        }
    }
}

fn one(work: &mut Work<'_>, known: Known, file: &Task) -> Result<Fared, Rejection> {
    if work.list.archived_ids.contains(&file.id) {
        return Ok(Fared::Skipped);
    }
    let held = work.list.get(file.id).cloned();
    if held.is_some() && known == Known::Skip {
        return Ok(Fared::Skipped);
    }
    let mut new = file.clone();
    new.tags = edit::unique(&new.tags);
    edit::tags_fit(&new)?;
    let was_open = held.as_deref().is_some_and(is_open);
    if is_open(&new) && !was_open {
        work.room()?;
    }
    match &held {
        Some(held) => {
            (new.number, new.position) = (held.number, held.position.clone());
            (new.version, new.updated_at) = (held.version, held.updated_at);
            new.next = new.next.or_else(|| held.next.clone());
        }
        None => {
            let free = new.number > 0
                && !work.list.tasks.contains_key(&new.number)
                && !work.list.archived.contains_key(&new.number);
            if !free {
                new.number = work.list.numbered + 1;
            }
            let kept = order::is_position(&new.position)
                && !work.list.positions.contains_key(&new.position);
            if !kept {
                new.position = order::last(&work.list);
            }
        }
    }
    reminders(work, held.as_deref(), &mut new);
    if is_open(&new) {
        let had = held.as_deref().map_or(&[][..], |held| &held.reminders);
        work.room_for(had, &new.reminders)?;
    }
    put(work, held.as_deref(), new)
}

/// A reminder keeps its id unless another task has it; what the file does not know of it stays. One that becomes another
/// is a change of the user's, with a version above those that were seen.
fn reminders(work: &mut Work<'_>, held: Option<&Task>, new: &mut Task) {
    for set in &mut new.reminders {
        let had = held.and_then(|held| held.reminders.iter().find(|had| had.id == set.id));
        if let Some(had) = had {
            let same = (had.lead_time, had.remind_at) == (set.lead_time, set.remind_at)
                && had.channels == set.channels;
            if same {
                (set.version, set.created_at) = (had.version, had.created_at);
            } else {
                set.version = work.reminder_version(had.version);
            }
        } else if work.list.reminders.contains_key(&set.id) {
            set.id = work.mint();
        }
    }
}

fn put(work: &mut Work<'_>, held: Option<&Task>, mut new: Task) -> Result<Fared, Rejection> {
    if held.is_some_and(|held| *held == new) {
        return Ok(Fared::Skipped);
    }
    let changes = held.map(|held| fact::changes(held, &new)).unwrap_or_default();
    let fate = match held {
        None => Fate::Created,
        Some(held) => match (held.deleted_at, new.deleted_at) {
            (None, Some(_)) => Fate::Deleted,
            (Some(_), None) => Fate::Restored,
            // Of what is not shown nobody is told.
            _ if changes.is_empty() && held.completed_at == new.completed_at => Fate::Touched,
            _ => Fate::Updated,
        },
    };
    if fate != Fate::Touched {
        new.version = work.at.sequence;
        if held.is_some() {
            new.updated_at = work.at.now;
        }
    }
    let cause = work.cause.clone();
    work.emit(Event::Task { fate, task: Arc::new(new), changes, cause });
    Ok(if held.is_none() { Fared::Created } else { Fared::Updated })
}
