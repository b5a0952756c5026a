//! RELAY: takes what committed turns owe to the log and to other actors, one message at a time per actor and destination.

use std::sync::{Arc, Weak};

use tokio::time::{Duration, sleep};

use super::{
    GATE_MS, Turns,
    breaker::Breaker,
    cell::Cell,
    fault::{Fault, planted},
};
use crate::{
    actor::Actor,
    host::Host,
    message::{
        event::{Event, Topic},
        key::{Key, Kind},
    },
};

/// The wait after a first failure, and the longest.
const BACKOFF_MS: u64 = 50;
const BACKOFF_MS_MAX: u64 = 30_000;

/// What all actors of a process share on the way out: one breaker per destination.
#[derive(Clone, Debug)]
pub struct Relay(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gate: Duration,
    log: Breaker,
    lists: Breaker,
    reminders: Breaker,
    rules: Breaker,
}

impl Default for Relay {
    fn default() -> Self {
        Self::new(Duration::from_millis(GATE_MS))
    }
}

impl Relay {
    /// `gate` is how long an answer waits for the log before it asks for cover.
    pub fn new(gate: Duration) -> Self {
        Self(Arc::new(Shared {
            gate,
            log: Breaker::default(),
            lists: Breaker::default(),
            reminders: Breaker::default(),
            rules: Breaker::default(),
        }))
    }

    /// How long an answer waits for the log.
    pub(super) fn gate(&self) -> Duration {
        self.0.gate
    }

    fn log(&self) -> &Breaker {
        &self.0.log
    }

    fn to(&self, key: &Key) -> &Breaker {
        match key.kind {
            Kind::TaskListActor => &self.0.lists,
            Kind::ReminderActor => &self.0.reminders,
            Kind::RecurrenceActor => &self.0.rules,
        }
    }
}

impl<A: Actor, H: Host> Turns<A, H> {
    /// Publishing is known to fail.
    pub(super) fn log_is_down(&self) -> bool {
        self.shared_relay().log().is_open()
    }

    /// Starts what is owed and not under way.
    pub(super) fn relay(&self, cell: &Arc<Cell<A>>) {
        let mut memory = cell.memory();
        let Some(state) = memory.state.clone() else { return };
        let owed = state.outbox.len();
        super::metric::owes(memory.owed, owed);
        memory.owed = owed;
        if state.outbox.unlogged() && !memory.publishing {
            memory.publishing = true;
            tokio::spawn(self.clone().publish_all(Arc::downgrade(cell)));
        }
        for to in state.outbox.waiting() {
            if memory.telling.insert(to.clone()) {
                tokio::spawn(self.clone().tell_all(Arc::downgrade(cell), to.clone()));
            }
        }
    }

    async fn publish_all(self, cell: Weak<Cell<A>>) {
        let mut failures = 0;
        loop {
            let jitter = self.jitter();
            self.shared_relay().log().pass(jitter).await;
            let Some(cell) = cell.upgrade() else { return };
            let batch = {
                let mut memory = cell.memory();
                let batch = memory.state.as_ref().and_then(|state| state.outbox.batch());
                if batch.is_none() {
                    memory.publishing = false;
                }
                batch
            };
            let Some((sequence, turns)) = batch else { return };
            if self.publish(&turns).await {
                failures = 0;
                let current = cell.state().map_or(sequence, |state| state.sequence);
                let sequence = if planted(Fault::MarkCurrent) { current } else { sequence };
                self.mark(&cell, |outbox| outbox.publish(sequence));
                continue;
            }
            failures += 1;
            drop(cell);
            sleep(backoff(failures, jitter)).await;
        }
    }

    async fn publish(&self, turns: &[Arc<[Event]>]) -> bool {
        let whole;
        let events: &[Event] = match turns {
            [one] => one,
            many => {
                whole = many.iter().flat_map(|events| events.iter().cloned()).collect::<Vec<_>>();
                &whole
            }
        };
        let published = self.host().publish(events).await;
        let breaker = self.shared_relay().log();
        for event in events {
            super::metric::published(event.fact.topic, published.is_ok());
        }
        match published {
            Ok(()) => {
                breaker.succeeded();
                for event in events {
                    let (topic, kind) = (topic(event.fact.topic), event.fact.kind.as_str());
                    let (event_id, said) = (event.id, "event published");
                    tracing::info!(event = "event_published", topic, %event_id, r#type = kind, "{said}");
                }
            }
            Err(ref error) => {
                breaker.failed();
                if let Some(event) = events.first() {
                    let topic = topic(event.fact.topic);
                    tracing::warn!(event = "event_publish_failed", topic, event_id = %event.id, %error);
                }
            }
        }
        published.is_ok()
    }

    async fn tell_all(self, cell: Weak<Cell<A>>, to: Key) {
        let mut failures = 0;
        loop {
            let jitter = self.jitter();
            self.shared_relay().to(&to).pass(jitter).await;
            let Some(cell) = cell.upgrade() else { return };
            let sync = {
                let mut memory = cell.memory();
                let sync = memory
                    .state
                    .as_ref()
                    .and_then(|state| state.outbox.sync(&cell.key, state.sequence, &to));
                if sync.is_none() {
                    memory.telling.remove(&to);
                }
                sync
            };
            let Some(sync) = sync else { return };
            match self.host().sync(&to, &sync).await {
                Ok(()) => {
                    failures = 0;
                    self.shared_relay().to(&to).succeeded();
                    self.mark(&cell, |outbox| outbox.confirm(&to, sync.sequence));
                    cell.memory().confirmed.insert(to.clone(), sync.sequence);
                }
                Err(error) => {
                    failures += 1;
                    self.shared_relay().to(&to).failed();
                    tracing::debug!(from = %cell.key.kind, to = %to.kind, %error, "sync not confirmed");
                    drop(cell);
                    sleep(backoff(failures, jitter)).await;
                }
            }
        }
    }

    /// Moves a mark in memory; the next entry or snapshot writes it. What was delivered is delivered whatever memory it
    /// was read from: a turn's content never changes once it is committed.
    fn mark(&self, cell: &Arc<Cell<A>>, change: impl FnOnce(&mut super::outbox::Outbox)) {
        {
            let mut memory = cell.memory();
            if let Some(state) = &mut memory.state {
                let outbox = &mut Arc::make_mut(state).outbox;
                change(Arc::make_mut(outbox));
                let owed = outbox.len();
                super::metric::owes(memory.owed, owed);
                memory.owed = owed;
                memory.moved = true;
                memory.changed_at = tokio::time::Instant::now();
            }
        }
        cell.moved.notify_waiters();
        self.snapshot_later(cell);
    }

    fn jitter(&self) -> f64 {
        let (high, _) = self.host().random().as_u64_pair();
        // 53 bits fill the mantissa; the precision is beside the point.
        #[allow(clippy::cast_precision_loss)]
        let unit = (high >> 11) as f64 / (1_u64 << 53) as f64;
        unit
    }
}

fn backoff(failures: u32, jitter: f64) -> Duration {
    let wait = (BACKOFF_MS << failures.saturating_sub(1).min(16)).min(BACKOFF_MS_MAX);
    Duration::from_millis(wait).mul_f64(0.5 + jitter / 2.0)
}

pub(super) fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::TaskEvents => "task-events",
        Topic::Reminders => "reminders",
        Topic::TaskRecurrence => "task-recurrence",
    }
}
