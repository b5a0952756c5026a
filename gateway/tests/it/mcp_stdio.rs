//! `tickler mcp`, as a chatbot that starts its tools itself meets it.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::{Value, json};

use crate::program::{Program, tickler};

/// Runs it on a folder, says these lines, and waits for its end.
fn speak(folder: &Path, arguments: &[&str], lines: &[Value]) -> Output {
    let mut command = tickler();
    command.arg("mcp").args(arguments).arg("--data").arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("tickler starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    for line in lines {
        // One that refused to start has closed its end.
        let _ = writeln!(stdin, "{line}");
    }
    drop(stdin);
    child.wait_with_output().expect("it ends when stdin does")
}

/// What it said: every line of stdout is a message.
fn messages(output: &Output) -> Vec<Value> {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    said.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn session(title: &str) -> Vec<Value> {
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let add = json!({"name": "add_task", "arguments": {"title": title}});
    let all = json!({"name": "list_tasks", "arguments": {"view": "all"}});
    vec![
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": add}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": all}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_the_folder_and_keeps_what_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for count in 1..=2 {
        let output = speak(folder.path(), &[], &session("Milk"));
        let messages = messages(&output);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert_eq!(messages[0]["result"]["protocolVersion"], "2025-11-25");
        assert_eq!(messages[1]["id"], "two");
        assert_eq!(messages[2]["result"]["structuredContent"]["total"], count);
    }
    // Another user sees none of it.
    let output = speak(folder.path(), &["--user", "ann"], &session("Eggs"));
    assert_eq!(messages(&output)[2]["result"]["structuredContent"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_to_the_server_that_owns_the_folder() {
    let server = Program::start().await;
    if server.is_deployed() {
        return;
    }
    let output = speak(server.data_dir(), &[], &session("Milk"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(messages(&output)[2]["result"]["structuredContent"]["total"], 1);
    let tasks = server.get("/api/v1/tasks").await.expect(200);
    assert_eq!(tasks[0]["title"], "Milk");
    // A bad token is said to the chatbot, as an error of its own request.
    let output = speak(server.data_dir(), &["--token", "nonsense"], &session("Eggs")[..1]);
    let refused = messages(&output);
    assert_eq!(refused[0]["id"], 1);
    assert!(refused[0]["error"]["message"].as_str().unwrap().contains("credential"));
    // It cannot be somebody whom the server would have to believe.
    let output = speak(server.data_dir(), &["--user", "ann"], &session("Eggs"));
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_read_is_answered_too() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [json!("text"), json!({"jsonrpc": "2.0", "id": 1, "method": "no/such"})];
    let output = speak(folder.path(), &[], &lines);
    let messages = messages(&output);
    assert_eq!(messages.last().unwrap()["error"]["code"], -32_601, "{messages:?}");
    let output = speak(folder.path(), &["--url", "http://127.0.0.1:1", "--user", "ann"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let absent = ["--url", "http://127.0.0.1:1"];
    let output = speak(folder.path(), &absent, &session("Milk")[..1]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("does not answer"));
}
