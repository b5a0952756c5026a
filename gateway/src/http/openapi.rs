//! What the interface is, for machines (`/openapi.json`, OpenAPI 3.1) and for people (`/docs`): made from the table of
//! routes, so that nothing is served that is not described.

mod links;
mod page;
mod parameters;
mod rows;

use std::{collections::BTreeMap, sync::LazyLock};

use axum::http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use self::rows::{ROWS, Row};
use super::{Access, Ask, Outcome, Route, aliases, answer, routes};
use crate::problem::Slug;

/// The schemas of bodies and answers.
const SCHEMAS: &str = include_str!("openapi/schemas.json");

/// Bodies that may be left out.
const OPTIONAL: &[&str] = &["Completed", "Snooze", "Occurrence"];

/// What a change may leave out and a new object needs: the schema, the fields it is made of, and those needed.
const REQUIRED: &[(&str, &str, &[&str])] = &[
    ("NewTask", "TaskFields", &["title"]),
    ("NewReminder", "ReminderFields", &["task_id"]),
    ("NewRecurrence", "RecurrenceFields", &["recurrence", "start", "task"]),
    ("NewWebhook", "WebhookFields", &["url", "events"]),
];

/// The document, which is the same for everybody.
static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// `GET /openapi.json`
pub(super) async fn json(ask: Ask) -> Outcome {
    ask.no_params()?;
    Ok(answer::json(StatusCode::OK, &*DOCUMENT))
}

/// `GET /docs`
pub(super) async fn docs(ask: Ask) -> Outcome {
    ask.no_params()?;
    let mut answer = answer::written(StatusCode::OK, page::page(&DOCUMENT).into_bytes());
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}

/// The document as text.
pub(crate) fn text() -> String {
    serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default()
}

fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes() {
        let method = route.method.as_str().to_ascii_lowercase();
        paths.entry(route.template).or_default().insert(method, operation(&route));
    }
    let mut schemas: Value = serde_json::from_str(SCHEMAS).expect("the schemas are JSON");
    schemas["Problem"] = problem();
    for (name, fields, required) in REQUIRED {
        schemas[*name] = schemas[*fields].clone();
        schemas[*name]["required"] = json!(required);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tickler", "version": env!("CARGO_PKG_VERSION"),
            "description": "To-dos, reminders and recurring tasks. Every problem is an RFC 9457 document. In dev mode no credential is needed.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "tickler_session"},
            },
        },
    })
}

/// The schema of a problem: every kind there is.
fn problem() -> Value {
    let codes: Vec<&str> = Slug::ALL.iter().map(|slug| slug.code()).collect();
    let kinds: Vec<String> =
        codes.iter().map(|code| format!("urn:tickler:problem:{code}")).collect();
    let example = json!({
        "type": "urn:tickler:problem:invalid", "code": "invalid", "title": Slug::Invalid.title(),
        "status": 422, "detail": "The title must not be empty.", "instance": "/api/v1/tasks",
        "errors": [{"pointer": "/title", "code": "too_short", "detail": "The title must not be empty."}],
    });
    json!({
        "type": "object",
        "required": ["type", "code", "title", "status", "detail", "instance", "errors"],
        "properties": {
            "type": {"type": "string", "enum": kinds}, "code": {"type": "string", "enum": codes},
            "title": {"type": "string"}, "status": {"type": "integer"},
            "detail": {"type": "string"}, "instance": {"type": "string"},
            "errors": {"type": "array", "items": {
                "type": "object", "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string"}, "parameter": {"type": "string"},
                    "code": {"type": "string"}, "detail": {"type": "string"},
                },
            }},
            "current": {}, "results": {"type": "array"},
        },
        "examples": [example],
    })
}

/// What a route is described by: its own row, or that of the canon that it becomes.
fn row(route: &Route) -> (&'static Row, Option<String>) {
    let find = |method: &Method, template: &str| {
        let call = format!("{method} {template}");
        ROWS.iter().find(|row| row.call == call)
    };
    if let Some(row) = find(&route.method, route.template) {
        return (row, None);
    }
    let canon = aliases::becomes(&route.method, route.template);
    let (method, template) = canon.unwrap_or((Method::GET, "(nothing)"));
    let row = find(&method, template)
        .unwrap_or_else(|| panic!("{} {} is described nowhere", route.method, route.template));
    (row, Some(format!("{method} {template}")))
}

/// What an operation is called among all.
fn id_of(route: &Route) -> String {
    let name = format!("{} {}", route.method, route.template);
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

fn operation(route: &Route) -> Value {
    let (row, becomes) = row(route);
    let area = match &becomes {
        Some(_) => "other spellings",
        None => route.template.strip_prefix("/api/v1/").unwrap_or("the process"),
    };
    let area = area.split('/').next().unwrap_or_default();
    let mut operation = json!({
        "operationId": id_of(route), "summary": row.summary, "tags": [area],
        "parameters": parameters::of(route, row, becomes.is_some()),
        "responses": responses(route, row, becomes.is_some()),
    });
    if let Some(canon) = &becomes {
        operation["description"] = json!(format!(
            "As {canon}, in the names of another system: unknown body fields are ignored and named in \
             Tickler-Ignored-Fields, unknown parameters are ignored."
        ));
    }
    if !row.body.is_empty() {
        let schema = if becomes.is_some() { "Any" } else { row.body };
        operation["requestBody"] = json!({"required": !OPTIONAL.contains(&row.body), "content": content(row.body, schema)});
    }
    if route.access != Access::Open {
        operation["security"] = json!([{"bearer": []}, {"session": []}]);
    }
    operation
}

/// What a body or an answer is, by media type.
fn content(kind: &str, schema: &str) -> Value {
    let kinds: &[&str] = match kind {
        "Lines" => &["application/x-ndjson", "text/calendar"],
        "Stream" => &["text/event-stream"],
        "Text" => &["text/plain"],
        "Page" => &["text/html"],
        _ => &["application/json"],
    };
    kinds.iter().map(|kind| ((*kind).to_owned(), json!({"schema": of(schema)}))).collect()
}

fn of(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// The problems that a route may answer: its own, and those of its kind.
fn problems(route: &Route, row: &Row) -> Vec<Slug> {
    let mut codes: Vec<&str> = row.slugs.split_whitespace().collect();
    codes.extend([
        "malformed",
        "forbidden-origin",
        "internal",
        "unavailable",
        "invalid",
        "not-found",
    ]);
    codes.extend(["method-not-allowed", "too-large"]);
    if route.access != Access::Open {
        codes.extend([
            "unauthenticated",
            "insufficient-scope",
            "wrong-user",
            "rate-limited",
            "busy",
        ]);
    }
    if !row.body.is_empty() || route.method != Method::GET {
        codes.push("unsupported-media-type");
    }
    if route.template.contains('{') && route.method != Method::GET {
        codes.push("stale");
    }
    Slug::ALL.iter().copied().filter(|slug| codes.contains(&slug.code())).collect()
}

fn responses(route: &Route, row: &Row, foreign: bool) -> Value {
    let mut found = Map::new();
    let (status, schema) = row.answer.split_once(' ').unwrap_or((row.answer, ""));
    let string = json!({"schema": {"type": "string"}});
    let mut fine = json!({
        "description": row.summary,
        "headers": {"Tickler-Version": string, "RateLimit": string, "RateLimit-Policy": string},
    });
    let links = links::of(route, status);
    if !links.is_empty() {
        fine["links"] = Value::Object(links);
    }
    if route.template.ends_with("{id}") || status == "201" {
        fine["headers"]["ETag"] = string.clone();
    }
    if schema == "Tasks" {
        fine["headers"]["X-Total-Count"] = string.clone();
        fine["headers"]["Link"] = string.clone();
    }
    if !schema.is_empty() {
        fine["content"] = content(schema, if foreign { "Any" } else { schema });
    }
    let status =
        if foreign { aliases::status(&route.method, route.template, status) } else { status };
    if status == "204"
        && let Some(fine) = fine.as_object_mut()
    {
        fine.shift_remove("content");
    }
    found.insert(status.to_owned(), fine);
    if parameters::is_cached(route) {
        found.insert("304".to_owned(), json!({"description": "You have it"}));
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for slug in problems(route, row) {
        by_status.entry(slug.status().as_u16()).or_default().push(slug.code());
    }
    for (status, codes) in by_status {
        let mut body = json!({"application/problem+json": {"schema": of("Problem")}});
        if route.access == Access::Mcp {
            body["application/json"] = json!({"schema": of("JsonRpc")});
        }
        let description = codes.join(", ");
        found.insert(status.to_string(), json!({"description": description, "content": body}));
    }
    if route.access == Access::Mcp {
        found.insert("202".to_owned(), json!({"description": "A notification was taken in"}));
    }
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_every_description_is_of_a_route() {
        let routes = routes();
        for route in &routes {
            let operation = operation(route);
            assert!(operation["responses"].as_object().is_some_and(|all| all.len() > 3));
        }
        for row in ROWS {
            let there = |route: &Route| format!("{} {}", route.method, route.template) == row.call;
            assert!(routes.iter().any(there), "{} is not served", row.call);
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_problem_is_told() {
        let text = text();
        let document: Value = serde_json::from_str(&text).unwrap();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(!document["components"]["schemas"][name].is_null(), "{name}");
        }
        for slug in Slug::ALL {
            let told = ROWS.iter().any(|row| row.slugs.split(' ').any(|code| code == slug.code()));
            let common = routes().iter().any(|route| problems(route, row(route).0).contains(slug));
            assert!(told || common, "{}", slug.code());
        }
    }
}
