//! The domain of Tickler: three actors that decide, one turn that makes their decisions durable, and
//! the hosts that run them.
//!
//! `message`, `actor` and the three actors are the core: they do no I/O, read no clock and draw no
//! random number, and compile alone (`cargo check -p actors --no-default-features`). The turn is
//! written once over `Host`; a host only loads, commits, arms and delivers.

mod reach;

pub mod actor;
#[cfg(feature = "dapr")]
pub mod dapr;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod host;
pub mod message;
pub mod quick_add;
pub mod recurrence;
pub mod reminder;
pub mod task_list;
#[cfg(any(feature = "embedded", feature = "dapr"))]
pub mod turn;

#[cfg(any(feature = "embedded", feature = "dapr"))]
pub use reach::Actors;
pub use reach::{Answered, Done, Failure};
