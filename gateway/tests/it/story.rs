//! The product's story, in the order a person lives it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::program::Program;

/// How late a reminder may come on the embedded host.
const LATENESS_MS_MAX: i64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_tickler() {
    let mut server = Program::start().await;
    let today = Utc::now().date_naive();

    // Add, with everything a task can carry.
    let bread = server.post("/api/v1/tasks", json!({"title": "  Buy bread "})).await.expect(201);
    assert_eq!(bread["title"], "Buy bread");
    assert_eq!(bread["status"], "pending");
    assert_eq!(bread["priority"], Value::Null);
    let rent = json!({
        "title": "Pay the rent", "description": "to the landlord", "due_date": "2027-01-31",
        "tags": ["Home", "money"], "recurrence": "monthly",
    });
    let rent = server.post("/api/v1/tasks", rent).await.expect(201);
    assert_eq!(rent["tags"], json!(["home", "money"]));
    assert_eq!(rent["recurrence"], "monthly");
    assert_eq!(rent["number"].as_u64(), bread["number"].as_u64().map(|n| n + 1));

    // Prioritise, by the small number people say.
    let path = format!("/api/v1/tasks/{}", bread["number"]);
    let bread = server.patch(&path, json!({"priority": "high"})).await.expect(200);
    assert_eq!(bread["priority"], "high");

    // Tag and find.
    server.put(&format!("{path}/tags/home%2Ffood"), Value::Null).await.expect(204);
    let found =
        server.get("/api/v1/tasks?search=BREAD&tags=home/food&status=open").await.expect(200);
    assert_eq!(titles(&found), ["Buy bread"]);
    let ranked = server.get("/api/v1/tasks?sort=priority").await.expect(200);
    assert_eq!(titles(&ranked), ["Buy bread", "Pay the rent"]);

    // Be reminded: within half a second after its instant, never before it.
    let fired = remind_in_two_seconds(&server, &bread["id"]).await;

    // Snooze, then it is seen.
    let reminder = format!("/api/v1/reminders/{}", fired["id"].as_str().unwrap());
    let snoozed =
        server.post(&format!("{reminder}/snooze"), json!({"minutes": 5})).await.expect(200);
    assert_eq!(snoozed["status"], "pending");
    assert_eq!(snoozed["remind_at"], snoozed["snoozed_until"]);
    let early = server.post(&format!("{reminder}/acknowledge"), json!({})).await.expect(409);
    assert_eq!(early["code"], "reminder-closed");

    // Complete: the next occurrence is in the same answer, month ends do not drift.
    let rent_path = format!("/api/v1/tasks/{}", rent["id"].as_str().unwrap());
    let done = server.post(&format!("{rent_path}/complete"), json!({})).await.expect(200);
    assert_eq!(done["completed"], true);
    let february = done["next"].clone();
    assert_eq!(february["due_date"], "2027-02-28");
    assert_eq!(february["tags"], json!(["home", "money"]));
    let next = format!("/api/v1/tasks/{}/complete", february["id"].as_str().unwrap());
    let march = server.post(&next, json!({})).await.expect(200);
    assert_eq!(march["next"]["due_date"], "2027-03-31");

    // Think better of it: the untouched successor is taken back.
    let undone = format!("/api/v1/tasks/{}/reopen", february["id"].as_str().unwrap());
    let reopened = server.post(&undone, json!({})).await.expect(200);
    assert_eq!(reopened["removed"], march["next"]["id"]);
    assert_eq!(reopened["status"], "pending");

    // Undo a change by its event.
    let renamed = server.patch(&path, json!({"title": "Buy rolls"})).await.expect(200);
    assert_eq!(renamed["title"], "Buy rolls");
    let event = newest_event(&server, &path, "task.updated").await;
    let undone = server.post("/api/v1/undo", json!({"event_id": event})).await.expect(200);
    assert_eq!(undone["task"]["title"], "Buy bread");

    // The lights go out; everything is still there.
    if !server.is_deployed() {
        let before = server.get("/api/v1/tasks").await.expect(200);
        server.kill();
        server.start_again();
        assert_eq!(server.get("/api/v1/tasks").await.expect(200), before);
        let reminders = server.get("/api/v1/reminders").await.expect(200);
        assert_eq!(reminders["reminders"][0]["snoozed_until"], snoozed["snoozed_until"]);
    }
    assert!(today <= Utc::now().date_naive());
}

async fn remind_in_two_seconds(server: &Program, task: &Value) -> Value {
    let at = Utc::now() + TimeDelta::seconds(2);
    let moment = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let set = json!({"task_id": task, "remind_at": moment});
    let reminder = server.post("/api/v1/reminders", set).await.expect(201);
    assert_eq!(reminder["status"], "pending");
    assert_eq!(reminder["remind_at"], moment);
    let path = format!("/api/v1/reminders/{}", reminder["id"].as_str().unwrap());
    for _ in 0..100 {
        let now = server.get(&path).await.expect(200);
        if now["status"] == "triggered" {
            let fired: DateTime<Utc> = now["triggered_at"].as_str().unwrap().parse().unwrap();
            let lateness = (fired - at).num_milliseconds();
            assert!(
                (-1..LATENESS_MS_MAX).contains(&lateness),
                "fired {lateness} ms after its time"
            );
            let inbox = server.get("/api/v1/notifications?unread=true").await.expect(200);
            assert_eq!(inbox["unread"], 1);
            assert_eq!(inbox["notifications"][0]["reminder_id"], reminder["id"]);
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the reminder did not fire");
}

/// History follows within two seconds of the answer.
async fn newest_event(server: &Program, task: &str, kind: &str) -> Value {
    for _ in 0..40 {
        let history = server.get(&format!("{task}/history")).await.expect(200);
        let newest = &history["entries"][0];
        if newest["event_type"] == kind && newest["changes"]["title"].is_object() {
            return newest["event_id"].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no {kind} in the history");
}

fn titles(list: &Value) -> Vec<&str> {
    let tasks = list.as_array().expect("a bare array");
    tasks.iter().map(|task| task["title"].as_str().unwrap()).collect()
}
