//! Whom a user has told to be told.

use sqlx::FromRow;

use super::{Views, on};

/// A webhook.
#[derive(Clone, PartialEq, FromRow)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// Where it leads.
    pub url: String,
    /// The types it is told of, and `task.*`, `*`; between them a space.
    pub events: String,
    /// What its user says of it.
    pub description: Option<String>,
    /// `active` or `paused`.
    pub status: String,
    /// Why it is paused.
    pub paused_reason: Option<String>,
    /// What signs; never shown again.
    pub secret: String,
    /// What signs besides, after a rotation.
    pub old_secret: Option<String>,
    /// Until when.
    pub old_until: Option<i64>,
    /// Since when there have been failures only.
    pub failing_since: Option<i64>,
    /// Rises with every change that is shown.
    pub version: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// What pauses nothing and is told everything that it asks for.
pub(crate) const ACTIVE: &str = "active";
/// What is told nothing until its user says so.
pub(crate) const PAUSED: &str = "paused";

impl Webhook {
    /// Whether it is told of events.
    pub fn is_active(&self) -> bool {
        self.status == ACTIVE
    }

    /// The secrets that sign now, the newest first.
    pub fn secrets(&self, now: i64) -> Vec<&str> {
        let old = self.old_secret.as_deref().filter(|_| self.old_until > Some(now));
        std::iter::once(self.secret.as_str()).chain(old).collect()
    }
}

/// Whether a list of types, `task.*` and `*` holds a type.
pub(crate) fn wants(events: &str, kind: &str) -> bool {
    events.split(' ').any(|item| match item.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => item == kind,
    })
}

const OF_USER: &str = "SELECT * FROM webhook WHERE user_id = $1 ORDER BY created_at, id";
const ONE: &str = "SELECT * FROM webhook WHERE id = $1";
const ADD: &str = "INSERT INTO webhook (id, user_id, url, events, description, status, secret, version, \
     created_at, updated_at) SELECT $1, $2, $3, $4, $5, $6, $7, CAST($8 AS BIGINT), CAST($9 AS BIGINT), \
     CAST($9 AS BIGINT) WHERE (SELECT COUNT(*) FROM webhook WHERE user_id = $2) < CAST($10 AS BIGINT)";
const SAVE: &str = "UPDATE webhook SET url = $3, events = $4, description = $5, status = $6, \
     paused_reason = $7, secret = $8, old_secret = $9, old_until = $10, failing_since = $11, \
     version = version + 1, updated_at = $12 WHERE id = $1 AND version = $2";
const FAILING: &str =
    "UPDATE webhook SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL";
const FINE: &str =
    "UPDATE webhook SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL";
const DELETE: &str = "DELETE FROM webhook WHERE id = $1 AND user_id = $2 AND version = $3";
const DELETE_QUEUE: &str = "DELETE FROM delivery WHERE endpoint = $1";
const SET_ROOT: &str =
    "INSERT INTO root_secret (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const ROOT: &str = "SELECT secret FROM root_secret WHERE name = $1";

impl Views {
    /// A user's webhooks, oldest first.
    pub async fn webhooks(&self, user: &str) -> Result<Vec<Webhook>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(OF_USER).bind(user).fetch_all(pool).await)
    }

    /// One webhook.
    pub async fn webhook(&self, id: &str) -> Result<Option<Webhook>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(ONE).bind(id).fetch_optional(pool).await)
    }

    /// Keeps a new webhook; false where its user has `most` already.
    pub async fn add_webhook(&self, it: &Webhook, most: i64) -> Result<bool, sqlx::Error> {
        let added = on!(self, pool => sqlx::query(ADD)
            .bind(&it.id)
            .bind(&it.user_id)
            .bind(&it.url)
            .bind(&it.events)
            .bind(&it.description)
            .bind(&it.status)
            .bind(&it.secret)
            .bind(it.version)
            .bind(it.created_at)
            .bind(most)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(added > 0)
    }

    /// Keeps a webhook as it is now, one version on; false where it has changed since it was read.
    pub async fn save_webhook(&self, it: &Webhook) -> Result<bool, sqlx::Error> {
        let saved = on!(self, pool => sqlx::query(SAVE)
            .bind(&it.id)
            .bind(it.version)
            .bind(&it.url)
            .bind(&it.events)
            .bind(&it.description)
            .bind(&it.status)
            .bind(&it.paused_reason)
            .bind(&it.secret)
            .bind(&it.old_secret)
            .bind(it.old_until)
            .bind(it.failing_since)
            .bind(it.updated_at)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(saved > 0)
    }

    /// Notes that a webhook fails since `at`, unless it has failed before.
    pub async fn webhook_fails(&self, id: &str, at: i64) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(FAILING).bind(id).bind(at).execute(pool).await.map(drop))
    }

    /// Notes that a webhook does not only fail.
    pub async fn webhook_works(&self, id: &str) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(FINE).bind(id).execute(pool).await.map(drop))
    }

    /// Ends a webhook and what is on its way to it; false where it has changed since it was read.
    pub async fn delete_webhook(&self, it: &Webhook) -> Result<bool, sqlx::Error> {
        on!(self, pool => {
            let mut tx = pool.begin().await?;
            let gone = sqlx::query(DELETE).bind(&it.id).bind(&it.user_id).bind(it.version)
                .execute(&mut *tx).await?.rows_affected() > 0;
            if gone {
                sqlx::query(DELETE_QUEUE).bind(&it.id).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(gone)
        })
    }

    /// The secret of this installation that has this name: `new` where there was none.
    pub async fn root_secret(&self, name: &str, new: &str) -> Result<String, sqlx::Error> {
        let (secret,): (String,) = on!(self, pool => {
            sqlx::query(SET_ROOT).bind(name).bind(new).execute(pool).await?;
            sqlx::query_as(ROOT).bind(name).fetch_one(pool).await?
        });
        Ok(secret)
    }
}
