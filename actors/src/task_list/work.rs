//! A decision under way: a working copy of the list, on which each step sees what the steps before it did.

use std::sync::Arc;

use chrono_tz::Tz;
use uuid::Uuid;

use super::{
    coming,
    event::{Event, Fate},
    fact, retire,
    state::TaskList,
};
use crate::{
    actor::{Effects, Moment},
    message::{
        call::Cause,
        fault::{Code, Fault},
        key::Key,
        rejection::{Current, Rejection, Slug},
        reminder::{Channel, Gone},
        series::Series,
        sync::{Moments, RuleState, Subject, Value},
        task::{Status, Task, command::TaskRef},
        time::Timestamp,
    },
};

/// A moment that is taken away or postponed must be known to be gone before success is answered, if it is so near.
const NEAR_MS: i64 = 2 * 60 * 1000;

/// A decision under way.
pub(super) struct Work<'a> {
    before: &'a TaskList,
    /// The list as it is after what was done so far.
    pub(super) list: TaskList,
    /// Where and when.
    pub(super) at: &'a Moment<'a>,
    /// The id of the operation: what it makes takes its id from this.
    pub(super) id: Uuid,
    /// What led to what is done.
    pub(super) cause: Option<Cause>,
    /// What was done.
    pub(super) events: Vec<Event>,
    /// Reminders that went with their due date.
    pub(super) due_cleared: Vec<Uuid>,
    /// How many ids of reminders were derived.
    pub(super) minted: u32,
    tasks: Vec<Uuid>,
    series: Vec<Uuid>,
}

/// Where a decision can be taken back to.
pub(super) struct Mark {
    list: TaskList,
    events: usize,
    due_cleared: usize,
}

impl<'a> Work<'a> {
    pub(super) fn new(list: &'a TaskList, at: &'a Moment<'a>, id: Uuid) -> Self {
        Self {
            before: list,
            list: list.clone(),
            at,
            id,
            cause: None,
            events: Vec::new(),
            due_cleared: Vec::new(),
            minted: 0,
            tasks: Vec::new(),
            series: Vec::new(),
        }
    }

    /// The same decision on a copy that is thrown away.
    pub(super) fn rehearsal(&self) -> Work<'a> {
        let mut work = Work::new(self.before, self.at, self.id);
        work.list = self.list.clone();
        work
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            list: self.list.clone(),
            events: self.events.len(),
            due_cleared: self.due_cleared.len(),
        }
    }

    /// As if nothing had been done since the mark.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.list = mark.list;
        self.events.truncate(mark.events);
        self.due_cleared.truncate(mark.due_cleared);
    }

    /// The user's zone.
    pub(super) fn zone(&self) -> Tz {
        self.list.zone(self.at)
    }

    /// The zone that holds for a task.
    pub(super) fn zone_of(&self, task: &Task) -> Tz {
        task.zone.unwrap_or_else(|| self.zone())
    }

    /// The task that is meant, at the version that the caller has seen.
    pub(super) fn find(&self, task: TaskRef, expect: Option<u64>) -> Result<Arc<Task>, Rejection> {
        let task = self.list.find(task)?;
        fresh(task, expect)?;
        Ok(task.clone())
    }

    /// The task as it is now; it was found in this same decision.
    pub(super) fn again(&self, id: Uuid) -> Arc<Task> {
        self.list.get(id).expect("a task that was found stays while its command is judged").clone()
    }

    /// The rule that is meant, at the version that the caller has seen.
    pub(super) fn rule(&self, id: Uuid, expect: Option<u64>) -> Result<Arc<Series>, Rejection> {
        let series = self.list.series.get(&id).ok_or_else(Rejection::not_found)?;
        if expect.is_some_and(|seen| seen != series.version) {
            let mut no = Rejection::new(Slug::Stale, "The rule was changed since you read it.");
            no.current = Some(Current::Series(series.clone()));
            return Err(no);
        }
        Ok(series.clone())
    }

    /// The rule that a task follows.
    pub(super) fn rule_of(&self, task: &Task) -> Option<Arc<Series>> {
        self.list.series.get(&task.recurrence_id?).cloned()
    }

    /// Room for one more open task.
    pub(super) fn room(&self) -> Result<(), Rejection> {
        if self.list.open < super::TASKS_MAX {
            return Ok(());
        }
        Err(limit("You have 10,000 open tasks; complete or delete some first."))
    }

    /// Something became of a task: says what changed and at which version. Without a change that is kept, nothing.
    pub(super) fn put(&mut self, fate: Fate, mut task: Task) -> Arc<Task> {
        let old = self.list.get(task.id).cloned();
        let changes = old.as_deref().map(|old| fact::changes(old, &task)).unwrap_or_default();
        let mut fate = fate;
        if let Some(old) = old
            && fate == Fate::Updated
            && changes.is_empty()
        {
            if *old == task {
                return old;
            }
            fate = Fate::Touched;
        }
        if fate != Fate::Touched {
            task.version = self.at.sequence;
            task.updated_at = self.at.now;
        }
        let task = Arc::new(task);
        let cause = self.cause.clone();
        self.emit(Event::Task { fate, task: task.clone(), changes, cause });
        task
    }

    /// A rule is now so. Without a change, nothing.
    pub(super) fn put_series(&mut self, mut series: Series) -> Arc<Series> {
        series.next_due = coming::due(&series, series.zone.unwrap_or_else(|| self.zone()));
        let old = self.list.series.get(&series.id);
        if let Some(old) = old
            && **old == series
        {
            return old.clone();
        }
        series.version = self.at.sequence;
        series.updated_at = self.at.now;
        let series = Arc::new(series);
        self.emit(Event::Series { series: series.clone() });
        series
    }

    pub(super) fn emit(&mut self, event: Event) {
        let (task, series) = match &event {
            Event::Task { task, .. } => {
                let old = self.list.get(task.id).and_then(|old| old.recurrence_id);
                (Some(task.id), [old, task.recurrence_id])
            }
            Event::Series { series } => (None, [Some(series.id), None]),
            _ => (None, [None, None]),
        };
        self.list.apply(&event, self.at);
        self.events.push(event);
        if let Some(task) = task {
            self.touch(task);
        }
        for series in series.into_iter().flatten() {
            self.touch_series(series);
        }
    }

    /// What others know of this task may have to change.
    pub(super) fn touch(&mut self, task: Uuid) {
        self.tasks.push(task);
    }

    /// What the rule's own actor knows may have to change.
    pub(super) fn touch_series(&mut self, series: Uuid) {
        self.series.push(series);
    }

    /// The decision's effects.
    pub(super) fn finish(mut self) -> Effects<TaskList> {
        retire::overflow(&mut self);
        let mut effects = Effects::default();
        sort_unique(&mut self.tasks);
        sort_unique(&mut self.series);
        for task in &self.tasks {
            let (before, after) = (self.before.get(*task), self.list.get(*task));
            let was = before.map(|task| self.moments(self.before, task));
            let is = match (after, before) {
                (Some(task), _) => Some(self.moments(&self.list, task)),
                (None, _) if self.list.archived_ids.contains(task) => was.clone(),
                (None, _) => {
                    was.clone().map(|was| Moments { closed: Some(Gone::TaskDeleted), ..was })
                }
            };
            let empty =
                |moments: &Option<Moments>| moments.as_ref().is_none_or(|m| m.reminders.is_empty());
            if was == is || empty(&was) && empty(&is) {
                continue;
            }
            effects.confirm |= takes_away(was.as_ref(), is.as_ref(), self.at.now);
            if let Some(mut is) = is {
                let had = |id: &&Uuid| {
                    was.as_ref().is_some_and(|was| was.reminders.iter().any(|r| r.id == **id))
                };
                is.due_cleared = self.due_cleared.iter().filter(had).copied().collect();
                let key = Key::reminder(&self.at.key.user);
                effects.syncs.push((key, Subject::Task(*task), Value::Moments(is)));
            }
        }
        for id in &self.series {
            let Some(series) = self.list.series.get(id) else { continue };
            let was = self.before.series.get(id).map(|series| self.rule_state(self.before, series));
            let is = self.rule_state(&self.list, series);
            if was.as_ref() != Some(&is) {
                let key = Key::recurrence(&self.at.key.user, *id);
                effects.syncs.push((key, Subject::Rule(*id), Value::Rule(is)));
            }
        }
        effects.after = Some(self.list);
        effects.events = self.events;
        effects
    }

    fn rule_state(&self, list: &TaskList, series: &Arc<Series>) -> RuleState {
        let zone = series.zone.unwrap_or_else(|| list.zone(self.at));
        RuleState { series: series.clone(), zone, next: coming::ring(series, zone) }
    }

    fn moments(&self, list: &TaskList, task: &Task) -> Moments {
        let mailed = |r: &crate::message::task::SetReminder| {
            r.email_address.is_none() && r.channels.contains(&Channel::Email)
        };
        Moments {
            task: task.id,
            title: task.title.clone(),
            due: task.due,
            closed: closed(task),
            email: task.reminders.iter().any(mailed).then(|| list.settings.email.clone()).flatten(),
            reminders: task.reminders.clone(),
            due_cleared: Vec::new(),
        }
    }
}

fn sort_unique(ids: &mut Vec<Uuid>) {
    ids.sort_unstable();
    ids.dedup();
}

fn closed(task: &Task) -> Option<Gone> {
    match task.status {
        _ if task.deleted_at.is_some() => Some(Gone::TaskDeleted),
        Status::Completed => Some(Gone::TaskCompleted),
        Status::Cancelled => Some(Gone::TaskCancelled),
        Status::Pending | Status::InProgress => None,
    }
}

/// A moment that is near, or past and perhaps snoozed, is no longer to come, or later.
fn takes_away(was: Option<&Moments>, is: Option<&Moments>, now: Timestamp) -> bool {
    let Some(was) = was.filter(|was| was.closed.is_none()) else { return false };
    let near = was.reminders.iter().filter(|set| set.remind_at <= now.plus(NEAR_MS));
    let Some(is) = is.filter(|is| is.closed.is_none()) else { return near.count() > 0 };
    let stands = |set: &crate::message::task::SetReminder| {
        is.reminders.iter().any(|now| now.id == set.id && now.remind_at <= set.remind_at)
    };
    near.into_iter().any(|set| !stands(set))
}

/// The caller has seen this version, or asks for none.
pub(super) fn fresh(task: &Arc<Task>, expect: Option<u64>) -> Result<(), Rejection> {
    if expect.is_none_or(|seen| seen == task.version) {
        return Ok(());
    }
    let mut no = Rejection::new(Slug::Stale, "The task was changed since you read it.");
    no.current = Some(Current::Task(task.clone()));
    Err(no)
}

/// 409: the task is archived.
pub(super) fn archived() -> Rejection {
    Rejection::new(Slug::TaskClosed, "The task is archived and can no longer be changed.")
}

/// 409: so much and no more.
pub(super) fn limit(detail: &str) -> Rejection {
    Rejection::new(Slug::LimitReached, detail)
}

/// 422: one field is wrong.
pub(super) fn invalid(pointer: impl Into<String>, code: Code, detail: &str) -> Rejection {
    Rejection::with(Slug::Invalid, detail, vec![Fault::new(pointer, code, detail)])
}

/// The id of operation `index` of a batch.
pub(super) fn operation_id(call: Uuid, index: usize) -> Uuid {
    Uuid::new_v5(&call, index.to_string().as_bytes())
}
