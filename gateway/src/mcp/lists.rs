//! The tools that show tasks: the same lists as over HTTP, and views by name.

use actors::message::task::{
    Status,
    command::{Command, When},
    query::{Bound, List, Order, SortBy},
};
use actors::message::time::Local;
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    args::{self, Args, items},
    english::English,
    lines::{self, Detail},
    result::{Item, Outcome, Refusal},
    scene::Scene,
};
use crate::{
    fields::{Unread, value},
    listing,
    params::Params,
    tasks,
};

/// Tasks on a page when nothing is said, and at most.
const PAGE: i64 = 25;
const PAGE_MAX: i64 = 100;
/// Tasks that a saved order holds at most: as many as can be open.
const ORDER_MAX: usize = 10_000;

/// What says which tasks, in which order.
const FILTERS: [&str; 12] = [
    "search",
    "status",
    "completed",
    "priority",
    "tags",
    "tags_match",
    "due_date",
    "due_date_from",
    "due_date_to",
    "sort",
    "order",
    "cursor",
];

/// A list of tasks by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Today,
    Overdue,
    Upcoming,
    Next7,
    NoDate,
    Open,
    Completed,
    All,
}

/// Every view by its name, with what it shows.
pub(super) const VIEWS: [(&str, View, &str); 8] = [
    ("today", View::Today, "Open tasks that are due today"),
    ("overdue", View::Overdue, "Open tasks that should be done by now"),
    ("upcoming", View::Upcoming, "Open tasks that are due after today"),
    ("next7", View::Next7, "Open tasks that are due today or in the six days after"),
    ("no_date", View::NoDate, "Open tasks without a due date"),
    ("open", View::Open, "Every open task"),
    ("completed", View::Completed, "Completed tasks"),
    ("all", View::All, "Every task"),
];

/// Reads a view.
pub(super) fn view(name: &str) -> Result<View, Unread> {
    let name = name.trim().to_ascii_lowercase();
    let found = VIEWS.iter().find(|(known, ..)| *known == name).map(|(_, view, _)| *view);
    found.ok_or_else(|| {
        let names: Vec<&str> = VIEWS.iter().map(|(name, ..)| *name).collect();
        let why = format!("This is one of {}.", names.join(", "));
        (actors::message::fault::Code::Invalid, why)
    })
}

/// Narrows a list to a view.
pub(super) fn narrow(list: &mut List, view: View, scene: &Scene<'_>) {
    let today = scene.now.local(scene.zone).date();
    let day = |days: i64| Some(Bound(When::Local(Local::Day(today + TimeDelta::days(days)))));
    let filter = &mut list.filter;
    let open = [Status::Pending, Status::InProgress];
    let status: &[Status] = match view {
        View::All => return,
        View::Completed => &[Status::Completed],
        _ => &open,
    };
    let (from, to) = match view {
        View::Today => (day(0), day(0)),
        View::Upcoming => (day(1), None),
        View::Next7 => (day(0), day(6)),
        _ => (None, None),
    };
    filter.due_from.extend(from);
    filter.due_to.extend(to);
    filter.no_due = view == View::NoDate;
    match view {
        // Overdue is said of open tasks alone.
        View::Overdue => filter.overdue = Some(true),
        _ if filter.status.is_empty() => filter.status = status.to_vec(),
        _ => filter.status.retain(|asked| status.contains(asked)),
    }
    if filter.status.is_empty() && view != View::Overdue {
        filter.recurrence_id = Some(Uuid::nil());
    }
}

/// The list of a view as it is when nothing else is said.
pub(super) fn of_view(view: View, limit: usize, scene: &Scene<'_>) -> List {
    let list = List { limit, ..List::default() };
    Asked { list, view: Some(view), open_question: false }.list(scene, Sorted::Unsaid)
}

/// What a list was asked for.
struct Asked {
    list: List,
    view: Option<View>,
    /// Nothing was said of which tasks, or in which order.
    open_question: bool,
}

fn read(scene: &Scene<'_>, mut args: Args) -> Result<Asked, Refusal> {
    let view = args.read("view", |value| view(value::text(value)?))?;
    let limit = args.integer("limit", 1, PAGE_MAX)?.unwrap_or(PAGE);
    args::unknown(args.map.keys().map(String::as_str).filter(|name| !FILTERS.contains(name)))?;
    let english = English { now: scene.now, zone: scene.zone };
    let mut given = Vec::new();
    for (name, value) in std::mem::take(&mut args.map) {
        let value = match (name.as_str(), value) {
            ("due_date", Value::String(text)) => value::day(text.trim())
                .is_none()
                .then(|| english.day(&text))
                .flatten()
                .unwrap_or(text),
            ("due_date_from" | "due_date_to", Value::String(text)) => {
                value::when(&text).err().and_then(|_| english.date(&text)).unwrap_or(text)
            }
            ("search", Value::String(text)) => text,
            ("status" | "priority" | "tags", value) => {
                let word = |item: Value| item.as_str().map_or(item.to_string(), str::to_owned);
                items(value).into_iter().map(word).collect::<Vec<_>>().join(",")
            }
            (_, Value::String(text)) => text.trim().to_owned(),
            (_, other) => other.to_string(),
        };
        given.push((name, value));
    }
    let open_question = view.is_none() && !given.iter().any(|(name, _)| name != "cursor");
    let mut params = Params::of(given);
    let mut list = listing::take(&mut params).list;
    params.finish()?;
    list.limit = limit as usize;
    Ok(Asked { list, view, open_question })
}

impl Asked {
    /// The list that is meant: without a question, what is overdue or due today.
    fn list(mut self, scene: &Scene<'_>, sorted: Sorted) -> List {
        if self.open_question {
            let today = scene.now.local(scene.zone).date();
            self.list.filter.due_to = vec![Bound(When::Local(Local::Day(today)))];
            self.list.filter.status = vec![Status::Pending, Status::InProgress];
        }
        let by_date =
            matches!(self.view, Some(View::Today | View::Overdue | View::Upcoming | View::Next7));
        if sorted == Sorted::Unsaid && (self.open_question || by_date) {
            (self.list.sort, self.list.order) = (SortBy::DueDate, Order::Asc);
        }
        if let Some(view) = self.view {
            narrow(&mut self.list, view, scene);
        }
        self.list
    }
}

/// Whether the caller said how to sort.
#[derive(Clone, Copy, PartialEq)]
enum Sorted {
    Said,
    Unsaid,
}

fn sorted(args: &Args) -> Sorted {
    if args.has("sort") || args.has("order") { Sorted::Said } else { Sorted::Unsaid }
}

/// `list_tasks`
pub(super) async fn list(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let detail = args.read("detail", |value| {
        match value::text(value)?.trim().to_ascii_lowercase().as_str() {
            "short" => Ok(Detail::Short),
            "full" => Ok(Detail::Full),
            _ => Err((actors::message::fault::Code::Invalid, "This is short or full.".to_owned())),
        }
    })?;
    let said = sorted(&args);
    let asked = read(scene, args)?;
    let open_question = asked.open_question;
    let page = page(scene, asked.list(scene, said), detail.unwrap_or(Detail::Short)).await?;
    Ok(if open_question { page.or_say("Nothing is overdue or due today.") } else { page })
}

/// `sort_tasks`
pub(super) async fn sort(scene: &Scene<'_>, mut args: Args) -> Result<Outcome, Refusal> {
    let save = args.boolean("save")?;
    let said = sorted(&args);
    let list = read(scene, args)?.list(scene, said);
    if save {
        arrange(scene, &list).await?;
    }
    page(scene, list, Detail::Short).await
}

/// A page of tasks as data and lines.
pub(super) async fn page(
    scene: &Scene<'_>,
    list: List,
    detail: Detail,
) -> Result<Outcome, Refusal> {
    let user = scene.user();
    let page = tasks::list(scene.app(), user, list, 0).await;
    let tasks::Page { tasks, total, next } =
        page.map_err(|failure| Refusal::failed(failure, user))?.answer;
    let item = |task: &std::sync::Arc<actors::message::task::Task>| Item {
        shown: lines::task(task, user, detail),
        line: lines::line(task),
    };
    let beside = json!({"total": total, "count": tasks.len(), "next_cursor": next});
    let beside = super::write::object(beside)?;
    Ok(Outcome::list("tasks", tasks.iter().map(item).collect(), beside))
}

/// Keeps the order of everything that the list shows on all its pages.
async fn arrange(scene: &Scene<'_>, list: &List) -> Result<(), Refusal> {
    let user = scene.user();
    let refused = |failure| Refusal::failed(failure, user);
    let mut order = Vec::new();
    let mut cursor = None;
    while order.len() < ORDER_MAX {
        let limit = listing::PAGE_MAX as usize;
        let list = List { limit, cursor, ..list.clone() };
        let page = tasks::list(scene.app(), user, list, 0).await.map_err(refused)?.answer;
        order.extend(page.tasks.iter().map(|task| task.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let command = Command::Arrange { tasks: order };
    let told = scene.app().tell(scene.caller(), &scene.how(0), command).await;
    told.map(|_| ()).map_err(refused)
}
