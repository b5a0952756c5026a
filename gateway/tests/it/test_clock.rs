//! Days and months, on a clock that a test sets.

use reqwest::Method;
use serde_json::{Value, json};

use crate::program::Program;

/// A server at this time; `None` on a deployed one, whose clock nobody sets.
async fn at(now: &str) -> Option<Program> {
    let server = Program::start_with(&[("TICKLER_TEST_CLOCK", "1")]).await;
    if server.is_deployed() {
        return None;
    }
    set(&server, json!({"now": now})).await;
    Some(server)
}

async fn set(server: &Program, clock: Value) {
    server.call(Method::PUT, "/dev/clock", Some(&clock)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_missed_while_away_fires_once_and_late() {
    let Some(server) = at("2027-03-01T08:00:00Z").await else { return };
    let task =
        json!({"title": "Call", "due_date": "2027-03-02T09:00:00Z", "reminders": ["1d", "1h"]});
    let task = server.post("/api/v1/tasks", task).await.expect(201);
    assert_eq!(task["reminders"][0]["remind_at"], "2027-03-01T09:00:00.000Z");
    set(&server, json!({"advance": "PT2H"})).await;
    let first = eventually(&server, "/api/v1/notifications", |inbox| inbox["unread"] == 1).await;
    assert_eq!(first["notifications"][0]["late"], true);
    set(&server, json!({"now": "2027-03-02T08:00:00Z"})).await;
    let second = eventually(&server, "/api/v1/notifications", |inbox| inbox["unread"] == 2).await;
    assert_eq!(second["notifications"][0]["late"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_makes_its_tasks_on_their_days() {
    let Some(server) = at("2027-01-01T00:00:00Z").await else { return };
    let rule = json!({
        "recurrence": {"pattern": "daily", "mode": "schedule"},
        "start": "2027-01-02T07:00:00", "zone": "Europe/Berlin",
        "task": {"title": "Water the plants"},
    });
    let rule = server.post("/api/v1/recurrences", rule).await.expect(201);
    assert_eq!(rule["status"], "active");
    set(&server, json!({"now": "2027-01-04T06:30:00Z"})).await;
    let tasks = eventually(&server, "/api/v1/tasks?sort=due_date&order=asc", |tasks| {
        tasks.as_array().is_some_and(|tasks| tasks.len() == 3)
    })
    .await;
    assert_eq!(tasks[0]["due_date"], "2027-01-02T07:00:00+01:00");
    assert_eq!(tasks[2]["due_date"], "2027-01-04T07:00:00+01:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_tasks_are_restorable_for_thirty_days() {
    let Some(server) = at("2027-01-01T00:00:00Z").await else { return };
    let task = server.post("/api/v1/tasks", json!({"title": "Keep"})).await.expect(201);
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    server.delete(&path).await.expect(204);
    server.delete(&path).await.expect(404);
    set(&server, json!({"advance": "P29D"})).await;
    server.post(&format!("{path}/restore"), json!({})).await.expect(200);
    server.delete(&path).await.expect(204);
    set(&server, json!({"advance": "P31D"})).await;
    server.post(&format!("{path}/restore"), json!({})).await.expect(404);
}

/// What follows within two seconds of a write.
async fn eventually(server: &Program, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    for _ in 0..60 {
        seen = server.get(path).await.expect(200);
        if holds(&seen) {
            return seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{path} still answers {seen}");
}
