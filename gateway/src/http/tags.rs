//! `/api/v1/tags`: how each call is read and its result written.

use actors::message::{
    fault::Code,
    task::command::{Command, TagUse},
    text::Tag,
};
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::{Ask, Outcome, answer, named::failed, tasks::min_version};
use crate::{
    fields::{Reader, Spelling, value},
    problem::Problem,
    tags,
};

/// The tag of the path; what can be no tag is not found.
fn tag(ask: &Ask) -> Result<Tag, Problem> {
    Tag::parse(ask.segment("name")).map_err(|_| Problem::not_found())
}

/// The tag of the path is judged before everything else.
async fn judged<T>(ask: &Ask, tag: &Tag, read: Result<T, Problem>) -> Result<T, Problem> {
    let Err(problem) = read else { return read };
    let tags = tags::list(&ask.app, ask.user(), 0).await.map_err(failed(ask))?;
    let there = tags.answer.iter().any(|used| used.name == *tag);
    Err(if there { problem } else { Problem::not_found() })
}

/// The tag of the body.
fn name(ask: &Ask) -> Result<Tag, Problem> {
    let object = ask.object()?;
    let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
    let name = reader.field(&["name"], |name| value::tag(value::text(name)?));
    if name.is_none() && reader.faults.is_empty() {
        reader.required("name");
    }
    reader.take("usage_count");
    reader.finish()?;
    name.ok_or_else(|| Problem::field("/name", Code::Required, "name is needed."))
}

fn shown(tag: &TagUse) -> Value {
    json!({
        "id": tag.name.as_str(), "name": tag.name.as_str(), "usage_count": tag.usage_count,
        "created_at": tag.created_at.to_string(),
    })
}

/// `GET /api/v1/tags`
pub(super) async fn list(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let min_version = min_version(&mut params);
    params.finish()?;
    let tags = tags::list(&ask.app, ask.user(), min_version).await.map_err(failed(&ask))?;
    let body = json!({"tags": tags.answer.iter().map(shown).collect::<Vec<_>>()});
    Ok(answer::at_version(answer::json(StatusCode::OK, &body), tags.version))
}

/// `POST /api/v1/tags`
pub(super) async fn create(ask: Ask) -> Outcome {
    ask.no_params()?;
    let how = ask.how()?;
    let command = Command::CreateTag { tag: name(&ask)? };
    let mut answer = change(&ask, StatusCode::CREATED, &how, command).await?;
    if let Ok(tag) = name(&ask) {
        let place = format!("/api/v1/tags/{}", answer::path_segment(tag.as_str()));
        answer.headers_mut().insert(header::LOCATION, answer::text(&place));
    }
    Ok(answer)
}

/// `PUT /api/v1/tags/{name}?merge=`
pub(super) async fn rename(ask: Ask) -> Outcome {
    let tag = tag(&ask)?;
    let read = || {
        let mut params = ask.params()?;
        let merge = params.boolean("merge").unwrap_or(false);
        params.finish()?;
        Ok((ask.how()?, merge, name(&ask)?))
    };
    let (how, merge, to) = judged(&ask, &tag, read()).await?;
    change(&ask, StatusCode::OK, &how, Command::RenameTag { tag, to, merge }).await
}

async fn change(
    ask: &Ask,
    status: StatusCode,
    how: &crate::app::How,
    command: Command,
) -> Result<Response, Problem> {
    let done = tags::change(&ask.app, ask.caller(), how, command).await.map_err(failed(ask))?;
    let answer = answer::at_version(answer::json(status, &shown(&done.reply)), done.version);
    Ok(answer::replayed(answer, done.replayed))
}

/// `DELETE /api/v1/tags/{name}?force=`
pub(super) async fn delete(ask: Ask) -> Outcome {
    let tag = tag(&ask)?;
    let read = || {
        let mut params = ask.params()?;
        let force = params.boolean("force").unwrap_or(false);
        params.finish()?;
        ask.no_body()?;
        Ok((ask.how()?, force))
    };
    let (how, force) = judged(&ask, &tag, read()).await?;
    let command = Command::DeleteTag { tag, force };
    let done = tags::delete(&ask.app, ask.caller(), &how, command).await.map_err(failed(&ask))?;
    let answer = answer::at_version(answer::nothing(), done.version);
    Ok(answer::replayed(answer, done.replayed))
}
