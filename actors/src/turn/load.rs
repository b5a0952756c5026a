//! LOAD, VALIDATE and REFRESH: what is read of the store, and when memory is not what the store says.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::{
    Turns,
    cell::{Cell, Snap},
    entry::Entry,
    frame,
    state::State,
};
use crate::{
    actor::Actor,
    host::{Etag, Host, Record},
    reach::Failure,
};

/// How often a journal with a gap is read again before it is called broken: a bulk read may be torn.
const REREADS_MAX: usize = 3;

/// What is said where no bulk read was whole.
const NOT_WHOLE: &str = "the store's answers are cut off";

/// What a bulk read says.
struct Loaded<A: Actor> {
    state: State<A>,
    know: BTreeMap<u64, Etag>,
    snap: Snap,
    durable: u64,
    json: usize,
}

/// Why a bulk read says nothing.
enum Unread {
    /// A slot lies beyond what follows from the snapshot: this turn is not there.
    Gap(u64),
    /// A row cannot be read, or does not follow the one before it.
    Damaged(String),
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// The committed state, read from the store where memory has none. Turn lock held.
    pub(super) async fn loaded(&self, cell: &Arc<Cell<A>>) -> Result<Arc<State<A>>, Failure> {
        match cell.state() {
            Some(state) => Ok(state),
            None => self.load(cell).await,
        }
    }

    /// LOAD. Turn lock held.
    pub(super) async fn load(&self, cell: &Arc<Cell<A>>) -> Result<Arc<State<A>>, Failure> {
        cell.drop_memory();
        let mut gaps = 0;
        loop {
            let began = Instant::now();
            let record = self.host().load(&cell.key).await;
            let record = record.map_err(|error| Failure::Unavailable(error.0))?;
            match self.assemble(cell, &record) {
                Ok(loaded) if self.is_whole(cell, &loaded).await? => {
                    return Ok(self.install(cell, loaded, began));
                }
                Ok(_) | Err(Unread::Gap(_)) if gaps < REREADS_MAX => gaps += 1,
                Ok(_) => return Err(Failure::Unavailable(NOT_WHOLE.to_owned())),
                Err(Unread::Gap(missing)) if self.has_reached(cell, missing).await? => {
                    return Err(Failure::Unavailable(NOT_WHOLE.to_owned()));
                }
                Err(Unread::Gap(_)) => return Err(broken(cell, "the journal has a gap")),
                Err(Unread::Damaged(why)) => return Err(broken(cell, &why)),
            }
        }
    }

    /// Whether nothing follows what a bulk read says. One that is cut off may say nothing of it, and look like a shorter
    /// journal, or like none: Dapr's PostgreSQL component (1.18) takes the end of a broken connection for the end of the rows.
    async fn is_whole(&self, cell: &Cell<A>, loaded: &Loaded<A>) -> Result<bool, Failure> {
        Ok(H::OWNS_STORE || self.is_last(cell, loaded.state.sequence).await?)
    }

    /// Whether the slot of a turn that a bulk read does not say, read alone, holds it or a later one, which is not written
    /// before a snapshot covers this: then the bulk read was cut off, and the journal has no gap.
    async fn has_reached(&self, cell: &Cell<A>, turn: u64) -> Result<bool, Failure> {
        if H::OWNS_STORE {
            return Ok(false);
        }
        let row = self.host().slot(&cell.key, turn % H::RING).await;
        let Some(row) = row.map_err(|error| Failure::Unavailable(error.0))? else {
            return Ok(false);
        };
        let head = frame::head(&row.bytes).map_err(|why| broken(cell, &why))?;
        Ok(head.sequence >= turn)
    }

    fn assemble(&self, cell: &Cell<A>, record: &Record) -> Result<Loaded<A>, Unread> {
        let (mut state, mut json) = match &record.snap {
            Some(row) => State::read(row).map_err(Unread::Damaged)?,
            None => (State::default(), 0),
        };
        let durable = state.sequence;
        let snap = record.snap.as_ref().map_or(Snap::Absent, |row| Snap::Read(row.etag.clone()));
        let mut turns = BTreeMap::new();
        for (_, row) in &record.slots {
            let head = frame::head(&row.bytes).map_err(Unread::Damaged)?;
            turns.insert(head.sequence, row);
        }
        for (sequence, row) in turns.range(state.sequence + 1..) {
            if *sequence != state.sequence + 1 {
                return Err(Unread::Gap(state.sequence + 1));
            }
            let (entry, raw) = Entry::<A>::read(row).map_err(Unread::Damaged)?;
            // However a read is torn, what it says was written; only a store without a fence holds two turns of one number.
            if entry.head.before != state.last {
                return Err(Unread::Damaged(format!("turn {sequence} follows another turn")));
            }
            json += raw;
            let at = entry.moment(&cell.key, self.zone());
            state.replay(entry, &at);
        }
        state.share();
        let know = turns.into_iter().map(|(turn, row)| (turn, row.etag.clone())).collect();
        Ok(Loaded { state, know, snap, durable, json })
    }

    fn install(&self, cell: &Arc<Cell<A>>, loaded: Loaded<A>, began: Instant) -> Arc<State<A>> {
        let Loaded { state, know, snap, durable, json } = loaded;
        let state = Arc::new(state);
        {
            let mut memory = cell.memory();
            memory.clear();
            memory.state = Some(state.clone());
            memory.validated_at = began;
            memory.know = know;
            memory.snap = snap;
            memory.durable = durable;
            memory.json = json;
        }
        self.weigh(cell);
        self.arm_behind(cell, &state);
        self.relay(cell);
        state
    }

    /// VALIDATE: whether memory is what the store says; if not, it is loaded anew. Turn lock held.
    pub(super) async fn validate(&self, cell: &Arc<Cell<A>>) -> Result<Valid, Failure> {
        let Some((state, generation)) = self.committed(cell) else {
            return self.load(cell).await.map(|_| Valid::Reloaded);
        };
        if self.is_latest(cell, state.sequence, generation).await? {
            return Ok(Valid::Current);
        }
        self.load(cell).await.map(|_| Valid::Reloaded)
    }

    /// Reads the slot after turn `sequence` and notes it where nothing follows.
    pub(super) async fn is_latest(
        &self,
        cell: &Cell<A>,
        sequence: u64,
        generation: u64,
    ) -> Result<bool, Failure> {
        let began = Instant::now();
        let latest = self.is_last(cell, sequence).await?;
        let mut memory = cell.memory();
        if latest && memory.generation == generation {
            memory.validated_at = memory.validated_at.max(began);
        }
        Ok(latest)
    }

    /// Whether the store has no turn after `sequence`, by the slot where it would be.
    async fn is_last(&self, cell: &Cell<A>, sequence: u64) -> Result<bool, Failure> {
        let next = sequence + 1;
        let row = self.host().slot(&cell.key, next % H::RING).await;
        let row = row.map_err(|error| Failure::Unavailable(error.0))?;
        let Some(row) = row else { return Ok(next <= H::RING) };
        let head = frame::head(&row.bytes).map_err(|why| broken(cell, &why))?;
        Ok(head.sequence + H::RING == next)
    }

    /// The committed state and its generation.
    pub(super) fn committed(&self, cell: &Cell<A>) -> Option<(Arc<State<A>>, u64)> {
        let memory = cell.memory();
        memory.state.clone().map(|state| (state, memory.generation))
    }

    /// REFRESH: learns the ETags of what memory holds; a store that is ahead of it makes it be dropped. Turn lock held.
    pub(super) async fn refresh(&self, cell: &Arc<Cell<A>>) -> Result<(), Failure> {
        let Some((state, _)) = self.committed(cell) else { return Ok(()) };
        let began = Instant::now();
        let record = self.host().load(&cell.key).await;
        let record = record.map_err(|error| Failure::Unavailable(error.0))?;
        let mut snap = (Snap::Absent, 0);
        let mut stale = false;
        if let Some(row) = record.snap {
            let head = frame::head(&row.bytes).map_err(|why| broken(cell, &why))?;
            stale |= head.sequence > state.sequence;
            snap = (Snap::Read(row.etag), head.sequence);
        }
        let mut know = BTreeMap::new();
        for (_, row) in record.slots {
            let head = frame::head(&row.bytes).map_err(|why| broken(cell, &why))?;
            stale |= head.sequence > state.sequence
                || (head.sequence == state.sequence && head.id != state.last);
            know.insert(head.sequence, row.etag);
        }
        if stale {
            cell.drop_memory();
            return Ok(());
        }
        let mut memory = cell.memory();
        memory.validated_at = memory.validated_at.max(began);
        memory.know = know;
        (memory.snap, memory.durable) = (snap.0, memory.durable.max(snap.1));
        Ok(())
    }
}

/// What a validation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Valid {
    /// Memory was right.
    Current,
    /// Memory was loaded anew.
    Reloaded,
}

fn broken<A: Actor>(cell: &Cell<A>, why: &str) -> Failure {
    tracing::error!(actor = %cell.key.kind, user = %cell.key.user, why, "broken invariant");
    Failure::Broken(format!("{}: {why}", cell.key))
}
