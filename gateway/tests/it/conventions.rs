//! What holds for every call: problems, bodies, parameters, versions, keys.

use serde_json::{Value, json};

use crate::server::Running;

#[tokio::test]
async fn every_failure_is_a_problem_document() {
    let server = Running::dev().await;
    server.task(json!({"title": "a"})).await;
    server.get("/nowhere").await.problem(404, "not-found");
    server.get("/api/v1/tasks/").await.problem(404, "not-found");
    let refused = server.call("DELETE", "/api/v1/tasks").send().await;
    let refused = refused.problem(405, "method-not-allowed");
    assert_eq!(refused.header("allow"), "GET, POST, HEAD, OPTIONS");
    server.call("BREW", "/health").send().await.problem(405, "method-not-allowed");
    server
        .call("GET", "/api/v1/tasks")
        .bearer("nobody")
        .send()
        .await
        .problem(401, "unauthenticated");
    let post = |content_type: &'static str, body: &'static [u8]| {
        let call = server.call("POST", "/api/v1/tasks").raw(body);
        async move {
            match content_type {
                "" => call.send().await,
                kind => call.header("content-type", kind).send().await,
            }
        }
    };
    const JSON: &str = "application/json";
    for (kind, body, status, code) in [
        ("", &b"{\"title\":\"a\"}"[..], 415, "unsupported-media-type"),
        ("text/plain", b"{\"title\":\"a\"}", 415, "unsupported-media-type"),
        ("application/x-www-form-urlencoded", b"title=a", 415, "unsupported-media-type"),
        ("application/merge-patch+json", b"{\"title\":\"a\"}", 415, "unsupported-media-type"),
        ("application/json; charset=latin1", b"{\"title\":\"a\"}", 415, "unsupported-media-type"),
        (JSON, b"", 400, "malformed"),
        (JSON, b"{", 400, "malformed"),
        (JSON, b"{\"title\":\"a\"} x", 400, "malformed"),
        (JSON, b"{'title':'a'}", 400, "malformed"),
        (JSON, b"{\"title\":\"\xff\"}", 400, "malformed"),
        (JSON, b"{\"title\":\"\\ud800\"}", 400, "malformed"),
        (JSON, b"{\"title\":\"\\udc00\\ud800\"}", 400, "malformed"),
        (JSON, b"{\"title\":NaN}", 400, "malformed"),
        (JSON, b"\xef\xbb\xbf{}", 400, "malformed"),
        (JSON, b"[]", 422, "invalid"),
        (JSON, b"null", 422, "invalid"),
        (JSON, b"7", 422, "invalid"),
        (JSON, b"\"title\"", 422, "invalid"),
        (JSON, b"{}", 422, "invalid"),
        ("APPLICATION/JSON; charset=\"UTF-8\"", b"{}", 422, "invalid"),
    ] {
        let got = post(kind, body).await.problem(status, code);
        assert_eq!(got.str("instance"), "/api/v1/tasks", "{kind} {body:?}");
    }
    let deep = format!("{{\"title\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let deep = server.call("POST", "/api/v1/tasks").header("content-type", JSON).raw(deep);
    deep.send().await.problem(400, "malformed");
    let listed = server.get("/api/v1/tasks").await;
    assert_eq!(listed.header("x-total-count"), "1", "nothing was changed");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_its_sender_hears_why() {
    let server = Running::dev().await;
    let large = json!({"title": "a", "description": "x".repeat(3 << 20)});
    for _ in 0..3 {
        server.send("POST", "/api/v1/tasks", large.clone()).await.problem(413, "too-large");
    }
    let just = json!({"title": "a", "description": "x".repeat((1 << 20) - 40)});
    server.send("POST", "/api/v1/tasks", just).await.problem(422, "invalid");
}

#[tokio::test]
async fn the_same_404_whatever_is_wrong_with_an_id() {
    let server = Running::dev().await;
    let gone = server.task(json!({"title": "gone"})).await;
    let gone = gone["id"].as_str().expect("an id").to_owned();
    server.call("DELETE", &format!("/api/v1/tasks/{gone}")).send().await.is(204);
    let strange = [
        gone.as_str(),
        "1",
        "99",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "nonsense",
        "%00",
        "%ff%fe",
        "..%2f",
        "18446744073709551616",
        "%F0%9F%98%80",
    ];
    let mut seen: Option<Value> = None;
    for id in strange {
        for (method, rest, body) in [
            ("GET", "", None),
            ("PATCH", "", Some("{\"title\":\"x\"}")),
            ("PATCH", "", Some("{")),
            ("PATCH", "?scope=nonsense", Some("{\"titel\":1}")),
            ("PUT", "", Some("[]")),
            ("DELETE", "", None),
            ("POST", "/complete", None),
            ("POST", "/reopen", None),
            ("POST", "/skip", None),
            ("POST", "/move", Some("{}")),
            ("PUT", "/tags/home", None),
            ("PUT", "/tags/not%20ok", None),
        ] {
            let path = format!("/api/v1/tasks/{id}{rest}");
            let mut call = server.call(method, &path).header("if-match", "\"v1\"");
            if let Some(body) = body {
                call = call.header("content-type", "application/json").raw(body);
            }
            let mut got = call.send().await.problem(404, "not-found").body;
            got["instance"] = Value::Null;
            assert_eq!(seen.get_or_insert_with(|| got.clone()), &got, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn parameters_are_read_or_named() {
    let server = Running::dev().await;
    server.task(json!({"title": "a"})).await;
    for (query, parameter, code) in [
        ("foo=1", "foo", "unknown_field"),
        ("limit=0", "limit", "invalid"),
        ("limit=1001", "limit", "invalid"),
        ("limit=-1", "limit", "invalid"),
        ("limit=ten", "limit", "invalid"),
        ("limit=99999999999999999999999", "limit", "invalid"),
        ("status=pending,bad", "status", "invalid"),
        ("priority=p9", "priority", "invalid"),
        ("tags=not%20ok", "tags", "invalid"),
        ("tags_match=some", "tags_match", "invalid"),
        ("due_date_from=soon", "due_date_from", "invalid"),
        ("due_date=2026-11-21T09:00:00Z", "due_date", "invalid"),
        ("overdue=maybe", "overdue", "invalid"),
        ("deleted=1", "deleted", "invalid"),
        ("sort=colour", "sort", "invalid"),
        ("order=up", "order", "invalid"),
        ("order=asc&order=desc", "order", "invalid"),
        ("min_version=-1", "min_version", "invalid"),
    ] {
        let got = server.get(&format!("/api/v1/tasks?{query}")).await.problem(422, "invalid");
        assert_eq!(got.body["errors"][0]["parameter"], parameter, "{query}");
        assert_eq!(got.body["errors"][0]["code"], code, "{query}");
    }
    let long = "x".repeat(201);
    server.get(&format!("/api/v1/tasks?search={long}")).await.problem(422, "invalid");
    server.get("/api/v1/tasks?search=%ff").await.problem(400, "malformed");
    server.get("/api/v1/tasks?cursor=nonsense").await.problem(400, "invalid-cursor");
    for (query, found) in [
        ("_=1&_debug=x", 1),
        ("search=", 1),
        ("status=", 1),
        ("status=OPEN&priority=NONE", 1),
        ("status=pending&status=completed", 1),
        ("status=all&sort=Title&order=ASC", 1),
        ("completed=false", 1),
        ("completed=true", 0),
        ("status=pending&completed=true", 0),
        ("recurrence_id=nonsense", 0),
        ("recurrence_id=00000000-0000-0000-0000-000000000001", 0),
        ("tags=unknown", 0),
        ("archived=true", 0),
        ("deleted=true", 0),
        ("deleted=false&archived=false", 1),
    ] {
        let got = server.get(&format!("/api/v1/tasks?{query}")).await.is(200);
        assert_eq!(got.header("x-total-count"), found.to_string(), "{query}");
        assert_eq!(got.body.as_array().map(Vec::len), Some(found), "{query}");
    }
}

#[tokio::test]
async fn versions_guard_and_spare() {
    let server = Running::dev().await;
    let made = server.send("POST", "/api/v1/tasks", json!({"title": "a"})).await.is(201);
    let (id, etag) = (made.str("id").to_owned(), made.header("etag").to_owned());
    assert_eq!(made.header("location"), format!("/api/v1/tasks/{id}"));
    assert_eq!(made.header("tickler-version"), "1");
    assert_eq!(made.header("cache-control"), "private, no-cache");
    assert_eq!(etag, format!("\"v{}\"", made.body["version"]));
    let path = format!("/api/v1/tasks/{id}");
    let same = server.call("GET", &path).header("if-none-match", &etag).send().await.is(304);
    assert_eq!((same.header("etag"), same.text.as_str()), (etag.as_str(), ""));
    for tags in ["\"v9\", W/\"v1\"", "*"] {
        server.call("GET", &path).header("if-none-match", tags).send().await.is(304);
    }
    server.call("GET", &path).header("if-none-match", "\"v2\"").send().await.is(200);
    let patch = |tag: &'static str, title: &'static str| {
        let call = server.call("PATCH", &path).header("if-match", tag);
        async move { call.json(&json!({ "title": title })).send().await }
    };
    patch("\"v1\"", "b").await.is(200);
    let stale = patch("\"v1\"", "c").await.problem(412, "stale");
    assert_eq!(stale.header("etag"), "\"v2\"");
    assert_eq!(stale.body["current"]["title"], "b");
    patch("\"other\"", "c").await.problem(412, "stale");
    patch("v2", "c").await.problem(400, "malformed");
    patch("*", "c").await.is(200);
    patch("\"v1\", \"v3\"", "d").await.is(200);
    patch("\"v1\", \"v3\"", "e").await.problem(412, "stale");
    let complete = server.call("POST", &format!("{path}/complete")).header("if-match", "\"v1\"");
    complete.send().await.problem(412, "stale");
    server.get(&format!("{path}?min_version=4")).await.is(200);
    server.get(&format!("{path}?min_version=400")).await.problem(503, "view-behind");
    // No event, no new version: nothing changed.
    let again = server.send("PATCH", &path, json!({"title": "d"})).await.is(200);
    assert_eq!(again.body["version"], 4);
    // A merge patch has a content type of its own.
    let merge = server.call("PATCH", &path).header("content-type", "application/merge-patch+json");
    merge.raw("{\"description\":\"x\"}").send().await.is(200);
}

#[tokio::test]
async fn a_key_has_one_effect() {
    let server = Running::dev().await;
    let create = |key: &'static str, path: &'static str, title: &'static str| {
        let call = server.call("POST", path).header("idempotency-key", key);
        async move { call.json(&json!({ "title": title })).send().await }
    };
    let first = create("k1", "/api/v1/tasks", "a").await.is(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = create("k1", "/api/v1/tasks", "a").await.is(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("location"), first.header("location"));
    create("k1", "/api/v1/tasks", "b").await.problem(422, "idempotency-key-reused");
    let id = first.str("id").to_owned();
    let other = server.call("POST", &format!("/api/v1/tasks/{id}/complete"));
    other.header("idempotency-key", "k1").send().await.problem(422, "idempotency-key-reused");
    let fifty = (0..50).map(|_| create("k50", "/api/v1/tasks", "fifty"));
    let answers = futures_util::future::join_all(fifty).await;
    let mut texts: Vec<String> = Vec::new();
    for answer in answers {
        // More than 32 wait on one user: those are told to come again.
        if answer.status == 429 {
            answer.problem(429, "busy");
            continue;
        }
        texts.push(answer.is(201).text);
    }
    assert!(texts.len() >= 32 && texts.iter().all(|text| *text == texts[0]));
    let listed = server.get("/api/v1/tasks?search=fifty").await;
    assert_eq!(listed.header("x-total-count"), "1");
    for key in ["", "two words", "ümlaut", &"k".repeat(129)] {
        let call = server.call("POST", "/api/v1/tasks").header("idempotency-key", key);
        call.json(&json!({"title": "a"})).send().await.problem(400, "malformed");
    }
    let longest = "k".repeat(128);
    let call = server.call("POST", "/api/v1/tasks").header("idempotency-key", &longest);
    call.json(&json!({"title": "a"})).send().await.is(201);
}

#[tokio::test]
async fn pages_of_other_origins_may_call_when_they_are_allowed() {
    let server = Running::with(&[("TICKLER_ALLOWED_ORIGINS", "https://app.example")]).await;
    let with = |origin: &'static str| server.call("GET", "/api/v1/tasks").header("origin", origin);
    let allowed = with("https://app.example").send().await.is(200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-expose-headers").contains("Tickler-Version"));
    for origin in ["https://evil.example", "http://app.example", "null", "http://localhost:3000"] {
        let refused = with(origin).send().await.problem(403, "forbidden-origin");
        assert_eq!(refused.header("access-control-allow-origin"), "", "{origin}");
    }
    let preflight = server
        .call("OPTIONS", "/api/v1/tasks")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "idempotency-key,content-type")
        .send()
        .await
        .is(204);
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert!(preflight.header("access-control-allow-headers").contains("Idempotency-Key"));
    let usual = Running::dev().await;
    let page = usual.call("GET", "/api/v1/tasks").header("origin", "http://localhost:3000");
    page.send().await.is(200);
    usual
        .call("GET", "/health")
        .header("host", "evil.example")
        .send()
        .await
        .problem(403, "forbidden-origin");
}

#[tokio::test]
async fn health_and_metrics_tell_and_tell_no_secrets() {
    let server = Running::dev().await;
    server.task(json!({"title": "a very private title"})).await;
    let health = server.get("/health").await.is(200);
    assert_eq!(health.str("status"), "healthy");
    assert!(!health.str("version").is_empty() && !health.str("tzdata").is_empty());
    for path in ["/ready", "/readyz", "/health/ready"] {
        let ready = server.get(path).await.is(200);
        assert_eq!(ready.str("status"), "ready");
        for check in ["store", "actors", "views"] {
            assert_eq!(ready.body["checks"][check]["ok"], true, "{check}");
        }
    }
    let metrics = server.get("/metrics").await.is(200);
    let line =
        "tickler_http_requests_total{method=\"POST\",route=\"/api/v1/tasks\",status=\"201\"}";
    assert!(metrics.text.contains(line), "{}", metrics.text);
    assert!(!metrics.text.contains("private"));
    let resource = server.get("/.well-known/oauth-protected-resource/mcp").await.is(200);
    assert_eq!(resource.str("resource"), format!("{}/mcp", server.url()));
    assert_eq!(resource.body["bearer_methods_supported"], json!(["header"]));
}
