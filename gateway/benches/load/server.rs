//! The program under load, and a client of it that is too light to be measured with it.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

const SECRET: &str = "a secret of a bench that is of no use to anybody";
const TASK: &str =
    r#"{"title":"water the plants on the balcony","priority":"high","tags":["home"]}"#;
/// Operations in one batch.
const BATCH: usize = 100;
/// The views are awaited until so long, so often in a row, next to nothing was done.
const QUIET_MS: u64 = 300;
const QUIET_TIMES: u32 = 4;

/// A running `tickler` on a folder of its own, or one that runs already.
pub(crate) struct Server {
    child: Option<Child>,
    address: SocketAddr,
}

impl Server {
    /// Starts the program and waits until it says where it listens; its log goes on into a file.
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[]).await
    }

    /// The same, with more in its environment.
    pub(crate) async fn start_with(dir: &Path, rest: &[(&str, &str)]) -> Self {
        let log = dir.join("log");
        let program = std::env::var_os("TICKLER_BENCH_PROGRAM");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_tickler").into());
        let mut child = Command::new(program)
            .env_clear()
            .env("TICKLER_JWT_SECRET", SECRET)
            .env("TICKLER_RATE_USER", "0")
            .env("TICKLER_DATA_DIR", dir.join("data"))
            .env("TICKLER_BIND", "127.0.0.1:0")
            .envs(rest.iter().copied())
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        loop {
            let said = BufReader::new(File::open(&log).unwrap()).lines();
            let address = said.map_while(Result::ok).find_map(|line| {
                let (_, after) = line.split_once("http://")?;
                after.split([',', ' ']).next()?.parse().ok()
            });
            if let Some(address) = address {
                return Self { child: Some(child), address };
            }
            assert!(child.try_wait().unwrap().is_none(), "it ended at once");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The server that `TICKLER_BENCH_URL` names, whose secret is `TICKLER_BENCH_SECRET`; else one of its own.
    pub(crate) async fn named_or_start(dir: &Path) -> Self {
        match std::env::var("TICKLER_BENCH_URL") {
            Ok(url) => {
                let address = url.trim_start_matches("http://").trim_end_matches('/');
                Self { child: None, address: address.parse().unwrap() }
            }
            Err(_) => Self::start(dir).await,
        }
    }

    fn id(&self) -> u32 {
        self.child.as_ref().expect("a server of our own").id()
    }

    /// A connection that is kept.
    pub(crate) fn client(&self) -> impl Future<Output = Client> + use<> {
        let address = self.address;
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            Client { stream, read: Vec::with_capacity(64 << 10), tokens: HashMap::new() }
        }
    }

    /// CPU seconds that it has used.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(self.id())
    }

    /// Bytes of memory that it holds.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
    }

    /// Waits until it has nothing more to do: the views follow what was answered.
    pub(crate) async fn settle(&self) {
        let mut before = self.cpu();
        let mut quiet = 0;
        while quiet < QUIET_TIMES {
            tokio::time::sleep(Duration::from_millis(QUIET_MS)).await;
            let now = self.cpu();
            quiet = if now - before < 0.02 { quiet + 1 } else { 0 };
            before = now;
        }
    }

    /// Asks it to end, and waits.
    pub(crate) async fn stop(mut self) {
        let Some(mut child) = self.child.take() else { return };
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    }
}

/// CPU seconds that a process has used; 0 where /proc does not say.
pub(crate) fn cpu_of(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    // A tick is a hundredth of a second wherever Linux runs.
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    /// The last answer, with its head.
    pub(crate) read: Vec<u8>,
    tokens: HashMap<String, String>,
}

impl Client {
    /// Creates a task; the time from the first byte sent to the last one read.
    pub(crate) async fn create(&mut self, user: &str) -> Duration {
        self.ask("POST", user, "/api/v1/tasks", TASK, 201).await
    }

    /// Reads.
    pub(crate) async fn get(&mut self, user: &str, path: &str) -> Duration {
        self.ask("GET", user, path, "", 200).await
    }

    /// Creates so many tasks, in few requests.
    pub(crate) async fn fill(&mut self, user: &str, tasks: usize) {
        let create = format!(r#"{{"op":"create","body":{TASK}}}"#);
        for first in (0..tasks).step_by(BATCH) {
            let some = vec![create.as_str(); BATCH.min(tasks - first)].join(",");
            let body = format!(r#"{{"operations":[{some}]}}"#);
            self.ask("POST", user, "/api/v1/tasks/batch", &body, 200).await;
        }
    }

    /// Looks at a user's stream from here on, once it has begun.
    pub(crate) async fn watch(mut self, user: &str) -> Events {
        let token = token(user);
        let request = format!(
            "GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut events = Events { stream: self.stream, text: String::new() };
        let ready = events.next().await.unwrap();
        assert!(ready.starts_with("{\"id\":"), "{ready}");
        events
    }

    async fn ask(
        &mut self,
        method: &str,
        user: &str,
        path: &str,
        body: &str,
        status: u16,
    ) -> Duration {
        let token = self.tokens.entry(user.to_owned()).or_insert_with(|| token(user));
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let began = Instant::now();
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.read.clear();
        let whole = loop {
            assert!(self.stream.read_buf(&mut self.read).await.unwrap() > 0, "it hung up");
            if let Some(whole) = length_of(&self.read) {
                break whole;
            }
        };
        while self.read.len() < whole {
            assert!(self.stream.read_buf(&mut self.read).await.unwrap() > 0, "it hung up");
        }
        let took = began.elapsed();
        let answered = String::from_utf8_lossy(&self.read);
        assert_eq!(answered.get(9..12), Some(status.to_string().as_str()), "{answered}");
        took
    }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    /// The data of the next event; `None` where the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            // The chunks' own lines are neither.
            if let Some((_, after)) = self.text.split_once("data: ")
                && let Some((data, rest)) = after.split_once("\n\n")
            {
                let data = data.to_owned();
                self.text = rest.to_owned();
                return Some(data);
            }
            let mut chunk = [0; 4 << 10];
            let n = self.stream.read(&mut chunk).await.ok()?;
            if n == 0 {
                return None;
            }
            self.text.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
        }
    }
}

/// How long the whole answer is, once its head is there.
fn length_of(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).unwrap();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    Some(head + length.unwrap())
}

/// A token of a user that this bench's server takes.
fn token(user: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = format!(r#"{{"sub":"{user}","exp":4102444800}}"#);
    let signed = format!("{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(&claims));
    let secret = std::env::var("TICKLER_BENCH_SECRET").unwrap_or_else(|_| SECRET.to_owned());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
