//! The host chosen at start.

use std::time::Duration;

use crate::{
    embedded::Embedded,
    host::Unavailable,
    message::{
        call::Call,
        key::UserId,
        reminder,
        task::{command, query},
        time::Timestamp,
    },
    reach::{Answered, Done, Failure},
};

/// Every actor there is, behind the host chosen at start.
#[derive(Clone)]
pub enum Actors {
    /// In this process, over a file.
    Embedded(Embedded),
}

impl Actors {
    /// The host's clock.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Embedded(here) => here.now(),
        }
    }

    /// A command to a user's task list.
    pub async fn tasks(
        &self,
        user: &UserId,
        call: Call<command::Command>,
    ) -> Result<Done<command::Reply>, Failure> {
        match self {
            Self::Embedded(here) => here.tasks(user, call).await,
        }
    }

    /// A question to a user's task list, which must have reached `min_version` (waits at most 2 s).
    pub async fn ask_tasks(
        &self,
        user: &UserId,
        query: query::Query,
        min_version: u64,
    ) -> Result<Answered<query::Answer>, Failure> {
        match self {
            Self::Embedded(here) => here.ask_tasks(user, query, min_version).await,
        }
    }

    /// A command to a user's reminders, which must have heard of the task list up to `list_version`.
    pub async fn reminders(
        &self,
        user: &UserId,
        call: Call<reminder::Command>,
        list_version: u64,
    ) -> Result<Done<reminder::Reply>, Failure> {
        match self {
            Self::Embedded(here) => here.reminders(user, call, list_version).await,
        }
    }

    /// A question to a user's reminders, which must have heard of the task list up to `list_version` (waits at most 2 s).
    pub async fn ask_reminders(
        &self,
        user: &UserId,
        query: reminder::Query,
        list_version: u64,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        match self {
            Self::Embedded(here) => here.ask_reminders(user, query, list_version).await,
        }
    }

    /// Whether commands are taken, else why not and what to do.
    pub fn health(&self) -> Result<(), Unavailable> {
        match self {
            Self::Embedded(here) => here.health(),
        }
    }

    /// Stops within about this time: no more turns, those that run are waited for.
    pub async fn close(&self, within: Duration) {
        match self {
            Self::Embedded(here) => here.close(within).await,
        }
    }
}
