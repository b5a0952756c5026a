//! Lists of tasks: which, in what order, which page. From memory, so always current.

mod sift;

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use chrono_tz::Tz;

pub(super) use sift::{Sift, holds};

use super::{
    cursor::{self, Cursor, Saved},
    state::TaskList,
};
use crate::{
    actor::Moment,
    message::{
        key::{self as actor, UserId},
        rejection::Rejection,
        task::{
            Task,
            command::Settings,
            query::{Answer, Filter, List, Order, SortBy},
        },
        text::fold_case,
        time::Timestamp,
    },
};

/// Most tasks of a page.
pub(super) const PAGE_MAX: usize = 1_000;

/// What a row is sorted by; null comes last whichever way the list runs.
enum Key<'a> {
    Int(i64),
    Text(Cow<'a, str>),
    None,
}

struct Row<'a> {
    key: Key<'a>,
    task: &'a Arc<Task>,
}

/// A page of tasks.
pub(super) fn list(list: &TaskList, ask: &List, at: &Moment<'_>) -> Result<Answer, Rejection> {
    page(list.tasks.values(), list, ask, at)
}

/// A page of these tasks, as `list` would show them if they were its own.
fn page<'a>(
    tasks: impl Iterator<Item = &'a Arc<Task>>,
    list: &TaskList,
    ask: &List,
    at: &Moment<'_>,
) -> Result<Answer, Rejection> {
    let of = cursor::hash(&(&ask.filter, ask.sort, ask.order));
    let from = match &ask.cursor {
        Some(text) => Some(cursor::read::<Cursor>(text)?),
        None => None,
    };
    if from.as_ref().is_some_and(|from| from.of != of) {
        return Err(cursor::invalid());
    }
    let sift = Sift::new(list, &ask.filter, at);
    let mut rows: Vec<Row<'_>> = tasks
        .filter(|task| sift.passes(task))
        .map(|task| Row { key: key(&sift, task, ask.sort), task })
        .collect();
    let total = rows.len();
    let order = |a: &Row<'_>, b: &Row<'_>| {
        compare(&a.key, &b.key, ask.order).then_with(|| a.task.number.cmp(&b.task.number))
    };
    let version = match &from {
        None => at.sequence,
        Some(from) => {
            let last = saved(&from.key);
            rows.retain(|row| {
                let place = compare(&row.key, &last, ask.order)
                    .then_with(|| row.task.number.cmp(&from.number));
                row.task.version <= from.version && place == Ordering::Greater
            });
            from.version
        }
    };
    let limit = if ask.limit == 0 { PAGE_MAX } else { ask.limit.min(PAGE_MAX) };
    let skip = if from.is_some() { 0 } else { ask.offset.min(rows.len()) };
    let end = skip + limit;
    let more = rows.len() > end;
    if more {
        rows.select_nth_unstable_by(end, order);
        rows.truncate(end);
    }
    rows.sort_unstable_by(order);
    let next = rows.last().filter(|_| more).map(|row| {
        cursor::write(&Cursor { key: save(&row.key), number: row.task.number, version, of })
    });
    let tasks = rows[skip..].iter().map(|row| row.task.clone()).collect();
    Ok(Answer::List { tasks, total, next })
}

/// The page that a list asks for of tasks that no list holds (archived ones, found ones), sifted and sorted as the list
/// itself would at this sequence and time.
pub fn sifted(
    tasks: &[Arc<Task>],
    settings: Settings,
    ask: &List,
    at: (u64, Timestamp, Tz),
) -> Result<Answer, Rejection> {
    elsewhere(settings, at, |holder, at| page(tasks.iter(), holder, ask, at))
}

/// Keeps what holds a task that passes a filter.
pub fn sieve<T>(
    held: &mut Vec<T>,
    task: impl Fn(&T) -> &Task,
    settings: Settings,
    filter: &Filter,
    at: (u64, Timestamp, Tz),
) {
    elsewhere(settings, at, |holder, at| {
        let sift = Sift::new(holder, filter, at);
        held.retain(|one| sift.passes(task(one)));
    });
}

/// Looks at tasks as if a list of these settings held them.
fn elsewhere<R>(
    settings: Settings,
    (sequence, now, default_zone): (u64, Timestamp, Tz),
    look: impl FnOnce(&TaskList, &Moment<'_>) -> R,
) -> R {
    let holder = TaskList { settings: Arc::new(settings), ..TaskList::default() };
    let user = UserId::parse("-").expect("one character is a user id");
    let key = actor::Key::task_list(&user);
    look(&holder, &Moment { key: &key, sequence, now, default_zone })
}

fn key<'a>(sift: &Sift<'_>, task: &'a Task, sort: SortBy) -> Key<'a> {
    let at = |at: Option<Timestamp>| at.map_or(Key::None, |at| Key::Int(at.0));
    match sort {
        SortBy::CreatedAt => Key::Int(task.created_at.0),
        SortBy::UpdatedAt => Key::Int(task.updated_at.0),
        SortBy::CompletedAt => at(task.completed_at),
        SortBy::DueDate => at(sift.due(task)),
        SortBy::Priority => task.priority.map_or(Key::None, |rank| Key::Int(rank as i64)),
        SortBy::Title => Key::Text(folded(task.title.as_str())),
        SortBy::Position => Key::Text(Cow::Borrowed(&task.position)),
    }
}

/// A title without case.
fn folded(title: &str) -> Cow<'_, str> {
    if title.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        Cow::Owned(fold_case(title))
    } else {
        Cow::Borrowed(title)
    }
}

fn compare(a: &Key<'_>, b: &Key<'_>, order: Order) -> Ordering {
    let rises = match (a, b) {
        (Key::Int(a), Key::Int(b)) => a.cmp(b),
        (Key::Text(a), Key::Text(b)) => a.cmp(b),
        (Key::None, Key::None) => Ordering::Equal,
        (Key::None, _) => return Ordering::Greater,
        (_, Key::None) => return Ordering::Less,
        // A cursor of another sort is refused before.
        (Key::Int(_), Key::Text(_)) => return Ordering::Less,
        (Key::Text(_), Key::Int(_)) => return Ordering::Greater,
    };
    match order {
        Order::Asc => rises,
        Order::Desc => rises.reverse(),
    }
}

fn save(key: &Key<'_>) -> Saved {
    match key {
        Key::Int(n) => Saved::Int(*n),
        Key::Text(text) => Saved::Text(text.clone().into_owned()),
        Key::None => Saved::None,
    }
}

fn saved(key: &Saved) -> Key<'_> {
    match key {
        Saved::Int(n) => Key::Int(*n),
        Saved::Text(text) => Key::Text(Cow::Borrowed(text)),
        Saved::None => Key::None,
    }
}
