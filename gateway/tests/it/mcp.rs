//! Tickler as a chatbot meets it: JSON-RPC over `/mcp`.

use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    program::{Answer, Program},
    sentences::{Sentence, sentences},
};

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");

/// One message to `/mcp`.
async fn send(server: &Program, message: Value, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![BOTH];
    all.extend_from_slice(headers);
    server.call_with(Method::POST, "/mcp", Some(&message), &all).await.expect("an answer")
}

/// The result of a method, in the older revision.
async fn ask(server: &Program, method: &str, params: Value) -> Value {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    send(server, message, &[("mcp-protocol-version", "2025-11-25")]).await.expect(200)
}

/// What a tool answers.
async fn call(server: &Program, tool: &str, arguments: Value) -> Value {
    let mut answer = ask(server, "tools/call", json!({"name": tool, "arguments": arguments})).await;
    assert!(answer["error"].is_null(), "{tool} answered {answer}");
    answer["result"].take()
}

#[track_caller]
fn check(answer: &Value, expected: &Value, what: &str) {
    for (pointer, value) in expected.as_object().unwrap() {
        let found = answer.pointer(pointer).unwrap_or(&Value::Null);
        if let Some(begin) = value.as_str().and_then(|value| value.strip_suffix('…')) {
            let begins = found.as_str().is_some_and(|found| found.starts_with(begin));
            assert!(begins, "{what}: {pointer} of {answer:#} does not begin with {begin}");
            continue;
        }
        assert_eq!(found, value, "{what}: {pointer} of {answer:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sentences_become_tool_calls_with_the_expected_change() {
    let server = Program::start_with(&[("TICKLER_TEST_CLOCK", "1")]).await;
    let now = json!({"now": "2027-03-01T08:00:00Z"});
    server.call(Method::PUT, "/dev/clock", Some(&now)).await.expect(200);
    server.patch("/api/v1/me", json!({"zone": "Europe/Berlin"})).await.expect(200);
    let sentences = sentences();
    assert!(sentences.len() >= 40);
    for Sentence { said, tool, arguments, expected } in sentences {
        let result = call(&server, tool, arguments).await;
        check(&result, &expected, said);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(!text.is_empty(), "{said}: nothing to read out");
        let structured = &result["structuredContent"];
        let items = ["tasks", "reminders", "failures"];
        let items = items.map(|name| structured[name].as_array().map_or(0, Vec::len));
        let lines = text.lines().filter(|line| *line != "There are more.").count();
        assert_eq!(lines, items.iter().sum::<usize>().max(1), "{said}: {text}");
        assert_eq!(structured["zone"], "Europe/Berlin", "{said}");
        let now = structured["now"].as_str().unwrap();
        assert!(now.starts_with("2027-03-01T08:0"), "{said}: {now}");
    }
    // The same events as over HTTP, by somebody else.
    let history = server.get("/api/v1/tasks/1/history").await.expect(200);
    let entries = history["entries"].as_array().unwrap();
    let is_task =
        |entry: &&Value| entry["event_type"].as_str().is_some_and(|kind| kind.starts_with("task."));
    assert!(entries.iter().filter(is_task).count() >= 6, "{history}");
    for entry in entries.iter().filter(is_task) {
        assert_eq!(entry["actor"], json!({"kind": "mcp", "id": "dev"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_tools_fit_into_ten_kilobytes_in_both_revisions() {
    let server = Program::start().await;
    let old = ask(&server, "tools/list", json!({})).await["result"].take();
    let meta = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": meta});
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let new = send(&server, message, &headers).await;
    assert!(new.bytes.len() <= 10_240, "{} bytes", new.bytes.len());
    let new = new.expect(200)["result"].take();
    assert_eq!(new["resultType"], "complete");
    assert_eq!(old["tools"], new["tools"]);
    let names: Vec<&str> = old["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    let expected = [
        "add_task",
        "update_task",
        "complete_task",
        "delete_task",
        "list_tasks",
        "sort_tasks",
        "set_reminder",
        "cancel_reminder",
        "list_reminders",
    ];
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_begins_in_either_revision_and_needs_no_memory() {
    let server = Program::start().await;
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let message = json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": hello});
    let answer = send(&server, message, &[]).await;
    assert_eq!(answer.header("mcp-session-id"), "");
    let answer = answer.expect(200);
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(answer["result"]["serverInfo"]["name"], "tickler");
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(send(&server, told, &[]).await.status, 202);
    let meta = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    let message = json!({"jsonrpc": "2.0", "id": 2, "method": "server/discover", "params": meta});
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "server/discover")];
    let found = send(&server, message, &headers).await.expect(200);
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2025-11-25")) && versions.contains(&json!("2026-07-28")));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_hosts_and_origins_are_refused() {
    let secret = "0123456789abcdef0123456789abcdef";
    for env in [&[][..], &[("TICKLER_JWT_SECRET", secret)][..]] {
        let server = Program::start_with(env).await;
        server.get("/mcp").await.expect(405);
        server.delete("/mcp").await.expect(405);
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        for header in [("host", "evil.example"), ("origin", "https://evil.example")] {
            let refused = send(&server, message.clone(), &[header]).await.expect(403);
            assert_eq!(refused["code"], "forbidden-origin");
        }
        let fine = send(&server, message, &[("origin", "http://localhost:3000")]).await;
        assert_eq!(fine.status.as_u16(), if env.is_empty() { 200 } else { 401 });
        if !env.is_empty() {
            let challenge = fine.header("www-authenticate");
            assert!(challenge.contains("/.well-known/oauth-protected-resource/mcp"), "{challenge}");
        }
    }
    let server = Program::start().await;
    let unsupported = server.post_raw("/mcp", "text/plain", b"{}".to_vec()).await.expect(415);
    assert_eq!(unsupported["code"], "unsupported-media-type");
    for params in [json!({}), json!({"name": "add_task", "arguments": "title"})] {
        let answer = ask(&server, "tools/call", params).await;
        assert_eq!(answer["error"]["code"], -32_602);
    }
    for (body, code) in [("{", -32_700), ("[]", -32_600), ("1", -32_600), (r#"{"id":1}"#, -32_600)]
    {
        let answer = server.post_raw("/mcp", "application/json", body.into()).await.expect(400);
        assert_eq!(answer["error"]["code"], code, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_refused_before_the_tool() {
    let server = Program::start().await;
    let token = json!({"name": "reader", "scopes": ["tasks:read"]});
    let token = server.post("/api/v1/tokens", token).await.expect(201);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let with = [("authorization", bearer.as_str())];
    for (tool, arguments, status) in [
        ("list_tasks", json!({}), 200),
        ("sort_tasks", json!({"sort": "title"}), 200),
        ("sort_tasks", json!({"sort": "title", "save": true}), 403),
        ("list_reminders", json!({}), 200),
        ("add_task", json!({"title": "x"}), 403),
        ("set_priority", json!({"task_id": 1, "priority": "high"}), 403),
        ("delete_reminder", json!({"id": 1}), 403),
    ] {
        let params = json!({"name": tool, "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let answer = send(&server, message, &with).await;
        let challenge = answer.header("www-authenticate").to_owned();
        let body = answer.expect(status);
        if status == 403 {
            assert_eq!(body["code"], "insufficient-scope");
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
            assert!(challenge.contains("scope=\"tasks:write\""), "{challenge}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_a_key_is_answered_again_and_done_once() {
    let server = Program::start().await;
    let add =
        json!({"tasks": [{"title": "Milk"}, {"title": ""}, "Eggs"], "idempotency_key": "a-1"});
    let first = call(&server, "add_task", add.clone()).await;
    let again = call(&server, "add_task", add.clone()).await;
    assert_eq!(first["structuredContent"]["tasks"], again["structuredContent"]["tasks"]);
    assert_eq!(first["structuredContent"]["failures"][0]["index"], 1);
    // The title finds nothing open any more, the repeat is answered all the same.
    let done = json!({"task_id": "milk", "idempotency_key": "c-1"});
    let first = call(&server, "complete_task", done.clone()).await;
    let gone = json!({"task_id": "milk", "idempotency_key": "d-1"});
    let deleted = call(&server, "delete_task", gone.clone()).await;
    for (tool, arguments, before) in
        [("complete_task", done, first), ("delete_task", gone, deleted)]
    {
        let again = call(&server, tool, arguments).await;
        assert_eq!(again["structuredContent"]["tasks"], before["structuredContent"]["tasks"]);
        assert_eq!(again["isError"], before["isError"]);
    }
    // Nor does a task have pending reminders once they are cancelled.
    let tea = json!({"title": "Tea", "due_date": "2030-01-01", "reminders": ["1h", "1d"]});
    call(&server, "add_task", tea).await;
    let cancel = json!({"task_id": "tea", "idempotency_key": "r-1"});
    let first = call(&server, "cancel_reminder", cancel.clone()).await;
    let again = call(&server, "cancel_reminder", cancel).await;
    assert_eq!(first["structuredContent"]["reminders"].as_array().unwrap().len(), 2);
    assert_eq!(first["structuredContent"]["reminders"], again["structuredContent"]["reminders"]);
    let other = json!({"title": "Other", "idempotency_key": "a-1"});
    let reused = call(&server, "add_task", other).await;
    assert_eq!(reused["isError"], true);
    assert_eq!(reused["structuredContent"]["failures"][0]["code"], "idempotency-key-reused");
    let all = server.get("/api/v1/tasks").await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_says_what_it_is_a_list_of() {
    let server = Program::start().await;
    for (asked, said) in [
        (json!({}), "Nothing is overdue or due today."),
        (json!({"view": "open"}), "There are no such tasks."),
    ] {
        let answer = call(&server, "list_tasks", asked).await;
        assert_eq!(answer["content"][0]["text"], said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_order_is_the_manual_order() {
    let server = Program::start().await;
    for title in ["Cherry", "apple", "Banana"] {
        call(&server, "create_task", json!({"title": title})).await;
    }
    let save = json!({"by": "title", "sort_order": "asc", "save": "true", "limit": "1"});
    let shown = call(&server, "sort_tasks", save).await;
    assert_eq!(shown["structuredContent"]["total"], 3);
    assert_eq!(shown["structuredContent"]["count"], 1);
    let order = server.get("/api/v1/tasks?sort=position&order=asc").await.expect(200);
    let titles: Vec<&str> =
        order.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["apple", "Banana", "Cherry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_resources() {
    let server = Program::start().await;
    let made = call(&server, "add_task", json!({"title": "Read me", "description": "all"})).await;
    let task = &made["structuredContent"]["tasks"][0];
    let listed = ask(&server, "resources/list", json!({})).await;
    assert_eq!(listed["result"]["resources"][0]["uri"], "tickler://tasks/today");
    let templates = ask(&server, "resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"][1]["uriTemplate"], "tickler://tasks/{id}");
    for (uri, pointer) in [
        (format!("tickler://tasks/{}", task["task_id"].as_str().unwrap()), "/title"),
        (format!("tickler://tasks/{}", task["number"]), "/title"),
        ("tickler://tasks/no_date".to_owned(), "/tasks/0/title"),
    ] {
        let read = ask(&server, "resources/read", json!({"uri": uri})).await;
        let text = read["result"]["contents"][0]["text"].as_str().expect("a text");
        let whole: Value = serde_json::from_str(text).unwrap();
        assert_eq!(whole.pointer(pointer).unwrap(), "Read me", "{uri}");
    }
    for uri in ["tickler://tasks/nonsense", "tickler://tasks/999", "file:///etc/passwd"] {
        let read = ask(&server, "resources/read", json!({"uri": uri})).await;
        assert_eq!(read["error"]["code"], -32_002, "{uri}");
    }
    let unknown = ask(&server, "tools/call", json!({"name": "drop_tables"})).await;
    assert_eq!(unknown["error"]["code"], -32_602);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_has_at_most_twenty_five_items() {
    let server = Program::start().await;
    let titles = |n: u32| (1..=n).map(|i| json!(format!("Task {i}"))).collect::<Vec<_>>();
    let all = call(&server, "add_task", json!({"tasks": titles(25)})).await;
    assert_eq!(all["structuredContent"]["tasks"].as_array().unwrap().len(), 25);
    assert_eq!(all["content"][0]["text"].as_str().unwrap().lines().count(), 25);
    let too_many = [
        ("add_task", json!({"tasks": titles(26)})),
        ("add_task", json!({"title": "One more", "tasks": titles(25)})),
        ("complete_task", json!({"tasks": (1..=26).collect::<Vec<u32>>()})),
    ];
    for (tool, arguments) in too_many {
        let refused = call(&server, tool, arguments).await;
        assert_eq!(refused["isError"], true);
        assert_eq!(refused["structuredContent"]["failures"][0]["code"], "limit-reached");
    }
    let listed = call(&server, "list_tasks", json!({"view": "open", "limit": "10"})).await;
    let page = &listed["structuredContent"];
    assert_eq!((&page["total"], &page["count"]), (&json!(25), &json!(10)));
    let mut seen = 10;
    let mut cursor = page["next_cursor"].clone();
    while !cursor.is_null() {
        let next = json!({"view": "open", "limit": 10, "cursor": cursor});
        let page = call(&server, "list_tasks", next).await["structuredContent"].take();
        seen += page["count"].as_u64().unwrap();
        cursor = page["next_cursor"].clone();
    }
    assert_eq!(seen, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_documentation_is_true() {
    const PAGE: &str = include_str!("../../../docs/CHATBOTS.md");
    let server = Program::start_with(&[("TICKLER_TEST_CLOCK", "1")]).await;
    let now = json!({"now": "2027-03-01T08:00:00Z"});
    server.call(Method::PUT, "/dev/clock", Some(&now)).await.expect(200);
    server.patch("/api/v1/me", json!({"zone": "Europe/Berlin"})).await.expect(200);
    let (_, example) = PAGE.split_once("## A call by hand").expect("the example");
    let (_, rest) = example.split_once("-d '").expect("a body");
    let (request, rest) = rest.split_once('\'').expect("its end");
    let (_, rest) = rest.split_once("```json").expect("an answer");
    let (answer, _) = rest.split_once("```").expect("its end");
    let request: Value = serde_json::from_str(request).expect("a request");
    let expected: Value = serde_json::from_str(answer).expect("an answer");
    // As curl sends it: no Accept but `*/*`, no version.
    let found = server.post("/mcp", request).await.expect(200);
    let pointers = ["/result/content", "/result/isError", "/result/structuredContent/zone"];
    for pointer in pointers {
        assert_eq!(found.pointer(pointer), expected.pointer(pointer), "{pointer}");
    }
    let task = &found["result"]["structuredContent"]["tasks"][0];
    assert_eq!((&task["number"], &task["status"]), (&json!(1), &json!("pending")));
}

const SECRET: &str = "an HS256 secret of thirty-two bytes or more";

fn bearer(claims: Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    format!("Bearer {}", encode(&Header::default(), &claims, &key).expect("a token"))
}

async fn call_as(server: &Program, bearer: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let mut answer = send(server, message, &[("authorization", bearer)]).await.expect(200);
    let mut result = answer["result"].take();
    result["structuredContent"]["now"].take();
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_task_is_like_an_absent_one_for_every_tool() {
    let server = Program::start_with(&[("TICKLER_JWT_SECRET", SECRET)]).await;
    let user = |name: &str| bearer(json!({"sub": name, "exp": 4_000_000_000_u64}));
    let (ann, bob) = (user("ann"), user("bob"));
    let secret = json!({"title": "Secret", "due_date": "2030-01-01", "reminders": ["1h"]});
    let made = call_as(&server, &ann, "add_task", secret).await;
    let task = made["structuredContent"]["tasks"][0]["task_id"].as_str().unwrap().to_owned();
    let set = call_as(&server, &ann, "list_reminders", json!({})).await;
    let reminder = &set["structuredContent"]["reminders"][0]["reminder_id"];
    let reminder = reminder.as_str().unwrap().to_owned();
    let absent = "00000000-0000-4000-8000-000000000000";
    let about = |task: &str, reminder: &str| {
        vec![
            ("update_task", json!({"task_id": task, "title": "x"})),
            ("update_task", json!({"updates": [{"task_id": task, "add_tags": "x"}]})),
            ("complete_task", json!({"task_id": task})),
            ("complete_task", json!({"tasks": [task], "undo": true})),
            ("complete_task", json!({"task_id": task, "skip": true})),
            ("delete_task", json!({"task_id": task})),
            ("delete_task", json!({"task_id": task, "undo": true})),
            ("set_reminder", json!({"task_id": task, "lead_time": "2h"})),
            ("set_reminder", json!({"task_id": task, "snooze_minutes": 5})),
            ("set_reminder", json!({"reminder_id": reminder, "lead_time": "2h"})),
            ("set_reminder", json!({"reminder_id": reminder, "snooze_minutes": 5})),
            ("cancel_reminder", json!({"reminder_id": reminder})),
            ("cancel_reminder", json!({"reminders": [reminder]})),
            ("list_reminders", json!({"task_id": task})),
        ]
    };
    for (foreign, unknown) in about(&task, &reminder).into_iter().zip(about(absent, absent)) {
        let (tool, arguments) = foreign;
        let theirs = call_as(&server, &bob, tool, arguments.clone()).await.to_string();
        let nobodys = call_as(&server, &bob, tool, unknown.1).await.to_string();
        assert_eq!(theirs.replace(&task, absent), nobodys, "{tool} {arguments}");
        // A filter that names nobody's task finds nothing.
        let said = if tool == "list_reminders" { "\"count\":0" } else { "not-found" };
        assert!(theirs.contains(said), "{tool} {arguments}: {theirs}");
    }
    for (tool, arguments) in [("list_tasks", json!({"view": "all"})), ("list_reminders", json!({}))]
    {
        let listed = call_as(&server, &bob, tool, arguments).await;
        assert_eq!(listed["structuredContent"]["count"], 0, "{tool}");
    }
    let unmoved = call_as(&server, &ann, "list_tasks", json!({"view": "open"})).await;
    assert_eq!(unmoved["structuredContent"]["tasks"], made["structuredContent"]["tasks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_is_an_audience_of_its_own() {
    let server = Program::start_with(&[
        ("TICKLER_JWT_SECRET", SECRET),
        ("TICKLER_JWT_AUDIENCE", "todo"),
        ("TICKLER_PUBLIC_URL", "https://todo.example"),
    ])
    .await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for (audience, mcp, api) in
        [("todo", 200, 200), ("https://todo.example/mcp", 200, 401), ("other", 401, 401)]
    {
        let claims = json!({"sub": "ann", "exp": 4_000_000_000_u64, "aud": audience});
        let bearer = bearer(claims);
        let with = [("authorization", bearer.as_str())];
        assert_eq!(send(&server, list.clone(), &with).await.status, mcp, "{audience}");
        let tasks = server.call_with(Method::GET, "/api/v1/tasks", None, &with).await.unwrap();
        assert_eq!(tasks.status, api, "{audience}");
    }
}
