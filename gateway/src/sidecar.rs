//! What the Dapr sidecar calls: the actors, events on their way in, jobs and cron bindings. For it alone.
//!
//! These routes stand in front of the public interface on every socket: who calls from this machine, shows
//! `APP_API_TOKEN` and does not speak for another app gets through; for everybody else they do not exist.

mod broker;
mod event;
mod jobs;
mod letter;

pub(crate) use jobs::register_patrol;

use std::{sync::Arc, time::Duration};

use actors::dapr::{Dapr, Front, Options, Service, Topics};
use axum::{
    Json, Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    app::App,
    config::{Config, Role},
    http::Peer,
};

/// Events that one delivery may hold.
const BULK_EVENTS_MAX: usize = 100;
/// How long the sidecar waits for a bulk to fill, in milliseconds.
const BULK_WAIT_MS: u64 = 40;

/// The app that a call came through, as the sidecar says.
const CALLER: &str = "dapr-caller-app-id";
/// The app that a call between apps is for: ours.
const CALLEE: &str = "dapr-callee-app-id";
/// What the app-id of actors apart ends in.
const ACTORS: &str = "-actors";

/// What the sidecar's calls work with.
pub(crate) struct Sidecar {
    /// The way to the actors behind it; none where they live in this process, and ring by themselves.
    front: Option<Front>,
    topics: Topics,
    app: Arc<App>,
}

/// Where a call for the sidecar's routes is let in or sent on.
struct Door {
    front: Option<Front>,
    inside: Router,
    token: String,
}

/// The way to the actors through the sidecar that the configuration names, and those of them that live here.
pub(crate) fn front(config: &Config) -> anyhow::Result<Front> {
    let dapr = &config.dapr;
    let host = Dapr::new(Options {
        grpc_port: dapr.grpc_port,
        api_token: dapr.api_token.clone(),
        state_store: dapr.state_store.clone(),
        pubsub: dapr.pubsub.clone(),
        topics: topics(config),
    })?;
    let gate = Duration::from_millis(config.gate_ms);
    let service = (config.role != Role::Gateway).then(|| Service::new(&host, config.zone, gate));
    Ok(Front::new(host, service))
}

/// What the topics are called.
fn topics(config: &Config) -> Topics {
    let mut topics = Topics::with_prefix(&config.dapr.topic_prefix);
    for (plain, whole) in &config.dapr.topics {
        topics.rename(plain, whole);
    }
    topics
}

/// Puts the sidecar's routes in front of the `public` interface.
pub(crate) async fn door(app: &Arc<App>, front: &Front, public: Router) -> anyhow::Result<Router> {
    let config = &app.config;
    let Some(token) = config.dapr.app_token.clone() else {
        anyhow::bail!(
            "--runtime dapr needs APP_API_TOKEN: only the sidecar may call what it calls"
        );
    };
    if !config.dapr.brokers.is_empty() {
        tokio::spawn(broker::watch(front.clone(), config.dapr.brokers.clone()));
    }
    let mut inside = front.router().await;
    if config.role != Role::Actors {
        inside = inside.merge(routes(app, Some(front.clone())));
    }
    let door = Arc::new(Door { front: Some(front.clone()), inside, token });
    Ok(public.layer(from_fn_with_state(door, enter)))
}

/// The same where the actors live in this process: what is published elsewhere can come in, if `APP_API_TOKEN` is set.
pub(crate) fn door_at_home(app: &Arc<App>, public: Router) -> Router {
    let Some(token) = app.config.dapr.app_token.clone() else { return public };
    let door = Arc::new(Door { front: None, inside: routes(app, None), token });
    public.layer(from_fn_with_state(door, enter))
}

fn routes(app: &Arc<App>, front: Option<Front>) -> Router {
    let sidecar = Sidecar { front, topics: topics(&app.config), app: app.clone() };
    Router::new()
        .route("/dapr/subscribe", get(subscribe))
        .route("/events/{topic}", post(event::take))
        .route("/api/events/{topic}", post(event::take))
        .route("/job/{name}", post(jobs::job))
        .route("/cron-reminders", post(jobs::cron_reminders).options(jobs::exists))
        .route("/cron-recurrence", post(jobs::cron_recurrence).options(jobs::exists))
        .with_state(Arc::new(sidecar))
}

/// Whether a path is one of the sidecar's.
pub(crate) fn is_inside(path: &str) -> bool {
    const PLACES: [&str; 6] =
        ["/dapr/", "/actors/", "/events/", "/api/events/", "/job/", "/cron-re"];
    PLACES.iter().any(|place| path.starts_with(place))
}

impl Door {
    /// Whether a call comes from the sidecar itself. One that it only passes on for an app names both apps. A call of an
    /// actor names the app whose sidecar it came through: ours, under either of its names.
    async fn is_own(&self, path: &str, headers: &HeaderMap) -> bool {
        if headers.contains_key(CALLEE) {
            return false;
        }
        let Some(caller) = headers.get(CALLER) else { return true };
        if !path.starts_with("/actors/") {
            return false;
        }
        let Some(front) = &self.front else { return false };
        let Ok(ours) = front.app_id().await else { return false };
        let name = |id: &str| id.strip_suffix(ACTORS).unwrap_or(id).to_owned();
        caller.to_str().is_ok_and(|caller| name(caller) == name(ours))
    }
}

/// Lets the sidecar in; everybody else finds what the public interface has there: nothing.
async fn enter(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    if !is_inside(request.uri().path()) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let is_near = peer.is_some_and(|ConnectInfo(peer)| {
        peer.remote.ip().is_loopback() && peer.local.is_some_and(|local| local.ip().is_loopback())
    });
    let headers = request.headers();
    if !is_near || !door.is_own(request.uri().path(), headers).await {
        return next.run(request).await;
    }
    if shows(headers, &door.token) {
        return match door.inside.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
    }
    // A delivery that is told 404 is lost; told anything else, it comes again, when the token may be right.
    if request.uri().path().contains("/events/") && headers.contains_key("dapr-api-token") {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Whether the caller shows our token; how long it takes says nothing of where it differs.
fn shows(headers: &HeaderMap, token: &str) -> bool {
    let shown = headers.get("dapr-api-token").map_or(&[][..], |shown| shown.as_bytes());
    let differ = shown.iter().zip(token.as_bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    shown.len() == token.len() && differ == 0
}

/// `GET /dapr/subscribe`
async fn subscribe(State(sidecar): State<Arc<Sidecar>>) -> Json<Value> {
    if sidecar.app.config.dapr.declarative {
        return Json(json!([]));
    }
    let topics = &sidecar.topics;
    let routes = [
        ("task-events", &topics.task_events),
        ("reminders", &topics.reminders),
        ("task-recurrence", &topics.task_recurrence),
        ("task-updates", &topics.task_updates),
    ];
    let subscriptions = routes.map(|(route, topic)| {
        json!({
            "pubsubname": sidecar.app.config.dapr.pubsub,
            "topic": topic,
            "route": format!("/events/{route}"),
            "deadLetterTopic": format!("{topic}.dlq"),
            "bulkSubscribe": {
                "enabled": true,
                "maxMessagesCount": BULK_EVENTS_MAX,
                "maxAwaitDurationMs": BULK_WAIT_MS,
            },
        })
    });
    Json(json!(subscriptions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_whole_or_not_at_all() {
        let mut headers = HeaderMap::new();
        assert!(!shows(&headers, "secret"));
        for (shown, is_right) in
            [("secret", true), ("secre", false), ("secret1", false), ("Secret", false), ("", false)]
        {
            headers.insert("dapr-api-token", shown.parse().unwrap());
            assert_eq!(shows(&headers, "secret"), is_right, "{shown}");
        }
    }
}
