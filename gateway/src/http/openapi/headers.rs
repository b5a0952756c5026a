//! The headers of answers.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::{Header, Ref, RefOr};

use super::{Access, Method, Route, parameters, problems::Slug, rows::Row};
use crate::identity::scope::Scope;

/// Headers by name.
type Headers = BTreeMap<String, RefOr<Header>>;

/// Every header: its name, what it says, an example.
#[rustfmt::skip]
const HEADERS: &[(&str, &str, &str)] = &[
    ("Accept-Encoding", "The coding that a body may have", "identity"),
    ("Allow", "The methods that can be used here", "GET, HEAD, OPTIONS"),
    ("Cache-Control", "Who may keep the answer", "private, no-cache"),
    ("Content-Disposition", "What to call the file", "attachment; filename=\"tickler.jsonl\""),
    ("ETag", "The version of the object, for If-Match and If-None-Match", "\"v1\""),
    ("Idempotent-Replayed", "true where the answer was given before, by the same Idempotency-Key", "true"),
    ("Link", "The next page, where there is one", "</api/v1/tasks?cursor=abc>; rel=\"next\""),
    ("Location", "Where the new object is", "/api/v1/tasks/7d9c0cf6-0d46-4d57-9f0e-0e2f7d3f4c11"),
    ("RateLimit", "How many requests are left, and for how many seconds", "\"user\";r=999;t=10"),
    ("RateLimit-Policy", "How many requests there may be in how many seconds", "\"user\";q=1000;w=10"),
    ("Retry-After", "Seconds to wait before trying again", "1"),
    ("Set-Cookie", "The session, or its end", "tickler_session=abc; Path=/; HttpOnly; SameSite=Lax"),
    ("Tickler-Ignored-Fields", "Names of body fields that meant nothing", "color, icon"),
    ("Tickler-Version", "The user's sequence, for min_version", "42"),
    ("WWW-Authenticate", "How to say who one is, or the scope that is needed", "Bearer error=\"invalid_token\""),
    ("X-Accel-Buffering", "Tells a proxy not to hold the stream back", "no"),
    ("X-Total-Count", "How many match in all", "1"),
];

/// Answers of one object with a version.
const VERSIONED: &[&str] =
    &["Task", "TaskNext", "TaskRemoved", "Reminder", "Recurrence", "Skipped", "Webhook", "Secret"];
/// Answers that say nothing of what a user has.
const PURE: &[&str] = &["Expanded", "Parsed", "Ticket"];

/// Every header, described once.
pub(super) fn all() -> Headers {
    let described = |(name, what, example): &(&str, &str, &str)| {
        let mut header = Header::default();
        header.description = Some((*what).to_owned());
        header.example = Some(json!(example));
        ((*name).to_owned(), RefOr::T(header))
    };
    HEADERS.iter().map(described).collect()
}

fn named(names: &[&'static str]) -> Headers {
    let named = |name: &&str| {
        let place = format!("#/components/headers/{name}");
        ((*name).to_owned(), RefOr::Ref(Ref::new(place)))
    };
    names.iter().map(named).collect()
}

/// The headers of an answer to a known caller.
pub(super) fn of_caller(route: &Route) -> Headers {
    match route.access {
        Access::Scope(_) | Access::Mcp | Access::Stream => {
            named(&["Cache-Control", "RateLimit", "RateLimit-Policy"])
        }
        Access::Open => named(&["Cache-Control"]),
    }
}

/// The headers of an answer that the caller has it already.
pub(super) fn of_unchanged(route: &Route) -> Headers {
    let mut found = of_caller(route);
    found.extend(named(&["ETag"]));
    if sees_tasks(route) {
        found.extend(named(&["Tickler-Version"]));
    }
    found
}

/// The headers of an answer that is no problem.
pub(super) fn of_answer(
    route: &Route,
    row: &Row,
    (status, schema): (&str, &str),
    foreign: bool,
) -> Headers {
    let mut found = of_caller(route);
    let mut add = |sent: bool, names: &[&'static str]| {
        if sent {
            found.extend(named(names));
        }
    };
    add(sees_tasks(route) && !PURE.contains(&schema), &["Tickler-Version"]);
    add(VERSIONED.contains(&schema), &["ETag"]);
    add(status == "201" && schema != "Ticket", &["Location"]);
    add(schema == "Tasks", &["X-Total-Count", "Link"]);
    add(schema == "Lines", &["Content-Disposition"]);
    add(["Stream", "ChatAnswer"].contains(&schema), &["X-Accel-Buffering"]);
    add(route.template.ends_with("/session"), &["Set-Cookie"]);
    add(parameters::takes_key(row), &["Idempotent-Replayed"]);
    add(foreign && route.method != Method::GET, &["Tickler-Ignored-Fields"]);
    found
}

/// The headers of problems.
pub(super) fn of_problems(route: &Route, slugs: &[Slug]) -> Headers {
    let mut found = match slugs.contains(&Slug::Unauthenticated) {
        true => named(&["Cache-Control"]),
        false => of_caller(route),
    };
    for slug in slugs {
        let names: &[&'static str] = match slug {
            Slug::Unauthenticated | Slug::InsufficientScope => &["WWW-Authenticate"],
            Slug::MethodNotAllowed => &["Allow"],
            Slug::Stale => &["ETag"],
            Slug::UnsupportedMediaType => &["Accept-Encoding"],
            _ if [429, 503].contains(&slug.status().as_u16()) => &["Retry-After"],
            _ => &[],
        };
        found.extend(named(names));
    }
    found
}

/// Whether the answers of a route say at which version of a user's tasks they are.
fn sees_tasks(route: &Route) -> bool {
    let scopes = [Scope::TasksRead, Scope::TasksWrite, Scope::AuditRead];
    scopes.iter().any(|scope| route.access == Access::Scope(*scope))
}
