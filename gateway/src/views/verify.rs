//! Whether the audit trail is what was written: each user's chain from its first entry to its last.

use super::{
    Views,
    audit::{AuditRow, entry},
    on,
};

/// Entries read at once.
const PAGE: i64 = 1_000;

/// The first entry of a chain that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its place.
    pub ordinal: i64,
    /// Its id; `None` where the entry itself is gone.
    pub id: Option<String>,
    /// What is wrong with it.
    pub why: &'static str,
}

const CHAIN: &str = "SELECT ordinal, id, event_id, event_type, user_id, task_id, happened_at, payload, \
     created_at, hash, prev_hash FROM audit WHERE user_id = $1 AND ordinal > $2 ORDER BY ordinal LIMIT $3";
const USERS: &str = "SELECT DISTINCT user_id FROM audit ORDER BY user_id";

impl Views {
    /// Every user of whom the trail knows.
    pub async fn audited_users(&self) -> Result<Vec<String>, sqlx::Error> {
        let rows: Vec<(String,)> = on!(self, pool => sqlx::query_as(USERS).fetch_all(pool).await?);
        Ok(rows.into_iter().map(|(user,)| user).collect())
    }

    /// Follows a user's chain: how many entries it has, or the first that is broken.
    pub async fn verify(&self, user: &str) -> Result<Result<i64, Broken>, sqlx::Error> {
        let (mut at, mut before) = (0, None);
        loop {
            let rows: Vec<AuditRow> = on!(self, pool => sqlx::query_as(CHAIN)
                .bind(user).bind(at).bind(PAGE).fetch_all(pool).await?);
            if rows.is_empty() {
                return Ok(Ok(at));
            }
            for row in rows {
                let ordinal = row.0;
                if ordinal != at + 1 {
                    let why = "an entry is missing here";
                    return Ok(Err(Broken { ordinal: at + 1, id: None, why }));
                }
                let entry = entry(row);
                let why = if entry.prev_hash != before {
                    "it does not follow from the entry before it"
                } else if entry.hash != entry.expected_hash() {
                    "its fields are not those that were written"
                } else {
                    at = ordinal;
                    before = Some(entry.hash);
                    continue;
                };
                return Ok(Err(Broken { ordinal, id: Some(entry.id), why }));
            }
        }
    }
}
