//! How bodies are received and read.

use axum::{
    body::Body,
    http::{HeaderValue, Method, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde_json::Value;

use crate::problem::{Problem, Slug};

/// So much of a body that is too large is still taken in, so that its sender comes to read the answer.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

fn too_large(most: usize) -> Problem {
    Problem::new(Slug::TooLarge, format!("A body here has at most {most} bytes."))
}

/// Receives a body of at most `most` bytes.
pub(crate) async fn receive(parts: &Parts, body: Body, most: usize) -> Result<Bytes, Problem> {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length == Some(0) {
        return Ok(Bytes::new());
    }
    let announced = length.is_some_and(|length| length > most as u64);
    if announced && parts.headers.contains_key(header::EXPECT) {
        return Err(too_large(most));
    }
    refuse_coding(parts)?;
    let mut chunks = body.into_data_stream();
    let mut whole = Bytes::new();
    let mut gathered = BytesMut::new();
    let mut received = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|_| Problem::new(Slug::Malformed, "The body broke off before its end."))?;
        received += chunk.len();
        if received > DISCARDED_BYTES_MAX {
            break;
        }
        if received > most || announced {
            gathered.clear();
        } else if whole.is_empty() && gathered.is_empty() {
            whole = chunk;
        } else {
            if gathered.is_empty() {
                gathered.extend_from_slice(&whole);
            }
            gathered.extend_from_slice(&chunk);
        }
    }
    if received > most || announced {
        return Err(too_large(most));
    }
    Ok(if gathered.is_empty() { whole } else { gathered.freeze() })
}

/// A body comes as it is: no content coding is undone here.
fn refuse_coding(parts: &Parts) -> Result<(), Problem> {
    let mut codings = parts.headers.get_all(header::CONTENT_ENCODING).iter();
    let plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if codings.all(|coding| coding.is_empty() || plain(coding)) {
        return Ok(());
    }
    let why = "A body is taken without Content-Encoding only; send it uncompressed.";
    let problem = Problem::new(Slug::UnsupportedMediaType, why);
    Err(problem.with_header(header::ACCEPT_ENCODING, "identity"))
}

/// Reads a body as JSON of a content type that goes with the method.
pub(crate) fn json(parts: &Parts, body: &Bytes) -> Result<Value, Problem> {
    if body.is_empty() && !parts.headers.contains_key(header::CONTENT_TYPE) {
        return Err(Problem::new(Slug::Malformed, "A JSON body is needed."));
    }
    let merge = parts.method == Method::PATCH;
    let value = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !value.is_some_and(|value| is_json(value, merge)) {
        let why = "The body must be application/json in UTF-8.";
        return Err(Problem::new(Slug::UnsupportedMediaType, why));
    }
    serde_json::from_slice(body).map_err(|error| {
        let why = if error.is_eof() { "it ends too early" } else { "it is not JSON in UTF-8" };
        let at = format!("line {}, column {}", error.line(), error.column());
        Problem::new(Slug::Malformed, format!("The body cannot be read: {why} ({at})."))
    })
}

/// `application/json`, with PATCH also `application/merge-patch+json`; no charset but UTF-8.
fn is_json(content_type: &str, merge: bool) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let known = kind.eq_ignore_ascii_case("application/json")
        || (merge && kind.eq_ignore_ascii_case("application/merge-patch+json"));
    known
        && parts.all(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let utf8 = value.trim_matches('"').eq_ignore_ascii_case("utf-8")
                || value.trim_matches('"').eq_ignore_ascii_case("utf8");
            !name.trim().eq_ignore_ascii_case("charset") || utf8
        })
}
