//! The patrol: looks for reminders and rules that should have rung and have not, and wakes them.
//!
//! The net under the alarms. The views only say where to look: they may be behind, so the actor itself is asked, and
//! only what it says is counted. It should never find one.

use actors::{
    Failure,
    dapr::Front,
    message::{
        key::{Kind, UserId},
        reminder::{Answer, Query, Status},
        time::Timestamp,
    },
    turn::Seen,
};
use futures_util::{StreamExt, stream};
use metrics::counter;
use uuid::Uuid;

use crate::views::Views;

/// What is later than this was not told in time, in milliseconds.
const OVERDUE_MS: i64 = 120_000;
/// Actors that are asked at once.
const AT_ONCE: usize = 8;

/// Counts what the patrol found overdue.
pub(crate) const FOUND: &str = "tickler_patrol_overdue_total";

/// Wakes the reminders of every user who has one overdue.
pub(crate) async fn reminders(views: &Views, front: &Front) {
    let by = Timestamp(front.now().0 - OVERDUE_MS);
    look(views, front, Kind::ReminderActor, by, views.overdue_reminders(by.0).await).await;
}

/// Wakes every rule that is behind.
pub(crate) async fn rules(views: &Views, front: &Front) {
    let by = Timestamp(front.now().0 - OVERDUE_MS);
    look(views, front, Kind::RecurrenceActor, by, views.overdue_rules(by.0).await).await;
}

async fn look(
    views: &Views,
    front: &Front,
    kind: Kind,
    by: Timestamp,
    found: Result<Vec<(String, String)>, sqlx::Error>,
) {
    match found {
        Ok(found) => {
            let each = stream::iter(found);
            each.for_each_concurrent(AT_ONCE, |(user, subject)| async move {
                if let Err(why) = one(views, front, kind, (&user, &subject), by).await {
                    tracing::warn!(actor = %kind, %why, "the patrol could not help; later again");
                }
            })
            .await;
        }
        Err(error) => tracing::warn!(%error, "the patrol does not see what is due; later again"),
    }
}

async fn one(
    views: &Views,
    front: &Front,
    kind: Kind,
    (user, subject): (&str, &str),
    by: Timestamp,
) -> anyhow::Result<()> {
    let Some(whose) = UserId::parse(user) else { return Ok(()) };
    let rule = Uuid::try_parse(subject).unwrap_or_default();
    let overdue = match kind {
        Kind::ReminderActor => overdue(front, &whose, by).await?,
        _ => front.rings_at(&whose, rule).await?.filter(|at| *at <= by).map_or(0, |_| 1),
    };
    if overdue == 0 {
        // The views have not heard yet of what became of it.
        return Ok(views.settle_overdue((user, subject), kind, by.0).await?);
    }
    counter!(FOUND, "actor" => kind.to_string()).increment(overdue);
    tracing::error!(actor = %kind, overdue, "overdue by two minutes: waking the actor");
    match kind {
        Kind::ReminderActor => front.wake_reminders(&whose).await?,
        _ => front.wake_rule(&whose, rule).await?,
    }
    Ok(())
}

/// How many reminders of a user should have fired by this moment.
async fn overdue(front: &Front, user: &UserId, by: Timestamp) -> Result<u64, Failure> {
    let query = Query::List {
        status: vec![Status::Pending],
        task: None,
        from: None,
        to: Some(by),
        limit: 1,
        cursor: None,
    };
    match front.ask_reminders(user, query, Seen::default()).await?.answer {
        Answer::List { count, .. } => Ok(count as u64),
        _ => Err(Failure::Broken("reminders answered another question".to_owned())),
    }
}
