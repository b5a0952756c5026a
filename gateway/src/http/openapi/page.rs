//! The description as one page that needs nothing from elsewhere.

use serde_json::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1d1d1f;background:#fff}h2{margin-top:2.5rem;border-bottom:1px solid #ddd}details{margin:.4rem 0}\
summary{cursor:pointer}code,pre{font:14px/1.4 ui-monospace,monospace}pre{overflow:auto;background:#f5f5f7;\
padding:.8rem}b{display:inline-block;min-width:4.5rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}\
@media(prefers-color-scheme:dark){body{color:#f5f5f7;background:#1d1d1f}pre{background:#2c2c2e}}";

/// Writes the page.
pub(super) fn page(document: &Value) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Tickler API</title>\
         <style>{STYLE}</style><h1>Tickler {}</h1><p>{} The same for machines: \
         <a href=\"/openapi.json\">/openapi.json</a>.</p>",
        escaped(&document["info"]["version"]),
        escaped(&document["info"]["description"]),
    );
    let mut areas: Vec<(&str, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let area = operation["tags"][0].as_str().unwrap_or_default();
            let text = call(document, path, method, operation);
            match areas.iter_mut().find(|(name, _)| *name == area) {
                Some((_, all)) => all.push_str(&text),
                None => areas.push((area, text)),
            }
        }
    }
    areas.sort_by_key(|(area, _)| (*area == "other spellings", *area));
    for (area, text) in areas {
        html.push_str(&format!("<h2>{area}</h2>{text}"));
    }
    for (title, part) in [("Problems", "examples"), ("Headers", "headers"), ("Schemas", "schemas")]
    {
        html.push_str(&format!("<h2>{title}</h2>"));
        for (name, one) in document["components"][part].as_object().into_iter().flatten() {
            let text = serde_json::to_string_pretty(one).unwrap_or_default();
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            html.push_str(&format!(
                "<details id=\"{name}\"><summary><code>{name}</code></summary><pre>{text}</pre></details>"
            ));
        }
    }
    html
}

/// One call.
fn call(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let summary = escaped(&operation["summary"]);
    let method = method.to_ascii_uppercase();
    let mut html = format!(
        "<details><summary><b><code>{method}</code></b><code>{path}</code> {summary}</summary>"
    );
    if operation["description"].is_string() {
        html.push_str(&format!("<p>{}</p>", escaped(&operation["description"])));
    }
    html.push_str("<table>");
    for one in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (escaped(&one["name"]), escaped(&one["in"]));
        html.push_str(&format!("<tr><td><code>{name}</code><td>{place}"));
    }
    let body = &operation["requestBody"]["content"];
    if body.is_object() {
        html.push_str(&format!("<tr><td>body<td>{}", schema(body)));
    }
    for (status, one) in operation["responses"].as_object().into_iter().flatten() {
        let one = resolved(document, one);
        let (what, schema) = (escaped(&one["description"]), schema(&one["content"]));
        html.push_str(&format!("<tr><td>{status}<td>{what} {schema}"));
    }
    html.push_str("</table></details>");
    html
}

/// What a reference stands for.
fn resolved<'a>(document: &'a Value, one: &'a Value) -> &'a Value {
    let place = one["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(one)
}

/// A link to the schema of a content.
fn schema(content: &Value) -> String {
    let schemas = content.as_object().into_iter().flatten();
    let names = schemas.filter_map(|(_, one)| one["schema"]["$ref"].as_str()?.rsplit('/').next());
    names.map(|name| format!("<a href=\"#{name}\">{name}</a>")).collect::<Vec<_>>().join(" ")
}

fn escaped(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
