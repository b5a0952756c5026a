//! A command on its way to an actor: what to do, under which id, and who asks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::key::{NAMESPACE, UserId};

/// What kind of caller an event names (`actor.kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// A person, by JWT, session or dev mode.
    User,
    /// A personal token.
    Token,
    /// A chatbot over MCP.
    Mcp,
    /// Tickler's own chat.
    Chat,
    /// A recurring rule.
    Rule,
    /// An import.
    Import,
    /// Tickler itself: a clock, a retention, a repair.
    System,
}

/// Who did it: in every event and audit entry (`actor`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// What kind of caller.
    pub kind: Caller,
    /// The user, the token's id or the rule's id.
    pub id: String,
}

impl By {
    /// Tickler itself.
    pub fn system() -> Self {
        Self { kind: Caller::System, id: "tickler".to_owned() }
    }
}

/// What led to an event (`cause`): another event, a rule, an undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// `event`, `rule`, `task`, `undo` or `import`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
}

/// A repeatable name for a command: the Idempotency-Key and what was asked under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// SHA-256 of method, path and raw body, in lower-case hex.
    pub hash: String,
}

/// A command with its id. The id is UUIDv5(user, key) under an Idempotency-Key, else random; new tasks, rules and
/// reminders derive their ids from it, so that no retry makes a second one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call<C> {
    /// The command's id.
    pub id: Uuid,
    /// Set when the caller gave an Idempotency-Key: the outcome is then kept for the user's next 128 writes.
    pub idempotency: Option<Idempotency>,
    /// Who asks.
    pub by: By,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// What to do.
    pub command: C,
}

/// The command id of an Idempotency-Key: UUIDv5(user, key).
pub fn keyed_id(user: &UserId, key: &str) -> Uuid {
    Uuid::new_v5(&Uuid::new_v5(&NAMESPACE, user.as_str().as_bytes()), key.as_bytes())
}
