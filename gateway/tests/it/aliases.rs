//! Clients of the other systems of this family, with the requests that they send.

use serde_json::{Value, json};

use crate::server::Running;

async fn at(now: &str) -> Running {
    let server = Running::dev().await;
    server.send("PUT", "/dev/clock", json!({ "now": now })).await.is(200);
    server
}

/// Asks until the answer holds: a reminder fires a moment after its time.
async fn until(server: &Running, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let got = server.get(path).await.is(200).body;
        if holds(&got) {
            return got;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} never answered what was waited for")
}

#[tokio::test]
async fn a_client_of_000_and_002_works_with_tasks() {
    let server = at("2026-11-21T08:00:00Z").await;
    let body = json!({"title": "Milk", "tags": "shop, home", "colour": "red", "mood,x": 1});
    let made = server.send("POST", "/tasks", body).await.is(201);
    assert_eq!(made.header("tickler-ignored-fields"), "colour, mood%2Cx");
    let made = made.body;
    assert_eq!((&made["priority"], &made["tags"]), (&json!("medium"), &json!(["shop", "home"])));
    assert_eq!((&made["is_recurring"], &made["recurrence_pattern"]), (&json!(false), &Value::Null));
    let body = json!({"title": "Report", "priority": "none", "tags": "[\"work\"]",
        "due_date": "2026-11-23", "recurrence_pattern": "weekly"});
    let report = server.send("POST", "/tasks", body).await.is(201).body;
    assert_eq!(
        (&report["priority"], &report["recurrence_pattern"]),
        (&Value::Null, &json!("weekly"))
    );
    let path = format!("/tasks/{}", report["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.is(200).body, report);
    let mut whole = report.clone();
    whole["recurrence_pattern"] = json!("daily");
    let changed = server.send("PUT", &path, whole).await.is(200).body;
    assert_eq!((&changed["recurrence"], &changed["is_recurring"]), (&json!("daily"), &json!(true)));
    let done = server.post(&format!("{path}/complete")).await.is(200).body;
    assert_eq!(done["next"]["recurrence_pattern"], "daily");
    let mut whole = server.get("/tasks/1").await.is(200).body;
    whole["status"] = json!("completed");
    let same = server.send("PATCH", "/tasks/1", whole).await.is(200).body;
    assert_eq!(same["status"], "pending", "completed wins over status");
    for n in 0..25 {
        let body = json!({"title": format!("n{n}"), "due_date": "2026-12-01", "tags": ["a", "b"]});
        server.send("POST", "/tasks", body).await.is(201);
    }
    let query = "/tasks?tags=a,b&due_before=2026-12-01&due_after=2026-12-01&sort_by=created_at\
                 &sort_order=asc&page=2&page_size=10&unknown=1&status=pending&priority=medium&search=n";
    let page = server.get(query).await.is(200);
    assert_eq!(page.body["tasks"][0]["title"], "n10");
    assert_eq!(page.body["tasks"][0]["is_recurring"], false);
    let facts = ["total", "page", "page_size"].map(|name| page.body[name].as_u64().unwrap());
    assert_eq!(facts, [25, 2, 10]);
    assert_eq!(server.get("/tasks").await.is(200).body["page_size"], 20);
    assert_eq!(server.get("/tasks?tags=a,shop").await.is(200).body["total"], 0);
    for (query, parameter) in [("page_size=101", "page_size"), ("due_before=soon", "due_before")] {
        let refused = server.get(&format!("/tasks?{query}")).await.problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["parameter"], parameter);
    }
    server.call("DELETE", "/tasks/1").send().await.is(204);
    server.get("/tasks/1").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_client_of_000_and_002_is_reminded() {
    let server = at("2026-11-21T08:00:00Z").await;
    server.send("POST", "/tasks", json!({"title": "Milk"})).await.is(201);
    let body = json!({"trigger_at": "2026-11-21T09:00:00Z", "channel": "in_app"});
    let made = server.send("POST", "/tasks/1/reminders", body.clone()).await.is(201).body;
    assert_eq!(made["trigger_at"], "2026-11-21T09:00:00.000Z");
    assert_eq!((&made["channel"], &made["retry_count"]), (&json!("in_app"), &json!(0)));
    assert_eq!(made["status"], "pending");
    server.send("POST", "/tasks/9/reminders", body).await.problem(404, "not-found");
    let bad = json!({"trigger_at": "soon"});
    let bad = server.send("POST", "/tasks/1/reminders", bad).await.problem(422, "invalid");
    assert_eq!(bad.body["errors"][0]["pointer"], "/trigger_at");
    let listed = server.get("/tasks/1/reminders").await.is(200).body;
    assert_eq!(listed, json!([made]));
    server.get("/tasks/9/reminders").await.problem(404, "not-found");
    let path = format!("/reminders/{}", made["id"].as_str().unwrap());
    let mut whole = server.get(&path).await.is(200).body;
    whole["trigger_at"] = json!("2026-11-21T08:30:00Z");
    let moved = server.send("PUT", &path, whole).await.is(200).body;
    assert_eq!(moved["remind_at"], "2026-11-21T08:30:00.000Z");
    server.send("PUT", "/dev/clock", json!({"advance": "PT31M"})).await.is(200);
    until(&server, &path, |reminder| reminder["status"] == "sent").await;
    let snoozed =
        server.send("POST", &format!("{path}/snooze"), json!({"snooze_minutes": 15})).await;
    let snoozed = snoozed.is(200).body;
    assert!(snoozed["trigger_at"].as_str().unwrap().starts_with("2026-11-21T08:46:"));
    let far = json!({"snooze_minutes": 1441});
    let far = server.send("POST", &format!("{path}/snooze"), far).await.problem(422, "invalid");
    assert_eq!(far.body["errors"][0]["pointer"], "/snooze_minutes");
    server.call("DELETE", &path).send().await.is(204);
    assert_eq!(server.get("/reminders").await.is(200).body["reminders"][0]["status"], "cancelled");
}

#[tokio::test]
async fn a_client_of_000_and_002_sets_rules_and_tags() {
    let server = at("2026-11-21T08:00:00Z").await;
    let body = json!({"title": "Gym", "due_date": "2026-11-23T09:00:00Z", "tags": ["x"]});
    server.send("POST", "/tasks", body).await.is(201);
    for (body, pattern, rule) in [
        (json!({"pattern_type": "daily", "interval_days": 3}), "custom", json!({"interval": 3})),
        (json!({"pattern_type": "weekly"}), "weekly", json!(null)),
        (
            json!({"pattern_type": "monthly", "max_occurrences": 4, "end_date": null}),
            "custom",
            json!({"count": 4}),
        ),
        (
            json!({"pattern_type": "custom", "interval_days": 10, "end_date": "2027-11-21"}),
            "custom",
            json!({"pattern": "daily", "interval": 10, "until": "2027-11-21"}),
        ),
        (
            json!({"pattern_type": "custom", "cron_expression": "0 9 * * 1"}),
            "custom",
            json!({"pattern": "cron", "cron": "0 9 * * 1", "mode": "schedule"}),
        ),
    ] {
        let set = server.send("POST", "/tasks/1/recurring", body.clone()).await.is(200).body;
        assert_eq!(set["recurrence_pattern"], pattern, "{body}");
        for (name, value) in rule.as_object().into_iter().flatten() {
            assert_eq!(&set["recurrence"][name], value, "{body}");
        }
    }
    let whole = server.get("/tasks/1").await.is(200).body;
    let same = server.send("PUT", "/tasks/1", whole.clone()).await.is(200).body;
    assert_eq!(same["recurrence"], whole["recurrence"], "custom leaves its rule alone");
    let both =
        json!({"pattern_type": "custom", "interval_days": 2, "cron_expression": "0 9 * * *"});
    for body in [both, json!({"pattern_type": "custom"}), json!({"pattern_type": "hourly"})] {
        let refused = server.send("POST", "/tasks/1/recurring", body.clone()).await;
        refused.problem(422, "invalid-recurrence");
        server.send("POST", "/tasks/9/recurring", body).await.problem(404, "not-found");
    }
    let none = json!({"pattern_type": "daily", "max_occurrences": 0});
    let none = server.send("POST", "/tasks/1/recurring", none).await;
    let none = none.problem(422, "invalid-recurrence");
    assert_eq!(none.body["errors"][0]["pointer"], "/max_occurrences");
    server.call("DELETE", "/tasks/1/recurring").send().await.is(204);
    assert_eq!(server.get("/tasks/1").await.body["is_recurring"], false);

    server.send("POST", "/tags", json!({"name": "home", "color": "#fff"})).await.is(201);
    assert_eq!(server.get("/tags").await.is(200).body["tags"][0]["name"], "home");
    server.call("DELETE", "/tags/home").send().await.is(204);
    server.call("DELETE", "/tags/x").send().await.problem(409, "tag-in-use");
}

#[tokio::test]
async fn a_client_of_003_works_under_its_user() {
    let server = at("2026-11-21T08:00:00Z").await;
    let tasks = "/api/dev/tasks";
    let body = json!({"title": "Call", "due_at": "2026-11-21T18:00:00Z", "recurrence_rule": "weekly",
        "priority": "high", "tags": ["a", "b"]});
    let made = server.send("POST", tasks, body).await.is(201).body;
    assert_eq!((&made["due_at"], &made["recurrence_rule"]), (&made["due_date"], &json!("weekly")));
    let path = format!("{tasks}/{}", made["id"].as_str().unwrap());
    let mut whole = made.clone();
    whole["due_at"] = json!("2026-11-24T18:00:00Z");
    let moved = server.send("PUT", &path, whole).await.is(200).body;
    assert_eq!(
        (&moved["due_date"], &moved["user_id"]),
        (&json!("2026-11-24T18:00:00Z"), &json!("dev"))
    );
    let plain = server.send("POST", tasks, json!({"title": "Plain"})).await.is(201).body;
    assert_eq!(plain["priority"], "none");
    server.send("PUT", &format!("{tasks}/2"), plain).await.is(200);
    let done = server.call("PATCH", &format!("{tasks}/2/complete")).send().await.is(200).body;
    assert_eq!(done["completed"], true);
    let open = json!({"completed": false, "at": "now"});
    let open = server.send("PATCH", &format!("{tasks}/2/complete"), open).await.is(200).body;
    assert_eq!(open["completed"], false);
    server.post(&format!("{tasks}/2/complete")).await.is(200);
    let body = json!({"title": "Late", "due_at": "2026-11-20"});
    server.send("POST", tasks, body).await.is(201);
    for (query, found) in [
        ("status=all&sort=created&order=asc&limit=50", 3),
        ("status=completed", 1),
        ("due=today", 0),
        ("due=week", 1),
        ("due=overdue", 1),
        ("tags=a,b", 1),
        ("tags=a,c", 0),
        ("due_before=2026-11-20&nonsense=1", 1),
        ("due_after=2026-11-21", 1),
        ("priority=none", 2),
        ("search=call", 1),
    ] {
        let list = server.get(&format!("{tasks}?{query}")).await.is(200).body;
        assert_eq!(list["tasks"].as_array().unwrap().len(), found, "{query}");
        assert_eq!(list["count"], json!({"total": 3, "pending": 2, "completed": 1}), "{query}");
    }
    let stopped = server.post(&format!("{path}/recurrence/cancel")).await.is(200).body;
    assert_eq!(
        (&stopped["is_recurring"], &stopped["recurrence_rule"]),
        (&json!(false), &Value::Null)
    );

    let body = json!({"remind_at": "2026-11-22T08:00:00Z"});
    let made = server.send("POST", &format!("{path}/reminders"), body).await.is(201).body;
    let listed = server.get(&format!("{path}/reminders")).await.is(200).body;
    assert_eq!((&listed["count"], &listed["reminders"]), (&json!(1), &json!([made])));
    let id = made["id"].as_str().unwrap();
    let other = format!("{tasks}/3/reminders/{id}");
    server.call("DELETE", &other).send().await.problem(404, "not-found");
    server.call("DELETE", &format!("{path}/reminders/{id}")).send().await.is(204);
    let audit = "/api/dev/audit?limit=2&offset=0&event_type=task_created&task_id=1";
    assert_eq!(server.get(audit).await.is(200).body["entries"][0]["event_type"], "task.created");
    server.call("DELETE", &path).send().await.is(204);
}

#[tokio::test]
async fn a_client_of_003_reads_its_inbox() {
    let server = at("2026-11-21T08:00:00Z").await;
    let body = json!({"title": "Call", "reminders": ["2026-11-21T08:01:00Z"]});
    server.send("POST", "/api/dev/tasks", body).await.is(201);
    server.send("PUT", "/dev/clock", json!({"advance": "PT2M"})).await.is(200);
    let unread = "/api/dev/notifications?unread_only=true";
    let inbox = until(&server, unread, |inbox| inbox["unread"] == 1).await;
    let id = inbox["notifications"][0]["id"].as_str().unwrap();
    let read = format!("/api/dev/notifications/{id}/read");
    assert!(server.call("PATCH", &read).send().await.is(200).body["read_at"].is_string());
    assert_eq!(server.get(unread).await.is(200).body["notifications"], json!([]));
    server.call("PATCH", "/api/dev/notifications/read-all").send().await.is(204);
}

#[tokio::test]
async fn a_path_of_another_user_is_refused_and_words_of_ours_are_no_users() {
    let server = Running::dev().await;
    for (method, path) in [
        ("GET", "/api/ann/tasks"),
        ("POST", "/api/ann/tasks"),
        ("GET", "/api/ann/tasks/1"),
        ("PATCH", "/api/ann/tasks/1/complete"),
        ("DELETE", "/api/ann/tasks/1/reminders/1"),
        ("GET", "/api/ann/audit"),
        ("GET", "/api/DEV/notifications"),
    ] {
        server.call(method, path).send().await.problem(403, "wrong-user");
    }
    let theirs = json!({"title": "a", "user_id": "ann"});
    server.send("POST", "/api/dev/tasks", theirs).await.problem(403, "wrong-user");
    for word in ["v1", "tasks", "events", "chat", "sse"] {
        server.get(&format!("/api/{word}/audit/x")).await.problem(404, "not-found");
    }
    for path in ["/api/events/tasks", "/api/sse/ann/tasks", "/api/chat/audit"] {
        server.get(path).await.problem(404, "not-found");
    }
    let jwt = Running::with(&[("TICKLER_JWT_SECRET", "0123456789abcdef0123456789abcdef")]).await;
    jwt.get("/api/ann/tasks").await.problem(401, "unauthenticated");
    jwt.get("/tasks").await.problem(401, "unauthenticated");
    jwt.get("/api/events/tasks").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_client_of_001_works_with_bare_lists() {
    let server = Running::dev().await;
    let body = json!({"title": "a", "tags": "x,y", "recurrence_pattern": "daily", "due_date": "2026-11-23",
        "source": "form"});
    let made = server.send("POST", "/api/tasks", body).await.is(201);
    assert_eq!(made.header("tickler-ignored-fields"), "source");
    assert_eq!(
        (&made.body["recurrence"], &made.body["tags"]),
        (&json!("daily"), &json!(["x", "y"]))
    );
    server.send("POST", "/api/tasks", json!({"title": "b"})).await.is(201);
    server.send("PATCH", "/api/tasks/2/complete", json!({"completed": true})).await.is(200);
    for (query, found) in
        [("completed=all", 2), ("completed=pending", 1), ("completed=completed", 1), ("extra=1", 2)]
    {
        let list = server.get(&format!("/api/tasks?{query}&sort_by=title&sort_order=asc")).await;
        assert_eq!(list.is(200).body.as_array().map(Vec::len), Some(found), "{query}");
    }
    let page = server.get("/api/tasks?limit=1").await.is(200);
    assert!(page.header("link").contains("/api/tasks?limit=1&cursor="), "{}", page.header("link"));
    let link = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let next = server.get(link.strip_prefix(server.url()).unwrap()).await.is(200);
    assert_ne!(next.body[0]["id"], page.body[0]["id"]);
    let operations = json!([{"op": "create", "body": {"title": "c", "x": 1}, "why": "?"},
        {"op": "move", "id": 1, "body": {"to": "last"}}]);
    let batch = json!({ "operations": operations });
    let batch = server.send("POST", "/api/tasks/batch", batch).await.is(200);
    assert_eq!(batch.body["results"][0]["status"], 201);
    assert_eq!(batch.body["results"][1]["status"], 200, "{}", batch.text);
    let etag = server.get("/api/tasks/1").await.header("etag").to_owned();
    server.call("GET", "/api/tasks/1").header("if-none-match", &etag).send().await.is(304);
    let stale = server.call("PUT", "/api/tasks/1").header("if-match", "\"v99\"");
    stale.json(&json!({"title": "z"})).send().await.problem(412, "stale");
    let refused = server.send("POST", "/api/tasks", json!({"title": ""})).await;
    assert_eq!(refused.problem(422, "invalid").body["errors"][0]["pointer"], "/title");
}

#[tokio::test]
async fn a_key_holds_for_the_request_as_it_came() {
    let server = Running::dev().await;
    let send = |path: &'static str, title: &'static str| {
        let call = server.call("POST", path).header("idempotency-key", "k");
        async move { call.json(&json!({ "title": title, "more": 1 })).send().await }
    };
    let first = send("/tasks", "a").await.is(201);
    let again = send("/tasks", "a").await.is(201);
    assert_eq!((again.header("idempotent-replayed"), &again.text), ("true", &first.text));
    send("/tasks", "b").await.problem(422, "idempotency-key-reused");
    send("/api/tasks", "a").await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn the_description_holds_every_spelling_and_can_be_read() {
    let server = Running::dev().await;
    let got = server.get("/openapi.json").await.is(200);
    assert_eq!(got.header("content-type"), "application/json");
    let document = got.body;
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/api/v1/tasks", "/tasks/{id}/recurring", "/api/{user_id}/tasks", "/ws/{user_id}"]
    {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let page = server.get("/docs").await.is(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text.contains("/api/v1/recurrences/{id}/preview"));
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "no network");
}
