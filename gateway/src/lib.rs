//! The edge of Tickler: what people, programs and chatbots speak to.
//!
//! A request is read (`http`, `fields`, `params`), made a typed operation (`tasks`), given to an actor
//! (`app`), and its result written (`http::answer`, `problem`). Who asks is known by `identity` alone.
//! Nothing here decides anything about a task.

mod accounts;
mod app;
mod chat;
pub mod cli;
mod config;
mod cursor;
mod exchange;
mod feed;
mod fields;
mod http;
mod ical;
mod identity;
mod incoming;
mod kinds;
mod listing;
mod live;
mod mcp;
mod notify;
mod observe;
mod params;
mod patrol;
mod problem;
mod pure;
mod recent;
mod recurrences;
mod reminders;
mod search;
mod serve;
mod shelf;
mod sidecar;
mod tags;
mod tasks;
pub mod views;
mod waiting;

pub use accounts::Accounts;
pub use app::{App, SetClock};
pub use config::{Auth, Config, Flags, LogFormat, Role, Runtime, Wrong};
pub use feed::Feed;
pub use http::{Peer, router};
pub use live::Live;
pub use observe::start_log;
pub use serve::{Host, Server, signal};
