//! The one writer: commits what has gathered as one transaction; while that is in flight, the next gathers.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, Row as _, SqliteConnection};
use tokio::sync::{
    Notify,
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};

use super::{
    batch::{self, LogRow, Row, SlotRow, Texts},
    clock::stopwatch,
    store::{Due, Marks},
};
use crate::{
    host::{Appended, Etag, Expect, Unavailable, WriteError},
    message::{key::Key, time::Timestamp},
};

/// Most writes that wait for the writer.
const WAITING_MAX: usize = 8_192;
/// Most writes in one transaction.
const BATCH_MAX: usize = 512;
/// Most bytes in one transaction, but for its last write.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Most actors whose numbers are remembered; the others are looked up.
const NUMBERS_MAX: usize = 100_000;
/// Most log rows taken away in one transaction.
const TRIM_ROWS_MAX: i64 = 2_000;
const APPEND_MS: u64 = 1_500;
/// Bits of an arming's number that count within one run.
const RUN_BITS: u32 = 40;

/// The events of one turn, as the log holds them.
#[derive(Debug)]
pub(super) struct Logged {
    /// The turn.
    pub(super) sequence: u64,
    /// How many events.
    pub(super) count: usize,
    /// A JSON array of them.
    pub(super) events: Vec<u8>,
}

/// What can be asked of the writer.
#[derive(Debug)]
pub(super) enum Ask {
    Append {
        key: Key,
        index: u64,
        entry: Vec<u8>,
        etag: i64,
        expect: Expect,
        alarm: Option<Timestamp>,
        log: Option<Logged>,
    },
    Snapshot {
        key: Key,
        state: Vec<u8>,
        etag: i64,
        expect: Expect,
    },
    Arm {
        key: Key,
        moment: Timestamp,
    },
    Disarm {
        due: Due,
    },
    Publish {
        key: Key,
        turns: Vec<Logged>,
    },
    Trim {
        through: i64,
    },
}

impl Ask {
    fn key(&self) -> Option<&Key> {
        match self {
            Self::Append { key, .. }
            | Self::Snapshot { key, .. }
            | Self::Arm { key, .. }
            | Self::Publish { key, .. } => Some(key),
            Self::Disarm { .. } | Self::Trim { .. } => None,
        }
    }

    fn bytes(&self) -> usize {
        let logged = |log: &Logged| log.events.len();
        match self {
            Self::Append { entry, log, .. } => entry.len() + log.as_ref().map_or(0, logged),
            Self::Snapshot { state, .. } => state.len(),
            Self::Publish { turns, .. } => turns.iter().map(logged).sum(),
            Self::Arm { .. } | Self::Disarm { .. } | Self::Trim { .. } => 0,
        }
    }
}

#[derive(Debug)]
enum Message {
    Write(Ask, oneshot::Sender<Result<Appended, WriteError>>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer; clones lead to the same one.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    to: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

/// What the writer tells the rest of the host.
#[derive(Debug)]
struct Shared {
    /// Why nothing is written any more.
    stopped: OnceLock<String>,
    /// Why the last commit failed, until one succeeds.
    failing: Mutex<Option<String>>,
    /// The newest offset in the log.
    newest: watch::Sender<i64>,
    bell: Bell,
}

/// Wakes the timer for alarms earlier than the one it awaits.
#[derive(Debug)]
pub(super) struct Bell {
    awaited: AtomicI64,
    ring: Notify,
}

impl Bell {
    /// Says what the timer awaits from now on; `None` while it is looking, when any alarm may be news.
    pub(super) fn await_moment(&self, moment: Option<Timestamp>) {
        self.awaited.store(moment.map_or(i64::MAX, |moment| moment.0), Ordering::SeqCst);
    }

    /// Waits for an alarm earlier than that.
    pub(super) async fn rung(&self) {
        self.ring.notified().await;
    }

    fn armed(&self, moment: Timestamp) {
        if moment.0 < self.awaited.load(Ordering::SeqCst) {
            self.ring.notify_one();
        }
    }
}

impl Writer {
    /// Starts the writer on its connection.
    pub(super) fn start(conn: SqliteConnection, marks: Marks) -> Self {
        let (to, from) = mpsc::channel(WAITING_MAX);
        let shared = Arc::new(Shared {
            stopped: OnceLock::new(),
            failing: Mutex::new(None),
            newest: watch::Sender::new(marks.offset),
            bell: Bell { awaited: AtomicI64::new(i64::MAX), ring: Notify::new() },
        });
        let task = Task {
            conn,
            texts: Texts::default(),
            numbers: HashMap::new(),
            actor: marks.actor,
            arming: marks.run << RUN_BITS,
            offset: marks.offset,
            shared: shared.clone(),
        };
        tokio::spawn(task.run(from));
        Self { to, shared }
    }

    /// Asks, and waits until it is committed, refused, or has taken too long to be known.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Appended, WriteError> {
        let (reply, answer) = oneshot::channel();
        match self.to.try_send(Message::Write(ask, reply)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(WriteError::Unknown(format!("{WAITING_MAX} writes wait already")));
            }
            Err(TrySendError::Closed(_)) => return Err(closed()),
        }
        match tokio::time::timeout(Duration::from_millis(APPEND_MS), answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(closed())),
            Err(_) => Err(WriteError::Unknown(format!("no commit within {APPEND_MS} ms"))),
        }
    }

    /// Asks what cannot be refused.
    pub(super) async fn put(&self, ask: Ask) -> Result<(), Unavailable> {
        match self.ask(ask).await {
            Ok(_) | Err(WriteError::Refused) => Ok(()),
            Err(WriteError::Unknown(why)) => Err(Unavailable(why)),
        }
    }

    /// The newest offset in the log, as it changes.
    pub(super) fn newest(&self) -> watch::Receiver<i64> {
        self.shared.newest.subscribe()
    }

    /// Rings when an alarm was armed that is earlier than the timer awaits.
    pub(super) fn bell(&self) -> &Bell {
        &self.shared.bell
    }

    /// Whether writes are taken, else why not and what to do.
    pub(super) fn health(&self) -> Result<(), Unavailable> {
        if let Some(why) = self.shared.stopped.get() {
            return Err(Unavailable(why.clone()));
        }
        match &*self.shared.failing.lock().expect("nothing panics while it holds this lock") {
            Some(why) => Err(Unavailable(why.clone())),
            None => Ok(()),
        }
    }

    /// Commits what waits, folds the journal of the file into it, and ends the writer.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.to.send(Message::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

fn closed() -> WriteError {
    WriteError::Unknown("tickler is stopping".to_owned())
}

struct Task {
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
    async fn run(mut self, mut from: mpsc::Receiver<Message>) {
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
