//! Lists of tasks that other trees page and count in ways of their own.

use actors::message::{
    task::query::{Answer, Bound, Filter, Query},
    time::Local,
};
use axum::{
    http::{HeaderValue, StatusCode},
    response::Response,
};
use chrono::{DateTime, Days, Utc};

use super::{Ask, Outcome};
use crate::{
    fields::Unread,
    http::{
        answer,
        tasks::{min_version, page},
    },
    listing,
    params::Params,
    problem::Problem,
    tasks,
};
use actors::message::{fault::Code, task::command::When};

/// How a list is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Envelope {
    /// `{tasks, total, page, page_size}`
    Pages,
    /// `{tasks, count: {total, pending, completed}}`
    Counts,
}

/// Tasks on a page when nothing is said, and at most.
const PAGE: u64 = 20;
const PAGE_MAX: u64 = 100;
/// The last page that can be asked for.
const PAGES_MAX: u64 = 1_000_000;

/// What `due` means.
#[derive(Clone, Copy)]
enum Span {
    Today,
    Overdue,
    Week,
}

fn span(text: &str) -> Result<Span, Unread> {
    match text.to_ascii_lowercase().as_str() {
        "today" => Ok(Span::Today),
        "overdue" => Ok(Span::Overdue),
        "week" => Ok(Span::Week),
        _ => Err((Code::Invalid, "due is today, overdue or week.".to_owned())),
    }
}

/// A list in its envelope.
pub(super) async fn list(ask: &Ask, envelope: Envelope) -> Outcome {
    let mut params = ask.params()?;
    let (number, size) = match envelope {
        Envelope::Pages => numbers(&mut params),
        Envelope::Counts => (1, 0),
    };
    if envelope == Envelope::Counts {
        params.without_all(&["status", "priority", "due", "tags", "search"]);
    }
    let span = match envelope {
        Envelope::Pages => None,
        Envelope::Counts => params.read("due", span),
    };
    let mut listing = listing::take(&mut params);
    let min_version = min_version(&mut params);
    params.finish()?;
    if envelope == Envelope::Pages {
        listing.list.cursor = None;
        listing.list.limit = size as usize;
        listing.list.offset = ((number - 1) * size) as usize;
    }
    if let Some(span) = span {
        within(ask, &mut listing.list.filter, span).await?;
    }
    let page = page(ask, listing, min_version).await?;
    let mut json = b"{\"tasks\":".to_vec();
    json.extend_from_slice(&page.json);
    let (total, next) = (page.total, page.next);
    let rest = match envelope {
        Envelope::Pages => {
            format!(",\"total\":{total},\"page\":{number},\"page_size\":{size}}}")
        }
        Envelope::Counts => {
            let counts = counts(ask).await?;
            format!(",\"count\":{{{counts}}}}}")
        }
    };
    json.extend_from_slice(rest.as_bytes());
    let mut answer: Response = answer::written(StatusCode::OK, json);
    answer.headers_mut().insert(answer::TOTAL, HeaderValue::from(total));
    if let Some(cursor) = next.filter(|_| envelope == Envelope::Counts) {
        let link = answer::next_link(ask, &cursor);
        answer.headers_mut().insert(axum::http::header::LINK, link);
    }
    Ok(answer::at_version(answer, page.version))
}

fn numbers(params: &mut Params) -> (u64, u64) {
    let number = params.number("page", 1, PAGES_MAX).unwrap_or(1);
    (number, params.number("page_size", 1, PAGE_MAX).unwrap_or(PAGE))
}

/// Narrows a filter to a span of days in the user's zone.
async fn within(ask: &Ask, filter: &mut Filter, span: Span) -> Result<(), Problem> {
    let owner = tasks::owner(&ask.app, ask.user(), 0).await;
    let owner = owner.map_err(|failure| Problem::failed(failure, ask.user()))?;
    let zone = owner.settings.zone.unwrap_or(owner.default_zone);
    let now: DateTime<Utc> = owner.now.utc();
    let today = now.with_timezone(&zone).date_naive();
    let last = match span {
        Span::Overdue => {
            filter.overdue = Some(true);
            return Ok(());
        }
        Span::Today => today,
        Span::Week => today.checked_add_days(Days::new(6)).unwrap_or(today),
    };
    let day = |day| Bound(When::Local(Local::Day(day)));
    filter.due_from.push(day(today));
    filter.due_to.push(day(last));
    Ok(())
}

/// How many tasks there are, whatever the list shows.
async fn counts(ask: &Ask) -> Result<String, Problem> {
    let answered = ask.app.ask(ask.user(), Query::Counts, 0).await;
    match answered.map_err(|failure| Problem::failed(failure, ask.user()))?.answer {
        Answer::Counts { total, pending, completed } => {
            Ok(format!("\"total\":{total},\"pending\":{pending},\"completed\":{completed}"))
        }
        other => Err(Problem::failed(tasks::unexpected(&other), ask.user())),
    }
}
