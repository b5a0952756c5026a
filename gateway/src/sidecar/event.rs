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
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::Sidecar;
use crate::{app::wall_clock, kinds};

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

/// What a delivery holds.
enum Read {
    /// A fact for the views.
    Fact(Box<CloudEvent>),
    /// A copy for screens: something has happened to this user's things.
    Copy(String),
    /// Nothing to anybody here.
    Nothing,
}

/// `POST /events/{topic}`
pub(super) async fn take(
    State(sidecar): State<Arc<Sidecar>>,
    Path(topic): Path<String>,
    body: Bytes,
) -> Response {
    let Some(whole) = topic_name(&sidecar, &topic) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match serde_json::from_slice::<Bulk>(&body) {
        Ok(bulk) => take_bulk(&sidecar, &whole, bulk).await,
        Err(_) => take_one(&sidecar, &whole, &body).await,
    }
}

fn topic_name(sidecar: &Sidecar, plain: &str) -> Option<String> {
    let topics = sidecar.front.topics();
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
            tracing::warn!(event = "event_consumed", topic, status = "DROP", why);
            "DROP"
        }
        Ok(Read::Nothing) => "SUCCESS",
        Ok(Read::Copy(user)) => {
            sidecar.app.live.nudge(Some(&user));
            "SUCCESS"
        }
        Ok(Read::Fact(event)) => match apply(sidecar, topic, &[*event]).await {
            true => "SUCCESS",
            false => "RETRY",
        },
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
                sidecar.app.live.nudge(Some(&user));
                statuses.push((id, true));
            }
            Err(why) => {
                let is_aside = put_aside(sidecar, topic, &event, &why).await;
                statuses.push((id, is_aside));
            }
        }
    }
    let is_applied = facts.is_empty() || apply(sidecar, topic, &facts).await;
    statuses.extend(of_facts.into_iter().map(|id| (id, is_applied)));
    let said = statuses.iter().map(|(id, is_done)| {
        json!({ "entryId": id, "status": if *is_done { "SUCCESS" } else { "RETRY" } })
    });
    Json(json!({ "statuses": said.collect::<Vec<_>>() })).into_response()
}

/// Puts facts into the views; `false` where they must come again.
async fn apply(sidecar: &Sidecar, topic: &str, facts: &[CloudEvent]) -> bool {
    for tried in 1..=TRIES {
        match sidecar.app.views.apply(facts, None, wall_clock()).await {
            Ok(fresh) => {
                sidecar.app.live.tell(fresh);
                for fact in facts {
                    let (event_id, kind) = (&fact.id, &fact.kind);
                    tracing::debug!(
                        event = "event_consumed",
                        topic,
                        event_id,
                        r#type = kind,
                        status = "SUCCESS"
                    );
                }
                return true;
            }
            // Another host may have written to the same user's trail just now.
            Err(error) if tried < TRIES => {
                tracing::debug!(topic, %error, "events tried again");
                sleep(TRY_AGAIN).await;
            }
            Err(error) => tracing::warn!(event = "event_consumed", topic, status = "RETRY", %error),
        }
    }
    false
}

/// Puts what cannot be read on the dead-letter topic.
async fn put_aside(sidecar: &Sidecar, topic: &str, event: &Value, why: &str) -> bool {
    let letter = json!({ "topic": topic, "error": why, "event": event });
    let aside = sidecar.front.put(&format!("{topic}.dlq"), letter.to_string().into_bytes()).await;
    metrics::counter!("tickler_dlq_total", "topic" => topic.to_owned()).increment(1);
    tracing::warn!(event = "event_consumed", topic, status = "DLQ", why, aside = aside.is_ok());
    aside.is_ok()
}

/// Reads a CloudEvent, also one whose data is base64, or the plain form that others write.
fn read(event: Value) -> Result<Read, String> {
    let mut event = match event {
        Value::Object(event) => event,
        Value::String(text) => object(&text)?,
        _ => return Err("the event is no object".to_owned()),
    };
    if let Some(data) = event.remove("data_base64") {
        let data = data.as_str().ok_or("data_base64 is no text")?;
        event.insert("data".to_owned(), Value::Object(object(data)?));
    }
    if let Some(Value::String(text)) = event.get("data") {
        let data = Value::Object(object(text)?);
        event.insert("data".to_owned(), data);
    }
    if !event.contains_key("data") {
        event = plain(event)?;
    }
    let kind = kind_of(&event).ok_or("the event has no type")?;
    if kind == "reminder.check" {
        return Ok(Read::Nothing);
    }
    event.insert("type".to_owned(), json!(kind));
    if !event.get("id").is_some_and(Value::is_string) {
        return Err("the event has no id".to_owned());
    }
    let user = event["data"].get("user_id").or(event.get("partitionkey"));
    let user = user.and_then(Value::as_str).filter(|user| !user.is_empty());
    let user = user.ok_or("the event names no user")?;
    if event.get("copy").is_some_and(|copy| copy == "true") {
        return Ok(Read::Copy(user.to_owned()));
    }
    let fact = serde_json::from_value(Value::Object(event)).map_err(|why| why.to_string())?;
    Ok(Read::Fact(Box::new(fact)))
}

/// An object in JSON, or that in base64.
fn object(text: &str) -> Result<Map<String, Value>, String> {
    let decoded = BASE64_STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    serde_json::from_slice(&decoded).map_err(|why| format!("the event is no JSON object: {why}"))
}

/// The plain form (`event_type`, `task_id`, `user_id`, `timestamp`, …) as a CloudEvent.
fn plain(data: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let id = data.get("event_id").or(data.get("id")).cloned();
    let id = id.filter(Value::is_string).unwrap_or_else(|| {
        let text = serde_json::to_string(&data).unwrap_or_default();
        let namespace = actors::message::key::NAMESPACE;
        json!(uuid::Uuid::new_v5(&namespace, text.as_bytes()))
    });
    let mut event = Map::new();
    event.insert("id".to_owned(), id);
    event.insert("source".to_owned(), json!("plain"));
    for (name, from) in [("type", "event_type"), ("time", "timestamp"), ("subject", "task_id")] {
        if let Some(value) = data.get(from).filter(|value| value.is_string()) {
            event.insert(name.to_owned(), value.clone());
        }
    }
    event.insert("data".to_owned(), Value::Object(data));
    Ok(event)
}

/// The canonical type; the sidecar wraps what is published without one as `com.dapr.event.sent`.
fn kind_of(event: &Map<String, Value>) -> Option<String> {
    let outer =
        event.get("type").and_then(Value::as_str).filter(|kind| !kind.starts_with("com.dapr."));
    let inner = || event.get("data")?.get("event_type")?.as_str();
    let kind = outer.or_else(inner).filter(|kind| !kind.is_empty())?;
    Some(kinds::named(kind).map_or_else(|| kind.to_owned(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fact(event: Value) -> CloudEvent {
        match read(event) {
            Ok(Read::Fact(fact)) => *fact,
            Ok(_) => panic!("no fact"),
            Err(why) => panic!("{why}"),
        }
    }

    #[test]
    fn data_may_be_an_object_text_or_base64() {
        let data = json!({ "user_id": "ann", "title": "Tea" });
        let base64 = BASE64_STANDARD.encode(data.to_string());
        for (name, data) in [
            ("data", data.clone()),
            ("data", json!(data.to_string())),
            ("data_base64", json!(base64)),
        ] {
            let event = fact(json!({ "id": "1", "type": "task.created", name: data }));
            assert_eq!(event.data["title"], "Tea");
        }
    }

    #[test]
    fn the_plain_form_is_read_and_its_id_is_always_the_same() {
        let plain = json!({ "event_type": "TASK_CREATED", "task_id": "7", "user_id": "ann" });
        let (one, two) = (fact(plain.clone()), fact(plain.clone()));
        assert_eq!((one.kind.as_str(), &one.id), ("task.created", &two.id));
        let wrapped = json!({ "id": "9", "type": "com.dapr.event.sent", "data": plain });
        assert_eq!(fact(wrapped).kind, "task.created");
    }

    #[test]
    fn what_has_no_type_or_no_user_cannot_be_read() {
        for event in [
            json!({ "id": "1", "data": { "user_id": "ann" } }),
            json!({ "id": "1", "type": "task.created", "data": {} }),
            json!(7),
            json!("not json"),
        ] {
            assert!(read(event.clone()).is_err(), "{event}");
        }
    }

    #[test]
    fn copies_for_screens_are_no_facts() {
        let copy = json!({ "id": "1", "type": "task.created", "copy": "true", "data": { "user_id": "ann" } });
        assert!(matches!(read(copy), Ok(Read::Copy(user)) if user == "ann"));
    }
}
