//! Who did what, what became of a task, and taking it back.

use serde_json::{Value, json};

use crate::program::{self, Program};

async fn task(server: &Program, body: Value) -> Value {
    server.post("/api/v1/tasks", body).await.expect(201)
}

fn path(task: &Value, rest: &str) -> String {
    format!("/api/v1/tasks/{}{rest}", task["id"].as_str().unwrap())
}

async fn history(server: &Program, task: &Value) -> Vec<Value> {
    let body = server.get(&path(task, "/history")).await.expect(200);
    body["entries"].as_array().unwrap().clone()
}

fn kinds(entries: &[Value]) -> Vec<(&str, bool)> {
    entries
        .iter()
        .map(|entry| (entry["event_type"].as_str().unwrap(), entry["undoable"] == true))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_task_says_what_can_be_undone_and_undo_does_it() {
    let server = Program::start().await;
    let made = task(&server, json!({"title": "One", "priority": "low"})).await;
    server.patch(&path(&made, ""), json!({"title": "Two"})).await.expect(200);
    server.patch(&path(&made, ""), json!({"priority": "high"})).await.expect(200);
    let entries = history(&server, &made).await;
    assert_eq!(
        kinds(&entries),
        [("task.updated", true), ("task.updated", true), ("task.created", false)]
    );
    assert_eq!(entries[1]["changes"]["title"], json!({"before": "One", "after": "Two"}));
    assert_eq!(entries[1]["actor"]["kind"], "user");
    let by_number = format!("/api/v1/tasks/{}/history", made["number"]);
    assert_eq!(server.get(&by_number).await.expect(200)["entries"][0], entries[0]);

    let undo = json!({"event_id": entries[1]["event_id"]});
    let undone = server.post("/api/v1/undo", undo.clone()).await.expect(200);
    assert_eq!(undone["undone"], entries[1]["event_id"]);
    assert_eq!(
        (&undone["task"]["title"], &undone["task"]["priority"]),
        (&json!("One"), &json!("high"))
    );
    assert_eq!(server.post("/api/v1/undo", undo).await.expect(409)["code"], "cannot-undo");
    let entries = history(&server, &made).await;
    assert_eq!(entries[0]["cause"]["kind"], "undo");
    assert!(!kinds(&entries)[2].1, "what was undone stands no longer");

    server.delete(&path(&made, "")).await.expect(204);
    let entries = history(&server, &made).await;
    assert_eq!(kinds(&entries)[0], ("task.deleted", true));
    assert!(entries[1..].iter().all(|entry| entry["undoable"] == false));
    let undo = json!({"event_id": entries[0]["event_id"]});
    server.post("/api/v1/undo", undo).await.expect(200);
    server.get(&path(&made, "")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_refuses_what_it_does_not_know() {
    let server = Program::start().await;
    let unknown = json!({"event_id": "00000000-0000-4000-8000-000000000000"});
    server.post("/api/v1/undo", unknown).await.expect(404);
    server.post("/api/v1/undo", json!({"event_id": "x"})).await.expect(404);
    server.post("/api/v1/undo", json!({"event_id": 7})).await.expect(422);
    let wrong = server.post("/api/v1/undo", json!({})).await.expect(422);
    assert_eq!(wrong["errors"][0]["code"], "required");
    server.get("/api/v1/tasks/x/history").await.expect(404);
    let nobody = "/api/v1/tasks/00000000-0000-4000-8000-000000000000/history";
    server.get(nobody).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_change_cannot_be_undone() {
    let server = Program::start_with(&[("TICKLER_TEST_CLOCK", "1")]).await;
    if server.is_deployed() {
        return;
    }
    let set = json!({"now": "2027-01-01T00:00:00Z"});
    server.call(reqwest::Method::PUT, "/dev/clock", Some(&set)).await.expect(200);
    let made = task(&server, json!({"title": "One"})).await;
    let later = json!({"advance": "P31D"});
    server.call(reqwest::Method::PUT, "/dev/clock", Some(&later)).await.expect(200);
    let entries = history(&server, &made).await;
    assert_eq!(kinds(&entries), [("task.created", false)]);
    let undo = json!({"event_id": entries[0]["event_id"]});
    assert_eq!(server.post("/api/v1/undo", undo).await.expect(409)["code"], "cannot-undo");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_filtered_paged_and_complete() {
    let server = Program::start().await;
    let first = task(
        &server,
        json!({"title": "First", "due_date": "2027-05-01T09:00:00Z", "reminders": ["1h"]}),
    )
    .await;
    let second = task(&server, json!({"title": "Second"})).await;
    server.post(&path(&second, "/complete"), json!({})).await.expect(200);
    let get = async |query: &str| server.get(&format!("/api/v1/audit?{query}")).await.expect(200);
    let types = |body: &Value| -> Vec<String> {
        let entries = body["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["event_type"].as_str().unwrap().to_owned()).collect()
    };
    let all = get("event_type=task.*").await;
    assert_eq!(types(&all), ["task.created", "task.created", "task.completed"]);
    assert_eq!((&all["total"], &all["limit"], &all["offset"]), (&json!(3), &json!(50), &json!(0)));
    for spelling in ["TASK_COMPLETED", "TaskCompleted", "completed", "com.todo.task.completed"] {
        assert_eq!(types(&get(&format!("event_type={spelling}")).await), ["task.completed"]);
    }
    assert_eq!(
        types(&get("event_type=created,completed&order=desc&limit=1").await),
        ["task.completed"]
    );
    let of_first = get(&format!("task_id={}&event_type=task.created", first["number"])).await;
    assert_eq!(of_first["entries"][0]["payload"]["title"], "First");
    let first_page = get("event_type=task.created&limit=1").await;
    let cursor = first_page["next_cursor"].as_str().unwrap();
    let next = get(&format!("event_type=task.created&limit=1&cursor={cursor}")).await;
    assert_eq!(
        (next["entries"][0]["payload"]["title"].as_str(), &next["next_cursor"]),
        (Some("Second"), &Value::Null)
    );
    let skipped = get("event_type=task.created&offset=1").await;
    assert_eq!(skipped["entries"], next["entries"]);
    let wrong = server.get(&format!("/api/v1/audit?limit=1&cursor={cursor}")).await.expect(400);
    assert_eq!(wrong["code"], "invalid-cursor");
    let at = all["entries"][1]["timestamp"].as_str().unwrap();
    assert_eq!(get(&format!("event_type=task.*&start_date={at}")).await["total"], 2);
    assert_eq!(
        get(&format!("event_type=task.*&from={}&to={}", &at[..10], &at[..10])).await["total"],
        3
    );
    assert_eq!(get("to=2020-01-01").await["total"], 0);
    assert_eq!(get("task_id=999").await["total"], 0);
    for wrong in [
        "event_type=bogus",
        "limit=201",
        "limit=0",
        "order=up",
        "from=yesterday",
        "bogus=1",
        "from=2027-01-01&start_date=2027-01-02",
    ] {
        server.get(&format!("/api/v1/audit?{wrong}")).await.expect(422);
    }
    assert_eq!(
        server.get("/api/v1/audit?user_id=other").await.expect(403)["code"],
        "insufficient-scope"
    );
    server.get(&format!("/api/v1/audit?user_id={}", server.user())).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_page_from_the_cursor_of_now() {
    let server = Program::start().await;
    let start = server.get("/api/v1/changes").await.expect(200);
    assert_eq!((&start["changes"], &start["more"]), (&json!([]), &json!(false)));
    let since = start["next_cursor"].as_str().unwrap().to_owned();
    let made =
        task(&server, json!({"title": "One", "due_date": "2027-05-01", "reminders": ["1d"]})).await;
    server.post(&path(&made, "/complete"), json!({})).await.expect(200);
    let get =
        async |query: String| server.get(&format!("/api/v1/changes?{query}")).await.expect(200);
    let page = get(format!("since={since}&types=task.*&limit=1")).await;
    let message = &page["changes"][0];
    assert_eq!(
        (&message["type"], &message["task"]["title"]),
        (&json!("task.created"), &json!("One"))
    );
    let user = json!(server.user());
    assert_eq!((&message["version"], &message["user_id"]), (&made["version"], &user));
    assert_eq!(message["task"], made);
    assert_eq!(page["more"], true);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = get(format!("since={cursor}&types=task.completed")).await;
    assert_eq!((rest["changes"].as_array().unwrap().len(), &rest["more"]), (1, &json!(false)));
    server.get("/api/v1/changes?since=x").await.expect(400);
    assert_eq!(
        server.get("/api/v1/changes?since=999999").await.expect(410)["code"],
        "cursor-expired"
    );
    server.get("/api/v1/changes?types=bogus").await.expect(422);
    server.get("/api/v1/changes?limit=1001").await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_tasks_are_shown_and_refuse_changes() {
    let server = Program::start_with(&[("TICKLER_TEST_CLOCK", "1")]).await;
    if server.is_deployed() {
        return;
    }
    let clock = async |clock: Value| {
        server.call(reqwest::Method::PUT, "/dev/clock", Some(&clock)).await.expect(200);
    };
    clock(json!({"now": "2027-01-01T00:00:00Z"})).await;
    let old = task(
        &server,
        json!({"title": "Old", "priority": "high", "tags": ["a"], "due_date": "2027-01-02"}),
    )
    .await;
    let other = task(&server, json!({"title": "Older"})).await;
    for done in [&old, &other] {
        server.post(&path(done, "/complete"), json!({})).await.expect(200);
    }
    clock(json!({"advance": "P366D"})).await;
    task(&server, json!({"title": "New"})).await;
    for _ in 0..60 {
        if server.get("/api/v1/tasks").await.expect(200).as_array().unwrap().len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let answer = server.get(&path(&old, "")).await;
    assert!(answer.header("etag").starts_with("\"v"));
    let shown = answer.expect(200);
    assert_eq!((&shown["title"], &shown["status"]), (&json!("Old"), &json!("completed")));
    server.get(&format!("/api/v1/tasks/{}", old["number"])).await.expect(200);
    for (query, total) in [
        ("", "2"),
        ("&priority=high", "1"),
        ("&tags=a&due_date=2027-01-02", "1"),
        ("&status=open", "0"),
        ("&search=older", "1"),
    ] {
        let answer = server.get(&format!("/api/v1/tasks?archived=true{query}")).await;
        assert_eq!(answer.header("x-total-count"), total, "{query}");
        answer.expect(200);
    }
    for query in ["q=old", "q=old&archived=true"] {
        let found = server.get(&format!("/api/v1/search?{query}")).await.expect(200);
        assert_eq!(found["total"], 2, "{query}: {found}");
    }
    let page = server.get("/api/v1/tasks?archived=true&sort=title&order=asc&limit=1").await;
    assert!(page.header("link").contains("cursor="));
    assert_eq!(page.expect(200)[0]["title"], "Old");
    let refused = server.patch(&path(&old, ""), json!({"title": "x"})).await.expect(409);
    assert_eq!(refused["code"], "task-closed");
    server.delete(&path(&old, "")).await.expect(409);
    assert_eq!(kinds(&history(&server, &old).await)[0], ("task.archived", false));
}

/// Runs a command on the server's folder; its code, and what it said on stdout and stderr.
pub(crate) fn tickler(server: &Program, args: &[&str]) -> (Option<i32>, String) {
    let output =
        program::tickler().args(args).arg("--data").arg(server.data_dir()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_checked_and_views_are_made_anew() {
    let mut server = Program::start().await;
    if server.is_deployed() {
        return;
    }
    let made = task(&server, json!({"title": "Rosemary"})).await;
    let start = server.get("/api/v1/changes").await.expect(200);
    let (code, said) = tickler(&server, &["audit", "verify"]);
    assert_eq!((code, said.contains("dev: 1 entries, whole")), (Some(0), true), "{said}");
    let (code, said) = tickler(&server, &["replay", "search"]);
    assert_eq!((code, said.contains("another tickler owns")), (Some(3), true), "{said}");
    server.kill();
    let (code, said) = tickler(&server, &["replay", "search"]);
    assert_eq!((code, said.contains("dev: 1 tasks")), (Some(0), true), "{said}");
    let (code, said) = tickler(&server, &["replay", "live", "--user", "dev"]);
    assert_eq!(code, Some(0), "{said}");
    server.start_again();
    let found = server.get("/api/v1/search?q=rosem").await.expect(200);
    assert_eq!(found["results"][0]["task"], made);
    let since = start["next_cursor"].as_str().unwrap();
    server.get(&format!("/api/v1/changes?since={since}")).await.expect(410);
    let metrics = server.get("/metrics").await;
    let metrics = String::from_utf8(metrics.bytes).unwrap();
    assert!(metrics.contains("tickler_feed_lag_seconds{consumer=\"views\"} 0"), "{metrics}");
    assert_eq!(server.get("/ready").await.expect(200)["checks"]["views"]["ok"], true);
}
