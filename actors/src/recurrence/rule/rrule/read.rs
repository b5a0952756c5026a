//! Reads RRULE text strictly: every part known, given once, within its bounds, and allowed beside the others.

use super::{Freq, Rrule, WEEKDAYS};
use crate::message::fault::{Code, Fault};
use crate::recurrence::rule::dates::Until;

/// Values of one part at most; BYYEARDAY has no more than these.
const VALUES_MAX: usize = 732;

/// The rule in `text`, which is in upper case and without `RRULE:`.
pub(super) fn rule(text: &str) -> Result<Rrule, Fault> {
    let mut rule = Rrule::new(Freq::Yearly, 1);
    let mut seen: Vec<&str> = Vec::new();
    // One semicolon at the end is common in the wild and says nothing.
    for part in text.strip_suffix(';').unwrap_or(text).split(';') {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| invalid(format!("{} is not NAME=value", shown(part))))?;
        if seen.contains(&name) {
            return Err(invalid(format!("{} is given twice", shown(name))));
        }
        set(&mut rule, name, value)?;
        seen.push(name);
    }
    if !seen.contains(&"FREQ") {
        return Err(invalid("an RRULE needs FREQ"));
    }
    allowed(&rule)?;
    Ok(rule)
}

fn set(rule: &mut Rrule, name: &str, value: &str) -> Result<(), Fault> {
    match name {
        "FREQ" => {
            rule.freq = Freq::NAMES
                .iter()
                .find(|(known, _)| *known == value)
                .map(|(_, freq)| *freq)
                .ok_or_else(|| invalid(format!("FREQ={} is not a frequency", shown(value))))?;
        }
        "INTERVAL" => rule.interval = positive(name, value)?,
        "COUNT" => rule.count = Some(positive(name, value)?),
        "UNTIL" => {
            let until = Until::read(value);
            rule.until = Some(until.ok_or_else(|| {
                invalid(format!("UNTIL={} is not a day or moment", shown(value)))
            })?);
        }
        "BYSECOND" => rule.seconds = numbers(name, value, 0, 60)?,
        "BYMINUTE" => rule.minutes = numbers(name, value, 0, 59)?,
        "BYHOUR" => rule.hours = numbers(name, value, 0, 23)?,
        "BYDAY" => rule.days = list(name, value, weekday)?,
        "BYMONTHDAY" => rule.month_days = signed(name, value, 31)?,
        "BYYEARDAY" => rule.year_days = signed(name, value, 366)?,
        "BYWEEKNO" => rule.week_numbers = signed(name, value, 53)?,
        "BYMONTH" => rule.months = numbers(name, value, 1, 12)?,
        "BYSETPOS" => rule.positions = signed(name, value, 366)?,
        "WKST" => {
            rule.week_start = weekday_named(value)
                .ok_or_else(|| invalid(format!("WKST={} is not a weekday", shown(value))))?;
        }
        _ => {
            return Err(Fault::new(
                "",
                Code::UnknownField,
                format!("{} is not a part of an RRULE", shown(name)),
            ));
        }
    }
    Ok(())
}

/// What RFC 5545 §3.3.10 forbids.
fn allowed(rule: &Rrule) -> Result<(), Fault> {
    use Freq::{Daily, Monthly, Weekly, Yearly};
    let freq = rule.freq;
    let name = freq.name();
    if rule.count.is_some() && rule.until.is_some() {
        return Err(Fault::new("", Code::Conflict, "an RRULE has COUNT or UNTIL, not both"));
    }
    if !rule.week_numbers.is_empty() && freq != Yearly {
        return Err(invalid(format!("BYWEEKNO needs FREQ=YEARLY, not {name}")));
    }
    if !rule.year_days.is_empty() && matches!(freq, Daily | Weekly | Monthly) {
        return Err(invalid(format!("BYYEARDAY cannot be used with FREQ={name}")));
    }
    if !rule.month_days.is_empty() && freq == Weekly {
        return Err(invalid("BYMONTHDAY cannot be used with FREQ=WEEKLY"));
    }
    if rule.days.iter().any(|(n, _)| *n != 0) {
        if !matches!(freq, Monthly | Yearly) {
            return Err(invalid(format!("a numbered BYDAY cannot be used with FREQ={name}")));
        }
        if !rule.week_numbers.is_empty() {
            return Err(invalid("a numbered BYDAY cannot be used with BYWEEKNO"));
        }
    }
    let others = [
        rule.seconds.is_empty(),
        rule.minutes.is_empty(),
        rule.hours.is_empty(),
        rule.days.is_empty(),
        rule.month_days.is_empty(),
        rule.year_days.is_empty(),
        rule.week_numbers.is_empty(),
        rule.months.is_empty(),
    ];
    if !rule.positions.is_empty() && others.iter().all(|empty| *empty) {
        return Err(invalid("BYSETPOS needs another BY part to pick from"));
    }
    Ok(())
}

/// A comma list, ascending and without repetition.
fn list<T: Ord>(
    name: &str,
    value: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Fault> {
    let mut values = Vec::new();
    for one in value.split(',') {
        values.push(read(one).ok_or_else(|| {
            Fault::new("", Code::OutOfRange, format!("{name} cannot hold {}", shown(one)))
        })?);
    }
    if values.len() > VALUES_MAX {
        return Err(invalid(format!("{name} has more than {VALUES_MAX} values")));
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// Numbers from `least` to `most`, without a sign.
fn numbers(name: &str, value: &str, least: u8, most: u8) -> Result<Vec<u8>, Fault> {
    list(name, value, |one| {
        digits(one)?.parse().ok().filter(|number| (least..=most).contains(number))
    })
}

/// Numbers from 1 to `most`, and as many below zero.
fn signed<T>(name: &str, value: &str, most: i16) -> Result<Vec<T>, Fault>
where
    T: Ord + TryFrom<i16>,
{
    list(name, value, |one| T::try_from(ordinal(one, most)?).ok())
}

/// A number from 1 to `most` with an optional sign.
fn ordinal(text: &str, most: i16) -> Option<i16> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let number: i16 = digits(rest)?.parse().ok()?;
    (1..=most).contains(&number).then_some(sign * number)
}

/// `MO`, `1MO`, `-2FR`.
fn weekday(text: &str) -> Option<(i8, u32)> {
    let split = text.len().checked_sub(2)?;
    let (number, day) = (text.get(..split)?, text.get(split..)?);
    let n = if number.is_empty() { 0 } else { i8::try_from(ordinal(number, 53)?).ok()? };
    Some((n, weekday_named(day)?))
}

fn weekday_named(text: &str) -> Option<u32> {
    // Seven names fit.
    WEEKDAYS.iter().position(|day| *day == text).map(|index| index as u32)
}

/// A whole number of at least 1; one too long for the numbers is held at their end, beyond every calendar.
fn positive(name: &str, value: &str) -> Result<u64, Fault> {
    match digits(value).map(|digits| digits.parse::<u64>().unwrap_or(u64::MAX)) {
        None => Err(invalid(format!("{name}={} is not a whole number", shown(value)))),
        Some(0) => {
            Err(Fault::new("", Code::OutOfRange, format!("{name} must be at least 1, not 0")))
        }
        Some(number) => Ok(number),
    }
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new("", Code::Invalid, detail)
}

/// A piece of input as a message shows it: short, and quoted.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}
