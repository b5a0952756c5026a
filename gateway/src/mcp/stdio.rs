//! `tickler mcp`: one JSON-RPC message a line, in on stdin, out on stdout, and nothing else there.
//!
//! A data folder has one owner. Where a server runs, its messages go to its `/mcp`; otherwise the store is opened here and
//! the same code answers.

use std::{
    io::{BufRead, Write},
    sync::Arc,
    time::Duration,
};

use actors::{embedded::OpenError, message::key::UserId};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Asked, Kind, answer};
use crate::{
    app::App,
    cli::Exit,
    config::Config,
    http::{BODY_BYTES_MAX, new_trace},
    identity::Caller,
    serve::{self, Host, open_app},
};

/// Longest that an answer may take.
const ANSWER_MS: u64 = 30_000;
/// Longest that turns under way may take at the end.
const CLOSE_MS: u64 = 5_000;
/// Lines that wait at most.
const LINES_MAX: usize = 16;
/// JSON-RPC: the server could not or would not.
const REFUSED: i32 = -32_000;

/// Whom to speak to, and as whom.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// A server; without it the owner of the data folder, or the folder itself.
    pub(crate) url: Option<String>,
    /// The credential for a server.
    pub(crate) token: Option<String>,
    /// Whose tasks, where the folder is opened here.
    pub(crate) user: Option<String>,
}

/// Who answers.
enum Partner {
    Server { http: reqwest::Client, url: String, token: Option<String> },
    Here { app: Arc<App>, caller: Arc<Caller>, running: serve::Running },
}

/// Why nobody answers: how it ends, and one line for stderr.
type Nobody = (Exit, String);

/// Speaks until stdin ends.
pub(crate) async fn run(wanted: Wanted, config: Option<Config>) -> Exit {
    let partner = match find(wanted, config).await {
        Ok(partner) => partner,
        Err((exit, why)) => {
            eprintln!("tickler: {why}");
            return exit;
        }
    };
    let exit = talk(&partner).await;
    if let Partner::Here { app, running, .. } = partner {
        running.stop().await;
        app.actors.close(Duration::from_millis(CLOSE_MS)).await;
        app.accounts.close().await;
        app.views.close().await;
    }
    exit
}

async fn find(wanted: Wanted, config: Option<Config>) -> Result<Partner, Nobody> {
    let Wanted { url, token, user } = wanted;
    let (url, config) = match (url, config) {
        (Some(url), _) => return server(url, token),
        (None, None) => return Err((Exit::Usage, "say which server: --url".to_owned())),
        (None, Some(config)) => match Host::open(&config).await {
            Ok(host) => return here(config, host, user).await,
            Err(error) => match error.downcast_ref::<OpenError>() {
                Some(OpenError::Owned { address: Some(address), .. }) => (address.clone(), config),
                _ => return Err((Exit::Unavailable, format!("{error:#}"))),
            },
        },
    };
    let url = url.replace("//0.0.0.0", "//127.0.0.1").replace("//[::]", "//[::1]");
    let other = user.filter(|user| !(config.is_dev() && user == "dev"));
    if other.is_some() {
        let why =
            format!("{url} owns the data folder and knows people by their token: use --token");
        return Err((Exit::Refused, why));
    }
    server(url, token)
}

fn server(url: String, token: Option<String>) -> Result<Partner, Nobody> {
    let limit = Duration::from_millis(ANSWER_MS);
    let client = reqwest::Client::builder().no_proxy().timeout(limit).build();
    let http = client.map_err(|error| (Exit::Unavailable, error.to_string()))?;
    let url = url.trim_end_matches('/');
    let url = if url.ends_with("/mcp") { url.to_owned() } else { format!("{url}/mcp") };
    Ok(Partner::Server { http, url, token })
}

async fn here(config: Config, host: Host, user: Option<String>) -> Result<Partner, Nobody> {
    let unavailable = |error: anyhow::Error| (Exit::Unavailable, format!("{error:#}"));
    let user = match user {
        Some(user) => user,
        None if config.is_dev() => "dev".to_owned(),
        None => return Err((Exit::Usage, "say whose tasks: --user".to_owned())),
    };
    let user = UserId::parse(&user)
        .ok_or_else(|| (Exit::Usage, "--user has 1 to 128 characters".to_owned()))?;
    let (app, running) = open_app(config, host).await.map_err(unavailable)?;
    Ok(Partner::Here { app, caller: Arc::new(Caller::named(user)), running })
}

async fn talk(partner: &Partner) -> Exit {
    let (sender, mut lines) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    // What `initialize` agreed on holds for the messages after it.
    let mut agreed: Option<String> = None;
    while let Some(line) = lines.recv().await {
        if line.trim().is_empty() {
            continue;
        }
        let Some(answer) = partner.answer(&line, &mut agreed).await else { continue };
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    Exit::Done
}

impl Partner {
    /// The answer to a message; none to a notification.
    async fn answer(&self, line: &str, agreed: &mut Option<String>) -> Option<Value> {
        let message: Value = match serde_json::from_str(line) {
            Ok(message) if line.len() <= BODY_BYTES_MAX => message,
            Ok(_) => return Some(failed(&Value::Null, -32_600, "The message is too large.")),
            Err(_) => return Some(failed(&Value::Null, -32_700, "The line is not JSON.")),
        };
        let headers = headers(&message, agreed.as_deref());
        let body = Bytes::from(message.to_string());
        let answered = match self {
            Self::Server { http, url, token } => ask(http, url, token, headers, body).await,
            Self::Here { app, caller, .. } => {
                let limit = Duration::from_millis(ANSWER_MS);
                let handled = handle(app, caller, headers, body);
                let late = |_| Err("There is no answer now; try again.".to_owned());
                tokio::time::timeout(limit, handled).await.unwrap_or_else(late)
            }
        };
        let id = message.get("id").filter(|id| !id.is_null())?;
        let answer = match answered {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap_or_default(),
            Err(why) => return Some(failed(id, REFUSED, &why)),
        };
        if answer.get("jsonrpc").is_none() {
            // A problem document, or something that is no answer of ours.
            let why = answer["detail"].as_str().unwrap_or("The server gave no answer.");
            return Some(failed(id, REFUSED, why));
        }
        if message["method"] == "initialize" {
            *agreed = answer["result"]["protocolVersion"].as_str().map(str::to_owned);
        }
        Some(answer)
    }
}

async fn ask(
    http: &reqwest::Client,
    url: &str,
    token: &Option<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Bytes, String> {
    let mut request = http.post(url).headers(headers).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let failed = |error| crate::cli::silent(url, error);
    request.send().await.map_err(failed)?.bytes().await.map_err(failed)
}

async fn handle(
    app: &Arc<App>,
    caller: &Arc<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Bytes, String> {
    let mut parts =
        Request::post("/mcp").body(()).map_err(|error| error.to_string())?.into_parts().0;
    parts.headers = headers;
    parts.headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    let (app, caller) = (app.clone(), caller.clone());
    let asked = Asked { app, caller, kind: Kind::Mcp, traceparent: new_trace() };
    let answered = answer(asked, parts, body).await;
    let body = answered.map_err(|problem| problem.detail.into_owned())?.into_body();
    axum::body::to_bytes(body, usize::MAX).await.map_err(|error| error.to_string())
}

fn failed(id: &Value, code: i32, why: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": why}})
}

/// The headers that Streamable HTTP wants beside a message.
fn headers(message: &Value, agreed: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let both = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(header::ACCEPT, both);
    let (method, params) = (message["method"].as_str().unwrap_or_default(), &message["params"]);
    let own = params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
    if let Some(version) = own.or(agreed.filter(|_| method != "initialize")) {
        insert(&mut headers, "mcp-protocol-version", version);
    }
    insert(&mut headers, "mcp-method", method);
    if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
        insert(&mut headers, "mcp-name", name);
    }
    headers
}

/// A header; what is not plain ASCII is wrapped as the protocol says.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value;
    let text = match plain {
        true => value.to_owned(),
        false => format!("=?base64?{}?=", STANDARD.encode(value)),
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
