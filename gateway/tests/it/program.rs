//! A running `tickler` with a folder of its own, or the deployed one that `BASE_URL` names.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Method, Response, StatusCode, header::HeaderMap};
use serde_json::Value;
use tempfile::TempDir;

use crate::described;

/// How long a start may take before a test gives up.
const START_SECONDS_MAX: u64 = 30;

pub(crate) struct Program {
    pub(crate) url: String,
    child: Option<Child>,
    folder: Option<TempDir>,
    env: Vec<(String, String)>,
    http: reqwest::Client,
    user: String,
    /// What it has said on stdout.
    log: Arc<Mutex<String>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, after a look at the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        let body = self.json();
        assert_eq!(self.status.as_u16(), status, "answered {body}");
        body
    }
}

impl Program {
    /// A server on an empty folder, or the deployed one.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server on an empty folder with these variables besides.
    pub(crate) async fn start_with(env: &[(&str, &str)]) -> Self {
        if let Ok(urls) = std::env::var("BASE_URL") {
            let (url, http, user) = deployed(&urls);
            described::document(&http, &url).await;
            let (env, log) = (Vec::new(), Arc::default());
            return Self { url, child: None, folder: None, env, http, user, log };
        }
        let http = reqwest::Client::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (url, user) = (String::new(), "dev".to_owned());
        let (folder, log) = (Some(folder), Arc::default());
        let mut server = Self { url, child: None, folder, env, http, user, log };
        server.run();
        described::document(&server.http, &server.url).await;
        server
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The user that its requests are of.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// True on a deployed stack, where a test cannot restart what it talks to.
    pub(crate) fn is_deployed(&self) -> bool {
        self.folder.is_none()
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.as_ref().expect("a deployed server has no folder here").path()
    }

    /// The process, where it is ours.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    fn run(&mut self) {
        let mut child =
            command(self.data_dir().to_owned(), &self.env).spawn().expect("tickler starts");
        self.url = address(&mut child, &self.log);
        self.child = Some(child);
    }

    /// Ends the process with SIGKILL, as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server is ours to kill");
            child.wait().expect("the server has ended");
        }
    }

    /// Starts again on the same folder.
    pub(crate) fn start_again(&mut self) {
        self.run();
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.call_with(method, path, body, &[]).await.expect("the server answers")
    }

    /// One request; `Err` where the connection broke.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let verb = method.to_string();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = whole(request.timeout(Duration::from_secs(10)).send().await?).await?;
        let answered = (answer.status.as_u16(), &answer.headers);
        described::check(&verb, path, answered, &answer.bytes);
        Ok(answer)
    }

    /// A body of any bytes and type.
    pub(crate) async fn post_raw(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url));
        let sent = request.header("content-type", content_type).body(body).send().await;
        whole(sent.expect("the server answers")).await.expect("a whole answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn whole(response: Response) -> reqwest::Result<Answer> {
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, bytes: response.bytes().await?.to_vec() })
}

/// One of the deployed hosts (`BASE_URL`, with commas between them), and a caller who is a user of their own there where
/// `BASE_URL_SECRET` is the deployment's `TICKLER_JWT_SECRET`.
fn deployed(urls: &str) -> (String, reqwest::Client, String) {
    let random = uuid::Uuid::new_v4();
    let urls: Vec<&str> = urls.split(',').collect();
    let url = urls[usize::from(random.as_bytes()[0]) % urls.len()].trim_end_matches('/').to_owned();
    let mut headers = HeaderMap::new();
    let mut user = "dev".to_owned();
    if let Ok(secret) = std::env::var("BASE_URL_SECRET") {
        user = format!("test-{random}");
        let claims = serde_json::json!({"sub": user, "exp": 4_102_444_800_u64});
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token");
        let bearer = format!("Bearer {token}").parse().expect("a token is a header");
        headers.insert(reqwest::header::AUTHORIZATION, bearer);
    }
    let http = reqwest::Client::builder().no_proxy().default_headers(headers).build();
    (url, http.expect("a client"), user)
}

/// The program, without the settings of the tests and of whoever runs them.
pub(crate) fn tickler() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickler"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKLER_") {
            command.env_remove(name);
        }
    }
    command
}

fn command(data: PathBuf, env: &[(String, String)]) -> Command {
    let mut command = tickler();
    command.args(["serve", "--bind", "127.0.0.1:0", "--data"]).arg(data);
    command.envs(env.iter().map(|(name, value)| (name, value)));
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

/// Reads the address that the program prints, and keeps its output from then on.
fn address(child: &mut Child, log: &Arc<Mutex<String>>) -> String {
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (found, address) = mpsc::channel();
    let log = log.clone();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            log.lock().unwrap().push_str(&format!("{line}\n"));
            if let Some(at) = line.find("http://127.0.0.1:") {
                let url = line[at..].split(|c: char| c.is_whitespace() || "\"',)".contains(c));
                let _ = found.send(url.into_iter().next().unwrap_or_default().to_owned());
            }
        }
    });
    address
        .recv_timeout(Duration::from_secs(START_SECONDS_MAX))
        .expect("tickler prints its address")
        .trim_end_matches('/')
        .to_owned()
}
