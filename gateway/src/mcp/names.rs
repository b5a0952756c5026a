//! What tools and arguments are called, also by the chatbots that exist.

use serde_json::{Map, Value};

/// The tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Add,
    Update,
    Complete,
    Delete,
    List,
    Sort,
    SetReminder,
    CancelReminder,
    ListReminders,
}

/// An argument of an older name, and what it is here.
pub(super) type Sugar = &'static [(&'static str, &'static str)];

/// Every name that can be called: ours in the order of the contract, then what other systems say.
const TOOLS: [(&str, Tool, Sugar); 15] = [
    ("add_task", Tool::Add, &[]),
    ("update_task", Tool::Update, &[]),
    ("complete_task", Tool::Complete, &[]),
    ("delete_task", Tool::Delete, &[]),
    ("list_tasks", Tool::List, &[]),
    ("sort_tasks", Tool::Sort, &[]),
    ("set_reminder", Tool::SetReminder, &[]),
    ("cancel_reminder", Tool::CancelReminder, &[]),
    ("list_reminders", Tool::ListReminders, &[]),
    ("create_task", Tool::Add, &[]),
    ("search_tasks", Tool::List, &[("query", "search")]),
    ("set_priority", Tool::Update, &[]),
    ("add_tags", Tool::Update, &[("tags", "add_tags"), ("tag", "add_tags")]),
    ("schedule_reminder", Tool::SetReminder, &[]),
    ("delete_reminder", Tool::CancelReminder, &[]),
];

/// A tool by its name, and what some of its arguments are called under it.
pub(super) fn tool(name: &str) -> Option<(Tool, Sugar)> {
    TOOLS.iter().find(|(known, ..)| *known == name).map(|(_, tool, sugar)| (*tool, *sugar))
}

const TASK: Sugar = &[("task", "task_id"), ("id", "task_id"), ("task_title", "task_id")];
const NEW: Sugar = &[("task", "title"), ("task_title", "title"), ("tag", "tags")];
const LIST: Sugar = &[
    ("tag", "tags"),
    ("due_before", "due_date_to"),
    ("due_after", "due_date_from"),
    ("sort_by", "sort"),
    ("by", "sort"),
    ("sort_order", "order"),
];
const REMINDER: Sugar = &[
    ("task", "task_id"),
    ("id", "task_id"),
    ("task_title", "task_id"),
    ("reminder_time", "remind_at"),
];

impl Tool {
    /// What its arguments are also called.
    pub(super) fn synonyms(self) -> Sugar {
        match self {
            Self::Add => NEW,
            Self::Update | Self::Complete | Self::Delete => TASK,
            Self::List | Self::Sort => LIST,
            Self::SetReminder | Self::CancelReminder | Self::ListReminders => REMINDER,
        }
    }
}

/// Gives arguments our names. `Err` names one that says something else than its synonym.
pub(super) fn rename(map: &mut Map<String, Value>, names: Sugar) -> Result<(), &'static str> {
    for (theirs, ours) in names {
        let Some(value) = map.shift_remove(*theirs) else { continue };
        match map.get(*ours) {
            None => {
                map.insert((*ours).to_owned(), value);
            }
            Some(same) if *same == value => {}
            Some(_) => return Err(theirs),
        }
    }
    Ok(())
}
