//! Chat with a provider: what is said becomes tasks, conversations are kept, and what fails can be said again.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::sync::Semaphore;

use crate::{
    assistant::{Answer, Assistant, STREAM, delta, events},
    program::Program,
    server::{Got, Running},
};

const KEY: &str = "sk-PlantedSecret-0123456789";

/// A server in dev mode with this provider.
async fn server(assistant: &Assistant) -> Running {
    Running::with(&[
        ("TICKLER_CHAT_URL", &assistant.url()),
        ("TICKLER_CHAT_MODEL", "m-1"),
        ("TICKLER_CHAT_KEY", KEY),
    ])
    .await
}

async fn say(server: &Running, message: &str, conversation: Option<&str>) -> Got {
    let body = json!({"message": message, "conversation_id": conversation});
    server.send("POST", "/api/v1/chat", body).await
}

async fn titles(server: &Running) -> Vec<String> {
    let got = server.get("/api/v1/tasks?sort=created_at&order=asc").await.is(200).body;
    let tasks = got.as_array().unwrap().iter();
    tasks.map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

/// The program itself, with all that it logs.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_made_by_talking_and_the_conversation_is_kept() {
    let assistant = Assistant::start().await;
    let program = Program::start_with(&[
        ("TICKLER_CHAT_URL", &assistant.url()),
        ("TICKLER_CHAT_MODEL", "m-1"),
        ("OPENAI_API_KEY", KEY),
        ("TICKLER_LOG_LEVEL", "trace"),
    ])
    .await;
    if program.is_deployed() {
        return;
    }
    let arguments = json!({"title": "Call Ann", "due_date": "tomorrow 5pm", "reminders": ["1h"]});
    let done = "Done: #1 “Call Ann”, tomorrow at 17:00.";
    assistant.then([Answer::calls(&[("add_task", arguments.clone())]), Answer::says(done)]);
    let body = json!({"message": "  Remind me to\ncall Ann tomorrow at 5  "});
    let said = program.post("/api/v1/chat", body).await.expect(200);
    let id = said["conversation_id"].as_str().unwrap().to_owned();
    let call = &said["tool_calls"][0];
    assert_eq!((&said["response"], &call["name"]), (&json!(done), &json!("add_task")));
    assert_eq!((&call["arguments"], &call["ok"]), (&arguments, &json!(true)));
    assert_eq!(call["result"]["tasks"][0]["title"], "Call Ann");
    let tasks = program.get("/api/v1/tasks").await.expect(200);
    assert_eq!((&tasks[0]["title"], tasks.as_array().unwrap().len()), (&json!("Call Ann"), 1));
    let trail = program.get("/api/v1/audit?event_type=task.created").await.expect(200);
    assert_eq!(trail["entries"][0]["payload"]["actor"]["kind"], "chat", "{trail}");

    let [asked, told] = <[_; 2]>::try_from(assistant.requests()).ok().unwrap();
    assert_eq!(
        (&*asked.path, asked.header("authorization")),
        ("/v1/chat/completions", &*format!("Bearer {KEY}"))
    );
    assert_eq!((&asked.body["model"], &asked.body["stream"]), (&json!("m-1"), &json!(true)));
    let tools = asked.body["tools"].as_array().unwrap();
    assert_eq!((tools.len(), &tools[0]["function"]["name"]), (9, &json!("add_task")));
    let system = asked.messages("system")[0]["content"].as_str().unwrap().to_owned();
    assert!(system.contains("UTC") && system.contains("never instructions"), "{system}");
    assert_eq!(asked.messages("user")[0]["content"], "Remind me to\ncall Ann tomorrow at 5");
    let result = told.messages("tool")[0];
    let asked_for = &told.messages("assistant")[0]["tool_calls"][0];
    assert_eq!(asked_for["id"], result["tool_call_id"]);
    assert!(result["content"].as_str().unwrap().contains("Call Ann"));

    assistant.then([Answer::says("You are welcome.")]);
    let body = json!({"message": "Thanks", "conversation_id": id});
    program.post("/api/v1/chat", body).await.expect(200);
    let third = assistant.requests().remove(0);
    assert_eq!(third.messages("user").len(), 2, "what was said before is told again");
    assert_eq!(third.messages("assistant")[1]["content"], done);

    let list = program.get("/api/v1/chat/conversations").await.expect(200);
    assert_eq!(list["conversations"][0]["title"], "Remind me to call Ann tomorrow at 5");
    assert_eq!((&list["conversations"][0]["id"], &list["next_cursor"]), (&json!(id), &Value::Null));
    let path = format!("/api/v1/chat/conversations/{id}");
    let whole = program.get(&path).await.expect(200);
    let messages = whole["messages"].as_array().unwrap();
    let roles: Vec<&Value> = messages.iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    assert_eq!(messages[1]["tool_calls"], said["tool_calls"]);
    assert_eq!((&messages[1]["content"], &messages[0]["tool_calls"]), (&json!(done), &json!([])));
    program.delete(&path).await.expect(204);
    program.get(&path).await.expect(404);
    program.delete(&path).await.expect(404);
    let again = json!({"message": "Hello?", "conversation_id": id});
    program.post("/api/v1/chat", again).await.expect(404);
    let log = program.log();
    assert!(log.contains("/api/v1/chat"), "the log was looked at: {log}");
    assert!(!log.contains(KEY) && !log.contains("Call Ann"), "{log}");
}

#[tokio::test]
async fn a_stream_tells_what_happens_as_it_happens_however_it_is_cut() {
    for bytes in [1, 2, 7, 100, 100_000] {
        let assistant = Assistant::start().await;
        let server = server(&assistant).await;
        let calls =
            [("add_task", json!({"title": "Brötchen"})), ("add_task", json!({"title": "b"}))];
        assistant.then([
            Answer::calls_after("Ich schreibe es auf …", &calls).in_pieces_of(bytes),
            Answer::says("Fertig: „Brötchen“ und b. ✓").in_pieces_of(bytes),
        ]);
        let body = json!({"message": "Brötchen und b"});
        let call = server.call("POST", "/api/v1/chat").header(STREAM.0, STREAM.1).json(&body);
        let got = call.send().await.is(200);
        assert!(got.header("content-type").starts_with("text/event-stream"));
        let events = events(&got.text);
        let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        let tool = ["tool_start", "tool_end"];
        let expected = [&["meta", "delta"][..], &tool, &tool, &["delta", "done"]].concat();
        assert_eq!(names, expected);
        let deltas = events.iter().filter(|(name, _)| name == "delta");
        let text: String = deltas.map(|(_, data)| data["text"].as_str().unwrap()).collect();
        let done = &events.last().unwrap().1;
        assert_eq!(text, "Ich schreibe es auf …\n\nFertig: „Brötchen“ und b. ✓");
        assert_eq!(done["response"], text);
        assert_eq!(done["tool_calls"][1]["result"]["tasks"][0]["title"], "b");
        assert_eq!(done["conversation_id"], events[0].1["conversation_id"]);
        let ends: Vec<&Value> =
            events.iter().filter(|(name, _)| name == "tool_end").map(|(_, data)| data).collect();
        assert_eq!(
            (&ends[1]["index"], &ends[1]["name"], &ends[1]["ok"]),
            (&json!(1), &json!("add_task"), &json!(true))
        );
        assert_eq!(titles(&server).await, ["Brötchen", "b"]);
    }
}

#[tokio::test]
async fn what_broke_off_goes_on_and_nothing_is_done_twice() {
    let assistant = Assistant::start().await;
    let server = server(&assistant).await;
    let add = |title: &str| Answer::calls(&[("add_task", json!({ "title": title }))]);
    let lost = || Answer::says("This is never heard to its end").broken_off_after(120);
    // Under a key: the same request.
    let body = json!({"message": "milk"});
    let keyed = async |body: &Value| {
        let call = server.call("POST", "/api/v1/chat").header("idempotency-key", "k-1");
        call.json(body).send().await
    };
    assistant.then([add("milk"), lost()]);
    let failed = keyed(&body).await.problem(503, "chat-unavailable");
    let id = failed.str("conversation_id").to_owned();
    let path = format!("/api/v1/chat/conversations/{id}");
    let kept = server.get(&path).await.is(200).body;
    assert_eq!(kept["messages"][0]["content"], "milk");
    assert_eq!(kept["messages"][1]["tool_calls"][0]["ok"], true, "what was done is kept");
    assistant.then([Answer::says("Milk it is.")]);
    let done = keyed(&body).await.is(200);
    assert_eq!((done.str("conversation_id"), done.str("response")), (&*id, "Milk it is."));
    assert_eq!(done.header("idempotent-replayed"), "");
    let again = keyed(&body).await.is(200);
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &done.body));
    let stream = server.call("POST", "/api/v1/chat").header("idempotency-key", "k-1");
    let stream = stream.header(STREAM.0, STREAM.1).json(&body).send().await.is(200);
    let names: Vec<String> = events(&stream.text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["meta", "tool_start", "tool_end", "delta", "done"]);
    assert_eq!(assistant.requests().len(), 3, "an answer that was given is not asked for again");
    // Without: the same words in the same conversation.
    assistant.then([add("bread"), lost(), Answer::says("Bread it is.")]);
    say(&server, "bread", Some(&id)).await.problem(503, "chat-unavailable");
    say(&server, "bread", Some(&id)).await.is(200);
    let whole = server.get(&path).await.is(200).body;
    assert_eq!(whole["messages"].as_array().unwrap().len(), 4, "{whole}");
    // Without anything: the same words at the beginning of a conversation.
    assistant.then([add("eggs"), lost(), Answer::says("Eggs it is.")]);
    let first = say(&server, "eggs", None).await.problem(503, "chat-unavailable");
    let again = say(&server, "eggs", None).await.is(200);
    assert_eq!(again.str("conversation_id"), first.str("conversation_id"));
    assert_eq!(titles(&server).await, ["milk", "bread", "eggs"]);
    // What was answered is not a repeat.
    assistant.then([Answer::says("More eggs?")]);
    let other = say(&server, "eggs", None).await.is(200);
    assert_ne!(other.str("conversation_id"), first.str("conversation_id"));
    let list = server.get("/api/v1/chat/conversations").await.is(200).body;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 3);
}

/// Killed after a tool was called, and before that was written down: the worst moment there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_does_nothing_twice() {
    let assistant = Assistant::start().await;
    let mut program = Program::start_with(&[("TICKLER_CHAT_URL", &assistant.url())]).await;
    if program.is_deployed() {
        return;
    }
    let gate = Arc::new(Semaphore::new(0));
    let add = Answer::calls(&[("add_task", json!({"title": "milk"}))]);
    assistant.then([add, Answer::says("Never heard.").after(&gate)]);
    let (body, key) = (json!({"message": "milk"}), [("idempotency-key", "k")]);
    let cut = program.call_with(Method::POST, "/api/v1/chat", Some(&body), &key);
    tokio::select! {
        answer = cut => panic!("{answer:?}"),
        () = assistant.asked(2) => {}
    }
    program.kill();
    let url = format!("sqlite:{}", program.data_dir().join("views.sqlite").display());
    let mut views = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let forget =
        "UPDATE turn SET calls = json_set(calls, '$[0].result', NULL, '$[0].ok', json('false'))";
    let forgotten = sqlx::query(forget).execute(&mut views).await.unwrap();
    assert_eq!(forgotten.rows_affected(), 1);
    views.close().await.unwrap();
    program.start_again();
    assistant.then([Answer::says("Milk it is.")]);
    let again = program.call_with(Method::POST, "/api/v1/chat", Some(&body), &key).await.unwrap();
    let done = again.expect(200);
    assert_eq!(
        (&done["response"], &done["tool_calls"][0]["ok"]),
        (&json!("Milk it is."), &json!(true))
    );
    assert_eq!(done["tool_calls"][0]["result"]["tasks"][0]["number"], 1);
    assert_eq!(program.get("/api/v1/tasks").await.header("x-total-count"), "1");
}

#[tokio::test]
async fn one_message_at_a_time_is_answered_in_a_conversation() {
    let assistant = Assistant::start().await;
    let server = Arc::new(server(&assistant).await);
    assistant.then([Answer::says("Hello.")]);
    let first = say(&server, "Hello", None).await.is(200);
    let id = first.str("conversation_id").to_owned();
    let gate = Arc::new(Semaphore::new(0));
    assistant.then([Answer::says("Slowly.").after(&gate)]);
    let slow = {
        let (server, id) = (server.clone(), id.clone());
        tokio::spawn(async move { say(&server, "Slow?", Some(&id)).await })
    };
    assistant.asked(2).await;
    let busy = say(&server, "Fast?", Some(&id)).await.problem(429, "busy");
    assert!(busy.header("retry-after").parse::<u32>().is_ok());
    gate.add_permits(1);
    assert_eq!(slow.await.unwrap().is(200).str("response"), "Slowly.");
    assistant.then([Answer::says("Now.")]);
    say(&server, "Fast?", Some(&id)).await.is(200);
    // A conversation that is deleted while it is answered is gone.
    assistant.then([Answer::says("Nobody hears this.").after(&gate)]);
    let deleted = {
        let (server, id) = (server.clone(), id.clone());
        tokio::spawn(async move { say(&server, "Still there?", Some(&id)).await })
    };
    assistant.asked(4).await;
    let path = format!("/api/v1/chat/conversations/{id}");
    server.call("DELETE", &path).send().await.is(204);
    gate.add_permits(1);
    deleted.await.unwrap().problem(404, "not-found");
    server.get(&path).await.problem(404, "not-found");
}

#[tokio::test]
async fn four_messages_of_a_user_are_answered_at_once() {
    let assistant = Assistant::start().await;
    let server = Arc::new(server(&assistant).await);
    let gate = Arc::new(Semaphore::new(0));
    assistant.always(Answer::says("Yes.").after(&gate));
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..4 {
        let server = server.clone();
        calls.spawn(async move { say(&server, &format!("{n}"), None).await });
    }
    assistant.asked(4).await;
    say(&server, "5", None).await.problem(429, "busy");
    let list = server.get("/api/v1/chat/conversations").await.is(200).body;
    assert_eq!(
        list["conversations"].as_array().unwrap().len(),
        4,
        "what was refused leaves nothing"
    );
    gate.add_permits(5);
    for got in calls.join_all().await {
        got.is(200);
    }
    say(&server, "5", None).await.is(200);
}

#[tokio::test]
async fn a_client_who_leaves_does_not_cut_its_turn_short() {
    let assistant = Assistant::start().await;
    let server = server(&assistant).await;
    let gate = Arc::new(Semaphore::new(0));
    let add = Answer::calls(&[("add_task", json!({"title": "a"}))]).after(&gate);
    assistant.then([add, Answer::says("Done.")]);
    let left =
        tokio::time::timeout(std::time::Duration::from_millis(300), say(&server, "Add a", None));
    assert!(left.await.is_err());
    gate.add_permits(1);
    assistant.asked(2).await;
    let mut messages = Vec::new();
    for _ in 0..250 {
        let list = server.get("/api/v1/chat/conversations").await.is(200).body;
        let id = list["conversations"][0]["id"].as_str().unwrap();
        let whole = server.get(&format!("/api/v1/chat/conversations/{id}")).await.is(200).body;
        messages = whole["messages"].as_array().unwrap().clone();
        if messages.last().unwrap()["content"] == "Done." {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(messages[1]["content"], "Done.");
    assert_eq!(titles(&server).await, ["a"]);
}

#[tokio::test]
async fn conversations_come_in_pages_the_last_one_spoken_in_first() {
    let assistant = Assistant::start().await;
    assistant.always(Answer::says("Yes."));
    let server = server(&assistant).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let said = say(&server, &format!("Number {n}"), None).await.is(200);
        ids.insert(0, said.str("conversation_id").to_owned());
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    say(&server, "Once more", Some(&ids[4])).await.is(200);
    let moved = ids.remove(4);
    ids.insert(0, moved);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/chat/conversations?limit=2&cursor={cursor}");
        let page = server.get(&path).await.is(200).body;
        let list = page["conversations"].as_array().unwrap();
        seen.extend(list.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    server.get("/api/v1/chat/conversations?cursor=x").await.problem(400, "invalid-cursor");
    server.get("/api/v1/chat/conversations?limit=201").await.problem(422, "invalid");
    server.get("/api/v1/chat/conversations?nonsense=1").await.problem(422, "invalid");
}

#[tokio::test]
async fn other_spellings_say_tool_name_too() {
    let assistant = Assistant::start().await;
    let server = server(&assistant).await;
    for path in ["/api/chat", "/api/dev/chat", "/api/v1/chat/dev"] {
        assistant.then([Answer::calls(&[("list_tasks", json!({}))]), Answer::says("Nothing.")]);
        let got = server.send("POST", path, json!({"message": "What is due?", "mood": 1})).await;
        let got = got.is(200);
        assert_eq!(got.header("tickler-ignored-fields"), "mood", "{path}");
        let call = &got.body["tool_calls"][0];
        assert_eq!(
            (&call["tool_name"], &call["name"]),
            (&json!("list_tasks"), &json!("list_tasks"))
        );
        let id = got.str("conversation_id");
        for path in ["/api/chat/conversations", "/api/dev/conversations"] {
            let list = server.get(path).await.is(200).body;
            assert_eq!(list["conversations"][0]["id"], id);
            let whole = server.get(&format!("{path}/{id}")).await.is(200).body;
            assert_eq!(whole["messages"][1]["tool_calls"][0]["tool_name"], "list_tasks");
        }
    }
    assistant.then([Answer::calls(&[("list_tasks", json!({}))]), Answer::says("Nothing.")]);
    let call = server.call("POST", "/api/dev/chat").header(STREAM.0, STREAM.1);
    let got = call.json(&json!({"message": "And now?"})).send().await.is(200);
    let events = events(&got.text);
    let start = events.iter().find(|(name, _)| name == "tool_start").unwrap();
    assert_eq!(start.1["tool_name"], "list_tasks");
    assert_eq!(events.last().unwrap().1["tool_calls"][0]["tool_name"], "list_tasks");
    server.send("POST", "/api/ann/chat", json!({"message": "a"})).await.problem(403, "wrong-user");
}

#[tokio::test]
async fn what_a_model_asks_for_wrongly_is_told_to_it_and_done_to_nobody() {
    let assistant = Assistant::start().await;
    let server = server(&assistant).await;
    let calls = [
        ("rm_rf", json!({"path": "/"})),
        ("add_task", json!("{\"title\": ")),
        ("add_task", json!([1])),
        ("add_task", json!({"colour": "red", "title": "a"})),
        ("complete_task", json!({"task_id": 7})),
        ("add_task", json!({"title": "b", "user_id": "ann"})),
        ("add_task", json!({"title": "good", "idempotency_key": "mine"})),
        ("add_task", json!({"title": "good too", "idempotency_key": "mine"})),
    ];
    assistant.then([Answer::calls(&calls), Answer::says("Two were done.")]);
    let got = say(&server, "Do it all", None).await.is(200);
    let codes: Vec<&str> = got.body["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| match call["ok"].as_bool().unwrap() {
            true => "done",
            false => call["result"]["failures"][0]["code"].as_str().unwrap(),
        })
        .collect();
    let invalid = "invalid";
    assert_eq!(
        codes,
        ["not-found", invalid, invalid, invalid, "not-found", "wrong-user", "done", "done"]
    );
    let told = assistant.requests().remove(1);
    assert!(told.messages("tool")[0]["content"].as_str().unwrap().contains("There is no tool"));
    assert_eq!(titles(&server).await, ["good", "good too"]);
    // More than are carried out at once.
    let many: Vec<(&str, Value)> =
        (0..20).map(|n| ("add_task", json!({"title": format!("n{n}")}))).collect();
    assistant.then([Answer::calls(&many), Answer::says("Sixteen.")]);
    let got = say(&server, "Twenty", None).await.is(200);
    let calls = got.body["tool_calls"].as_array().unwrap();
    assert_eq!(
        (calls.len(), &calls[15]["ok"], &calls[16]["ok"]),
        (17, &json!(true), &json!(false))
    );
    assert_eq!(titles(&server).await.len(), 18);
}

#[tokio::test]
async fn a_model_that_never_stops_is_stopped() {
    let assistant = Assistant::start().await;
    let server = server(&assistant).await;
    assistant.always(Answer::calls_after("Again. ", &[("list_tasks", json!({}))]));
    let got = say(&server, "Go on", None).await.is(200);
    let requests = assistant.requests();
    assert_eq!((requests.len(), got.body["tool_calls"].as_array().unwrap().len()), (8, 7));
    assert_eq!(
        (&requests[6].body["tool_choice"], &requests[7].body["tool_choice"]),
        (&json!("auto"), &json!("none"))
    );
    // One that talks without end is cut off.
    let chunks: Vec<Value> =
        (0..500).map(|_| delta(json!({"content": "x".repeat(1_000)}))).collect();
    assistant.always(Answer::events(&chunks));
    let got = say(&server, "Talk", None).await.is(200);
    assert!((32_000..33_000).contains(&got.str("response").len()), "{}", got.str("response").len());
}
