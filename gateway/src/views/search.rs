//! The tasks that hold given words: which they may be, by the index; the gateway then looks at each.

use std::{collections::BTreeMap, sync::Arc};

use actors::message::time::Timestamp;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, Sqlite};

use super::{
    Views,
    apply::{put, rows},
    words,
};

/// Most tasks that one question looks at.
const FOUND_MAX: i64 = 20_000;
/// How long a deleted task can be found: as long as it can be restored.
const DELETED_KEPT_MS: i64 = 30 * 86_400_000;

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

const SQLITE_ROWS: (&str, &str) = (
    "INSERT INTO task_search (user_id, task_id, version, archived, deleted_at, body) ",
    " ON CONFLICT (user_id, task_id) DO UPDATE SET version = excluded.version, archived = excluded.archived, \
     deleted_at = excluded.deleted_at, body = excluded.body WHERE excluded.version >= task_search.version \
     RETURNING user_id, task_id, id",
);
const SQLITE_WORDS: &str = "INSERT OR REPLACE INTO task_words (rowid, words) ";
const POSTGRES_ROWS: (&str, &str) = (
    "INSERT INTO task_search (user_id, task_id, version, archived, deleted_at, body, words) ",
    " ON CONFLICT (user_id, task_id) DO UPDATE SET version = excluded.version, archived = excluded.archived, \
     deleted_at = excluded.deleted_at, body = excluded.body, words = excluded.words \
     WHERE excluded.version >= task_search.version",
);

/// A user's task, and its row.
pub(super) type Tasks<'a> = BTreeMap<(&'a str, String), Row>;

/// Makes these tasks findable in SQLite; what is there in a newer version stays.
pub(super) async fn index_sqlite(
    tx: &mut sqlx::SqliteConnection,
    tasks: &Tasks<'_>,
) -> Result<(), sqlx::Error> {
    let ids: Vec<(String, String, i64)> =
        rows!(Sqlite, tx, SQLITE_ROWS.0, SQLITE_ROWS.1, tasks, |row, ((user, id), it)| {
            row.push_bind(*user)
                .push_bind(id)
                .push_bind(it.version)
                .push_bind(it.archived)
                .push_bind(it.deleted_at)
                .push_bind(&it.body);
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
    });
    Ok(())
}

const SQLITE: &str = "SELECT body FROM task_search WHERE id IN \
     (SELECT rowid FROM task_words WHERE task_words MATCH $1) AND user_id = $2 \
     AND archived >= $3 AND (deleted_at IS NULL OR deleted_at > $4) LIMIT $5";
const POSTGRES: &str = "SELECT body FROM task_search WHERE words @@ CAST($1 AS TSQUERY) AND user_id = $2 \
     AND archived >= $3 AND (deleted_at IS NULL OR deleted_at > $4) LIMIT $5";

impl Views {
    /// The user's tasks that may hold all of these folded words by prefix; with `archived` only those that left the list.
    pub(crate) async fn found(
        &self,
        user: &str,
        wanted: &[String],
        archived: Archived,
        now: Timestamp,
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
                    .bind(FOUND_MAX)
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
