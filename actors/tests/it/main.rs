//! What the hosts promise, shown over each of them.
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for no tests")]
#![allow(clippy::disallowed_methods, reason = "tests wait for a real clock and draw names")]

#[cfg(feature = "dapr")]
mod dapr;
mod embedded;
#[macro_use]
mod host_contract;
mod killed;
mod story;
