//! Why an input is refused, with a pointer at the field, as problem documents show it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wrong with a field (`errors[].code` of a problem document).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The field must be given.
    Required,
    /// The text has too few characters.
    TooShort,
    /// The text has too many characters.
    TooLong,
    /// The number or the count of items is outside its bounds.
    OutOfRange,
    /// The value cannot be read as what the field holds.
    Invalid,
    /// No field has this name.
    UnknownField,
    /// Two fields that mean the same have different values.
    Conflict,
}

/// One field that is wrong: where, why in one word, and a sentence that a person can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the field as sent, relative to the value that was read: `/due_date`, or `` for the value itself.
    pub pointer: String,
    /// The kind of fault.
    pub code: Code,
    /// One sentence that says what to do.
    pub detail: String,
}

impl Fault {
    /// A fault of `code` at `pointer`.
    pub fn new(pointer: impl Into<String>, code: Code, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }

    /// The same fault seen from outside: `/interval` in a rule is `/recurrence/interval` in its task.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.pointer = format!("{parent}{}", self.pointer);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}
