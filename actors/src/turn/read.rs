//! READ: from committed memory, beside the turns; never more than a second old, never behind what the reader has seen.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

use super::{
    CONFIRM_MS, Turns, VALID_MS,
    cell::Cell,
    fault::{Fault, planted},
    load::Valid,
    state::State,
};
use crate::{
    actor::{Actor, Moment},
    host::Host,
    message::key::Key,
    reach::{Answered, Failure},
};

/// What a reader has seen, which the answer must not be behind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// The actor's own sequence.
    pub version: u64,
    /// Another actor, and its sync that must have been taken in: what [`Turns::confirmed`] gave.
    pub heard: Option<(Key, u64)>,
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// Answers a question at or after what was `seen`.
    pub async fn query(
        &self,
        key: &Key,
        query: &A::Query,
        seen: &Seen,
    ) -> Result<Answered<A::Answer>, Failure> {
        let cell = self.cell(key);
        let state = self.readable(&cell, seen).await?;
        let (now, default_zone) = (self.host().now(), self.zone());
        let at = Moment { key, sequence: state.sequence, now, default_zone };
        let answer = state.actor.answer(query, &at);
        let answer = answer.map_err(|rejection| Failure::Rejected(Box::new(rejection)))?;
        Ok(Answered { answer, version: state.sequence })
    }

    /// Waits, at most [`CONFIRM_MS`], until what turn `version` and those before it told `to` is confirmed; gives the mark
    /// that `to` must then have.
    pub async fn confirmed(&self, key: &Key, to: &Key, version: u64) -> Result<u64, Failure> {
        let cell = self.cell(key);
        let until = Instant::now() + Duration::from_millis(CONFIRM_MS);
        self.told(&cell, Some(to), version, until).await
    }

    async fn readable(&self, cell: &Arc<Cell<A>>, seen: &Seen) -> Result<Arc<State<A>>, Failure> {
        if let Some((state, generation)) = self.committed(cell)
            && is_at(&state, seen)
        {
            if self.is_valid(cell) {
                return Ok(state);
            }
            // Beside the turns: what a turn is just writing reads as "not the latest" and leads to the lock.
            if self.is_latest(cell, state.sequence, generation).await? {
                return Ok(state);
            }
        }
        let _turn = cell.turn.lock().await;
        if let Some(state) = cell.state().filter(|state| is_at(state, seen)) {
            if self.is_valid(cell) || self.validate(cell).await? == Valid::Current {
                return Ok(cell.state().unwrap_or(state));
            }
        } else {
            self.load(cell).await?;
        }
        let state = self.loaded(cell).await?;
        if is_at(&state, seen) { Ok(state) } else { Err(Failure::Behind) }
    }

    fn is_valid(&self, cell: &Cell<A>) -> bool {
        let age = Duration::from_millis(VALID_MS);
        H::OWNS_STORE
            || planted(Fault::ReadUnvalidated)
            || cell.memory().validated_at + age >= Instant::now()
    }
}

fn is_at<A: Actor>(state: &State<A>, seen: &Seen) -> bool {
    state.sequence >= seen.version
        && seen.heard.as_ref().is_none_or(|(from, mark)| {
            *mark == 0 || state.marks.get(from).is_some_and(|known| known >= mark)
        })
}
