//! The host chosen at start.

use std::time::Duration;

#[cfg(feature = "dapr")]
use crate::dapr::Front;
#[cfg(feature = "embedded")]
use crate::embedded::Embedded;
use crate::{
    host::Unavailable,
    message::{
        call::Call,
        key::{Key, UserId},
        reminder,
        task::{command, query},
        time::Timestamp,
    },
    reach::{Answered, Done, Failure},
    turn::Seen,
};

/// Every actor there is, behind the host chosen at start.
#[derive(Clone)]
pub enum Actors {
    /// In this process, over a file.
    #[cfg(feature = "embedded")]
    Embedded(Embedded),
    /// Spread over hosts, by the sidecar.
    #[cfg(feature = "dapr")]
    Dapr(Box<Front>),
}

/// The same on whichever host it is.
macro_rules! on {
    ($actors:expr, $here:ident => $done:expr) => {
        match $actors {
            #[cfg(feature = "embedded")]
            Self::Embedded($here) => $done,
            #[cfg(feature = "dapr")]
            Self::Dapr($here) => $done,
        }
    };
}

impl Actors {
    /// The host's clock.
    pub fn now(&self) -> Timestamp {
        on!(self, here => here.now())
    }

    /// A command to a user's task list.
    pub async fn tasks(
        &self,
        user: &UserId,
        call: Call<command::Command>,
    ) -> Result<Done<command::Reply>, Failure> {
        on!(self, here => here.tasks(user, call).await)
    }

    /// A question to a user's task list, which must have reached `min_version` (waits at most 2 s).
    pub async fn ask_tasks(
        &self,
        user: &UserId,
        query: query::Query,
        min_version: u64,
    ) -> Result<Answered<query::Answer>, Failure> {
        let seen = Seen { version: min_version, heard: None };
        on!(self, here => here.ask_tasks(user, query, seen).await)
    }

    /// A command to a user's reminders, which must have heard of the task list up to `list_version`.
    pub async fn reminders(
        &self,
        user: &UserId,
        call: Call<reminder::Command>,
        list_version: u64,
    ) -> Result<Done<reminder::Reply>, Failure> {
        self.heard(user, list_version).await?;
        on!(self, here => here.reminders(user, call).await)
    }

    /// A question to a user's reminders, which must have heard of the task list up to `list_version` (waits at most 2 s).
    pub async fn ask_reminders(
        &self,
        user: &UserId,
        query: reminder::Query,
        list_version: u64,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        let seen = Seen { version: 0, heard: self.heard(user, list_version).await? };
        on!(self, here => here.ask_reminders(user, query, seen).await)
    }

    /// Waits until the user's reminders hold what the task list says up to `version`; the mark that shows it.
    async fn heard(&self, user: &UserId, version: u64) -> Result<Option<(Key, u64)>, Failure> {
        if version == 0 {
            return Ok(None);
        }
        let (list, to) = (Key::task_list(user), Key::reminder(user));
        let mark = on!(self, here => here.confirmed(&list, &to, version).await)?;
        Ok(Some((list, mark)))
    }

    /// Whether the store takes writes, else why not and what to do.
    pub async fn store(&self) -> Result<(), Unavailable> {
        on!(self, here => here.store().await)
    }

    /// Whether actors can be called, else why not.
    pub async fn ready(&self) -> Result<(), Unavailable> {
        on!(self, here => here.ready().await)
    }

    /// Stops within about this time: no more turns, those that run are waited for.
    pub async fn close(&self, within: Duration) {
        on!(self, here => here.close(within).await)
    }
}
