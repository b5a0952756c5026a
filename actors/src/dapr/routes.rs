//! What the sidecar asks of us: which actors live here, their methods, their reminders and timers, and their end.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, State},
    http::StatusCode,
    middleware::from_fn_with_state,
    routing::{delete, get, put},
};
use chrono_tz::Tz;
use dapr::server::actor::runtime::{ActorRuntime, ActorState};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    Dapr, MESSAGE_BYTES_MAX,
    cure::hold,
    hosted::{Hosted, living, registration},
};
use crate::{
    actor::Actor,
    recurrence::Recurrence,
    reminder::Reminders,
    task_list::TaskList,
    turn::{CALL_MS, Relay, Turns},
};

/// Memory for task lists, about; those used longest ago go first.
const LIST_BYTES_MAX: usize = 256 << 20;
/// Memory for reminders, about.
const REMINDER_BYTES_MAX: usize = 128 << 20;
/// Memory for rules, about.
const RULE_BYTES_MAX: usize = 64 << 20;
/// Quiet time after which the sidecar lets an actor go, in seconds.
const IDLE_SECONDS: u64 = 90;
/// How long calls under way may take when an actor moves, in seconds.
const DRAIN_SECONDS: u64 = 6;

const _: () = assert!(CALL_MS < DRAIN_SECONDS * 1_000);

/// The actors that this process hosts.
#[derive(Clone)]
pub struct Service {
    dapr: Dapr,
    lists: Turns<TaskList, Dapr>,
    reminders: Turns<Reminders, Dapr>,
    rules: Turns<Recurrence, Dapr>,
}

/// What `GET /dapr/config` answers. Read once by the sidecar, at its start.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    entities: &'static [&'static str],
    actor_idle_timeout: String,
    drain_ongoing_call_timeout: String,
    drain_rebalanced_actors: bool,
}

const LIST: &str = "TaskListActor";
const REMINDER: &str = "ReminderActor";
const RULE: &str = "RecurrenceActor";

impl Service {
    /// None is in memory yet. `zone` is that of users who have set none; `gate` is how long an answer waits for the log.
    pub fn new(dapr: &Dapr, zone: Tz, gate: Duration) -> Self {
        let relay = Relay::new(gate);
        Self {
            dapr: dapr.clone(),
            lists: Turns::new(dapr.clone(), relay.clone(), zone, LIST_BYTES_MAX),
            reminders: Turns::new(dapr.clone(), relay.clone(), zone, REMINDER_BYTES_MAX),
            rules: Turns::new(dapr.clone(), relay, zone, RULE_BYTES_MAX),
        }
    }

    /// The sidecar's routes for actors. Who may call them is the caller's to see to.
    pub async fn router(&self) -> Router {
        let asked = self.clone();
        let config = get(move || async move {
            // Only a sidecar that starts asks: whatever was read through another one may be old.
            asked.forget_all();
            Json(config(&[LIST, REMINDER, RULE]))
        });
        Router::new()
            .route("/dapr/config", config)
            .merge(self.one(LIST, &self.lists).await)
            .merge(self.one(REMINDER, &self.reminders).await)
            .merge(self.one(RULE, &self.rules).await)
            .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX))
    }

    /// The routes of one type. Each has a runtime of its own, so that its layer knows its type.
    async fn one<A: Actor>(&self, actor_type: &'static str, turns: &Turns<A, Dapr>) -> Router
    where
        &'static Hosted<A>: FromRequestParts<ActorState>,
    {
        let living = living(actor_type, turns);
        let runtime = Arc::new(ActorRuntime::new(self.dapr.plain_client()));
        runtime.register_actor(registration(actor_type, living.clone())).await;
        let actor = |rest: &str| format!("/actors/{actor_type}/{{actor_id}}{rest}");
        let of = Type { actor_type, runtime: runtime.clone() };
        let own = Router::new()
            .route(&actor("/method/remind/{name}"), put(remind))
            .route(&actor("/method/timer/{name}"), put(tick))
            .route(&actor(""), delete(deactivate))
            .with_state(of);
        runtime
            .configure_method_routes(own, runtime.clone())
            .await
            .route_layer(from_fn_with_state(living, hold::<Hosted<A>>))
    }

    fn forget_all(&self) {
        self.lists.forget_all();
        self.reminders.forget_all();
        self.rules.forget_all();
    }

    /// Takes no more turns and waits for those that run, about this long.
    pub async fn close(&self, within: Duration) {
        let until = Instant::now() + within;
        let left = || until.saturating_duration_since(Instant::now());
        for ended in [
            self.lists.drain(left()).await,
            self.rules.drain(left()).await,
            self.reminders.drain(left()).await,
        ] {
            if !ended {
                tracing::warn!("turns were still running at the end");
            }
        }
    }
}

/// `GET /dapr/config` of a process that hosts no actors.
pub fn hosts_nothing() -> Router {
    Router::new().route("/dapr/config", get(|| async { Json(config(&[])) }))
}

fn config(entities: &'static [&'static str]) -> Config {
    Config {
        entities,
        actor_idle_timeout: format!("{IDLE_SECONDS}s"),
        drain_ongoing_call_timeout: format!("{DRAIN_SECONDS}s"),
        drain_rebalanced_actors: true,
    }
}

/// A type and where the SDK keeps its instances.
#[derive(Clone)]
struct Type {
    actor_type: &'static str,
    runtime: Arc<ActorRuntime>,
}

async fn remind(State(of): State<Type>, Path((id, name)): Path<(String, String)>) -> StatusCode {
    let reminded = of.runtime.invoke_reminder(of.actor_type, &id, &name, Vec::new()).await;
    status(reminded.is_ok())
}

async fn tick(State(of): State<Type>, Path((id, name)): Path<(String, String)>) -> StatusCode {
    let ticked = of.runtime.invoke_timer(of.actor_type, &id, &name, Vec::new()).await;
    status(ticked.is_ok())
}

async fn deactivate(State(of): State<Type>, Path(id): Path<String>) -> StatusCode {
    // One that was not active is as good as one that no longer is.
    let _ = of.runtime.deactivate_actor(of.actor_type, &id).await;
    StatusCode::OK
}

fn status(is_done: bool) -> StatusCode {
    if is_done { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }
}
