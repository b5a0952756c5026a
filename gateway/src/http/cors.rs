//! Which pages of other origins may call, and which of our headers they may read.

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{config::Config, identity::origin::Origins};

/// How long a browser may remember what it was allowed.
const MAX_AGE_S: u64 = 600;

/// Puts the rules of other origins around the interface: exact origins only, never `*`.
pub(super) fn layer(router: Router, config: &Config) -> Router {
    let origins = Origins::new(config);
    let allowed = move |origin: &HeaderValue, _: &axum::http::request::Parts| {
        origin.to_str().is_ok_and(|origin| origins.allows_origin(origin))
    };
    let exposed = [
        "etag",
        "link",
        "location",
        "x-total-count",
        "tickler-version",
        "tickler-ignored-fields",
        "idempotent-replayed",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "www-authenticate",
    ];
    let accepted = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("last-event-id"),
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("mcp-protocol-version"),
        HeaderName::from_static("mcp-session-id"),
    ];
    let methods =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    router.layer(
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(allowed))
            .allow_credentials(true)
            .allow_methods(methods)
            .allow_headers(accepted)
            .expose_headers(exposed.map(HeaderName::from_static))
            .max_age(Duration::from_secs(MAX_AGE_S)),
    )
}
