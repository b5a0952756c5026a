//! `POST /api/v1/recurrence/expand` as a pure function: a request in JSON to its answer in JSON.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::clock::{Placed, moment};
use super::dates::When;
use super::read::{dates, is_notation};
use super::series::Flavour;
use super::{Pattern, Rule};
use crate::message::fault::{Code, Fault};
use crate::message::time::Local;

/// RDATE or EXDATE entries of a request.
const REQUEST_DATES_MAX: usize = 1_000;
/// Occurrences listed at most, and where the request names no limit.
const LIMIT_MAX: i64 = 1_000;
const LIMIT_DEFAULT: i64 = 100;

const MEMBERS: [&str; 9] =
    ["dtstart", "zone", "tz", "rrule", "rule", "rdates", "exdates", "after", "limit"];

/// Expands a rule without English; else as [`expand_with`].
///
/// # Errors
/// As [`expand_with`].
pub fn expand(request: &Value) -> Result<Value, Vec<Fault>> {
    expand_with(request, |_| None)
}

/// Expands a rule: `{dtstart, zone|tz, one of rrule | rule, rdates, exdates, after, limit}` to
/// `{occurrences: [{local, utc}], complete, explain}`, by CONTRACT section 5. `english` reads a `rule` that is a text
/// and no notation of ours. The work is bounded by steps: a rule that is too much is cut, `complete: false`.
///
/// # Errors
/// All faults found. Those of the rule itself are under `/rrule` or `/rule`, that of the zone at `/zone` or `/tz`.
pub fn expand_with(
    request: &Value,
    english: impl Fn(&str) -> Option<Rule>,
) -> Result<Value, Vec<Fault>> {
    let Some(members) = request.as_object() else {
        return Err(vec![Fault::new("", Code::Invalid, "the request is an object")]);
    };
    let mut reader = Reader { members, faults: Vec::new() };
    for name in members.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        reader.faults.push(Fault::new(pointer, Code::UnknownField, "a request has no such field"));
    }
    let zone = reader.zone();
    let start = reader.date("dtstart");
    if start.is_none() && reader.get("dtstart").is_none() {
        reader.fault("dtstart", Code::Required, "dtstart is missing");
    }
    let rule = reader.rule(english);
    let after = reader.date("after");
    let limit = reader.limit();
    let (rdates, exdates) = (reader.dates("rdates"), reader.dates("exdates"));
    let (Some(start), Some(mut rule), true) = (start, rule, reader.faults.is_empty()) else {
        return Err(reader.faults);
    };
    let start = start.local(zone);
    rule.rdates.extend(rdates);
    rule.exdates.extend(exdates);
    Ok(listed(&rule, start, zone, after, limit))
}

/// The answer for a request that was read.
fn listed(rule: &Rule, start: Local, zone: Option<Tz>, after: Option<When>, limit: usize) -> Value {
    let whole_days = matches!(start, Local::Day(_));
    let told = |placed: Placed| {
        let at = moment(placed.local);
        let local = if whole_days { Local::Day(at.date()) } else { Local::Moment(at) };
        let instant = (zone.is_some() && !whole_days)
            .then(|| format!("{}Z", Local::Moment(moment(placed.key))));
        json!({ "local": local.to_string(), "utc": instant })
    };
    let mut series = rule.series(start, zone, Flavour::Pure, after);
    let occurrences: Vec<Value> = series.by_ref().take(limit).map(told).collect();
    let complete = series.next().is_none() && !series.gave_up();
    json!({
        "occurrences": occurrences,
        "complete": complete,
        "explain": rule.explain(start, zone),
    })
}

/// The members of a request while they are read, and the faults found so far.
struct Reader<'a> {
    members: &'a Map<String, Value>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// A member; null and the empty text are as if it were absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }

    fn fault(&mut self, name: &str, code: Code, detail: &str) {
        self.faults.push(Fault::new(format!("/{name}"), code, detail));
    }

    fn zone(&mut self) -> Option<Tz> {
        let (name, value) = match (self.get("zone"), self.get("tz")) {
            (Some(zone), Some(tz)) if zone != tz => {
                self.fault("tz", Code::Conflict, "zone and tz mean the same and differ");
                return None;
            }
            (Some(zone), _) => ("zone", zone),
            (None, Some(tz)) => ("tz", tz),
            (None, None) => return None,
        };
        let zone = value.as_str().and_then(|text| text.trim().parse().ok());
        if zone.is_none() {
            self.fault(name, Code::Invalid, "this is no IANA zone, such as Europe/Berlin");
        }
        zone
    }

    fn date(&mut self, name: &str) -> Option<When> {
        let value = self.get(name)?;
        let date = value.as_str().and_then(When::read);
        if date.is_none() {
            self.fault(
                name,
                Code::Invalid,
                "this is neither a day nor a moment, such as 2026-11-21T09:00:00",
            );
        }
        date
    }

    fn dates(&mut self, name: &str) -> Vec<When> {
        let Some(value) = self.get(name) else { return Vec::new() };
        dates(value, name, REQUEST_DATES_MAX).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Vec::new()
        })
    }

    fn limit(&mut self) -> usize {
        let Some(value) = self.get("limit") else { return LIMIT_DEFAULT as usize };
        match value.as_i64() {
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => limit as usize,
            Some(_) => {
                self.fault("limit", Code::OutOfRange, "limit is from 1 to 1000");
                0
            }
            None => {
                self.fault("limit", Code::Invalid, "limit is a whole number");
                0
            }
        }
    }

    fn rule(&mut self, english: impl Fn(&str) -> Option<Rule>) -> Option<Rule> {
        match (self.get("rrule"), self.get("rule")) {
            (None, None) => {
                self.fault("rrule", Code::Required, "the request needs rrule or rule");
                None
            }
            (Some(_), Some(_)) => {
                self.fault("rule", Code::Conflict, "the request has rrule or rule, not both");
                None
            }
            (Some(Value::String(text)), None) => match Rule::rrule(text) {
                Ok(rule) => Some(rule),
                Err(fault) => {
                    self.faults.push(fault.under("/rrule"));
                    None
                }
            },
            (Some(_), None) => {
                self.fault("rrule", Code::Invalid, "rrule is a text such as FREQ=DAILY");
                None
            }
            (None, Some(value)) => {
                if let Value::String(text) = value
                    && !is_notation(text)
                    && let Some(rule) = english(text)
                {
                    return Some(rule);
                }
                Rule::read(value).unwrap_or_else(|faults| {
                    self.faults.extend(faults.into_iter().map(|fault| fault.under("/rule")));
                    None
                })
            }
        }
    }
}

impl Rule {
    /// Whether the rule is one of RFC 5545.
    pub fn is_rrule(&self) -> bool {
        matches!(self.pattern, Pattern::Rrule(_))
    }
}
