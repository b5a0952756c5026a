//! `/api/v1/chat`: no provider is spoken to yet, so there are no conversations, and what is said has no answer.

use actors::message::{fault::Code, task::command::Change};
use axum::http::StatusCode;
use serde_json::json;

use super::{Ask, Outcome, answer};
use crate::{
    fields::{Reader, Spelling, Unread, value},
    problem::{Problem, Slug},
};

/// Longest message, in characters.
const MESSAGE_CHARS_MAX: usize = 4_000;
/// Conversations on a page at most.
const PAGE_MAX: u64 = 200;
/// Seconds after which a caller may ask again; a provider does not come by itself.
const RETRY_AFTER_S: u32 = 3_600;

/// `POST /api/v1/chat`
pub(super) async fn say(ask: Ask) -> Outcome {
    ask.no_params()?;
    let object = ask.object()?;
    let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
    let said = reader.field(&["message"], message).is_some();
    let conversation =
        reader.clearable(&["conversation_id"], |id| value::text(id).map(str::to_owned));
    if !said && reader.faults.is_empty() {
        reader.required("message");
    }
    reader.finish()?;
    if matches!(conversation, Change::Set(_)) {
        return Err(Problem::not_found());
    }
    let why = "Chat has no provider here; use the tools of /mcp with a chatbot of your own.";
    Err(Problem::new(Slug::ChatUnavailable, why).retry_after(RETRY_AFTER_S))
}

fn message(value: &serde_json::Value) -> Result<(), Unread> {
    match value::text(value)?.trim().chars().count() {
        0 => Err((Code::TooShort, "The message must not be empty.".to_owned())),
        n if n > MESSAGE_CHARS_MAX => {
            let why = format!("The message has more than {MESSAGE_CHARS_MAX} characters.");
            Err((Code::TooLong, why))
        }
        _ => Ok(()),
    }
}

/// `GET /api/v1/chat/conversations`
pub(super) async fn conversations(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    params.number("limit", 1, PAGE_MAX);
    let cursor = params.take("cursor");
    super::tasks::min_version(&mut params);
    params.finish()?;
    if cursor.is_some() {
        let why = "The cursor is not one of this list; begin again without it.";
        return Err(Problem::new(Slug::InvalidCursor, why));
    }
    Ok(answer::json(StatusCode::OK, &json!({"conversations": [], "next_cursor": null})))
}

/// `GET DELETE /api/v1/chat/conversations/{id}`
pub(super) async fn conversation(_: Ask) -> Outcome {
    Err(Problem::not_found())
}
