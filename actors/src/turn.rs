//! The turn: makes what actors decide durable, one turn at a time per actor, and says success only when a crash can lose
//! nothing of it. Written once, generic over the host and the actor; the steps are those of docs/PROTOCOL.md.

mod append;
mod breaker;
mod cell;
mod entry;
mod fault;
mod frame;
mod gate;
mod load;
mod metric;
mod outbox;
mod read;
mod registry;
mod relay;
mod run;
mod snapshot;
mod state;
mod window;

#[cfg(test)]
mod tests;

use tokio::time::{Duration, Instant};

use crate::{
    actor::Actor,
    host::Host,
    message::{call::Call, key::Key, sync::Sync, time::Timestamp},
    reach::{Done, Failure},
};

pub use self::{read::Seen, registry::Turns, relay::Relay};

/// Commands that may wait for one actor; the next one is told `busy`. Repeats of one that waits are not counted.
pub const MAILBOX_MAX: usize = 32;
/// How long a caller waits for a turn, in milliseconds.
pub const CALL_MS: u64 = 5_000;
/// How old a read may be, in milliseconds.
pub const VALID_MS: u64 = 1_000;
/// How far the clocks of two hosts, or of a host and the scheduler, may be apart, in milliseconds.
pub const SKEW_MS: i64 = 5_000;
/// Whatever is owed is covered by an alarm no further off than this, in milliseconds.
pub const COVER_MS: i64 = 60_000;
/// How long an answer waits for the log before it asks for cover, in milliseconds, unless another wait is configured.
pub const GATE_MS: u64 = 20;
/// How long a reader waits for another actor to hear of what they have seen, in milliseconds.
pub const CONFIRM_MS: u64 = 2_000;
/// Quiet time after which a snapshot is written, in milliseconds.
pub const SNAPSHOT_IDLE_MS: u64 = 5_000;
/// Events and items that one actor may owe; binds commands only.
pub const OUTBOX_MAX: usize = 10_000;
/// Largest journal entry of a command, as stored.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// Largest snapshot, as stored.
pub const SNAPSHOT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest bulk read of one actor: what the host's messages must be able to carry.
pub const RECORD_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX + 64 * ENTRY_BYTES_MAX;

/// Why a command was not done here: another host has written. Sent again, through placement, it finds its way.
pub const MOVED: &str = "moved";

const _: () = assert!(crate::host::SLOTS as usize * ENTRY_BYTES_MAX < RECORD_BYTES_MAX);
const _: () = assert!(SKEW_MS * 2 < COVER_MS);

impl<A: Actor, H: Host> Turns<A, H> {
    /// Does a command. The turn goes on when this future is dropped.
    pub async fn call(&self, key: &Key, call: Call<A::Command>) -> Result<Done<A::Reply>, Failure> {
        let began = Instant::now();
        let until = began + Duration::from_millis(CALL_MS);
        let cell = self.cell(key);
        let done = match self.enter(&cell, call.id) {
            Ok(running) => {
                let turns = self.clone();
                // A turn takes 4 KB, which would otherwise be copied at each step on its way to its task.
                let turn = Box::pin(async move {
                    let done = turns.command(&cell, &call, until).await;
                    drop(running);
                    done
                });
                self.spawn(until, turn).await
            }
            Err(failure) => Err(failure),
        };
        metric::turn(key.kind, began.elapsed());
        metric::command(key.kind, done.as_ref().map(|done| done.replayed));
        done
    }

    /// Does what is due at `alarm`, the moment that the alarm was named by. `Ok` means the alarm is consumed; after any
    /// failure it must come again.
    pub async fn wake(&self, key: &Key, alarm: Timestamp) -> Result<(), Failure> {
        let until = Instant::now() + Duration::from_millis(CALL_MS);
        let (turns, cell, running) = (self.clone(), self.cell(key), self.run()?);
        let kind = key.kind;
        self.spawn(until, async move {
            let began = Instant::now();
            let woken = turns.wake_turn(&cell, alarm, until).await;
            metric::turn(kind, began.elapsed());
            drop(running);
            woken
        })
        .await
    }

    /// Loads an actor that is not in memory, so that what it owes goes out.
    pub async fn resume(&self, key: &Key) -> Result<(), Failure> {
        let cell = self.cell(key);
        let _turn = cell.turn.lock().await;
        self.loaded(&cell).await.map(drop)
    }

    /// Takes in a sync; `Ok` means it is held durably.
    pub async fn receive(&self, key: &Key, sync: Sync) -> Result<(), Failure> {
        let until = Instant::now() + Duration::from_millis(CALL_MS);
        let (turns, cell, running) = (self.clone(), self.cell(key), self.run()?);
        let kind = key.kind;
        self.spawn(until, async move {
            let began = Instant::now();
            let received = turns.receive_turn(&cell, &sync, until).await;
            metric::turn(kind, began.elapsed());
            drop(running);
            received
        })
        .await
    }
}
