//! How often one user may ask, and one address may fail to say who it is.

use std::net::IpAddr;

use actors::message::key::UserId;
use tokio::time::Instant;

use crate::{config::Rate, recent::Recent};

/// Users and addresses whose counts are kept at least.
const COUNTED_MIN: usize = 65_536;
/// Failed authentications that one address may have …
const FAILURES: Rate = Rate { requests: 60, window_s: 60 };
/// Messages that one user may send to the assistant.
const MESSAGES: Rate = Rate { requests: 20, window_s: 60 };

/// Where a caller stands in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The rate.
    pub(crate) rate: Rate,
    /// Requests left; `None` when there were none left for this one.
    pub(crate) left: Option<u32>,
    /// Seconds until the window ends.
    pub(crate) reset_s: u64,
}

#[derive(Clone, Copy, Default)]
struct Window {
    began: Option<Instant>,
    count: u32,
}

impl Window {
    fn count(&mut self, rate: Rate, now: Instant) -> Standing {
        let window_s = u64::from(rate.window_s);
        let began = match self.began.filter(|began| (now - *began).as_secs() < window_s) {
            Some(began) => began,
            None => {
                *self = Self { began: Some(now), count: 0 };
                now
            }
        };
        let reset_s = window_s - (now - began).as_secs().min(window_s - 1);
        let left = rate.requests.checked_sub(self.count + 1);
        self.count = (self.count + 1).min(rate.requests);
        Standing { rate, left, reset_s }
    }
}

/// All counts of this process.
pub(crate) struct Rates {
    rate: Option<Rate>,
    users: Recent<UserId, Window>,
    messages: Recent<UserId, Window>,
    failures: Recent<IpAddr, Window>,
}

impl Rates {
    /// Counts by a rate for users; without one nothing is counted.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        let (users, messages) = (Recent::new(COUNTED_MIN), Recent::new(COUNTED_MIN));
        Self { rate, users, messages, failures: Recent::new(COUNTED_MIN) }
    }

    /// Counts a request of a user.
    pub(crate) fn request(&self, user: &UserId, now: Instant) -> Option<Standing> {
        let rate = self.rate?;
        Some(self.users.update(user.clone(), |window| window.count(rate, now)))
    }

    /// Counts a message of a user to the assistant.
    pub(crate) fn message(&self, user: &UserId, now: Instant) -> Option<Standing> {
        self.rate?;
        Some(self.messages.update(user.clone(), |window| window.count(MESSAGES, now)))
    }

    /// Counts a failed authentication from an address.
    pub(crate) fn failure(&self, address: IpAddr, now: Instant) -> Option<Standing> {
        self.rate?;
        Some(self.failures.update(address, |window| window.count(FAILURES, now)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_window_counts_down_refuses_and_begins_anew() {
        let rate = Rate { requests: 3, window_s: 10 };
        let rates = Rates::new(Some(rate));
        let user = UserId::parse("ana").expect("a user id");
        let start = Instant::now();
        for (after_s, left, reset_s) in [
            (0, Some(2), 10),
            (1, Some(1), 9),
            (2, Some(0), 8),
            (3, None, 7),
            (9, None, 1),
            (10, Some(2), 10),
        ] {
            let now = start + Duration::from_secs(after_s);
            let standing = rates.request(&user, now);
            assert_eq!(standing, Some(Standing { rate, left, reset_s }), "after {after_s} s");
        }
        assert_eq!(Rates::new(None).request(&user, start), None);
    }
}
