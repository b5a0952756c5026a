//! `/api/v1/chat`: what is said to the assistant, and the conversations that were had with it.

mod events;

use actors::message::{
    call::{Caller as Kind, keyed_id},
    fault::Code,
    task::command::Change,
    time::Timestamp,
};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Ask, Outcome, answer, audit::unavailable, run::too_many};
use crate::{
    chat::{self, Event, Message},
    cursor,
    fields::{Reader, Spelling, Unread, value},
    identity::rates::Standing,
    mcp::Asked,
    problem::Problem,
    views::chat::{Conversation, ToolCall, Turn},
};

/// Longest that a message may take to be answered: as long as its turn, and a little more.
pub(super) const SAY_MS: u64 = chat::TURN_MS + 4_000;
/// Longest message, in characters.
const MESSAGE_CHARS_MAX: usize = 4_000;
/// Conversations on a page when nothing is said.
const PAGE: u64 = 50;
/// Conversations on a page at most.
const PAGE_MAX: u64 = 200;
/// Turns of a conversation that are shown: all there are.
const TURNS_SHOWN_MAX: i64 = 1_000;

/// `POST /api/v1/chat`
pub(super) async fn say(ask: Ask) -> Outcome {
    if let Some(Standing { left: None, reset_s, .. }) =
        ask.app.rates.message(ask.user(), Instant::now())
    {
        return Err(too_many(reset_s, "You have sent too many messages"));
    }
    ask.no_params()?;
    let message = message(&ask)?;
    let (app, caller) = (ask.app.clone(), ask.caller().clone());
    let asked = Asked { app, caller, kind: Kind::Chat, traceparent: ask.traceparent.clone() };
    let talk = chat::open(asked, message).await?;
    let replayed = talk.is_answered();
    if wants_events(&ask) {
        return Ok(answer::replayed(events::answer(&ask, talk), replayed));
    }
    let conversation = talk.conversation().to_owned();
    let mut events = talk.begin();
    while let Some(event) = events.recv().await {
        match event {
            Event::Done(turn) => {
                let answered = answer::json(StatusCode::OK, &done(&conversation, &turn));
                return Ok(answer::replayed(answered, replayed));
            }
            Event::Failed(problem) => return Err(problem),
            Event::Begun | Event::Said(_) | Event::Calling(..) | Event::Called(..) => {}
        }
    }
    Err(Problem::unavailable())
}

/// The message of a request.
fn message(ask: &Ask) -> Result<Message, Problem> {
    let object = ask.object()?;
    let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
    let text = reader.field(&["message"], text);
    let conversation = reader.clearable(&["conversation_id"], |id| value::text(id));
    if text.is_none() && reader.faults.is_empty() {
        reader.required("message");
    }
    reader.finish()?;
    let conversation = match conversation {
        Change::Set(id) => Some(value::id(id).ok_or_else(Problem::not_found)?),
        Change::Keep | Change::Clear => None,
    };
    // The contract ignores keys here. One still lets the very same request be the same message, and refuses nothing.
    let how = ask.how().unwrap_or_else(|_| ask.how_unkeyed());
    let keyed = how.idempotency.is_some();
    let id = if keyed {
        keyed_id(ask.user(), &format!("chat/{}/{}", how.id, ask.hash()))
    } else {
        how.id
    };
    Ok(Message { text: text.unwrap_or_default(), conversation, id, keyed })
}

fn text(value: &Value) -> Result<String, Unread> {
    let text = chat::clean(value::text(value)?).trim().to_owned();
    match value::chars(&text) {
        0 => Err((Code::TooShort, "The message must not be empty.".to_owned())),
        n if n > MESSAGE_CHARS_MAX => {
            let why = format!("The message has more than {MESSAGE_CHARS_MAX} characters.");
            Err((Code::TooLong, why))
        }
        _ => Ok(text),
    }
}

/// Whether a caller names a stream of events before JSON.
fn wants_events(ask: &Ask) -> bool {
    let values = ask.parts.headers.get_all(header::ACCEPT).iter();
    let texts = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    let kinds = texts.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let mut known = kinds.filter_map(|kind| {
        let events = kind.eq_ignore_ascii_case("text/event-stream");
        (events || kind.eq_ignore_ascii_case("application/json")).then_some(events)
    });
    known.next().unwrap_or(false)
}

/// The answer to a message.
fn done(conversation: &str, turn: &Turn) -> Value {
    let calls: Vec<Value> = turn.calls.iter().map(call).collect();
    json!({"conversation_id": conversation, "response": turn.response, "tool_calls": calls})
}

fn call(call: &ToolCall) -> Value {
    let ToolCall { name, arguments, result, ok, round: _ } = call;
    json!({"name": name, "arguments": arguments, "result": result, "ok": ok})
}

/// `GET /api/v1/chat/conversations`
pub(super) async fn conversations(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let limit = params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE) as usize;
    let given = params.take("cursor");
    super::tasks::min_version(&mut params);
    params.finish()?;
    let question = ("conversations", ask.user().as_str());
    let newest = (i64::MAX, String::new());
    let (below, id) = given.map_or(Ok(newest), |text| cursor::read(&question, &text))?;
    let (user, most) = (ask.user().as_str(), limit as i64 + 1);
    let found = ask.app.views.conversations(user, (below, &id), most).await;
    let mut found = found.map_err(unavailable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| cursor::write(&question, &(last.updated_at, &last.id)));
    let found: Vec<Value> = found.iter().map(shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({"conversations": found, "next_cursor": next})))
}

fn shown(it: &Conversation) -> Value {
    let (created, updated) = (moment(it.created_at), moment(it.updated_at));
    json!({"id": it.id, "title": it.title, "created_at": created, "updated_at": updated})
}

fn moment(at: i64) -> String {
    Timestamp(at).to_string()
}

/// `GET /api/v1/chat/conversations/{id}`
pub(super) async fn conversation(ask: Ask) -> Outcome {
    let id = ask.id()?.to_string();
    let found = ask.app.views.conversation(ask.user().as_str(), &id).await;
    let found = found.map_err(unavailable)?.ok_or_else(Problem::not_found)?;
    let turns = ask.app.views.turns(&id, TURNS_SHOWN_MAX).await.map_err(unavailable)?;
    let messages: Vec<Value> = turns.iter().flat_map(messages).collect();
    let whole = json!({"id": found.id, "title": found.title, "messages": messages});
    Ok(answer::json(StatusCode::OK, &whole))
}

/// What the user said and, once there is any of it, what the assistant said and did.
fn messages(turn: &Turn) -> Vec<Value> {
    let mut both = vec![json!({
        "id": turn.id, "role": "user", "content": turn.message, "tool_calls": [],
        "created_at": moment(turn.created_at),
    })];
    if turn.answered_at.is_some() || !turn.calls.is_empty() {
        let id = Uuid::try_parse(&turn.id).map(|id| Uuid::new_v5(&id, b"answer"));
        let calls: Vec<Value> = turn.calls.iter().map(call).collect();
        both.push(json!({
            "id": id.unwrap_or_default(), "role": "assistant", "content": turn.response,
            "tool_calls": calls, "created_at": moment(turn.answered_at.unwrap_or(turn.created_at)),
        }));
    }
    both
}

/// `DELETE /api/v1/chat/conversations/{id}`
pub(super) async fn delete(ask: Ask) -> Outcome {
    let id = ask.id()?.to_string();
    let gone = ask.app.views.delete_conversation(ask.user().as_str(), &id).await;
    match gone.map_err(unavailable)? {
        true => Ok(answer::nothing()),
        false => Err(Problem::not_found()),
    }
}
