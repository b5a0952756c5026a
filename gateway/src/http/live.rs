//! What happens while one looks: `/api/v1/live` (SSE), `/ws` (WebSocket), `/api/v1/changes`, and tickets for the streams.

use std::{borrow::Cow, collections::VecDeque, convert::Infallible, time::Duration};

use actors::message::time::Timestamp;
use axum::{
    extract::{
        FromRequestParts,
        ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderName, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde_json::json;
use tokio::time::Instant;

use super::{Ask, Outcome, answer, audit::unavailable, named::bare, tasks::min_version, tokens};
use crate::{
    accounts::{Holder, TICKET_MS},
    app::wall_clock,
    cursor, kinds,
    live::{Next, Reset, Stream},
    params::Params,
    problem::{Problem, Slug},
    views::{ChangesError, Message},
};

/// Messages on one page when nothing is said.
const PAGE: u64 = 100;
/// Most messages on one page.
const PAGE_MAX: u64 = 1_000;
/// Messages read at once for a page of some types only.
const SCAN: i64 = 1_000;
/// Most reads for one page of some types only; what is left is for the next page.
const SCANS_MAX: usize = 10;
/// How long a client waits before it comes back.
const RETRY_MS: u64 = 2_000;
/// A silent stream says this often that it is there.
const COMMENT_MS: u64 = 15_000;
/// Longest that a WebSocket may take to take one frame.
const FRAME_MS: u64 = 10_000;
/// Longest that a client who reads too slowly may take to hear so: it may have been asleep.
const TOO_SLOW_MS: u64 = 60_000;
/// Longest that a stream lasts before its client must say again who it is.
const STREAM_MS: i64 = 12 * 3_600_000;
/// Seconds after which a user with too many streams may try again.
const STREAMS_RETRY_S: u32 = 5;
/// Longest frame that a client may send, in bytes.
const CLIENT_FRAME_BYTES_MAX: usize = 4 << 10;
/// WebSocket close code of a client whose credential has ended.
const UNAUTHENTICATED: u16 = 4401;
/// WebSocket close code of a client that reads too slowly.
const TOO_SLOW: u16 = 4408;
/// WebSocket close code of a process that stops.
const GOING_AWAY: u16 = 1001;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which messages a client wants; none named means all.
#[derive(Clone, Debug)]
struct Types(Vec<&'static str>);

impl Types {
    fn take(params: &mut Params) -> Self {
        Self(params.list("types", kinds::meant).concat())
    }

    fn has(&self, message: &Message) -> bool {
        self.0.is_empty() || self.0.contains(&message.kind.as_str())
    }
}

/// The place that a client has come to, as it writes it.
fn place(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn since(params: &mut Params) -> Result<Option<i64>, Problem> {
    let text = params.take("since");
    text.map(|text| place(&text).ok_or_else(cursor::invalid)).transpose()
}

/// `GET /api/v1/changes`
pub(super) async fn changes(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let types = Types::take(&mut params);
    let limit = params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE) as usize;
    let least = min_version(&mut params);
    let since = since(&mut params);
    params.finish()?;
    let (since, user) = (since?, ask.user());
    ask.app.views_shown(user, least).await.map_err(|f| Problem::failed(f, user))?;
    let user = user.as_str();
    let Some(since) = since else {
        let now = ask.app.views.newest(user).await.map_err(unavailable)?;
        return Ok(page(&[], now, false));
    };
    let (mut at, mut found, mut more) = (since, Vec::new(), true);
    let read = if types.0.is_empty() { limit as i64 } else { SCAN };
    for _ in 0..SCANS_MAX {
        let changes = ask.app.views.changes(user, at, read).await.map_err(|error| match error {
            ChangesError::Expired => Problem::new(
                Slug::CursorExpired,
                "What follows is no longer kept; fetch anew, then go on from the cursor of now.",
            ),
            ChangesError::Database(error) => unavailable(error),
        })?;
        at = changes.next;
        more = changes.more;
        for message in changes.messages.into_iter().filter(|message| types.has(message)) {
            if found.len() == limit {
                return Ok(page(&found, found.last().map_or(at, |last| last.ordinal), true));
            }
            found.push(message);
        }
        if !more || found.len() == limit {
            break;
        }
    }
    Ok(page(&found, at, more))
}

fn page(messages: &[Message], next: i64, more: bool) -> Response {
    let mut json = Vec::from(b"{\"changes\":[");
    for (n, message) in messages.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        json.extend_from_slice(message.json.as_bytes());
    }
    json.extend_from_slice(format!("],\"next_cursor\":\"{next}\",\"more\":{more}}}").as_bytes());
    answer::written(StatusCode::OK, json)
}

/// `POST /api/v1/live/ticket`
pub(super) async fn ticket(ask: Ask) -> Outcome {
    bare(&ask)?;
    let caller = ask.caller();
    let holder = Holder {
        user: caller.user.clone(),
        scopes: caller.scopes,
        token: caller.token.clone(),
        email: caller.email.clone(),
        zone: caller.zone,
        expires_at: caller.expires_at.unwrap_or(Timestamp(i64::MAX)),
    };
    let made = ask.app.accounts.make_ticket(&holder, ask.app.actors.now()).await;
    let ticket = made.map_err(tokens::unavailable)?;
    let body = json!({"ticket": ticket, "expires_in": TICKET_MS / 1_000});
    let mut answer = answer::json(StatusCode::CREATED, &body);
    answer.headers_mut().insert(header::CACHE_CONTROL, answer::text("no-store"));
    Ok(answer)
}

/// A stream that is about to begin: where from, which messages, and where it is now.
struct Opened {
    stream: Stream,
    types: Types,
    now: i64,
    until: Instant,
}

/// When a stream ends whose client stays: with its credential, or after a while, as a ticket says nothing of the
/// credential that it was made with.
fn until(ask: &Ask, by_ticket: bool) -> Instant {
    let caller = ask.caller();
    let ours = caller.token.is_some() || caller.by_cookie;
    let now = if ours { ask.app.actors.now() } else { wall_clock() };
    let left = caller.expires_at.filter(|_| !by_ticket).map_or(STREAM_MS, |end| end.0 - now.0);
    Instant::now() + Duration::from_millis(left.clamp(0, STREAM_MS).cast_unsigned())
}

/// Reads the parameters of a stream and opens it. What a browser says of the last message it saw wins over `since`,
/// which stays in the address when it comes back.
async fn open(ask: &Ask) -> Result<Opened, Problem> {
    let mut params = ask.params()?;
    let types = Types::take(&mut params);
    let until = until(ask, params.take("ticket").is_some());
    let since = since(&mut params);
    params.finish()?;
    let since = since?;
    let last = ask.parts.headers.get(LAST_EVENT_ID).map(|value| {
        // One that cannot be ours is as unknown as one of another server: a reset.
        value.to_str().ok().and_then(|text| place(text.trim())).unwrap_or(i64::MAX)
    });
    let stream = ask.app.live.join(&ask.app.views, ask.user().as_str());
    let mut stream = stream.ok_or_else(|| {
        Problem::new(Slug::RateLimited, "You have 20 streams open; close one first.")
            .retry_after(STREAMS_RETRY_S)
    })?;
    let now = stream.go_to_now().await.map_err(unavailable)?;
    if let Some(place) = last.or(since) {
        stream.go_to(place);
    }
    Ok(Opened { stream, types, now, until })
}

/// How messages are written: a frame each, or nothing for those that a client would not know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frames {
    /// The canon's.
    Canon,
    /// In the words of other systems.
    Foreign(fn(&str) -> Option<String>),
}

impl Frames {
    fn of(self, message: &Message) -> Option<Cow<'_, str>> {
        match self {
            Self::Canon => Some(Cow::Borrowed(&*message.json)),
            Self::Foreign(write) => write(&message.json).map(Cow::Owned),
        }
    }
}

/// `GET /api/v1/live`
pub(super) async fn events(ask: Ask) -> Outcome {
    events_in(ask, Frames::Canon).await
}

/// Server-sent events, in these words.
pub(super) async fn events_in(ask: Ask, frames: Frames) -> Outcome {
    let Opened { stream, types, now, until } = open(&ask).await?;
    let ready = Event::default().retry(Duration::from_millis(RETRY_MS));
    let ready = match frames {
        Frames::Canon => ready.event("ready").data(json!({"id": now.to_string()}).to_string()),
        Frames::Foreign(_) => ready.comment("ready"),
    };
    let state = Sending { stream, types, frames, ready: Some(ready), queue: VecDeque::new() };
    let events = stream::unfold(state, move |mut state| async move {
        let event = tokio::time::timeout_at(until, state.next()).await.ok()??;
        Some((Ok::<_, Infallible>(event), state))
    });
    let alive = KeepAlive::new().interval(Duration::from_millis(COMMENT_MS));
    let mut answer = Sse::new(events).keep_alive(alive).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, answer::text("private, no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), answer::text("no"));
    Ok(answer)
}

/// A stream on its way out as server-sent events: it is asked for the next one when the client has taken the last.
struct Sending {
    stream: Stream,
    types: Types,
    frames: Frames,
    ready: Option<Event>,
    queue: VecDeque<Message>,
}

impl Sending {
    async fn next(&mut self) -> Option<Event> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        loop {
            while let Some(message) = self.queue.pop_front() {
                let event = Event::default().id(message.ordinal.to_string());
                let Some(frame) = self.frames.of(&message) else { continue };
                return Some(match self.frames {
                    Frames::Canon => event.event(&message.kind).data(frame),
                    Frames::Foreign(_) => event.data(frame),
                });
            }
            match self.stream.next().await {
                Ok(Next::Messages(messages)) => {
                    self.queue.extend(messages.into_iter().filter(|one| self.types.has(one)));
                }
                Ok(Next::Reset(reset, now)) => {
                    let data = json!({"reason": reset.reason(), "id": now.to_string()});
                    let event = Event::default().id(now.to_string()).event("reset");
                    return Some(event.data(data.to_string()));
                }
                Ok(Next::End) => return None,
                Err(error) => {
                    // The client comes back with the last id it saw.
                    tracing::warn!(%error, "a live stream ends: the views do not answer");
                    return None;
                }
            }
        }
    }
}

/// `GET /ws`
pub(super) async fn socket(ask: Ask) -> Outcome {
    socket_in(ask, Frames::Canon).await
}

/// A WebSocket, in these words.
pub(super) async fn socket_in(mut ask: Ask, frames: Frames) -> Outcome {
    let upgrade = WebSocketUpgrade::from_request_parts(&mut ask.parts, &()).await;
    let upgrade = upgrade.map_err(|why| {
        Problem::new(Slug::Malformed, format!("This is a WebSocket: {}.", why.body_text()))
    })?;
    let opened = open(&ask).await?;
    let upgrade = match chosen_protocol(&ask) {
        Some(protocol) => upgrade.protocols([protocol]),
        None => upgrade,
    };
    let upgrade = upgrade.max_message_size(CLIENT_FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| serve(socket, opened, frames)))
}

/// The subprotocol that we speak of those offered: browsers want one of them back. A credential only if there is nothing
/// else.
fn chosen_protocol(ask: &Ask) -> Option<String> {
    let offered = super::run::protocols(&ask.parts.headers);
    let plain = offered.iter().find(|name| !name.starts_with(super::run::BEARER_PROTOCOL));
    plain.or_else(|| offered.first()).cloned()
}

async fn serve(mut socket: WebSocket, opened: Opened, frames: Frames) {
    let Opened { mut stream, types, now, until } = opened;
    let ready = json!({"type": "ready", "id": now.to_string()}).to_string();
    let mut open = match frames {
        Frames::Canon => send(&mut socket, Frame::text(ready)).await,
        Frames::Foreign(_) => true,
    };
    while open {
        tokio::select! {
            () = tokio::time::sleep_until(until) => {
                open = close(&mut socket, UNAUTHENTICATED, "say again who you are").await;
            }
            next = stream.next() => open = tell(&mut socket, next, &types, frames).await,
            frame = socket.recv() => open = match frame {
                Some(Ok(frame)) => hear(&mut socket, &frame).await,
                Some(Err(_)) | None => false,
            },
        }
    }
}

/// Sends what a stream has next; false where that was the end.
async fn tell(
    socket: &mut WebSocket,
    next: Result<Next, sqlx::Error>,
    types: &Types,
    frames: Frames,
) -> bool {
    match next {
        Ok(Next::Messages(messages)) => {
            for message in messages.iter().filter(|message| types.has(message)) {
                let Some(frame) = frames.of(message) else { continue };
                if !send(socket, Frame::text(frame.into_owned())).await {
                    return false;
                }
            }
            true
        }
        Ok(Next::Reset(Reset::Slow, _)) => close(socket, TOO_SLOW, "too slow").await,
        Ok(Next::Reset(reset, now)) => {
            let frame = json!({"type": "reset", "reason": reset.reason(), "id": now.to_string()});
            send(socket, Frame::text(frame.to_string())).await
        }
        Ok(Next::End) => close(socket, GOING_AWAY, "stopping").await,
        Err(error) => {
            tracing::warn!(%error, "a live stream ends: the views do not answer");
            close(socket, 1011, "try again").await
        }
    }
}

/// Answers what a client says; false where it says goodbye. Ping frames are answered below us.
async fn hear(socket: &mut WebSocket, frame: &Frame) -> bool {
    match frame {
        Frame::Text(text) => {
            let said: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            match said["type"] == "ping" {
                true => send(socket, Frame::text(r#"{"type":"pong"}"#)).await,
                false => true,
            }
        }
        Frame::Close(_) => false,
        Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) => true,
    }
}

/// Sends a frame; false where the client is gone, or does not take it.
async fn send(socket: &mut WebSocket, frame: Frame) -> bool {
    let sending = tokio::time::timeout(Duration::from_millis(FRAME_MS), socket.send(frame)).await;
    match sending {
        Ok(sent) => sent.is_ok(),
        Err(_) => close_within(socket, (TOO_SLOW, "too slow"), TOO_SLOW_MS).await,
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) -> bool {
    close_within(socket, (code, reason), FRAME_MS).await
}

async fn close_within(
    socket: &mut WebSocket,
    (code, reason): (u16, &'static str),
    within_ms: u64,
) -> bool {
    let frame = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
    let _ = tokio::time::timeout(Duration::from_millis(within_ms), socket.send(frame)).await;
    false
}
