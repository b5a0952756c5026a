//! What becomes of reminders: each fires once, not early, not after it was taken away, and is where the list has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use super::judge::{Case, Model, What};
use crate::{
    message::{
        reminder::Status,
        task::{SetReminder, Task},
        time::Timestamp,
    },
    reminder::{LATE_MS, event::Event, record::Record},
};

/// A moment nearer than this is taken away only with the reminders' confirmation.
const NEAR_MS: i64 = 120_000;
/// What is due fires within this, in the calm.
const LAG_MS: i64 = 100_000;

/// A reminder that fired.
struct Firing {
    id: Uuid,
    moment: Timestamp,
    at: i64,
    snoozed: bool,
}

/// What the reminders' own turns say.
#[derive(Default)]
struct Told {
    records: BTreeMap<Uuid, Arc<Record>>,
    firings: Vec<Firing>,
    /// Moments to which reminders were snoozed.
    snoozes: Vec<(Uuid, Timestamp)>,
}

pub(super) fn judge(case: &Case<'_>) -> Result<(), String> {
    let told = told(case)?;
    once(case, &told)?;
    cancelled(case, &told)?;
    told.firings.iter().try_for_each(|firing| set(case, firing))?;
    agree(case, &told)
}

fn told(case: &Case<'_>) -> Result<Told, String> {
    let mut told = Told::default();
    let mut notes = BTreeSet::new();
    for turn in &case.clock {
        for event in &turn.entry.events {
            let record = match event {
                Event::Scheduled { reminder }
                | Event::Acknowledged { reminder }
                | Event::Cancelled { reminder }
                | Event::Noted { reminder } => reminder,
                Event::Snoozed { reminder } => {
                    told.snoozes.push((reminder.reminder.id, reminder.reminder.remind_at));
                    reminder
                }
                Event::Triggered { reminder, notification } => {
                    if !notes.insert(notification.id) {
                        return Err(format!("notification {} was made twice", notification.id));
                    }
                    told.firings.push(firing(&told, reminder, turn.at, turn.entry.time)?);
                    reminder
                }
                _ => continue,
            };
            told.records.insert(record.reminder.id, record.clone());
        }
    }
    Ok(told)
}

fn firing(told: &Told, record: &Record, at: i64, decided: Timestamp) -> Result<Firing, String> {
    let (id, moment) = (record.reminder.id, record.reminder.remind_at);
    let held = told.records.get(&id).map(|held| &held.reminder);
    let Some(held) = held.filter(|it| it.status == Status::Pending && it.remind_at == moment)
    else {
        return Err(format!("reminder {id} fired at {at} for nothing"));
    };
    if at < moment.0 {
        return Err(format!("reminder {id} fired at {at}, before {moment}"));
    }
    if record.reminder.late != (decided > moment.plus(LATE_MS)) {
        return Err(format!("reminder {id} of {moment} fired at {decided}: late is wrong"));
    }
    Ok(Firing { id, moment, at, snoozed: held.snoozed_until.is_some() })
}

/// A reminder of a model, with its task.
fn listed(model: &Model, id: Uuid) -> Option<(&Arc<Task>, &SetReminder)> {
    model
        .tasks
        .values()
        .find_map(|task| task.reminders.iter().find(|set| set.id == id).map(|set| (task, set)))
}

/// The moment at which a reminder of an open task is set.
fn live(model: &Model, id: Uuid) -> Option<Timestamp> {
    let (task, set) = listed(model, id)?;
    (task.status.is_open() && task.deleted_at.is_none()).then_some(set.remind_at)
}

/// Nothing fires more often than it was set or snoozed.
fn once(case: &Case<'_>, told: &Told) -> Result<(), String> {
    let mut counts: BTreeMap<(Uuid, Timestamp), usize> = BTreeMap::new();
    for firing in &told.firings {
        *counts.entry((firing.id, firing.moment)).or_default() += 1;
    }
    for ((id, moment), count) in counts.into_iter().filter(|(_, count)| *count > 1) {
        let snoozed = told.snoozes.iter().filter(|it| **it == (id, moment)).count();
        let is = |model| listed(model, id).map(|(_, set)| (set.version, set.remind_at));
        let turns = case.models.windows(2).map(|turn| (is(&turn[0]), is(&turn[1])));
        let sets = turns.filter(|(was, is)| was != is && is.is_some_and(|(_, at)| at == moment));
        let sets = sets.count();
        if count > snoozed + sets {
            return Err(format!("reminder {id} of {moment} fired {count} times"));
        }
    }
    Ok(())
}

/// No reminder fires after it was acknowledged that it does not, unless it was set anew.
fn cancelled(case: &Case<'_>, told: &Told) -> Result<(), String> {
    for ack in case.acks {
        let version = usize::try_from(ack.done.version).unwrap();
        let Some(turn) = version.checked_sub(1).map(|at| &case.list[at]) else { continue };
        if turn.entry.outcome.as_ref().is_none_or(|outcome| outcome.id != ack.call.id) {
            continue;
        }
        let near = turn.entry.time.plus(NEAR_MS);
        for firing in told.firings.iter().filter(|firing| firing.at > ack.ended) {
            let [was, is] = [version - 1, version].map(|turn| live(&case.models[turn], firing.id));
            // Of what an earlier turn did, which nobody was told of, this one promises nothing.
            let Some(was) = was.filter(|at| *at <= near && was != is) else { continue };
            let since = case.models[version..].iter().zip(version..);
            let mut since = since
                .take_while(|(_, turn)| *turn == version || case.list[turn - 1].at <= firing.at);
            // One that comes earlier now may still come at its old moment: nothing was taken away.
            let fits = |is: Timestamp| firing.snoozed || is <= firing.moment;
            if !since.any(|(model, _)| live(model, firing.id).is_some_and(fits)) {
                return Err(format!(
                    "reminder {} of {was} fired at {}, off since turn {version}, told at {}",
                    firing.id, firing.at, ack.ended
                ));
            }
        }
    }
    Ok(())
}

/// What fires was set so by the list, or snoozed.
fn set(case: &Case<'_>, firing: &Firing) -> Result<(), String> {
    let mut before = case
        .models
        .iter()
        .enumerate()
        .filter(|(turn, _)| *turn > 0 && case.at(*turn as u64) <= firing.at);
    let was_set = before.any(|(_, model)| live(model, firing.id) == Some(firing.moment));
    if was_set || firing.snoozed {
        return Ok(());
    }
    Err(format!("reminder {} fired at {}, where it was never set", firing.id, firing.moment))
}

/// In the end both sides say the same of every reminder.
fn agree(case: &Case<'_>, told: &Told) -> Result<(), String> {
    let mut changed: BTreeMap<Uuid, u64> = BTreeMap::new();
    let mut closed: BTreeSet<Uuid> = BTreeSet::new();
    for (turn, (before, after)) in (1..).zip(case.models.iter().zip(&case.models[1..])) {
        for (id, task) in &after.tasks {
            if before.tasks.get(id).is_none_or(|was| !Arc::ptr_eq(was, task)) {
                changed.insert(*id, turn);
            }
            if !task.status.is_open() || task.deleted_at.is_some() {
                closed.insert(*id);
            }
        }
    }
    for task in case.last().tasks.values().filter(|task| case.is_over(changed[&task.id])) {
        for set in &task.reminders {
            let Some(record) = told.records.get(&set.id) else {
                return Err(format!(
                    "reminder {} of turn {} is unknown",
                    set.id, changed[&task.id]
                ));
            };
            let wrong = |what: &str| Err(format!("{what}: {set:?} is held as {record:?}"));
            let is_open = task.status.is_open() && task.deleted_at.is_none();
            let pending = record.reminder.status == Status::Pending;
            if record.off || is_open != record.closed.is_none() || pending && !is_open {
                return wrong("not as the list has it");
            }
            if !is_open {
                continue;
            }
            let snoozed = told.snoozes.iter().any(|(id, _)| *id == set.id);
            let known =
                case.what == What::Everything || !snoozed || case.ticked.contains(&record.changed);
            if pending && record.reminder.remind_at.0 < case.now - LAG_MS && known {
                return wrong("it never fired");
            }
            if snoozed {
                continue;
            }
            if record.set_at != set.remind_at
                || pending && record.reminder.remind_at != set.remind_at
            {
                return wrong("another moment");
            }
            // Or at the later moment that it had before, where its clock heard of the earlier one too late.
            let since = case.at(changed[&task.id]);
            let fired = told.firings.iter().any(|it| {
                let instead = it.moment > set.remind_at && it.at >= since;
                it.id == set.id && (it.moment == set.remind_at || instead)
            });
            let due = set.remind_at.0 < case.now - LAG_MS;
            let must = if due { !closed.contains(&task.id) } else { !pending };
            if must && !fired {
                return wrong("it did not fire when it was set");
            }
        }
    }
    let left = told.records.values().filter(|it| it.reminder.status == Status::Pending);
    for record in left.filter(|_| case.what == What::Everything) {
        if listed(case.last(), record.reminder.id).is_none() {
            return Err(format!("{record:?} is pending and set on no task"));
        }
    }
    Ok(())
}
