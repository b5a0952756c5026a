//! What the interface is, for machines (`/openapi.json`, OpenAPI 3.1) and for people (`/docs`): made from the table of
//! routes, so that nothing is served that is not described.

mod answers;
mod headers;
mod links;
mod page;
mod parameters;
mod problems;
mod rows;

use std::sync::LazyLock;

use axum::http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use utoipa::openapi::{
    Components, Content, HttpMethod, Info, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr,
    Required, SecurityRequirement, Server,
    path::{Operation, OperationBuilder},
    request_body::RequestBody,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

use self::rows::{ROWS, Row};
use super::{Access, Ask, Outcome, Route, aliases, answer, routes};
use crate::identity::scope::Scope;

/// The schemas of bodies and answers. `utoipa` cannot read them without loss: it has no schema without a type.
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
    let mut document = json!(model());
    document["components"]["schemas"] = schemas();
    document
}

/// The document but for the schemas of bodies.
fn model() -> OpenApi {
    let mut paths = Paths::new();
    for route in routes() {
        paths.add_path_operation(route.template, vec![method(&route)], operation(&route));
    }
    let mut components = Components::new();
    components.headers = headers::all();
    components.examples = problems::examples();
    components.responses = answers::refusals();
    let cookie = ApiKey::Cookie(ApiKeyValue::new("tickler_session"));
    components
        .add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components))
        .build()
}

fn info() -> Info {
    let about = "To-dos, reminders and recurring tasks. Every problem is an RFC 9457 document. In dev mode no \
                 credential is needed.";
    let info = InfoBuilder::new().title("Tickler").version(env!("CARGO_PKG_VERSION"));
    info.description(Some(about)).build()
}

fn schemas() -> Value {
    let mut schemas: Value = serde_json::from_str(SCHEMAS).expect("the schemas are JSON");
    schemas["Problem"] = problems::schema();
    for (name, fields, required) in REQUIRED {
        schemas[*name] = schemas[*fields].clone();
        schemas[*name]["required"] = json!(required);
    }
    schemas
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

fn method(route: &Route) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> Operation {
    let (row, becomes) = row(route);
    let foreign = becomes.is_some();
    let area = match foreign {
        true => "other spellings",
        false => route.template.strip_prefix("/api/v1/").unwrap_or("the process"),
    };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id_of(route)))
        .summary(Some(row.summary))
        .description(becomes.map(|canon| {
            format!(
                "As {canon}, in the names of another system: unknown body fields are ignored and named in \
                 Tickler-Ignored-Fields, unknown parameters are ignored."
            )
        }))
        .tag(area.split('/').next().unwrap_or_default())
        .parameters(Some(parameters::of(route, row, foreign)))
        .responses(answers::of(route, row, foreign));
    if !row.body.is_empty() {
        let mut body = RequestBody::new();
        body.content.extend(content(row.body, if foreign { "Any" } else { row.body }));
        let optional = OPTIONAL.contains(&row.body);
        body.required = Some(if optional { Required::False } else { Required::True });
        operation = operation.request_body(Some(body));
    }
    if route.access != Access::Open {
        let scopes = || scope(route).into_iter().map(Scope::name);
        let ways = ["bearer", "session"].map(|name| SecurityRequirement::new(name, scopes()));
        operation = operation.securities(Some(ways));
    }
    operation.build()
}

/// The scope that a credential needs; MCP's depends on the tool.
fn scope(route: &Route) -> Option<Scope> {
    match route.access {
        Access::Scope(scope) => Some(scope),
        Access::Stream => Some(Scope::TasksRead),
        Access::Open | Access::Mcp => None,
    }
}

/// What a body or an answer is, by media type.
fn content(kind: &str, schema: &str) -> impl Iterator<Item = (String, RefOr<Content>)> {
    let kinds: &[&str] = match kind {
        "Lines" => &["application/x-ndjson", "text/calendar"],
        "ChatAnswer" => &["application/json", "text/event-stream"],
        "Stream" => &["text/event-stream"],
        "Text" => &["text/plain"],
        "Page" => &["text/html"],
        _ => &["application/json"],
    };
    kinds.iter().map(move |kind| {
        let schema = if *kind == "text/event-stream" { "Stream" } else { schema };
        let content = Content::new(Some(Ref::from_schema_name(schema)));
        ((*kind).to_owned(), RefOr::T(content))
    })
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::Schema;

    use super::*;
    use crate::problem::Slug;

    #[test]
    fn every_route_is_described_and_every_description_is_of_a_route() {
        let routes = routes();
        for route in &routes {
            assert!(operation(route).responses.responses.len() > 3);
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
        for part in text.split("\"#/components/").skip(1) {
            let (kind, rest) = part.split_once('/').unwrap();
            let name = rest.split('"').next().unwrap();
            assert!(!document["components"][kind][name].is_null(), "{kind}/{name}");
        }
        for slug in Slug::ALL {
            let told =
                routes().iter().any(|route| problems::of(route, row(route).0).contains(slug));
            assert!(told, "{}", slug.code());
        }
    }

    /// Where this fails, `utoipa` has learnt what these schemas need, and the document can be made of its types alone.
    #[test]
    fn the_schemas_would_lose_by_being_read_into_types() {
        let schemas: Value = serde_json::from_str(SCHEMAS).unwrap();
        let read = |schema: &Value| serde_json::from_value::<RefOr<Schema>>(schema.clone());
        let keeps = |schema: &Value| read(schema).is_ok_and(|read| json!(read) == *schema);
        assert!(keeps(&schemas["Ready"]) && !keeps(&schemas["Audit"]) && !keeps(&schemas["Place"]));
    }
}
