//! A batch of facts, applied once in effect: one transaction, marks beside.

use std::collections::BTreeMap;

use actors::message::{event::CloudEvent, time::Timestamp};
use serde_json::{Map, Value, json};

use super::{Views, audit};

/// A fact read into what the views need of it.
struct Fact<'a> {
    event: &'a CloudEvent,
    user: &'a str,
    topic: &'static str,
    sequence: i64,
    ordinal: i64,
    happened_at: i64,
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
}

/// The topic that an event type travels on: order holds within it alone.
fn topic(kind: &str) -> &'static str {
    match kind.split('.').next() {
        Some("reminder") => "reminders",
        Some("recurrence") => "task-recurrence",
        _ if kind == "task.recurred" => "task-recurrence",
        _ => "task-events",
    }
}

/// What a screen is told of an event: section 9 of the contract, but for its id, which is its place in the user's stream.
fn message(fact: &Fact<'_>, list_sequence: i64) -> Option<Map<String, Value>> {
    let kind = &fact.event.kind;
    let data = &fact.event.data;
    if !(kind.starts_with("task.") || kind.starts_with("reminder.")) || kind == "task.recurred" {
        return None;
    }
    let mut message = Map::new();
    message.insert("type".into(), json!(kind));
    message.insert("time".into(), json!(fact.event.time));
    message.insert("user_id".into(), json!(fact.user));
    message.insert("task_id".into(), data.get("task_id").cloned().unwrap_or_default());
    if let Some(id) = data.get("reminder_id") {
        message.insert("reminder_id".into(), id.clone());
    }
    message.insert("version".into(), json!(list_sequence));
    let of_task = kind.starts_with("task.");
    message.insert(
        "task".into(),
        if of_task { object(data, "task_id", TASK_EXTRAS) } else { Value::Null },
    );
    if !of_task {
        message.insert("reminder".into(), object(data, "reminder_id", REMINDER_EXTRAS));
    }
    if let Some(changes) = data.get("changes") {
        message.insert("changes".into(), changes.clone());
    }
    Some(message)
}

/// Members of a task event's data that are not the task's.
const TASK_EXTRAS: &[&str] = &["timestamp", "sequence", "actor", "cause", "changes"];
/// Members of a reminder event's data that are not the reminder's.
const REMINDER_EXTRAS: &[&str] = &[
    "timestamp",
    "sequence",
    "actor",
    "cause",
    "due_date",
    "reason",
    "channel",
    "attempt",
    "error",
];

/// The object an event is about, from its flat data: `id` first, the event's own members left out.
fn object(data: &Map<String, Value>, id: &str, extras: &[&str]) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), data.get(id).cloned().unwrap_or_default());
    for (name, value) in data {
        if name != id && !extras.contains(&name.as_str()) {
            object.insert(name.clone(), value.clone());
        }
    }
    Value::Object(object)
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

/// The newest applied place of each stream in a batch, so that each mark is read and written once.
type Marks = BTreeMap<(String, String), (i64, i64)>;

macro_rules! apply_in {
    ($tx:ident, $facts:ident, $now:ident, $fresh:ident) => {{
        let mut marks = Marks::new();
        for fact in $facts {
            if let Some((consumer, actor)) = fact.stream() {
                let key = (consumer.clone(), actor.to_owned());
                if !marks.contains_key(&key) {
                    let row: Option<(i64, i64)> = sqlx::query_as(MARKS)
                        .bind(&consumer)
                        .bind(actor)
                        .fetch_optional(&mut *$tx)
                        .await?;
                    marks.insert(key.clone(), row.unwrap_or((0, -1)));
                }
                let mark = marks.get_mut(&key).expect("it was put there just now");
                if *mark >= (fact.sequence, fact.ordinal) {
                    continue;
                }
                *mark = (fact.sequence, fact.ordinal);
            }
            let seen: Option<(i32,)> =
                sqlx::query_as(SEEN).bind(&fact.event.id).fetch_optional(&mut *$tx).await?;
            if seen.is_some() {
                continue;
            }
            let head: Option<(i64, String)> =
                sqlx::query_as(HEAD).bind(fact.user).fetch_optional(&mut *$tx).await?;
            let entry = audit::Row::next(head, fact.event, fact.user, fact.happened_at, $now);
            sqlx::query(AUDIT)
                .bind(fact.user)
                .bind(entry.ordinal)
                .bind(&entry.id)
                .bind(&fact.event.id)
                .bind(&fact.event.kind)
                .bind(&entry.task_id)
                .bind(fact.happened_at)
                .bind(&entry.payload)
                .bind($now.0)
                .bind(&entry.hash)
                .bind(&entry.prev_hash)
                .execute(&mut *$tx)
                .await?;
            if message(fact, 0).is_some() {
                let of_list = fact.event.kind.starts_with("task.");
                let (ordinal, list): (i64, i64) = sqlx::query_as(NEXT_MESSAGE)
                    .bind(fact.user)
                    .bind(if of_list { fact.sequence } else { 0 })
                    .fetch_one(&mut *$tx)
                    .await?;
                let body = Value::Object(message(fact, list).unwrap_or_default()).to_string();
                sqlx::query(MESSAGE)
                    .bind(fact.user)
                    .bind(ordinal)
                    .bind(&fact.event.id)
                    .bind(&fact.event.kind)
                    .bind(fact.happened_at)
                    .bind(&body)
                    .execute(&mut *$tx)
                    .await?;
                $fresh.push((fact.user.to_owned(), ordinal));
            }
            if fact.event.kind == "task.archived" {
                let body = object(&fact.event.data, "task_id", TASK_EXTRAS);
                sqlx::query(ARCHIVE)
                    .bind(fact.user)
                    .bind(&entry.task_id)
                    .bind(body["number"].as_i64().unwrap_or_default())
                    .bind(body.to_string())
                    .bind(fact.happened_at)
                    .execute(&mut *$tx)
                    .await?;
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
    /// read with this batch. Answers whom there is something new to show, and which place in their stream it has.
    pub async fn apply(
        &self,
        events: &[CloudEvent],
        position: Option<(&str, i64)>,
        now: Timestamp,
    ) -> Result<Vec<(String, i64)>, sqlx::Error> {
        let facts: Vec<Fact<'_>> =
            events.iter().filter_map(|event| Fact::read(event, now)).collect();
        let facts = &facts;
        let mut fresh = Vec::new();
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                apply_in!(tx, facts, now, fresh);
                if let Some((consumer, offset)) = position {
                    sqlx::query(POSITION).bind(consumer).bind(offset).execute(&mut *tx).await?;
                }
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
                apply_in!(tx, facts, now, fresh);
                tx.commit().await?;
            }
        }
        Ok(fresh)
    }
}
