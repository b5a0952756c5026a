//! How single values are read, from JSON and from text.

use actors::message::{
    fault::Code,
    lead_time::{LeadTime, LeadTimeError},
    task::{
        Priority, Status,
        command::{TaskRef, When},
    },
    text::{DESCRIPTION_CHARS_MAX, Description, TAG_CHARS_MAX, TITLE_CHARS_MAX, Tag, Title},
    time::Local,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::Unread;

/// How long a text is: lengths count after NFC and trimming.
pub(crate) fn chars(text: &str) -> usize {
    text.trim().nfc().count()
}

/// Characters of a caller's text that are shown back to them.
const QUOTED_CHARS_MAX: usize = 40;

/// Whether a value stands for nothing: null or `""`.
pub(crate) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// A caller's text as it is shown back to them: quoted, cut, without control characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String =
        text.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

fn invalid<T>(detail: impl Into<String>) -> Result<T, Unread> {
    Err((Code::Invalid, detail.into()))
}

/// A text.
pub(crate) fn text(value: &Value) -> Result<&str, Unread> {
    value.as_str().ok_or_else(|| (Code::Invalid, "This must be a text.".to_owned()))
}

/// True or false.
pub(crate) fn boolean(value: &Value) -> Result<bool, Unread> {
    value.as_bool().ok_or_else(|| (Code::Invalid, "This must be true or false.".to_owned()))
}

/// A whole number in a range.
pub(crate) fn integer(value: &Value, least: i64, most: i64) -> Result<i64, Unread> {
    let whole = value.as_i64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
        float.map(|float| float as i64)
    });
    match whole {
        Some(n) if (least..=most).contains(&n) => Ok(n),
        None if !value.is_number() => invalid("This must be a whole number."),
        None if value.as_f64().is_some_and(|float| float.fract() != 0.0) => {
            invalid("This must be a whole number.")
        }
        _ => Err((Code::OutOfRange, format!("This must be from {least} to {most}."))),
    }
}

/// A title.
pub(crate) fn title(value: &Value) -> Result<Title, Unread> {
    Title::parse(text(value)?).map_err(|code| {
        let why = match code {
            Code::TooShort => "The title must not be empty.".to_owned(),
            Code::TooLong => format!("The title has more than {TITLE_CHARS_MAX} characters."),
            _ => "The title must not hold control characters.".to_owned(),
        };
        (code, why)
    })
}

/// A description; `None` for an empty one.
pub(crate) fn description(value: &Value) -> Result<Option<Description>, Unread> {
    Description::parse(text(value)?).map_err(|code| {
        let why = match code {
            Code::TooLong => {
                format!("The description has more than {DESCRIPTION_CHARS_MAX} characters.")
            }
            _ => "Of control characters a description may hold only \\n and \\t.".to_owned(),
        };
        (code, why)
    })
}

/// A tag.
pub(crate) fn tag(text: &str) -> Result<Tag, Unread> {
    Tag::parse(text).map_err(|code| {
        let why = match code {
            Code::TooShort => "A tag must not be empty.".to_owned(),
            Code::TooLong => format!("A tag has at most {TAG_CHARS_MAX} characters."),
            _ => "A tag is made of letters, digits, _, - and /.".to_owned(),
        };
        (code, why)
    })
}

/// One of the four states, also in the words of other systems.
pub(crate) fn status(text: &str) -> Result<Status, Unread> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "pending" | "todo" => Status::Pending,
        "in_progress" | "inprogress" | "doing" => Status::InProgress,
        "completed" | "done" => Status::Completed,
        "cancelled" | "canceled" => Status::Cancelled,
        _ => return invalid("The status is one of pending, in_progress, completed, cancelled."),
    })
}

/// A priority, also in the words of other systems; `None` for `none`.
pub(crate) fn priority(text: &str) -> Result<Option<Priority>, Unread> {
    Ok(Some(match text.to_ascii_lowercase().as_str() {
        "urgent" | "critical" | "p1" => Priority::Urgent,
        "high" | "p2" => Priority::High,
        "medium" | "normal" | "p3" => Priority::Medium,
        "low" | "p4" => Priority::Low,
        "none" => return Ok(None),
        _ => return invalid("The priority is one of urgent, high, medium, low, or null."),
    }))
}

/// A zone.
pub(crate) fn zone(text: &str) -> Result<Tz, Unread> {
    text.parse()
        .or_else(|_| invalid(format!("{} is no IANA zone such as Europe/Berlin.", quoted(text))))
}

/// A lead time.
pub(crate) fn lead_time(text: &str) -> Result<LeadTime, Unread> {
    LeadTime::parse(text).map_err(|error| match error {
        LeadTimeError::OutOfRange => {
            (Code::OutOfRange, "A lead time is from PT1M to P365D.".to_owned())
        }
        LeadTimeError::Unreadable => {
            let why = "The lead time is 15min, 30min, 1h, 1d or a duration from PT1M to P365D.";
            (Code::Invalid, why.to_owned())
        }
    })
}

/// A task by id or number, as it stands in a path; `None` for what can be neither.
pub(crate) fn task_ref(text: &str) -> Option<TaskRef> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(TaskRef::Number);
    }
    id(text).map(TaskRef::Id)
}

/// A task by id or number, as it stands in a body.
pub(crate) fn task_ref_value(value: &Value) -> Option<TaskRef> {
    value.as_u64().map(TaskRef::Number).or_else(|| task_ref(value.as_str()?))
}

/// An id: a UUID in the usual form, in any case.
pub(crate) fn id(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// A day `YYYY-MM-DD`.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        let digits = &bytes[range];
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    };
    let year = number(0..4).filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year as i32, number(5..7)?, number(8..10)?)
}

/// A wall clock `HH:MM[:SS[.fraction]]` and what follows it.
fn clock(text: &str) -> Option<(NaiveTime, &str)> {
    let two = |at: usize| {
        let digits = text.as_bytes().get(at..at + 2)?;
        let fine = digits.iter().all(u8::is_ascii_digit);
        fine.then(|| u32::from(digits[0] - b'0') * 10 + u32::from(digits[1] - b'0'))
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    if byte(2) != Some(b':') {
        return None;
    }
    let mut end = 5;
    let mut seconds = 0;
    if byte(5) == Some(b':') {
        seconds = two(6)?;
        end = 8;
        if matches!(byte(8), Some(b'.' | b',')) {
            let digits = text.bytes().skip(9).take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            end = 9 + digits;
        }
    }
    Some((NaiveTime::from_hms_opt(two(0)?, two(3)?, seconds)?, text.get(end..)?))
}

/// Seconds east of UTC: `Z`, `+01:00`, `-0330`, `+01`.
fn offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.strip_prefix(['+', '-'])?;
    let number = |part: Option<&str>| {
        part.filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|part| part.parse::<i32>().ok())
    };
    let hours = number(digits.get(0..2)).filter(|hours| *hours < 24)?;
    let minutes = match digits.len() {
        2 => 0,
        4 => number(digits.get(2..4))?,
        5 if digits.as_bytes()[2] == b':' => number(digits.get(3..5))?,
        _ => return None,
    };
    (minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A day, a wall-clock moment, or an instant: what came decides.
pub(crate) fn when(text: &str) -> Result<When, Unread> {
    let trimmed = text.trim();
    if let Some(day) = day(trimmed) {
        return Ok(When::Local(Local::Day(day)));
    }
    moment(trimmed).ok_or_else(|| {
        let why = format!(
            "{} is neither a day such as 2026-11-21 nor a moment such as 2026-11-21T09:00:00Z.",
            quoted(text)
        );
        (Code::Invalid, why)
    })
}

/// A wall-clock moment or an instant; fractions of a second are dropped.
fn moment(text: &str) -> Option<When> {
    let day = day(text.get(..10)?)?;
    let rest = text.get(10..)?;
    let (time, zone) = clock(rest.strip_prefix(['T', 't', ' '])?)?;
    let local = day.and_time(time);
    if zone.is_empty() {
        return Some(When::Local(Local::Moment(local)));
    }
    let utc = (local - TimeDelta::seconds(i64::from(offset(zone.trim_start())?))).and_utc();
    is_writable(utc).then_some(When::Instant(utc))
}

/// Whether every zone writes an instant with a year of four digits.
fn is_writable(utc: DateTime<Utc>) -> bool {
    let day = TimeDelta::days(1);
    (utc - day).year() >= 1 && (utc + day).year() <= 9999
}

/// A moment with milliseconds (`remind_at`, `*_at`): an instant, or a wall clock in a zone to come.
pub(crate) fn precise(text: &str) -> Result<When, Unread> {
    let read = when(text)?;
    let fraction = text.split_once(['.', ',']).map_or(0, |(_, rest)| millis(rest));
    Ok(match read {
        When::Instant(at) => When::Instant(at + TimeDelta::milliseconds(fraction)),
        When::Local(Local::Moment(at)) => {
            let nanos = u32::try_from(fraction * 1_000_000).unwrap_or_default();
            When::Local(Local::Moment(at.with_nanosecond(nanos).unwrap_or(at)))
        }
        When::Local(Local::Day(_)) => {
            return invalid("This must be a moment such as 2026-11-21T09:00:00Z, not a day.");
        }
    })
}

/// The milliseconds of the digits after the point; finer ones are dropped.
fn millis(digits: &str) -> i64 {
    let digit = |at: usize| {
        let byte = digits.as_bytes().get(at).copied().filter(u8::is_ascii_digit);
        byte.map(|byte| i64::from(byte - b'0'))
    };
    let mut sum = 0;
    for (at, weight) in [100, 10, 1].into_iter().enumerate() {
        let Some(digit) = digit(at) else { break };
        sum += digit * weight;
    }
    sum
}

/// A time of day `HH:MM`.
pub(crate) fn time_of_day(text: &str) -> Result<NaiveTime, Unread> {
    match clock(text) {
        Some((time, "")) if text.len() == 5 => Ok(time),
        _ => invalid("This must be a time of day such as 09:00."),
    }
}
