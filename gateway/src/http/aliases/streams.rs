//! The live streams of other trees: their addresses, and their frames.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Ask, Outcome, Route, same_user};
use crate::{
    http::{
        STREAM,
        ask::Spelled,
        live::{self, Frames},
        route,
    },
    params::Params,
    problem::Problem,
};

/// Where they are.
pub(super) const TEMPLATES: [&str; 3] = ["/ws/tasks", "/ws/{user_id}", "/api/sse/{user_id}"];

/// Their routes.
pub(super) fn routes() -> [Route; 3] {
    let [tasks, user, events_of] = TEMPLATES;
    [
        route(Method::GET, tasks, STREAM, socket),
        route(Method::GET, user, STREAM, socket),
        route(Method::GET, events_of, STREAM, events),
    ]
}

async fn socket(mut ask: Ask) -> Outcome {
    open(&mut ask)?;
    live::socket_in(ask, Frames::Foreign(frame)).await
}

async fn events(mut ask: Ask) -> Outcome {
    open(&mut ask)?;
    live::events_in(ask, Frames::Foreign(frame)).await
}

/// Judges the path, and leaves unknown parameters alone.
fn open(ask: &mut Ask) -> Result<(), Problem> {
    same_user(ask)?;
    let params = Params::decode(ask.parts.uri.query())?.left();
    ask.spelled = Some(Spelled { hash: String::new(), params });
    Ok(())
}

/// A message of a task or a reminder as `{type, action, task_id, data, user_id, timestamp}`; nothing for others.
fn frame(message: &str) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let (subject, action) = message["type"].as_str()?.split_once('.')?;
    let (kind, data) = match subject {
        "task" => ("task_update", "task"),
        "reminder" => ("reminder", "reminder"),
        _ => return None,
    };
    let frame = json!({
        "type": kind, "action": action, "task_id": message["task_id"], "data": message[data],
        "user_id": message["user_id"], "timestamp": message["time"],
    });
    Some(frame.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_written_in_their_words() {
        let message = json!({"id": "7", "type": "task.completed", "time": "2026-11-21T08:00:00.000Z",
            "user_id": "ann", "task_id": "t", "version": 3, "task": {"id": "t"}});
        let frame: Value = serde_json::from_str(&frame(&message.to_string()).unwrap()).unwrap();
        assert_eq!(
            frame,
            json!({"type": "task_update", "action": "completed", "task_id": "t", "data": {"id": "t"},
                "user_id": "ann", "timestamp": "2026-11-21T08:00:00.000Z"})
        );
        let other = json!({"type": "notification.created"});
        assert_eq!(super::frame(&other.to_string()), None);
    }
}
