//! Reminders in words: `remind me 30 min before`, `remind me at 5pm`.

use chrono::TimeDelta;

use super::dates::{self, Date, Reading, Scene, Step};
use super::times::{self, Time};
use super::tokens::Tokens;
use crate::message::lead_time::LeadTime;

/// What a reminder phrase asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reminder {
    /// So long before the due date.
    Before(Vec<LeadTime>),
    /// At a day and time.
    On(Option<Date>, Option<Time>),
    /// `remind me to …`: at the due moment itself.
    ToDo,
}

/// A step as a lead time, if it has one length.
pub(super) fn lead_of(step: Step) -> Option<LeadTime> {
    if step.months > 0 || step.workdays > 0 {
        return None;
    }
    let days = i64::try_from(step.days).ok()?;
    LeadTime::new(TimeDelta::try_days(days)? + TimeDelta::try_minutes(step.minutes)?).ok()
}

const OPENINGS: &[&str] = &[
    "remind me",
    "remind",
    "with a reminder",
    "with reminder",
    "set a reminder",
    "reminder",
    "alert me",
    "notify me",
    "ping me",
];

/// The first words of those, for most words of a text are none of them.
const OPENING_WORDS: &[&str] = &["remind", "with", "set", "reminder", "alert", "notify", "ping"];

/// The reminder phrase at `i`, and where it ends.
pub(super) fn reminder(t: &Tokens<'_>, i: usize, s: &Scene) -> Option<(Reminder, usize)> {
    if !t.opens(i) {
        return None;
    }
    if !OPENING_WORDS.contains(&t.word(i)) {
        return None;
    }
    let at = OPENINGS.iter().find_map(|words| t.phrase(i, words))?;
    let colon = at + usize::from(t.tight(at, ':'));
    if let Some((leads, next)) = before(t, colon) {
        return t.closes(next).then_some((Reminder::Before(leads), next));
    }
    if t.word(at) == "to" && t.word(at - 1) == "me" {
        return Some((Reminder::ToDo, at + 1));
    }
    let (date, time, next) = when(t, colon + usize::from(t.word(colon) == "for"), s)?;
    let timed = time.is_some()
        || matches!(date, Some(date) if !matches!(date.at, dates::At::Day(_)))
        || date.is_some_and(|date| date.part.is_some());
    if !timed {
        return None;
    }
    // `remind me at 5pm to call`: the `to` belongs to the phrase.
    let next = next + usize::from(t.word(next) == "to");
    Some((Reminder::On(date, time), next))
}

/// `30 min before`, `1 day and 1 hour before`, `the day before`.
fn before(t: &Tokens<'_>, i: usize) -> Option<(Vec<LeadTime>, usize)> {
    if let Some(next) = t.phrase(i, "the day before").or_else(|| t.phrase(i, "day before")) {
        return Some((vec![lead_of(Step { days: 1, ..Step::default() })?], next));
    }
    let mut leads = Vec::new();
    let mut next = i;
    loop {
        let (step, end) = dates::amount(t, next)?;
        leads.push(lead_of(step)?);
        next = end;
        let joined =
            t.word(next) == "and" || t.mark(next) == Some(',') || t.mark(next) == Some('&');
        if !joined {
            break;
        }
        next += 1;
    }
    if let Some(end) = t.phrase(next, "in advance").or_else(|| t.phrase(next, "ahead of time")) {
        return Some((leads, end));
    }
    let words = ["before", "beforehand", "early", "earlier", "ahead", "prior"];
    t.is(next, &words).then_some((leads, next + 1))
}

/// A day, a time, or both in either order.
fn when(t: &Tokens<'_>, i: usize, s: &Scene) -> Option<(Option<Date>, Option<Time>, usize)> {
    let comma = |at: usize| at + usize::from(t.mark(at) == Some(','));
    let day = |at: usize| {
        let core = at + usize::from(t.is(at, &["on", "by"]));
        match dates::date(t, core, s) {
            Some((Reading::Date(date), next)) => Some((date, next)),
            _ => None,
        }
    };
    let time = |at: usize| match times::time(t, at) {
        Some((Some(time), next)) => Some((time, next)),
        _ => None,
    };
    if let Some((date, next)) = day(i) {
        return Some(match time(comma(next)) {
            Some((time, end)) => (Some(date), Some(time), end),
            None => (Some(date), None, next),
        });
    }
    let (at, next) = time(i)?;
    Some(match day(comma(next)) {
        Some((date, end)) => (Some(date), Some(at), end),
        None => (None, Some(at), next),
    })
}
