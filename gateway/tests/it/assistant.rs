//! The other end of chat: an OpenAI-compatible provider on this host, which says what it is told to, in pieces.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

/// How an answer ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    Whole,
    BrokenOff,
}

/// One answer.
#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Vec<u8>>,
    end: End,
    /// It comes once somebody has let it.
    gate: Option<Arc<Semaphore>>,
}

impl Answer {
    /// Any answer, in one piece.
    pub(crate) fn of(status: u16, kind: &str, text: &str) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        let pieces = vec![text.as_bytes().to_vec()];
        Self { status, headers, pieces, end: End::Whole, gate: None }
    }

    /// Server-sent events.
    pub(crate) fn events(chunks: &[Value]) -> Self {
        let mut text = String::from(": here I am\n\n");
        for chunk in chunks {
            text.push_str(&format!("data: {chunk}\n\n"));
        }
        Self::of(200, "text/event-stream; charset=utf-8", &(text + "data: [DONE]\n\n"))
    }

    /// A text, word by word.
    pub(crate) fn says(text: &str) -> Self {
        let words = text.split_inclusive(' ').map(|word| delta(json!({"content": word})));
        let first = delta(json!({"role": "assistant", "content": ""}));
        let all: Vec<Value> = std::iter::once(first).chain(words).chain([stops("stop")]).collect();
        Self::events(&all)
    }

    /// Calls of tools that are asked for together, their arguments in pieces.
    pub(crate) fn calls(calls: &[(&str, Value)]) -> Self {
        Self::calls_after("", calls)
    }

    /// The same, after some words.
    pub(crate) fn calls_after(text: &str, calls: &[(&str, Value)]) -> Self {
        let mut all = vec![delta(json!({"role": "assistant", "content": text}))];
        for (n, (name, _)) in calls.iter().enumerate() {
            let function = json!({"name": name, "arguments": ""});
            let call = json!({"index": n, "id": format!("c{n}"), "type": "function", "function": function});
            all.push(delta(json!({ "tool_calls": [call] })));
        }
        let texts: Vec<Vec<char>> = calls
            .iter()
            .map(|(_, arguments)| match arguments {
                Value::String(raw) => raw.chars().collect(),
                whole => whole.to_string().chars().collect(),
            })
            .collect();
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        for at in (0..longest).step_by(3) {
            for (n, text) in texts.iter().enumerate().filter(|(_, text)| at < text.len()) {
                let piece: String = text[at..text.len().min(at + 3)].iter().collect();
                let call = json!({"index": n, "function": {"arguments": piece}});
                all.push(delta(json!({ "tool_calls": [call] })));
            }
        }
        all.push(stops("tool_calls"));
        all.push(json!({"choices": [], "usage": {"total_tokens": 9}}));
        Self::events(&all)
    }

    /// The same answer in pieces of so many bytes.
    pub(crate) fn in_pieces_of(mut self, bytes: usize) -> Self {
        let whole = self.pieces.concat();
        self.pieces = whole.chunks(bytes).map(<[u8]>::to_vec).collect();
        self
    }

    /// The same answer, of which so many bytes come.
    pub(crate) fn broken_off_after(mut self, bytes: usize) -> Self {
        let whole = self.pieces.concat();
        self.pieces = vec![whole[..bytes.min(whole.len())].to_vec()];
        self.end = End::BrokenOff;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same answer, once the semaphore has a permit for it.
    pub(crate) fn after(mut self, gate: &Arc<Semaphore>) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    async fn send(self) -> Response {
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let breaks = stream::iter((self.end == End::BrokenOff).then_some(())).then(|()| async {
            // What stands before it has been sent by then.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(std::io::Error::other("broken off"))
        });
        let apart = self.pieces.len() > 1;
        let pieces = stream::iter(self.pieces).then(move |piece| async move {
            if apart {
                // Let each be read by itself.
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            Ok::<_, std::io::Error>(Bytes::from(piece))
        });
        let mut answer = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        for (name, value) in &self.headers {
            answer = answer.header(*name, value);
        }
        answer.body(Body::from_stream(pieces.chain(breaks))).unwrap()
    }
}

/// A chunk with this delta.
pub(crate) fn delta(delta: Value) -> Value {
    json!({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn stops(why: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": why}]})
}

/// A request that came.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The messages of a role.
    pub(crate) fn messages(&self, role: &str) -> Vec<&Value> {
        let all = self.body["messages"].as_array().unwrap();
        all.iter().filter(|message| message["role"] == role).collect()
    }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    /// What is answered when nothing else is left.
    always: Option<Answer>,
    requests: Vec<Request>,
}

/// A provider.
pub(crate) struct Assistant {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Assistant {
    pub(crate) async fn start() -> Self {
        let script = Arc::<Mutex<Script>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = script.clone();
        let answer = move |request: axum::extract::Request| {
            let told = told.clone();
            async move {
                let (parts, body) = request.into_parts();
                let bytes = axum::body::to_bytes(body, 8 << 20).await.unwrap();
                let answer = {
                    let mut script = told.lock().unwrap();
                    script.requests.push(Request {
                        path: parts.uri.path().to_owned(),
                        headers: parts.headers,
                        body: serde_json::from_slice(&bytes).unwrap(),
                    });
                    script.answers.pop_front().or_else(|| script.always.clone())
                };
                let answer = answer.unwrap_or_else(|| Answer::of(500, "text/plain", "no script"));
                Ok::<_, Infallible>(answer.send().await)
            }
        };
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, script }
    }

    /// The address of its API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What it says next, after what it was told before.
    pub(crate) fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().answers.extend(answers);
    }

    /// What it says whenever there is nothing else.
    pub(crate) fn always(&self, answer: Answer) {
        self.script.lock().unwrap().always = Some(answer);
    }

    /// What it was asked since the last time.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let mut script = self.script.lock().unwrap();
        assert!(script.answers.is_empty(), "{} answers were not asked for", script.answers.len());
        std::mem::take(&mut script.requests)
    }

    /// Waits until it is asked.
    pub(crate) async fn asked(&self, count: usize) {
        for _ in 0..500 {
            if self.script.lock().unwrap().requests.len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the provider was not asked");
    }
}

/// The events of a stream, by name and data; comments are left out.
pub(crate) fn events(text: &str) -> Vec<(String, Value)> {
    let event = |block: &str| {
        let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let data = serde_json::from_str(line("data: ")?).unwrap();
        Some((line("event: ")?.to_owned(), data))
    };
    text.split("\n\n").filter_map(event).collect()
}

/// The header that asks for a stream.
pub(crate) const STREAM: (&str, &str) = ("accept", "text/event-stream");
