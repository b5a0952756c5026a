//! The other ends: a web server that is called, and a mail server, both on this host and for real.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Longest wait for a call, in steps of 50 ms.
const STEPS_MAX: usize = 200;

/// One call that came.
#[derive(Clone)]
pub(crate) struct Call {
    headers: HeaderMap,
    text: String,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    status: u16,
    location: Option<String>,
}

/// A web server that remembers its calls.
pub(crate) struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::answering(200).await
    }

    pub(crate) async fn redirecting(to: &str) -> Self {
        let receiver = Self::answering(307).await;
        receiver.seen.lock().unwrap().location = Some(to.to_owned());
        receiver
    }

    pub(crate) async fn answering(status: u16) -> Self {
        let seen = Arc::new(Mutex::new(Seen { status, ..Seen::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = seen.clone();
        let take = move |headers: HeaderMap, text: String| async move {
            let body = serde_json::from_str(&text).unwrap_or_default();
            let mut seen = told.lock().unwrap();
            seen.calls.push(Call { headers, text, body });
            let mut answer = StatusCode::from_u16(seen.status).unwrap().into_response();
            if let Some(location) = &seen.location {
                answer.headers_mut().insert("location", location.parse().unwrap());
            }
            answer
        };
        let router = Router::new().fallback(take);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.seen.lock().unwrap().status = status;
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().calls.len()
    }

    /// The calls, once there are so many.
    pub(crate) async fn calls(&self, count: usize) -> Vec<Call> {
        for _ in 0..STEPS_MAX {
            if self.count() >= count {
                return self.seen.lock().unwrap().calls.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} calls came, not {count}", self.count());
    }
}

/// Whether one of a call's signatures is that of the secret (Standard Webhooks, written down anew).
pub(crate) fn verify(call: &Call, secret: &str) -> bool {
    let key = match secret.strip_prefix("whsec_") {
        Some(text) => BASE64.decode(text).unwrap(),
        None => secret.as_bytes().to_vec(),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.{}", call.text).as_bytes());
    let expected = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    call.header("webhook-signature").split(' ').any(|one| one == expected)
}

#[derive(Default)]
struct Post {
    asked: usize,
    refuse: usize,
    mails: Vec<String>,
}

/// A mail server that keeps its mail.
pub(crate) struct Mailbox {
    address: SocketAddr,
    post: Arc<Mutex<Post>>,
}

impl Mailbox {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, post) = (listener.local_addr().unwrap(), Arc::<Mutex<Post>>::default());
        let all = post.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, all.clone()));
            }
        });
        Self { address, post }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Refuses so many mails, for now.
    pub(crate) fn refuse(&self, count: usize) {
        self.post.lock().unwrap().refuse = count;
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.post.lock().unwrap().mails.clone()
    }

    /// Waits until so many mails were offered.
    pub(crate) async fn asked(&self, count: usize) {
        for _ in 0..STEPS_MAX {
            if self.post.lock().unwrap().asked >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no mail was offered");
    }
}

/// RFC 5321, as far as it goes here.
async fn converse(stream: TcpStream, post: Arc<Mutex<Post>>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 mailbox\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            "EHLO" => "250-mailbox\r\n250 8BITMIME\r\n",
            "MAIL" => {
                let mut post = post.lock().unwrap();
                post.asked += 1;
                let refused = post.refuse > 0;
                post.refuse = post.refuse.saturating_sub(1);
                if refused { "451 later\r\n" } else { "250 fine\r\n" }
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                post.lock().unwrap().mails.push(mail);
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        writer.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
