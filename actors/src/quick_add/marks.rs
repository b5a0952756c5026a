//! Short marks: `#tag`, `p1`, `!high`, `!30m`.

use unicode_normalization::UnicodeNormalization;

use super::dates::Step;
use super::tokens::{Kind, Tokens};
use super::words;
use super::{SpanKind, reminders};
use crate::message::lead_time::LeadTime;

/// The longest tag the contract allows, in characters.
const TAG_CHARS_MAX: usize = 50;

/// What a mark says.
pub(super) enum Mark {
    /// A tag, folded.
    Tag(String),
    /// A priority by its contract name.
    Priority(&'static str),
    /// A reminder before the due date.
    Lead(LeadTime),
}

impl Mark {
    /// The kind of its span.
    pub(super) fn kind(&self) -> SpanKind {
        match self {
            Self::Tag(_) => SpanKind::Tag,
            Self::Priority(_) => SpanKind::Priority,
            Self::Lead(_) => SpanKind::Reminder,
        }
    }
}

/// Finds every mark with its range of tokens, and marks them taken, so that no phrase reads into them.
/// Of several different priorities the first holds, and the others stay text.
pub(super) fn take(t: &mut Tokens<'_>) -> Vec<(Mark, usize, usize)> {
    let mut taken: Vec<(Mark, usize, usize)> = Vec::new();
    let mut priority = None;
    let mut i = 0;
    while i < t.len() {
        let Some((mark, next)) = mark(t, i) else {
            i += 1;
            continue;
        };
        if let Mark::Priority(name) = mark {
            if priority.is_some_and(|first| first != name) {
                i = next;
                continue;
            }
            priority = Some(name);
        }
        for token in &mut t.list[i..next] {
            token.kind = Kind::Taken;
        }
        taken.push((mark, i, next));
        i = next;
    }
    taken
}

fn mark(t: &Tokens<'_>, i: usize) -> Option<(Mark, usize)> {
    let free = !t.glued(i) || t.opens(i) || i > 0 && t.taken(i - 1);
    if !free {
        return None;
    }
    match t.mark(i) {
        Some('#') => tag(t, i),
        Some('!') if t.glued(i + 1) => bang(t, i + 1),
        _ => {
            let name = p_number(t, i)?;
            t.closes(i + 2).then_some((Mark::Priority(name), i + 2))
        }
    }
}

/// `p1` to `p4`.
fn p_number(t: &Tokens<'_>, i: usize) -> Option<&'static str> {
    if t.word(i) != "p" || !t.glued(i + 1) {
        return None;
    }
    match t.digits(i + 1) {
        "1" => Some("urgent"),
        "2" => Some("high"),
        "3" => Some("medium"),
        "4" => Some("low"),
        _ => None,
    }
}

/// A tag has a letter in it: `#42` is the number of something.
fn tag(t: &Tokens<'_>, i: usize) -> Option<(Mark, usize)> {
    let inside = |at: usize| {
        t.glued(at)
            && (!t.word(at).is_empty()
                || !t.digits(at).is_empty()
                || matches!(t.mark(at), Some('_' | '-' | '/')))
    };
    let mut next = i + 1;
    while inside(next) {
        next += 1;
    }
    while next > i + 1 && matches!(t.mark(next - 1), Some('-' | '/')) {
        next -= 1;
    }
    let letters = (i + 1..next).any(|at| !t.word(at).is_empty());
    if !letters || !t.closes(next) && !matches!(t.mark(next), Some('-' | '/')) {
        return None;
    }
    let text = &t.text[t.list[i + 1].start..t.list[next - 1].end];
    let name = text.nfc().collect::<String>().to_lowercase();
    (name.chars().count() <= TAG_CHARS_MAX).then_some((Mark::Tag(name), next))
}

/// What follows `!`: a priority, or a length of time.
fn bang(t: &Tokens<'_>, i: usize) -> Option<(Mark, usize)> {
    let name = match t.word(i) {
        "urgent" | "critical" => Some("urgent"),
        "high" => Some("high"),
        "medium" | "normal" => Some("medium"),
        "low" => Some("low"),
        _ => None,
    };
    if let Some(name) = name {
        return t.closes(i + 1).then_some((Mark::Priority(name), i + 1));
    }
    if let Some(name) = p_number(t, i) {
        return t.closes(i + 2).then_some((Mark::Priority(name), i + 2));
    }
    let n = t.number(i)?;
    let (unit, times, mut next) = words::unit(t, i + 1).filter(|_| t.glued(i + 1))?;
    let mut step = Step::of(n.checked_mul(times)?, unit);
    if unit == words::Unit::Hour
        && t.glued(next)
        && let Some(minutes) = t.number(next)
        && let Some((words::Unit::Minute, _, end)) = words::unit(t, next + 1)
    {
        step.minutes += i64::from(minutes);
        next = end;
    }
    let lead = reminders::lead_of(step)?;
    t.closes(next).then_some((Mark::Lead(lead), next))
}
