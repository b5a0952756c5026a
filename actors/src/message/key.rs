//! Who an actor is: its kind, its user and, for a rule, the rule.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest user id, in characters.
pub const USER_ID_CHARS_MAX: usize = 128;

/// The namespace of every id that Tickler derives (RFC 9562 §5.5).
pub const NAMESPACE: Uuid = Uuid::from_u128(0x7469_636b_6c65_7240_8000_0000_0000_0001);

/// A user, by the subject of their token: 1 to 128 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(Arc<str>);

impl UserId {
    /// Reads a user id; `None` where it is empty, too long or holds a control character.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.chars().count() <= USER_ID_CHARS_MAX;
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UserId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| "a user id has 1 to 128 characters".to_owned())
    }
}

impl From<UserId> for String {
    fn from(user: UserId) -> Self {
        user.0.as_ref().to_owned()
    }
}

/// The three kinds of actor; [`fmt::Display`] is the Dapr actor type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A user's tasks, tags, rules and settings.
    TaskListActor,
    /// The clock and the afterlife of a user's reminders.
    ReminderActor,
    /// The clock and the ledger of one rule.
    RecurrenceActor,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TaskListActor => "TaskListActor",
            Self::ReminderActor => "ReminderActor",
            Self::RecurrenceActor => "RecurrenceActor",
        })
    }
}

/// One actor. Written `Kind/user` or `RecurrenceActor/user/rule`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub user: UserId,
    /// Which rule, for a RecurrenceActor; otherwise `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Uuid>,
}

impl Key {
    /// The task list of a user.
    pub fn task_list(user: &UserId) -> Self {
        Self { kind: Kind::TaskListActor, user: user.clone(), rule: None }
    }

    /// The reminders of a user.
    pub fn reminder(user: &UserId) -> Self {
        Self { kind: Kind::ReminderActor, user: user.clone(), rule: None }
    }

    /// One rule of a user.
    pub fn recurrence(user: &UserId, rule: Uuid) -> Self {
        Self { kind: Kind::RecurrenceActor, user: user.clone(), rule: Some(rule) }
    }

    /// The actor's own UUID, under which its event ids are derived.
    pub fn uuid(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.to_string().as_bytes())
    }

    /// The id of event `index` of turn `sequence`: the same at every delivery.
    pub fn event_id(&self, sequence: u64, index: usize) -> Uuid {
        Uuid::new_v5(&self.uuid(), format!("{sequence}/{index}").as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.user)?;
        self.rule.map_or(Ok(()), |rule| write!(f, "/{rule}"))
    }
}
