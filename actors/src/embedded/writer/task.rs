//! The writer's own task: gathers, numbers, commits, and says what became of each write.

use std::{collections::HashMap, sync::Arc};

use sqlx::{Connection, Row as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{Ask, Logged, Message, Shared};
use crate::{
    embedded::{
        batch::{self, LogRow, Row, SlotRow, Texts},
        clock::stopwatch,
        store::{Due, Marks},
    },
    host::{Appended, Etag, Expect, WriteError},
    message::{key::Key, time::Timestamp},
};

/// Most writes in one transaction.
const BATCH_MAX: usize = 512;
/// Most bytes in one transaction, but for its last write.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Most actors whose numbers are remembered; the others are looked up.
const NUMBERS_MAX: usize = 100_000;
/// Most log rows taken away in one transaction.
const TRIM_ROWS_MAX: i64 = 2_000;
/// Bits of an arming's number that count within one run.
const RUN_BITS: u32 = 40;

pub(super) struct Task {
    conn: SqliteConnection,
    texts: Texts,
    /// Numbers of actors whose rows are committed.
    numbers: HashMap<Key, i64>,
    actor: i64,
    arming: i64,
    offset: i64,
    shared: Arc<Shared>,
}

type Waiting = (Ask, oneshot::Sender<Result<Appended, WriteError>>);

impl Task {
    /// A task that goes on from these marks.
    pub(super) fn new(conn: SqliteConnection, marks: Marks, shared: Arc<Shared>) -> Self {
        Self {
            conn,
            texts: Texts::default(),
            numbers: HashMap::new(),
            actor: marks.actor,
            arming: marks.run << RUN_BITS,
            offset: marks.offset,
            shared,
        }
    }

    /// Runs until told to close, or until nobody is left who could ask.
    pub(super) async fn run(mut self, mut from: mpsc::Receiver<Message>) {
        let mut close = None;
        while close.is_none() {
            let Some(first) = from.recv().await else { break };
            let mut batch: Vec<Waiting> = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    // Whoever has given up gets no effect either.
                    Message::Write(_, reply) if reply.is_closed() => {}
                    Message::Write(ask, reply) => {
                        bytes += ask.bytes();
                        batch.push((ask, reply));
                    }
                    Message::Close(reply) => {
                        close = Some(reply);
                        break;
                    }
                }
                let room = batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX;
                next = if room { from.try_recv().ok() } else { None };
            }
            self.commit(batch).await;
        }
        drop(from);
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.conn).await;
        let _ = self.conn.close().await;
        if let Some(close) = close {
            let _ = close.send(());
        }
    }

    /// Commits a batch and tells everybody what became of their write.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        if let Some(why) = self.shared.stopped.get() {
            return refuse_all(batch, why);
        }
        metrics::histogram!("tickler_commit_batch_size").record(batch.len() as f64);
        let start = stopwatch();
        let (asks, replies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let outcome = self.write(asks).await;
        metrics::histogram!("tickler_commit_seconds").record(start.elapsed().as_secs_f64());
        match outcome {
            Ok(outcomes) => {
                self.say(None);
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _ = reply.send(outcome);
                }
            }
            Err(error) => {
                let why = self.fail(&error).await;
                for reply in replies {
                    let _ = reply.send(Err(WriteError::Unknown(why.clone())));
                }
            }
        }
    }

    async fn write(
        &mut self,
        asks: Vec<Ask>,
    ) -> Result<Vec<Result<Appended, WriteError>>, sqlx::Error> {
        let mut plan = self.number(&asks).await?;
        // Per ask: its outcome if its row is written, and that row, if it can be refused.
        let mut outcomes = Vec::with_capacity(asks.len());
        for ask in asks {
            outcomes.push(self.plan(ask, &mut plan));
        }
        let Plan { rows, new, armed, logged } = plan;
        let changed = batch::commit(&mut self.conn, &mut self.texts, rows).await?;
        self.numbers.extend(new);
        // Offsets of refused rows stay unused, and nobody is told of them.
        let logged = logged.into_iter().filter(|(row, _)| changed[*row]).map(|(_, at)| at).max();
        if let Some(offset) = logged {
            self.shared.newest.send_replace(offset);
        }
        if let Some(moment) = armed {
            self.shared.bell.armed(moment);
        }
        let settle = |(appended, row): (Appended, Option<usize>)| match row {
            Some(row) if !changed[row] => Err(WriteError::Refused),
            _ => Ok(appended),
        };
        Ok(outcomes.into_iter().map(settle).collect())
    }

    /// Finds the number of every actor in the batch, or gives it one.
    async fn number(&mut self, asks: &[Ask]) -> Result<Plan, sqlx::Error> {
        let mut plan = Plan::default();
        if self.numbers.len() > NUMBERS_MAX {
            self.numbers.clear();
        }
        let unknown: HashMap<String, &Key> = asks
            .iter()
            .filter_map(Ask::key)
            .filter(|key| !self.numbers.contains_key(*key))
            .map(|key| (key.to_string(), key))
            .collect();
        if unknown.is_empty() {
            return Ok(plan);
        }
        let names: Vec<&String> = unknown.keys().collect();
        let names = serde_json::to_string(&names).expect("strings are JSON");
        let known =
            sqlx::query("SELECT key, id FROM actor WHERE key IN (SELECT value FROM json_each(?))")
                .bind(names)
                .fetch_all(&mut self.conn)
                .await?;
        let mut found = HashMap::with_capacity(known.len());
        for row in known {
            found.insert(row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?);
        }
        for (name, key) in unknown {
            if let Some(id) = found.get(&name) {
                self.numbers.insert(key.clone(), *id);
            } else {
                self.actor += 1;
                plan.new.insert(key.clone(), self.actor);
                plan.rows.push(Row::Actor { id: self.actor, key: name });
            }
        }
        Ok(plan)
    }

    fn plan(&mut self, ask: Ask, plan: &mut Plan) -> (Appended, Option<usize>) {
        self.arming += 1;
        let arming = self.arming;
        let number = |key: &Key, plan: &Plan| {
            let known = self.numbers.get(key).or_else(|| plan.new.get(key));
            *known.expect("every actor of the batch was numbered")
        };
        match ask {
            Ask::Append { key, index, entry, etag, expect, alarm, log } => {
                let actor = number(&key, plan);
                let expect = expected(expect);
                let logged = log.as_ref().map_or(0, |log| log.sequence.cast_signed());
                let log = log.map(|log| self.place(log, plan));
                let appended = Appended { armed: alarm.is_some(), logged: true };
                plan.arm(alarm);
                let alarm = alarm.map(|moment| moment.0);
                let index = index.cast_signed();
                let row = SlotRow { actor, index, etag, entry, expect, alarm, arming, log, logged };
                (appended, Some(plan.push(Row::Slot(row))))
            }
            Ask::Snapshot { key, state, etag, expect } => {
                let actor = number(&key, plan);
                let expect = expected(expect);
                let row = plan.push(Row::Snap { actor, etag, state, expect });
                (Appended::default(), Some(row))
            }
            Ask::Arm { key, moment } => {
                let actor = number(&key, plan);
                plan.arm(Some(moment));
                plan.push(Row::Arm { moment: moment.0, actor, arming });
                (Appended::default(), None)
            }
            Ask::Disarm { due } => {
                let Due { moment, actor, arming, .. } = due;
                plan.push(Row::Disarm { moment: moment.0, actor, arming });
                (Appended::default(), None)
            }
            Ask::Publish { key, turns } => {
                let actor = number(&key, plan);
                for turn in turns {
                    let sequence = turn.sequence.cast_signed();
                    let log = self.place(turn, plan);
                    plan.push(Row::Publish { actor, sequence, log });
                }
                (Appended::default(), None)
            }
            Ask::Trim { through } => {
                plan.push(Row::Trim { through, limit: TRIM_ROWS_MAX });
                (Appended::default(), None)
            }
        }
    }

    /// Gives the events of a turn their offsets; they go with the row that is planned next.
    fn place(&mut self, log: Logged, plan: &mut Plan) -> LogRow {
        self.offset += log.count as i64;
        plan.logged.push((plan.rows.len(), self.offset));
        LogRow { offset: self.offset, events: log.events }
    }

    /// Undoes what a failed commit has begun, and decides whether another may be tried.
    async fn fail(&mut self, error: &sqlx::Error) -> String {
        let rolled_back = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
        tracing::debug!(?rolled_back, "after a failed commit");
        let (why, again) = explain(error);
        if again {
            self.say(Some(&why));
        } else {
            tracing::error!(%error, "the data file takes no more writes");
            let _ = self.shared.stopped.set(why.clone());
        }
        why
    }

    /// Says whether commits fail, once at each change.
    fn say(&self, why: Option<&str>) {
        let mut failing =
            self.shared.failing.lock().expect("nothing panics while it holds this lock");
        if failing.as_deref() != why {
            match why {
                Some(why) => tracing::error!(why, "commits fail"),
                None => tracing::info!("commits succeed again"),
            }
            *failing = why.map(str::to_owned);
        }
    }
}

#[derive(Default)]
struct Plan {
    rows: Vec<Row>,
    /// Numbers given in this batch, good once it is committed.
    new: HashMap<Key, i64>,
    /// The earliest moment armed.
    armed: Option<Timestamp>,
    /// Rows that put events in the log, and the offsets of their last ones.
    logged: Vec<(usize, i64)>,
}

impl Plan {
    fn push(&mut self, row: Row) -> usize {
        self.rows.push(row);
        self.rows.len() - 1
    }

    fn arm(&mut self, moment: Option<Timestamp>) {
        self.armed = self.armed.into_iter().chain(moment).min();
    }
}

fn refuse_all(batch: Vec<Waiting>, why: &str) {
    for (_, reply) in batch {
        let _ = reply.send(Err(WriteError::Unknown(why.to_owned())));
    }
}

/// The ETag a row must have; one that is none of ours fits no row.
fn expected(expect: Expect) -> Option<i64> {
    match expect {
        Expect::Absent => None,
        Expect::Etag(Etag(etag)) => Some(etag.parse().unwrap_or(-1)),
    }
}

/// Why a commit failed and what to do, and whether the next may succeed. After anything but a full disk or a locked
/// file the file's state is not known (a disk that failed to sync may pretend to have synced the next time), so only
/// a new start may go on.
fn explain(error: &sqlx::Error) -> (String, bool) {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let code = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    match code {
        Some(13) => ("the disk of the data folder is full; make room".to_owned(), true),
        Some(5 | 6) => (
            "another program holds the data file locked; close it (nothing but tickler may write there)".to_owned(),
            true,
        ),
        _ => (format!("the data file cannot be written ({error}); check its disk and start tickler again"), false),
    }
}
