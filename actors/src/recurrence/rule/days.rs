//! Which days of a month a rule names: one bit a day, so that every limit is an AND.

use std::cmp::Ordering;

use super::clock::{day, leap, month_length, weekday};

/// All days that a month can have, as bits 1 to 31.
const ALL: u32 = !1;

/// All months, as bits 1 to 12.
pub(super) const MONTHS: u16 = 0x1ffe;

/// The days a rule names, by the parts of RFC 5545 that name days, or by the day fields of cron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Days {
    /// Months that count, as bits 1 to 12.
    pub months: u16,
    /// What holds within those months.
    pub within: Within,
}

/// What names the days within the months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// BY parts of a recurrence rule; a day must satisfy every part that is given.
    Parts(Parts),
    /// Day of month and day of week of cron; where both are given either suffices.
    Cron(CronDays),
}

/// BYMONTHDAY, BYYEARDAY, BYWEEKNO and BYDAY; empty where not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// BYMONTHDAY from the start of the month, as bits 1 to 31, and from its end.
    pub month_days: Option<(u32, u32)>,
    /// BYYEARDAY, ±1 to ±366.
    pub year_days: Vec<i16>,
    /// BYWEEKNO, ±1 to ±53.
    pub week_numbers: Vec<i8>,
    /// The weekday (0 Monday) on which weeks begin.
    pub week_start: u32,
    /// BYDAY without numbers, as bits 0 (Monday) to 6.
    pub weekdays: u8,
    /// BYDAY with numbers: which one, of which weekday.
    pub numbered: Vec<(i8, u32)>,
    /// What numbered weekdays count in.
    pub count_in: CountIn,
}

/// The period in which `1MO` is the first Monday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CountIn {
    #[default]
    Month,
    Year,
}

/// The day fields of cron.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CronDays {
    /// Days of the month, as bits 1 to 31.
    pub month_days: u32,
    /// `L`.
    pub last: bool,
    /// `LW`.
    pub last_weekday: bool,
    /// `15W`: the weekday nearest to each of these, as bits.
    pub nearest: u32,
    /// Weekdays, as bits 0 (Monday) to 6.
    pub weekdays: u8,
    /// `FRI#2`: which one, of which weekday; -1 is the last (`5L`).
    pub numbered: Vec<(i8, u32)>,
    /// Whether the day of month is given, and the day of week.
    pub given: (bool, bool),
}

impl Days {
    /// The days of a month that the rule names, as bits 1 to 31.
    pub(super) fn of_month(&self, year: i32, month: u32) -> u32 {
        if self.months & (1 << month) == 0 {
            return 0;
        }
        let length = month_length(year, month);
        let exists = ALL & (u32::MAX >> (31 - length));
        exists
            & match &self.within {
                Within::Parts(parts) => parts.of_month(year, month, length),
                Within::Cron(cron) => cron.of_month(year, month, length),
            }
    }

    /// False if no calendar has a day that the rule names, such as 30 February.
    pub(super) fn possible(&self) -> bool {
        let longest = |month: u32| if month == 2 { 29 } else { month_length(1, month) };
        let fits = |days: u32| {
            (1..=12)
                .filter(|month| self.months & (1 << month) != 0)
                .any(|month| (1..=longest(month)).any(|day| days & (1 << day) != 0))
        };
        match &self.within {
            Within::Parts(Parts { month_days: Some((first, last)), .. }) => {
                fits(*first) || fits(*last)
            }
            Within::Parts(_) => self.months != 0,
            Within::Cron(cron) => {
                cron.given != (true, false)
                    || cron.last
                    || cron.last_weekday
                    || fits(cron.month_days)
                    || fits(cron.nearest)
            }
        }
    }
}

/// The days of a month that are one of `weekdays` (bits 0 to 6).
fn on_weekdays(weekdays: u8, first: u32) -> u32 {
    // The week's bits, turned so that bit 0 is the weekday of the 1st, laid five times over the month.
    let week = u32::from(weekdays);
    let turned = ((week >> first) | (week << (7 - first))) & 0x7f;
    let month = u64::from(turned) * 0x0000_0000_1020_4081;
    (month << 1) as u32
}

/// Days counted from the end of a month, as days counted from its start: n becomes length + 1 - n.
fn mirrored(from_end: u32, length: u32) -> u32 {
    (u64::from(from_end.reverse_bits()) << 1 >> (31 - length)) as u32 & ALL
}

/// The days `±n`th `weekday` of a month, as a bit; none where the month has no such day.
fn nth_of_month(n: i8, weekday: u32, first: u32, length: u32) -> u32 {
    let earliest = 1 + (7 + weekday - first) % 7;
    let last = earliest + (length - earliest) / 7 * 7;
    let week = 7 * (u32::from(n.unsigned_abs()) - 1);
    match n {
        1.. if earliest + week <= length => 1 << (earliest + week),
        ..=-1 if last > week => 1 << (last - week),
        _ => 0,
    }
}

impl Parts {
    /// The months that can hold a day of BYWEEKNO, so that the others need no look.
    pub(super) fn months_of_weeks(&self) -> u16 {
        if self.week_numbers.is_empty() {
            return MONTHS;
        }
        self.week_numbers.iter().fold(0, |months, &n| {
            // Week 1 begins between three days before new year and three after; the last ends so as well.
            let n = i32::from(n);
            let first = if n > 0 { 7 * (n - 1) - 3 } else { 365 + 7 * n - 3 };
            let last = first + 7 + 6;
            let touched = (1..=12).filter(|month| {
                let begin = day(2001, *month, 1) - day(2001, 1, 1);
                // One day more at both ends is for leap years.
                let end = begin + month_length(2001, *month) as i32;
                first <= end + 1 && last >= begin - 1
            });
            let ends = if first <= 4 || last >= 360 { 1 << 1 | 1 << 12 } else { 0 };
            touched.fold(months | ends, |months, month| months | 1 << month)
        })
    }

    fn of_month(&self, year: i32, month: u32, length: u32) -> u32 {
        let mut days = ALL;
        if let Some((from_start, from_end)) = self.month_days {
            days &= from_start | mirrored(from_end, length);
        }
        if days == 0 {
            return 0;
        }
        let first = day(year, month, 1);
        if self.weekdays != 0 || !self.numbered.is_empty() {
            days &= on_weekdays(self.weekdays, weekday(first))
                | self.numbered_of_month(year, first, length);
        }
        if !self.year_days.is_empty() {
            days &= self.year_days_of_month(year, first, length);
        }
        if !self.week_numbers.is_empty() {
            days &= self.weeks_of_month(year, first, length);
        }
        days
    }

    fn numbered_of_month(&self, year: i32, first: i32, length: u32) -> u32 {
        let named = self.numbered.iter();
        match self.count_in {
            CountIn::Month => {
                named.fold(0, |days, &(n, on)| days | nth_of_month(n, on, weekday(first), length))
            }
            CountIn::Year => {
                let (new_year, year_end) = (day(year, 1, 1), day(year, 12, 31));
                named.fold(0, |days, &(n, on)| {
                    let weeks = 7 * (i32::from(n.unsigned_abs()) - 1);
                    let ahead = |from: i32| (7 + on as i32 - weekday(from) as i32) % 7;
                    let date = if n > 0 {
                        new_year + ahead(new_year) + weeks
                    } else {
                        year_end - (7 - ahead(year_end)) % 7 - weeks
                    };
                    let inside = date >= new_year && date <= year_end;
                    days | if inside { bit(date, first, length) } else { 0 }
                })
            }
        }
    }

    fn year_days_of_month(&self, year: i32, first: i32, length: u32) -> u32 {
        let new_year = day(year, 1, 1);
        let year_length = 365 + i32::from(leap(year));
        self.year_days.iter().fold(0, |days, &n| {
            let n = i32::from(n);
            let of_year = if n > 0 { n - 1 } else { year_length + n };
            let inside = (0..year_length).contains(&of_year);
            days | if inside { bit(new_year + of_year, first, length) } else { 0 }
        })
    }

    /// The days whose week has one of the numbers; a day of week 1 that lies in December counts there.
    fn weeks_of_month(&self, year: i32, first: i32, length: u32) -> u32 {
        let mut days = 0;
        // Only January and December hold weeks of a neighbouring year.
        let years = match (first - day(year, 1, 1)).cmp(&31) {
            Ordering::Less => year - 1..=year,
            _ if first + 31 > day(year, 12, 31) => year..=year + 1,
            _ => year..=year,
        };
        for of in years {
            let start = self.first_week(of);
            let weeks = (self.first_week(of + 1) - start) / 7;
            for &n in &self.week_numbers {
                let n = i32::from(n);
                let week = if n > 0 { n - 1 } else { weeks + n };
                if (0..weeks).contains(&week) {
                    let monday = start + 7 * week;
                    days |= (monday..monday + 7).fold(0, |all, day| all | bit(day, first, length));
                }
            }
        }
        days
    }

    /// The day on which week 1 of a year begins: the first week with four days in the year.
    fn first_week(&self, year: i32) -> i32 {
        let fourth = day(year, 1, 4);
        fourth - ((7 + weekday(fourth) - self.week_start) % 7) as i32
    }
}

/// The bit of a day in the month that begins at `first`; none if it lies outside.
fn bit(date: i32, first: i32, length: u32) -> u32 {
    match u32::try_from(date - first) {
        Ok(ahead) if ahead < length => 1 << (ahead + 1),
        _ => 0,
    }
}

impl CronDays {
    fn of_month(&self, year: i32, month: u32, length: u32) -> u32 {
        let first = weekday(day(year, month, 1));
        match self.given {
            (false, false) => ALL,
            (true, false) => self.by_month_day(first, length),
            (false, true) => self.by_weekday(first, length),
            (true, true) => self.by_month_day(first, length) | self.by_weekday(first, length),
        }
    }

    fn by_month_day(&self, first: u32, length: u32) -> u32 {
        let mut days = self.month_days;
        if self.last {
            days |= 1 << length;
        }
        if self.last_weekday {
            days |= 1 << nearest_weekday(length, first, length);
        }
        for day in (1..=length).filter(|day| self.nearest & (1 << day) != 0) {
            days |= 1 << nearest_weekday(day, first, length);
        }
        days
    }

    fn by_weekday(&self, first: u32, length: u32) -> u32 {
        self.numbered.iter().fold(on_weekdays(self.weekdays, first), |days, &(n, on)| {
            days | nth_of_month(n, on, first, length)
        })
    }
}

/// The Monday to Friday nearest to a day, without leaving its month.
fn nearest_weekday(day: u32, first: u32, length: u32) -> u32 {
    match (first + day - 1) % 7 {
        5 if day == 1 => 3,
        5 => day - 1,
        6 if day == length => day - 2,
        6 => day + 1,
        _ => day,
    }
}
