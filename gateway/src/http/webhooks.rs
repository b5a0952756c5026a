//! `/api/v1/webhooks`: how each call is read and its result written. What is delivered is [`crate::notify`]'s.

use actors::message::{
    fault::{Code, Fault},
    task::command::Change,
    time::Timestamp,
};
use axum::{
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::{Ask, Outcome, answer, ask::IfMatch, audit::unavailable, named::bare};
use crate::{
    app::random_id,
    cursor,
    fields::{Object, Reader, Spelling, Unread, value},
    kinds,
    notify::{Verdict, address::Refused, sign},
    problem::{Problem, Slug},
    reminders,
    views::{
        AuditEntry, AuditQuery,
        deliveries::{Delivery, body_of},
        webhooks::{ACTIVE, PAUSED, Webhook, wants},
    },
};

/// Webhooks of one user.
const USER_WEBHOOKS_MAX: i64 = 10;
/// Longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// How long a secret signs after it was replaced.
const ROTATION_MS: i64 = 24 * 3_600_000;
/// Deliveries on a page when nothing is said, and at most.
const PAGE: u64 = 50;
const PAGE_MAX: u64 = 200;
/// Events that one replay queues.
const REPLAY_MAX: u64 = 10_000;
/// Events of the trail that are read at once.
const REPLAY_PAGE: i64 = 200;
/// A change is begun again so often when another one comes between.
const RACES_MAX: usize = 8;

/// `GET /api/v1/webhooks`
pub(super) async fn list(ask: Ask) -> Outcome {
    ask.no_params()?;
    let mut webhooks = Vec::new();
    for webhook in ask.app.views.webhooks(ask.user().as_str()).await.map_err(unavailable)? {
        webhooks.push(shown(&ask, &webhook).await?);
    }
    Ok(answer::json(StatusCode::OK, &json!({ "webhooks": webhooks })))
}

/// `POST /api/v1/webhooks`
pub(super) async fn create(ask: Ask) -> Outcome {
    ask.no_params()?;
    let now = ask.app.actors.now().0;
    let webhook = draft(&ask, &ask.object()?, now)?;
    let added = ask.app.views.add_webhook(&webhook, USER_WEBHOOKS_MAX).await;
    if !added.map_err(unavailable)? {
        let why = "You have 10 webhooks; delete one that you do not need.";
        return Err(Problem::new(Slug::LimitReached, why));
    }
    let mut body = shown(&ask, &webhook).await?;
    body["secret"] = Value::String(webhook.secret.clone());
    let mut answer = secret_answer(StatusCode::CREATED, &body, &webhook);
    let place = format!("/api/v1/webhooks/{}", webhook.id);
    answer.headers_mut().insert(header::LOCATION, answer::text(&place));
    Ok(answer)
}

/// `GET /api/v1/webhooks/{id}`
pub(super) async fn get(ask: Ask) -> Outcome {
    let webhook = found(&ask).await?;
    ask.no_params()?;
    let json = shown(&ask, &webhook).await?;
    Ok(answer::cached(&ask, version(&webhook), || json.to_string().into_bytes()))
}

/// `PATCH /api/v1/webhooks/{id}`
pub(super) async fn edit(ask: Ask) -> Outcome {
    found(&ask).await?;
    ask.no_params()?;
    let object = ask.object()?;
    let webhook = change(&ask, |webhook| patch(&ask, &object, webhook)).await?;
    ask.app.notify.nudge();
    written(&ask, &webhook).await
}

/// `DELETE /api/v1/webhooks/{id}`
pub(super) async fn delete(ask: Ask) -> Outcome {
    found(&ask).await?;
    bare(&ask)?;
    for _ in 0..RACES_MAX {
        let webhook = expected(&ask).await?;
        if ask.app.views.delete_webhook(&webhook).await.map_err(unavailable)? {
            return Ok(answer::nothing());
        }
    }
    Err(Problem::unavailable())
}

/// `POST /api/v1/webhooks/{id}/rotate`
pub(super) async fn rotate(ask: Ask) -> Outcome {
    found(&ask).await?;
    bare(&ask)?;
    let now = ask.app.actors.now().0;
    let webhook = change(&ask, |webhook| {
        let old = std::mem::replace(&mut webhook.secret, sign::secret());
        webhook.old_secret = Some(old);
        webhook.old_until = Some(now + ROTATION_MS);
        Ok(())
    })
    .await?;
    let body = json!({ "secret": webhook.secret });
    Ok(secret_answer(StatusCode::OK, &body, &webhook))
}

/// `POST /api/v1/webhooks/{id}/test`
pub(super) async fn test(ask: Ask) -> Outcome {
    found(&ask).await?;
    bare(&ask)?;
    let webhook = expected(&ask).await?;
    let now = ask.app.actors.now();
    let id = random_id().to_string();
    let data = json!({"user_id": webhook.user_id, "webhook_id": webhook.id});
    let data = data.as_object().cloned().unwrap_or_default();
    let body = body_of(&id, "webhook.test", &now.to_string(), &data);
    let secrets = webhook.secrets(now.0);
    let tried = ask.app.notify.test(&webhook.url, &secrets, &id, &body).await;
    let body = json!({
        "delivered": tried.verdict == Verdict::Delivered,
        "response_status": tried.response_status,
        "duration_ms": tried.duration_ms,
        "error": tried.error,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `POST /api/v1/webhooks/{id}/replay`
pub(super) async fn replay(ask: Ask) -> Outcome {
    found(&ask).await?;
    ask.no_params()?;
    let webhook = expected(&ask).await?;
    let object = ask.object()?;
    let mut reader = Reader::new(&object, ask.user(), Spelling::Strict)?;
    let event = reader.field(&["event_id"], |event| value::text(event).map(str::to_owned));
    let since = reader.field(&["since"], |since| value::when(value::text(since)?));
    let until = reader.clearable(&["until"], |until| value::when(value::text(until)?));
    if event.is_some() && since.is_some() {
        reader.conflict("since", "event_id");
    } else if event.is_none() && since.is_none() && reader.faults.is_empty() {
        reader.required("event_id");
    }
    reader.finish()?;
    ask.app.views_shown(ask.user(), 0).await.map_err(|why| Problem::failed(why, ask.user()))?;
    let queued = match event {
        Some(event) => {
            let entry = ask.app.views.audit_event(ask.user().as_str(), &event).await;
            let entry = entry.map_err(unavailable)?.ok_or_else(Problem::not_found)?;
            again(&ask, &webhook, &entry).await?;
            1
        }
        None => {
            let until = match until {
                Change::Set(until) => Some(until),
                _ => None,
            };
            let bounds = reminders::instants(&ask.app, ask.user(), (since, until)).await;
            let (from, to) = bounds.map_err(|why| Problem::failed(why, ask.user()))?;
            all_again(&ask, &webhook, (from, to)).await?
        }
    };
    ask.app.notify.nudge();
    Ok(answer::json(StatusCode::ACCEPTED, &json!({ "queued": queued })))
}

/// Queues what the webhook asks for of a span of the trail.
async fn all_again(
    ask: &Ask,
    webhook: &Webhook,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> Result<u64, Problem> {
    let mut query = AuditQuery {
        user: webhook.user_id.clone(),
        from: from.map(|from| from.0),
        to: to.map(|to| to.0),
        limit: REPLAY_PAGE,
        ..AuditQuery::default()
    };
    let mut queued = 0;
    loop {
        let page = ask.app.views.audit(&query).await.map_err(unavailable)?;
        for entry in page.entries.iter().filter(|e| wants(&webhook.events, &e.event_type)) {
            if queued == REPLAY_MAX {
                return Ok(queued);
            }
            again(ask, webhook, entry).await?;
            queued += 1;
        }
        if page.next.is_none() {
            return Ok(queued);
        }
        query.after = page.next;
    }
}

async fn again(ask: &Ask, webhook: &Webhook, entry: &AuditEntry) -> Result<(), Problem> {
    let (id, kind) = (entry.event_id.as_str(), entry.event_type.as_str());
    let body = body_of(id, kind, &entry.timestamp, &entry.payload);
    let to = (webhook.id.as_str(), webhook.user_id.as_str());
    let now = ask.app.actors.now().0;
    ask.app.views.deliver_again(to, (id, kind, &body), now).await.map_err(unavailable)
}

/// `GET /api/v1/webhooks/{id}/deliveries`
pub(super) async fn deliveries(ask: Ask) -> Outcome {
    let webhook = found(&ask).await?;
    let mut params = ask.params()?;
    let states = params.list("status", state);
    let limit = params.number("limit", 1, PAGE_MAX).unwrap_or(PAGE) as usize;
    let given = params.take("cursor");
    super::tasks::min_version(&mut params);
    params.finish()?;
    let states = if states.is_empty() { String::new() } else { format!(",{},", states.join(",")) };
    let question = (&webhook.id, &states);
    let below = given.map_or(Ok(i64::MAX), |text| cursor::read(&question, &text))?;
    ask.app.views_shown(ask.user(), 0).await.map_err(|why| Problem::failed(why, ask.user()))?;
    let found = ask.app.views.deliveries(&webhook.id, (below, &states), limit as i64 + 1).await;
    let mut found = found.map_err(unavailable)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| cursor::write(&question, &last.ordinal));
    let found: Vec<Value> = found.iter().map(delivery).collect();
    Ok(answer::json(StatusCode::OK, &json!({"deliveries": found, "next_cursor": next})))
}

fn state(text: &str) -> Result<&'static str, Unread> {
    let all = ["pending", "delivered", "failed"];
    all.into_iter().find(|name| name.eq_ignore_ascii_case(text)).ok_or_else(|| {
        (Code::Invalid, "The status is one of pending, delivered, failed.".to_owned())
    })
}

fn delivery(it: &Delivery) -> Value {
    json!({
        "id": it.id,
        "event_id": it.event_id,
        "event_type": it.event_type,
        "status": it.status,
        "attempts": serde_json::from_str::<Value>(&it.attempts).unwrap_or_default(),
        "next_attempt_at": it.next_at.map(|at| Timestamp(at).to_string()),
    })
}

/// The webhook of the path.
async fn found(ask: &Ask) -> Result<Webhook, Problem> {
    let id = ask.id()?.to_string();
    let webhook = ask.app.views.webhook(&id).await.map_err(unavailable)?;
    webhook.filter(|it| it.user_id == ask.user().as_str()).ok_or_else(Problem::not_found)
}

/// The same, which must have the version that If-Match names.
async fn expected(ask: &Ask) -> Result<Webhook, Problem> {
    let webhook = found(ask).await?;
    match ask.if_match()? {
        IfMatch::Versions(versions) if !versions.contains(&version(&webhook)) => {
            let why = "The webhook has changed since you read it; read it again.";
            let mut problem = Problem::new(Slug::Stale, why);
            problem.members.push(("current", shown(ask, &webhook).await?));
            Err(problem.with_header(header::ETAG, format!("\"v{}\"", webhook.version)))
        }
        _ => Ok(webhook),
    }
}

/// Changes a webhook as it is now, and gives it as it is then.
async fn change(
    ask: &Ask,
    edit: impl Fn(&mut Webhook) -> Result<(), Problem>,
) -> Result<Webhook, Problem> {
    for _ in 0..RACES_MAX {
        let mut webhook = expected(ask).await?;
        edit(&mut webhook)?;
        webhook.updated_at = ask.app.actors.now().0;
        if ask.app.views.save_webhook(&webhook).await.map_err(unavailable)? {
            webhook.version += 1;
            return Ok(webhook);
        }
    }
    Err(Problem::unavailable())
}

fn version(webhook: &Webhook) -> u64 {
    webhook.version.unsigned_abs()
}

async fn shown(ask: &Ask, webhook: &Webhook) -> Result<Value, Problem> {
    let last = ask.app.views.last_delivery(&webhook.id).await.map_err(unavailable)?;
    let last = last.map(|it| {
        let attempts: Vec<Value> = serde_json::from_str(&it.attempts).unwrap_or_default();
        let tried = attempts.last().cloned().unwrap_or_default();
        json!({
            "event_id": it.event_id,
            "event_type": it.event_type,
            "status": it.status,
            "at": tried["at"],
            "response_status": tried["response_status"],
            "error": tried["error"],
        })
    });
    Ok(json!({
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events.split(' ').collect::<Vec<_>>(),
        "description": webhook.description,
        "status": webhook.status,
        "paused_reason": webhook.paused_reason,
        "last_delivery": last,
        "version": webhook.version,
        "created_at": Timestamp(webhook.created_at).to_string(),
        "updated_at": Timestamp(webhook.updated_at).to_string(),
    }))
}

async fn written(ask: &Ask, webhook: &Webhook) -> Outcome {
    let json = shown(ask, webhook).await?.to_string().into_bytes();
    Ok(answer::object(StatusCode::OK, json, version(webhook)))
}

/// An answer that nobody keeps.
fn secret_answer(status: StatusCode, body: &Value, webhook: &Webhook) -> Response {
    let mut answer = answer::object(status, body.to_string().into_bytes(), version(webhook));
    answer.headers_mut().insert(header::CACHE_CONTROL, answer::text("no-store"));
    answer
}

/// Reads a new webhook.
fn draft(ask: &Ask, object: &Object, now: i64) -> Result<Webhook, Problem> {
    let mut reader = Reader::new(object, ask.user(), Spelling::Strict)?;
    let url = reader.field_with(&["url"], |value| url(ask, value));
    let events = reader.field(&["events"], events);
    let description = match reader.clearable(&["description"], description) {
        Change::Set(text) => Some(text),
        _ => None,
    };
    let secret = match reader.clearable(&["secret"], secret) {
        Change::Set(text) => text,
        _ => sign::secret(),
    };
    for (field, missing) in [("url", url.is_none()), ("events", events.is_none())] {
        if missing && reader.faults.is_empty() {
            reader.required(field);
        }
    }
    reader.finish()?;
    Ok(Webhook {
        id: random_id().to_string(),
        user_id: ask.user().as_str().to_owned(),
        url: url.unwrap_or_default(),
        events: events.unwrap_or_default(),
        description,
        status: ACTIVE.to_owned(),
        paused_reason: None,
        secret,
        old_secret: None,
        old_until: None,
        failing_since: None,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

/// Reads what is to change.
fn patch(ask: &Ask, object: &Object, webhook: &mut Webhook) -> Result<(), Problem> {
    let mut reader = Reader::new(object, ask.user(), Spelling::Strict)?;
    for owned in ["paused_reason", "last_delivery"] {
        reader.take(owned);
    }
    let url = reader.field_with(&["url"], |value| url(ask, value));
    let events = reader.field(&["events"], events);
    let description = reader.clearable(&["description"], description);
    let status = reader.field(&["status"], |value| {
        let text = value::text(value)?;
        let known = [ACTIVE, PAUSED].into_iter().find(|name| name.eq_ignore_ascii_case(text));
        known.ok_or_else(|| (Code::Invalid, "The status is active or paused.".to_owned()))
    });
    reader.finish()?;
    webhook.url = url.unwrap_or_else(|| webhook.url.clone());
    webhook.events = events.unwrap_or_else(|| webhook.events.clone());
    match description {
        Change::Set(text) => webhook.description = Some(text),
        Change::Clear => webhook.description = None,
        Change::Keep => {}
    }
    if let Some(status) = status {
        webhook.status = status.to_owned();
        webhook.paused_reason = None;
        webhook.failing_since = None;
    }
    Ok(())
}

fn url(ask: &Ask, given: &Value) -> Result<String, (Slug, Vec<Fault>)> {
    let fault = |slug, code, why: String| (slug, vec![Fault::new("", code, why)]);
    let text = value::text(given).map_err(|(code, why)| fault(Slug::Invalid, code, why))?.trim();
    match ask.app.notify.guard().judge(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(Refused::Forbidden(why)) => {
            Err(fault(Slug::ForbiddenAddress, Code::Invalid, why.to_owned()))
        }
        Err(Refused::Unreadable) => {
            let why = "This must be a URL such as https://example.org/hook.".to_owned();
            Err(fault(Slug::Invalid, Code::Invalid, why))
        }
    }
}

/// Types of events in any spelling, as they are kept.
fn events(given: &Value) -> Result<String, Unread> {
    let wrong = || {
        (Code::Invalid, "The events are a list of types such as task.created, task.*.".to_owned())
    };
    let mut events: Vec<String> = Vec::new();
    for item in given.as_array().ok_or_else(wrong)? {
        let item = item.as_str().ok_or_else(wrong)?.trim();
        let meant = kinds::meant(item)?;
        let plain = item.to_ascii_lowercase();
        let event = match plain.ends_with('*') {
            true => plain.strip_prefix("com.todo.").unwrap_or(&plain),
            false => meant[0],
        };
        if !events.iter().any(|held| held == event) {
            events.push(event.to_owned());
        }
    }
    if events.is_empty() {
        return Err((Code::TooShort, "At least one type of event is needed.".to_owned()));
    }
    Ok(events.join(" "))
}

fn description(given: &Value) -> Result<String, Unread> {
    let text = value::text(given)?.trim();
    if value::chars(text) > DESCRIPTION_CHARS_MAX {
        let why = format!("The description has more than {DESCRIPTION_CHARS_MAX} characters.");
        return Err((Code::TooLong, why));
    }
    if text.chars().any(char::is_control) {
        let why = "The description must not hold control characters.";
        return Err((Code::Invalid, why.to_owned()));
    }
    Ok(text.to_owned())
}

fn secret(given: &Value) -> Result<String, Unread> {
    let text = value::text(given)?;
    match value::chars(text) {
        n if n < sign::SECRET_CHARS_MIN => {
            let why = format!("The secret needs at least {} characters.", sign::SECRET_CHARS_MIN);
            Err((Code::TooShort, why))
        }
        n if n > sign::SECRET_CHARS_MAX => {
            let why = format!("The secret has more than {} characters.", sign::SECRET_CHARS_MAX);
            Err((Code::TooLong, why))
        }
        _ if sign::key(text).is_none() => {
            Err((Code::Invalid, "After whsec_ the secret is Base64.".to_owned()))
        }
        _ => Ok(text.to_owned()),
    }
}
