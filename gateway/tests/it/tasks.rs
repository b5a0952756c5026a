//! Tasks, from the first to the last thing that is done with one.

use serde_json::json;

use crate::server::Running;

#[tokio::test]
async fn a_task_goes_through_its_life() {
    let server = Running::dev().await;
    server.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    let made = server
        .task(json!({
            "title": "  Water the plants  ", "notes": "All of them", "priority": "P2",
            "tags": ["Home", "garden/front", "home"], "dueDate": "2026-11-23T09:00:00",
            "zone": "Europe/Berlin", "recurring": "weekly", "remind": ["1h"],
        }))
        .await;
    assert_eq!(made["title"], "Water the plants");
    assert_eq!(made["description"], "All of them");
    assert_eq!(made["priority"], "high");
    assert_eq!(made["tags"], json!(["home", "garden/front"]));
    assert_eq!(made["due_date"], "2026-11-23T09:00:00+01:00");
    assert_eq!(made["recurrence"], "weekly");
    assert_eq!(made["reminders"][0]["remind_at"], "2026-11-23T07:00:00.000Z");
    let path = format!("/api/v1/tasks/{}", made["id"].as_str().expect("an id"));
    assert_eq!(server.get("/api/v1/tasks/1").await.is(200).body, made);

    let changed = server.send("PUT", &path, json!({"priority": null, "title": "Water"})).await;
    let changed = changed.is(200).body;
    assert_eq!((&changed["priority"], &changed["title"]), (&json!(null), &json!("Water")));
    assert_eq!(changed["due_date"], made["due_date"], "PUT is the same merge as PATCH");

    let done = server.post(&format!("{path}/complete")).await.is(200).body;
    assert_eq!((&done["status"], &done["completed"]), (&json!("completed"), &json!(true)));
    assert_eq!(done["next"]["due_date"], "2026-11-30T09:00:00+01:00");
    let again = server.post(&format!("{path}/complete")).await.is(200).body;
    assert_eq!(again["next"]["id"], done["next"]["id"]);
    let open = server.post(&format!("{path}/reopen")).await.is(200).body;
    assert_eq!(open["removed"], done["next"]["id"]);
    let toggled = server.call("PATCH", &format!("{path}/complete")).send().await.is(200).body;
    assert_eq!(toggled["completed"], true);
    assert!(toggled.get("next").is_some());
    let set = server.send("PATCH", &format!("{path}/complete"), json!({"completed": false})).await;
    assert!(set.is(200).body.get("removed").is_some());
    let skipped = server.post(&format!("{path}/skip")).await.is(200).body;
    assert_eq!(skipped["status"], "cancelled");
    assert!(skipped["next"].is_object());
    server.post(&format!("{path}/skip")).await.problem(409, "task-closed");

    server.call("DELETE", &path).send().await.is(204);
    server.call("DELETE", &path).send().await.problem(404, "not-found");
    server.get(&path).await.problem(404, "not-found");
    let restored = server.post(&format!("{path}/restore")).await.is(200).body;
    assert_eq!(restored["status"], "cancelled");
    assert_eq!(server.post(&format!("{path}/restore")).await.is(200).body, restored);
}

#[tokio::test]
async fn completing_by_an_edit_shows_the_next_one() {
    let server = Running::dev().await;
    let body = json!({"title": "a", "due_date": "2026-11-21", "recurrence": "daily"});
    let made = server.task(body).await;
    let path = format!("/api/v1/tasks/{}", made["number"]);
    let edited = server.send("PATCH", &path, json!({"title": "b"})).await.is(200).body;
    assert!(edited.get("next").is_none());
    let done = server.send("PATCH", &path, json!({"completed": true})).await.is(200).body;
    assert_eq!(done["next"]["title"], "b");
    // The object as it was answered can be sent back whole.
    let back = server.send("PUT", &path, done.clone()).await.is(200).body;
    assert_eq!(back["version"], done["version"]);
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let server = Running::dev().await;
    for n in 0..25 {
        let tags = if n % 2 == 0 { json!(["even"]) } else { json!(["odd"]) };
        let day = format!("2026-12-{:02}", n + 1);
        server.task(json!({"title": format!("Täsk {n}"), "tags": tags, "due_date": day})).await;
    }
    let all = server.get("/api/v1/tasks?sort=due_date&order=asc").await.is(200);
    assert_eq!(all.header("x-total-count"), "25");
    assert_eq!(all.header("link"), "");
    assert_eq!(all.body[0]["title"], "Täsk 0");
    let even = server.get("/api/v1/tasks?tags=even&search=TASK&due_date_from=2026-12-20").await;
    assert_eq!(even.is(200).header("x-total-count"), "3");
    assert_eq!(server.get("/api/v1/tasks?due_date=2026-12-07").await.header("x-total-count"), "1");

    let mut seen = Vec::new();
    let mut path = "/api/v1/tasks?limit=10&sort=title&order=asc".to_owned();
    loop {
        let page = server.get(&path).await.is(200);
        assert_eq!(page.header("x-total-count"), "25");
        for task in page.body.as_array().expect("a page") {
            seen.push(task["number"].as_u64().expect("a number"));
        }
        let link = page.header("link").to_owned();
        let Some(next) = link.strip_prefix('<').and_then(|rest| rest.split_once(">; rel=\"next\""))
        else {
            break;
        };
        path = next.0.strip_prefix(server.url()).expect("our own address").to_owned();
        assert!(path.starts_with("/api/v1/tasks?limit=10&sort=title&order=asc&cursor="), "{path}");
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
}

#[tokio::test]
async fn tasks_move_and_carry_tags() {
    let server = Running::dev().await;
    for title in ["a", "b", "c"] {
        server.task(json!({ "title": title })).await;
    }
    let order = || async {
        let list = server.get("/api/v1/tasks?sort=position&order=asc").await.is(200);
        let titles = list.body.as_array().expect("a list").iter();
        titles.map(|task| task["title"].as_str().unwrap_or_default().to_owned()).collect::<String>()
    };
    assert_eq!(order().await, "abc");
    server.send("POST", "/api/v1/tasks/3/move", json!({"to": "first"})).await.is(200);
    assert_eq!(order().await, "cab");
    server.send("POST", "/api/v1/tasks/3/move", json!({"after": 1})).await.is(200);
    assert_eq!(order().await, "acb");
    server
        .send("POST", "/api/v1/tasks/3/move", json!({"before": "x"}))
        .await
        .problem(404, "not-found");

    let tag = "/api/v1/tasks/1/tags/home%2FGarden";
    for _ in 0..2 {
        server.call("PUT", tag).send().await.is(204);
    }
    assert_eq!(server.get("/api/v1/tasks/1").await.body["tags"], json!(["home/garden"]));
    for _ in 0..2 {
        server.call("DELETE", tag).send().await.is(204);
    }
    assert_eq!(server.get("/api/v1/tasks/1").await.body["tags"], json!([]));
    server.call("PUT", "/api/v1/tasks/1/tags/not%20ok").send().await.problem(422, "invalid");
}

#[tokio::test]
async fn batches_do_what_they_can_or_nothing() {
    let server = Running::dev().await;
    server.task(json!({"title": "one"})).await;
    let operations = json!([
        {"op": "create", "body": {"title": "two"}},
        {"op": "update", "id": 1, "body": {"priority": "high"}, "if_match": "\"v1\""},
        {"op": "complete", "id": 99},
        {"op": "create", "body": {"title": ""}},
        {"op": "delete", "id": 1},
    ]);
    let atomic = json!({"atomic": true, "operations": operations});
    let refused = server.send("POST", "/api/v1/tasks/batch", atomic).await;
    let refused = refused.problem(422, "batch-rejected");
    assert_eq!(refused.body["results"].as_array().map(Vec::len), Some(5));
    assert_eq!(server.get("/api/v1/tasks").await.header("tickler-version"), "1");
    let atomic = json!({"atomic": true, "operations": [
        {"op": "create", "body": {"title": "two"}}, {"op": "complete", "id": 99},
    ]});
    let refused = server.send("POST", "/api/v1/tasks/batch", atomic).await;
    let refused = refused.problem(422, "batch-rejected").body;
    assert_eq!(refused["results"][0]["problem"]["code"], "batch-rejected");
    assert_eq!(refused["results"][1]["problem"]["code"], "not-found");
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "1");

    let each = json!({ "operations": operations });
    let call = server.call("POST", "/api/v1/tasks/batch").header("idempotency-key", "b1");
    let done = call.json(&each).send().await.is(200);
    let results = done.body["results"].as_array().expect("results");
    let statuses: Vec<_> = results.iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, [201, 200, 404, 422, 204]);
    assert_eq!(results[0]["task"]["title"], "two");
    assert_eq!(results[1]["task"]["priority"], "high");
    assert_eq!(results[3]["problem"]["errors"][0]["pointer"], "/operations/3/body/title");
    let call = server.call("POST", "/api/v1/tasks/batch").header("idempotency-key", "b1");
    let again = call.json(&each).send().await.is(200);
    assert_eq!(
        (again.text, again.headers["idempotent-replayed"].to_str().ok()),
        (done.text, Some("true"))
    );
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "1");
}

#[tokio::test]
async fn faults_name_the_field_as_it_was_sent() {
    let server = Running::dev().await;
    for (body, status, code, pointer) in [
        (json!({"title": "a", "recurring": "daily"}), 422, "recurrence-needs-due-date", ""),
        (json!({"title": "a", "reminder_offset": 15}), 400, "no-due-date", ""),
        (json!({"title": "a", "zone": "Mars/Base"}), 422, "invalid-zone", "/zone"),
        (
            json!({"title": "a", "due": "2026-11-21", "recurringRule": "FREQ=X"}),
            422,
            "invalid-recurrence",
            "/recurringRule",
        ),
        (json!({"title": "a", "user_id": "bob"}), 403, "wrong-user", ""),
        (json!({"title": "a", "colour": "red"}), 422, "invalid", "/colour"),
    ] {
        let got = server.send("POST", "/api/v1/tasks", body.clone()).await.problem(status, code);
        if !pointer.is_empty() {
            let at = got.body["errors"][0]["pointer"].as_str().unwrap_or_default();
            assert!(at.starts_with(pointer), "{body}: {at}");
        }
    }
}

#[tokio::test]
async fn what_is_only_computed_is_answered() {
    let server = Running::dev().await;
    let expanded = server
        .send("POST", "/api/v1/recurrence/expand", json!({
            "dtstart": "2026-11-21T09:00:00", "zone": "Europe/Berlin", "rule": "every 2 weeks", "limit": 2,
        }))
        .await
        .is(200);
    assert_eq!(expanded.body["occurrences"][1]["local"], "2026-12-05T09:00:00");
    let bad = server.send(
        "POST",
        "/api/v1/recurrence/expand",
        json!({"dtstart": "2026-11-21", "zone": null, "rrule": "FREQ=X"}),
    );
    bad.await.problem(422, "invalid-recurrence");
    let bad = server.send(
        "POST",
        "/api/v1/recurrence/expand",
        json!({"dtstart": "2026-11-21", "zone": "Mars", "rrule": "FREQ=DAILY"}),
    );
    bad.await.problem(422, "invalid-zone");
    let parsed = server
        .send(
            "POST",
            "/api/v1/parse",
            json!({"text": "water plants tomorrow at 9 #home p1", "now": "2026-11-21T08:00:00Z"}),
        )
        .await
        .is(200);
    assert_eq!((parsed.str("title"), parsed.str("priority")), ("water plants", "urgent"));
    server.send("POST", "/api/v1/parse", json!({"text": ""})).await.problem(422, "invalid");
}
