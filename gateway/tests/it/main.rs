//! Tickler from outside, over HTTP, as its users meet it: the program itself (`server`), or a server of this process
//! with any configuration (`running`).
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests wait for a real clock")]

mod accounts;
mod bad_input;
mod conventions;
mod idempotency;
mod isolation;
mod kill;
mod running;
mod server;
mod story;
mod tasks;
mod test_clock;
