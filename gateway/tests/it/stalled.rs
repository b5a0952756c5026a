//! Clients who stop to read: a WebSocket is closed with 4408, an SSE stream is told to fetch anew, and none of them
//! costs the server more than a bounded share of what it was to be told.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::program::Program;

/// Streams of server-sent events; with the WebSocket as many as a user may have.
const STREAMS: usize = 19;
/// Changes of a long description, whose messages hold it three times: together more than the sockets' own buffers hold.
const CHANGES: usize = 200;
const CHANGES_AT_ONCE: usize = 10;
/// Tasks that are made then: more than a stream may be behind.
const TASKS: usize = 1_100;
/// Longest wait until all is told, in steps of 100 ms.
const TOLD_STEPS_MAX: usize = 600;
/// Longer than a WebSocket may take to take one frame.
const STALL: Duration = Duration::from_secs(14);
/// What the server may grow by, its databases' caches among it (some 70 MB); what it had to tell all streams together is
/// more than 220 MB.
#[cfg(target_os = "linux")]
const GROWTH_BYTES_MAX: u64 = 130 << 20;

/// A connection with small buffers of its own.
async fn connect(server: &Program) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(address).await.unwrap()
}

/// Server-sent events as they come, for as long as somebody asks.
struct Events {
    stream: TcpStream,
    text: Vec<u8>,
}

impl Events {
    async fn open(server: &Program) -> Self {
        let mut stream = connect(server).await;
        let host = server.url.strip_prefix("http://").unwrap();
        let request = format!("GET /api/v1/live HTTP/1.1\r\nhost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, text: Vec::new() }
    }

    /// Reads on until this text has come.
    async fn until(&mut self, text: &str) {
        let reading = async {
            let mut chunk = vec![0; 64 << 10];
            while !self.text.windows(text.len()).any(|window| window == text.as_bytes()) {
                // What is looked for may be cut by the end of what was read.
                let kept = self.text.len().saturating_sub(text.len());
                self.text.drain(..kept);
                let n = self.stream.read(&mut chunk).await.unwrap();
                assert!(n > 0, "the stream stays open");
                self.text.extend_from_slice(&chunk[..n]);
            }
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, reading).await.unwrap_or_else(|_| panic!("no {text}"));
    }
}

async fn batch(server: &Program, operations: impl Iterator<Item = Value>) {
    let operations: Vec<Value> = operations.collect();
    server.post("/api/v1/tasks/batch", json!({"operations": operations})).await.expect(200);
}

/// Waits until so many messages have been told.
async fn told(server: &Program, messages: usize) {
    let all = json!(messages.to_string());
    for _ in 0..TOLD_STEPS_MAX {
        let now = server.get("/api/v1/changes").await.expect(200);
        if now["next_cursor"] == all {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{messages} messages were not told in time");
}

#[cfg(target_os = "linux")]
fn resident(server: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().unwrap()));
    let status = status.unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_who_stop_to_read_are_let_go_or_told_to_fetch_anew() {
    let server = Program::start().await;
    if server.is_deployed() {
        return;
    }
    let url = format!("{}/ws", server.url.replacen("http", "ws", 1));
    let (mut socket, _) = client_async(url, connect(&server).await).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Text(_)))), "ready");
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut events = Events::open(&server).await;
        events.until("event: ready").await;
        streams.push(events);
    }
    #[cfg(target_os = "linux")]
    let before = resident(&server);
    let task = server.post("/api/v1/tasks", json!({"title": "Long"})).await.expect(201);
    // One word, so that it costs the index little.
    let texts = ["ü".repeat(10_000), "ä".repeat(10_000)];
    for _ in 0..CHANGES / CHANGES_AT_ONCE {
        let change =
            |n| json!({"op": "update", "id": task["id"], "body": {"description": texts[n % 2]}});
        batch(&server, (0..CHANGES_AT_ONCE).map(change)).await;
    }
    for _ in 0..TASKS / 100 {
        let create = |n| json!({"op": "create", "body": {"title": format!("Short {n}")}});
        batch(&server, (0..100).map(create)).await;
    }
    told(&server, 1 + CHANGES + TASKS).await;
    tokio::time::sleep(STALL).await;
    #[cfg(target_os = "linux")]
    {
        let grown = resident(&server).saturating_sub(before);
        assert!(grown < GROWTH_BYTES_MAX, "{} MB for clients that do not read", grown >> 20);
    }
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(close))) => return close,
                Some(Ok(_)) => {}
                other => panic!("{other:?} is no close"),
            }
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(30), closed).await.expect("it is closed");
    assert_eq!(u16::from(closed.expect("a reason").code), 4408);
    let mut slow = streams.pop().unwrap();
    slow.until("event: reset\ndata: {\"reason\":\"slow\"").await;
    server.post("/api/v1/tasks", json!({"title": "After the reset"})).await.expect(201);
    slow.until("After the reset").await;
}
