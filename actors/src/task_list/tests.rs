//! Tests of the task list.

mod complete;
mod edit;
mod world;
