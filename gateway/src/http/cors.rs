//! Which pages of other origins may call, and which of our headers they may read.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use super::answer;

const EXPOSED: &str = "ETag, Link, Location, X-Total-Count, Tickler-Version, \
    Tickler-Ignored-Fields, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, \
    WWW-Authenticate";
const ACCEPTED: &str = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, \
    Last-Event-ID, Mcp-Method, Mcp-Name, MCP-Protocol-Version, MCP-Session-Id, Traceparent";
/// How long a browser may remember what it was allowed.
const MAX_AGE_S: &str = "600";

/// Lets a page of an allowed origin read an answer.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// The answer to OPTIONS: what can be called here, also as a browser asks it beforehand.
pub(super) fn options(asked: &HeaderMap, allowed: &str) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ALLOW, answer::text(allowed));
    if asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, answer::text(allowed));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ACCEPTED));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_S));
    }
    answer
}
