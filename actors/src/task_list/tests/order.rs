//! The manual order.

use proptest::prelude::*;

use super::world::*;
use crate::{
    message::{
        rejection::Slug,
        task::{
            command::{Command, Operation, Place},
            query::{List, Order, SortBy},
        },
    },
    task_list::order::{between, is_position},
};

fn by_position() -> List {
    List { sort: SortBy::Position, order: Order::Asc, ..List::default() }
}

fn world() -> (World, Vec<std::sync::Arc<crate::message::task::Task>>) {
    let mut world = World::new();
    let tasks = ["a", "b", "c", "d"].map(|name| world.add(draft(name)));
    (world, tasks.into())
}

#[test]
fn tasks_go_where_they_are_put() {
    let (mut world, tasks) = world();
    for (which, place, order) in [
        (3, Place::First, "dabc"),
        (3, Place::First, "dabc"),
        (0, Place::Last, "dbca"),
        (2, Place::Before(id(&tasks[1])), "dcba"),
        (3, Place::After(id(&tasks[1])), "cbda"),
        (3, Place::After(id(&tasks[1])), "cbda"),
        (1, Place::Before(id(&tasks[1])), "cbda"),
    ] {
        let task = id(&tasks[which]);
        world.one(Operation::Move { task, place, expect: None }).unwrap();
        assert_eq!(world.titles(&by_position()).concat(), order);
    }
    assert!(world.wrote.events.is_empty(), "where it stands already, nothing is written");
    let place = Place::After(crate::message::task::command::TaskRef::Number(99));
    let no = world.one(Operation::Move { task: id(&tasks[0]), place, expect: None });
    assert_eq!(no.unwrap_err().slug, Slug::NotFound);
}

#[test]
fn a_move_says_that_the_place_changed() {
    let (mut world, tasks) = world();
    let task = id(&tasks[3]);
    world.one(Operation::Move { task, place: Place::First, expect: None }).unwrap();
    assert_eq!(
        (world.told(), world.changed()),
        (vec!["task.updated".into()], vec!["position".into()])
    );
}

#[test]
fn an_order_is_saved_before_all_others() {
    let (mut world, tasks) = world();
    let arrange = Command::Arrange { tasks: vec![tasks[2].id, tasks[0].id] };
    world.tell(arrange.clone()).unwrap();
    assert_eq!(world.titles(&by_position()).concat(), "cabd");
    assert_eq!(world.told().len(), 1, "what stands right already stays");
    world.tell(arrange).unwrap();
    assert!(world.wrote.events.is_empty());
}

#[test]
fn ends_stay_short() {
    let (mut first, mut last) = (between(None, None), between(None, None));
    for _ in 0..100_000 {
        (first, last) = (between(None, Some(&first)), between(Some(&last), None));
        assert!(is_position(&first) && is_position(&last));
    }
    assert!(first.len() <= 5 && last.len() <= 5, "{first} {last}");
}

proptest! {
    #[test]
    fn there_is_always_room_between(places in prop::collection::vec(any::<prop::sample::Index>(), 1..200)) {
        let mut order: Vec<std::sync::Arc<str>> = vec![between(None, None)];
        for place in places {
            let at = place.index(order.len() + 1);
            let low = at.checked_sub(1).map(|low| &*order[low]);
            let made = between(low, order.get(at).map(|high| &**high));
            prop_assert!(is_position(&made), "{made}");
            order.insert(at, made);
            prop_assert!(order.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()), "{order:?}");
        }
    }
}
