//! Rules of recurrence: `every 2 weeks on mon,thu`, `last friday of every month`, `weekdays`.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, Weekday};
use serde_json::{Map, Value, json};

use super::dates::{Scene, day_of_month, nth_of_month};
use super::words::{ALL_DAYS, Part, WORKDAYS};

mod phrases;
pub(super) use phrases::{rule, weekdays};

/// How often a rule turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freq {
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule as said, without start and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) freq: Freq,
    pub(super) interval: u32,
    /// Of the week, sorted; weekly.
    pub(super) days: Vec<Weekday>,
    /// Of the month, sorted, -1 the last; monthly, and yearly with a month.
    pub(super) month_days: Vec<i32>,
    /// The nth of these weekdays in the month, -1 the last.
    pub(super) nth: Option<(Vec<i32>, Vec<Weekday>)>,
    /// Yearly.
    pub(super) month: Option<u32>,
    /// `every! 3 days`: counted from the day of completion.
    pub(super) from_completed: bool,
    /// `every monday morning`
    pub(super) part: Option<Part>,
    /// `daily` rather than `every day`: also an attribute.
    pub(super) adverb: bool,
}

impl Rule {
    pub(super) fn each(freq: Freq, interval: u32) -> Self {
        Self {
            freq,
            interval,
            days: Vec::new(),
            month_days: Vec::new(),
            nth: None,
            month: None,
            from_completed: false,
            part: None,
            adverb: false,
        }
    }

    pub(super) fn weekly(interval: u32, days: Vec<Weekday>) -> Self {
        Self { days, ..Self::each(Freq::Weekly, interval) }
    }

    /// Whether it steps in hours or minutes.
    pub(super) fn is_fine(&self) -> bool {
        matches!(self.freq, Freq::Minutely | Freq::Hourly)
    }

    /// Minutes of one step of a rule in hours or minutes.
    pub(super) fn step_minutes(&self) -> i64 {
        i64::from(self.interval) * if self.freq == Freq::Hourly { 60 } else { 1 }
    }

    /// Its first day: on or behind `start`; without one from today, or from tomorrow if `time` has passed today.
    pub(super) fn first(
        &self,
        start: Option<NaiveDate>,
        time: Option<NaiveTime>,
        s: &Scene,
    ) -> Option<NaiveDate> {
        let passed = time.is_some_and(|time| s.today.and_time(time) <= s.now);
        let from = match start {
            Some(start) => start,
            None => s.today.checked_add_days(Days::new(u64::from(passed)))?,
        };
        if !self.days.is_empty() {
            let mut week = (0..7).filter_map(|n| from.checked_add_days(Days::new(n)));
            return week.find(|day| self.days.contains(&day.weekday()));
        }
        if self.nth.is_none() && self.month_days.is_empty() {
            return Some(from);
        }
        // A fifth Friday or a 29 February comes round within nine years.
        let month = from.with_day(1)?;
        (0..9 * 12)
            .filter_map(|n| month.checked_add_months(Months::new(n)))
            .filter(|first| self.month.is_none_or(|month| month == first.month()))
            .filter_map(|first| self.in_month(first, from))
            .next()
    }

    fn in_month(&self, first: NaiveDate, from: NaiveDate) -> Option<NaiveDate> {
        let days = match &self.nth {
            Some((which, days)) => {
                which.iter().filter_map(|n| nth_of_month(first, *n, days)).collect::<Vec<_>>()
            }
            None => self
                .month_days
                .iter()
                // Only `every month on the 31st` is held to shorter months, as its pattern is.
                .filter(|n| {
                    self.clamps() || u32::try_from(**n).is_ok_and(|n| first.with_day(n).is_some())
                })
                .filter_map(|n| day_of_month(first, *n))
                .collect(),
        };
        days.into_iter().filter(|day| *day >= from).min()
    }

    fn clamps(&self) -> bool {
        self.freq == Freq::Monthly && self.month_days.len() == 1
            || self.month_days.as_slice() == [-1]
    }

    /// The contract's rule. `first` is its first day where that is known: then a yearly date needs no RRULE.
    pub(super) fn written(&self, first: Option<NaiveDate>, end: &End) -> Value {
        let mut object = Map::new();
        let anchored = first.is_some_and(|first| {
            self.month == Some(first.month())
                && self.month_days.as_slice() == [i32::try_from(first.day()).unwrap_or(0)]
        });
        let by_date = self.month.is_some() && !anchored;
        let several = self.month_days.len() > 1;
        if self.is_fine() || self.nth.is_some() || by_date || several {
            object.insert("pattern".into(), json!("rrule"));
            object.insert("rrule".into(), json!(self.rrule()));
        } else {
            object.insert("pattern".into(), json!(self.pattern()));
            if self.interval != 1 {
                object.insert("interval".into(), json!(self.interval));
            }
            if !self.days.is_empty() {
                let days: Vec<String> = self.days.iter().map(|day| short(*day)).collect();
                object.insert("days".into(), json!(days));
            }
            if let ([day], None) = (self.month_days.as_slice(), self.month) {
                object.insert("month_day".into(), json!(day));
            }
        }
        if self.from_completed {
            object.insert("from".into(), json!("completed"));
        }
        if let Some(count) = end.count {
            object.insert("count".into(), json!(count));
        }
        if let Some(until) = end.until {
            object.insert("until".into(), json!(until.format("%Y-%m-%d").to_string()));
        }
        if object.len() == 1 { json!(self.pattern()) } else { Value::Object(object) }
    }

    fn pattern(&self) -> &'static str {
        match self.freq {
            Freq::Minutely | Freq::Hourly => "rrule",
            Freq::Daily => "daily",
            Freq::Weekly => "weekly",
            Freq::Monthly => "monthly",
            Freq::Yearly => "yearly",
        }
    }

    fn rrule(&self) -> String {
        let name = match self.freq {
            Freq::Minutely => "MINUTELY",
            Freq::Hourly => "HOURLY",
            Freq::Daily => "DAILY",
            Freq::Weekly => "WEEKLY",
            Freq::Monthly => "MONTHLY",
            Freq::Yearly => "YEARLY",
        };
        let mut parts = vec![format!("FREQ={name}")];
        if self.interval != 1 {
            parts.push(format!("INTERVAL={}", self.interval));
        }
        if let Some(month) = self.month {
            parts.push(format!("BYMONTH={month}"));
        }
        if let Some((which, days)) = &self.nth {
            let list: Vec<String> = days.iter().map(|day| ical(*day)).collect();
            let numbers: Vec<String> = which.iter().map(i32::to_string).collect();
            match (days.as_slice(), list.as_slice()) {
                (days, _) if days == ALL_DAYS => {
                    parts.push(format!("BYMONTHDAY={}", numbers.join(",")));
                }
                (_, [day]) => {
                    let named: Vec<String> = numbers.iter().map(|n| format!("{n}{day}")).collect();
                    parts.push(format!("BYDAY={}", named.join(",")));
                }
                _ => {
                    let places = numbers.join(",");
                    parts.push(format!("BYDAY={};BYSETPOS={places}", list.join(",")));
                }
            }
        } else if !self.month_days.is_empty() {
            let list: Vec<String> = self.month_days.iter().map(i32::to_string).collect();
            parts.push(format!("BYMONTHDAY={}", list.join(",")));
        }
        parts.join(";")
    }
}

/// How a rule ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) count: Option<u32>,
    pub(super) until: Option<NaiveDate>,
}

fn short(day: Weekday) -> String {
    day.to_string().to_ascii_lowercase()
}

fn ical(day: Weekday) -> String {
    let mut name = day.to_string().to_ascii_uppercase();
    name.truncate(2);
    name
}

/// Monday to Friday, as a rule.
fn workdays(interval: u32) -> Rule {
    Rule::weekly(interval, WORKDAYS.to_vec())
}
