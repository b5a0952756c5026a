//! The same key any number of times: one effect, one answer.

use std::{collections::HashSet, sync::Arc};

use reqwest::Method;
use serde_json::json;

use crate::program::Program;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_are_one() {
    let server = Arc::new(Program::start().await);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let server = server.clone();
        calls.spawn(async move {
            loop {
                let body = json!({"title": "Once", "tags": ["k"]});
                let key = [("idempotency-key", "fifty")];
                let answer = server
                    .call_with(Method::POST, "/api/v1/tasks", Some(&body), &key)
                    .await
                    .expect("the server answers");
                // 32 may wait on a user; a client that is told so tries again.
                if answer.status.as_u16() != 429 {
                    return answer;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
    }
    let answers = calls.join_all().await;
    let bodies: HashSet<_> = answers.iter().map(|answer| answer.bytes.clone()).collect();
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!(bodies.len(), 1, "one answer");
    let first = answers.iter().filter(|a| a.header("idempotent-replayed") != "true").count();
    assert_eq!(first, 1, "one effect");
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_or_path_under_the_key_is_refused() {
    let server = Program::start().await;
    let key = [("idempotency-key", "k-1")];
    let post = |path: &'static str, body| {
        let (server, key) = (&server, key);
        async move { server.call_with(Method::POST, path, Some(&body), &key).await.unwrap() }
    };
    post("/api/v1/tasks", json!({"title": "A"})).await.expect(201);
    let other = post("/api/v1/tasks", json!({"title": "B"})).await.expect(422);
    assert_eq!(other["code"], "idempotency-key-reused");
    let elsewhere = post("/api/v1/tags", json!({"title": "A"})).await;
    assert_eq!(elsewhere.status, 422);
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_outlives_a_crash() {
    let mut server = Program::start().await;
    if server.is_deployed() {
        return;
    }
    let key = [("idempotency-key", "over-the-crash")];
    let body = json!({"title": "Once"});
    let first = server.call_with(Method::POST, "/api/v1/tasks", Some(&body), &key).await.unwrap();
    server.kill();
    server.start_again();
    let again = server.call_with(Method::POST, "/api/v1/tasks", Some(&body), &key).await.unwrap();
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("idempotent-replayed"), "true");
}
