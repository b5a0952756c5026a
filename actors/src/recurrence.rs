//! Recurrence: the rules by which a task comes back.

pub mod rule;
