//! Days by their number: `jan 31`, `the 15th`, `last friday of the month`, `2027-03-01`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Utc, Weekday};

use super::{At, Date, Found, Reading, Scene, Shape, counts_days, found};
use crate::quick_add::tokens::Tokens;
use crate::quick_add::words;

/// No RFC 3339 moment is longer, and its closing marks.
const MOMENT_LEN_MAX: usize = 48;

/// The date at `i` that is written by its number.
pub(super) fn written(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    if !t.opens(i) {
        return None;
    }
    iso(t, i)
        .or_else(|| numeric(t, i, s))
        .or_else(|| month_day(t, i, s))
        .or_else(|| day_month(t, i, s))
        .or_else(|| nth_weekday(t, i, s))
        .or_else(|| nth(t, i, s))
}

/// The last day of the month of `day`.
pub(crate) fn last_of(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))
}

/// Day `n` of the month that begins at `first`, held to its last day; -1 is the last.
pub(crate) fn day_of_month(first: NaiveDate, n: i32) -> Option<NaiveDate> {
    let last = last_of(first)?;
    match u32::try_from(n) {
        Ok(n) if n < last.day() => first.with_day(n.max(1)),
        _ => Some(last),
    }
}

/// The `n`th day of a month (last: -1) that is one of `days`.
pub(crate) fn nth_of_month(first: NaiveDate, n: i32, days: &[Weekday]) -> Option<NaiveDate> {
    let last = last_of(first)?.day();
    let mut fits = (1..=last)
        .filter_map(|day| first.with_day(day))
        .filter(|day| days.contains(&day.weekday()));
    if n < 0 { fits.next_back() } else { fits.nth(usize::try_from(n).ok()?.checked_sub(1)?) }
}

/// The next day with this month and number, today counting.
fn next_month_day(month: u32, day: u32, s: &Scene) -> Option<NaiveDate> {
    // Nine years hold a 29 February whatever year it is.
    (s.today.year()..s.today.year() + 9)
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
        .find(|date| *date >= s.today)
}

/// The year at `i`, behind an optional comma.
pub(super) fn year(t: &Tokens<'_>, i: usize) -> Option<(i32, usize)> {
    let at = i + usize::from(t.mark(i) == Some(','));
    let year = t.number(at).filter(|year| (1970..2200).contains(year))?;
    let whole = t.digits(at).len() == 4 && !t.glued(at) && t.closes(at + 1);
    whole.then_some((i32::try_from(year).ok()?, at + 1))
}

/// The day with month and number, in the year at `next` or the next such day.
fn dated(t: &Tokens<'_>, month: u32, day: u32, next: usize, s: &Scene) -> Found {
    match year(t, next) {
        Some((year, end)) => found(NaiveDate::from_ymd_opt(year, month, day), end),
        None => found(next_month_day(month, day, s), next),
    }
}

/// The number of a day at `i`, with or without its suffix.
fn day_number(t: &Tokens<'_>, i: usize) -> Option<(u32, usize)> {
    let n = t.number(i).filter(|n| (1..=31).contains(n) && t.digits(i).len() <= 2)?;
    Some((n, words::ordinal(t, i).map_or(i + 1, |(_, next)| next)))
}

/// `jan 31`, `january 31st, 2027`.
fn month_day(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let month = words::month(t.word(i))?;
    let at = i + 1 + usize::from(t.tight(i + 1, '.'));
    let (day, next) = day_number(t, at)?;
    let half = t.glued(next) && !t.word(next).is_empty();
    if half || t.tight(next, ':') || !counts_days(t, i, next) {
        return None;
    }
    dated(t, month, day, next, s)
}

/// `31 jan`, `31st of january 2027`, `the 2nd of march`, `31-jan-2027`.
fn day_month(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let from = i + usize::from(t.word(i) == "the");
    if let Some((day, month, end)) = hyphened(t, from) {
        let year = i32::try_from(t.number(end - 1)?).ok()?;
        return found(NaiveDate::from_ymd_opt(year, month, day), end);
    }
    let (day, next) = match day_number(t, from) {
        Some(found) => found,
        None => {
            let (n, next) = words::ordinal(t, from)?;
            (u32::try_from(n).ok().filter(|_| t.word(next) == "of")?, next)
        }
    };
    let at = next + usize::from(t.word(next) == "of");
    let month = words::month(t.word(at))?;
    if !counts_days(t, i, at + 1) {
        return None;
    }
    let dot = t.tight(at + 1, '.') && year(t, at + 2).is_some();
    dated(t, month, day, at + 1 + usize::from(dot), s)
}

fn hyphened(t: &Tokens<'_>, i: usize) -> Option<(u32, u32, usize)> {
    let (day, next) = day_number(t, i)?;
    let month = words::month(t.word(next + 1))?;
    let tight = t.tight(next, '-') && t.tight(next + 2, '-') && t.glued(next + 3);
    (tight && t.digits(next + 3).len() == 4).then_some((day, month, next + 4))
}

/// The month named at `i`, with its year or the next such month: (year, month, end).
pub(super) fn month_named(t: &Tokens<'_>, i: usize, s: &Scene) -> Option<(i32, u32, usize)> {
    let month = words::month(t.word(i))?;
    if let Some((year, next)) = year(t, i + 1) {
        return Some((year, month, next));
    }
    let year = s.today.year() + i32::from(month < s.today.month());
    Some((year, month, i + 1))
}

/// `the 15th`, `1st of next month`.
fn nth(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let from = i + usize::from(t.word(i) == "the");
    let (n, next) = words::ordinal(t, from)?;
    let of = t.word(next) == "of";
    let named = t.number(from).is_none();
    let n = u32::try_from(n).ok()?;
    if of && let Some((months, end)) = month_meant(t, next + 1) {
        let first = s.today.with_day(1)?.checked_add_months(Months::new(months))?;
        let day = first.with_day(n).filter(|day| *day >= s.today);
        let rolls = t.word(next + 1) == "the";
        let day = if rolls { day.or_else(|| next_nth(n, s.today)) } else { day };
        return found(day, end);
    }
    if of || named || !counts_days(t, i, next) {
        return None;
    }
    let day = next_nth(n, s.today)?;
    let date = Date { later: next_nth(n, day.succ_opt()?), ..Date::day(day).shaped(Shape::Nth) };
    Some((Reading::Date(date), next))
}

/// The first day with this number from `day` on; months that lack it are passed over.
fn next_nth(n: u32, day: NaiveDate) -> Option<NaiveDate> {
    let first = day.with_day(1)?;
    (0..3)
        .filter_map(|months| first.checked_add_months(Months::new(months))?.with_day(n))
        .find(|date| *date >= day)
}

/// `the month`, `this month`, `next month`: how many months on.
fn month_meant(t: &Tokens<'_>, i: usize) -> Option<(u32, usize)> {
    if t.word(i + 1) != "month" {
        return None;
    }
    match t.word(i) {
        "the" | "this" => Some((0, i + 2)),
        "next" => Some((1, i + 2)),
        _ => None,
    }
}

/// `last friday of the month`, `first monday of march`, `last day of next month`.
fn nth_weekday(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let from = i + usize::from(t.word(i) == "the");
    let (n, next) = words::ordinal(t, from)?;
    let days = words::days(t.word(next))?;
    if !t.is(next + 1, &["of", "in"]) {
        return None;
    }
    let at = next + 2;
    if let Some((year, month, end)) = month_named(t, at, s) {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let mut day = nth_of_month(first, n, &days);
        if day.is_some_and(|day| day < s.today) && end == at + 1 {
            day = nth_of_month(first.with_year(year + 1)?, n, &days);
        }
        return found(day.filter(|day| *day >= s.today), end);
    }
    let (months, end) = month_meant(t, at)?;
    let first = s.today.with_day(1)?.checked_add_months(Months::new(months))?;
    let day = nth_of_month(first, n, &days);
    if day.is_some_and(|day| day < s.today) && t.word(at) == "the" {
        return found(nth_of_month(first.checked_add_months(Months::new(1))?, n, &days), end);
    }
    found(day.filter(|day| *day >= s.today), end)
}

/// Three numbers joined by one mark without spaces: the index behind them.
fn triple(t: &Tokens<'_>, i: usize, mark: char) -> Option<usize> {
    let joined = |at| t.tight(at, mark) && t.glued(at + 1) && t.number(at + 1).is_some();
    (t.number(i).is_some() && joined(i + 1) && joined(i + 3)).then_some(i + 5)
}

/// `2027-03-01`, `2027-03-01T14:00`, `2027-03-01T14:00:00+01:00`.
fn iso(t: &Tokens<'_>, i: usize) -> Found {
    if t.digits(i).len() != 4 {
        return None;
    }
    let next = triple(t, i, '-').or_else(|| triple(t, i, '/'))?;
    if !t.glued(next) || t.word(next) != "t" {
        let year = i32::try_from(t.number(i)?).ok()?;
        let day = NaiveDate::from_ymd_opt(year, t.number(i + 2)?, t.number(i + 4)?);
        return t.closes(next).then(|| (day.map(|day| Date::day(day).in_digits()).into(), next));
    }
    let start = t.list[i].start;
    let rest = &t.text[start..];
    let end = rest.char_indices().take(MOMENT_LEN_MAX).find(|(_, c)| c.is_whitespace());
    let chunk = match end {
        Some((end, _)) => &rest[..end],
        None if rest.len() <= MOMENT_LEN_MAX => rest,
        None => return Some((Reading::Refused, next)),
    };
    let chunk = chunk.trim_end_matches([',', '.', ';', ':', '!', '?', ')', ']']);
    let end = start + chunk.len();
    let next = (next..t.len()).find(|at| t.list[*at].start >= end).unwrap_or(t.len());
    let upper = chunk.to_ascii_uppercase();
    let minutes = upper.strip_suffix('Z').map_or(upper.clone(), |local| format!("{local}+00:00"));
    let zoned = DateTime::parse_from_rfc3339(&upper)
        .or_else(|_| DateTime::parse_from_str(&minutes, "%Y-%m-%dT%H:%M%:z"));
    let at = match zoned {
        Ok(at) => Some(At::Instant(at.with_timezone(&Utc))),
        Err(_) => ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(&upper, form).ok())
            .map(At::Moment),
    };
    let date = at.map(|at| Date { at, ..Date::day(NaiveDate::default()).in_digits() });
    Some((date.into(), next))
}

/// `31.1.2027`, and with slashes or hyphens where day and month cannot be confused: `1/31/2027`, `31/1`.
fn numeric(t: &Tokens<'_>, i: usize, s: &Scene) -> Found {
    let (a, b) = (t.number(i)?, t.number(i + 2)?);
    if t.digits(i).len() > 2 || t.digits(i + 2).len() > 2 {
        return None;
    }
    if let Some(next) = triple(t, i, '.') {
        let year = full_year(t, i + 4)?;
        if t.among(i.wrapping_sub(1), words::NUMBERED) {
            return None;
        }
        return Some((NaiveDate::from_ymd_opt(year, b, a).map(digits).into(), next));
    }
    // Beyond twelve it is a day; without that the order of the two is a matter of country.
    let order = match (a, b) {
        (13.., 1..=12) => Some((b, a)),
        (1..=12, 13..) => Some((a, b)),
        _ if a == b => Some((a, b)),
        _ => None,
    };
    if let Some(next) = triple(t, i, '/').or_else(|| triple(t, i, '-')) {
        let year = full_year(t, i + 4)?;
        let day = order.and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
        return Some((day.map(digits).into(), next));
    }
    if !t.tight(i + 1, '/') || !t.glued(i + 2) || (a, b) == (24, 7) {
        return None;
    }
    let (month, day) = order?;
    let date = next_month_day(month, day, s)?;
    t.closes(i + 3).then(|| (Some(digits(date).shaped(Shape::Slash)).into(), i + 3))
}

fn digits(day: NaiveDate) -> Date {
    Date::day(day).in_digits()
}

fn full_year(t: &Tokens<'_>, i: usize) -> Option<i32> {
    let year = t.number(i).filter(|year| (1970..2200).contains(year))?;
    if t.digits(i).len() == 4 { i32::try_from(year).ok() } else { None }
}
