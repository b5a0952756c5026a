//! The table of phrases in `phrases.txt`, and what holds for every text.

use chrono_tz::Europe::Berlin;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::message::fault::Code;
use crate::recurrence::rule::Rule;

const TABLE: &str = include_str!("phrases.txt");
/// 2026-11-18T10:00 in Berlin, a Wednesday.
const NOW: Timestamp = Timestamp(1_794_992_400_000);

fn rows(section: &str) -> Vec<&'static str> {
    let from = TABLE.split(section).nth(1).expect("the section is there");
    let rows = from.split("\n[").next().expect("a split has a first part").lines();
    // A comment is a sentence, so that `# work` can be a row.
    rows.filter(|row| {
        !(row.is_empty() || row.starts_with("# ") && row.ends_with(['.', ';', ')', ':']))
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
    assert!(rows("[nothing]").contains(&"# work"), "a row is not taken for a comment");
}

#[test]
fn every_rule_of_the_table_is_a_rule_that_names_its_first_date() {
    for row in rows("[phrases]").into_iter().filter(|row| row.contains(" | ")) {
        let phrase = row.split(" = ").next().expect("a split has a first part");
        let quick = quick_add(phrase.trim_start_matches("only "), NOW, Berlin);
        let (written, first) = (quick.recurrence.unwrap(), quick.due.unwrap());
        let rule = Rule::read(&written).unwrap().unwrap();
        let named = rule.pure_occurrences(first, Some(Berlin), None).next();
        assert_eq!(named, Some(first), "{phrase}: {written}");
    }
}

#[test]
fn case_does_not_matter() {
    for row in rows("[phrases]") {
        let phrase = row.split(" = ").next().expect("a split has a first part");
        let (upper, lower) = (phrase.to_uppercase(), phrase.to_lowercase());
        let [upper, lower] = [upper, lower].map(|text| told(&quick_add(&text, NOW, Berlin)));
        assert_eq!(upper[..2], lower[..2], "{phrase}");
    }
}

#[test]
fn a_whole_text_is_a_date_or_none() {
    let check = |text: &str, want: Option<&str>| {
        let got = date(text, NOW, Berlin).map(|date| date.to_string());
        assert_eq!(got.as_deref(), want, "{text}");
    };
    check("tomorrow 5pm", Some("2026-11-19T17:00:00"));
    check("  Next Friday ", Some("2026-11-27"));
    check("tomorrow.", Some("2026-11-19"));
    check("sat", Some("2026-11-21"));
    check("now", Some("2026-11-18T10:00:00"));
    check("call Ann tomorrow", None);
    check("every day", None);
    check("tomorrow #home", None);
    check("remind me at 5pm", None);
    check("none", None);
    check("", None);
}

#[test]
fn a_whole_text_is_an_instant_or_none() {
    let check = |text: &str, want: Option<&str>| {
        assert_eq!(moment(text, NOW, Berlin).map(in_utc).as_deref(), want, "{text}");
    };
    check("in 20 minutes", Some("2026-11-18T09:20:00.000Z"));
    check("tomorrow at 9", Some("2026-11-19T08:00:00.000Z"));
    check("2027-07-01T14:00:00-05:00", Some("2027-07-01T19:00:00.000Z"));
    check("2027-07-01T14:00", Some("2027-07-01T12:00:00.000Z"));
    check("now", Some("2026-11-18T09:00:00.000Z"));
    check("tomorrow", None);
    check("30 min", None);
}

#[test]
fn a_whole_text_is_a_rule_or_none() {
    let check = |text: &str, want: Value| {
        assert_eq!(recurrence(text).unwrap_or(Value::Null), want, "{text}");
    };
    check("daily", json!("daily"));
    check(
        "every 2 weeks on mon,thu",
        json!({"pattern": "weekly", "interval": 2, "days": ["mon", "thu"]}),
    );
    check("every other tuesday", json!({"pattern": "weekly", "interval": 2, "days": ["tue"]}));
    check(
        "weekdays at 8",
        json!({"pattern": "weekly", "days": ["mon", "tue", "wed", "thu", "fri"]}),
    );
    check(
        "every last friday of the month",
        json!({"pattern": "rrule", "rrule": "FREQ=MONTHLY;BYDAY=-1FR"}),
    );
    check("every day until 31 march 2099", json!({"pattern": "daily", "until": "2099-03-31"}));
    // Alone a yearly rule must tell its date itself.
    check(
        "every march 3",
        json!({"pattern": "rrule", "rrule": "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=3"}),
    );
    // These depend on the day they are said.
    check("every day until friday", Value::Null);
    check("every day for 2 weeks", Value::Null);
    check("call Ann every day", Value::Null);
    check("tomorrow", Value::Null);
    check("every second friday", Value::Null);
    check("FREQ=DAILY", Value::Null);
    check("0 9 * * 1", Value::Null);
    check("", Value::Null);
}

#[test]
fn a_rule_in_words_comes_with_its_first_date() {
    let found = recurring("every day at 8 until friday", NOW, Berlin).unwrap();
    assert_eq!(found.rule, json!({"pattern": "daily", "until": "2026-11-20"}));
    assert_eq!(found.first.to_string(), "2026-11-19T08:00:00");
    assert_eq!(recurring("every day #home", NOW, Berlin), None);
}

#[test]
fn lead_times_are_read_in_words_too() {
    let check = |text: &str, want: Option<&str>| {
        assert_eq!(lead_time(text).map(|lead| lead.to_string()).as_deref(), want, "{text}");
    };
    check("30min", Some("30min"));
    check("PT90M", Some("PT1H30M"));
    check("30 minutes before", Some("30min"));
    check("an hour", Some("1h"));
    check("half an hour before", Some("30min"));
    check("2 hours and 30 minutes early", Some("PT2H30M"));
    check("the day before", Some("1d"));
    check("two weeks in advance", Some("P14D"));
    check("a month before", None);
    check("tomorrow at 9", None);
    check("2027-07-01T14:00:00Z", None);
    check("", None);
}

#[test]
fn clock_changes_neither_lose_nor_double_an_hour() {
    // 2026-10-25 in Berlin: 03:00 becomes 02:00 again. It is 01:45 summer time.
    let now = "2026-10-24T23:45:00Z".parse::<DateTime<Utc>>().unwrap().into();
    let written = |text: &str| {
        parse(&json!({"text": text}), now, Berlin).unwrap()["due_date"].as_str().unwrap().to_owned()
    };
    assert_eq!(written("in 30 minutes"), "2026-10-25T02:15:00+02:00");
    assert_eq!(written("in 90 minutes"), "2026-10-25T02:15:00+01:00");
    assert_eq!(written("at 02:15"), "2026-10-25T02:15:00+02:00");
    assert_eq!(written("2027-03-28 02:30"), "2027-03-28T03:30:00+02:00");
    assert_eq!(written("in 24 hours"), "2026-10-26T00:45:00+01:00");
}

#[test]
fn a_request_is_answered_whole() {
    let request = json!({
        "text": "🎉 pay rent every month on the 1st at 9am !high #home",
        "now": "2026-11-20T09:00:00Z",
        "zone": "Europe/Berlin",
    });
    let want = json!({
        "title": "🎉 pay rent",
        "due_date": "2026-12-01T09:00:00+01:00",
        "recurrence": {
            "pattern": "monthly", "interval": 1, "month_day": 1, "mode": "completion", "from": "due",
            "catch_up": "each", "count": null, "until": null,
        },
        "tags": ["home"],
        "priority": "high",
        "reminders": [],
        "spans": [
            {"kind": "recurrence", "start": 12, "end": 34, "text": "every month on the 1st"},
            {"kind": "due", "start": 35, "end": 41, "text": "at 9am"},
            {"kind": "priority", "start": 42, "end": 47, "text": "!high"},
            {"kind": "tag", "start": 48, "end": 53, "text": "#home"},
        ],
        "zone": "Europe/Berlin",
        "now": "2026-11-20T09:00:00.000Z",
    });
    assert_eq!(parse(&request, Timestamp(0), Tz::UTC), Ok(want));
    let day = parse(&json!({"text": "tomorrow"}), NOW, Tz::UTC).unwrap();
    assert_eq!(day["due_date"], "2026-11-19");
    let moment = parse(&json!({"text": "tomorrow 9am", "now": null, "zone": ""}), NOW, Tz::UTC);
    assert_eq!(moment.unwrap()["due_date"], "2026-11-19T09:00:00Z");
    let local = json!({"text": "today", "now": "2026-11-20T00:30:00", "zone": "Asia/Tokyo"});
    assert_eq!(parse(&local, NOW, Tz::UTC).unwrap()["now"], "2026-11-19T15:30:00.000Z");
    let none = parse(&json!({"text": "version 2.0"}), NOW, Tz::UTC).unwrap();
    for field in ["due_date", "recurrence", "priority"] {
        assert!(none[field].is_null(), "{field}");
    }
}

#[test]
fn a_request_that_is_wrong_is_refused_at_its_field() {
    let check = |request: Value, want: &[(&str, Code)]| {
        let faults = parse(&request, NOW, Berlin).unwrap_err();
        let got: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(got, want, "{request}");
    };
    check(json!([]), &[("", Code::Invalid)]);
    check(json!({}), &[("/text", Code::Required)]);
    check(json!({"text": null}), &[("/text", Code::Required)]);
    check(json!({"text": " "}), &[("/text", Code::TooShort)]);
    check(json!({"text": "a".repeat(1_001)}), &[("/text", Code::TooLong)]);
    check(json!({"text": 7}), &[("/text", Code::Invalid)]);
    check(json!({"text": "a", "zone": "Mars/Olympus"}), &[("/zone", Code::Invalid)]);
    check(json!({"text": "a", "zone": 1}), &[("/zone", Code::Invalid)]);
    check(json!({"text": "a", "now": "soon"}), &[("/now", Code::Invalid)]);
    check(json!({"text": "a", "now": 1}), &[("/now", Code::Invalid)]);
    check(
        json!({"txt/": "a", "now": "x"}),
        &[("/txt~1", Code::UnknownField), ("/now", Code::Invalid), ("/text", Code::Required)],
    );
    assert!(parse(&json!({"text": "é".repeat(1_000)}), NOW, Berlin).is_ok());
}

/// Words of the table and marks, in any order: much more like phrases than random letters are.
fn words() -> impl Strategy<Value = String> {
    let mut words: Vec<&str> = TABLE.split([' ', '\n']).filter(|word| !word.is_empty()).collect();
    words.extend([
        "(", ")", ",", ".", "-", "–", "/", ":", "!", "#", "'", "\"", "“", "”", "1", "31", "2027",
        "é", "🎉",
    ]);
    words.sort_unstable();
    words.dedup();
    let word = proptest::sample::select(words);
    let gap = proptest::sample::select(vec![" ", " ", " ", " ", "", "\t", "  "]);
    proptest::collection::vec((word, gap), 0..25)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_without_panic_and_loses_nothing(text in any::<String>()) {
        holds(&text, &quick_add(&text, NOW, Berlin));
        let _ = (recurrence(&text), lead_time(&text));
    }

    #[test]
    fn any_words_are_read_without_panic_and_lose_nothing(text in words()) {
        let quick = quick_add(&text, NOW, Berlin);
        holds(&text, &quick);
        prop_assert!(quick.recurrence.is_none() || quick.due.is_some());
        prop_assert_eq!(&quick, &quick_add(&text, NOW, Berlin));
    }

    #[test]
    fn any_now_and_zone_are_read_without_panic(
        text in words(),
        now in prop_oneof![any::<i64>(), -4_102_444_800_000_i64..16_725_225_600_000],
        zone in proptest::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) {
        holds(&text, &quick_add(&text, Timestamp(now), zone));
    }

    #[test]
    fn what_is_quoted_is_never_read(text in words()) {
        let inner = text.replace(['"', '“', '”'], "");
        let quoted = format!("say \"{inner}\"");
        prop_assume!(!inner.trim().is_empty());
        prop_assert_eq!(quick_add(&quoted, NOW, Berlin).spans, vec![]);
    }
}

/// Texts of 1,000 characters that make a careless reader look far ahead again and again.
fn heavy() -> Vec<String> {
    let phrases = rows("[phrases]").into_iter().map(|row| row.split(" = ").next().unwrap_or(row));
    let sentences =
        rows("[sentences]").into_iter().map(|row| row.split(" = ").next().unwrap_or(row));
    let traps = [
        "'",
        "\" ",
        "“",
        "(",
        "#",
        "#a",
        "!",
        "p1 ",
        "1st and ",
        "mon ",
        "mon,",
        "mondays ",
        "1 ",
        "1:",
        "1-",
        "at ",
        "every ",
        "on the ",
        "remind me ",
        "remind me 1 day and ",
        "(2027-03-01t",
        "2027-03-01 ",
        "a",
        "é",
        "🎉",
        "-",
        "in 2 ",
        "every 1st and ",
        "daily ",
        "due by ",
        "\u{301}",
        "x@y",
        "http://",
        ".",
        "a.",
        "friday or ",
    ];
    phrases
        .chain(sentences)
        .chain(traps)
        .flat_map(|part| [part.to_owned(), format!("{part} "), format!("({part},")])
        .map(|part| part.chars().cycle().take(1_000).collect())
        .collect()
}

#[test]
fn the_heaviest_texts_are_read() {
    for text in heavy() {
        let _ = quick_add(&text, NOW, Berlin);
    }
}
