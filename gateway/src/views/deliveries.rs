//! What is on its way to webhooks and mailboxes, and how it fared: one row for each endpoint and event.

use actors::message::{event::CloudEvent, key::NAMESPACE};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Views, fact::Fact, on, webhooks::wants};

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct Delivery {
    /// Its place: endpoints are served in this order.
    pub ordinal: i64,
    /// Its id.
    pub id: String,
    /// A webhook's id, `reminder/` and a reminder's id, or `email/` and an address.
    pub endpoint: String,
    /// Whose it is.
    pub user_id: String,
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// What is sent.
    pub body: String,
    /// The URL or address of what is no webhook of its user.
    pub target: Option<String>,
    /// The inbox entry that is told how it fared.
    pub notification_id: Option<String>,
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// It was begun, and nobody has said how it ended.
    pub claimed: i64,
    /// How often it was tried.
    pub tries: i64,
    /// Each try, as a JSON list.
    pub attempts: String,
    /// When it is tried next.
    pub next_at: Option<i64>,
    /// When it was tried last.
    pub last_at: Option<i64>,
    /// When it was queued.
    pub created_at: i64,
}

/// What an endpoint begins with that is a reminder's own.
pub(crate) const REMINDER: &str = "reminder/";
/// What an endpoint begins with that is a mailbox.
pub(crate) const EMAIL: &str = "email/";
/// Longest that what has ended is shown, in milliseconds.
pub(crate) const KEPT_MS: i64 = 30 * 86_400_000;

/// A row before it has a place.
pub(super) struct Queued {
    pub(super) id: String,
    pub(super) endpoint: String,
    pub(super) target: Option<String>,
    pub(super) notification: Option<String>,
}

impl Queued {
    fn to(event_id: &str, endpoint: String) -> Self {
        let id = Uuid::new_v5(&NAMESPACE, format!("{endpoint}/{event_id}").as_bytes()).to_string();
        Self { id, endpoint, target: None, notification: None }
    }
}

/// Where a fact goes, of a user with these active webhooks (id and events).
pub(super) fn of(fact: &Fact<'_>, webhooks: &[(String, String)]) -> Vec<Queued> {
    let event = fact.event;
    let fired = event.kind == "reminder.triggered";
    let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
    let has = |channel: &str| {
        let channels = event.data.get("channels").and_then(Value::as_array);
        fired && channels.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(channel)))
    };
    let (own, notification) = (text("webhook_url"), text("notification_id"));
    let told = notification.clone().filter(|_| has("webhook") && own.is_none());
    let mut queued: Vec<Queued> = webhooks
        .iter()
        .filter(|(_, events)| wants(events, &event.kind))
        .map(|(id, _)| Queued { notification: told.clone(), ..Queued::to(&event.id, id.clone()) })
        .collect();
    let reminder = text("reminder_id").unwrap_or_default();
    let alone = queued.is_empty() && own.is_none();
    if has("webhook") && (own.is_some() || alone) {
        let to = Queued::to(&event.id, format!("{REMINDER}{reminder}"));
        queued.push(Queued { target: own, notification: notification.clone(), ..to });
    }
    if has("email") {
        let address = text("email_address");
        let to =
            Queued::to(&event.id, format!("{EMAIL}{}", address.as_deref().unwrap_or_default()));
        queued.push(Queued { target: address, notification, ..to });
    }
    queued
}

/// What a receiver is sent.
pub(super) fn body(event: &CloudEvent) -> String {
    body_of(&event.id, &event.kind, event.time.as_deref().unwrap_or_default(), &event.data)
}

/// The same of an event's parts.
pub(crate) fn body_of(id: &str, kind: &str, time: &str, data: &Map<String, Value>) -> String {
    json!({"id": id, "type": kind, "timestamp": time, "data": data}).to_string()
}

const AGAIN: &str = "INSERT INTO delivery (id, endpoint, user_id, event_id, event_type, body, \
     status, claimed, tries, attempts, next_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, 0, '[]', $7, $7) ON CONFLICT (endpoint, event_id) \
     DO UPDATE SET status = 'pending', claimed = 0, tries = 0, next_at = excluded.next_at";
const DUE: &str = "SELECT d.* FROM delivery d WHERE d.ordinal IN (SELECT MIN(q.ordinal) FROM delivery q \
     LEFT JOIN webhook w ON w.id = q.endpoint WHERE q.status = 'pending' AND q.next_at <= $1 \
     AND (w.id IS NULL OR w.status = 'active') AND NOT EXISTS (SELECT 1 FROM delivery b \
     WHERE b.endpoint = q.endpoint AND b.status = 'pending' AND b.claimed = 1 AND b.next_at > $1) \
     GROUP BY q.endpoint) ORDER BY d.ordinal LIMIT $2";
const NEXT: &str = "SELECT MIN(q.next_at) FROM delivery q LEFT JOIN webhook w ON w.id = q.endpoint \
     WHERE q.status = 'pending' AND (w.id IS NULL OR w.status = 'active')";
const CLAIM: &str = "UPDATE delivery SET claimed = 1, next_at = $3 \
     WHERE ordinal = $1 AND status = 'pending' AND next_at = $2";
const UNTOLD: &str = "SELECT * FROM delivery WHERE claimed = 1 AND status <> 'pending' LIMIT 32";
const TOLD: &str = "UPDATE delivery SET claimed = 0 WHERE ordinal = $1 AND status <> 'pending'";
const ENDED: &str = "UPDATE delivery SET status = $2, claimed = $7, tries = $3, attempts = $4, next_at = $5, \
     last_at = $6 WHERE ordinal = $1";
const OPEN: &str = "SELECT COUNT(*) FROM delivery WHERE notification_id = $1 AND ordinal <> $2 \
     AND endpoint NOT LIKE 'email/%' AND status = 'pending'";
const PAGE: &str = "SELECT * FROM delivery WHERE endpoint = $1 AND ordinal < $2 \
     AND (CAST($3 AS TEXT) = '' OR CAST($3 AS TEXT) LIKE '%,' || status || ',%') \
     ORDER BY ordinal DESC LIMIT $4";
const LAST: &str = "SELECT * FROM delivery WHERE endpoint = $1 AND last_at IS NOT NULL \
     ORDER BY last_at DESC, ordinal DESC LIMIT 1";
const FORGET: &str = "DELETE FROM delivery WHERE status <> 'pending' AND created_at < $1";

impl Views {
    /// The first that is due of each endpoint, in order; none of an endpoint that another process calls just now.
    pub async fn due(&self, now: i64, limit: i64) -> Result<Vec<Delivery>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(DUE).bind(now).bind(limit).fetch_all(pool).await)
    }

    /// When the next one is due.
    pub async fn next_due(&self) -> Result<Option<i64>, sqlx::Error> {
        let (next,): (Option<i64>,) =
            on!(self, pool => sqlx::query_as(NEXT).fetch_one(pool).await?);
        Ok(next)
    }

    /// Takes one that is due, so that nobody else begins it before `until`; false where somebody has.
    pub async fn claim(&self, it: &Delivery, until: i64) -> Result<bool, sqlx::Error> {
        let claimed = on!(self, pool => sqlx::query(CLAIM).bind(it.ordinal).bind(it.next_at).bind(until)
            .execute(pool).await?.rows_affected());
        Ok(claimed > 0)
    }

    /// Keeps how a try ended.
    pub async fn tried(&self, it: &Delivery) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(ENDED).bind(it.ordinal).bind(&it.status).bind(it.tries)
            .bind(&it.attempts).bind(it.next_at).bind(it.last_at).bind(it.claimed).execute(pool).await.map(drop))
    }

    /// What has ended and its user's inbox was not told.
    pub async fn untold(&self) -> Result<Vec<Delivery>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(UNTOLD).fetch_all(pool).await)
    }

    /// Notes that the inbox was told.
    pub async fn told(&self, ordinal: i64) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(TOLD).bind(ordinal).execute(pool).await.map(drop))
    }

    /// Whether another webhook may still tell the same inbox entry that it arrived.
    pub async fn others_open(&self, it: &Delivery) -> Result<bool, sqlx::Error> {
        let (open,): (i64,) = on!(self, pool => sqlx::query_as(OPEN).bind(&it.notification_id)
            .bind(it.ordinal).fetch_one(pool).await?);
        Ok(open > 0)
    }

    /// Queues an event for a webhook again.
    pub async fn deliver_again(
        &self,
        (webhook, user): (&str, &str),
        (event_id, kind, body): (&str, &str, &str),
        now: i64,
    ) -> Result<(), sqlx::Error> {
        let id = Queued::to(event_id, webhook.to_owned()).id;
        on!(self, pool => sqlx::query(AGAIN).bind(id).bind(webhook).bind(user).bind(event_id)
            .bind(kind).bind(body).bind(now).execute(pool).await.map(drop))
    }

    /// A page of what went to an endpoint, newest first, below a place, in any of these states (`,a,b,`; empty = all).
    pub async fn deliveries(
        &self,
        endpoint: &str,
        (below, states): (i64, &str),
        limit: i64,
    ) -> Result<Vec<Delivery>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(PAGE).bind(endpoint).bind(below).bind(states).bind(limit)
            .fetch_all(pool).await)
    }

    /// What went to an endpoint last.
    pub async fn last_delivery(&self, endpoint: &str) -> Result<Option<Delivery>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(LAST).bind(endpoint).fetch_optional(pool).await)
    }

    /// Drops what ended long ago.
    pub async fn forget_deliveries(&self, now: i64) -> Result<u64, sqlx::Error> {
        Ok(
            on!(self, pool => sqlx::query(FORGET).bind(now - KEPT_MS).execute(pool).await?.rows_affected()),
        )
    }
}
