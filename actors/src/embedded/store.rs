//! The file: opened, migrated, and read by connections that never wait for the writer.

use std::{path::Path, str::FromStr, time::Duration};

use serde_json::value::RawValue;
use sqlx::{
    AssertSqlSafe, Connection, Row, SqliteConnection, SqlitePool,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use uuid::Uuid;

use super::OpenError;
use crate::{
    host::{Etag, Record, SLOTS, Stored, Unavailable},
    message::{
        event::Event,
        key::{Key, Kind, UserId},
        time::Timestamp,
    },
};

/// The file's name in its folder.
pub(super) const FILE: &str = "tickler.db";
const READERS: u32 = 4;
const LOAD_MS: u64 = 2_000;
/// Longer than another program may look into the file, shorter than an append may take.
const BUSY_MS: u64 = 1_000;
/// 16 MB of journal: a page that changes often is folded into the file once for many commits.
const CHECKPOINT_PAGES: &str = "4000";
/// So many pages, each with its frame's head.
const JOURNAL_BYTES: u64 = 4_000 * (4_096 + 24);
/// What is not committed goes to the journal, while it is made to grow, but for as much as this.
const SPILL_CACHE: &str = "-256";
const WRITER_CACHE: &str = "-32768";
const READER_CACHE: &str = "-4096";
/// The index under which a snapshot is read, beside the slots.
const SNAP: i64 = SLOTS as i64;

// The statements below say 64.
const _: () = assert!(SLOTS == 64);

const LOAD: &str = "\
    SELECT 64 AS i, snap.etag, snap.state FROM actor JOIN snap ON snap.actor = actor.id WHERE key = ?1 \
    UNION ALL SELECT slot.id & 63, slot.etag, slot.entry FROM actor \
    JOIN slot ON slot.id BETWEEN actor.id * 64 AND actor.id * 64 + 63 WHERE key = ?1";
const SLOT: &str = "\
    SELECT slot.id & 63 AS i, slot.etag, slot.entry FROM actor \
    JOIN slot ON slot.id = actor.id * 64 + ?2 WHERE key = ?1";
const DUE: &str = "\
    SELECT moment, actor, arming, key FROM alarm JOIN actor ON actor.id = alarm.actor \
    WHERE moment <= ? ORDER BY moment, actor LIMIT ?";
const NEXT: &str = "SELECT min(moment) FROM alarm WHERE moment > ?";
const UNFINISHED: &str = "\
    SELECT DISTINCT key FROM alarm JOIN actor ON actor.id = alarm.actor \
    WHERE moment > ? AND moment <= ? LIMIT ?";
const USERS: &str = "\
    SELECT substr(key, length(?1) + 1) FROM actor WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key";
const LOG: &str = "SELECT offset, events FROM log WHERE offset > ? ORDER BY offset LIMIT ?";

/// An alarm whose moment has come.
#[derive(Clone, Debug)]
pub(super) struct Due {
    /// Its name.
    pub(super) moment: Timestamp,
    /// The actor's number.
    pub(super) actor: i64,
    /// Which arming of that moment.
    pub(super) arming: i64,
    /// The actor; `None` if the row cannot be read as one.
    pub(super) key: Option<Key>,
}

/// Where the writer goes on from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// The newest offset in the log.
    pub(super) offset: i64,
    /// The highest actor number.
    pub(super) actor: i64,
    /// How often the file has been opened.
    pub(super) run: i64,
}

/// An event of the log, or what stands there that cannot be read as one.
pub type FromLog = Result<Event, Unreadable>;

/// What stands in the log and is no event: damaged, or of another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// It, as it stands there.
    pub bytes: Vec<u8>,
    /// Why it cannot be read.
    pub why: String,
}

/// The events of a row, one by one; of a row that is no list, the whole row.
fn logged(bytes: &[u8]) -> Vec<FromLog> {
    if let Ok(events) = serde_json::from_slice::<Vec<Event>>(bytes) {
        return events.into_iter().map(Ok).collect();
    }
    match serde_json::from_slice::<Vec<&RawValue>>(bytes) {
        Ok(events) => events.into_iter().map(|event| one(event.get().as_bytes())).collect(),
        Err(why) => vec![Err(Unreadable { bytes: bytes.to_vec(), why: why.to_string() })],
    }
}

fn one(bytes: &[u8]) -> FromLog {
    serde_json::from_slice(bytes)
        .map_err(|why| Unreadable { bytes: bytes.to_vec(), why: why.to_string() })
}

/// The readers.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pool: SqlitePool,
}

/// Opens the file, makes or migrates its tables, and counts this run.
pub(super) async fn open(dir: &Path) -> Result<(Store, SqliteConnection, Marks), OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(dir.join(FILE))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_millis(BUSY_MS))
        // On macOS, fsync alone leaves the disk's own cache unwritten.
        .pragma("fullfsync", "ON")
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", WRITER_CACHE)
        .statement_cache_capacity(256)
        .row_buffer_size(256);
    let options = sqlx::ConnectOptions::disable_statement_logging(options);
    let mut writer = SqliteConnection::connect_with(&options).await?;
    sqlx::migrate!("src/embedded/migrations").run(&mut writer).await?;
    let run = sqlx::query_scalar("UPDATE run SET number = number + 1 RETURNING number")
        .fetch_one(&mut writer)
        .await?;
    let (offset, actor) = sqlx::query_as(
        "SELECT ifnull((SELECT max(offset) FROM log), 0), ifnull((SELECT max(id) FROM actor), 0)",
    )
    .fetch_one(&mut writer)
    .await?;
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.read_only(true).pragma("cache_size", READER_CACHE))
        .await?;
    Ok((Store { pool }, writer, Marks { offset, actor, run }))
}

impl Store {
    /// The snapshot and all slots of an actor, from one statement and so of one moment.
    pub(super) async fn load(&self, key: &Key) -> Result<Record, Unavailable> {
        let rows = self.rows(sqlx::query(LOAD).bind(key.to_string())).await?;
        let mut record = Record::default();
        for row in rows {
            match stored(&row)? {
                (SNAP, snap) => record.snap = Some(snap),
                (index, slot) => record.slots.push((index.unsigned_abs(), slot)),
            }
        }
        Ok(record)
    }

    /// One slot.
    pub(super) async fn slot(&self, key: &Key, index: u64) -> Result<Option<Stored>, Unavailable> {
        let query = sqlx::query(SLOT).bind(key.to_string()).bind(index.cast_signed());
        match self.rows(query).await?.first() {
            Some(row) => Ok(Some(stored(row)?.1)),
            None => Ok(None),
        }
    }

    /// The first `limit` alarms due at `now`, in order.
    pub(super) async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Unavailable> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.rows(sqlx::query(DUE).bind(now.0).bind(limit)).await?;
        let read = |row: SqliteRow| {
            Ok::<_, sqlx::Error>(Due {
                moment: Timestamp(row.try_get(0)?),
                actor: row.try_get(1)?,
                arming: row.try_get(2)?,
                key: read_key(row.try_get(3)?),
            })
        };
        rows.into_iter().map(read).collect::<Result<_, _>>().map_err(unreadable)
    }

    /// The first moment after `now` at which an alarm is due.
    pub(super) async fn next_alarm(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let rows = self.rows(sqlx::query(NEXT).bind(now.0)).await?;
        let first = rows.first().map(|row| row.try_get::<Option<i64>, _>(0));
        Ok(first.transpose().map_err(unreadable)?.flatten().map(Timestamp))
    }

    /// Actors with an alarm after `now` but not after `until`: whoever left something undone has one.
    pub(super) async fn unfinished(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Key>, Unavailable> {
        let query = sqlx::query(UNFINISHED).bind(now.0).bind(until.0).bind(limit);
        let rows = self.rows(query).await?;
        Ok(rows.iter().filter_map(|row| read_key(row.try_get(0).ok()?)).collect())
    }

    /// Events after the offset `after`, each with its own; about `limit`, never part of a turn unless `after` was.
    pub(super) async fn log(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, FromLog)>, Unavailable> {
        let rows_max = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.rows(sqlx::query(LOG).bind(after).bind(rows_max)).await?;
        let mut log = Vec::with_capacity(rows.len());
        for row in rows {
            if log.len() >= limit {
                break;
            }
            let last: i64 = row.try_get(0).map_err(unreadable)?;
            let bytes: &[u8] = row.try_get(1).map_err(unreadable)?;
            let events = logged(bytes);
            let first = last + 1 - events.len() as i64;
            log.extend((first..).zip(events).filter(|(offset, _)| *offset > after));
        }
        Ok(log)
    }

    /// Every user who has a task list.
    pub(super) async fn users(&self) -> Result<Vec<UserId>, Unavailable> {
        let prefix = format!("{}/", Kind::TaskListActor);
        let rows = self.rows(sqlx::query(USERS).bind(prefix)).await?;
        let user = |row: &SqliteRow| row.try_get::<&str, _>(0).ok().and_then(UserId::parse);
        Ok(rows.iter().filter_map(user).collect())
    }

    /// Gives the journal the length that it comes to have between two checkpoints: a commit then writes in place, while one
    /// that makes its file longer has the disk sync twice. Writes wait for it.
    pub(super) async fn grow_journal(&self) -> Result<(), sqlx::Error> {
        let options = SqliteConnectOptions::clone(&self.pool.connect_options());
        let journal = format!("{}-wal", options.get_filename().display());
        if std::fs::metadata(&journal).is_ok_and(|it| it.len() >= JOURNAL_BYTES) {
            return Ok(());
        }
        let options = options.read_only(false).pragma("cache_size", SPILL_CACHE);
        let mut writer = SqliteConnection::connect_with(&options).await?;
        // It is taken back, and so is in the journal alone.
        let bytes = JOURNAL_BYTES + (512 << 10);
        let row = format!("INSERT INTO log (offset, events) VALUES (-1, zeroblob({bytes}))");
        let grown = async {
            sqlx::raw_sql(AssertSqlSafe(format!("BEGIN IMMEDIATE; {row}")))
                .execute(&mut writer)
                .await?;
            sqlx::raw_sql("ROLLBACK").execute(&mut writer).await
        };
        let grown = grown.await;
        writer.close().await?;
        grown?;
        Ok(std::fs::File::options().write(true).open(journal)?.sync_all()?)
    }

    /// Ends all readers.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn rows(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<Vec<SqliteRow>, Unavailable> {
        let reading = query.fetch_all(&self.pool);
        match tokio::time::timeout(Duration::from_millis(LOAD_MS), reading).await {
            Ok(rows) => rows.map_err(unreadable),
            Err(_) => Err(Unavailable(format!("reading took more than {LOAD_MS} ms"))),
        }
    }
}

fn stored(row: &SqliteRow) -> Result<(i64, Stored), Unavailable> {
    let read = || -> Result<_, sqlx::Error> {
        let etag: i64 = row.try_get(1)?;
        Ok((row.try_get(0)?, Stored { bytes: row.try_get(2)?, etag: Etag(etag.to_string()) }))
    };
    read().map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> Unavailable {
    Unavailable(format!("the data file cannot be read: {error}"))
}

/// Reads a key as it is displayed: `Kind/user`, `RecurrenceActor/user/rule`.
fn read_key(text: &str) -> Option<Key> {
    let (kind, user) = text.split_once('/')?;
    let (kind, user, rule) = match kind {
        "TaskListActor" => (Kind::TaskListActor, user, None),
        "ReminderActor" => (Kind::ReminderActor, user, None),
        "RecurrenceActor" => {
            let (user, rule) = user.rsplit_once('/')?;
            (Kind::RecurrenceActor, user, Some(Uuid::from_str(rule).ok()?))
        }
        _ => return None,
    };
    Some(Key { kind, user: UserId::parse(user)?, rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{
        call::By,
        event::{Fact, Members, Topic},
    };

    #[tokio::test]
    async fn the_journal_gets_its_length_and_the_file_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let length = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().len();
        let (store, writer, marks) = open(dir.path()).await.unwrap();
        for _ in 0..2 {
            store.grow_journal().await.unwrap();
            assert!(length("tickler.db-wal") >= JOURNAL_BYTES);
            assert!(length("tickler.db") < 100 << 10);
            assert_eq!((store.log(-2, 1).await.unwrap().len(), marks.offset), (0, 0));
        }
        drop(writer);
    }

    #[test]
    fn what_is_no_event_hides_none_of_the_others() {
        let kind = "task.created".to_owned();
        let (topic, subject) = (Topic::TaskEvents, Uuid::nil());
        let good = Event {
            id: Uuid::nil(),
            key: Key::task_list(&UserId::parse("ann").unwrap()),
            sequence: 1,
            index: 0,
            time: Timestamp(0),
            by: By::system(),
            traceparent: None,
            fact: Fact { topic, kind, subject, cause: None, data: Members::default() },
        };
        let good = serde_json::to_string(&good).unwrap();
        let bare = good.replace(r#""data":{}"#, r#""data":[]"#);
        let row = format!("[{good},{{\"id\":7}},{good},{bare}]");
        let read = logged(row.as_bytes());
        assert!(read[0].is_ok() && read[2].is_ok() && read[3].is_err(), "{read:?}");
        let poison = read[1].as_ref().unwrap_err();
        assert_eq!(poison.bytes, br#"{"id":7}"#);
        assert!(!poison.why.is_empty());
        let damaged = logged(b"[{\"id\":");
        assert_eq!(damaged.len(), 1);
        assert_eq!(damaged[0].as_ref().unwrap_err().bytes, b"[{\"id\":");
    }
}
