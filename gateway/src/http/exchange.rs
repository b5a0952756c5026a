//! `/api/v1/export` and `/api/v1/import`: everything a user has, out and in.

use axum::http::{StatusCode, header};

use super::{Ask, Outcome, answer, tasks::min_version};
use crate::{
    exchange::{self, Format, Known, Told},
    problem::{Problem, Slug},
};

/// Largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 16 << 20;

/// `GET /api/v1/export?format=`
pub(super) async fn export(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let format = params.read("format", Format::parse).unwrap_or_default();
    let min_version = min_version(&mut params);
    params.finish()?;
    let (file, version) = exchange::export(&ask.app, ask.user(), format, min_version).await?;
    let mut answer = answer::written(StatusCode::OK, file);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, answer::text(format.media_type()));
    let name = format!("attachment; filename=\"tickler.{}\"", format.suffix());
    headers.insert(header::CONTENT_DISPOSITION, answer::text(&name));
    Ok(answer::at_version(answer, version))
}

/// `POST /api/v1/import?mode=&dry_run=`
pub(super) async fn import(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let known = params.read("mode", Known::parse).unwrap_or_default();
    let dry_run = params.boolean("dry_run").unwrap_or(false);
    params.finish()?;
    let kind = ask.parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let Some(format) = Format::of_type(kind) else {
        let why =
            "The body must be application/x-ndjson, as an export writes it, or text/calendar.";
        return Err(Problem::new(Slug::UnsupportedMediaType, why));
    };
    let told = Told { known, dry_run };
    let trace = Some(ask.traceparent.as_str());
    let report = exchange::import(&ask.app, ask.caller(), format, &ask.body, told, trace).await?;
    let version = report.version;
    Ok(answer::at_version(answer::json(StatusCode::OK, &report.shown()), version))
}
