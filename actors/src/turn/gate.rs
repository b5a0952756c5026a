//! GATE: success is said only when an alarm stands that would bring the actor back for what is still to be done.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::{
    COVER_MS, Turns,
    cell::Cell,
    fault::{Fault, planted},
    state::State,
};
use crate::{
    actor::Actor,
    host::{Host, Unavailable},
    message::{key::Key, time::Timestamp},
    reach::Failure,
};

/// What a turn leaves to be done, fixed by its own state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// The turn's own, or the one that it read.
    pub(super) sequence: u64,
    /// The earliest moment of its state.
    pub(super) earliest: Option<Timestamp>,
    /// Events unpublished or items unconfirmed.
    pub(super) owes: bool,
    /// What was needed was armed in the transaction of the append.
    pub(super) armed: bool,
}

impl Need {
    /// What `state` leaves to be done.
    pub(super) fn of<A: Actor>(state: &State<A>) -> Self {
        let owes = !state.outbox.is_empty();
        Self { sequence: state.sequence, earliest: state.actor.alarm(), owes, armed: false }
    }
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// Passes when what `need` asks for is armed; the turn it belongs to is durable. Held by no lock.
    pub(super) async fn gate(&self, cell: &Arc<Cell<A>>, need: Need) -> Result<(), Unavailable> {
        if need.armed {
            return Ok(());
        }
        if planted(Fault::ArmAfterAnswer) {
            if let Some(moment) = need.earliest {
                let (turns, cell) = (self.clone(), cell.clone());
                tokio::spawn(async move { turns.arm(&cell, moment).await });
            }
            return Ok(());
        }
        // Every clock that is read from here on is read after the turn was known durable.
        let now = self.host().now();
        let earliest = need.earliest.filter(|moment| !cell.memory().is_armed(*moment, now));
        let uncovered = need.owes
            && !planted(Fault::NoCover)
            && !cell.memory().is_armed(now.plus(COVER_MS), now);
        // An alarm that must be registered anyway, and comes soon enough, is the cover too.
        let needs_cover = uncovered && earliest.is_none_or(|at| at > now.plus(COVER_MS));
        if needs_cover && !self.settles(cell, need.sequence).await {
            let now = self.host().now();
            return self.arm(cell, now.plus(COVER_MS)).await;
        }
        match earliest {
            Some(moment) => self.arm(cell, moment).await,
            None => Ok(()),
        }
    }

    /// Registers an alarm now and waits for it.
    async fn arm(&self, cell: &Cell<A>, moment: Timestamp) -> Result<(), Unavailable> {
        let generation = cell.memory().generation;
        self.host().arm(&cell.key, moment).await?;
        let now = self.host().now();
        let mut memory = cell.memory();
        if memory.generation == generation {
            memory.armed_at(moment, now);
        }
        Ok(())
    }

    /// Registers what a state that was loaded needs; nothing waits for it.
    pub(super) fn arm_behind(&self, cell: &Arc<Cell<A>>, state: &State<A>) {
        let need = Need::of(state);
        let cover = need.owes.then(|| self.host().now().plus(COVER_MS));
        let Some(moment) = need.earliest.into_iter().chain(cover).min() else { return };
        let (turns, cell) = (self.clone(), cell.clone());
        tokio::spawn(async move {
            if let Err(error) = turns.arm(&cell, moment).await {
                tracing::debug!(actor = %cell.key.kind, %error, "not armed on load");
            }
        });
    }

    /// Whether everything up to turn `sequence` is in the log and known to others, waiting a little for it.
    async fn settles(&self, cell: &Cell<A>, sequence: u64) -> bool {
        let settled = || {
            cell.state().is_some_and(|state| {
                state.outbox.logged(sequence) && state.outbox.all_know(sequence)
            })
        };
        let until = Instant::now() + self.shared_relay().gate();
        loop {
            let moved = cell.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if settled() {
                return true;
            }
            if self.log_is_down() || timeout_at(until, moved).await.is_err() {
                return settled();
            }
        }
    }

    /// Waits until `to` is known to know everything up to turn `sequence`; the mark that it must then have.
    pub(super) async fn told(
        &self,
        cell: &Arc<Cell<A>>,
        to: Option<&Key>,
        sequence: u64,
        until: Instant,
    ) -> Result<u64, Failure> {
        loop {
            let moved = cell.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let known = self.known_to(cell, to, sequence).await?;
            if let Some(mark) = known {
                return Ok(mark);
            }
            if timeout_at(until, moved).await.is_err() {
                return Err(Failure::Behind);
            }
        }
    }

    async fn known_to(
        &self,
        cell: &Arc<Cell<A>>,
        to: Option<&Key>,
        sequence: u64,
    ) -> Result<Option<u64>, Failure> {
        let state = match cell.state().filter(|state| state.sequence >= sequence) {
            Some(state) => state,
            None => {
                let _turn = cell.turn.lock().await;
                match cell.state().filter(|state| state.sequence >= sequence) {
                    Some(state) => state,
                    None => self.load(cell).await?,
                }
            }
        };
        if state.sequence < sequence {
            return Err(Failure::Behind);
        }
        let outbox = &state.outbox;
        Ok(match to {
            Some(to) => outbox.knows(to, sequence).then(|| outbox.conf(to)),
            None => outbox.all_know(sequence).then_some(0),
        })
    }
}
