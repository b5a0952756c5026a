//! `/api/v1/tokens`: personal tokens, shown once.

use actors::message::{
    fault::Code,
    task::command::{Change, When},
    time::{Local, Timestamp, resolve},
};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use super::{Ask, Outcome, answer, me, named::bare};
use crate::{
    accounts::{Token, Unavailable},
    fields::{Reader, Spelling, Unread, value},
    identity::scope::{Scope, Scopes},
    problem::{Problem, Slug},
};

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Longest life, and how long one lives when nothing is said.
const LIFE_MS: i64 = 365 * 86_400_000;
/// A life that was counted on another clock may be longer by so much.
const LIFE_LEEWAY_MS: i64 = 60_000;

/// `GET /api/v1/tokens`
pub(super) async fn list(ask: Ask) -> Outcome {
    ask.no_params()?;
    refuse_tokens(&ask)?;
    let tokens = ask.app.accounts.tokens(ask.user(), ask.app.actors.now()).await;
    let tokens: Vec<Value> = tokens.map_err(unavailable)?.iter().map(shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "tokens": tokens })))
}

/// `POST /api/v1/tokens`
pub(super) async fn create(ask: Ask) -> Outcome {
    ask.no_params()?;
    refuse_tokens(&ask)?;
    let now = ask.app.actors.now();
    let (name, scopes, expires_at) = read(&ask, now).await?;
    let made = ask.app.accounts.create_token(ask.user(), &name, scopes, now, expires_at).await;
    let Some((token, secret)) = made.map_err(unavailable)? else {
        let why = "You have 20 tokens; delete one that you do not need.";
        return Err(Problem::new(Slug::LimitReached, why));
    };
    let mut body = shown(&token);
    body["token"] = Value::String(secret);
    let mut answer = answer::json(StatusCode::CREATED, &body);
    let headers = answer.headers_mut();
    headers.insert(header::LOCATION, answer::text(&format!("/api/v1/tokens/{}", token.id)));
    headers.insert(header::CACHE_CONTROL, answer::text("no-store"));
    Ok(answer)
}

/// `DELETE /api/v1/tokens/{id}`
pub(super) async fn delete(ask: Ask) -> Outcome {
    refuse_tokens(&ask)?;
    let id = ask.id()?;
    if let Err(problem) = bare(&ask) {
        let tokens = ask.app.accounts.tokens(ask.user(), ask.app.actors.now()).await;
        let there = tokens.map_err(unavailable)?.iter().any(|token| token.id == id);
        return Err(if there { problem } else { Problem::not_found() });
    }
    let gone = ask.app.accounts.delete_token(ask.user(), id).await.map_err(unavailable)?;
    if gone { Ok(answer::nothing()) } else { Err(Problem::not_found()) }
}

/// A personal token makes, shows and ends no tokens, whatever its scopes.
fn refuse_tokens(ask: &Ask) -> Result<(), Problem> {
    match ask.caller().token {
        None => Ok(()),
        Some(_) => Err(ask.app.identity.lacking(
            Scope::Tokens,
            &ask.parts.headers,
            crate::identity::Audience::Api,
        )),
    }
}

pub(super) fn unavailable(error: Unavailable) -> Problem {
    tracing::warn!(%error, "unavailable");
    Problem::unavailable()
}

fn shown(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes.names(),
        "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.to_string(),
        "last_used_at": token.last_used_at.map(|at| at.to_string()),
    })
}

async fn read(ask: &Ask, now: Timestamp) -> Result<(String, Scopes, Timestamp), Problem> {
    let object = ask.object()?;
    let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
    let name = reader.field(&["name"], name);
    let scopes = reader.field(&["scopes"], |value| scopes(value, ask.caller().scopes));
    let expires = reader.clearable(&["expires_at"], |value| value::precise(value::text(value)?));
    for (field, missing) in [("name", name.is_none()), ("scopes", scopes.is_none())] {
        if missing && reader.faults.is_empty() {
            reader.required(field);
        }
    }
    let longest = now.plus(LIFE_MS);
    let expires_at = match expires {
        Change::Set(When::Instant(at)) => at.into(),
        Change::Set(When::Local(local)) => {
            let zone = me::settings(ask, 0).await?.0.zone.unwrap_or(ask.app.config.zone);
            match local {
                Local::Moment(at) => resolve(at, zone).utc.into(),
                Local::Day(day) => resolve(day.and_time(chrono::NaiveTime::MIN), zone).utc.into(),
            }
        }
        _ => longest,
    };
    if expires_at <= now || expires_at > longest.plus(LIFE_LEEWAY_MS) {
        let why = "A token ends in the future, and in 365 days at the latest.";
        reader.faults.push("/expires_at".to_owned(), Code::OutOfRange, why);
    }
    reader.finish()?;
    Ok((name.unwrap_or_default(), scopes.unwrap_or_default(), expires_at.min(longest)))
}

fn name(value: &Value) -> Result<String, Unread> {
    let text = value::text(value)?.trim();
    match value::chars(text) {
        0 => Err((Code::TooShort, "The name must not be empty.".to_owned())),
        n if n > NAME_CHARS_MAX => {
            Err((Code::TooLong, format!("The name has more than {NAME_CHARS_MAX} characters.")))
        }
        _ if text.chars().any(char::is_control) => {
            Err((Code::Invalid, "The name must not hold control characters.".to_owned()))
        }
        _ => Ok(text.to_owned()),
    }
}

fn scopes(value: &Value, makers: Scopes) -> Result<Scopes, Unread> {
    let wrong = || {
        let names: Vec<&str> = makers.names();
        (Code::Invalid, format!("The scopes are a list of {}.", names.join(", ")))
    };
    let items = value.as_array().ok_or_else(wrong)?;
    let read = items.iter().map(|item| item.as_str().and_then(Scope::parse).ok_or_else(wrong));
    let scopes: Scopes = read.collect::<Result<_, _>>()?;
    if items.is_empty() {
        return Err((Code::TooShort, "A token needs at least one scope.".to_owned()));
    }
    if makers.covers(scopes) { Ok(scopes) } else { Err(wrong()) }
}
