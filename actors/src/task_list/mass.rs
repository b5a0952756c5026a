//! Changes of many tasks, some hundreds a turn, so that a turn's entry stays small: the first in the command's own
//! turn, the others in wakes that follow at once.

use serde::{Deserialize, Serialize};

use super::{
    event::{Event, Fate},
    state::is_open,
    work::Work,
};
use crate::message::{
    task::{Due, Task},
    text::Tag,
    time::Timestamp,
};

/// How many tasks one turn changes.
const TURN_TASKS_MAX: usize = 500;

/// A change of many tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mass {
    /// A tag takes another's place, or goes; then it is deleted.
    Retag {
        /// The tag that goes.
        from: Tag,
        /// What takes its place.
        to: Option<Tag>,
    },
    /// Due dates and reminders follow the settings.
    Resettle {
        /// Tasks up to this number have done so.
        after: u64,
    },
}

/// Begins a change of many tasks.
pub(super) fn begin(work: &mut Work<'_>, mass: Mass) {
    let mut all = (*work.list.mass).clone();
    all.push(mass);
    run(work, all);
}

/// Goes on with what is under way.
pub(super) fn go_on(work: &mut Work<'_>, alarm: Timestamp) {
    if !work.list.mass.is_empty() && work.list.mass_at <= alarm {
        run(work, (*work.list.mass).clone());
    }
}

fn run(work: &mut Work<'_>, mut all: Vec<Mass>) {
    let mut room = TURN_TASKS_MAX;
    while let Some(first) = all.first() {
        let left = match first.clone() {
            Mass::Retag { from, to } => retag(work, from, to, &mut room),
            Mass::Resettle { after } => resettle(work, after, &mut room),
        };
        match left {
            Some(left) => {
                all[0] = left;
                break;
            }
            None => {
                all.remove(0);
            }
        }
    }
    if *work.list.mass != all {
        work.emit(Event::Pending { mass: all });
    }
}

fn retag(work: &mut Work<'_>, from: Tag, to: Option<Tag>, room: &mut usize) -> Option<Mass> {
    let swap = |tags: &mut Vec<Tag>| match &to {
        Some(to) if !tags.contains(to) => {
            tags.iter_mut().filter(|tag| **tag == from).for_each(|tag| *tag = to.clone());
        }
        _ => tags.retain(|tag| *tag != from),
    };
    let templates = work.list.series.values().filter(|series| series.template.tags.contains(&from));
    for series in templates.cloned().collect::<Vec<_>>() {
        let mut series = (*series).clone();
        swap(&mut series.template.tags);
        work.put_series(series);
    }
    let carriers = work.list.tasks.values().filter(|task| task.tags.contains(&from));
    let carriers: Vec<_> = carriers.take(*room + 1).cloned().collect();
    for task in carriers.iter().take(*room) {
        let mut new = (**task).clone();
        swap(&mut new.tags);
        quietly_if_deleted(work, new);
    }
    if carriers.len() > *room {
        *room = 0;
        return Some(Mass::Retag { from, to });
    }
    *room -= carriers.len();
    work.emit(Event::Untagged { tag: from });
    None
}

fn resettle(work: &mut Work<'_>, after: u64, room: &mut usize) -> Option<Mass> {
    let tasks: Vec<_> = work.list.tasks.range(after + 1..).map(|(_, task)| task.clone()).collect();
    let mut after = after;
    for task in tasks {
        if *room == 0 {
            return Some(Mass::Resettle { after });
        }
        after = task.number;
        let mut new = (*task).clone();
        if new.zone.is_none() {
            new.due = new.due.map(|due| Due::new(due.local(), work.zone()));
        }
        if is_open(&new) {
            work.follow_due(&mut new);
        }
        if new != *task {
            quietly_if_deleted(work, new);
            *room -= 1;
        }
    }
    None
}

/// Nobody is told of what changes on a deleted task.
fn quietly_if_deleted(work: &mut Work<'_>, task: Task) {
    let fate = if task.deleted_at.is_some() { Fate::Touched } else { Fate::Updated };
    work.put(fate, task);
}
