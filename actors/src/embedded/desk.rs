//! What one process lends to its turns: the file, its clock, and the way to the other actors.

use std::{
    fmt,
    future::Future,
    hash::{DefaultHasher, Hasher},
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use super::{
    OpenError,
    clock::Clock,
    lock::Lock,
    store::{self, FromLog, Store},
    timer::Timer,
    writer::{Ask, Logged, Writer},
};
use crate::{
    host::{Appended, Etag, Expect, Host, Record, Stored, Unavailable, WriteError},
    message::{
        event::Event,
        key::{Key, UserId},
        sync::Sync,
        time::Timestamp,
    },
};

const UNPOISONED: &str = "nothing panics while it holds this lock";

/// What comes of a delivery.
pub type Delivered = Pin<Box<dyn Future<Output = Result<(), Unavailable>> + Send>>;

/// What a desk has to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// The alarm of this name is due.
    Wake(Timestamp),
    /// Another actor says this.
    Sync(Sync),
    /// The last run may have left something undone: load, and go on with it.
    Resume,
}

type Deliver = dyn Fn(Key, Delivery) -> Delivered + Send + std::marker::Sync;

/// Where deliveries go: the actors of this process, who in turn hold the desk.
#[derive(Clone)]
pub struct Receivers(Arc<Deliver>);

impl Receivers {
    /// Receivers by what they do with a delivery.
    pub fn new(
        deliver: impl Fn(Key, Delivery) -> Delivered + Send + std::marker::Sync + 'static,
    ) -> Self {
        Self(Arc::new(deliver))
    }

    pub(super) fn deliver(&self, key: Key, delivery: Delivery) -> Delivered {
        (self.0)(key, delivery)
    }
}

impl fmt::Debug for Receivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receivers")
    }
}

/// The host of a process; clones are the same one.
#[derive(Clone, Debug)]
pub struct Desk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    store: Store,
    writer: Writer,
    receivers: OnceLock<Receivers>,
    timer: Mutex<Option<JoinHandle<()>>>,
    /// Dropped with the desk, which ends the timer too.
    closing: watch::Sender<bool>,
    lock: Mutex<Option<Lock>>,
}

impl Desk {
    /// Takes the folder, makes it and its file if need be, and starts the writer.
    pub async fn open(dir: &Path, clock: Clock) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Folder { dir: dir.to_owned(), error };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let lock = Lock::take(dir)?;
        let (store, conn, marks) = store::open(dir).await?;
        let inner = Inner {
            clock,
            store,
            writer: Writer::start(conn, marks),
            receivers: OnceLock::new(),
            timer: Mutex::new(None),
            closing: watch::Sender::new(false),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Says where deliveries go and starts the timer, which first has gone on with what the last run left undone. Only
    /// the first call counts.
    pub fn attach(&self, receivers: Receivers) {
        if self.inner.receivers.set(receivers.clone()).is_ok() {
            let timer = Timer {
                clock: self.inner.clock.clone(),
                store: self.inner.store.clone(),
                writer: self.inner.writer.clone(),
                receivers,
            };
            let timer = tokio::spawn(timer.run(self.inner.closing.subscribe()));
            *self.inner.timer.lock().expect(UNPOISONED) = Some(timer);
        }
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Whether writes are taken, else why not and what to do.
    pub fn health(&self) -> Result<(), Unavailable> {
        self.inner.writer.health()
    }

    /// Leaves the address under which this process answers, for commands that find the folder owned.
    pub fn announce(&self, address: &str) -> io::Result<()> {
        match &*self.inner.lock.lock().expect(UNPOISONED) {
            Some(lock) => lock.announce(address),
            None => Ok(()),
        }
    }

    /// Makes the file's journal as long as it comes to be, so that commits do not make it longer.
    pub async fn grow_journal(&self) {
        // Commits are as safe in a journal that is still to grow: a full disk is for them to tell.
        if let Err(error) = self.inner.store.grow_journal().await {
            tracing::debug!(%error, "the journal was not made to grow");
        }
    }

    /// Every user who has a task list.
    pub async fn users(&self) -> Result<Vec<UserId>, Unavailable> {
        self.inner.store.users().await
    }

    /// About `limit` events after the offset `after`, each with its own, oldest first.
    pub async fn log(&self, after: i64, limit: usize) -> Result<Vec<(i64, FromLog)>, Unavailable> {
        self.inner.store.log(after, limit).await
    }

    /// The newest offset in the log, as it changes.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.inner.writer.newest()
    }

    /// Takes events up to an offset out of the log, a few thousand turns a call, oldest first; the newest stays.
    pub async fn trim_log(&self, through: i64) -> Result<(), Unavailable> {
        self.inner.writer.put(Ask::Trim { through }).await
    }

    /// Ends the timer, once the wakes that run have ended.
    pub async fn stop_timer(&self) {
        self.inner.closing.send_replace(true);
        let timer = self.inner.timer.lock().expect(UNPOISONED).take();
        if let Some(timer) = timer {
            let _ = timer.await;
        }
    }

    /// Commits what waits, folds the file's journal into it, and gives the folder back.
    pub async fn close(&self) {
        self.stop_timer().await;
        self.inner.store.close().await;
        self.inner.writer.close().await;
        self.inner.lock.lock().expect(UNPOISONED).take();
    }
}

impl Host for Desk {
    const OWNS_STORE: bool = true;

    fn etag(&self, row: &[u8]) -> Option<Etag> {
        Some(Etag(etag(row).to_string()))
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    #[expect(clippy::disallowed_methods, reason = "the host is where random ids come from")]
    fn random(&self) -> Uuid {
        Uuid::new_v4()
    }

    async fn load(&self, key: &Key) -> Result<Record, Unavailable> {
        self.inner.store.load(key).await
    }

    async fn slot(&self, key: &Key, index: u64) -> Result<Option<Stored>, Unavailable> {
        self.inner.store.slot(key, index).await
    }

    async fn append(
        &self,
        key: &Key,
        index: u64,
        entry: Vec<u8>,
        expect: Expect,
        alarm: Option<Timestamp>,
        events: &[Event],
    ) -> Result<Appended, WriteError> {
        let log = row(events);
        let etag = etag(&entry);
        let ask = Ask::Append { key: key.clone(), index, entry, etag, expect, alarm, log };
        self.inner.writer.ask(ask).await
    }

    async fn snapshot(&self, key: &Key, snap: Vec<u8>, expect: Expect) -> Result<(), WriteError> {
        let etag = etag(&snap);
        let ask = Ask::Snapshot { key: key.clone(), state: snap, etag, expect };
        self.inner.writer.ask(ask).await.map(drop)
    }

    async fn arm(&self, key: &Key, moment: Timestamp) -> Result<(), Unavailable> {
        self.inner.writer.put(Ask::Arm { key: key.clone(), moment }).await
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Unavailable> {
        let Some(first) = events.first() else { return Ok(()) };
        let ask = Ask::Publish { key: first.key.clone(), turns: by_turn(events) };
        self.inner.writer.put(ask).await
    }

    async fn sync(&self, to: &Key, sync: &Sync) -> Result<(), Unavailable> {
        match self.inner.receivers.get() {
            Some(receivers) => receivers.deliver(to.clone(), Delivery::Sync(sync.clone())).await,
            None => Err(Unavailable("the actors are starting".to_owned())),
        }
    }
}

/// The rows that events of one actor make in the log.
fn by_turn(events: &[Event]) -> Vec<Logged> {
    let turns = events.chunk_by(|one, next| one.sequence == next.sequence);
    turns.filter_map(row).collect()
}

/// One row for all of these events.
fn row(events: &[Event]) -> Option<Logged> {
    let sequence = events.last()?.sequence;
    let json = serde_json::to_vec(events).expect("events are JSON");
    Some(Logged { sequence, count: events.len(), events: json })
}

/// The ETag of a row, from its content. It is stored beside the row, so the hash may differ from build to build.
fn etag(row: &[u8]) -> i64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(row);
    hasher.finish().cast_signed()
}
