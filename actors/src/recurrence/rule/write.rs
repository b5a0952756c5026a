//! Writes rules: the shorthand where all else is default, otherwise the object; and RRULE for iCalendar.

use chrono::Datelike;
use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::clock::{Clock, DAY, midnight, moment, number};
use super::plan::Plan;
use super::rrule::Freq;
use super::{CatchUp, From, Mode, Pattern, Rrule, Rule, When};
use crate::message::time::Local;

/// Days of the week as the object names them, from Monday.
const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Rule {
    /// The shorthand where all else is default, otherwise the object. What is read back is the same rule.
    pub fn write(&self) -> Value {
        let plain = match &self.pattern {
            Pattern::Daily { interval: 1 } => "daily",
            Pattern::Weekly { interval: 1, days: 0 } => "weekly",
            Pattern::Monthly { interval: 1, month_day: None } => "monthly",
            Pattern::Yearly { interval: 1 } => "yearly",
            _ => return self.object(),
        };
        if *self == Self::of(self.pattern.clone()) { plain.into() } else { self.object() }
    }

    /// The object, with every member that means something for the pattern and the mode:
    /// `pattern`; `interval` (shorthands); `days` (weekly, or null); `month_day` (monthly, or null); `rrule`,
    /// `rdates`, `exdates` (rrule); `cron` (cron); `mode`; `from` (completion); `catch_up`; `count` and `until` (or
    /// null); `ahead` (schedule).
    pub fn object(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| {
            object.insert(name.to_owned(), value);
        };
        let texts = |dates: &[When]| dates.iter().map(|date| date.extended()).collect::<Vec<_>>();
        match &self.pattern {
            Pattern::Daily { interval } => {
                put("pattern", "daily".into());
                put("interval", (*interval).into());
            }
            Pattern::Weekly { interval, days } => {
                put("pattern", "weekly".into());
                put("interval", (*interval).into());
                let names: Vec<&str> =
                    (0..7).filter(|day| days & (1 << day) != 0).map(|day| DAY_NAMES[day]).collect();
                put("days", if names.is_empty() { Value::Null } else { json!(names) });
            }
            Pattern::Monthly { interval, month_day } => {
                put("pattern", "monthly".into());
                put("interval", (*interval).into());
                put("month_day", json!(month_day));
            }
            Pattern::Yearly { interval } => {
                put("pattern", "yearly".into());
                put("interval", (*interval).into());
            }
            Pattern::Rrule(rule) => {
                put("pattern", "rrule".into());
                put("rrule", rule.text().into());
                put("rdates", json!(texts(&self.rdates)));
                put("exdates", json!(texts(&self.exdates)));
            }
            Pattern::Cron(cron) => {
                put("pattern", "cron".into());
                put("cron", cron.text().into());
            }
        }
        put("mode", if self.mode == Mode::Schedule { "schedule" } else { "completion" }.into());
        if self.mode == Mode::Completion {
            put("from", if self.from == From::Completed { "completed" } else { "due" }.into());
        }
        put("catch_up", if self.catch_up == CatchUp::Latest { "latest" } else { "each" }.into());
        put("count", json!(self.count));
        put("until", json!(self.until.map(When::extended)));
        if self.mode == Mode::Schedule {
            put("ahead", duration(self.ahead).into());
        }
        Value::Object(object)
    }

    /// The rule as RRULE text for iCalendar, count and until included, laid on its start: month ends that clamp
    /// are spelled out (`BYMONTHDAY=28,29,30,31;BYSETPOS=-1`), and UNTIL is of UTC where there is a zone and a day
    /// where the start is one (RFC 5545 §3.3.10). None where RRULE cannot say it: cron, and both a count and an
    /// end. RDATE and EXDATE are properties of their own.
    pub fn to_rrule(&self, start: Local, zone: Option<Tz>) -> Option<String> {
        let mut rule = self.lowered(start)?;
        rule.count = self.count();
        rule.until = self.until().map(|until| as_end(until, start, zone));
        (rule.count.is_none() || rule.until.is_none()).then(|| rule.to_string())
    }

    /// The recurrence rule that says the same from `start` on; none for cron.
    pub(super) fn lowered(&self, start: Local) -> Option<Rrule> {
        let date = start.date();
        Some(match &self.pattern {
            Pattern::Daily { interval } => Rrule::new(Freq::Daily, u64::from(*interval)),
            Pattern::Weekly { interval, days } => Rrule {
                days: (0..7).filter(|day| days & (1 << day) != 0).map(|day| (0, day)).collect(),
                ..Rrule::new(Freq::Weekly, u64::from(*interval))
            },
            Pattern::Monthly { interval, month_day } => {
                let rule = Rrule::new(Freq::Monthly, u64::from(*interval));
                clamped(rule, month_day.unwrap_or(date.day() as i8))
            }
            Pattern::Yearly { interval } => {
                let rule = Rrule::new(Freq::Yearly, u64::from(*interval));
                match (date.month(), date.day()) {
                    (2, 29) => clamped(Rrule { months: vec![2], ..rule }, 29),
                    _ => rule,
                }
            }
            Pattern::Rrule(rule) => rule.clone(),
            Pattern::Cron(_) => return None,
        })
    }

    /// The rule laid on its start.
    pub(super) fn plan(&self, start: Local) -> Plan {
        match (&self.pattern, self.lowered(start)) {
            (Pattern::Cron(cron), _) => cron.plan(start),
            (Pattern::Rrule(rule), _) => Plan::of_rrule(rule, start),
            (_, Some(rule)) => Plan::of_rrule(&rule, start),
            // Only cron has no recurrence rule, and it is above.
            (_, None) => Plan::of_rrule(&Rrule::new(Freq::Daily, 1), start),
        }
    }
}

/// An end as UNTIL of the start's kind.
fn as_end(until: When, start: Local, zone: Option<Tz>) -> When {
    match (start, until, zone) {
        (Local::Day(_), _, _) => When::Local(Local::Day(until.local(zone).date())),
        (_, When::Utc(_), Some(_)) => until,
        (_, _, None) => When::Local(end_of(until.local(None))),
        (_, When::Local(local), Some(_)) => {
            let placed = When::Local(end_of(local)).placed(Clock::of(zone), false);
            When::Utc(moment(placed.key))
        }
    }
}

/// The last second of a day; a moment as it is.
fn end_of(local: Local) -> Local {
    match local {
        Local::Day(day) => Local::Moment(moment(midnight(number(day)) + DAY - 1)),
        Local::Moment(_) => local,
    }
}

/// The rule on a day of the month, or on the last day of months that have no such day.
fn clamped(rule: Rrule, month_day: i8) -> Rrule {
    match month_day {
        29..=31 => Rrule { month_days: (28..=month_day).collect(), positions: vec![-1], ..rule },
        _ => Rrule { month_days: vec![month_day], ..rule },
    }
}

/// Seconds as an ISO 8601 duration.
fn duration(seconds: u32) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let mut text = "P".to_owned();
    let part = |n: u32, unit: char| if n > 0 { format!("{n}{unit}") } else { String::new() };
    text.push_str(&part(days, 'D'));
    let time = part(hours, 'H') + &part(minutes, 'M') + &part(rest, 'S');
    if !time.is_empty() {
        text = text + "T" + &time;
    }
    if text == "P" { "PT0S".to_owned() } else { text }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match Self::read(&value) {
            Ok(Some(rule)) => Ok(rule),
            Ok(None) => Err(D::Error::custom("a rule is not null")),
            Err(faults) => Err(D::Error::custom(
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            )),
        }
    }
}
