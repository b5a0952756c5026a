//! What can be asked of a task list without changing it.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Priority, Status, Task,
    command::{Settings, TagUse, TaskRef, When},
};
use crate::message::{
    series::{Series, SeriesStatus},
    text::Tag,
    time::Local,
};

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// When made.
    #[default]
    CreatedAt,
    /// When last changed.
    UpdatedAt,
    /// Due date; none comes last.
    DueDate,
    /// Rank; none comes last.
    Priority,
    /// Case-folded code points.
    Title,
    /// The manual order.
    Position,
    /// When completed; none comes last.
    CompletedAt,
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Small to large.
    Asc,
    /// Large to small.
    #[default]
    Desc,
}

/// A bound of a due-date range, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bound(pub When);

/// Which tasks a list shows. Filters are joined by AND; the default shows every task that is not deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Substring of title or description, case and diacritics folded; empty filters nothing.
    pub search: String,
    /// Any of these; empty = all.
    pub status: Vec<Status>,
    /// Any of these, `None` = without priority; empty = all.
    pub priority: Vec<Option<Priority>>,
    /// These tags; empty = all.
    pub tags: Vec<Tag>,
    /// All of the tags instead of any.
    pub tags_all: bool,
    /// Due no earlier than any of these.
    pub due_from: Vec<Bound>,
    /// Due no later than any of these.
    pub due_to: Vec<Bound>,
    /// Without due date (MCP's view `no_date`).
    pub no_due: bool,
    /// Open and past, or the others.
    pub overdue: Option<bool>,
    /// Of that rule.
    pub recurrence_id: Option<Uuid>,
    /// Only deleted ones.
    pub deleted: bool,
}

/// A list to show: which, in what order, which page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct List {
    /// Which tasks.
    pub filter: Filter,
    /// Sorted by what.
    pub sort: SortBy,
    /// Which way.
    pub order: Order,
    /// At most so many; 1 to 1,000.
    pub limit: usize,
    /// Skip so many first (the aliases' page numbers).
    pub offset: usize,
    /// The opaque cursor of the page before; wrong ones are `invalid-cursor`.
    pub cursor: Option<String>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Query {
    /// One task; deleted ones only with `deleted`.
    Task { task: TaskRef, deleted: bool },
    /// A page of tasks.
    List { list: Box<List> },
    /// Tasks by a forgiving reference: id, number, exact title, or the open ones that contain the text.
    Find { text: String, limit: usize },
    /// Every tag, by name.
    Tags,
    /// The settings.
    Settings,
    /// One rule.
    Series { series: Uuid },
    /// A page of rules: after the cursor (a rule's id), newest first.
    SeriesList { status: Vec<SeriesStatus>, limit: usize, cursor: Option<String> },
    /// The next `n` occurrences of a rule with their reminders.
    Preview { series: Uuid, n: usize },
    /// The tasks of a reminder: which task carries it.
    ReminderTask { reminder: Uuid },
    /// Everything, for an export.
    Everything,
    /// Counts of all tasks: total, pending (open), completed.
    Counts,
    /// Whether every task has what a tag or the settings have become: hundreds follow in turns of their own.
    IsSettled,
}

/// One coming occurrence of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Its civil time.
    pub local: Local,
    /// Its instant; `None` for a day.
    pub utc: Option<crate::message::time::Timestamp>,
    /// When its reminders come.
    pub reminders: Vec<crate::message::time::Timestamp>,
}

/// One answer; the variant is the query's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One task.
    Task(Arc<Task>),
    /// A page of tasks.
    List {
        /// The tasks.
        tasks: Vec<Arc<Task>>,
        /// How many match in all.
        total: usize,
        /// The cursor of the next page.
        next: Option<String>,
    },
    /// Every tag.
    Tags(Vec<TagUse>),
    /// The settings, and the day it is now in the user's zone.
    Settings {
        /// The settings.
        settings: Settings,
        /// Today there.
        today: NaiveDate,
    },
    /// One rule.
    Series(Arc<Series>),
    /// A page of rules.
    SeriesList {
        /// The rules.
        series: Vec<Arc<Series>>,
        /// The cursor of the next page.
        next: Option<String>,
    },
    /// Coming occurrences.
    Preview {
        /// The occurrences.
        occurrences: Vec<Occurrence>,
        /// Nothing follows what is listed.
        complete: bool,
        /// The rule in one English sentence.
        explain: String,
    },
    /// Everything there is.
    Everything {
        /// Tasks, deleted ones too.
        tasks: Vec<Arc<Task>>,
        /// Rules.
        series: Vec<Arc<Series>>,
        /// Tags.
        tags: Vec<TagUse>,
        /// Settings.
        settings: Settings,
    },
    /// Counts of all tasks.
    Counts {
        /// All that are not deleted.
        total: usize,
        /// Open ones.
        pending: usize,
        /// Completed ones.
        completed: usize,
    },
    /// Whether every task has what a tag or the settings have become.
    IsSettled(bool),
}
