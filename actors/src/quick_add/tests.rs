//! The table of phrases in `phrases.txt`, and what holds for every text.

use chrono_tz::Europe::Berlin;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const TABLE: &str = include_str!("phrases.txt");
/// 2026-11-18T10:00 in Berlin, a Wednesday.
const NOW: Timestamp = Timestamp(1_794_992_400_000);

fn rows(section: &str) -> Vec<&'static str> {
    let from = TABLE.split(section).nth(1).expect("the section is there");
    let rows = from.split("\n[").next().expect("a split has a first part").lines();
    // A comment is a sentence, so that `# work` can be a row.
    rows.filter(|row| {
        !row.is_empty() && !(row.starts_with("# ") && row.ends_with(['.', ';', ')', ':']))
    })
    .collect()
}

/// `due | rule | title | the rest`, as the table writes them.
fn told(quick: &QuickAdd) -> [String; 4] {
    let due = quick.due.map_or("-".to_owned(), |due| match due {
        Local::Day(day) => day.to_string(),
        Local::Moment(at) => at.format("%Y-%m-%dT%H:%M").to_string(),
    });
    let rule = match &quick.recurrence {
        None => "-".to_owned(),
        Some(Value::String(name)) => name.clone(),
        Some(rule) => rule.to_string(),
    };
    let mut rest: Vec<String> = quick.tags.iter().map(|tag| format!("#{tag}")).collect();
    rest.extend(quick.priority.map(|name| format!("p:{name}")));
    for reminder in &quick.reminders {
        let lead = reminder["lead_time"].as_str().map(|lead| format!("lead:{lead}"));
        let at = reminder["remind_at"].as_str().map(|at| format!("at:{at}"));
        rest.extend(lead.or(at));
    }
    rest.sort();
    [due, rule, quick.title.clone(), rest.join(" ")]
}

fn check(text: &str, want: [&str; 4], wrong: &mut Vec<String>) {
    let quick = quick_add(text, NOW, Berlin);
    let got = told(&quick);
    if got != want {
        wrong.push(format!("{text:?}\n   is {got:?}\n want {want:?}"));
    }
    holds(text, &quick);
}

/// What holds for every text: spans in order, apart, telling their text; the title is the rest and nothing else.
fn holds(text: &str, quick: &QuickAdd) {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut rest = Vec::new();
    let mut at = 0;
    for span in &quick.spans {
        assert!(span.start >= at && span.end > span.start && span.end <= units.len(), "{text:?}");
        assert_eq!(String::from_utf16(&units[span.start..span.end]).unwrap(), span.text);
        rest.extend_from_slice(&units[at..span.start]);
        at = span.end;
    }
    rest.extend_from_slice(&units[at..]);
    let rest = String::from_utf16(&rest).unwrap();
    assert_eq!(quick.title, rest.split_whitespace().collect::<Vec<_>>().join(" "), "{text:?}");
    assert_eq!(quick.due_at.is_some(), matches!(quick.due, Some(Local::Moment(_))), "{text:?}");
}

fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_phrase_means_what_the_table_states_alone_and_in_a_task() {
    let mut wrong = Vec::new();
    for row in rows("[phrases]") {
        let (phrase, meaning) = row.split_once(" = ").expect("a row has a meaning");
        let (due, rule) = meaning.split_once(" | ").unwrap_or((meaning, "-"));
        match phrase.strip_prefix("only ") {
            Some(phrase) => check(phrase, [due, rule, "", ""], &mut wrong),
            None => {
                check(phrase, [due, rule, "", ""], &mut wrong);
                let task = format!("call Ann {phrase}");
                check(&task, [due, rule, "call Ann", ""], &mut wrong);
                check(&format!("{task} #x"), [due, rule, "call Ann", "#x"], &mut wrong);
            }
        }
    }
    none_wrong(&wrong);
}

#[test]
fn what_is_no_date_stays_in_the_title() {
    let mut wrong = Vec::new();
    for row in rows("[nothing]") {
        for text in [row.to_owned(), format!("ask Ann, {row}"), format!("{row} with Ann")] {
            check(&text, ["-", "-", &text, ""], &mut wrong);
        }
    }
    none_wrong(&wrong);
}

#[test]
fn a_sentence_gives_its_date_rule_marks_and_title() {
    let mut wrong = Vec::new();
    for row in rows("[sentences]") {
        let (text, meaning) = row.split_once(" = ").expect("a row has a meaning");
        let mut columns = meaning.split(" | ");
        let mut column = || columns.next().unwrap_or("");
        let (due, rule, title) = (column(), column(), column());
        let mut rest: Vec<&str> = column().split_whitespace().collect();
        rest.sort_unstable();
        check(text, [due, rule, title, &rest.join(" ")], &mut wrong);
    }
    none_wrong(&wrong);
}

#[test]
fn the_table_is_as_long_as_promised() {
    let (phrases, nothing) = (rows("[phrases]").len(), rows("[nothing]").len());
    assert!(phrases >= 300 && nothing >= 80, "{phrases} phrases, {nothing} negative");
}
#[test]
fn zz_look() {
    for line in std::fs::read_to_string("/tmp/look.txt").unwrap_or_default().lines() {
        let q = quick_add(line, NOW, Berlin);
        println!("{line:60} {:?}", told(&q));
    }
}
