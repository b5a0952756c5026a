//! Times recurrence and quick-add against their promises: `cargo bench -p actors --no-default-features --bench rule`.
//!
//! Prints the median of many runs; the promises are the next occurrence ten years into a rule under 5 us and
//! 1,000 occurrences under 0.5 ms for common rules, a rule that never fires in microseconds, and no text that takes
//! quick-add more than 1 ms.

#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::hint::black_box;
use std::time::Instant;

use actors::message::time::{Local, Timestamp};
use actors::quick_add::quick_add;
use actors::recurrence::rule::{Cron, Rrule, Rule, When, expand};
use chrono_tz::Tz;
use serde_json::json;

/// Runs of which the median is told.
const RUNS: usize = 301;
/// 21 November 2026, 09:00 UTC.
const NOW: Timestamp = Timestamp(1_795_251_600_000);

fn local(text: &str) -> Local {
    Local::try_from(text.to_owned()).expect("a civil time written in this file")
}

fn rule(text: &str) -> Rule {
    Rule::read(&text.into()).ok().flatten().expect("a rule written in this file")
}

/// The median of the times that `work` takes, in nanoseconds.
fn median(mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..RUNS)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn main() {
    let (start, later) = (local("2026-01-31T09:00:00"), local("2036-06-15T12:00:00"));
    println!("{:<52} {:>9} {:>9} {:>12}", "rule (Europe/Berlin)", "next ns", "step ns", "1,000 us");
    for text in [
        "daily",
        "weekly",
        "monthly",
        "yearly",
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=6",
        "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11",
        "0 9 * * mon-fri",
        "*/15 * * * *",
    ] {
        let (rule, zone) = (rule(text), Some(Tz::Europe__Berlin));
        let next = median(|| {
            black_box(rule.occurrences(start, zone, Some(black_box(later))).next());
        });
        let step = median(|| {
            black_box(rule.step(start, black_box(later), zone));
        });
        let thousand = median(|| {
            black_box(rule.occurrences(black_box(start), zone, None).take(1_000).last());
        });
        println!("{text:<52} {next:>9} {step:>9} {:>12.1}", thousand as f64 / 1_000.0);
    }
    println!("\n{:<52} {:>9}", "rules that never fire", "ns");
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "0 0 31 2 *",
    ] {
        let rule = rule(text);
        let none = median(|| {
            black_box(rule.pure_occurrences(start, Some(Tz::Europe__Berlin), None).next());
        });
        println!("{text:<52} {none:>9}");
    }
    burdens();
    texts();
    quick_adds();
}

/// Rules chosen to be a burden, expanded as `POST /recurrence/expand` does.
fn burdens() {
    let sixty = (0..60).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let crowd = format!("FREQ=YEARLY;BYMINUTE={sixty};BYSECOND={sixty};COUNT=4000000000");
    println!("\n{:<52} {:>9}", "burdens, 1,000 from the year 9990", "us");
    for text in [
        crowd.as_str(),
        "FREQ=SECONDLY;INTERVAL=7;BYSECOND=0;BYMINUTE=0;BYHOUR=0;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MINUTELY;INTERVAL=1439;BYHOUR=5;BYMINUTE=1;BYDAY=MO;BYMONTHDAY=13",
        "FREQ=HOURLY;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20;BYSETPOS=-1,-366",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTHDAY=1;BYYEARDAY=1;BYHOUR=0;INTERVAL=7",
        "FREQ=SECONDLY;BYYEARDAY=366;BYDAY=MO;BYMONTHDAY=31",
        "FREQ=SECONDLY;COUNT=4000000000",
    ] {
        let request = json!({
            "dtstart": "2026-11-21T09:00:00", "zone": "Europe/Berlin", "rrule": text, "limit": 1000,
            "after": "9990-01-01",
        });
        let took = median(|| drop(black_box(expand(black_box(&request)))));
        println!("{:<52} {:>9.1}", &text[..text.len().min(52)], took as f64 / 1_000.0);
    }
}

/// Long and hostile texts, read as RRULE, as cron and as a date.
fn texts() {
    println!("\n{:<52} {:>9} {:>9} {:>9}", "hostile texts, us", "RRULE", "cron", "date");
    let numbers = (1..=240).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    for text in [
        "A".repeat(1_000_000),
        ";".repeat(1_000),
        format!("FREQ=YEARLY;BYYEARDAY={numbers}"),
        "BYDAY=MO;".repeat(110),
        "*,".repeat(99),
        "0-59/1,".repeat(28),
        "* * * * ".to_owned() + &"1#1,".repeat(47),
        "1".repeat(200),
        "FREQ=DAILY;UNTIL=".to_owned() + &"2".repeat(900),
    ] {
        let us = |took: u128| took as f64 / 1_000.0;
        let rrule = us(median(|| drop(black_box(Rrule::parse(black_box(&text))))));
        let cron = us(median(|| drop(black_box(Cron::parse(black_box(&text))))));
        let date = us(median(|| _ = black_box(When::read(black_box(&text)))));
        let name = format!("{:?} ({} characters)", &text[..text.len().min(24)], text.len());
        println!("{name:<52} {rrule:>9.1} {cron:>9.1} {date:>9.1}");
    }
}

/// Quick-add: what people type, and 1,000 characters that come far and mean little.
fn quick_adds() {
    println!("\n{:<52} {:>9}", "quick-add", "us");
    let long = |part: &str| part.chars().cycle().take(1_000).collect::<String>();
    let typed = [
        "buy milk",
        "pay rent every month on the 1st at 9am !high #home",
        "call mum next friday at noon remind me 30 min before",
    ];
    let heavy = [
        "every other tuesday ",
        "in 2 ",
        "2027-03-01 ",
        "remind me 1 day and ",
        "every 1st and ",
        "friday or ",
        "(2027-03-01t",
        "http://",
    ];
    for (name, text) in typed
        .map(|text| (text.to_owned(), text.to_owned()))
        .into_iter()
        .chain(heavy.map(|part| (format!("1,000 characters of {part:?}"), long(part))))
    {
        let took = median(|| drop(black_box(quick_add(black_box(&text), NOW, Tz::Europe__Berlin))));
        println!("{name:<52} {:>9.1}", took as f64 / 1_000.0);
    }
}
