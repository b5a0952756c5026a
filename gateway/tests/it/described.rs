//! What the description says of an answer: a status or a content type that it does not name fails the test that met it.

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

/// Fails where the description, once it was read, does not name the status or the content type that was answered.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, (status, kind): (u16, &str), text: &[u8]) {
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
    assert!(!response.is_null(), "{template} does not describe that {shown}");
    let kind = kind.split(';').next().unwrap_or_default();
    match response["content"].as_object() {
        Some(content) => assert!(content.contains_key(kind), "{kind} is not described: {shown}"),
        None => assert_eq!(kind, "", "no content is described, and {shown}"),
    }
}
