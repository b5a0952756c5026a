//! How the edge reaches an actor, wherever it lives.

use thiserror::Error;

use crate::message::{
    call::Call,
    key::UserId,
    rejection::Rejection,
    reminder,
    task::{command, query},
    time::Timestamp,
};

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Done<R> {
    /// The actor's reply.
    pub reply: R,
    /// The actor's sequence after it.
    pub version: u64,
    /// The reply was given before, to the same command.
    pub replayed: bool,
}

/// An answer and the sequence it was read at.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<A> {
    /// The answer.
    pub answer: A,
    /// The actor's sequence.
    pub version: u64,
}

/// Why there is no answer of the kind asked for.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Failure {
    /// The actor said no: an answer (4xx).
    #[error("{0}")]
    Rejected(Box<Rejection>),
    /// 32 calls wait on that user already (429 `busy`).
    #[error("too many calls wait on this user")]
    Busy,
    /// No answer now; nothing was decided, or a repeat under the same command id finds what was (503 `unavailable`).
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// What the caller has seen is not to be seen here yet (503 `view-behind`).
    #[error("not yet at the version asked for")]
    Behind,
    /// An invariant does not hold (500).
    #[error("broken invariant: {0}")]
    Broken(String),
}

/// Every actor there is, behind the host chosen at start.
#[derive(Clone)]
pub enum Actors {}

impl Actors {
    /// The host's clock.
    pub fn now(&self) -> Timestamp {
        match *self {}
    }

    /// A command to a user's task list.
    pub async fn tasks(
        &self,
        _user: &UserId,
        _call: Call<command::Command>,
    ) -> Result<Done<command::Reply>, Failure> {
        match *self {}
    }

    /// A question to a user's task list, which must have reached `min_version` (waits at most 2 s).
    pub async fn ask_tasks(
        &self,
        _user: &UserId,
        _query: query::Query,
        _min_version: u64,
    ) -> Result<Answered<query::Answer>, Failure> {
        match *self {}
    }

    /// A command to a user's reminders, which must have heard of the task list up to `list_version`.
    pub async fn reminders(
        &self,
        _user: &UserId,
        _call: Call<reminder::Command>,
        _list_version: u64,
    ) -> Result<Done<reminder::Reply>, Failure> {
        match *self {}
    }

    /// A question to a user's reminders, which must have heard of the task list up to `list_version` (waits at most 2 s).
    pub async fn ask_reminders(
        &self,
        _user: &UserId,
        _query: reminder::Query,
        _list_version: u64,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        match *self {}
    }
}
