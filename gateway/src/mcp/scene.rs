//! One call as everything in it sees it: who asks, when, where, and under which key.

use actors::{
    Failure,
    message::{
        call::{By, Idempotency, keyed_id},
        key::UserId,
        rejection::Slug,
        task::command::{Command, Operation, Patch, Reply, Scope, TaskRef},
        time::Timestamp,
    },
};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Asked, result::Refusal};
use crate::{
    app::{App, How, random_id},
    http::hex,
    identity::Caller,
    reminders,
};

/// Longest idempotency key, in characters.
const KEY_CHARS_MAX: usize = 128;

/// One call.
pub(super) struct Scene<'a> {
    pub(super) asked: &'a Asked,
    /// The moment of the call, for everything that it says in English.
    pub(super) now: Timestamp,
    /// The user's zone.
    pub(super) zone: Tz,
    key: Option<String>,
    hash: String,
}

impl<'a> Scene<'a> {
    /// Begins a call of `tool` with these arguments.
    pub(super) async fn begin(
        asked: &'a Asked,
        tool: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Self, Refusal> {
        let caller = &asked.caller;
        let zone = reminders::zone(&asked.app, &caller.user).await;
        let zone = zone.map_err(|failure| Refusal::failed(failure, &caller.user))?;
        let key = key(arguments)?;
        let hash = key.as_ref().map(|_| hash(tool, arguments)).unwrap_or_default();
        Ok(Self { asked, now: asked.app.actors.now(), zone, key, hash })
    }

    pub(super) fn app(&self) -> &'a App {
        &self.asked.app
    }

    pub(super) fn caller(&self) -> &'a Caller {
        &self.asked.caller
    }

    pub(super) fn user(&self) -> &'a UserId {
        &self.asked.caller.user
    }

    /// Whether repeats of this call have their effect once.
    pub(super) fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// How a command is called; `part` counts the commands of a call that needs several.
    pub(super) fn how(&self, part: usize) -> How {
        let id = match (&self.key, part) {
            (None, _) => random_id(),
            (Some(key), 0) => keyed_id(self.user(), key),
            (Some(key), part) => {
                Uuid::new_v5(&keyed_id(self.user(), key), part.to_string().as_bytes())
            }
        };
        How {
            id,
            idempotency: self.key.as_ref().map(|_| Idempotency { hash: self.hash.clone() }),
            by: By { kind: self.asked.kind, id: self.asked.caller.by.id.clone() },
            traceparent: Some(self.asked.traceparent.clone()),
        }
    }

    /// What was answered to this call before, if it is repeated under its key.
    ///
    /// A repeat must not look for its tasks again, as what it did may have changed what their titles find. So a command
    /// that nothing can come of is sent under the same id: what was answered before is answered again.
    pub(super) async fn replayed(&self, part: usize) -> Result<Option<Reply>, Refusal> {
        if !self.is_keyed() {
            return Ok(None);
        }
        let (patch, scope, expect) = (Box::<Patch>::default(), Scope::default(), None);
        let operation = Operation::Edit { task: NOBODY, patch, scope, expect };
        match self.app().tell(self.caller(), &self.how(part), Command::One { operation }).await {
            Ok(done) => Ok(Some(done.reply)),
            Err(Failure::Rejected(why)) if why.slug == Slug::NotFound => Ok(None),
            Err(failure) => Err(Refusal::failed(failure, self.user())),
        }
    }
}

/// A task that nobody has.
pub(super) const NOBODY: TaskRef = TaskRef::Id(Uuid::nil());

fn key(arguments: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let key = match arguments.get("idempotency_key") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(key)) if key.is_empty() => return Ok(None),
        Some(Value::String(key)) => key.clone(),
        Some(other) => other.to_string(),
    };
    let fine = key.len() <= KEY_CHARS_MAX && key.bytes().all(|byte| byte.is_ascii_graphic());
    match fine {
        true => Ok(Some(key)),
        false => Err(Refusal::invalid("idempotency_key has 1 to 128 visible ASCII characters.")),
    }
}

/// SHA-256 of the tool and its arguments, in whatever order they came.
fn hash(tool: &str, arguments: &Map<String, Value>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"POST /mcp ");
    hash.update(tool);
    hash.update(b"\n");
    let whole = Value::Object(arguments.clone());
    hash.update(serde_json_canonicalizer::to_vec(&whole).unwrap_or_default());
    hex(&hash.finalize())
}
