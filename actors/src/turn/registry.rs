//! The actors of one type in this process: who is in memory, how many turns run, and what is dropped when room is short.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    future::Future,
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use chrono_tz::Tz;
use tokio::{
    sync::Notify,
    time::{Duration, Instant, timeout_at},
};
use uuid::Uuid;

use super::{cell::Cell, metric, relay::Relay};
use crate::{actor::Actor, host::Host, message::key::Key, reach::Failure};

/// Parts of the registry that are locked apart.
const SHARDS: usize = 64;
/// Actors that are looked at to find one to drop.
const SAMPLE: usize = 16;

type Shard<A> = HashMap<Key, Arc<Cell<A>>, BuildHasherDefault<DefaultHasher>>;

/// The actors of one type, and their turns.
pub struct Turns<A: Actor, H: Host>(Arc<Inner<A, H>>);

struct Inner<A: Actor, H: Host> {
    host: H,
    relay: Relay,
    zone: Tz,
    shards: Vec<Mutex<Shard<A>>>,
    bytes: AtomicUsize,
    bytes_max: usize,
    tick: AtomicU64,
    running: AtomicUsize,
    idle: Notify,
    draining: AtomicBool,
}

impl<A: Actor, H: Host> Clone for Turns<A, H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A turn that runs; dropped when it has ended.
pub(super) struct Running<A: Actor, H: Host>(Turns<A, H>);

impl<A: Actor, H: Host> Drop for Running<A, H> {
    fn drop(&mut self) {
        if self.0.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.0.idle.notify_waiters();
        }
    }
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// No actors yet. `zone` is that of users who have set none; `bytes_max` bounds memory, about.
    pub fn new(host: H, relay: Relay, zone: Tz, bytes_max: usize) -> Self {
        Self(Arc::new(Inner {
            host,
            relay,
            zone,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            bytes: AtomicUsize::new(0),
            bytes_max,
            tick: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            idle: Notify::new(),
            draining: AtomicBool::new(false),
        }))
    }

    /// Drops one actor's memory, which the next turn loads again.
    pub async fn forget(&self, key: &Key) {
        let cell = self.shard(key).get(key).cloned();
        if let Some(cell) = cell {
            let _turn = cell.turn.lock().await;
            cell.drop_memory();
            self.weigh(&cell);
        }
    }

    /// Drops all memory, as when the store may not be the one it was. A turn that runs finds its own dropped and leaves
    /// what it wrote to the next load.
    pub fn forget_all(&self) {
        for shard in &self.0.shards {
            let cells: Vec<Arc<Cell<A>>> = lock(shard).values().cloned().collect();
            for cell in cells {
                cell.drop_memory();
                self.weigh(&cell);
            }
        }
    }

    /// Takes no new turns, and waits for those that run; `false` when some still do after `within`.
    pub async fn drain(&self, within: Duration) -> bool {
        self.0.draining.store(true, Ordering::Release);
        let until = Instant::now() + within;
        loop {
            let idle = self.0.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.0.running.load(Ordering::Acquire) == 0 {
                return true;
            }
            if timeout_at(until, idle).await.is_err() {
                return false;
            }
        }
    }

    pub(super) fn host(&self) -> &H {
        &self.0.host
    }

    pub(super) fn zone(&self) -> Tz {
        self.0.zone
    }

    pub(super) fn shared_relay(&self) -> &Relay {
        &self.0.relay
    }

    /// The actor's place in memory.
    pub(super) fn cell(&self, key: &Key) -> Arc<Cell<A>> {
        let tick = self.0.tick.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shard(key);
        if let Some(cell) = shard.get(key) {
            cell.touch(tick);
            return cell.clone();
        }
        let cell = Arc::new(Cell::new(key.clone()));
        cell.touch(tick);
        shard.insert(key.clone(), cell.clone());
        metric::active(key.kind, 1.0);
        drop(shard);
        self.weigh(&cell);
        cell
    }

    /// Counts a turn, unless no more are taken.
    pub(super) fn run(&self) -> Result<Running<A, H>, Failure> {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        let running = Running(self.clone());
        if self.0.draining.load(Ordering::Acquire) {
            return Err(Failure::Unavailable("stopping".to_owned()));
        }
        Ok(running)
    }

    /// Takes a place in the actor's mailbox.
    pub(super) fn enter(&self, cell: &Cell<A>, id: Uuid) -> Result<Running<A, H>, Failure> {
        let running = self.run()?;
        if cell.enters(id) { Ok(running) } else { Err(Failure::Busy) }
    }

    /// Runs a turn that goes on when its caller does not.
    pub(super) async fn spawn<T: Send + 'static>(
        &self,
        until: Instant,
        turn: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        match timeout_at(until, tokio::spawn(turn)).await {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => Err(Failure::Broken(panic.to_string())),
            Err(_) => Err(Failure::Unavailable("no answer in time".to_owned())),
        }
    }

    /// Counts what the actor weighs now, and drops others where there is too much.
    pub(super) fn weigh(&self, cell: &Cell<A>) {
        let (before, now) = {
            let mut memory = cell.memory();
            let now = memory.bytes();
            (std::mem::replace(&mut memory.counted, now), now)
        };
        let total = &self.0.bytes;
        if now < before {
            total.fetch_sub(before - now, Ordering::Relaxed);
        } else if total.fetch_add(now - before, Ordering::Relaxed) + (now - before)
            > self.0.bytes_max
        {
            self.make_way(&cell.key);
        }
    }

    /// Drops actors that have not been used for long, one shard after another, from that of `key` on.
    fn make_way(&self, key: &Key) {
        let first = self.index(key);
        for step in 0..SHARDS {
            let mut shard = lock(&self.0.shards[(first + step) % SHARDS]);
            while self.0.bytes.load(Ordering::Relaxed) > self.0.bytes_max {
                // Nobody else can take hold of a cell while its shard is locked, so one holder means it is idle.
                let idle = shard.iter().filter(|(_, cell)| Arc::strong_count(cell) == 1);
                let used = |cell: &Cell<A>| cell.used.load(Ordering::Relaxed);
                let oldest = idle.take(SAMPLE).min_by_key(|(_, cell)| used(cell));
                let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
                if let Some(cell) = shard.remove(&oldest) {
                    self.left(&cell);
                }
            }
            if self.0.bytes.load(Ordering::Relaxed) <= self.0.bytes_max {
                return;
            }
        }
    }

    fn left(&self, cell: &Cell<A>) {
        let mut memory = cell.memory();
        let counted = std::mem::take(&mut memory.counted);
        self.0.bytes.fetch_sub(counted, Ordering::Relaxed);
        metric::owes(std::mem::take(&mut memory.owed), 0);
        metric::active(cell.key.kind, -1.0);
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard<A>> {
        lock(&self.0.shards[self.index(key)])
    }

    fn index(&self, key: &Key) -> usize {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        // The remainder fits whatever the width of usize.
        #[allow(clippy::cast_possible_truncation)]
        let index = (hasher.finish() % SHARDS as u64) as usize;
        index
    }
}

fn lock<A: Actor>(shard: &Mutex<Shard<A>>) -> MutexGuard<'_, Shard<A>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
