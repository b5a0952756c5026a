//! How the edge reaches actors through the sidecar, and how an actor's answer is written.
//!
//! An actor method answers 200 with `{"ok": …}` or `{"err": …}`: any other status would lose its body on the way.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Dapr;
use crate::{
    host::Unavailable,
    message::{
        call::Call,
        key::{Key, UserId},
        reminder,
        task::{command, query},
    },
    reach::{Answered, Done, Failure},
    turn,
};

/// How often a call that found its actor moved is sent again, through placement.
const MOVED_RETRIES: usize = 3;

/// What an actor method answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<T> {
    Ok(T),
    Err(Failure),
}

/// Writes what a method answers.
pub(super) fn write_reply<T: Serialize>(answer: Result<T, Failure>) -> Vec<u8> {
    let reply = match answer {
        Ok(done) => Reply::Ok(done),
        Err(failure) => Reply::Err(failure),
    };
    serde_json::to_vec(&reply).expect("an answer is JSON")
}

/// Reads what a method answered.
pub(super) fn read_reply<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    match serde_json::from_slice(body) {
        Ok(Reply::Ok(done)) => Ok(done),
        Ok(Reply::Err(failure)) => Err(failure),
        Err(why) => Err(Failure::Broken(format!("an actor's answer cannot be read: {why}"))),
    }
}

/// A question, and what the one who asks has seen.
#[derive(Serialize, Deserialize)]
pub(super) struct Question<Q> {
    pub(super) query: Q,
    pub(super) min_version: u64,
}

/// A command, and which version of the task list its actor must have heard of.
#[derive(Serialize, Deserialize)]
pub(super) struct Order<C> {
    pub(super) call: Call<C>,
    pub(super) list_version: u64,
}

/// The edge's way to the actors.
#[derive(Clone)]
pub struct Front(Dapr);

impl Front {
    /// Through this sidecar.
    pub fn new(dapr: Dapr) -> Self {
        Self(dapr)
    }

    /// See [`crate::Actors::tasks`].
    pub async fn tasks(&self, user: &UserId, call: Call<command::Command>) -> Result<Done<command::Reply>, Failure> {
        self.send(&Key::task_list(user), "call", &Order { call, list_version: 0 }).await
    }

    /// See [`crate::Actors::ask_tasks`].
    pub async fn ask_tasks(
        &self,
        user: &UserId,
        query: query::Query,
        min_version: u64,
    ) -> Result<Answered<query::Answer>, Failure> {
        self.send(&Key::task_list(user), "query", &Question { query, min_version }).await
    }

    /// See [`crate::Actors::reminders`].
    pub async fn reminders(
        &self,
        user: &UserId,
        call: Call<reminder::Command>,
        list_version: u64,
    ) -> Result<Done<reminder::Reply>, Failure> {
        self.confirmed(user, list_version).await?;
        self.send(&Key::reminder(user), "call", &Order { call, list_version }).await
    }

    /// See [`crate::Actors::ask_reminders`].
    pub async fn ask_reminders(
        &self,
        user: &UserId,
        query: reminder::Query,
        list_version: u64,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        self.confirmed(user, list_version).await?;
        self.send(&Key::reminder(user), "query", &Question { query, min_version: list_version }).await
    }

    /// Waits until the reminders have confirmed what the task list said up to a version.
    async fn confirmed(&self, user: &UserId, list_version: u64) -> Result<(), Failure> {
        if list_version == 0 {
            return Ok(());
        }
        self.send(&Key::task_list(user), "confirmed", &list_version).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        key: &Key,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).expect("what the edge sends is JSON");
        let mut left = MOVED_RETRIES;
        loop {
            let unavailable = |why: Unavailable| Failure::Unavailable(why.0);
            let answer = self.0.invoke(key, method, body.clone()).await.map_err(unavailable)?;
            match read_reply(&answer) {
                Err(Failure::Unavailable(why)) if why == turn::MOVED && left > 0 => left -= 1,
                answer => return answer,
            }
        }
    }
}
