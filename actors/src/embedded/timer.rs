//! The timer: wakes actors when their alarms are due, in the order of their moments.
//!
//! It looks at the wall clock at least every second, because a laptop that slept counts no time, and
//! at the earliest moment exactly. A row goes once its wake has succeeded; until then it comes back.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{
    clock::{Clock, stopwatch},
    desk::{Delivery, Receivers},
    store::{Due, Store},
    writer::{Ask, Writer},
};
use crate::{message::time::Timestamp, turn::COVER_MS};

/// Most wakes at once, so that nine o'clock does not starve people.
const WAKES_MAX: usize = 64;
/// Alarms read at once.
const PAGE: usize = 1_024;
/// Most alarms that wait to be tried again; while there are more, no others are read.
const RETRIES_MAX: usize = 10_000;
/// Most actors resumed at start; the others wait for their alarms.
const RESUMED_MAX: u32 = 1_000;
/// Longest time without a look at the clock.
const LOOK_MS: u64 = 1_000;
const RETRY_MS_MIN: u64 = 250;
const RETRY_MS_MAX: u64 = 30_000;

type Name = (Timestamp, i64);

pub(super) struct Timer {
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) writer: Writer,
    pub(super) receivers: Receivers,
}

#[derive(Default)]
struct State {
    /// Read and not yet begun, in order.
    queue: VecDeque<Due>,
    /// Begun, by alarm.
    running: HashSet<Name>,
    /// Actors with a wake that runs: the alarms of one are taken one after another.
    awake: HashSet<i64>,
    /// Failed: how often, and when to try again.
    failed: HashMap<Name, (u32, Instant)>,
    wakes: JoinSet<(Due, bool)>,
}

impl Timer {
    /// Runs until told to close; then waits for the wakes that have begun.
    pub(super) async fn run(self, mut closing: watch::Receiver<bool>) {
        let mut state = State::default();
        self.resume().await;
        loop {
            self.writer.bell().await_moment(None);
            let now = self.clock.wall();
            self.refill(&mut state, now).await;
            self.begin(&mut state);
            let wait = self.wait(&state, now).await;
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => break,
                () = self.writer.bell().rung() => {}
                () = self.clock.was_set() => {}
                () = tokio::time::sleep(wait) => {}
                Some(ended) = state.wakes.join_next() => state.end(ended),
            }
            while let Some(ended) = state.wakes.try_join_next() {
                state.end(ended);
            }
        }
        while state.wakes.join_next().await.is_some() {}
    }

    /// Has those looked after whose alarm comes soon: whoever left something undone has one within a minute.
    async fn resume(&self) {
        let now = self.clock.wall();
        let unfinished = self.store.unfinished(now, now.plus(COVER_MS), RESUMED_MAX).await;
        let unfinished = unfinished.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was left undone waits for its alarms");
            Vec::new()
        });
        for key in unfinished {
            // One that cannot now is woken by its alarm.
            let resumed = self.receivers.deliver(key, Delivery::Resume);
            tokio::spawn(async move { resumed.await.ok() });
        }
    }

    /// Reads what is due once all that was read before has begun.
    async fn refill(&self, state: &mut State, now: Timestamp) {
        if !state.queue.is_empty() || state.failed.len() > RETRIES_MAX {
            return;
        }
        let tick = stopwatch();
        let limit = PAGE + state.running.len() + state.failed.len();
        let due = match self.store.due(now, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "alarms cannot be read");
                return;
            }
        };
        let free = |due: &Due| {
            let name = (due.moment, due.actor);
            let later = state.failed.get(&name).is_some_and(|(_, again)| *again > tick);
            !later && !state.running.contains(&name)
        };
        state.queue.extend(due.into_iter().filter(free));
        metrics::gauge!("tickler_alarms_due").set((state.queue.len() + state.running.len()) as f64);
    }

    /// Begins wakes in order, as many as may run at once.
    fn begin(&self, state: &mut State) {
        let mut later = VecDeque::new();
        while state.running.len() < WAKES_MAX {
            let Some(due) = state.queue.pop_front() else { break };
            if !state.awake.insert(due.actor) {
                later.push_back(due);
                continue;
            }
            state.running.insert((due.moment, due.actor));
            let late = self.clock.wall().0.saturating_sub(due.moment.0);
            metrics::histogram!("tickler_alarm_lateness_seconds").record(late as f64 / 1e3);
            let (receivers, writer) = (self.receivers.clone(), self.writer.clone());
            state.wakes.spawn(async move {
                let done = wake(&receivers, &writer, &due).await;
                (due, done)
            });
        }
        later.append(&mut state.queue);
        state.queue = later;
    }

    /// How long nothing will be due.
    async fn wait(&self, state: &State, now: Timestamp) -> Duration {
        let look = Duration::from_millis(LOOK_MS);
        if !state.queue.is_empty() {
            return look;
        }
        let next = self.store.next_alarm(now).await.ok().flatten();
        self.writer.bell().await_moment(next);
        let tick = stopwatch();
        let again = state.failed.values().map(|(_, again)| again.saturating_duration_since(tick));
        // The next moment is counted from the clock as it is now: reading took its time.
        let next = next.map(|next| next.0.saturating_sub(self.clock.wall().0).max(0));
        let next = next.map(|millis| Duration::from_millis(millis.unsigned_abs()));
        again.chain(next).min().unwrap_or(look).min(look)
    }
}

impl State {
    fn end(&mut self, ended: Result<(Due, bool), tokio::task::JoinError>) {
        // The wake's own panics are caught in it, so that the alarm it was for is known.
        let Ok((due, done)) = ended else { return };
        let name = (due.moment, due.actor);
        self.running.remove(&name);
        self.awake.remove(&due.actor);
        if done {
            self.failed.remove(&name);
            return;
        }
        let times = self.failed.get(&name).map_or(0, |(times, _)| *times);
        let millis = RETRY_MS_MIN.saturating_mul(1 << times.min(16)).min(RETRY_MS_MAX);
        let again = stopwatch() + Duration::from_millis(millis);
        self.failed.insert(name, (times + 1, again));
    }
}

/// Wakes the actor and takes the alarm away; whether both succeeded.
async fn wake(receivers: &Receivers, writer: &Writer, due: &Due) -> bool {
    if let Some(key) = due.key.clone() {
        let turn = tokio::spawn(receivers.deliver(key.clone(), Delivery::Wake(due.moment)));
        let woken = match turn.await {
            Ok(woken) => woken.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = woken {
            tracing::warn!(kind = %key.kind, moment = %due.moment, error, "a wake failed");
            return false;
        }
    }
    writer.put(Ask::Disarm { due: due.clone() }).await.is_ok()
}
