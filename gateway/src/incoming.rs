//! An event that comes from outside, read: a CloudEvent, one whose data is base64, or the plain form that others write.

use actors::message::{
    event::{CloudEvent, Event},
    key::{NAMESPACE, UserId},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::kinds;

/// What a delivery holds.
pub(crate) enum Read {
    /// A fact for the views.
    Fact(Box<CloudEvent>),
    /// A copy for screens: something has happened to this user's things.
    Copy(String),
    /// Nothing to anybody here.
    Nothing,
}

/// Reads a CloudEvent, also one whose data is base64, or the plain form that others write.
pub(crate) fn read(event: Value) -> Result<Read, String> {
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
    let user = user.and_then(Value::as_str).ok_or("the event names no user")?;
    if UserId::parse(user).is_none() {
        return Err(
            "a user id has 1 to 128 characters, none of them a control character".to_owned()
        );
    }
    if event.get("copy").is_some_and(|copy| copy == "true") {
        return Ok(Read::Copy(user.to_owned()));
    }
    let fact = serde_json::from_value(Value::Object(event)).map_err(|why| why.to_string())?;
    Ok(Read::Fact(Box::new(fact)))
}

/// Reads what was set aside: as the embedded log writes events, or as topics carry them.
pub(crate) fn read_letter(bytes: &[u8]) -> Result<CloudEvent, String> {
    if let Ok(event) = serde_json::from_slice::<Event>(bytes) {
        return Ok(event.cloud_event());
    }
    let event = serde_json::from_slice(bytes).map_err(|why| format!("it is no JSON: {why}"))?;
    match read(event)? {
        Read::Fact(event) => Ok(*event),
        Read::Copy(_) => Err("it is a copy for screens, which changes nothing".to_owned()),
        Read::Nothing => Err("it is a reminder.check, which changes nothing".to_owned()),
    }
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
        json!(uuid::Uuid::new_v5(&NAMESPACE, text.as_bytes()))
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
            json!({ "id": "1", "type": "task.created", "data": { "user_id": "a\u{0}" } }),
            json!({ "id": "1", "type": "task.created", "data": { "user_id": "x".repeat(129) } }),
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
