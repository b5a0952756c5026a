//! The parameters of a route: of its path, its query, and its headers.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Route, rows::Row};

/// The parameters of a route.
pub(super) fn of(route: &Route, row: &Row, foreign: bool) -> Vec<Value> {
    let mut found = Vec::new();
    for part in route.template.split('/').filter_map(|part| part.strip_prefix('{')) {
        let name = part.trim_end_matches('}');
        let schema = json!({"type": "string"});
        found.push(json!({"name": name, "in": "path", "required": true, "schema": schema}));
    }
    for param in row.params.split_whitespace() {
        let (word, most) = param.split_once(':').unwrap_or((param, ""));
        let schema = if foreign { json!({"type": "string"}) } else { query(word, most) };
        found.push(json!({"name": named(word), "in": "query", "schema": schema}));
    }
    if row.slugs.split(' ').any(|slug| slug == "idempotency-key-reused") {
        let schema = json!({"type": "string", "pattern": "^[!-~]{1,128}$"});
        found.push(json!({"name": "Idempotency-Key", "in": "header", "schema": schema}));
    }
    let conditional = route.method != Method::GET && route.template.contains("{id}");
    let condition = if is_cached(route) { "If-None-Match" } else { "If-Match" };
    if is_cached(route) || conditional {
        let schema = json!({"type": "string", "examples": ["\"v1\""]});
        found.push(json!({"name": condition, "in": "header", "schema": schema}));
    }
    found
}

/// Whether a route answers 304 to who has the object.
pub(super) fn is_cached(route: &Route) -> bool {
    let unversioned = ["conversations", "tokens"].iter().any(|part| route.template.contains(part));
    route.method == Method::GET && route.template.ends_with("{id}") && !unversioned
}

/// What a parameter is called: the same name has other values on other routes, and there is described as another word.
fn named(word: &str) -> &str {
    match word {
        "relevance" => "sort",
        "delete_scope" => "scope",
        _ if word.ends_with("_status") => "status",
        _ => word,
    }
}

/// The schema of a query parameter. Read in any case; `""` is absent.
fn query(word: &str, most: &str) -> Value {
    let one_of =
        |values: &str| json!({"type": "string", "enum": values.split(' ').collect::<Vec<_>>()});
    match word {
        "limit" | "n" => {
            json!({"type": "integer", "minimum": 1, "maximum": most.parse::<u64>().ok()})
        }
        "offset" | "min_version" => json!({"type": "integer", "minimum": 0}),
        "completed" | "overdue" | "deleted" | "archived" | "unread" | "merge" | "force"
        | "dry_run" => json!({"type": "boolean"}),
        "sort" => one_of("created_at updated_at due_date priority title position completed_at"),
        "relevance" => {
            one_of("relevance created_at updated_at due_date priority title position completed_at")
        }
        "order" => one_of("asc desc"),
        "tags_match" => one_of("any all"),
        "scope" => one_of("following this all"),
        "delete_scope" => one_of("following this all series"),
        "format" => one_of("jsonl ics"),
        "mode" => one_of("skip replace"),
        "status" => list("pending in_progress completed cancelled open all"),
        "reminder_status" => list("pending triggered acknowledged cancelled"),
        "rule_status" => list("active paused ended"),
        "delivery_status" => list("pending delivered failed"),
        "priority" => list("urgent high medium low none"),
        "q" => json!({"type": "string", "minLength": 1, "maxLength": 200}),
        "search" => json!({"type": "string", "maxLength": 200}),
        _ => json!({"type": "string"}),
    }
}

/// A list of values, separated by commas.
fn list(values: &str) -> Value {
    let values: Vec<&str> = values.split(' ').collect();
    json!({"type": "string", "description": format!("A list of {}", values.join(", ")), "examples": values})
}
