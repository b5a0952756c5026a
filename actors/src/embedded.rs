//! The embedded host: the actors in one process, over an SQLite file that it owns alone.
//!
//! [`Embedded`] is the actors over a [`Desk`]. The desk is the host: it reads by `store`, writes by
//! `writer` (which makes a `batch` of what has gathered), and its `timer` wakes what is due.

mod actors;
mod batch;
mod clock;
mod desk;
mod lock;
mod store;
mod timer;
mod writer;

use std::{io, path::PathBuf};

use thiserror::Error;

pub use actors::{Embedded, Options};
pub use clock::Clock;
pub use desk::{Delivered, Delivery, Desk, Receivers};
pub use store::{FromLog, Unreadable};

/// Why a data folder cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It has an owner.
    #[error("{} is locked: another tickler owns this data folder{}", file.display(), at(address.as_deref()))]
    Owned {
        /// The lock's file.
        file: PathBuf,
        /// Where the owner answers, if it has said so.
        address: Option<String>,
    },
    /// The folder cannot be made, or its lock not be taken.
    #[error("the data folder {} cannot be used: {error}", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is damaged, locked by another program, or of a newer tickler.
    #[error("the data file cannot be opened: {0}")]
    File(#[from] sqlx::Error),
    /// The file's tables cannot be brought up to date.
    #[error("the data file cannot be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

fn at(address: Option<&str>) -> String {
    address.map_or(String::new(), |address| format!(", at {address}"))
}
