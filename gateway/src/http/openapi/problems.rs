//! The problems that routes answer, and one example of each kind.

use std::collections::BTreeMap;

use actors::message::fault::Code;
use serde_json::{Value, json};
use utoipa::openapi::{
    Ref, RefOr,
    example::{Example, ExampleBuilder},
};

use super::{Access, Method, Route, rows::Row};
use crate::problem::Problem;
pub(super) use crate::problem::Slug;

/// The problems of every route.
const COMMON: &[Slug] = &[
    Slug::Malformed,
    Slug::ForbiddenOrigin,
    Slug::NotFound,
    Slug::MethodNotAllowed,
    Slug::TooLarge,
    Slug::Invalid,
    Slug::Internal,
    Slug::Unavailable,
];
/// The problems of routes that need a credential.
const CALLERS: &[Slug] = &[
    Slug::Unauthenticated,
    Slug::WrongUser,
    Slug::InsufficientScope,
    Slug::RateLimited,
    Slug::Busy,
];

/// The problems that a route may answer: its own, and those of its kind.
pub(super) fn of(route: &Route, row: &Row) -> Vec<Slug> {
    let reads = route.method == Method::GET;
    let may = |slug: &Slug| {
        row.slugs.split(' ').any(|code| code == slug.code())
            || COMMON.contains(slug)
            || (route.access != Access::Open && CALLERS.contains(slug))
            || (*slug == Slug::UnsupportedMediaType && !(reads && row.body.is_empty()))
            || (*slug == Slug::Stale && !reads && route.template.contains('{'))
    };
    Slug::ALL.iter().copied().filter(may).collect()
}

/// The problems of a route by the status that they share.
pub(super) fn by_status(route: &Route, row: &Row) -> BTreeMap<u16, Vec<Slug>> {
    let mut found: BTreeMap<u16, Vec<Slug>> = BTreeMap::new();
    for slug in of(route, row) {
        found.entry(slug.status().as_u16()).or_default().push(slug);
    }
    found
}

/// The example of a kind, by its code.
pub(super) fn example(code: &str) -> RefOr<Example> {
    RefOr::Ref(Ref::new(format!("#/components/examples/{code}")))
}

/// An example of every kind.
pub(super) fn examples() -> BTreeMap<String, RefOr<Example>> {
    let example = |slug: &Slug| {
        let example = ExampleBuilder::new().summary(slug.title()).value(Some(shown(*slug)));
        (slug.code().to_owned(), example.into())
    };
    Slug::ALL.iter().map(example).collect()
}

/// A problem as it is answered.
fn shown(slug: Slug) -> Value {
    let problem = match slug {
        Slug::Invalid => Problem::field("/title", Code::TooShort, "The title must not be empty."),
        _ => Problem::new(slug, format!("{}.", slug.title())),
    };
    json!(problem.document("/api/v1/tasks"))
}

/// The schema of a problem: every kind there is.
pub(super) fn schema() -> Value {
    let codes: Vec<&str> = Slug::ALL.iter().map(|slug| slug.code()).collect();
    let kinds: Vec<String> =
        codes.iter().map(|code| format!("urn:tickler:problem:{code}")).collect();
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
            "conversation_id": {"type": "string", "format": "uuid"},
        },
        "examples": [shown(Slug::Invalid)],
    })
}
