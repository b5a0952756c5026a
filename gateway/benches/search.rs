//! Search at size, over HTTP: `cargo bench -p gateway --bench search`.
//!
//! A million tasks, a hundred thousand of them of one user, who asks. On SQLite always, on PostgreSQL too where
//! `TICKLER_TEST_DATABASE_URL` or `DATABASE_URL` names a server. `TICKLER_BENCH_DIR` names a folder that keeps the file for
//! the next run; PostgreSQL keeps the database `tickler_bench_search`. `TICKLER_BENCH_ASKS` is how often each question is
//! asked (default 200), `TICKLER_BENCH_PROGRAM` another build of the program.
#![expect(clippy::unwrap_used, reason = "a bench that fails has nothing better to do")]

#[path = "load/server.rs"]
#[expect(dead_code, reason = "what the other bench measures too")]
mod server;
#[path = "search/tasks.rs"]
mod tasks;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use gateway::views::Views;
use server::{Client, Server};
use sqlx::{Connection, PgConnection};
use tasks::{Drawn, Words};
use tokio::time::Instant;

/// Who asks.
const USER: &str = "asker";
/// Who asks of a list like most.
const SHORT: &str = "other-7";
const USER_TASKS: usize = 100_000;
const OTHERS: usize = 900;
const OTHER_TASKS: usize = 1_000;
const DATABASE: &str = "tickler_bench_search";
/// Longest that one question is asked over and over.
const ROW_MS: u64 = 30_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let scratch = tempfile::tempdir().unwrap();
        let dir = std::env::var("TICKLER_BENCH_DIR").map_or(scratch.path().into(), PathBuf::from);
        println!("SQLite");
        std::fs::create_dir_all(dir.join("search/data")).unwrap();
        let views = Views::sqlite(&dir.join("search/data")).await.unwrap();
        fill(&views).await;
        views.close().await;
        measure(&dir.join("search"), None).await;
        let url = ["TICKLER_TEST_DATABASE_URL", "DATABASE_URL"];
        let Some(url) = url.into_iter().find_map(|name| std::env::var(name).ok()) else {
            return println!("skipped: PostgreSQL; set TICKLER_TEST_DATABASE_URL");
        };
        println!("PostgreSQL");
        let (at, _) = url.rsplit_once('/').expect("a URL names a database");
        let mut admin = PgConnection::connect(&url).await.unwrap();
        // It may be there from a run before.
        let _ = sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {DATABASE}")))
            .execute(&mut admin)
            .await;
        let url = format!("{at}/{DATABASE}");
        let views = Views::postgres(&url).await.unwrap();
        fill(&views).await;
        views.close().await;
        let dir = tempfile::tempdir().unwrap();
        measure(dir.path(), Some(&url)).await;
    });
}

/// Makes the tasks findable as `tickler replay search` does, unless they are there.
async fn fill(views: &Views) {
    const COUNT: &str = "SELECT COUNT(*) FROM task_search";
    let there: (i64,) = match views {
        Views::Sqlite(pool) => sqlx::query_as(COUNT).fetch_one(pool).await.unwrap(),
        Views::Postgres(pool) => sqlx::query_as(COUNT).fetch_one(pool).await.unwrap(),
    };
    if there.0 >= (USER_TASKS + OTHERS * OTHER_TASKS) as i64 {
        return;
    }
    let (began, words, mut drawn) = (Instant::now(), Words::new(), Drawn(1));
    let mut of = async |user: &str, tasks: usize| {
        let all: Vec<_> = (1..=tasks).map(|n| words.task(user, n, &mut drawn)).collect();
        views.replay_search(user, &all).await.unwrap();
    };
    for user in 0..OTHERS {
        of(&format!("other-{user}"), OTHER_TASKS).await;
        if user == OTHERS / 2 {
            of(USER, USER_TASKS).await;
        }
    }
    if let Views::Postgres(pool) = views {
        sqlx::query("VACUUM ANALYZE task_search").execute(pool).await.unwrap();
    }
    println!("filled in {:.0} s", began.elapsed().as_secs_f64());
}

/// Questions of one kind, asked in turn.
struct Row {
    what: &'static str,
    user: &'static str,
    /// What is searched, in each the same other parameters.
    q: Vec<String>,
    rest: &'static str,
    /// Which page is measured.
    page: usize,
    /// Something is created before each.
    changing: bool,
}

fn rows() -> Vec<Row> {
    let words = Words::new().all;
    let at = |rank: usize| words[rank..rank + 50].to_vec();
    let of = &words;
    let two = |a: usize, b: usize| (0..50).map(move |n| format!("{} {}", of[a + n], of[b + n]));
    let begun = |from: &[&str]| from.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let the = || begun(&["the"]);
    let row = |what, q| Row { what, user: USER, q, rest: "", page: 1, changing: false };
    vec![
        row("rare word", at(15_000)),
        row("word of one in 200", at(1_000)),
        row("two words", two(100, 300).collect()),
        row("two common words", begun(&["the call", "to buy", "and for", "send the"])),
        row(
            "prefix of a rare word",
            at(12_000).iter().map(|w| w.chars().take(5).collect()).collect(),
        ),
        row("diacritics", begun(&["cafe", "CAFÉ", "resume", "zurich", "manana"])),
        row("commonest word", the()),
        row("common prefix", begun(&["s", "t", "re", "c", "ba"])),
        Row { rest: "&status=pending", ..row("commonest word, open", the()) },
        Row {
            rest: "&tags=garden&priority=high",
            ..row("commonest word, tag and priority", the())
        },
        Row {
            rest: "&due_date_from=2026-03-01&due_date_to=2026-03-31",
            ..row("commonest word, due in March", the())
        },
        Row { rest: "&sort=due_date", ..row("commonest word by due date", the()) },
        Row { page: 5, ..row("commonest word, fifth page", the()) },
        Row { rest: "&limit=100", ..row("commonest word, 100 a page", the()) },
        Row { user: SHORT, ..row("of a list of 1,000: commonest word", the()) },
        Row {
            user: SHORT,
            ..row("of a list of 1,000: common prefix", begun(&["s", "t", "re", "c", "ba"]))
        },
        Row { changing: true, ..row("commonest word after a change", the()) },
    ]
}

async fn measure(dir: &Path, database: Option<&str>) {
    let rest: Vec<_> = database.map(|url| ("DATABASE_URL", url)).into_iter().collect();
    let server = Server::start_with(dir, &rest).await;
    let mut client = server.client().await;
    client.create(USER).await;
    server.settle().await;
    println!(
        "first question, its tasks not in memory: {}",
        ms(client.get(USER, &path("the", "")).await)
    );
    println!("{:34} {:>8} {:>9} {:>9} {:>9} {:>9}", "", "found", "p50", "p95", "p99", "most");
    for row in rows() {
        let (mut times, mut found) = measure_row(&mut client, &row).await;
        times.sort();
        found.sort();
        let at = |share: usize| ms(times[(times.len() * share / 100).min(times.len() - 1)]);
        println!(
            "{:34} {:>8} {:>9} {:>9} {:>9} {:>9}",
            row.what,
            found[found.len() / 2],
            at(50),
            at(95),
            at(99),
            at(100)
        );
    }
    println!("server: {:.0} MB of memory", server.memory() / 1e6);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {load}");
    server.stop().await;
}

async fn measure_row(client: &mut Client, row: &Row) -> (Vec<Duration>, Vec<usize>) {
    let asks = std::env::var("TICKLER_BENCH_ASKS").map_or(200, |text| text.parse().unwrap());
    let (began, mut times, mut found) = (Instant::now(), Vec::new(), Vec::new());
    for q in row.q.iter().cycle().take(asks) {
        if began.elapsed() > Duration::from_millis(ROW_MS) {
            break;
        }
        let mut path = path(q, row.rest);
        for _ in 1..row.page {
            client.get(row.user, &path).await;
            let next = answer(client)["next_cursor"].as_str().unwrap().to_owned();
            path = self::path(q, &format!("{}&cursor={next}", row.rest));
        }
        if row.changing {
            client.create(row.user).await;
        }
        times.push(client.get(row.user, &path).await);
        found.push(answer(client)["total"].as_u64().unwrap() as usize);
    }
    (times, found)
}

/// The body of the last answer.
fn answer(client: &Client) -> serde_json::Value {
    let head = client.read.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    serde_json::from_slice(&client.read[head..]).unwrap()
}

fn path(q: &str, rest: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    format!("/api/v1/search?q={}{rest}", utf8_percent_encode(q, NON_ALPHANUMERIC))
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
