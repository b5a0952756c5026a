//! The simulation of the three actors of the product: the same hosts, users who do what users do, and a judge who reads
//! every turn that took place.

mod drive;
mod fired;
mod judge;
mod made;

use super::{
    Plant, Play, first_broken, number, simulate,
    world::{Cast, Flaw},
};
use crate::{recurrence::Recurrence, reminder::Reminders, task_list::TaskList, turn::fault::Fault};

/// Seeds that every test run tries, per kind of host.
const SEEDS: u64 = 500;
/// Seeds within which a planted bug is found.
const PLANTED_SEEDS: u64 = 1_000;

/// Hosts that share a store.
pub(super) struct Shared;
/// One host with a store of its own.
pub(super) struct Owned;

impl Cast for Shared {
    const OWNED: bool = false;
    type List = TaskList;
    type Clock = Reminders;
    type Rule = Recurrence;
}

impl Cast for Owned {
    const OWNED: bool = true;
    type List = TaskList;
    type Clock = Reminders;
    type Rule = Recurrence;
}

/// The product's actors, on whatever kind of host.
pub(super) trait Real: Cast<List = TaskList, Clock = Reminders, Rule = Recurrence> {}
impl Real for Shared {}
impl Real for Owned {}

impl Play for Shared {
    fn play(seed: u64, flaw: Option<Flaw>) -> impl Future<Output = Result<(), String>> {
        drive::run::<Self>(seed, flaw)
    }
}

impl Play for Owned {
    fn play(seed: u64, flaw: Option<Flaw>) -> impl Future<Output = Result<(), String>> {
        drive::run::<Self>(seed, flaw)
    }
}

#[test]
fn simulation_of_tasks_reminders_and_rules_on_hosts_that_share_a_store() {
    simulate::<Shared>(SEEDS);
}

#[test]
fn simulation_of_tasks_reminders_and_rules_on_a_host_that_owns_its_store() {
    simulate::<Owned>(SEEDS);
}

#[test]
fn the_simulated_users_do_all_that_users_do() {
    let mut told = std::collections::BTreeMap::<String, usize>::new();
    for seed in 1..=100 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        for (kind, count) in runtime.block_on(drive::played::<Shared>(seed, None)).unwrap() {
            *told.entry(kind).or_default() += count;
        }
    }
    println!("{told:?}");
    let task = ["created", "updated", "completed", "reopened", "deleted", "restored", "recurred"];
    let reminder = ["scheduled", "triggered", "sent", "snoozed", "acknowledged", "cancelled"];
    let rule = ["started", "changed", "paused", "resumed", "skipped", "ended"];
    let kinds = task.map(|kind| format!("task.{kind}")).into_iter();
    let kinds = kinds.chain(reminder.map(|kind| format!("reminder.{kind}")));
    let kinds = kinds.chain(["by import".to_owned()]);
    for kind in kinds.chain(rule.map(|kind| format!("recurrence.{kind}"))) {
        assert!(told.contains_key(&kind), "{kind} never happens: {told:?}");
    }
}

#[test]
fn the_judge_of_the_three_actors_sees_planted_bugs() {
    let seeds = number("TICKLER_SEEDS").unwrap_or(PLANTED_SEEDS);
    for fault in [Fault::OutboxForgotten, Fault::NoWindow, Fault::ConfirmSkipped] {
        let plant = Plant { turn: Some(fault), world: None };
        let found = first_broken::<Shared>(seeds, plant);
        assert!(found.is_some(), "{fault:?} is not found within {seeds} seeds");
    }
}
