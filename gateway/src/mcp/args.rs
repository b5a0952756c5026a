//! The arguments of a tool: `""` and null are absent, numerals and lists may be texts, unknown names are refused.

use serde_json::{Map, Value};

use super::{
    names::{self, Sugar},
    result::Refusal,
};
use crate::{
    fields::{
        Object, Unread,
        value::{self, quoted},
    },
    problem::{Problem, Slug},
};

/// Most items of one call.
pub(super) const ITEMS_MAX: usize = 25;

/// Arguments that were not read yet.
#[derive(Debug)]
pub(super) struct Args {
    pub(super) map: Object,
}

impl Args {
    /// Arguments with the names that are ours, without those that say nothing.
    pub(super) fn new(mut map: Object, sugar: &[Sugar]) -> Result<Self, Refusal> {
        map.retain(|_, value| !is_nothing(value));
        for names in sugar {
            names::rename(&mut map, names).map_err(|name| {
                let why = format!("{name} says something else than another spelling of it.");
                Refusal::invalid(why)
            })?;
        }
        Ok(Self { map })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Takes an argument as it came.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name)
    }

    /// Takes and reads an argument; `Err` says its name.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, Unread>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        read(&value).map(Some).map_err(|(_, why)| Refusal::invalid(format!("{name}: {why}")))
    }

    /// Takes a text; a number is one too.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        self.read(name, |value| match value {
            Value::Number(number) => Ok(number.to_string()),
            value => value::text(value).map(str::to_owned),
        })
    }

    /// Takes a whole number, also as a numeral in a text.
    pub(super) fn integer(
        &mut self,
        name: &str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, Refusal> {
        self.read(name, |value| value::integer(&numeral(value), least, most))
    }

    /// Takes a yes or no, also as a text.
    pub(super) fn boolean(&mut self, name: &str) -> Result<bool, Refusal> {
        let read = |value: &Value| match value.as_str().map(str::trim) {
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => value::boolean(value),
        };
        Ok(self.read(name, read)?.unwrap_or(false))
    }

    /// Takes a list: an array, JSON text, or a text of items with commas between them.
    pub(super) fn list(&mut self, name: &str) -> Vec<Value> {
        self.take(name).map(items).unwrap_or_default()
    }

    /// Takes a list of what may hold commas itself: an array, JSON text, or one item.
    pub(super) fn whole(&mut self, name: &str) -> Result<Vec<Value>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(Vec::new()) };
        let items = match value {
            Value::Array(items) => items,
            Value::String(text) => match serde_json::from_str(&text) {
                Ok(Value::Array(items)) => items,
                Ok(object @ Value::Object(_)) => vec![object],
                _ if is_references(&text) => items(Value::String(text)),
                _ => vec![Value::String(text)],
            },
            other => vec![other],
        };
        if items.len() > ITEMS_MAX {
            let why = format!("{name} has at most {ITEMS_MAX} items in one call.");
            return Err(Refusal::new(Slug::LimitReached.code(), why));
        }
        Ok(items)
    }

    /// Ends the reading: what was not taken is refused by name.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        unknown(self.map.keys().map(String::as_str))
    }
}

/// Refuses arguments that mean nothing, by name.
pub(super) fn unknown<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let names: Vec<String> = names.filter(|name| !name.starts_with('_')).map(quoted).collect();
    match names.len() {
        0 => Ok(()),
        1 => Err(Refusal::invalid(format!("There is no argument {}.", names[0]))),
        _ => Err(Refusal::invalid(format!("There are no arguments {}.", names.join(", ")))),
    }
}

/// The items of a list in any of its forms, without those that say nothing.
pub(super) fn items(value: Value) -> Vec<Value> {
    let mut items = match value {
        Value::Array(items) => items,
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Array(items)) => items,
            _ => text.split(',').map(|item| Value::String(item.trim().to_owned())).collect(),
        },
        other => vec![other],
    };
    items.retain(|item| !is_nothing(item));
    items
}

/// A text of nothing but numbers and ids with commas between them.
fn is_references(text: &str) -> bool {
    text.contains(',')
        && text.split(',').map(str::trim).all(|item| {
            let number = item.strip_prefix('#').unwrap_or(item);
            value::task_ref(number).is_some()
        })
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A number that came as a text.
pub(super) fn numeral(value: &Value) -> Value {
    let number = value.as_str().and_then(|text| text.trim().parse::<i64>().ok());
    number.map_or_else(|| value.clone(), Value::from)
}

/// A `user_id` must be the caller's; it is only compared.
pub(super) fn check_user(
    map: &mut Map<String, Value>,
    user: &actors::message::key::UserId,
) -> Result<(), Refusal> {
    match map.shift_remove("user_id") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(id)) if id.is_empty() || id == user.as_str() => Ok(()),
        Some(_) => {
            let why = "The user_id is not yours; leave it out: you are known by your credential.";
            Err(Refusal::from(Problem::new(Slug::WrongUser, why)))
        }
    }
}
