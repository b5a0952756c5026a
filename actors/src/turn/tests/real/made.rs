//! What rules make: each start one task, never early, and the next occurrence with the turn that completes one.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::UTC;
use uuid::Uuid;

use super::{
    drive::instant,
    judge::{Case, Model, Turn},
};
use crate::{
    message::{
        series::{Series, SeriesStatus},
        task::{Task, command::Reply},
        time::Local,
    },
    recurrence::rule::{CatchUp, Mode},
    task_list::{Event, Fate, TaskList},
};

/// A start that has come is made within this, in the calm.
const LAG_MS: i64 = 100_000;

pub(super) fn judge(case: &Case<'_>) -> Result<(), String> {
    let mut starts: BTreeMap<Uuid, Vec<Local>> = BTreeMap::new();
    for (turn, (before, after)) in case.list.iter().zip(case.models.iter().zip(&case.models[1..])) {
        let sequence = turn.entry.head.sequence;
        let mut had: BTreeSet<Uuid> = before.tasks.keys().copied().collect();
        for event in &turn.entry.events {
            let Event::Task { fate, task, .. } = event else { continue };
            match fate {
                Fate::TakenBack => {
                    had.remove(&task.id);
                }
                Fate::Created if !had.insert(task.id) => {
                    return Err(format!("turn {sequence} makes task {} again", task.id));
                }
                Fate::Created if turn.entry.mark.is_some() => {
                    let (Some(series), Some(start)) = (task.recurrence_id, task.occurrence) else {
                        return Err(format!("turn {sequence} makes {} of no rule", task.id));
                    };
                    if turn.at < instant(start).0 {
                        return Err(format!("{start} of {series} is made early, at {}", turn.at));
                    }
                    starts.entry(series).or_default().push(start);
                }
                // In a batch more may become of it and of what follows it: what is left is another turn's business.
                Fate::Completed if !of_batch(turn) => completed(before, after, task)?,
                _ => {}
            }
        }
    }
    for id in case.last().series.keys() {
        let made = starts.remove(id).unwrap_or_default();
        scheduled(case, *id, &made)?;
    }
    Ok(())
}

/// Whether a turn changed a task more than once, or several of them.
fn of_batch(turn: &Turn<TaskList>) -> bool {
    turn.entry.outcome.as_ref().is_some_and(|it| matches!(*it.reply, Reply::Batch(_)))
}

/// Completing the newest occurrence of a rule makes the next one in the same turn, or ends the rule.
fn completed(before: &Model, after: &Model, task: &Task) -> Result<(), String> {
    let Some(series) = task.recurrence_id.and_then(|id| before.series.get(&id)) else {
        return Ok(());
    };
    let was = before.tasks.get(&task.id);
    let goes_on = series.status == SeriesStatus::Active
        && series.rule.mode() == Mode::Completion
        && series.last_task == Some(task.id)
        && was.is_some_and(|was| was.next.is_none());
    let ended = after.series[&series.id].status == SeriesStatus::Ended;
    let next = task.next.as_ref().and_then(|next| after.tasks.get(&next.id));
    let is_next =
        next.is_some_and(|next| next.status.is_open() && next.recurrence_id == Some(series.id));
    if goes_on && !ended && !is_next {
        return Err(format!("{} was completed and nothing follows", task.id));
    }
    Ok(())
}

/// A rule of its own that nobody touched has made all its starts that have come, each once and in order.
fn scheduled(case: &Case<'_>, id: Uuid, made: &[Local]) -> Result<(), String> {
    let all = case.models.iter().filter_map(|model| model.series.get(&id));
    let versions: Vec<_> = all.collect();
    let Some(first) = versions.first() else { return Ok(()) };
    if !first.standalone || first.rule.mode() != Mode::Schedule {
        return Ok(());
    }
    let same = |it: &Series| it.rule == first.rule && it.start == first.start;
    if !versions.iter().all(|it| same(it)) {
        return Ok(());
    }
    if !made.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(format!("rule {id} made {made:?}"));
    }
    let stopped = |it: &Series| {
        it.status == SeriesStatus::Paused || !it.skips.is_empty() || it.ended_by.is_some()
    };
    let expected: Vec<Local> = first
        .rule
        .pure_occurrences(first.start, Some(UTC), first.last)
        .filter(|start| first.last.is_none_or(|last| *start > last))
        .take_while(|start| instant(*start).0 <= case.now - LAG_MS)
        .collect();
    if let Some(odd) = made
        .iter()
        .find(|start| !expected.contains(start) && instant(**start).0 <= case.now - LAG_MS)
    {
        return Err(format!("rule {id} made {odd}, which is none of its starts"));
    }
    let missing = expected.iter().find(|start| match first.rule.catch_up() {
        CatchUp::Each => !made.contains(start),
        // A later one stands for it.
        CatchUp::Latest => made.last() < Some(start),
    });
    match missing {
        Some(start) if case.is_over(first.version) && !versions.iter().any(|it| stopped(it)) => {
            Err(format!("start {start} of rule {id} made no task: {made:?}"))
        }
        _ => Ok(()),
    }
}

/// The start that a rule rings next, as the list has it.
pub(super) fn next(series: &Series) -> Option<Local> {
    if series.status != SeriesStatus::Active || series.rule.mode() != Mode::Schedule {
        return None;
    }
    series.next_due.map(|due| due.local())
}
