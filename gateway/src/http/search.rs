//! `GET /api/v1/search`

use std::fmt::Write;

use actors::message::fault::Code;
use axum::http::StatusCode;

use super::{Ask, Outcome, answer, audit::unavailable, tasks::min_version};
use crate::{
    cursor, listing,
    params::Params,
    problem::Problem,
    search::{self, Hit, Place},
    shelf, tasks,
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
    let bodies = if wanted.is_empty() {
        Vec::new()
    } else {
        let now = ask.app.actors.now();
        let found = ask.app.views.found(user.as_str(), &wanted, archived, now).await;
        found.map_err(unavailable)?
    };
    let of = (user.as_str(), &wanted, &list.filter, archived == Archived::Only);
    let hits = search::sieve(bodies, &owner, &list, &wanted);
    let total = hits.len();
    let (hits, next) = if by_relevance {
        let after = list.cursor.as_deref().map(|text| cursor::read::<Place>(&of, text));
        let (hits, next) = search::best(hits, after.transpose()?, list.limit, owner.version);
        (hits, next.map(|place| cursor::write(&of, &place)))
    } else {
        let place = list.cursor.as_deref().map(|text| cursor::read::<String>(&of, text));
        list.cursor = place.transpose()?;
        let bodies = hits.iter().map(|hit| hit.body.clone());
        let page = shelf::page(bodies, owner, &list).map_err(|why| Problem::rejected(why, user))?;
        let next = page.next.as_ref().map(|place| cursor::write(&of, place));
        (search::in_order(hits, &page), next)
    };
    let json = json(&hits, total, next.as_deref(), version);
    Ok(answer::at_version(answer::written(StatusCode::OK, json), version))
}

fn q(params: &mut Params) -> String {
    let Some(q) = params.take("q") else {
        params.fault("q", (Code::Required, "q is what to look for.".to_owned()));
        return String::new();
    };
    if q.chars().count() > Q_CHARS_MAX {
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
