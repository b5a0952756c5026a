//! Every failure as a problem document (RFC 9457): one table of kinds, one way to write them.

use std::borrow::Cow;

use actors::{
    Failure,
    message::{
        fault::{Code, Fault},
        key::UserId,
        rejection::{self, Current, Rejection},
        reminder, series, task,
    },
};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

/// Seconds after which a caller may try again when there was no answer.
const RETRY_AFTER_S: u32 = 1;

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal,)*) => {
        /// The kinds of problems there are; `type` and `code` of a document come from here alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(dead_code, reason = "the table is whole; some calls come later")]
        pub(crate) enum Slug {
            $(#[doc = $title] $name,)*
        }

        impl Slug {
            /// Every kind, for documentation.
            pub(crate) const ALL: &[Slug] = &[$(Slug::$name,)*];

            const fn facts(self) -> (u16, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($status, $code, $title),)*
                }
            }
        }
    };
}

slugs! {
    Malformed = 400 "malformed" "The request cannot be read",
    InvalidCursor = 400 "invalid-cursor" "The cursor is not one of this list",
    NoDueDate = 400 "no-due-date" "The task has no due date",
    Unauthenticated = 401 "unauthenticated" "A credential is needed",
    WrongUser = 403 "wrong-user" "That is another user",
    InsufficientScope = 403 "insufficient-scope" "The credential does not allow this",
    ForbiddenOrigin = 403 "forbidden-origin" "This host or origin is not allowed",
    NotFound = 404 "not-found" "Not found",
    MethodNotAllowed = 405 "method-not-allowed" "The method is not allowed here",
    CursorExpired = 410 "cursor-expired" "The cursor is too old",
    TagExists = 409 "tag-exists" "The tag exists",
    TagInUse = 409 "tag-in-use" "The tag is in use",
    ReminderExists = 409 "reminder-exists" "The reminder exists",
    ReminderClosed = 409 "reminder-closed" "The reminder is closed",
    TaskClosed = 409 "task-closed" "The task is closed",
    NotRecurring = 409 "not-recurring" "The task does not recur",
    RuleEnded = 409 "rule-ended" "The rule has ended",
    CannotUndo = 409 "cannot-undo" "The change cannot be undone",
    LimitReached = 409 "limit-reached" "A limit is reached",
    Stale = 412 "stale" "The object has changed",
    TooLarge = 413 "too-large" "The body is too large",
    UnsupportedMediaType = 415 "unsupported-media-type" "The content type is not supported",
    Invalid = 422 "invalid" "The request is not valid",
    RecurrenceNeedsDueDate = 422 "recurrence-needs-due-date" "A recurring task needs a due date",
    InvalidRecurrence = 422 "invalid-recurrence" "The recurrence is not valid",
    InvalidZone = 422 "invalid-zone" "The zone is not known",
    IdempotencyKeyReused = 422 "idempotency-key-reused" "The Idempotency-Key was used before",
    BatchRejected = 422 "batch-rejected" "The batch was not carried out",
    ForbiddenAddress = 422 "forbidden-address" "The address is not allowed",
    ChannelUnavailable = 422 "channel-unavailable" "The channel is not configured",
    RateLimited = 429 "rate-limited" "Too many requests",
    Busy = 429 "busy" "Too many requests wait",
    Internal = 500 "internal" "Something is broken on our side",
    Unavailable = 503 "unavailable" "Not available now",
    ViewBehind = 503 "view-behind" "Not up to date yet",
    ChatUnavailable = 503 "chat-unavailable" "Chat is not available",
}

impl Slug {
    /// The HTTP status.
    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.facts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The last part of the type: `no-due-date`.
    pub(crate) const fn code(self) -> &'static str {
        self.facts().1
    }

    /// What the kind is called.
    pub(crate) const fn title(self) -> &'static str {
        self.facts().2
    }
}

impl From<rejection::Slug> for Slug {
    fn from(slug: rejection::Slug) -> Self {
        use rejection::Slug as R;
        match slug {
            R::NoDueDate => Self::NoDueDate,
            R::NotFound => Self::NotFound,
            R::TagExists => Self::TagExists,
            R::TagInUse => Self::TagInUse,
            R::ReminderExists => Self::ReminderExists,
            R::ReminderClosed => Self::ReminderClosed,
            R::TaskClosed => Self::TaskClosed,
            R::NotRecurring => Self::NotRecurring,
            R::RuleEnded => Self::RuleEnded,
            R::CannotUndo => Self::CannotUndo,
            R::LimitReached => Self::LimitReached,
            R::Stale => Self::Stale,
            R::Invalid => Self::Invalid,
            R::RecurrenceNeedsDueDate => Self::RecurrenceNeedsDueDate,
            R::InvalidRecurrence => Self::InvalidRecurrence,
            R::InvalidZone => Self::InvalidZone,
            R::IdempotencyKeyReused => Self::IdempotencyKeyReused,
            R::BatchRejected => Self::BatchRejected,
            R::InvalidCursor => Self::InvalidCursor,
            R::ForbiddenAddress => Self::ForbiddenAddress,
            R::ChannelUnavailable => Self::ChannelUnavailable,
        }
    }
}

/// One thing that is wrong, and where: in the body, or among the query parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A field of the body, by its pointer.
    Field(Fault),
    /// A query parameter, by its name.
    Parameter {
        /// Its name as sent.
        name: String,
        /// The kind of fault.
        code: Code,
        /// One sentence that says what to do.
        detail: String,
    },
}

impl Serialize for Wrong {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(3))?;
        let (code, detail) = match self {
            Self::Field(fault) => {
                map.serialize_entry("pointer", &fault.pointer)?;
                (fault.code, &fault.detail)
            }
            Self::Parameter { name, code, detail } => {
                map.serialize_entry("parameter", name)?;
                (*code, detail)
            }
        };
        map.serialize_entry("code", &code)?;
        map.serialize_entry("detail", detail)?;
        map.end()
    }
}

/// Why there is no answer of the kind that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// The kind.
    pub(crate) slug: Slug,
    /// One sentence a person can act on.
    pub(crate) detail: Cow<'static, str>,
    /// What is wrong where.
    pub(crate) wrong: Vec<Wrong>,
    /// Further members: `current`, `results`.
    pub(crate) members: Vec<(&'static str, Value)>,
    /// Headers that go with it: `ETag`, `Allow`, `Retry-After`, `WWW-Authenticate`.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem that names no field.
    pub(crate) fn new(slug: Slug, detail: impl Into<Cow<'static, str>>) -> Self {
        let (detail, wrong, members) = (detail.into(), Vec::new(), Vec::new());
        Self { slug, detail, wrong, members, headers: Vec::new() }
    }

    /// The one 404 for whatever is absent, foreign, deleted or malformed.
    pub(crate) fn not_found() -> Self {
        Self::new(Slug::NotFound, Rejection::not_found().detail)
    }

    /// Fields are wrong; the detail is that of the first.
    pub(crate) fn fields(slug: Slug, faults: Vec<Fault>) -> Self {
        let detail = faults.first().map_or_else(String::new, |fault| fault.detail.clone());
        let wrong = faults.into_iter().map(Wrong::Field).collect();
        Self { wrong, ..Self::new(slug, detail) }
    }

    /// One field is wrong.
    pub(crate) fn field(pointer: impl Into<String>, code: Code, detail: impl Into<String>) -> Self {
        Self::fields(Slug::Invalid, vec![Fault::new(pointer, code, detail)])
    }

    /// What an actor refused, for its user.
    pub(crate) fn rejected(rejection: Rejection, user: &UserId) -> Self {
        let Rejection { slug, detail, faults, current, results: _ } = rejection;
        let mut problem = Self::new(slug.into(), detail);
        problem.wrong = faults.into_iter().map(Wrong::Field).collect();
        if let Some(current) = current {
            let (version, value) = seen(&current, user);
            problem.members.push(("current", value));
            problem = problem.with_header(header::ETAG, format!("\"v{version}\""));
        }
        problem
    }

    /// What an actor could not or would not do, for its user.
    pub(crate) fn failed(failure: Failure, user: &UserId) -> Self {
        match failure {
            Failure::Rejected(rejection) => Self::rejected(*rejection, user),
            Failure::Busy => Self::new(
                Slug::Busy,
                "32 requests of yours wait already; wait for their answers and try again.",
            )
            .retry_after(RETRY_AFTER_S),
            Failure::Unavailable(why) => {
                tracing::warn!(why, "unavailable");
                Self::unavailable()
            }
            Failure::Behind => Self::new(
                Slug::ViewBehind,
                "What you have seen elsewhere has not arrived here yet; try again.",
            )
            .retry_after(RETRY_AFTER_S),
            Failure::Broken(why) => {
                tracing::error!(why, "broken invariant");
                Self::internal()
            }
        }
    }

    /// No answer now; nothing was decided.
    pub(crate) fn unavailable() -> Self {
        Self::new(
            Slug::Unavailable,
            "There is no answer now; try again, with the same Idempotency-Key if you gave one.",
        )
        .retry_after(RETRY_AFTER_S)
    }

    /// A bug of ours.
    pub(crate) fn internal() -> Self {
        Self::new(Slug::Internal, "This is a fault of the server; it has been logged.")
    }

    /// The same problem with `Retry-After`.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        self.with_header(header::RETRY_AFTER, seconds.to_string())
    }

    /// The same problem with a header; one that cannot be written is left out.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    /// The same problem with its pointers seen from outside: `/title` is `/operations/3/body/title` in its batch.
    #[must_use]
    pub(crate) fn under(mut self, parent: &str) -> Self {
        for wrong in &mut self.wrong {
            if let Wrong::Field(fault) = wrong {
                fault.pointer.insert_str(0, parent);
            }
        }
        self
    }

    /// The document; `instance` is the path that was asked for.
    pub(crate) fn document<'a>(&'a self, instance: &'a str) -> Document<'a> {
        Document { problem: self, instance }
    }

    /// The answer.
    pub(crate) fn answer(&self, instance: &str) -> Response {
        let body = serde_json::to_vec(&self.document(instance)).unwrap_or_default();
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = self.slug.status();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        answer
    }
}

/// The object as it is, and its version.
fn seen(current: &Current, user: &UserId) -> (u64, Value) {
    match current {
        Current::Task(task) => (task.version, task::shown::shown(task, user)),
        Current::Series(series) => (series.version, series::shown::shown(series, user)),
        Current::Reminder(reminder) => {
            let shown = reminder::shown::Shown { reminder, user };
            (reminder.version, json!(shown))
        }
    }
}

/// A problem as it is written.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    problem: &'a Problem,
    instance: &'a str,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Problem { slug, detail, wrong, members, headers: _ } = self.problem;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("urn:tickler:problem:{}", slug.code()))?;
        map.serialize_entry("code", slug.code())?;
        map.serialize_entry("title", slug.title())?;
        map.serialize_entry("status", &slug.status().as_u16())?;
        map.serialize_entry("detail", detail)?;
        map.serialize_entry("instance", self.instance)?;
        map.serialize_entry("errors", wrong)?;
        for (name, value) in members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_a_status_and_a_title_of_its_own() {
        let mut codes: Vec<&str> = Slug::ALL.iter().map(|slug| slug.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Slug::ALL.len());
        for slug in Slug::ALL {
            assert!(slug.status().is_client_error() || slug.status().is_server_error());
            assert!(slug.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            let document = json!(Problem::new(*slug, "Why.").document("/x"));
            assert_eq!(document["type"], format!("urn:tickler:problem:{}", slug.code()));
            assert_eq!(document["status"], slug.status().as_u16());
            assert_eq!(document["errors"], json!([]));
        }
    }
}
