//! One try of one delivery, and what follows from it: another try, a pause, a word to the user.

use std::time::Duration;

use actors::{
    Failure,
    message::{
        call::{By, Call},
        key::{NAMESPACE, UserId},
        reminder::{self, Channel, Command, Notification},
        time::Timestamp,
    },
};
use serde_json::{Value, json};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Notify,
    send::{ANSWER_MS, Try, Verdict},
};
use crate::views::{
    deliveries::{Delivery, EMAIL, REMINDER},
    webhooks::{PAUSED, Webhook},
};

/// How long after each try the next one comes, in milliseconds.
const GAPS_MS: [i64; 9] = [
    5_000,
    5 * 60_000,
    30 * 60_000,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
const HOUR_MS: i64 = 3_600_000;
/// Longest that a mail is tried.
const MAIL_MS_MAX: i64 = 24 * HOUR_MS;
/// A webhook that has failed for so long, without one success, is paused.
const FAILING_MS_MAX: i64 = 5 * 24 * HOUR_MS;
/// Nobody else begins what was begun for so long.
const CLAIM_MS: i64 = 60_000;
/// Tries that are shown of one delivery.
const SHOWN_MAX: usize = 40;

/// What was done is not written down; it is found again.
#[derive(Debug, Error)]
pub(super) enum Undone {
    /// The views did not answer.
    #[error(transparent)]
    Views(#[from] sqlx::Error),
    /// The user's reminders did not answer.
    #[error("reminders: {0}")]
    Reminders(Failure),
}

impl Notify {
    /// Tries a delivery that is due.
    pub(super) async fn attempt(&self, mut it: Delivery) -> Result<(), Undone> {
        let views = &self.0.views;
        if !views.claim(&it, self.now() + CLAIM_MS).await? {
            return Ok(());
        }
        let webhook = match it.endpoint.contains('/') {
            true => None,
            false => views.webhook(&it.endpoint).await?,
        };
        let tried = self.try_once(&it, webhook.as_ref()).await;
        let now = self.now();
        note(&mut it, &tried, now);
        views.tried(&it).await?;
        tracing::debug!(event_id = it.event_id, status = it.status, "delivery tried");
        if let Some(webhook) = webhook {
            self.weigh(webhook, &tried, now).await?;
        }
        if it.claimed == 1 { self.tell_user(&it).await } else { Ok(()) }
    }

    async fn try_once(&self, it: &Delivery, webhook: Option<&Webhook>) -> Try {
        let message = (it.event_id.as_str(), it.body.as_str());
        let within = Duration::from_millis(ANSWER_MS);
        if let Some(webhook) = webhook {
            let secrets = webhook.secrets(self.now());
            return self.0.sender.post(&webhook.url, &secrets, message, within).await;
        }
        if it.endpoint.starts_with(EMAIL) {
            // A mail has no id by which a mailbox would know it again.
            return match (&self.0.mailer, &it.target) {
                _ if it.claimed == 1 => Try::never("sending was interrupted; it may have arrived"),
                (None, _) => Try::never("no mail server is configured"),
                (_, None) => Try::never("there is no e-mail address"),
                (Some(mailer), Some(address)) => mailer.send(address, it).await,
            };
        }
        match (it.endpoint.strip_prefix(REMINDER), &it.target) {
            (Some(reminder), Some(url)) => {
                let secret = self.reminder_secret(reminder);
                self.0.sender.post(url, &[&secret], message, within).await
            }
            (Some(_), None) => Try::never("no active webhook is told of reminder.triggered"),
            (None, _) => Try::never("the webhook is gone"),
        }
    }

    /// What a try means for its webhook.
    async fn weigh(&self, webhook: Webhook, tried: &Try, now: i64) -> Result<(), Undone> {
        let views = &self.0.views;
        if tried.verdict == Verdict::Delivered {
            return Ok(views.webhook_works(&webhook.id).await?);
        }
        views.webhook_fails(&webhook.id, now).await?;
        let long = webhook.failing_since.is_some_and(|since| now - since >= FAILING_MS_MAX);
        let why = match tried.verdict {
            Verdict::Gone => "The receiver answered 410 Gone.",
            _ if long => "Every delivery has failed for five days.",
            _ => return Ok(()),
        };
        self.pause(webhook, why, now).await
    }

    async fn pause(&self, webhook: Webhook, why: &str, now: i64) -> Result<(), Undone> {
        let id = webhook.id.clone();
        while let Some(mut it) = self.0.views.webhook(&id).await?.filter(Webhook::is_active) {
            it.status = PAUSED.to_owned();
            it.paused_reason = Some(why.to_owned());
            it.updated_at = now;
            if self.0.views.save_webhook(&it).await? {
                return self.tell_paused(&it, why, now).await;
            }
        }
        Ok(())
    }

    async fn tell_paused(&self, webhook: &Webhook, why: &str, now: i64) -> Result<(), Undone> {
        let id = named(&format!("{}/paused/{}", webhook.id, webhook.version));
        let host = reqwest::Url::parse(&webhook.url).ok();
        let host = host.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
        let notification = Notification {
            id,
            kind: "webhook.paused".to_owned(),
            reminder_id: None,
            task_id: None,
            title: format!("The webhook to {host} is paused"),
            message: format!("{why} Set its status to active when it works again."),
            late: false,
            created_at: Timestamp(now),
            read_at: None,
            deliveries: Vec::new(),
        };
        let command = Command::Tell { notification: Box::new(notification) };
        self.command(&webhook.user_id, id, command).await
    }

    /// Tells a user's inbox how a channel fared, and that it was told.
    pub(super) async fn tell_user(&self, it: &Delivery) -> Result<(), Undone> {
        let entry = it.notification_id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        let sent = it.status == "delivered";
        let mail = it.endpoint.starts_with(EMAIL);
        // What arrived at one webhook has arrived; that it failed is so when it has failed at all.
        let known = mail || sent || !self.0.views.others_open(it).await?;
        if let Some(notification) = entry.filter(|_| known) {
            let attempts: Vec<Value> = serde_json::from_str(&it.attempts).unwrap_or_default();
            let error = attempts.last().and_then(|last| last["error"].as_str());
            let delivery = reminder::Delivery {
                channel: if mail { Channel::Email } else { Channel::Webhook },
                status: if sent { "sent" } else { "failed" }.to_owned(),
                attempts: u32::try_from(it.tries).unwrap_or(u32::MAX),
                error: error.filter(|_| !sent).map(str::to_owned),
                updated_at: Timestamp(it.last_at.unwrap_or_default()),
            };
            let command = Command::Delivered { notification, delivery };
            let id = named(&format!("{}/{}", it.id, it.status));
            self.command(&it.user_id, id, command).await?;
        }
        Ok(self.0.views.told(it.ordinal).await?)
    }

    /// Gives a user's reminders a command; what they refuse (an entry that is gone) is done with.
    async fn command(&self, user: &str, id: Uuid, command: Command) -> Result<(), Undone> {
        let Some(user) = UserId::parse(user) else { return Ok(()) };
        let call = Call { id, idempotency: None, by: By::system(), traceparent: None, command };
        match self.0.actors.reminders(&user, call, 0).await {
            Ok(_) | Err(Failure::Rejected(_)) => Ok(()),
            Err(failure) => Err(Undone::Reminders(failure)),
        }
    }
}

/// Writes a try into its delivery: `claimed` stays where the user's inbox is still to be told.
fn note(it: &mut Delivery, tried: &Try, now: i64) {
    it.tries += 1;
    it.last_at = Some(now);
    let mut attempts: Vec<Value> = serde_json::from_str(&it.attempts).unwrap_or_default();
    attempts.push(json!({
        "at": Timestamp(now).to_string(),
        "response_status": tried.response_status,
        "duration_ms": tried.duration_ms,
        "error": tried.error,
    }));
    let surplus = attempts.len().saturating_sub(SHOWN_MAX);
    attempts.drain(..surplus);
    it.attempts = Value::Array(attempts).to_string();
    let gap = usize::try_from(it.tries - 1).ok().and_then(|tries| GAPS_MS.get(tries));
    let until = match it.endpoint.starts_with(EMAIL) {
        true => it.created_at + MAIL_MS_MAX,
        false => i64::MAX,
    };
    let next = gap.map(|gap| now + gap).filter(|next| *next <= until);
    let (status, next_at) = match (tried.verdict, next) {
        (Verdict::Delivered, _) => ("delivered", None),
        (Verdict::Later, Some(next)) => ("pending", Some(next)),
        _ => ("failed", None),
    };
    it.status = status.to_owned();
    it.next_at = next_at;
    it.claimed = i64::from(next_at.is_none() && it.notification_id.is_some());
}

fn named(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(endpoint: &str) -> Vec<i64> {
        let mut it = Delivery {
            ordinal: 1,
            id: String::new(),
            endpoint: endpoint.to_owned(),
            user_id: String::new(),
            event_id: String::new(),
            event_type: String::new(),
            body: String::new(),
            target: None,
            notification_id: None,
            status: "pending".to_owned(),
            claimed: 1,
            tries: 0,
            attempts: "[]".to_owned(),
            next_at: Some(0),
            last_at: None,
            created_at: 0,
        };
        let tried = Try { verdict: Verdict::Later, ..Try::never("no") };
        let (mut now, mut seconds) = (0, Vec::new());
        while it.status == "pending" {
            note(&mut it, &tried, now);
            seconds.extend(it.next_at.map(|next| (next - now) / 1_000));
            now = it.next_at.unwrap_or(now);
        }
        assert_eq!(it.status, "failed");
        seconds
    }

    #[test]
    fn a_webhook_is_tried_ten_times_and_a_mail_for_a_day() {
        let all = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        assert_eq!(fails("a webhook"), all);
        assert_eq!(fails("email/ana@example.org"), all[..6]);
    }
}
