//! A breaker: while a destination fails everyone, one message at a time tries it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::Notify,
    time::{Duration, Instant, timeout_at},
};

/// Failures in a row, with no success between, that open it.
const FAILURES_MAX: u32 = 8;
/// How long it stays open at first, and at most.
const OPEN_MS: u64 = 250;
const OPEN_MS_MAX: u64 = 5_000;

/// Whether a destination is worth trying.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is known to fail.
    pub(super) fn is_open(&self) -> bool {
        self.state().open_until.is_some()
    }

    /// Waits until the destination may be tried. `jitter` is in 0..1.
    pub(super) async fn pass(&self, jitter: f64) {
        loop {
            let closed = self.closed.notified();
            let until = {
                let mut state = self.state();
                let Some(until) = state.open_until else { return };
                let now = Instant::now();
                if until <= now {
                    // This caller tries for all; whoever comes meanwhile waits for what it finds.
                    state.open_until = Some(now + open_for(state.failures));
                    return;
                }
                until
            };
            let spread = Duration::from_millis(OPEN_MS).mul_f64(jitter);
            // Both ways lead round the loop: closed, or time to try.
            let _ = timeout_at(until + spread, closed).await;
        }
    }

    /// A message arrived.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        state.failures = 0;
        if state.open_until.take().is_some() {
            drop(state);
            self.closed.notify_waiters();
        }
    }

    /// A message did not arrive.
    pub(super) fn failed(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_MAX {
            state.open_until = Some(Instant::now() + open_for(state.failures));
        }
    }
}

fn open_for(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(FAILURES_MAX).min(16);
    Duration::from_millis((OPEN_MS << doublings).min(OPEN_MS_MAX))
}
