//! What is said between people, actors and the log: plain values, each checked where it is made.

pub mod call;
pub mod event;
pub mod fault;
pub mod key;
pub mod lead_time;
pub mod rejection;
pub mod reminder;
pub mod series;
pub mod sync;
pub mod task;
pub mod text;
pub mod time;
