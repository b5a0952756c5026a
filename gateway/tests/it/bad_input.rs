//! Bad input is an answer: a 4xx problem that points at the field, never a 5xx, never a change.

use reqwest::Method;
use serde_json::{Value, json};

use crate::program::Program;

/// Refused bodies of `POST /api/v1/tasks`: the body, the status, the code, and the pointer of the first fault.
fn refused() -> Vec<(Value, u16, &'static str, &'static str)> {
    vec![
        (json!({}), 422, "invalid", "/title"),
        (json!({"title": ""}), 422, "invalid", "/title"),
        (json!({"title": "   "}), 422, "invalid", "/title"),
        (json!({"title": null}), 422, "invalid", "/title"),
        (json!({"title": 7}), 422, "invalid", "/title"),
        (json!({"title": "x".repeat(201)}), 422, "invalid", "/title"),
        (json!({"title": "a\u{7}b"}), 422, "invalid", "/title"),
        (json!({"title": "a", "description": "x".repeat(10_001)}), 422, "invalid", "/description"),
        (json!({"title": "a", "description": "a\u{0}b"}), 422, "invalid", "/description"),
        (json!({"title": "a", "colour": "red"}), 422, "invalid", "/colour"),
        (json!({"title": "a", "priority": "highest"}), 422, "invalid", "/priority"),
        (json!({"title": "a", "status": "gone"}), 422, "invalid", "/status"),
        (json!({"title": "a", "due_date": "2026-02-30"}), 422, "invalid", "/due_date"),
        (json!({"title": "a", "due": "soon"}), 422, "invalid", "/due"),
        (json!({"title": "a", "zone": "Mars/Base"}), 422, "invalid-zone", "/zone"),
        (json!({"title": "a", "tags": "x y z!"}), 422, "invalid", "/tags"),
        (json!({"title": "a", "tags": ["ok", "not ok"]}), 422, "invalid", "/tags/1"),
        (
            json!({"title": "a", "tags": (0..10_000).map(|n| format!("t{n}")).collect::<Vec<_>>()}),
            422,
            "invalid",
            "/tags",
        ),
        (
            json!({"title": "a", "due": "2027-01-01", "due_date": "2027-01-02"}),
            422,
            "invalid",
            "/due",
        ),
        (
            json!({"title": "a", "recurrence": "daily"}),
            422,
            "recurrence-needs-due-date",
            "/recurrence",
        ),
        (
            json!({"title": "a", "due_date": "2027-01-01", "recurrence": "sometimes"}),
            422,
            "invalid-recurrence",
            "/recurrence",
        ),
        (
            json!({"title": "a", "reminders": [{"lead_time": "1h"}]}),
            400,
            "no-due-date",
            "/reminders/0",
        ),
        (json!({"title": "a", "user_id": "somebody"}), 403, "wrong-user", ""),
        (json!([1, 2]), 422, "invalid", ""),
        (json!("text"), 422, "invalid", ""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_named_and_nothing_changes() {
    let server = Program::start().await;
    for (body, status, code, pointer) in refused() {
        let answer = server.post("/api/v1/tasks", body.clone()).await;
        let shown = body.to_string().chars().take(80).collect::<String>();
        let kind = answer.header("content-type").to_owned();
        let problem = answer.json();
        assert_eq!(answer.status, status, "{shown}: {problem}");
        assert!(kind.starts_with("application/problem+json"), "{shown}: {kind}");
        assert_eq!(problem["code"], code, "{shown}: {problem}");
        assert_eq!(problem["type"], format!("urn:tickler:problem:{code}"));
        if !pointer.is_empty() {
            let pointed = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
            assert!(pointed.starts_with(pointer), "{shown}: {problem}");
        }
    }
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_json_are_malformed() {
    let server = Program::start().await;
    let json = "application/json";
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (json, b"{".to_vec(), 400, "malformed"),
        (json, b"".to_vec(), 400, "malformed"),
        (json, b"{\"title\": \"\\ud800\"}".to_vec(), 400, "malformed"),
        (json, b"{\"title\": \"\xff\"}".to_vec(), 400, "malformed"),
        (json, [b"[".repeat(100_000), b"]".repeat(100_000)].concat(), 400, "malformed"),
        (json, vec![b' '; 2 << 20], 413, "too-large"),
        ("text/plain", b"{\"title\": \"a\"}".to_vec(), 415, "unsupported-media-type"),
    ];
    for (kind, body, status, code) in cases {
        let answer = server.post_raw("/api/v1/tasks", kind, body).await;
        let problem = answer.json();
        assert_eq!((answer.status.as_u16(), &problem["code"]), (status, &json!(code)), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_parameter_is_named() {
    let server = Program::start().await;
    let cases = [
        ("colour=red", 422, "invalid", "colour"),
        ("limit=0", 422, "invalid", "limit"),
        ("limit=many", 422, "invalid", "limit"),
        ("sort=shape", 422, "invalid", "sort"),
        ("status=gone", 422, "invalid", "status"),
        ("due_date_from=yesterday-ish", 422, "invalid", "due_date_from"),
        ("cursor=from-elsewhere", 400, "invalid-cursor", ""),
    ];
    for (query, status, code, parameter) in cases {
        let problem = server.get(&format!("/api/v1/tasks?{query}")).await.expect(status);
        assert_eq!(problem["code"], code, "{query}: {problem}");
        if !parameter.is_empty() {
            assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}: {problem}");
        }
    }
    server.get("/api/v1/tasks?_=17").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_one_and_the_same_404() {
    let server = Program::start().await;
    let ids = ["not-an-id", "00000000-0000-4000-8000-000000000000", "99", "-1", "%00"];
    let mut bodies = std::collections::HashSet::new();
    for id in ids {
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let body = (method == Method::PATCH).then(|| json!({"title": 5}));
            let answer = server.call(method, &format!("/api/v1/tasks/{id}"), body.as_ref()).await;
            assert_eq!(answer.status, 404, "{id}");
            let mut problem = answer.json();
            problem.as_object_mut().unwrap().remove("instance");
            bodies.insert(problem.to_string());
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let unknown = server.get("/api/v1/nowhere").await.expect(404);
    assert_eq!(unknown["code"], "not-found");
    let answer = server.call(Method::PUT, "/api/v1/tasks", Some(&json!({}))).await;
    assert_eq!(answer.status, 405);
    assert!(answer.header("allow").contains("POST"));
}
