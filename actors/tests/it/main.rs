//! What the hosts promise, shown over each of them.
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for no tests")]

#[cfg(feature = "dapr")]
mod dapr;
mod embedded;
#[macro_use]
mod host_contract;
mod killed;
mod story;
