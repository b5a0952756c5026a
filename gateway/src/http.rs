//! The HTTP interface: one table of routes, and the one way that every request takes.

mod aliases;
mod answer;
mod ask;
mod body;
mod cors;
mod run;

mod audit;
mod batch;
mod chat;
mod clock;
mod exchange;
mod health;
mod live;
mod me;
mod named;
pub(crate) mod openapi;
mod pure;
mod recurrences;
mod reminders;
mod search;
mod session;
mod tags;
mod tasks;
mod tokens;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, http::Method, response::Response, routing::any};
use futures_util::future::BoxFuture;

use crate::{app::App, identity::scope::Scope, mcp, problem::Problem};
pub(crate) use ask::{Ask, hex};
pub(crate) use audit::unavailable;
pub use run::Peer;
pub(crate) use run::new_trace;

/// What a handler gives.
pub(crate) type Outcome = Result<Response, Problem>;

/// Longest that a request may take once its body is here.
const REQUEST_MS: u64 = 5_000;
/// Largest body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// Who has a credential with this scope.
    Scope(Scope),
    /// Who may read tasks, by a credential, a ticket, or a WebSocket's subprotocol.
    Stream,
    /// Who has a credential; each tool asks for its scope itself. Host and Origin are always judged.
    Mcp,
}

/// What answers the requests of a route.
type Handler = Arc<dyn Fn(Ask) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// One row of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: &'static str,
    pub(crate) access: Access,
    pub(crate) body_max: usize,
    /// Longest that it may take once its body is here.
    pub(crate) within_ms: u64,
    handler: Handler,
}

/// A row: method, template, access, handler.
fn route<F>(
    method: Method,
    template: &'static str,
    access: Access,
    handler: impl Fn(Ask) -> F + Send + Sync + 'static,
) -> Route
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let handler = Arc::new(move |ask| -> BoxFuture<'static, Outcome> { Box::pin(handler(ask)) });
    let (body_max, within_ms) = (BODY_BYTES_MAX, REQUEST_MS);
    Route { method, template, access, body_max, within_ms, handler }
}

const READ: Access = Access::Scope(Scope::TasksRead);
const WRITE: Access = Access::Scope(Scope::TasksWrite);
const AUDIT: Access = Access::Scope(Scope::AuditRead);
const STREAM: Access = Access::Stream;
const CHAT: Access = Access::Scope(Scope::Chat);
const TOKENS: Access = Access::Scope(Scope::Tokens);
const WEBHOOKS: Access = Access::Scope(Scope::Webhooks);
const OPEN: Access = Access::Open;

/// Every route there is.
#[expect(clippy::too_many_lines, reason = "one table, one line a route")]
#[rustfmt::skip]
fn table() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    vec![
        route(GET,    "/api/v1/tasks",                       READ,   tasks::list),
        route(POST,   "/api/v1/tasks",                       WRITE,  tasks::create),
        route(POST,   "/api/v1/tasks/batch",                 WRITE,  batch::run),
        route(GET,    "/api/v1/tasks/{id}",                  READ,   tasks::get),
        route(PUT,    "/api/v1/tasks/{id}",                  WRITE,  tasks::edit),
        route(PATCH,  "/api/v1/tasks/{id}",                  WRITE,  tasks::edit),
        route(DELETE, "/api/v1/tasks/{id}",                  WRITE,  tasks::delete),
        route(POST,   "/api/v1/tasks/{id}/complete",         WRITE,  tasks::complete),
        route(PATCH,  "/api/v1/tasks/{id}/complete",         WRITE,  tasks::toggle),
        route(POST,   "/api/v1/tasks/{id}/reopen",           WRITE,  tasks::reopen),
        route(POST,   "/api/v1/tasks/{id}/restore",          WRITE,  tasks::restore),
        route(POST,   "/api/v1/tasks/{id}/skip",             WRITE,  tasks::skip),
        route(POST,   "/api/v1/tasks/{id}/move",             WRITE,  tasks::place),
        route(PUT,    "/api/v1/tasks/{id}/tags/{name}",      WRITE,  tasks::tag),
        route(DELETE, "/api/v1/tasks/{id}/tags/{name}",      WRITE,  tasks::untag),

        route(GET,    "/api/v1/tasks/{id}/history",          AUDIT,  audit::history),
        route(POST,   "/api/v1/undo",                        WRITE,  audit::undo),
        route(GET,    "/api/v1/audit",                       AUDIT,  audit::list),
        route(GET,    "/api/v1/search",                      READ,   search::find),
        route(GET,    "/api/v1/changes",                     READ,   live::changes),
        route(GET,    "/api/v1/live",                        STREAM, live::events),
        route(POST,   "/api/v1/live/ticket",                 WRITE,  live::ticket),
        route(GET,    "/ws",                                 STREAM, live::socket),

        route(GET,    "/api/v1/export",                      READ,   exchange::export),
        Route { body_max: exchange::FILE_BYTES_MAX, ..
        route(POST,   "/api/v1/import",                      WRITE,  exchange::import) },

        route(POST,   "/api/v1/recurrence/expand",           READ,   pure::expand),
        route(POST,   "/api/v1/parse",                       READ,   pure::parse),

        route(GET,    "/api/v1/me",                          READ,   me::get),
        route(PATCH,  "/api/v1/me",                          WRITE,  me::edit),
        route(GET,    "/api/v1/tokens",                      TOKENS, tokens::list),
        route(POST,   "/api/v1/tokens",                      TOKENS, tokens::create),
        route(DELETE, "/api/v1/tokens/{id}",                 TOKENS, tokens::delete),
        route(POST,   "/api/v1/session",                     OPEN,   session::begin),
        route(DELETE, "/api/v1/session",                     OPEN,   session::end),

        route(GET,    "/health",                             OPEN,   health::health),
        route(GET,    "/health/live",                        OPEN,   health::health),
        route(GET,    "/healthz",                            OPEN,   health::health),
        route(GET,    "/livez",                              OPEN,   health::health),
        route(GET,    "/ready",                              OPEN,   health::ready),
        route(GET,    "/health/ready",                       OPEN,   health::ready),
        route(GET,    "/readyz",                             OPEN,   health::ready),
        route(GET,    "/metrics",                            OPEN,   health::metrics),
        route(GET,    "/openapi.json",                       OPEN,   openapi::json),
        route(GET,    "/docs",                               OPEN,   openapi::docs),
        route(GET,    "/.well-known/oauth-protected-resource",     OPEN, health::protected_resource),
        route(GET,    "/.well-known/oauth-protected-resource/mcp", OPEN, health::protected_resource),
        route(GET,    "/dev/clock",                          OPEN,   clock::get),
        route(PUT,    "/dev/clock",                          OPEN,   clock::set),

        route(POST,   "/mcp",                                Access::Mcp, mcp::post),

        route(GET,    "/api/v1/tags",                        READ,  tags::list),
        route(POST,   "/api/v1/tags",                        WRITE, tags::create),
        route(PUT,    "/api/v1/tags/{name}",                 WRITE, tags::rename),
        route(DELETE, "/api/v1/tags/{name}",                 WRITE, tags::delete),

        route(GET,    "/api/v1/webhooks",                    WEBHOOKS, webhooks::list),
        route(POST,   "/api/v1/webhooks",                    WEBHOOKS, webhooks::create),
        route(GET,    "/api/v1/webhooks/{id}",               WEBHOOKS, webhooks::get),
        route(PATCH,  "/api/v1/webhooks/{id}",               WEBHOOKS, webhooks::edit),
        route(DELETE, "/api/v1/webhooks/{id}",               WEBHOOKS, webhooks::delete),
        route(POST,   "/api/v1/webhooks/{id}/rotate",        WEBHOOKS, webhooks::rotate),
        route(POST,   "/api/v1/webhooks/{id}/test",          WEBHOOKS, webhooks::test),
        route(POST,   "/api/v1/webhooks/{id}/replay",        WEBHOOKS, webhooks::replay),
        route(GET,    "/api/v1/webhooks/{id}/deliveries",    WEBHOOKS, webhooks::deliveries),

        Route { within_ms: chat::SAY_MS, ..
        route(POST,   "/api/v1/chat",                        CHAT,  chat::say) },
        route(GET,    "/api/v1/chat/conversations",          CHAT,  chat::conversations),
        route(GET,    "/api/v1/chat/conversations/{id}",     CHAT,  chat::conversation),
        route(DELETE, "/api/v1/chat/conversations/{id}",     CHAT,  chat::delete),

        route(GET,    "/api/v1/reminders",                   READ,  reminders::list),
        route(POST,   "/api/v1/reminders",                   WRITE, reminders::create),
        route(GET,    "/api/v1/reminders/{id}",              READ,  reminders::get),
        route(PUT,    "/api/v1/reminders/{id}",              WRITE, reminders::edit),
        route(PATCH,  "/api/v1/reminders/{id}",              WRITE, reminders::edit),
        route(DELETE, "/api/v1/reminders/{id}",              WRITE, reminders::delete),
        route(POST,   "/api/v1/reminders/{id}/snooze",       WRITE, reminders::snooze),
        route(POST,   "/api/v1/reminders/{id}/acknowledge",  WRITE, reminders::acknowledge),
        route(GET,    "/api/v1/notifications",               READ,  reminders::inbox),
        route(POST,   "/api/v1/notifications/{id}/read",     WRITE, reminders::read),
        route(POST,   "/api/v1/notifications/read-all",      WRITE, reminders::read_all),

        route(PUT,    "/api/v1/tasks/{id}/recurrence",       WRITE, recurrences::set),
        route(POST,   "/api/v1/tasks/{id}/recurrence",       WRITE, recurrences::set),
        route(DELETE, "/api/v1/tasks/{id}/recurrence",       WRITE, recurrences::unset),
        route(POST,   "/api/v1/tasks/{id}/recurrence/cancel", WRITE, recurrences::cancel),
        route(GET,    "/api/v1/recurrences",                 READ,  recurrences::list),
        route(POST,   "/api/v1/recurrences",                 WRITE, recurrences::create),
        route(GET,    "/api/v1/recurrences/{id}",            READ,  recurrences::get),
        route(PUT,    "/api/v1/recurrences/{id}",            WRITE, recurrences::edit),
        route(PATCH,  "/api/v1/recurrences/{id}",            WRITE, recurrences::edit),
        route(DELETE, "/api/v1/recurrences/{id}",            WRITE, recurrences::delete),
        route(POST,   "/api/v1/recurrences/{id}/pause",      WRITE, recurrences::pause),
        route(POST,   "/api/v1/recurrences/{id}/resume",     WRITE, recurrences::resume),
        route(POST,   "/api/v1/recurrences/{id}/skip",       WRITE, recurrences::skip),
        route(GET,    "/api/v1/recurrences/{id}/preview",    READ,  recurrences::preview),
    ]
}

/// All routes of one template.
pub(crate) struct Resource {
    pub(crate) template: &'static str,
    pub(crate) routes: Vec<Route>,
}

/// The whole interface.
pub fn router(app: &Arc<App>) -> Router {
    serve(app, routes())
}

/// Every route there is, in every spelling.
fn routes() -> Vec<Route> {
    let mut routes = table();
    let aliases = aliases::routes(&routes);
    routes.extend(aliases);
    routes
}

/// What a process that has only actors answers: whether it lives, and what it counts.
pub(crate) fn probes(app: &Arc<App>) -> Router {
    let probes = ["/health", "/healthz", "/livez", "/ready", "/readyz", "/metrics"];
    let is_probe = |route: &Route| probes.iter().any(|probe| route.template.starts_with(probe));
    serve(app, table().into_iter().filter(is_probe).collect())
}

fn serve(app: &Arc<App>, table: Vec<Route>) -> Router {
    let mut resources: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    for route in table {
        resources.entry(route.template).or_default().push(route);
    }
    let mut router = Router::new();
    for (template, routes) in resources {
        let resource = Arc::new(Resource { template, routes });
        let app = app.clone();
        let run = move |request| run::run(app.clone(), resource.clone(), request);
        router = router.route(template, any(run));
    }
    let nothing = Arc::new(Resource { template: "(none)", routes: Vec::new() });
    let fallback = app.clone();
    router.fallback(move |request| run::run(fallback, nothing, request))
}
