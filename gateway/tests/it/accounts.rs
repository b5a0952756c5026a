//! Settings, personal tokens, sessions.

use serde_json::json;

use crate::server::Running;

#[tokio::test]
async fn settings_are_read_and_changed() {
    let server = Running::dev().await;
    let me = server.get("/api/v1/me").await.is(200).body;
    assert_eq!((&me["user_id"], &me["zone"]), (&json!("dev"), &json!("UTC")));
    assert_eq!((&me["all_day_time"], &me["channels"]), (&json!("09:00"), &json!(["in_app"])));
    let patch = json!({"zone": "Europe/Berlin", "all_day_time": "07:30", "email": "ana@example.org",
        "channels": ["in_app", "webhook"]});
    let changed = server.send("PATCH", "/api/v1/me", patch).await.is(200).body;
    assert_eq!(changed["zone"], "Europe/Berlin");
    assert_eq!(changed["all_day_time"], "07:30");
    assert_eq!(server.get("/api/v1/me").await.body, changed);
    assert_eq!(server.send("PATCH", "/api/v1/me", changed.clone()).await.is(200).body, changed);
    let day = server.task(json!({"title": "a", "due_date": "2026-12-01", "remind": ["1h"]})).await;
    assert_eq!(day["reminders"][0]["remind_at"], "2026-12-01T05:30:00.000Z");
    for (body, code, pointer) in [
        (json!({"zone": "Mars"}), "invalid-zone", "/zone"),
        (json!({"all_day_time": "25:00"}), "invalid", "/all_day_time"),
        (json!({"all_day_time": "9:00"}), "invalid", "/all_day_time"),
        (json!({"channels": ["pigeon"]}), "invalid", "/channels"),
        (json!({"channels": []}), "invalid", "/channels"),
        (json!({"email": "nobody"}), "invalid", "/email"),
        (json!({"name": "x"}), "invalid", "/name"),
    ] {
        let got = server.send("PATCH", "/api/v1/me", body).await.problem(422, code);
        assert_eq!(got.body["errors"][0]["pointer"], pointer);
    }
    let cleared = server.send("PATCH", "/api/v1/me", json!({"zone": null, "email": null})).await;
    assert_eq!(cleared.is(200).body["zone"], "UTC");
}

#[tokio::test]
async fn a_personal_token_opens_what_it_says_until_it_is_deleted() {
    let server = Running::dev().await;
    let ask = json!({"name": "laptop", "scopes": ["tasks:read", "tokens"]});
    let made = server.send("POST", "/api/v1/tokens", ask).await.is(201);
    let (id, token) = (made.str("id").to_owned(), made.str("token").to_owned());
    assert!(token.starts_with(&format!("tkl_{id}_")));
    assert_eq!(made.header("cache-control"), "no-store");
    let list = server.get("/api/v1/tokens").await.is(200);
    assert_eq!(list.body["tokens"][0]["name"], "laptop");
    assert!(!list.text.contains(&token[40..]), "the token is shown once");

    let with = |method: &str, path: &str| server.call(method, path).bearer(&token);
    with("GET", "/api/v1/tasks").send().await.is(200);
    let refused = with("POST", "/api/v1/tasks").json(&json!({"title": "a"})).send().await;
    let refused = refused.problem(403, "insufficient-scope");
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_scope\", scope=\"tasks:write\""),
        "{challenge}"
    );
    with("GET", "/api/v1/tokens").send().await.problem(403, "insufficient-scope");
    let more = json!({"name": "x", "scopes": ["tasks:read"]});
    with("POST", "/api/v1/tokens").json(&more).send().await.problem(403, "insufficient-scope");
    for bad in [format!("{token}0"), token.replace('a', "b"), format!("tkl_{id}_"), "tkl_".into()] {
        server
            .call("GET", "/api/v1/tasks")
            .bearer(&bad)
            .send()
            .await
            .problem(401, "unauthenticated");
    }
    let used = server.get("/api/v1/tokens").await.body["tokens"][0]["last_used_at"].clone();
    assert!(used.is_string());
    server.call("DELETE", &format!("/api/v1/tokens/{id}")).send().await.is(204);
    with("GET", "/api/v1/tasks").send().await.problem(401, "unauthenticated");
    server.call("DELETE", &format!("/api/v1/tokens/{id}")).send().await.problem(404, "not-found");
    server.call("DELETE", "/api/v1/tokens/nonsense").send().await.problem(404, "not-found");
}

#[tokio::test]
async fn tokens_end_and_are_counted() {
    let server = Running::dev().await;
    server.send("PUT", "/dev/clock", json!({"now": "2026-11-21T08:00:00Z"})).await.is(200);
    let make = |body| server.send("POST", "/api/v1/tokens", body);
    let short =
        json!({"name": "s", "scopes": ["tasks:read"], "expires_at": "2026-11-21T09:00:00Z"});
    let token = make(short).await.is(201).str("token").to_owned();
    server.call("GET", "/api/v1/tasks").bearer(&token).send().await.is(200);
    server.send("PUT", "/dev/clock", json!({"advance": "PT1H"})).await.is(200);
    server.call("GET", "/api/v1/tasks").bearer(&token).send().await.problem(401, "unauthenticated");
    for (body, pointer) in [
        (json!({"scopes": ["tasks:read"]}), "/name"),
        (json!({"name": "", "scopes": ["tasks:read"]}), "/name"),
        (json!({"name": "n".repeat(101), "scopes": ["tasks:read"]}), "/name"),
        (json!({"name": "n"}), "/scopes"),
        (json!({"name": "n", "scopes": []}), "/scopes"),
        (json!({"name": "n", "scopes": ["everything"]}), "/scopes"),
        (json!({"name": "n", "scopes": ["audit:all"]}), "/scopes"),
        (json!({"name": "n", "scopes": "tasks:read"}), "/scopes"),
        (
            json!({"name": "n", "scopes": ["tasks:read"], "expires_at": "2026-11-20T00:00:00Z"}),
            "/expires_at",
        ),
        (
            json!({"name": "n", "scopes": ["tasks:read"], "expires_at": "2027-11-23T00:00:00Z"}),
            "/expires_at",
        ),
    ] {
        let got = make(body.clone()).await.problem(422, "invalid");
        assert_eq!(got.body["errors"][0]["pointer"], pointer, "{body}");
    }
    for n in 0..20 {
        make(json!({"name": format!("t{n}"), "scopes": ["tasks:read"]})).await.is(201);
    }
    make(json!({"name": "t", "scopes": ["tasks:read"]})).await.problem(409, "limit-reached");
}

#[tokio::test]
async fn a_session_is_a_cookie_that_only_our_pages_can_write_with() {
    let server = Running::dev().await;
    let ask = json!({"name": "page", "scopes": ["tasks:read", "tasks:write"]});
    let token = server.send("POST", "/api/v1/tokens", ask).await.is(201).str("token").to_owned();
    let begun = server.send("POST", "/api/v1/session", json!({ "token": token })).await.is(204);
    let cookie = begun.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(cookie.contains("Max-Age=43200"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let with = |method: &str, path: &str| server.call(method, path).header("cookie", &cookie);
    let me = with("GET", "/api/v1/me").send().await.is(200);
    assert_eq!(me.body["scopes"], json!(["tasks:read", "tasks:write"]), "those of its token");
    let write = || with("POST", "/api/v1/tasks").json(&json!({"title": "a"}));
    write().send().await.problem(403, "forbidden-origin");
    write().header("origin", "https://evil.example").send().await.problem(403, "forbidden-origin");
    write().header("origin", server.url()).send().await.is(201);
    with("GET", "/api/v1/tokens").send().await.problem(403, "insufficient-scope");
    with("DELETE", "/api/v1/session").header("origin", server.url()).send().await.is(204);
    let after = with("GET", "/api/v1/me").send().await.is(200);
    assert_ne!(after.body["scopes"], me.body["scopes"], "the session is gone; this is dev mode");
    server
        .send("POST", "/api/v1/session", json!({"token": "x"}))
        .await
        .problem(401, "unauthenticated");
    server.send("POST", "/api/v1/session", json!({})).await.problem(422, "invalid");
}
