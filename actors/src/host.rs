//! What a turn needs of the place it runs in: a clock, a store with a fence, alarms, a log and a way to other actors.

use std::future::Future;

use thiserror::Error;
use uuid::Uuid;

use crate::message::{event::Event, key::Key, sync::Sync, time::Timestamp};

/// Slots in the ring: turn N is in slot N mod this.
pub const SLOTS: u64 = 64;

/// What the store says a row's content is; only ever compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag(pub String);

/// A row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its ETag.
    pub etag: Etag,
}

/// All rows of one actor, from one bulk read. Not a consistent cut: rows may be of different moments.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The snapshot.
    pub snap: Option<Stored>,
    /// The slots that hold something, by index.
    pub slots: Vec<(u64, Stored)>,
}

/// What must hold for a write to take place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The row is absent.
    Absent,
    /// The row is as it was read.
    Etag(Etag),
}

/// What else an append has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The alarm given with it is armed, in the same transaction.
    pub armed: bool,
    /// Its events are in the log, in the same transaction.
    pub logged: bool,
}

/// Why a write is not known to have taken place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The row is not as expected; nothing was written.
    #[error("the row is not as expected")]
    Refused,
    /// An error or a timeout: it may have been written, or may yet be.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// No answer now; try again later.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unavailable: {0}")]
pub struct Unavailable(pub String);

/// What a host lends to a turn. Each call has a deadline of its own (APPEND 1.5 s, ARM 1 s, LOAD 2 s) and may fail in
/// the ways its error says; nothing else is promised.
pub trait Host: Clone + Send + std::marker::Sync + 'static {
    /// This process is the only one that ever writes the store, and an append arms its alarm and logs its events in its
    /// own transaction. Memory then needs no validation.
    const OWNS_STORE: bool = false;

    /// Slots in an actor's ring. Smaller only where a test wants it to come round soon.
    const RING: u64 = SLOTS;

    /// The ETag that a row of this content has once it is saved, where the host can tell without reading it. Saves the
    /// bulk read that otherwise learns the ETags of what was written.
    fn etag(&self, _row: &[u8]) -> Option<Etag> {
        None
    }

    /// The clock.
    fn now(&self) -> Timestamp;

    /// A random id.
    fn random(&self) -> Uuid;

    /// Reads the snapshot and all slots. Any per-key error fails the load, never reads as absent.
    fn load(&self, key: &Key) -> impl Future<Output = Result<Record, Unavailable>> + Send;

    /// Reads one slot.
    fn slot(
        &self,
        key: &Key,
        index: u64,
    ) -> impl Future<Output = Result<Option<Stored>, Unavailable>> + Send;

    /// Writes one slot, where it is as expected: the fence. A host that can does so in one transaction with arming
    /// `alarm` and logging `events`, and says so; otherwise the turn does both itself.
    fn append(
        &self,
        key: &Key,
        index: u64,
        entry: Vec<u8>,
        expect: Expect,
        alarm: Option<Timestamp>,
        events: &[Event],
    ) -> impl Future<Output = Result<Appended, WriteError>> + Send;

    /// Replaces the snapshot, where it is as expected.
    fn snapshot(
        &self,
        key: &Key,
        snap: Vec<u8>,
        expect: Expect,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Registers an alarm named by its moment. Repeating is harmless; nothing is ever unregistered: when a wake that
    /// consumed the alarm is acknowledged, a registration of the same moment made since the alarm went off stays.
    fn arm(
        &self,
        key: &Key,
        moment: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Puts events of one actor in the log, in order; `Ok` means all are durable there.
    fn publish(&self, events: &[Event]) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Delivers a sync; `Ok` means the receiver holds it durably.
    fn sync(&self, to: &Key, sync: &Sync) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
