//! Limits of a turn, in calm weather: waiting, repeating, forgetting, draining.

use std::sync::Arc;

use tokio::time::Duration;
use uuid::Uuid;

use super::{
    super::{MAILBOX_MAX, Seen},
    toys::{Owned, Shared, Tell, Told, id},
    world::{Cast, Node, RING, World},
};
use crate::{
    message::{
        call::{By, Call, Idempotency},
        key::{Key, UserId},
    },
    reach::{Done, Failure},
};

fn ann() -> Key {
    Key::task_list(&UserId::parse("ann").unwrap())
}

fn add(id: Uuid) -> Call<Tell> {
    let idempotency = Some(Idempotency { hash: "one".to_owned() });
    Call { id, idempotency, by: By::system(), traceparent: None, command: Tell::Add { n: 2 } }
}

/// Runs a test on one node in a world where nothing fails.
fn calm<C: Cast>(test: impl AsyncFnOnce(Arc<World<C>>, Arc<Node<C>>)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(1, None);
        world.heal().await;
        let node = world.route(&ann()).unwrap();
        test(world.clone(), node).await;
        world.end();
    });
}

async fn all_at_once(
    node: &Arc<Node<Owned>>,
    calls: impl Iterator<Item = Call<Tell>>,
) -> Vec<Result<Done<Told>, Failure>> {
    let run = |call| {
        let node = node.clone();
        tokio::spawn(async move { node.lists.call(&ann(), call).await })
    };
    let running: Vec<_> = calls.map(run).collect();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    answers
}

#[test]
fn more_commands_than_may_wait_are_busy() {
    calm::<Owned>(async |_, node| {
        let answers = all_at_once(&node, (0..50).map(|n| add(id(n)))).await;
        let busy = answers.iter().filter(|answer| **answer == Err(Failure::Busy)).count();
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!((done, busy), (MAILBOX_MAX, 50 - MAILBOX_MAX));
    });
}

#[test]
fn fifty_repeats_at_once_have_one_effect_and_one_answer() {
    calm::<Owned>(async |_, node| {
        let answers = all_at_once(&node, (0..50).map(|_| add(id(1)))).await;
        let told = Told { total: 2, sequence: 1, confirmed: false };
        let replayed = |answer: &Result<Done<Told>, Failure>| answer.as_ref().unwrap().replayed;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().reply == told));
        assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
    });
}

#[test]
fn a_turn_goes_on_when_its_caller_does_not() {
    calm::<Owned>(async |_, node| {
        let ann = ann();
        let call = node.lists.call(&ann, add(id(1)));
        assert!(tokio::time::timeout(Duration::from_micros(1), call).await.is_err());
        assert!(node.lists.drain(Duration::from_secs(5)).await);
        let answered = node.lists.query(&ann, &(), &Seen::default()).await.unwrap();
        assert_eq!(answered.answer, (2, 1));
    });
}

#[test]
fn what_drains_takes_no_more() {
    calm::<Owned>(async |_, node| {
        assert!(node.lists.drain(Duration::from_secs(1)).await);
        let refused = node.lists.call(&ann(), add(id(1))).await;
        assert_eq!(refused, Err(Failure::Unavailable("stopping".to_owned())));
    });
}

#[test]
fn what_is_forgotten_is_loaded_again() {
    calm::<Owned>(async |_, node| {
        node.lists.call(&ann(), add(id(1))).await.unwrap();
        node.lists.forget(&ann()).await;
        let again = node.lists.call(&ann(), add(id(1))).await.unwrap();
        assert!(again.replayed);
        node.lists.forget_all();
        let answered = node.lists.query(&ann(), &(), &Seen::default()).await.unwrap();
        assert_eq!((answered.answer, answered.version), ((2, 1), 1));
    });
}

#[test]
fn a_gap_is_not_the_end_of_the_journal() {
    calm::<Owned>(async |world, node| {
        for n in 0..3 {
            node.lists.call(&ann(), add(id(n))).await.unwrap();
        }
        node.lists.forget(&ann()).await;
        world.inner().rows.remove(&(ann(), Some(2)));
        let read = node.lists.query(&ann(), &(), &Seen::default()).await;
        assert!(matches!(read, Err(Failure::Broken(_))), "{read:?}");
    });
}

#[test]
fn a_turn_that_follows_another_one_is_not_taken_for_a_read_cut_off() {
    calm::<Shared>(async |world, node| {
        let (ann, bob) = (ann(), Key::task_list(&UserId::parse("bob").unwrap()));
        for n in 0..3 {
            node.lists.call(&ann, add(id(n))).await.unwrap();
            node.lists.call(&bob, add(id(n + 3))).await.unwrap();
        }
        node.lists.forget(&ann).await;
        // As if a second owner had written over it.
        let other = world.inner().rows[&(bob, Some(2))].clone();
        world.inner().rows.insert((ann.clone(), Some(2)), other);
        let read = node.lists.query(&ann, &(), &Seen::default()).await;
        assert_eq!(
            read.unwrap_err(),
            Failure::Broken(format!("{ann}: turn 2 follows another turn"))
        );
    });
}

#[test]
fn a_bulk_read_that_is_cut_off_is_no_gap() {
    calm::<Shared>(async |world, node| {
        let turns = 2 * RING + 3;
        for n in 0..turns {
            node.lists.call(&ann(), add(id(n))).await.unwrap();
        }
        let read = async |unread: &[Option<u64>]| {
            world.inner().unread = unread.to_vec();
            node.lists.forget(&ann()).await;
            node.lists.query(&ann(), &(), &Seen::default()).await
        };
        let unavailable = Err(Failure::Unavailable("the store's answers are cut off".to_owned()));
        // The snapshot, the slot after it, and both.
        for lost in [&[None][..], &[Some((turns - 1) % RING)], &[None, Some(turns % RING)]] {
            assert_eq!(read(lost).await.map(|read| read.version), unavailable, "{lost:?}");
            assert_eq!(read(&[]).await.unwrap().version, turns);
        }
        world.inner().rows.remove(&(ann(), Some((turns - 1) % RING)));
        let gone = read(&[]).await;
        assert!(matches!(gone, Err(Failure::Broken(_))), "{gone:?}");
    });
}

#[test]
fn a_reader_is_not_shown_less_than_it_has_seen() {
    calm::<Owned>(async |_, node| {
        let seen = Seen { version: 3, heard: None };
        let read = node.lists.query(&ann(), &(), &seen).await;
        assert_eq!(read.unwrap_err(), Failure::Behind);
        let told = node.lists.confirmed(&ann(), &Key::reminder(&ann().user), 3).await;
        assert_eq!(told, Err(Failure::Behind));
    });
}
