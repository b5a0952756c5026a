//! What comes next of a rule: one code for what is made, when it rings, and what a preview shows.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use crate::{
    message::{
        series::{EndedReason, Series, SeriesStatus},
        task::Due,
        time::{Local, Timestamp},
    },
    recurrence::rule::{From, Mode},
};

/// The occurrence after one, and how many were made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// Its original local start.
    pub(super) start: Local,
    /// Occurrences made, this and the skipped ones before it counted.
    pub(super) made: u32,
}

/// Mode completion: what follows `occurrence` when it is done at the wall clock `done`, or why nothing does.
pub(super) fn after(
    series: &Series,
    zone: Tz,
    occurrence: Local,
    made: u32,
    done: NaiveDateTime,
) -> Result<Next, EndedReason> {
    let (rule, zone) = (&series.rule, Some(zone));
    let (mut due, mut made, mut done) = (occurrence, made, done);
    loop {
        if rule.ended_after(u64::from(made), series.start, zone) {
            return Err(EndedReason::Count);
        }
        let start = rule.next_due(series.start, due, done, zone).ok_or(EndedReason::Until)?;
        made = made.saturating_add(1);
        if !series.skips.contains(&start) {
            return Ok(Next { start, made });
        }
        // A skipped one is done on its day.
        due = start;
        done = done.max(start.at(NaiveTime::MIN));
    }
}

/// Mode schedule: the starts that are still to be made, each with how many were made with it.
pub(super) fn scheduled(series: &Series, zone: Tz) -> impl Iterator<Item = Next> + use<'_> {
    let (rule, zone) = (&series.rule, Some(zone));
    let starts: Box<dyn Iterator<Item = Local>> = if series.standalone {
        Box::new(rule.pure_occurrences(series.start, zone, series.last))
    } else {
        Box::new(rule.occurrences(series.start, zone, series.last))
    };
    let total = rule.total(series.start, zone);
    starts
        .filter(move |start| series.last.is_none_or(|last| *start > last))
        .zip(series.made.saturating_add(1)..)
        .take_while(move |(_, made)| total.is_none_or(|total| u64::from(*made) <= total))
        .filter(|(start, _)| !series.skips.contains(start))
        .map(|(start, made)| Next { start, made })
}

/// When a scheduled start rings: `ahead` before its due; a day begins at its midnight.
fn ring_at(series: &Series, zone: Tz, start: Local) -> Timestamp {
    let due = Due::new(start, zone).instant(NaiveTime::MIN, zone);
    due.plus(-i64::from(series.rule.ahead()) * 1000)
}

/// The start that rings next, and when.
pub(super) fn ring(series: &Series, zone: Tz) -> Option<(Local, Timestamp)> {
    if series.status != SeriesStatus::Active || series.rule.mode() != Mode::Schedule {
        return None;
    }
    let next = scheduled(series, zone).next()?;
    Some((next.start, ring_at(series, zone, next.start)))
}

/// `catch_up: each`: the starts up to one that has rung.
pub(super) fn each(series: &Series, zone: Tz, start: Local) -> Vec<Next> {
    scheduled(series, zone).take_while(|next| next.start <= start).collect()
}

/// `catch_up: latest`: the newest start up to one that has rung, or whose ring has come by `now`.
pub(super) fn newest(series: &Series, zone: Tz, start: Local, now: Timestamp) -> Option<Next> {
    let made = series.made.saturating_add(1);
    let past = |next: &Next| next.start <= start || ring_at(series, zone, next.start) <= now;
    // The newest lies near the end, so ever longer spans are searched, the whole time last.
    let spans = [1, 31, 366].map(|days| Some(TimeDelta::days(days)));
    spans.into_iter().chain([None]).find_map(|span| {
        let mut since = series.clone();
        if let Some(span) = span {
            let back = start.date().checked_sub_signed(span)?;
            since.last = series.last.max(Some(start.on(back)));
        }
        let newest = scheduled(&since, zone).take_while(past).last()?;
        Some(Next { start: newest.start, made })
    })
}

/// When the next task will be due, as far as that is known.
pub(super) fn due(series: &Series, zone: Tz) -> Option<Due> {
    if series.status != SeriesStatus::Active {
        return None;
    }
    let start = match series.rule.mode() {
        Mode::Schedule => scheduled(series, zone).next()?.start,
        Mode::Completion if series.rule.from() == From::Completed => return None,
        Mode::Completion => {
            let last = series.last?;
            // Completed on its day, so that catching up plays no part.
            after(series, zone, last, series.made, last.at(NaiveTime::MIN)).ok()?.start
        }
    };
    Some(Due::new(start, zone))
}

/// The next `n` starts, and whether nothing follows them; each occurrence is taken to be done on time, or now.
pub(super) fn preview(
    series: &Series,
    zone: Tz,
    now: NaiveDateTime,
    n: usize,
) -> (Vec<Local>, bool) {
    if series.status == SeriesStatus::Ended {
        return (Vec::new(), true);
    }
    let mut starts: Vec<Local> = match series.rule.mode() {
        Mode::Schedule => scheduled(series, zone).map(|next| next.start).take(n + 1).collect(),
        Mode::Completion => {
            let first = series.last.map(|last| Next { start: last, made: series.made });
            let follow = |at: &Next| {
                let done = now.max(at.start.at(NaiveTime::MIN));
                after(series, zone, at.start, at.made, done).ok()
            };
            std::iter::successors(first.as_ref().and_then(follow), follow)
                .map(|next| next.start)
                .take(n + 1)
                .collect()
        }
    };
    let complete = starts.len() <= n;
    starts.truncate(n);
    (starts, complete)
}
