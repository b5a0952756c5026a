//! Dead letters: what the views could not take, kept until somebody has mended, replayed or dropped it.

use actors::message::{event::CloudEvent, key::NAMESPACE, time::Timestamp};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Fresh, Views, on};

/// How long a letter is kept that somebody has decided over, in milliseconds.
pub(crate) const DECIDED_KEPT_MS: i64 = 30 * 86_400_000;
/// Most letters that are kept; beyond them the oldest go.
pub(crate) const LETTERS_MAX: i64 = 10_000;
/// Longest reason that is kept, in characters.
const ERROR_CHARS_MAX: usize = 500;

/// It waits for a decision.
pub(crate) const WAITING: &str = "waiting";
/// It has had its effect.
pub(crate) const REPLAYED: &str = "replayed";
/// Nobody wants it.
pub(crate) const DROPPED: &str = "dropped";

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Letter {
    /// Its id: that of its topic, place and bytes.
    pub id: String,
    /// The topic that it came by; `log` on the embedded host.
    pub topic: String,
    /// What came, byte for byte.
    pub event: Vec<u8>,
    /// Why the views could not take it.
    pub error: String,
    /// `waiting`, `replayed` or `dropped`.
    pub status: String,
    /// When it was set aside, in milliseconds.
    pub came_at: i64,
    /// When it was replayed or dropped.
    pub decided_at: Option<i64>,
}

const KEEP: &str = "INSERT INTO dead_letter (id, topic, event, error, status, came_at) \
     VALUES ($1, $2, $3, $4, 'waiting', $5) ON CONFLICT (id) DO NOTHING";
const LETTERS: &str = "SELECT * FROM dead_letter WHERE status = 'waiting' OR CAST($1 AS BIGINT) = 1 \
     ORDER BY came_at, id LIMIT $2";
const LETTER: &str = "SELECT * FROM dead_letter WHERE id = $1";
pub(super) const DECIDE: &str = "UPDATE dead_letter SET status = $2, decided_at = $3 \
     WHERE id = $1 AND status = 'waiting'";
const FORGET: &str = "DELETE FROM dead_letter WHERE decided_at < $1";
const SHORTEN: &str = "DELETE FROM dead_letter WHERE id IN \
     (SELECT id FROM dead_letter ORDER BY came_at DESC, id LIMIT $2 OFFSET $1)";

impl Views {
    /// Sets something aside, once: `place` tells apart what came twice from what was delivered again.
    pub async fn keep_letter(
        &self,
        (topic, place): (&str, &str),
        event: &[u8],
        error: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let name = [topic.as_bytes(), place.as_bytes(), event].join(&0);
        let id = Uuid::new_v5(&NAMESPACE, &name).to_string();
        let error: String =
            error.chars().filter(|char| !char.is_control()).take(ERROR_CHARS_MAX).collect();
        on!(self, pool => sqlx::query(KEEP).bind(id).bind(topic).bind(event).bind(error).bind(now.0)
            .execute(pool).await.map(drop))
    }

    /// The oldest letters that wait; with `decided` the others too.
    pub(crate) async fn letters(&self, decided: Decided) -> Result<Vec<Letter>, sqlx::Error> {
        let all = i64::from(decided == Decided::Too);
        on!(self, pool => sqlx::query_as(LETTERS).bind(all).bind(LETTERS_MAX).fetch_all(pool).await)
    }

    /// One letter.
    pub async fn letter(&self, id: &str) -> Result<Option<Letter>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(LETTER).bind(id).fetch_optional(pool).await)
    }

    /// Decides that nobody wants a letter; false where somebody has decided over it before.
    pub async fn drop_letter(&self, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let decided = on!(self, pool => sqlx::query(DECIDE).bind(id).bind(DROPPED).bind(now.0)
            .execute(pool).await?.rows_affected());
        Ok(decided > 0)
    }

    /// Gives a letter, as it was mended, its effect, whatever came after it, in one transaction with the decision. Once:
    /// an event whose id is in the trail has had its effect.
    pub async fn replay_letter(
        &self,
        id: &str,
        mended: &CloudEvent,
        now: Timestamp,
    ) -> Result<Vec<Fresh>, sqlx::Error> {
        self.apply_late(mended, id, now).await
    }

    /// Drops letters that were decided over long ago, and the oldest beyond the bound.
    pub async fn forget_letters(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        on!(self, pool => {
            sqlx::query(FORGET).bind(now.0 - DECIDED_KEPT_MS).execute(pool).await?;
            let gone = sqlx::query(SHORTEN).bind(LETTERS_MAX).bind(i64::MAX).execute(pool).await?;
            if gone.rows_affected() > 0 {
                tracing::warn!(letters = gone.rows_affected(), "too many dead letters: the oldest are gone");
            }
        });
        Ok(())
    }
}

/// Which letters are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// Those that wait alone.
    Not,
    /// Those that were decided over too.
    Too,
}
