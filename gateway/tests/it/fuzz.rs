//! Headers, queries, cursors, tokens and bodies that nobody would write: each is answered as described, never with a 5xx.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::server::{Got, Running};

const SECRET: &str = "an HS256 secret of thirty-two bytes or more";
/// Cases of each test.
const CASES: u32 = 256;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Runs a case over and over against one server.
fn check<S: Strategy>(
    server: &Running,
    cases: &S,
    ask: impl AsyncFn(&Running, S::Value) -> Vec<Got>,
) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let run = |case| {
        for got in RUNTIME.block_on(ask(server, case)) {
            prop_assert!(got.status < 500, "{}", got.text);
            if got.status >= 400 {
                prop_assert_eq!(got.header("content-type"), "application/problem+json");
                prop_assert_eq!(&got.body["status"], &json!(got.status));
            }
        }
        Ok(())
    };
    TestRunner::new(config).run(cases, run).unwrap_or_else(|why| panic!("{why}"));
}

/// A server with one task that was changed a few times, and a rule.
fn filled() -> Running {
    RUNTIME.block_on(async {
        let server = Running::dev().await;
        let task = json!({"title": "Ätna", "due_date": "2030-01-31", "recurrence": "monthly",
            "reminders": ["1h"], "tags": ["home"]});
        server.task(task).await;
        for n in 0..30 {
            server.task(json!({"title": format!("task {n}")})).await;
        }
        server
    })
}

fn picked(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

/// A text that a header can carry.
fn header() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "(W/)?\"?v?[0-9]{0,25}\"?(, ?(W/)?\"?v[0-9]{1,3}\"?){0,3}",
        picked(&[
            "*",
            "",
            "\"v1\"",
            "W/\"v1\"",
            "\"\"",
            "\"v-1\"",
            "\"v00\"",
            ",",
            "\"v1\",",
            "* , \"v1\""
        ]),
    ]
}

#[test]
fn conditions_that_nobody_would_write() {
    let server = filled();
    check(&server, &(header(), header()), async |server, (match_, none_match)| {
        let read = server.call("GET", "/api/v1/tasks/1").header("if-none-match", &none_match);
        let write = server.call("PATCH", "/api/v1/tasks/1").header("if-match", &match_);
        let mut all = vec![read.send().await, write.json(&json!({"priority": "low"})).send().await];
        for path in ["/api/v1/tasks/2/move", "/api/v1/tasks/1/recurrence"] {
            let call = server.call("POST", path).header("if-match", &match_);
            let call = call.header("idempotency-key", &none_match);
            all.push(call.json(&json!({"to": "first"})).send().await);
        }
        all
    });
}

/// Parameters of lists.
const PARAMS: &[&str] = &[
    "search",
    "status",
    "completed",
    "priority",
    "tags",
    "tags_match",
    "due_date_from",
    "due_date_to",
    "due_date",
    "overdue",
    "recurrence_id",
    "deleted",
    "archived",
    "sort",
    "order",
    "limit",
    "cursor",
    "min_version",
    "q",
    "from",
    "to",
    "event_type",
    "offset",
    "types",
    "since",
    "unread",
    "task_id",
    "n",
    "page",
    "page_size",
    "due",
    "due_before",
    "_x",
];

/// What their values may be, or nearly.
const VALUES: &[&str] = &[
    "",
    "1",
    "0",
    "-1",
    "true",
    "open",
    "none",
    "2030-01-31",
    "9999-12-31",
    "0000-00-00",
    "2030-01-31T25:00",
    "2030-02-30",
    "+262143-01-01",
    "-0001-01-01T00:00:00Z",
    "asc",
    "title",
    "due_date",
    "%",
    "%ff",
    "%00",
    "%F0%9F%98%80",
    "a,b,,c",
    "18446744073709551615",
    "task.*",
    "*",
    "1e9",
    "0x10",
    "2016-12-31T23:59:60Z",
    "9999-12-31T23:59:59.999-23:59",
];

/// Parameters of every list, with what is nearly right, and what is not.
fn query() -> impl Strategy<Value = String> {
    let name = picked(PARAMS);
    let value = prop_oneof![
        picked(VALUES),
        "[a-zA-Z0-9%+,._:-]{0,30}",
        "[0-9]{1,40}",
        "[A-Za-z0-9_-]{1,80}",
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&"))
}

#[test]
fn queries_that_nobody_would_write() {
    let server = filled();
    let path = picked(&[
        "/api/v1/tasks",
        "/api/v1/search",
        "/api/v1/reminders",
        "/api/v1/notifications",
        "/api/v1/audit",
        "/api/v1/changes",
        "/api/v1/recurrences",
        "/api/v1/tags",
        "/api/v1/tasks/1/history",
        "/api/v1/tasks/1",
        "/tasks",
        "/api/dev/tasks",
        "/api/tasks",
        "/api/dev/audit",
        "/api/dev/notifications",
        "/reminders",
        "/tasks/1/reminders",
    ]);
    // A view that is behind answers 503 by right, so nobody asks for what is to come.
    let query = query()
        .prop_filter("no view is asked to be ahead", |query| !query.contains("min_version=1"));
    check(&server, &(path, query), async |server, (path, query)| {
        let mut got = server.get(&format!("{path}?{query}")).await;
        if got.code() == "view-behind" {
            got.status = 400;
            got.body["status"] = json!(400);
        }
        vec![got]
    });
}

#[test]
fn cursors_that_were_twisted() {
    let server = filled();
    let paths = [
        "/api/v1/tasks?sort=title&limit=5",
        "/api/v1/audit?limit=5",
        "/api/v1/tasks/1/history?limit=1",
        "/api/v1/changes?limit=5&since=0",
    ];
    let cursors: Vec<(String, String)> = RUNTIME.block_on(async {
        let mut cursors = Vec::new();
        for path in paths {
            let got = server.get(path).await.is(200);
            let link = got.header("link").split("cursor=").nth(1).unwrap_or_default();
            let link = link.split('>').next().unwrap_or_default();
            let named = got.str("next_cursor");
            let cursor = if link.is_empty() { named } else { link };
            cursors.push((path.to_owned(), cursor.to_owned()));
        }
        cursors
    });
    assert!(cursors.iter().filter(|(_, cursor)| cursor.len() > 8).count() >= 2, "{cursors:?}");
    let twist =
        (0..cursors.len(), 0..cursors.len(), 0_usize..200, "[A-Za-z0-9_.-]{0,3}", 0_usize..4);
    check(&server, &twist, async |server, (at, of, place, text, cut)| {
        let mut cursor = cursors[of].1.clone();
        let place = place.min(cursor.len());
        let end = (place + cut).min(cursor.len());
        if cursor.is_char_boundary(place) && cursor.is_char_boundary(end) {
            cursor.replace_range(place..end, &text);
        }
        let path = &cursors[at].0;
        let name = if path.contains("changes") { "since" } else { "cursor" };
        let path = path.replace("&since=0", "");
        vec![server.get(&format!("{path}&{name}={cursor}")).await]
    });
}

/// A claim of any kind.
fn claim() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,140}".prop_map(Value::from),
        prop::collection::vec("[a-z:]{0,12}", 0..4).prop_map(|texts| json!(texts)),
        Just(json!({"a": {}})),
    ]
}

#[test]
fn tokens_that_were_twisted() {
    let vars = [("TICKLER_JWT_SECRET", SECRET), ("TICKLER_RATE_USER", "0")];
    let server = RUNTIME.block_on(Running::with(&vars));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let fine = json!({"sub": "ana", "exp": 4_000_000_000_u64});
    let signed = |claims: &Value| encode(&Header::new(Algorithm::HS256), claims, &key).unwrap();
    let good = signed(&fine);
    RUNTIME.block_on(async {
        server.call("GET", "/api/v1/me").bearer(&good).send().await.is(200);
    });
    let names =
        picked(&["sub", "exp", "nbf", "iat", "iss", "aud", "scope", "email", "zoneinfo", "kid"]);
    let cases = (names, claim(), 0_usize..400, "[A-Za-z0-9_.=-]{0,2}", 0_usize..4);
    check(&server, &cases, async |server, (name, value, place, text, cut)| {
        let mut claims = fine.clone();
        claims[name.as_str()] = value.clone();
        let odd = signed(&claims);
        let mut twisted = good.clone();
        let place = place % good.len();
        twisted.replace_range(place..(place + cut).min(good.len()), &text);
        let head =
            URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", name.as_str(): value}).to_string());
        let parts: Vec<&str> = good.split('.').collect();
        let headed = [head.as_str(), parts[1], parts[2]].join(".");
        let mut all = Vec::new();
        for token in [&odd, &twisted, &headed] {
            let got = server.call("GET", "/api/v1/me").bearer(token).send().await;
            // Only what was signed as it stands is anybody's.
            assert!(got.status == 401 || *token == odd || *token == good, "{token}: {}", got.text);
            all.push(got);
        }
        all
    });
}

/// Texts that fields have, or nearly.
const TEXTS: &[&str] = &[
    "",
    "daily",
    "2030-01-31",
    "9999-12-31T23:59:59Z",
    "0000-01-01",
    "FREQ=DAILY;COUNT=0",
    "FREQ=SECONDLY",
    "0 0 31 2 *",
    "PT1M",
    "P365D",
    "P99999999999D",
    "Europe/Berlin",
    "home",
    "1",
    "first",
    "high",
    "completed",
    "every 2 weeks on mon",
    "-",
    "\u{0}",
    "\u{202e}x",
];

/// Names of fields.
const FIELDS: &[&str] = &[
    "title",
    "description",
    "status",
    "completed",
    "priority",
    "tags",
    "due_date",
    "zone",
    "recurrence",
    "reminders",
    "lead_time",
    "remind_at",
    "channels",
    "task_id",
    "pattern",
    "interval",
    "days",
    "month_day",
    "rrule",
    "cron",
    "count",
    "until",
    "ahead",
    "mode",
    "from",
    "start",
    "task",
    "operations",
    "op",
    "id",
    "body",
    "minutes",
    "text",
    "now",
    "dtstart",
    "rule",
    "limit",
    "after",
    "name",
    "url",
    "events",
    "message",
    "user_id",
];

/// JSON of any shape, with the names and values that bodies have.
fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        picked(TEXTS).prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let name = picked(FIELDS);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn bodies_that_nobody_would_write() {
    let server = filled();
    let calls: &[(&str, &str)] = &[
        ("POST", "/api/v1/tasks"),
        ("PATCH", "/api/v1/tasks/1"),
        ("PUT", "/api/v1/tasks/2"),
        ("POST", "/api/v1/tasks/batch"),
        ("POST", "/api/v1/reminders"),
        ("POST", "/api/v1/parse"),
        ("POST", "/api/v1/recurrences"),
        ("POST", "/api/v1/recurrence/expand"),
        ("PUT", "/api/v1/tasks/1/recurrence"),
        ("PATCH", "/api/v1/me"),
        ("POST", "/api/v1/tags"),
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/tasks/2/move"),
        ("POST", "/tasks"),
        ("POST", "/api/dev/tasks"),
        ("PUT", "/api/tasks/1"),
        ("POST", "/tasks/1/recurring"),
        ("POST", "/tasks/1/reminders"),
        ("POST", "/api/v1/undo"),
        ("POST", "/api/v1/import"),
    ];
    let cases =
        (prop::sample::select(calls), body(), prop::option::of((0_usize..200, any::<u8>())));
    check(&server, &cases, async |server, ((method, path), body, twist)| {
        let mut bytes = body.to_string().into_bytes();
        if let Some((place, byte)) = twist
            && let Some(at) = bytes.get_mut(place)
        {
            *at = byte;
        }
        let call = server.call(method, path).header("content-type", "application/json");
        vec![call.raw(bytes).send().await]
    });
}
