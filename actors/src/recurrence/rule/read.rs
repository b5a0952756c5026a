//! Reads rules from JSON: shorthands, texts and the object.

use serde_json::{Map, Value};

use super::{
    AHEAD_SECONDS_MAX, COUNT_MAX, CatchUp, Cron, DATES_MAX, From, INTERVAL_MAX, Mode, Pattern,
    Rrule, Rule, When,
};
use crate::message::fault::{Code, Fault};

/// The members of a rule that is an object, as the interface names them.
pub const MEMBERS: [&str; 14] = [
    "pattern",
    "interval",
    "days",
    "month_day",
    "rrule",
    "rdates",
    "exdates",
    "cron",
    "mode",
    "from",
    "catch_up",
    "count",
    "until",
    "ahead",
];

/// Reads any form; a rule that names no mode gets `mode`, else the default of its pattern.
pub(super) fn rule(value: &Value, mode: Option<Mode>) -> Result<Option<Rule>, Vec<Fault>> {
    let rule = match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(written(text).map_err(|fault| vec![fault])?),
        Value::Object(members) => return object(members, mode).map(Some),
        _ => return Err(vec![Fault::new("", Code::Invalid, FORMS)]),
    };
    Ok(rule.map(|rule| match mode {
        Some(mode) => rule.with_mode(mode),
        None => rule,
    }))
}

const FORMS: &str =
    "a recurrence is daily, weekly, monthly or yearly, an RRULE, five cron fields, or an object";

/// Whether a text is a shorthand, or is meant as an RRULE or as cron; otherwise it may be English.
pub fn is_notation(text: &str) -> bool {
    shorthand(text).is_some() || is_rrule(text) || is_cron(text)
}

fn shorthand(text: &str) -> Option<Rule> {
    match text.trim().to_ascii_lowercase().as_str() {
        "daily" => Some(Rule::daily(1)),
        "weekly" => Some(Rule::weekly(1, &[])),
        "monthly" => Some(Rule::monthly(1, None)),
        "yearly" => Some(Rule::yearly(1)),
        _ => None,
    }
}

fn is_rrule(text: &str) -> bool {
    let head = text.trim_start().get(..6).unwrap_or("");
    // Every RRULE has FREQ=, and English has no such thing.
    head.eq_ignore_ascii_case("RRULE:")
        || text.as_bytes().windows(5).any(|five| five.eq_ignore_ascii_case(b"FREQ="))
}

fn is_cron(text: &str) -> bool {
    // English has no word of digits and signs at its first two places.
    let numeric =
        |field: &str| field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'*' | b',' | b'-' | b'/'));
    let mut fields = text.split_whitespace();
    fields.next().is_some_and(numeric) && fields.next().is_some_and(numeric) && fields.count() >= 2
}

fn written(text: &str) -> Result<Rule, Fault> {
    if let Some(rule) = shorthand(text) {
        Ok(rule)
    } else if is_rrule(text) {
        Rule::rrule(text)
    } else if is_cron(text) {
        Rule::cron(text)
    } else {
        Err(Fault::new("", Code::Invalid, FORMS))
    }
}

/// The members of an object while it is read, and the faults found so far.
struct Object<'a> {
    members: &'a Map<String, Value>,
    faults: Vec<Fault>,
}

fn object(members: &Map<String, Value>, default: Option<Mode>) -> Result<Rule, Vec<Fault>> {
    let mut object = Object { members, faults: Vec::new() };
    for name in members.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        object.faults.push(Fault::new(
            pointer,
            Code::UnknownField,
            "a recurrence has no such field",
        ));
    }
    let pattern = object.pattern();
    let mode =
        object.choice("mode", &[("completion", Mode::Completion), ("schedule", Mode::Schedule)]);
    let from = object.choice("from", &[("due", From::Due), ("completed", From::Completed)]);
    let catch_up =
        object.choice("catch_up", &[("each", CatchUp::Each), ("latest", CatchUp::Latest)]);
    let count = object.count();
    let until = object.until();
    let ahead = object.ahead();
    let rdates = object.dates("rdates");
    let exdates = object.dates("exdates");
    let Some(pattern) = pattern else { return Err(object.faults) };
    object.fits(&pattern);
    let mut rule = Rule::of(pattern);
    if let Some(mode) = mode.or(default) {
        rule.mode = mode;
    }
    (rule.from, rule.catch_up) = (from.unwrap_or(From::Due), catch_up.unwrap_or(CatchUp::Each));
    (rule.count, rule.until, rule.ahead) = (count, until, ahead);
    (rule.rdates, rule.exdates) = (rdates, exdates);
    if rule.from == From::Completed && rule.mode == Mode::Schedule {
        object.fault("from", Code::Invalid, "from: completed needs mode completion");
    }
    if rule.ahead > 0 && rule.mode == Mode::Completion {
        object.fault("ahead", Code::Invalid, "ahead needs mode schedule");
    }
    if object.faults.is_empty() { Ok(rule) } else { Err(object.faults) }
}

impl<'a> Object<'a> {
    /// A member; null is as if it were absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }

    fn fault(&mut self, name: &str, code: Code, detail: impl Into<String>) {
        self.faults.push(Fault::new(format!("/{name}"), code, detail));
    }

    /// A member that is a text.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.fault(name, Code::Invalid, format!("{name} is a text"));
        }
        text
    }

    /// A member that is a whole number from `least` to `most`.
    fn number(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.get(name)?;
        let number = whole(value);
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(_) => {
                self.fault(name, Code::OutOfRange, format!("{name} is from {least} to {most}"));
                None
            }
            None => {
                self.fault(name, Code::Invalid, format!("{name} is a whole number"));
                None
            }
        }
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?.trim();
        let chosen = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(name, Code::Invalid, format!("{name} is {}", words.join(" or ")));
        }
        chosen.map(|(_, value)| *value)
    }

    fn pattern(&mut self) -> Option<Pattern> {
        let named = match self.text("pattern").map(|text| text.trim().to_ascii_lowercase()) {
            Some(named) => named,
            None if self.get("pattern").is_some() => return None,
            // What else is given says which one is meant.
            None if self.get("rrule").is_some() => "rrule".to_owned(),
            None if self.get("cron").is_some() => "cron".to_owned(),
            None => {
                self.fault(
                    "pattern",
                    Code::Required,
                    "pattern is missing: daily, weekly, monthly, yearly, rrule or cron",
                );
                return None;
            }
        };
        let custom = named == "custom";
        if custom && self.get("cron").is_some() == self.get("interval").is_some() {
            self.fault(
                "pattern",
                Code::Invalid,
                "a custom rule has cron or interval, one of the two",
            );
            return None;
        }
        if named == "rrule" {
            return self.rrule();
        }
        if named == "cron" || (custom && self.get("cron").is_some()) {
            return self.cron();
        }
        let interval = match self.number("interval", 1, i64::from(INTERVAL_MAX)) {
            Some(interval) => interval as u32,
            None if self.get("interval").is_some() => return None,
            None => 1,
        };
        match named.as_str() {
            "daily" | "custom" => Some(Pattern::Daily { interval }),
            "weekly" => Some(Pattern::Weekly { interval, days: self.days()? }),
            "monthly" => Some(Pattern::Monthly { interval, month_day: self.month_day()? }),
            "yearly" => Some(Pattern::Yearly { interval }),
            _ => {
                self.fault(
                    "pattern",
                    Code::Invalid,
                    "pattern is daily, weekly, monthly, yearly, rrule or cron",
                );
                None
            }
        }
    }

    fn rrule(&mut self) -> Option<Pattern> {
        let Some(text) = self.text("rrule") else {
            if self.get("rrule").is_none() {
                self.fault("rrule", Code::Required, "rrule is missing");
            }
            return None;
        };
        match Rrule::parse(text) {
            Ok(rule) => Some(Pattern::Rrule(rule)),
            Err(fault) => {
                self.faults.push(fault.under("/rrule"));
                None
            }
        }
    }

    fn cron(&mut self) -> Option<Pattern> {
        let Some(text) = self.text("cron") else {
            if self.get("cron").is_none() {
                self.fault("cron", Code::Required, "cron is missing");
            }
            return None;
        };
        match Cron::parse(text) {
            Ok(cron) => Some(Pattern::Cron(cron)),
            Err(fault) => {
                self.faults.push(fault.under("/cron"));
                None
            }
        }
    }

    /// `days` as bits; nothing given is no bits.
    fn days(&mut self) -> Option<u8> {
        let Some(value) = self.get("days") else { return Some(0) };
        let Some(names) = value.as_array() else {
            self.fault("days", Code::Invalid, "days is a list such as [\"mon\", \"thu\"]");
            return None;
        };
        let mut bits = 0;
        let before = self.faults.len();
        for (index, name) in names.iter().enumerate() {
            match name.as_str().and_then(weekday) {
                Some(day) => bits |= 1 << day,
                None => self.fault(
                    &format!("days/{index}"),
                    Code::Invalid,
                    "a day is mon, tue, wed, thu, fri, sat or sun",
                ),
            }
        }
        (self.faults.len() == before).then_some(bits)
    }

    fn month_day(&mut self) -> Option<Option<i8>> {
        let Some(value) = self.get("month_day") else { return Some(None) };
        match whole(value) {
            Some(day) if day == -1 || (1..=31).contains(&day) => Some(Some(day as i8)),
            _ => {
                self.fault(
                    "month_day",
                    Code::OutOfRange,
                    "month_day is from 1 to 31, or -1 for the last day",
                );
                None
            }
        }
    }

    fn count(&mut self) -> Option<u32> {
        let value = self.get("count")?;
        let read = match whole(value) {
            Some(number) => count(number),
            None => Err(Fault::new("/count", Code::Invalid, "count is a whole number")),
        };
        read.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn until(&mut self) -> Option<When> {
        let until = When::read(self.text("until")?);
        if until.is_none() {
            self.fault("until", Code::Invalid, "until is a day or a moment, such as 2027-03-31");
        }
        until
    }

    fn ahead(&mut self) -> u32 {
        let Some(text) = self.text("ahead") else { return 0 };
        match duration(text) {
            Some(seconds) if seconds <= AHEAD_SECONDS_MAX => seconds,
            Some(_) => {
                self.fault("ahead", Code::OutOfRange, "ahead is from PT0S to P30D");
                0
            }
            None => {
                self.fault(
                    "ahead",
                    Code::Invalid,
                    "ahead is an ISO 8601 duration such as PT2H or P1D",
                );
                0
            }
        }
    }

    fn dates(&mut self, name: &str) -> Vec<When> {
        let Some(value) = self.get(name) else { return Vec::new() };
        match dates(value, name, DATES_MAX) {
            Ok(dates) => dates,
            Err(faults) => {
                self.faults.extend(faults);
                Vec::new()
            }
        }
    }

    /// Whether what is given belongs to the pattern, and every end is given once.
    fn fits(&mut self, pattern: &Pattern) {
        let foreign: &[&str] = match pattern {
            Pattern::Daily { .. } | Pattern::Yearly { .. } => {
                &["days", "month_day", "rrule", "cron", "rdates", "exdates"]
            }
            Pattern::Weekly { .. } => &["month_day", "rrule", "cron", "rdates", "exdates"],
            Pattern::Monthly { .. } => &["days", "rrule", "cron", "rdates", "exdates"],
            Pattern::Rrule(_) => &["interval", "days", "month_day", "cron"],
            Pattern::Cron(_) => &["interval", "days", "month_day", "rrule", "rdates", "exdates"],
        };
        for name in foreign {
            let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
            if self.get(name).is_some_and(|value| !empty(value)) {
                self.fault(name, Code::Invalid, format!("{name} does not belong to this pattern"));
            }
        }
        if let Pattern::Rrule(rule) = pattern {
            if rule.count.is_some() && self.get("count").is_some() {
                self.fault("count", Code::Conflict, "the RRULE has a COUNT of its own");
            }
            if rule.until.is_some() && self.get("until").is_some() {
                self.fault("until", Code::Conflict, "the RRULE has an UNTIL of its own");
            }
        }
    }
}

/// A list of days and moments, as in `rdates` and `exdates`; faults point at `/name/index`.
pub(super) fn dates(value: &Value, name: &str, most: usize) -> Result<Vec<When>, Vec<Fault>> {
    let fault = |pointer: String, code, detail: &str| vec![Fault::new(pointer, code, detail)];
    let Some(texts) = value.as_array() else {
        return Err(fault(format!("/{name}"), Code::Invalid, "this is a list of days or moments"));
    };
    if texts.len() > most {
        let detail = format!("{name} has at most {most} entries");
        return Err(fault(format!("/{name}"), Code::OutOfRange, &detail));
    }
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            text.as_str().and_then(When::read).ok_or_else(|| {
                fault(
                    format!("/{name}/{index}"),
                    Code::Invalid,
                    "this is neither a day nor a moment",
                )
            })
        })
        .collect()
}

/// A count from 1 to 10,000.
pub(super) fn count(number: i64) -> Result<u32, Fault> {
    u32::try_from(number).ok().filter(|count| (1..=COUNT_MAX).contains(count)).ok_or_else(|| {
        Fault::new("/count", Code::OutOfRange, format!("count is from 1 to {COUNT_MAX}"))
    })
}

/// A whole number; 2.0 is one.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15)?;
        Some(float as i64)
    })
}

/// A weekday by its short or long name, or as RFC 5545 writes it.
fn weekday(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let found = names.iter().position(|name| text.len() >= 2 && name.starts_with(&text))?;
    Some(found as u32)
}

/// The seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds.
fn duration(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_uppercase();
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    let days = units(date, &[('W', 7 * 86_400), ('D', 86_400)])?;
    let seconds = units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    if rest.is_empty() { None } else { days.checked_add(seconds) }
}

/// The sum of numbers with their units, in this order, each at most once.
fn units(mut text: &str, mut units: &[(char, u32)]) -> Option<u32> {
    let mut sum = 0_u32;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..=9).contains(end))?;
        let unit = text[end..].chars().next()?;
        let index = units.iter().position(|(letter, _)| *letter == unit)?;
        sum = sum.checked_add(text[..end].parse::<u32>().ok()?.checked_mul(units[index].1)?)?;
        (text, units) = (&text[end + unit.len_utf8()..], &units[index + 1..]);
    }
    Some(sum)
}
