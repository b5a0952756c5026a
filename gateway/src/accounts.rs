//! Personal tokens, sessions and live tickets: only hashes of their secrets are kept.

use std::{path::Path, time::Duration};

use actors::message::{key::UserId, time::Timestamp};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
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
    /// The database that the cluster shares.
    Postgres(PgPool),
}

/// Runs the same expression on whichever database it is.
macro_rules! on {
    ($accounts:expr, $pool:ident => $done:expr) => {
        match $accounts {
            Self::Sqlite($pool) => $done,
            Self::Postgres($pool) => $done,
        }
    };
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

/// A token, as it is read.
type TokenRow = (String, String, String, i64, i64, Option<i64>);
/// Whom a pass stands for, as it is read.
type PassRow = (String, String, Option<String>, Option<String>, Option<String>, i64);
/// Whom a token stands for, as it is read.
type HolderRow = (String, String, Vec<u8>, i64, Option<i64>);

const CREATE_TOKEN: &str = "INSERT INTO token (id, user_id, name, scopes, hash, created_at, expires_at) \
     SELECT $1, $2, $3, $4, $5, $6, $7 WHERE \
     (SELECT COUNT(*) FROM token WHERE user_id = $2 AND expires_at > $6) < $8";
const TOKENS: &str = "SELECT id, name, scopes, created_at, expires_at, last_used_at FROM token \
     WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at, id";
const DELETE_TOKEN: &str = "DELETE FROM token WHERE id = $1 AND user_id = $2";
const DELETE_ITS_PASSES: &str = "DELETE FROM pass WHERE token = $1 AND user_id = $2";
const TOKEN: &str = "SELECT user_id, scopes, hash, expires_at, last_used_at FROM token \
     WHERE id = $1 AND expires_at > $2";
const USE_TOKEN: &str = "UPDATE token SET last_used_at = $1 WHERE id = $2";
const SESSION: &str = "SELECT user_id, scopes, token, email, zone, expires_at FROM pass \
     WHERE hash = $1 AND kind = 'session' AND expires_at > $2";
const END_SESSION: &str = "DELETE FROM pass WHERE hash = $1";
const TAKE_TICKET: &str = "DELETE FROM pass WHERE hash = $1 AND kind = 'ticket' AND expires_at > $2 \
     RETURNING user_id, scopes, token, email, zone, expires_at";
const SWEEP: &str = "DELETE FROM pass WHERE expires_at <= $1";
const PASS: &str = "INSERT INTO pass (hash, kind, user_id, scopes, token, email, zone, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

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

    /// Opens the store in the cluster's database, and makes its tables where there are none.
    pub async fn postgres(url: &str) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(Duration::from_millis(ACQUIRE_MS))
            .connect(url)
            .await?;
        sqlx::migrate!("migrations/postgres").run(&pool).await.map_err(sqlx::Error::from)?;
        Ok(Self::Postgres(pool))
    }

    /// Closes the store.
    pub async fn close(&self) {
        on!(self, pool => pool.close().await);
    }

    /// Whether the store answers.
    pub(crate) async fn check(&self) -> Stored<()> {
        on!(self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop)?);
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
        let (id, secret) = (random_id(), secret());
        let whole = format!("tkl_{id}_{secret}");
        let made = on!(self, pool => sqlx::query(CREATE_TOKEN)
            .bind(id.to_string())
            .bind(user.as_str())
            .bind(name)
            .bind(scopes.to_string())
            .bind(hash(&whole))
            .bind(now.0)
            .bind(expires_at.0)
            .bind(USER_TOKENS_MAX)
            .execute(pool)
            .await?
            .rows_affected());
        let name = name.to_owned();
        let token = Token { id, name, scopes, created_at: now, expires_at, last_used_at: None };
        Ok((made == 1).then_some((token, whole)))
    }

    /// The tokens of a user that have not ended, oldest first.
    pub(crate) async fn tokens(&self, user: &UserId, now: Timestamp) -> Stored<Vec<Token>> {
        let rows: Vec<TokenRow> = on!(self, pool => sqlx::query_as(TOKENS)
            .bind(user.as_str())
            .bind(now.0)
            .fetch_all(pool)
            .await?);
        Ok(rows.into_iter().filter_map(token_of).collect())
    }

    /// Ends a token and the sessions that began with it; says whether there was one.
    pub(crate) async fn delete_token(&self, user: &UserId, id: Uuid) -> Stored<bool> {
        let id = id.to_string();
        let gone = on!(self, pool => {
            let mut both = pool.begin().await?;
            let gone = sqlx::query(DELETE_TOKEN)
                .bind(&id)
                .bind(user.as_str())
                .execute(&mut *both)
                .await?;
            sqlx::query(DELETE_ITS_PASSES).bind(&id).bind(user.as_str()).execute(&mut *both).await?;
            both.commit().await?;
            gone.rows_affected()
        });
        Ok(gone == 1)
    }

    /// Whom a personal token stands for.
    pub(crate) async fn token(&self, token: &str, now: Timestamp) -> Stored<Option<Holder>> {
        let id = token.strip_prefix("tkl_").and_then(|rest| rest.split('_').next());
        let Some(id) = id.and_then(|id| Uuid::try_parse(id).ok()) else { return Ok(None) };
        let id = id.to_string();
        let row: Option<HolderRow> = on!(self, pool => sqlx::query_as(TOKEN)
            .bind(&id)
            .bind(now.0)
            .fetch_optional(pool)
            .await?);
        let Some((user, scopes, its_hash, expires_at, last)) = row else { return Ok(None) };
        if !same(&its_hash, &hash(token)) {
            return Ok(None);
        }
        if last.is_none_or(|last| now.0 - last >= LAST_USED_MS) {
            on!(self, pool => sqlx::query(USE_TOKEN).bind(now.0).bind(&id).execute(pool).await.map(drop)?);
        }
        Ok(holder_of((user, scopes, Some(id), None, None, expires_at)))
    }

    /// Begins a session and gives its secret.
    pub(crate) async fn begin_session(&self, holder: &Holder, now: Timestamp) -> Stored<String> {
        let expires_at = holder.expires_at.min(now.plus(SESSION_MS));
        self.pass("session", holder, now, expires_at).await
    }

    /// Whom a session's secret stands for.
    pub(crate) async fn session(&self, secret: &str, now: Timestamp) -> Stored<Option<Holder>> {
        self.holder(SESSION, secret, now).await
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, secret: &str) -> Stored<()> {
        on!(self, pool => {
            sqlx::query(END_SESSION).bind(hash(secret)).execute(pool).await.map(drop)?;
        });
        Ok(())
    }

    /// Makes a ticket for one live stream.
    pub(crate) async fn make_ticket(&self, holder: &Holder, now: Timestamp) -> Stored<String> {
        self.pass("ticket", holder, now, now.plus(TICKET_MS)).await
    }

    /// Takes a ticket: it opens once.
    pub(crate) async fn take_ticket(&self, secret: &str, now: Timestamp) -> Stored<Option<Holder>> {
        self.holder(TAKE_TICKET, secret, now).await
    }

    async fn holder(
        &self,
        query: &'static str,
        secret: &str,
        now: Timestamp,
    ) -> Stored<Option<Holder>> {
        let row: Option<PassRow> = on!(self, pool => sqlx::query_as(query)
            .bind(hash(secret))
            .bind(now.0)
            .fetch_optional(pool)
            .await?);
        Ok(row.and_then(holder_of))
    }

    async fn pass(
        &self,
        kind: &str,
        holder: &Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Stored<String> {
        let secret = secret();
        on!(self, pool => {
            sqlx::query(SWEEP).bind(now.0).execute(pool).await?;
            sqlx::query(PASS)
                .bind(hash(&secret))
                .bind(kind)
                .bind(holder.user.as_str())
                .bind(holder.scopes.to_string())
                .bind(&holder.token)
                .bind(&holder.email)
                .bind(holder.zone.map(Tz::name))
                .bind(expires_at.0)
                .execute(pool)
                .await
                .map(drop)?;
        });
        Ok(secret)
    }
}

fn holder_of((user, scopes, token, email, zone, expires_at): PassRow) -> Option<Holder> {
    Some(Holder {
        user: UserId::parse(&user)?,
        scopes: Scopes::of_text(&scopes),
        token,
        email,
        zone: zone.and_then(|zone| zone.parse().ok()),
        expires_at: Timestamp(expires_at),
    })
}

fn token_of((id, name, scopes, created_at, expires_at, last): TokenRow) -> Option<Token> {
    Some(Token {
        id: Uuid::try_parse(&id).ok()?,
        name,
        scopes: Scopes::of_text(&scopes),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(expires_at),
        last_used_at: last.map(Timestamp),
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
