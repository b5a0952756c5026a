//! What the phrases of a text mean together: one due date, one rule, their reminders; what disagrees is left as text.

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
};
use serde_json::{Value, json};

use super::SpanKind;
use super::dates::{At, Date, Scene};
use super::read::{Found, Item, Piece, turns_on};
use super::reminders::Reminder;
use super::rules::{End, Rule};
use super::times::{Clock, Time};
use super::words::Part;
use crate::message::time::{Local, Timestamp, resolve};

/// A due date, and its instant where it is a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) local: Local,
    pub(super) instant: Option<DateTime<Utc>>,
}

impl Due {
    fn day(day: NaiveDate) -> Self {
        Self { local: Local::Day(day), instant: None }
    }

    fn moment(at: NaiveDateTime, s: &Scene) -> Self {
        Self { local: Local::Moment(at), instant: Some(resolve(at, s.zone).utc) }
    }

    fn instant(at: DateTime<Utc>, s: &Scene) -> Self {
        let second = at.with_nanosecond(0).unwrap_or(at);
        let local = second.with_timezone(&s.zone).naive_local();
        Self { local: Local::Moment(local), instant: Some(second) }
    }
}

/// The meaning of a text, and which pieces carry it.
#[derive(Default)]
pub(super) struct Meaning {
    pub(super) due: Option<Due>,
    pub(super) rule: Option<Value>,
    /// The rule as it reads without its first date.
    pub(super) rule_alone: Option<Value>,
    pub(super) reminders: Vec<Value>,
    pub(super) used: Vec<(SpanKind, usize, usize)>,
}

/// Puts the pieces together.
pub(super) fn settle(found: &Found, s: &Scene) -> Meaning {
    let mut meaning = Meaning::default();
    let mut doubt = found.doubt;
    let rule = match one_rule(&found.pieces) {
        Ok(rule) => rule,
        Err(()) => {
            doubt = true;
            None
        }
    };
    let date = one(&found.pieces, |item| match item {
        Item::Date(date) => Some(*date),
        Item::Start(date) if rule.is_some() => Some(*date),
        _ => None,
    });
    let time = one(&found.pieces, |item| match item {
        Item::Time(time) => Some(*time),
        _ => None,
    });
    // Two days, or two times: which of them is meant is a guess, and a time goes with its day.
    let (date, time) = match (date, time) {
        (Ok(date), Ok(time)) => (date, time),
        (Ok(date), Err(())) => (date, None),
        (Err(()), _) => {
            doubt = true;
            (None, None)
        }
    };
    let lonely = date.is_none() && doubt && rule.is_none();
    let time = time.filter(|_| !lonely);
    match rule {
        Some((rule, at)) => with_rule(&mut meaning, found, rule, at, date, time, s),
        None => {
            let (due, timed) = due(date, time, s);
            meaning.due = due;
            meaning.take_due(found, due.is_some() && date.is_some(), timed);
        }
    }
    remind(&mut meaning, found, s);
    meaning.used.sort_unstable_by_key(|(_, from, _)| *from);
    meaning
}

impl Meaning {
    fn take(&mut self, kind: SpanKind, piece: &Piece) {
        self.used.push((kind, piece.from, piece.to));
    }

    fn take_due(&mut self, found: &Found, dated: bool, timed: bool) {
        for piece in &found.pieces {
            let read = match piece.item {
                Item::Date(_) => dated,
                Item::Time(_) => timed,
                _ => false,
            };
            if read {
                self.take(SpanKind::Due, piece);
            }
        }
    }
}

/// The only value of its kind; an error if there are several different ones.
fn one<T: PartialEq + Copy>(
    pieces: &[Piece],
    pick: impl Fn(&Item) -> Option<T>,
) -> Result<Option<T>, ()> {
    let mut values = pieces.iter().filter_map(|piece| pick(&piece.item));
    let Some(first) = values.next() else { return Ok(None) };
    if values.all(|value| value == first) { Ok(Some(first)) } else { Err(()) }
}

/// The only rule with its place; `every …` outweighs `daily`, for that may be an attribute.
fn one_rule(pieces: &[Piece]) -> Result<Option<(&Rule, usize)>, ()> {
    let rules = |adverb: bool| {
        pieces.iter().enumerate().filter_map(move |(at, piece)| match &piece.item {
            Item::Rule(rule) if rule.adverb == adverb => Some((rule, at)),
            _ => None,
        })
    };
    let strong = rules(false).count();
    let mut chosen =
        if strong > 0 { rules(false).collect::<Vec<_>>() } else { rules(true).collect() };
    match chosen.len() {
        0 => Ok(None),
        1 => Ok(chosen.pop()),
        _ => Err(()),
    }
}

/// The due date without a rule, and whether the time was read.
fn due(date: Option<Date>, time: Option<Time>, s: &Scene) -> (Option<Due>, bool) {
    let Some(date) = date else {
        let Some((clock, days)) = time.and_then(|time| time.resolve(None)) else {
            return (None, false);
        };
        let at = s.today.and_time(clock) + TimeDelta::days(days);
        let at = if at <= s.now { at + TimeDelta::days(1) } else { at };
        return (Some(Due::moment(at, s)), true);
    };
    match (date.at, time) {
        // A moment beside another time: two times.
        (At::Instant(_) | At::Moment(_), Some(_)) => (None, false),
        (At::Instant(at), None) => (Some(Due::instant(at, s)), false),
        (At::Moment(at), None) => (Some(Due::moment(at, s)), false),
        (At::Day(day), None) => (at_part(day, &date, s), false),
        (At::Day(day), Some(time)) => match clock(&date, &time) {
            Some((clock, days)) => (on_day(day, clock, days, &date, s), true),
            None => (Some(Due::day(day)), false),
        },
    }
}

/// The time as it is meant beside this date.
fn clock(date: &Date, time: &Time) -> Option<(NaiveTime, i64)> {
    match time.clock {
        Clock::Loose(clock) if date.digits && !time.number => Some((clock, 0)),
        _ => time.resolve(date.part),
    }
}

/// The day with its part: `tonight` is at 20:00, and once that has passed still today; a passed morning is no date.
fn at_part(day: NaiveDate, date: &Date, s: &Scene) -> Option<Due> {
    let Some(part) = date.part else { return Some(Due::day(day)) };
    let at = day.and_hms_opt(part.hour(), 0, 0)?;
    if at > s.now || day != s.today {
        return Some(Due::moment(at, s));
    }
    let still = match part {
        Part::Morning => s.now.hour() < 12,
        Part::Afternoon => s.now.hour() < 18,
        Part::Evening | Part::Night => true,
    };
    still.then(|| Due::day(day))
}

fn on_day(day: NaiveDate, clock: NaiveTime, days: i64, date: &Date, s: &Scene) -> Option<Due> {
    // The midnight of today that is still to come is the one that ends it.
    let midnight = i64::from(day == s.today && clock == NaiveTime::MIN && days == 0);
    let at = day.and_time(clock).checked_add_signed(TimeDelta::days(days + midnight))?;
    match date.later {
        Some(later) if at <= s.now => Some(Due::moment(later.and_time(clock), s)),
        _ => Some(Due::moment(at, s)),
    }
}

/// The rule with its first date and its end.
fn with_rule(
    meaning: &mut Meaning,
    found: &Found,
    rule: &Rule,
    at: usize,
    date: Option<Date>,
    time: Option<Time>,
    s: &Scene,
) {
    let clock = match (&date, &time) {
        (Some(date), Some(time)) => clock(&Date { part: date.part.or(rule.part), ..*date }, time),
        (None, Some(time)) => time.resolve(rule.part),
        (_, None) => None,
    };
    let timed = clock.is_some();
    let part = rule
        .part
        .filter(|_| time.is_none())
        .and_then(|part| NaiveTime::from_hms_opt(part.hour(), 0, 0).map(|time| (time, 0)));
    let Some(first) = first(rule, date, clock.or(part), found, s) else { return };
    let day = first.local.date();
    let Some(end) = ending(found, day) else { return };
    meaning.rule = Some(rule.written(Some(day), &end));
    meaning.rule_alone = Some(rule.written(None, &end));
    meaning.due = Some(first);
    meaning.take(SpanKind::Recurrence, &found.pieces[at]);
    for piece in &found.pieces {
        match piece.item {
            Item::Start(_) if date.is_some() => meaning.take(SpanKind::Due, piece),
            Item::Until(_) | Item::Count(_) | Item::Lasting(_) => {
                meaning.take(SpanKind::Recurrence, piece);
            }
            _ => {}
        }
    }
    meaning.take_due(found, date.is_some(), timed);
}

/// The first due date of a rule.
fn first(
    rule: &Rule,
    date: Option<Date>,
    clock: Option<(NaiveTime, i64)>,
    found: &Found,
    s: &Scene,
) -> Option<Due> {
    let starts = found.pieces.iter().any(|piece| matches!(piece.item, Item::Start(_)));
    let moment = |day: NaiveDate| match clock {
        Some((clock, days)) => Due::moment(day.and_time(clock) + TimeDelta::days(days), s),
        None => Due::day(day),
    };
    let Some(date) = date else {
        if rule.is_fine() && clock.is_none() {
            let step = TimeDelta::try_minutes(rule.step_minutes())?;
            let at = s.instant.checked_add_signed(step)?;
            return Some(Due::instant(at.with_second(0)?, s));
        }
        return rule.first(None, clock.map(|(clock, _)| clock), s).map(moment);
    };
    let day = match date.at {
        At::Day(day) => day,
        _ if clock.is_some() => return None,
        _ => return due(Some(date), None, s).0,
    };
    // A start is where the rule begins to count, a date beside it the first date itself.
    let day = if starts || !turns_on(rule, day.weekday()) {
        rule.first(Some(day), None, s)?
    } else {
        day
    };
    if clock.is_none() && date.part.is_some() {
        return at_part(day, &date, s);
    }
    Some(moment(day))
}

/// The end of a rule that begins on `first`; none if it ends before that, or has two ends of one kind.
fn ending(found: &Found, first: NaiveDate) -> Option<End> {
    let mut end = End::default();
    for piece in &found.pieces {
        let until = match piece.item {
            Item::Until(day) => day,
            Item::Lasting(step) => step.from(first)?.checked_sub_days(Days::new(1))?,
            Item::Count(n) if (1..=10_000).contains(&n) && end.count.is_none() => {
                end.count = Some(n);
                continue;
            }
            Item::Count(_) => return None,
            _ => continue,
        };
        if until < first || end.until.is_some() {
            return None;
        }
        end.until = Some(until);
    }
    Some(end)
}

/// The reminders, now that the due date is known.
fn remind(meaning: &mut Meaning, found: &Found, s: &Scene) {
    for piece in &found.pieces {
        let Item::Reminder(reminder) = &piece.item else { continue };
        let items: Vec<Value> = match reminder {
            Reminder::Before(leads) => {
                leads.iter().map(|lead| json!({"lead_time": lead.to_string()})).collect()
            }
            Reminder::ToDo => {
                meaning.due.and_then(|due| due.instant).map(written).into_iter().collect()
            }
            Reminder::On(date, time) => {
                remind_at(*date, *time, meaning.due, s).map(written).into_iter().collect()
            }
        };
        if !items.is_empty() {
            meaning.reminders.extend(items);
            meaning.take(SpanKind::Reminder, piece);
        }
    }
}

fn written(at: DateTime<Utc>) -> Value {
    json!({"remind_at": Timestamp::from(at).to_string()})
}

/// The moment of `remind me at 5pm`. Without a day it is the last such time before the due moment, on a due day that
/// day's, without a due date the next one.
fn remind_at(
    date: Option<Date>,
    time: Option<Time>,
    task: Option<Due>,
    s: &Scene,
) -> Option<DateTime<Utc>> {
    if date.is_some() {
        return due(date, time, s).0?.instant;
    }
    let Some(task) = task else { return due(None, time, s).0?.instant };
    let (clock, _) = time?.resolve(None)?;
    let on_day = task.local.date().and_time(clock);
    let at = match task.local {
        Local::Moment(moment) if on_day >= moment => on_day - TimeDelta::days(1),
        _ => on_day,
    };
    (at > s.now).then(|| resolve(at, s.zone).utc)
}
