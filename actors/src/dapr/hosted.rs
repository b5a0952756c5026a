//! The three actors as the SDK knows them: each a key and the turns of its type.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    body::Bytes,
    extract::FromRequestParts,
    http::header,
    response::{IntoResponse, Response},
};
use dapr::server::actor::{
    Actor as SdkActor, ActorError,
    runtime::{ActorState, ActorTypeRegistration},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::Semaphore,
    time::{Duration, timeout},
};

use super::{Dapr, alarm, cure::Living, front, key_of};
use crate::{
    actor::Actor,
    message::{call::Call, key::Key, sync::Sync},
    reach::Failure,
    recurrence::Recurrence,
    reminder::Reminders,
    task_list::TaskList,
    turn::Turns,
};

/// Wakes of one type that run at once on a host, so that nine o'clock does not starve people.
const WAKES_MAX: usize = 64;
/// How long the question for a confirmation may hold its actor, in milliseconds; who asks comes again.
const CONFIRMED_MS: u64 = 200;

/// A user's tasks, tags, rules and settings.
#[dapr_macros::actor]
pub(super) type TaskListActor = Hosted<TaskList>;
/// The clock and the afterlife of a user's reminders.
#[dapr_macros::actor]
pub(super) type ReminderActor = Hosted<Reminders>;
/// The clock and the ledger of one rule.
#[dapr_macros::actor]
pub(super) type RecurrenceActor = Hosted<Recurrence>;

/// One actor, as long as the sidecar has it active or a call runs. It holds no state: that is the turn's.
pub(super) struct Hosted<A: Actor> {
    key: Key,
    turns: Turns<A, Dapr>,
    wakes: Arc<Semaphore>,
}

/// The instances of a type, none of which lives yet.
pub(super) fn living<A: Actor>(
    name: &'static str,
    turns: &Turns<A, Dapr>,
) -> Arc<Living<Hosted<A>>> {
    let (turns, wakes) = (turns.clone(), Arc::new(Semaphore::new(WAKES_MAX)));
    Living::new(move |id| {
        Some(Hosted { key: key_of(name, id)?, turns: turns.clone(), wakes: wakes.clone() })
    })
}

/// What the SDK is told of a type: how its instances are found, and its methods.
pub(super) fn registration<A: Actor>(
    name: &'static str,
    living: Arc<Living<Hosted<A>>>,
) -> ActorTypeRegistration
where
    &'static Hosted<A>: FromRequestParts<ActorState>,
{
    let factory = move |_: &str, id: &str, _| -> Arc<dyn SdkActor> {
        living.get(id).expect("`hold` holds the instance of this id")
    };
    ActorTypeRegistration::new::<Hosted<A>>(name, Box::new(factory))
        .register_method("call", Hosted::<A>::call)
        .register_method("query", Hosted::<A>::query)
        .register_method("sync", Hosted::<A>::sync)
        .register_method("confirmed", Hosted::<A>::confirmed)
}

impl<A: Actor> Hosted<A> {
    async fn call(&'static self, body: Bytes) -> Response {
        answer(async { self.turns.call(&self.key, read::<Call<A::Command>>(&body)?).await }).await
    }

    async fn query(&'static self, body: Bytes) -> Response {
        answer(async {
            let front::Question { query, seen } = read(&body)?;
            self.turns.query(&self.key, &query, &seen).await
        })
        .await
    }

    async fn sync(&'static self, body: Bytes) -> Response {
        answer(async { self.turns.receive(&self.key, read::<Sync>(&body)?).await }).await
    }

    async fn confirmed(&'static self, body: Bytes) -> Response {
        answer(async {
            let (to, version): (Key, u64) = read(&body)?;
            let confirmed = self.turns.confirmed(&self.key, &to, version);
            // Other calls of this actor wait in the sidecar meanwhile.
            let limit = Duration::from_millis(CONFIRMED_MS);
            timeout(limit, confirmed).await.unwrap_or(Err(Failure::Behind))
        })
        .await
    }
}

#[async_trait]
impl<A: Actor> SdkActor for Hosted<A> {
    /// Nothing: the first turn loads, under its own lock.
    async fn on_activate(&self) -> Result<(), ActorError> {
        Ok(())
    }

    /// Drops what is in memory, soon: the sidecar waits for no turn.
    async fn on_deactivate(&self) -> Result<(), ActorError> {
        let (turns, key) = (self.turns.clone(), self.key.clone());
        tokio::spawn(async move { turns.forget(&key).await });
        Ok(())
    }

    async fn on_reminder(&self, name: &str, _data: Vec<u8>) -> Result<(), ActorError> {
        let Some(moment) = alarm::moment(name) else {
            tracing::warn!(actor = %self.key.kind, name, "a reminder that is not ours");
            return Ok(());
        };
        let _permit = self.wakes.acquire().await.expect("the semaphore is never closed");
        let woken = self.turns.wake(&self.key, moment).await;
        woken.map_err(|failure| {
            tracing::warn!(actor = %self.key.kind, %failure, "a wake comes again");
            ActorError::MethodError(failure.into())
        })
    }

    async fn on_timer(&self, _name: &str, _data: Vec<u8>) -> Result<(), ActorError> {
        let resumed = self.turns.resume(&self.key).await;
        resumed.map_err(|failure| ActorError::MethodError(failure.into()))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|why| Failure::Broken(format!("a call cannot be read: {why}")))
}

async fn answer<T: Serialize>(outcome: impl Future<Output = Result<T, Failure>>) -> Response {
    let body = front::write_reply(outcome.await);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
