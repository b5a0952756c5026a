//! The edge of Tickler.
pub mod views;
