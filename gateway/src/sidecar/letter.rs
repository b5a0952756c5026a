//! Dead letters on their way in: what stands on a dead-letter topic, kept where `tickler dlq` finds it.
//!
//! We put there what we cannot read or store, with the reason; the sidecar what it cannot parse, without one.

use axum::{
    Json,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::Sidecar;
use crate::{app::wall_clock, incoming::read_letter};

/// What the name of a dead-letter topic ends in.
pub(super) const SUFFIX: &str = ".dlq";
/// Where a message stands in its topic, as the sidecar's headers say.
const PLACE: [&str; 2] = ["__partition", "__offset"];

/// A letter as we put it on its topic.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter<'a> {
    #[serde(borrow)]
    topic: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    error: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// What goes to a dead-letter topic.
pub(super) fn write(topic: &str, event: &Value, error: &str) -> Vec<u8> {
    json!({ "topic": topic, "error": error, "event": event }).to_string().into_bytes()
}

/// Keeps what came by the dead-letter topic of `topic`.
pub(super) async fn keep(
    sidecar: &Sidecar,
    topic: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let came = payload(body);
    let (topic, event, error) = opened(topic, &came);
    let place = PLACE.map(|name| headers.get(name).and_then(|value| value.to_str().ok()));
    let place = place.map(Option::unwrap_or_default).join("/");
    let views = &sidecar.app.views;
    let status = match views.keep_letter((&topic, &place), event, &error, wall_clock()).await {
        Ok(()) => "SUCCESS",
        Err(error) => {
            tracing::warn!(event = "event_consumed", topic, status = "RETRY", %error);
            "RETRY"
        }
    };
    Json(json!({ "status": status })).into_response()
}

/// What was on the topic, byte for byte: the sidecar delivers it as the base64 of a CloudEvent around it.
fn payload(body: &[u8]) -> Vec<u8> {
    let envelope: Option<Value> = serde_json::from_slice(body).ok();
    let data = envelope.as_ref().and_then(|envelope| envelope.get("data_base64"));
    let data = data.and_then(Value::as_str).and_then(|data| BASE64_STANDARD.decode(data).ok());
    data.unwrap_or_else(|| body.to_vec())
}

/// The topic, the event and the reason of a letter.
fn opened<'a>(topic: &str, came: &'a [u8]) -> (String, &'a [u8], String) {
    if let Ok(letter) = serde_json::from_slice::<Letter<'a>>(came) {
        let event = letter.event.get().as_bytes();
        return (letter.topic.into_owned(), event, letter.error.into_owned());
    }
    let why = match read_letter(came) {
        Ok(_) => "it was given up on; it can be read".to_owned(),
        Err(why) => why,
    };
    (topic.to_owned(), came, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_ours_names_its_reason_and_one_of_the_sidecar_gets_one() {
        let event = json!({ "id": "1", "type": "task.created" });
        let written = write("todo.task-events", &event, "the event names no user");
        let envelope = json!({ "id": "x", "type": "com.dapr.event.sent",
            "data_base64": BASE64_STANDARD.encode(&written) });
        let came = payload(envelope.to_string().as_bytes());
        let (topic, bytes, why) = opened("other", &came);
        assert_eq!((topic.as_str(), why.as_str()), ("todo.task-events", "the event names no user"));
        assert_eq!(bytes, event.to_string().as_bytes());

        for (came, reason) in [
            (&b"{\"id\":"[..], "it is no JSON"),
            (b"[1,2]", "no object"),
            (br#"{"id":"1","type":"task.created","data":{"user_id":"ann"}}"#, "it can be read"),
        ] {
            let (topic, bytes, why) = opened("todo.reminders", came);
            assert_eq!((topic.as_str(), bytes), ("todo.reminders", came));
            assert!(why.contains(reason), "{why}");
        }
    }
}
