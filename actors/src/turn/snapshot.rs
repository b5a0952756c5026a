//! SNAPSHOT: the whole state in one row, so that slots can be used again; off the turn wherever there is time.

use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep_until};

use super::{
    SNAPSHOT_IDLE_MS, Turns,
    cell::{Cell, Idle, Snap},
    fault::{Fault, planted},
    frame::Framed,
    state::State,
};
use crate::{
    actor::Actor,
    host::{Expect, Host, WriteError},
    reach::Failure,
};

/// States of more JSON than this are encoded on a thread that may block.
const ENCODE_INLINE_BYTES_MAX: usize = 256 * 1024;
/// Rounds of snapshot and refresh in a turn that waits for a slot.
const ROUNDS_MAX: usize = 3;

impl<A: Actor, H: Host> Turns<A, H> {
    /// Sees to it that a snapshot follows: at once where many turns have gathered, else when it is quiet.
    pub(super) fn snapshot_later(&self, cell: &Arc<Cell<A>>) {
        let mut memory = cell.memory();
        let Some(sequence) = memory.state.as_ref().map(|state| state.sequence) else { return };
        if sequence.saturating_sub(memory.durable) >= H::RING / 2 && !memory.snapping {
            memory.snapping = true;
            drop(memory);
            let (turns, cell) = (self.clone(), cell.clone());
            tokio::spawn(async move { turns.snapshot_behind(&cell).await });
        } else if !memory.timer {
            memory.timer = true;
            drop(memory);
            tokio::spawn(self.clone().snapshot_when_idle(Arc::downgrade(cell)));
        }
    }

    async fn snapshot_when_idle(self, cell: std::sync::Weak<Cell<A>>) {
        let idle = Duration::from_millis(SNAPSHOT_IDLE_MS);
        let mut until = Instant::now() + idle;
        loop {
            sleep_until(until).await;
            let Some(cell) = cell.upgrade() else { return };
            let found = cell.memory().when_idle(idle, Instant::now());
            match found {
                Idle::Later(at) => until = at,
                Idle::Nothing => return,
                Idle::Now => break self.snapshot_behind(&cell).await,
            }
        }
    }

    /// One snapshot beside the turns, then what the next turns need to know of their slots.
    async fn snapshot_behind(&self, cell: &Arc<Cell<A>>) {
        if cell.memory().snap == Snap::Unknown {
            self.refresh_behind(cell).await;
        }
        {
            let _one = cell.snapshot.lock().await;
            self.snapshot(cell).await;
        }
        cell.memory().snapping = false;
        if cell.memory().lacks_etags(H::RING) {
            self.refresh_behind(cell).await;
        }
    }

    async fn refresh_behind(&self, cell: &Arc<Cell<A>>) {
        let _turn = cell.turn.lock().await;
        if let Err(error) = self.refresh(cell).await {
            tracing::debug!(actor = %cell.key.kind, %error, "slots not read, later then");
        }
    }

    /// Makes the slot of the next turn reusable; `false` when memory was found stale and dropped. Turn lock held.
    pub(super) async fn make_room(&self, cell: &Arc<Cell<A>>) -> Result<bool, Failure> {
        let _one = cell.snapshot.lock().await;
        for _ in 0..ROUNDS_MAX {
            let before = {
                let memory = cell.memory();
                let Some(state) = &memory.state else { return Ok(false) };
                let next = state.sequence + 1;
                if !memory.ring_is_full(next, H::RING) {
                    return Ok(true);
                }
                next - H::RING
            };
            if cell.memory().snap == Snap::Unknown {
                self.refresh(cell).await?;
            }
            if cell.memory().durable < before {
                self.snapshot(cell).await;
            }
            self.refresh(cell).await?;
        }
        Err(Failure::Unavailable("the journal is full and no snapshot could be written".to_owned()))
    }

    /// Writes one snapshot of committed memory. Snapshot lock held.
    async fn snapshot(&self, cell: &Arc<Cell<A>>) {
        let (state, generation, expect) = {
            let mut memory = cell.memory();
            let Some(state) = memory.state.clone() else { return };
            let expect = match &memory.snap {
                Snap::Unknown => return,
                Snap::Absent => Expect::Absent,
                Snap::Read(etag) => Expect::Etag(etag.clone()),
            };
            memory.moved = false;
            (state, memory.generation, expect)
        };
        let sequence = state.sequence;
        let json = cell.memory().json;
        let framed = match encode(state, json).await {
            Ok(framed) => framed,
            Err(why) => {
                tracing::error!(actor = %cell.key.kind, user = %cell.key.user, why, "no snapshot");
                return;
            }
        };
        if framed.bytes.len() > super::SNAPSHOT_BYTES_MAX {
            let bytes = framed.bytes.len();
            tracing::error!(actor = %cell.key.kind, user = %cell.key.user, bytes, "large snapshot");
        }
        let etag = self.host().etag(&framed.bytes);
        let written = self.host().snapshot(&cell.key, framed.bytes, expect).await;
        let mut memory = cell.memory();
        if memory.generation != generation {
            return;
        }
        match written {
            Ok(()) => {
                memory.durable = memory.durable.max(sequence);
                memory.snap = etag.map_or(Snap::Unknown, Snap::Read);
                memory.json = framed.raw;
            }
            Err(WriteError::Refused | WriteError::Unknown(_)) => {
                memory.snap = Snap::Unknown;
                memory.moved = true;
            }
        }
    }
}

async fn encode<A: Actor>(state: Arc<State<A>>, json: usize) -> Result<Framed, String> {
    if planted(Fault::OutboxForgotten) {
        return State { outbox: Arc::default(), ..State::clone(&state) }.write();
    }
    if json <= ENCODE_INLINE_BYTES_MAX {
        return state.write();
    }
    let encoding = tokio::task::spawn_blocking(move || state.write());
    encoding.await.map_err(|error| error.to_string())?
}
