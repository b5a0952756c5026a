//! Personal tokens, sessions and live tickets: only hashes of their secrets are kept.

use std::{path::Path, time::Duration};

use actors::message::{key::UserId, time::Timestamp};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow},
};
use thiserror::Error;
use uuid::Uuid;

use crate::{app::random_id, identity::scope::Scopes};

/// Most tokens of one user.
pub(crate) const USER_TOKENS_MAX: i64 = 20;
/// How long a session lasts.
pub(crate) const SESSION_MS: i64 = 12 * 3_600_000;
/// How long a live ticket lasts.
pub(crate) const TICKET_MS: i64 = 60_000;
/// A token's last use is written down at most this often.
const LAST_USED_MS: i64 = 60_000;
/// Longest wait for a connection.
const ACQUIRE_MS: u64 = 2_000;
/// Connections of this process.
const CONNECTIONS_MAX: u32 = 4;

/// The store cannot answer now.
#[derive(Debug, Error)]
#[error("accounts: {0}")]
pub struct Unavailable(#[from] sqlx::Error);

type Stored<T> = Result<T, Unavailable>;

/// The store of accounts, chosen at start.
#[derive(Clone)]
pub enum Accounts {
    /// A file of its own, beside the actors'.
    Sqlite(SqlitePool),
}

/// Whom a secret of ours stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Holder {
    /// The user.
    pub(crate) user: UserId,
    /// What it allows.
    pub(crate) scopes: Scopes,
    /// The personal token behind it.
    pub(crate) token: Option<String>,
    /// The e-mail address that the session's token named.
    pub(crate) email: Option<String>,
    /// The zone that the session's token named.
    pub(crate) zone: Option<Tz>,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

/// A personal token as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// Its id.
    pub(crate) id: Uuid,
    /// What it is called.
    pub(crate) name: String,
    /// What it allows.
    pub(crate) scopes: Scopes,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub(crate) last_used_at: Option<Timestamp>,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS token (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
  hash BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  last_used_at INTEGER
) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS token_user ON token (user_id, created_at);
CREATE TABLE IF NOT EXISTS pass (
  hash BLOB PRIMARY KEY, kind TEXT NOT NULL, user_id TEXT NOT NULL, scopes TEXT NOT NULL,
  token TEXT, email TEXT, zone TEXT, expires_at INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS pass_token ON pass (token) WHERE token IS NOT NULL;
CREATE INDEX IF NOT EXISTS pass_expires ON pass (expires_at);
";

impl Accounts {
    /// Opens the store in a folder, and makes it where there is none.
    pub async fn open(folder: &Path) -> Stored<Self> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("accounts.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_millis(ACQUIRE_MS))
            .connect_with(options)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self::Sqlite(pool))
    }

    /// Closes the store.
    pub async fn close(&self) {
        let Self::Sqlite(pool) = self;
        pool.close().await;
    }

    /// Whether the store answers.
    pub(crate) async fn check(&self) -> Stored<()> {
        let Self::Sqlite(pool) = self;
        sqlx::query("SELECT 1").execute(pool).await?;
        Ok(())
    }

    /// Makes a token and its secret; `None` where the user has too many.
    pub(crate) async fn create_token(
        &self,
        user: &UserId,
        name: &str,
        scopes: Scopes,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<Option<(Token, String)>> {
        let Self::Sqlite(pool) = self;
        let (id, secret) = (random_id(), secret());
        let whole = format!("tkl_{id}_{secret}");
        let made = sqlx::query(
            "INSERT INTO token (id, user_id, name, scopes, hash, created_at, expires_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE
             (SELECT COUNT(*) FROM token WHERE user_id = ?2 AND expires_at > ?6) < ?8",
        )
        .bind(id.to_string())
        .bind(user.as_str())
        .bind(name)
        .bind(scopes.to_string())
        .bind(hash(&whole))
        .bind(now.0)
        .bind(expires_at.0)
        .bind(USER_TOKENS_MAX)
        .execute(pool)
        .await?;
        let name = name.to_owned();
        let token = Token { id, name, scopes, created_at: now, expires_at, last_used_at: None };
        Ok((made.rows_affected() == 1).then_some((token, whole)))
    }

    /// The tokens of a user that have not ended, oldest first.
    pub(crate) async fn tokens(&self, user: &UserId, now: Timestamp) -> Stored<Vec<Token>> {
        let Self::Sqlite(pool) = self;
        let rows = sqlx::query(
            "SELECT * FROM token WHERE user_id = ? AND expires_at > ? ORDER BY created_at, id",
        )
        .bind(user.as_str())
        .bind(now.0)
        .fetch_all(pool)
        .await?;
        Ok(rows.iter().filter_map(token_of).collect())
    }

    /// Ends a token and the sessions that began with it; says whether there was one.
    pub(crate) async fn delete_token(&self, user: &UserId, id: Uuid) -> Stored<bool> {
        let Self::Sqlite(pool) = self;
        let mut both = pool.begin().await?;
        let gone = sqlx::query("DELETE FROM token WHERE id = ? AND user_id = ?")
            .bind(id.to_string())
            .bind(user.as_str())
            .execute(&mut *both)
            .await?;
        sqlx::query("DELETE FROM pass WHERE token = ? AND user_id = ?")
            .bind(id.to_string())
            .bind(user.as_str())
            .execute(&mut *both)
            .await?;
        both.commit().await?;
        Ok(gone.rows_affected() == 1)
    }

    /// Whom a personal token stands for.
    pub(crate) async fn token(&self, token: &str, now: Timestamp) -> Stored<Option<Holder>> {
        let Self::Sqlite(pool) = self;
        let id = token.strip_prefix("tkl_").and_then(|rest| rest.split('_').next());
        let Some(id) = id.and_then(|id| Uuid::try_parse(id).ok()) else { return Ok(None) };
        let row = sqlx::query("SELECT * FROM token WHERE id = ? AND expires_at > ?")
            .bind(id.to_string())
            .bind(now.0)
            .fetch_optional(pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        if !same(&row.try_get::<Vec<u8>, _>("hash")?, &hash(token)) {
            return Ok(None);
        }
        let last: Option<i64> = row.try_get("last_used_at")?;
        if last.is_none_or(|last| now.0 - last >= LAST_USED_MS) {
            sqlx::query("UPDATE token SET last_used_at = ? WHERE id = ?")
                .bind(now.0)
                .bind(id.to_string())
                .execute(pool)
                .await?;
        }
        Ok(holder_of(&row, Some(id.to_string())))
    }

    /// Begins a session and gives its secret.
    pub(crate) async fn begin_session(&self, holder: &Holder, now: Timestamp) -> Stored<String> {
        let expires_at = holder.expires_at.min(now.plus(SESSION_MS));
        self.pass("session", holder, now, expires_at).await
    }

    /// Whom a session's secret stands for.
    pub(crate) async fn session(&self, secret: &str, now: Timestamp) -> Stored<Option<Holder>> {
        let Self::Sqlite(pool) = self;
        let row = sqlx::query(
            "SELECT * FROM pass WHERE hash = ? AND kind = 'session' AND expires_at > ?",
        )
        .bind(hash(secret))
        .bind(now.0)
        .fetch_optional(pool)
        .await?;
        Ok(row.and_then(|row| {
            let token = row.try_get("token").ok()?;
            holder_of(&row, token)
        }))
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, secret: &str) -> Stored<()> {
        let Self::Sqlite(pool) = self;
        sqlx::query("DELETE FROM pass WHERE hash = ?").bind(hash(secret)).execute(pool).await?;
        Ok(())
    }

    /// Makes a ticket for one live stream.
    pub(crate) async fn make_ticket(&self, holder: &Holder, now: Timestamp) -> Stored<String> {
        self.pass("ticket", holder, now, now.plus(TICKET_MS)).await
    }

    /// Takes a ticket: it opens once.
    pub(crate) async fn take_ticket(&self, secret: &str, now: Timestamp) -> Stored<Option<Holder>> {
        let Self::Sqlite(pool) = self;
        let row = sqlx::query(
            "DELETE FROM pass WHERE hash = ? AND kind = 'ticket' AND expires_at > ? RETURNING *",
        )
        .bind(hash(secret))
        .bind(now.0)
        .fetch_optional(pool)
        .await?;
        Ok(row.and_then(|row| {
            let token = row.try_get("token").ok()?;
            holder_of(&row, token)
        }))
    }

    async fn pass(
        &self,
        kind: &str,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<String> {
        let Self::Sqlite(pool) = self;
        let secret = secret();
        sqlx::query("DELETE FROM pass WHERE expires_at <= ?").bind(now.0).execute(pool).await?;
        sqlx::query("INSERT INTO pass VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(hash(&secret))
            .bind(kind)
            .bind(holder.user.as_str())
            .bind(holder.scopes.to_string())
            .bind(&holder.token)
            .bind(&holder.email)
            .bind(holder.zone.map(Tz::name))
            .bind(expires_at.0)
            .execute(pool)
            .await?;
        Ok(secret)
    }
}

fn holder_of(row: &SqliteRow, token: Option<String>) -> Option<Holder> {
    Some(Holder {
        user: UserId::parse(row.try_get("user_id").ok()?)?,
        scopes: Scopes::of_text(row.try_get("scopes").ok()?),
        token,
        email: row.try_get("email").ok().flatten(),
        zone: row.try_get("zone").ok().flatten().and_then(|zone: String| zone.parse().ok()),
        expires_at: Timestamp(row.try_get("expires_at").ok()?),
    })
}

fn token_of(row: &SqliteRow) -> Option<Token> {
    Some(Token {
        id: Uuid::try_parse(row.try_get("id").ok()?).ok()?,
        name: row.try_get("name").ok()?,
        scopes: Scopes::of_text(row.try_get("scopes").ok()?),
        created_at: Timestamp(row.try_get("created_at").ok()?),
        expires_at: Timestamp(row.try_get("expires_at").ok()?),
        last_used_at: row.try_get::<Option<i64>, _>("last_used_at").ok()?.map(Timestamp),
    })
}

/// 244 random bits in hex.
fn secret() -> String {
    format!("{}{}", random_id().simple(), random_id().simple())
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Compares without telling by its time where two hashes differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
