//! Which tasks a list shows, from its parameters: the same for HTTP, search and MCP.

use actors::message::{
    fault::Code,
    task::{
        Status,
        command::When,
        query::{Bound, Filter, List, Order, SortBy},
    },
    time::Local,
};
use uuid::Uuid;

use crate::{
    fields::{Unread, value},
    params::Params,
};

/// Most tasks on one page, and how many there are when nothing is said.
pub(crate) const PAGE_MAX: u64 = 1_000;
/// Longest `search`, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// A list as it was asked for.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The question.
    pub(crate) list: List,
    /// Only archived tasks, which the actor does not hold.
    pub(crate) archived: bool,
}

/// Takes the parameters of a list.
pub(crate) fn take(params: &mut Params) -> Listing {
    let filter = filter(params);
    let list = List {
        filter,
        sort: params.read("sort", sort).unwrap_or_default(),
        order: params.read("order", order).unwrap_or_default(),
        limit: params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE_MAX) as usize,
        offset: 0,
        cursor: params.take("cursor"),
    };
    Listing { list, archived: params.boolean("archived").unwrap_or(false) }
}

/// Takes the parameters that say which tasks.
pub(crate) fn filter(params: &mut Params) -> Filter {
    let mut filter = Filter {
        search: params.read("search", search).unwrap_or_default(),
        priority: params.list("priority", value::priority),
        tags: params.list("tags", value::tag),
        tags_all: params.read("tags_match", all_or_any).unwrap_or(false),
        overdue: params.boolean("overdue"),
        deleted: params.boolean("deleted").unwrap_or(false),
        ..Filter::default()
    };
    status(params, &mut filter);
    let bound = |text: &str| value::when(text).map(Bound);
    let day = params.read("due_date", one_day);
    filter.due_from = params.read("due_date_from", bound).into_iter().chain(day).collect();
    filter.due_to = params.read("due_date_to", bound).into_iter().chain(day).collect();
    if let Some(rule) = params.take("recurrence_id") {
        // An id that nothing has: the list is empty, whatever is wrong with it.
        filter.recurrence_id = Some(value::id(&rule).unwrap_or(NOBODY));
    }
    filter
}

/// The id of nothing.
const NOBODY: Uuid = Uuid::nil();

/// `status` and `completed`, joined by AND.
fn status(params: &mut Params, filter: &mut Filter) {
    let words = params.list("status", |word| {
        Ok(match word.to_ascii_lowercase().as_str() {
            "open" => vec![Status::Pending, Status::InProgress],
            "all" => ALL.to_vec(),
            _ => vec![value::status(word)?],
        })
    });
    let mut wanted: Vec<Status> = words.into_iter().flatten().collect();
    if let Some(completed) = params.boolean("completed") {
        if wanted.is_empty() {
            wanted = ALL.to_vec();
        }
        wanted.retain(|status| (*status == Status::Completed) == completed);
        if wanted.is_empty() {
            filter.recurrence_id = Some(NOBODY);
        }
    }
    if ALL.iter().any(|status| !wanted.contains(status)) {
        filter.status = wanted;
    }
}

const ALL: [Status; 4] =
    [Status::Pending, Status::InProgress, Status::Completed, Status::Cancelled];

fn search(text: &str) -> Result<String, Unread> {
    if value::chars(text) > SEARCH_CHARS_MAX {
        let why = format!("search has at most {SEARCH_CHARS_MAX} characters.");
        return Err((Code::TooLong, why));
    }
    Ok(text.trim().to_owned())
}

fn all_or_any(text: &str) -> Result<bool, Unread> {
    match text.to_ascii_lowercase().as_str() {
        "all" => Ok(true),
        "any" => Ok(false),
        _ => Err((Code::Invalid, "tags_match is any or all.".to_owned())),
    }
}

fn one_day(text: &str) -> Result<Bound, Unread> {
    let day = value::day(text.trim()).map(|day| Bound(When::Local(Local::Day(day))));
    day.ok_or_else(|| (Code::Invalid, "due_date is a day such as 2026-11-21.".to_owned()))
}

/// What a list is sorted by.
pub(crate) fn sort(text: &str) -> Result<SortBy, Unread> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "created_at" => SortBy::CreatedAt,
        "updated_at" => SortBy::UpdatedAt,
        "due_date" => SortBy::DueDate,
        "priority" => SortBy::Priority,
        "title" => SortBy::Title,
        "position" => SortBy::Position,
        "completed_at" => SortBy::CompletedAt,
        _ => {
            let why = "sort is created_at, updated_at, due_date, priority, title, position or \
                       completed_at.";
            return Err((Code::Invalid, why.to_owned()));
        }
    })
}

/// Which way a list runs.
pub(crate) fn order(text: &str) -> Result<Order, Unread> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(Order::Asc),
        "desc" => Ok(Order::Desc),
        _ => Err((Code::Invalid, "order is asc or desc.".to_owned())),
    }
}
