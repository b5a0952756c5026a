//! What can be done with reminders and the inbox, the same for HTTP and MCP. Setting, moving and taking off are the task
//! list's; snoozing and acknowledging are the ReminderActor's; what is shown is the ReminderActor's.

use actors::{
    Answered, Done, Failure,
    message::{
        fault::Code,
        key::UserId,
        rejection::{Current, Rejection, Slug},
        reminder::{Answer, Command, Notification, Query, Reminder, Reply, Status},
        task::{
            command::{self, ReminderAt, When},
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

/// Moves a reminder or changes its channels; it is pending again, whatever it was. `expect` is judged by the reminder as
/// it lives, which the task list does not know.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    how: &How,
    reminder: Uuid,
    (at, channels): (Option<ReminderAt>, Option<Vec<actors::message::reminder::Channel>>),
    expect: Option<u64>,
) -> Result<Done<Box<Reminder>>, Failure> {
    require(app, &caller.user, reminder, expect).await?;
    let command = command::Command::ChangeReminder { reminder, at, channels, expect: None };
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
    require(app, &caller.user, reminder, expect).await?;
    let command = command::Command::DeleteReminder { reminder, expect: None };
    let (version, replayed) = match set(app, caller, how, command).await {
        Ok(done) => (done.version, done.replayed),
        // Off its task already; it may live on here.
        Err(Failure::Rejected(why)) if why.slug == Slug::NotFound => (0, false),
        Err(failure) => return Err(failure),
    };
    let now = get(app, &caller.user, reminder, version).await?;
    Ok(Done { reply: now.answer, version, replayed })
}

/// Refuses a caller who has seen another version of the reminder.
async fn require(
    app: &App,
    user: &UserId,
    reminder: Uuid,
    expect: Option<u64>,
) -> Result<(), Failure> {
    let Some(expect) = expect else { return Ok(()) };
    let current = get(app, user, reminder, 0).await?.answer;
    if current.version == expect {
        return Ok(());
    }
    let why = "The reminder has changed since you read it; read it again.";
    let current = Some(Current::Reminder(current));
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
