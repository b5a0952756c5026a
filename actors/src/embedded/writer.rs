//! The one writer: commits what has gathered as one transaction; while that is in flight, the next gathers.

mod task;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::SqliteConnection;
use tokio::sync::{
    Notify,
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};

use self::task::Task;
use super::store::{Due, Marks};
use crate::{
    host::{Appended, Expect, Unavailable, WriteError},
    message::{key::Key, time::Timestamp},
};

/// Most writes that wait for the writer.
const WAITING_MAX: usize = 8_192;
const APPEND_MS: u64 = 1_500;

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
        tokio::spawn(Task::new(conn, marks, shared.clone()).run(from));
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
