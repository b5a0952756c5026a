//! Rules: how a task comes to follow one, what changes it, and how it makes tasks.

mod command;

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use uuid::Uuid;

use super::{
    coming::{self, Next},
    complete, edit,
    event::{Event, Fate},
    order, ring,
    state::{TaskList, is_live, is_open},
    work::{Work, limit},
};
use crate::{
    message::{
        call::Cause,
        fault::Fault,
        rejection::{Rejection, Slug},
        series::{EndedReason, Series, SeriesStatus, Template},
        task::{
            Due, SetReminder, Status, Task,
            command::{Change, Scope},
        },
        time::Local,
    },
    recurrence::rule::{Mode, Rule},
};

pub(super) use command::{cancel, create, edit, pause, resume, set, skip, unset};

/// How many rules are kept in all; ended ones beyond are forgotten, the oldest first.
const KEPT_MAX: usize = 2 * super::RULES_MAX;
/// How many skipped starts a rule remembers.
const SKIPS_MAX: usize = 366;

/// What a task's rule comes to by a patch; `task` has its new due date and zone.
pub(super) fn amend(
    work: &mut Work<'_>,
    old: Option<&Task>,
    task: &mut Task,
    change: &Change<Arc<Rule>>,
    scope: Scope,
) -> Result<(), Rejection> {
    match change {
        Change::Set(rule) if task.recurrence.as_ref() != Some(rule) => assign(work, task, rule),
        Change::Keep | Change::Set(_) => {
            if let Some(old) = old.filter(|_| scope != Scope::This) {
                follow(work, old, task);
            }
            Ok(())
        }
        Change::Clear => {
            if let Some(series) = work.rule_of(task).filter(|_| scope != Scope::This) {
                task.recurrence_id = None;
                stop(work, &series, task.id);
            }
            detach(task);
            Ok(())
        }
    }
}

/// Takes a rule off a task.
pub(super) fn detach(task: &mut Task) {
    task.recurrence = None;
    task.recurrence_id = None;
    task.occurrence = None;
}

/// Ends a rule for good; its open tasks stay, without it.
fn stop(work: &mut Work<'_>, series: &Series, but: Uuid) {
    for id in series.open_task_ids.iter().filter(|id| **id != but) {
        let mut task = (*work.again(*id)).clone();
        detach(&mut task);
        work.put(Fate::Updated, task);
    }
    if let Some(series) = work.list.series.get(&series.id).cloned()
        && is_live(&series)
    {
        complete::end(work, &series, EndedReason::Cancelled, None);
    }
}

/// Gives a task a rule; the rule that it follows already is replaced.
fn assign(work: &mut Work<'_>, task: &mut Task, rule: &Arc<Rule>) -> Result<(), Rejection> {
    let Some(due) = task.due else { return Ok(()) };
    let start = due.local();
    let zone = work.zone_of(task);
    rule.check(start, Some(zone)).map_err(|faults| bad_rule(faults, "/recurrence"))?;
    let held = work.rule_of(task).filter(|series| is_live(series));
    task.recurrence = Some(rule.clone());
    let last = start.max(floor(start, work.at.now.local(zone)));
    let last = if rule.mode() == Mode::Schedule { last } else { start };
    let series = match held {
        Some(series) => {
            let mut series = (*series).clone();
            series.rule = rule.clone();
            series.zone = task.zone;
            if carries(&series, task) {
                (series.start, series.last, series.last_task) = (start, Some(last), Some(task.id));
                series.made = 1;
                series.skips.clear();
                series.standalone = false;
                task.occurrence = Some(start);
            }
            share(work, &series, task.id);
            series
        }
        None => {
            room(work)?;
            let mut series = fresh(work, work.id, rule, start);
            series.id = Uuid::new_v5(&work.id, b"rule");
            if work.list.series.contains_key(&series.id) {
                let name = format!("rule/{}", work.at.sequence);
                series.id = Uuid::new_v5(&work.id, name.as_bytes());
            }
            series.zone = task.zone;
            series.template = Template::of(task);
            (series.made, series.last, series.last_task) = (1, Some(last), Some(task.id));
            task.recurrence_id = Some(series.id);
            task.occurrence = Some(start);
            series
        }
    };
    let series = work.put_series(series);
    if series.rule.mode() == Mode::Schedule {
        ring::finish(work, series.id);
    }
    Ok(())
}

/// The other open tasks of a rule show it as it is now.
fn share(work: &mut Work<'_>, series: &Series, but: Uuid) {
    for id in series.open_task_ids.iter().filter(|id| **id != but) {
        let mut task = (*work.again(*id)).clone();
        task.recurrence = Some(series.rule.clone());
        work.put(Fate::Updated, task);
    }
}

/// A new due date of a task re-anchors its rule; a new zone holds for what follows.
fn follow(work: &mut Work<'_>, old: &Task, task: &mut Task) {
    let Some(series) = work.rule_of(task).filter(|s| is_live(s) && carries(s, task)) else {
        return;
    };
    let mut series = (*series).clone();
    let (was, is) = (old.due.map(Due::local), task.due.map(Due::local));
    if let Some(start) = is.filter(|_| was != is) {
        if series.last_task == Some(task.id) {
            let zone = work.zone_of(task);
            let schedule = series.rule.mode() == Mode::Schedule;
            let floor = floor(start, work.at.now.local(zone));
            series.last = Some(if schedule { start.max(floor) } else { start });
            task.occurrence = Some(start);
        }
        series.start = start;
    }
    if old.zone != task.zone {
        series.zone = task.zone;
    }
    work.put_series(series);
}

/// What changed of a task holds for the occurrences to come.
pub(super) fn carry(work: &mut Work<'_>, old: &Task, task: &Task) {
    let Some(series) = work.rule_of(task).filter(|s| is_live(s) && carries(s, task)) else {
        return;
    };
    let mut series = (*series).clone();
    let new = Template::of(task);
    let was = Template::of(old);
    let held = &mut series.template;
    let replace = |changed: bool, field: &mut dyn FnMut()| {
        if changed {
            field();
        }
    };
    replace(new.title != was.title, &mut || held.title = new.title.clone());
    replace(new.description != was.description, &mut || {
        held.description.clone_from(&new.description);
    });
    replace(new.priority != was.priority, &mut || held.priority = new.priority);
    replace(new.tags != was.tags, &mut || held.tags.clone_from(&new.tags));
    replace(new.reminders != was.reminders, &mut || held.reminders.clone_from(&new.reminders));
    work.put_series(series);
}

/// The lead-time reminders of a task hold for the occurrences to come.
pub(super) fn carry_reminders(work: &mut Work<'_>, task: &Task) {
    let Some(series) = work.rule_of(task).filter(|s| is_live(s) && carries(s, task)) else {
        return;
    };
    let mut series = (*series).clone();
    series.template.reminders = Template::of(task).reminders;
    work.put_series(series);
}

/// Whether a change of this task means the occurrences to come: it is open, or the newest.
fn carries(series: &Series, task: &Task) -> bool {
    is_open(task) || series.last_task == Some(task.id)
}

/// A rule that has made nothing yet.
fn fresh(work: &Work<'_>, id: Uuid, rule: &Arc<Rule>, start: Local) -> Series {
    Series {
        id,
        rule: rule.clone(),
        start,
        zone: None,
        template: Template::of(&edit::blank(work, untitled())),
        status: SeriesStatus::Active,
        ended_reason: None,
        ended_by: None,
        standalone: false,
        next_due: None,
        made: 0,
        last: None,
        last_task: None,
        skips: Vec::new(),
        open_task_ids: Vec::new(),
        version: work.at.sequence,
        created_at: work.at.now,
        updated_at: work.at.now,
    }
}

fn untitled() -> crate::message::text::Title {
    crate::message::text::Title::parse("untitled").expect("a word is a title")
}

/// Room for one more rule that is not ended.
pub(super) fn room_among_live(work: &Work<'_>) -> Result<(), Rejection> {
    if work.list.rules >= super::RULES_MAX {
        return Err(limit("You have 1,000 rules; cancel some first."));
    }
    Ok(())
}

/// Room for one more rule; the oldest ended ones are forgotten for it.
fn room(work: &mut Work<'_>) -> Result<(), Rejection> {
    room_among_live(work)?;
    if work.list.series.len() >= KEPT_MAX {
        let ended = work.list.series.values().filter(|series| !is_live(series));
        let oldest = ended.min_by_key(|series| series.updated_at).map(|series| series.id);
        if let Some(series) = oldest {
            work.emit(Event::Forgotten { series });
        }
    }
    Ok(())
}

/// 422: what is wrong inside a rule.
pub(super) fn bad_rule(faults: Vec<Fault>, under: &str) -> Rejection {
    let faults: Vec<Fault> = faults.into_iter().map(|fault| fault.under(under)).collect();
    let detail = faults.first().map_or_else(String::new, |fault| fault.detail.clone());
    Rejection::with(Slug::InvalidRecurrence, detail, faults)
}

/// Starts up to here were over before making began: of days those before today, of moments those before now.
fn floor(start: Local, now: NaiveDateTime) -> Local {
    match start {
        Local::Day(_) => Local::Day(now.date().pred_opt().unwrap_or(now.date())),
        Local::Moment(_) => {
            let second = now.with_nanosecond(0).unwrap_or(now);
            Local::Moment(second.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(second))
        }
    }
}

/// Remembers a skipped start; forgets the oldest.
pub(super) fn note_skip(series: &mut Series, start: Local) {
    if let Err(at) = series.skips.binary_search(&start) {
        series.skips.insert(at, start);
    }
    if series.skips.len() > SKIPS_MAX {
        series.skips.remove(0);
    }
}

/// The id of an occurrence: UUIDv5(rule, original local start). A start that a moved rule comes to a second time
/// takes the number of the occurrence besides.
pub(super) fn occurrence_id(list: &TaskList, series: &Series, next: Next) -> Uuid {
    let id = Uuid::new_v5(&series.id, next.start.to_string().as_bytes());
    if !list.ids.contains_key(&id) && !list.archived_ids.contains(&id) {
        return id;
    }
    Uuid::new_v5(&series.id, format!("{}/{}", next.start, next.made).as_bytes())
}

/// Makes an occurrence.
pub(super) fn make(
    work: &mut Work<'_>,
    series: &Series,
    next: Next,
    previous: Option<Uuid>,
) -> Arc<Task> {
    let id = occurrence_id(&work.list, series, next);
    let Template { title, description, priority, tags, reminders } = series.template.clone();
    let mut task = edit::blank(work, title);
    (task.id, task.status) = (id, Status::Pending);
    (task.description, task.priority, task.tags) = (description, priority, tags);
    task.zone = series.zone;
    let zone = work.zone_of(&task);
    let due = Due::new(next.start, zone);
    task.due = Some(due);
    task.recurrence = Some(series.rule.clone());
    task.recurrence_id = Some(series.id);
    task.occurrence = Some(next.start);
    task.position = order::last(&work.list);
    for (index, lead) in reminders.into_iter().enumerate() {
        task.reminders.push(SetReminder {
            id: Uuid::new_v5(&id, format!("reminder/{index}").as_bytes()),
            lead_time: Some(lead.lead_time),
            remind_at: work.list.lead(due, lead.lead_time, zone),
            channels: lead.channels,
            webhook_url: lead.webhook_url,
            email_address: lead.email_address,
            created_at: work.at.now,
            version: u64::try_from(work.at.now.0).unwrap_or(0).max(1),
        });
    }
    let mut series = series.clone();
    (series.made, series.last, series.last_task) = (next.made, Some(next.start), Some(id));
    let rule = Cause { kind: "rule".to_owned(), id: series.id };
    let rings_at = coming::ring(&series, zone).map(|(_, moment)| moment);
    work.put_series(series);
    let cause = work.cause.replace(rule);
    let task = work.put(Fate::Created, task);
    work.cause = cause;
    work.emit(Event::Recurred { task: task.clone(), previous, rings_at });
    task
}
