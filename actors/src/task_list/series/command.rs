//! What a user can ask of a rule itself.

use std::sync::Arc;

use uuid::Uuid;

use super::{Template, bad_rule, floor, fresh, make, note_skip, room, share, stop};
use crate::{
    message::{
        fault::{Code, Fault},
        rejection::{Rejection, Slug},
        series::{Series, SeriesStatus, TemplateReminder},
        task::command::{
            Change, Done, Patch, ReminderAt, ReminderDraft, Reply, Scope, SeriesDraft, SeriesPatch,
            TaskRef,
        },
        text::TASK_TAGS_MAX,
        time::Local,
    },
    recurrence::rule::{Mode, Rule},
    task_list::{
        coming, edit, remind,
        state::is_live,
        work::{Work, invalid},
    },
};

/// `PUT /tasks/{id}/recurrence`.
pub(in crate::task_list) fn set(
    work: &mut Work<'_>,
    task: TaskRef,
    rule: &Arc<Rule>,
    expect: Option<u64>,
) -> Result<Done, Rejection> {
    let task = work.find(task, expect)?;
    let patch = Patch { recurrence: Change::Set(rule.clone()), ..Patch::default() };
    edit::edit(work, &task, &patch, Scope::Following)
}

/// `DELETE /tasks/{id}/recurrence`: no occurrence after it.
pub(in crate::task_list) fn unset(
    work: &mut Work<'_>,
    task: TaskRef,
    expect: Option<u64>,
) -> Result<Done, Rejection> {
    let task = work.find(task, expect)?;
    let patch = Patch { recurrence: Change::Clear, ..Patch::default() };
    edit::edit(work, &task, &patch, Scope::Following)
}

fn reply(series: Arc<Series>) -> Reply {
    Reply::Series { series, skipped: None, next: None }
}

fn ended() -> Rejection {
    Rejection::new(Slug::RuleEnded, "The rule has ended; make a new one.")
}

fn live(work: &Work<'_>, id: Uuid, expect: Option<u64>) -> Result<Series, Rejection> {
    let series = work.rule(id, expect)?;
    if is_live(&series) { Ok((*series).clone()) } else { Err(ended()) }
}

/// `POST /recurrences`.
pub(in crate::task_list) fn create(
    work: &mut Work<'_>,
    draft: &SeriesDraft,
) -> Result<Reply, Rejection> {
    if let Some(series) = work.list.series.get(&work.id) {
        return Ok(reply(series.clone()));
    }
    let zone = draft.zone.unwrap_or_else(|| work.zone());
    let start = remind::due(draft.start, zone).local();
    draft.rule.check(start, Some(zone)).map_err(|faults| bad_rule(faults, "/recurrence"))?;
    let title = draft.task.title.clone().ok_or_else(|| {
        invalid("/task/title", Code::Required, "The tasks of a rule need a title.")
    })?;
    room(work)?;
    let mut series = fresh(work, work.id, &draft.rule, start);
    series.template.title = title;
    amend_template(work, &mut series.template, &draft.task)?;
    (series.zone, series.standalone) = (draft.zone, true);
    let first = draft.rule.pure_occurrences(start, Some(zone), None).next();
    let Some(first) = first else {
        let fault = Fault::new("", Code::Invalid, "The rule has no occurrence at all.");
        return Err(bad_rule(vec![fault], "/recurrence"));
    };
    match draft.rule.mode() {
        Mode::Completion => {
            make(work, &series, coming::Next { start: first, made: 1 }, None);
        }
        Mode::Schedule => {
            let floor = floor(start, work.at.now.local(zone));
            series.last = (start <= floor).then_some(floor);
            work.put_series(series);
        }
    }
    Ok(reply(work.rule(work.id, None)?))
}

/// A template takes what a draft says of it; its reminders can only lead.
fn amend_template(
    work: &Work<'_>,
    template: &mut Template,
    patch: &Patch,
) -> Result<(), Rejection> {
    if let Some(title) = &patch.title {
        template.title = title.clone();
    }
    match &patch.description {
        Change::Keep => {}
        Change::Clear => template.description = None,
        Change::Set(description) => template.description = Some(description.clone()),
    }
    match patch.priority {
        Change::Keep => {}
        Change::Clear => template.priority = None,
        Change::Set(priority) => template.priority = Some(priority),
    }
    match &patch.tags {
        Change::Keep => {}
        Change::Clear => template.tags.clear(),
        Change::Set(tags) => template.tags = edit::unique(tags),
    }
    if template.tags.len() > TASK_TAGS_MAX {
        return Err(invalid("/task/tags", Code::OutOfRange, "A task has at most 20 tags."));
    }
    match &patch.reminders {
        Change::Keep => {}
        Change::Clear => template.reminders.clear(),
        Change::Set(drafts) => {
            let lead = |(index, draft): (usize, &ReminderDraft)| lead(work, index, draft);
            template.reminders = drafts.iter().enumerate().map(lead).collect::<Result<_, _>>()?;
        }
    }
    if template.reminders.len() > crate::task_list::TASK_REMINDERS_MAX {
        let detail = "A task has at most 20 pending reminders.";
        return Err(crate::task_list::work::limit(detail));
    }
    Ok(())
}

fn lead(
    work: &Work<'_>,
    index: usize,
    draft: &ReminderDraft,
) -> Result<TemplateReminder, Rejection> {
    let ReminderAt::Lead(lead_time) = draft.at else {
        let pointer = format!("/task/reminders/{index}");
        return Err(invalid(pointer, Code::Invalid, "A rule's reminders have a lead time."));
    };
    let channels = draft.channels.clone();
    Ok(TemplateReminder {
        lead_time,
        channels: channels.unwrap_or_else(|| work.list.settings.channels.clone()),
        webhook_url: draft.webhook_url.clone(),
        email_address: draft.email_address.clone(),
    })
}

/// `PATCH /recurrences/{id}`: changes what follows.
pub(in crate::task_list) fn edit(
    work: &mut Work<'_>,
    id: Uuid,
    patch: &SeriesPatch,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let held = live(work, id, expect)?;
    let mut series = held.clone();
    match patch.zone {
        Change::Keep => {}
        Change::Clear => series.zone = None,
        Change::Set(zone) => series.zone = Some(zone),
    }
    let zone = series.zone.unwrap_or_else(|| work.zone());
    if let Some(start) = patch.start {
        series.start = remind::due(start, zone).local();
    }
    if let Some(rule) = &patch.rule {
        series.rule = rule.clone();
    }
    amend_template(work, &mut series.template, &patch.task)?;
    if series.rule != held.rule || series.start != held.start {
        let checked = series.rule.check(series.start, Some(zone));
        checked.map_err(|faults| bad_rule(faults, "/recurrence"))?;
        if series.rule.mode() == Mode::Schedule {
            let floor = floor(series.start, work.at.now.local(zone));
            series.last = Some(series.last.map_or(floor, |last| last.max(floor)));
        }
        share(work, &series, Uuid::nil());
        series.open_task_ids.clone_from(&work.rule(id, None)?.open_task_ids);
    }
    Ok(reply(work.put_series(series)))
}

/// `DELETE /recurrences/{id}`: open tasks stay, without recurrence.
pub(in crate::task_list) fn cancel(
    work: &mut Work<'_>,
    id: Uuid,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let series = work.rule(id, expect)?;
    // One that has ended by itself may have open tasks yet.
    stop(work, &series, Uuid::nil());
    Ok(reply(work.rule(id, None)?))
}

/// `POST /recurrences/{id}/pause`.
pub(in crate::task_list) fn pause(
    work: &mut Work<'_>,
    id: Uuid,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let mut series = live(work, id, expect)?;
    series.status = SeriesStatus::Paused;
    Ok(reply(work.put_series(series)))
}

/// `POST /recurrences/{id}/resume`: nothing is made for the time of the pause.
pub(in crate::task_list) fn resume(
    work: &mut Work<'_>,
    id: Uuid,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let mut series = live(work, id, expect)?;
    if series.status == SeriesStatus::Active {
        return Ok(reply(work.rule(id, None)?));
    }
    series.status = SeriesStatus::Active;
    let zone = series.zone.unwrap_or_else(|| work.zone());
    let now = work.at.now.local(zone);
    let floor = floor(series.start, now);
    if series.rule.mode() == Mode::Schedule {
        series.last = Some(series.last.map_or(floor, |last| last.max(floor)));
        return Ok(reply(work.put_series(series)));
    }
    // Completed during the pause: the next that lies ahead is made now.
    if series.open_task_ids.is_empty()
        && let Some(last) = series.last
    {
        let follow =
            |at: &coming::Next| coming::after(&series, zone, at.start, series.made, now).ok();
        let first = coming::Next { start: last, made: series.made };
        let next = std::iter::successors(follow(&first), follow).find(|next| next.start > floor);
        let previous = series.last_task;
        match next {
            Some(next) => {
                make(work, &series, next, previous);
            }
            None => {
                let reason = crate::message::series::EndedReason::Until;
                super::complete::end(work, &series, reason, None);
            }
        }
        return Ok(reply(work.rule(id, None)?));
    }
    Ok(reply(work.put_series(series)))
}

/// `POST /recurrences/{id}/skip`: passes one coming occurrence over, by default the next.
pub(in crate::task_list) fn skip(
    work: &mut Work<'_>,
    id: Uuid,
    occurrence: Option<Local>,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let mut series = live(work, id, expect)?;
    let zone = series.zone.unwrap_or_else(|| work.zone());
    let now = work.at.now.local(zone);
    let means = |wanted: Local, start: Local| match wanted {
        Local::Day(day) => start.date() == day,
        Local::Moment(_) => start == wanted,
    };
    let none = || {
        invalid("/occurrence", Code::Invalid, "The rule has no coming occurrence of that start.")
    };
    let known = occurrence
        .and_then(|wanted| series.skips.iter().copied().find(|skipped| means(wanted, *skipped)));
    let skipped = match (known, occurrence) {
        (Some(skipped), _) => skipped,
        (None, None) => {
            coming::preview(&series, zone, now, 1).0.first().copied().ok_or_else(none)?
        }
        (None, Some(wanted)) => {
            // As far as anybody looks ahead; beyond, the rule is asked in vain.
            let (starts, _) = coming::preview(&series, zone, now, 1_000);
            starts.into_iter().find(|start| means(wanted, *start)).ok_or_else(none)?
        }
    };
    note_skip(&mut series, skipped);
    let next = coming::preview(&series, zone, now, 1).0.first().copied();
    let series = work.put_series(series);
    Ok(Reply::Series { series, skipped: Some(skipped), next })
}
