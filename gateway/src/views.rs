//! What the facts become for people to look at: who did what, what changed, and what has left the list.
//!
//! A view is written by the feed alone, one SQL transaction a batch, with a mark per consumer, topic and actor: what is
//! not above the mark has been applied. The same statements run on SQLite and PostgreSQL.

mod apply;
mod audit;
mod batch;
mod changes;
pub(crate) mod chat;
pub(crate) mod deliveries;
mod fact;
pub(crate) mod letters;
mod message;
mod pending;
mod replay;
mod search;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod verify;
pub(crate) mod webhooks;
mod words;

use std::{path::Path, sync::Arc};

use actors::message::key::{Key, UserId};

use sqlx::{
    PgPool, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use apply::Applied;
pub(crate) use apply::CHANNEL;
pub use audit::{AuditEntry, AuditPage, AuditQuery};
pub use changes::{Changes, ChangesError, MESSAGES_KEPT_MS};
pub(crate) use fact::topic;
pub use letters::Letter;
pub use message::Message;
#[cfg(test)]
pub(crate) use message::task as task_of;
pub(crate) use search::{Archived, DELETED_KEPT_MS, Written};
pub use verify::Broken;
pub(crate) use words::{Word, words};

/// The file beside the actors' store that holds the views of the embedded host.
pub const FILE: &str = "views.sqlite";
/// 4 MB for each connection that reads, 16 MB for the one that writes much.
const READER_CACHE: &str = "-4096";
const WRITER_CACHE: &str = "-16384";
/// 16 MB of journal, as the actors' store has.
const CHECKPOINT_PAGES: &str = "4000";
/// Connections that read at once.
const READERS_MAX: u32 = 4;

/// The views, on the database chosen at start.
#[derive(Clone)]
pub enum Views {
    /// A file of its own beside the embedded store.
    Sqlite(SqlitePool),
    /// The database that the cluster shares.
    Postgres(PgPool),
}

/// Something new to show to a user.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The user.
    pub user: String,
    /// What they are told.
    pub message: Message,
}

/// Runs the same expression on whichever database it is.
macro_rules! on {
    ($views:expr, $pool:ident => $body:expr) => {
        match $views {
            $crate::views::Views::Sqlite($pool) => $body,
            $crate::views::Views::Postgres($pool) => $body,
        }
    };
}
pub(crate) use on;

impl Views {
    /// Opens the views of the embedded host in `dir`, and brings their tables up to date.
    pub async fn sqlite(dir: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(5))
            // What a statement of many rows would undo stays in memory, and a page is folded in once for many batches.
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", READER_CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        let pool =
            SqlitePoolOptions::new().max_connections(READERS_MAX).connect_with(options).await?;
        sqlx::migrate!("migrations/sqlite").run(&pool).await?;
        Ok(Self::Sqlite(pool))
    }

    /// The same views over a connection of their own, for who writes what can be written again: SQLite drops what a
    /// connection has in memory when another one writes. After a loss of power the file may stand some batches back,
    /// its position in the log with it, and the log keeps more than the file's journal holds.
    pub async fn apart(&self) -> Result<Self, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                let options = SqliteConnectOptions::clone(&pool.connect_options());
                let options = options
                    .synchronous(SqliteSynchronous::Normal)
                    .pragma("cache_size", WRITER_CACHE);
                let one = SqlitePoolOptions::new().max_connections(1);
                Ok(Self::Sqlite(one.connect_with(options).await?))
            }
            Self::Postgres(_) => Ok(self.clone()),
        }
    }

    /// Opens the views in PostgreSQL, and brings their tables up to date.
    pub async fn postgres(url: &str) -> Result<Self, sqlx::Error> {
        let pool = PgPool::connect(url).await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        Ok(Self::Postgres(pool))
    }

    /// Whether the database answers.
    pub async fn check(&self) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))
    }

    /// Ends all connections.
    pub async fn close(&self) {
        on!(self, pool => pool.close().await);
    }

    /// How far the embedded log has been read.
    pub async fn position(&self, consumer: &str) -> Result<i64, sqlx::Error> {
        const POSITION: &str = "SELECT log_offset FROM position WHERE consumer = $1";
        let row: Option<(i64,)> =
            on!(self, pool => sqlx::query_as(POSITION).bind(consumer).fetch_optional(pool).await?);
        Ok(row.map_or(0, |(offset,)| offset))
    }

    /// The newest version of a user's list that the views show.
    pub async fn version(&self, user: &UserId) -> Result<u64, sqlx::Error> {
        const MARK: &str = "SELECT sequence FROM mark WHERE consumer = $1 AND actor = $2";
        let (consumer, actor) = ("views/task-events", Key::task_list(user).to_string());
        let row: Option<(i64,)> = on!(self, pool => {
            sqlx::query_as(MARK).bind(consumer).bind(&actor).fetch_optional(pool).await?
        });
        Ok(row.map_or(0, |(sequence,)| sequence.unsigned_abs()))
    }

    /// Every task of a user that has left the list, as it was when it left.
    pub async fn all_archived(&self, user: &str) -> Result<Vec<Arc<str>>, sqlx::Error> {
        const ALL: &str = "SELECT body FROM archived WHERE user_id = $1";
        let rows: Vec<(String,)> =
            on!(self, pool => sqlx::query_as(ALL).bind(user).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(body,)| body.into()).collect())
    }

    /// A task that has left the list, as it was when it left.
    pub async fn archived(&self, user: &str, task: &str) -> Result<Option<String>, sqlx::Error> {
        const ARCHIVED: &str = "SELECT body FROM archived WHERE user_id = $1 \
             AND (task_id = $2 OR CAST(number AS TEXT) = $2)";
        let row: Option<(String,)> = on!(self, pool => sqlx::query_as(ARCHIVED).bind(user).bind(task).fetch_optional(pool).await?);
        Ok(row.map(|(body,)| body))
    }
}
