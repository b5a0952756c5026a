//! Sentences of the contract that a reader with the program at hand once found broken, each held to its words.

use serde_json::{Value, json};

use crate::server::{Got, Running};

const DUE: &str = "2030-01-07T09:00:00Z";

fn fault(got: &Got) -> (&str, &str) {
    let first = &got.body["errors"][0];
    let place = first["pointer"].as_str().or_else(|| first["parameter"].as_str());
    (place.unwrap_or_default(), first["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_reminder_that_is_sent_back_to_post_is_a_new_one() {
    let server = Running::dev().await;
    let reminders = "/api/v1/reminders";
    for title in ["a", "b"] {
        server.task(json!({"title": title, "due_date": DUE})).await;
    }
    let first = json!({"task_id": 1, "lead_time": "1h"});
    let first = server.send("POST", reminders, first).await.is(201).body;
    let mut again = first.clone();
    again["task_id"] = json!(2);
    let second = server.send("POST", reminders, again).await.is(201).body;
    assert_ne!(first["id"], second["id"]);
    again = json!({"id": first["id"], "task_id": 1, "lead_time": "2h"});
    assert_ne!(server.send("POST", reminders, again).await.is(201).body["id"], first["id"]);
    let same = json!({"id": first["id"], "task_id": 1, "lead_time": "1h"});
    server.send("POST", reminders, same).await.problem(409, "reminder-exists");
    let of = async |task: &str| {
        let list = server.get(&format!("{reminders}?task_id={task}")).await.is(200);
        list.body["count"].as_u64().unwrap()
    };
    assert_eq!((of("1").await, of("2").await), (2, 1));
}

#[tokio::test]
async fn a_snooze_without_an_offset_is_in_the_tasks_zone() {
    let server = Running::dev().await;
    let reminders = json!(["1h"]);
    let task =
        json!({"title": "a", "due_date": DUE, "zone": "Europe/Berlin", "reminders": reminders});
    let task = server.task(task).await;
    let path = format!("/api/v1/reminders/{}", task["reminders"][0]["id"].as_str().unwrap());
    let until = json!({"until": "2030-01-23T10:00:00"});
    let snoozed = server.send("POST", &format!("{path}/snooze"), until).await.is(200);
    assert_eq!(snoozed.str("remind_at"), "2030-01-23T09:00:00.000Z");
    let nothing = json!({"minutes": null, "until": null});
    let snoozed = server.send("POST", &format!("{path}/snooze"), nothing).await.is(200);
    assert_ne!(snoozed.str("remind_at"), "2030-01-23T09:00:00.000Z");
}

#[tokio::test]
async fn null_channels_of_a_reminder_are_the_users() {
    let server = Running::dev().await;
    let reminder = json!({"lead_time": "1h", "channels": ["webhook"]});
    let task = json!({"title": "a", "due_date": DUE, "reminders": [reminder]});
    let task = server.task(task).await;
    let path = format!("/api/v1/reminders/{}", task["reminders"][0]["id"].as_str().unwrap());
    let cleared = server.send("PATCH", &path, json!({"channels": null})).await.is(200);
    assert_eq!(cleared.body["channels"], json!(["in_app"]));
}

#[tokio::test]
async fn a_rule_by_itself_is_of_the_schedule_and_read_in_every_spelling() {
    let server = Running::dev().await;
    let rules = "/api/v1/recurrences";
    let whole = |name: &str, rule: Value| json!({name: rule, "start": "2030-01-07", "task": {"title": "x"}});
    let ahead = whole("recurrence", json!({"pattern": "daily", "ahead": "P1D"}));
    let made = server.send("POST", rules, ahead).await.is(201).body;
    assert_eq!(made["recurrence"]["ahead"], "P1D");
    let path = format!("{rules}/{}", made["id"].as_str().unwrap());
    let later = json!({"recurrence": {"pattern": "daily", "ahead": "P2D"}});
    let later = server.send("PATCH", &path, later).await.is(200);
    assert_eq!(later.body["recurrence"]["ahead"], "P2D");
    let mut spelled = whole("recurrence_pattern", json!("daily"));
    spelled["recurrence_count"] = json!(3);
    let spelled = server.send("POST", rules, spelled).await.is(201).body;
    assert_eq!(
        (&spelled["recurrence"]["count"], &spelled["recurrence"]["mode"]),
        (&json!(3), &json!("schedule"))
    );
    for (body, at, code) in [
        (json!({"start": "2030-01-07", "task": {"title": "x"}}), "/recurrence", "required"),
        (whole("recurrence", Value::Null), "/recurrence", "required"),
        (whole("recurring", json!("nonsense")), "/recurring", "invalid"),
    ] {
        let refused = server.send("POST", rules, body.clone()).await.is(422);
        assert_eq!(fault(&refused), (at, code), "{body}");
        assert_eq!(refused.body["errors"].as_array().unwrap().len(), 1, "{body}");
    }
    let one = server.get(&format!("{rules}?limit=1")).await.is(200);
    let cursor = one.str("next_cursor");
    server.get(&format!("{rules}?limit=1&cursor={cursor}")).await.is(200);
    let other = server.get(&format!("{rules}?status=paused&cursor={cursor}")).await;
    other.problem(400, "invalid-cursor");
}

#[tokio::test]
async fn english_may_name_an_end_however_near() {
    let server = Running::dev().await;
    for rule in ["every monday until 31 december 2026", "every day until 31 march 2027"] {
        let task = json!({"title": "a", "due_date": "2026-11-23", "recurrence": rule});
        server.send("POST", "/api/v1/tasks", task).await.is(201);
    }
}

#[tokio::test]
async fn a_rule_that_goes_on_again_needs_room() {
    let server = Running::dev().await;
    let recurring = |n: usize| json!({"title": format!("{n}"), "due_date": "2030-01-07", "recurrence": "daily"});
    for hundred in 0..10 {
        let create = |n: usize| json!({"op": "create", "body": recurring(hundred * 100 + n)});
        let batch = json!({"operations": (0..100).map(create).collect::<Vec<_>>()});
        server.send("POST", "/api/v1/tasks/batch", batch).await.is(200);
    }
    server.call("DELETE", "/api/v1/tasks/1").send().await.is(204);
    server.task(recurring(1000)).await;
    server.post("/api/v1/tasks/1/restore").await.problem(409, "limit-reached");
    server.call("DELETE", "/api/v1/tasks/2").send().await.is(204);
    server.post("/api/v1/tasks/1/restore").await.is(200);
}

#[tokio::test]
async fn a_cursor_of_a_list_is_none_of_the_archive() {
    let server = Running::dev().await;
    for title in ["a", "b"] {
        server.task(json!({"title": title})).await;
    }
    let page = server.get("/api/v1/tasks?limit=1").await.is(200);
    let link = page.header("link");
    let cursor = link.split("cursor=").nth(1).unwrap().split(['&', '>']).next().unwrap();
    let archive = server.get(&format!("/api/v1/tasks?archived=true&limit=1&cursor={cursor}")).await;
    archive.problem(400, "invalid-cursor");
}

#[tokio::test]
async fn every_get_takes_a_version_and_what_is_wrong_of_a_parameter_is_invalid() {
    let server = Running::dev().await;
    for path in ["/api/v1/tokens", "/api/v1/webhooks", "/api/v1/me", "/api/v1/tags"] {
        server.get(&format!("{path}?min_version=0")).await.is(200);
    }
    let long = "x".repeat(201);
    for (query, name) in [
        ("limit=0".to_owned(), "limit"),
        ("limit=1001".to_owned(), "limit"),
        (format!("search={long}"), "search"),
        ("limit=2&limit=3".to_owned(), "limit"),
    ] {
        let refused = server.get(&format!("/api/v1/tasks?{query}")).await.problem(422, "invalid");
        assert_eq!(fault(&refused), (name, "invalid"), "{query}");
    }
    let composed = "e%CC%81".repeat(150);
    server.get(&format!("/api/v1/tasks?search={composed}")).await.is(200);
    server.get(&format!("/api/v1/search?q={composed}")).await.is(200);
    server.task(json!({"title": "cafe"})).await;
    let spaced = server.get("/api/v1/tasks?search=%20cafe%20").await.is(200);
    assert_eq!(spaced.header("x-total-count"), "1");
    server.get("/api/v1/search?q=%20").await.problem(422, "invalid");
}

#[tokio::test]
async fn a_pointer_names_the_field_as_sent() {
    let server = Running::dev().await;
    for (body, at) in [
        (json!({"title": "a", "reminder_offset": 30}), "/reminder_offset"),
        (json!({"title": "a", "remind": "1h"}), "/remind"),
        (
            json!({"title": "a", "due_date": "2030-01-07", "recurring": "daily", "recurrence_count": 0}),
            "/recurrence_count",
        ),
        (
            json!({"title": "a", "due_date": "2030-01-07", "recurringRule": "daily", "recurringEndDate": "2029-01-01"}),
            "/recurringEndDate",
        ),
    ] {
        let refused = server.send("POST", "/api/v1/tasks", body.clone()).await;
        assert_eq!(fault(&refused).0, at, "{body}: {}", refused.text);
    }
    server.task(json!({"title": "a"})).await;
    let both = json!({"before": 1, "after": 1});
    let refused = server.send("POST", "/api/v1/tasks/1/move", both).await.is(422);
    assert_eq!(fault(&refused), ("/after", "conflict"));
}

#[tokio::test]
async fn what_is_only_computed_leaves_the_servers_fields_alone() {
    let server = Running::dev().await;
    server.send("PATCH", "/api/v1/me", json!({"zone": "Asia/Tokyo"})).await.is(200);
    let said = json!({"text": "milk", "zone": "", "user_id": "dev", "id": "x"});
    assert_eq!(server.send("POST", "/api/v1/parse", said).await.is(200).str("zone"), "Asia/Tokyo");
    let other = json!({"text": "milk", "user_id": "bob"});
    server.send("POST", "/api/v1/parse", other).await.problem(403, "wrong-user");
    let zones = json!({"dtstart": "2030-01-07T09:00:00", "rule": "daily", "zone": "UTC", "tz": "Asia/Tokyo"});
    let refused = server.send("POST", "/api/v1/recurrence/expand", zones).await;
    refused.problem(422, "invalid");
}

#[tokio::test]
async fn a_stream_begins_anew_after_a_place_that_is_none() {
    let server = Running::dev().await;
    let client = reqwest::Client::new();
    let url = format!("{}/api/v1/live", server.url());
    let _held = client.get(&url).send().await.unwrap();
    server.task(json!({"title": "a"})).await;
    for place in ["bad", "-1", "9223372036854775807"] {
        let mut stream = client.get(&url).header("last-event-id", place).send().await.unwrap();
        let mut said = String::new();
        while !said.contains("event: reset") {
            let more = stream.chunk().await.unwrap().expect("it goes on");
            said.push_str(&String::from_utf8_lossy(&more));
        }
        assert!(said.contains("event: ready"), "{place}: {said}");
    }
}

#[tokio::test]
async fn events_come_in_by_the_sidecars_routes_where_a_token_is_set() {
    let server = Running::with(&[("APP_API_TOKEN", "a token of a test")]).await;
    let closed = Running::dev().await;
    let event =
        json!({"event_type": "task.created", "task_id": "t", "user_id": "dev", "timestamp": DUE});
    // The sidecar's routes are in no description.
    let client = reqwest::Client::new();
    let post = async |server: &Running, path: &str, token: &str, body: &Value| {
        let call = client.post(format!("{}{path}", server.url())).header("dapr-api-token", token);
        let answer = call.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    };
    let right = "a token of a test";
    for path in ["/events/task-events", "/job/patrol", "/cron-reminders", "/cron-recurrence"] {
        assert_eq!(post(&closed, path, right, &event).await.0, 404, "{path}");
        assert_eq!(post(&server, path, right, &event).await.0, 200, "{path}");
    }
    assert_eq!(post(&server, "/job/patrol", "wrong", &event).await.0, 404);
    let named = client.get(format!("{}/dapr/subscribe", server.url()));
    let named = named.header("dapr-api-token", right).send().await.unwrap().text().await.unwrap();
    let named: Value = serde_json::from_str(&named).unwrap();
    assert_eq!(named.as_array().map(Vec::len), Some(4));
    let trail = server.get("/api/v1/audit").await.is(200);
    assert_eq!(trail.body["entries"][0]["event_type"], "task.created");
    let nobody = json!({"event_type": "task.created"});
    let dropped = post(&server, "/events/task-events", right, &nobody).await;
    assert_eq!(dropped.1, json!({"status": "DROP"}));
    let bulk =
        json!({"entries": [{"entryId": "1", "event": event}, {"entryId": "2", "event": nobody}]});
    let taken = post(&server, "/events/task-events", right, &bulk).await;
    assert_eq!(taken.1["statuses"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn all_is_no_filter_in_the_lists_of_the_other_trees() {
    let server = Running::dev().await;
    server.task(json!({"title": "a"})).await;
    for name in ["status", "priority", "due", "tags", "search"] {
        let list = server.get(&format!("/api/dev/tasks?{name}=all")).await.is(200);
        assert_eq!(list.body["tasks"].as_array().map(Vec::len), Some(1), "{name}");
    }
}

#[tokio::test]
async fn a_tag_and_a_zone_have_reached_every_task_when_that_is_answered() {
    let server = Running::dev().await;
    for hundred in 0..7 {
        let body =
            json!({"title": hundred.to_string(), "tags": ["a"], "due_date": "2030-01-07T09:00:00"});
        let create = json!({"op": "create", "body": body});
        let batch = json!({"operations": vec![create; 100]});
        server.send("POST", "/api/v1/tasks/batch", batch).await.is(200);
    }
    let tagged = async |tag: &str| {
        let list = server.get(&format!("/api/v1/tasks?limit=1&tags={tag}")).await.is(200);
        list.header("x-total-count").to_owned()
    };
    server.send("PUT", "/api/v1/tags/a", json!({"name": "z"})).await.is(200);
    assert_eq!((tagged("a").await, tagged("z").await), ("0".to_owned(), "700".to_owned()));
    server.call("DELETE", "/api/v1/tags/z?force=true").send().await.is(204);
    assert_eq!(tagged("z").await, "0");
    server.send("POST", "/api/v1/tags", json!({"name": "z"})).await.is(201);
    server.send("PATCH", "/api/v1/me", json!({"zone": "Asia/Tokyo"})).await.is(200);
    let last = server.get("/api/v1/tasks/700").await.is(200);
    assert_eq!(last.str("due_date"), "2030-01-07T09:00:00+09:00");
}

#[tokio::test]
async fn mcp_refuses_a_header_with_a_problem_and_answers_json_whatever_is_accepted() {
    let server = Running::dev().await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let call = || server.call("POST", "/mcp").json(&list);
    let refused = call().header("mcp-protocol-version", "1999-01-01").send().await;
    assert!(refused.problem(400, "malformed").str("detail").contains("1999-01-01"));
    let plain = call().header("accept", "text/plain").send().await.is(200);
    assert!(plain.body["result"]["tools"].is_array(), "{}", plain.text);
}

#[tokio::test]
async fn a_key_is_kept_where_a_reminder_is_off_its_task_already() {
    let server = Running::dev().await;
    let task = server.task(json!({"title": "a", "due_date": DUE, "reminders": ["1h"]})).await;
    let path = format!("/api/v1/reminders/{}", task["reminders"][0]["id"].as_str().unwrap());
    let first = server.call("DELETE", &path).send().await.is(200);
    let keyed = || server.call("DELETE", &path).header("idempotency-key", "k");
    let again = keyed().send().await.is(200);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("", &first.body));
    let replayed = keyed().send().await.is(200);
    assert_eq!((replayed.header("idempotent-replayed"), &replayed.body), ("true", &first.body));
    let other = server.call("POST", "/api/v1/tags").header("idempotency-key", "k");
    other.json(&json!({"name": "x"})).send().await.problem(422, "idempotency-key-reused");
    let nobodys = server.call("DELETE", "/api/v1/reminders/00000000-0000-4000-8000-000000000000");
    nobodys.send().await.problem(404, "not-found");
}

#[tokio::test]
async fn a_day_and_a_moment_are_joined_by_and_in_the_users_zone() {
    let server = Running::dev().await;
    server.send("PATCH", "/api/v1/me", json!({"zone": "Europe/Berlin"})).await.is(200);
    for due in ["2030-01-21T23:10:00Z", "2030-01-21T23:40:00Z", "2030-01-22"] {
        server.task(json!({"title": due, "due_date": due})).await;
    }
    let both = "/api/v1/tasks?due_date=2030-01-22&due_date_from=2030-01-21T23:30:00Z";
    let list = server.get(both).await.is(200);
    let titles: Vec<_> = list.body.as_array().unwrap().iter().map(|task| &task["title"]).collect();
    assert_eq!(titles, ["2030-01-21T23:40:00Z"]);
}

#[tokio::test]
async fn a_rule_from_completion_steps_from_that_day_also_where_it_is_early() {
    let server = Running::dev().await;
    server.send("PUT", "/dev/clock", json!({"now": "2030-01-04T12:00:00Z"})).await;
    let rule = json!({"pattern": "daily", "interval": 3, "from": "completed"});
    server.task(json!({"title": "water", "due_date": "2030-01-20", "recurrence": rule})).await;
    let done = server.post("/api/v1/tasks/1/complete").await.is(200);
    assert_eq!(done.body["next"]["due_date"], "2030-01-07", "{}", done.text);
    let done = server.post("/api/v1/tasks/2/complete").await.is(200);
    assert_eq!(done.body["next"]["due_date"], "2030-01-10");
}
