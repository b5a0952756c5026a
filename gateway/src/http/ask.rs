//! A request as a handler sees it: who asks, what for, and under which conditions.

use std::sync::Arc;

use actors::message::{
    call::{Idempotency, keyed_id},
    key::UserId,
    task::command::TaskRef,
};
use axum::http::{HeaderMap, HeaderName, Method, header, request::Parts};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::body;
use crate::{
    app::{App, How, random_id},
    fields::{self, Object, value},
    identity::Caller,
    params::Params,
    problem::{Problem, Slug},
};

/// Longest Idempotency-Key, in characters.
const KEY_CHARS_MAX: usize = 128;

/// One request.
pub(crate) struct Ask {
    /// What every operation works with.
    pub(crate) app: Arc<App>,
    /// Who asks; absent on open routes.
    pub(crate) caller: Option<Arc<Caller>>,
    /// Method, path, headers.
    pub(crate) parts: Parts,
    /// The variable parts of the path, decoded.
    pub(crate) path: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Bytes,
    /// W3C trace context, given or made.
    pub(crate) traceparent: String,
    /// What it was before the aliases translated it.
    pub(crate) spelled: Option<Spelled>,
}

/// A request in another spelling than the canon's.
pub(crate) struct Spelled {
    /// The hash of the request as it came.
    pub(crate) hash: String,
    /// Its query parameters by our names; unknown ones are left alone.
    pub(crate) params: Vec<(String, String)>,
}

/// What a caller requires of the object's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Nothing, or that it exists.
    Any,
    /// One of these versions; 0 is none that ever was.
    Versions(Vec<u64>),
}

impl Ask {
    /// Who asks.
    pub(crate) fn caller(&self) -> &Arc<Caller> {
        self.caller.as_ref().expect("routes without a caller are open and do not ask for one")
    }

    /// The user who asks.
    pub(crate) fn user(&self) -> &UserId {
        &self.caller().user
    }

    /// A variable part of the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The task of the path; what can be no id is not found.
    pub(crate) fn task(&self) -> Result<TaskRef, Problem> {
        value::task_ref(self.segment("id")).ok_or_else(Problem::not_found)
    }

    /// The id of the path; what can be no id is not found.
    pub(crate) fn id(&self) -> Result<Uuid, Problem> {
        value::id(self.segment("id")).ok_or_else(Problem::not_found)
    }

    /// The query parameters.
    pub(crate) fn params(&self) -> Result<Params, Problem> {
        match &self.spelled {
            Some(spelled) => Ok(Params::of(spelled.params.clone()).tolerant()),
            None => Params::decode(self.parts.uri.query()),
        }
    }

    /// No query parameters are known here.
    pub(crate) fn no_params(&self) -> Result<(), Problem> {
        match self.parts.uri.query() {
            None => Ok(()),
            Some(_) => {
                let mut params = self.params()?;
                if matches!(self.parts.method, Method::GET | Method::HEAD) {
                    super::tasks::min_version(&mut params);
                }
                params.finish()
            }
        }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Problem> {
        body::json(&self.parts, &self.body)
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Object, Problem> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            other => fields::object(&other).cloned(),
        }
    }

    /// The body as a JSON object; none at all is an empty one.
    pub(crate) fn object_or_empty(&self) -> Result<Object, Problem> {
        if self.body.is_empty() { Ok(Object::new()) } else { self.object() }
    }

    /// No body is read here: there is none, or an object of what the server owns. (What other trees send is left alone.)
    pub(crate) fn no_body(&self) -> Result<(), Problem> {
        if self.body.is_empty() || self.spelled.is_some() {
            return Ok(());
        }
        match self.json()? {
            Value::Null => Ok(()),
            other => {
                let object = fields::object(&other)?;
                let reader = fields::Reader::new(object, self.user(), fields::Spelling::Strict)?;
                reader.finish().map(|_| ())
            }
        }
    }

    /// A header that must come at most once and be visible ASCII.
    pub(crate) fn header(&self, name: &HeaderName) -> Result<Option<&str>, Problem> {
        single(&self.parts.headers, name)
    }

    /// How a command of this request is called: under its Idempotency-Key, if it has one.
    pub(crate) fn how(&self) -> Result<How, Problem> {
        let caller = self.caller();
        let key = self.header(&HeaderName::from_static("idempotency-key"))?;
        let fine = |key: &str| {
            (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
        };
        if key.is_some_and(|key| !fine(key)) {
            let why = "The Idempotency-Key has 1 to 128 visible ASCII characters.";
            return Err(Problem::new(Slug::Malformed, why));
        }
        Ok(How {
            id: key.map_or_else(random_id, |key| keyed_id(&caller.user, key)),
            idempotency: key.map(|_| Idempotency { hash: self.hash() }),
            by: caller.by.clone(),
            traceparent: Some(self.traceparent.clone()),
        })
    }

    /// How a command of this request is called where keys are ignored.
    pub(crate) fn how_unkeyed(&self) -> How {
        let (id, by) = (random_id(), self.caller().by.clone());
        How { id, idempotency: None, by, traceparent: Some(self.traceparent.clone()) }
    }

    /// SHA-256 of method, path and raw body.
    pub(super) fn hash(&self) -> String {
        if let Some(spelled) = &self.spelled {
            return spelled.hash.clone();
        }
        let mut hash = Sha256::new();
        hash.update(self.parts.method.as_str());
        hash.update(b" ");
        hash.update(self.parts.uri.path());
        hash.update(b"\n");
        hash.update(&self.body);
        hex(&hash.finalize())
    }

    /// The versions that If-Match names.
    pub(crate) fn if_match(&self) -> Result<IfMatch, Problem> {
        let wrong = || Problem::new(Slug::Malformed, "If-Match is * or ETags such as \"v12\".");
        let mut versions = Vec::new();
        let mut given = false;
        for value in self.parts.headers.get_all(header::IF_MATCH) {
            given = true;
            let text = value.to_str().map_err(|_| wrong())?.trim();
            if text == "*" {
                return Ok(IfMatch::Any);
            }
            for tag in text.split(',').map(str::trim) {
                let inner = tag.strip_prefix("W/").unwrap_or(tag);
                let inner = inner.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                let inner = inner.filter(|inner| !inner.contains('"')).ok_or_else(wrong)?;
                let version = inner.strip_prefix('v').and_then(|number| number.parse().ok());
                versions.push(version.unwrap_or_default());
            }
        }
        Ok(if given { IfMatch::Versions(versions) } else { IfMatch::Any })
    }

    /// Whether If-None-Match says that the caller has this version.
    pub(crate) fn has_version(&self, version: u64) -> bool {
        let etag = format!("\"v{version}\"");
        let values = self.parts.headers.get_all(header::IF_NONE_MATCH).iter();
        values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
        })
    }
}

/// A header that must come at most once and be readable.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Problem::new(Slug::Malformed, format!("The header {name} came twice.")));
    }
    let text = first.map(|value| value.to_str()).transpose();
    text.map_err(|_| Problem::new(Slug::Malformed, format!("The header {name} is not ASCII.")))
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
