//! Lists against a slow and obvious filter and sort.

use std::{cmp::Ordering, sync::Arc};

use chrono::{NaiveDate, NaiveTime};
use proptest::prelude::*;

use super::world::*;
use crate::message::{
    rejection::Slug,
    task::{
        Due, Priority, Status, Task,
        command::{Change, Patch, Scope},
        query::{Answer, Bound, Filter, List, Order, Query, SortBy},
    },
    text::{Description, fold, fold_case},
    time::{Timestamp, resolve},
};

fn page(world: &World, list: &List) -> (Vec<Arc<Task>>, usize, Option<String>) {
    match world.ask(&Query::List { list: Box::new(list.clone()) }).unwrap() {
        Answer::List { tasks, total, next } => (tasks, total, next),
        other => panic!("a list is answered with tasks, not {other:?}"),
    }
}

fn midnight(day: NaiveDate, task: &Task) -> Timestamp {
    let zone = task.zone.unwrap_or(chrono_tz::UTC);
    resolve(day.and_time(NaiveTime::MIN), zone).utc.into()
}

fn due_at(task: &Task) -> Option<Timestamp> {
    Some(match task.due? {
        Due::Day(day) => midnight(day, task),
        due => due.instant(NaiveTime::MIN, chrono_tz::UTC),
    })
}

fn overdue(task: &Task, now: Timestamp) -> bool {
    let over = match task.due {
        None => false,
        Some(Due::Day(day)) => midnight(day.succ_opt().unwrap(), task) <= now,
        Some(due) => due.instant(NaiveTime::MIN, chrono_tz::UTC) < now,
    };
    over && task.status.is_open() && task.deleted_at.is_none()
}

/// The user's zone is UTC, so a moment's day is its date there.
fn day_of(task: &Task) -> Option<NaiveDate> {
    Some(match task.due? {
        Due::Day(day) => day,
        due => due.instant(NaiveTime::MIN, chrono_tz::UTC).utc().date_naive(),
    })
}

fn passes(task: &Task, filter: &Filter, now: Timestamp) -> bool {
    let day = |bound: Bound| match bound.0 {
        crate::message::task::command::When::Local(local) => local.date(),
        crate::message::task::command::When::Instant(at) => at.date_naive(),
    };
    let text =
        format!("{}\n{}", task.title, task.description.as_ref().map_or("", |text| text.as_str()));
    let carried = filter.tags.iter().filter(|tag| task.tags.contains(tag)).count();
    let tagged = if filter.tags_all { carried == filter.tags.len() } else { carried > 0 };
    fold(&text).contains(&fold(&filter.search))
        && (filter.status.is_empty() || filter.status.contains(&task.status))
        && (filter.priority.is_empty() || filter.priority.contains(&task.priority))
        && (filter.tags.is_empty() || tagged)
        && filter.due_from.iter().all(|from| day_of(task).is_some_and(|due| due >= day(*from)))
        && filter.due_to.iter().all(|to| day_of(task).is_some_and(|due| due <= day(*to)))
        && !(filter.no_due && task.due.is_some())
        && filter.overdue.is_none_or(|wanted| wanted == overdue(task, now))
        && task.deleted_at.is_some() == filter.deleted
}

fn compare(a: &Task, b: &Task, sort: SortBy, order: Order) -> Ordering {
    fn last<T: Ord>(a: Option<T>, b: Option<T>, order: Order) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if order == Order::Desc => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }
    let key = |task: &Task| Some(fold_case(task.title.as_str()));
    let place = |task: &Task| Some(task.position.to_string());
    match sort {
        SortBy::CreatedAt => last(Some(a.created_at), Some(b.created_at), order),
        SortBy::UpdatedAt => last(Some(a.updated_at), Some(b.updated_at), order),
        SortBy::DueDate => last(due_at(a), due_at(b), order),
        SortBy::Priority => last(a.priority, b.priority, order),
        SortBy::Title => last(key(a), key(b), order),
        SortBy::Position => last(place(a), place(b), order),
        SortBy::CompletedAt => last(a.completed_at, b.completed_at, order),
    }
    .then(a.number.cmp(&b.number))
}

fn a_task() -> impl Strategy<Value = (Patch, bool)> {
    let due = prop::sample::select(vec![
        None,
        Some("2026-11-20"),
        Some("2026-11-21"),
        Some("2026-11-22"),
        Some("2026-11-20T23:59:59Z"),
        Some("2026-11-21T00:00:00Z"),
        Some("2026-11-21T12:00:00Z"),
        Some("2026-11-21T11:59:59Z"),
        Some("2026-11-22T00:30:00+01:00"),
    ]);
    let titles = prop::sample::select(vec![
        "Ätna", "atlas", "Buy MILK", "milk", "Zebra", "émile", "STRASSE", "straße",
    ]);
    let rank = prop::option::of(prop::sample::select(vec![
        Priority::Low,
        Priority::High,
        Priority::Urgent,
    ]));
    let status = prop::sample::select(vec![
        Status::Pending,
        Status::InProgress,
        Status::Completed,
        Status::Cancelled,
    ]);
    let tags = prop::sample::subsequence(vec!["home", "work", "x"], 0..=3);
    let zone = prop::sample::select(vec![None, Some(chrono_tz::Pacific::Apia)]);
    (titles, due, rank, status, tags, zone, any::<[bool; 2]>()).prop_map(
        |(text, due, rank, status, tags, zone, [deleted, told])| {
            let set = |rank| Change::Set(rank);
            let patch = Patch {
                due: due.map_or(Change::Keep, |text| Change::Set(when(text))),
                priority: rank.map_or(Change::Keep, set),
                status: Some(status),
                tags: Change::Set(tags.into_iter().map(tag).collect()),
                zone: zone.map_or(Change::Keep, Change::Set),
                description: match told {
                    true => Change::Set(Description::parse("with café au LAIT").unwrap().unwrap()),
                    false => Change::Keep,
                },
                ..draft(text)
            };
            (patch, deleted)
        },
    )
}

fn a_filter() -> impl Strategy<Value = Filter> {
    let day = || {
        let days = vec!["2026-11-20", "2026-11-21", "2026-11-22"];
        let none_often = prop::sample::select(vec![0, 0, 0, 0, 1, 2]);
        (prop::sample::subsequence(days, 2), none_often).prop_map(|(days, n)| {
            days.into_iter().take(n).map(|day| Bound(when(day))).collect::<Vec<_>>()
        })
    };
    let search = prop::sample::select(vec!["", "", "", "a", "MIL", "cafe", "é", "lait", "qq"]);
    let status = prop::sample::subsequence(
        vec![Status::Pending, Status::Completed, Status::Cancelled],
        0..3,
    );
    let priority =
        prop::sample::subsequence(vec![None, Some(Priority::Low), Some(Priority::High)], 0..3);
    let tags = prop::sample::subsequence(vec!["home", "work"], 0..=2);
    let overdue = prop::option::weighted(0.3, any::<bool>());
    (search, status, priority, tags, any::<bool>(), day(), day(), overdue, 0..10u8).prop_map(
        |(search, status, priority, tags, tags_all, due_from, due_to, overdue, n)| Filter {
            search: search.to_owned(),
            status,
            priority,
            tags: tags.into_iter().map(tag).collect(),
            tags_all,
            due_from,
            due_to,
            overdue,
            no_due: n == 0,
            deleted: n == 1,
            recurrence_id: None,
        },
    )
}

fn a_sort() -> impl Strategy<Value = (SortBy, Order)> {
    let sort = prop::sample::select(vec![
        SortBy::CreatedAt,
        SortBy::UpdatedAt,
        SortBy::DueDate,
        SortBy::Priority,
        SortBy::Title,
        SortBy::Position,
        SortBy::CompletedAt,
    ]);
    (sort, prop::sample::select(vec![Order::Asc, Order::Desc]))
}

proptest! {
    #[test]
    fn a_list_is_what_filtering_and_sorting_give(
        tasks in prop::collection::vec(a_task(), 0..30),
        filter in a_filter(),
        (sort, order) in a_sort(),
        limit in 1..8usize,
    ) {
        let mut world = World::new();
        for (patch, deleted) in tasks {
            let task = world.unchecked(patch);
            if deleted {
                world.one(delete(&task, Scope::Following)).unwrap();
            }
            world.now = world.now.plus(i64::from(!deleted));
        }
        world.now = timestamp("2026-11-21T12:00:00Z");
        let mut wanted: Vec<Arc<Task>> = world.list.tasks.values().cloned().collect();
        wanted.retain(|task| passes(task, &filter, world.now));
        wanted.sort_by(|a, b| compare(a, b, sort, order));
        let mut list = List { filter, sort, order, limit, ..List::default() };
        let mut told = Vec::new();
        loop {
            let (tasks, total, next) = page(&world, &list);
            prop_assert_eq!(total, wanted.len());
            prop_assert!(tasks.len() <= limit);
            told.extend(tasks);
            list.cursor = next;
            if list.cursor.is_none() {
                break;
            }
        }
        let numbers = |tasks: &[Arc<Task>]| tasks.iter().map(|task| task.number).collect::<Vec<_>>();
        prop_assert_eq!(numbers(&told), numbers(&wanted));
    }
}

#[test]
fn rows_that_change_while_paging_do_not_come_twice_and_those_that_stand_still_are_not_skipped() {
    let mut world = World::new();
    let tasks: Vec<_> = (0..6).map(|n| world.add(draft(&format!("t{n}")))).collect();
    let list = List { sort: SortBy::Title, order: Order::Asc, limit: 2, ..List::default() };
    let (first, _, cursor) = page(&world, &list);
    world.one(edit(&tasks[0], draft("t9"))).unwrap();
    world.one(delete(&tasks[3], Scope::Following)).unwrap();
    world.add(draft("t35"));
    let next = |cursor| List { cursor, ..list.clone() };
    let (second, total, cursor) = page(&world, &next(cursor));
    let (third, _, end) = page(&world, &next(cursor));
    let told = [first, second, third].concat();
    let titles: Vec<&str> = told.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["t0", "t1", "t2", "t4", "t5"]);
    assert_eq!((total, end), (6, None));
}

#[test]
fn a_cursor_holds_for_its_list_alone() {
    let mut world = World::new();
    for n in 0..3 {
        world.add(draft(&format!("t{n}")));
    }
    let list = List { limit: 1, ..List::default() };
    let cursor = page(&world, &list).2;
    for other in [
        List { order: Order::Asc, cursor: cursor.clone(), ..list.clone() },
        List { sort: SortBy::Title, cursor: cursor.clone(), ..list.clone() },
        List {
            filter: Filter { no_due: true, ..Filter::default() },
            cursor: cursor.clone(),
            ..list.clone()
        },
        List { cursor: Some("7b7d".to_owned()), ..list.clone() },
        List { cursor: Some("no cursor".to_owned()), ..list.clone() },
    ] {
        let no = world.ask(&Query::List { list: Box::new(other) }).unwrap_err();
        assert_eq!(no.slug, Slug::InvalidCursor);
    }
    assert!(world.ask(&Query::List { list: Box::new(List { limit: 2, cursor, ..list }) }).is_ok());
}

#[test]
fn pages_by_number_skip_so_many() {
    let mut world = World::new();
    for n in 0..5 {
        world.add(draft(&format!("t{n}")));
    }
    for (offset, titles) in [(0, vec!["t0", "t1"]), (4, vec!["t4"]), (9, vec![])] {
        let list = List { order: Order::Asc, limit: 2, offset, ..List::default() };
        assert_eq!(world.titles(&list), titles);
    }
}

#[test]
fn tasks_are_found_as_people_say_them() {
    let mut world = World::new();
    for name in ["Pay rent", "Pay the rent in May", "Café with Ada", "pay rent"] {
        world.add(draft(name));
    }
    let done = world.add(draft("Buy milk"));
    world.one(complete(&done)).unwrap();
    world.add(draft("7"));
    let uuid = done.id.to_string().to_uppercase();
    for (text, numbers) in [
        ("2", vec![2]),
        ("#2", vec![2]),
        (uuid.as_str(), vec![5]),
        ("PAY RENT", vec![1, 4]),
        ("pay", vec![1, 2, 4]),
        ("cafe", vec![3]),
        ("buy milk", vec![5]),
        ("milk", vec![]),
        ("7", vec![6]),
        ("nothing", vec![]),
        ("  ", vec![]),
    ] {
        let answer = world.ask(&Query::Find { text: text.to_owned(), limit: 5 }).unwrap();
        let Answer::List { tasks, .. } = answer else { panic!("tasks are answered") };
        let found: Vec<u64> = tasks.iter().map(|task| task.number).collect();
        assert_eq!(found, numbers, "{text}");
    }
}

#[test]
fn counts_are_of_all_that_is_not_deleted() {
    let mut world = World::new();
    let tasks: Vec<_> = (0..5).map(|n| world.add(draft(&format!("t{n}")))).collect();
    world.one(complete(&tasks[0])).unwrap();
    world.one(delete(&tasks[1], Scope::Following)).unwrap();
    let cancel = Patch { status: Some(Status::Cancelled), ..Patch::default() };
    world.one(edit(&tasks[2], cancel)).unwrap();
    let counts = Answer::Counts { total: 4, pending: 2, completed: 1 };
    assert_eq!(world.ask(&Query::Counts).unwrap(), counts);
}
