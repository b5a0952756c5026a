//! What is told to the world: webhooks, their deliveries, and reminders by webhook and e-mail.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    receiver::{Mailbox, Receiver, verify},
    server::Running,
};

const HOOKS: &str = "/api/v1/webhooks";
const ALLOW: (&str, &str) = ("TICKLER_OUTBOUND_ALLOW", "127.0.0.0/8");
const CLOCK: (&str, &str) = ("TICKLER_TEST_CLOCK", "1");

async fn server() -> Running {
    Running::with(&[CLOCK, ALLOW]).await
}

async fn hook(server: &Running, receiver: &Receiver, events: &[&str]) -> Value {
    let body = json!({"url": receiver.url(), "events": events});
    server.send("POST", HOOKS, body).await.is(201).body
}

async fn advance(server: &Running, by: &str) {
    server.send("PUT", "/dev/clock", json!({ "advance": by })).await.is(200);
}

/// What a path answers within five seconds.
async fn eventually(server: &Running, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    for _ in 0..200 {
        seen = server.get(path).await.is(200).body;
        if holds(&seen) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} still answers {seen}");
}

fn path(hook: &Value, rest: &str) -> String {
    format!("{HOOKS}/{}{rest}", hook["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_shown_changed_and_deleted() {
    let server = server().await;
    let body = json!({"url": "https://example.com/hook", "events": ["TaskCreated", "reminder.*", "created"],
        "description": "Mine"});
    let made = server.send("POST", HOOKS, body).await.is(201);
    assert_eq!(made.header("etag"), "\"v1\"");
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(made.body["events"], json!(["task.created", "reminder.*"]));
    assert!(made.str("secret").starts_with("whsec_") && made.str("secret").len() == 50);
    let place = path(&made.body, "");
    assert_eq!(made.header("location"), place);
    let got = server.get(&place).await.is(200);
    assert!(got.body.get("secret").is_none());
    assert_eq!((got.str("status"), &got.body["last_delivery"]), ("active", &Value::Null));
    server.call("GET", &place).header("if-none-match", "\"v1\"").send().await.is(304);
    let body = json!({"status": "paused", "description": null, "events": ["*"]});
    let patched =
        server.call("PATCH", &place).header("if-match", "\"v1\"").json(&body).send().await;
    let patched = patched.is(200);
    assert_eq!(patched.header("etag"), "\"v2\"");
    assert_eq!((patched.str("status"), &patched.body["description"]), ("paused", &Value::Null));
    let stale = server.call("PATCH", &place).header("if-match", "\"v1\"").json(&body).send().await;
    let stale = stale.problem(412, "stale");
    assert_eq!((stale.header("etag"), &stale.body["current"]), ("\"v2\"", &patched.body));
    server.call("DELETE", &place).header("if-match", "\"v1\"").send().await.problem(412, "stale");
    assert_eq!(server.get(HOOKS).await.is(200).body["webhooks"], json!([patched.body]));
    server.call("DELETE", &place).send().await.is(204);
    server.get(&place).await.problem(404, "not-found");
    server.send("PATCH", &place, json!({"x": 1})).await.problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_is_refused() {
    let server = Running::dev().await;
    let fine = "https://example.com/";
    for (body, code) in [
        (json!({"url": "https://127.0.0.1/", "events": ["*"]}), "forbidden-address"),
        (json!({"url": "https://[::ffff:10.0.0.1]/", "events": ["*"]}), "forbidden-address"),
        (json!({"url": "http://example.com/", "events": ["*"]}), "forbidden-address"),
        (json!({"url": "ftp://example.com/", "events": ["*"]}), "forbidden-address"),
        (json!({"url": "https://0x7f.1/", "events": ["*"]}), "forbidden-address"),
        (json!({"url": "nowhere", "events": ["*"]}), "invalid"),
        (json!({"url": 7, "events": ["*"]}), "invalid"),
        (json!({"events": ["*"]}), "invalid"),
        (json!({ "url": fine }), "invalid"),
        (json!({"url": fine, "events": []}), "invalid"),
        (json!({"url": fine, "events": ["task.exploded"]}), "invalid"),
        (json!({"url": fine, "events": ["*"], "secret": "too short"}), "invalid"),
        (json!({"url": fine, "events": ["*"], "secret": "whsec_&&&&&&&&&&&&&&&&"}), "invalid"),
        (json!({"url": fine, "events": ["*"], "color": "red"}), "invalid"),
    ] {
        server.send("POST", HOOKS, body).await.problem(422, code);
    }
    for n in 1..=11 {
        let made = server.send("POST", HOOKS, json!({"url": fine, "events": ["*"]})).await;
        if n <= 10 {
            made.is(201)
        } else {
            made.problem(409, "limit-reached")
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_once_signed_and_in_order() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let hook = hook(&server, &receiver, &["task.*"]).await;
    for n in 0..20 {
        server.task(json!({"title": format!("Task {n}")})).await;
    }
    let calls = receiver.calls(20).await;
    for (n, call) in calls.iter().enumerate() {
        assert_eq!(call.body["data"]["title"], format!("Task {n}"));
        assert_eq!(
            (&call.body["type"], &call.body["id"]),
            (&json!("task.created"), &json!(call.header("webhook-id")))
        );
        assert!(verify(call, hook["secret"].as_str().unwrap()));
        assert!(!verify(call, "another secret than that"));
        assert_eq!(call.header("content-type"), "application/json");
        assert!(call.header("user-agent").starts_with("tickler/"));
    }
    let place = path(&hook, "/deliveries?limit=15");
    let all = |page: &Value| {
        page["deliveries"]
            .as_array()
            .is_some_and(|all| all.iter().all(|d| d["status"] == "delivered"))
    };
    let page = eventually(&server, &place, all).await;
    assert_eq!(page["deliveries"][0]["attempts"][0]["response_status"], 200);
    let next = format!("{place}&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = server.get(&next).await.is(200).body;
    assert_eq!(
        (rest["deliveries"].as_array().unwrap().len(), &rest["next_cursor"]),
        (5, &Value::Null)
    );
    server.get(&path(&hook, "/deliveries?status=lost")).await.problem(422, "invalid");
    server.get(&path(&hook, "/deliveries?cursor=x")).await.problem(400, "invalid-cursor");
    let last = server.get(&path(&hook, "")).await.is(200).body["last_delivery"].clone();
    assert_eq!((&last["status"], &last["response_status"]), (&json!("delivered"), &json!(200)));
    assert_eq!(receiver.count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_comes_ten_times_and_then_no_more() {
    let (server, receiver) = (server().await, Receiver::answering(500).await);
    let hook = hook(&server, &receiver, &["task.created"]).await;
    server.task(json!({"title": "Bread"})).await;
    let place = path(&hook, "/deliveries");
    for (tries, gap) in
        ["PT5S", "PT5M", "PT30M", "PT2H", "PT5H", "PT10H", "PT14H", "PT20H", "PT24H"]
            .iter()
            .enumerate()
    {
        let page = eventually(&server, &place, |page| tried(page) == tries + 1).await;
        assert_eq!(page["deliveries"][0]["status"], "pending");
        assert!(page["deliveries"][0]["next_attempt_at"].is_string());
        advance(&server, gap).await;
    }
    let page = eventually(&server, &place, |page| tried(page) == 10).await;
    assert_eq!(
        (&page["deliveries"][0]["status"], &page["deliveries"][0]["next_attempt_at"]),
        (&json!("failed"), &Value::Null)
    );
    let ids: Vec<String> =
        receiver.calls(10).await.iter().map(|call| call.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    receiver.answer(200);
    let event = page["deliveries"][0]["event_id"].clone();
    let replay = server.send("POST", &path(&hook, "/replay"), json!({ "event_id": event })).await;
    assert_eq!(replay.is(202).body, json!({"queued": 1}));
    eventually(&server, &place, |page| page["deliveries"][0]["status"] == "delivered").await;
}

/// How often the newest delivery was tried.
fn tried(page: &Value) -> usize {
    page["deliveries"][0]["attempts"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_holds_up_nobody_and_five_days_of_it_pause() {
    let (server, receiver) = (server().await, Receiver::answering(503).await);
    let hook = hook(&server, &receiver, &["*"]).await;
    server.task(json!({"title": "One"})).await;
    server.task(json!({"title": "Two"})).await;
    let calls = receiver.calls(2).await;
    assert_eq!(calls[1].body["data"]["title"], "Two");
    eventually(&server, &path(&hook, "/deliveries"), |page| {
        page["deliveries"][1]["attempts"][0].is_object()
    })
    .await;
    advance(&server, "P5DT1S").await;
    let paused = eventually(&server, &path(&hook, ""), |hook| hook["status"] == "paused").await;
    assert!(paused["paused_reason"].as_str().unwrap().contains("five days"));
    let inbox = eventually(&server, "/api/v1/notifications", |inbox| inbox["unread"] == 1).await;
    assert_eq!(inbox["notifications"][0]["kind"], "webhook.paused");
    receiver.answer(200);
    server.send("PATCH", &path(&hook, ""), json!({"status": "active"})).await.is(200);
    advance(&server, "P1D").await;
    let done = |page: &Value| {
        page["deliveries"].as_array().unwrap().iter().all(|d| d["status"] == "delivered")
    };
    eventually(&server, &path(&hook, "/deliveries"), done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_pauses_and_a_redirect_is_not_followed() {
    let (server, receiver, other) =
        (server().await, Receiver::answering(410).await, Receiver::start().await);
    let gone = hook(&server, &receiver, &["task.created"]).await;
    let redirecting = Receiver::redirecting(&other.url()).await;
    let moved = hook(&server, &redirecting, &["task.created"]).await;
    server.task(json!({"title": "Bread"})).await;
    let paused = eventually(&server, &path(&gone, ""), |hook| hook["status"] == "paused").await;
    assert!(paused["paused_reason"].as_str().unwrap().contains("410"));
    let page = eventually(&server, &path(&moved, "/deliveries"), |page| tried(page) == 1).await;
    assert_eq!(page["deliveries"][0]["attempts"][0]["response_status"], 307);
    assert_eq!(other.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_for_a_day_after_a_rotation() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let body =
        json!({"url": receiver.url(), "events": ["task.created"], "secret": "a secret of my own"});
    let hook = server.send("POST", HOOKS, body).await.is(201).body;
    assert_eq!(hook["secret"], "a secret of my own");
    let rotated = server.post(&path(&hook, "/rotate")).await.is(200);
    let test = server.post(&path(&hook, "/test")).await.is(200).body;
    assert_eq!(
        (&test["delivered"], &test["response_status"], &test["error"]),
        (&json!(true), &json!(200), &Value::Null)
    );
    let first = receiver.calls(1).await.remove(0);
    assert_eq!(first.body["type"], "webhook.test");
    assert!(verify(&first, "a secret of my own") && verify(&first, rotated.str("secret")));
    advance(&server, "PT24H").await;
    server.post(&path(&hook, "/test")).await.is(200);
    let second = receiver.calls(2).await.remove(1);
    assert!(!verify(&second, "a secret of my own") && verify(&second, rotated.str("secret")));
    server
        .call("POST", &path(&hook, "/rotate"))
        .header("if-match", "\"v1\"")
        .send()
        .await
        .problem(412, "stale");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_of_the_trail_is_replayed_and_an_unknown_event_is_not() {
    let (server, receiver) = (server().await, Receiver::start().await);
    for n in 0..3 {
        server.task(json!({"title": format!("Task {n}")})).await;
    }
    // Once the trail shows them all, none is left to come to the new webhook by itself.
    server.get("/api/v1/audit?min_version=3").await.is(200);
    let hook = hook(&server, &receiver, &["task.created"]).await;
    let place = path(&hook, "/replay");
    let all = server.send("POST", &place, json!({"since": "2020-01-01"})).await.is(202);
    assert_eq!(all.body, json!({"queued": 3}));
    let calls = receiver.calls(3).await;
    assert_eq!(calls[2].body["data"]["title"], "Task 2");
    let none =
        server.send("POST", &place, json!({"since": "2020-01-01", "until": "2020-01-02"})).await;
    assert_eq!(none.is(202).body, json!({"queued": 0}));
    server.send("POST", &place, json!({"event_id": "nothing"})).await.problem(404, "not-found");
    server.send("POST", &place, json!({})).await.problem(422, "invalid");
}

/// A task and a reminder on it in an hour.
async fn reminder(server: &Running, mut body: Value) -> Value {
    let now = server.get("/dev/clock").await.is(200).body["now"].clone();
    let task = server.task(json!({"title": "Bread & <butter>", "due_date": "2099-01-01"})).await;
    body["task_id"] = task["id"].clone();
    let at = now.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    body["remind_at"] = json!((at + chrono::TimeDelta::hours(1)).to_rfc3339());
    server.send("POST", "/api/v1/reminders", body).await.is(201).body
}

/// How a channel of the newest inbox entry fared.
async fn fared(server: &Running, channel: &str, status: &str) -> Value {
    let find = |inbox: &Value| {
        let all = inbox["notifications"][0]["deliveries"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["channel"] == channel && one["status"] == status)
    };
    let inbox = eventually(server, "/api/v1/notifications", |inbox| find(inbox).is_some()).await;
    find(&inbox).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_goes_to_the_webhooks_of_its_user_or_says_that_there_are_none() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let set = reminder(&server, json!({"channels": ["webhook"]})).await;
    assert!(set.get("webhook_secret").is_none());
    advance(&server, "PT1H").await;
    let failed = fared(&server, "webhook", "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("no active webhook"));
    hook(&server, &receiver, &["reminder.triggered"]).await;
    reminder(&server, json!({"channels": ["in_app", "webhook"]})).await;
    advance(&server, "PT1H").await;
    assert_eq!(receiver.calls(1).await[0].body["type"], "reminder.triggered");
    assert_eq!(fared(&server, "webhook", "sent").await["attempts"], 1);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_goes_to_its_own_url_under_its_own_secret() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let body = json!({"channels": ["webhook"], "webhook_url": receiver.url()});
    let set = reminder(&server, body).await;
    let secret = set["webhook_secret"].as_str().unwrap();
    let shown = server.get(&format!("/api/v1/reminders/{}", set["id"].as_str().unwrap())).await;
    assert!(!shown.is(200).text.contains("webhook_secret"));
    receiver.answer(500);
    advance(&server, "PT1H").await;
    let first = receiver.calls(1).await.remove(0);
    assert!(verify(&first, secret) && first.body["type"] == "reminder.triggered");
    receiver.answer(204);
    for _ in 0..100 {
        advance(&server, "PT5S").await;
        if receiver.count() > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fared(&server, "webhook", "sent").await["attempts"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_cannot_be_delivered_is_not_set() {
    let server = Running::dev().await;
    let task = server.task(json!({"title": "Bread", "due_date": "2099-01-01"})).await;
    let email = json!({"lead_time": "1d", "channels": ["email"]});
    let local =
        json!({"lead_time": "1d", "channels": ["webhook"], "webhook_url": "https://10.0.0.1/"});
    for (mut body, code, pointer) in
        [(email, "channel-unavailable", "/channels"), (local, "forbidden-address", "/webhook_url")]
    {
        let inside = json!({"title": "Milk", "due_date": "2099-01-01", "reminders": [body]});
        let no = server.send("POST", "/api/v1/tasks", inside).await.problem(422, code);
        assert_eq!(no.body["errors"][0]["pointer"], format!("/reminders/0{pointer}"));
        body["task_id"] = task["id"].clone();
        let no = server.send("POST", "/api/v1/reminders", body).await.problem(422, code);
        assert_eq!(no.body["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_comes_by_mail_once() {
    let mailbox = Mailbox::start().await;
    let url = mailbox.url();
    let vars = [
        CLOCK,
        ("TICKLER_SMTP_URL", url.as_str()),
        ("TICKLER_MAIL_FROM", "Tickler <tickler@example.org>"),
    ];
    let server = Running::with(&vars).await;
    mailbox.refuse(1);
    reminder(&server, json!({"channels": ["email"], "email_address": "ana@example.org"})).await;
    advance(&server, "PT1H").await;
    mailbox.asked(1).await;
    for _ in 0..100 {
        advance(&server, "PT5S").await;
        if !mailbox.mails().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fared(&server, "email", "sent").await["attempts"], 2);
    let mails = mailbox.mails();
    assert_eq!(mails.len(), 1);
    for part in [
        "To: ana@example.org",
        "From: ",
        "Subject: Reminder: Bread & <butter>",
        "List-Unsubscribe: <mailto:",
        "text/plain",
        "text/html",
        "Bread &amp; &lt;butter&gt;",
        "Message-ID: <",
    ] {
        assert!(mails[0].contains(part), "{part} in {}", mails[0]);
    }
}
