//! Which lines of a VTODO say which field of a task: how each is read, and how we write it.

use actors::{
    message::{
        task::{Priority, Status, Task},
        text::{Description, TASK_TAGS_MAX, Tag, Title},
        time::Timestamp,
    },
    recurrence::rule::Rule,
};

use super::{
    Fail, Owner, fail,
    line::{escape, items},
    part::Part,
    rule::{self, RULE},
    when::{self, DUE},
    zone::Zones,
};
use crate::{fields::value, problem::Slug};

/// A field of a task and the lines that say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Summary,
    Description,
    Due,
    Rule,
    Status,
    Priority,
    Categories,
}

impl Group {
    pub(super) const ALL: [Self; 7] = [
        Self::Summary,
        Self::Description,
        Self::Due,
        Self::Rule,
        Self::Status,
        Self::Priority,
        Self::Categories,
    ];

    /// The names of its lines.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Summary => &["SUMMARY"],
            Self::Description => &["DESCRIPTION"],
            Self::Due => DUE,
            Self::Rule => RULE,
            Self::Status => &["STATUS", "COMPLETED"],
            Self::Priority => &["PRIORITY"],
            Self::Categories => &["CATEGORIES"],
        }
    }

    /// The group of a line.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.names().contains(&name))
    }
}

/// A task as calendars see it.
pub(super) struct View<'a> {
    pub(super) task: &'a Task,
    /// Its rule as it goes on from here; none where a later occurrence carries it.
    pub(super) rule: Option<Rule>,
    pub(super) owner: &'a Owner,
}

impl View<'_> {
    /// The lines of a field, as we write them.
    pub(super) fn lines(&self, group: Group) -> Vec<String> {
        let task = self.task;
        let one = |line: Option<String>| line.into_iter().collect();
        match group {
            Group::Summary => one(Some(format!("SUMMARY:{}", escape(task.title.as_str())))),
            Group::Description => {
                let text = task.description.as_ref();
                one(text.map(|text| format!("DESCRIPTION:{}", escape(text.as_str()))))
            }
            Group::Due => when::written(task.due, task.zone, self.owner.zone),
            Group::Rule => match (&self.rule, task.due) {
                (Some(rule), Some(due)) => {
                    rule::written(rule, due, task.zone.unwrap_or(self.owner.zone))
                }
                _ => Vec::new(),
            },
            Group::Status => {
                let status = format!("STATUS:{}", status_name(task.status));
                let completed = task.completed_at.map(|at| format!("COMPLETED:{}", when::utc(at)));
                std::iter::once(status).chain(completed).collect()
            }
            Group::Priority => {
                one(task.priority.map(|priority| format!("PRIORITY:{}", number(priority))))
            }
            Group::Categories => {
                let tags: Vec<String> = task.tags.iter().map(|tag| escape(tag.as_str())).collect();
                one((!tags.is_empty()).then(|| format!("CATEGORIES:{}", tags.join(","))))
            }
        }
    }

    /// Whether lines that were kept still say what the field holds.
    pub(super) fn agrees(&self, group: Group, kept: &Part, zones: &Zones) -> bool {
        let (task, users) = (self.task, self.owner.zone);
        match group {
            Group::Summary => title(kept).is_ok_and(|title| title == task.title),
            Group::Description => description(kept).is_ok_and(|text| text == task.description),
            Group::Due => {
                when::due(kept, users, zones).is_ok_and(|due| due == (task.due, task.zone))
            }
            Group::Rule => {
                let zone = task.zone.unwrap_or(users);
                rule::read(kept, task.due, zone, zones).is_ok_and(|rule| rule == self.rule)
            }
            Group::Status => {
                let (status, at) = status(kept, self.owner, zones);
                status == task.status && at.is_none_or(|at| is_second(Some(at), task.completed_at))
            }
            // The contract names the number that each priority is written as; only what means none stays as it was.
            Group::Priority => priority(kept).is_none() && task.priority.is_none(),
            Group::Categories => tags(kept) == task.tags,
        }
    }
}

/// Whether two instants are of the same second, which is what calendars know.
pub(super) fn is_second(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    let second = |at: Timestamp| at.0.div_euclid(1_000);
    a.map(second) == b.map(second)
}

/// SUMMARY; the ends of lines in it are spaces.
pub(super) fn title(part: &Part) -> Result<Title, Fail> {
    let Some((at, line)) = part.line("SUMMARY") else {
        return Err(fail(part.at, Slug::Invalid, "The VTODO has no SUMMARY.".to_owned()));
    };
    let text = line.text().replace(['\n', '\t'], " ");
    value::title(&text.into()).map_err(|(_, why)| fail(at, Slug::Invalid, why))
}

/// DESCRIPTION; blank is none.
pub(super) fn description(part: &Part) -> Result<Option<Description>, Fail> {
    let Some((at, line)) = part.line("DESCRIPTION") else { return Ok(None) };
    let text = line.text();
    if text.trim().is_empty() {
        return Ok(None);
    }
    value::description(&text.into()).map_err(|(_, why)| fail(at, Slug::Invalid, why))
}

/// STATUS, and when it was completed. COMPLETED alone says that it is.
pub(super) fn status(part: &Part, owner: &Owner, zones: &Zones) -> (Status, Option<Timestamp>) {
    let said = part.line("STATUS").map(|(_, line)| line.value.trim().to_ascii_uppercase());
    let completed = part.line("COMPLETED").is_some();
    let status = match said.as_deref() {
        Some("COMPLETED") => Status::Completed,
        Some("CANCELLED") => Status::Cancelled,
        Some("IN-PROCESS") => Status::InProgress,
        None if completed => Status::Completed,
        _ => Status::Pending,
    };
    let at = when::instant(part, "COMPLETED", owner.zone, zones);
    (status, at.filter(|_| status == Status::Completed))
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Pending => "NEEDS-ACTION",
        Status::InProgress => "IN-PROCESS",
        Status::Completed => "COMPLETED",
        Status::Cancelled => "CANCELLED",
    }
}

/// PRIORITY: 1 and 2 urgent, 3 and 4 high, 5 medium, 6 to 9 low, 0 and all else none.
pub(super) fn priority(part: &Part) -> Option<Priority> {
    match part.line("PRIORITY")?.1.value.trim().parse::<u8>().ok()? {
        1 | 2 => Some(Priority::Urgent),
        3 | 4 => Some(Priority::High),
        5 => Some(Priority::Medium),
        6..=9 => Some(Priority::Low),
        _ => None,
    }
}

fn number(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 1,
        Priority::High => 3,
        Priority::Medium => 5,
        Priority::Low => 7,
    }
}

/// CATEGORIES as tags: what tags cannot hold is a hyphen or left out, and so is what is too much. The file's own words
/// are kept beside.
pub(super) fn tags(part: &Part) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    let texts: Vec<String> =
        part.all("CATEGORIES").flat_map(|(_, line)| items(line.value)).collect();
    for text in texts {
        let words: Vec<&str> = text.split_whitespace().collect();
        let joined = words.join("-");
        let plain = || joined.chars().filter(|c| c.is_alphanumeric() || "_-/".contains(*c));
        let tag = Tag::parse(&joined).or_else(|_| Tag::parse(&plain().collect::<String>()));
        match tag {
            Ok(tag) if !tags.contains(&tag) && tags.len() < TASK_TAGS_MAX => tags.push(tag),
            _ => {}
        }
    }
    tags
}
