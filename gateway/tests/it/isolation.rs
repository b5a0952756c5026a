//! With tokens: who is known, who is not, and that nobody sees what is another's.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::server::{Call, Running};

const SECRET: &str = "an HS256 secret of thirty-two bytes or more";

fn token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("a token")
}

fn of(user: &str) -> String {
    token(&json!({"sub": user, "exp": 4_000_000_000_u64}))
}

async fn server(more: &[(&str, &str)]) -> Running {
    let mut vars = vec![("TICKLER_JWT_SECRET", SECRET)];
    vars.extend(more);
    Running::with(&vars).await
}

#[tokio::test]
async fn without_a_credential_only_what_is_public_answers() {
    let server = server(&[]).await;
    let refused = server.get("/api/v1/tasks").await.problem(401, "unauthenticated");
    let challenge = refused.header("www-authenticate");
    let url = format!("{}/.well-known/oauth-protected-resource", server.url());
    assert_eq!(challenge, format!("Bearer resource_metadata=\"{url}\""));
    for credential in ["Bearer dev", "Bearer ", "Bearer", "Basic YTpi", "bearer x.y.z", "tkl_x"] {
        let call = server.call("GET", "/api/v1/tasks").header("authorization", credential);
        let refused = call.send().await.problem(401, "unauthenticated");
        assert!(refused.header("www-authenticate").starts_with("Bearer "), "{credential}");
    }
    let twice = server.call("GET", "/api/v1/tasks").bearer(&of("ana")).bearer(&of("bob"));
    twice.send().await.problem(401, "unauthenticated");
    for path in ["/health", "/ready", "/metrics", "/.well-known/oauth-protected-resource"] {
        server.get(path).await.is(200);
    }
    server.get("/dev/clock").await.problem(404, "not-found");
    server.call("GET", "/api/v1/tasks").bearer(&of("ana")).send().await.is(200);
}

#[tokio::test]
async fn another_users_task_is_like_an_absent_one() {
    let server = server(&[]).await;
    let (ana, bob) = (of("ana"), of("bob"));
    let body = json!({"title": "secret", "due_date": "2026-12-01", "recurrence": "daily"});
    let made = server.call("POST", "/api/v1/tasks").bearer(&ana).json(&body).send().await.is(201);
    let id = made.str("id").to_owned();
    let calls: [(&str, &str, Option<Value>); 13] = [
        ("GET", "", None),
        ("PUT", "", Some(json!({"title": "x"}))),
        ("PATCH", "", Some(json!({"title": "x"}))),
        ("DELETE", "", None),
        ("POST", "/complete", None),
        ("PATCH", "/complete", Some(json!({"completed": true}))),
        ("POST", "/reopen", None),
        ("POST", "/restore", None),
        ("POST", "/skip", None),
        ("POST", "/move", Some(json!({"to": "first"}))),
        ("PUT", "/tags/x", None),
        ("DELETE", "/tags/x", None),
        ("PATCH", "?scope=all", Some(json!({"title": "x"}))),
    ];
    for (method, rest, body) in &calls {
        let ask = |id: &str| {
            let call: Call<'_> = server.call(method, &format!("/api/v1/tasks/{id}{rest}"));
            let call = call.bearer(&bob);
            let call = body.iter().fold(call, |call, body| call.json(body));
            async move {
                let mut got = call.send().await.problem(404, "not-found").body;
                got["instance"] = Value::Null;
                got
            }
        };
        let foreign = ask(&id).await;
        for other in ["00000000-0000-4000-8000-000000000000", "nonsense", "1"] {
            assert_eq!(ask(other).await, foreign, "{method} {rest} {other}");
        }
    }
    let other = server.call("POST", "/api/v1/tasks").bearer(&bob).json(&json!({"title": "b"}));
    other.send().await.is(201);
    let next_to = server.call("POST", "/api/v1/tasks/1/move").bearer(&bob);
    next_to.json(&json!({ "before": id })).send().await.problem(404, "not-found");
    let list = server.call("GET", "/api/v1/tasks?search=secret").bearer(&bob).send().await.is(200);
    assert_eq!(list.body, json!([]));
    let rule = made.str("recurrence_id").to_owned();
    let path = format!("/api/v1/tasks?recurrence_id={rule}");
    assert_eq!(server.call("GET", &path).bearer(&bob).send().await.is(200).body, json!([]));
    assert_ne!(server.call("GET", &path).bearer(&ana).send().await.is(200).body, json!([]));
    let same = server.call("GET", &format!("/api/v1/tasks/{id}")).bearer(&ana).send().await;
    assert_eq!(same.is(200).body, made.body);
    let forged = json!({"title": "x", "user_id": "ana"});
    let forged = server.call("POST", "/api/v1/tasks").bearer(&bob).json(&forged);
    forged.send().await.problem(403, "wrong-user");
}

#[tokio::test]
async fn scopes_are_asked_for_by_method() {
    let server = server(&[]).await;
    let limited =
        |scope: &str| token(&json!({"sub": "ana", "exp": 4_000_000_000_u64, "scope": scope}));
    let (read, write, none) = (limited("tasks:read"), limited("tasks:write"), limited(""));
    let get = |token: &str| server.call("GET", "/api/v1/tasks").bearer(token).send();
    let post = |token: &str| {
        let call = server.call("POST", "/api/v1/tasks").bearer(token);
        call.json(&json!({"title": "a"})).send()
    };
    get(&read).await.is(200);
    post(&read).await.problem(403, "insufficient-scope");
    get(&write).await.problem(403, "insufficient-scope");
    post(&write).await.is(201);
    get(&none).await.problem(403, "insufficient-scope");
    let parse = server.call("POST", "/api/v1/parse").bearer(&read).json(&json!({"text": "a"}));
    parse.send().await.is(200);
    let tokens = server.call("GET", "/api/v1/tokens").bearer(&read).send().await;
    tokens.problem(403, "insufficient-scope");
}

#[tokio::test]
async fn rates_are_counted_per_user_and_told() {
    let server = server(&[("TICKLER_RATE_USER", "3/60")]).await;
    let (ana, bob) = (of("ana"), of("bob"));
    let get = |token: &str| server.call("GET", "/api/v1/tasks").bearer(token).send();
    for left in ["2", "1", "0"] {
        let got = get(&ana).await.is(200);
        assert_eq!(got.header("ratelimit-policy"), "\"user\";q=3;w=60");
        assert!(got.header("ratelimit").starts_with(&format!("\"user\";r={left};t=")));
    }
    let refused = get(&ana).await.problem(429, "rate-limited");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|s| (1..=60).contains(&s)));
    get(&bob).await.is(200);
    for _ in 0..60 {
        get("bad").await.problem(401, "unauthenticated");
    }
    get("bad").await.problem(429, "rate-limited");
    get(&bob).await.is(200);
}

#[tokio::test]
async fn what_a_token_says_of_its_user_is_taken_over_once() {
    let server = server(&[]).await;
    let claims = json!({"sub": "ana", "exp": 4_000_000_000_u64, "email": "ana@example.org",
        "zoneinfo": "Europe/Berlin"});
    let ana = token(&claims);
    let me = server.call("GET", "/api/v1/me").bearer(&ana).send().await.is(200);
    assert_eq!((me.str("zone"), me.str("email")), ("Europe/Berlin", "ana@example.org"));
    let body = json!({"title": "a", "due_date": "2026-12-01T09:00:00"});
    let made = server.call("POST", "/api/v1/tasks").bearer(&ana).json(&body).send().await.is(201);
    assert_eq!(made.str("due_date"), "2026-12-01T09:00:00+01:00");
}
