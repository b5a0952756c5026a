//! The live streams of the other systems, opened as their clients open them.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::server::Running;

/// Longest that a message may take.
const MESSAGE_MS_MAX: u64 = 5_000;
const SECRET: &str = "a secret of the tests that has 32 bytes and more";

fn token(user: &str) -> String {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let exp = chrono::Utc::now().timestamp() + 600;
    let claims = json!({"sub": user, "exp": exp});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

async fn add(server: &Running, user: &str) -> Value {
    let path = format!("/api/{user}/tasks");
    let call = server.call("POST", &path).bearer(&token(user));
    call.json(&json!({"title": "Milk"})).send().await.is(201).body
}

fn check(frame: &str, task: &Value) {
    let frame: Value = serde_json::from_str(frame).unwrap();
    assert_eq!(
        (&frame["type"], &frame["action"]),
        (&json!("task_update"), &json!("created")),
        "{frame}"
    );
    assert_eq!((&frame["task_id"], &frame["user_id"]), (&task["id"], &json!("ann")));
    assert_eq!(frame["data"]["title"], "Milk");
    assert!(frame["timestamp"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_opens_the_streams_of_other_systems() {
    let server = Running::with(&[("TICKLER_JWT_SECRET", SECRET)]).await;
    let base = server.url().replacen("http", "ws", 1);
    let ann = token("ann");
    let (mut one, _) = connect_async(format!("{base}/ws/tasks?token={ann}&v=2")).await.unwrap();
    let (mut two, _) = connect_async(format!("{base}/ws/ann?token={ann}")).await.unwrap();
    let url = format!("{}/api/sse/ann?token={ann}", server.url());
    let mut events = reqwest::get(url).await.unwrap();
    assert_eq!(events.status(), 200);
    let task = add(&server, "ann").await;
    for socket in [&mut one, &mut two] {
        let next = tokio::time::timeout(Duration::from_millis(MESSAGE_MS_MAX), socket.next());
        let next = next.await.expect("something comes").expect("the socket is open").unwrap();
        let Message::Text(text) = next else { panic!("{next} is no text") };
        check(&text, &task);
    }
    let mut text = String::new();
    while !text.contains("data:") || !text.ends_with("\n\n") {
        let chunk = tokio::time::timeout(Duration::from_millis(MESSAGE_MS_MAX), events.chunk());
        let chunk = chunk.await.expect("something comes").unwrap().expect("the stream is open");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data:")).unwrap();
    check(data.trim(), &task);

    let bob = token("bob");
    server.get(&format!("/api/sse/ann?token={bob}")).await.problem(403, "wrong-user");
    server.get("/api/sse/ann").await.problem(401, "unauthenticated");
    server.get("/api/sse/ann?token=nonsense").await.problem(401, "unauthenticated");
    server.get(&format!("/api/v1/live?token={ann}")).await.problem(401, "unauthenticated");
    server.get(&format!("/api/ann/tasks?token={ann}")).await.problem(401, "unauthenticated");
    let off = [("TICKLER_JWT_SECRET", SECRET), ("TICKLER_LIVE_QUERY_TOKEN", "off")];
    let off = Running::with(&off).await;
    off.get(&format!("/api/sse/ann?token={ann}")).await.problem(401, "unauthenticated");
}
