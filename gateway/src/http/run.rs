//! The way of every request: host, route, credential, rate, scope, body, handler, log line.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, connect_info::Connected},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    response::Response,
    serve::IncomingStream,
};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::{net::TcpListener, time::Instant};

use super::{Access, Ask, Outcome, Resource, Route, aliases, answer, body, cors};
use crate::{
    app::{App, random_id},
    identity::{Audience, Caller, Refused, TOKEN_PREFIX, rates::Standing, scope::Scope},
    observe,
    params::Params,
    problem::{Problem, Slug},
};

/// Longest that a body may take to arrive.
const BODY_MS: u64 = 30_000;

const RATE_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE: HeaderName = HeaderName::from_static("ratelimit");

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Who calls.
    pub remote: SocketAddr,
    /// The address of ours that was called.
    pub local: Option<SocketAddr>,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { remote: *stream.remote_addr(), local: stream.io().local_addr().ok() }
    }
}

/// Answers a request for a resource.
pub(super) async fn run(app: Arc<App>, resource: Arc<Resource>, request: Request) -> Response {
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let traceparent = observe::traceparent(&parts.headers);
    let path = parts.uri.path().to_owned();
    let method = parts.method.clone();
    let mut standing = None;
    let origin = parts.headers.get(header::ORIGIN).cloned();
    let origin = origin.filter(|origin| app.identity.origins.allows(origin));
    let step = Step { app: &app, resource: &resource, traceparent: &traceparent };
    let answered = step.answer(&mut parts, body, &mut standing).await;
    let mut answer = answered.unwrap_or_else(|problem| problem.answer(&path));
    let headers = answer.headers_mut();
    if let Some(origin) = origin {
        cors::allow(headers, origin);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        let never = HeaderValue::from_static("private, no-cache");
        headers.insert(header::CACHE_CONTROL, never);
    }
    if let Some(Standing { rate, left, reset_s }) = standing {
        let policy = format!("\"user\";q={};w={}", rate.requests, rate.window_s);
        headers.insert(RATE_POLICY, answer::text(&policy));
        let now = format!("\"user\";r={};t={reset_s}", left.unwrap_or(0));
        headers.insert(RATE, answer::text(&now));
    }
    let took = began.elapsed();
    observe::request(&app, &method, resource.template, answer.status(), took, &traceparent);
    answer
}

struct Step<'a> {
    app: &'a Arc<App>,
    resource: &'a Arc<Resource>,
    traceparent: &'a str,
}

impl Step<'_> {
    async fn answer(
        &self,
        parts: &mut Parts,
        body: Body,
        standing: &mut Option<Standing>,
    ) -> Outcome {
        self.check_host(parts)?;
        if aliases::is_reserved(self.resource.template, parts.uri.path()) {
            return Err(Problem::not_found());
        }
        if parts.method == Method::OPTIONS && !self.resource.routes.is_empty() {
            return Ok(cors::options(&parts.headers, &self.allowed()));
        }
        let route = self.route(&parts.method)?;
        let caller = match route.access {
            Access::Open => None,
            Access::Scope(_) | Access::Mcp => {
                let caller = self.caller(parts, route.access).await?;
                *standing = self.app.rates.request(&caller.user, Instant::now());
                if let Some(Standing { left: None, reset_s, .. }) = standing {
                    return Err(too_many(*reset_s, "You ask too often"));
                }
                if let Access::Scope(scope) = route.access {
                    self.app.identity.allow(&caller, scope, &parts.headers)?;
                }
                self.check_cookie_origin(parts, &caller)?;
                let introduced = self.app.introduce(&caller, self.traceparent).await;
                introduced.map_err(|failure| Problem::failed(failure, &caller.user))?;
                Some(caller)
            }
            Access::Stream => {
                let caller = self.looker(parts).await?;
                *standing = self.app.rates.request(&caller.user, Instant::now());
                if let Some(Standing { left: None, reset_s, .. }) = standing {
                    return Err(too_many(*reset_s, "You ask too often"));
                }
                self.app.identity.allow(&caller, Scope::TasksRead, &parts.headers)?;
                Some(caller)
            }
        };
        let path = path_values(parts).await;
        let receive = body::receive(parts, body, route.body_max);
        let body = tokio::time::timeout(Duration::from_millis(BODY_MS), receive)
            .await
            .map_err(|_| Problem::new(Slug::Malformed, "The body took too long to arrive."))??;
        self.handle(route, parts, caller, path, body).await
    }

    /// Runs the handler within its time; a panic in it is a bug that costs one answer.
    async fn handle(
        &self,
        route: &Route,
        parts: &mut Parts,
        caller: Option<Arc<Caller>>,
        path: Vec<(String, String)>,
        body: Bytes,
    ) -> Outcome {
        let parts = std::mem::replace(parts, axum::http::Request::new(()).into_parts().0);
        let app = self.app.clone();
        let traceparent = self.traceparent.to_owned();
        let ask = Ask { app, caller, parts, path, body, traceparent, spelled: None };
        let handled = AssertUnwindSafe((route.handler)(ask)).catch_unwind();
        match tokio::time::timeout(Duration::from_millis(route.within_ms), handled).await {
            Err(_) => Err(Problem::unavailable()),
            Ok(Err(_)) => {
                tracing::error!(route = self.resource.template, "a handler panicked");
                Err(Problem::internal())
            }
            Ok(Ok(outcome)) => outcome,
        }
    }

    fn check_host(&self, parts: &Parts) -> Result<(), Problem> {
        let origins = &self.app.identity.origins;
        let mcp = self.resource.routes.iter().any(|route| route.access == Access::Mcp);
        if !origins.checks_hosts && !mcp {
            return Ok(());
        }
        let host = parts.uri.authority().map(|authority| authority.as_str());
        let header = |name| parts.headers.get(name).map(|value: &HeaderValue| value.to_str());
        let host = host.map(Ok).or_else(|| header(header::HOST));
        if host.is_some_and(|host| !host.is_ok_and(|host| origins.allows_host(host))) {
            let why = "This host is not one of ours; add it to TICKLER_ALLOWED_HOSTS.";
            return Err(Problem::new(Slug::ForbiddenOrigin, why));
        }
        let origin = parts.headers.get(header::ORIGIN);
        let checks_origin = self.app.config.is_dev() || mcp;
        match checks_origin && origin.is_some_and(|origin| !origins.allows(origin)) {
            true => Err(forbidden_origin()),
            false => Ok(()),
        }
    }

    /// Writes by cookie need an allowed origin: another site can make a browser send the cookie, but not that.
    fn check_cookie_origin(&self, parts: &Parts, caller: &Caller) -> Result<(), Problem> {
        if !caller.by_cookie || matches!(parts.method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        let origin = parts.headers.get(header::ORIGIN);
        match origin.is_some_and(|origin| self.app.identity.origins.allows(origin)) {
            true => Ok(()),
            false => Err(forbidden_origin()),
        }
    }

    fn route(&self, method: &Method) -> Result<&Route, Problem> {
        let routes = &self.resource.routes;
        if routes.is_empty() {
            return Err(Problem::new(Slug::NotFound, Problem::not_found().detail));
        }
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        routes.iter().find(|route| route.method == *wanted).ok_or_else(|| {
            let allowed = self.allowed();
            Problem::new(Slug::MethodNotAllowed, format!("Here you can use {allowed}."))
                .with_header(header::ALLOW, allowed)
        })
    }

    /// The methods of the resource, as `Allow` lists them.
    fn allowed(&self) -> String {
        let mut allowed: Vec<&str> =
            self.resource.routes.iter().map(|route| route.method.as_str()).collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.push("OPTIONS");
        allowed.join(", ")
    }

    /// The caller of a stream: by a ticket, a subprotocol, or as everywhere. Another site's page may open a WebSocket
    /// with our cookie, so a foreign origin gets none.
    async fn looker(&self, parts: &Parts) -> Result<Arc<Caller>, Problem> {
        let ticket = Params::decode(parts.uri.query())?.take("ticket");
        if let Some(ticket) = ticket {
            let now = self.app.actors.now();
            let taken = self.app.accounts.take_ticket(&ticket, now).await;
            let caller = taken.map(|holder| holder.map(Caller::holder).map(Arc::new));
            let caller = caller.map_err(Refused::from).and_then(|c| c.ok_or(Refused::Bad));
            return self.identified(parts, caller, Audience::Api);
        }
        if self.app.config.live_query_token && aliases::takes_query_token(self.resource.template) {
            let token = Params::decode(parts.uri.query())?.take("token");
            // A personal token lives too long for an address that others may log.
            if let Some(token) = token.filter(|token| !token.starts_with(TOKEN_PREFIX)) {
                let identified = self.app.identity.bearer(self.app, &token).await;
                return self.identified(parts, identified, Audience::Api);
            }
        }
        let protocols = protocols(&parts.headers);
        let mut tokens = protocols.iter().filter_map(|name| name.strip_prefix(BEARER_PROTOCOL));
        if let Some(token) = tokens.next() {
            let identified = self.app.identity.bearer(self.app, token).await;
            return self.identified(parts, identified, Audience::Api);
        }
        let caller = self.caller(parts, Access::Stream).await?;
        let origin = parts.headers.get(header::ORIGIN);
        match origin.is_some_and(|origin| !self.app.identity.origins.allows(origin)) {
            true if caller.by_cookie => Err(forbidden_origin()),
            _ => Ok(caller),
        }
    }

    async fn caller(&self, parts: &Parts, access: Access) -> Result<Arc<Caller>, Problem> {
        let audience = if access == Access::Mcp { Audience::Mcp } else { Audience::Api };
        let identified = self.app.identity.caller(self.app, &parts.headers, audience).await;
        self.identified(parts, identified, audience)
    }

    fn identified(
        &self,
        parts: &Parts,
        identified: Result<Arc<Caller>, Refused>,
        audience: Audience,
    ) -> Result<Arc<Caller>, Problem> {
        match identified {
            Ok(caller) => Ok(caller),
            Err(Refused::Unavailable) => Err(Problem::unavailable()),
            Err(refused) => {
                count_failure(self.app, parts)?;
                Err(self.app.identity.challenge(refused, &parts.headers, audience))
            }
        }
    }
}

/// What the subprotocol begins with that carries a token.
pub(super) const BEARER_PROTOCOL: &str = "bearer.";

/// The WebSocket subprotocols that a client offers.
pub(super) fn protocols(headers: &HeaderMap) -> Vec<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let texts = offered.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    texts.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Counts a credential that was refused; after too many of them an address is refused itself.
pub(super) fn count_failure(app: &App, parts: &Parts) -> Result<(), Problem> {
    match app.rates.failure(address(parts), Instant::now()) {
        Some(Standing { left: None, reset_s, .. }) => {
            Err(too_many(reset_s, "Too many credentials from you were refused"))
        }
        _ => Ok(()),
    }
}

pub(super) fn forbidden_origin() -> Problem {
    let why = "This origin may not call; add it to TICKLER_ALLOWED_ORIGINS.";
    Problem::new(Slug::ForbiddenOrigin, why)
}

pub(super) fn too_many(reset_s: u64, what: &str) -> Problem {
    let why = format!("{what}; try again in {reset_s} s.");
    Problem::new(Slug::RateLimited, why).retry_after(u32::try_from(reset_s).unwrap_or(1))
}

/// The address that calls; one for all where it is not known.
fn address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<Peer>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.remote.ip())
}

/// The variable parts of the path, decoded; one that is no UTF-8 is nobody's id.
async fn path_values(parts: &mut Parts) -> Vec<(String, String)> {
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(params) => {
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// A trace id for requests that bring none.
pub(crate) fn new_trace() -> String {
    let id = random_id().simple().to_string();
    format!("00-{id}-{}-01", &id[..16])
}

#[cfg(test)]
mod tests {
    use axum::http;
    use serde_json::Value;

    use super::*;
    use crate::{Config, Flags, Host, http::route};

    async fn app(folder: &std::path::Path) -> Arc<App> {
        let flags = Flags { data: Some(folder.to_owned()), ..Flags::default() };
        let config = Config::read([], &flags).unwrap_or_else(|wrong| panic!("{wrong}"));
        let host = Host::open(&config).await.expect("a host");
        crate::serve::open_app(config, host).await.expect("an app").0
    }

    #[tokio::test]
    async fn a_handler_that_panics_or_hangs_costs_one_answer() {
        async fn panics(_: Ask) -> Outcome {
            panic!("a planted bug with a secret in it")
        }
        async fn hangs(_: Ask) -> Outcome {
            std::future::pending().await
        }
        let folder = tempfile::tempdir().expect("a folder");
        let app = app(folder.path()).await;
        let resource = Arc::new(Resource {
            template: "/x",
            routes: vec![
                route(Method::GET, "/x", Access::Open, panics),
                route(Method::POST, "/x", Access::Open, hangs),
            ],
        });
        for (method, status, code) in
            [(Method::GET, 500, "internal"), (Method::POST, 503, "unavailable")]
        {
            let request = http::Request::builder().method(method).uri("/x").body(Body::empty());
            let request = request.expect("a request");
            let answer = run(app.clone(), resource.clone(), request).await;
            assert_eq!(answer.status().as_u16(), status);
            assert_eq!(answer.headers().contains_key(header::RETRY_AFTER), status == 503);
            let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(body["code"], code);
            assert!(!body.to_string().contains("secret"));
        }
    }
}
