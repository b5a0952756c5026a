//! A batch of facts, applied once in effect: one transaction, marks beside.

use std::collections::BTreeMap;

use actors::message::{event::CloudEvent, time::Timestamp};
use serde_json::Value;

use super::{
    Fresh, Views, audit, deliveries, message,
    search::{Row, index_postgres, index_sqlite},
};

/// A fact read into what the views need of it.
pub(super) struct Fact<'a> {
    pub(super) event: &'a CloudEvent,
    pub(super) user: &'a str,
    pub(super) topic: &'static str,
    pub(super) sequence: i64,
    pub(super) ordinal: i64,
    pub(super) happened_at: i64,
}

impl<'a> Fact<'a> {
    /// `None` for what names no user: nothing of it can be shown to anybody.
    fn read(event: &'a CloudEvent, now: Timestamp) -> Option<Self> {
        let user =
            event.data.get("user_id").and_then(Value::as_str).or(event.partitionkey.as_deref())?;
        let number =
            |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
        let time =
            event.time.as_deref().and_then(|t| t.parse::<chrono::DateTime<chrono::Utc>>().ok());
        Some(Self {
            event,
            user,
            topic: topic(&event.kind),
            sequence: number(&event.sequence),
            ordinal: number(&event.index),
            happened_at: time.map_or(now.0, |at| at.timestamp_millis()),
        })
    }

    /// The actor's place in its topic, which a mark remembers; `None` for what no actor of ours wrote.
    fn stream(&self) -> Option<(String, &'a str)> {
        self.event.actor.as_deref().map(|actor| (format!("views/{}", self.topic), actor))
    }

    /// The user's sequence, where the fact says it: reminders and rules count by themselves.
    fn list_sequence(&self) -> i64 {
        if self.event.kind.starts_with("task.") { self.sequence } else { 0 }
    }
}

/// The topic that an event type travels on: order holds within it alone.
pub(crate) fn topic(kind: &str) -> &'static str {
    match kind.split('.').next() {
        Some("reminder") => "reminders",
        Some("recurrence") => "task-recurrence",
        _ if kind == "task.recurred" => "task-recurrence",
        _ => "task-events",
    }
}

const MARKS: &str = "SELECT sequence, ordinal FROM mark WHERE consumer = $1 AND actor = $2";
const SET_MARK: &str = "INSERT INTO mark (consumer, actor, sequence, ordinal) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (consumer, actor) DO UPDATE SET sequence = excluded.sequence, ordinal = excluded.ordinal";
const SEEN: &str = "SELECT 1 FROM audit WHERE event_id = $1";
const HEAD: &str =
    "SELECT ordinal, hash FROM audit WHERE user_id = $1 ORDER BY ordinal DESC LIMIT 1";
const AUDIT: &str = "INSERT INTO audit (user_id, ordinal, id, event_id, event_type, task_id, happened_at, \
     payload, created_at, hash, prev_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const NEXT_MESSAGE: &str = "INSERT INTO message_head (user_id, ordinal, list_sequence) VALUES ($1, 1, $2) \
     ON CONFLICT (user_id) DO UPDATE SET ordinal = message_head.ordinal + 1, \
     list_sequence = CASE WHEN excluded.list_sequence > message_head.list_sequence \
     THEN excluded.list_sequence ELSE message_head.list_sequence END RETURNING ordinal, list_sequence";
const MESSAGE: &str = "INSERT INTO message (user_id, ordinal, event_id, event_type, happened_at, body) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const ARCHIVE: &str = "INSERT INTO archived (user_id, task_id, number, body, archived_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, task_id) DO NOTHING";
const POSITION: &str = "INSERT INTO position (consumer, log_offset) VALUES ($1, $2) \
     ON CONFLICT (consumer) DO UPDATE SET log_offset = excluded.log_offset";

/// Where PostgreSQL tells every process whom there is something new for.
pub(crate) const CHANNEL: &str = "tickler_live";

/// The newest applied place of each stream in a batch, so that each mark is read and written once.
type Marks = BTreeMap<(String, String), (i64, i64)>;

/// Whether a fact is above its stream's mark, which then stands at it.
macro_rules! is_new {
    ($tx:ident, $fact:ident, $marks:ident) => {{
        let mut new = true;
        if let Some((consumer, actor)) = $fact.stream() {
            let key = (consumer.clone(), actor.to_owned());
            if !$marks.contains_key(&key) {
                let row: Option<(i64, i64)> = sqlx::query_as(MARKS)
                    .bind(&consumer)
                    .bind(actor)
                    .fetch_optional(&mut *$tx)
                    .await?;
                $marks.insert(key.clone(), row.unwrap_or((0, -1)));
            }
            let mark = $marks.get_mut(&key).expect("it was put there just now");
            new = *mark < ($fact.sequence, $fact.ordinal);
            if new {
                *mark = ($fact.sequence, $fact.ordinal);
            }
        }
        if new {
            let seen: Option<(i32,)> =
                sqlx::query_as(SEEN).bind(&$fact.event.id).fetch_optional(&mut *$tx).await?;
            new = seen.is_none();
        }
        new
    }};
}

/// Writes a fact's entry of the trail.
macro_rules! audit_in {
    ($tx:ident, $fact:ident, $now:ident) => {{
        let head: Option<(i64, String)> =
            sqlx::query_as(HEAD).bind($fact.user).fetch_optional(&mut *$tx).await?;
        let entry = audit::Row::next(head, $fact.event, $fact.user, $fact.happened_at, $now);
        sqlx::query(AUDIT)
            .bind($fact.user)
            .bind(entry.ordinal)
            .bind(&entry.id)
            .bind(&$fact.event.id)
            .bind(&$fact.event.kind)
            .bind(&entry.task_id)
            .bind($fact.happened_at)
            .bind(&entry.payload)
            .bind($now.0)
            .bind(&entry.hash)
            .bind(&entry.prev_hash)
            .execute(&mut *$tx)
            .await?;
    }};
}

/// Writes what screens are told of a fact.
macro_rules! messages_in {
    ($tx:ident, $fact:ident, $fresh:ident) => {{
        for draft in message::of($fact) {
            let (ordinal, list): (i64, i64) = sqlx::query_as(NEXT_MESSAGE)
                .bind($fact.user)
                .bind($fact.list_sequence())
                .fetch_one(&mut *$tx)
                .await?;
            let body = draft.body(list);
            sqlx::query(MESSAGE)
                .bind($fact.user)
                .bind(ordinal)
                .bind(&draft.event_id)
                .bind(draft.kind)
                .bind($fact.happened_at)
                .bind(&body)
                .execute(&mut *$tx)
                .await?;
            let message = message::Message::new(ordinal, draft.kind.to_owned(), &body);
            $fresh.push(Fresh { user: $fact.user.to_owned(), message });
        }
    }};
}

/// Keeps a task that leaves the list, as it is then.
macro_rules! archive_in {
    ($tx:ident, $fact:ident) => {{
        if $fact.event.kind == "task.archived" {
            let body = message::task(&$fact.event.data);
            sqlx::query(ARCHIVE)
                .bind($fact.user)
                .bind(body["id"].as_str())
                .bind(body["number"].as_i64().unwrap_or_default())
                .bind(body.to_string())
                .bind($fact.happened_at)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}

/// Writes how far the log is read, in the same transaction.
macro_rules! position_in {
    ($tx:ident, $position:ident) => {{
        if let Some((consumer, offset)) = $position {
            sqlx::query(POSITION).bind(consumer).bind(offset).execute(&mut *$tx).await?;
        }
    }};
}

/// Makes a task findable as it is now.
macro_rules! index_in {
    ($index:ident, $tx:ident, $fact:ident) => {{
        if $fact.topic == "task-events" && $fact.event.data.contains_key("title") {
            let task = message::task(&$fact.event.data);
            let archived = $fact.event.kind == "task.archived";
            $index!($tx, $fact.user, Row::new($fact.user, &task, archived));
        }
    }};
}

/// Puts a fact in the queue of each endpoint that is told of it.
macro_rules! queue_in {
    ($tx:ident, $fact:ident, $webhooks:ident, $now:ident) => {{
        if !$webhooks.contains_key($fact.user) {
            let active: Vec<(String, String)> =
                sqlx::query_as(deliveries::ACTIVE).bind($fact.user).fetch_all(&mut *$tx).await?;
            $webhooks.insert($fact.user, active);
        }
        let queued = deliveries::of($fact, &$webhooks[$fact.user]);
        let body = if queued.is_empty() { String::new() } else { deliveries::body($fact.event) };
        for to in queued {
            sqlx::query(deliveries::QUEUE)
                .bind(to.id)
                .bind(to.endpoint)
                .bind($fact.user)
                .bind(&$fact.event.id)
                .bind(&$fact.event.kind)
                .bind(&body)
                .bind(to.target)
                .bind(to.notification)
                .bind($now.0)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}

macro_rules! apply_in {
    ($index:ident, $tx:ident, $facts:ident, $now:ident, $fresh:ident) => {{
        let mut marks = Marks::new();
        let mut webhooks: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
        for fact in $facts {
            if is_new!($tx, fact, marks) {
                audit_in!($tx, fact, $now);
                messages_in!($tx, fact, $fresh);
                archive_in!($tx, fact);
                index_in!($index, $tx, fact);
                queue_in!($tx, fact, webhooks, $now);
            }
        }
        for ((consumer, actor), (sequence, ordinal)) in marks {
            sqlx::query(SET_MARK)
                .bind(consumer)
                .bind(actor)
                .bind(sequence)
                .bind(ordinal)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}

impl Views {
    /// Applies a batch, in order; what was applied before is passed over. `position` is how far the embedded log is
    /// read with this batch. Answers what there is new to show, and to whom.
    pub async fn apply(
        &self,
        events: &[CloudEvent],
        position: Option<(&str, i64)>,
        now: Timestamp,
    ) -> Result<Vec<Fresh>, sqlx::Error> {
        let facts: Vec<Fact<'_>> =
            events.iter().filter_map(|event| Fact::read(event, now)).collect();
        let facts = &facts;
        let mut fresh = Vec::new();
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                apply_in!(index_sqlite, tx, facts, now, fresh);
                position_in!(tx, position);
                tx.commit().await?;
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                // One at a time per user, in one order, so that two consumers neither fork a chain nor wait in a ring.
                let mut users: Vec<&str> = facts.iter().map(|fact| fact.user).collect();
                users.sort_unstable();
                users.dedup();
                for user in users {
                    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                        .bind(user)
                        .execute(&mut *tx)
                        .await?;
                }
                apply_in!(index_postgres, tx, facts, now, fresh);
                position_in!(tx, position);
                let mut told: Vec<&str> =
                    fresh.iter().map(|one: &Fresh| one.user.as_str()).collect();
                told.dedup();
                for user in told {
                    sqlx::query("SELECT pg_notify($1, $2)")
                        .bind(CHANNEL)
                        .bind(user)
                        .execute(&mut *tx)
                        .await?;
                }
                tx.commit().await?;
            }
        }
        Ok(fresh)
    }
}
