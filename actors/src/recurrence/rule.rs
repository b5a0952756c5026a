//! A recurrence rule (placeholder until the engine lands).

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::message::{fault::Fault, time::Local};

/// A rule, validated and normalised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule(String);

impl Rule {
    /// Reads a rule; null is none.
    pub fn read(value: &Value) -> Result<Option<Self>, Vec<Fault>> {
        Ok(value.as_str().map(|text| Self(text.to_owned())))
    }

    /// The rule as the interface writes it.
    pub fn write(&self) -> Value {
        Value::String(self.0.clone())
    }

    /// The rule as an object, every member said.
    pub fn object(&self) -> Value {
        serde_json::json!({ "pattern": self.0 })
    }

    /// One step from a due date.
    pub fn step(&self, _anchor: Local, _from: Local, _zone: Tz) -> Option<Local> {
        None
    }
}
