//! The parameters of a route: of its path, its query, and its headers.

use axum::http::Method;
use utoipa::openapi::{
    ObjectBuilder, RefOr, Required, Schema, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

use super::{Route, aliases, rows::Row};

/// The parameters of a route.
pub(super) fn of(route: &Route, row: &Row, foreign: bool) -> Vec<Parameter> {
    let mut found = Vec::new();
    let mut add = |place, name: &str, schema: ObjectBuilder| {
        let schema: RefOr<Schema> = schema.into();
        let one = ParameterBuilder::new().name(name).parameter_in(place).schema(Some(schema));
        // In a path it is always required.
        found.push(one.required(Required::False).build());
    };
    for part in route.template.split('/').filter_map(|part| part.strip_prefix('{')) {
        add(ParameterIn::Path, part.trim_end_matches('}'), text());
    }
    let words = row.params.split_whitespace();
    let words = words.map(|param| param.split_once(':').unwrap_or((param, "")));
    if foreign {
        let ours: Vec<&str> = words.map(|(word, _)| named(word)).collect();
        for name in aliases::params(&route.method, route.template, &ours) {
            add(ParameterIn::Query, name, text());
        }
    } else {
        words.for_each(|(word, most)| add(ParameterIn::Query, named(word), query(word, most)));
    }
    if takes_key(row) {
        let schema = if is_chat(row) { text() } else { text().pattern(Some("^[!-~]{1,128}$")) };
        add(ParameterIn::Header, "Idempotency-Key", schema);
    }
    let conditional = route.method != Method::GET && route.template.contains("{id}");
    let condition = if is_cached(route) { "If-None-Match" } else { "If-Match" };
    if is_cached(route) || conditional {
        add(ParameterIn::Header, condition, text().examples(["\"v1\""]));
    }
    found
}

/// Whether a route takes an Idempotency-Key.
pub(super) fn takes_key(row: &Row) -> bool {
    is_chat(row) || row.slugs.split(' ').any(|slug| slug == "idempotency-key-reused")
}

/// Whether a key is no fault whatever it is: in chat one with another message is another message.
fn is_chat(row: &Row) -> bool {
    row.call == "POST /api/v1/chat"
}

/// Whether a route answers 304 to who has the object.
pub(super) fn is_cached(route: &Route) -> bool {
    let unversioned = ["conversations", "tokens"].iter().any(|part| route.template.contains(part));
    route.method == Method::GET && route.template.ends_with("{id}") && !unversioned
}

/// What a parameter is called: the same name has other values on other routes, and there is described as another word.
fn named(word: &'static str) -> &'static str {
    match word {
        "relevance" => "sort",
        "delete_scope" => "scope",
        _ if word.ends_with("_status") => "status",
        _ => word,
    }
}

/// The schema of a query parameter. Read in any case; `""` is absent.
fn query(word: &str, most: &str) -> ObjectBuilder {
    let number = |least: u64| of_type(Type::Integer).minimum(Some(least));
    let one_of = |values: &'static str| text().enum_values(Some(values.split(' ')));
    match word {
        "limit" | "n" => number(1).maximum(most.parse::<u64>().ok()),
        "offset" | "min_version" => number(0),
        "completed" | "overdue" | "deleted" | "archived" | "unread" | "merge" | "force"
        | "dry_run" => of_type(Type::Boolean),
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
        "q" => text().min_length(Some(1)).max_length(Some(200)),
        "search" => text().max_length(Some(200)),
        _ => text(),
    }
}

/// A list of values, separated by commas.
fn list(values: &'static str) -> ObjectBuilder {
    let what = format!("A list of {}", values.replace(' ', ", "));
    text().description(Some(what)).examples(values.split(' '))
}

fn text() -> ObjectBuilder {
    of_type(Type::String)
}

fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}
