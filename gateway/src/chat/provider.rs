//! The provider: an OpenAI-compatible `/chat/completions`, streamed, within bounds.

use std::time::Duration;

use anyhow::Context;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde_json::Value;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::reply::{Payloads, Reply};
use crate::{
    config::Outside,
    problem::{Problem, Slug},
    views::chat::ToolCall,
};

/// Longest wait for a connection.
const CONNECT_MS: u64 = 5_000;
/// Longest silence, at the beginning too: a model may have to be loaded first.
const SILENCE_MS: u64 = 30_000;
/// Longest wait for the end of a stream whose answer is whole.
const LINGER_MS: u64 = 1_000;
/// Longest wait for what a refusal says.
const REFUSAL_MS: u64 = 2_000;
/// Largest answer as it comes, in bytes: a stream takes some 300 for each word.
const REPLY_BYTES_MAX: usize = 8 << 20;
/// Bytes of a refusal that are looked at.
const REFUSAL_BYTES_MAX: usize = 16 << 10;
/// How often a provider is asked that cannot be reached or fails before it says anything.
const TRIES_MAX: usize = 2;
/// The wait between.
const AGAIN_MS: u64 = 500;
/// Seconds after which a caller may ask again.
const RETRY_AFTER_S: u32 = 10;
/// The same where only the operator can mend it.
const REFUSED_RETRY_AFTER_S: u32 = 300;

/// Why a provider gave no answer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection.
    #[error("cannot be reached")]
    Unreachable,
    /// 3xx, 4xx.
    #[error("refuses our requests; its status is in the server's log")]
    Refused,
    /// 429.
    #[error("has too much to do")]
    Busy { retry_after_s: u32 },
    /// 5xx, or an error in the middle.
    #[error("failed")]
    Failed,
    /// Silence.
    #[error("took too long")]
    Slow,
    /// The connection ended in the middle.
    #[error("broke off")]
    BrokeOff,
    /// What came is not what an OpenAI-compatible provider says.
    #[error("gave an answer that cannot be read")]
    Unreadable,
    /// More than there is room for.
    #[error("gave an answer that is too long")]
    TooLong,
    /// Neither a word nor a call.
    #[error("gave an empty answer")]
    Empty,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let seconds = match failure {
            Failure::Busy { retry_after_s } => retry_after_s,
            Failure::Refused => REFUSED_RETRY_AFTER_S,
            _ => RETRY_AFTER_S,
        };
        let why = format!(
            "The chat provider {failure}. What was said and done is kept: send the same message \
             to the conversation again, and it goes on."
        );
        Self::new(Slug::ChatUnavailable, why).retry_after(seconds)
    }
}

/// The provider.
pub(super) struct Provider {
    client: Client,
    url: Url,
    model: Option<String>,
    /// `Bearer …`
    key: Option<HeaderValue>,
}

impl Provider {
    /// The provider that is configured. Its address is the operator's word, so it may be a private one.
    pub(super) fn new(outside: &Outside) -> anyhow::Result<Option<Self>> {
        let Some(url) = &outside.chat_url else { return Ok(None) };
        let url = endpoint(url).context("TICKLER_CHAT_URL")?;
        let key = outside.chat_key.as_ref().map(|key| key.trim()).filter(|key| !key.is_empty());
        let key = key.map(|key| HeaderValue::from_str(&format!("Bearer {key}"))).transpose();
        let mut key = key.ok().context("TICKLER_CHAT_KEY cannot stand in a header")?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_millis(CONNECT_MS))
            .user_agent(concat!("tickler/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Some(Self { client, url, model: outside.chat_model.clone(), key }))
    }

    /// Sends a request and begins to read its answer, of which `room` bytes of text are taken.
    pub(super) async fn ask(&self, mut body: Value, room: usize) -> Result<Speaking, Failure> {
        body["stream"] = Value::Bool(true);
        if let Some(model) = &self.model {
            body["model"] = Value::String(model.clone());
        }
        let body = body.to_string();
        let mut tries = 1;
        let answer = loop {
            match self.send(&body).await {
                Err(Failure::Unreachable | Failure::Failed) if tries < TRIES_MAX => tries += 1,
                other => break other?,
            }
            sleep(Duration::from_millis(AGAIN_MS)).await;
        };
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let streams = kind.is_none_or(|kind| !kind.starts_with("application/json"));
        let payloads = if streams { Payloads::events() } else { Payloads::document() };
        Ok(Speaking { answer, payloads, reply: Reply::new(room), bytes: 0, ended: false })
    }

    async fn send(&self, body: &str) -> Result<Response, Failure> {
        let mut request = self.client.post(self.url.clone()).body(body.to_owned());
        request = request.header(CONTENT_TYPE, "application/json");
        request = request.header(ACCEPT, "text/event-stream, application/json");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        let sent = timeout(Duration::from_millis(SILENCE_MS), request.send()).await;
        let answer = match sent {
            Err(_) => Err(Failure::Slow),
            Ok(Err(error)) if error.is_timeout() && !error.is_connect() => Err(Failure::Slow),
            Ok(Err(_)) => Err(Failure::Unreachable),
            Ok(Ok(answer)) if answer.status().is_success() => return Ok(answer),
            Ok(Ok(answer)) => Err(refusal(answer).await),
        };
        answer.inspect_err(|failure| tracing::warn!(%failure, "the chat provider gives no answer"))
    }
}

/// Where requests go: the address of the API (`https://…/v1`), or that of its `/chat/completions`.
pub(super) fn endpoint(url: &str) -> anyhow::Result<Url> {
    let mut url = Url::parse(url)?;
    if !url.path().trim_end_matches('/').ends_with("/chat/completions") {
        let mut path = url.path_segments_mut().ok().context("it has no path")?;
        path.pop_if_empty().extend(["chat", "completions"]);
    }
    Ok(url)
}

/// What a status means. What the provider says with it may hold anything, so only its code is logged.
async fn refusal(answer: Response) -> Failure {
    let status = answer.status();
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = wait.and_then(|text| text.trim().parse().ok()).unwrap_or(RETRY_AFTER_S);
    let code = timeout(Duration::from_millis(REFUSAL_MS), code(answer)).await.ok().flatten();
    let (status_code, code) = (status.as_u16(), code.unwrap_or_default());
    tracing::warn!(status = status_code, code, "the chat provider refuses");
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            Failure::Busy { retry_after_s: wait.clamp(1, REFUSED_RETRY_AFTER_S) }
        }
        status if status.is_server_error() => Failure::Failed,
        _ => Failure::Refused,
    }
}

/// `model_not_found`: a word that can be no key.
async fn code(mut answer: Response) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(more) = answer.chunk().await.ok()? {
        bytes.extend_from_slice(&more);
        if bytes.len() > REFUSAL_BYTES_MAX {
            return None;
        }
    }
    let body: Value = serde_json::from_slice(&bytes).ok()?;
    let error = &body["error"];
    let word = error["code"].as_str().or_else(|| error["type"].as_str())?;
    let fine = word.len() <= 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    fine.then(|| word.to_owned())
}

/// An answer that is being read.
pub(super) struct Speaking {
    answer: Response,
    payloads: Payloads,
    reply: Reply,
    bytes: usize,
    ended: bool,
}

impl Speaking {
    /// The next piece of text; `None` when the answer is whole.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failure> {
        let next = self.piece().await;
        next.inspect_err(|failure| tracing::warn!(%failure, "the chat provider's answer is lost"))
    }

    async fn piece(&mut self) -> Result<Option<String>, Failure> {
        loop {
            while !self.reply.cut
                && let Some(payload) = self.payloads.next()
            {
                let said = self.reply.take(&payload)?;
                if !said.is_empty() {
                    return Ok(Some(said));
                }
            }
            let finished = self.reply.finished;
            if self.ended || self.reply.cut {
                return if finished { Ok(None) } else { Err(Failure::BrokeOff) };
            }
            let wait_ms = if finished { LINGER_MS } else { SILENCE_MS };
            match timeout(Duration::from_millis(wait_ms), self.answer.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    self.bytes += bytes.len();
                    if self.bytes > REPLY_BYTES_MAX {
                        return Err(Failure::TooLong);
                    }
                    self.payloads.push(&bytes);
                }
                Ok(Ok(None)) => {
                    self.payloads.end();
                    self.ended = true;
                }
                Err(_) | Ok(Err(_)) if finished => return Ok(None),
                Err(_) => return Err(Failure::Slow),
                Ok(Err(_)) => return Err(Failure::BrokeOff),
            }
        }
    }

    /// The tools that were asked for.
    pub(super) fn calls(self, round: usize) -> Vec<ToolCall> {
        self.reply.calls(round)
    }
}
