//! The alarms of a VTODO and the reminders that they are.

use std::collections::HashMap;

use actors::message::{
    lead_time::LeadTime,
    reminder::Channel,
    task::{Due, SetReminder, Task},
    time::{Timestamp, resolve},
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use uuid::Uuid;

use super::{
    Owner,
    line::{Line, escape, name},
    part::{Content, Part, write},
    when,
    zone::Zones,
};

/// Most reminders that a file sets on a task; alarms beyond are kept as they are.
const REMINDERS_MAX: usize = 20;
/// Our mark, in what is kept only: the reminder that an alarm is.
const MARK: &str = "X-TICKLER-REMINDER";
/// Our word for channels other than the inbox.
const CHANNELS: &str = "X-TICKLER-CHANNELS";
/// What an alarm says of a ringing that was seen; it means nothing once the alarm has moved.
const SEEN: [&str; 2] = ["ACKNOWLEDGED", "X-MOZ-LASTACK"];

/// When an alarm rings: so long before the due date, or at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ring {
    lead: Option<LeadTime>,
    at: Timestamp,
}

impl Ring {
    fn of(set: &SetReminder) -> Self {
        Self { lead: set.lead_time, at: set.remind_at }
    }

    /// The same to the second, which is what calendars know.
    fn is(self, other: Self) -> bool {
        self.lead == other.lead && self.at.0.div_euclid(1_000) == other.at.0.div_euclid(1_000)
    }
}

/// When a task is due and begins, as far as its alarms count from it.
pub(super) struct Anchor {
    due: Option<Due>,
    start: Option<Timestamp>,
    zone: Tz,
}

impl Anchor {
    pub(super) fn of(task: &Task, part: &Part, owner: &Owner, zones: &Zones) -> Self {
        let zone = task.zone.unwrap_or(owner.zone);
        let start = part.line("DTSTART").and_then(|line| when::stamp(&line, zones).ok());
        let start = start.filter(|start| task.due.is_none_or(|due| due.local() != start.local));
        let start = start.map(|start| {
            let at = start.local.at(chrono::NaiveTime::MIN);
            resolve(at, start.zone.unwrap_or(zone)).utc.into()
        });
        Self { due: task.due, start, zone }
    }

    /// The instant of the due date; of a day, its midnight.
    fn due(&self) -> Option<Timestamp> {
        self.due.map(|due| due.instant(chrono::NaiveTime::MIN, self.zone))
    }

    /// When a reminder comes that is set so long before.
    fn lead(&self, lead: LeadTime, owner: &Owner) -> Option<Timestamp> {
        Some(lead.before(self.due?.local().at(owner.all_day), self.zone).into())
    }
}

/// When an alarm rings, if it is one that a clock can ring.
fn ring(alarm: &Part, anchor: &Anchor, owner: &Owner, zones: &Zones) -> Option<Ring> {
    let (_, trigger) = alarm.line("TRIGGER")?;
    let silent = |(_, action): (usize, Line<'_>)| action.value.trim().eq_ignore_ascii_case("NONE");
    let elsewhere = alarm.line("X-APPLE-PROXIMITY").is_some();
    if elsewhere || alarm.line("ACTION").is_some_and(silent) {
        return None;
    }
    let Some(offset) = when::duration(trigger.value) else {
        let stamp = when::stamp(&(0, trigger), zones).ok()?;
        let at = stamp.local.at(owner.all_day);
        let at = resolve(at, stamp.zone.unwrap_or(anchor.zone)).utc.into();
        return Some(Ring { lead: None, at });
    };
    let start = anchor.start.filter(|_| !trigger.says("RELATED", "END"));
    let due = anchor.due();
    let base = start.or(due)?;
    let Some(due) = due else {
        return Some(Ring { lead: None, at: base.plus(offset * 1_000) });
    };
    // So long before the due date; of a day, before the time at which it counts.
    let early = (due.0 - base.0) / 1_000 - offset;
    let counted = match anchor.due {
        Some(Due::Day(_)) => early + seconds(owner),
        _ => early,
    };
    let lead = LeadTime::new(TimeDelta::try_seconds(counted)?).ok();
    match lead {
        Some(lead) => Some(Ring { lead: Some(lead), at: anchor.lead(lead, owner)? }),
        None => Some(Ring { lead: None, at: base.plus(offset * 1_000) }),
    }
}

/// The time at which a due day counts, in seconds after its midnight.
fn seconds(owner: &Owner) -> i64 {
    (owner.all_day - chrono::NaiveTime::MIN).num_seconds()
}

/// The reminders that a file's alarms are, and the alarms as they are kept.
pub(super) fn read(
    part: &Part,
    task: &Task,
    held: &[SetReminder],
    owner: &Owner,
    zones: &Zones,
) -> (Vec<SetReminder>, Vec<Part>) {
    let anchor = Anchor::of(task, part, owner, zones);
    let (mut set, mut kept) = (Vec::<SetReminder>::new(), Vec::new());
    let mut seen: HashMap<String, u32> = HashMap::new();
    for alarm in part.parts.iter().filter(|part| part.name == "VALARM") {
        let alarm = &unmarked(alarm);
        let named = called(alarm);
        let turn = seen.entry(named.clone()).or_default();
        let id = id_of(task.id, &named, *turn, held);
        *turn += 1;
        let had = held.iter().find(|had| had.id == id);
        let ring = ring(alarm, &anchor, owner, zones);
        // One whose time is past would ring at once.
        let ring = ring.filter(|ring| had.is_some() || ring.at > owner.now);
        let ring = ring.filter(|_| set.len() < REMINDERS_MAX);
        match ring.filter(|_| !set.iter().any(|other| other.id == id)) {
            Some(ring) => {
                let reminder = reminder(alarm, ring, id, had, owner);
                if written(&reminder, task, owner) != lines(alarm) {
                    kept.push(marked(alarm, id));
                }
                set.push(reminder);
            }
            None => kept.push(alarm.clone()),
        }
    }
    (set, kept)
}

/// What tells an alarm from the others of its task.
fn called(alarm: &Part) -> String {
    let uid = alarm.text("UID").or_else(|| alarm.text("X-WR-ALARMUID"));
    let trigger = || alarm.text("TRIGGER").unwrap_or_default();
    uid.unwrap_or_else(|| format!("trigger/{}", trigger()))
}

fn id_of(task: Uuid, named: &str, turn: u32, held: &[SetReminder]) -> Uuid {
    let own = Uuid::try_parse(named).ok().filter(|id| held.iter().any(|had| had.id == *id));
    let derived = || Uuid::new_v5(&task, format!("alarm/{named}/{turn}").as_bytes());
    own.unwrap_or_else(derived)
}

fn reminder(
    alarm: &Part,
    ring: Ring,
    id: Uuid,
    had: Option<&SetReminder>,
    owner: &Owner,
) -> SetReminder {
    let channels = channels(alarm);
    if let Some(had) = had {
        let mut new = had.clone();
        if !Ring::of(had).is(ring) {
            (new.lead_time, new.remind_at) = (ring.lead, ring.at);
            new.version = had.version + 1;
        }
        return new;
    }
    SetReminder {
        id,
        lead_time: ring.lead,
        remind_at: ring.at,
        channels: channels.unwrap_or_else(|| owner.channels.clone()),
        webhook_url: None,
        email_address: None,
        created_at: owner.now,
        version: 1,
    }
}

fn channels(alarm: &Part) -> Option<Vec<Channel>> {
    let (_, line) = alarm.line(CHANNELS)?;
    let read = |name: &str| serde_json::from_value(name.trim().into()).ok();
    let channels: Vec<Channel> = line.value.split(',').filter_map(read).collect();
    (!channels.is_empty()).then_some(channels)
}

fn lines(alarm: &Part) -> String {
    let mut text = String::new();
    alarm.write(&mut text);
    text
}

/// An alarm without our mark, which nobody else is to set.
fn unmarked(alarm: &Part) -> Part {
    let mut alarm = alarm.clone();
    alarm.lines.retain(|line| name(&line.text) != MARK);
    alarm
}

fn marked(alarm: &Part, id: Uuid) -> Part {
    let mut kept = alarm.clone();
    kept.lines.insert(0, Content { at: 0, text: format!("{MARK}:{id}") });
    kept
}

/// Writes the alarms of a task: each as it was kept while it says what holds, and otherwise ours.
pub(super) fn write_all(kept: &Part, task: &Task, owner: &Owner, zones: &Zones, out: &mut String) {
    let anchor = Anchor::of(task, kept, owner, zones);
    let mut told: Vec<Uuid> = Vec::new();
    for alarm in &kept.parts {
        let mark = alarm.line(MARK).and_then(|(_, line)| Uuid::try_parse(line.value.trim()).ok());
        let Some(id) = mark else {
            alarm.write(out);
            continue;
        };
        let Some(set) = task.reminders.iter().find(|set| set.id == id) else { continue };
        told.push(id);
        let mut alarm = unmarked(alarm);
        let holds = ring(&alarm, &anchor, owner, zones).is_some_and(|ring| ring.is(Ring::of(set)));
        if !holds {
            alarm.lines.retain(|line| !SEEN.contains(&name(&line.text).as_str()));
            for line in alarm.lines.iter_mut().filter(|line| name(&line.text) == "TRIGGER") {
                line.text = trigger(set, task, owner);
            }
        }
        alarm.write(out);
    }
    for set in task.reminders.iter().filter(|set| !told.contains(&set.id)) {
        out.push_str(&written(set, task, owner));
    }
}

fn trigger(set: &SetReminder, task: &Task, owner: &Owner) -> String {
    let early = match (set.lead_time, task.due) {
        (Some(lead), Some(Due::Moment { .. })) => Some(-lead.delta().num_seconds()),
        (Some(lead), Some(Due::Day(_))) => Some(seconds(owner) - lead.delta().num_seconds()),
        _ => None,
    };
    match early {
        Some(secs) => format!("TRIGGER;RELATED=END:{}", when::span(secs)),
        None => format!("TRIGGER;VALUE=DATE-TIME:{}", when::utc(set.remind_at)),
    }
}

/// A reminder as an alarm of ours.
fn written(set: &SetReminder, task: &Task, owner: &Owner) -> String {
    let mut text = String::new();
    write(&mut text, "BEGIN:VALARM");
    write(&mut text, &format!("UID:{}", set.id));
    write(&mut text, "ACTION:DISPLAY");
    write(&mut text, &format!("DESCRIPTION:{}", escape(task.title.as_str())));
    write(&mut text, &trigger(set, task, owner));
    if set.channels != [Channel::InApp] {
        let named = set.channels.iter().filter_map(|channel| serde_json::to_value(channel).ok());
        let named: Vec<String> =
            named.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        write(&mut text, &format!("{CHANNELS}:{}", named.join(",")));
    }
    write(&mut text, "END:VALARM");
    text
}
