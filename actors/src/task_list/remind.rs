//! Reminders as they are set on tasks. What becomes of them is the ReminderActor's.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use uuid::Uuid;

use super::{
    event::Fate,
    series,
    state::{TaskList, is_open},
    work::{Work, limit},
};
use crate::message::{
    fault::{Code, Fault},
    lead_time::LeadTime,
    rejection::{Current, Rejection, Slug},
    reminder::{Channel, Reminder, Status},
    task::{
        Due, SetReminder, Task,
        command::{ReminderAt, ReminderDraft, Reply, TaskRef, When},
    },
    time::{Timestamp, resolve},
};

/// Most reminders that a task keeps, fired ones counted.
const KEPT_MAX: usize = 100;

/// A civil time or an instant as a due date of `zone`; fractions of a second are dropped.
pub(super) fn due(when: When, zone: Tz) -> Due {
    match when {
        When::Local(local) => Due::new(local, zone),
        When::Instant(at) => {
            use chrono::{Offset, Timelike};
            let at = at.with_timezone(&zone);
            let local = at.naive_local();
            let local = local.with_nanosecond(0).unwrap_or(local);
            Due::Moment { local, offset: at.offset().fix().local_minus_utc() }
        }
    }
}

impl TaskList {
    /// When a reminder comes that is set so long before a due date: whole days keep the wall clock.
    pub(super) fn lead(&self, due: Due, lead: LeadTime, zone: Tz) -> Timestamp {
        let time = self.settings.all_day_time;
        let whole = lead.whole_days().and_then(|days| {
            let local = due.local().at(time);
            local.checked_sub_signed(TimeDelta::days(days))
        });
        match whole {
            Some(local) => resolve(local, zone).utc.into(),
            None => due.instant(time, zone).plus(-lead.delta().num_milliseconds()),
        }
    }
}

impl Work<'_> {
    fn moment(
        &self,
        at: ReminderAt,
        task: &Task,
    ) -> Result<(Option<LeadTime>, Timestamp), Rejection> {
        let zone = self.zone_of(task);
        match at {
            ReminderAt::Lead(lead) => {
                let due = task.due.ok_or_else(no_due_date)?;
                Ok((Some(lead), self.list.lead(due, lead, zone)))
            }
            ReminderAt::Moment(When::Instant(at)) => Ok((None, at.into())),
            ReminderAt::Moment(When::Local(local)) => {
                let local = local.at(self.list.settings.all_day_time);
                Ok((None, resolve(local, zone).utc.into()))
            }
        }
    }

    /// The id of a new reminder.
    pub(super) fn mint(&mut self) -> Uuid {
        let id = Uuid::new_v5(&self.id, format!("reminder/{}", self.minted).as_bytes());
        self.minted += 1;
        id
    }

    /// A new version of a reminder: later than what anyone has seen of it.
    pub(super) fn reminder_version(&self, seen: u64) -> u64 {
        u64::try_from(self.at.now.0).unwrap_or(0).max(seen + 1)
    }

    fn fresh_reminder(
        &mut self,
        draft: &ReminderDraft,
        task: &Task,
        id: Option<Uuid>,
    ) -> Result<SetReminder, Rejection> {
        let (lead_time, remind_at) = self.moment(draft.at, task)?;
        let id = id.unwrap_or_else(|| self.mint());
        let channels = draft.channels.clone();
        Ok(SetReminder {
            id,
            lead_time,
            remind_at,
            channels: channels.unwrap_or_else(|| self.list.settings.channels.clone()),
            webhook_url: draft.webhook_url.clone(),
            email_address: draft.email_address.clone(),
            created_at: self.at.now,
            version: self.reminder_version(0),
        })
    }

    /// The reminder `old` as `draft` has it; the same where nothing differs.
    fn changed_reminder(
        &self,
        old: &SetReminder,
        draft: &ReminderDraft,
        task: &Task,
    ) -> Result<SetReminder, Rejection> {
        let (lead_time, remind_at) = self.moment(draft.at, task)?;
        let mut new = old.clone();
        let same_time = match lead_time {
            // One that has fired stays where it was.
            Some(lead) => old.lead_time == Some(lead) && old.remind_at <= self.at.now,
            None => old.remind_at == remind_at,
        };
        if !same_time {
            (new.lead_time, new.remind_at) = (lead_time, remind_at);
        }
        new.channels = draft.channels.clone().unwrap_or(new.channels);
        new.webhook_url = draft.webhook_url.clone().or(new.webhook_url);
        new.email_address = draft.email_address.clone().or(new.email_address);
        if new != *old {
            new.version = self.reminder_version(old.version);
        }
        Ok(new)
    }

    /// The whole set that a patch asks for: an item with the id of one keeps it, one that equals one is that one.
    pub(super) fn replaced_reminders(
        &mut self,
        task: &Task,
        drafts: &[ReminderDraft],
    ) -> Result<Vec<SetReminder>, Rejection> {
        let mut left = task.reminders.clone();
        let mut set: Vec<SetReminder> = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            let named = |no: Rejection| at_reminder(no, index);
            let (lead_time, remind_at) = self.moment(draft.at, task).map_err(named)?;
            let alike = |old: &SetReminder| {
                old.lead_time == lead_time
                    && (lead_time.is_some() || old.remind_at == remind_at)
                    && draft.channels.as_ref().is_none_or(|channels| same(channels, &old.channels))
            };
            let known = left
                .iter()
                .position(|old| draft.id == Some(old.id))
                .or_else(|| left.iter().position(|old| draft.id.is_none() && alike(old)));
            let new = match known {
                Some(at) => self.changed_reminder(&left.remove(at), draft, task).map_err(named)?,
                None => {
                    // One that was taken off comes back as itself.
                    let id = draft.id.filter(|id| !self.list.reminders.contains_key(id));
                    self.fresh_reminder(draft, task, id).map_err(named)?
                }
            };
            let twin = |other: &SetReminder| {
                other.id == new.id
                    || other.remind_at == new.remind_at && same(&other.channels, &new.channels)
            };
            if !set.iter().any(twin) {
                set.push(new);
            }
        }
        self.room_for(&task.reminders, &set)?;
        Ok(set)
    }

    /// Room for the reminders that `new` has besides `old`.
    pub(super) fn room_for(
        &self,
        old: &[SetReminder],
        new: &[SetReminder],
    ) -> Result<(), Rejection> {
        let now = self.at.now;
        let fresh = |set: &&SetReminder| {
            !old.iter().any(|had| had.id == set.id && had.remind_at == set.remind_at)
        };
        let added = new.iter().filter(fresh).count();
        if added == 0 {
            return Ok(());
        }
        let ahead = new.iter().filter(|set| set.remind_at > now || fresh(set)).count();
        if ahead > super::TASK_REMINDERS_MAX || new.len() > KEPT_MAX {
            return Err(limit("A task has at most 20 pending reminders; take some off first."));
        }
        let moments = &self.list.moments;
        if moments.len() + added <= super::REMINDERS_MAX {
            return Ok(());
        }
        let coming = moments.range((now.plus(1), Uuid::nil())..).count();
        if coming + added > super::REMINDERS_MAX {
            return Err(limit("You have 10,000 pending reminders; take some off first."));
        }
        Ok(())
    }

    /// Moves the lead-time reminders that lie ahead to where the task's due date has them now.
    pub(super) fn follow_due(&self, task: &mut Task) {
        let Some(due) = task.due else { return };
        let zone = self.zone_of(task);
        for set in &mut task.reminders {
            if let Some(lead) = set.lead_time.filter(|_| set.remind_at > self.at.now) {
                set.remind_at = self.list.lead(due, lead, zone);
            }
        }
    }
}

/// The same channels, in whatever order.
fn same(these: &[Channel], those: &[Channel]) -> bool {
    these.iter().all(|channel| those.contains(channel))
        && those.iter().all(|channel| these.contains(channel))
}

fn no_due_date() -> Rejection {
    let detail =
        "A reminder with a lead time needs a task with a due date; give it one, or a moment.";
    Rejection::with(Slug::NoDueDate, detail, vec![Fault::new("/lead_time", Code::Invalid, detail)])
}

fn at_reminder(mut no: Rejection, index: usize) -> Rejection {
    no.faults =
        no.faults.into_iter().map(|fault| fault.under(&format!("/reminders/{index}"))).collect();
    no
}

pub(super) fn closed() -> Rejection {
    Rejection::new(Slug::TaskClosed, "The task is not open; reopen it before setting reminders.")
}

fn exists() -> Rejection {
    let detail = "The task has a pending reminder of that moment and those channels.";
    Rejection::new(Slug::ReminderExists, detail)
}

/// A reminder as the interface shows it when it was just set.
fn shown(work: &Work<'_>, task: &Task, set: &SetReminder, status: Status, now: Timestamp) -> Reply {
    let mailed = set.channels.contains(&Channel::Email);
    let users = || work.list.settings.email.clone().filter(|_| mailed);
    Reply::Reminder(Box::new(Reminder {
        id: set.id,
        task_id: task.id,
        task_title: task.title.clone(),
        due: task.due,
        lead_time: set.lead_time,
        remind_at: set.remind_at,
        status,
        channels: set.channels.clone(),
        webhook_url: set.webhook_url.clone(),
        email_address: set.email_address.clone().or_else(users),
        snoozed_until: None,
        late: false,
        triggered_at: None,
        acknowledged_at: None,
        version: set.version,
        created_at: set.created_at,
        updated_at: now,
    }))
}

/// `POST /reminders`. A draft with an id sets the reminder under that id, whatever became of it before.
pub(super) fn set(
    work: &mut Work<'_>,
    task: TaskRef,
    draft: &ReminderDraft,
) -> Result<Reply, Rejection> {
    let task = work.find(task, None)?;
    let minted = work.mint();
    let id = draft.id.unwrap_or(minted);
    let old = task.reminders.iter().find(|set| set.id == id);
    if let Some(old) = old.filter(|_| draft.id.is_none()) {
        return Ok(shown(work, &task, old, Status::Pending, old.created_at));
    }
    if !is_open(&task) {
        return Err(closed());
    }
    let new = match old {
        Some(old) => work.changed_reminder(old, draft, &task)?,
        None => work.fresh_reminder(draft, &task, Some(id))?,
    };
    place(work, &task, new)
}

/// `PATCH /reminders/{id}`: a new time makes it pending again.
pub(super) fn change(
    work: &mut Work<'_>,
    reminder: Uuid,
    at: Option<ReminderAt>,
    channels: Option<&[Channel]>,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    let (task, old) = carried(work, reminder, expect)?;
    if !is_open(&task) {
        return Err(closed());
    }
    let mut new = old.clone();
    if let Some(at) = at {
        (new.lead_time, new.remind_at) = work.moment(at, &task)?;
    }
    if let Some(channels) = channels {
        new.channels = channels.to_vec();
    }
    let again = at.is_some() && old.remind_at <= work.at.now;
    if new != old || again {
        new.version = work.reminder_version(old.version.max(expect.unwrap_or(0)));
    }
    place(work, &task, new)
}

/// `DELETE /reminders/{id}`: taken off its task; done where no task carries it, which is kept under a key as any answer.
pub(super) fn delete(
    work: &mut Work<'_>,
    reminder: Uuid,
    expect: Option<u64>,
) -> Result<Reply, Rejection> {
    if !work.list.reminders.contains_key(&reminder) {
        return Ok(Reply::Done);
    }
    let (task, old) = carried(work, reminder, expect)?;
    let mut new = (*task).clone();
    new.reminders.retain(|set| set.id != reminder);
    let task = work.put(Fate::Updated, new);
    series::carry_reminders(work, &task);
    Ok(shown(work, &task, &old, Status::Cancelled, work.at.now))
}

/// Puts a new or changed reminder on its task.
fn place(work: &mut Work<'_>, task: &Arc<Task>, set: SetReminder) -> Result<Reply, Rejection> {
    let twin = |other: &&SetReminder| {
        other.id != set.id
            && other.remind_at == set.remind_at
            && other.remind_at > work.at.now
            && same(&other.channels, &set.channels)
    };
    if task.reminders.iter().find(twin).is_some() {
        return Err(exists());
    }
    let mut new = (**task).clone();
    match new.reminders.iter_mut().find(|old| old.id == set.id) {
        Some(old) => *old = set.clone(),
        None => new.reminders.push(set.clone()),
    }
    work.room_for(&task.reminders, &new.reminders)?;
    let task = work.put(Fate::Updated, new);
    series::carry_reminders(work, &task);
    Ok(shown(work, &task, &set, Status::Pending, work.at.now))
}

/// The task that carries a reminder, and the reminder. The ReminderActor may have counted its version on.
fn carried(
    work: &Work<'_>,
    reminder: Uuid,
    expect: Option<u64>,
) -> Result<(Arc<Task>, SetReminder), Rejection> {
    let number = work.list.reminders.get(&reminder).ok_or_else(Rejection::not_found)?;
    let task = work.find(TaskRef::Number(*number), None)?;
    let set = task.reminders.iter().find(|set| set.id == reminder).cloned();
    let set = set.ok_or_else(Rejection::not_found)?;
    if expect.is_some_and(|seen| seen < set.version) {
        let mut no = Rejection::new(Slug::Stale, "The reminder was changed since you read it.");
        if let Reply::Reminder(now) = shown(work, &task, &set, Status::Pending, work.at.now) {
            no.current = Some(Current::Reminder(now));
        }
        return Err(no);
    }
    Ok((task, set))
}
