//! Everything goes out, and comes in again as it was.

use serde_json::{Value, json};

use crate::server::{Got, Running};

const LINES: &str = "application/x-ndjson";

async fn import(server: &Running, query: &str, file: &str) -> Got {
    let call = server.call("POST", &format!("/api/v1/import{query}"));
    call.header("content-type", LINES).raw(file.to_owned()).send().await
}

/// A server whose user has something of everything.
async fn full() -> Running {
    let server = Running::dev().await;
    server.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    server.send("PATCH", "/api/v1/me", json!({"zone": "Europe/Berlin"})).await.is(200);
    server.send("POST", "/api/v1/tags", json!({"name": "alone"})).await.is(201);
    server
        .task(json!({
            "title": "Wäsche", "description": "a\nb", "priority": "high", "tags": ["home", "x/y"],
            "due_date": "2026-11-23T09:00:00", "recurrence": {"pattern": "weekly", "days": ["mon"],
            "count": 9}, "reminders": ["1h", {"lead_time": "1d", "channels": ["in_app"]}],
        }))
        .await;
    server.post("/api/v1/tasks/1/complete").await.is(200);
    server.task(json!({"title": "Gone", "due_date": "2026-11-30"})).await;
    server.call("DELETE", "/api/v1/tasks/3").send().await.is(204);
    let rule = json!({"recurrence": "daily", "start": "2026-12-01", "task": {"title": "Later"}});
    server.send("POST", "/api/v1/recurrences", rule).await.is(201);
    server
}

/// What must be the same in two exports.
fn kept(file: &str) -> Vec<Value> {
    let mut kept = Vec::new();
    for line in file.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for name in ["exported_at", "version", "updated_at"] {
            line.as_object_mut().unwrap().remove(name);
        }
        if line["kind"] == "reminder" {
            line.as_object_mut().unwrap().remove("created_at");
            line.as_object_mut().unwrap().remove("late");
        }
        if line["kind"] == "tag" {
            line.as_object_mut().unwrap().remove("created_at");
        }
        if line["kind"] == "recurrence" {
            line.as_object_mut().unwrap().remove("next_due");
        }
        kept.push(line);
    }
    kept
}

#[tokio::test]
async fn what_goes_out_comes_in_again_as_it_was() {
    let server = full().await;
    let file = server.get("/api/v1/export?format=jsonl").await.is(200);
    assert_eq!(file.header("content-type"), LINES);
    let first: Value = serde_json::from_str(file.text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["kind"], &first["format"]), (&json!("header"), &json!("tickler-export")));
    let last: Value = serde_json::from_str(file.text.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({"kind": "end", "lines": file.text.lines().count() - 1}));

    for mode in ["", "?mode=skip", "?mode=replace"] {
        let got = import(&server, mode, &file.text).await.is(200).body;
        assert_eq!(
            (&got["created"], &got["updated"], &got["failed"]),
            (&json!(0), &json!(0), &json!([])),
            "{mode}: {got}"
        );
    }
    assert_eq!(kept(&server.get("/api/v1/export").await.text), kept(&file.text));

    let other = Running::dev().await;
    other.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    let rehearsed = import(&other, "?dry_run=true", &file.text).await.is(200).body;
    assert_eq!(other.get("/api/v1/tasks").await.header("x-total-count"), "0");
    let got = import(&other, "", &file.text).await.is(200).body;
    assert_eq!(got["failed"], json!([]));
    assert_eq!(got["created"], rehearsed["created"]);
    assert_eq!(kept(&other.get("/api/v1/export").await.is(200).text), kept(&file.text));
    for mode in ["?mode=skip", "?mode=replace"] {
        let again = import(&other, mode, &file.text).await.is(200).body;
        assert_eq!((&again["created"], &again["updated"]), (&json!(0), &json!(0)), "{mode}");
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_changes_nothing() {
    let server = full().await;
    let file = server.get("/api/v1/export").await.is(200).text;
    let other = Running::dev().await;
    let all: Vec<&str> = file.lines().collect();
    let cut = all[..all.len() - 1].join("\n");
    let fewer = [&all[..2], &all[3..]].concat().join("\n");
    for file in [cut.as_str(), fewer.as_str(), "", "{}", "{\"kind\":\"end\",\"lines\":0}"] {
        import(&other, "", file).await.problem(422, "invalid");
    }
    let call = other.call("POST", "/api/v1/import").header("content-type", "application/xml");
    call.raw(file.clone()).send().await.problem(415, "unsupported-media-type");
    import(&other, "?mode=some", &file).await.problem(422, "invalid");
    other.get("/api/v1/export?format=xml").await.problem(422, "invalid");
    assert_eq!(other.get("/api/v1/tasks").await.header("tickler-version"), "0");
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_named_and_the_others_come_in() {
    let server = full().await;
    let file = server.get("/api/v1/export").await.is(200).text;
    let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
    let gone = lines.iter().position(|line| line.contains("Gone")).unwrap();
    lines[gone] = lines[gone].replace("\"Gone\"", "\"\"");
    let other = Running::dev().await;
    let got = import(&other, "", &lines.join("\n")).await.is(200).body;
    assert_eq!(got["failed"][0]["line"], gone + 1);
    assert_eq!(got["failed"][0]["code"], "invalid");
    assert_eq!(got["failed"].as_array().unwrap().len(), 1);
}
