//! A turn as server-sent events: `meta`, any of `delta`, `tool_start` and `tool_end`, then `done` or `error`.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderName, header},
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde_json::{Value, json};

use super::{call, done};
use crate::{
    chat::{Event, Talk},
    http::{Ask, aliases, answer},
};

/// A silent stream says this often that it is there.
const COMMENT_MS: u64 = 10_000;

/// What the events are written with.
struct Writer {
    meta: Value,
    conversation: String,
    instance: String,
    /// The caller speaks as another system.
    foreign: bool,
}

/// The answer, which begins at once.
pub(super) fn answer(ask: &Ask, talk: Talk) -> Response {
    let conversation = talk.conversation().to_owned();
    let meta =
        json!({"conversation_id": conversation, "title": talk.title(), "message_id": talk.id()});
    let (instance, foreign) = (ask.parts.uri.path().to_owned(), ask.spelled.is_some());
    let writer = Writer { meta, conversation, instance, foreign };
    let events = stream::unfold((talk.begin(), writer), |(mut events, writer)| async move {
        let frame = writer.frame(events.recv().await?);
        Some((Ok::<_, Infallible>(frame), (events, writer)))
    });
    let alive = KeepAlive::new().interval(Duration::from_millis(COMMENT_MS));
    let mut answer = Sse::new(events).keep_alive(alive).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, answer::text("private, no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), answer::text("no"));
    answer
}

impl Writer {
    fn frame(&self, event: Event) -> Frame {
        let (name, mut data) = match event {
            Event::Begun => ("meta", self.meta.clone()),
            Event::Said(text) => ("delta", json!({ "text": text })),
            Event::Calling(n, it) => {
                let data = json!({"index": n, "name": it.name, "arguments": it.arguments});
                ("tool_start", data)
            }
            Event::Called(n, it) => {
                let mut data = call(&it);
                data["index"] = json!(n);
                ("tool_end", data)
            }
            Event::Done(turn) => ("done", done(&self.conversation, &turn)),
            Event::Failed(problem) => ("error", json!(problem.document(&self.instance))),
        };
        if self.foreign {
            aliases::plus_tool_names(&mut data);
        }
        Frame::default().event(name).data(data.to_string())
    }
}
