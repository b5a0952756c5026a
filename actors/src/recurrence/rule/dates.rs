//! Days and moments as rules hold them: read from ISO 8601 and iCalendar forms, laid on a clock when used.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::clock::{Clock, Placed, civil, civil_of, day_of, midnight, moment, number};
use crate::message::time::Local;

/// A day, a wall-clock moment, or a moment of UTC, as written in UNTIL, RDATE, EXDATE and `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// A civil time, in whatever zone the rule is laid on.
    Local(Local),
    /// A wall clock of UTC.
    Utc(NaiveDateTime),
}

/// The end of a rule, inclusive.
pub type Until = When;

/// Bytes of a date and time at most.
const DATE_LEN_MAX: usize = 40;

impl When {
    /// Reads `2026-11-21`, `20261121`, `2026-11-21T09:00:00` (seconds may be missing, a space may stand for the
    /// T), `20261121T090000`, each moment also with a fraction, which is dropped, and with `Z` or an offset.
    /// None for what is no such date, and for years outside 1 to 9999.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_ascii() || text.len() > DATE_LEN_MAX {
            return None;
        }
        let extended = text.as_bytes().get(4) == Some(&b'-');
        let (date, rest) = text.split_at_checked(if extended { 10 } else { 8 })?;
        let date = read_date(date, extended)?;
        if rest.is_empty() {
            return Some(Self::Local(Local::Day(date)));
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let (time, offset) = read_time(rest)?;
        let at = date.and_time(time);
        let Some(offset) = offset else {
            return Some(Self::Local(Local::Moment(at)));
        };
        at.checked_sub_signed(TimeDelta::seconds(offset)).map(Self::Utc)
    }

    /// The civil time in a zone; where there is none, an offset is ignored and the wall clock stands.
    pub fn local(self, zone: Option<Tz>) -> Local {
        match self {
            Self::Local(local) => local,
            Self::Utc(at) => Local::Moment(moment(Clock::of(zone).local(civil(at)))),
        }
    }

    /// Where it lies on a clock; on whole days the day it falls on.
    pub(super) fn placed(self, clock: Clock, whole_days: bool) -> Placed {
        let placed = match self {
            Self::Local(local) => clock.place(civil_of(local)),
            Self::Utc(at) => {
                let key = civil(at);
                Placed { key, local: clock.local(key) }
            }
        };
        if !whole_days {
            return placed;
        }
        let local = match self {
            Self::Local(local) => midnight(number(local.date())),
            Self::Utc(_) => midnight(day_of(placed.local)),
        };
        Placed { key: local, local }
    }

    /// Written as the interface writes it: `2026-11-21`, `2026-11-21T09:00:00`, the same with `Z`.
    pub fn extended(self) -> String {
        match self {
            Self::Local(local) => local.to_string(),
            Self::Utc(at) => format!("{}Z", Local::Moment(at)),
        }
    }

    /// Written as iCalendar writes it: `20261121`, `20261121T090000`, the same with `Z`.
    pub fn basic(self) -> String {
        match self {
            Self::Local(Local::Day(day)) => day.format("%Y%m%d").to_string(),
            Self::Local(Local::Moment(at)) => at.format("%Y%m%dT%H%M%S").to_string(),
            Self::Utc(at) => at.format("%Y%m%dT%H%M%SZ").to_string(),
        }
    }
}

/// The number in a run of digits, of which there are few.
fn read_number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn read_date(text: &str, extended: bool) -> Option<NaiveDate> {
    let (year, month, day) = if extended {
        if text.as_bytes().get(7) != Some(&b'-') {
            return None;
        }
        (text.get(..4)?, text.get(5..7)?, text.get(8..)?)
    } else {
        (text.get(..4)?, text.get(4..6)?, text.get(6..)?)
    };
    let year = i32::try_from(read_number(year)?).ok().filter(|year| *year >= 1)?;
    NaiveDate::from_ymd_opt(year, read_number(month)?, read_number(day)?)
}

/// A time, and the seconds east of UTC if it names them.
fn read_time(text: &str) -> Option<(NaiveTime, Option<i64>)> {
    let end = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (time, offset) = text.split_at(end);
    let (time, fraction) = match time.split_once(['.', ',']) {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    if fraction.is_some_and(|digits| read_number(&digits[..digits.len().min(9)]).is_none()) {
        return None;
    }
    let digits = time.replace(':', "");
    let well_formed = match time.len() {
        4 | 6 => digits.len() == time.len(),
        5 => time.find(':') == Some(2) && digits.len() == 4,
        8 => digits.len() == 6 && time.get(2..3) == Some(":") && time.get(5..6) == Some(":"),
        _ => false,
    };
    if !well_formed {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), read_number);
    // A leap second is taken as the second before it, as POSIX clocks show it.
    let seconds = if digits.len() == 6 { part(4..6)?.min(59) } else { 0 };
    let named = if digits.len() == 6 { part(4..6)? } else { 0 };
    let time = NaiveTime::from_hms_opt(part(0..2)?, part(2..4)?, seconds)?;
    if named > 60 || (named == 60 && time.minute() != 59) {
        return None;
    }
    let offset = match offset {
        "" => None,
        "Z" | "z" => Some(0),
        _ => {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let digits = match offset.len() {
                6 if offset.get(3..4) == Some(":") => format!("{}{}", &offset[1..3], &offset[4..]),
                5 => offset[1..].to_owned(),
                _ => return None,
            };
            let (hours, minutes) = (read_number(digits.get(..2)?)?, read_number(digits.get(2..)?)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            Some(sign * i64::from(hours * 3_600 + minutes * 60))
        }
    };
    Some((time, offset))
}

/// A moment as its date and time with an offset, for callers that hold instants.
impl From<DateTime<chrono::Utc>> for When {
    fn from(at: DateTime<chrono::Utc>) -> Self {
        Self::Utc(at.naive_utc())
    }
}
