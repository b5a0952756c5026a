//! Civil seconds, days and the clock of a zone: the only place where the engine meets time zones.
//!
//! The engine counts in whole numbers: a *civil second* is the wall clock read as if it were UTC, a
//! *key* is the second that orders occurrences (the instant where there is a zone, else the civil
//! second), and a *day* is chrono's number of days from the common era, so that day 1 is a Monday.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::message::time::{Local, resolve};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// The first civil second after the calendar: 10000-01-01T00:00:00. Rules end there, because dates are
/// written with four digits of year.
pub(super) const END: i64 = 253_402_300_800;

/// Days from the common era to 1970-01-01.
const EPOCH_DAY: i32 = 719_163;

/// The year in which the zone data have no change left; from here on every offset stands.
pub(super) const CHANGES_END: i64 = 4_133_980_800;

/// The clock that rules are laid on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    /// No zone: the wall clock is all there is.
    Floating,
    /// The wall clock of a zone, gaps and folds included.
    Zoned(Tz),
}

/// An occurrence on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed {
    /// What orders it: its instant, or its civil second where there is no zone.
    pub key: i64,
    /// The wall clock then, as a civil second.
    pub local: i64,
}

impl Clock {
    /// The clock of a zone, or none.
    pub(super) fn of(zone: Option<Tz>) -> Self {
        zone.map_or(Self::Floating, Self::Zoned)
    }

    /// Where a civil second lies: in a gap by the offset before it, in a fold the first.
    pub(super) fn place(self, civil: i64) -> Placed {
        match self {
            Self::Floating | Self::Zoned(Tz::UTC) => Placed { key: civil, local: civil },
            Self::Zoned(zone) => {
                let seen = resolve(moment(civil), zone);
                let key = seen.utc.timestamp();
                Placed { key, local: key + i64::from(seen.offset) }
            }
        }
    }

    /// What the wall clock shows at `key`, as a civil second.
    pub(super) fn local(self, key: i64) -> i64 {
        key + self.offset(key)
    }

    /// Whether the clock never changes.
    pub(super) fn is_even(self) -> bool {
        matches!(self, Self::Floating | Self::Zoned(Tz::UTC))
    }

    /// Seconds that the wall clock is ahead of `key`.
    pub(super) fn offset(self, key: i64) -> i64 {
        match self {
            Self::Floating | Self::Zoned(Tz::UTC) => 0,
            Self::Zoned(zone) => {
                i64::from(zone.offset_from_utc_datetime(&moment(key)).fix().local_minus_utc())
            }
        }
    }
}

/// The civil second of a wall clock.
pub(super) fn civil(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp()
}

/// The civil second of a civil time; a day counts from its midnight.
pub(super) fn civil_of(local: Local) -> i64 {
    match local {
        Local::Day(day) => midnight(number(day)),
        Local::Moment(at) => civil(at),
    }
}

/// The wall clock of a civil second; seconds beyond chrono's years are held at its end.
pub(super) fn moment(civil: i64) -> NaiveDateTime {
    DateTime::from_timestamp(civil, 0).map_or(NaiveDateTime::MAX, |at| at.naive_utc())
}

/// The number of a date's day.
pub(super) fn number(date: NaiveDate) -> i32 {
    date.num_days_from_ce()
}

/// The day that a civil second falls on.
pub(super) fn day_of(civil: i64) -> i32 {
    // Civil seconds stay within chrono's years, whose days fit.
    i32::try_from(civil.div_euclid(DAY)).unwrap_or(i32::MAX - EPOCH_DAY) + EPOCH_DAY
}

/// The civil second at which a day begins.
pub(super) fn midnight(day: i32) -> i64 {
    (i64::from(day) - i64::from(EPOCH_DAY)) * DAY
}

/// Year, month and day of month of a day.
pub(super) fn ymd(day: i32) -> (i32, u32, u32) {
    let date = NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(NaiveDate::MAX);
    (date.year(), date.month(), date.day())
}

/// The day of a date that exists.
pub(super) fn day(year: i32, month: u32, of_month: u32) -> i32 {
    NaiveDate::from_ymd_opt(year, month, of_month).map_or(i32::MAX, number)
}

/// Days from Monday (0) to Sunday (6).
pub(super) fn weekday(day: i32) -> u32 {
    (day - 1).rem_euclid(7).unsigned_abs()
}

/// Whether a year has a 29 February.
pub(super) fn leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month (1 to 12).
pub(super) fn month_length(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}
