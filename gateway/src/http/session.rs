//! `/api/v1/session`: a token becomes a cookie, for pages of our own.

use actors::message::time::Timestamp;
use axum::{
    http::{HeaderValue, header},
    response::Response,
};

use super::{Ask, Outcome, answer, tokens::unavailable};
use crate::{
    accounts::{Holder, SESSION_MS},
    fields::{Reader, Spelling, value},
    identity::{Audience, COOKIE, Refused, session_cookie},
    problem::Problem,
};

/// `POST /api/v1/session`
pub(super) async fn begin(ask: Ask) -> Outcome {
    ask.no_params()?;
    check_origin(&ask)?;
    let object = ask.object()?;
    // Nobody is known yet, so a `user_id` here is an unknown field like any other.
    let nobody = actors::message::key::UserId::parse("-").ok_or_else(Problem::internal)?;
    let mut reader = Reader::new(&object, &nobody, Spelling::Strict)?;
    let token = reader.field(&["token"], value::text);
    if token.is_none() && reader.faults.is_empty() {
        reader.required("token");
    }
    reader.finish()?;
    let identity = &ask.app.identity;
    let caller = match identity.bearer(&ask.app, token.unwrap_or_default()).await {
        Ok(caller) => caller,
        Err(Refused::Unavailable) => return Err(Problem::unavailable()),
        Err(refused) => {
            super::run::count_failure(&ask.app, &ask.parts)?;
            return Err(identity.challenge(refused, &ask.parts.headers, Audience::Api));
        }
    };
    let now = ask.app.actors.now();
    let holder = Holder {
        user: caller.user.clone(),
        scopes: caller.scopes,
        token: caller.token.clone(),
        email: caller.email.clone(),
        zone: caller.zone,
        expires_at: caller.expires_at.unwrap_or(Timestamp(i64::MAX)),
    };
    let secret = ask.app.accounts.begin_session(&holder, now).await.map_err(unavailable)?;
    Ok(with_cookie(&ask, &secret, SESSION_MS / 1000))
}

/// `DELETE /api/v1/session`
pub(super) async fn end(ask: Ask) -> Outcome {
    ask.no_params()?;
    check_origin(&ask)?;
    if let Some(secret) = session_cookie(&ask.parts.headers) {
        // A write by cookie, as any other.
        if !ask.parts.headers.contains_key(header::ORIGIN) {
            return Err(super::run::forbidden_origin());
        }
        ask.app.accounts.end_session(secret).await.map_err(unavailable)?;
    }
    Ok(with_cookie(&ask, "", 0))
}

/// A page of another origin must not change who a browser is here.
fn check_origin(ask: &Ask) -> Result<(), Problem> {
    let origin = ask.parts.headers.get(header::ORIGIN);
    match origin.is_none_or(|origin| ask.app.identity.origins.allows(origin)) {
        true => Ok(()),
        false => Err(super::run::forbidden_origin()),
    }
}

fn with_cookie(ask: &Ask, secret: &str, seconds: i64) -> Response {
    let https = ask.app.config.public_url.as_ref().is_some_and(|url| url.starts_with("https:"));
    let secure = if https { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut answer = answer::nothing();
    let headers = answer.headers_mut();
    headers.insert(header::SET_COOKIE, answer::text(&cookie));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
