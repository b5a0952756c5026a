//! A VTODO made a task: a new one, or what it changes of the one that is held.

use std::sync::Arc;

use actors::{
    message::{
        series::{EndedReason, Series, SeriesStatus, Template},
        task::{Due, SetReminder, Status, Task},
        time::{Local, Timestamp},
    },
    recurrence::rule::{Mode, Rule},
};
use chrono_tz::Tz;
use uuid::Uuid;

use super::{
    Fail, KEPT_BYTES_MAX, Owner, alarm, fail,
    group::{Group, View, description, is_second, priority, status, tags, title},
    line::{self, Line},
    part::{Content, Part, write},
    rule, when,
    zone::Zones,
};
use crate::problem::Slug;

/// The namespace of ids of tasks whose UID is none of ours.
const UIDS: Uuid = Uuid::from_u128(0x6f3d_5a0c_9f0e_4d1b_8a52_6c1f_7b2e_90d4);
/// Lines that follow from the task and are never kept.
pub(super) const STAMPS: [&str; 3] = ["DTSTAMP", "CREATED", "LAST-MODIFIED"];

/// How much is done, which must not speak against STATUS.
pub(super) const PERCENT: &str = "PERCENT-COMPLETE";

/// The id of a task by its UID, which is the id itself where it can be one. One occurrence that is written by itself
/// (RECURRENCE-ID) is a task of its own.
pub(super) fn id(part: &Part) -> Result<Uuid, Fail> {
    let Some(uid) = part.text("UID") else {
        return Err(fail(part.at, Slug::Invalid, "The VTODO has no UID.".to_owned()));
    };
    let own = || Uuid::new_v5(&UIDS, uid.trim().as_bytes());
    let whole = Uuid::try_parse(uid.trim()).ok().filter(|id| !id.is_nil()).unwrap_or_else(own);
    Ok(match part.line("RECURRENCE-ID") {
        None => whole,
        Some((_, line)) => Uuid::new_v5(&whole, line.value.trim().as_bytes()),
    })
}

/// What is held of a task and its rule.
#[derive(Clone, Copy, Default)]
pub(super) struct Held<'a> {
    pub(super) task: Option<&'a Task>,
    pub(super) series: Option<&'a Series>,
}

/// The task that a VTODO comes to, and its rule where that is new or changed.
pub(super) fn read(
    part: &Part,
    held: Held<'_>,
    owner: &Owner,
    zones: &Zones,
) -> Result<(Task, Option<Series>), Fail> {
    for content in &part.lines {
        if Line::parse(&content.text).is_none() {
            let why = "This is no content line: NAME:value.".to_owned();
            return Err(fail(content.at, Slug::Malformed, why));
        }
    }
    let mut task = fields(part, id(part)?, held.task, owner, zones)?;
    let zone = task.zone.unwrap_or(owner.zone);
    let rule = rule::read(part, task.due, zone, zones)?;
    let kept = held.task.map(|task| &task.reminders[..]).unwrap_or_default();
    let (reminders, mut alarms) = alarm::read(part, &task, kept, owner, zones);
    task.reminders = with_fired(reminders, kept, owner);
    let series = follow(&mut task, rule.as_ref(), held, owner);
    alarms.extend(part.parts.iter().filter(|part| part.name != "VALARM").cloned());
    let view = View { task: &task, rule, owner };
    let kept = spelled(part, &view, &alarms);
    if kept.len() > KEPT_BYTES_MAX {
        let most = KEPT_BYTES_MAX / 1024;
        let why = format!("The VTODO says more than {most} KiB that a task has no field for.");
        return Err(fail(part.at, Slug::TooLarge, why));
    }
    task.ical = (!kept.is_empty()).then(|| kept.into());
    Ok((task, series))
}

/// The fields of a task that stand by themselves.
fn fields(
    part: &Part,
    id: Uuid,
    held: Option<&Task>,
    owner: &Owner,
    zones: &Zones,
) -> Result<Task, Fail> {
    let (due, zone) = when::due(part, owner.zone, zones)?;
    let (status, completed) = status(part, owner, zones);
    let stamp = |name| when::instant(part, name, owner.zone, zones);
    let created = stamp("CREATED").or_else(|| stamp("DTSTAMP")).unwrap_or(owner.now);
    let created = created.min(owner.now);
    let changed = stamp("LAST-MODIFIED").unwrap_or(created).min(owner.now);
    let had = held.filter(|held| held.status == status).and_then(|held| held.completed_at);
    let completed_at = match status {
        Status::Completed if completed.is_none() || is_second(completed, had) => {
            had.or(completed).or(Some(changed))
        }
        Status::Completed => completed,
        _ => None,
    };
    let blank = || Task {
        id,
        number: 0,
        title: actors::message::text::Title::parse("untitled").expect("a word is a title"),
        description: None,
        status,
        priority: None,
        tags: Vec::new(),
        due: None,
        zone: None,
        recurrence: None,
        recurrence_id: None,
        occurrence: None,
        reminders: Vec::new(),
        position: "".into(),
        created_at: created,
        updated_at: changed,
        completed_at: None,
        deleted_at: None,
        version: 0,
        next: None,
        ical: None,
    };
    Ok(Task {
        title: title(part)?,
        description: description(part)?,
        status,
        priority: priority(part),
        tags: tags(part),
        due,
        zone,
        completed_at,
        deleted_at: None,
        ..held.cloned().unwrap_or_else(blank)
    })
}

/// The reminders of a file, and what has rung already: no file takes back what was.
fn with_fired(
    reminders: Vec<SetReminder>,
    held: &[SetReminder],
    owner: &Owner,
) -> Vec<SetReminder> {
    let fired = held.iter().filter(|set| set.remind_at <= owner.now);
    let fired = fired.filter(|set| !reminders.iter().any(|other| other.id == set.id));
    let mut all: Vec<SetReminder> = fired.cloned().collect();
    all.extend(reminders);
    let place = |set: &SetReminder| held.iter().position(|had| had.id == set.id);
    all.sort_by_key(|set| place(set).unwrap_or(usize::MAX));
    all
}

/// Makes a task follow the rule that a file gives it. What the file does not change stays as it is.
fn follow(task: &mut Task, rule: Option<&Rule>, held: Held<'_>, owner: &Owner) -> Option<Series> {
    let zone = task.zone.unwrap_or(owner.zone);
    let was = held.task.and_then(|task| rule::shown(task, held.series, zone));
    let moved = held.task.is_none_or(|had| (had.due, had.zone) != (task.due, task.zone));
    if was.as_ref() == rule && !moved || was.is_none() && rule.is_none() {
        let mut series = held.series.filter(|_| rule.is_some())?.clone();
        let template = held.task.map(Template::of);
        if template.as_ref() != Some(&self::Template::of(task)) {
            series.template = self::Template::of(task);
            return Some(series);
        }
        return None;
    }
    let Some((rule, due)) = rule.zip(task.due) else {
        (task.recurrence, task.recurrence_id, task.occurrence) = (None, None, None);
        let mut series = held.series?.clone();
        (series.status, series.ended_reason) = (SeriesStatus::Ended, Some(EndedReason::Cancelled));
        return Some(series);
    };
    let id = task.recurrence_id.unwrap_or_else(|| Uuid::new_v5(&task.id, b"rule"));
    task.recurrence = Some(Arc::new(rule.clone()));
    task.recurrence_id = Some(id);
    task.occurrence = Some(due.local());
    Some(series(task, id, rule, due, held.series, owner))
}

fn series(
    task: &Task,
    id: Uuid,
    rule: &Rule,
    due: Due,
    held: Option<&Series>,
    owner: &Owner,
) -> Series {
    let start = due.local();
    let open = task.status.is_open();
    // What was over before is not made after the fact by a rule that makes its tasks by itself.
    let last = match (rule.mode(), start) {
        (Mode::Completion, _) => start,
        (Mode::Schedule, Local::Day(_)) => start.max(Local::Day(today(owner))),
        (Mode::Schedule, Local::Moment(_)) => start.max(Local::Moment(now(owner))),
    };
    let dates = held.map(|held| (held.created_at, held.version));
    let (created_at, version) = dates.unwrap_or((task.created_at, 0));
    Series {
        id,
        rule: Arc::new(rule.clone()),
        start,
        zone: task.zone,
        template: Template::of(task),
        status: if open { SeriesStatus::Active } else { SeriesStatus::Ended },
        ended_reason: (!open).then_some(EndedReason::Cancelled),
        ended_by: (!open).then_some(task.id),
        standalone: false,
        next_due: None,
        made: 1,
        last: Some(last),
        last_task: Some(task.id),
        skips: Vec::new(),
        open_task_ids: Vec::new(),
        version,
        created_at,
        updated_at: task.updated_at,
    }
}

fn now(owner: &Owner) -> chrono::NaiveDateTime {
    Timestamp(owner.now.0 / 1_000 * 1_000).local(owner.zone)
}

fn today(owner: &Owner) -> chrono::NaiveDate {
    now(owner).date().pred_opt().unwrap_or_default()
}

/// DTSTART as we write it: a rule needs one.
pub(super) fn start(view: &View<'_>) -> Option<String> {
    let recurs = view.lines(Group::Rule).iter().any(|line| line.starts_with("RRULE"));
    let due = view.lines(Group::Due);
    let value = due.first().filter(|_| recurs)?.strip_prefix("DUE")?;
    Some(format!("DTSTART{value}"))
}

/// Whether a start does not lie behind the due date, as RFC 5545 (3.8.2.3) has it: one of the two may have moved since.
pub(super) fn begins_in_time(part: &Part, view: &View<'_>) -> bool {
    let start = part.line("DTSTART").and_then(|line| when::stamp(&line, &Zones::default()).ok());
    let Some((start, due)) = start.zip(view.task.due) else { return true };
    let zone = view.task.zone.unwrap_or(view.owner.zone);
    let at = |due: Due| due.instant(chrono::NaiveTime::MIN, zone);
    at(start.due(zone)) <= at(due)
}

/// What a file says beyond what we would write of the task ourselves.
fn spelled(part: &Part, view: &View<'_>, alarms: &[Part]) -> String {
    let in_time = begins_in_time(part, view);
    // Of what may be there once, the first counts.
    let is_first = |name: &str, at: usize| part.line(name).is_some_and(|(first, _)| first == at);
    let says = |content: &&Content| match line::name(&content.text).as_str() {
        // A start that is not given back counts nothing.
        name @ "DTSTART" => in_time && is_first(name, content.at),
        "DURATION" => in_time,
        // A word of ours that is no zone says nothing.
        name @ (when::ZONE | when::FOLLOWS) => is_first(name, content.at) && is_zone(content),
        _ => true,
    };
    let theirs: Vec<&Content> = part.lines.iter().filter(says).collect();
    let same = |group: Group| {
        let named = |name: &str| group.names().contains(&name);
        let theirs = theirs.iter().filter(|content| named(&line::name(&content.text)));
        theirs.map(|content| content.text.as_str()).eq(view.lines(group).iter().map(String::as_str))
    };
    let same = Group::ALL.map(|group| (group, same(group)));
    let (uid, start) = (format!("UID:{}", view.task.id), start(view));
    let mut lines: Vec<(usize, String)> = Vec::new();
    for content in theirs {
        let name = line::name(&content.text);
        let group = Group::of(&name);
        let ours = match group {
            Some(Group::Priority) => view.task.priority.is_some(),
            Some(group) => same.contains(&(group, true)),
            None => {
                STAMPS.contains(&name.as_str())
                    || content.text == uid
                    || start.as_ref() == Some(&content.text)
            }
        };
        let text = match name.as_str() {
            PERCENT => percent(view.task, &content.text),
            _ => content.text.clone(),
        };
        if !ours {
            lines.push((place(&name, group), text));
        }
    }
    // In the order in which they are given back, so that what is given back is kept alike.
    lines.sort_by_key(|(place, _)| *place);
    let mut kept = String::new();
    lines.iter().for_each(|(_, line)| write(&mut kept, line));
    for alarm in alarms {
        alarm.write(&mut kept);
    }
    kept
}

fn is_zone(content: &Content) -> bool {
    Line::parse(&content.text).is_some_and(|line| line.value.trim().parse::<Tz>().is_ok())
}

/// Where a line stands in what we write.
fn place(name: &str, group: Option<Group>) -> usize {
    let place = Group::ALL.iter().position(|other| Some(*other) == group);
    match (name, place) {
        ("UID", _) => 0,
        ("DTSTART", _) => 1,
        (_, Some(place)) => 2 + place,
        (_, None) => usize::MAX,
    }
}

/// How much of a task is done, where its status does not say otherwise.
pub(super) fn percent(task: &Task, line: &str) -> String {
    let whole = Line::parse(line).is_some_and(|line| line.value.trim() == "100");
    match (task.status, whole) {
        (Status::Completed, false) => format!("{PERCENT}:100"),
        (Status::Pending | Status::InProgress, true) => format!("{PERCENT}:0"),
        _ => line.to_owned(),
    }
}
