//! What was promised, and whether it was kept.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use uuid::Uuid;

use super::{
    super::{entry::Entry, state::State},
    drive::{Ack, User},
    toys::{Clock, List, RINGS, Tell, Ticked, Token, Toys, short, start_of_ring},
    world::{Cast, World},
};
use crate::{
    actor::Actor,
    message::{key::Key, time::Timestamp},
};

/// The highest turn of an actor that had taken place at a time.
pub(super) fn version_at<C: Cast>(world: &World<C>, key: &Key, at: i64) -> u64 {
    let inner = world.inner();
    let before = inner.commits.iter().filter(|commit| commit.key == *key && commit.at <= at);
    before.map(|commit| commit.sequence).max().unwrap_or(0)
}

/// An actor as the store has it, put together without the turn's help.
pub(super) fn stored<C: Cast, A: Actor>(world: &World<C>, key: &Key) -> Result<A, String> {
    let inner = world.inner();
    let snap = inner.rows.get(&(key.clone(), None));
    let mut state =
        snap.map_or(Ok(State::<A>::default()), |row| State::read(row).map(|read| read.0))?;
    let rows = inner.rows.range((key.clone(), Some(0))..=(key.clone(), Some(u64::MAX)));
    let entries: Result<Vec<Entry<A>>, String> =
        rows.map(|(_, row)| Entry::read(row).map(|read| read.0)).collect();
    let mut entries = entries?;
    entries.sort_by_key(|entry| entry.head.sequence);
    for entry in entries {
        if entry.head.sequence > state.sequence {
            let at = entry.moment(key, chrono_tz::UTC);
            if entry.head.sequence != state.sequence + 1 {
                return Err(format!("{key}: turn {} is gone", state.sequence + 1));
            }
            state.replay(entry, &at);
        }
    }
    let last = inner.last.get(key).map_or(0, |last| last.0);
    if state.sequence != last {
        return Err(format!("{key}: turn {last} took place, yet {} is the last", state.sequence));
    }
    Ok(state.actor)
}

/// What must hold for what was acknowledged, though nobody has asked anything since.
pub(super) fn acknowledged<C: Toys>(user: &User<C>) -> Result<(), String> {
    let list: List = stored(&user.world, &user.list)?;
    let clock: Clock = stored(&user.world, &user.clock)?;
    let seen = user.seen.lock().unwrap();
    commands(&list, &seen.acks, &seen.issued)?;
    let acked: BTreeSet<u64> = seen.acks.iter().map(|ack| ack.done.version).collect();
    log(&user.world, &|key, sequence| *key == user.list && acked.contains(&sequence))?;
    for ack in &seen.acks {
        if let Tell::Set { item, .. } = ack.call.command {
            let told = clock.heard.get(&item).is_some_and(|heard| *heard >= ack.done.version);
            if !told {
                return Err(format!("the clock never heard of {item} at {}", ack.done.version));
            }
        }
    }
    let due = |token: Token| match token {
        Token::Set(set) => acked.contains(&set),
        Token::Snooze(turn) => seen.snoozed.iter().any(|(_, version)| *version == turn),
    };
    waiting(&clock, &due)?;
    fired(user, &list, &clock, &seen.acks)?;
    for (id, version) in &seen.snoozed {
        let snoozed = |(sequence, event): &(u64, Ticked)| {
            sequence == version && matches!(event, Ticked::Snoozed { command, .. } if command == id)
        };
        if clock.history.iter().filter(|event| snoozed(event)).count() != 1 {
            return Err(format!("the snooze at {version} was lost"));
        }
    }
    let started = |ack: &&Ack| matches!(ack.call.command, Tell::Start { .. });
    let rings = if seen.acks.iter().any(|ack| started(&ack)) { RINGS } else { 0 };
    rung(&list, seen.rule, rings)
}

/// What must hold for everything that took place, once every actor was loaded.
pub(super) fn committed<C: Toys>(user: &User<C>) -> Result<(), String> {
    acknowledged(user)?;
    waiting(&stored(&user.world, &user.clock)?, &|_| true)?;
    log(&user.world, &|_, _| true)
}

/// Commands: each acknowledged one is there once, as it was answered; nothing else is there.
fn commands(list: &List, acks: &[Ack], issued: &[Uuid]) -> Result<(), String> {
    let mut by_id = BTreeMap::new();
    for (id, sequence, total) in &list.done {
        if by_id.insert(*id, (*sequence, *total)).is_some() {
            return Err(format!("command {id} was done twice"));
        }
        if !issued.iter().any(|issued| short(*issued) == *id) {
            return Err(format!("nobody asked for {id}"));
        }
    }
    for Ack { call, done, .. } in acks {
        let found = by_id.get(&short(call.id)).copied();
        if found != Some((done.version, done.reply.total)) {
            return Err(format!("{call:?} was acknowledged as {done:?} and is {found:?}"));
        }
    }
    for later in acks {
        let earlier = acks.iter().filter(|ack| ack.ended < later.began);
        if let Some(most) = earlier.map(|ack| ack.done.version).max()
            && most >= later.done.version
        {
            return Err(format!("{} was answered after {most}", later.done.version));
        }
    }
    Ok(())
}

/// The log: every event of these turns is there, and first comes first.
pub(super) fn log<C: Cast>(world: &World<C>, of: &dyn Fn(&Key, u64) -> bool) -> Result<(), String> {
    let inner = world.inner();
    let mut seen = HashSet::new();
    let mut last: BTreeMap<&Key, (u64, usize)> = BTreeMap::new();
    for event in inner.log.iter().filter(|event| seen.insert(event.id)) {
        let at = (event.sequence, event.index);
        if let Some(before) = last.insert(&event.key, at).filter(|before| *before >= at) {
            return Err(format!("{}: event {at:?} is logged after {before:?}", event.key));
        }
    }
    let real: HashSet<&Uuid> = inner.commits.iter().flat_map(|commit| &commit.facts).collect();
    if let Some(odd) = seen.iter().find(|id| !real.contains(id)) {
        return Err(format!("event {odd} is logged and never took place"));
    }
    for commit in inner.commits.iter().filter(|commit| of(&commit.key, commit.sequence)) {
        if commit.facts.iter().any(|id| !seen.contains(id)) {
            return Err(format!("{}: events of turn {} never came", commit.key, commit.sequence));
        }
    }
    Ok(())
}

/// Nothing waits any more that was due. A turn that nobody was told of may wait for the next load.
fn waiting(clock: &Clock, due: &dyn Fn(Token) -> bool) -> Result<(), String> {
    let mut waiting = clock.pending.iter().filter(|(_, (_, token))| due(*token));
    waiting
        .next()
        .map_or(Ok(()), |(item, pending)| Err(format!("item {item} never fired: {pending:?}")))
}

/// Reminders: each fires once, at its moment or later, and not after it was acknowledged to be off.
fn fired<C: Toys>(user: &User<C>, list: &List, clock: &Clock, acks: &[Ack]) -> Result<(), String> {
    let mut heard: BTreeMap<u64, u64> = BTreeMap::new();
    let mut tokens: BTreeMap<Token, Timestamp> = BTreeMap::new();
    let mut done = BTreeSet::new();
    for (turn, event) in &clock.history {
        match *event {
            Ticked::Heard { item, moment, sequence } => {
                if heard.insert(item, sequence).is_some_and(|before| before >= sequence) {
                    return Err(format!("item {item} was heard twice at {sequence}"));
                }
                if !list.sets.contains(&(sequence, item, moment)) {
                    return Err(format!("item {item} was never set so at {sequence}"));
                }
                tokens.extend(moment.map(|moment| (Token::Set(sequence), moment)));
            }
            Ticked::Snoozed { to, .. } => {
                tokens.insert(Token::Snooze(*turn), to);
            }
            Ticked::Fired { item, moment, token, .. } => {
                if !done.insert(token) || tokens.get(&token) != Some(&moment) {
                    return Err(format!("item {item} fired twice, or for nothing: {token:?}"));
                }
                let at = committed_at(&user.world, &user.clock, *turn);
                if at < moment.0 {
                    return Err(format!("item {item} fired at {at}, before {moment}"));
                }
                if let Token::Set(set) = token {
                    not_cancelled(acks, item, set, at)?;
                }
            }
        }
    }
    Ok(())
}

fn not_cancelled(acks: &[Ack], item: u64, set: u64, at: i64) -> Result<(), String> {
    let cancels = |ack: &&Ack| {
        matches!(ack.call.command, Tell::Set { item: other, .. } if other == item)
            && ack.done.version > set
            && ack.done.reply.confirmed
            && ack.ended < at
    };
    acks.iter().find(cancels).map_or(Ok(()), |ack| {
        Err(format!("item {item} of {set} fired at {at}, off since {} ({ack:?})", ack.ended))
    })
}

fn committed_at<C: Toys>(world: &World<C>, key: &Key, turn: u64) -> i64 {
    let inner = world.inner();
    let found = inner.commits.iter().find(|commit| commit.key == *key && commit.sequence == turn);
    found.map_or(i64::MIN, |commit| commit.at)
}

/// Rings: in order, each once, and all of them where the rule was acknowledged.
fn rung(list: &List, first: Option<Timestamp>, at_least: u64) -> Result<(), String> {
    let rung = list.rung.len() as u64;
    let right = list
        .rung
        .iter()
        .zip(0..)
        .all(|(start, n)| first.is_some_and(|first| *start == start_of_ring(first, n)));
    if !right || rung > RINGS || rung < at_least {
        return Err(format!("rang {:?} from {first:?} on", list.rung));
    }
    Ok(())
}
