//! A task list as it is held: tasks in persistent maps, so that a copy costs nothing, and what is derived of them.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use uuid::Uuid;

use super::{
    event::{Event, Fate},
    mass::Mass,
    pages::Pages,
};
use crate::{
    actor::Moment,
    message::{
        rejection::Rejection,
        series::{Series, SeriesStatus},
        task::{
            Status, Task,
            command::{Settings, TagUse, TaskRef},
        },
        text::Tag,
        time::Timestamp,
    },
};

/// How many archived tasks are remembered as such; older ones are unknown here.
const ARCHIVED_MAX: usize = 10_000;

/// A tag of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) created_at: Timestamp,
    /// Tasks that carry it and are not deleted.
    pub(super) used: usize,
}

/// Everything a user changes. Cloning is cheap; what is not in `tasks`, `series`, `tags`, `settings`, `archived`,
/// `numbered`, `mass` and `mass_at` is derived and not stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskList {
    /// By number; deleted ones too, until they are purged.
    pub(super) tasks: OrdMap<u64, Arc<Task>>,
    pub(super) series: OrdMap<Uuid, Arc<Series>>,
    pub(super) tags: OrdMap<Tag, Known>,
    pub(super) settings: Arc<Settings>,
    /// Archived tasks, by number.
    pub(super) archived: OrdMap<u64, Uuid>,
    /// The highest number given.
    pub(super) numbered: u64,
    /// Changes of many tasks that are under way.
    pub(super) mass: Arc<Vec<Mass>>,
    /// When they go on; rises with every step, because alarms are named by their moment.
    pub(super) mass_at: Timestamp,

    /// How `tasks` is stored, of a long list.
    pub(super) pages: Pages,
    pub(super) ids: OrdMap<Uuid, u64>,
    pub(super) archived_ids: OrdSet<Uuid>,
    pub(super) positions: OrdMap<Arc<str>, u64>,
    /// Which task carries a reminder.
    pub(super) reminders: OrdMap<Uuid, u64>,
    /// Reminders of open tasks by their moment.
    pub(super) moments: OrdSet<(Timestamp, Uuid)>,
    /// Closed tasks that are not deleted, by when they were closed.
    pub(super) closed: OrdSet<(Timestamp, u64)>,
    /// Deleted tasks, by when.
    pub(super) deleted: OrdSet<(Timestamp, u64)>,
    /// Open tasks.
    pub(super) open: usize,
    /// Completed tasks.
    pub(super) completed: usize,
    /// Rules that have not ended.
    pub(super) rules: usize,
}

/// Open, and not deleted.
pub(super) fn is_open(task: &Task) -> bool {
    task.status.is_open() && task.deleted_at.is_none()
}

/// The tags count alike for both.
fn carries_alike(old: &Task, new: &Task) -> bool {
    old.tags == new.tags && old.deleted_at.is_some() == new.deleted_at.is_some()
}

/// When a task was closed.
fn closed_at(task: &Task) -> Timestamp {
    task.completed_at.unwrap_or(task.updated_at)
}

impl TaskList {
    /// The task of an id, deleted or not.
    pub(super) fn get(&self, id: Uuid) -> Option<&Arc<Task>> {
        self.tasks.get(self.ids.get(&id)?)
    }

    /// The task that is meant, deleted or not; `task-closed` for one that is archived.
    pub(super) fn any(&self, task: TaskRef) -> Result<&Arc<Task>, Rejection> {
        let (found, archived) = match task {
            TaskRef::Id(id) => (self.get(id), self.archived_ids.contains(&id)),
            TaskRef::Number(n) => (self.tasks.get(&n), self.archived.contains_key(&n)),
        };
        match found {
            Some(task) => Ok(task),
            None if archived => Err(super::work::archived()),
            None => Err(Rejection::not_found()),
        }
    }

    /// The task that is meant, if it is not deleted.
    pub(super) fn find(&self, task: TaskRef) -> Result<&Arc<Task>, Rejection> {
        self.any(task)
            .and_then(|task| task.deleted_at.map_or(Ok(task), |_| Err(Rejection::not_found())))
    }

    /// The zone of the user.
    pub(super) fn zone(&self, at: &Moment<'_>) -> chrono_tz::Tz {
        self.settings.zone.unwrap_or(at.default_zone)
    }

    /// A tag as the interface shows it.
    pub(super) fn tag(&self, tag: &Tag) -> Option<TagUse> {
        let known = self.tags.get(tag)?;
        Some(TagUse { name: tag.clone(), usage_count: known.used, created_at: known.created_at })
    }

    pub(super) fn apply(&mut self, event: &Event, at: &Moment<'_>) {
        match event {
            Event::Task { fate: Fate::Archived, task, .. } => {
                self.remove(task.id, at);
                self.archive(task.number, task.id);
            }
            Event::Task { fate: Fate::TakenBack, task, .. } => self.remove(task.id, at),
            Event::Task { task, .. } => self.put(task, at),
            Event::Purged { task } => self.remove(*task, at),
            Event::Recurred { .. } => {}
            Event::Series { series } => {
                let old = self.series.insert(series.id, series.clone());
                self.rules -= usize::from(old.is_some_and(|old| is_live(&old)));
                self.rules += usize::from(is_live(series));
            }
            Event::Forgotten { series } => {
                let old = self.series.remove(series);
                self.rules -= usize::from(old.is_some_and(|old| is_live(&old)));
            }
            Event::Tagged { tag, created_at } => {
                let fresh = Known { created_at: *created_at, used: 0 };
                self.tags.entry(tag.clone()).or_insert(fresh);
            }
            Event::Untagged { tag } => {
                self.tags.remove(tag);
            }
            Event::Configured { settings } => self.settings = Arc::new(settings.clone()),
            Event::Pending { mass } => {
                self.mass = Arc::new(mass.clone());
                self.mass_at = at.now.max(self.mass_at.plus(1));
            }
        }
    }

    fn put(&mut self, task: &Arc<Task>, at: &Moment<'_>) {
        let old = self.tasks.insert(task.number, task.clone());
        self.pages.changed(task.number);
        if let Some(old) = &old {
            self.forget(old, task);
        } else {
            self.numbered = self.numbered.max(task.number);
            self.ids.insert(task.id, task.number);
        }
        self.note(old.as_deref(), task, at.now);
        self.belong(old.as_deref(), Some(task), at);
    }

    fn remove(&mut self, id: Uuid, at: &Moment<'_>) {
        let Some(old) = self.ids.remove(&id).and_then(|number| self.tasks.remove(&number)) else {
            return;
        };
        self.pages.gone(old.number, &self.tasks);
        let mut gone = (*old).clone();
        gone.position = "".into();
        gone.tags.clear();
        gone.reminders.clear();
        self.forget(&old, &gone);
        self.belong(Some(&old), None, at);
    }

    /// Takes out of what is derived what held for `old` and does not for `new`.
    fn forget(&mut self, old: &Task, new: &Task) {
        if old.position != new.position {
            self.positions.remove(&old.position);
        }
        for reminder in &old.reminders {
            self.moments.remove(&(reminder.remind_at, reminder.id));
            if !new.reminders.iter().any(|kept| kept.id == reminder.id) {
                self.reminders.remove(&reminder.id);
            }
        }
        self.count(old, -1);
        if carries_alike(old, new) {
            return;
        }
        for tag in old.tags.iter().filter(|_| old.deleted_at.is_none()) {
            if let Some(known) = self.tags.get_mut(tag) {
                known.used = known.used.saturating_sub(1);
            }
        }
    }

    /// Puts into what is derived what holds for `new`.
    fn note(&mut self, old: Option<&Task>, new: &Task, now: Timestamp) {
        if old.is_none_or(|old| old.position != new.position) {
            self.positions.insert(new.position.clone(), new.number);
        }
        for reminder in &new.reminders {
            self.reminders.insert(reminder.id, new.number);
            if is_open(new) {
                self.moments.insert((reminder.remind_at, reminder.id));
            }
        }
        self.count(new, 1);
        if old.is_some_and(|old| carries_alike(old, new)) {
            return;
        }
        for tag in &new.tags {
            let known = self.tags.entry(tag.clone()).or_insert(Known { created_at: now, used: 0 });
            known.used += usize::from(new.deleted_at.is_none());
        }
    }

    fn count(&mut self, task: &Task, by: isize) {
        let change = |counter: &mut usize, holds: bool| {
            if holds {
                *counter = counter.saturating_add_signed(by);
            }
        };
        change(&mut self.open, is_open(task));
        let alive = task.deleted_at.is_none();
        change(&mut self.completed, alive && task.status == Status::Completed);
        let (set, key) = match task.deleted_at {
            Some(at) => (&mut self.deleted, (at, task.number)),
            None if task.status.is_open() => return,
            None => (&mut self.closed, (closed_at(task), task.number)),
        };
        if by > 0 {
            set.insert(key);
        } else {
            set.remove(&key);
        }
    }

    /// Keeps the open tasks of rules.
    fn belong(&mut self, old: Option<&Task>, new: Option<&Task>, at: &Moment<'_>) {
        let of = |task: Option<&Task>| {
            task.filter(|task| is_open(task)).and_then(|task| Some((task.recurrence_id?, task.id)))
        };
        let (was, is) = (of(old), of(new));
        if was == is {
            return;
        }
        let mut change = |series: Uuid, by: &dyn Fn(&mut Vec<Uuid>)| {
            if let Some(held) = self.series.get_mut(&series) {
                let series = Arc::make_mut(held);
                by(&mut series.open_task_ids);
                series.version = at.sequence;
                series.updated_at = at.now;
            }
        };
        if let Some((series, task)) = was {
            change(series, &|open| open.retain(|id| *id != task));
        }
        if let Some((series, task)) = is {
            change(series, &|open| {
                if !open.contains(&task) {
                    open.push(task);
                }
            });
        }
    }

    /// Takes in a task that was read.
    pub(super) fn restore(&mut self, mut task: Arc<Task>) {
        self.share_rule(&mut task);
        self.tasks.insert(task.number, task.clone());
        self.pages.changed(task.number);
        self.ids.insert(task.id, task.number);
        self.note(None, &task, task.created_at);
    }

    /// A task that is as the list has it is held once.
    pub(super) fn share_task(&self, task: &mut Arc<Task>) {
        if let Some(own) = self.tasks.get(&task.number).filter(|own| *own == task) {
            *task = own.clone();
        }
    }

    /// A task's rule is held once, with its series.
    fn share_rule(&self, task: &mut Arc<Task>) {
        let series = task.recurrence_id.and_then(|id| self.series.get(&id));
        if let Some(series) = series.filter(|series| task.recurrence.as_ref() == Some(&series.rule))
        {
            Arc::make_mut(task).recurrence = Some(series.rule.clone());
        }
    }

    fn archive(&mut self, number: u64, id: Uuid) {
        self.archived.insert(number, id);
        self.archived_ids.insert(id);
        if self.archived.len() > ARCHIVED_MAX
            && let Some((number, id)) = self.archived.get_min().cloned()
        {
            self.archived.remove(&number);
            self.archived_ids.remove(&id);
        }
    }
}

/// Active or paused.
pub(super) fn is_live(series: &Series) -> bool {
    series.status != SeriesStatus::Ended
}

impl Serialize for TaskList {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Each<F>(F);
        impl<I: IntoIterator<Item: Serialize>, F: Fn() -> I> Serialize for Each<F> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq((self.0)())
            }
        }
        let mut state = to.serialize_struct("TaskList", 8)?;
        state.serialize_field("tasks", &Each(|| self.tasks.values()))?;
        state.serialize_field("series", &Each(|| self.series.values()))?;
        let tags = || self.tags.iter().map(|(tag, known)| (tag, known.created_at));
        state.serialize_field("tags", &Each(tags))?;
        state.serialize_field("settings", &self.settings)?;
        state.serialize_field("archived", &Each(|| self.archived.iter()))?;
        state.serialize_field("numbered", &self.numbered)?;
        state.serialize_field("mass", &self.mass)?;
        state.serialize_field("mass_at", &self.mass_at)?;
        state.end()
    }
}

#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    tasks: Vec<Arc<Task>>,
    #[serde(default)]
    series: Vec<Arc<Series>>,
    #[serde(default)]
    tags: Vec<(Tag, Timestamp)>,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    archived: Vec<(u64, Uuid)>,
    #[serde(default)]
    numbered: u64,
    #[serde(default)]
    mass: Vec<Mass>,
    #[serde(default)]
    mass_at: Timestamp,
}

impl<'de> Deserialize<'de> for TaskList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(from)?;
        let mut list = Self {
            settings: Arc::new(stored.settings),
            mass: Arc::new(stored.mass),
            mass_at: stored.mass_at,
            ..Self::default()
        };
        for (tag, created_at) in stored.tags {
            list.tags.insert(tag, Known { created_at, used: 0 });
        }
        for series in stored.series {
            list.rules += usize::from(is_live(&series));
            list.series.insert(series.id, series);
        }
        stored.tasks.into_iter().for_each(|task| list.restore(task));
        for (number, id) in stored.archived {
            list.archive(number, id);
        }
        list.numbered = stored.numbered;
        Ok(list)
    }
}
