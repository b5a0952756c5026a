//! `/api/v1/me`: who the caller is, and their settings.

use actors::message::{
    fault::Code,
    reminder::Channel,
    task::{
        command::{Change, Command, Reply, Settings, SettingsPatch},
        query::{Answer, Query},
    },
};
use axum::{http::StatusCode, response::Response};
use serde_json::json;

use super::{Ask, Outcome, answer, reminders::deliverable, tasks::min_version};
use crate::{
    fields::{Object, Reader, Spelling, reminder, value},
    problem::{Problem, Slug},
    tasks::{settled, unexpected},
};

/// `GET /api/v1/me`
pub(super) async fn get(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let least = min_version(&mut params);
    params.finish()?;
    let (settings, version) = settings(&ask, least).await?;
    Ok(shown(&ask, &settings, version))
}

/// `PATCH /api/v1/me`
pub(super) async fn edit(ask: Ask) -> Outcome {
    ask.no_params()?;
    let patch = patch(&ask, &ask.object()?)?;
    let told = ask.app.tell(ask.caller(), &ask.how_unkeyed(), Command::Configure { patch }).await;
    let done = told.map_err(|failure| Problem::failed(failure, ask.user()))?;
    let version = settled(&ask.app, ask.user(), done.version).await;
    match done.reply {
        Reply::Settings(settings) => Ok(shown(&ask, &settings, version)),
        other => Err(Problem::failed(unexpected(&other), ask.user())),
    }
}

/// The caller's settings, and the sequence they were read at.
pub(super) async fn settings(ask: &Ask, least: u64) -> Result<(Settings, u64), Problem> {
    let answered = ask.app.ask(ask.user(), Query::Settings, least).await;
    let answered = answered.map_err(|failure| Problem::failed(failure, ask.user()))?;
    match answered.answer {
        Answer::Settings { settings, .. } => Ok((settings, answered.version)),
        other => Err(Problem::failed(unexpected(&other), ask.user())),
    }
}

fn shown(ask: &Ask, settings: &Settings, version: u64) -> Response {
    let caller = ask.caller();
    let zone = settings.zone.or(caller.zone).unwrap_or(ask.app.config.zone);
    let answer = answer::json(
        StatusCode::OK,
        &json!({
            "user_id": caller.user.as_str(),
            "email": settings.email.as_ref().or(caller.email.as_ref()),
            "zone": zone.name(),
            "all_day_time": settings.all_day_time.format("%H:%M").to_string(),
            "channels": settings.channels,
            "scopes": caller.scopes.names(),
            "version": version,
        }),
    );
    answer::at_version(answer, version)
}

fn patch(ask: &Ask, object: &Object) -> Result<SettingsPatch, Problem> {
    let mut reader = Reader::new(object, ask.user(), Spelling::Strict)?;
    reader.take("scopes");
    let zone = reader
        .field_with(&["zone"], |value| {
            if value::is_nothing(value) {
                return Ok(Change::Clear);
            }
            let fault = |slug, (code, detail)| {
                (slug, vec![actors::message::fault::Fault::new("", code, detail)])
            };
            let text = value::text(value).map_err(|unread| fault(Slug::Invalid, unread))?;
            value::zone(text).map(Change::Set).map_err(|unread| fault(Slug::InvalidZone, unread))
        })
        .unwrap_or_default();
    let channels: Option<Option<Vec<Channel>>> = reader.field(&["channels"], reminder::channels);
    let wanted = channels.clone().flatten();
    let patch = SettingsPatch {
        email: reader.clearable(&["email"], |value| {
            let why = || (Code::Invalid, "This must be an e-mail address.".to_owned());
            reminder::email(value)?.ok_or_else(why)
        }),
        zone,
        all_day_time: reader
            .clearable(&["all_day_time"], |value| value::time_of_day(value::text(value)?)),
        channels: match channels {
            None => Change::Keep,
            Some(None) => Change::Clear,
            Some(Some(channels)) => Change::Set(channels),
        },
    };
    reader.finish()?;
    deliverable(ask, "", wanted.as_deref())?;
    Ok(patch)
}
