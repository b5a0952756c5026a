//! The clock and the ledger of one rule.

pub mod rule;
