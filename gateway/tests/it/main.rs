//! The gateway as callers see it: over HTTP, against a real server with a folder of its own.

mod accounts;
mod conventions;
mod isolation;
mod server;
mod tasks;
