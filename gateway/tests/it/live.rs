//! What happens while one looks: SSE, WebSocket, tickets, and many who look at once.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::program::Program;

/// Longest that a message may take.
const MESSAGE_MS_MAX: u64 = 5_000;

/// An open SSE stream.
struct Events {
    response: reqwest::Response,
    text: String,
}

/// One event as it came.
#[derive(Debug, PartialEq)]
struct Event {
    id: Option<String>,
    kind: String,
    data: Value,
    retry: Option<String>,
}

impl Events {
    async fn open(server: &Program, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = reqwest::Client::new().get(format!("{}/api/v1/live{query}", server.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = event(block);
                self.text = rest.to_owned();
                if let Some(event) = event {
                    return event;
                }
                continue;
            }
            let chunk =
                tokio::time::timeout(Duration::from_millis(MESSAGE_MS_MAX), self.response.chunk());
            let chunk = chunk.await.expect("something comes").unwrap().expect("the stream is open");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

fn event(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| *field == name).map(|(_, value)| value.to_owned()).next()
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Event { id: field("id"), kind: field("event")?, data, retry: field("retry") })
}

async fn add(server: &Program, title: &str) -> Value {
    server.post("/api/v1/tasks", json!({"title": title})).await.expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_begins_tells_and_resumes() {
    let server = Program::start().await;
    let mut events = Events::open(&server, "?types=task.*", &[]).await;
    let ready = events.next().await;
    assert_eq!(
        (ready.kind.as_str(), ready.id, ready.retry.as_deref()),
        ("ready", None, Some("2000"))
    );
    assert_eq!(ready.data, json!({"id": "0"}));
    let one = add(&server, "One").await;
    let first = events.next().await;
    assert_eq!((first.kind.as_str(), &first.data["task"]), ("task.created", &one));
    assert_eq!(first.id.as_deref(), first.data["id"].as_str());
    add(&server, "Two").await;
    let second = events.next().await;
    drop(events);
    add(&server, "Three").await;

    let last = first.id.unwrap();
    for (query, headers) in [
        (String::new(), vec![("last-event-id", last.as_str())]),
        (format!("?since={last}"), vec![]),
        ("?since=0".to_owned(), vec![("last-event-id", last.as_str())]),
    ] {
        let mut again = Events::open(&server, &query, &headers).await;
        assert_eq!(again.next().await.kind, "ready");
        assert_eq!(again.next().await, second);
        assert_eq!(again.next().await.data["task"]["title"], "Three");
    }
    for unknown in ["999999", "never"] {
        let mut lost = Events::open(&server, "", &[("last-event-id", unknown)]).await;
        assert_eq!(lost.next().await.kind, "ready");
        let reset = lost.next().await;
        assert_eq!((reset.kind.as_str(), &reset.data["reason"]), ("reset", &json!("lost")));
        let title = format!("After {unknown}");
        add(&server, &title).await;
        assert_eq!(lost.next().await.data["task"]["title"], title);
    }
    server.get("/api/v1/live?since=x").await.expect(400);
    server.get("/api/v1/live?types=bogus").await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_fires_is_a_notification_too() {
    let server = Program::start().await;
    let mut events = Events::open(&server, "?types=reminder.triggered,notification.*", &[]).await;
    events.next().await;
    let task = add(&server, "Call").await;
    let at = chrono::Utc::now() + chrono::TimeDelta::milliseconds(300);
    let body = json!({"task_id": task["id"], "remind_at": at.to_rfc3339()});
    server.post("/api/v1/reminders", body).await.expect(201);
    let fired = events.next().await;
    assert_eq!(
        (fired.kind.as_str(), &fired.data["reminder"]["status"]),
        ("reminder.triggered", &json!("triggered"))
    );
    let told = events.next().await;
    assert_eq!(told.kind, "notification.created");
    let inbox = server.get("/api/v1/notifications").await.expect(200);
    assert_eq!(told.data["notification"], inbox["notifications"][0]);
    let id = fired.data["reminder_id"].as_str().unwrap();
    let reminder = server.get(&format!("/api/v1/reminders/{id}")).await.expect(200);
    assert_eq!(fired.data["reminder"], reminder);
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

fn ws(server: &Program, query: &str) -> String {
    format!("{}/ws{query}", server.url.replacen("http", "ws", 1))
}

async fn frame(socket: &mut Socket) -> Value {
    let next = tokio::time::timeout(Duration::from_millis(MESSAGE_MS_MAX), socket.next());
    match next.await.expect("something comes").expect("the socket is open").unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other} is no text"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_tells_the_same_and_answers_pings() {
    let server = Program::start().await;
    let (mut socket, _) = connect_async(ws(&server, "")).await.unwrap();
    let ready = frame(&mut socket).await;
    assert_eq!(ready, json!({"type": "ready", "id": "0"}));
    socket.send(Message::text(r#"{"type":"ping"}"#)).await.unwrap();
    assert_eq!(frame(&mut socket).await, json!({"type": "pong"}));
    let task = add(&server, "One").await;
    let told = frame(&mut socket).await;
    assert_eq!(
        (&told["type"], &told["task"], &told["id"]),
        (&json!("task.created"), &task, &json!("1"))
    );
    let (mut late, _) = connect_async(ws(&server, "?since=0&types=created")).await.unwrap();
    assert_eq!(frame(&mut late).await["type"], "ready");
    assert_eq!(frame(&mut late).await, told);
    let (mut lost, _) = connect_async(ws(&server, "?since=99")).await.unwrap();
    assert_eq!(frame(&mut lost).await["type"], "ready");
    assert_eq!(frame(&mut lost).await["type"], "reset");
}

const SECRET: &str = "a secret of the tests that has 32 bytes and more";

/// An HS256 token of a user.
fn token(user: &str) -> String {
    token_for(user, 600)
}

/// One that ends after so many seconds.
fn token_for(user: &str, seconds: i64) -> String {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let exp = chrono::Utc::now().timestamp() + seconds;
    let claims = json!({"sub": user, "exp": exp});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

async fn guarded() -> Program {
    Program::start_with(&[("TICKLER_JWT_SECRET", SECRET)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_knows_who_looks_by_header_subprotocol_or_a_ticket_that_opens_once() {
    let server = guarded().await;
    if server.is_deployed() {
        return;
    }
    server.get("/api/v1/live").await.expect(401);
    match connect_async(ws(&server, "")).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            assert_eq!(answer.status(), 401)
        }
        other => panic!("{other:?} is no refusal"),
    }
    let bearer = format!("Bearer {}", token("ann"));
    let mut by_header = Events::open(&server, "", &[("authorization", &bearer)]).await;
    assert_eq!(by_header.next().await.kind, "ready");

    let mut request = ws(&server, "").into_client_request().unwrap();
    let protocol = format!("bearer.{}", token("ann"));
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    let (mut socket, answer) = connect_async(request).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"].to_str().unwrap(), protocol);
    assert_eq!(frame(&mut socket).await["type"], "ready");

    let made = server
        .call_with(
            reqwest::Method::POST,
            "/api/v1/live/ticket",
            None,
            &[("authorization", &bearer)],
        )
        .await
        .unwrap()
        .expect(201);
    assert_eq!(made["expires_in"], 60);
    let query = format!("?ticket={}", made["ticket"].as_str().unwrap());
    let (mut by_ticket, _) = connect_async(ws(&server, &query)).await.unwrap();
    assert_eq!(frame(&mut by_ticket).await["type"], "ready");
    server.get(&format!("/api/v1/live{query}")).await.expect(401);

    let task = json!({"title": "Mine"});
    let headers = [("authorization", bearer.as_str())];
    let posted = server.call_with(reqwest::Method::POST, "/api/v1/tasks", Some(&task), &headers);
    posted.await.unwrap().expect(201);
    assert_eq!(frame(&mut by_ticket).await["task"]["title"], "Mine");
    assert_eq!(frame(&mut socket).await["task"]["title"], "Mine");
    assert_eq!(by_header.next().await.data["task"]["title"], "Mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_twenty_streams_and_gets_them_back() {
    let server = Program::start().await;
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut events = Events::open(&server, "", &[]).await;
        events.next().await;
        open.push(events);
    }
    let refused = server.get("/api/v1/live").await;
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(refused.expect(429)["code"], "rate-limited");
    drop(open);
    for _ in 0..100 {
        let url = format!("{}/api/v1/live", server.url);
        if reqwest::get(url).await.unwrap().status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("streams that were closed still count");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_users_look_at_once_and_see_their_own_once_and_in_order() {
    const USERS: usize = 60;
    const STREAMS: usize = 2;
    const TASKS: usize = 8;
    let server = guarded().await;
    if server.is_deployed() {
        return;
    }
    let mut streams = Vec::new();
    for user in 0..USERS {
        let bearer = format!("Bearer {}", token(&format!("user-{user}")));
        for _ in 0..STREAMS {
            let mut events = Events::open(&server, "", &[("authorization", &bearer)]).await;
            assert_eq!(events.next().await.kind, "ready");
            streams.push((user, events));
        }
    }
    let looking = streams.into_iter().map(|(user, mut events)| async move {
        let mut seen = BTreeSet::new();
        for n in 0..TASKS {
            let event = events.next().await;
            assert_eq!(event.data["user_id"], format!("user-{user}"));
            assert_eq!(event.data["task"]["title"], format!("Task {n} of {user}"));
            assert!(seen.insert(event.id));
        }
    });
    let looking = tokio::spawn(futures_util::future::join_all(looking));
    let writing = (0..USERS).map(|user| {
        let server = &server;
        async move {
            let bearer = format!("Bearer {}", token(&format!("user-{user}")));
            for n in 0..TASKS {
                let body = json!({"title": format!("Task {n} of {user}")});
                let headers = [("authorization", bearer.as_str())];
                let method = reqwest::Method::POST;
                let posted = server.call_with(method, "/api/v1/tasks", Some(&body), &headers);
                posted.await.unwrap().expect(201);
            }
        }
    });
    futures_util::future::join_all(writing).await;
    looking.await.expect("every stream saw what it should");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_credential() {
    let server = guarded().await;
    if server.is_deployed() {
        return;
    }
    let mut request = ws(&server, "").into_client_request().unwrap();
    // Good for one second more, and for the leeway of 30 s at the door.
    let bearer = format!("Bearer {}", token_for("ann", 1));
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    assert_eq!(frame(&mut socket).await["type"], "ready");
    let end = tokio::time::timeout(Duration::from_millis(MESSAGE_MS_MAX), socket.next());
    match end.await.expect("it ends").expect("it says so").unwrap() {
        Message::Close(Some(close)) => assert_eq!(u16::from(close.code), 4401),
        other => panic!("{other:?} is no end"),
    }
}
