//! Chat that is refused or fails: providers of every bad kind, scopes, rates, and what is another user's.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    assistant::{Answer, Assistant, STREAM, events},
    server::{Got, Running},
};

const SECRET: &str = "an HS256 secret of thirty-two bytes or more";
const KEY: &str = "sk-PlantedSecret-0123456789";
const CHAT: &str = "/api/v1/chat";

fn token(user: &str, scope: &str) -> String {
    let claims = json!({"sub": user, "exp": 4_000_000_000_u64, "scope": scope});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

/// Everything that an answer of a provider may be wrong in, and how long a client is told to wait.
fn failures() -> Vec<(&'static str, Vec<Answer>, &'static str)> {
    let json = "application/json";
    let echo = json!({"error": {"message": format!("bad key {KEY}"), "code": KEY}}).to_string();
    let sse = |text: &str| Answer::of(200, "text/event-stream", text);
    let fine = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let error = format!("{fine}data: {echo}\n\n");
    let twice = |answer: Answer| vec![answer.clone(), answer];
    vec![
        ("401", vec![Answer::of(401, json, &echo)], "300"),
        ("404", vec![Answer::of(404, json, "{\"error\":{\"code\":\"model_not_found\"}}")], "300"),
        ("429", vec![Answer::of(429, json, &echo).header("retry-after", "7")], "7"),
        ("429 for long", vec![Answer::of(429, json, "").header("retry-after", "86400")], "300"),
        ("500, twice", twice(Answer::of(500, "text/html", "<h1>no</h1>")), "10"),
        ("302", vec![Answer::of(302, json, "").header("location", "http://127.0.0.1:9/")], "300"),
        ("no JSON", vec![Answer::of(200, json, "{\"choices\": [")], "10"),
        ("another JSON", vec![Answer::of(200, json, "[1]")], "10"),
        ("an error in 200", vec![Answer::of(200, json, &echo)], "10"),
        ("no choices", vec![Answer::of(200, json, "{}")], "10"),
        ("nothing", vec![Answer::of(200, json, "")], "10"),
        ("HTML", vec![Answer::of(200, "text/html", "<h1>Welcome</h1>")], "10"),
        ("no words", vec![Answer::says("")], "10"),
        ("a broken event", vec![sse("data: {\"choices\": [\n\n")], "10"),
        ("an error in the middle", vec![sse(&error)], "10"),
        ("an end too early", vec![sse(fine)], "10"),
        ("a lost connection", vec![sse(fine).broken_off_after(fine.len())], "10"),
        ("a lost connection at once", twice(sse("").broken_off_after(0)), "10"),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_with_the_provider_is_chat_unavailable() {
    let assistant = Assistant::start().await;
    let vars = [("TICKLER_CHAT_URL", &*assistant.url()), ("TICKLER_CHAT_KEY", KEY)];
    let server = Running::with(&vars).await;
    let body = json!({"message": "Hello"});
    for (what, answers, wait) in failures() {
        assistant.always(answers.last().unwrap().clone());
        let got = server.send("POST", CHAT, body.clone()).await;
        assert_eq!((got.status, got.code()), (503, "chat-unavailable"), "{what}: {}", got.text);
        assert_eq!(got.header("retry-after"), wait, "{what}");
        assert!(!got.text.contains("Planted") && !got.text.contains("h1"), "{what}: {}", got.text);
        let stream = server.call("POST", CHAT).header(STREAM.0, STREAM.1).json(&body);
        let stream = stream.send().await.is(200);
        let events = events(&stream.text);
        let (first, (last, data)) = (&events[0].0, events.last().unwrap());
        assert_eq!((first.as_str(), last.as_str()), ("meta", "error"), "{what}");
        assert_eq!((&data["code"], &data["status"]), (&json!("chat-unavailable"), &json!(503)));
        assert_eq!((&data["instance"], data["conversation_id"].is_string()), (&json!(CHAT), true));
        assert!(!stream.text.contains("Planted"), "{what}: {}", stream.text);
    }
    let list = server.get("/api/v1/chat/conversations").await.is(200).body;
    let list = list["conversations"].as_array().unwrap();
    assert_eq!(list.len(), 1, "the same words again are the same message");
    // An answer in one piece is an answer, though we asked for pieces.
    let call = json!({"id": "1", "type": "function", "function": {"name": "add_task", "arguments": "{\"title\":\"a\"}"}});
    let whole = |message: Value| {
        let text = json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string();
        Answer::of(200, "application/json", &text)
    };
    assistant.then([
        whole(json!({"role": "assistant", "content": null, "tool_calls": [call]})),
        whole(json!({"role": "assistant", "content": "Done."})),
    ]);
    let got = server.send("POST", CHAT, body).await.is(200);
    assert_eq!((got.str("response"), &got.body["tool_calls"][0]["ok"]), ("Done.", &json!(true)));
}

#[tokio::test]
async fn a_provider_that_is_away_is_chat_unavailable_and_a_bad_address_is_refused_at_the_start() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/chat/completions", free.local_addr().unwrap());
    drop(free);
    let server = Running::with(&[("TICKLER_CHAT_URL", &url)]).await;
    let got = server.send("POST", CHAT, json!({"message": "Hello"})).await;
    let got = got.problem(503, "chat-unavailable");
    assert_eq!(got.header("retry-after"), "10");
    assert!(got.str("detail").contains("cannot be reached"), "{}", got.text);
    let id = got.str("conversation_id").to_owned();
    let path = format!("/api/v1/chat/conversations/{id}");
    let kept = server.get(&path).await.is(200).body;
    assert_eq!(kept["messages"].as_array().unwrap().len(), 1);
    assert_eq!(kept["messages"][0]["content"], "Hello");
    for bad in ["localhost:1234", "ftp://host/v1", "nonsense"] {
        let vars = [("TICKLER_CHAT_URL", bad), ("TICKLER_DATA_DIR", "data")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wrong = gateway::Config::read(vars, &gateway::Flags::default()).err().unwrap();
        assert!(wrong.to_string().contains("TICKLER_CHAT_URL"), "{wrong}");
    }
}

struct Two {
    assistant: Assistant,
    server: Running,
}

impl Two {
    async fn new() -> Self {
        let assistant = Assistant::start().await;
        let vars = [("TICKLER_JWT_SECRET", SECRET), ("TICKLER_CHAT_URL", &*assistant.url())];
        let server = Running::with(&vars).await;
        Self { assistant, server }
    }

    async fn say(&self, token: &str, body: Value) -> Got {
        self.server.call("POST", CHAT).bearer(token).json(&body).send().await
    }

    async fn get(&self, token: &str, path: &str) -> Got {
        self.server.call("GET", path).bearer(token).send().await
    }
}

#[tokio::test]
async fn a_conversation_is_its_users_alone() {
    let two = Two::new().await;
    two.assistant.always(Answer::says("Yes."));
    let (ana, bob) = (token("ana", "chat"), token("bob", "chat"));
    let said = two.say(&ana, json!({"message": "a secret"})).await.is(200);
    let id = said.str("conversation_id");
    let path = format!("/api/v1/chat/conversations/{id}");
    two.get(&bob, &path).await.problem(404, "not-found");
    let deleted = two.server.call("DELETE", &path).bearer(&bob).send().await;
    deleted.problem(404, "not-found");
    let body = json!({"message": "Go on", "conversation_id": id});
    two.say(&bob, body).await.problem(404, "not-found");
    let list = two.get(&bob, "/api/v1/chat/conversations").await.is(200).body;
    assert_eq!(list["conversations"], json!([]));
    // The same key of another user is another key.
    let keyed = async |token: &str| {
        let call = two.server.call("POST", CHAT).bearer(token).header("idempotency-key", "k");
        call.json(&json!({"message": "same"}))
            .send()
            .await
            .is(200)
            .str("conversation_id")
            .to_owned()
    };
    assert_ne!(keyed(&ana).await, keyed(&bob).await);
    assert_eq!(two.get(&ana, &path).await.is(200).body["messages"].as_array().unwrap().len(), 2);
    two.say(&bob, json!({"message": "a", "user_id": "ana"})).await.problem(403, "wrong-user");
}

#[tokio::test]
async fn scopes_are_asked_for_by_the_route_and_by_each_tool() {
    let two = Two::new().await;
    let tasks = token("ana", "tasks:read tasks:write");
    let refused = two.say(&tasks, json!({"message": "a"})).await;
    let refused = refused.problem(403, "insufficient-scope");
    assert!(refused.header("www-authenticate").contains("scope=\"chat\""));
    two.get(&tasks, "/api/v1/chat/conversations").await.problem(403, "insufficient-scope");
    let call = two.server.call("POST", CHAT).json(&json!({"message": "a"}));
    call.send().await.problem(401, "unauthenticated");
    let calls = [
        ("list_tasks", json!({"view": "all"})),
        ("add_task", json!({"title": "a"})),
        ("sort_tasks", json!({"sort": "title"})),
        ("sort_tasks", json!({"sort": "title", "save": true})),
    ];
    for (scope, done) in [
        ("chat", [false; 4]),
        ("chat tasks:read", [true, false, true, false]),
        ("chat tasks:read tasks:write", [true; 4]),
    ] {
        two.assistant.then([Answer::calls(&calls), Answer::says("So be it.")]);
        let got = two.say(&token("ana", scope), json!({"message": "a"})).await.is(200);
        for (call, done) in got.body["tool_calls"].as_array().unwrap().iter().zip(done) {
            assert_eq!(call["ok"], done, "{scope}: {call}");
            if !done {
                assert_eq!(call["result"]["failures"][0]["code"], "insufficient-scope");
            }
        }
    }
    let all = two.get(&tasks, "/api/v1/tasks").await.is(200);
    assert_eq!(all.header("x-total-count"), "1");
}

#[tokio::test]
async fn a_user_sends_twenty_messages_a_minute() {
    let two = Two::new().await;
    two.assistant.always(Answer::says("Yes."));
    let (ana, bob) = (token("ana", "chat"), token("bob", "chat"));
    for _ in 0..20 {
        two.say(&ana, json!({"message": "a"})).await.is(200);
    }
    let refused = two.say(&ana, json!({"message": "a"})).await.problem(429, "rate-limited");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|s| (1..=60).contains(&s)));
    assert_eq!(refused.header("ratelimit-policy"), "\"user\";q=1000;w=10");
    let aliased = two.server.call("POST", "/api/ana/chat").bearer(&ana);
    let aliased = aliased.json(&json!({"message": "a"})).send().await;
    aliased.problem(429, "rate-limited");
    two.get(&ana, "/api/v1/chat/conversations").await.is(200);
    two.say(&bob, json!({"message": "a"})).await.is(200);
}

#[tokio::test]
async fn a_message_that_is_wrong_reaches_nobody() {
    let assistant = Assistant::start().await;
    let server = Running::with(&[("TICKLER_CHAT_URL", &assistant.url())]).await;
    for (body, pointer) in [
        (json!({}), "/message"),
        (json!({"message": ""}), "/message"),
        (json!({"message": " \u{0} "}), "/message"),
        (json!({"message": 7}), "/message"),
        (json!({"message": "x".repeat(4_001)}), "/message"),
        (json!({"message": "a", "conversation_id": 7}), "/conversation_id"),
        (json!({"message": "a", "mood": 1}), "/mood"),
    ] {
        let got = server.send("POST", CHAT, body).await.problem(422, "invalid");
        assert_eq!(got.body["errors"][0]["pointer"], pointer);
    }
    server
        .send("POST", "/api/v1/chat?stream=1", json!({"message": "a"}))
        .await
        .problem(422, "invalid");
    assert!(assistant.requests().is_empty());
    assistant.then([Answer::says("Yes.")]);
    // A key that elsewhere is malformed refuses nothing.
    let key = server.call("POST", CHAT).header("idempotency-key", "a b");
    key.json(&json!({"message": "x".repeat(4_000)})).send().await.is(200);
}
