//! Two users and every route: whether an id is another's, nobody's or no id at all, the answer is one and the same.
//! The cases are made from the description, and so from the table of routes: a new route is in here by itself, or fails
//! here until it is said whose object its path names.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    assistant::{Answer, Assistant},
    server::{Got, Running},
};

const SECRET: &str = "an HS256 secret of thirty-two bytes or more";
const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";
const NO_ID: &str = "nonsense";

fn token(user: &str) -> String {
    let claims = json!({"sub": user, "exp": 4_000_000_000_u64});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

struct Two {
    server: Running,
    ana: String,
    bob: String,
    /// What Ana has, by the word that its paths have before `{id}`.
    anas: BTreeMap<&'static str, String>,
    /// What Bob has, by how cases call it.
    bobs: Vec<(&'static str, String)>,
    /// Whom chat speaks to.
    _assistant: Assistant,
}

/// One case: where the id goes, and everything else of the request.
#[derive(Clone, Debug)]
struct Case {
    method: String,
    /// The path, with `ID` where the id goes, and Bob's own objects as they are called.
    path: String,
    body: Option<Value>,
    /// Whose object it is.
    kind: &'static str,
}

impl Two {
    async fn new() -> Self {
        let assistant = Assistant::start().await;
        assistant.always(Answer::says("Yes."));
        let vars = [
            ("TICKLER_CHAT_URL", &*assistant.url()),
            ("TICKLER_JWT_SECRET", SECRET),
            ("TICKLER_RATE_USER", "0"),
            ("TICKLER_OUTBOUND_ALLOW", "127.0.0.0/8"),
        ];
        let server = Running::with(&vars).await;
        let (ana, bob) = (token("ana"), token("bob"));
        let (anas, bobs, _assistant) = (BTreeMap::new(), Vec::new(), assistant);
        let mut two = Self { server, ana, bob, anas, bobs, _assistant };
        two.fill().await;
        two
    }

    /// Gives Ana one object of each kind.
    async fn fill(&mut self) {
        let task = json!({"title": "secret", "due_date": "2030-01-01", "tags": ["hidden"],
            "recurrence": "daily"});
        let task = self.made("/api/v1/tasks", &task).await;
        let id = task["id"].as_str().unwrap().to_owned();
        let fires = json!({"task_id": id, "remind_at": "2020-01-01T00:00:00Z"});
        let reminder = self.made("/api/v1/reminders", &fires).await;
        let hook = json!({"url": "http://127.0.0.1:9/", "events": ["task.archived"]});
        let bobs_hook = hook.clone();
        let hook = self.made("/api/v1/webhooks", &hook).await;
        let personal = json!({"name": "laptop", "scopes": ["tasks:read"]});
        let personal = self.made("/api/v1/tokens", &personal).await;
        let said = self.server.call("POST", "/api/v1/chat").bearer(&self.ana);
        let said = said.json(&json!({"message": "secret"})).send().await.is(200).body;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event = self.seen("/api/v1/audit", "/entries/0/event_id").await;
        let entry = self.seen("/api/v1/notifications", "/notifications/0/id").await;
        for (called, path, body) in [
            ("BOBS_tasks", "/api/v1/tasks", json!({"title": "Bob's"})),
            ("BOBS_webhooks", "/api/v1/webhooks", bobs_hook),
        ] {
            let made = self.server.call("POST", path).bearer(&self.bob).json(&body).send().await;
            self.bobs.push((called, text(&made.is(201).body["id"])));
        }
        self.anas = BTreeMap::from([
            ("tasks", id),
            ("recurrences", text(&task["recurrence_id"])),
            ("reminders", text(&reminder["id"])),
            ("webhooks", text(&hook["id"])),
            ("tokens", text(&personal["id"])),
            ("notifications", entry),
            ("tags", "hidden".to_owned()),
            ("events", event),
            ("conversations", said["conversation_id"].as_str().unwrap().to_owned()),
        ]);
    }

    async fn made(&self, path: &str, body: &Value) -> Value {
        self.server.call("POST", path).bearer(&self.ana).json(body).send().await.is(201).body
    }

    /// What a view of Ana's comes to show within a moment.
    async fn seen(&self, path: &str, pointer: &str) -> String {
        for _ in 0..250 {
            let got = self.server.call("GET", path).bearer(&self.ana).send().await.is(200);
            if let Some(found) = got.body.pointer(pointer).and_then(Value::as_str) {
                return found.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{path} never showed {pointer}")
    }

    /// Bob's request with this id.
    async fn asked(&self, case: &Case, id: &str) -> Got {
        let named = case.path.replace("ID", id);
        let path = self.bobs.iter().fold(named, |path, (called, id)| path.replace(called, id));
        let call = self.server.call(&case.method, &path).bearer(&self.bob);
        let call = match &case.body {
            None => call,
            Some(Value::String(raw)) => {
                call.header("content-type", "application/json").raw(raw.clone())
            }
            Some(body) => {
                let body: Value =
                    serde_json::from_str(&body.to_string().replace("ID", id)).unwrap();
                call.json(&body)
            }
        };
        call.send().await
    }

    /// All that Ana has, as she sees it.
    async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for path in [
            "/api/v1/tasks",
            "/api/v1/tasks?deleted=true",
            "/api/v1/recurrences",
            "/api/v1/reminders",
            "/api/v1/webhooks",
            "/api/v1/tokens",
            "/api/v1/tags",
            "/api/v1/notifications",
            "/api/v1/audit",
            "/api/v1/chat/conversations",
        ] {
            all.push(self.server.call("GET", path).bearer(&self.ana).send().await.is(200).body);
        }
        all
    }
}

/// The word of a template that says what its id is of.
fn kind(template: &str, at: usize) -> &'static str {
    let parts: Vec<&str> = template.split('/').collect();
    let kinds = ["tasks", "recurrences", "reminders", "webhooks", "tokens", "notifications"];
    let kinds = kinds.iter().chain(&["tags", "conversations"]);
    let mut kinds = kinds.filter(|kind| parts[at - 1] == **kind);
    kinds.next().unwrap_or_else(|| panic!("say whose object {template} names"))
}

/// Every place of a path where an id goes, with everything around it as it should be.
fn in_paths(document: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        let parts: Vec<&str> = template.split('/').collect();
        let ids = parts.iter().enumerate().filter(|(_, part)| part.starts_with('{'));
        for (at, _) in ids.filter(|(_, part)| **part != "{user_id}") {
            // A tag on a task is made by being put there.
            if parts[at - 1] == "tags" && template.contains("{id}/tags") {
                continue;
            }
            let mut path = parts.clone();
            path[at] = "ID";
            for part in &mut path {
                *part = match *part {
                    "{user_id}" => "bob",
                    "{name}" => "home",
                    "{id}" => "BOBS_tasks",
                    other => other,
                };
            }
            let path = path.join("/");
            for (method, operation) in methods.as_object().unwrap() {
                let method = method.to_ascii_uppercase();
                let one = |body| Case {
                    method: method.clone(),
                    path: path.clone(),
                    body,
                    kind: kind(template, at),
                };
                cases.push(one(None));
                if method == "GET" {
                    continue;
                }
                cases.extend(bodies(document, operation).into_iter().map(Some).map(one));
            }
        }
    }
    cases
}

/// Bodies that a call may come with: the example of its schema, what is nothing, and what is no JSON.
fn bodies(document: &Value, operation: &Value) -> Vec<Value> {
    let mut bodies = vec![json!({}), json!({"nonsense": 1}), json!("{")];
    let name = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    if let Some(name) = name.as_str().and_then(|name| name.rsplit('/').next()) {
        bodies.extend(document["components"]["schemas"][name]["examples"].get(0).cloned());
    }
    bodies
}

/// Whose id a field or a parameter names; nothing for what names no object.
fn named(name: &str) -> Option<&'static str> {
    match name {
        "task_id" | "before" | "after" => Some("tasks"),
        "recurrence_id" => Some("recurrences"),
        "event_id" => Some("events"),
        "conversation_id" => Some("conversations"),
        // Only compared with the caller.
        "user_id" => None,
        _ if name == "id" || name.ends_with("_id") => panic!("say whose object {name} names"),
        _ => None,
    }
}

/// Every field of a body that names an object, on the canon and on its aliases.
fn in_bodies(document: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        // Where the path names an object, it is one of Bob's own.
        let path = template.replace("/tasks/{id}", "/tasks/BOBS_tasks");
        let path = path.replace("/webhooks/{id}", "/webhooks/BOBS_webhooks");
        if path.contains('{') || !path.starts_with("/api/v1/") {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap() {
            let name = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = name.as_str().and_then(|name| name.rsplit('/').next()) else {
                continue;
            };
            let schema = &document["components"]["schemas"][name];
            for field in
                schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name)
            {
                let Some(kind) = named(field) else { continue };
                let whole = schema["examples"].get(0).filter(|_| schema["required"].is_array());
                let mut body = whole.cloned().unwrap_or_else(|| json!({}));
                body[field.as_str()] = json!("ID");
                let (method, path) = (method.to_ascii_uppercase(), path.clone());
                cases.push(Case { method, path, body: Some(body), kind });
            }
        }
    }
    for op in ["update", "complete", "reopen", "delete", "restore", "skip", "move"] {
        let body = match op {
            "update" => json!({"title": "x"}),
            "move" => json!({"to": "first"}),
            _ => json!({}),
        };
        for atomic in [false, true] {
            let body =
                json!({"atomic": atomic, "operations": [{"op": op, "id": "ID", "body": body}]});
            let (method, path) = ("POST".to_owned(), "/api/v1/tasks/batch".to_owned());
            cases.push(Case { method, path, body: Some(body), kind: "tasks" });
        }
    }
    cases
}

/// Every query parameter that names an object.
fn in_queries(document: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        let parameters = methods["get"]["parameters"].as_array().into_iter().flatten();
        for name in
            parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str())
        {
            let Some(kind) = named(name) else { continue };
            let q = if template.ends_with("/search") { "q=secret&" } else { "" };
            let path = format!("{template}?{q}{name}=ID").replace("{user_id}", "bob");
            if !path.contains('{') {
                cases.push(Case { method: "GET".to_owned(), path, body: None, kind });
            }
        }
    }
    cases
}

/// The status and everything that is said, but for the id as it was sent.
fn said(got: &Got, id: &str) -> (u16, String) {
    let mut body = got.body.clone();
    if body["instance"].is_string() {
        body["instance"] = json!("");
    }
    for result in body.get_mut("results").and_then(Value::as_array_mut).into_iter().flatten() {
        result["problem"]["instance"] = json!("");
    }
    (got.status, body.to_string().replace(id, "ID"))
}

#[tokio::test]
async fn foreign_absent_and_malformed_ids_are_answered_alike_on_every_route() {
    let two = Two::new().await;
    let document = two.server.description().await;
    let before = two.everything().await;
    let paths = in_paths(document);
    let bodies = in_bodies(document);
    let queries = in_queries(document);
    assert!(paths.len() > 250 && bodies.len() > 15 && queries.len() > 5, "the table shrank");
    let mut wrong = Vec::new();
    for case in paths.iter().chain(&bodies).chain(&queries) {
        let foreign = &two.anas[case.kind];
        let nobodys = if case.kind == "tags" { "unheard" } else { NOBODYS };
        let no_id = if case.kind == "tags" { "no%20tag!" } else { NO_ID };
        let answer = two.asked(case, nobodys).await;
        let expected = said(&answer, nobodys);
        for id in [foreign, no_id, "7"] {
            let got = said(&two.asked(case, id).await, id);
            if got != expected {
                wrong.push(format!("{case:?} with {id}: {got:?}, not {expected:?}"));
            }
        }
        let in_path = case.path.contains("ID") && !case.path.contains('?');
        if in_path && (answer.status, answer.code()) != (404, "not-found") {
            wrong.push(format!("{case:?}: {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(two.everything().await, before, "nothing of Ana's was touched");
}

#[tokio::test]
async fn a_path_with_another_users_name_is_refused_whatever_is_behind_it() {
    let two = Two::new().await;
    let document = two.server.description().await;
    let mut refused = 0;
    for (template, methods) in document["paths"].as_object().unwrap() {
        if !template.contains("{user_id}") || template.starts_with("/ws/") {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            for user in ["ana", "nobody"] {
                let path = template.replace("{user_id}", user);
                let id =
                    if template.contains("/notifications/") { "notifications" } else { "tasks" };
                let path =
                    path.replace("{id}", &two.anas[id]).replace("{rid}", &two.anas["reminders"]);
                let call = two.server.call(&method.to_ascii_uppercase(), &path).bearer(&two.bob);
                call.send().await.problem(403, "wrong-user");
                refused += 1;
            }
        }
    }
    assert!(refused > 30, "{refused}");
}
