//! Rings: a rule on a schedule says that a start has come, and the task is made.

use super::{coming, series, work::Work};
use crate::{
    message::{
        key::Key,
        series::SeriesStatus,
        sync::{Item, Value},
        time::Local,
    },
    recurrence::rule::{CatchUp, Mode},
};

/// Makes the tasks of the starts that have come. Only starts after the last one made are; a rule that is paused,
/// ended, gone or no longer on a schedule makes none, nor does a start that is no longer one of the rule's.
pub(super) fn receive(work: &mut Work<'_>, from: &Key, items: &[Item]) {
    let Some(id) = from.rule else { return };
    let ring = |item: &Item| match item.value {
        Value::Ring(start) => Some(start),
        Value::Moments(_) | Value::Rule(_) => None,
    };
    if let Some(start) = items.iter().filter_map(ring).max() {
        rung(work, id, start);
    }
}

fn rung(work: &mut Work<'_>, id: uuid::Uuid, start: Local) {
    let Ok(series) = work.rule(id, None) else { return };
    if series.status != SeriesStatus::Active || series.rule.mode() != Mode::Schedule {
        return;
    }
    let zone = series.zone.unwrap_or_else(|| work.zone());
    let starts = match series.rule.catch_up() {
        CatchUp::Each => coming::each(&series, zone, start),
        CatchUp::Latest => coming::newest(&series, zone, start, work.at.now).into_iter().collect(),
    };
    for next in starts {
        let Ok(series) = work.rule(id, None) else { return };
        series::make(work, &series, next, series.last_task);
    }
    finish(work, id);
}

/// A rule without a further start has ended.
pub(super) fn finish(work: &mut Work<'_>, id: uuid::Uuid) {
    let Ok(series) = work.rule(id, None) else { return };
    let zone = series.zone.unwrap_or_else(|| work.zone());
    if series.last_task.is_some() && coming::scheduled(&series, zone).next().is_none() {
        let counted = series.rule.ended_after(u64::from(series.made), series.start, Some(zone));
        let reason = if counted {
            crate::message::series::EndedReason::Count
        } else {
            crate::message::series::EndedReason::Until
        };
        super::complete::end(work, &series, reason, None);
    }
}
