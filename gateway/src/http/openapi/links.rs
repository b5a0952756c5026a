//! What can be done next with what a route answers: the object that was made, by its id or name.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::json;
use utoipa::openapi::{
    RefOr,
    link::{Link, LinkBuilder},
};

use super::{Route, id_of, routes};

/// Links by name.
type Links = BTreeMap<String, RefOr<Link>>;

/// The links of a route's answer.
pub(super) fn of(route: &Route, status: &str) -> Links {
    let mut links = Links::new();
    if status == "201" {
        for (name, whole) in [("id", "/{id}"), ("name", "/{name}")] {
            let object = format!("{}{whole}", route.template);
            for next in routes().iter().filter(|next| is_under(next, &object)) {
                let mut link =
                    LinkBuilder::new().parameter(name, format!("$response.body#/{name}"));
                if route.template.contains("{user_id}") {
                    link = link.parameter("user_id", "$request.path.user_id");
                }
                add(&mut links, next, link);
            }
        }
    }
    let link = LinkBuilder::new();
    let (next, link) = match (route.method.as_str(), route.template) {
        ("POST", "/api/v1/tasks") => {
            let body = json!({"task_id": "$response.body#/id"});
            ("/api/v1/reminders", link.request_body(Some(body)))
        }
        ("GET", "/api/v1/tasks/{id}/history") => {
            let body = json!({"event_id": "$response.body#/entries/0/event_id"});
            ("/api/v1/undo", link.request_body(Some(body)))
        }
        ("GET", "/api/v1/notifications") => {
            let id = "$response.body#/notifications/0/id";
            ("/api/v1/notifications/{id}/read", link.parameter("id", id))
        }
        _ => return links,
    };
    let posts = |route: &&Route| route.method == Method::POST && route.template == next;
    if let Some(next) = routes().iter().find(posts) {
        add(&mut links, next, link);
    }
    links
}

fn is_under(route: &Route, object: &str) -> bool {
    route.template.strip_prefix(object).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn add(links: &mut Links, next: &Route, link: LinkBuilder) {
    let id = id_of(next);
    links.insert(id.clone(), RefOr::T(link.operation_id(id).build()));
}
