//! Walks rules of days and longer: expands whole periods on civil time and jumps to any of them.

use super::clock::{END, day, day_of, midnight, month_length, weekday, ymd};
use super::plan::{Plan, Times, gcd, picks};
use super::rrule::Freq;

/// The last day of year 9999.
const LAST_DAY: i32 = 3_652_059;

/// The periods of a rule one after the other, and the civil seconds named in them.
#[derive(Clone, Debug)]
pub(super) struct Civil {
    plan: Plan,
    times: Times,
    /// The period that is laid out, counted in intervals from that of the start.
    period: i64,
    /// The last period in which the rule named anything.
    fruitful: i64,
    /// Periods after which the calendar repeats itself; as many empty ones in a row mean for ever.
    cycle: i64,
    days: Vec<i32>,
    picked: Vec<u64>,
    next: u64,
    /// Months laid out last by a rule of days: year, month, bits.
    month: (i32, u32, u32),
    ended: bool,
}

impl Civil {
    /// The walk from `from`, or from the start where that is later.
    pub(super) fn new(plan: Plan, from: i64) -> Self {
        let times = Times {
            hours: plan.hours.clone(),
            minutes: plan.minutes.clone(),
            seconds: plan.seconds.iter().copied().filter(|second| *second < 60).collect(),
        };
        // The Gregorian calendar repeats after 400 years: 4,800 months, 20,871 weeks, 146,097 days.
        let whole = match plan.freq {
            Freq::Yearly => 400,
            Freq::Monthly => 4_800,
            Freq::Weekly => 20_871,
            _ => 146_097,
        };
        let mut walk = Self {
            cycle: whole / gcd(whole, plan.interval),
            ended: !plan.possible() || times.len() == 0,
            times,
            period: 0,
            fruitful: 0,
            days: Vec::with_capacity(31),
            picked: Vec::new(),
            next: 0,
            month: (0, 0, 0),
            plan,
        };
        walk.seek(from.max(walk.plan.start));
        walk
    }

    /// Goes to the first civil second at or after `from`.
    fn seek(&mut self, from: i64) {
        if self.ended {
            return;
        }
        if from >= END {
            self.ended = true;
            return;
        }
        let unit = self.unit_of(day_of(from)) - self.unit_of(day_of(self.plan.start));
        self.period = unit.div_euclid(self.plan.interval).max(0);
        self.fruitful = self.period;
        self.lay_out();
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle) < from { low = middle + 1 } else { high = middle }
        }
        self.next = low;
    }

    /// Which year, month, week or day a day is in, counted from a fixed one.
    fn unit_of(&self, date: i32) -> i64 {
        let (year, month, _) = ymd(date);
        match self.plan.freq {
            Freq::Yearly => i64::from(year),
            Freq::Monthly => i64::from(year) * 12 + i64::from(month) - 1,
            Freq::Weekly => i64::from(self.week_of(date).div_euclid(7)),
            _ => i64::from(date),
        }
    }

    /// The first day of the week that a day is in.
    fn week_of(&self, date: i32) -> i32 {
        date - ((7 + weekday(date) - self.plan.week_start) % 7) as i32
    }

    fn len(&self) -> u64 {
        if self.plan.positions.is_empty() {
            self.days.len() as u64 * self.times.len()
        } else {
            self.picked.len() as u64
        }
    }

    fn get(&self, index: u64) -> i64 {
        let index =
            if self.plan.positions.is_empty() { index } else { self.picked[index as usize] };
        let times = self.times.len();
        midnight(self.days[(index / times) as usize]) + self.times.get(index % times)
    }

    /// The next civil second of the rule; none when it has ended or `budget` is used up, which is then 0.
    pub(super) fn next(&mut self, budget: &mut u32) -> Option<i64> {
        loop {
            if self.ended {
                return None;
            }
            if self.next < self.len() {
                self.next += 1;
                return Some(self.get(self.next - 1));
            }
            let spent = if self.plan.freq == Freq::Yearly { 4 } else { 1 };
            *budget = budget.saturating_sub(spent);
            if *budget == 0 {
                return None;
            }
            match self.period.checked_add(1) {
                Some(period) if period - self.fruitful <= self.cycle => self.period = period,
                _ => {
                    self.ended = true;
                    return None;
                }
            }
            self.lay_out();
        }
    }

    /// Lays out the period: the days that the rule names in it, and what BYSETPOS picks of them.
    fn lay_out(&mut self) {
        self.days.clear();
        self.next = 0;
        let start = day_of(self.plan.start);
        let inside = self.period.checked_mul(self.plan.interval).is_some_and(|steps| {
            self.unit_of(start).checked_add(steps).is_some_and(|unit| self.lay_out_unit(unit))
        });
        if !inside {
            self.ended = true;
            self.days.clear();
        }
        if !self.plan.positions.is_empty() {
            let all = self.days.len() as u64 * self.times.len();
            picks(&self.plan.positions, all, &mut self.picked);
        }
        if self.len() > 0 {
            self.fruitful = self.period;
        }
    }

    /// Lays out a year, month, week or day; false if it lies beyond the calendar.
    fn lay_out_unit(&mut self, unit: i64) -> bool {
        match self.plan.freq {
            Freq::Yearly => {
                let Some(year) = i32::try_from(unit).ok().filter(|year| *year <= 9_999) else {
                    return false;
                };
                for month in 1..=12 {
                    self.lay_out_month(year, month);
                }
            }
            Freq::Monthly => {
                let year = unit.div_euclid(12);
                if year > 9_999 {
                    return false;
                }
                // Years up to 9,999 fit, and a twelfth is below 12.
                self.lay_out_month(year as i32, unit.rem_euclid(12) as u32 + 1);
            }
            Freq::Weekly => {
                // Weeks are counted by the sevenths of their first day, which all share one remainder.
                let rest = self.week_of(day_of(self.plan.start)).rem_euclid(7);
                let Some(first) = unit.checked_mul(7).filter(|day| *day <= i64::from(LAST_DAY))
                else {
                    return false;
                };
                self.lay_out_week(first as i32 + rest);
            }
            _ => {
                if unit > i64::from(LAST_DAY) {
                    return false;
                }
                let date = unit as i32;
                if self.names(date) {
                    self.days.push(date);
                } else if self.month.2 == 0 {
                    self.skip_month(date);
                }
            }
        }
        true
    }

    /// Lays out the seven days from `first` on, which lie in one month or in two.
    fn lay_out_week(&mut self, first: i32) {
        let mut date = first;
        while date < first + 7 && date <= LAST_DAY {
            let (year, month, of_month) = ymd(date);
            let left = (month_length(year, month) - of_month + 1).min((first + 7 - date) as u32);
            let mut bits = self.month_of(year, month) >> of_month & ((1 << left) - 1);
            while bits != 0 {
                self.days.push(date + bits.trailing_zeros() as i32);
                bits &= bits - 1;
            }
            date += left as i32;
        }
    }

    fn lay_out_month(&mut self, year: i32, month: u32) {
        let mut bits = self.plan.days.of_month(year, month);
        if bits == 0 {
            return;
        }
        let before = day(year, month, 1) - 1;
        while bits != 0 {
            self.days.push(before + bits.trailing_zeros() as i32);
            bits &= bits - 1;
        }
    }

    /// Whether the rule names a day.
    fn names(&mut self, date: i32) -> bool {
        let (year, month, of_month) = ymd(date);
        self.month_of(year, month) & (1 << of_month) != 0
    }

    /// The days that the rule names in a month, kept for the next question.
    fn month_of(&mut self, year: i32, month: u32) -> u32 {
        if (self.month.0, self.month.1) != (year, month) {
            self.month = (year, month, self.plan.days.of_month(year, month));
        }
        self.month.2
    }

    /// Leaves a month in which no day is named: the next step comes out beyond it.
    fn skip_month(&mut self, date: i32) {
        let (year, month, of_month) = ymd(date);
        let left = i64::from(month_length(year, month) - of_month);
        // Stay one short of the first period beyond the month, because `next` takes one step itself.
        self.period = self.period.saturating_add(left / self.plan.interval);
    }
}
