//! Times of day: `5pm`, `at 9`, `14:00`, `half past 9`, `noon`.

use chrono::{NaiveTime, Timelike};

use super::tokens::Tokens;
use super::words::{self, NUMBERED, Part, ZONE_NAMES};

/// A time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// It can mean one time only.
    Sure(NaiveTime),
    /// `9`, `9:30`: one to twelve without am or pm.
    Loose(NaiveTime),
}

/// A time phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) clock: Clock,
    /// `in the evening`
    pub(super) part: Option<Part>,
    /// It stands without `at`, `by` or the like.
    pub(super) bare: bool,
    /// `noon`, `midnight`: words that also begin titles.
    pub(super) named: bool,
    /// Only `at` makes the number a time.
    pub(super) number: bool,
}

impl Time {
    /// The time meant, and the days after the day it stands with (`tonight at 12`). None where it is anyone's guess:
    /// one to six without am or pm or a part of the day.
    pub(super) fn resolve(&self, part: Option<Part>) -> Option<(NaiveTime, i64)> {
        let part = self.part.or(part);
        match self.clock {
            Clock::Sure(time) => {
                let next = match part {
                    Some(Part::Night) => time.hour() < 5,
                    Some(Part::Evening) => time.hour() == 0,
                    _ => false,
                };
                Some((time, i64::from(next)))
            }
            Clock::Loose(time) => loose(time, part),
        }
    }
}

fn loose(time: NaiveTime, part: Option<Part>) -> Option<(NaiveTime, i64)> {
    let hour = time.hour();
    let (hour, days) = match (part, hour) {
        (None, 7..=12) | (Some(Part::Morning), 1..=11) | (Some(Part::Afternoon), 12) => (hour, 0),
        (Some(Part::Afternoon), 1..=6)
        | (Some(Part::Evening), 4..=11)
        | (Some(Part::Night), 6..=11) => (hour + 12, 0),
        (Some(Part::Night), 12) => (0, 1),
        _ => return None,
    };
    time.with_hour(hour).map(|time| (time, days))
}

/// The time phrase at `i` with its introduction, and where it ends. `None` in the middle: it looks like a time but is a
/// span of time or stands in a zone of its own, and must not be read.
pub(super) fn time(t: &Tokens<'_>, i: usize) -> Option<(Option<Time>, usize)> {
    if !t.opens(i) {
        return None;
    }
    let (core_at, at) = introduction(t, i);
    if core_at == i && t.among(i.wrapping_sub(1), NUMBERED) {
        return None;
    }
    let (clock, mut next, kind) = core(t, core_at, at)?;
    let mut time = Time {
        clock,
        part: None,
        bare: core_at == i,
        named: kind == Core::Named,
        number: kind == Core::Hour,
    };
    if t.word(next) == "sharp" {
        next += 1;
    }
    if let Some((part, after)) = words::part(t, next)
        && t.word(next) != "morning"
        && after > next + 1
    {
        time.part = Some(part);
        next = after;
    }
    if let Some(end) = range_end(t, next) {
        return Some((None, end));
    }
    if t.among(next, ZONE_NAMES) {
        return Some((None, next + 1));
    }
    t.closes(next).then_some((Some(time), next))
}

/// Where the time itself begins, and whether `at` or `@` introduces it.
fn introduction(t: &Tokens<'_>, i: usize) -> (usize, bool) {
    let mut next = i;
    let mut at = false;
    for _ in 0..3 {
        match t.word(next) {
            "at" => at = true,
            "by" | "around" | "about" | "before" | "due" => {}
            _ if t.mark(next) == Some('@') => at = true,
            _ if next > i && t.word(next - 1) == "due" && t.tight(next, ':') => {}
            _ => break,
        }
        next += 1;
    }
    (next, at)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Core {
    Written,
    Named,
    Hour,
}

fn core(t: &Tokens<'_>, i: usize, at: bool) -> Option<(Clock, usize, Core)> {
    let twelve = t.number(i) == Some(12);
    let name = if twelve { i + 1 } else { i };
    match t.word(name) {
        "noon" | "midday" => return Some((sure(12, 0)?, name + 1, Core::Named)),
        "midnight" => return Some((sure(0, 0)?, name + 1, Core::Named)),
        _ => {}
    }
    if let Some((clock, next)) = spoken(t, i, at) {
        return Some((clock, next, Core::Written));
    }
    let part_behind = matches!(words::part(t, i + 1), Some((_, end)) if end > i + 2);
    let at = at || part_behind;
    let hour = match short_number(t, i) {
        Some(hour) => hour,
        None => words::small(t.word(i)).filter(|hour| at && *hour <= 12)?,
    };
    if let Some((minute, next)) = minutes(t, i + 1, ':') {
        let (second, next) = minutes(t, next, ':').unwrap_or((0, next));
        if let Some((pm, next)) = meridiem(t, next) {
            return Some((halved(hour, minute, pm)?, next, Core::Written));
        }
        let time = NaiveTime::from_hms_opt(hour, minute, second)?;
        let plain = t.digits(i).starts_with('0') || !(1..=12).contains(&hour);
        let clock = if plain { Clock::Sure(time) } else { Clock::Loose(time) };
        return Some((clock, next, Core::Written));
    }
    if let Some((minute, next)) = minutes(t, i + 1, '.')
        && let Some((pm, next)) = meridiem(t, next)
    {
        return Some((halved(hour, minute, pm)?, next, Core::Written));
    }
    if let Some((pm, next)) = meridiem(t, i + 1) {
        return Some((halved(hour, 0, pm)?, next, Core::Written));
    }
    if let Some(next) = o_clock(t, i + 1) {
        return Some((plain_hour(hour, 0)?, next, Core::Written));
    }
    if at && hour > 0 {
        return Some((plain_hour(hour, 0)?, i + 1, Core::Hour));
    }
    None
}

/// `half past 9`, `quarter to 8`, `ten past 7`.
fn spoken(t: &Tokens<'_>, i: usize, at: bool) -> Option<(Clock, usize)> {
    let from = if t.is(i, &["a"]) { i + 1 } else { i };
    let (minutes, mut next) = match t.word(from) {
        "half" => (30, from + 1),
        "quarter" => (15, from + 1),
        _ if at => words::count(t, from).filter(|(n, _)| *n < 30)?,
        _ => return None,
    };
    let past = match t.word(next) {
        "past" => true,
        "to" if minutes < 30 => false,
        _ => return None,
    };
    next += 1;
    let hour = short_number(t, next).or_else(|| words::small(t.word(next)))?;
    next += 1;
    let half = meridiem(t, next);
    let (hour, minute) = if past { (hour, minutes) } else { (hour.checked_sub(1)?, 60 - minutes) };
    match half {
        // One to twelve go round, so `quarter to 1pm` is 12:45 pm.
        Some((pm, end)) => Some((halved(if hour == 0 { 12 } else { hour }, minute, pm)?, end)),
        None if hour == 0 => None,
        None => Some((plain_hour(hour, minute)?, next)),
    }
}

fn sure(hour: u32, minute: u32) -> Option<Clock> {
    NaiveTime::from_hms_opt(hour, minute, 0).map(Clock::Sure)
}

fn plain_hour(hour: u32, minute: u32) -> Option<Clock> {
    let time = NaiveTime::from_hms_opt(hour, minute, 0)?;
    Some(if (1..=12).contains(&hour) { Clock::Loose(time) } else { Clock::Sure(time) })
}

/// A time on the twelve-hour clock.
fn halved(hour: u32, minute: u32, pm: bool) -> Option<Clock> {
    if !(1..=12).contains(&hour) {
        return None;
    }
    sure(hour % 12 + if pm { 12 } else { 0 }, minute)
}

fn short_number(t: &Tokens<'_>, i: usize) -> Option<u32> {
    if t.digits(i).len() > 2 { None } else { t.number(i) }
}

/// `:30` right behind what stands before.
fn minutes(t: &Tokens<'_>, i: usize, mark: char) -> Option<(u32, usize)> {
    if !t.tight(i, mark) || !t.glued(i + 1) || t.digits(i + 1).len() != 2 {
        return None;
    }
    t.number(i + 1).filter(|n| *n < 60).map(|n| (n, i + 2))
}

/// `am`, `pm`, `a.m.`, `p.m.`: whether it is pm, and where it ends.
fn meridiem(t: &Tokens<'_>, i: usize) -> Option<(bool, usize)> {
    match t.word(i) {
        "am" => Some((false, i + 1)),
        "pm" => Some((true, i + 1)),
        half @ ("a" | "p") if t.tight(i + 1, '.') && t.glued(i + 2) && t.word(i + 2) == "m" => {
            let dot = t.tight(i + 3, '.') && !t.glued(i + 4);
            Some((half == "p", i + 3 + usize::from(dot)))
        }
        _ => None,
    }
}

fn o_clock(t: &Tokens<'_>, i: usize) -> Option<usize> {
    let quote = matches!(t.mark(i + 1), Some('\'' | '’'));
    (t.word(i) == "o" && quote && t.word(i + 2) == "clock").then_some(i + 3)
}

/// Where `- 6pm`, `to 17:00` or `and 10` ends: then what stood before is no single time.
fn range_end(t: &Tokens<'_>, i: usize) -> Option<usize> {
    let joined = t.is(i, &["to", "until", "till", "til", "through", "thru", "and", "or"])
        || matches!(t.mark(i), Some('-' | '–' | '—' | '/' | '&'));
    let from = if t.word(i + 1) == "at" { i + 2 } else { i + 1 };
    if !joined || short_number(t, from).is_none() && t.word(from) != "noon" {
        return None;
    }
    let (_, end, kind) = core(t, from, true)?;
    // `at 5pm and 2 more` is one time and goes on; `at 9 and 10` or `9am to 5` is not.
    (kind != Core::Hour || words::breaks(t, end)).then_some(end)
}
