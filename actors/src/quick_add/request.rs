//! `POST /api/v1/parse`: the request checked, the answer written.

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::{QuickAdd, in_utc, quick_add};
use crate::message::fault::{Code, Fault};
use crate::message::time::{Local, Timestamp, resolve};
use crate::recurrence::rule::Rule;

/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 1_000;

/// Answers a parse request: `{text, now?, zone?}`. A fault at `/zone` is the problem `invalid-zone`, others `invalid`.
pub fn parse(request: &Value, now: Timestamp, zone: Tz) -> Result<Value, Vec<Fault>> {
    let Some(fields) = request.as_object() else {
        return Err(vec![Fault::new("", Code::Invalid, "The body must be a JSON object.")]);
    };
    let mut faults = Vec::new();
    for name in fields.keys().filter(|name| !["text", "now", "zone"].contains(&name.as_str())) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let detail = format!("There is no field {name}; send text, now and zone.");
        faults.push(Fault::new(pointer, Code::UnknownField, detail));
    }
    let zone = take(&mut faults, zone_in(fields, zone));
    let now = zone.and_then(|zone| take(&mut faults, now_in(fields, now, zone)));
    let text = take(&mut faults, text_in(fields));
    match (text, now, zone) {
        (Some(text), Some(now), Some(zone)) if faults.is_empty() => {
            Ok(answer(&quick_add(text, now, zone), now, zone))
        }
        _ => Err(faults),
    }
}

fn take<T>(faults: &mut Vec<Fault>, read: Result<T, Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn text_in(fields: &Map<String, Value>) -> Result<&str, Fault> {
    let fault = |code, detail| Err(Fault::new("/text", code, detail));
    match fields.get("text") {
        None | Some(Value::Null) => fault(Code::Required, "Give the text to read."),
        Some(Value::String(text)) => {
            // Lengths count after normalization; more than that many bytes four times over is too long in any form.
            match text.trim().nfc().take(TEXT_CHARS_MAX + 1).count() {
                0 => fault(Code::TooShort, "Give at least one character."),
                n if n > TEXT_CHARS_MAX => fault(Code::TooLong, "Give at most 1,000 characters."),
                _ => Ok(text),
            }
        }
        Some(_) => fault(Code::Invalid, "The text must be a string."),
    }
}

fn zone_in(fields: &Map<String, Value>, default: Tz) -> Result<Tz, Fault> {
    let fault = |detail: String| Err(Fault::new("/zone", Code::Invalid, detail));
    match fields.get("zone") {
        None | Some(Value::Null) => Ok(default),
        Some(Value::String(name)) if name.is_empty() => Ok(default),
        Some(Value::String(name)) => match name.parse() {
            Ok(zone) => Ok(zone),
            Err(_) => fault(format!("{name:?} is no IANA zone; give one such as Europe/Berlin.")),
        },
        Some(_) => fault("The zone must be a string such as Europe/Berlin.".to_owned()),
    }
}

fn now_in(fields: &Map<String, Value>, default: Timestamp, zone: Tz) -> Result<Timestamp, Fault> {
    let fault =
        |code| Err(Fault::new("/now", code, "Give now as RFC 3339, such as 2027-03-01T14:00:00Z."));
    match fields.get("now") {
        None | Some(Value::Null) => Ok(default),
        Some(Value::String(text)) if text.is_empty() => Ok(default),
        Some(Value::String(text)) => match instant(text.trim(), zone) {
            Some(at) if (1..=9_999).contains(&at.year()) => Ok(at.into()),
            Some(_) => fault(Code::OutOfRange),
            None => fault(Code::Invalid),
        },
        Some(_) => fault(Code::Invalid),
    }
}

/// RFC 3339; without an offset local in the zone.
fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|local| resolve(local, zone).utc)
}

fn answer(quick: &QuickAdd, now: Timestamp, zone: Tz) -> Value {
    let spans: Vec<Value> = quick
        .spans
        .iter()
        .map(|span| {
            json!({
                "kind": span.kind.name(), "start": span.start, "end": span.end, "text": span.text,
            })
        })
        .collect();
    json!({
        "title": quick.title,
        "due_date": quick.due.map(|due| written(due, quick.due_at, zone)),
        "recurrence": quick.recurrence.as_ref().map(whole),
        "tags": quick.tags,
        "priority": quick.priority,
        "reminders": quick.reminders,
        "spans": spans,
        "zone": zone.name(),
        "now": in_utc(now.utc()),
    })
}

/// The rule as tasks show it, with the members that have their default.
fn whole(rule: &Value) -> Value {
    match Rule::read(rule) {
        Ok(Some(read)) => read.write(),
        _ => rule.clone(),
    }
}

/// A day, or a moment with the zone's offset; `Z` in UTC.
fn written(due: Local, at: Option<DateTime<Utc>>, zone: Tz) -> String {
    let Some(at) = at else { return due.date().format("%Y-%m-%d").to_string() };
    let utc = matches!(zone, Tz::UTC | Tz::Etc__UTC | Tz::Etc__UCT | Tz::Etc__Zulu | Tz::Zulu);
    let local = zone.from_utc_datetime(&at.naive_utc());
    let text = local.format("%Y-%m-%dT%H:%M:%S");
    if utc {
        return format!("{text}Z");
    }
    let seconds = local.offset().fix().local_minus_utc();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
