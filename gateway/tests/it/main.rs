//! Tickler from outside: the program itself, over HTTP, as its users meet it.

mod bad_input;
mod idempotency;
mod kill;
mod server;
mod story;
mod test_clock;
