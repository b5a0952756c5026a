//! Which tasks pass a filter.

use std::{cell::RefCell, collections::BTreeMap};

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::{
    actor::Moment,
    message::{
        task::{
            Due, Task,
            command::When,
            query::{Bound, Filter},
        },
        text::fold,
        time::{Local, Timestamp, resolve},
    },
    task_list::{
        retire::DELETED_MS,
        state::{TaskList, is_open},
    },
};

/// A filter made ready.
pub(in crate::task_list) struct Sift<'a> {
    filter: &'a Filter,
    needle: String,
    zone: Tz,
    now: Timestamp,
    from: Vec<Edge>,
    to: Vec<Edge>,
    /// Midnights that were resolved already.
    midnights: RefCell<BTreeMap<(NaiveDate, &'static str), Timestamp>>,
}

/// A bound as days compare with it, and as moments do.
struct Edge {
    day: Option<NaiveDate>,
    at: Timestamp,
}

impl<'a> Sift<'a> {
    pub(in crate::task_list) fn new(list: &TaskList, filter: &'a Filter, at: &Moment<'_>) -> Self {
        let mut sift = Self {
            filter,
            needle: fold(&filter.search),
            zone: list.zone(at),
            now: at.now,
            from: Vec::new(),
            to: Vec::new(),
            midnights: RefCell::default(),
        };
        sift.from = filter.due_from.iter().map(|bound| sift.edge(*bound, |day| day)).collect();
        // The last millisecond of a day is in it.
        sift.to = filter.due_to.iter().map(|bound| sift.edge(*bound, after)).collect();
        for Edge { at, .. } in sift.to.iter_mut().filter(|edge| edge.day.is_some()) {
            *at = at.plus(-1);
        }
        sift
    }

    fn edge(&self, bound: Bound, day_to: fn(NaiveDate) -> NaiveDate) -> Edge {
        match bound.0 {
            When::Local(Local::Day(day)) => {
                Edge { day: Some(day), at: self.midnight(day_to(day), self.zone) }
            }
            When::Local(Local::Moment(at)) => {
                Edge { day: None, at: resolve(at, self.zone).utc.into() }
            }
            When::Instant(at) => Edge { day: None, at: at.into() },
        }
    }

    fn midnight(&self, day: NaiveDate, zone: Tz) -> Timestamp {
        let resolved = || resolve(day.and_time(NaiveTime::MIN), zone).utc.into();
        *self.midnights.borrow_mut().entry((day, zone.name())).or_insert_with(resolved)
    }

    fn zone_of(&self, task: &Task) -> Tz {
        task.zone.unwrap_or(self.zone)
    }

    /// When a task is due; a day counts as its midnight.
    pub(in crate::task_list) fn due(&self, task: &Task) -> Option<Timestamp> {
        Some(match task.due? {
            Due::Day(day) => self.midnight(day, self.zone_of(task)),
            due @ Due::Moment { .. } => due.instant(NaiveTime::MIN, self.zone),
        })
    }

    /// Open, and its moment is past or its day over.
    fn overdue(&self, task: &Task) -> bool {
        is_open(task)
            && match task.due {
                None => false,
                Some(Due::Day(day)) => self.midnight(after(day), self.zone_of(task)) <= self.now,
                Some(due @ Due::Moment { .. }) => due.instant(NaiveTime::MIN, self.zone) < self.now,
            }
    }

    fn in_range(&self, task: &Task) -> bool {
        if self.from.is_empty() && self.to.is_empty() {
            return true;
        }
        let (Some(due), Some(at)) = (task.due, self.due(task)) else { return false };
        let within = |edge: &Edge, days: fn(&NaiveDate, &NaiveDate) -> bool, moments: bool| match (
            due, edge.day,
        ) {
            (Due::Day(day), Some(bound)) => days(&day, &bound),
            _ => moments,
        };
        self.from.iter().all(|from| within(from, NaiveDate::ge, at >= from.at))
            && self.to.iter().all(|to| within(to, NaiveDate::le, at <= to.at))
    }

    /// Whether a task is not deleted, or, where deleted ones are asked for, can be restored yet.
    fn is_there(&self, task: &Task) -> bool {
        match task.deleted_at {
            None => !self.filter.deleted,
            Some(at) => self.filter.deleted && at.plus(DELETED_MS) > self.now,
        }
    }

    /// Whether a task is in the list.
    pub(in crate::task_list) fn passes(&self, task: &Task) -> bool {
        let filter = self.filter;
        let tagged = || {
            let carries = |tag| task.tags.contains(tag);
            if filter.tags_all {
                filter.tags.iter().all(carries)
            } else {
                filter.tags.iter().any(carries)
            }
        };
        let found = || {
            holds(task.title.as_str(), &self.needle)
                || task.description.as_ref().is_some_and(|text| holds(text.as_str(), &self.needle))
        };
        self.is_there(task)
            && (filter.status.is_empty() || filter.status.contains(&task.status))
            && (filter.priority.is_empty() || filter.priority.contains(&task.priority))
            && filter.recurrence_id.is_none_or(|rule| task.recurrence_id == Some(rule))
            && !(filter.no_due && task.due.is_some())
            && (filter.tags.is_empty() || tagged())
            && filter.overdue.is_none_or(|overdue| self.overdue(task) == overdue)
            && self.in_range(task)
            && (self.needle.is_empty() || found())
    }
}

fn after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

/// Whether a text holds another that is folded, without regard to case and diacritics.
pub(in crate::task_list) fn holds(text: &str, needle: &str) -> bool {
    if !text.is_ascii() {
        return fold(text).contains(needle);
    }
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some((first, rest)) = needle.split_first() else { return true };
    let Some(last) = text.len().checked_sub(needle.len()) else { return false };
    (0..=last).any(|at| {
        text[at].to_ascii_lowercase() == *first
            && text[at + 1..at + needle.len()].eq_ignore_ascii_case(rest)
    })
}
