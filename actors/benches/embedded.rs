//! What a durable append costs on this machine, beside what its disk asks for: `cargo bench -p actors --bench embedded`.
//!
//! Figures mean something only within one run. `TICKLER_BENCH_DIR` names a folder on the disk to be measured,
//! `TICKLER_BENCH_USERS` how many users are on disk at the start (20 tasks each; default 50,000: a million tasks).
#![expect(clippy::unwrap_used, reason = "a bench that fails has nothing better to do")]

use std::{fs::File, io::Write, os::unix::fs::FileExt, path::Path, time::Duration};

use actors::{
    embedded::{Clock, Desk, Embedded, Options},
    host::{Expect, Host, SLOTS},
    message::{
        call::{By, Call, Caller},
        event::{Event, Fact, Members, Topic},
        key::{Key, UserId},
        task::command::{Command, Operation, Patch},
        text::Title,
        time::Timestamp,
    },
};
use tokio::time::Instant;
use uuid::Uuid;

/// About what an entry of one created task weighs.
const ENTRY_BYTES: usize = 450;
/// About what a user with 20 tasks weighs, compressed.
const SNAP_BYTES: usize = 2_500;
const SECONDS: u64 = 3;
const PROBES: usize = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = match std::env::var("TICKLER_BENCH_DIR") {
            Ok(dir) => tempfile::tempdir_in(dir),
            Err(_) => tempfile::tempdir(),
        };
        let dir = dir.unwrap();
        let probe = probe(dir.path());
        println!("fdatasync of 12 KiB   p50 {} us, p99 {} us", micros(probe.0), micros(probe.1));
        for (clients, users) in [(1, 1), (1, 1_000), (64, 64), (64, 10_000), (512, 10_000)] {
            appends(dir.path(), clients, users, probe.0).await;
        }
        for (clients, users) in [(1, 1), (64, 64), (64, 10_000)] {
            creates(dir.path(), clients, users, probe.0).await;
        }
        loads(dir.path()).await;
        start(dir.path()).await;
    });
}

fn micros(time: Duration) -> u128 {
    time.as_micros()
}

/// The disk's own price: a write in place, synced, over and over.
fn probe(dir: &Path) -> (Duration, Duration) {
    let mut file = File::create(dir.join("probe")).unwrap();
    file.write_all(&vec![0; 4 << 20]).unwrap();
    file.sync_all().unwrap();
    let page = [7; 12 << 10];
    let times = (0..PROBES).map(|at| {
        let began = Instant::now();
        file.write_all_at(&page, (at % 300 * page.len()) as u64).unwrap();
        file.sync_data().unwrap();
        began.elapsed()
    });
    percentiles(times.collect())
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn actor(at: usize) -> Key {
    Key::task_list(&UserId::parse(&format!("user-{at}")).unwrap())
}

fn event(key: &Key, sequence: u64) -> Event {
    let task = serde_json::json!({"title": "water the plants on the balcony", "priority": "high",
        "status": "pending", "tags": ["home", "plants"], "created_at": "2026-01-01T00:00:00.000Z"});
    Event {
        id: key.event_id(sequence, 0),
        key: key.clone(),
        sequence,
        index: 0,
        time: Timestamp(1_760_000_000_000),
        by: By::system(),
        traceparent: None,
        fact: Fact {
            topic: Topic::TaskEvents,
            kind: "task.created".to_owned(),
            subject: key.event_id(sequence, 1),
            cause: None,
            data: Members::write(&serde_json::json!({ "task": task })),
        },
    }
}

/// An entry that is like no other, at little cost.
fn entry(host: &Desk) -> Vec<u8> {
    let mut entry = vec![7; ENTRY_BYTES];
    entry[..16].copy_from_slice(host.random().as_bytes());
    entry
}

/// So many clients at once, each with users of its own, append one turn after another: a slot, a log row, and for one
/// turn in ten an alarm.
async fn appends(dir: &Path, clients: usize, users: usize, probe: Duration) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let desk = Desk::open(dir.path(), Clock::real()).await.unwrap();
    let until = Instant::now() + Duration::from_secs(SECONDS);
    let (began, busy) = (Instant::now(), cpu());
    let tasks = (0..clients).map(|client| {
        let desk = desk.clone();
        let users: Vec<usize> = (client..users).step_by(clients).collect();
        tokio::spawn(async move { client_appends(&desk, &users, until).await })
    });
    let mut times = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        times.extend(task.await.unwrap());
    }
    let seconds = (began.elapsed().as_secs_f64(), cpu() - busy);
    say("append", (clients, users), times, seconds, probe);
    desk.close().await;
}

fn say(
    what: &str,
    (clients, users): (usize, usize),
    times: Vec<Duration>,
    (seconds, busy): (f64, f64),
    probe: Duration,
) {
    let (count, (p50, p99)) = (times.len() as f64, percentiles(times));
    println!(
        "{what} {clients:3} clients, {users:5} users  p50 {:5} us ({:.1} x probe), p99 {:6} us, {:6.0}/s, {:6.0} per CPU second",
        micros(p50),
        p50.as_secs_f64() / probe.as_secs_f64(),
        micros(p99),
        count / seconds,
        count / busy,
    );
}

/// The same with tasks that are created, through the turn: what a user waits for, but for the way there.
async fn creates(dir: &Path, clients: usize, users: usize, probe: Duration) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let options =
        Options { dir: dir.path().to_owned(), default_zone: chrono_tz::UTC, clock: Clock::real() };
    let embedded = Embedded::open(&options).await.unwrap();
    let until = Instant::now() + Duration::from_secs(SECONDS);
    let (began, busy) = (Instant::now(), cpu());
    let tasks = (0..clients).map(|client| {
        let embedded = embedded.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            let users = (client..users).step_by(clients).cycle();
            for (user, count) in users.zip(1..) {
                if Instant::now() > until {
                    break;
                }
                let user = UserId::parse(&format!("user-{user}")).unwrap();
                let call = create(&user, (client as u128) << 64 | count);
                let began = Instant::now();
                embedded.tasks(&user, call).await.unwrap();
                times.push(began.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        times.extend(task.await.unwrap());
    }
    let seconds = (began.elapsed().as_secs_f64(), cpu() - busy);
    say("create", (clients, users), times, seconds, probe);
    embedded.close(Duration::from_secs(5)).await;
}

fn create(user: &UserId, id: u128) -> Call<Command> {
    let title = Some(Title::parse("water the plants on the balcony").unwrap());
    let draft = Box::new(Patch { title, ..Patch::default() });
    let by = By { kind: Caller::User, id: user.to_string() };
    let command = Command::One { operation: Operation::Create { draft } };
    Call { id: Uuid::from_u128(id), idempotency: None, by, traceparent: None, command }
}

async fn client_appends(desk: &Desk, users: &[usize], until: Instant) -> Vec<Duration> {
    let mut etags = vec![Vec::new(); users.len()];
    let mut times = Vec::new();
    for sequence in 1.. {
        for (user, etags) in users.iter().zip(&mut etags) {
            if Instant::now() > until {
                return times;
            }
            let key = actor(*user);
            let entry = entry(desk);
            let etag = desk.etag(&entry).unwrap();
            let events = [event(&key, sequence)];
            let alarm = (sequence % 10 == 0).then(|| desk.now().plus(86_400_000));
            let index = sequence % SLOTS;
            let ring: &mut Vec<_> = etags;
            let expect = match ring.get_mut(index as usize) {
                Some(last) => Expect::Etag(std::mem::replace(last, etag)),
                None => {
                    // The ring begins with turn 1; slot 0 is that of turn 64.
                    ring.resize(index as usize + 1, etag.clone());
                    ring[index as usize] = etag;
                    Expect::Absent
                }
            };
            let expect = if sequence < SLOTS + 1 { Expect::Absent } else { expect };
            let began = Instant::now();
            desk.append(&key, index, entry, expect, alarm, &events).await.unwrap();
            times.push(began.elapsed());
        }
    }
    times
}

/// Reads of an actor with a snapshot and a full ring, and of one slot.
async fn loads(dir: &Path) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let desk = Desk::open(dir.path(), Clock::real()).await.unwrap();
    for user in 0..100 {
        let key = actor(user);
        desk.snapshot(&key, vec![1; SNAP_BYTES], Expect::Absent).await.unwrap();
        let slots = (0..SLOTS).map(|index| {
            let (desk, key) = (desk.clone(), key.clone());
            tokio::spawn(async move {
                let entry = entry(&desk);
                desk.append(&key, index, entry, Expect::Absent, None, &[]).await.unwrap();
            })
        });
        for slot in slots.collect::<Vec<_>>() {
            slot.await.unwrap();
        }
    }
    let (mut whole, mut slot) = (Vec::new(), Vec::new());
    for round in 0..1_000 {
        let key = actor(round % 100);
        let began = Instant::now();
        desk.load(&key).await.unwrap();
        whole.push(began.elapsed());
        let began = Instant::now();
        desk.slot(&key, 3).await.unwrap();
        slot.push(began.elapsed());
    }
    println!("load of 64 slots      p50 {} us", micros(percentiles(whole).0));
    println!("read of one slot      p50 {} us", micros(percentiles(slot).0));
    desk.close().await;
}

/// From the call to open a folder that holds a million tasks to the first actor's record.
async fn start(dir: &Path) {
    let users: usize =
        std::env::var("TICKLER_BENCH_USERS").map_or(50_000, |users| users.parse().unwrap());
    let dir = tempfile::tempdir_in(dir).unwrap();
    let desk = Desk::open(dir.path(), Clock::real()).await.unwrap();
    let snap: Vec<u8> = std::iter::repeat_with(|| Uuid::from_u128(3).into_bytes())
        .flatten()
        .take(SNAP_BYTES)
        .collect();
    for first in (0..users).step_by(400) {
        let writes = (first..(first + 400).min(users)).map(|user| {
            let (desk, snap) = (desk.clone(), snap.clone());
            tokio::spawn(async move {
                let key = actor(user);
                desk.arm(&key, desk.now().plus(86_400_000 + user as i64)).await.unwrap();
                desk.snapshot(&key, snap, Expect::Absent).await.unwrap();
            })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap();
        }
    }
    desk.close().await;
    let began = Instant::now();
    let desk = Desk::open(dir.path(), Clock::real()).await.unwrap();
    let opened = began.elapsed();
    desk.load(&actor(users / 2)).await.unwrap();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "start with {users} users  open {:.1} ms, first record {:.1} ms",
        millis(opened),
        millis(began.elapsed())
    );
    desk.close().await;
}

/// Seconds of CPU that this process has used; 0 where /proc does not say.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    // A tick is a hundredth of a second wherever Linux runs.
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
