//! What can be done next with what a route answers: the object that was made, by its id or name.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{Route, id_of, routes};

/// The links of a route's answer.
pub(super) fn of(route: &Route, status: &str) -> Map<String, Value> {
    let mut links = Map::new();
    let own = (route.method.as_str(), route.template);
    if status == "201" {
        for (name, whole) in [("id", "/{id}"), ("name", "/{name}")] {
            let object = format!("{}{whole}", route.template);
            for next in routes().iter().filter(|next| is_under(next, &object)) {
                let mut parameters = json!({ name: format!("$response.body#/{name}") });
                if route.template.contains("{user_id}") {
                    parameters["user_id"] = json!("$request.path.user_id");
                }
                add(&mut links, next, json!({"parameters": parameters}));
            }
        }
    }
    if own == ("POST", "/api/v1/tasks") {
        let body = json!({"task_id": "$response.body#/id"});
        to(&mut links, "/api/v1/reminders", json!({ "requestBody": body }));
    }
    if own == ("GET", "/api/v1/tasks/{id}/history") {
        let body = json!({"event_id": "$response.body#/entries/0/event_id"});
        to(&mut links, "/api/v1/undo", json!({ "requestBody": body }));
    }
    if own == ("GET", "/api/v1/notifications") {
        let parameters = json!({"id": "$response.body#/notifications/0/id"});
        to(&mut links, "/api/v1/notifications/{id}/read", json!({ "parameters": parameters }));
    }
    links
}

fn is_under(route: &Route, object: &str) -> bool {
    route.template.strip_prefix(object).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A link to the POST of a template.
fn to(links: &mut Map<String, Value>, template: &str, link: Value) {
    let posts = |route: &&Route| route.method == Method::POST && route.template == template;
    if let Some(next) = routes().iter().find(posts) {
        add(links, next, link);
    }
}

fn add(links: &mut Map<String, Value>, next: &Route, mut link: Value) {
    let id = id_of(next);
    link["operationId"] = json!(id);
    links.insert(id, link);
}
