//! What the description says of an answer: a status, a header or a content type that it does not name fails the test
//! that met it.

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::sync::OnceCell;

static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// The description, which is the same on every server.
pub(crate) async fn document(client: &reqwest::Client, url: &str) -> &'static Value {
    let read = async {
        let asked = client.get(format!("{url}/openapi.json")).send().await;
        asked.expect("an answer").json().await.expect("the description is JSON")
    };
    DOCUMENT.get_or_init(|| read).await
}

/// The template that serves a path, and what is done on it: where several fit, the one with the earliest literal part.
pub(crate) fn resource<'a>(document: &'a Value, path: &str) -> Option<(&'a str, &'a Value)> {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| -> Option<Vec<bool>> {
        let words: Vec<&str> = template.split('/').collect();
        let fit = |(word, part): (&&str, &&str)| match word.starts_with('{') {
            true => (!part.is_empty()).then_some(false),
            false => (word == part).then_some(true),
        };
        (words.len() == parts.len())
            .then(|| words.iter().zip(&parts).map(fit).collect::<Option<Vec<bool>>>())?
    };
    let paths = document["paths"].as_object().expect("paths");
    let fitting = paths.iter().filter_map(|(template, methods)| {
        fits(template).map(|literal| (literal, template.as_str(), methods))
    });
    let best = fitting.max_by(|one, other| one.0.cmp(&other.0));
    best.map(|(_, template, methods)| (template, methods))
}

/// Headers of HTTP itself, and those that browsers alone ask for (CORS).
const GENERAL: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "date",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// Fails where the description, once it was read, does not name the status, a header or the content type that was
/// answered.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, (status, headers): (u16, &HeaderMap), text: &[u8]) {
    let Some(document) = DOCUMENT.get() else { return };
    let shown = format!("{method} {path} answered {status}: {}", String::from_utf8_lossy(text));
    let refused = [403, 404, 405].contains(&status);
    let Some((template, methods)) = resource(document, path) else {
        assert!(refused, "nothing is described there, and {shown}");
        return;
    };
    let described = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    let operation = &methods[&described];
    if operation.is_null() {
        assert!(refused || method == "OPTIONS", "{template} has no {method}, and {shown}");
        return;
    }
    let response = &operation["responses"][status.to_string()];
    let place = response["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    let response = place.map_or(response, |place| document.pointer(place).expect("an answer"));
    assert!(!response.is_null(), "{template} does not describe that {shown}");
    let empty = serde_json::Map::new();
    let named = response["headers"].as_object().unwrap_or(&empty);
    for name in headers.keys().map(|name| name.as_str()) {
        let general = GENERAL.contains(&name) || name.starts_with("access-control-");
        let described = named.keys().any(|one| one.eq_ignore_ascii_case(name));
        assert!(general || described, "{template} does not describe {name}, and {shown}");
    }
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    match response["content"].as_object() {
        Some(content) => assert!(content.contains_key(kind), "{kind} is not described: {shown}"),
        None => assert_eq!(kind, "", "no content is described, and {shown}"),
    }
}
