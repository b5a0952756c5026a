//! What can be done with reminders and the inbox, the same for HTTP and MCP. Setting, moving and taking off are the task
//! list's; snoozing and acknowledging are the ReminderActor's; what is shown is the ReminderActor's.

use actors::{
    Answered, Done, Failure,
    message::{
        fault::Code,
        key::UserId,
        rejection::{Current, Rejection, Slug},
        reminder::{Answer, Channel, Command, Notification, Query, Reminder, Reply, Status},
        task::{
            command::{self, ReminderAt, ReminderDraft, TaskRef, When},
            query,
        },
        time::{Local, Timestamp, resolve},
    },
};
use chrono::{NaiveTime, TimeDelta};
use uuid::Uuid;

use crate::{
    app::{App, How},
    fields::Unread,
    identity::Caller,
    tasks::{expect_variant, unexpected},
};

/// Reminders on a page when nothing is said, and at most.
pub(crate) const PAGE: u64 = 100;
pub(crate) const PAGE_MAX: u64 = 500;
/// Longest snooze, in minutes.
pub(crate) const SNOOZE_MINUTES_MAX: i64 = 10_080;

/// A page of reminders.
#[derive(Debug)]
pub(crate) struct Page {
    /// The reminders.
    pub(crate) reminders: Vec<Reminder>,
    /// How many match in all.
    pub(crate) count: usize,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

/// A page of the inbox.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The entries.
    pub(crate) notifications: Vec<Notification>,
    /// How many are unread in all.
    pub(crate) unread: usize,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

/// Sets, moves or takes off a reminder.
pub(crate) async fn set(
    app: &App,
    caller: &Caller,
    how: &How,
    command: command::Command,
) -> Result<Done<Box<Reminder>>, Failure> {
    let told = app.tell(caller, how, command).await?;
    expect_variant!(told, command::Reply::Reminder(reminder) => reminder)
}

/// What a change of a reminder says.
#[derive(Debug)]
pub(crate) struct NewTime {
    /// When it comes.
    pub(crate) at: Option<ReminderAt>,
    /// How it is delivered.
    pub(crate) channels: Option<Vec<Channel>>,
    /// The whole object was sent back, so that its time is a new one only where it differs.
    pub(crate) sent_back: bool,
}

/// Moves a reminder or changes its channels; a new time makes it pending again, whatever it was. `expect` is judged by the
/// reminder as it lives, which the task list does not know.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    how: &How,
    reminder: Uuid,
    NewTime { at, channels, sent_back }: NewTime,
    expect: Option<u64>,
) -> Result<Done<Box<Reminder>>, Failure> {
    let now = get(app, &caller.user, reminder, 0).await?.answer;
    require(&now, expect)?;
    let at = at.filter(|at| !(sent_back && is_time_of(&now, *at)));
    let command =
        command::Command::ChangeReminder { reminder, at, channels: channels.clone(), expect: None };
    let created_at = now.created_at;
    let mut done = match set(app, caller, how, command).await {
        // Off its task; it lives on here.
        Err(Failure::Rejected(why)) if why.slug == Slug::NotFound => {
            set_again(app, caller, how, now, (at, channels)).await?
        }
        told => told?,
    };
    // The task list forgets when one was set that it let go.
    done.reply.created_at = created_at;
    Ok(done)
}

/// Whether a time is the one that a reminder has.
fn is_time_of(now: &Reminder, at: ReminderAt) -> bool {
    match at {
        ReminderAt::Lead(lead) => now.lead_time == Some(lead),
        ReminderAt::Moment(When::Instant(at)) => now.remind_at == Timestamp::from(at),
        ReminderAt::Moment(When::Local(_)) => false,
    }
}

/// Sets a reminder that was taken off its task anew, under its id.
async fn set_again(
    app: &App,
    caller: &Caller,
    how: &How,
    now: Box<Reminder>,
    (at, channels): (Option<ReminderAt>, Option<Vec<Channel>>),
) -> Result<Done<Box<Reminder>>, Failure> {
    let Some(at) = at else {
        if channels.is_none_or(|channels| channels == now.channels) {
            return Ok(Done {
                version: app.version_seen(&caller.user),
                reply: now,
                replayed: false,
            });
        }
        let why = "The reminder was taken off its task; give it a new time.";
        return Err(Failure::Rejected(Box::new(Rejection::new(Slug::ReminderClosed, why))));
    };
    let draft = ReminderDraft {
        id: Some(now.id),
        at,
        channels: Some(channels.unwrap_or(now.channels)),
        webhook_url: now.webhook_url,
        email_address: now.email_address,
    };
    let command = command::Command::SetReminder { task: TaskRef::Id(now.task_id), draft };
    set(app, caller, how, command).await
}

/// Takes a reminder off its task; what is shown is what became of it. Again: the same.
pub(crate) async fn take_off(
    app: &App,
    caller: &Caller,
    how: &How,
    reminder: Uuid,
    expect: Option<u64>,
) -> Result<Done<Box<Reminder>>, Failure> {
    if expect.is_some() {
        require(&get(app, &caller.user, reminder, 0).await?.answer, expect)?;
    }
    let command = command::Command::DeleteReminder { reminder, expect: None };
    // Off its task already, it may live on here, or be nobody's.
    let Done { version, replayed, .. } = app.tell(caller, how, command).await?;
    let now = get(app, &caller.user, reminder, version).await?;
    Ok(Done { reply: now.answer, version, replayed })
}

/// Refuses a caller who has seen another version of the reminder.
fn require(now: &Reminder, expect: Option<u64>) -> Result<(), Failure> {
    if expect.is_none_or(|expect| expect == now.version) {
        return Ok(());
    }
    let why = "The reminder has changed since you read it; read it again.";
    let current = Some(Current::Reminder(Box::new(now.clone())));
    Err(Failure::Rejected(Box::new(Rejection { current, ..Rejection::new(Slug::Stale, why) })))
}

/// Snoozes or acknowledges.
pub(crate) async fn tell(
    app: &App,
    caller: &Caller,
    how: &How,
    command: Command,
) -> Result<Done<Box<Reminder>>, Failure> {
    let told = app.tell_reminders(caller, how, command).await?;
    expect_variant!(told, Reply::Reminder(reminder) => reminder)
}

/// Marks an inbox entry as read.
pub(crate) async fn read(
    app: &App,
    caller: &Caller,
    how: &How,
    notification: Uuid,
) -> Result<Done<Box<Notification>>, Failure> {
    let told = app.tell_reminders(caller, how, Command::Read { notification }).await?;
    expect_variant!(told, Reply::Notification(notification) => notification)
}

/// Marks the whole inbox as read.
pub(crate) async fn read_all(app: &App, caller: &Caller, how: &How) -> Result<Done<()>, Failure> {
    let told = app.tell_reminders(caller, how, Command::ReadAll).await?;
    expect_variant!(told, Reply::Done => ())
}

/// One reminder, as it is at or after `min_version` of the task list.
pub(crate) async fn get(
    app: &App,
    user: &UserId,
    reminder: Uuid,
    min_version: u64,
) -> Result<Answered<Box<Reminder>>, Failure> {
    let Answered { answer, version } =
        app.ask_reminders(user, Query::Reminder { reminder }, min_version).await?;
    match answer {
        Answer::Reminder(reminder) => Ok(Answered { answer: reminder, version }),
        other => Err(unexpected(&other)),
    }
}

/// A page of reminders.
pub(crate) async fn list(
    app: &App,
    user: &UserId,
    query: Query,
    min_version: u64,
) -> Result<Page, Failure> {
    match app.ask_reminders(user, query, min_version).await?.answer {
        Answer::List { reminders, count, next } => Ok(Page { reminders, count, next }),
        other => Err(unexpected(&other)),
    }
}

/// A page of the inbox.
pub(crate) async fn inbox(
    app: &App,
    user: &UserId,
    query: Query,
    min_version: u64,
) -> Result<Inbox, Failure> {
    match app.ask_reminders(user, query, min_version).await?.answer {
        Answer::Inbox { notifications, unread, next } => Ok(Inbox { notifications, unread, next }),
        other => Err(unexpected(&other)),
    }
}

/// The user's settings, and the zone that holds for what they say without one.
pub(crate) async fn zone(app: &App, user: &UserId) -> Result<chrono_tz::Tz, Failure> {
    match app.ask(user, query::Query::Settings, 0).await?.answer {
        query::Answer::Settings { settings, .. } => Ok(settings.zone.unwrap_or(app.config.zone)),
        other => Err(unexpected(&other)),
    }
}

/// The zone of the task that carries a reminder, else the user's.
pub(crate) async fn zone_of(
    app: &App,
    user: &UserId,
    reminder: Uuid,
) -> Result<chrono_tz::Tz, Failure> {
    match app.ask(user, query::Query::ReminderTask { reminder }, 0).await {
        Ok(Answered { answer: query::Answer::Task(task), .. }) => match task.zone {
            Some(zone) => Ok(zone),
            None => zone(app, user).await,
        },
        Ok(other) => Err(unexpected(&other.answer)),
        // It is off its task.
        Err(Failure::Rejected(_)) => zone(app, user).await,
        Err(failure) => Err(failure),
    }
}

/// Reads where a reminder stands.
pub(crate) fn status(text: &str) -> Result<Status, Unread> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "pending" => Status::Pending,
        "triggered" => Status::Triggered,
        "acknowledged" => Status::Acknowledged,
        "cancelled" | "canceled" => Status::Cancelled,
        _ => {
            let why = "The status is one of pending, triggered, acknowledged, cancelled.";
            return Err((Code::Invalid, why.to_owned()));
        }
    })
}

/// Bounds as instants: a day means the whole day in the user's zone.
pub(crate) async fn instants(
    app: &App,
    user: &UserId,
    (from, to): (Option<When>, Option<When>),
) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let local = |when: &Option<When>| matches!(when, Some(When::Local(_)));
    let zone = if local(&from) || local(&to) { zone(app, user).await? } else { chrono_tz::Tz::UTC };
    let at = |when: When, days: i64| match when {
        When::Instant(at) => Timestamp::from(at),
        When::Local(Local::Moment(at)) => resolve(at, zone).utc.into(),
        When::Local(Local::Day(day)) => {
            let start = (day + TimeDelta::days(days)).and_time(NaiveTime::MIN);
            Timestamp::from(resolve(start, zone).utc).plus(-days)
        }
    };
    Ok((from.map(|when| at(when, 0)), to.map(|when| at(when, 1))))
}
