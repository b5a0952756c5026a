//! A batch of facts, applied once in effect: one transaction, marks beside.

use std::collections::BTreeSet;

use actors::message::{event::CloudEvent, time::Timestamp};
use sqlx::{Postgres, QueryBuilder, Sqlite};

use super::{
    Fresh, Views,
    batch::{Batch, Known},
    fact::{Fact, Stream},
    letters, pending,
    search::{index_postgres, index_sqlite},
};

/// Most rows of one statement: a database takes so many parameters at once, and no more (SQLite 32,766).
pub(super) const ROWS_MAX: usize = 1_000;

const MARKS: &str =
    "SELECT consumer, actor, sequence, ordinal FROM mark WHERE (consumer, actor) IN (";
const EVENTS: &str = "SELECT event_id FROM audit WHERE event_id IN (";
const AUDITED: (&str, &str) = (
    "SELECT a.user_id, a.ordinal, a.hash FROM (",
    ") AS u JOIN audit AS a ON a.user_id = u.column1 \
     AND a.ordinal = (SELECT MAX(b.ordinal) FROM audit AS b WHERE b.user_id = u.column1)",
);
const MESSAGES: &str =
    "SELECT user_id, ordinal, list_sequence FROM message_head WHERE user_id IN (";
const WEBHOOKS: (&str, &str) = (
    "SELECT user_id, id, events FROM webhook WHERE status = 'active' AND user_id IN (",
    ") ORDER BY created_at, id",
);

const SET_MARKS: (&str, &str) = (
    "INSERT INTO mark (consumer, actor, sequence, ordinal) ",
    " ON CONFLICT (consumer, actor) DO UPDATE SET sequence = excluded.sequence, ordinal = excluded.ordinal",
);
const AUDIT: &str = "INSERT INTO audit (user_id, ordinal, id, event_id, event_type, task_id, happened_at, \
     payload, created_at, hash, prev_hash) ";
const SAY: &str =
    "INSERT INTO message (user_id, ordinal, event_id, event_type, happened_at, body) ";
const SAID: (&str, &str) = (
    "INSERT INTO message_head (user_id, ordinal, list_sequence) ",
    " ON CONFLICT (user_id) DO UPDATE SET ordinal = excluded.ordinal, list_sequence = excluded.list_sequence",
);
const ARCHIVE: (&str, &str) = (
    "INSERT INTO archived (user_id, task_id, number, body, archived_at) ",
    " ON CONFLICT (user_id, task_id) DO NOTHING",
);
const QUEUE: (&str, &str) = (
    "INSERT INTO delivery (id, endpoint, user_id, event_id, event_type, body, target, notification_id, \
     status, claimed, tries, attempts, next_at, created_at) ",
    " ON CONFLICT (endpoint, event_id) DO NOTHING",
);
const POSITION: &str = "INSERT INTO position (consumer, log_offset) VALUES ($1, $2) \
     ON CONFLICT (consumer) DO UPDATE SET log_offset = excluded.log_offset";
const LOCK: (&str, &str) =
    ("SELECT pg_advisory_xact_lock(hashtextextended(u.column1, 0)) FROM (", ") AS u");
const NOTIFY: (&str, &str) = ("SELECT pg_notify(u.column1, u.column2) FROM (", ") AS u");
/// Where PostgreSQL tells every process how far whose messages go: the place of the last one, a space, the user.
pub(crate) const CHANNEL: &str = "tickler_live";

/// The rows that name one of these, however many there are.
macro_rules! rows {
    ($db:ident, $tx:ident, $head:expr, $tail:expr, $wanted:expr, |$row:ident, $item:pat_param| $bind:expr) => {{
        let wanted: Vec<_> = $wanted.into_iter().collect();
        let mut all = Vec::new();
        for some in wanted.chunks($crate::views::apply::ROWS_MAX) {
            let mut query = QueryBuilder::<$db>::new($head);
            query.push_values(some, |mut $row, $item| $bind);
            query.push($tail);
            all.extend(query.build_query_as().fetch_all(&mut *$tx).await?);
        }
        all
    }};
}

/// Puts rows in a table, however many there are.
macro_rules! put {
    ($db:ident, $tx:ident, $head:expr, $tail:expr, $rows:expr, |$row:ident, $item:pat_param| $bind:expr) => {{
        let rows: Vec<_> = $rows.into_iter().collect();
        for some in rows.chunks($crate::views::apply::ROWS_MAX) {
            let mut query = QueryBuilder::<$db>::new($head);
            query.push_values(some, |mut $row, $item| {
                $bind;
            });
            query.push($tail);
            query.build().execute(&mut *$tx).await?;
        }
    }};
}
pub(super) use {put, rows};

/// What the database knows of the streams, events and users of these facts.
macro_rules! known {
    ($db:ident, $tx:ident, $facts:ident) => {{
        let mut known = Known::default();
        let streams: BTreeSet<Stream> = $facts.iter().filter_map(Fact::stream).collect();
        let marks: Vec<(String, String, i64, i64)> =
            rows!($db, $tx, MARKS, ")", &streams, |row, stream| {
                row.push_bind(&stream.0).push_bind(&stream.1);
            });
        known.marks.extend(marks.into_iter().map(|it| ((it.0, it.1), (it.2, it.3))));
        let ids: BTreeSet<&str> = $facts.iter().map(|fact| fact.event.id.as_str()).collect();
        let events: Vec<(String,)> = rows!($db, $tx, EVENTS, ")", ids, |row, id| {
            row.push_bind(*id);
        });
        known.events.extend(events.into_iter().map(|(id,)| id));
        let users: BTreeSet<&str> = $facts.iter().map(|fact| fact.user).collect();
        macro_rules! of_users {
            ($head_:expr, $tail_:expr) => {
                rows!($db, $tx, $head_, $tail_, users.iter().copied(), |row, user| {
                    row.push_bind(*user);
                })
            };
        }
        let audited: Vec<(String, i64, String)> = of_users!(AUDITED.0, AUDITED.1);
        known.audited.extend(audited.into_iter().map(|(user, at, hash)| (user, (at, hash))));
        let said: Vec<(String, i64, i64)> = of_users!(MESSAGES, ")");
        known.messages.extend(said.into_iter().map(|(user, at, list)| (user, (at, list))));
        let webhooks: Vec<(String, String, String)> = of_users!(WEBHOOKS.0, WEBHOOKS.1);
        for (user, id, events) in webhooks {
            known.webhooks.entry(user).or_default().push((id, events));
        }
        known
    }};
}

/// Writes what a batch adds.
macro_rules! write_batch {
    ($db:ident, $index:ident, $tx:ident, $batch:ident, $now:ident) => {{
        put!($db, $tx, SET_MARKS.0, SET_MARKS.1, &$batch.marks, |row, ((consumer, actor), at)| row
            .push_bind(consumer)
            .push_bind(actor)
            .push_bind(at.0)
            .push_bind(at.1));
        put!($db, $tx, AUDIT, "", &$batch.audit, |row, (fact, entry)| row
            .push_bind(fact.user)
            .push_bind(entry.ordinal)
            .push_bind(&entry.id)
            .push_bind(&fact.event.id)
            .push_bind(&fact.event.kind)
            .push_bind(&entry.task_id)
            .push_bind(fact.happened_at)
            .push_bind(&entry.payload)
            .push_bind($now.0)
            .push_bind(&entry.hash)
            .push_bind(&entry.prev_hash));
        put!($db, $tx, SAY, "", &$batch.messages, |row, it| row
            .push_bind(it.user)
            .push_bind(it.ordinal)
            .push_bind(&it.event_id)
            .push_bind(it.kind)
            .push_bind(it.happened_at)
            .push_bind(&it.body));
        put!($db, $tx, SAID.0, SAID.1, &$batch.message_heads, |row, (user, head)| row
            .push_bind(*user)
            .push_bind(head.0)
            .push_bind(head.1));
        put!($db, $tx, ARCHIVE.0, ARCHIVE.1, &$batch.archived, |row, it| row
            .push_bind(it.user)
            .push_bind(&it.task_id)
            .push_bind(it.number)
            .push_bind(&it.body)
            .push_bind(it.archived_at));
        $index(&mut $tx, &$batch.tasks).await?;
        put!($db, $tx, QUEUE.0, QUEUE.1, &$batch.deliveries, |row, it| row
            .push_bind(&it.to.id)
            .push_bind(&it.to.endpoint)
            .push_bind(it.fact.user)
            .push_bind(&it.fact.event.id)
            .push_bind(&it.fact.event.kind)
            .push_bind(&it.body)
            .push_bind(&it.to.target)
            .push_bind(&it.to.notification)
            .push("'pending', 0, 0, '[]'")
            .push_bind($now.0)
            .push_bind($now.0));
        let due = || $batch.due.values();
        let rings = due().filter_map(|(user, due)| Some((user, due, due.at?)));
        put!($db, $tx, pending::PUT.0, pending::PUT.1, rings, |row, (user, due, at)| row
            .push_bind(due.subject)
            .push_bind(due.actor.to_string())
            .push_bind(**user)
            .push_bind(*at));
        let gone = due().filter(|(_, due)| due.at.is_none());
        put!($db, $tx, pending::TAKE, ")", gone, |row, (_, due)| row.push_bind(due.subject));
    }};
}

/// Writes how far the log is read, and that a letter was replayed.
macro_rules! conclude {
    ($tx:ident, $position:ident, $letter:ident, $now:ident) => {{
        if let Some((consumer, offset)) = $position {
            sqlx::query(POSITION).bind(consumer).bind(offset).execute(&mut *$tx).await?;
        }
        if let Some(id) = $letter {
            let decide = sqlx::query(letters::DECIDE).bind(id).bind(letters::REPLAYED).bind($now.0);
            decide.execute(&mut *$tx).await?;
        }
    }};
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Applied {
    /// What there is new to show, and to whom.
    pub fresh: Vec<Fresh>,
    /// Which events the database takes in no batch, by their place in this one, and why.
    pub refused: Vec<(usize, String)>,
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
        self.apply_facts(&facts, (position, None), now).await
    }

    /// The same, but what the database refuses for what it is, and not for how it fares, holds up nobody: the others are
    /// applied one by one. `position` is left to the caller where something was refused.
    pub async fn apply_each(
        &self,
        events: &[CloudEvent],
        position: Option<(&str, i64)>,
        now: Timestamp,
    ) -> Result<Applied, sqlx::Error> {
        match self.apply(events, position, now).await {
            Err(error) if self.refuses(&error) => {}
            done => return Ok(Applied { fresh: done?, ..Applied::default() }),
        }
        let mut applied = Applied::default();
        for (at, event) in events.iter().enumerate() {
            match self.apply(std::slice::from_ref(event), None, now).await {
                Ok(fresh) => applied.fresh.extend(fresh),
                Err(error) if self.refuses(&error) => applied.refused.push((at, error.to_string())),
                Err(error) => return Err(error),
            }
        }
        Ok(applied)
    }

    /// Applies what was set aside, and says so of its letter.
    pub(super) async fn apply_late(
        &self,
        event: &CloudEvent,
        letter: &str,
        now: Timestamp,
    ) -> Result<Vec<Fresh>, sqlx::Error> {
        let fact = Fact::read(event, now).map(|fact| Fact { is_late: true, ..fact });
        self.apply_facts(fact.as_slice(), (None, Some(letter)), now).await
    }

    /// Whether an error says that the same would be refused again: the value itself cannot be stored.
    fn refuses(&self, error: &sqlx::Error) -> bool {
        /// `SQLITE_TOOBIG`.
        const TOO_BIG: &str = "18";
        let sqlx::Error::Database(error) = error else { return false };
        let Some(code) = error.code() else { return false };
        match self {
            Self::Sqlite(_) => code == TOO_BIG,
            // Data exceptions, violated constraints, limits of the program.
            Self::Postgres(_) => ["22", "23", "54"].iter().any(|class| code.starts_with(class)),
        }
    }

    async fn apply_facts(
        &self,
        facts: &[Fact<'_>],
        (position, letter): (Option<(&str, i64)>, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<Fresh>, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                let batch = Batch::of(facts, known!(Sqlite, tx, facts), now);
                write_batch!(Sqlite, index_sqlite, tx, batch, now);
                conclude!(tx, position, letter, now);
                tx.commit().await?;
                Ok(batch.fresh)
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                // One at a time per user, in one order, so that two consumers neither fork a chain nor wait in a ring.
                let users: BTreeSet<&str> = facts.iter().map(|fact| fact.user).collect();
                put!(Postgres, tx, LOCK.0, LOCK.1, users, |row, user| row.push_bind(*user));
                let batch = Batch::of(facts, known!(Postgres, tx, facts), now);
                write_batch!(Postgres, index_postgres, tx, batch, now);
                let told = batch.message_heads.iter();
                put!(Postgres, tx, NOTIFY.0, NOTIFY.1, told, |row, (user, head)| row
                    .push_bind(CHANNEL)
                    .push_bind(format!("{} {user}", head.0)));
                conclude!(tx, position, letter, now);
                tx.commit().await?;
                Ok(batch.fresh)
            }
        }
    }
}
