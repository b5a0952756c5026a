//! The English of rules: which words make which rule.

use chrono::Weekday;

use super::{Freq, Rule, workdays};
use crate::quick_add::tokens::Tokens;
use crate::quick_add::words::{self, ALL_DAYS, Form, Part, Unit};

/// The largest interval of the contract.
const INTERVAL_MAX: u32 = 999;

/// The longest list that is read, for each of its items may begin one.
const LIST_LEN_MAX: usize = 12;

/// A rule, or what begins like one but has two meanings or none: it is stepped over.
type Found = Option<(Option<Rule>, usize)>;

/// The rule at `i`, and where it ends.
pub(crate) fn rule(t: &Tokens<'_>, i: usize) -> Found {
    if !t.opens(i) {
        return None;
    }
    let (mut rule, mut next) = match every(t, i)
        .or_else(|| of_every(t, i))
        .or_else(|| once(t, i))
        .or_else(|| adverb(t, i))
        .or_else(|| plural(t, i))?
    {
        (Some(rule), next) => (rule, next),
        refused => return Some(refused),
    };
    if let Some((part, end)) = part_of(t, next) {
        rule.part = Some(part);
        next = end;
    }
    for words in ["after completion", "after completing", "when completed", "when done"] {
        if let Some(end) = t.phrase(next, words) {
            rule.from_completed = true;
            next = end;
        }
    }
    if t.is(next, &["except", "excluding", "but", "unless", "or"]) {
        return Some((None, next));
    }
    t.closes(next).then_some((Some(rule), next))
}

/// `every day`, `each monday`, `every! 3 weeks`.
fn every(t: &Tokens<'_>, i: usize) -> Found {
    if t.word(i) == "everyday" {
        let alone = words::breaks(t, i + 1);
        return alone.then(|| (Some(Rule::each(Freq::Daily, 1)), i + 1));
    }
    if !t.is(i, &["every", "each", "ev"]) {
        return None;
    }
    // `tuesday of every month` is no monthly rule, whatever tuesday it was.
    if t.is(i.wrapping_sub(1), &["of", "in"]) {
        return Some((None, i + 1));
    }
    let strict = t.tight(i + 1, '!');
    let mut at = i + 1 + usize::from(strict);
    if t.word(at) == "single" {
        at += 1;
    }
    match body(t, at) {
        Some((Some(mut rule), next)) => {
            rule.from_completed = strict;
            Some((Some(rule), next))
        }
        Some(refused) => Some(refused),
        // What follows `every` is no date of its own, whatever it looks like.
        None => Some((None, (at + 2).min(t.len().max(at)))),
    }
}

fn body(t: &Tokens<'_>, i: usize) -> Found {
    if let Some(next) = t.phrase(i, "half hour").or_else(|| t.phrase(i, "half an hour")) {
        return Some((Some(Rule::each(Freq::Minutely, 30)), next));
    }
    on_date(t, i)
        .or_else(|| other(t, i))
        .or_else(|| ordinal(t, i))
        .or_else(|| counted(t, i))
        .or_else(|| day_part(t, i))
        .or_else(|| {
            let (days, next) = weekdays(t, i)?;
            Some((Some(Rule::weekly(1, days)), next))
        })
        .or_else(|| {
            let (unit, times, next) = words::unit(t, i)?;
            of_unit(t, unit, times, next)
        })
}

/// `every march 3`, `every 3rd of march`.
fn on_date(t: &Tokens<'_>, i: usize) -> Found {
    let (month, day, next) = month_day(t, i)?;
    Some((Some(yearly(month, day)), next))
}

fn yearly(month: u32, day: i32) -> Rule {
    Rule { month: Some(month), month_days: vec![day], ..Rule::each(Freq::Yearly, 1) }
}

/// `march 3`, `3 march`, `the 3rd of march`, if there is such a day.
fn month_day(t: &Tokens<'_>, i: usize) -> Option<(u32, i32, usize)> {
    let i = i + usize::from(t.word(i) == "the");
    let number = |at: usize| match words::ordinal(t, at) {
        Some(found) if found.0 > 0 => Some(found),
        _ => Some((i32::try_from(t.number(at)?).ok()?, at + 1)),
    };
    let (month, day, next) = if let Some(month) = words::month(t.word(i)) {
        let (day, next) = number(i + 1)?;
        (month, day, next)
    } else {
        let (day, next) = number(i)?;
        let at = next + usize::from(t.word(next) == "of");
        (words::month(t.word(at))?, day, at + 1)
    };
    let leap = chrono::NaiveDate::from_ymd_opt(2028, month, u32::try_from(day).ok()?);
    leap.map(|_| (month, day, next))
}

/// `every other week on monday`, `every other tuesday`.
fn other(t: &Tokens<'_>, i: usize) -> Found {
    if t.word(i) != "other" {
        return None;
    }
    if let Some((days, next)) = weekdays(t, i + 1) {
        return Some((Some(Rule::weekly(2, days)), next));
    }
    let (unit, times, next) = words::unit(t, i + 1)?;
    if unit == Unit::Workday {
        return Some((None, next));
    }
    of_unit(t, unit, times * 2, next)
}

/// `every 3 days`, `every two weeks on mon,thu`.
fn counted(t: &Tokens<'_>, i: usize) -> Found {
    if t.is(i, &["a", "an"]) {
        return None;
    }
    let (n, mut next) = words::count(t, i)?;
    next += usize::from(t.tight(next, '-'));
    let (unit, times, next) = words::unit(t, next)?;
    let n = n.checked_mul(times)?;
    if n > INTERVAL_MAX || (unit == Unit::Workday && n > 1) {
        return Some((None, next));
    }
    of_unit(t, unit, n, next)
}

/// `every morning`, `every night`.
fn day_part(t: &Tokens<'_>, i: usize) -> Found {
    if t.is(i, &["weekend", "weekends"]) {
        return Some((Some(Rule::weekly(1, vec![Weekday::Sat, Weekday::Sun])), i + 1));
    }
    let part = Part::named(t.word(i))?;
    Some((Some(Rule { part: Some(part), ..Rule::each(Freq::Daily, 1) }), i + 1))
}

/// `every last friday of the month`, `every 15th`, `every 1st and 15th`, `every second day`.
fn ordinal(t: &Tokens<'_>, i: usize) -> Found {
    let (which, next) = ordinals(t, i)?;
    let n = which[0];
    if let Some(days) = words::days(t.word(next)) {
        if t.is(next + 1, &["of", "in"]) {
            return nth_in(t, which, days, next + 2);
        }
        if which.len() > 1 {
            return Some((Some(nth(Freq::Monthly, 1, which, days)), next + 1));
        }
        return match (days.len(), n) {
            // `every second friday` is a fortnight to some and a month to others.
            (1, 2) | (5, 2..) => Some((None, next + 1)),
            (1 | 5, _) => Some((Some(nth(Freq::Monthly, 1, which, days)), next + 1)),
            (_, 2..) => of_unit(t, Unit::Day, u32::try_from(n).ok()?, next + 1),
            _ => Some((None, next + 1)),
        };
    }
    if let Some((unit, times, end)) = words::unit(t, next).filter(|_| which.len() == 1) {
        let n = u32::try_from(n).ok().filter(|n| *n > 1);
        return match n {
            Some(n) if unit != Unit::Workday => of_unit(t, unit, n * times, end),
            _ => Some((None, end)),
        };
    }
    let (days, next) = month_days(t, i)?;
    if t.word(next) == "of" {
        let end = a_month(t, next + 1).map(|(_, end)| end);
        return Some((end.map(|_| monthly(1, days)), end.unwrap_or(next + 2)));
    }
    (words::breaks(t, next)).then(|| (Some(monthly(1, days)), next))
}

fn monthly(interval: u32, month_days: Vec<i32>) -> Rule {
    Rule { month_days, ..Rule::each(Freq::Monthly, interval) }
}

/// The nth of these days of a month; the nth day of all is a day of the month.
fn nth(freq: Freq, interval: u32, which: Vec<i32>, days: Vec<Weekday>) -> Rule {
    if days == ALL_DAYS && freq == Freq::Monthly {
        return monthly(interval, which);
    }
    Rule { nth: Some((which, days)), ..Rule::each(freq, interval) }
}

/// Behind `last friday of`: `the month`, `every other month`, `march`, `each quarter` (refused).
fn nth_in(t: &Tokens<'_>, which: Vec<i32>, days: Vec<Weekday>, i: usize) -> Found {
    if let Some(month) = words::month(t.word(i)) {
        return Some((Some(nth_yearly(month, which, days)), i + 1));
    }
    match a_month(t, i) {
        Some((interval, next)) => Some((Some(nth(Freq::Monthly, interval, which, days)), next)),
        None => Some((None, i + 2)),
    }
}

fn nth_yearly(month: u32, which: Vec<i32>, days: Vec<Weekday>) -> Rule {
    Rule { month: Some(month), ..nth(Freq::Yearly, 1, which, days) }
}

/// `the month`, `each month`, `every 2 months`: how many, and where it ends.
fn a_month(t: &Tokens<'_>, i: usize) -> Option<(u32, usize)> {
    if t.word(i) == "month" {
        return Some((1, i + 1));
    }
    if !t.is(i, &["the", "each", "every", "a"]) {
        return None;
    }
    let (n, at) = match t.word(i + 1) {
        "other" => (2, i + 2),
        _ => words::count(t, i + 1)
            .or_else(|| {
                let (n, next) = words::ordinal(t, i + 1)?;
                Some((u32::try_from(n).ok()?, next))
            })
            .unwrap_or((1, i + 1)),
    };
    (t.is(at, &["month", "months"]) && n <= INTERVAL_MAX).then_some((n, at + 1))
}

/// `first`, `2nd and 4th`, sorted, the last at the end: which weekdays of the month.
fn ordinals(t: &Tokens<'_>, i: usize) -> Option<(Vec<i32>, usize)> {
    let (first, mut next) = words::ordinal(t, i)?;
    let mut which = vec![first];
    while let Some((n, end)) = words::ordinal(t, behind_comma(t, next)) {
        if behind_comma(t, next) == next || which.len() == LIST_LEN_MAX {
            break;
        }
        which.push(n);
        next = end;
    }
    sort(&mut which);
    Some((which, next))
}

fn sort(days: &mut Vec<i32>) {
    days.sort_unstable_by_key(|n| (*n < 0, *n));
    days.dedup();
}

/// Behind `,`, `and`, `, and the` at `i`; `i` itself if there is none.
fn behind_comma(t: &Tokens<'_>, i: usize) -> usize {
    let mut at = i + usize::from(t.mark(i) == Some(','));
    at += usize::from(t.word(at) == "and" || t.mark(at) == Some('&'));
    if at > i && t.word(at) == "the" { at + 1 } else { at }
}

/// `1st`, `1st and 15th`, `15th and last day`, sorted; none if the list goes on in another way.
fn month_days(t: &Tokens<'_>, i: usize) -> Option<(Vec<i32>, usize)> {
    let day = |at: usize| match t.phrase(at, "last day") {
        Some(next) => Some((-1, next)),
        None => words::ordinal(t, at).filter(|_| t.number(at).is_some() || t.word(at) == "first"),
    };
    let (first, mut next) = day(i + usize::from(t.word(i) == "the"))?;
    let mut days = vec![first];
    while days.len() < LIST_LEN_MAX {
        let at = behind_comma(t, next);
        match day(at) {
            Some((n, end)) if at > next => {
                days.push(n);
                next = end;
            }
            None if at > next && words::ordinal(t, at).is_some() => return None,
            _ => break,
        }
    }
    sort(&mut days);
    Some((days, next))
}

/// `n` of `unit`, with the days that may follow: `weeks on mon,thu`, `month on the 1st`, `year on march 3`.
fn of_unit(t: &Tokens<'_>, unit: Unit, n: u32, next: usize) -> Found {
    if n > INTERVAL_MAX {
        return Some((None, next));
    }
    let on = next + usize::from(t.mark(next) == Some(',') && t.word(next + 1) == "on");
    let (on, said) = if t.word(on) == "on" { (on + 1, true) } else { (next, false) };
    match unit {
        Unit::Minute => Some((Some(Rule::each(Freq::Minutely, n)), next)),
        Unit::Hour => Some((Some(Rule::each(Freq::Hourly, n)), next)),
        Unit::Day => {
            let end = t.phrase(next, "of the week").unwrap_or(next);
            Some((Some(Rule::each(Freq::Daily, n)), end))
        }
        Unit::Workday => Some((Some(workdays(1)), next)),
        Unit::Week => match weekdays(t, on).or_else(|| workday_list(t, on)) {
            Some((days, end)) => Some((Some(Rule::weekly(n, days)), end)),
            None => unnamed(t, Freq::Weekly, n, next, said),
        },
        Unit::Month => match in_month(t, n, on, said) {
            Some(found) => Some(found),
            None => unnamed(t, Freq::Monthly, n, next, said),
        },
        Unit::Year => match in_year(t, n, on, said) {
            Some(found) => Some(found),
            None => unnamed(t, Freq::Yearly, n, next, said),
        },
    }
}

fn workday_list(t: &Tokens<'_>, i: usize) -> Option<(Vec<Weekday>, usize)> {
    match t.word(i) {
        "weekdays" => Some((words::WORKDAYS.to_vec(), i + 1)),
        "weekends" => Some((vec![Weekday::Sat, Weekday::Sun], i + 1)),
        _ => None,
    }
}

/// The plain rule; refused if it goes on with days that were not understood (`every month on the 32nd`, `every year in march`).
fn unnamed(t: &Tokens<'_>, freq: Freq, n: u32, next: usize, said: bool) -> Found {
    let at = next + 1;
    if t.is(next, &["on", "in"]) && words::month(t.word(at)).is_some() {
        return Some((None, at + 1));
    }
    let days = t.is(at, &["the", "day", "days", "a"])
        || t.number(at).is_some()
        || words::weekday(t.word(at)).is_some()
        || words::ordinal(t, at).is_some();
    if said && days {
        return Some((None, at + 1));
    }
    Some((Some(Rule::each(freq, n)), next))
}

/// `the 1st`, `the last day`, `the second tuesday`, `day 15`; behind `on` or with `the`.
fn in_month(t: &Tokens<'_>, n: u32, i: usize, said: bool) -> Found {
    if said && t.word(i) == "day" {
        let day = t.number(i + 1).filter(|day| (1..=31).contains(day))?;
        return Some((Some(monthly(n, vec![i32::try_from(day).ok()?])), i + 2));
    }
    let the = t.word(i) == "the";
    if !said && !the && t.number(i).is_none() {
        return None;
    }
    let at = i + usize::from(the);
    let (which, next) = ordinals(t, at)?;
    if let Some(days) = words::days(t.word(next)).filter(|days| *days != ALL_DAYS || which == [-1])
    {
        let end = t.phrase(next + 1, "of the month").unwrap_or(next + 1);
        return Some((Some(nth(Freq::Monthly, n, which, days)), end));
    }
    let (days, next) = month_days(t, at)?;
    let next = t.phrase(next, "of the month").unwrap_or(next);
    words::breaks(t, next).then(|| (Some(monthly(n, days)), next))
}

/// `march 3`, `the first monday of march`; behind `on`.
fn in_year(t: &Tokens<'_>, n: u32, i: usize, said: bool) -> Found {
    if !said {
        return None;
    }
    let mut found = if let Some((month, day, next)) = month_day(t, i) {
        (yearly(month, day), next)
    } else {
        let at = i + usize::from(t.word(i) == "the");
        let (which, next) = ordinals(t, at)?;
        let days = words::days(t.word(next))?;
        let month = words::month(t.word(next + 2)).filter(|_| t.is(next + 1, &["of", "in"]))?;
        (nth_yearly(month, which, days), next + 3)
    };
    found.0.interval = n;
    Some((Some(found.0), found.1))
}

/// `on the first monday of every month`, `the 1st and 15th of each month`, `first monday of march every year`.
fn of_every(t: &Tokens<'_>, i: usize) -> Found {
    let at = i + usize::from(t.word(i) == "on");
    let at = at + usize::from(t.word(at) == "the");
    let (which, next) = ordinals(t, at)?;
    let days = words::days(t.word(next)).filter(|days| *days != ALL_DAYS || which == [-1]);
    let (days_of_month, of) = match &days {
        Some(_) => (Vec::new(), next + 1),
        None => month_days(t, at)?,
    };
    if !t.is(of, &["of", "in"]) {
        return None;
    }
    if let (Some(days), Some(month)) = (&days, words::month(t.word(of + 1))) {
        let end = t
            .phrase(of + 2, "every year")
            .or_else(|| t.phrase(of + 2, "each year"))
            .or_else(|| t.is(of + 2, &["yearly", "annually"]).then_some(of + 3))?;
        return Some((Some(nth_yearly(month, which, days.clone())), end));
    }
    if !t.is(of + 1, &["every", "each"]) {
        return None;
    }
    match (days, a_month(t, of + 1)) {
        (Some(days), Some((interval, next))) => {
            Some((Some(nth(Freq::Monthly, interval, which, days)), next))
        }
        (None, Some((interval, next))) => Some((Some(monthly(interval, days_of_month)), next)),
        (_, None) => Some((None, of + 3)),
    }
}

/// `once a week`, `once every 3 days`.
fn once(t: &Tokens<'_>, i: usize) -> Found {
    if t.word(i) != "once" {
        return None;
    }
    if t.is(i + 1, &["a", "per"]) {
        let (unit, times, next) = words::unit(t, i + 2)?;
        return of_unit(t, unit, times, next);
    }
    every(t, i + 1)
        .or_else(|| adverb(t, i + 1))
        .map(|(rule, next)| (rule.map(|rule| Rule { adverb: false, ..rule }), next))
}

/// `daily`, `weekly on mondays`, `monthly on the 15th`.
fn adverb(t: &Tokens<'_>, i: usize) -> Found {
    let (unit, n) = match t.word(i) {
        "hourly" => (Unit::Hour, 1),
        "daily" => (Unit::Day, 1),
        "weekly" => (Unit::Week, 1),
        "fortnightly" => (Unit::Week, 2),
        "monthly" => (Unit::Month, 1),
        "quarterly" => (Unit::Month, 3),
        "yearly" | "annually" => (Unit::Year, 1),
        _ => return None,
    };
    let (rule, next) = of_unit(t, unit, n, i + 1)?;
    if t.is(i.wrapping_sub(1), &["twice", "thrice", "times"]) {
        return Some((None, next));
    }
    // Days behind it leave no doubt: `monthly on the 15th` is no attribute.
    let adverb = next == i + 1;
    Some((rule.map(|rule| Rule { adverb, ..rule }), next))
}

/// `on mondays`, `tuesdays and thursdays`, `weekdays`, `on weekends`; days alone are as doubtful as `daily`.
fn plural(t: &Tokens<'_>, i: usize) -> Found {
    let said = t.word(i) == "on";
    let at = i + usize::from(said);
    let plain = t.word(at) == "weekdays" || said;
    let (days, next) = workday_list(t, at).or_else(|| {
        let (_, form) = words::weekday(t.word(at))?;
        (form == Form::Plural).then(|| weekdays(t, at))?
    })?;
    Some((Some(Rule { adverb: !plain, ..Rule::weekly(1, days) }), next))
}

/// Behind a rule: `morning`, `mornings`, `in the evening`.
fn part_of(t: &Tokens<'_>, i: usize) -> Option<(Part, usize)> {
    let plural = t.word(i).strip_suffix('s').and_then(Part::named);
    plural.map(|part| (part, i + 1)).or_else(|| words::part(t, i))
}

/// A list or range of weekdays, sorted: `mon, wed and fri`, `tue/thu`, `monday to friday`.
pub(crate) fn weekdays(t: &Tokens<'_>, i: usize) -> Option<(Vec<Weekday>, usize)> {
    let (mut days, mut next) = weekday_range(t, i)?;
    for _ in 1..LIST_LEN_MAX {
        let Some((more, end)) = weekday_range(t, separator(t, next)) else { break };
        days.extend(more);
        next = end;
    }
    days.sort_unstable_by_key(Weekday::num_days_from_monday);
    days.dedup();
    Some((days, next))
}

fn separator(t: &Tokens<'_>, mut i: usize) -> usize {
    for _ in 0..3 {
        let joins = matches!(t.mark(i), Some(',' | '&' | '/' | '+'))
            || t.is(i, &["and", "every", "each", "on"]);
        if !joins {
            break;
        }
        i += 1;
    }
    i
}

fn weekday_range(t: &Tokens<'_>, i: usize) -> Option<(Vec<Weekday>, usize)> {
    let (from, _) = words::weekday(t.word(i))?;
    let i = i + usize::from(t.tight(i + 1, '.') && !t.closes(i + 1));
    let joined = matches!(t.mark(i + 1), Some('-' | '–'))
        || t.is(i + 1, &["to", "through", "thru", "till", "until"]);
    let Some((to, _)) = words::weekday(t.word(i + 2)).filter(|_| joined) else {
        return Some((vec![from], i + 1));
    };
    let mut days = vec![from];
    let mut day = from;
    while day != to {
        day = day.succ();
        days.push(day);
    }
    Some((days, i + 3))
}
