//! When reminders fire and rules ring next, as the log tells it: the patrol looks here for what should have and has not.

use actors::message::key::Kind;
use serde_json::Value;

use super::{Views, fact::Fact, on};

/// Reminders or rules that one patrol looks after; the next one takes the others.
pub(crate) const PATROL_MAX: i64 = 1_000;

const OVERDUE: &str = "SELECT user_id, MIN(subject) FROM due_moment WHERE actor = 'ReminderActor' \
     AND due_at <= $1 GROUP BY user_id ORDER BY MIN(due_at) LIMIT $2";
const BEHIND: &str = "SELECT user_id, subject FROM due_moment WHERE actor = 'RecurrenceActor' \
     AND due_at <= $1 ORDER BY due_at LIMIT $2";
const SETTLED: &str = "DELETE FROM due_moment WHERE user_id = $1 AND actor = $2 \
     AND (actor = 'ReminderActor' OR subject = $3) AND due_at <= $4";
pub(super) const PUT: (&str, &str) = (
    "INSERT INTO due_moment (subject, actor, user_id, due_at) ",
    " ON CONFLICT (subject) DO UPDATE SET due_at = excluded.due_at",
);
pub(super) const TAKE: &str = "DELETE FROM due_moment WHERE subject IN (";

/// What a fact means for a reminder or a rule.
pub(super) struct Due<'a> {
    /// The reminder or the rule.
    pub(super) subject: &'a str,
    /// Whose clock it is.
    pub(super) actor: Kind,
    /// When it is due, in milliseconds; `None` where it is not any more.
    pub(super) at: Option<i64>,
}

/// What a fact of an actor of ours says of a moment.
pub(super) fn of<'a>(fact: &Fact<'a>) -> Option<Due<'a>> {
    fact.event.actor.as_ref()?;
    let text = |name: &str| fact.event.data.get(name).and_then(Value::as_str);
    let moment = |name: &str| {
        let at = text(name)?.parse::<chrono::DateTime<chrono::Utc>>().ok()?;
        Some(at.timestamp_millis())
    };
    let kind = fact.event.kind.as_str();
    match kind {
        "reminder.scheduled" | "reminder.snoozed" => {
            let (subject, at) = (text("reminder_id")?, Some(moment("remind_at")?));
            Some(Due { subject, actor: Kind::ReminderActor, at })
        }
        "reminder.triggered" | "reminder.acknowledged" | "reminder.cancelled" => {
            Some(Due { subject: text("reminder_id")?, actor: Kind::ReminderActor, at: None })
        }
        _ if kind == "task.recurred" || kind.starts_with("recurrence.") => {
            let (subject, at) = (text("recurrence_id")?, moment("rings_at"));
            Some(Due { subject, actor: Kind::RecurrenceActor, at })
        }
        _ => None,
    }
}

impl Views {
    /// The users with a reminder that should have fired by this moment, longest ago first, each with one of them.
    pub async fn overdue_reminders(&self, by: i64) -> Result<Vec<(String, String)>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(OVERDUE).bind(by).bind(PATROL_MAX).fetch_all(pool).await)
    }

    /// The rules that should have rung by this moment, longest ago first, each with its user.
    pub async fn overdue_rules(&self, by: i64) -> Result<Vec<(String, String)>, sqlx::Error> {
        on!(self, pool => sqlx::query_as(BEHIND).bind(by).bind(PATROL_MAX).fetch_all(pool).await)
    }

    /// Forgets what was due by this moment, where the actor says that nothing is: of a rule that rule's, of a reminder
    /// all of its user's.
    pub async fn settle_overdue(
        &self,
        (user, subject): (&str, &str),
        actor: Kind,
        by: i64,
    ) -> Result<(), sqlx::Error> {
        on!(self, pool => sqlx::query(SETTLED).bind(user).bind(actor.to_string()).bind(subject)
            .bind(by).execute(pool).await.map(drop))
    }
}
