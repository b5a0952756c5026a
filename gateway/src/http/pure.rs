//! Calls that only compute: what a rule expands to, what a sentence says.

use actors::quick_add;
use axum::http::StatusCode;

use super::{Ask, Outcome, answer, me};
use crate::pure::{expanded, unparsed};

/// `POST /api/v1/recurrence/expand`
pub(super) async fn expand(ask: Ask) -> Outcome {
    ask.no_params()?;
    let request = ask.json()?;
    let expanded = expanded(&request)?;
    Ok(answer::json(StatusCode::OK, &expanded))
}

/// `POST /api/v1/parse`
pub(super) async fn parse(ask: Ask) -> Outcome {
    ask.no_params()?;
    let request = ask.json()?;
    let zone = match request.get("zone") {
        Some(zone) if !zone.is_null() => ask.app.config.zone,
        _ => me::settings(&ask, 0).await?.0.zone.unwrap_or(ask.app.config.zone),
    };
    let parsed = quick_add::parse(&request, ask.app.actors.now(), zone).map_err(unparsed)?;
    Ok(answer::json(StatusCode::OK, &parsed))
}
