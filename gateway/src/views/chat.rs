//! Conversations: what users and the assistant have said, and who is answering in which of them just now.

use actors::message::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;

use super::{Views, on};

/// Most conversations of one user; beyond them those go in which nothing was said for longest.
pub(crate) const CONVERSATIONS_MAX: i64 = 200;
/// How long a conversation is kept after the last word in it, in milliseconds.
pub(crate) const CONVERSATION_KEPT_MS: i64 = 365 * 86_400_000;

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// What it began with.
    pub title: String,
    /// When it began, in milliseconds.
    pub created_at: i64,
    /// When something was last said in it.
    pub updated_at: i64,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool, as the model called it.
    pub name: String,
    /// An object, or whatever else the model gave.
    pub arguments: Value,
    /// What came of it; absent until it was carried out.
    pub result: Option<Value>,
    /// Whether it was done, in part at least.
    pub ok: bool,
    /// Calls of one round were asked for together.
    pub round: usize,
}

/// A message and what has come of it so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Its id.
    pub id: String,
    /// Its place in the conversation, from 1 on.
    pub ordinal: i64,
    /// What the user said.
    pub message: String,
    /// What was done.
    pub calls: Vec<ToolCall>,
    /// What the assistant has said.
    pub response: String,
    /// When it was asked, in milliseconds.
    pub created_at: i64,
    /// When it was answered; absent until then.
    pub answered_at: Option<i64>,
}

type Row = (String, i64, String, String, String, i64, Option<i64>);

fn turn((id, ordinal, message, calls, response, created_at, answered_at): Row) -> Turn {
    let calls = serde_json::from_str(&calls).unwrap_or_default();
    Turn { id, ordinal, message, calls, response, created_at, answered_at }
}

fn written(calls: &[ToolCall]) -> String {
    serde_json::to_string(calls).unwrap_or_default()
}

/// The right to answer in a conversation, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The conversation.
    pub conversation: String,
    until: i64,
}

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is had.
    Yes(Lease),
    /// Somebody answers there, or in as many other conversations of the user as there may be at once.
    Busy,
    /// The user has no such conversation.
    Absent,
}

const PAGE: &str = "SELECT id, title, created_at, updated_at FROM conversation WHERE user_id = $1 \
     AND (updated_at < $2 OR (updated_at = $2 AND id < $3)) ORDER BY updated_at DESC, id DESC LIMIT $4";
const ONE: &str = "SELECT id, title, created_at, updated_at FROM conversation \
     WHERE id = $1 AND user_id = $2";
const BROKEN_OFF: &str = "SELECT it.id, it.title, it.created_at, it.updated_at FROM conversation it \
     JOIN turn one ON one.conversation_id = it.id AND one.ordinal = 1 WHERE it.user_id = $1 \
     AND one.message = $2 AND one.answered_at IS NULL AND it.updated_at >= $3 \
     AND NOT EXISTS (SELECT 1 FROM turn WHERE conversation_id = it.id AND ordinal > 1) \
     ORDER BY it.updated_at DESC, it.id DESC LIMIT 1";
const BEGIN: &str = "INSERT INTO conversation (id, user_id, title, busy_until, created_at, updated_at) \
     VALUES ($1, $2, $3, 0, $4, $4) ON CONFLICT (id) DO NOTHING";
const SHORTEN: &str = "DELETE FROM conversation WHERE id IN (SELECT id FROM conversation \
     WHERE user_id = $1 ORDER BY updated_at DESC, id DESC LIMIT $3 OFFSET $2)";
const DELETE: &str = "DELETE FROM conversation WHERE id = $1 AND user_id = $2";
const DELETE_EMPTY: &str = "DELETE FROM conversation WHERE id = $1 \
     AND NOT EXISTS (SELECT 1 FROM turn WHERE conversation_id = $1)";
const FORGET: &str = "DELETE FROM conversation WHERE updated_at < $1";
const LEASE: &str = "UPDATE conversation SET busy_until = $3 WHERE id = $1 AND user_id = $2 \
     AND busy_until <= $4 AND (SELECT COUNT(*) FROM conversation \
     WHERE user_id = $2 AND busy_until > $4) < $5";
const RELEASE: &str = "UPDATE conversation SET busy_until = 0 WHERE id = $1 AND busy_until = $2";
const RELEASE_ALL: &str = "UPDATE conversation SET busy_until = 0 WHERE busy_until > 0";
const SAID: &str = "UPDATE conversation SET updated_at = $3 WHERE id = $1 AND busy_until = $2";

const TURN: &str = "SELECT id, ordinal, message, calls, response, created_at, answered_at \
     FROM turn WHERE id = $1";
const NEWEST: &str = "SELECT id, ordinal, message, calls, response, created_at, answered_at \
     FROM turn WHERE conversation_id = $1 ORDER BY ordinal DESC LIMIT $2";
const ADD: &str = "INSERT INTO turn (id, conversation_id, ordinal, message, calls, response, \
     created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const SAVE: &str = "UPDATE turn SET calls = $3, response = $4, answered_at = $5 \
     WHERE id = $1 AND conversation_id = $2";

impl Views {
    /// A user's conversations from `below` on (moment and id), the last one spoken in first.
    pub async fn conversations(
        &self,
        user: &str,
        (below, id): (i64, &str),
        limit: i64,
    ) -> Result<Vec<Conversation>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(PAGE).bind(user).bind(below).bind(id).bind(limit)
            .fetch_all(pool).await)
    }

    /// One conversation of a user.
    pub async fn conversation(
        &self,
        user: &str,
        id: &str,
    ) -> Result<Option<Conversation>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(ONE).bind(id).bind(user).fetch_optional(pool).await)
    }

    /// The newest conversation since a moment that began with this message and got no further.
    pub async fn broken_off(
        &self,
        user: &str,
        message: &str,
        since: Timestamp,
    ) -> Result<Option<Conversation>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(BROKEN_OFF).bind(user).bind(message).bind(since.0)
            .fetch_optional(pool).await)
    }

    /// Begins a conversation, once under an id, and drops what is then too much.
    pub async fn begin_conversation(
        &self,
        user: &str,
        (id, title): (&str, &str),
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            sqlx::query(BEGIN).bind(id).bind(user).bind(title).bind(now.0).execute(&mut *tx).await?;
            sqlx::query(SHORTEN).bind(user).bind(CONVERSATIONS_MAX).bind(i64::MAX)
                .execute(&mut *tx).await?;
            tx.commit().await
        })
    }

    /// Ends a conversation; false where the user has no such.
    pub async fn delete_conversation(&self, user: &str, id: &str) -> Result<bool, sqlx::Error> {
        let gone = on!(self, pool => sqlx::query(DELETE).bind(id).bind(user).execute(pool).await?
            .rows_affected());
        Ok(gone > 0)
    }

    /// Ends a conversation in which nothing was said.
    pub async fn delete_if_empty(&self, id: &str) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(DELETE_EMPTY).bind(id).execute(pool).await.map(drop))
    }

    /// Drops conversations in which nothing was said for long.
    pub async fn forget_conversations(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        let before = now.0 - CONVERSATION_KEPT_MS;
        on!(self, pool => sqlx::query(FORGET).bind(before).execute(pool).await.map(drop))
    }

    /// Takes the right to answer in a conversation for `for_ms`, if nobody has it and its user has fewer than `most`.
    /// `now` is the clock on the wall.
    pub async fn lease(
        &self,
        user: &str,
        conversation: &str,
        (now, for_ms): (Timestamp, i64),
        most: i64,
    ) -> Result<Leased, sqlx::Error> {
        let until = now.0 + for_ms;
        let taken = on!(self, pool => sqlx::query(LEASE).bind(conversation).bind(user).bind(until)
            .bind(now.0).bind(most).execute(pool).await?.rows_affected());
        if taken > 0 {
            return Ok(Leased::Yes(Lease { conversation: conversation.to_owned(), until }));
        }
        let there = self.conversation(user, conversation).await?.is_some();
        Ok(if there { Leased::Busy } else { Leased::Absent })
    }

    /// Gives the right back.
    pub async fn release(&self, lease: &Lease) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(RELEASE).bind(&lease.conversation).bind(lease.until)
            .execute(pool).await.map(drop))
    }

    /// Gives every right back: whoever had one is gone, where one process has the views.
    pub async fn release_all(&self) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(RELEASE_ALL).execute(pool).await.map(drop))
    }

    /// One turn, of whichever conversation.
    pub async fn turn(&self, id: &str) -> Result<Option<Turn>, sqlx::Error> {
        let row: Option<Row> =
            on!(self, pool => sqlx::query_as(TURN).bind(id).fetch_optional(pool).await?);
        Ok(row.map(turn))
    }

    /// The newest turns of a conversation, in the order in which they were.
    pub async fn turns(&self, conversation: &str, most: i64) -> Result<Vec<Turn>, sqlx::Error> {
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(NEWEST).bind(conversation).bind(most).fetch_all(pool).await?
        });
        Ok(rows.into_iter().rev().map(turn).collect())
    }

    /// Adds a turn; false where the lease is no longer had.
    pub async fn add_turn(&self, lease: &Lease, it: &Turn) -> Result<bool, sqlx::Error> {
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            let said = sqlx::query(SAID).bind(&lease.conversation).bind(lease.until)
                .bind(it.created_at).execute(&mut *tx).await?;
            if said.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(ADD).bind(&it.id).bind(&lease.conversation).bind(it.ordinal)
                .bind(&it.message).bind(written(&it.calls)).bind(&it.response)
                .bind(it.created_at).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
    }

    /// Keeps what has come of a turn until now; false where the lease is no longer had.
    pub async fn save_turn(
        &self,
        lease: &Lease,
        it: &Turn,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            let said = sqlx::query(SAID).bind(&lease.conversation).bind(lease.until).bind(now.0)
                .execute(&mut *tx).await?;
            if said.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(SAVE).bind(&it.id).bind(&lease.conversation).bind(written(&it.calls))
                .bind(&it.response).bind(it.answered_at).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
    }
}
