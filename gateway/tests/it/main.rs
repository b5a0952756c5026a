//! Tickler from outside: the program itself, over HTTP, as its users meet it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests wait for a real clock")]

mod bad_input;
mod idempotency;
mod kill;
mod server;
mod story;
mod test_clock;
