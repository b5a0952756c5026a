//! Reads a calendar file against what is held.

use std::{collections::HashMap, sync::Arc};

use actors::message::{series::Series, task::Task};
use uuid::Uuid;

use super::{
    Fail, Owner,
    line::Line,
    part::{self, Part},
    todo::{self, Held},
    zone::Zones,
};
use crate::problem::Problem;

/// Components that are no tasks.
const FOREIGN: [&str; 3] = ["VEVENT", "VJOURNAL", "VFREEBUSY"];

/// What became of a component: a task with its line and its rule, where that is new or changed.
pub(crate) enum Item {
    /// A task.
    Task(usize, Arc<Task>, Option<Arc<Series>>),
    /// It is no task: an event, a journal.
    Foreign,
}

/// Reads each component of a file that is, or could be taken for, a task.
///
/// # Errors
/// 422: it is no calendar, or was cut off.
pub(crate) fn read(
    file: &[u8],
    tasks: &[Arc<Task>],
    series: &[Arc<Series>],
    owner: &Owner,
) -> Result<Vec<Result<Item, Fail>>, Problem> {
    let mut calendars = part::read(file)?;
    let zones = Zones::of(&calendars);
    let by_id: HashMap<Uuid, &Task> = tasks.iter().map(|task| (task.id, &**task)).collect();
    let rules: HashMap<Uuid, &Series> = series.iter().map(|one| (one.id, &**one)).collect();
    let mut items = Vec::new();
    for calendar in &mut calendars {
        for part in &mut calendar.parts {
            if part.name == "VTODO" {
                name_zones(part, &zones);
                items.push(one(part, &by_id, &rules, owner, &zones));
            } else if FOREIGN.contains(&part.name.as_str()) {
                items.push(Ok(Item::Foreign));
            }
        }
    }
    Ok(items)
}

fn one(
    part: &Part,
    tasks: &HashMap<Uuid, &Task>,
    rules: &HashMap<Uuid, &Series>,
    owner: &Owner,
    zones: &Zones,
) -> Result<Item, Fail> {
    let task = tasks.get(&todo::id(part)?).copied();
    let series = task.and_then(|task| rules.get(&task.recurrence_id?).copied());
    let (task, series) = todo::read(part, Held { task, series }, owner, zones)?;
    Ok(Item::Task(part.at, Arc::new(task), series.map(Arc::new)))
}

/// Calls each zone by its IANA name: the file's own definitions do not go with the task.
fn name_zones(part: &mut Part, zones: &Zones) {
    for content in &mut part.lines {
        let Some(at) = content.text.to_ascii_uppercase().find(";TZID=") else { continue };
        let id = Line::parse(&content.text).and_then(|line| line.param("TZID").map(str::to_owned));
        let Some((zone, id)) = id.and_then(|id| Some((zones.get(&id)?, id))) else { continue };
        let (head, tail) = content.text.split_at(at + ";TZID=".len());
        let quoted = format!("\"{id}\"");
        let rest = tail.strip_prefix(&quoted).or_else(|| tail.strip_prefix(&id));
        if let Some(rest) = rest {
            content.text = format!("{head}{}{rest}", zone.name());
        }
    }
    part.parts.iter_mut().for_each(|part| name_zones(part, zones));
}
