//! What the running program costs, over HTTP, beside what its disk asks for: `cargo bench -p gateway --bench load`.
//!
//! Figures mean something only within one run: the machine may be shared, so read the ratios and the server's CPU, not
//! the clock. `TICKLER_BENCH_DIR` names a folder on the disk to be measured, `TICKLER_BENCH_USERS` how many users with
//! 20 tasks each are on disk at the start (default 50,000: a million tasks), `TICKLER_BENCH_ONLY` one scenario
//! (`one`, `many`, `alone`, `open`, `size`, `live`, `start`), `TICKLER_BENCH_SECONDS` how long the busy ones run, `TICKLER_BENCH_PROGRAM`
//! another build of the program, to be compared. `live` takes a server that runs already too: `TICKLER_BENCH_URL` and
//! `TICKLER_BENCH_SECRET`.
#![expect(clippy::unwrap_used, reason = "a bench that fails has nothing better to do")]

#[path = "load/live.rs"]
mod live;
#[path = "load/server.rs"]
mod server;

use std::{fmt, fs::File, io::Write, os::unix::fs::FileExt, path::Path, time::Duration};

use server::Server;
use sqlx::{Connection, SqliteConnection};
use tokio::time::Instant;

const CLIENTS: usize = 64;
const PROBES: usize = 1_000;
/// Tasks of a user at the start, and in the small lists.
const TASKS: usize = 20;
/// A long list, with room for what is created in it: a list holds 10,000 open tasks.
const LONG_LIST: usize = 9_000;
/// Creates per client in the comparison of list sizes.
const SIZE_CREATES: usize = 640;
/// Users whose lists fit into the actors' share of memory together.
const RESIDENT_USERS: usize = 5_000;
const LIST: &str = "/api/v1/tasks?limit=50";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = match std::env::var("TICKLER_BENCH_DIR") {
            Ok(dir) => tempfile::tempdir_in(dir),
            Err(_) => tempfile::tempdir(),
        };
        let dir = dir.unwrap();
        let seconds = Duration::from_secs(number("TICKLER_BENCH_SECONDS", 5) as u64);
        if wanted("one") {
            one(dir.path()).await;
        }
        if wanted("many") {
            many(dir.path(), seconds).await;
        }
        if wanted("alone") {
            alone(dir.path(), seconds).await;
        }
        if wanted("open") {
            open_loop(dir.path(), seconds).await;
        }
        if wanted("size") {
            size(dir.path()).await;
        }
        if wanted("live") {
            live::live(dir.path()).await;
        }
        if wanted("start") {
            start(dir.path()).await;
        }
    });
}

fn wanted(scenario: &str) -> bool {
    std::env::var("TICKLER_BENCH_ONLY").map_or(true, |only| only == scenario)
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// The disk's own price: a write in place, synced.
struct Probe {
    file: File,
    at: usize,
}

impl Probe {
    const PAGE: [u8; 12 << 10] = [7; 12 << 10];

    fn new(dir: &Path) -> Self {
        let mut file = File::create(dir.join("probe")).unwrap();
        file.write_all(&vec![0; 4 << 20]).unwrap();
        file.sync_all().unwrap();
        Self { file, at: 0 }
    }

    fn once(&mut self) -> Duration {
        let began = Instant::now();
        self.file.write_all_at(&Self::PAGE, (self.at % 300 * Self::PAGE.len()) as u64).unwrap();
        self.file.sync_data().unwrap();
        self.at += 1;
        began.elapsed()
    }
}

fn percentiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// Times in microseconds.
fn show((p50, p99): (Duration, Duration)) -> String {
    format!("p50 {:6} us, p99 {:6} us", p50.as_micros(), p99.as_micros())
}

/// One client, one create after another, each beside a probe of the disk.
async fn one(dir: &Path) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let mut disk = Probe::new(dir.path());
    let server = Server::start(dir.path()).await;
    let mut client = server.client().await;
    let (mut probes, mut creates) = (Vec::new(), Vec::new());
    for at in 0..PROBES {
        probes.push(disk.once());
        let user = format!("one-{}", at % 50);
        creates.push(client.create(&user).await);
    }
    let (probe, create) = (percentiles(&mut probes), percentiles(&mut creates));
    let allowed = 2.0 * probe.0.as_secs_f64() + 0.3e-3;
    println!("fdatasync of 12 KiB      {}", show(probe));
    println!(
        "create,  1 client        {}; {:.2} of what is allowed (2 x probe + 0.3 ms)",
        show(create),
        create.0.as_secs_f64() / allowed
    );
    server.stop().await;
}

/// Many clients at once, each with users of its own, as fast as they are answered.
async fn many(dir: &Path, seconds: Duration) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let server = Server::start(dir.path()).await;
    for users in [1, 100] {
        let busy = busy(&server, "many", users, seconds).await;
        server.settle().await;
        let settled = (server.cpu() - busy.began_at) / busy.count;
        println!(
            "{busy}, {:.0} us with the views: {:.0} per core and second",
            settled * 1e6,
            settled.recip()
        );
    }
    server.stop().await;
}

/// The same while another process holds the views' file, so that nothing but the creates themselves is done.
async fn alone(dir: &Path, seconds: Duration) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let server = Server::start(dir.path()).await;
    let views = dir.path().join("data/views.sqlite");
    for users in [1, 100] {
        let mut held = SqliteConnection::connect(views.to_str().unwrap()).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut held).await.unwrap();
        let busy = busy(&server, "alone", users, seconds).await;
        println!("{busy}, its views held: {:.0} per core and second", busy.answered.recip());
        held.close().await.unwrap();
        server.settle().await;
    }
    server.stop().await;
}

/// What came of a busy time.
struct Busy {
    /// The server's CPU seconds before it.
    began_at: f64,
    users: usize,
    /// Creates that were answered.
    count: f64,
    seconds: f64,
    p50_p99: (Duration, Duration),
    /// CPU seconds of a create, until the last one was answered: the server's, and ours.
    answered: f64,
    ours: f64,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "create, {CLIENTS} clients, {:5} users  {}; {:6.0}/s by the clock; client {:.0} us CPU each, server {:.0} us \
             when answered",
            self.users,
            show(self.p50_p99),
            self.count / self.seconds,
            self.ours * 1e6,
            self.answered * 1e6,
        )
    }
}

async fn busy(server: &Server, name: &str, users: usize, seconds: Duration) -> Busy {
    let (began, began_at) = (Instant::now(), server.cpu());
    let own = std::process::id();
    let ours = server::cpu_of(own);
    let clients = (0..CLIENTS).map(|client| {
        let connecting = server.client();
        async move {
            let mut connection = connecting.await;
            let mut times = Vec::new();
            while began.elapsed() < seconds {
                let user = format!("{name}-{users}-{client}-{}", times.len() % users);
                times.push(connection.create(&user).await);
            }
            times
        }
    });
    let mut times = futures_util::future::join_all(clients).await.concat();
    let count = times.len() as f64;
    Busy {
        began_at,
        users: users * CLIENTS,
        count,
        seconds: began.elapsed().as_secs_f64(),
        p50_p99: percentiles(&mut times),
        answered: (server.cpu() - began_at) / count,
        ours: (server::cpu_of(own) - ours) / count,
    }
}

/// Arrivals by the clock, whether or not the ones before were answered: what waiting adds at a steady load.
async fn open_loop(dir: &Path, seconds: Duration) {
    const RATES_PER_S: [u32; 3] = [100, 500, 1_000];
    let dir = tempfile::tempdir_in(dir).unwrap();
    let server = Server::start(dir.path()).await;
    for rate in RATES_PER_S {
        let (began, busy) = (Instant::now(), server.cpu());
        let interval = Duration::from_secs(1) * CLIENTS as u32 / rate;
        let clients = (0..CLIENTS).map(|client| {
            let connecting = server.client();
            async move {
                let mut connection = connecting.await;
                let mut times = Vec::new();
                let mut planned = began + interval * client as u32 / CLIENTS as u32;
                while planned < began + seconds {
                    tokio::time::sleep_until(planned).await;
                    connection.create(&format!("open-{client}")).await;
                    // From when it should have been sent: a slow answer delays nobody's clock but its own.
                    times.push(planned.elapsed());
                    planned += interval;
                }
                times
            }
        });
        let mut times = futures_util::future::join_all(clients).await.concat();
        server.settle().await;
        let cpu = (server.cpu() - busy) / times.len() as f64 * 1e6;
        println!(
            "create, {rate:5}/s offered  {}; server {cpu:.0} us CPU each",
            show(percentiles(&mut times))
        );
    }
    server.stop().await;
}

/// Creates in short lists and in long ones, and a page of a long one.
async fn size(dir: &Path) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let server = Server::start(dir.path()).await;
    let mut client = server.client().await;
    let short: Vec<String> = (0..4 * TASKS).map(|user| format!("short-{user}")).collect();
    let long: Vec<String> = (0..4).map(|user| format!("long-{user}")).collect();
    for (users, tasks) in [(&short, 10), (&long, LONG_LIST)] {
        for user in users {
            client.fill(user, tasks).await;
        }
    }
    server.settle().await;
    let mut costs = Vec::new();
    for (users, tasks) in [(&short, 10), (&long, LONG_LIST)] {
        let busy = server.cpu();
        let clients = users.chunks(users.len() / 4).map(|users| {
            let connecting = server.client();
            async move {
                let mut connection = connecting.await;
                let mut times = Vec::new();
                for user in users {
                    for _ in 0..SIZE_CREATES / users.len() {
                        times.push(connection.create(user).await);
                    }
                }
                times
            }
        });
        let mut times = futures_util::future::join_all(clients).await.concat();
        server.settle().await;
        let cost = (server.cpu() - busy) / times.len() as f64 * 1e6;
        costs.push(cost);
        println!(
            "create, list of {tasks:5}     {}; server {cost:.0} us CPU each",
            show(percentiles(&mut times))
        );
    }
    println!("create, long over short  {:.2} times the CPU", costs[1] / costs[0]);
    for (what, path) in [
        ("as they stand", LIST),
        ("by due date", "/api/v1/tasks?limit=50&sort=due_date"),
        ("substring", "/api/v1/tasks?limit=50&search=balcony"),
    ] {
        let busy = server.cpu();
        let mut times = Vec::new();
        for _ in 0..300 {
            times.push(client.get(&long[0], path).await);
        }
        let cost = (server.cpu() - busy) / times.len() as f64 * 1e6;
        println!(
            "50 of {LONG_LIST}, {what:13} {}; server {cost:.0} us CPU each",
            show(percentiles(&mut times))
        );
    }
    server.stop().await;
}

/// The time from start to the first answer over a folder that holds many tasks, and what a user weighs in memory.
async fn start(dir: &Path) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let users = number("TICKLER_BENCH_USERS", 50_000);
    let server = Server::start(dir.path()).await;
    let mut client = server.client().await;
    for user in 0..users {
        client.fill(&format!("user-{user}"), TASKS).await;
    }
    server.stop().await;
    let began = Instant::now();
    let server = Server::start(dir.path()).await;
    let listens = began.elapsed();
    let mut client = server.client().await;
    client.get(&format!("user-{}", users / 2), LIST).await;
    println!(
        "start with {} tasks  listens after {:.0} ms, first answer after {:.0} ms",
        users * TASKS,
        listens.as_secs_f64() * 1e3,
        began.elapsed().as_secs_f64() * 1e3
    );
    // The first ones fill the database's caches, which do not grow after that.
    let (first, all) = (RESIDENT_USERS.min(users) / 4, RESIDENT_USERS.min(users));
    let mut held = 0.0;
    for user in 0..all {
        if user == first {
            held = server.memory();
        }
        client.get(&format!("user-{user}"), LIST).await;
    }
    let more = server.memory() - held;
    println!(
        "memory of a resident user with {TASKS} tasks  {:.1} KiB ({} users)",
        more / 1024.0 / (all - first) as f64,
        all - first
    );
    server.stop().await;
}
