//! The HTTP interface: one table of routes, and the one way that every request takes.

mod answer;
mod ask;
mod body;
mod cors;
mod run;

mod recurrences;
mod reminders;
mod tags;
mod tasks;

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, http::Method, response::Response, routing::any};
use futures_util::future::BoxFuture;

use crate::{app::App, identity::scope::Scope, problem::Problem};
pub(crate) use ask::Ask;
pub use run::Peer;
pub(crate) use run::new_trace;

/// What a handler gives.
pub(crate) type Outcome = Result<Response, Problem>;

/// Largest body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// Who has a credential with this scope.
    Scope(Scope),
}

/// One row of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: &'static str,
    pub(crate) access: Access,
    pub(crate) body_max: usize,
    handler: Box<dyn Fn(Ask) -> BoxFuture<'static, Outcome> + Send + Sync>,
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
    let handler = Box::new(move |ask| -> BoxFuture<'static, Outcome> { Box::pin(handler(ask)) });
    Route { method, template, access, body_max: BODY_BYTES_MAX, handler }
}

const READ: Access = Access::Scope(Scope::TasksRead);
const WRITE: Access = Access::Scope(Scope::TasksWrite);

/// Every route there is.
#[rustfmt::skip]
fn table() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    vec![
        route(GET,    "/api/v1/tasks",                       READ,  tasks::list),
        route(POST,   "/api/v1/tasks",                       WRITE, tasks::create),
        route(GET,    "/api/v1/tasks/{id}",                  READ,  tasks::get),
        route(PUT,    "/api/v1/tasks/{id}",                  WRITE, tasks::edit),
        route(PATCH,  "/api/v1/tasks/{id}",                  WRITE, tasks::edit),
        route(DELETE, "/api/v1/tasks/{id}",                  WRITE, tasks::delete),

        route(GET,    "/api/v1/tags",                        READ,  tags::list),
        route(POST,   "/api/v1/tags",                        WRITE, tags::create),
        route(PUT,    "/api/v1/tags/{name}",                 WRITE, tags::rename),
        route(DELETE, "/api/v1/tags/{name}",                 WRITE, tags::delete),

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
        route(POST,   "/api/v1/recurrence/expand",           READ,  recurrences::expand),
        route(POST,   "/api/v1/parse",                       READ,  recurrences::parse),
    ]
}

/// All routes of one template.
pub(crate) struct Resource {
    pub(crate) template: &'static str,
    pub(crate) routes: Vec<Route>,
}

/// The whole interface.
pub fn router(app: &Arc<App>) -> Router {
    let mut resources: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    for route in table() {
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
    let router = router.fallback(move |request| run::run(fallback, nothing, request));
    cors::layer(router, &app.config)
}
