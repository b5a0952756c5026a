//! Reads the fields of JSON bodies and tool arguments: names in every spelling, values with a fault at the field as sent.
//!
//! Knows nothing of HTTP: a reader takes a `serde_json::Map` and gives a typed value or a [`Problem`].

pub(crate) mod batch;
pub(crate) mod reminder;
pub(crate) mod task;
pub(crate) mod value;

#[cfg(test)]
mod tests;

use actors::message::{
    fault::{Code, Fault},
    key::UserId,
    task::command::Change,
};
use serde_json::{Map, Value};

use crate::problem::{Problem, Slug};

/// A JSON object as it came.
pub(crate) type Object = Map<String, Value>;

/// What is done with names that mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// The canon: an unknown name is a fault, lists are lists.
    Strict,
    /// The aliases and MCP: unknown names are left out and told, lists may be text.
    Tolerant,
}

/// What a field of ours is called, and what it was called in the body.
pub(crate) type Sent = Vec<(&'static str, String)>;

/// One value that could not be read: why, and a sentence.
pub(crate) type Unread = (Code, String);

/// Fields that the server owns; sent back they are ignored.
pub(crate) const OWNED: &[&str] = &[
    "id",
    "number",
    "version",
    "position",
    "created_at",
    "updated_at",
    "completed_at",
    "deleted_at",
    "occurrence",
    "recurrence_id",
    "next",
    "removed",
];

/// The faults found so far, and the kind of problem that they make together.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Fault>,
    slug: Option<Slug>,
}

impl Faults {
    /// Adds a fault; faults of different kinds are together `invalid`.
    pub(crate) fn add(&mut self, slug: Slug, fault: Fault) {
        self.slug = Some(match self.slug {
            None => slug,
            Some(same) if same == slug => slug,
            Some(_) => Slug::Invalid,
        });
        self.list.push(fault);
    }

    /// Adds an `invalid` fault.
    pub(crate) fn push(&mut self, pointer: String, code: Code, detail: impl Into<String>) {
        self.add(Slug::Invalid, Fault::new(pointer, code, detail));
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problem, if anything is wrong.
    pub(crate) fn check(self) -> Result<(), Problem> {
        match self.slug {
            None => Ok(()),
            Some(slug) => Err(Problem::fields(slug, self.list)),
        }
    }
}

/// The pointer of a name (RFC 6901).
pub(crate) fn pointer(name: &str) -> String {
    if name.contains(['~', '/']) {
        return format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    }
    format!("/{name}")
}

/// Reads one object: each field is taken by its names, and what is left over at the end is unknown.
pub(crate) struct Reader<'a> {
    object: &'a Object,
    taken: Vec<&'a str>,
    spelling: Spelling,
    pub(crate) faults: Faults,
    pub(crate) sent: Sent,
    pub(crate) ignored: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Begins with an object of the caller `user`; a `user_id` of somebody else ends it.
    pub(crate) fn new(
        object: &'a Object,
        user: &UserId,
        spelling: Spelling,
    ) -> Result<Self, Problem> {
        let mut taken = Vec::with_capacity(object.len());
        if let Some((name, value)) = object.get_key_value("user_id") {
            taken.push(name.as_str());
            if !value.is_null() && value.as_str() != Some(user.as_str()) {
                return Err(Problem::new(
                    Slug::WrongUser,
                    "The user_id is not yours; leave it out: you are known by your credential.",
                ));
            }
        }
        let (faults, sent, ignored) = (Faults::default(), Vec::new(), Vec::new());
        Ok(Self { object, taken, spelling, faults, sent, ignored })
    }

    /// How names and lists are read.
    pub(crate) fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Takes a field by one name.
    pub(crate) fn take(&mut self, name: &str) -> Option<(&'a str, &'a Value)> {
        let (name, value) = self.object.get_key_value(name)?;
        self.taken.push(name.as_str());
        Some((name.as_str(), value))
    }

    /// Takes a field by any of its names, the first being ours, and reads it: `None` where it is absent, or wrong (and
    /// then noted). Names with different values are a conflict.
    pub(crate) fn field<T: PartialEq>(
        &mut self,
        names: &[&'static str],
        read: impl Fn(&'a Value) -> Result<T, Unread>,
    ) -> Option<T> {
        self.field_with(names, |value| {
            read(value).map_err(|(code, detail)| {
                (Slug::Invalid, vec![Fault::new(String::new(), code, detail)])
            })
        })
    }

    /// The same for values with faults inside them.
    pub(crate) fn field_with<T: PartialEq>(
        &mut self,
        names: &[&'static str],
        read: impl Fn(&'a Value) -> Result<T, (Slug, Vec<Fault>)>,
    ) -> Option<T> {
        let mut found: Option<T> = None;
        for &name in names {
            let Some((sent, value)) = self.take(name) else { continue };
            match read(value) {
                Err((slug, faults)) => {
                    let at = pointer(sent);
                    faults.into_iter().for_each(|fault| self.faults.add(slug, fault.under(&at)));
                }
                Ok(value) => match &found {
                    None => {
                        if sent != names[0] {
                            self.sent.push((names[0], sent.to_owned()));
                        }
                        found = Some(value);
                    }
                    Some(first) if *first == value => {}
                    Some(_) => self.conflict(sent, names[0]),
                },
            }
        }
        found
    }

    /// Takes a field that can be cleared: null and `""` clear it.
    pub(crate) fn clearable<T: PartialEq>(
        &mut self,
        names: &[&'static str],
        read: impl Fn(&'a Value) -> Result<T, Unread>,
    ) -> Change<T> {
        let read = |value: &'a Value| {
            if value::is_nothing(value) { Ok(Change::Clear) } else { read(value).map(Change::Set) }
        };
        self.field(names, read).unwrap_or_default()
    }

    /// By which of its names a field was sent.
    pub(crate) fn spelled<'n>(&self, names: &[&'n str]) -> &'n str {
        names.iter().find(|name| self.object.contains_key(**name)).unwrap_or(&names[0])
    }

    /// Notes that a field says something else than another one.
    pub(crate) fn conflict(&mut self, sent: &str, other: &str) {
        let detail = format!("{sent} says something else than another spelling of {other}.");
        self.faults.push(pointer(sent), Code::Conflict, detail);
    }

    /// Has what is found wrong with the member `ours` of a field point at `sent`, where that member stood beside it
    /// (but that it stands inside too).
    pub(crate) fn named_apart(&mut self, names: &[&str], ours: &str, sent: &str) {
        for fault in &mut self.faults.list {
            let inside = |name: &&&str| fault.pointer == format!("{}/{ours}", pointer(name));
            if fault.code != Code::Conflict && names.iter().any(|name| inside(&name)) {
                fault.pointer = pointer(sent);
            }
        }
    }

    /// Notes that a field is needed.
    pub(crate) fn required(&mut self, name: &str) {
        self.faults.push(pointer(name), Code::Required, format!("{name} is needed."));
    }

    /// Ends the reading: what was not taken is unknown, unless the server owns it.
    pub(crate) fn finish(mut self) -> Result<(Sent, Vec<String>), Problem> {
        for name in self.object.keys() {
            if self.taken.contains(&name.as_str()) || OWNED.contains(&name.as_str()) {
                continue;
            }
            match self.spelling {
                Spelling::Tolerant => self.ignored.push(name.clone()),
                Spelling::Strict => {
                    let detail = format!("There is no field {}.", value::quoted(name));
                    self.faults.push(pointer(name), Code::UnknownField, detail);
                }
            }
        }
        self.faults.check()?;
        Ok((self.sent, self.ignored))
    }
}

/// The same problem with pointers that name the fields as they were sent.
pub(crate) fn as_sent(mut problem: Problem, sent: &Sent) -> Problem {
    for wrong in &mut problem.wrong {
        let crate::problem::Wrong::Field(fault) = wrong else { continue };
        for (ours, theirs) in sent {
            let rest = fault.pointer.strip_prefix('/').and_then(|p| p.strip_prefix(ours));
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                // The body itself has no name.
                let at = if theirs.is_empty() { String::new() } else { pointer(theirs) };
                fault.pointer = format!("{at}{rest}");
                break;
            }
        }
    }
    problem
}

/// The body as an object; anything else is 422.
pub(crate) fn object(value: &Value) -> Result<&Object, Problem> {
    value
        .as_object()
        .ok_or_else(|| Problem::field("", Code::Invalid, "The body must be a JSON object."))
}
