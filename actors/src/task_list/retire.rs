//! Retention: closed tasks leave for the archive, deleted ones are purged.

use super::{
    event::{Event, Fate},
    state::TaskList,
    work::Work,
};
use crate::message::time::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How long a closed task stays.
const CLOSED_MS: i64 = 365 * DAY_MS;
/// How long a deleted task can be restored.
pub(super) const DELETED_MS: i64 = 30 * DAY_MS;
/// How many closed tasks stay.
const CLOSED_MAX: usize = 2_000;
/// How many tasks leave in one turn.
const TURN_TASKS_MAX: usize = 500;
/// Retention looks at the clock so often, so that tasks closed in a row make one alarm.
const HOUR_MS: i64 = 60 * 60 * 1000;

/// The full hour in which something that happened then is over.
fn over(at: Timestamp, after: i64) -> Timestamp {
    let ms = at.0.saturating_add(after);
    Timestamp(ms.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS).saturating_mul(HOUR_MS))
}

/// The earliest moment at which something is over, or a change of many tasks goes on.
pub(super) fn alarm(list: &TaskList) -> Option<Timestamp> {
    let closed = list.closed.get_min().map(|(at, _)| over(*at, CLOSED_MS));
    let deleted = list.deleted.get_min().map(|(at, _)| over(*at, DELETED_MS));
    let mass = (!list.mass.is_empty()).then_some(list.mass_at);
    closed.into_iter().chain(deleted).chain(mass).min()
}

/// Archives and purges what was over at `alarm`.
pub(super) fn retire(work: &mut Work<'_>, alarm: Timestamp) {
    for _ in 0..TURN_TASKS_MAX {
        match work.list.closed.get_min() {
            Some(&(at, number)) if over(at, CLOSED_MS) <= alarm => archive(work, number),
            _ => break,
        }
    }
    for _ in 0..TURN_TASKS_MAX {
        match work.list.deleted.get_min() {
            Some((at, number)) if over(*at, DELETED_MS) <= alarm => {
                let Some(task) = work.list.tasks.get(number).map(|task| task.id) else { break };
                work.emit(Event::Purged { task });
            }
            _ => break,
        }
    }
}

/// Archives what is beyond the newest 2,000 closed tasks.
pub(super) fn overflow(work: &mut Work<'_>) {
    for _ in 0..TURN_TASKS_MAX {
        match work.list.closed.get_min() {
            Some(&(_, number)) if work.list.closed.len() > CLOSED_MAX => archive(work, number),
            _ => break,
        }
    }
}

fn archive(work: &mut Work<'_>, number: u64) {
    if let Some(task) = work.list.tasks.get(&number).cloned() {
        work.put(Fate::Archived, (*task).clone());
    }
}
