//! Kill -9: a process that appends is killed again and again; what it was told is durable is there.
//!
//! `TICKLER_KILLS=100000 cargo test -p actors --test it killed` runs for hours.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use actors::{
    embedded::{Clock, Desk},
    host::{Expect, Host, SLOTS},
    message::{
        key::{Key, UserId},
        time::Timestamp,
    },
};

use crate::host_contract::event;

const NAME: &str = "killed::what_was_acknowledged_survives_every_kill";
const FOLDER: &str = "TICKLER_KILLED_FOLDER";
const KILLS: usize = 50;
/// Kills before a new folder, so that checking stays quick.
const KILLS_PER_FOLDER: usize = 10;
const ACTORS: usize = 16;
const SNAPSHOT_TURNS: u64 = 32;
/// Alarms far enough ahead never to fire here.
const AHEAD: i64 = 4_000_000_000_000;

fn actor(at: usize) -> Key {
    Key::task_list(&UserId::parse(&format!("user {at}")).unwrap())
}

/// What turn `sequence` writes: of many sizes, some larger than a page.
fn entry(at: usize, sequence: u64) -> Vec<u8> {
    let mut entry = format!("{at} {sequence} ").into_bytes();
    entry.resize(entry.len() + (sequence as usize * 131) % 9_000, b'.');
    entry
}

fn sequence_of(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    text.split(' ').nth(1).and_then(|sequence| sequence.parse().ok()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_until_killed(Path::new(&folder)).await;
    }
    let kills = std::env::var("TICKLER_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut folder = tempfile::tempdir().unwrap();
    let mut known: HashMap<usize, u64> = HashMap::new();
    for kill in 0..kills {
        if kill % KILLS_PER_FOLDER == 0 {
            folder = tempfile::tempdir().unwrap();
            known.clear();
        }
        // From none to some hundreds of acknowledgements, in an order that looks like none.
        let acks = kill * 7_919 % 450;
        let path = folder.path().to_owned();
        let told = tokio::task::spawn_blocking(move || kill_after(&path, acks)).await.unwrap();
        for (at, sequence) in told {
            let newest = known.entry(at).or_default();
            *newest = sequence.max(*newest);
        }
        check(folder.path(), &mut known, kill).await;
    }
}

/// Starts a writer, kills it after so many acknowledgements, and returns all that it gave.
fn kill_after(folder: &Path, acks: usize) -> Vec<(usize, u64)> {
    let mut child = writer(folder).spawn().unwrap();
    let mut killed = false;
    let (told, _) = acknowledged(&mut child, |told| {
        if told >= acks && !killed {
            killed = true;
            return true;
        }
        false
    });
    assert!(killed, "the writer ended by itself");
    told
}

/// This test program, as a writer in that folder.
fn writer(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]).env(FOLDER, folder).stdout(Stdio::piped());
    command
}

/// All acknowledgements of a writer until it ends, and whether it ended well; `kill` is asked at every line whether it is to be killed.
fn acknowledged(
    child: &mut Child,
    mut kill: impl FnMut(usize) -> bool,
) -> (Vec<(usize, u64)>, bool) {
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if kill(told.len()) {
            child.kill().unwrap();
        }
        let line = line.unwrap();
        let Some(ack) = line.strip_prefix("ack ") else { continue };
        let (at, sequence) = ack.split_once(' ').unwrap();
        told.push((at.parse().unwrap(), sequence.parse().unwrap()));
    }
    (told, child.wait().unwrap().success())
}

/// A file that may not grow is as good as a disk that is full.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_no_more_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |blocks: u32| {
        let this = writer(folder.path());
        let mut shell = Command::new("sh");
        // Ignored, the signal leaves the error to the program.
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        shell.arg(this.get_program()).args(this.get_args());
        shell.env(FOLDER, folder.path()).stdout(Stdio::piped());
        shell.spawn().unwrap()
    };
    let mut known = HashMap::new();
    for blocks in [2_000, 6_000] {
        let mut child = limited(blocks);
        let told = tokio::task::spawn_blocking(move || acknowledged(&mut child, |_| false));
        let (told, as_it_should) = told.await.unwrap();
        assert!(as_it_should, "the writer did not say what to do");
        assert!(told.len() > ACTORS, "it took {} turns", told.len());
        for (at, sequence) in told {
            let newest: &mut u64 = known.entry(at).or_default();
            *newest = sequence.max(*newest);
        }
        check(folder.path(), &mut known, 0).await;
    }
}

async fn write_until_killed(folder: &Path) {
    let desk = Desk::open(folder, Clock::real()).await.unwrap();
    let writers = (0..ACTORS).map(|at| tokio::spawn(write(desk.clone(), at)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Goes on from what is there, one turn after another, and says so after each; snapshots under numbers of their own.
async fn write(desk: Desk, at: usize) {
    let key = actor(at);
    let record = desk.load(&key).await.unwrap();
    let newest = record.slots.iter().map(|(_, slot)| sequence_of(&slot.bytes)).max();
    let mut snap = record.snap.map(|snap| snap.etag);
    let mut etags: HashMap<u64, _> =
        record.slots.into_iter().map(|(index, slot)| (index, slot.etag)).collect();
    for sequence in newest.unwrap_or(0) + 1.. {
        let (index, entry) = (sequence % SLOTS, entry(at, sequence));
        let expect = etags.get(&index).cloned().map_or(Expect::Absent, Expect::Etag);
        let etag = desk.etag(&entry).unwrap();
        let alarm = Some(Timestamp(AHEAD + sequence as i64));
        let events = [event(&key, sequence, 0), event(&key, sequence, 1)];
        if let Err(error) = desk.append(&key, index, entry, expect, alarm, &events).await {
            let why = error.to_string();
            assert!(why.contains("make room") || why.contains("check its disk"), "{why}");
            return;
        }
        etags.insert(index, etag);
        println!("ack {at} {sequence}");
        if sequence % SNAPSHOT_TURNS == 0 {
            let state = format!("{at} {sequence} state").into_bytes();
            let etag = desk.etag(&state);
            let expect = snap.take().map_or(Expect::Absent, Expect::Etag);
            if desk.snapshot(&key, state, expect).await.is_err() {
                return;
            }
            snap = etag;
            println!("ack {} {sequence}", ACTORS + at);
        }
    }
}

/// All that was acknowledged is there, whole; nothing else is, but for one turn an actor that may have been on its way.
async fn check(folder: &Path, known: &mut HashMap<usize, u64>, kill: usize) {
    let desk = Desk::open(folder, Clock::real()).await.unwrap();
    let mut logged: HashMap<Key, u64> = HashMap::new();
    let mut after = 0;
    loop {
        let page = desk.log(after, 5_000).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, event) in page {
            let event = event.unwrap();
            let newest = logged.entry(event.key.clone()).or_default();
            let expected = if event.index == 0 { *newest + 1 } else { *newest };
            assert_eq!(event.sequence, expected, "kill {kill}: the log of {}", event.key);
            *newest = event.sequence;
        }
    }
    for at in 0..ACTORS {
        let key = actor(at);
        let record = desk.load(&key).await.unwrap();
        let told = known.get(&at).copied().unwrap_or(0);
        let mut newest = 0;
        for (index, slot) in &record.slots {
            let sequence = sequence_of(&slot.bytes);
            assert_eq!((sequence % SLOTS, &slot.bytes), (*index, &entry(at, sequence)));
            newest = newest.max(sequence);
        }
        let stays = format!("kill {kill}, {key}: told {told}, found {newest}");
        assert!(newest == told || newest == told + 1, "{stays}");
        assert_eq!(record.slots.len() as u64, newest.min(SLOTS), "{stays}");
        assert_eq!(logged.get(&key).copied().unwrap_or(0), newest, "{stays}");
        assert_eq!(alarms(folder, &key).await, newest as i64, "{stays}");
        let snap = record.snap.map_or(0, |snap| sequence_of(&snap.bytes));
        let told = known.get(&(ACTORS + at)).copied().unwrap_or(0);
        assert!((told..=newest).contains(&snap), "{stays}, snap {snap}, told {told}");
        known.insert(at, newest);
    }
    desk.close().await;
}

async fn alarms(folder: &Path, key: &Key) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.join("tickler.db"))
        .read_only(true);
    let mut conn = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query_scalar(
        "SELECT count(*) FROM alarm JOIN actor ON actor.id = alarm.actor WHERE key = ?",
    )
    .bind(key.to_string())
    .fetch_one(&mut conn)
    .await
    .unwrap()
}
