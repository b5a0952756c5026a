//! Who may call which user's actors now: a few at once per user, a few more that wait, the next one is told `busy`.
//!
//! The sidecar runs one call of an actor at a time and lets all others wait, without end; this is the end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{message::key::UserId, reach::Failure, turn::MAILBOX_MAX};

/// Calls of one user that are on their way at once.
const IN_FLIGHT_MAX: usize = 8;

/// The users who have calls on their way.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<HashMap<UserId, Line>>>);

/// One user's calls.
struct Line {
    /// On their way or waiting.
    calls: usize,
    free: Arc<Semaphore>,
}

/// A call on its way; dropped when it has ended.
pub(super) struct Place {
    queue: Queue,
    user: UserId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Queue {
    /// Waits until the call may go.
    pub(super) async fn enter(&self, user: &UserId) -> Result<Place, Failure> {
        let free = {
            let mut lines = self.lines();
            let line = lines.entry(user.clone()).or_insert_with(|| Line {
                calls: 0,
                free: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            });
            if line.calls >= IN_FLIGHT_MAX + MAILBOX_MAX {
                return Err(Failure::Busy);
            }
            line.calls += 1;
            line.free.clone()
        };
        let mut place = Place { queue: self.clone(), user: user.clone(), permit: None };
        let permit = free.acquire_owned().await;
        place.permit = Some(permit.expect("the semaphore is never closed"));
        Ok(place)
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<UserId, Line>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        if let Some(line) = lines.get_mut(&self.user) {
            line.calls -= 1;
            if line.calls == 0 {
                lines.remove(&self.user);
            }
        }
    }
}
