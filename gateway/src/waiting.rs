//! A start while PostgreSQL does not answer: says so, answers probes, and tries again until it does.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tower::ServiceExt;

use crate::{
    http::Peer,
    observe::START,
    problem::{Problem, Slug},
    sidecar::is_inside,
};

/// Longest that PostgreSQL may take to answer.
const ANSWER_MS: u64 = 5_000;
/// The wait between two tries.
const AGAIN_MS: u64 = 1_000;
/// It is said again after so many tries.
const SAID_EVERY: u64 = 60;
/// Seconds after which a caller may ask again.
const RETRY_S: u32 = 2;

/// Answers on a socket until everything is open.
pub(crate) struct Porch {
    open: watch::Sender<Option<Router>>,
    serving: JoinHandle<()>,
}

/// What is answered meanwhile.
struct Meanwhile {
    why: String,
    open: watch::Receiver<Option<Router>>,
}

impl Porch {
    /// Begins to answer beside what will be served on the same socket.
    fn begin(listener: TcpListener, why: String) -> Self {
        let (open, opened) = watch::channel(None);
        let meanwhile = Arc::new(Meanwhile { why, open: opened.clone() });
        let router = Router::new().fallback(answer).with_state(meanwhile);
        let service = router.into_make_service_with_connect_info::<Peer>();
        let serving = tokio::spawn(async move {
            let mut opened = opened;
            let end = async move {
                let _ = opened.wait_for(Option::is_some).await;
            };
            let _ = axum::serve(listener, service).with_graceful_shutdown(end).await;
        });
        Self { open, serving }
    }

    /// Ends: who waited is answered by the router, and everybody else comes to it by themselves.
    pub(crate) async fn end(self, router: Router) {
        self.open.send_replace(Some(router));
        let _ = tokio::time::timeout(Duration::from_millis(ANSWER_MS), self.serving).await;
    }
}

/// Waits until PostgreSQL answers at `url`. Where it does not at once, probes are answered on the socket meanwhile, by
/// what is returned. What it refuses (a password, a database that is not there) is an error at once.
pub(crate) async fn for_postgres(
    url: &str,
    mut listener: TcpListener,
) -> anyhow::Result<(TcpListener, Option<Porch>)> {
    let options: PgConnectOptions = url.parse()?;
    let place = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
    let mut porch = None;
    for tried in 0_u64.. {
        match try_once(&options).await {
            Ok(()) => break,
            Err(error) if is_away(&error) => {
                if tried.is_multiple_of(SAID_EVERY) {
                    tracing::warn!(
                        target: START,
                        "{place} does not answer ({error}); trying again every second, \
                         /ready says 503 until it does"
                    );
                }
                if porch.is_none() {
                    let (ours, meanwhile) = share(listener)?;
                    listener = ours;
                    let why = format!("{place} does not answer: {error}");
                    porch = Some(Porch::begin(meanwhile, why));
                }
                tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
            }
            Err(error) => anyhow::bail!("{place} refuses us: {error}"),
        }
    }
    if porch.is_some() {
        tracing::info!(target: START, "{place} answers");
    }
    Ok((listener, porch))
}

async fn try_once(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let connecting = PgConnection::connect_with(options);
    match tokio::time::timeout(Duration::from_millis(ANSWER_MS), connecting).await {
        Ok(connected) => connected?.close().await,
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Whether PostgreSQL is not there, or not yet: it starts, stops, or has no connection to spare.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || code == "53300"
        }),
        _ => false,
    }
}

/// The same socket twice.
fn share(listener: TcpListener) -> std::io::Result<(TcpListener, TcpListener)> {
    let one = listener.into_std()?;
    let other = one.try_clone()?;
    Ok((TcpListener::from_std(one)?, TcpListener::from_std(other)?))
}

/// Probes hear how it stands, people that they may come again. The sidecar asks once what we are, so it waits.
async fn answer(State(it): State<Arc<Meanwhile>>, request: Request) -> Response {
    let path = request.uri().path();
    match path {
        "/health" | "/health/live" | "/healthz" | "/livez" => {
            let (version, tzdata) = (env!("CARGO_PKG_VERSION"), chrono_tz::IANA_TZDB_VERSION);
            Json(json!({ "status": "healthy", "version": version, "tzdata": tzdata }))
                .into_response()
        }
        "/ready" | "/health/ready" | "/readyz" => {
            let check = json!({ "ok": false, "detail": it.why });
            let checks = json!({ "store": check, "actors": check, "views": check });
            let body = json!({ "status": "not_ready", "checks": checks });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
        _ if is_inside(path) => {
            let mut open = it.open.clone();
            let router = open.wait_for(Option::is_some).await.ok().and_then(|open| open.clone());
            match router {
                Some(router) => {
                    let Ok(answer) = router.oneshot(request).await;
                    answer
                }
                None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
        _ => {
            let why = "The server is starting and waits for its database; try again.";
            Problem::new(Slug::Unavailable, why).retry_after(RETRY_S).answer(path)
        }
    }
}
