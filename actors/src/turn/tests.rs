//! The simulation: turns on hosts that crash, freeze and lie about time, against what was promised.
//!
//! `TICKLER_SEED=7 cargo test -p actors simulation` replays one seed; `TICKLER_SEEDS=100000` runs that many.

mod drive;
mod fuzz;
mod host;
mod judge;
mod limits;
mod pages;
mod planted;
mod real;
mod rows;
mod toys;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

use self::{
    toys::{Owned, Shared},
    world::{Cast, Flaw},
};
use super::fault::{Fault, PLANTED};

/// Seeds that every test run tries, per kind of host.
const SEEDS: u64 = 1_500;

/// Actors, users that work with them, and a judge.
trait Play: Cast {
    /// Runs one seed to its end.
    fn play(seed: u64, flaw: Option<Flaw>) -> impl Future<Output = Result<(), String>>;
}

impl<C: toys::Toys> Play for C {
    fn play(seed: u64, flaw: Option<Flaw>) -> impl Future<Output = Result<(), String>> {
        drive::run::<C>(seed, flaw)
    }
}

/// What is planted for a run: in the turn, or in the store and scheduler it stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plant {
    turn: Option<Fault>,
    world: Option<Flaw>,
}

/// Runs one seed and gives the broken promise, if there is one.
fn seed<C: Play>(seed: u64, plant: Plant) -> Result<(), String> {
    PLANTED.set(plant.turn);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(C::play(seed, plant.world))
    }));
    PLANTED.set(None);
    ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default())
    })
}

/// The first of the seeds 1 to `seeds` that breaks a promise, with what it broke.
fn first_broken<C: Play>(seeds: u64, plant: Plant) -> Option<(u64, String)> {
    let next = AtomicU64::new(1);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let found = std::sync::Mutex::new(None::<(u64, String)>);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > seeds {
                        return;
                    }
                    if let Err(broken) = seed::<C>(number, plant) {
                        next.store(seeds + 1, Ordering::Relaxed);
                        let mut found = found.lock().unwrap();
                        if found.as_ref().is_none_or(|(earlier, _)| *earlier > number) {
                            *found = Some((number, broken));
                        }
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn simulate<C: Play>(seeds: u64) {
    let broken = match number("TICKLER_SEED") {
        Some(one) => seed::<C>(one, Plant::default()).err().map(|broken| (one, broken)),
        None => first_broken::<C>(number("TICKLER_SEEDS").unwrap_or(seeds), Plant::default()),
    };
    if let Some((seed, broken)) = broken {
        panic!("TICKLER_SEED={seed} breaks a promise: {broken}");
    }
}

#[test]
fn simulation_of_hosts_that_share_a_store_keeps_every_promise() {
    simulate::<Shared>(SEEDS);
}

#[test]
fn simulation_of_a_host_that_owns_its_store_keeps_every_promise() {
    simulate::<Owned>(SEEDS);
}

#[test]
fn a_seed_replays() {
    let trace = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(drive::trace::<Shared>(seed))
    };
    for seed in 1..4 {
        assert_eq!(trace(seed), trace(seed));
    }
}
