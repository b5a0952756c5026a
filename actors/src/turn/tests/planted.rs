//! Bugs that are planted, to show that the simulation finds them.

use super::{
    Fault, Plant, first_broken,
    toys::{Owned, Shared},
    world::Flaw,
};

/// Seeds within which each is found.
const SEEDS: u64 = 3_000;

#[test]
fn every_planted_bug_is_found() {
    let turn = |fault| Plant { turn: Some(fault), world: None };
    let world = |flaw| Plant { turn: None, world: Some(flaw) };
    let plants = [
        world(Flaw::NoEtag),
        world(Flaw::AlarmMoved),
        turn(Fault::ReuseUncovered),
        turn(Fault::OutboxForgotten),
        turn(Fault::ArmAfterAnswer),
        turn(Fault::NoMark),
        turn(Fault::ReadUnvalidated),
        turn(Fault::ReplayUngated),
        turn(Fault::StaleNo),
        turn(Fault::MarkCurrent),
        turn(Fault::UnknownIsYes),
        turn(Fault::PastAlarmCounts),
        turn(Fault::ConfirmSkipped),
        turn(Fault::NoWindow),
        turn(Fault::NoCover),
    ];
    let mut missed = Vec::new();
    let one = std::env::var("TICKLER_PLANT").unwrap_or_default();
    for plant in plants.into_iter().filter(|plant| format!("{plant:?}").contains(&one)) {
        match first_broken::<Shared>(super::number("TICKLER_SEEDS").unwrap_or(SEEDS), plant) {
            Some((seed, broken)) => println!("{plant:?}: seed {seed}: {broken}"),
            None => missed.push(plant),
        }
    }
    assert_eq!(missed, [], "not found within {SEEDS} seeds");
}

#[test]
fn a_repeated_command_that_is_done_again_is_found_on_a_host_of_its_own() {
    let plant = Plant { turn: Some(Fault::NoWindow), world: None };
    assert!(first_broken::<Owned>(SEEDS, plant).is_some());
}
