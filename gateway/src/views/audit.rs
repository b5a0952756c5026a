//! The audit trail: every event once, append-only, one hash chain per user.

use actors::message::{event::CloudEvent, time::Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Views, on};

/// An entry as `GET /api/v1/audit` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditEntry {
    /// UUIDv5(event id).
    pub id: String,
    /// The event; unique.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// Whose it is.
    pub user_id: String,
    /// The task it is about, if any.
    pub task_id: Option<String>,
    /// When it happened.
    pub timestamp: String,
    /// The event's `data`.
    pub payload: Map<String, Value>,
    /// When it was written down.
    pub created_at: String,
    /// SHA-256 of `prev_hash` and the canonical JSON (RFC 8785) of the other fields, in lower-case hex.
    pub hash: String,
    /// The hash of the user's entry before; null for the first.
    pub prev_hash: Option<String>,
}

/// A row that is about to be written.
pub(super) struct Row {
    pub(super) ordinal: i64,
    pub(super) id: String,
    pub(super) task_id: Option<String>,
    pub(super) payload: String,
    pub(super) hash: String,
    pub(super) prev_hash: Option<String>,
}

impl Row {
    /// The entry that follows `head` in its user's chain.
    pub(super) fn next(
        head: Option<(i64, String)>,
        event: &CloudEvent,
        user: &str,
        happened_at: i64,
        now: Timestamp,
    ) -> Self {
        let (ordinal, prev_hash) =
            head.map_or((1, None), |(ordinal, hash)| (ordinal + 1, Some(hash)));
        let task_id = event.data.get("task_id").and_then(Value::as_str);
        let id = Uuid::new_v5(&actors::message::key::NAMESPACE, event.id.as_bytes()).to_string();
        let payload = canonical(&event.data);
        let fields = Fields {
            created_at: &now.to_string(),
            event_id: &event.id,
            event_type: &event.kind,
            id: &id,
            payload: &payload,
            task_id,
            timestamp: &Timestamp(happened_at).to_string(),
            user_id: user,
        };
        Self {
            ordinal,
            task_id: task_id.map(str::to_owned),
            hash: fields.hash(prev_hash.as_deref()),
            payload: Box::<str>::from(payload).into(),
            prev_hash,
            id,
        }
    }
}

/// An event's `data` as RFC 8785 has it.
fn canonical(data: &Map<String, Value>) -> Box<RawValue> {
    let text =
        serde_json_canonicalizer::to_string(data).expect("JSON values have a canonical form");
    RawValue::from_string(text).expect("it was written as JSON")
}

/// What of an entry its hash stands for. The members are in the order of RFC 8785, and serde_json writes texts as it
/// has them, so that this struct's JSON is canonical where the payload is.
#[derive(Serialize)]
struct Fields<'a> {
    created_at: &'a str,
    event_id: &'a str,
    event_type: &'a str,
    id: &'a str,
    payload: &'a RawValue,
    task_id: Option<&'a str>,
    timestamp: &'a str,
    user_id: &'a str,
}

impl Fields<'_> {
    fn hash(&self, before: Option<&str>) -> String {
        let canonical = serde_json::to_vec(self).expect("JSON values are written");
        let mut hash = Sha256::new();
        hash.update(before.unwrap_or_default());
        hash.update(canonical);
        base16ct::lower::encode_string(&hash.finalize())
    }
}

impl AuditEntry {
    /// The hash that its fields and its predecessor's hash lead to.
    pub fn expected_hash(&self) -> String {
        let fields = Fields {
            created_at: &self.created_at,
            event_id: &self.event_id,
            event_type: &self.event_type,
            id: &self.id,
            payload: &canonical(&self.payload),
            task_id: self.task_id.as_deref(),
            timestamp: &self.timestamp,
            user_id: &self.user_id,
        };
        fields.hash(self.prev_hash.as_deref())
    }
}

/// Which entries, in what order, which page. Times are milliseconds, inclusive.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Whose.
    pub user: String,
    /// Any of these types; empty = all.
    pub types: Vec<String>,
    /// About this task.
    pub task: Option<String>,
    /// From this instant.
    pub from: Option<i64>,
    /// Up to this instant.
    pub to: Option<i64>,
    /// Newest first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: i64,
    /// Skip so many.
    pub offset: i64,
    /// Only what comes after this place in the chain (in the order asked for).
    pub after: Option<i64>,
}

/// A page of the trail.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// How many match in all.
    pub total: i64,
    /// The place of the last one, where more follow.
    pub next: Option<i64>,
}

pub(super) type AuditRow =
    (i64, String, String, String, String, Option<String>, i64, String, i64, String, Option<String>);

/// The statement with the filter that every audit query shares.
macro_rules! audit_sql {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            " FROM audit WHERE user_id = $1 \
             AND (CAST($2 AS TEXT) = '' OR CAST($2 AS TEXT) LIKE '%,' || event_type || ',%') \
             AND (CAST($3 AS TEXT) IS NULL OR task_id = CAST($3 AS TEXT)) \
             AND happened_at >= $4 AND happened_at <= $5 ",
            $tail
        )
    };
}

const COUNT: &str = audit_sql!("SELECT COUNT(*)", "");
const OLDEST_FIRST: &str = audit_sql!(
    "SELECT ordinal, id, event_id, event_type, user_id, task_id, happened_at, payload, created_at, hash, prev_hash",
    "AND ordinal > $6 ORDER BY ordinal LIMIT $7 OFFSET $8"
);
const NEWEST_FIRST: &str = audit_sql!(
    "SELECT ordinal, id, event_id, event_type, user_id, task_id, happened_at, payload, created_at, hash, prev_hash",
    "AND ordinal < $6 ORDER BY ordinal DESC LIMIT $7 OFFSET $8"
);

impl Views {
    /// A page of the trail.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, sqlx::Error> {
        let types = if query.types.is_empty() {
            String::new()
        } else {
            format!(",{},", query.types.join(","))
        };
        let (from, to) = (query.from.unwrap_or(i64::MIN), query.to.unwrap_or(i64::MAX));
        let (page, start) =
            if query.newest_first { (NEWEST_FIRST, i64::MAX) } else { (OLDEST_FIRST, 0) };
        let (total, mut rows): ((i64,), Vec<AuditRow>) = on!(self, pool => (
            sqlx::query_as(COUNT).bind(&query.user).bind(&types).bind(&query.task).bind(from).bind(to)
                .fetch_one(pool).await?,
            sqlx::query_as(page).bind(&query.user).bind(&types).bind(&query.task).bind(from).bind(to)
                .bind(query.after.unwrap_or(start)).bind(query.limit + 1).bind(query.offset)
                .fetch_all(pool).await?,
        ));
        let more = rows.len() as i64 > query.limit;
        rows.truncate(usize::try_from(query.limit).unwrap_or(0));
        let next = rows.last().filter(|_| more).map(|row| row.0);
        Ok(AuditPage { entries: rows.into_iter().map(entry).collect(), total: total.0, next })
    }

    /// One entry of a user's trail, by its event.
    pub async fn audit_event(
        &self,
        user: &str,
        event_id: &str,
    ) -> Result<Option<AuditEntry>, sqlx::Error> {
        const ONE: &str = "SELECT ordinal, id, event_id, event_type, user_id, task_id, happened_at, payload, \
             created_at, hash, prev_hash FROM audit WHERE user_id = $1 AND event_id = $2";
        let row: Option<AuditRow> = on!(self, pool => sqlx::query_as(ONE).bind(user).bind(event_id).fetch_optional(pool).await?);
        Ok(row.map(entry))
    }
}

pub(super) fn entry(row: AuditRow) -> AuditEntry {
    let (
        _,
        id,
        event_id,
        event_type,
        user_id,
        task_id,
        happened_at,
        payload,
        created_at,
        hash,
        prev_hash,
    ) = row;
    AuditEntry {
        id,
        event_id,
        event_type,
        user_id,
        task_id,
        timestamp: Timestamp(happened_at).to_string(),
        payload: serde_json::from_str(&payload).unwrap_or_default(),
        created_at: Timestamp(created_at).to_string(),
        hash,
        prev_hash,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_hashed_is_canonical() {
        let odd = "\u{1}\u{8}\t\u{7f}\"\\/é\u{2028}😀";
        let data =
            json!({"b": 1.0e30, "a": [null, -0.0, odd], "\u{20ac}": 4.50, odd: {"z": 1, "y": 2}});
        let fields = Fields {
            created_at: odd,
            event_id: odd,
            event_type: odd,
            id: odd,
            payload: &canonical(data.as_object().unwrap()),
            task_id: None,
            timestamp: odd,
            user_id: odd,
        };
        let json = serde_json::to_string(&fields).unwrap();
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json, serde_json_canonicalizer::to_string(&read).unwrap());
    }
}
