//! Everything goes out, and comes in again as it was.

use serde_json::{Value, json};

use crate::server::{Got, Running};

const CALENDAR: &str = "text/calendar";

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

async fn take(server: &Running, query: &str, file: &str) -> Got {
    let call = server.call("POST", &format!("/api/v1/import{query}"));
    call.header("content-type", CALENDAR).raw(file.to_owned()).send().await
}

/// A file as the program it is from writes it.
fn calendar(name: &str) -> String {
    let path = format!("{}/tests/ics/{name}.ics", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace('\n', "\r\n")
}

/// The lines of a calendar, unfolded, but for those that say when it was written.
fn said(file: &str) -> Vec<String> {
    let unfolded = file.replace("\r\n ", "");
    let stamps = ["DTSTAMP", "LAST-MODIFIED", "CREATED"];
    let lines = unfolded.lines().filter(|line| !stamps.iter().any(|name| line.starts_with(name)));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn calendars_of_other_programs_come_in_and_go_out_as_they_were() {
    let files = ["apple-reminders", "thunderbird", "nextcloud-tasks", "tasks-org"];
    for (name, (tasks, foreign)) in files.into_iter().zip([(3, 0), (2, 1), (2, 0), (3, 0)]) {
        let server = Running::dev().await;
        server.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
        server.send("PATCH", "/api/v1/me", json!({"zone": "Europe/Berlin"})).await.is(200);
        let file = calendar(name);
        let counts = |got: &Got| {
            ["created", "updated", "skipped"].map(|what| got.body[what].as_u64().unwrap())
        };
        let rehearsed = take(&server, "?dry_run=true", &file).await.is(200);
        assert_eq!(counts(&rehearsed), [tasks, 0, foreign], "{}", rehearsed.text);
        assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "0");
        let got = take(&server, "", &file).await.is(200);
        assert_eq!((counts(&got), &got.body["failed"]), ([tasks, 0, foreign], &json!([])));
        let before = server.get("/api/v1/tasks").await;
        for mode in ["", "?mode=replace"] {
            let again = take(&server, mode, &file).await.is(200);
            assert_eq!(counts(&again), [0, 0, tasks + foreign], "{name} {mode}: {}", again.text);
        }
        let out = server.get("/api/v1/export?format=ics").await.is(200);
        assert!(out.header("content-type").starts_with(CALENDAR));
        assert!(out.header("content-disposition").contains("tickler.ics"));
        let lines = said(&out.text);
        let mut skipping = false;
        for line in said(&file) {
            let edge = line.strip_prefix("BEGIN:").or(line.strip_prefix("END:"));
            if matches!(edge, Some("VTIMEZONE" | "VEVENT")) {
                skipping = line.starts_with("BEGIN:");
            } else if !skipping && !line.starts_with("PRODID") {
                // Each priority has one number of ours.
                let line =
                    line.replace("PRIORITY:4", "PRIORITY:3").replace("PRIORITY:9", "PRIORITY:7");
                assert!(lines.contains(&line), "{name}: {line}\n{}", out.text);
            }
        }
        let again = take(&server, "?mode=replace", &out.text).await.is(200);
        assert_eq!(counts(&again), [0, 0, tasks], "{name}: {}", again.text);
        assert_eq!(server.get("/api/v1/tasks").await.text, before.text);
        let lines = server.get("/api/v1/export").await.is(200).text;
        let other = Running::dev().await;
        other.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
        import(&other, "", &lines).await.is(200);
        let elsewhere = other.get("/api/v1/export?format=ics").await.is(200).text;
        assert_eq!(said(&elsewhere), said(&out.text), "{name}: JSON lines carry it too");
    }
}

#[tokio::test]
async fn tasks_of_our_own_go_out_as_a_calendar_and_come_in_elsewhere() {
    let server = full().await;
    let zoned = json!({
        "title": "Call", "due_date": "2026-12-01T09:00:00", "zone": "America/New_York", "priority": "urgent",
        "reminders": ["30min", "2026-12-01T08:00:00Z"],
    });
    server.task(zoned).await;
    let file = server.get("/api/v1/export?format=ics").await.is(200).text;
    for line in [
        "DUE;TZID=America/New_York:20261201T090000\r\n",
        "DUE;TZID=Europe/Berlin:20261130T090000\r\n",
        "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=8\r\n",
        "CATEGORIES:home,x/y\r\n",
        "DESCRIPTION:a\\nb\r\n",
        "PRIORITY:1\r\n",
        "STATUS:COMPLETED\r\n",
        "TRIGGER;RELATED=END:-PT30M\r\n",
        "TRIGGER;VALUE=DATE-TIME:20261201T080000Z\r\n",
        "TRIGGER;RELATED=END:-P1D\r\n",
    ] {
        assert!(file.contains(line), "{line}: {file}");
    }
    assert!(!file.contains("SUMMARY:Gone"), "deleted tasks are no calendar's");
    for mode in ["", "?mode=replace"] {
        let again = take(&server, mode, &file).await.is(200).body;
        assert_eq!((&again["created"], &again["updated"]), (&json!(0), &json!(0)), "{again}");
    }
    let other = Running::dev().await;
    other.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    let got = take(&other, "", &file).await.is(200).body;
    assert_eq!(got["failed"], json!([]));
    let recurring = other.get("/api/v1/tasks?search=Wäsche&status=open").await.is(200).body;
    assert_eq!(
        recurring[0]["recurrence"],
        json!({
            "pattern": "weekly", "interval": 1, "days": ["mon"], "mode": "completion", "from": "due",
            "catch_up": "each", "count": 8, "until": null,
        })
    );
    let done = other
        .post(&format!("/api/v1/tasks/{}/complete", recurring[0]["id"].as_str().unwrap()))
        .await
        .is(200);
    assert_eq!(done.body["next"]["due_date"].as_str().map(|due| &due[..10]), Some("2026-12-07"));
}

#[tokio::test]
async fn an_edit_in_another_program_replaces_what_it_changed_and_no_more() {
    let server = full().await;
    let file = server.get("/api/v1/export?format=ics").await.is(200).text;
    let task = server.get("/api/v1/tasks/2").await.is(200).body;
    let edited = file.replace("SUMMARY:Wäsche", "SUMMARY:Bettwäsche");
    let got = take(&server, "?mode=replace", &edited).await.is(200);
    let version = got.header("tickler-version");
    let what = (&got.body["updated"], &got.body["failed"]);
    assert_eq!(what, (&json!(2), &json!([])), "{}", got.text);
    let mut now = server.get("/api/v1/tasks/2").await.is(200).body;
    assert_eq!(now["title"], "Bettwäsche");
    for field in ["title", "updated_at", "version"] {
        now[field] = task[field].clone();
    }
    assert_eq!(now, task);
    let history = format!("/api/v1/tasks/2/history?min_version={version}");
    let audit = server.get(&history).await.is(200).body;
    assert_eq!(audit["entries"][0]["cause"]["kind"], "import");
    take(&server, "", "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\n").await.problem(422, "invalid");
}
