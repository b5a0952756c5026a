//! Rows as they are stored.
