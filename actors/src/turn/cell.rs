//! One actor in memory: its committed state and what is known of its rows, all droppable between any two turns.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Mutex as TurnLock, Notify},
    time::{Duration, Instant},
};
use uuid::Uuid;

use super::{
    MAILBOX_MAX, SKEW_MS,
    fault::{Fault, planted},
    state::State,
};
use crate::{
    actor::Actor,
    host::Etag,
    message::{key::Key, time::Timestamp},
};

/// What an actor weighs before anything is known of it, in bytes.
const CELL_BYTES: usize = 2 * 1024;
/// Memory per byte of JSON, roughly.
const BYTES_PER_JSON_BYTE: usize = 2;

/// One actor and the lock of its turns.
pub(super) struct Cell<A: Actor> {
    /// Who it is.
    pub(super) key: Key,
    /// One turn at a time, first come first served.
    pub(super) turn: TurnLock<()>,
    /// One snapshot at a time. Nobody who holds it waits for `turn`.
    pub(super) snapshot: TurnLock<()>,
    /// Commands that wait for `turn`.
    pub(super) waiting: Mutex<Vec<Uuid>>,
    /// Something was published, confirmed or dropped.
    pub(super) moved: Notify,
    /// When it was last used, on the registry's counter.
    pub(super) used: AtomicU64,
    memory: Mutex<Memory<A>>,
}

/// What is known of one actor. Held for moments only, never across an await.
pub(super) struct Memory<A: Actor> {
    /// Rises with every drop: what began under another one may not touch the books.
    pub(super) generation: u64,
    /// The committed state; `None`: not loaded.
    pub(super) state: Option<Arc<State<A>>>,
    /// The state was the latest at some moment not before this one.
    pub(super) validated_at: Instant,
    /// ETags of slots as they were read, by the turn they hold.
    pub(super) know: BTreeMap<u64, Etag>,
    /// The snapshot's ETag.
    pub(super) snap: Snap,
    /// A snapshot of this turn or a later one is durable.
    pub(super) durable: u64,
    /// Moments whose registration was confirmed to this memory and which no wake has consumed.
    pub(super) armed: BTreeSet<Timestamp>,
    /// Confirmations that no entry holds yet.
    pub(super) confirmed: BTreeMap<Key, u64>,
    /// Marks have moved since the last snapshot.
    pub(super) moved: bool,
    /// When something was last written or moved.
    pub(super) changed_at: Instant,
    /// A timer for a snapshot runs.
    pub(super) timer: bool,
    /// A snapshot is being written beside the turns.
    pub(super) snapping: bool,
    /// Events are being published.
    pub(super) publishing: bool,
    /// Who is being told something.
    pub(super) telling: BTreeSet<Key>,
    /// Bytes of the state's JSON, about.
    pub(super) json: usize,
    /// What was last counted as its weight.
    pub(super) counted: usize,
    /// What was last counted as owed.
    pub(super) owed: usize,
}

/// What is known of the snapshot's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Snap {
    /// Written without its ETag having been read, or not known to have been written.
    Unknown,
    /// There is none.
    Absent,
    /// It was read.
    Read(Etag),
}

/// What the timer of a snapshot finds.
pub(super) enum Idle {
    /// Something was written meanwhile: look again then.
    Later(Instant),
    /// The timer has nothing to do and is done.
    Nothing,
    /// A snapshot is due, and counts as begun.
    Now,
}

impl<A: Actor> Cell<A> {
    /// An actor that is not loaded.
    pub(super) fn new(key: Key) -> Self {
        let now = Instant::now();
        Self {
            key,
            turn: TurnLock::new(()),
            snapshot: TurnLock::new(()),
            waiting: Mutex::default(),
            moved: Notify::new(),
            used: AtomicU64::new(0),
            memory: Mutex::new(Memory {
                generation: 0,
                state: None,
                validated_at: now,
                know: BTreeMap::new(),
                snap: Snap::Unknown,
                durable: 0,
                armed: BTreeSet::new(),
                confirmed: BTreeMap::new(),
                moved: false,
                changed_at: now,
                timer: false,
                snapping: false,
                publishing: false,
                telling: BTreeSet::new(),
                json: 0,
                counted: 0,
                owed: 0,
            }),
        }
    }

    /// The books.
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory<A>> {
        // A panic while it is held leaves it half changed at worst in what the next load replaces.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place among the commands that wait; `false` when there is none. Repeats of one that waits find its outcome
    /// and cost next to nothing, so that they take nobody's place.
    pub(super) fn enters(&self, id: Uuid) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAILBOX_MAX && !waiting.contains(&id) {
            let others: HashSet<&Uuid> = waiting.iter().collect();
            if others.len() >= MAILBOX_MAX {
                return false;
            }
        }
        waiting.push(id);
        true
    }

    /// Gives the place back.
    pub(super) fn leaves(&self, id: Uuid) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = waiting.iter().position(|waits| *waits == id) {
            waiting.remove(place);
        }
    }

    /// The committed state, if it is loaded.
    pub(super) fn state(&self) -> Option<Arc<State<A>>> {
        self.memory().state.clone()
    }

    /// Forgets everything that can be loaded again.
    pub(super) fn drop_memory(&self) {
        self.memory().clear();
        self.moved.notify_waiters();
    }

    /// Marks it as used.
    pub(super) fn touch(&self, tick: u64) {
        self.used.store(tick, Ordering::Relaxed);
    }
}

impl<A: Actor> Memory<A> {
    /// Forgets everything that can be loaded again.
    pub(super) fn clear(&mut self) {
        self.generation += 1;
        self.state = None;
        self.know.clear();
        self.snap = Snap::Unknown;
        self.durable = 0;
        self.armed.clear();
        self.confirmed.clear();
        self.moved = false;
        self.json = 0;
    }

    /// An alarm is armed that comes no later than `need` and cannot have come yet on any clock.
    pub(super) fn is_armed(&self, need: Timestamp, now: Timestamp) -> bool {
        let ahead =
            if planted(Fault::PastAlarmCounts) { Timestamp(0) } else { now.plus(SKEW_MS + 1) };
        self.armed.range(ahead..).next().is_some_and(|alarm| *alarm <= need)
    }

    /// `moment` is registered.
    pub(super) fn armed_at(&mut self, moment: Timestamp, now: Timestamp) {
        // What has come is of no more use.
        if !planted(Fault::PastAlarmCounts) {
            self.armed = self.armed.split_off(&now);
        }
        self.armed.insert(moment);
    }

    /// The slot of turn `sequence` may not be reused yet.
    pub(super) fn ring_is_full(&self, sequence: u64, ring: u64) -> bool {
        let Some(before) = sequence.checked_sub(ring).filter(|before| *before > 0) else {
            return false;
        };
        let covered = self.durable >= before || planted(Fault::ReuseUncovered);
        !covered || !self.know.contains_key(&before)
    }

    /// A snapshot would hold more than the durable one.
    pub(super) fn is_dirty(&self) -> bool {
        self.state.as_ref().is_some_and(|state| self.moved || state.sequence > self.durable)
    }

    /// Whether the timer's snapshot is due.
    pub(super) fn when_idle(&mut self, idle: Duration, now: Instant) -> Idle {
        let quiet_at = self.changed_at + idle;
        if self.is_dirty() && quiet_at > now {
            return Idle::Later(quiet_at);
        }
        self.timer = false;
        if !self.is_dirty() || self.snapping {
            return Idle::Nothing;
        }
        self.snapping = true;
        Idle::Now
    }

    /// Slots that the next turns reuse are not known: the next quarter of the `ring` that is free now, and one more.
    pub(super) fn lacks_etags(&self, ring: u64) -> bool {
        let Some(state) = &self.state else { return false };
        let oldest = (state.sequence + 1).saturating_sub(ring).max(1);
        let last = state.sequence.saturating_sub(ring / 4);
        (oldest..=last).any(|turn| !self.know.contains_key(&turn))
    }

    /// What it weighs, about.
    pub(super) fn bytes(&self) -> usize {
        CELL_BYTES + BYTES_PER_JSON_BYTE * self.json
    }
}
