//! `/api/v1/reminders` and `/api/v1/notifications`: how each call is read and its result written.

use actors::{
    Done,
    message::{
        fault::{Code, Fault},
        reminder::{
            self, Channel, Command, Notification, Query, Reminder,
            SnoozeUntil::{Minutes, When as Until},
            shown::{Shown, ShownNotification},
        },
        task::command::{self, Change::Set, ReminderDraft, TaskRef, When},
        time::{Local, resolve},
    },
};
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Ask, Outcome, answer, me,
    named::{Named, conditions, failed, plain},
    tasks::min_version,
};
use crate::{
    fields::{Reader, Spelling, reminder as fields, value},
    problem::{Problem, Slug},
    reminders, tasks,
};

/// Minutes of a snooze when nothing is said.
const SNOOZE_MINUTES: i64 = 10;

/// Inbox entries on a page when nothing is said, and at most.
const INBOX_PAGE: u64 = 50;
const INBOX_PAGE_MAX: u64 = 200;
/// Entries that an inbox keeps.
const INBOX_MAX: usize = 500;

/// `POST /api/v1/reminders`
pub(super) async fn create(ask: Ask) -> Outcome {
    ask.no_params()?;
    let how = ask.how()?;
    let mut object = ask.object()?;
    let task = object.shift_remove("task_id");
    let draft = fields::draft(&object, ask.user(), Spelling::Strict);
    let task = match task {
        None | Some(serde_json::Value::Null) => {
            draft?;
            return Err(Problem::field("/task_id", Code::Required, "task_id is needed."));
        }
        Some(task) => value::task_ref_value(&task).ok_or_else(Problem::not_found)?,
    };
    // Only the server gives an id: another reminder that is sent back stays as it is.
    let draft = draft.map(|draft| ReminderDraft { id: None, ..draft });
    let draft = Named::Task(task).judged(&ask, draft).await?;
    deliverable(&ask, "", draft.channels.as_deref())?;
    let command = command::Command::SetReminder { task, draft };
    let done = reminders::set(&ask.app, ask.caller(), &how, command).await.map_err(failed(&ask))?;
    let place = format!("/api/v1/reminders/{}", done.reply.id);
    let mut json = reminder_json(&ask, &done.reply);
    let own = done.reply.webhook_url.is_some() && done.reply.channels.contains(&Channel::Webhook);
    if own {
        let secret = ask.app.notify.reminder_secret(&done.reply.id.to_string());
        answer::add_member(
            &mut json,
            "webhook_secret",
            serde_json::json!(secret).to_string().as_bytes(),
        );
    }
    let answer = answer::object(StatusCode::CREATED, json, done.reply.version);
    let mut answer = answer::replayed(answer, done.replayed);
    answer.headers_mut().insert(header::LOCATION, answer::text(&place));
    if own {
        answer.headers_mut().insert(header::CACHE_CONTROL, answer::text("no-store"));
    }
    Ok(answer::at_version(answer, done.version))
}

/// `GET /api/v1/reminders`
pub(super) async fn list(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let status = params.list("status", reminders::status);
    let task = params.take("task_id");
    let bounds = (params.read("from", value::when), params.read("to", value::when));
    let limit = params.number("limit", 1, reminders::PAGE_MAX).unwrap_or(reminders::PAGE) as usize;
    let cursor = params.take("cursor");
    let min_version = min_version(&mut params);
    params.finish()?;
    let task = match task {
        None => None,
        Some(task) => Some(task_id(&ask, &task).await?),
    };
    let (from, to) =
        reminders::instants(&ask.app, ask.user(), bounds).await.map_err(failed(&ask))?;
    let query = Query::List { status, task, from, to, limit, cursor };
    let page =
        reminders::list(&ask.app, ask.user(), query, min_version).await.map_err(failed(&ask))?;
    let user = ask.user();
    let shown: Vec<_> = page.reminders.iter().map(|reminder| Shown { reminder, user }).collect();
    let body = json!({"reminders": shown, "count": page.count, "next_cursor": page.next});
    Ok(at_seen(&ask, answer::json(StatusCode::OK, &body), min_version))
}

/// The task that a filter names; one that nobody has leads to an empty list.
async fn task_id(ask: &Ask, text: &str) -> Result<Uuid, Problem> {
    match value::task_ref(text) {
        Some(TaskRef::Id(id)) => Ok(id),
        None => Ok(Uuid::nil()),
        Some(task @ TaskRef::Number(_)) => match tasks::get(&ask.app, ask.user(), task, 0).await {
            Ok(found) => Ok(found.answer.id),
            Err(actors::Failure::Rejected(_)) => Ok(Uuid::nil()),
            Err(failure) => Err(Problem::failed(failure, ask.user())),
        },
    }
}

/// `GET /api/v1/reminders/{id}`
pub(super) async fn get(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let read = || {
        let mut params = ask.params()?;
        let min_version = min_version(&mut params);
        params.finish().map(|()| min_version)
    };
    let min_version = Named::Reminder(id).judged(&ask, read()).await?;
    let found =
        reminders::get(&ask.app, ask.user(), id, min_version).await.map_err(failed(&ask))?;
    let reminder = &found.answer;
    let shown = || reminder_json(&ask, reminder);
    Ok(at_seen(&ask, answer::cached(&ask, reminder.version, shown), min_version))
}

/// `PUT PATCH /api/v1/reminders/{id}`
pub(super) async fn edit(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let read = || {
        let (how, if_match) = conditions(&ask)?;
        let object = ask.object()?;
        let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
        let sent_back = object.contains_key("id");
        let at = fields::when(&mut reader, sent_back);
        let channels = reader.field(&["channels"], fields::channels);
        for owned in fields::OWNED.iter().chain(&["task_id", "webhook_url", "email_address"]) {
            reader.take(owned);
        }
        reader.finish()?;
        deliverable(&ask, "", channels.as_ref().and_then(Option::as_deref))?;
        Ok((how, if_match, (at, channels, sent_back)))
    };
    let (how, if_match, new) = Named::Reminder(id).judged(&ask, read()).await?;
    let (at, channels, sent_back) = new;
    let channels = match channels {
        Some(None) => Some(me::settings(&ask, 0).await?.0.channels),
        given => given.flatten(),
    };
    let new = reminders::NewTime { at, channels, sent_back };
    let expect = Named::Reminder(id).expected(&ask, if_match).await?;
    let done = reminders::change(&ask.app, ask.caller(), &how, id, new, expect)
        .await
        .map_err(failed(&ask))?;
    Ok(answer::at_version(written(&ask, StatusCode::OK, &done), done.version))
}

/// `DELETE /api/v1/reminders/{id}`
pub(super) async fn delete(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let (how, if_match) = Named::Reminder(id).judged(&ask, plain(&ask)).await?;
    let expect = Named::Reminder(id).expected(&ask, if_match).await?;
    let done = reminders::take_off(&ask.app, ask.caller(), &how, id, expect)
        .await
        .map_err(failed(&ask))?;
    Ok(answer::at_version(written(&ask, StatusCode::OK, &done), done.version))
}

/// `POST /api/v1/reminders/{id}/snooze`
pub(super) async fn snooze(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let read = || {
        let (how, if_match) = conditions(&ask)?;
        let object = ask.object_or_empty()?;
        let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
        let minutes = reader.clearable(&["minutes"], |value| {
            value::integer(value, 1, reminders::SNOOZE_MINUTES_MAX)
        });
        let until = reader.clearable(&["until"], fields::moment);
        if matches!((&minutes, &until), (Set(_), Set(_))) {
            reader.conflict("until", "minutes");
        }
        reader.finish()?;
        let until = match (minutes, until) {
            (_, Set(until)) => Until(until),
            (Set(minutes), _) => Minutes(minutes),
            _ => Minutes(SNOOZE_MINUTES),
        };
        Ok((how, if_match, until))
    };
    let (how, if_match, mut until) = Named::Reminder(id).judged(&ask, read()).await?;
    if let Until(When::Local(Local::Moment(at))) = until {
        let zone = reminders::zone_of(&ask.app, ask.user(), id).await.map_err(failed(&ask))?;
        until = reminder::SnoozeUntil::Moment(resolve(at, zone).utc.into());
    }
    let expect = Named::Reminder(id).expected(&ask, if_match).await?;
    let command = Command::Snooze { reminder: id, until, expect };
    let done =
        reminders::tell(&ask.app, ask.caller(), &how, command).await.map_err(failed(&ask))?;
    Ok(at_seen(&ask, written(&ask, StatusCode::OK, &done), 0))
}

/// `POST /api/v1/reminders/{id}/acknowledge`
pub(super) async fn acknowledge(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let (how, if_match) = Named::Reminder(id).judged(&ask, plain(&ask)).await?;
    let expect = Named::Reminder(id).expected(&ask, if_match).await?;
    let command = Command::Acknowledge { reminder: id, expect };
    let done =
        reminders::tell(&ask.app, ask.caller(), &how, command).await.map_err(failed(&ask))?;
    Ok(at_seen(&ask, written(&ask, StatusCode::OK, &done), 0))
}

/// `GET /api/v1/notifications`
pub(super) async fn inbox(ask: Ask) -> Outcome {
    let mut params = ask.params()?;
    let unread = params.boolean("unread").unwrap_or(false);
    let limit = params.number("limit", 1, INBOX_PAGE_MAX).unwrap_or(INBOX_PAGE) as usize;
    let cursor = params.take("cursor");
    let min_version = min_version(&mut params);
    params.finish()?;
    let query = Query::Inbox { unread, limit, cursor };
    let inbox =
        reminders::inbox(&ask.app, ask.user(), query, min_version).await.map_err(failed(&ask))?;
    let shown: Vec<_> = inbox.notifications.iter().map(ShownNotification).collect();
    let body = json!({"notifications": shown, "unread": inbox.unread, "next_cursor": inbox.next});
    Ok(answer::json(StatusCode::OK, &body))
}

/// `POST /api/v1/notifications/{id}/read`
pub(super) async fn read(ask: Ask) -> Outcome {
    let id = ask.id()?;
    let (how, _) = match plain(&ask) {
        Ok(read) => read,
        Err(problem) if in_inbox(&ask, id).await? => return Err(problem),
        Err(_) => return Err(Problem::not_found()),
    };
    let done: Done<Box<Notification>> =
        reminders::read(&ask.app, ask.caller(), &how, id).await.map_err(failed(&ask))?;
    let answer = answer::json(StatusCode::OK, &ShownNotification(&done.reply));
    Ok(answer::replayed(answer, done.replayed))
}

/// Whether the inbox holds an entry.
async fn in_inbox(ask: &Ask, id: Uuid) -> Result<bool, Problem> {
    let query = Query::Inbox { unread: false, limit: INBOX_MAX, cursor: None };
    let inbox = reminders::inbox(&ask.app, ask.user(), query, 0).await.map_err(failed(ask))?;
    Ok(inbox.notifications.iter().any(|entry| entry.id == id))
}

/// `POST /api/v1/notifications/read-all`
pub(super) async fn read_all(ask: Ask) -> Outcome {
    let (how, _) = plain(&ask)?;
    let done = reminders::read_all(&ask.app, ask.caller(), &how).await.map_err(failed(&ask))?;
    Ok(answer::replayed(answer::nothing(), done.replayed))
}

/// Adds the user's sequence that a reminder's answer is at or after: what they were answered, and what they named.
fn at_seen(ask: &Ask, answer: Response, min_version: u64) -> Response {
    answer::at_version(answer, ask.app.version_seen(ask.user()).max(min_version))
}

/// Refuses a channel that nothing is configured for.
pub(super) fn deliverable(
    ask: &Ask,
    parent: &str,
    channels: Option<&[Channel]>,
) -> Result<(), Problem> {
    let mails = channels.is_some_and(|channels| channels.contains(&Channel::Email));
    if !mails || ask.app.config.outside.smtp_url.is_some() {
        return Ok(());
    }
    let why = "E-mail is not configured here; choose other channels, or set TICKLER_SMTP_URL.";
    let fault = Fault::new(format!("{parent}/channels"), Code::Invalid, why);
    Err(Problem::fields(Slug::ChannelUnavailable, vec![fault]))
}

fn reminder_json(ask: &Ask, reminder: &Reminder) -> Vec<u8> {
    serde_json::to_vec(&Shown { reminder, user: ask.user() }).expect("a reminder is JSON")
}

/// A reminder with its ETag.
fn written(ask: &Ask, status: StatusCode, done: &Done<Box<Reminder>>) -> Response {
    let answer = answer::object(status, reminder_json(ask, &done.reply), done.reply.version);
    answer::replayed(answer, done.replayed)
}
