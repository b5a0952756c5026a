//! Tests of the task list.

mod always;
mod batch;
mod complete;
mod edit;
mod import;
mod list;
mod order;
mod remind;
mod schedule;
mod series;
mod settings;
mod shown;
mod tags;
mod undo;
mod world;
