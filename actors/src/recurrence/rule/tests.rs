//! The suites of the engine: the RFC's own examples, tables per part, a slow oracle, clock changes, forms, steps.

use serde_json::{Value, json};

use super::*;

mod clocks;
mod crons;
mod forms;
mod fuzz;
mod oracle;
mod parts;
mod rfc;
mod steps;

/// A civil time.
fn local(text: &str) -> Local {
    Local::try_from(text.to_owned()).unwrap()
}

fn zone(name: &str) -> Option<Tz> {
    (!name.is_empty()).then(|| name.parse().unwrap())
}

/// The answer of an expansion: the wall clocks, and whether nothing follows.
fn expanded(request: &Value) -> (Vec<String>, bool) {
    let answer = expand(request).unwrap_or_else(|faults| panic!("{request}: {faults:?}"));
    let told = answer["occurrences"].as_array().unwrap();
    let locals = told.iter().map(|one| one["local"].as_str().unwrap().to_owned()).collect();
    (locals, answer["complete"].as_bool().unwrap())
}

/// Expands `rrule` without a zone and compares it with the dates and times in `want`, which stand in a short form:
/// `1997-09-02 05 10-01` is three days, each word changing the end of the one before. `...` at the end means
/// that more follows.
fn check(dtstart: &str, rrule: &str, want: &str) {
    check_in("", dtstart, rrule, want);
}

/// As [`check`], in a zone.
fn check_in(zone: &str, dtstart: &str, rrule: &str, want: &str) {
    let mut words: Vec<&str> = want.split_whitespace().collect();
    let endless = words.last() == Some(&"...");
    if endless {
        words.pop();
    }
    let mut last = dtstart.to_owned();
    let want: Vec<String> = words
        .into_iter()
        .map(|word| {
            // A word with a T replaces from the date on, one with a colon the time, any other the day.
            let (date, time) = last.split_at(10);
            last = match word {
                _ if word.contains('T') => word.to_owned(),
                _ if word.contains(':') => format!("{date}T{word}:00"),
                _ => format!("{}{word}{time}", &date[..10 - word.len()]),
            };
            last.clone()
        })
        .collect();
    let key = if rrule.contains("FREQ=") { "rrule" } else { "rule" };
    let zone = if zone.is_empty() { Value::Null } else { zone.into() };
    let limit = if endless { want.len() } else { 1_000 };
    let request = json!({"dtstart": dtstart, key: rrule, "zone": zone, "limit": limit.max(1)});
    let (got, complete) = expanded(&request);
    assert_eq!((got, complete), (want, !endless), "{dtstart} {rrule}");
}
