//! Tickler from outside, over HTTP: as its callers meet it, in this process or as the program itself.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests wait for a real clock")]

mod accounts;
mod alias_streams;
mod aliases;
mod assistant;
mod bad_input;
mod chat;
mod chat_refused;
mod command_line;
mod contract;
mod conventions;
mod described;
mod exchange;
mod fuzz;
mod idempotency;
mod isolation;
mod kill;
mod letters;
mod live;
mod matrix;
mod mcp;
mod mcp_stdio;
mod program;
mod receiver;
mod search;
mod sentences;
mod server;
mod small_print;
mod stalled;
mod story;
mod tasks;
mod test_clock;
mod trail;
mod waiting;
mod webhooks;
mod word_for_word;
