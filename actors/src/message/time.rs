//! Instants, civil times, and the one place where a civil time becomes an instant.

use std::cmp::Ordering;
use std::fmt;

use chrono::{
    DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, SecondsFormat,
    TimeDelta, TimeZone, Utc,
};
use chrono_tz::{GapInfo, Tz};
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z. Written in JSON as that number; [`fmt::Display`] is RFC 3339
/// in UTC with milliseconds, as the interface shows every `*_at`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The same instant as a date and time in UTC; instants beyond chrono's years are held at its ends.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// This instant moved by `millis`, held at the ends of the number.
    #[must_use]
    pub fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The wall clock of `zone` at this instant.
    pub fn local(self, zone: Tz) -> NaiveDateTime {
        self.utc().with_timezone(&zone).naive_local()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A civil time: a day, or a wall-clock moment (whole seconds). Orders by day, a day before the moments in it.
/// Written `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Local {
    /// A whole day.
    Day(NaiveDate),
    /// A wall-clock moment.
    Moment(NaiveDateTime),
}

impl Local {
    /// The day it falls on.
    pub fn date(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Moment(at) => at.date(),
        }
    }

    /// The moment itself, or the day at `time`.
    pub fn at(self, time: NaiveTime) -> NaiveDateTime {
        match self {
            Self::Day(day) => day.and_time(time),
            Self::Moment(at) => at,
        }
    }

    /// The same kind of civil time (day or moment) on another day.
    #[must_use]
    pub fn on(self, day: NaiveDate) -> Self {
        match self {
            Self::Day(_) => Self::Day(day),
            Self::Moment(at) => Self::Moment(day.and_time(at.time())),
        }
    }
}

impl Ord for Local {
    fn cmp(&self, other: &Self) -> Ordering {
        let time = |local: &Self| match local {
            Self::Day(_) => None,
            Self::Moment(at) => Some(at.time()),
        };
        self.date().cmp(&other.date()).then_with(|| time(self).cmp(&time(other)))
    }
}

impl PartialOrd for Local {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
            Self::Moment(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

impl From<Local> for String {
    fn from(local: Local) -> Self {
        local.to_string()
    }
}

impl TryFrom<String> for Local {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(day) = NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S")
            .map(Self::Moment)
            .map_err(|_| format!("{text:?} is neither a day nor a wall-clock moment"))
    }
}

/// A civil time made an instant: the instant, and the wall clock and offset that hold there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The instant.
    pub utc: DateTime<Utc>,
    /// The wall clock at that instant; differs from what was asked in a gap (02:30 becomes 03:30).
    pub local: NaiveDateTime,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// The instant of a wall-clock time in a zone (RFC 5545 §3.3.5): in a gap the offset before it holds, in a fold the first.
pub fn resolve(local: NaiveDateTime, zone: Tz) -> Resolved {
    let seen = |at: DateTime<Tz>| Resolved {
        utc: at.with_timezone(&Utc),
        local: at.naive_local(),
        offset: at.offset().fix().local_minus_utc(),
    };
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => seen(at),
        MappedLocalTime::None => {
            let before = TimeDelta::seconds(i64::from(offset_before_gap(local, zone)));
            // Beyond the calendar's ends there is no gap, so the subtraction holds; its end is kept otherwise.
            let utc = local.checked_sub_signed(before).unwrap_or(local).and_utc();
            seen(utc.with_timezone(&zone))
        }
    }
}

/// Seconds east of UTC just before the gap that swallows `local`.
fn offset_before_gap(local: NaiveDateTime, zone: Tz) -> i32 {
    GapInfo::new(&local, &zone)
        .and_then(|gap| gap.begin)
        .map_or(0, |(_, offset)| offset.fix().local_minus_utc())
}

#[cfg(test)]
mod tests;
