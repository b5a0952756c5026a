//! Sentences of the contract that no other suite holds the program to.

use serde_json::{Value, json};

use crate::server::Running;

const CLOCK: &str = "/dev/clock";

async fn reminder(server: &Running, body: Value) -> Value {
    server.send("POST", "/api/v1/reminders", body).await.is(201).body
}

#[tokio::test]
async fn a_new_time_makes_a_reminder_pending_again_whatever_it_was() {
    let server = Running::dev().await;
    server.send("PUT", CLOCK, json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    let task = server.task(json!({"title": "a", "due_date": "2026-11-23T09:00:00Z"})).await;
    let body = json!({"task_id": task["id"], "remind_at": "2026-11-21T09:00:00Z"});
    let made = reminder(&server, body).await;
    let path = format!("/api/v1/reminders/{}", made["id"].as_str().expect("an id"));
    // Taken off its task.
    let off = server.call("DELETE", &path).send().await.is(200);
    assert_eq!(off.str("status"), "cancelled");
    assert_eq!(server.call("DELETE", &path).send().await.is(200).body, off.body);
    assert_eq!(server.send("PUT", &path, off.body.clone()).await.is(200).body, off.body);
    let closed = server.send("PATCH", &path, json!({"channels": ["webhook"]})).await;
    closed.problem(409, "reminder-closed");
    let lead = json!({"lead_time": "1d"});
    let patch = || server.call("PATCH", &path).header("idempotency-key", "k").json(&lead);
    let again = patch().send().await.is(200);
    let replayed = patch().send().await.is(200);
    assert_eq!((replayed.header("idempotent-replayed"), &replayed.body), ("true", &again.body));
    assert_eq!((again.str("status"), again.str("id")), ("pending", made["id"].as_str().unwrap()));
    assert_eq!(again.body["created_at"], made["created_at"]);
    assert!(again.body["version"].as_u64() > off.body["version"].as_u64());
    let held = server.get(&path).await.is(200);
    assert_eq!(
        (held.str("status"), held.str("remind_at")),
        ("pending", "2026-11-22T09:00:00.000Z")
    );
    assert_eq!(held.header("tickler-version"), again.header("tickler-version"));
    let task = server.get("/api/v1/tasks/1").await.is(200).body;
    assert_eq!(task["reminders"][0]["id"], made["id"]);
}

#[tokio::test]
async fn a_fired_reminder_sent_back_whole_does_not_fire_again() {
    let server = Running::dev().await;
    server.send("PUT", CLOCK, json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    let task = server.task(json!({"title": "a"})).await;
    let body = json!({"task_id": task["id"], "remind_at": "2026-11-21T07:00:00Z"});
    let made = reminder(&server, body).await;
    let path = format!("/api/v1/reminders/{}", made["id"].as_str().expect("an id"));
    let fired = loop {
        let now = server.get(&path).await.is(200);
        if now.str("status") == "triggered" {
            break now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let back = server.send("PUT", &path, fired.body.clone()).await.is(200);
    let held = server.get(&path).await.is(200);
    assert_eq!(held.str("status"), "triggered", "{} {}", back.text, held.text);
}

#[tokio::test]
async fn a_key_used_on_tasks_is_not_free_for_reminders_nor_the_other_way_round() {
    let server = Running::dev().await;
    let under = |key: &'static str, path: &'static str, body: Value| {
        server.call("POST", path).header("idempotency-key", key).json(&body)
    };
    under("a", "/api/v1/tasks", json!({"title": "a"})).send().await.is(201);
    let read_all = "/api/v1/notifications/read-all";
    let reused = "idempotency-key-reused";
    under("a", read_all, json!({})).send().await.problem(422, reused);
    under("b", read_all, json!({})).send().await.is(204);
    let again = under("b", read_all, json!({})).send().await.is(204);
    assert_eq!(again.header("idempotent-replayed"), "true");
    under("b", "/api/v1/tasks", json!({"title": "a"})).send().await.problem(422, reused);
}

#[tokio::test]
async fn what_is_refused_says_where() {
    let server = Running::dev().await;
    let task = server.task(json!({"title": "a", "due_date": "2027-01-01"})).await;
    let bare = server.task(json!({"title": "b"})).await;
    let rule = format!("/api/v1/tasks/{}/recurrence", bare["number"]);
    let leads: Vec<_> = (1..=21).map(|n| format!("PT{n}M")).collect();
    let template = |field: &str| {
        json!({"recurrence": "daily", "start": "2027-01-01",
        "task": {"title": "a", field: null}})
    };
    let mail = json!({"task_id": task["id"], "lead_time": "1h", "channels": ["email"]});
    #[rustfmt::skip]
    let rows = [
        ("PUT", rule.as_str(), json!("daily"), "recurrence-needs-due-date", ""),
        ("PUT", rule.as_str(), json!(null), "invalid-recurrence", ""),
        ("POST", "/api/v1/tasks", json!({"title": "a", "due_date": "2027-01-01", "reminders": leads}),
            "limit-reached", "/reminders"),
        ("POST", "/api/v1/recurrences", json!({}), "invalid", "/recurrence"),
        ("POST", "/api/v1/recurrences", json!({}), "invalid", "/start"),
        ("POST", "/api/v1/recurrences", json!({}), "invalid", "/task"),
        ("POST", "/api/v1/recurrences", json!({"recurrence": "daily", "start": "2027-01-01", "task": null}),
            "invalid", "/task"),
        ("POST", "/api/v1/recurrences", template("due_date"), "invalid", "/task/due_date"),
        ("POST", "/api/v1/recurrences", template("status"), "invalid", "/task/status"),
        ("POST", "/api/v1/reminders", mail, "channel-unavailable", "/channels"),
        ("POST", "/api/v1/tasks", json!({"title": "a", "reminders": [
            {"remind_at": "2027-01-01T00:00:00Z", "channels": ["email"]}]}),
            "channel-unavailable", "/reminders/0/channels"),
        ("PUT", CLOCK, json!({"now": "2027-01-01T00:00:00Z", "advance": "PT1H"}), "invalid", "/advance"),
    ];
    for (method, path, body, code, pointer) in rows {
        let got = server.send(method, path, body).await;
        assert_eq!(got.code(), code, "{method} {path}: {}", got.text);
        let errors = got.body["errors"].as_array().expect("errors");
        assert!(errors.iter().any(|error| error["pointer"] == pointer), "{pointer}: {}", got.text);
    }
    let batch = json!({"operations": [{"op": "zz"}]});
    let results = server.send("POST", "/api/v1/tasks/batch", batch).await.is(200).body;
    assert_eq!(results["results"][0]["problem"]["errors"][0]["pointer"], "/operations/0/op");
}

#[tokio::test]
async fn cancelling_an_ended_rule_takes_it_off_the_open_tasks() {
    let server = Running::dev().await;
    let rule = json!({"pattern": "daily", "mode": "schedule", "until": "2027-01-01"});
    let task = json!({"title": "a", "due_date": "2027-01-01", "recurrence": rule});
    let task = server.task(task).await;
    let path = format!("/api/v1/recurrences/{}", task["recurrence_id"].as_str().expect("an id"));
    server.call("DELETE", &path).send().await.is(204);
    server.call("DELETE", &path).send().await.is(204);
    let task = server.get("/api/v1/tasks/1").await.is(200).body;
    assert_eq!((&task["recurrence"], &task["recurrence_id"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn search_folds_sharp_s() {
    let server = Running::dev().await;
    server.task(json!({"title": "Straße kehren"})).await;
    let found = server.get("/api/v1/tasks?search=STRASSE").await.is(200);
    assert_eq!(found.header("x-total-count"), "1");
}

#[tokio::test]
async fn every_metric_is_there_from_the_start() {
    let server = Running::dev().await;
    let text = server.get("/metrics").await.is(200).text;
    for name in [
        "tickler_http_requests_total",
        "tickler_commands_total{actor=\"TaskListActor\",outcome=\"done\"}",
        "tickler_turn_seconds",
        "tickler_events_published_total{topic=\"task-events\"}",
        "tickler_events_failed_total{topic=\"task-events\"}",
        "tickler_outbox_pending",
        "tickler_feed_lag_seconds{consumer=\"views\"}",
        "tickler_reminder_lateness_seconds",
        "tickler_dlq_total{topic=\"task-events\"}",
    ] {
        let named = |line: &str| {
            line.starts_with(name) || line.starts_with("# TYPE ") && line[7..].starts_with(name)
        };
        assert!(text.lines().any(named), "{name}: {text}");
    }
}
