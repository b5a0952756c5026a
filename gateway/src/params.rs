//! Reads query parameters: each is taken by name, and what is left over is unknown.

use actors::message::fault::Code;
use percent_encoding::percent_decode_str;

use crate::{
    fields::{Unread, value::quoted},
    problem::{Problem, Slug, Wrong},
};

/// The parameters of one request, decoded.
#[derive(Debug, Default)]
pub(crate) struct Params {
    given: Vec<(String, String)>,
    wrong: Vec<Wrong>,
    /// Unknown parameters are left alone (the aliases).
    tolerant: bool,
}

impl Params {
    /// Decodes a query string; what is no UTF-8 is malformed.
    pub(crate) fn decode(query: Option<&str>) -> Result<Self, Problem> {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let given = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Self { given: given.collect::<Result<_, Problem>>()?, ..Self::default() })
    }

    /// Parameters that are known already, such as a tool's arguments.
    pub(crate) fn of(given: Vec<(String, String)>) -> Self {
        Self { given, ..Self::default() }
    }

    /// What was given and not taken yet.
    pub(crate) fn left(self) -> Vec<(String, String)> {
        self.given
    }

    /// The same, without minding unknown parameters.
    #[must_use]
    pub(crate) fn tolerant(self) -> Self {
        Self { tolerant: true, ..self }
    }

    /// Takes away what says `all` of these, where that means no filter.
    pub(crate) fn without_all(&mut self, names: &[&str]) {
        self.given.retain(|(name, value)| {
            !(names.contains(&name.as_str()) && value.eq_ignore_ascii_case("all"))
        });
    }

    /// Takes a parameter; an empty one is absent. Given twice it must say the same.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let mut found: Option<String> = None;
        let mut conflict = false;
        self.given.retain_mut(|(given, value)| {
            if given != name {
                return true;
            }
            conflict |= found.as_ref().is_some_and(|first| first != value);
            found = Some(std::mem::take(value));
            false
        });
        if conflict {
            self.fault(name, (Code::Conflict, format!("{name} is given twice, differently.")));
            return None;
        }
        found.filter(|value| !value.is_empty())
    }

    /// Takes and reads a parameter: `None` where it is absent, or wrong (and then noted).
    pub(crate) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Unread>,
    ) -> Option<T> {
        let value = self.take(name)?;
        read(&value).map_err(|unread| self.fault(name, unread)).ok()
    }

    /// Takes and reads a comma-separated list; given several times it is one list.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, Unread>,
    ) -> Vec<T> {
        let mut texts = Vec::new();
        self.given.retain_mut(|(given, value)| {
            if given == name {
                texts.push(std::mem::take(value));
            }
            given != name
        });
        let mut items = Vec::new();
        for item in texts.iter().flat_map(|text| text.split(',')).map(str::trim) {
            if item.is_empty() {
                continue;
            }
            match read(item) {
                Ok(item) => items.push(item),
                Err(unread) => {
                    self.fault(name, unread);
                    break;
                }
            }
        }
        items
    }

    /// Takes `sort=relevance`, which is also what no `sort` means; another one is left for the list.
    pub(crate) fn relevance(&mut self) -> bool {
        let mut sorts =
            self.given.iter().filter(|(name, value)| name == "sort" && !value.is_empty());
        let relevance = sorts.all(|(_, value)| value.eq_ignore_ascii_case("relevance"));
        if relevance {
            self.given.retain(|(name, _)| name != "sort");
        }
        relevance
    }

    /// Takes `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.read(name, |text| match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err((Code::Invalid, format!("{name} is true or false."))),
        })
    }

    /// Takes a whole number in a range.
    pub(crate) fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        self.read(name, |text| {
            let number = text.parse::<i128>();
            let number =
                number.map_err(|_| (Code::Invalid, format!("{name} is a whole number.")))?;
            u64::try_from(number)
                .ok()
                .filter(|number| (least..=most).contains(number))
                .ok_or((Code::OutOfRange, format!("{name} is from {least} to {most}.")))
        })
    }

    /// Notes that a parameter is wrong; of one that is there and known the code is `invalid`, however it is wrong.
    pub(crate) fn fault(&mut self, name: &str, (code, detail): Unread) {
        let code = match code {
            Code::UnknownField | Code::Required => code,
            _ => Code::Invalid,
        };
        self.wrong.push(Wrong::Parameter { name: name.to_owned(), code, detail });
    }

    /// Ends the reading: what was not taken is unknown, unless it begins with `_`.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        if !self.tolerant {
            for (name, _) in std::mem::take(&mut self.given) {
                if !name.starts_with('_') {
                    let detail = format!("There is no parameter {}.", quoted(&name));
                    self.fault(&name, (Code::UnknownField, detail));
                }
            }
        }
        let Some(Wrong::Parameter { detail, .. }) = self.wrong.first() else { return Ok(()) };
        let detail = detail.clone();
        Err(Problem { wrong: self.wrong, ..Problem::new(Slug::Invalid, detail) })
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let plain = text.replace('+', " ");
    percent_decode_str(&plain)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::new(Slug::Malformed, "The query is not UTF-8."))
}
