//! TURN: a command, a wake, a sync; each decided on the committed state and made durable before anyone is told.

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    MOVED, OUTBOX_MAX, Turns,
    append::{Draft, Written, outcome},
    cell::Cell,
    fault::{Fault, planted},
    gate::Need,
    load::Valid,
    state::State,
    window,
};
use crate::{
    actor::{Actor, Effects, Moment},
    host::Host,
    message::{
        call::{By, Call},
        rejection::{Rejection, Slug},
        sync::{Item, Sync},
        time::Timestamp,
    },
    reach::{Done, Failure},
};

/// A turn that has decided, before its gate.
struct Decided<R> {
    reply: Arc<R>,
    version: u64,
    replayed: bool,
    need: Need,
    /// Success is answered only once everyone knows what this turn told.
    told: Option<u64>,
}

/// What one attempt came to.
enum Attempt<T> {
    Done(T),
    /// Memory was dropped or loaded anew: decide again.
    Again,
    /// Someone else wrote.
    Moved,
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// A command's turn and its gate.
    pub(super) async fn command(
        &self,
        cell: &Arc<Cell<A>>,
        call: &Call<A::Command>,
        until: Instant,
    ) -> Result<Done<A::Reply>, Failure> {
        let decided = {
            let turn = cell.turn.lock().await;
            cell.leaves(call.id);
            let decided = self.command_turn(cell, call, until).await;
            drop(turn);
            decided?
        };
        let not_armed = |error: crate::host::Unavailable| Failure::Unavailable(error.0);
        if !(decided.replayed && planted(Fault::ReplayUngated)) {
            self.gate(cell, decided.need).await.map_err(not_armed)?;
        }
        if let Some(sequence) = decided.told.filter(|_| !planted(Fault::ConfirmSkipped)) {
            let told = self.told(cell, None, sequence, until).await;
            told.map_err(|_| Failure::Unavailable("not known to the reminders yet".to_owned()))?;
        }
        let Decided { reply, version, replayed, .. } = decided;
        Ok(Done { reply: Arc::unwrap_or_clone(reply), version, replayed })
    }

    async fn command_turn(
        &self,
        cell: &Arc<Cell<A>>,
        call: &Call<A::Command>,
        until: Instant,
    ) -> Result<Decided<A::Reply>, Failure> {
        let began = Instant::now();
        loop {
            in_time(until)?;
            match self.attempt(cell, call, began).await? {
                Attempt::Done(decided) => return Ok(decided),
                Attempt::Again => {}
                Attempt::Moved => return Err(Failure::Unavailable(MOVED.to_owned())),
            }
        }
    }

    async fn attempt(
        &self,
        cell: &Arc<Cell<A>>,
        call: &Call<A::Command>,
        began: Instant,
    ) -> Result<Attempt<Decided<A::Reply>>, Failure> {
        let state = self.loaded(cell).await?;
        if let Some(decided) = replay(&state, call)? {
            return Ok(Attempt::Done(decided));
        }
        let at = self.moment(cell, &state);
        let decision = match state.actor.decide(call, &at) {
            Ok(decision) => decision,
            Err(rejection) => {
                return match self.is_fresh(cell, began).await? {
                    Valid::Current => Err(Failure::Rejected(Box::new(rejection))),
                    Valid::Reloaded => Ok(Attempt::Again),
                };
            }
        };
        let (reply, effects) = (Arc::new(decision.reply), decision.effects);
        // What was answered under an Idempotency-Key is kept, so it is written even where it changes nothing.
        if effects.events.is_empty() && effects.syncs.is_empty() && call.idempotency.is_none() {
            let need = Need::of(&state);
            let (version, told) = (state.sequence, Some(state.sequence));
            let decided = Decided { reply, version, replayed: false, need, told };
            return Ok(match self.is_fresh(cell, began).await? {
                Valid::Current => Attempt::Done(decided),
                Valid::Reloaded => Attempt::Again,
            });
        }
        if state.outbox.len() >= OUTBOX_MAX {
            return Err(Failure::Unavailable("too much is on its way already".to_owned()));
        }
        let told = (effects.confirm || effects.events.is_empty()).then_some(at.sequence);
        let draft = Draft {
            effects,
            outcome: Some(outcome(call, told.is_some(), reply.clone())),
            mark: None,
            by: call.by.clone(),
            traceparent: call.traceparent.clone(),
        };
        Ok(match self.append(cell, state, &at, draft).await? {
            Written::Committed(need) => {
                let version = at.sequence;
                Attempt::Done(Decided { reply, version, replayed: false, need, told })
            }
            Written::Refused => Attempt::Moved,
            Written::Unknown => Attempt::Again,
        })
    }

    /// A wake's turn and its gate.
    pub(super) async fn wake_turn(
        &self,
        cell: &Arc<Cell<A>>,
        alarm: Timestamp,
        until: Instant,
    ) -> Result<(), Failure> {
        let turn = cell.turn.lock().await;
        let began = Instant::now();
        cell.memory().armed.remove(&alarm);
        let need = loop {
            in_time(until)?;
            let state = self.loaded(cell).await?;
            let at = self.moment(cell, &state);
            let effects = state.actor.wake(alarm, &at);
            if effects.events.is_empty() && effects.syncs.is_empty() {
                match self.is_fresh(cell, began).await? {
                    Valid::Current => break Need::of(&state),
                    Valid::Reloaded => continue,
                }
            }
            if let Written::Committed(need) = self.append(cell, state, &at, own(effects)).await? {
                break need;
            }
        };
        drop(turn);
        self.gate(cell, need).await.map_err(|_| Failure::Unavailable("not armed".to_owned()))
    }

    /// A sync's turn and its gate.
    pub(super) async fn receive_turn(
        &self,
        cell: &Arc<Cell<A>>,
        sync: &Sync,
        until: Instant,
    ) -> Result<(), Failure> {
        let turn = cell.turn.lock().await;
        let need = loop {
            in_time(until)?;
            let state = self.loaded(cell).await?;
            let mark = state.marks.get(&sync.from).copied().unwrap_or(0);
            let mark = if planted(Fault::NoMark) { 0 } else { mark };
            if sync.sequence <= mark {
                break Need::of(&state);
            }
            let above = |item: &&Item| item.sequence > mark;
            let items: Vec<Item> = sync.items.iter().filter(above).cloned().collect();
            let at = self.moment(cell, &state);
            let effects = state.actor.receive(&sync.from, &items, &at);
            let mark = Some((sync.from.clone(), sync.sequence));
            let draft = Draft { mark, ..own(effects) };
            match self.append(cell, state, &at, draft).await? {
                Written::Committed(need) => break need,
                Written::Refused => return Err(Failure::Unavailable(MOVED.to_owned())),
                Written::Unknown => {}
            }
        };
        drop(turn);
        self.gate(cell, need).await.map_err(|error| Failure::Unavailable(error.0))
    }

    fn moment<'a>(&self, cell: &'a Cell<A>, state: &State<A>) -> Moment<'a> {
        let (now, default_zone) = (self.host().now(), self.zone());
        Moment { key: &cell.key, sequence: state.sequence + 1, now, default_zone }
    }

    /// Whether memory has been read of the store, or written to it, since `began`; if not, it is validated now.
    async fn is_fresh(&self, cell: &Arc<Cell<A>>, began: Instant) -> Result<Valid, Failure> {
        if H::OWNS_STORE || planted(Fault::StaleNo) || cell.memory().validated_at >= began {
            return Ok(Valid::Current);
        }
        self.validate(cell).await
    }
}

/// The first outcome of a command that was done.
fn replay<A: Actor>(
    state: &State<A>,
    call: &Call<A::Command>,
) -> Result<Option<Decided<A::Reply>>, Failure> {
    let known = state.commands.find(call.id).filter(|_| !planted(Fault::NoWindow));
    let Some(known) = known else { return Ok(None) };
    let asked: Option<Uuid> = window::asked(call);
    if known.asked != asked {
        return Err(Failure::Rejected(Box::new(Rejection::new(
            Slug::IdempotencyKeyReused,
            "This Idempotency-Key was used for another request; take a new key.",
        ))));
    }
    let Some(reply) = known.reply.clone() else {
        return Err(Failure::Unavailable("done, but what was replied is forgotten".to_owned()));
    };
    let told = known.confirm.then_some(known.sequence);
    let need = Need::of(state);
    Ok(Some(Decided { reply, version: known.sequence, replayed: true, need, told }))
}

/// A turn of the actor's own.
fn own<A: Actor>(effects: Effects<A>) -> Draft<A> {
    Draft { effects, outcome: None, mark: None, by: By::system(), traceparent: None }
}

fn in_time(until: Instant) -> Result<(), Failure> {
    if Instant::now() < until {
        return Ok(());
    }
    Err(Failure::Unavailable("no time left".to_owned()))
}
