//! Jobs and cron bindings: the net under actor reminders. Early, late or twice they do no harm.

use std::{sync::Arc, time::Duration};

use actors::{
    dapr::Front,
    message::{call::By, event::SCHEMA_VERSION, key::UserId},
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::json;
use tokio::{sync::watch, time::sleep};

use super::Sidecar;
use crate::{
    app::{random_id, wall_clock},
    http::new_trace,
    patrol,
};

/// The job that wakes one user's reminders: this and the user.
const REMINDERS: &str = "reminders-";
/// The job that looks for what should have fired.
const PATROL: &str = "patrol";
/// How often it does.
const PATROL_EVERY: &str = "@every 5m";
/// The job is looked after this often: a scheduler that has lost its data has lost the job.
const REGISTER_EVERY: Duration = Duration::from_secs(600);
/// The wait before it is registered again, where the sidecar did not take it.
const REGISTER_AGAIN: Duration = Duration::from_secs(10);

/// Keeps the patrol registered, one job for all hosts, until the process stops.
pub(crate) async fn register_patrol(front: Front, mut stopped: watch::Receiver<i64>) {
    let register = async {
        loop {
            match front.schedule_job(PATROL, PATROL_EVERY).await {
                Ok(()) => sleep(REGISTER_EVERY).await,
                Err(error) => {
                    tracing::info!(%error, "the patrol is not registered; trying again");
                    sleep(REGISTER_AGAIN).await;
                }
            }
        }
    };
    tokio::select! {
        () = register => {}
        _ = stopped.changed() => {}
    }
}

/// `OPTIONS /cron-reminders`, `/cron-recurrence`: yes, we take it.
pub(super) async fn exists() -> StatusCode {
    StatusCode::OK
}

/// `POST /job/{name}`
pub(super) async fn job(
    State(sidecar): State<Arc<Sidecar>>,
    Path(name): Path<String>,
) -> StatusCode {
    // In one process the timer of the store looks by itself.
    let Some(front) = &sidecar.front else { return StatusCode::OK };
    if name == PATROL {
        patrol::reminders(&sidecar.app.views, front).await;
        patrol::rules(&sidecar.app.views, front).await;
        return StatusCode::OK;
    }
    let Some(user) = name.strip_prefix(REMINDERS).and_then(UserId::parse) else {
        tracing::warn!(name, "a job that is not ours");
        return StatusCode::OK;
    };
    match front.wake_reminders(&user).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::warn!(%error, "a job could not wake its user's reminders");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// `POST /cron-reminders`
pub(super) async fn cron_reminders(State(sidecar): State<Arc<Sidecar>>) -> StatusCode {
    let Some(front) = &sidecar.front else { return StatusCode::OK };
    let (now, by) = (wall_clock(), By::system());
    let sequence = format!("{:020}", now.0);
    let check = json!({
        "specversion": "1.0", "id": random_id(), "source": "todo-reminder-scheduler",
        "type": "reminder.check", "time": now.to_string(), "datacontenttype": "application/json",
        "sequence": sequence, "schemaversion": SCHEMA_VERSION, "traceparent": new_trace(),
        "data": {
            "timestamp": now.to_string(), "sequence": now.0, "cause": null,
            "actor": { "kind": by.kind, "id": by.id }, "due_before": now.to_string(),
        },
    });
    let topic = &sidecar.topics.reminders;
    if let Err(error) = front.put(topic, check.to_string().into_bytes()).await {
        tracing::info!(%error, "no reminder.check was published");
    }
    patrol::reminders(&sidecar.app.views, front).await;
    StatusCode::OK
}

/// `POST /cron-recurrence`
pub(super) async fn cron_recurrence(State(sidecar): State<Arc<Sidecar>>) -> StatusCode {
    if let Some(front) = &sidecar.front {
        patrol::rules(&sidecar.app.views, front).await;
    }
    StatusCode::OK
}
