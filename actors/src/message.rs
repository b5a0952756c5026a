//! What is said between people, actors and the log: plain values, each checked where it is made.

pub mod fault;
pub mod lead_time;
pub mod time;
