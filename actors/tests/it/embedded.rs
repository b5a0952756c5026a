//! The embedded host, by itself.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use actors::{
    embedded::{Clock, Delivery, Desk, FromLog, OpenError, Receivers},
    host::{Expect, Host, Unavailable},
    message::{
        event::Event,
        key::{Key, UserId},
        sync::Sync,
        time::Timestamp,
    },
};
use tempfile::TempDir;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::host_contract::{Place, event};

crate::host_contract!(contract, super::Embedded);

/// A desk in a folder of its own, with receivers that only note what comes.
struct Embedded {
    dir: TempDir,
    desk: Desk,
    wakes: UnboundedReceiver<(Key, Timestamp, Timestamp)>,
    syncs: UnboundedReceiver<(Key, Sync)>,
    resumed: Arc<Mutex<Vec<Key>>>,
    failing: Arc<AtomicUsize>,
}

impl Embedded {
    async fn open(dir: TempDir, clock: Clock) -> Self {
        let desk = Desk::open(dir.path(), clock.clone()).await.unwrap();
        let failing = Arc::new(AtomicUsize::new(0));
        let (note_wake, wakes) = mpsc::unbounded_channel();
        let (note_sync, syncs) = mpsc::unbounded_channel();
        let resumed = Arc::new(Mutex::new(Vec::new()));
        let (fail, resume) = (failing.clone(), resumed.clone());
        let deliver = move |key: Key, delivery: Delivery| {
            let mut outcome = Ok(());
            match delivery {
                Delivery::Wake(moment) => {
                    let _ = note_wake.send((key, moment, clock.wall()));
                    let less = |times: usize| times.checked_sub(1);
                    if fail.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
                        outcome = Err(Unavailable("not now".to_owned()));
                    }
                }
                Delivery::Sync(sync) => note_sync.send((key, sync)).unwrap_or(()),
                Delivery::Resume => resume.lock().unwrap().push(key),
            }
            Box::pin(async move { outcome }) as _
        };
        desk.attach(Receivers::new(deliver));
        Self { dir, desk, wakes, syncs, resumed, failing }
    }
}

impl Place for Embedded {
    type Host = Desk;

    async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap(), Clock::real()).await
    }

    fn host(&self) -> &Desk {
        &self.desk
    }

    async fn woken(&mut self) -> (Key, Timestamp, Timestamp) {
        self.wakes.recv().await.unwrap()
    }

    fn fail_wakes(&self, times: usize) {
        self.failing.store(times, Ordering::SeqCst);
    }

    async fn told(&mut self) -> (Key, Sync) {
        self.syncs.recv().await.unwrap()
    }

    async fn log(&self) -> Vec<Event> {
        let log = self.desk.log(0, 1_000).await.unwrap();
        assert!(log.is_sorted_by(|one, next| one.0 < next.0));
        log.into_iter().map(|(_, event)| event.unwrap()).collect()
    }

    /// As good as killed: nothing is told to close, and what is on the disk is all there is.
    async fn restart(self) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for file in ["tickler.db", "tickler.db-wal"] {
            std::fs::copy(self.dir.path().join(file), copy.path().join(file)).unwrap();
        }
        drop(self.desk);
        Self::open(copy, Clock::real()).await
    }
}

fn list(name: &str) -> Key {
    Key::task_list(&UserId::parse(name).unwrap())
}

fn tickler_files(place: &Embedded) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(place.dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_second_owner_is_told_who_is_the_first() {
    let place = Embedded::start().await;
    place.desk.announce("http://127.0.0.1:8000").unwrap();
    let second = Desk::open(place.dir.path(), Clock::real()).await.unwrap_err();
    assert!(second.to_string().contains("another tickler owns"), "{second}");
    let OpenError::Owned { file, address } = second else { panic!("{second:?}") };
    assert!(file.starts_with(place.dir.path()));
    assert_eq!(address.as_deref(), Some("http://127.0.0.1:8000"));
    place.desk.close().await;
    let third = Desk::open(place.dir.path(), Clock::real()).await.unwrap();
    third.close().await;
}

#[tokio::test]
async fn after_a_close_one_file_holds_everything_and_nothing_is_written() {
    let place = Embedded::start().await;
    let write = |entry: &[u8]| {
        let (desk, entry) = (place.desk.clone(), entry.to_vec());
        async move { desk.append(&list("ann"), 1, entry, Expect::Absent, None, &[]).await }
    };
    write(b"entry").await.unwrap();
    place.desk.close().await;
    assert!(write(b"late").await.is_err());
    let wal = place.dir.path().join("tickler.db-wal");
    assert!(!tickler_files(&place).contains(&wal));
    let desk = Desk::open(place.dir.path(), Clock::real()).await.unwrap();
    assert_eq!(desk.load(&list("ann")).await.unwrap().slots[0].1.bytes, b"entry");
}

#[tokio::test]
async fn the_log_is_read_from_any_offset_and_kept_from_any_offset() {
    let place = Embedded::start().await;
    let (desk, key) = (&place.desk, list("ann"));
    let mut newest = desk.newest();
    for sequence in 1..=5 {
        let events: Vec<_> = (0..3).map(|index| event(&key, sequence, index)).collect();
        let entry = sequence.to_string().into_bytes();
        desk.append(&key, sequence, entry, Expect::Absent, None, &events).await.unwrap();
    }
    newest.wait_for(|newest| *newest == 15).await.unwrap();
    let offsets = |log: Vec<(i64, FromLog)>| log.into_iter().map(|(at, _)| at).collect::<Vec<_>>();
    assert_eq!(offsets(desk.log(0, 100).await.unwrap()), (1..=15).collect::<Vec<_>>());
    assert_eq!(offsets(desk.log(4, 100).await.unwrap()), (5..=15).collect::<Vec<_>>());
    assert_eq!(offsets(desk.log(4, 3).await.unwrap()), (5..=9).collect::<Vec<_>>());
    assert!(desk.log(15, 3).await.unwrap().is_empty());
    desk.trim_log(9).await.unwrap();
    assert_eq!(offsets(desk.log(0, 100).await.unwrap()), (10..=15).collect::<Vec<_>>());
    desk.trim_log(1_000).await.unwrap();
    assert_eq!(offsets(desk.log(0, 100).await.unwrap()), [13, 14, 15]);
}

#[tokio::test]
async fn a_refused_append_moves_no_offset() {
    let place = Embedded::start().await;
    let (desk, key) = (&place.desk, list("ann"));
    let append = |sequence: u64| {
        let (desk, key) = (desk.clone(), key.clone());
        async move {
            let events = [event(&key, sequence, 0)];
            desk.append(&key, 1, vec![1], Expect::Absent, None, &events).await
        }
    };
    append(1).await.unwrap();
    append(2).await.unwrap_err();
    assert_eq!(*desk.newest().borrow(), 1);
    desk.publish(&[event(&key, 1, 0)]).await.unwrap();
    assert_eq!(place.log().await.len(), 1, "what an append has logged is not logged again");
}

#[tokio::test]
async fn a_clock_set_forward_fires_what_is_due_in_order() {
    let clock = Clock::settable();
    let mut place = Embedded::open(tempfile::tempdir().unwrap(), clock.clone()).await;
    let now = place.desk.now();
    let day = 86_400_000;
    for ahead in [3, 1, 2] {
        place.desk.arm(&list(&format!("user {ahead}")), now.plus(ahead * day)).await.unwrap();
    }
    clock.advance(2 * day + 1);
    assert_eq!(place.woken().await.1, now.plus(day));
    assert_eq!(place.woken().await.1, now.plus(2 * day));
    clock.set(now.plus(4 * day));
    assert_eq!(place.woken().await.1, now.plus(3 * day));
    assert!(place.desk.now() >= now.plus(4 * day));
    clock.set(now);
    assert!(place.desk.now() < now.plus(day));
}

#[tokio::test]
async fn the_same_moment_armed_during_its_wake_wakes_again() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(dir.path(), Clock::real()).await.unwrap();
    let (note, mut wakes) = mpsc::unbounded_channel();
    let armer = desk.clone();
    let times = Arc::new(AtomicUsize::new(0));
    let deliver = move |key: Key, delivery: Delivery| {
        let (note, desk, times) = (note.clone(), armer.clone(), times.clone());
        Box::pin(async move {
            let Delivery::Wake(moment) = delivery else { return Ok(()) };
            if times.fetch_add(1, Ordering::SeqCst) == 0 {
                desk.arm(&key, moment).await?;
            }
            let _ = note.send(moment);
            Ok(())
        }) as _
    };
    desk.attach(Receivers::new(deliver));
    let moment = desk.now();
    desk.arm(&list("ann"), moment).await.unwrap();
    assert_eq!(wakes.recv().await, Some(moment));
    assert_eq!(wakes.recv().await, Some(moment));
    desk.close().await;
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer_that_is_kept_out() {
    let place = Embedded::start().await;
    let (desk, key) = (&place.desk, list("ann"));
    desk.append(&key, 1, b"entry".to_vec(), Expect::Absent, None, &[]).await.unwrap();
    let file = place.dir.path().join("tickler.db");
    let other = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut other = sqlx::ConnectOptions::connect(&other).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let writing = desk.append(&key, 2, b"held up".to_vec(), Expect::Absent, None, &[]);
    let (write, read) = tokio::join!(writing, desk.load(&key));
    assert_eq!(read.unwrap().slots.len(), 1);
    let error = write.unwrap_err().to_string();
    assert!(error.contains("locked") && error.contains("close it"), "{error}");
    assert!(desk.health().is_err());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    desk.append(&key, 2, b"let in".to_vec(), Expect::Absent, None, &[]).await.unwrap();
    assert!(desk.health().is_ok());
}

#[tokio::test]
async fn who_may_have_left_something_undone_is_resumed_at_start() {
    let place = Embedded::start().await;
    let now = place.desk.now();
    for (name, ahead) in [("undone", 50_000), ("waiting", 3_600_000)] {
        place.desk.arm(&list(name), now.plus(ahead)).await.unwrap();
    }
    let mut place = place.restart().await;
    // The timer resumes before it wakes.
    place.desk.arm(&list("ann"), now).await.unwrap();
    place.woken().await;
    assert_eq!(*place.resumed.lock().unwrap(), [list("undone")]);
}
