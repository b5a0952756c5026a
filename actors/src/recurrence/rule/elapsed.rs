//! Walks rules of hours and shorter in elapsed time: every real hour comes once, whatever the clock does.

use super::clock::{CHANGES_END, Clock, DAY, END, Placed, day, day_of, midnight, ymd};
use super::plan::{Plan, Times, gcd, picks};
use super::rrule::Freq;

/// Jumps in a row after which it is worth asking whether there will ever be an occurrence.
const JUMPS_MAX: u32 = 200;

/// Days that every offset stands for, Morocco's weeks of Ramadan included.
const OFFSET_DAYS: i64 = 10;

/// The periods of a rule of hours, minutes or seconds, stepped on the instant and judged by the wall clock.
#[derive(Clone, Debug)]
pub(super) struct Elapsed {
    plan: Plan,
    clock: Clock,
    /// The key from which periods are counted, and the seconds from one to the next.
    origin: i64,
    step: i64,
    /// To how many seconds a period is rounded down: what the rule spells out within it.
    floor: i64,
    /// What the rule spells out within a period.
    within: Times,
    /// The first key that counts.
    start: i64,
    period: i64,
    /// The last period with an occurrence, and the number of periods after which the calendar repeats.
    fruitful: i64,
    cycle: i64,
    found: Vec<Placed>,
    picked: Vec<u64>,
    next: usize,
    month: (i32, u32, u32),
    /// Jumps in a row, and whether it has been asked if the steps reach any time of day that is named.
    jumps: u32,
    judged: bool,
    ended: bool,
}

impl Elapsed {
    /// The walk from the key `from`, or from the start where that is later.
    pub(super) fn new(plan: Plan, clock: Clock, from: i64) -> Self {
        let start = clock.place(plan.start);
        let second = [u8::try_from(start.local.rem_euclid(60)).unwrap_or(0)];
        let or = |list: &[u8], other: &[u8]| {
            let given = if list.is_empty() { other } else { list };
            given.iter().copied().filter(|part| *part < 60).collect::<Vec<_>>()
        };
        let (unit, floor, minutes, seconds) = match plan.freq {
            Freq::Hourly if !plan.minutes.is_empty() => {
                (3_600, 3_600, plan.minutes.clone(), or(&plan.seconds, &second))
            }
            Freq::Hourly if !plan.seconds.is_empty() => {
                (3_600, 60, vec![0], or(&plan.seconds, &[]))
            }
            Freq::Hourly => (3_600, 1, vec![0], vec![0]),
            Freq::Minutely if !plan.seconds.is_empty() => (60, 60, vec![0], or(&plan.seconds, &[])),
            Freq::Minutely => (60, 1, vec![0], vec![0]),
            _ => (1, 1, vec![0], vec![0]),
        };
        let step = plan.interval.saturating_mul(unit);
        let whole = 146_097 * DAY;
        let mut walk = Self {
            origin: start.key - start.local.rem_euclid(floor),
            within: Times { hours: vec![0], minutes, seconds },
            start: start.key,
            cycle: whole / gcd(whole, step),
            jumps: 0,
            judged: false,
            ended: !plan.possible(),
            period: 0,
            fruitful: 0,
            found: Vec::new(),
            picked: Vec::new(),
            next: 0,
            month: (0, 0, 0),
            plan,
            clock,
            step,
            floor,
        };
        walk.ended |= walk.within.len() == 0;
        let from = from.max(walk.start);
        walk.period = (from - walk.origin).div_euclid(step).max(0) - 1;
        walk.fruitful = walk.period;
        walk.start = from;
        walk
    }

    /// The next occurrence; none when the rule has ended or `budget` is used up, which is then 0.
    pub(super) fn next(&mut self, budget: &mut u32) -> Option<Placed> {
        loop {
            if self.ended {
                return None;
            }
            while let Some(found) = self.found.get(self.next) {
                self.next += 1;
                if found.key >= self.start {
                    return Some(*found);
                }
            }
            *budget = budget.saturating_sub(1);
            if *budget == 0 {
                return None;
            }
            self.period = self.period.saturating_add(1);
            if self.period - self.fruitful > self.cycle && self.settled(self.key()) {
                self.ended = true;
            } else {
                self.lay_out(budget);
            }
        }
    }

    /// The key of the period; beyond every calendar where the numbers end.
    fn key(&self) -> i64 {
        self.period.saturating_mul(self.step).saturating_add(self.origin)
    }

    /// Finds what the rule names in the period, or jumps towards the next period that can hold something.
    fn lay_out(&mut self, budget: &mut u32) {
        self.found.clear();
        self.next = 0;
        let key = self.key();
        // A zone can be a day behind, so only a day later is surely the end.
        if key >= END + DAY {
            self.ended = true;
            return;
        }
        let offset = self.clock.offset(key);
        let local = key + offset;
        if local >= END {
            self.ended = true;
            return;
        }
        let base = local - local.rem_euclid(self.floor);
        if let Some(target) = self.next_named(base) {
            self.jump(key, offset, target);
            return;
        }
        (self.fruitful, self.jumps) = (self.period, 0);
        let first = key - (local - base);
        let last = first + self.floor - 1;
        let even = self.floor == 1
            || self.clock.offset(first) == offset && self.clock.offset(last) == offset;
        let all = self.within.len();
        let place = |index: u64| {
            let inside = self.within.get(index);
            Placed { key: first + inside, local: base + inside }
        };
        if self.plan.positions.is_empty() || !even {
            // Where the clock changes within the period, only what the wall clock truly shows counts.
            self.found.extend(
                (0..all).map(place).filter(|at| even || self.clock.local(at.key) == at.local),
            );
            *budget = budget.saturating_sub(u32::try_from(all / 16).unwrap_or(0));
        }
        if !self.plan.positions.is_empty() {
            let count = if even { all } else { self.found.len() as u64 };
            let mut picked = std::mem::take(&mut self.picked);
            picks(&self.plan.positions, count, &mut picked);
            self.found = picked
                .iter()
                .map(|&index| if even { place(index) } else { self.found[index as usize] })
                .collect();
            self.picked = picked;
        }
    }

    /// Where the wall clock must come to before a period can count; none if this one does.
    fn next_named(&mut self, base: i64) -> Option<i64> {
        let date = day_of(base);
        let (year, month, of_month) = ymd(date);
        if (self.month.0, self.month.1) != (year, month) {
            self.month = (year, month, self.plan.days.of_month(year, month));
        }
        if self.month.2 & (1 << of_month) == 0 {
            let later = self.month.2 & (u32::MAX << of_month << 1);
            let ahead = if later != 0 {
                day(year, month, 1) + later.trailing_zeros() as i32 - 1
            } else if month == 12 {
                day(year + 1, 1, 1)
            } else {
                day(year, month + 1, 1)
            };
            return Some(midnight(ahead));
        }
        let time = base.rem_euclid(DAY);
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        let plan = &self.plan;
        let minutes: &[u8] = if plan.freq == Freq::Hourly { &[] } else { &plan.minutes };
        let seconds: &[u8] = if plan.freq == Freq::Secondly { &plan.seconds } else { &[] };
        let hour_start = base - base.rem_euclid(3_600);
        match at_or_after(&plan.hours, hour) {
            None => return Some(midnight(date + 1)),
            Some(named) if named > hour => return Some(midnight(date) + named * 3_600),
            Some(_) => {}
        }
        match at_or_after(minutes, minute) {
            None => return Some(hour_start + 3_600),
            Some(named) if named > minute => return Some(hour_start + named * 60),
            Some(_) => {}
        }
        let minute_start = base - base.rem_euclid(60);
        match at_or_after(seconds, second) {
            None => Some(minute_start + 60),
            Some(named) if named > second => Some(minute_start + named),
            Some(_) => None,
        }
    }

    /// Goes to the last period before the wall clock can show `target`, which nothing named precedes.
    fn jump(&mut self, key: i64, offset: i64, target: i64) {
        let then = self.clock.place(target);
        // In a gap the clock is past the target as soon as it jumps.
        let mut reach = then.key - (then.local - target);
        // A fold just ahead brings wall clocks back that lie behind, so the jump must not pass it.
        let back = offset - self.clock.offset(key + DAY);
        if back > 0 && self.clock.offset(key + back) != offset {
            reach = reach.min(self.change_before(key + back, key, offset));
        }
        // Each wall clock within a floor can still count, so the jump ends a floor early.
        let periods = (reach - self.floor - key).div_euclid(self.step);
        self.period = self.period.saturating_add(periods.max(0));
        self.jumps += 1;
        if !self.judged && (self.settled(key) || self.jumps > JUMPS_MAX) {
            self.judged = true;
            self.ended |= self.offsets_from(key).into_iter().all(|offset| self.never_again(offset));
        }
    }

    /// The key at which the offset ceases to be `offset`, between `low`, where it holds, and `high`.
    fn change_before(&self, mut high: i64, mut low: i64, offset: i64) -> i64 {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.clock.offset(middle) == offset { low = middle } else { high = middle }
        }
        high
    }

    /// Every offset that the clock has from `key` on.
    fn offsets_from(&self, key: i64) -> Vec<i64> {
        let mut offsets = vec![self.clock.offset(key)];
        let mut at = key;
        while !self.settled(at) {
            at += OFFSET_DAYS * DAY;
            let offset = self.clock.offset(at);
            if !offsets.contains(&offset) {
                offsets.push(offset);
            }
        }
        offsets
    }

    /// Whether the clock changes no more after `key`.
    fn settled(&self, key: i64) -> bool {
        key > CHANGES_END || self.clock.is_even()
    }

    /// Whether the times of day that the steps can reach, with an offset that stands, hold none of the rule's.
    fn never_again(&self, offset: i64) -> bool {
        let grid = gcd(DAY, self.step);
        if grid < 60 {
            return false;
        }
        let first = (self.origin + offset).rem_euclid(grid);
        let minutes: &[u8] = if self.plan.freq == Freq::Hourly { &[] } else { &self.plan.minutes };
        let seconds: &[u8] =
            if self.plan.freq == Freq::Secondly { &self.plan.seconds } else { &[] };
        !(0..DAY / grid).map(|n| first + n * grid).any(|time| {
            let named = |list: &[u8], part: i64| {
                list.is_empty() || list.iter().any(|one| i64::from(*one) == part)
            };
            named(&self.plan.hours, time / 3_600)
                && named(minutes, time / 60 % 60)
                && named(seconds, time % 60)
        })
    }
}

/// The first of an ascending list at or after `part`; `part` itself where nothing is named.
fn at_or_after(list: &[u8], part: i64) -> Option<i64> {
    if list.is_empty() {
        return Some(part);
    }
    list.iter().map(|named| i64::from(*named)).find(|named| *named >= part)
}
