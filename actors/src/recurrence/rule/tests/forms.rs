//! What is read and written: shorthands, the object, RRULE text, dates, faults, and the sentence.

use super::*;

fn read(value: Value) -> Rule {
    Rule::read(&value).unwrap_or_else(|faults| panic!("{value}: {faults:?}")).unwrap()
}

fn refused(value: Value) -> Vec<(String, Code)> {
    let faults = Rule::read(&value).map(|rule| panic!("{value} is {rule:?}")).unwrap_err();
    faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

#[test]
fn shorthands_are_written_as_they_are_read() {
    for word in ["daily", "weekly", "monthly", "yearly"] {
        assert_eq!(read(word.to_uppercase().into()).write(), word);
        assert_eq!(read(json!({"pattern": word})).write(), word);
        assert_eq!(read(json!({"pattern": word, "interval": 2})).write()["interval"], 2);
        assert_eq!(read(word.into()).object()["pattern"], word);
    }
    assert_eq!(Rule::read(&Value::Null), Ok(None));
    assert_eq!(Rule::read(&json!(" ")), Ok(None));
    assert_eq!(
        Rule::read_as(&json!("daily"), Mode::Schedule).unwrap().unwrap().mode(),
        Mode::Schedule
    );
    assert_eq!(read(json!("0 9 * * *")).mode(), Mode::Schedule);
    assert_eq!(read(json!({"cron": "0 9 * * *", "mode": "COMPLETION"})).mode(), Mode::Completion);
}

#[test]
fn the_object_is_written_whole() {
    let rule = read(
        json!({"pattern": "Weekly", "days": ["THU", "mon", "Monday"], "until": "2027-03-31", "catch_up": "Latest"}),
    );
    let want = json!({
        "pattern": "weekly", "interval": 1, "days": ["mon", "thu"], "mode": "completion", "from": "due",
        "catch_up": "latest", "count": null, "until": "2027-03-31",
    });
    assert_eq!(rule.write(), want);
    let rule = read(
        json!({"rrule": "rrule:freq=weekly;interval=1;byday=mo", "mode": "schedule", "ahead": "P1DT2H", "count": 3}),
    );
    let want = json!({
        "pattern": "rrule", "rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO", "rdates": [], "exdates": [],
        "mode": "schedule", "catch_up": "each", "count": 3, "until": null, "ahead": "P1DT2H",
    });
    assert_eq!(rule.write(), want);
    assert_eq!(rule.ahead(), 93_600);
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for value in [
        json!("daily"),
        json!("FREQ=DAILY;COUNT=3"),
        json!("RRULE:FREQ=YEARLY;UNTIL=20270101T090000Z"),
        json!("*/5  9-17 * * mon-fri"),
        json!({"pattern": "monthly", "month_day": -1, "interval": 3}),
        json!({"pattern": "weekly", "days": ["sun"], "from": "completed"}),
        json!({"pattern": "yearly", "count": 10_000, "until": "2030-01-01T00:00:00+02:00"}),
        json!({"pattern": "custom", "interval": 3}),
        json!({"pattern": "custom", "cron": "0 9 L * *"}),
        json!({"pattern": "daily", "mode": "schedule", "ahead": "PT0S"}),
        json!({"rrule": "FREQ=DAILY", "rdates": ["2026-01-01", "20260102T100000Z"], "exdates": ["2026-01-03T10:00:00"]}),
        json!({"pattern": "daily", "interval": null, "count": "", "days": [], "rrule": null, "until": ""}),
    ] {
        let rule = read(value);
        assert_eq!(read(rule.write()), rule);
        assert_eq!(read(rule.object()), rule);
        let text = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), rule);
    }
}

#[test]
fn faults_point_at_their_member() {
    use Code::{Conflict, Invalid, OutOfRange, UnknownField};
    let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
    assert_eq!(refused(json!({"pattern": "daily", "interval": 0})), one("/interval", OutOfRange));
    assert_eq!(
        refused(json!({"pattern": "daily", "interval": 1000})),
        one("/interval", OutOfRange)
    );
    assert_eq!(refused(json!({"pattern": "daily", "interval": "2"})), one("/interval", Invalid));
    assert_eq!(refused(json!({"pattern": "daily", "count": 0})), one("/count", OutOfRange));
    assert_eq!(refused(json!({"pattern": "daily", "count": 10_001})), one("/count", OutOfRange));
    assert_eq!(refused(json!({"pattern": "daily", "until": "soon"})), one("/until", Invalid));
    assert_eq!(
        refused(json!({"pattern": "weekly", "days": ["mon", "xyz"]})),
        one("/days/1", Invalid)
    );
    assert_eq!(
        refused(json!({"pattern": "monthly", "month_day": 0})),
        one("/month_day", OutOfRange)
    );
    assert_eq!(refused(json!({"pattern": "daily", "days": ["mon"]})), one("/days", Invalid));
    assert_eq!(refused(json!({"rrule": "FREQ=DAILY", "interval": 2})), one("/interval", Invalid));
    assert_eq!(
        refused(json!({"rrule": "FREQ=DAILY;COUNT=2", "count": 2})),
        one("/count", Conflict)
    );
    assert_eq!(
        refused(json!({"rrule": "FREQ=DAILY;UNTIL=20270101", "until": "2027-01-01"})),
        one("/until", Conflict)
    );
    assert_eq!(
        refused(json!({"rrule": "FREQ=DAILY;COUNT=2;UNTIL=20270101"})),
        one("/rrule", Conflict)
    );
    assert_eq!(refused(json!({"rrule": "FREQ=DAILY;X=2"})), one("/rrule", UnknownField));
}

#[test]
fn faults_of_texts_and_dates_point_at_their_member() {
    use Code::{Invalid, OutOfRange, Required, TooLong, UnknownField};
    let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
    assert_eq!(
        refused(json!({"rrule": format!("FREQ=DAILY;BYHOUR={}1", "1,".repeat(600))})),
        one("/rrule", TooLong)
    );
    assert_eq!(refused(json!({"cron": "61 * * * *"})), one("/cron", OutOfRange));
    assert_eq!(refused(json!({"pattern": "custom"})), one("/pattern", Invalid));
    assert_eq!(
        refused(json!({"pattern": "custom", "cron": "* * * * *", "interval": 2})),
        one("/pattern", Invalid)
    );
    assert_eq!(refused(json!({"interval": 2})), one("/pattern", Required));
    assert_eq!(refused(json!({"pattern": "hourly"})), one("/pattern", Invalid));
    assert_eq!(refused(json!({"pattern": "rrule"})), one("/rrule", Required));
    assert_eq!(refused(json!({"pattern": "daily", "foo/bar": 1})), one("/foo~1bar", UnknownField));
    assert_eq!(refused(json!({"pattern": "daily", "mode": "never"})), one("/mode", Invalid));
    assert_eq!(
        refused(json!({"pattern": "daily", "mode": "schedule", "from": "completed"})),
        one("/from", Invalid)
    );
    assert_eq!(refused(json!({"pattern": "daily", "ahead": "P1D"})), one("/ahead", Invalid));
    assert_eq!(
        refused(json!({"pattern": "daily", "mode": "schedule", "ahead": "P31D"})),
        one("/ahead", OutOfRange)
    );
    assert_eq!(refused(json!({"rrule": "FREQ=DAILY", "rdates": ["x"]})), one("/rdates/0", Invalid));
    assert_eq!(
        refused(json!({"rrule": "FREQ=DAILY", "rdates": vec!["2026-01-01"; 367]})),
        one("/rdates", OutOfRange)
    );
    assert_eq!(
        refused(json!({"pattern": "daily", "exdates": ["2026-01-01"]})),
        one("/exdates", Invalid)
    );
    assert_eq!(refused(json!("every 2 weeks on mon")), one("", Invalid));
    assert_eq!(refused(json!(7)), one("", Invalid));
    assert_eq!(
        refused(json!({"pattern": 7, "count": 0})),
        vec![("/pattern".into(), Invalid), ("/count".into(), OutOfRange)]
    );
}

#[test]
fn english_is_told_from_our_notations() {
    for text in [
        "daily",
        "Weekly ",
        "FREQ=DAILY",
        "rrule:x",
        "0 9 * * *",
        "61 9 * * 1",
        "*/5 * * *",
        "interval=2;freq=daily",
    ] {
        assert!(is_notation(text), "{text}");
    }
    for text in [
        "every 2 weeks on mon",
        "every day",
        "1 jan every year ok",
        "",
        "on the 1st of every month",
        "freq",
    ] {
        assert!(!is_notation(text), "{text}");
    }
}

#[test]
fn synonyms_give_an_end_once() {
    let until = When::read("2027-01-01");
    assert_eq!(Rule::daily(1).with_until(until).unwrap().until(), until);
    assert_eq!(Rule::daily(1).with_until(None).unwrap(), Rule::daily(1));
    let counted = Rule::rrule("FREQ=DAILY;COUNT=3").unwrap();
    assert_eq!(counted.clone().with_count(Some(3)).unwrap(), counted);
    assert_eq!(counted.with_count(Some(4)).unwrap_err().pointer, "/count");
    assert_eq!(Rule::daily(1).with_count(Some(0)).unwrap_err().code, Code::OutOfRange);
    assert_eq!(Rule::daily(1).with_count(Some(4)).unwrap().count(), Some(4));
}

#[test]
fn dates_are_read_in_both_forms() {
    for text in
        ["2026-11-21T09:00:00", "20261121T090000", "2026-11-21 09:00", "2026-11-21T09:00:00.123"]
    {
        assert_eq!(When::read(text), Some(When::Local(local("2026-11-21T09:00:00"))), "{text}");
    }
    for text in [
        "2026-11-21T09:00:00Z",
        "20261121T090000Z",
        "2026-11-21T10:00:00+01:00",
        "20261121T040000-0500",
    ] {
        assert_eq!(When::read(text).unwrap().extended(), "2026-11-21T09:00:00Z", "{text}");
        assert_eq!(When::read(text).unwrap().basic(), "20261121T090000Z", "{text}");
    }
    assert_eq!(When::read("20261121"), Some(When::Local(local("2026-11-21"))));
    for text in [
        "",
        "2026",
        "2026-02-30",
        "20260230",
        "2026-1-1",
        "0000-01-01",
        "2026-11-21T",
        "2026-11-21T24:00:00",
        "2026-11-21T9:00",
        "2026-11-21T09:60",
        "2026-11-21T09:00:61",
        "2026-11-21T09:00:00+1",
        "2026-11-21T09:00:00.",
        "２０２６-11-21",
        "2026-11-21T09:00:00+25:00",
        "+2026-11-21",
        "2026-11-21T09:00:00+::::",
        "2026-11-2109:00",
    ] {
        assert_eq!(When::read(text), None, "{text}");
    }
}

#[test]
fn rrule_text_says_the_same_as_the_rule() {
    use chrono::Weekday::{Mon, Sun};
    let text =
        |rule: &Rule, start: &str, zone: &str| rule.to_rrule(local(start), super::zone(zone));
    let start = "2026-01-31T09:00:00";
    assert_eq!(
        text(&Rule::monthly(1, None), start, "").unwrap(),
        "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"
    );
    assert_eq!(
        text(&Rule::weekly(2, &[Sun, Mon]), start, "").unwrap(),
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU"
    );
    let ends = Rule::daily(1).with_until(When::read("2026-03-31")).unwrap();
    assert_eq!(text(&ends, start, "Europe/Berlin").unwrap(), "FREQ=DAILY;UNTIL=20260331T215959Z");
    assert_eq!(text(&ends, start, "").unwrap(), "FREQ=DAILY;UNTIL=20260331T235959");
    assert_eq!(text(&ends, "2026-01-31", "Europe/Berlin").unwrap(), "FREQ=DAILY;UNTIL=20260331");
    assert_eq!(text(&ends.with_count(Some(3)).unwrap(), start, ""), None);
    assert_eq!(text(&Rule::cron("0 9 * * *").unwrap(), start, ""), None);
    let rules = [
        Rule::daily(3),
        Rule::weekly(1, &[Mon]),
        Rule::monthly(2, Some(31)),
        Rule::monthly(1, Some(-1)),
        Rule::yearly(1),
        Rule::monthly(1, None),
    ];
    for rule in rules {
        for start in ["2028-02-29T09:00:00", "2026-01-31T09:00:00", "2026-08-30"] {
            let again = Rule::rrule(&text(&rule, start, "Europe/Berlin").unwrap()).unwrap();
            let (start, zone) = (local(start), super::zone("Europe/Berlin"));
            let told =
                |rule: &Rule| rule.occurrences(start, zone, None).take(80).collect::<Vec<_>>();
            assert_eq!(told(&again), told(&rule), "{rule:?}");
        }
    }
}

#[test]
fn a_request_is_judged_whole() {
    let faults = |request: Value| {
        let faults = expand(&request).unwrap_err();
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>()
    };
    let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
    let with = |name: &str, value: Value| {
        let mut request = json!({"dtstart": "2026-01-01", "rrule": "FREQ=DAILY"});
        request[name] = value;
        request
    };
    assert_eq!(faults(json!({"rrule": "FREQ=DAILY"})), one("/dtstart", Code::Required));
    assert_eq!(faults(json!({"dtstart": "2026-01-01"})), one("/rrule", Code::Required));
    assert_eq!(faults(with("zone", "Mars/Olympus".into())), one("/zone", Code::Invalid));
    assert_eq!(faults(with("tz", 7.into())), one("/tz", Code::Invalid));
    assert_eq!(faults(with("limit", 0.into())), one("/limit", Code::OutOfRange));
    assert_eq!(faults(with("limit", 1001.into())), one("/limit", Code::OutOfRange));
    assert_eq!(faults(with("after", "x".into())), one("/after", Code::Invalid));
    assert_eq!(faults(with("rule", "daily".into())), one("/rule", Code::Conflict));
    assert_eq!(faults(with("rdates", json!(["2026-01-01", "x"]))), one("/rdates/1", Code::Invalid));
    assert_eq!(faults(with("nope", 1.into())), one("/nope", Code::UnknownField));
    assert_eq!(faults(json!([])), one("", Code::Invalid));
    let object = json!({"dtstart": "2026-01-01", "rule": {"pattern": "daily", "interval": 0}});
    assert_eq!(faults(object), one("/rule/interval", Code::OutOfRange));
    let english = json!({"dtstart": "2026-01-01", "rule": "every day", "limit": 1});
    assert_eq!(faults(english.clone()), one("/rule", Code::Invalid));
    assert!(expand_with(&english, |_| Some(Rule::daily(1))).is_ok());
}

#[test]
fn after_is_exclusive_and_complete_is_exact() {
    let request = |after: Value, limit: usize| {
        expanded(
            &json!({"dtstart": "2026-01-01T09:00:00", "zone": "Europe/Berlin", "rrule": "FREQ=DAILY;COUNT=5", "after": after, "limit": limit}),
        )
    };
    assert_eq!(
        request("2026-01-03T09:00:00".into(), 9).0,
        ["2026-01-04T09:00:00", "2026-01-05T09:00:00"]
    );
    assert_eq!(request("2026-01-03T07:59:59Z".into(), 9).0.len(), 3);
    assert_eq!(request("2026-01-03".into(), 9).0.len(), 2);
    assert!(request(Value::Null, 5).1);
    assert!(!request(Value::Null, 4).1);
    assert_eq!(request("2026-01-05T09:00:00".into(), 9), (vec![], true));
}

#[test]
fn a_rule_is_explained_in_one_sentence() {
    let explain =
        |value: Value, start: &str| read(value).explain(local(start), super::zone("Europe/Berlin"));
    let start = "2026-11-23T09:00:00";
    let monday_friday =
        json!({"pattern": "weekly", "interval": 2, "days": ["mon", "fri"], "until": "2027-03-31"});
    assert_eq!(
        explain(monday_friday, start),
        "every 2 weeks on Monday and Friday until 31 March 2027"
    );
    for (rule, sentence) in [
        ("daily", "every day"),
        ("monthly", "every month on the 23rd"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;UNTIL=20270331",
            "every 2 weeks on Monday and Friday until 31 March 2027",
        ),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,15,-1;COUNT=3",
            "every month on the 1st, 15th and last day, 3 times",
        ),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "every month on each Friday that is the 13th"),
        ("FREQ=YEARLY", "every year on 23 November"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "every year on the fourth Thursday in November"),
        ("FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0", "every day at 09:00 and 17:00"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every week on Monday to Friday"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "every month on Monday to Friday, only the last of these in each month",
        ),
        ("FREQ=HOURLY;INTERVAL=3", "every 3 hours"),
        ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11", "every 20 minutes in hours 9 to 11"),
        ("0 9 * * mon-fri", "at 09:00 on Monday to Friday"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour"),
        ("30 8 1 * *", "at 08:30 on the 1st of the month"),
        ("0 12 1 * MON", "at 12:00 on the 1st of the month or on Monday"),
        (
            "0 0 L,15W 3 5#2",
            "at 00:00 on the last day and the weekday nearest the 15th of the month or on the second Friday in March",
        ),
        ("30 2 * * *", "at 02:30 every day"),
    ] {
        assert_eq!(explain(rule.into(), start), sentence, "{rule}");
    }
}
