//! What the hosts promise, shown over each of them.

mod embedded;
#[macro_use]
mod host_contract;
mod killed;
mod story;
