//! What a user can ask of their task list, and what it replies.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LeadTime, Priority, Status, Task};
use crate::{
    message::{
        rejection::Rejection,
        reminder::{Channel, Reminder},
        series::Series,
        text::{Description, Tag, Title},
        time::{Local, Timestamp},
    },
    recurrence::rule::Rule,
};

/// A task, by its id or by the user's small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRef {
    /// By id.
    Id(Uuid),
    /// By number.
    Number(u64),
}

/// A moment as a caller gives it, before the zone it is meant in is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// A day, or a wall clock in the task's (else the user's) zone.
    Local(Local),
    /// An instant, given with an offset.
    Instant(DateTime<Utc>),
}

/// A field of a merge patch (RFC 7396): absent, null, or a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<T> {
    /// Absent: as it was.
    #[default]
    Keep,
    /// Null.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Change<T> {
    /// Absent.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// A reminder as a caller gives it inside a task or to `POST /reminders`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReminderDraft {
    /// The id of a reminder that the task has and keeps; `None` for a new one.
    pub id: Option<Uuid>,
    /// When it comes.
    pub at: ReminderAt,
    /// How it is delivered; `None` means the user's channels.
    pub channels: Option<Vec<Channel>>,
    /// Where the webhook channel delivers.
    pub webhook_url: Option<String>,
    /// Where the e-mail channel delivers.
    pub email_address: Option<String>,
}

/// When a reminder comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReminderAt {
    /// So long before the due date.
    Lead(LeadTime),
    /// At a moment.
    Moment(When),
}

/// The writable fields of a task, as a merge patch. A draft is a patch of an empty task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patch {
    /// New title; never cleared.
    pub title: Option<Title>,
    /// New description.
    pub description: Change<Description>,
    /// New status; never cleared.
    pub status: Option<Status>,
    /// From the synonym `completed: false` alone: reopens a completed task and leaves others.
    pub reopen: bool,
    /// New priority.
    pub priority: Change<Priority>,
    /// The whole new set of tags (Clear = none).
    pub tags: Change<Vec<Tag>>,
    /// Tags to put on besides (MCP).
    pub add_tags: Vec<Tag>,
    /// Tags to take off (MCP).
    pub remove_tags: Vec<Tag>,
    /// New due date.
    pub due: Change<When>,
    /// New zone.
    pub zone: Change<Tz>,
    /// New rule.
    pub recurrence: Change<Arc<Rule>>,
    /// The whole new set of pending reminders (Clear = none).
    pub reminders: Change<Vec<ReminderDraft>>,
}

/// How far a change of a recurring task reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This and later occurrences.
    #[default]
    Following,
    /// This one alone.
    This,
    /// Every open one too.
    All,
    /// With delete: the schedule too.
    Series,
}

/// Where a task goes in the manual order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before a task.
    Before(TaskRef),
    /// After a task.
    After(TaskRef),
    /// To the front.
    First,
    /// To the back.
    Last,
}

/// The template of a stand-alone rule's tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesDraft {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Its first moment, as given.
    pub start: When,
    /// Its zone; `None` follows the user's.
    pub zone: Option<Tz>,
    /// What its tasks are made of: title, description, priority, tags, reminders.
    pub task: Patch,
}

/// A change of a stand-alone or task-bound rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeriesPatch {
    /// New rule.
    pub rule: Option<Arc<Rule>>,
    /// New first moment.
    pub start: Option<When>,
    /// New zone.
    pub zone: Change<Tz>,
    /// What changes in the template.
    pub task: Patch,
}

/// The user's settings, as a merge patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsPatch {
    /// New e-mail address.
    pub email: Change<String>,
    /// New zone (Clear = the server's default).
    pub zone: Change<Tz>,
    /// When an all-day due date counts, for reminders (Clear = 09:00).
    pub all_day_time: Change<NaiveTime>,
    /// Default channels (Clear = in-app).
    pub channels: Change<Vec<Channel>>,
}

/// One operation of a batch, and of a call by itself. `expect` is If-Match: the version the caller has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Operation {
    /// Make a task. Its id is the command's (in a batch: UUIDv5(command, index)); a repeat that comes after its outcome was forgotten answers the task as it is.
    Create { draft: Box<Patch> },
    /// Change a task.
    Edit { task: TaskRef, patch: Box<Patch>, scope: Scope, expect: Option<u64> },
    /// Complete a task; the next occurrence is made in the same turn. Idempotent.
    Complete { task: TaskRef, expect: Option<u64> },
    /// Make a completed or cancelled task pending again. Idempotent.
    Reopen { task: TaskRef, expect: Option<u64> },
    /// Complete or reopen, whichever changes it (`PATCH …/complete` without body).
    Toggle { task: TaskRef, expect: Option<u64> },
    /// Bring a deleted task back. Idempotent.
    Restore { task: TaskRef, expect: Option<u64> },
    /// Cancel this occurrence and make the next.
    Skip { task: TaskRef, expect: Option<u64> },
    /// Change a task's place in the manual order.
    Move { task: TaskRef, place: Place, expect: Option<u64> },
    /// Delete a task; restorable for 30 days.
    Delete { task: TaskRef, scope: Scope, expect: Option<u64> },
}

/// What a user can ask of their task list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Command {
    /// One operation on a task.
    One { operation: Operation },
    /// Several in order, in one turn; atomic: all or none.
    Batch { atomic: bool, operations: Vec<Operation> },
    /// Put a tag on a task, or take it off. Idempotent.
    Tag { task: TaskRef, tag: Tag, on: bool, expect: Option<u64> },
    /// Make a tag.
    CreateTag { tag: Tag },
    /// Rename a tag on every task; `merge` allows a name that is taken.
    RenameTag { tag: Tag, to: Tag, merge: bool },
    /// Delete a tag; `force` takes it off the tasks first.
    DeleteTag { tag: Tag, force: bool },
    /// Save a manual order: these tasks, in this order, go first.
    Arrange { tasks: Vec<Uuid> },
    /// Give a task a rule, or replace it.
    SetRecurrence { task: TaskRef, rule: Arc<Rule>, expect: Option<u64> },
    /// Take the rule off a task (`recurrence` null); no occurrence after it. Idempotent.
    CancelRecurrence { task: TaskRef, expect: Option<u64> },
    /// Make a stand-alone rule. Its id is the command's.
    CreateSeries { draft: Box<SeriesDraft> },
    /// Change what follows of a rule.
    EditSeries { series: Uuid, patch: Box<SeriesPatch>, expect: Option<u64> },
    /// End a rule; open tasks stay, without recurrence. Idempotent.
    CancelSeries { series: Uuid, expect: Option<u64> },
    /// Pause a rule. Idempotent.
    PauseSeries { series: Uuid, expect: Option<u64> },
    /// Resume a rule; nothing is made for the time of the pause. Idempotent.
    ResumeSeries { series: Uuid, expect: Option<u64> },
    /// Skip one occurrence (its local start); `None` skips the next.
    SkipOccurrence { series: Uuid, occurrence: Option<Local>, expect: Option<u64> },
    /// Set a reminder on a task.
    SetReminder { task: TaskRef, draft: ReminderDraft },
    /// Give a reminder a new moment or channels; it is pending again, whatever it was.
    ChangeReminder {
        reminder: Uuid,
        at: Option<ReminderAt>,
        channels: Option<Vec<Channel>>,
        expect: Option<u64>,
    },
    /// Take a reminder off its task. Idempotent.
    DeleteReminder { reminder: Uuid, expect: Option<u64> },
    /// Change the settings.
    Configure { patch: SettingsPatch },
    /// Undo one event of a task: put back `before` where the fields are still `after`.
    Undo { undo: Box<Undo> },
    /// Import whole objects as they were exported. Known ids are skipped or replaced.
    Import {
        replace: bool,
        dry_run: bool,
        tasks: Vec<Arc<Task>>,
        series: Vec<Arc<Series>>,
        tags: Vec<Tag>,
        settings: Option<SettingsPatch>,
    },
}

/// The event to undo, as the caller's audit shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// The event.
    pub event_id: Uuid,
    /// Its type: `task.updated` and so on.
    pub kind: String,
    /// Its task.
    pub task: Uuid,
    /// The task's `changes` {field: {before, after}}, in the values of the interface.
    pub changes: serde_json::Map<String, serde_json::Value>,
    /// The list's sequence at that event.
    pub sequence: u64,
}

/// Kinds of events that can be undone.
const UNDOABLE: [&str; 6] = [
    "task.created",
    "task.updated",
    "task.completed",
    "task.reopened",
    "task.deleted",
    "task.restored",
];

impl Undo {
    /// Whether an event of this kind can be undone at all.
    pub fn is_known(&self) -> bool {
        UNDOABLE.contains(&self.kind.as_str())
    }

    /// Whether the event can be undone where its task is now so: what it left still stands.
    pub fn fits(&self, task: &Task) -> bool {
        let now = super::shown::fields(task);
        self.is_known()
            && task.deleted_at.is_some() == (self.kind == "task.deleted")
            && (self.kind != "task.created" || task.version == self.sequence)
            && self.changes.iter().all(|(field, change)| now.get(field) == change.get("after"))
    }
}

/// What became of one operation on a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The task as it is now (deleted ones carry `deleted_at`).
    pub task: Arc<Task>,
    /// With complete, skip and an edit that completes: the next occurrence, if the rule made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Arc<Task>>,
    /// With reopen: the untouched successor that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Uuid>,
    /// A task was made.
    #[serde(default)]
    pub created: bool,
    /// The operation completed a recurring task (an edit's answer then shows `next`).
    #[serde(default)]
    pub completed: bool,
}

/// The user's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// E-mail address.
    pub email: Option<String>,
    /// The user's zone; `None` is the server's default.
    pub zone: Option<Tz>,
    /// When an all-day due date counts, for reminders.
    pub all_day_time: NaiveTime,
    /// Default channels of new reminders.
    pub channels: Vec<Channel>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            email: None,
            zone: None,
            all_day_time: NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default(),
            channels: vec![Channel::InApp],
        }
    }
}

/// A tag and how many tasks carry it (deleted ones not counted).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagUse {
    /// The tag.
    pub name: Tag,
    /// How many tasks carry it.
    pub usage_count: usize,
    /// When it was made or first used.
    pub created_at: Timestamp,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// New objects.
    pub created: usize,
    /// Replaced objects.
    pub updated: usize,
    /// Known objects left as they were, or already equal.
    pub skipped: usize,
    /// Objects refused: index among tasks, then series, then tags; and why.
    pub failed: Vec<(usize, Rejection)>,
}

/// What the task list replies to a command. The variant is the command's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// One operation, tag change, recurrence change.
    Task(Done),
    /// Each operation of a batch.
    Batch(Vec<Result<Reply, Rejection>>),
    /// A tag as it is now.
    Tag(TagUse),
    /// A rule as it is now; with a skip, what was skipped and what comes next.
    Series {
        /// The rule.
        series: Arc<Series>,
        /// The occurrence that was skipped.
        skipped: Option<Local>,
        /// The next occurrence.
        next: Option<Local>,
    },
    /// A reminder as it was set (pending), or as the list knows it when it was taken off.
    Reminder(Box<Reminder>),
    /// The settings as they are now.
    Settings(Settings),
    /// The task after an undo; `None` where the undo took it away.
    Undone(Option<Arc<Task>>),
    /// What an import did.
    Imported(Imported),
    /// Nothing to say (a deleted tag).
    Done,
}
