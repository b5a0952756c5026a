//! `GET /api/v1/search`

use std::fmt::Write;

use actors::message::fault::Code;
use axum::http::StatusCode;

use super::{Ask, Outcome, answer, audit::unavailable, tasks::min_version};
use crate::{
    cursor,
    fields::value,
    listing,
    params::Params,
    problem::Problem,
    search::{self, Found, Hit, Place, Question},
    tasks,
    views::Archived,
};

/// Longest `q`, in characters.
const Q_CHARS_MAX: usize = 200;
/// Results on one page when nothing is said.
const PAGE: u64 = 25;
/// Most results on one page.
const PAGE_MAX: u64 = 100;

/// `GET /api/v1/search`
pub(super) async fn find(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let q = q(&mut params);
    let limit = params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE);
    let by_relevance = params.relevance();
    let listing::Listing { mut list, archived } = listing::take(&mut params);
    list.limit = limit as usize;
    let least = min_version(&mut params);
    params.finish()?;
    let user = ask.user();
    let failed = |failure| Problem::failed(failure, user);
    let owner = tasks::owner(&ask.app, user, least).await.map_err(failed)?;
    let shown = ask.app.views_shown(user, least).await.map_err(failed)?;
    let version = match shown {
        true => owner.version,
        false => {
            ask.app.views.list_sequence(user.as_str()).await.map_err(unavailable)?.cast_unsigned()
        }
    };
    let wanted = search::wanted(&q);
    let archived = if archived { Archived::Only } else { Archived::Too };
    let (user, now) = (user.as_str(), ask.app.actors.now());
    let of = (user, &wanted, &list.filter, archived == Archived::Only);
    let question = Question { user, wanted: &wanted, archived, now };
    let mut found = match wanted.is_empty() {
        true => Found::default(),
        false => ask.app.lists.find(&ask.app.views, &question).await.map_err(unavailable)?,
    };
    let total = found.sieve(&owner, &list);
    let next = if by_relevance {
        let after = list.cursor.as_deref().map(|text| cursor::read::<Place>(&of, text));
        let next = found.best(after.transpose()?, list.limit, owner.version);
        next.map(|place| cursor::write(&of, &place))
    } else {
        let place = list.cursor.as_deref().map(|text| cursor::read::<String>(&of, text));
        list.cursor = place.transpose()?;
        let next = found.page(owner, &list).map_err(|why| Problem::rejected(why, ask.user()))?;
        next.map(|place| cursor::write(&of, &place))
    };
    let hits = found.shown(&ask.app.views, user, &wanted).await.map_err(unavailable)?;
    let json = json(&hits, total, next.as_deref(), version);
    Ok(answer::at_version(answer::written(StatusCode::OK, json), version))
}

fn q(params: &mut Params) -> String {
    let given = params.take("q").map(|q| q.trim().to_owned());
    let Some(q) = given.filter(|q| !q.is_empty()) else {
        params.fault("q", (Code::Required, "q is what to look for.".to_owned()));
        return String::new();
    };
    if value::chars(&q) > Q_CHARS_MAX {
        params.fault("q", (Code::TooLong, format!("q has at most {Q_CHARS_MAX} characters.")));
    }
    q
}

fn json(hits: &[Hit], total: usize, next: Option<&str>, version: u64) -> Vec<u8> {
    let mut json = String::from("{\"results\":[");
    for (n, hit) in hits.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let highlights = serde_json::to_string(&hit.highlights).unwrap_or_default();
        let (task, score) = (&hit.body, hit.score);
        // Writing to a text cannot fail.
        let _ = write!(
            json,
            "{comma}{{\"task\":{task},\"score\":{score},\"highlights\":{highlights}}}"
        );
    }
    let next = serde_json::to_string(&next).unwrap_or_default();
    let _ = write!(json, "],\"total\":{total},\"next_cursor\":{next},\"version\":{version}}}");
    json.into_bytes()
}
