//! What the contract says in passing: channels that nothing delivers, coded bodies, bodies where none is read, folded
//! titles, deleted tasks after their time, chat without a provider.

use serde_json::{Value, json};

use crate::server::Running;

#[tokio::test]
async fn a_channel_that_nothing_delivers_is_refused_as_a_setting_too() {
    let server = Running::dev().await;
    let path = "/api/v1/me";
    let refused = server.send("PATCH", path, json!({"channels": ["in_app", "email"]})).await;
    let refused = refused.problem(422, "channel-unavailable");
    assert_eq!(refused.body["errors"][0]["pointer"], "/channels");
    assert_eq!(server.get(path).await.is(200).body["channels"], json!(["in_app"]));
    server.send("PATCH", path, json!({"channels": ["webhook"]})).await.is(200);
    let mail = [("TICKLER_SMTP_URL", "smtp://127.0.0.1:9"), ("TICKLER_MAIL_FROM", "t@example.org")];
    let mails = Running::with(&mail).await;
    let set = mails.send("PATCH", path, json!({"channels": ["email"]})).await.is(200);
    assert_eq!(set.body["channels"], json!(["email"]));
}

#[tokio::test]
async fn a_coded_body_is_refused_and_nothing_is_made() {
    let server = Running::dev().await;
    for (coding, status) in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("Identity", 201)]
    {
        let call = server.call("POST", "/api/v1/tasks").header("content-encoding", coding);
        let got = call.json(&json!({"title": "a"})).send().await.is(status);
        if status == 415 {
            assert_eq!(got.code(), "unsupported-media-type", "{coding}");
            assert_eq!(got.header("accept-encoding"), "identity", "{coding}");
        }
    }
    assert_eq!(server.get("/api/v1/tasks").await.header("x-total-count"), "1");
}

#[tokio::test]
async fn a_body_where_none_is_read_is_judged_all_the_same() {
    let server = Running::dev().await;
    let rule = json!({"title": "a", "due_date": "2030-01-01", "recurrence": "daily"});
    let task = server.task(rule).await;
    let rule = task["recurrence_id"].as_str().unwrap();
    let calls = [
        ("POST", "/api/v1/tasks/1/complete".to_owned()),
        ("POST", "/api/v1/tasks/1/reopen".to_owned()),
        ("POST", "/api/v1/tasks/1/restore".to_owned()),
        ("POST", "/api/v1/tasks/1/skip".to_owned()),
        ("POST", "/api/v1/tasks/1/recurrence/cancel".to_owned()),
        ("DELETE", "/api/v1/tasks/1/recurrence".to_owned()),
        ("PUT", "/api/v1/tasks/1/tags/x".to_owned()),
        ("DELETE", "/api/v1/tasks/1/tags/x".to_owned()),
        ("DELETE", "/api/v1/tasks/1".to_owned()),
        ("POST", format!("/api/v1/recurrences/{rule}/pause")),
        ("POST", format!("/api/v1/recurrences/{rule}/resume")),
        ("DELETE", format!("/api/v1/recurrences/{rule}")),
        ("POST", "/api/v1/notifications/read-all".to_owned()),
        ("POST", "/api/v1/live/ticket".to_owned()),
    ];
    let json = "application/json";
    for (method, path) in &calls {
        for (kind, body, status, code) in [
            (json, "{", 400, "malformed"),
            (json, "[]", 422, "invalid"),
            (json, "{\"nonsense\": 1}", 422, "invalid"),
            (json, "{\"user_id\": \"another\"}", 403, "wrong-user"),
            ("text/plain", "{}", 415, "unsupported-media-type"),
        ] {
            let call = server.call(method, path).header("content-type", kind).raw(body);
            let got = call.send().await;
            assert_eq!((got.status, got.code()), (status, code), "{method} {path} {body}");
        }
    }
    assert_eq!(server.get("/api/v1/tasks/1").await.is(200).body, task, "nothing has happened");
    // What clients send out of habit is fine: nothing, an empty object, the object as it was read.
    for body in ["", "null", "{}", &task.to_string()] {
        let call = server.call("POST", "/api/v1/tasks/1/recurrence/cancel");
        let got = call.header("content-type", json).raw(body.to_owned()).send().await;
        assert!(got.status == 200 || body.len() > 4, "{}", got.text);
    }
}

#[tokio::test]
async fn titles_sort_by_their_full_case_folding() {
    let server = Running::dev().await;
    for title in ["Strasse b", "STRASSE A", "straße c", "Strass", "σας z", "ΣΑΣ Y", "strast"]
    {
        server.task(json!({ "title": title })).await;
    }
    let got = server.get("/api/v1/tasks?sort=title&order=asc").await.is(200).body;
    let titles: Vec<&Value> = got.as_array().unwrap().iter().map(|task| &task["title"]).collect();
    let sorted = ["Strass", "STRASSE A", "Strasse b", "straße c", "strast", "ΣΑΣ Y", "σας z"];
    assert_eq!(titles, sorted);
    let found = server.get("/api/v1/tasks?search=STRASSE").await.is(200);
    assert_eq!(found.header("x-total-count"), "3");
}

#[tokio::test]
async fn a_deleted_task_leaves_its_list_when_it_can_no_longer_be_restored() {
    let server = Running::dev().await;
    let clock = async |now: &str| {
        server.send("PUT", "/dev/clock", json!({ "now": now })).await.is(200);
    };
    clock("2027-01-01T00:30:00Z").await;
    server.task(json!({"title": "a"})).await;
    server.call("DELETE", "/api/v1/tasks/1").send().await.is(204);
    let shown = async || {
        let got = server.get("/api/v1/tasks?deleted=true").await.is(200);
        got.header("x-total-count").to_owned()
    };
    clock("2027-01-31T00:29:00Z").await;
    assert_eq!(shown().await, "1");
    // The purge comes with the next full hour; what cannot be restored is not shown until then either.
    clock("2027-01-31T00:45:00Z").await;
    assert_eq!(shown().await, "0");
    server.post("/api/v1/tasks/1/restore").await.problem(404, "not-found");
}

#[tokio::test]
async fn chat_without_a_provider_says_so() {
    let server = Running::dev().await;
    for path in ["/api/v1/chat", "/api/chat", "/api/dev/chat", "/api/v1/chat/dev"] {
        let got = server.send("POST", path, json!({"message": "What is due?"})).await;
        let got = got.problem(503, "chat-unavailable");
        assert!(got.header("retry-after").parse::<u32>().is_ok(), "{path}");
    }
    let say = async |body: Value| server.send("POST", "/api/v1/chat", body).await;
    say(json!({"message": ""})).await.problem(422, "invalid");
    say(json!({"message": "x".repeat(4_001)})).await.problem(422, "invalid");
    say(json!({})).await.problem(422, "invalid");
    say(json!({"message": "a", "mood": 1})).await.problem(422, "invalid");
    for id in ["nonsense", "3b241101-e2bb-4255-8caf-4136c566a962"] {
        say(json!({"message": "a", "conversation_id": id})).await.problem(404, "not-found");
        for method in ["GET", "DELETE"] {
            let path = format!("/api/v1/chat/conversations/{id}");
            server.call(method, &path).send().await.problem(404, "not-found");
        }
    }
    for path in ["/api/v1/chat/conversations", "/api/chat/conversations", "/api/dev/conversations"]
    {
        let got = server.get(path).await.is(200).body;
        assert_eq!(got, json!({"conversations": [], "next_cursor": null}), "{path}");
    }
}
