//! Long lists in pages: what was written is read, and only what changed is encoded again.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::super::{frame, state::State};
use crate::{
    actor::{Actor, Moment},
    host::{Etag, Stored},
    message::{
        key::{Key, UserId},
        task::Task,
        time::Timestamp,
    },
    task_list::{Event, Fate, TaskList},
};

fn task(number: u64) -> Arc<Task> {
    let task = json!({
        "id": Uuid::from_u128(number.into()), "number": number, "title": format!("Task {number}"), "status": "pending",
        "tags": ["home"], "position": format!("{number:08}"), "created_at": 1,
        "updated_at": 1, "version": number,
    });
    Arc::new(serde_json::from_value(task).unwrap())
}

fn tell(list: &mut TaskList, fate: Fate, task: Arc<Task>) {
    let key = Key::task_list(&UserId::parse("ann").unwrap());
    let at = Moment { key: &key, sequence: 1, now: Timestamp(1), default_zone: chrono_tz::UTC };
    list.evolve(&Event::Task { fate, task, changes: serde_json::Map::new(), cause: None }, &at);
}

/// A list of so many tasks.
pub(super) fn long(tasks: u64) -> State<TaskList> {
    let mut state = State::<TaskList> { sequence: 9, ..State::default() };
    (1..=tasks).for_each(|number| tell(&mut state.actor, Fate::Created, task(number)));
    state
}

fn read(bytes: &[u8]) -> Result<(State<TaskList>, usize), String> {
    State::read(&Stored { bytes: bytes.to_vec(), etag: Etag(String::new()) })
}

/// Of each page, whether it need not be encoded.
fn kept(state: &State<TaskList>) -> Vec<bool> {
    let mut pages = Vec::new();
    state.actor.pages(&mut |kept, _| pages.push(kept.get().is_some()));
    pages
}

#[test]
fn what_was_written_in_pages_is_read() {
    let state = long(600);
    let row = state.write().unwrap();
    let (found, raw) = read(&row.bytes).unwrap();
    assert_eq!((found.sequence, raw), (9, row.raw));
    assert!(found.actor == state.actor);
    assert_eq!(found.write().unwrap().bytes, row.bytes);
}

#[test]
fn only_pages_that_have_changed_are_encoded_again() {
    let mut state = long(300);
    state.write().unwrap();
    assert_eq!(kept(&state), [true; 5]);
    let before = state.clone();
    tell(&mut state.actor, Fate::Updated, task(150));
    assert_eq!(kept(&state), [true, true, false, true, true]);
    tell(&mut state.actor, Fate::Archived, task(1));
    tell(&mut state.actor, Fate::Created, task(350));
    assert_eq!(kept(&state), [false, true, false, true, true, false]);
    (1..190).for_each(|number| tell(&mut state.actor, Fate::Archived, task(number)));
    assert!(kept(&state).is_empty(), "a list that is no longer long is written whole");
    assert_eq!(kept(&before), [true; 5], "and what it was before stays as it was");
    for state in [&before, &state] {
        assert!(read(&state.write().unwrap().bytes).unwrap().0.actor == state.actor);
    }
}

#[test]
fn a_list_of_few_tasks_or_of_scattered_ones_is_written_whole() {
    let mut scattered = State::<TaskList>::default();
    (1..600).for_each(|number| tell(&mut scattered.actor, Fate::Created, task(number * 100)));
    for state in [long(100), scattered] {
        let (whole, _) = frame::body::<serde_json::Value>(&state.write().unwrap().bytes).unwrap();
        assert!(whole["actor"]["tasks"][99].is_object());
    }
}

#[test]
fn a_row_with_pages_that_is_cut_off_or_damaged_is_refused() {
    let row = long(600).write().unwrap().bytes;
    for length in [46, 60, row.len() / 2, row.len() - 1] {
        assert!(read(&row[..length]).is_err(), "{length} bytes of {}", row.len());
    }
    let mut counted = row.clone();
    counted[41] += 1;
    assert!(read(&counted).is_err());
}
