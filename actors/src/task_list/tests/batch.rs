//! Several operations in one turn.

use std::sync::Arc;

use uuid::Uuid;

use super::world::*;
use crate::{
    actor::Actor,
    message::{
        rejection::Slug,
        task::command::{Command, Operation, Reply, TaskRef},
    },
};

fn create(name: &str) -> Operation {
    Operation::Create { draft: Box::new(draft(name)) }
}

fn complete_number(number: u64) -> Operation {
    Operation::Complete { task: TaskRef::Number(number), expect: None }
}

#[test]
fn each_operation_sees_those_before_it() {
    let mut world = World::new();
    let operations = vec![create("a"), complete_number(1), complete_number(9), create("b")];
    let reply = world.tell(Command::Batch { atomic: false, operations }).unwrap();
    let Reply::Batch(results) = reply else { panic!("results are answered") };
    let fared: Vec<Option<Slug>> =
        results.iter().map(|result| result.as_ref().err().map(|no| no.slug)).collect();
    assert_eq!(fared, [None, None, Some(Slug::NotFound), None]);
    assert_eq!(world.told(), ["task.created", "task.completed", "task.created"]);
    let call = Uuid::from_u128(1);
    assert!(world.list.get(Uuid::new_v5(&call, b"0")).is_some());
    assert_eq!(world.list.get(Uuid::new_v5(&call, b"3")).unwrap().number, 2);
    assert_eq!(world.sequence, 1, "it is one turn");
}

#[test]
fn an_atomic_batch_is_all_or_nothing() {
    let mut world = World::new();
    let operations = vec![create("a"), complete_number(9), create("b")];
    let no = world.tell(Command::Batch { atomic: true, operations }).unwrap_err();
    assert_eq!((no.slug, no.results.len()), (Slug::BatchRejected, 3));
    let failed: Vec<bool> = no.results.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false]);
    assert!(world.list.tasks.is_empty());
    let operations = vec![create("a"), complete_number(1)];
    world.tell(Command::Batch { atomic: true, operations }).unwrap();
    assert_eq!(world.list.completed, 1);
}

#[test]
fn a_reply_that_was_read_shares_the_tasks_that_have_not_changed_since() {
    let mut world = World::new();
    let operations = vec![create("a"), create("b"), complete_number(9)];
    let mut reply = world.tell(Command::Batch { atomic: false, operations }).unwrap();
    world.tell(Command::One { operation: complete_number(1) }).unwrap();
    let json = serde_json::to_string(&reply).unwrap();
    reply = serde_json::from_str(&json).unwrap();
    let told = reply.clone();
    world.list.share(&mut reply);
    assert_eq!(reply, told);
    let Reply::Batch(results) = &reply else { panic!("results are answered") };
    let shared = results.iter().flatten().map(|result| match result {
        Reply::Task(done) => Arc::ptr_eq(&done.task, &world.list.tasks[&done.task.number]),
        other => panic!("{other:?}"),
    });
    assert_eq!(shared.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_batch_has_one_to_a_hundred_operations() {
    for (n, fits) in [(0, false), (1, true), (100, true), (101, false)] {
        let operations = (0..n).map(|_| create("a")).collect();
        let told = World::new().tell(Command::Batch { atomic: false, operations });
        assert_eq!(told.is_ok(), fits, "{n}");
    }
}
