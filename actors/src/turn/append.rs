//! APPEND: the one write of a turn, which is also its fence.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    COVER_MS, ENTRY_BYTES_MAX, Turns,
    cell::Cell,
    entry::{Entry, Outcome},
    fault::{Fault, planted},
    frame::Head,
    gate::Need,
    state::State,
};
use crate::{
    actor::{Actor, Effects, Moment},
    host::{Appended, Etag, Expect, Host, WriteError},
    message::{
        call::By,
        event::Event,
        key::Key,
        rejection::{Rejection, Slug},
        time::Timestamp,
    },
    reach::Failure,
};

/// What a turn has decided to write.
pub(super) struct Draft<A: Actor> {
    pub(super) effects: Effects<A>,
    pub(super) outcome: Option<Outcome<A::Reply>>,
    pub(super) mark: Option<(Key, u64)>,
    pub(super) by: By,
    pub(super) traceparent: Option<String>,
}

/// What became of a write.
pub(super) enum Written {
    /// It is durable and in memory.
    Committed(Need),
    /// Someone else wrote, or memory was not what the store says; memory is dropped.
    Refused,
    /// It may have been written, or may yet be; memory is dropped.
    Unknown,
}

/// An entry with all that follows from it.
struct Ready<A: Actor> {
    entry: Entry<A>,
    actor: A,
    facts: Vec<Event>,
    earliest: Option<Timestamp>,
    owes: bool,
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// Writes turn `at.sequence` on top of `state`. Turn lock held.
    pub(super) async fn append(
        &self,
        cell: &Arc<Cell<A>>,
        state: Arc<State<A>>,
        at: &Moment<'_>,
        draft: Draft<A>,
    ) -> Result<Written, Failure> {
        if cell.memory().ring_is_full(at.sequence, H::RING) && !self.make_room(cell).await? {
            return Ok(Written::Unknown);
        }
        let (generation, expect) = {
            let memory = cell.memory();
            (memory.generation, expectation(&memory.know, at.sequence, H::RING))
        };
        let ready = self.prepare(cell, &state, at, draft);
        let framed = ready.entry.write().map_err(Failure::Broken)?;
        if framed.bytes.len() > ENTRY_BYTES_MAX && ready.entry.outcome.is_some() {
            return Err(too_large());
        }
        let etag = self.host().etag(&framed.bytes);
        let sent = Instant::now();
        let row = (framed.bytes, expect);
        let written = self.write(cell, &state, at, &ready, row).await;
        drop(state);
        let Ready { entry, actor, facts, earliest, owes } = ready;
        let appended = match written {
            Ok(appended) => appended,
            Err(WriteError::Unknown(_)) if planted(Fault::UnknownIsYes) => Appended::default(),
            Err(error) => {
                cell.drop_memory();
                return Ok(match error {
                    WriteError::Refused => Written::Refused,
                    WriteError::Unknown(_) => Written::Unknown,
                });
            }
        };
        {
            let mut memory = cell.memory();
            if memory.generation == generation {
                memory.know.remove(&at.sequence.wrapping_sub(H::RING));
                memory.know.extend(etag.map(|etag| (at.sequence, etag)));
                memory.validated_at = sent;
                memory.changed_at = sent;
                memory.json += framed.raw;
                for (to, conf) in &entry.confirmed {
                    if memory.confirmed.get(to) == Some(conf) {
                        memory.confirmed.remove(to);
                    }
                }
                if let Some(state) = &mut memory.state {
                    Arc::make_mut(state).apply(entry, actor, facts);
                }
            }
        }
        self.after_commit(cell);
        let need = Need { sequence: at.sequence, earliest, owes, armed: appended.armed };
        Ok(Written::Committed(need))
    }

    fn prepare(
        &self,
        cell: &Cell<A>,
        state: &State<A>,
        at: &Moment<'_>,
        draft: Draft<A>,
    ) -> Ready<A> {
        let Draft { effects, outcome, mark, by, traceparent } = draft;
        let confirmed =
            cell.memory().confirmed.iter().map(|(to, conf)| (to.clone(), *conf)).collect();
        let id = self.host().random();
        let actor = effects.after.unwrap_or_else(|| state.evolved(&effects.events, at));
        let entry = Entry {
            head: Head { sequence: at.sequence, id, before: state.last },
            time: at.now,
            outcome,
            by,
            traceparent,
            events: effects.events,
            syncs: effects.syncs,
            mark,
            published: state.outbox.published,
            confirmed,
            logged: H::OWNS_STORE,
        };
        let facts = entry.facts(at);
        let earliest = actor.alarm();
        let unlogged = !H::OWNS_STORE && (state.outbox.unlogged() || !facts.is_empty());
        let untold = !entry.syncs.is_empty() || state.outbox.waiting().next().is_some();
        Ready { entry, actor, facts, earliest, owes: unlogged || untold }
    }

    async fn write(
        &self,
        cell: &Arc<Cell<A>>,
        state: &State<A>,
        at: &Moment<'_>,
        ready: &Ready<A>,
        (bytes, expect): (Vec<u8>, Expect),
    ) -> Result<Appended, WriteError> {
        let (host, key) = (self.host(), &cell.key);
        let index = at.sequence % H::RING;
        let now = host.now();
        let cover = ready.owes.then(|| now.plus(COVER_MS));
        let need = ready.earliest.into_iter().chain(cover).min();
        let is_armed = |moment: &Timestamp| cell.memory().is_armed(*moment, now);
        let alarm = need.filter(|need| !is_armed(need));
        if H::OWNS_STORE {
            let earlier = state.outbox.unlogged().then(|| state.outbox.all());
            let events = earlier.map(|earlier| [earlier, ready.facts.clone()].concat());
            let events = events.as_deref().unwrap_or(&ready.facts);
            let appended = host.append(key, index, bytes, expect, alarm, events).await?;
            if let Some(alarm) = alarm.filter(|_| appended.armed) {
                cell.memory().armed_at(alarm, now);
            }
            return Ok(appended);
        }
        let append = host.append(key, index, bytes, expect, alarm, &ready.facts);
        // Registered beside the append, an alarm counts if it still lies ahead when the append is known durable; one
        // that is near is left to the gate. The cover too: most often the log makes it needless.
        let beside = ready
            .earliest
            .filter(|earliest| *earliest > now.plus(2 * super::SKEW_MS) && !is_armed(earliest));
        let Some(moment) = beside else { return append.await };
        let (appended, armed) = tokio::join!(append, host.arm(key, moment));
        if armed.is_ok() && appended.is_ok() {
            cell.memory().armed_at(moment, now);
        }
        appended
    }

    /// What follows a commit and is not waited for.
    fn after_commit(&self, cell: &Arc<Cell<A>>) {
        self.weigh(cell);
        self.relay(cell);
        self.snapshot_later(cell);
    }
}

fn expectation(know: &BTreeMap<u64, Etag>, sequence: u64, ring: u64) -> Expect {
    let before = sequence.checked_sub(ring).filter(|before| *before > 0);
    // Who has the right to reuse the slot has read it: the ring is not full.
    before.and_then(|before| know.get(&before).cloned()).map_or(Expect::Absent, Expect::Etag)
}

fn too_large() -> Failure {
    Failure::Rejected(Box::new(Rejection::new(
        Slug::LimitReached,
        "That is too much for one change; send it in smaller parts.",
    )))
}

/// The outcome that a repeat of `call` is to find.
pub(super) fn outcome<C, R>(
    call: &crate::message::call::Call<C>,
    confirm: bool,
    reply: Arc<R>,
) -> Outcome<R> {
    let id: Uuid = call.id;
    Outcome { id, asked: super::window::asked(call), confirm, reply }
}
