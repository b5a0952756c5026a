//! A server of this process on a free port, and a caller that looks at everything it answers.

use gateway::{Config, Flags, Host, Server};
use reqwest::{
    Client, Method,
    header::{HeaderMap, HeaderName},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::described;

/// A running server; it stops when it is dropped.
pub(crate) struct Running {
    url: String,
    client: Client,
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Got {
    /// A header, empty where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem's code, or nothing.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A text of the body.
    pub(crate) fn str(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The same, which must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The same, which must be a problem of this kind, written as every problem is.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:tickler:problem:{code}"));
        assert_eq!(self.body["status"], status);
        for member in ["title", "detail", "instance"] {
            assert!(!self.str(member).is_empty(), "{member}: {}", self.text);
        }
        assert!(self.body["errors"].is_array(), "{}", self.text);
        self
    }
}

/// One request that is being put together.
pub(crate) struct Call<'a> {
    server: &'a Running,
    request: reqwest::RequestBuilder,
    target: (String, String),
}

impl Running {
    /// A server in dev mode with a test clock.
    pub(crate) async fn dev() -> Self {
        Self::with(&[("TICKLER_TEST_CLOCK", "1")]).await
    }

    /// A server with these variables.
    pub(crate) async fn with(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let flags = Flags {
            bind: Some("127.0.0.1:0".to_owned()),
            data: Some(folder.path().to_owned()),
            ..Flags::default()
        };
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::read(vars, &flags).unwrap_or_else(|wrong| panic!("{wrong}"));
        let host = Host::open(&config).await.expect("a host");
        let server = Server::open(config, host).await.expect("a server");
        let url = format!("http://{}", server.address());
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { url, client, _stop: stop, _folder: folder }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the server says that it answers.
    pub(crate) async fn description(&self) -> &'static Value {
        described::document(&self.client, &self.url).await
    }

    /// Begins a request.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let target = (method.to_owned(), path.to_owned());
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("{}{path}", self.url);
        Call { server: self, request: self.client.request(method, url), target }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Got {
        self.call("GET", path).send().await
    }

    /// Any method with a JSON body.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Got {
        self.call(method, path).json(&body).send().await
    }

    /// POST without a body.
    pub(crate) async fn post(&self, path: &str) -> Got {
        self.call("POST", path).send().await
    }

    /// Makes a task and gives it as answered.
    pub(crate) async fn task(&self, body: Value) -> Value {
        self.send("POST", "/api/v1/tasks", body).await.is(201).body
    }
}

impl Call<'_> {
    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.request = self.request.header(name, value);
        self
    }

    /// Adds a bearer token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").raw(body.to_string())
    }

    /// Adds any body.
    pub(crate) fn raw(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.body(body);
        self
    }

    /// Sends it, and waits for the whole answer, which must be one that is described.
    pub(crate) async fn send(self) -> Got {
        let request = self.request.build().expect("a request");
        let answer = self.server.client.execute(request).await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let got = Got { status, headers, text, body };
        let (method, path) = &self.target;
        self.server.description().await;
        let answered = (got.status, &got.headers);
        described::check(method, path, answered, got.text.as_bytes());
        got
    }
}
