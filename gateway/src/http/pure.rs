//! Calls that only compute: what a rule expands to, what a sentence says.

use actors::quick_add;
use axum::http::StatusCode;
use serde_json::Value;

use super::{Ask, Outcome, answer, me};
use crate::{
    fields::{OWNED, Reader, Spelling, value},
    problem::Problem,
    pure::{expanded, unparsed},
};

/// The body without what the server owns; a `user_id` of somebody else is refused.
fn unowned(ask: &Ask) -> Result<Value, Problem> {
    let mut body = ask.json()?;
    if let Value::Object(object) = &mut body {
        Reader::new(object, ask.user(), Spelling::Strict)?;
        object.retain(|name, _| name != "user_id" && !OWNED.contains(&name.as_str()));
    }
    Ok(body)
}

/// `POST /api/v1/recurrence/expand`
pub(super) async fn expand(ask: Ask) -> Outcome {
    ask.no_params()?;
    let request = unowned(&ask)?;
    let expanded = expanded(&request)?;
    Ok(answer::json(StatusCode::OK, &expanded))
}

/// `POST /api/v1/parse`
pub(super) async fn parse(ask: Ask) -> Outcome {
    ask.no_params()?;
    let request = unowned(&ask)?;
    let zone = match request.get("zone") {
        Some(zone) if !value::is_nothing(zone) => ask.app.config.zone,
        _ => me::settings(&ask, 0).await?.0.zone.unwrap_or(ask.app.config.zone),
    };
    let parsed = quick_add::parse(&request, ask.app.actors.now(), zone).map_err(unparsed)?;
    Ok(answer::json(StatusCode::OK, &parsed))
}
