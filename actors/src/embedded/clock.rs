//! What time it is: the machine's clock, or one that a test may set.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use tokio::{sync::Notify, time::Instant};

use crate::message::time::Timestamp;

/// The clock of one process; clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settable: bool,
    /// What a test has added to the machine's clock.
    offset: AtomicI64,
    /// The latest moment anybody was told.
    told: AtomicI64,
    set: Notify,
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self::new(false)
    }

    /// A clock that starts as the machine's and goes on from wherever it is set.
    pub fn settable() -> Self {
        Self::new(true)
    }

    fn new(settable: bool) -> Self {
        Self(Arc::new(Inner {
            settable,
            offset: AtomicI64::new(0),
            told: AtomicI64::new(i64::MIN),
            set: Notify::new(),
        }))
    }

    /// The time: never earlier than it said before, unless a test has set it back.
    pub fn now(&self) -> Timestamp {
        let wall = self.wall().0;
        Timestamp(self.0.told.fetch_max(wall, Ordering::AcqRel).max(wall))
    }

    /// The time as the machine says, which may go back: by this alone is an alarm due.
    pub fn wall(&self) -> Timestamp {
        Timestamp(machine().saturating_add(self.0.offset.load(Ordering::Acquire)))
    }

    /// Whether [`Clock::set`] and [`Clock::advance`] do anything.
    pub fn is_settable(&self) -> bool {
        self.0.settable
    }

    /// Sets a settable clock, from where it goes on; alarms due by then fire at once. The real clock stays as it is.
    pub fn set(&self, now: Timestamp) {
        if self.0.settable {
            self.0.offset.store(now.0.saturating_sub(machine()), Ordering::Release);
            self.0.told.store(now.0, Ordering::Release);
            self.0.set.notify_one();
        }
    }

    /// Moves a settable clock by so many milliseconds.
    pub fn advance(&self, millis: i64) {
        self.set(self.now().plus(millis));
    }

    /// Waits until the clock has been set; for the timer alone.
    pub(super) async fn was_set(&self) {
        self.0.set.notified().await;
    }
}

/// How long something takes, for metrics.
pub(super) fn stopwatch() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the host's clock is where time comes from")]
fn machine() -> i64 {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp_millis()
}
