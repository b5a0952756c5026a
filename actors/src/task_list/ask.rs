//! Questions to a task list.

use std::sync::Arc;

use uuid::Uuid;

use super::{coming, cursor, find, list, state::TaskList};
use crate::{
    actor::Moment,
    message::{
        rejection::Rejection,
        series::{Series, SeriesStatus},
        task::{
            Due,
            command::TaskRef,
            query::{Answer, Occurrence, Query},
        },
        time::{Local, Timestamp},
    },
};

/// Most occurrences of a preview.
const PREVIEW_MAX: usize = 100;
/// Most rules of a page.
const SERIES_PAGE_MAX: usize = 200;

/// Answers a question.
pub(super) fn answer(list: &TaskList, query: &Query, at: &Moment<'_>) -> Result<Answer, Rejection> {
    match query {
        Query::Task { task, deleted: true } => list.any(*task).cloned().map(Answer::Task),
        Query::Task { task, deleted: false } => list.find(*task).cloned().map(Answer::Task),
        Query::List { list: ask } => list::list(list, ask, at),
        Query::Find { text, limit } => Ok(find::find(list, text, *limit)),
        Query::Tags => Ok(Answer::Tags(list.tags.keys().filter_map(|tag| list.tag(tag)).collect())),
        Query::Settings => Ok(Answer::Settings {
            settings: (*list.settings).clone(),
            today: at.now.local(list.zone(at)).date(),
        }),
        Query::Series { series } => series_of(list, *series).cloned().map(Answer::Series),
        Query::SeriesList { status, limit, cursor } => {
            series_list(list, status, *limit, cursor.as_deref())
        }
        Query::Preview { series, n } => {
            series_of(list, *series).map(|series| preview(list, series, *n, at))
        }
        Query::ReminderTask { reminder } => {
            let number = list.reminders.get(reminder).ok_or_else(Rejection::not_found)?;
            list.find(TaskRef::Number(*number)).cloned().map(Answer::Task)
        }
        Query::Everything => Ok(Answer::Everything {
            tasks: list.tasks.values().cloned().collect(),
            series: list.series.values().cloned().collect(),
            tags: list.tags.keys().filter_map(|tag| list.tag(tag)).collect(),
            settings: (*list.settings).clone(),
        }),
        Query::IsSettled => Ok(Answer::IsSettled(list.mass.is_empty())),
        Query::Counts => Ok(Answer::Counts {
            total: list.tasks.len() - list.deleted.len(),
            pending: list.open,
            completed: list.completed,
        }),
    }
}

fn series_of(list: &TaskList, id: Uuid) -> Result<&Arc<Series>, Rejection> {
    list.series.get(&id).ok_or_else(Rejection::not_found)
}

/// A page of rules, newest first.
fn series_list(
    list: &TaskList,
    status: &[SeriesStatus],
    limit: usize,
    cursor: Option<&str>,
) -> Result<Answer, Rejection> {
    type Place = (Timestamp, Uuid);
    let place = |series: &Series| -> Place { (series.created_at, series.id) };
    let of = cursor::hash(&status);
    let from = match cursor.map(cursor::read::<(u64, Place)>).transpose()? {
        Some((theirs, _)) if theirs != of => return Err(cursor::invalid()),
        from => from.map(|(_, place)| place),
    };
    let mut series: Vec<Arc<Series>> = list
        .series
        .values()
        .filter(|series| status.is_empty() || status.contains(&series.status))
        .filter(|series| from.is_none_or(|from| place(series) < from))
        .cloned()
        .collect();
    series.sort_unstable_by_key(|series| std::cmp::Reverse(place(series)));
    let limit = limit.clamp(1, SERIES_PAGE_MAX);
    let more = series.len() > limit;
    series.truncate(limit);
    let next = series.last().filter(|_| more).map(|series| cursor::write(&(of, place(series))));
    Ok(Answer::SeriesList { series, next })
}

/// The next occurrences of a rule, from the code that makes them.
fn preview(list: &TaskList, series: &Series, n: usize, at: &Moment<'_>) -> Answer {
    let zone = series.zone.unwrap_or_else(|| list.zone(at));
    let now = at.now.local(zone);
    let (starts, complete) = coming::preview(series, zone, now, n.clamp(1, PREVIEW_MAX));
    let occurrence = |start: Local| {
        let due = Due::new(start, zone);
        let time = list.settings.all_day_time;
        let leads = series.template.reminders.iter();
        let mut reminders: Vec<Timestamp> =
            leads.map(|lead| list.lead(due, lead.lead_time, zone)).collect();
        reminders.sort_unstable();
        Occurrence {
            local: due.local(),
            utc: matches!(start, Local::Moment(_)).then(|| due.instant(time, zone)),
            reminders,
        }
    };
    Answer::Preview {
        occurrences: starts.into_iter().map(occurrence).collect(),
        complete,
        explain: series.rule.explain(series.start, Some(zone)),
    }
}
