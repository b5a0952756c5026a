//! The tasks that hold given words: which they may be, by the index, or all of a user's; the gateway then looks at each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use actors::message::time::Timestamp;
use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, Sqlite};

use super::{
    Views,
    apply::{put, rows},
    words,
};

/// How long a deleted task can be found: as long as it can be restored.
pub(crate) const DELETED_KEPT_MS: i64 = 30 * 86_400_000;

/// A task as the index takes it.
pub(super) struct Row {
    pub(super) task_id: String,
    pub(super) version: i64,
    pub(super) archived: i64,
    pub(super) deleted_at: Option<i64>,
    pub(super) body: String,
    pub(super) words: Vec<String>,
}

impl Row {
    /// The row of a user's task as the interface writes it, and that as JSON.
    pub(super) fn new(user: &str, task: &Value, body: String, archived: bool) -> Self {
        let text = |name: &str| task[name].as_str();
        let deleted_at =
            text("deleted_at").and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok());
        Self {
            task_id: text("id").unwrap_or_default().to_owned(),
            version: task["version"].as_i64().unwrap_or_default(),
            archived: i64::from(archived),
            deleted_at: deleted_at.map(|at| at.timestamp_millis()),
            words: words::index(user, [text("title"), text("description")]),
            body,
        }
    }
}

/// The stamp that each of these users' next rows get: above all that the user has, and at least the milliseconds of the
/// database's clock, so that one that was forgotten is not given again.
const SQLITE_STAMPS: &str = "SELECT u.column1, MAX(CAST(unixepoch('subsec') * 1000 AS INTEGER), \
     (SELECT COALESCE(MAX(s.stamp), 0) + 1 FROM task_search AS s WHERE s.user_id = u.column1)) FROM (";
const POSTGRES_STAMPS: &str = "SELECT u.column1, GREATEST(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT), \
     (SELECT COALESCE(MAX(s.stamp), 0) + 1 FROM task_search AS s WHERE s.user_id = u.column1)) FROM (";
const STAMPED: &str = ") AS u";
const SQLITE_ROWS: (&str, &str) = (
    "INSERT INTO task_search (user_id, task_id, version, archived, deleted_at, body, stamp) ",
    " ON CONFLICT (user_id, task_id) DO UPDATE SET version = excluded.version, archived = excluded.archived, \
     deleted_at = excluded.deleted_at, body = excluded.body, stamp = excluded.stamp WHERE excluded.version >= task_search.version \
     RETURNING user_id, task_id, id",
);
const SQLITE_WORDS: &str = "INSERT OR REPLACE INTO task_words (rowid, words) ";
const POSTGRES_ROWS: (&str, &str) = (
    "INSERT INTO task_search (user_id, task_id, version, archived, deleted_at, body, words, stamp) ",
    " ON CONFLICT (user_id, task_id) DO UPDATE SET version = excluded.version, archived = excluded.archived, \
     deleted_at = excluded.deleted_at, body = excluded.body, words = excluded.words, stamp = excluded.stamp \
     WHERE excluded.version >= task_search.version",
);

/// A user's task, and its row.
pub(super) type Tasks<'a> = BTreeMap<(&'a str, String), Row>;

/// The stamps of these tasks' users, by user.
macro_rules! stamps {
    ($db:ident, $tx:ident, $head:expr, $tasks:ident) => {{
        let users: BTreeSet<&str> = $tasks.keys().map(|(user, _)| *user).collect();
        let stamps: Vec<(String, i64)> = rows!($db, $tx, $head, STAMPED, users, |row, user| {
            row.push_bind(*user);
        });
        stamps.into_iter().collect::<BTreeMap<_, _>>()
    }};
}

/// Makes these tasks findable in SQLite; what is there in a newer version stays.
pub(super) async fn index_sqlite(
    tx: &mut sqlx::SqliteConnection,
    tasks: &Tasks<'_>,
) -> Result<(), sqlx::Error> {
    let stamps = stamps!(Sqlite, tx, SQLITE_STAMPS, tasks);
    let ids: Vec<(String, String, i64)> =
        rows!(Sqlite, tx, SQLITE_ROWS.0, SQLITE_ROWS.1, tasks, |row, ((user, id), it)| {
            row.push_bind(*user)
                .push_bind(id)
                .push_bind(it.version)
                .push_bind(it.archived)
                .push_bind(it.deleted_at)
                .push_bind(&it.body)
                .push_bind(stamps[*user]);
        });
    let words = ids.iter().filter_map(|(user, task, id)| {
        let row = tasks.get(&(user.as_str(), task.clone()))?;
        Some((id, row.words.join(" ")))
    });
    put!(Sqlite, tx, SQLITE_WORDS, "", words, |row, (id, words)| row
        .push_bind(**id)
        .push_bind(words));
    Ok(())
}

/// Makes these tasks findable in PostgreSQL; what is there in a newer version stays.
pub(super) async fn index_postgres(
    tx: &mut sqlx::PgConnection,
    tasks: &Tasks<'_>,
) -> Result<(), sqlx::Error> {
    let stamps = stamps!(Postgres, tx, POSTGRES_STAMPS, tasks);
    put!(Postgres, tx, POSTGRES_ROWS.0, POSTGRES_ROWS.1, tasks, |row, ((user, id), it)| {
        row.push_bind(*user)
            .push_bind(id)
            .push_bind(it.version)
            .push_bind(it.archived)
            .push_bind(it.deleted_at)
            .push_bind(&it.body)
            .push("array_to_tsvector(")
            .push_bind_unseparated(&it.words)
            .push_unseparated(")")
            .push_bind(stamps[*user])
    });
    Ok(())
}

const SQLITE: &str = "SELECT body FROM task_search WHERE id IN \
     (SELECT rowid FROM task_words WHERE task_words MATCH $1) AND user_id = $2 \
     AND archived >= $3 AND (deleted_at IS NULL OR deleted_at > $4) LIMIT $5";
/// The index is over everybody's words, and a common one is in half of all rows: the rows of a list that is short are looked
/// at one by one instead, which `IS TRUE` sees to.
const POSTGRES: &str = "WITH list AS MATERIALIZED (SELECT COUNT(*) <= 3000 AS is_short FROM \
     (SELECT 1 FROM task_search WHERE user_id = $2 LIMIT 3001) AS own) \
     SELECT body FROM task_search WHERE (SELECT is_short FROM list) AND (words @@ CAST($1 AS TSQUERY)) IS TRUE \
     AND user_id = $2 AND archived >= $3 AND (deleted_at IS NULL OR deleted_at > $4) \
     UNION ALL \
     SELECT body FROM task_search WHERE NOT (SELECT is_short FROM list) AND words @@ CAST($1 AS TSQUERY) \
     AND user_id = $2 AND archived >= $3 AND (deleted_at IS NULL OR deleted_at > $4) LIMIT $5";
const SQLITE_BODIES: &str = "SELECT body FROM task_search WHERE user_id = $1 \
     AND task_id IN (SELECT value FROM json_each($2))";
const POSTGRES_BODIES: &str = "SELECT body FROM task_search WHERE user_id = $1 \
     AND task_id IN (SELECT json_array_elements_text(CAST($2 AS JSON)))";

/// A task that was written, and when.
pub(crate) struct Written {
    /// The task as the interface writes it.
    pub(crate) body: String,
    /// Whether it has left the list.
    pub(crate) is_archived: bool,
    /// Above those of all that were written before.
    pub(crate) stamp: i64,
}

impl Views {
    /// The user's tasks that may hold all of these folded words by prefix, at most so many; with `archived` only those
    /// that left the list.
    pub(crate) async fn found(
        &self,
        user: &str,
        wanted: &[String],
        archived: Archived,
        (now, most): (Timestamp, usize),
    ) -> Result<Vec<Arc<str>>, sqlx::Error> {
        let least = i64::from(archived == Archived::Only);
        let since = now.0 - DELETED_KEPT_MS;
        macro_rules! rows {
            ($pool:ident, $sql:ident, $question:expr) => {
                sqlx::query_as($sql)
                    .bind($question)
                    .bind(user)
                    .bind(least)
                    .bind(since)
                    .bind(most as i64)
                    .fetch_all($pool)
                    .await?
            };
        }
        let rows: Vec<(String,)> = match self {
            Self::Sqlite(pool) => rows!(pool, SQLITE, words::fts5(user, wanted)),
            Self::Postgres(pool) => rows!(pool, POSTGRES, words::tsquery(user, wanted)),
        };
        Ok(rows.into_iter().map(|(body,)| body.into()).collect())
    }

    /// How many tasks of a user can be found.
    pub(crate) async fn findable(&self, user: &str) -> Result<usize, sqlx::Error> {
        const COUNT: &str = "SELECT COUNT(*) FROM task_search WHERE user_id = $1";
        let (count,): (i64,) =
            super::on!(self, pool => sqlx::query_as(COUNT).bind(user).fetch_one(pool).await?);
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Gives each task of a user that was written above a stamp, in no order.
    pub(crate) async fn each_written(
        &self,
        user: &str,
        above: i64,
        mut take: impl FnMut(Written),
    ) -> Result<(), sqlx::Error> {
        const WRITTEN: &str =
            "SELECT body, archived, stamp FROM task_search WHERE user_id = $1 AND stamp > $2";
        super::on!(self, pool => {
            let mut rows = sqlx::query_as(WRITTEN).bind(user).bind(above).fetch(pool);
            while let Some((body, archived, stamp)) = rows.try_next().await? {
                let archived: i64 = archived;
                take(Written { body, is_archived: archived > 0, stamp });
            }
        });
        Ok(())
    }

    /// These tasks of a user as the interface writes them, in no order; what is not there is left out.
    pub(crate) async fn bodies(
        &self,
        user: &str,
        tasks: &[uuid::Uuid],
    ) -> Result<Vec<Arc<str>>, sqlx::Error> {
        let ids = serde_json::to_string(tasks).unwrap_or_default();
        macro_rules! rows {
            ($pool:ident, $sql:ident) => {
                sqlx::query_as($sql).bind(user).bind(ids).fetch_all($pool).await?
            };
        }
        let rows: Vec<(String,)> = match self {
            Self::Sqlite(pool) => rows!(pool, SQLITE_BODIES),
            Self::Postgres(pool) => rows!(pool, POSTGRES_BODIES),
        };
        Ok(rows.into_iter().map(|(body,)| body.into()).collect())
    }

    /// The newest change of a user's list that is in the views.
    pub(crate) async fn list_sequence(&self, user: &str) -> Result<i64, sqlx::Error> {
        const SEQUENCE: &str = "SELECT list_sequence FROM message_head WHERE user_id = $1";
        let row: Option<(i64,)> = super::on!(self, pool => sqlx::query_as(SEQUENCE).bind(user).fetch_optional(pool).await?);
        Ok(row.map_or(0, |(sequence,)| sequence))
    }

    /// Drops what was deleted too long ago to be restored.
    pub(crate) async fn forget_deleted(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        const WORDS: &str = "DELETE FROM task_words WHERE rowid IN \
             (SELECT id FROM task_search WHERE deleted_at <= $1)";
        const ROWS: &str = "DELETE FROM task_search WHERE deleted_at <= $1";
        let before = now.0 - DELETED_KEPT_MS;
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                sqlx::query(WORDS).bind(before).execute(&mut *tx).await?;
                sqlx::query(ROWS).bind(before).execute(&mut *tx).await?;
                tx.commit().await
            }
            Self::Postgres(pool) => sqlx::query(ROWS).bind(before).execute(pool).await.map(drop),
        }
    }
}

/// Which tasks a search looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Archived {
    /// Those in the list and those that left it.
    Too,
    /// Those that left the list.
    Only,
}
