//! English quick-add: a line of text to its title, due date, rule, tags, priority and reminders, and the ranges that
//! said so.
//!
//! A grammar of our own, for a wrong date is worse than none: what has two meanings, or stands where it is not a date
//! (`the friday report`), stays in the title. The choices are told in docs/API.md and tested as a table in
//! `tests.rs`. Pure: now and zone are arguments. Time is linear in the text, as no phrase looks further than a few
//! words ahead.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::message::lead_time::LeadTime;
use crate::message::time::{Local, Timestamp};

mod dates;
mod marks;
mod read;
mod reminders;
mod request;
mod rules;
mod settle;
mod spans;
#[cfg(test)]
mod tests;
mod times;
mod tokens;
mod words;

pub use request::parse;

use dates::Scene;
use marks::Mark;
use tokens::Tokens;

/// What a range of the text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A date or time, also a rule's start.
    Due,
    /// A rule, also its end.
    Recurrence,
    /// `#tag`
    Tag,
    /// `p1`, `!high`
    Priority,
    /// `!30m`, `remind me …`
    Reminder,
}

impl SpanKind {
    /// Its name in the interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Recurrence => "recurrence",
            Self::Tag => "tag",
            Self::Priority => "priority",
            Self::Reminder => "reminder",
        }
    }
}

/// A range of the text that was understood, in UTF-16 units as editors count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it says.
    pub kind: SpanKind,
    /// The first unit.
    pub start: usize,
    /// The unit behind the last.
    pub end: usize,
    /// The text between.
    pub text: String,
}

/// What a line of text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuickAdd {
    /// The text less the spans, spaces folded.
    pub title: String,
    /// The due date; with a rule its first.
    pub due: Option<Local>,
    /// The instant of `due` where that is a moment; tells the hour of a clock change that comes twice.
    pub due_at: Option<DateTime<Utc>>,
    /// The rule in the contract's form, without the members that have their default.
    pub recurrence: Option<Value>,
    /// Folded to lower case, unique, in order.
    pub tags: Vec<String>,
    /// `urgent`, `high`, `medium` or `low`.
    pub priority: Option<&'static str>,
    /// As in create: `{"lead_time": …}` or `{"remind_at": …}`.
    pub reminders: Vec<Value>,
    /// In order, disjoint.
    pub spans: Vec<Span>,
}

/// Reads a line of text.
pub fn quick_add(text: &str, now: Timestamp, zone: Tz) -> QuickAdd {
    understand(text, now, zone).0
}

/// The quick-add, and the rule as it reads without its first date.
fn understand(text: &str, now: Timestamp, zone: Tz) -> (QuickAdd, Option<Value>) {
    let scene = Scene::new(now, zone);
    let mut tokens = Tokens::scan(text);
    let marks = marks::take(&mut tokens);
    let found = read::read(&tokens, &scene);
    let meaning = settle::settle(&found, &scene);
    let mut used = meaning.used;
    let mut tags: Vec<String> = Vec::new();
    let mut priority = None;
    let mut reminders = meaning.reminders;
    for (mark, from, to) in marks {
        used.push((mark.kind(), from, to));
        match mark {
            Mark::Tag(name) if tags.contains(&name) => {}
            Mark::Tag(name) => tags.push(name),
            Mark::Priority(name) => priority = Some(name),
            Mark::Lead(lead) => reminders.push(serde_json::json!({"lead_time": lead.to_string()})),
        }
    }
    reminders.dedup();
    let ranges = spans::ranges(&tokens, used);
    let quick = QuickAdd {
        title: spans::title(text, &ranges),
        due: meaning.due.map(|due| due.local),
        due_at: meaning.due.and_then(|due| due.instant),
        recurrence: meaning.rule,
        tags,
        priority,
        reminders,
        spans: spans::in_utf16(text, &ranges),
    };
    (quick, meaning.rule_alone)
}

/// Whether nothing but a date was found, and nothing is left over.
fn only_a_date(quick: &QuickAdd) -> bool {
    quick.title.is_empty()
        && quick.recurrence.is_none()
        && quick.spans.iter().all(|span| span.kind == SpanKind::Due)
}

/// The day or moment that the whole text names, as `tomorrow 5pm`.
pub fn date(text: &str, now: Timestamp, zone: Tz) -> Option<Local> {
    if is_now(text) {
        return Some(Local::Moment(Scene::new(now, zone).now));
    }
    let quick = quick_add(text, now, zone);
    if only_a_date(&quick) { quick.due } else { None }
}

/// The instant that the whole text names, as `in 20 minutes` or `tomorrow at 9`; a day alone names none.
pub fn moment(text: &str, now: Timestamp, zone: Tz) -> Option<DateTime<Utc>> {
    if is_now(text) {
        return Some(Scene::new(now, zone).instant);
    }
    let quick = quick_add(text, now, zone);
    if only_a_date(&quick) { quick.due_at } else { None }
}

fn is_now(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("now")
}

/// A rule in words, with the date it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurring {
    /// The rule in the contract's form, without the members that have their default; means the same whatever date it begins on.
    pub rule: Value,
    /// Its first date, and the time if one was said.
    pub first: Local,
}

/// The rule that the whole text names, with its first date: `weekdays at 8`, `every day until friday`.
pub fn recurring(text: &str, now: Timestamp, zone: Tz) -> Option<Recurring> {
    let (quick, rule) = understand(text, now, zone);
    let all = quick.title.is_empty()
        && quick.spans.iter().all(|span| matches!(span.kind, SpanKind::Due | SpanKind::Recurrence));
    if !all {
        return None;
    }
    Some(Recurring { rule: rule?, first: quick.due? })
}

/// The rule that the whole text names, if it is the same whenever it is said; a time in it is the due date's to keep.
pub fn recurrence(text: &str) -> Option<Value> {
    // Two days apart in year, month and weekday tell what depends on now: `every day for 2 weeks`. Both are past, so
    // that an end which is named lies after them.
    let at = |millis| recurring(text, Timestamp(millis), Tz::UTC).map(|found| found.rule);
    let rule = at(1_767_600_000_000)?;
    (at(1_720_000_000_000).as_ref() == Some(&rule)).then_some(rule)
}

/// A lead time in the contract's forms or in words: `30 min before`, `an hour`, `the day before`.
pub fn lead_time(text: &str) -> Option<LeadTime> {
    let text = text.trim();
    if let Ok(lead) = LeadTime::parse(text) {
        return Some(lead);
    }
    if text.eq_ignore_ascii_case("the day before") {
        return LeadTime::new(TimeDelta::days(1)).ok();
    }
    let tokens = Tokens::scan(text);
    let (step, mut next) = dates::amount(&tokens, 0)?;
    if let Some(end) = tokens.phrase(next, "in advance") {
        next = end;
    } else if tokens.is(next, &["before", "beforehand", "early", "earlier", "ahead", "prior"]) {
        next += 1;
    }
    if next == tokens.len() { reminders::lead_of(step) } else { None }
}

/// A moment as `*_at` fields show it.
fn in_utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
