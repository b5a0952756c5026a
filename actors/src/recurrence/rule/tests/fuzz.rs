//! Hostile input: no reader panics, none takes long, and what is accepted is walked within its bounds.

#![allow(clippy::disallowed_methods, reason = "these bounds are times")]

use proptest::prelude::*;

use super::*;

/// Text made of the pieces that our readers know, so that much of it comes far.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("FREQ="),
        Just("DAILY"),
        Just("YEARLY"),
        Just("SECONDLY"),
        Just("HOURLY"),
        Just(";"),
        Just(";"),
        Just("="),
        Just(","),
        Just("-"),
        Just("BYDAY="),
        Just("BYMONTHDAY="),
        Just("BYSETPOS="),
        Just("BYWEEKNO="),
        Just("BYHOUR="),
        Just("UNTIL="),
        Just("COUNT="),
        Just("INTERVAL="),
        Just("MO"),
        Just("FR"),
        Just("1"),
        Just("31"),
        Just("53"),
        Just("366"),
        Just("0"),
        Just("99999999999999999999"),
        Just("20260101"),
        Just("T090000Z"),
        Just("T"),
        Just("Z"),
        Just(" "),
        Just("*"),
        Just("/"),
        Just("#"),
        Just("L"),
        Just("W"),
        Just("?"),
        Just("é"),
        Just("\u{0}"),
        Just("RRULE:"),
        Just("2026-11-21"),
        Just(":"),
        Just("+01:00"),
        Just("mon"),
        Just("jan"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        pieces().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("daily")),
        Just(json!("weekly")),
        Just(json!(1)),
        Just(json!("2026-11-21")),
        Just(json!("FREQ=DAILY")),
        Just(json!("0 9 * * *")),
        Just(json!("Europe/Berlin")),
    ];
    let name = prop_oneof![
        Just("pattern"),
        Just("interval"),
        Just("days"),
        Just("month_day"),
        Just("rrule"),
        Just("rdates"),
        Just("exdates"),
        Just("cron"),
        Just("mode"),
        Just("from"),
        Just("catch_up"),
        Just("count"),
        Just("until"),
        Just("ahead"),
        Just("dtstart"),
        Just("zone"),
        Just("rule"),
        Just("after"),
        Just("limit"),
        Just("x"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 24, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in prop_oneof![pieces(), ".{0,60}", "[-*0-9,/LW#A-Z ]{0,40}"]) {
        let _ = Rrule::parse(&text);
        let _ = Cron::parse(&text);
        let _ = When::read(&text);
        if let Ok(Some(rule)) = Rule::read(&json!(text)) {
            prop_assert!(is_notation(&text));
            prop_assert_eq!(Rule::read(&rule.write()), Ok(Some(rule.clone())));
        }
    }

    #[test]
    fn no_value_panics_and_what_is_read_survives_writing(value in any_json()) {
        let _ = expand(&value);
        if let Ok(Some(rule)) = Rule::read(&value) {
            prop_assert_eq!(Rule::read(&rule.write()), Ok(Some(rule.clone())));
            let start = local("2026-11-21T09:00:00");
            let _ = rule.explain(start, None);
            let _ = rule.step(start, start, None);
            let _ = rule.to_rrule(start, None);
        }
    }

    #[test]
    fn no_start_panics(
        rule in prop_oneof![
            Just("FREQ=DAILY"), Just("FREQ=WEEKLY;WKST=SU"), Just("FREQ=HOURLY;BYMINUTE=1"), Just("FREQ=YEARLY;BYWEEKNO=-1"),
            Just("FREQ=MONTHLY;BYDAY=-1MO"), Just("FREQ=SECONDLY;INTERVAL=1000000007"), Just("0 0 L * *"), Just("* * * * *"), Just("monthly"),
        ],
        year in prop_oneof![Just(1), Just(9_999), 1..10_000], month in 1_u32..=12, day in 1_u32..=31, hour in 0_u32..24,
        zone in prop_oneof![Just("UTC"), Just("Pacific/Apia"), Just("America/New_York"), Just("")],
    ) {
        let dtstart = format!("{year:04}-{month:02}-{day:02}T{hour:02}:59:59");
        let _ = expand(&json!({"dtstart": dtstart, "zone": zone, "rule": rule, "limit": 3}));
    }
}

/// Long and hostile texts are refused or read; how long that takes, `cargo bench` says.
#[test]
fn hostile_texts_are_refused_or_read() {
    let numbers =
        |n: usize| (0..n).map(|n| (n % 366 + 1).to_string()).collect::<Vec<_>>().join(",");
    for text in [
        "A".repeat(1_000_000),
        ";".repeat(1_000),
        "FREQ=YEARLY;BYYEARDAY=".to_owned() + &numbers(240),
        "BYDAY=MO;".repeat(110),
        "*,".repeat(99),
        "0-59/1,".repeat(28),
        "* * * * ".to_owned() + &"1#1,".repeat(47),
        " ".repeat(200),
        "1".repeat(200),
        "FREQ=DAILY;UNTIL=".to_owned() + &"2".repeat(900),
    ] {
        let _ = Rrule::parse(&text);
        let _ = Cron::parse(&text);
        let _ = When::read(&text);
    }
}

/// Rules chosen to be a burden end within their bound of work, and say so where they are cut.
#[test]
fn burdensome_rules_come_to_an_end() {
    let all = |n: u32| (0..n).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let crowd = format!("BYMINUTE={};BYSECOND={};COUNT=4000000000", all(60), all(60));
    let crowds = ["HOURLY", "DAILY", "YEARLY"].map(|freq| format!("FREQ={freq};{crowd}"));
    for rule in crowds.iter().map(String::as_str).chain([
        "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=7;BYSECOND=11",
        "FREQ=SECONDLY;INTERVAL=7;BYSECOND=0;BYMINUTE=0;BYHOUR=0;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MINUTELY;INTERVAL=1439;BYHOUR=5;BYMINUTE=1;BYDAY=MO;BYMONTHDAY=13",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTHDAY=1;BYYEARDAY=1;BYHOUR=0;INTERVAL=7",
        "FREQ=DAILY;INTERVAL=99;BYMONTHDAY=29;BYMONTH=2",
        "FREQ=HOURLY;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20;BYSETPOS=-1,-366",
        "FREQ=YEARLY;INTERVAL=3;BYDAY=53MO;BYYEARDAY=366",
        "FREQ=SECONDLY;BYYEARDAY=366;BYDAY=MO;BYMONTHDAY=31",
        "FREQ=DAILY;COUNT=4000000000",
        "FREQ=SECONDLY;COUNT=4000000000",
        "* * 29 2 *",
        "0 0 31W 2 *",
        "* * * * *",
    ]) {
        for (zone, after) in [("Europe/Berlin", "2026-11-21T09:00:00"), ("Europe/Berlin", "9990-01-01")] {
            let key = if rule.contains('=') { "rrule" } else { "rule" };
            let request = json!({"dtstart": "2026-11-21T09:00:00", "zone": zone, key: rule, "limit": 1000, "after": after});
            let answer = expand(&request).unwrap();
            assert!(answer["complete"].is_boolean(), "{rule} after {after} does not say whether it was cut");
        }
    }
}
