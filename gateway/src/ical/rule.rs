//! The rule of a VTODO: RRULE, RDATE, EXDATE, and what they cannot say.

use actors::{
    message::{
        series::Series,
        task::{Due, Task},
        time::Local,
    },
    recurrence::rule::{Pattern, Rule, When},
};
use chrono::{Datelike, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{
    Fail, fail,
    line::{escape, unescape},
    part::Part,
    when::{self, Stamp},
    zone::Zones,
};
use crate::problem::Slug;

/// Our word for a rule that RRULE alone would not give back: mode, cron, clamped month ends.
const EXACT: &str = "X-TICKLER-RECURRENCE";
/// The lines that make a rule.
pub(super) const RULE: &[&str] = &["RRULE", "RDATE", "EXDATE", EXACT];

/// The rule of a VTODO that is due then, in the zone that it has.
pub(super) fn read(
    part: &Part,
    due: Option<Due>,
    zone: Tz,
    zones: &Zones,
) -> Result<Option<Rule>, Fail> {
    let exact = part.line(EXACT).and_then(|(_, line)| {
        let value: Value = serde_json::from_str(&unescape(line.value)).ok()?;
        Rule::read(&value).ok().flatten()
    });
    let at = part.line("RRULE").map(|(at, _)| at);
    let Some(due) = due else {
        return match at {
            None => Ok(None),
            Some(at) => {
                let why = "A recurring task needs a due date: DUE, or DTSTART.".to_owned();
                Err(fail(at, Slug::RecurrenceNeedsDueDate, why))
            }
        };
    };
    let plain = plain(part, due, zone, zones)?;
    // What another program has changed since wins over what we wrote beside it.
    let exact = exact.filter(|exact| match &plain {
        Some(plain) => standard_rule(exact, due, zone, zones).as_ref() == Some(plain),
        None => matches!(exact.pattern(), Pattern::Cron(_)),
    });
    let Some(rule) = exact.or(plain) else { return Ok(None) };
    rule.check(due.local(), Some(zone)).map_err(|faults| bad(at.unwrap_or(part.at), &faults))?;
    Ok(Some(rule))
}

/// The rule as its standard lines alone say it.
fn plain(part: &Part, due: Due, zone: Tz, zones: &Zones) -> Result<Option<Rule>, Fail> {
    let mut lines = part.all("RRULE");
    let Some((at, line)) = lines.next() else { return Ok(None) };
    if let Some((at, _)) = lines.next() {
        let why = "The task has a second RRULE; it can have one.".to_owned();
        return Err(fail(at, Slug::InvalidRecurrence, why));
    }
    // Exceptions are counted from DTSTART, as the rule is; ours is counted from the due date.
    let shift = match (when::start(part, zones)?.map(|start| start.local), due.local()) {
        (Some(Local::Moment(start)), Local::Moment(due)) => due - start,
        _ => TimeDelta::zero(),
    };
    let dates = |name: &str| -> Result<Vec<String>, Fail> {
        let mut dates = Vec::new();
        for line in part.all(name) {
            for stamp in when::stamps(&line, zones)? {
                let local = match stamp.local {
                    Local::Moment(at) => Local::Moment(at.checked_add_signed(shift).unwrap_or(at)),
                    day => day,
                };
                dates.push(placed(Stamp { local, ..stamp }, due, zone).extended());
            }
        }
        Ok(dates)
    };
    let rule = json!({
        "pattern": "rrule", "rrule": line.value, "rdates": dates("RDATE")?, "exdates": dates("EXDATE")?,
    });
    Rule::read(&rule).map_err(|faults| bad(at, &faults))
}

/// A date of a rule as rules hold it: on the wall clock where it is of the task's own zone.
fn placed(stamp: Stamp, due: Due, zone: Tz) -> When {
    match (stamp.local, stamp.zone, due) {
        (Local::Moment(_), Some(its), Due::Moment { .. }) if its != zone => {
            let utc = stamp.due(zone).instant(chrono::NaiveTime::MIN, its).utc();
            When::Utc(utc.naive_utc())
        }
        (local, _, _) => When::Local(local),
    }
}

fn bad(at: usize, faults: &[actors::message::fault::Fault]) -> Fail {
    let why = faults.first().map_or_else(String::new, |fault| fault.detail.clone());
    fail(at, Slug::InvalidRecurrence, format!("The rule cannot be kept: {why}."))
}

/// The lines of a rule of a task that is due then; `zone` is the one that holds for it.
pub(super) fn written(rule: &Rule, due: Due, zone: Tz) -> Vec<String> {
    let mut lines = standard(rule, due, zone);
    if standard_rule(rule, due, zone, &Zones::default()).as_ref() != Some(rule) {
        lines.push(format!("{EXACT}:{}", escape(&rule.write().to_string())));
    }
    lines
}

fn standard_rule(rule: &Rule, due: Due, zone: Tz, zones: &Zones) -> Option<Rule> {
    let lines: String = standard(rule, due, zone).iter().map(|line| format!("{line}\n")).collect();
    plain(&super::part::kept(&lines), due, zone, zones).ok().flatten()
}

fn standard(rule: &Rule, due: Due, zone: Tz) -> Vec<String> {
    let start = due.local();
    let own = match rule.pattern() {
        // As it was given, where no end stands beside it.
        Pattern::Rrule(inner) => {
            let ends = (rule.count(), rule.until());
            (ends == (inner.count, inner.until)).then(|| inner.text())
        }
        _ => None,
    };
    let text = own.or_else(|| rule.to_rrule(start, Some(zone)));
    let text = text.or_else(|| counted(rule, start, zone)?.to_rrule(start, Some(zone)));
    let Some(text) = text else { return Vec::new() };
    let mut lines = vec![format!("RRULE:{text}")];
    for (name, dates) in [("RDATE", rule.rdates()), ("EXDATE", rule.exdates())] {
        for date in dates {
            let stamp = match (*date, due) {
                (When::Utc(at), _) => Stamp { local: Local::Moment(at), zone: Some(Tz::UTC) },
                (When::Local(local), _) => Stamp { local, zone: Some(zone) },
            };
            lines.push(format!("{name}{}", stamp.written()));
        }
    }
    lines
}

/// A rule with a count and an end as one with the count that both come to.
fn counted(rule: &Rule, start: Local, zone: Tz) -> Option<Rule> {
    rule.count()?;
    let all = rule.occurrences(start, Some(zone), None).count();
    let mut object = rule.object();
    object["until"] = Value::Null;
    with_count(object, all as u64)
}

/// A rule's object with another count, inside the RRULE where it is there.
fn with_count(mut object: Value, count: u64) -> Option<Rule> {
    let inner = object["rrule"].as_str().filter(|text| text.contains("COUNT="));
    match inner {
        Some(text) => {
            let parts = text.split(';').map(|part| match part.starts_with("COUNT=") {
                true => format!("COUNT={count}"),
                false => part.to_owned(),
            });
            object["rrule"] = parts.collect::<Vec<_>>().join(";").into();
        }
        None => object["count"] = count.into(),
    }
    Rule::read(&object).ok().flatten()
}

/// The rule of a task as it goes on from this occurrence: what calendars know of a rule begins with the due date.
/// None where a later occurrence carries it.
pub(super) fn shown(task: &Task, series: Option<&Series>, zone: Tz) -> Option<Rule> {
    let rule = task.recurrence.as_deref()?;
    let Some(series) = series else { return Some(rule.clone()) };
    if series.last_task.is_some_and(|last| last != task.id) && !task.status.is_open() {
        return None;
    }
    let due = task.due?.local();
    if series.start == due {
        return Some(rule.clone());
    }
    Some(from_here(rule, series, due, zone).unwrap_or_else(|| rule.clone()))
}

fn from_here(rule: &Rule, series: &Series, due: Local, zone: Tz) -> Option<Rule> {
    let mut object = rule.object();
    let (start, first) = (series.start, series.start.date());
    match rule.pattern() {
        Pattern::Monthly { month_day: None, .. } => object["month_day"] = first.day().into(),
        Pattern::Yearly { .. } if (first.month(), first.day()) == (2, 29) => {
            let ends = [object["count"].take(), object["until"].take()];
            let text = Rule::read(&object).ok().flatten()?.to_rrule(start, Some(zone))?;
            object["pattern"] = "rrule".into();
            object["rrule"] = text.into();
            object.as_object_mut()?.remove("interval");
            [object["count"], object["until"]] = ends;
        }
        _ => {}
    }
    let Some(count) = rule.count() else { return Rule::read(&object).ok().flatten() };
    let gone = match object["exdates"].take() {
        Value::Array(dates) if !dates.is_empty() => {
            let all = Rule::read(&object).ok().flatten()?;
            object["exdates"] = dates.into();
            all.occurrences(start, Some(zone), None).take_while(|one| *one < due).count() as u64
        }
        _ => u64::from(series.made.saturating_sub(1)),
    };
    with_count(object, count.saturating_sub(gone).max(1))
}
