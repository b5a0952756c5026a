//! Titles, descriptions and tags: text that was checked once and is never checked again.

use std::{fmt, sync::Arc};

use caseless::Caseless;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::fault::Code;

/// Longest title, in Unicode scalar values after NFC and trimming.
pub const TITLE_CHARS_MAX: usize = 200;
/// Longest description, in Unicode scalar values after NFC.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// Longest tag, in Unicode scalar values after NFC and folding.
pub const TAG_CHARS_MAX: usize = 50;
/// Most tags on one task.
pub const TASK_TAGS_MAX: usize = 20;

macro_rules! checked_text {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A title: trimmed, in NFC, 1 to 200 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Title(Box<str>);
checked_text!(Title);

impl Title {
    /// Reads a title.
    pub fn parse(text: &str) -> Result<Self, Code> {
        let text: String = text.trim().nfc().collect();
        match text.chars().count() {
            0 => Err(Code::TooShort),
            n if n > TITLE_CHARS_MAX => Err(Code::TooLong),
            _ if text.chars().any(char::is_control) => Err(Code::Invalid),
            _ => Ok(Self(text.into())),
        }
    }
}

/// A description: in NFC, 1 to 10,000 characters, of control characters only `\n` and `\t`. An empty one is no description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Description(Box<str>);
checked_text!(Description);

impl Description {
    /// Reads a description; `None` for the empty one.
    pub fn parse(text: &str) -> Result<Option<Self>, Code> {
        let text: String = text.nfc().collect();
        match text.chars().count() {
            0 => Ok(None),
            n if n > DESCRIPTION_CHARS_MAX => Err(Code::TooLong),
            _ if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') => {
                Err(Code::Invalid)
            }
            _ => Ok(Some(Self(text.into()))),
        }
    }
}

/// A tag: 1 to 50 letters, digits, `_`, `-` and `/` (Unicode's), in NFC, folded to lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(Arc<str>);
checked_text!(Tag);

impl Tag {
    /// Reads a tag; a leading `#` is not part of it and is refused.
    pub fn parse(text: &str) -> Result<Self, Code> {
        let text: String = text.trim().nfc().collect::<String>().to_lowercase().nfc().collect();
        let allowed = |c: char| c.is_alphanumeric() || is_combining_mark(c) || "_-/".contains(c);
        match text.chars().count() {
            0 => Err(Code::TooShort),
            n if n > TAG_CHARS_MAX => Err(Code::TooLong),
            _ if !text.chars().all(allowed) => Err(Code::Invalid),
            _ => Ok(Self(text.into())),
        }
    }
}

/// Text without case, by Unicode's full case folding (`ß` as `ss`), as titles are sorted.
pub fn fold_case(text: &str) -> String {
    text.chars().default_case_fold().collect()
}

/// Text without case and diacritics, as `search=` compares it.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).default_case_fold().collect()
}
