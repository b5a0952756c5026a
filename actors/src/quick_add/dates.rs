//! Days: `tomorrow`, `next friday`, `in 3 days`, `31st of january 2027`, `end of month`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::tokens::Tokens;
use super::words::{self, COUNTED, Form, NUMBERED, Part, Unit};
use crate::message::time::Timestamp;

mod calendar;
pub(super) use calendar::{day_of_month, last_of, nth_of_month};

/// When and where the text is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) instant: DateTime<Utc>,
    pub(super) now: NaiveDateTime,
    pub(super) today: NaiveDate,
    pub(super) zone: Tz,
}

impl Scene {
    /// The wall clock of `zone` at `now`.
    pub(super) fn new(now: Timestamp, zone: Tz) -> Self {
        // Years beyond these are held at the ends, so that steps from here stay within chrono's calendar.
        let ends = (-62_135_596_800_000, 253_370_764_800_000);
        let now = Timestamp(now.0.clamp(ends.0, ends.1));
        let local = now.local(zone);
        Self { instant: now.utc(), now: local, today: local.date(), zone }
    }
}

/// What a date phrase names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A day.
    Day(NaiveDate),
    /// A wall-clock moment.
    Moment(NaiveDateTime),
    /// An instant: `in 2 hours`, `2027-03-01T14:00Z`.
    Instant(DateTime<Utc>),
}

/// How surely words of this shape are a date wherever they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing else is written so.
    Firm,
    /// A weekday: also an attribute (`the friday report`) or, shortened, another word.
    Weekday(Form),
    /// `the 15th`: also any other fifteenth.
    Nth,
    /// `weekend`: also an attribute.
    Weekend,
    /// `31/1`: also a fraction.
    Slash,
}

/// A date phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) at: At,
    /// The next day so named, taken when the time on the first has passed.
    pub(super) later: Option<NaiveDate>,
    pub(super) part: Option<Part>,
    pub(super) shape: Shape,
    /// Written in digits alone: a time beside it is on the 24-hour clock.
    pub(super) digits: bool,
}

impl Date {
    pub(super) fn day(day: NaiveDate) -> Self {
        Self { at: At::Day(day), later: None, part: None, shape: Shape::Firm, digits: false }
    }

    fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    fn in_digits(mut self) -> Self {
        self.digits = true;
        self
    }
}

/// A date phrase, or what looks like one but contradicts itself or has two meanings: it is stepped over.
pub(super) enum Reading {
    /// It names this.
    Date(Date),
    /// It must not be read.
    Refused,
}

impl Reading {
    /// The same day, now that its neighbours leave no doubt.
    fn firm(self) -> Self {
        match self {
            Self::Date(date) => Self::Date(date.shaped(Shape::Firm)),
            Self::Refused => Self::Refused,
        }
    }
}

impl From<Option<Date>> for Reading {
    fn from(date: Option<Date>) -> Self {
        date.map_or(Self::Refused, Self::Date)
    }
}

type Found = Option<(Reading, usize)>;

/// The date phrase at `i`, without any introduction, and where it ends.
pub(super) fn date(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let (reading, next) = named(t, i, s)
        .or_else(|| offset(t, i, s))
        .or_else(|| coming(t, i, s))
        .or_else(|| edge(t, i, s))
        .or_else(|| weekday(t, i, s))
        .or_else(|| calendar::written(t, i, s))?;
    let Reading::Date(mut date) = reading else { return Some((Reading::Refused, next)) };
    let mut next = beside(t, next, &date);
    if date.part.is_none()
        && matches!(date.at, At::Day(_))
        && let Some((part, after)) = words::part(t, next)
    {
        date.part = Some(part);
        next = after;
    }
    t.closes(next).then_some((Reading::Date(date), next))
}

/// Behind what names the day again: `20 november, friday` if it is one, `tomorrow end of day`.
fn beside(t: &Tokens<'_>, next: usize, date: &Date) -> usize {
    let At::Day(day) = date.at else { return next };
    let at = next + usize::from(t.mark(next) == Some(','));
    match words::weekday(t.word(at)) {
        Some((weekday, form)) if form != Form::Plural && weekday == day.weekday() => at + 1,
        _ => end_of_day(t, at)
            .or_else(|| end_of_day(t, at + 1).filter(|_| t.word(at) == "by"))
            .unwrap_or(next),
    }
}

/// `eod`, `end of day`, `end of the day`
fn end_of_day(t: &Tokens<'_>, i: usize) -> Option<usize> {
    t.phrase(i, "eod")
        .or_else(|| t.phrase(i, "end of day"))
        .or_else(|| t.phrase(i, "end of the day"))
}

fn found(date: Option<NaiveDate>, next: usize) -> Found {
    Some((date.map(Date::day).into(), next))
}

fn after(day: NaiveDate, days: u64) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(days))
}

/// `today`, `tonight`, `tomorrow`, `the day after tomorrow`, `this evening`.
fn named(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let of_today = |part| Date { part: Some(part), ..Date::day(s.today) };
    let i = if t.word(i) == "the" && t.phrase(i + 1, "day after").is_some() { i + 1 } else { i };
    match t.word(i) {
        "today" if !t.is(i + 1, &["show", "show's"]) => found(Some(s.today), i + 1),
        "later" if t.word(i + 1) == "today" => found(Some(s.today), i + 2),
        "tonight" | "tonite" if t.word(i + 1) != "show" => {
            Some((Some(of_today(Part::Night)).into(), i + 1))
        }
        "this" => {
            let part = Part::named(t.word(i + 1))?;
            Some((Some(of_today(part)).into(), i + 2))
        }
        "day" if t.word(i + 1) == "after" && tomorrow(t.word(i + 2)) => {
            found(after(s.today, 2), i + 3)
        }
        word if tomorrow(word) => found(after(s.today, 1), i + 1),
        _ => None,
    }
}

/// Misspellings are read too: they are common, and name nothing else.
fn tomorrow(word: &str) -> bool {
    matches!(word, "tomorrow" | "tomorow" | "tommorow" | "tommorrow" | "tmrw" | "tmr" | "tmrow")
}

/// A length of time in calendar steps and elapsed minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) months: u32,
    pub(super) days: u64,
    pub(super) workdays: u32,
    pub(super) minutes: i64,
}

impl Step {
    pub(super) fn of(n: u32, unit: Unit) -> Self {
        let mut step = Self::default();
        match unit {
            Unit::Minute => step.minutes = i64::from(n),
            Unit::Hour => step.minutes = i64::from(n) * 60,
            Unit::Day => step.days = u64::from(n),
            Unit::Workday => step.workdays = n,
            Unit::Week => step.days = u64::from(n) * 7,
            Unit::Month => step.months = n,
            Unit::Year => step.months = n * 12,
        }
        step
    }

    /// The day this long after `day`.
    pub(super) fn from(self, day: NaiveDate) -> Option<NaiveDate> {
        let mut day = after(day.checked_add_months(Months::new(self.months))?, self.days)?;
        for _ in 0..self.workdays.min(2_000) {
            day = after(day, 1)?;
            while matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
                day = after(day, 1)?;
            }
        }
        // The interface writes years of four digits.
        (day.year() <= 9_999).then_some(day)
    }
}

/// `3 days`, `an hour and a half`, `half an hour`, `1.5 hours`, `2h30m`, `1 hour 15 minutes`.
pub(super) fn amount(t: &Tokens<'_>, i: usize) -> Option<(Step, usize)> {
    if let Some(next) = t.phrase(i, "half an hour").or_else(|| t.phrase(i, "half hour")) {
        return Some((Step::of(30, Unit::Minute), next));
    }
    let (n, mut next) = words::count(t, i)?;
    let mut half = false;
    if let Some(after) = t.phrase(next, "and a half") {
        (half, next) = (true, after);
    } else if t.tight(next, '.') && t.glued(next + 1) && t.digits(next + 1) == "5" {
        (half, next) = (true, next + 2);
    }
    if !t.digits(i).is_empty() && t.tight(next, '-') {
        next += 1;
    }
    let (unit, times, after) = words::unit(t, next)?;
    next = after;
    let mut step = Step::of(n.checked_mul(times)?, unit);
    if unit == Unit::Hour {
        if let Some(after) = t.phrase(next, "and a half") {
            (half, next) = (true, after);
        }
        if half {
            step.minutes += 30;
        } else if let Some((more, after)) = more_minutes(t, next) {
            step.minutes += i64::from(more);
            next = after;
        }
    } else if half {
        return None;
    }
    Some((step, next))
}

/// The `30 minutes` behind `2 hours and`.
fn more_minutes(t: &Tokens<'_>, i: usize) -> Option<(u32, usize)> {
    let from = if t.word(i) == "and" { i + 1 } else { i };
    let n = t.number(from)?;
    match words::unit(t, from + 1)? {
        (Unit::Minute, _, next) => Some((n, next)),
        _ => None,
    }
}

/// `in 3 days`, `within 2 hours`, `3 days from now`, `a week from monday`.
fn offset(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    if t.is(i, &["in", "within"]) {
        let (step, mut next) = amount(t, i + 1)?;
        if matches!(t.mark(next), Some('\'' | '’')) && t.word(next + 1) == "time" {
            next += 1;
        }
        if t.word(next) == "time" {
            next += 1;
        }
        // `in 3 days or less` is a measure, `in 2 days from friday` is muddled.
        if t.is(next, &["or", "from", "of", "after", "before"]) {
            return Some((Reading::Refused, next));
        }
        return Some((from_now(step, s).into(), next));
    }
    let (step, next) = amount(t, i)?;
    if t.word(next) != "from" {
        return None;
    }
    if t.is(next + 1, &["now", "today"]) {
        return Some((from_now(step, s).into(), next + 2));
    }
    let (anchor, end) = named(t, next + 1, s)
        .or_else(|| coming(t, next + 1, s))
        .or_else(|| weekday(t, next + 1, s))
        .or_else(|| calendar::written(t, next + 1, s))?;
    let Reading::Date(Date { at: At::Day(day), .. }) = anchor else {
        return Some((Reading::Refused, end));
    };
    if step.minutes != 0 {
        return Some((Reading::Refused, end));
    }
    found(step.from(day), end)
}

fn from_now(step: Step, s: &Scene) -> Option<Date> {
    if step.minutes == 0 {
        return step.from(s.today).map(Date::day);
    }
    let at = s.instant.checked_add_signed(TimeDelta::minutes(step.minutes))?;
    Some(Date { at: At::Instant(at), ..Date::day(s.today) })
}

/// The Monday of the week after the one of `day`.
fn next_monday(day: NaiveDate) -> Option<NaiveDate> {
    after(day, 7 - u64::from(day.weekday().num_days_from_monday()))
}

/// The first `weekday` behind `day`.
fn strictly_next(day: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    let ahead = (7 + weekday.num_days_from_monday() - day.weekday().num_days_from_monday()) % 7;
    after(day, u64::from(if ahead == 0 { 7 } else { ahead }))
}

/// `weekday` of the week that begins at `monday`.
fn in_week(monday: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    after(monday, u64::from(weekday.num_days_from_monday()))
}

/// `next friday`, `this weekend`, `coming monday`, `next month`.
fn coming(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let word = t.word(i);
    let strict = t.is(i, &["coming", "upcoming"]) || t.phrase(i, "this coming").is_some();
    let at = if t.phrase(i, "this coming").is_some() { i + 2 } else { i + 1 };
    if !strict && !matches!(word, "next" | "this") {
        let weekend = t.word(i) == "weekend";
        let the = t.phrase(i, "the weekend").is_some();
        let date = this_weekend(s)?.shaped(Shape::Weekend);
        return (weekend || the).then(|| (Some(date).into(), i + 1 + usize::from(the)));
    }
    if let Some((day, form)) = words::weekday(t.word(at))
        && form != Form::Plural
    {
        let date = match word {
            "next" => in_week(next_monday(s.today)?, day),
            "this" if !strict && s.today.weekday() == day => Some(s.today),
            _ => strictly_next(s.today, day),
        };
        return found(date, at + 1);
    }
    if t.is(i.wrapping_sub(1), &["late", "sometime", "mid"]) && t.is(at, &["week", "month", "year"])
    {
        return Some((Reading::Refused, at + 1));
    }
    match (word, t.word(at)) {
        ("next", "weekend") => found(in_week(next_monday(s.today)?, Weekday::Sat), at + 1),
        (_, "weekend") => Some((this_weekend(s).into(), at + 1)),
        ("next", "week") => {
            let monday = next_monday(s.today)?;
            let on = if t.word(at + 1) == "on" { at + 2 } else { at + 1 };
            match words::weekday(t.word(on)) {
                Some((day, form)) if form != Form::Plural => found(in_week(monday, day), on + 1),
                _ => found(Some(monday), at + 1),
            }
        }
        ("next", "month") => {
            let first = s.today.with_day(1)?.checked_add_months(Months::new(1))?;
            let on = t.phrase(at + 1, "on the").unwrap_or(at + 1);
            match words::ordinal(t, on) {
                Some((n, next)) if on > at + 1 => {
                    found(u32::try_from(n).ok().and_then(|n| first.with_day(n)), next)
                }
                _ => found(Some(first), at + 1),
            }
        }
        ("next", "year") => found(NaiveDate::from_ymd_opt(s.today.year() + 1, 1, 1), at + 1),
        _ => None,
    }
}

/// Saturday; on a Sunday that Sunday, for the weekend is not over.
fn this_weekend(s: &Scene) -> Option<Date> {
    let day = match s.today.weekday() {
        Weekday::Sat | Weekday::Sun => Some(s.today),
        _ => strictly_next(s.today, Weekday::Sat),
    };
    day.map(Date::day)
}

/// `end of month`, `eom`, `end of next week`, `beginning of march`, `mid january`.
fn edge(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let i = if t.word(i) == "the" { i + 1 } else { i };
    if let Some(next) = end_of_day(t, i) {
        let at = next + usize::from(t.is(next, &["on"]));
        return named(t, at, s)
            .or_else(|| coming(t, at, s))
            .or_else(|| weekday(t, at, s))
            .or_else(|| calendar::written(t, at, s))
            .map(|(reading, end)| (reading.firm(), end))
            .or_else(|| found(Some(s.today), next));
    }
    match t.word(i) {
        "eow" => return found(end_of_week(s.today), i + 1),
        "eom" => return found(last_of(s.today), i + 1),
        "eoy" => return found(NaiveDate::from_ymd_opt(s.today.year(), 12, 31), i + 1),
        _ => {}
    }
    let end = t.word(i) == "end";
    let mid = t.is(i, &["mid", "middle"]);
    if !end && !mid && !t.is(i, &["start", "beginning"]) {
        return None;
    }
    let mut at = i + 1;
    let of = t.word(at) == "of";
    if of || (mid && t.tight(at, '-')) {
        at += 1;
    }
    if !of && t.word(i) != "mid" {
        return None;
    }
    if let Some((year, month, next)) = calendar::month_named(t, at, s) {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let day = match (end, mid) {
            (true, _) => last_of(first),
            (_, true) => first.with_day(15),
            _ => Some(first),
        };
        return found(day.filter(|day| *day >= s.today), next);
    }
    let next_one = t.word(at) == "next";
    if t.is(at, &["the", "this", "next"]) {
        at += 1;
    }
    let month = s.today.with_day(1)?.checked_add_months(Months::new(u32::from(next_one)))?;
    let year = s.today.year() + i32::from(next_one);
    let day = match (t.word(at), end) {
        ("week", true) if !next_one => end_of_week(s.today),
        ("week", true) => in_week(next_monday(s.today)?, Weekday::Fri),
        ("month", true) => last_of(month),
        ("year", true) => NaiveDate::from_ymd_opt(year, 12, 31),
        ("month", false) if next_one && !mid => Some(month),
        ("month", false) if next_one && mid => month.with_day(15),
        ("year", false) if next_one && !mid => NaiveDate::from_ymd_opt(year, 1, 1),
        ("week", false) if next_one && !mid => next_monday(s.today),
        _ => return None,
    };
    if let Some((year, next)) = calendar::year(t, at + 1) {
        let day = (t.word(at) == "year" && end && !next_one).then_some(());
        return found(day.and_then(|()| NaiveDate::from_ymd_opt(year, 12, 31)), next);
    }
    found(day, at + 1)
}

/// Friday, the end of the working week; at the weekend that Sunday.
fn end_of_week(today: NaiveDate) -> Option<NaiveDate> {
    let monday = next_monday(today)?.checked_sub_days(Days::new(7))?;
    let friday = in_week(monday, Weekday::Fri)?;
    if today <= friday { Some(friday) } else { in_week(monday, Weekday::Sun) }
}

/// `friday`, `friday next week`, `friday 13 march`; a weekday is never today.
fn weekday(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let (day, form) = words::weekday(t.word(i))?;
    if form == Form::Plural {
        return None;
    }
    let mut next = i + 1;
    if form != Form::Full && t.tight(next, '.') && t.closes(next) && next + 1 < t.len() {
        next += 1;
    }
    for (words, weeks) in
        [("next week", 1), ("of next week", 1), ("this week", 0), ("of this week", 0)]
    {
        if let Some(end) = t.phrase(next, words) {
            let monday = next_monday(s.today)?.checked_sub_days(Days::new(7))?;
            let date = in_week(after(monday, weeks * 7)?, day).filter(|date| *date >= s.today);
            return found(date, end);
        }
    }
    let comma = next + usize::from(t.mark(next) == Some(','));
    let the = comma + usize::from(t.word(comma) == "the");
    if t.opens(the)
        && let Some((reading, end)) = calendar::written(t, the, s)
    {
        let Reading::Date(date) = reading else { return Some((Reading::Refused, end)) };
        let At::Day(at) = date.at else { return Some((Reading::Refused, end)) };
        let agrees = at.weekday() == day;
        let soon = date.shape != Shape::Slash && agrees;
        return found(soon.then_some(at), end);
    }
    let date = strictly_next(s.today, day)?;
    Some((Some(Date::day(date).shaped(Shape::Weekday(form))).into(), next))
}

/// Whether the number at `i` is a day: not one of many things, nor the number of something.
fn counts_days(t: &Tokens<'_>, i: usize, next: usize) -> bool {
    !t.among(next, COUNTED) && !t.among(i.wrapping_sub(1), NUMBERED)
}
