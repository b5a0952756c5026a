//! How results are written.

use std::sync::Arc;

use actors::message::{
    key::UserId,
    task::{Task, shown::Shown},
};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use super::Ask;

/// The user's sequence.
pub(crate) const VERSION: HeaderName = HeaderName::from_static("tickler-version");
/// The answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How many match in all.
pub(crate) const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// Bytes of JSON that a task usually takes.
const TASK_BYTES: usize = 768;

/// An answer that says nothing (204).
pub(crate) fn nothing() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// An answer of JSON that is written already.
pub(crate) fn written(status: StatusCode, json: Vec<u8>) -> Response {
    let mut answer = Response::new(Body::from(json));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// An answer of anything that serializes.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    written(status, serde_json::to_vec(value).expect("what we answer has text for keys"))
}

/// The JSON of one task.
pub(crate) fn task_json(task: &Task, user: &UserId) -> Vec<u8> {
    let mut json = Vec::with_capacity(TASK_BYTES);
    serde_json::to_writer(&mut json, &Shown { task, user })
        .expect("a task's keys are text, and memory takes what is written");
    json
}

/// The JSON of a list of tasks.
pub(crate) fn tasks_json(tasks: &[Arc<Task>], user: &UserId) -> Vec<u8> {
    let mut json = Vec::with_capacity(2 + tasks.len() * TASK_BYTES);
    let mut separator = b'[';
    for task in tasks {
        json.push(separator);
        separator = b',';
        serde_json::to_writer(&mut json, &Shown { task, user })
            .expect("a task's keys are text, and memory takes what is written");
    }
    if tasks.is_empty() {
        json.push(b'[');
    }
    json.push(b']');
    json
}

/// Adds a member to the JSON of an object that has some.
pub(crate) fn add_member(object: &mut Vec<u8>, name: &str, value: &[u8]) {
    debug_assert_eq!(object.last(), Some(&b'}'));
    object.pop();
    object.extend_from_slice(b",\"");
    object.extend_from_slice(name.as_bytes());
    object.extend_from_slice(b"\":");
    object.extend_from_slice(value);
    object.push(b'}');
}

/// An answer of one object with its ETag.
pub(crate) fn object(status: StatusCode, json: Vec<u8>, version: u64) -> Response {
    let mut answer = written(status, json);
    answer.headers_mut().insert(header::ETAG, etag(version));
    answer
}

/// The answer to a GET of one object: the object, or 304 where the caller has it.
pub(crate) fn cached(ask: &Ask, version: u64, json: impl FnOnce() -> Vec<u8>) -> Response {
    if !ask.has_version(version) {
        return object(StatusCode::OK, json(), version);
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    answer.headers_mut().insert(header::ETAG, etag(version));
    answer
}

/// `"v12"`.
pub(crate) fn etag(version: u64) -> HeaderValue {
    text(&format!("\"v{version}\""))
}

/// A header value of text that we made.
pub(crate) fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

/// Adds the user's sequence.
pub(crate) fn at_version(mut answer: Response, version: u64) -> Response {
    answer.headers_mut().insert(VERSION, HeaderValue::from(version));
    answer
}

/// Says that an answer was given before, if it was.
pub(crate) fn replayed(mut answer: Response, replayed: bool) -> Response {
    if replayed {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}

/// The link to the next page: the same request with another cursor.
pub(crate) fn next_link(ask: &Ask, cursor: &str) -> HeaderValue {
    let uri = &ask.parts.uri;
    let others = uri.query().unwrap_or_default().split('&');
    let others = others.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let cursor = path_segment(cursor);
    let query: Vec<&str> = others.collect();
    let joint = if query.is_empty() { "" } else { "&" };
    let base = base_url(ask);
    text(&format!("<{base}{}?{}{joint}cursor={cursor}>; rel=\"next\"", uri.path(), query.join("&")))
}

/// A text as one segment of a path or one value of a query.
pub(crate) fn path_segment(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

/// How the caller reaches us: the public URL, else by the host they named.
fn base_url(ask: &Ask) -> String {
    if let Some(url) = &ask.app.config.public_url {
        return url.clone();
    }
    let host = ask.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map(|host| format!("http://{host}")).unwrap_or_default()
}
