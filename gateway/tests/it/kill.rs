//! kill -9 at random points under load: what was acknowledged is there, and nothing is there twice.
//!
//! `TICKLER_KILLS` sets how often (the test command: 200; `cargo test`: 8; hours: as many as you like).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{SecondsFormat, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::program::Program;

const CLIENTS: usize = 8;
const KILLS_DEFAULT: u64 = 8;

/// What the clients know: acknowledged tasks by id, with what is certain of them, and reminders set.
#[derive(Default)]
struct Known {
    asked: HashSet<String>,
    tasks: HashMap<String, Task>,
    reminders: HashSet<String>,
}

#[derive(Default, Clone)]
struct Task {
    key: String,
    completed: bool,
    next: Option<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_comes_twice() {
    let mut server = Program::start_with(&[("TICKLER_LOG_LEVEL", "error")]).await;
    if server.is_deployed() {
        return;
    }
    let kills = std::env::var("TICKLER_KILLS").map_or(KILLS_DEFAULT, |n| n.parse().unwrap());
    let seed = std::env::var("TICKLER_SEED").map_or(1, |n| n.parse().unwrap());
    let mut random = Random(seed);
    let known = Arc::new(Mutex::new(Known::default()));
    for round in 0..kills {
        let wait = Duration::from_millis(random.below(400));
        load(&server, &known, round, wait).await;
        server.kill();
        if random.below(4) == 0 {
            tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        }
        server.start_again();
        if round % 10 == 9 || round + 1 == kills {
            compare(&server, &known, seed).await;
        }
    }
    fired_once(&server, &known).await;
}

/// Clients write until the time is up; what they are in the middle of then is cut by the kill.
async fn load(server: &Program, known: &Arc<Mutex<Known>>, round: u64, wait: Duration) {
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (url, known) = (server.url.clone(), known.clone());
        clients.spawn(async move {
            for step in 0.. {
                if one(&url, &known, &format!("{round}-{client}-{step}")).await.is_err() {
                    return;
                }
            }
        });
    }
    tokio::time::sleep(wait).await;
    clients.abort_all();
}

/// Creates a recurring task, sets a reminder that comes soon, completes it: each noted when acknowledged.
async fn one(url: &str, known: &Arc<Mutex<Known>>, key: &str) -> reqwest::Result<()> {
    let http = reqwest::Client::new();
    let send = async |method: Method, path: String, body: Value, key: String| {
        let request = http.request(method, format!("{url}{path}")).json(&body);
        let answer = request.header("idempotency-key", key).send().await?;
        let status = answer.status();
        answer.json::<Value>().await.map(|body| status.is_success().then_some(body))
    };
    known.lock().unwrap().asked.insert(key.to_owned());
    let task = json!({"title": key, "due_date": "2027-01-31", "recurrence": "monthly"});
    let Some(task) = send(Method::POST, "/api/v1/tasks".into(), task, key.into()).await? else {
        return Ok(());
    };
    let id = task["id"].as_str().unwrap().to_owned();
    known.lock().unwrap().tasks.insert(id.clone(), Task { key: key.into(), ..Task::default() });
    let soon =
        (Utc::now() + TimeDelta::milliseconds(150)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let set = json!({"task_id": id, "remind_at": soon});
    if let Some(set) =
        send(Method::POST, "/api/v1/reminders".into(), set, format!("{key}-r")).await?
    {
        known.lock().unwrap().reminders.insert(set["id"].as_str().unwrap().to_owned());
    }
    if key.len().is_multiple_of(2) {
        let path = format!("/api/v1/tasks/{id}/complete");
        if let Some(done) = send(Method::POST, path, json!({}), format!("{key}-c")).await? {
            let mut known = known.lock().unwrap();
            let task = known.tasks.get_mut(&id).unwrap();
            task.completed = true;
            task.next = done["next"]["id"].as_str().map(str::to_owned);
        }
    }
    Ok(())
}

/// Everything acknowledged is there; every task was asked for; each occurrence is there once.
async fn compare(server: &Program, known: &Arc<Mutex<Known>>, seed: u64) {
    let mut found: HashMap<String, Value> = HashMap::new();
    let mut path = "/api/v1/tasks?limit=1000&sort=created_at&order=asc".to_owned();
    loop {
        let page = server.get(&path).await;
        let link = page.header("link").to_owned();
        for task in page.json().as_array().expect("a list") {
            let id = task["id"].as_str().unwrap().to_owned();
            assert!(found.insert(id.clone(), task.clone()).is_none(), "{id} twice, seed {seed}");
        }
        let Some(next) = link.split('<').nth(1).and_then(|l| l.split('>').next()) else { break };
        path = next.strip_prefix(&server.url).unwrap_or(next).to_owned();
    }
    let known = known.lock().unwrap();
    for (id, task) in &known.tasks {
        let now = found.get(id).unwrap_or_else(|| panic!("{} lost, seed {seed}", task.key));
        assert!(!task.completed || now["completed"] == true, "{id} open again, seed {seed}");
        if let Some(next) = &task.next {
            assert!(found.contains_key(next), "the successor of {id} lost, seed {seed}");
        }
    }
    let mut occurrences = HashSet::new();
    for task in found.values() {
        let title = task["title"].as_str().unwrap();
        assert!(known.asked.contains(title), "{title} came from nowhere, seed {seed}");
        let occurrence = (title.to_owned(), task["occurrence"].to_string());
        assert!(occurrences.insert(occurrence), "{title} twice, seed {seed}");
    }
}

/// Every acknowledged reminder has fired once or gone with its task, however often the lights went out.
async fn fired_once(server: &Program, known: &Arc<Mutex<Known>>) {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let reminders: Vec<String> = known.lock().unwrap().reminders.iter().cloned().collect();
    for id in &reminders {
        let reminder = server.get(&format!("/api/v1/reminders/{id}")).await.expect(200);
        assert_ne!(reminder["status"], "pending", "{id} never fired");
    }
    let mut told = HashSet::new();
    let inbox = server.get("/api/v1/notifications?limit=200").await.expect(200);
    for entry in inbox["notifications"].as_array().unwrap() {
        assert!(told.insert(entry["reminder_id"].to_string()), "a reminder fired twice");
    }
}

/// splitmix64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
