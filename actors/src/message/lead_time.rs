//! How long before its due date a task reminds: `30min`, `1d`, `PT2H30M`.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::time::resolve;

const MINUTE_SECS: i64 = 60;
const HOUR_SECS: i64 = 60 * MINUTE_SECS;
const DAY_SECS: i64 = 24 * HOUR_SECS;
const LEAD_SECS_MIN: i64 = MINUTE_SECS;
const LEAD_SECS_MAX: i64 = 365 * DAY_SECS;

/// A time from one minute to 365 days before a due date. Reads `15min 30min 1h 1d`, any such count of minutes, hours,
/// days or weeks (`45m`, `2hr`, `3days`), and ISO 8601; writes the four names, else ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LeadTime(i64);

/// Why a text is no lead time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeadTimeError {
    /// Neither a count with a unit nor an ISO 8601 duration of weeks, days, hours, minutes and seconds.
    #[error("give a lead time as 15min, 30min, 1h, 1d, or an ISO 8601 duration such as PT2H30M")]
    Unreadable,
    /// A duration, but shorter than a minute or longer than 365 days.
    #[error("a lead time is between PT1M and P365D")]
    OutOfRange,
}

impl LeadTime {
    /// A lead time of this length; fractions of a second are dropped.
    pub fn new(length: TimeDelta) -> Result<Self, LeadTimeError> {
        let secs = length.num_seconds();
        if (LEAD_SECS_MIN..=LEAD_SECS_MAX).contains(&secs) {
            Ok(Self(secs))
        } else {
            Err(LeadTimeError::OutOfRange)
        }
    }

    /// Reads one of the names, a count with a unit, or ISO 8601, in any case.
    pub fn parse(text: &str) -> Result<Self, LeadTimeError> {
        let low = text.trim().to_ascii_lowercase();
        let secs = match low.strip_prefix('p') {
            Some(rest) => iso_secs(rest)?,
            None => counted_secs(&low)?,
        };
        Self::new(TimeDelta::try_seconds(secs).ok_or(LeadTimeError::OutOfRange)?)
    }

    /// The length as elapsed time.
    pub fn delta(self) -> TimeDelta {
        TimeDelta::seconds(self.0)
    }

    /// The number of days, if it is a whole one: such a lead keeps the wall clock over a clock change.
    pub fn whole_days(self) -> Option<i64> {
        (self.0 % DAY_SECS == 0).then_some(self.0 / DAY_SECS)
    }

    /// The instant that lies this long before a wall-clock time: whole days on the calendar, all else as elapsed time.
    pub fn before(self, due: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
        match self.whole_days() {
            Some(_) => resolve(due - self.delta(), zone).utc,
            None => resolve(due, zone).utc - self.delta(),
        }
    }
}

/// Seconds of `15min`, `1 hour`, `2d`.
fn counted_secs(low: &str) -> Result<i64, LeadTimeError> {
    let cut = low.find(|c: char| !c.is_ascii_digit()).ok_or(LeadTimeError::Unreadable)?;
    let (count, unit) = low.split_at(cut);
    let unit_secs = match unit.trim_start() {
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE_SECS,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR_SECS,
        "d" | "day" | "days" => DAY_SECS,
        "w" | "week" | "weeks" => 7 * DAY_SECS,
        _ => return Err(LeadTimeError::Unreadable),
    };
    if count.is_empty() {
        return Err(LeadTimeError::Unreadable);
    }
    let count: i64 = count.parse().map_err(|_| LeadTimeError::OutOfRange)?;
    count.checked_mul(unit_secs).ok_or(LeadTimeError::OutOfRange)
}

/// Seconds of what follows the `P`. Years and months are refused: they have no length until a date is known.
fn iso_secs(rest: &str) -> Result<i64, LeadTimeError> {
    let (days, clock) = match rest.split_once('t') {
        Some((_, "")) => return Err(LeadTimeError::Unreadable),
        Some(parts) => parts,
        None => (rest, ""),
    };
    let date_units = [('w', 7 * DAY_SECS), ('d', DAY_SECS)];
    let clock_units = [('h', HOUR_SECS), ('m', MINUTE_SECS), ('s', 1)];
    let mut total = 0_i64;
    let mut fraction = false;
    for (part, units) in [(days, &date_units[..]), (clock, &clock_units[..])] {
        total = total
            .checked_add(component_secs(part, units, &mut fraction)?)
            .ok_or(LeadTimeError::OutOfRange)?;
    }
    if rest.is_empty() { Err(LeadTimeError::Unreadable) } else { Ok(total) }
}

/// Sums `1h30m` in the order of `units`, each at most once; only the very last number may have a fraction.
fn component_secs(
    mut part: &str,
    units: &[(char, i64)],
    fraction: &mut bool,
) -> Result<i64, LeadTimeError> {
    let mut total = 0_i64;
    let mut units = units.iter();
    while !part.is_empty() {
        let cut = part
            .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')
            .ok_or(LeadTimeError::Unreadable)?;
        let (number, tail) = part.split_at(cut);
        let letter = tail.chars().next().ok_or(LeadTimeError::Unreadable)?;
        let unit = units.find(|(name, _)| *name == letter).ok_or(LeadTimeError::Unreadable)?.1;
        if *fraction || number.is_empty() {
            return Err(LeadTimeError::Unreadable);
        }
        let secs = scaled(number, unit, fraction)?;
        total = total.checked_add(secs).ok_or(LeadTimeError::OutOfRange)?;
        part = &tail[letter.len_utf8()..];
    }
    Ok(total)
}

/// `number` times `unit`, where `1.5` is a fraction that must come out at whole seconds.
fn scaled(number: &str, unit: i64, fraction: &mut bool) -> Result<i64, LeadTimeError> {
    let (whole, part) = match number.split_once(['.', ',']) {
        None => (number, ""),
        Some((whole, part)) => {
            *fraction = true;
            if part.is_empty() || part.len() > 6 {
                return Err(LeadTimeError::Unreadable);
            }
            (whole, part)
        }
    };
    if whole.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(LeadTimeError::Unreadable);
    }
    let whole: i64 = whole.parse().map_err(|_| LeadTimeError::OutOfRange)?;
    let mut secs = whole.checked_mul(unit).ok_or(LeadTimeError::OutOfRange)?;
    if !part.is_empty() {
        let scale = 10_i64.pow(u32::try_from(part.len()).expect("six digits at most"));
        let top = part.parse::<i64>().map_err(|_| LeadTimeError::Unreadable)? * unit;
        if top % scale != 0 {
            return Err(LeadTimeError::Unreadable);
        }
        secs = secs.checked_add(top / scale).ok_or(LeadTimeError::OutOfRange)?;
    }
    Ok(secs)
}

impl fmt::Display for LeadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            900 => return f.write_str("15min"),
            1_800 => return f.write_str("30min"),
            HOUR_SECS => return f.write_str("1h"),
            DAY_SECS => return f.write_str("1d"),
            _ => {}
        }
        if let Some(days) = self.whole_days() {
            return write!(f, "P{days}D");
        }
        f.write_str("PT")?;
        let parts = [
            (self.0 / HOUR_SECS, 'H'),
            (self.0 % HOUR_SECS / MINUTE_SECS, 'M'),
            (self.0 % MINUTE_SECS, 'S'),
        ];
        for (count, letter) in parts {
            if count > 0 {
                write!(f, "{count}{letter}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for LeadTime {
    type Err = LeadTimeError;

    fn from_str(text: &str) -> Result<Self, LeadTimeError> {
        Self::parse(text)
    }
}

impl From<LeadTime> for String {
    fn from(lead: LeadTime) -> Self {
        lead.to_string()
    }
}

impl TryFrom<String> for LeadTime {
    type Error = LeadTimeError;

    fn try_from(text: String) -> Result<Self, LeadTimeError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_counts_and_iso_durations_are_read_and_written_in_one_form() {
        let rows = "15min=15min 30min=30min 1h=1h 1d=1d 15m=15min 30m=30min 1hr=1h 1hour=1h 1day=1d \
            PT15M=15min PT1H=1h PT60M=1h P1D=1d PT24H=1d PT48H=P2D P1W=P7D PT36H=PT36H PT90M=PT1H30M PT1M=PT1M \
            P365D=P365D PT90S=PT1M30S 45min=PT45M 2h=PT2H pt1.5h=PT1H30M PT0,5H=30min P1DT12H=PT36H 2weeks=P14D";
        for row in rows.split_whitespace() {
            let (text, written) = row.split_once('=').unwrap();
            let lead = LeadTime::parse(text).unwrap();
            assert_eq!(lead.to_string(), written, "{text}");
            assert_eq!(LeadTime::parse(written), Ok(lead), "{written}");
        }
    }

    #[test]
    fn what_is_no_lead_time_is_refused() {
        use LeadTimeError::{OutOfRange, Unreadable};
        for text in "banana h 15 P PT P1M P1Y 1month -PT15M P1H PT1D PT1.5H30M PT1M1H PT.5H PT1.H 1.5h PT0.001S PT15MX"
            .split(' ')
        {
            assert_eq!(LeadTime::parse(text), Err(Unreadable), "{text}");
        }
        for text in "PT0S PT59S 0m P366D 366d PT9999999H 99999999999999999999h P99999999999999999999D 9223372036854775807w"
            .split(' ')
        {
            assert_eq!(LeadTime::parse(text), Err(OutOfRange), "{text}");
        }
        assert_eq!(LeadTime::parse(""), Err(Unreadable));
    }

    #[test]
    fn whole_days_keep_the_wall_clock_and_hours_elapse() {
        let zone = chrono_tz::Europe::Berlin;
        let due = "2026-03-29T09:00:00".parse().unwrap();
        let at = |lead: &str| LeadTime::parse(lead).unwrap().before(due, zone).to_rfc3339();
        assert_eq!(at("1d"), "2026-03-28T08:00:00+00:00");
        assert_eq!(at("PT23H"), "2026-03-28T08:00:00+00:00");
        assert_eq!(at("PT25H"), "2026-03-28T06:00:00+00:00");
    }
}
