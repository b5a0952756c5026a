//! How the edge reaches an actor, wherever it lives.

#[cfg(any(feature = "embedded", feature = "dapr"))]
mod hosts;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::message::rejection::Rejection;

#[cfg(any(feature = "embedded", feature = "dapr"))]
pub use hosts::Actors;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done<R> {
    /// The actor's reply.
    pub reply: R,
    /// The actor's sequence after it.
    pub version: u64,
    /// The reply was given before, to the same command.
    pub replayed: bool,
}

/// An answer and the sequence it was read at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered<A> {
    /// The answer.
    pub answer: A,
    /// The actor's sequence.
    pub version: u64,
}

/// Why there is no answer of the kind asked for.
#[derive(Clone, Debug, PartialEq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
