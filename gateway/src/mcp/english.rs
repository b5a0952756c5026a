//! Dates, rules and reminders in English become what the fields read: in the user's zone, at the moment of the call.

use actors::{
    message::{
        lead_time::LeadTime,
        task::{Task, command::When},
        time::{Local, Timestamp},
    },
    quick_add,
    recurrence::rule::is_notation,
};
use chrono::{NaiveDateTime, SecondsFormat};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::args::{items, numeral};
use crate::fields::{Object, reminder, value};

/// The names of a due date, a rule, and reminders.
pub(super) const DUE: [&str; 4] = ["due_date", "due_at", "dueDate", "due"];
pub(super) const RULE: [&str; 5] =
    ["recurrence", "recurrence_pattern", "recurrence_rule", "recurringRule", "recurring"];
const REMINDERS: [&str; 2] = ["reminders", "remind"];
const MOMENTS: [&str; 3] = ["remind_at", "reminder_at", "reminderAt"];
const NUMBERS: [&str; 3] = ["reminder_offset", "recurrence_count", "recurrence_interval"];

/// What is to be read, and from where.
#[derive(Clone, Copy, Debug)]
pub(super) struct English {
    pub(super) now: Timestamp,
    pub(super) zone: Tz,
}

impl English {
    /// Puts plain values where a task's fields speak English. `task` is the one that is changed.
    pub(super) fn task(self, map: &mut Object, task: Option<&Task>) {
        let said = map.get("zone").and_then(Value::as_str);
        let zone = said.and_then(|zone| zone.parse().ok()).unwrap_or(self.zone);
        let english = Self { zone, ..self };
        for name in DUE {
            each_text(map, name, |text| {
                value::when(text).err().and_then(|_| english.date(text)).map(Value::String)
            });
        }
        english.rule(map, task);
        for name in REMINDERS {
            if let Some(value) = map.get_mut(name) {
                *value = Value::Array(english.reminders(value.take()));
            }
        }
        english.reminder(map);
    }

    /// Puts plain values where a reminder's fields speak English.
    pub(super) fn reminder(self, map: &mut Object) {
        for name in MOMENTS {
            each_text(map, name, |text| {
                value::precise(text).err().and_then(|_| self.moment(text)).map(Value::String)
            });
        }
        each_text(map, "lead_time", |text| lead(text).map(Value::String));
        for name in NUMBERS {
            if let Some(value) = map.get_mut(name) {
                *value = numeral(value);
            }
        }
        if let Some(channels) = map.get_mut("channels") {
            *channels = Value::Array(items(channels.take()));
        }
    }

    /// A day, or an instant, as the fields read it.
    pub(super) fn date(self, text: &str) -> Option<String> {
        match quick_add::date(text, self.now, self.zone)? {
            Local::Day(day) => Some(day.format("%Y-%m-%d").to_string()),
            Local::Moment(at) => Some(self.moment(text).unwrap_or_else(|| plain(at))),
        }
    }

    /// The day that a text names.
    pub(super) fn day(self, text: &str) -> Option<String> {
        let date = quick_add::date(text, self.now, self.zone)?.date();
        Some(date.format("%Y-%m-%d").to_string())
    }

    /// An instant, as the fields read it.
    pub(super) fn moment(self, text: &str) -> Option<String> {
        let at = quick_add::moment(text, self.now, self.zone)?;
        Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    fn reminders(self, value: Value) -> Vec<Value> {
        let list = match value {
            Value::String(text) if self.at(&text).is_some() => vec![Value::String(text)],
            other => items(other),
        };
        let read = |item: Value| match item {
            Value::String(text) => Value::String(self.at(&text).unwrap_or(text)),
            Value::Object(mut object) => {
                self.reminder(&mut object);
                Value::Object(object)
            }
            other => other,
        };
        list.into_iter().map(read).collect()
    }

    /// A lead time or a moment as the fields read it.
    fn at(self, text: &str) -> Option<String> {
        if reminder::at(text).is_ok() {
            return Some(text.to_owned());
        }
        lead(text).or_else(|| self.moment(text))
    }

    /// A rule in words. It names its first date, which is the due date of a task that has none; a time in it is the time
    /// of the due date.
    fn rule(self, map: &mut Object, task: Option<&Task>) {
        let mut first = None;
        for name in RULE {
            let text = map.get(name).and_then(Value::as_str).filter(|text| !is_notation(text));
            let Some(text) = text else { continue };
            if let Some(found) = quick_add::recurring(text, self.now, self.zone) {
                first = Some(found.first);
                map.insert(name.to_owned(), found.rule);
            }
        }
        let Some(first) = first else { return };
        let given = DUE.iter().find_map(|name| Some((*name, map.get(*name)?.as_str()?)));
        let due = match given.map(|(name, text)| (name, value::when(text))) {
            Some((name, Ok(When::Local(Local::Day(day))))) => Some((name, Local::Day(day))),
            Some(_) => return,
            None => task.and_then(|task| task.due).map(|due| ("due_date", due.local())),
        };
        let new = match (due, first) {
            (None, first) => Some(("due_date", first)),
            (Some((name, due)), Local::Moment(at)) => {
                let same = due == Local::Moment(due.date().and_time(at.time()));
                let moved = Local::Moment(due.date().and_time(at.time()));
                (!same).then_some((name, moved))
            }
            _ => None,
        };
        if let Some((name, new)) = new {
            let text = match new {
                Local::Day(day) => day.format("%Y-%m-%d").to_string(),
                Local::Moment(at) => plain(at),
            };
            map.insert(name.to_owned(), json!(text));
        }
    }
}

/// A lead time in the contract's form.
fn lead(text: &str) -> Option<String> {
    if LeadTime::parse(text).is_ok() {
        return Some(text.to_owned());
    }
    quick_add::lead_time(text).map(|lead| lead.to_string())
}

fn plain(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn each_text(map: &mut Object, name: &str, read: impl FnOnce(&str) -> Option<Value>) {
    let Some(value) = map.get_mut(name) else { return };
    if let Some(read) = value.as_str().and_then(read) {
        *value = read;
    }
}
