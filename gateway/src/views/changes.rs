//! The messages for screens, in each user's order: what `/changes` pages through and a live stream resumes from.

use actors::message::time::Timestamp;

use super::{Message, Views, on};

/// How long a message can be resumed from, in milliseconds.
pub const MESSAGES_KEPT_MS: i64 = 24 * 3_600_000;
/// Most messages of one user that can be resumed from.
pub(super) const MESSAGES_KEPT_MAX: i64 = 20_000;

/// A page of messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The messages.
    pub messages: Vec<Message>,
    /// Where the next page begins.
    pub next: i64,
    /// More are there already.
    pub more: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// What follows the cursor is no longer kept, or was never written.
    #[error("the cursor is too old")]
    Expired,
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

const RANGE: &str = "SELECT COALESCE((SELECT ordinal FROM message_head WHERE user_id = $1), 0), \
     COALESCE((SELECT MIN(ordinal) FROM message WHERE user_id = $1), 0)";
const PAGE: &str = "SELECT ordinal, event_type, body FROM message WHERE user_id = $1 AND ordinal > $2 \
     ORDER BY ordinal LIMIT $3";
const SHORTEN: &str = "DELETE FROM message WHERE ordinal <= \
     (SELECT head.ordinal FROM message_head head WHERE head.user_id = message.user_id) - $1";
const FORGET: &str = "DELETE FROM message WHERE happened_at < $1";

type MessageRow = (i64, String, String);

impl Views {
    /// The cursor of now.
    pub async fn newest(&self, user: &str) -> Result<i64, sqlx::Error> {
        let (newest, _): (i64, i64) =
            on!(self, pool => sqlx::query_as(RANGE).bind(user).fetch_one(pool).await?);
        Ok(newest)
    }

    /// What follows `since`, oldest first.
    pub async fn changes(
        &self,
        user: &str,
        since: i64,
        limit: i64,
    ) -> Result<Changes, ChangesError> {
        let ((newest, oldest), rows): (_, Vec<MessageRow>) = on!(self, pool => (
            sqlx::query_as::<_, (i64, i64)>(RANGE).bind(user).fetch_one(pool).await?,
            sqlx::query_as(PAGE).bind(user).bind(since).bind(limit).fetch_all(pool).await?,
        ));
        if since > newest || (since < newest && (oldest == 0 || since < oldest - 1)) {
            return Err(ChangesError::Expired);
        }
        let messages: Vec<Message> = rows
            .into_iter()
            .map(|(ordinal, kind, body)| Message::new(ordinal, kind, &body))
            .collect();
        let next = messages.last().map_or(since, |last| last.ordinal);
        Ok(Changes { messages, next, more: next < newest })
    }

    /// Drops messages that nobody can resume from any more.
    pub async fn forget_messages(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        let before = now.0 - MESSAGES_KEPT_MS;
        on!(self, pool => {
            sqlx::query(FORGET).bind(before).execute(pool).await?;
            sqlx::query(SHORTEN).bind(MESSAGES_KEPT_MAX).execute(pool).await?;
        });
        Ok(())
    }
}
