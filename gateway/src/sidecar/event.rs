//! Events on their way in: one, or a bulk of them, put into the views in one transaction.
//!
//! `DROP` is never answered for an entry of a bulk: where others of the bulk had succeeded before, the sidecar (1.18.3)
//! ends over it. What cannot be read goes to the dead-letter topic from here, with the reason.

use std::{sync::Arc, time::Duration};

use actors::message::event::CloudEvent;
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Sidecar, letter};
use crate::{
    app::{random_id, wall_clock},
    incoming::{Read, read},
    views::Applied,
};

/// How often a batch is tried before the sidecar is asked to bring it again.
const TRIES: usize = 3;
/// The wait between two tries.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// A bulk delivery.
#[derive(Deserialize)]
struct Bulk {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "entryId")]
    id: String,
    event: Value,
}

/// `POST /events/{topic}`
pub(super) async fn take(
    State(sidecar): State<Arc<Sidecar>>,
    Path(topic): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let plain = topic.strip_suffix(letter::SUFFIX);
    let Some(whole) = topic_name(&sidecar, plain.unwrap_or(&topic)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if plain.is_some() {
        return letter::keep(&sidecar, &whole, &headers, &body).await;
    }
    match serde_json::from_slice::<Bulk>(&body) {
        Ok(bulk) => take_bulk(&sidecar, &whole, bulk).await,
        Err(_) => take_one(&sidecar, &whole, &body).await,
    }
}

fn topic_name(sidecar: &Sidecar, plain: &str) -> Option<String> {
    let topics = &sidecar.topics;
    let topic = match plain {
        "task-events" => &topics.task_events,
        "reminders" => &topics.reminders,
        "task-recurrence" => &topics.task_recurrence,
        "task-updates" => &topics.task_updates,
        _ => return None,
    };
    Some(topic.clone())
}

async fn take_one(sidecar: &Sidecar, topic: &str, body: &[u8]) -> Response {
    let status = match serde_json::from_slice(body).map_err(|e| e.to_string()).and_then(read) {
        Err(why) => {
            let event = serde_json::from_slice(body).unwrap_or_default();
            let (event_id, kind) = named(&event);
            consumed(topic, event_id, kind, "DROP", &why);
            "DROP"
        }
        Ok(Read::Nothing) => "SUCCESS",
        Ok(Read::Copy(user)) => {
            sidecar.app.live.nudge(&user);
            "SUCCESS"
        }
        Ok(Read::Fact(event)) => {
            match apply(sidecar, topic, std::slice::from_ref(&*event)).await.as_slice() {
                [true] => "SUCCESS",
                _ => "RETRY",
            }
        }
    };
    Json(json!({ "status": status })).into_response()
}

async fn take_bulk(sidecar: &Sidecar, topic: &str, bulk: Bulk) -> Response {
    let mut facts = Vec::with_capacity(bulk.entries.len());
    let mut of_facts = Vec::with_capacity(bulk.entries.len());
    let mut statuses = Vec::with_capacity(bulk.entries.len());
    for Entry { id, event } in bulk.entries {
        match read(event.clone()) {
            Ok(Read::Fact(fact)) => {
                facts.push(*fact);
                of_facts.push(id);
            }
            Ok(Read::Nothing) => statuses.push((id, true)),
            Ok(Read::Copy(user)) => {
                sidecar.app.live.nudge(&user);
                statuses.push((id, true));
            }
            Err(why) => {
                let is_aside = put_aside(sidecar, topic, &event, &why).await;
                statuses.push((id, is_aside));
            }
        }
    }
    statuses.extend(of_facts.into_iter().zip(apply(sidecar, topic, &facts).await));
    let said = statuses.iter().map(|(id, is_done)| {
        json!({ "entryId": id, "status": if *is_done { "SUCCESS" } else { "RETRY" } })
    });
    Json(json!({ "statuses": said.collect::<Vec<_>>() })).into_response()
}

/// Puts facts into the views; says of each whether it is done with, or must come again.
async fn apply(sidecar: &Sidecar, topic: &str, facts: &[CloudEvent]) -> Vec<bool> {
    if facts.is_empty() {
        return Vec::new();
    }
    for tried in 1..=TRIES {
        match sidecar.app.views.apply_each(facts, None, wall_clock()).await {
            Ok(Applied { fresh, refused }) => {
                sidecar.app.live.tell(fresh);
                sidecar.app.notify.nudge();
                let mut done = vec![true; facts.len()];
                for (at, why) in refused {
                    done[at] = put_aside(sidecar, topic, &json!(facts[at]), &why).await;
                }
                for (fact, _) in facts.iter().zip(&done).filter(|(_, is_done)| **is_done) {
                    let (event_id, kind) = (&fact.id, &fact.kind);
                    consumed(topic, event_id, kind, "SUCCESS", "");
                }
                return done;
            }
            // Another host may have written to the same user's trail just now.
            Err(error) if tried < TRIES => {
                tracing::debug!(topic, %error, "events tried again");
                sleep(TRY_AGAIN).await;
            }
            Err(error) => {
                let why = error.to_string();
                facts.iter().for_each(|fact| consumed(topic, &fact.id, &fact.kind, "RETRY", &why));
            }
        }
    }
    vec![false; facts.len()]
}

/// Puts what cannot be read, or not be stored, on the dead-letter topic.
async fn put_aside(sidecar: &Sidecar, topic: &str, event: &Value, why: &str) -> bool {
    let is_aside = match &sidecar.front {
        Some(front) => {
            let letter = letter::write(topic, event, why);
            front.put(&format!("{topic}{}", letter::SUFFIX), letter).await.is_ok()
        }
        None => {
            let (place, event) = (random_id().to_string(), event.to_string());
            let views = &sidecar.app.views;
            views.keep_letter((topic, &place), event.as_bytes(), why, wall_clock()).await.is_ok()
        }
    };
    metrics::counter!("tickler_dlq_total", "topic" => topic.to_owned()).increment(1);
    let (event_id, kind) = named(event);
    consumed(topic, event_id, kind, if is_aside { "DROP" } else { "RETRY" }, why);
    is_aside
}

/// The id and the type that something claims to have.
fn named(event: &Value) -> (&str, &str) {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    (text("id"), text("type"))
}

/// Logs what became of an event.
fn consumed(topic: &str, event_id: &str, kind: &str, status: &str, why: &str) {
    let event = "event_consumed";
    if why.is_empty() {
        tracing::info!(event, topic, event_id, r#type = kind, status, "event consumed");
    } else {
        tracing::warn!(event, topic, event_id, r#type = kind, status, why, "event not taken");
    }
}
