//! A rule laid on its start: every part filled in, ready to be walked.

use chrono::Datelike;

use super::clock::{DAY, END, civil_of, day_of, number, weekday};
use super::days::{CountIn, Days, MONTHS, Parts, Within};
use super::rrule::{Freq, Rrule};
use crate::message::time::Local;

/// A rule with its start: what both walks, civil and elapsed, follow.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub freq: Freq,
    pub interval: i64,
    pub days: Days,
    /// Hours, minutes and seconds, each ascending, that the rule names; empty where it names none.
    pub hours: Vec<u8>,
    pub minutes: Vec<u8>,
    pub seconds: Vec<u8>,
    /// BYSETPOS.
    pub positions: Vec<i16>,
    /// The weekday (0 Monday) on which weeks begin.
    pub week_start: u32,
    /// The start, as a civil second.
    pub start: i64,
    /// Whether the start is a day, so that occurrences are days.
    pub whole_days: bool,
}

impl Plan {
    /// Lays a recurrence rule on its start.
    pub(super) fn of_rrule(rule: &Rrule, start: Local) -> Self {
        let date = start.date();
        let whole_days = matches!(start, Local::Day(_));
        let start = civil_of(start);
        let mut months = rule.months.iter().fold(0, |all, month| all | 1 << month);
        let mut parts = Parts {
            month_days: month_days(&rule.month_days),
            year_days: rule.year_days.clone(),
            week_numbers: rule.week_numbers.clone(),
            week_start: rule.week_start,
            count_in: if rule.freq == Freq::Yearly && months == 0 {
                CountIn::Year
            } else {
                CountIn::Month
            },
            ..Parts::default()
        };
        for &(n, weekday) in &rule.days {
            if n == 0 {
                parts.weekdays |= 1 << weekday;
            } else {
                parts.numbered.push((n, weekday));
            }
        }
        let names_days = parts.month_days.is_some()
            || !parts.year_days.is_empty()
            || !parts.week_numbers.is_empty()
            || !rule.days.is_empty();
        let of_start = date.day();
        match rule.freq {
            Freq::Yearly if !names_days => {
                parts.month_days = Some((1 << of_start, 0));
                if months == 0 {
                    months = 1 << date.month();
                }
            }
            Freq::Monthly if !names_days => parts.month_days = Some((1 << of_start, 0)),
            // RFC 5545 is silent on BYWEEKNO alone: the weekday comes from the start, as it does for WEEKLY.
            Freq::Yearly
                if !parts.week_numbers.is_empty()
                    && rule.days.is_empty()
                    && parts.month_days.is_none()
                    && parts.year_days.is_empty() =>
            {
                parts.weekdays = 1 << weekday(number(date));
            }
            Freq::Weekly if !names_days => {
                parts.weekdays = 1 << weekday(number(date));
            }
            _ => {}
        }
        let mut plan = Self {
            freq: rule.freq,
            interval: i64::try_from(rule.interval).unwrap_or(i64::MAX),
            days: Days {
                months: if months == 0 { MONTHS } else { months } & parts.months_of_weeks(),
                within: Within::Parts(parts),
            },
            hours: rule.hours.clone(),
            minutes: rule.minutes.clone(),
            seconds: rule.seconds.clone(),
            positions: rule.positions.clone(),
            week_start: rule.week_start,
            start,
            whole_days,
        };
        plan.fill_times();
        plan
    }

    /// Takes from the start what a civil rule does not name; a start that is a day has no times at all.
    fn fill_times(&mut self) {
        let time = self.start.rem_euclid(DAY);
        if self.whole_days {
            (self.hours, self.minutes, self.seconds) = (Vec::new(), Vec::new(), Vec::new());
            let unit = match self.freq {
                Freq::Hourly => 3_600,
                Freq::Minutely => 60,
                Freq::Secondly => 1,
                _ => DAY,
            };
            if self.interval.saturating_mul(unit) < DAY {
                // Several steps a day name each day once.
                (self.freq, self.interval) = (Freq::Daily, 1);
                self.positions.clear();
            }
        }
        if self.freq.is_civil() {
            let fill = |list: &mut Vec<u8>, from_start: i64| {
                if list.is_empty() {
                    // A part of a day is below 60.
                    list.push(u8::try_from(from_start).unwrap_or(0));
                }
            };
            fill(&mut self.hours, time / 3_600);
            fill(&mut self.minutes, time / 60 % 60);
            fill(&mut self.seconds, time % 60);
        }
    }

    /// False if the rule can be seen at a glance to have no occurrence in any year.
    pub(super) fn possible(&self) -> bool {
        // 60 is a leap second, which civil time does not have.
        let seconds = self.seconds.first().is_none_or(|second| *second < 60);
        self.start < END
            && self.days.possible()
            && seconds
            && self.picks_some()
            && self.reaches_some()
    }

    /// Whether BYSETPOS stays within what a period can hold.
    fn picks_some(&self) -> bool {
        let weekdays = match &self.days.within {
            Within::Parts(parts) => parts.weekdays.count_ones() as usize,
            Within::Cron(_) => 7,
        };
        let days = match self.freq {
            Freq::Yearly => 366,
            Freq::Monthly => 31,
            Freq::Weekly => weekdays,
            _ => 1,
        };
        let times = [&self.hours, &self.minutes, &self.seconds]
            .iter()
            .fold(days, |all: usize, list| all.saturating_mul(list.len().max(1)));
        self.positions.is_empty()
            || self.positions.iter().any(|n| usize::from(n.unsigned_abs()) <= times)
    }

    /// Whether steps of whole weeks meet one of the weekdays.
    fn reaches_some(&self) -> bool {
        match &self.days.within {
            Within::Parts(Parts { weekdays, .. })
                if self.freq == Freq::Daily && self.interval % 7 == 0 && *weekdays != 0 =>
            {
                weekdays & (1 << weekday(day_of(self.start))) != 0
            }
            _ => true,
        }
    }
}

/// BYMONTHDAY as bits from the start and from the end of a month.
fn month_days(list: &[i8]) -> Option<(u32, u32)> {
    (!list.is_empty()).then(|| {
        list.iter().fold((0, 0), |(first, last), &n| {
            let bit = 1 << n.unsigned_abs();
            if n > 0 { (first | bit, last) } else { (first, last | bit) }
        })
    })
}

/// Hours, minutes and seconds as one ascending list of seconds, told by index and never written out.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub hours: Vec<u8>,
    pub minutes: Vec<u8>,
    pub seconds: Vec<u8>,
}

impl Times {
    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        (self.hours.len() * self.minutes.len() * self.seconds.len()) as u64
    }

    /// The second at an index below [`Self::len`].
    pub(super) fn get(&self, index: u64) -> i64 {
        let index = index as usize;
        let (seconds, minutes) = (self.seconds.len(), self.minutes.len());
        i64::from(self.hours[index / seconds / minutes]) * 3_600
            + i64::from(self.minutes[index / seconds % minutes]) * 60
            + i64::from(self.seconds[index % seconds])
    }
}

/// BYSETPOS: the ascending indexes that `positions` pick out of `len`.
pub(super) fn picks(positions: &[i16], len: u64, into: &mut Vec<u64>) {
    into.clear();
    into.extend(positions.iter().filter_map(|&n| {
        let back = u64::from(n.unsigned_abs());
        let index = if n > 0 { back - 1 } else { len.checked_sub(back)? };
        (index < len).then_some(index)
    }));
    into.sort_unstable();
    into.dedup();
}

/// The greatest common divisor; of 0 and n it is n.
pub(super) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
