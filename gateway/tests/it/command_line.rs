//! The program's commands, their output and their exit codes.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn tickler(args: &[&str], vars: &[(&str, &str)], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tickler"))
        .args(args)
        .env_clear()
        .env("HOME", "/nonexistent")
        .envs(vars.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tickler starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that reads nothing may have closed its end.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("tickler ends")
}

#[test]
fn each_command_ends_with_its_code() {
    let rule = r#"{"dtstart":"2026-11-21","zone":null,"rule":"weekly","limit":2}"#;
    for (args, vars, input, code, stdout) in [
        (&["version"][..], &[][..], "", 0, "tickler 0.1.0"),
        (&["--help"], &[], "", 0, "TICKLER_BIND"),
        (&["expand"], &[], rule, 0, "2026-11-28"),
        (&["expand"], &[], "{}", 1, "urn:tickler:problem:"),
        (&["expand"], &[], "{", 1, "urn:tickler:problem:malformed"),
        (&["parse"], &[], r#"{"text":"call mum tomorrow"}"#, 0, "call mum"),
        (&["parse"], &[], r#"{"text":""}"#, 1, "urn:tickler:problem:invalid"),
        (&["explode"], &[], "", 2, ""),
        (&["--bind"], &[], "", 2, ""),
        (&["--bind", "nowhere"], &[], "", 2, ""),
        (&[], &[("TICKLER_COLOUR", "red")], "", 2, ""),
        (&["serve", "--runtime", "cloud"], &[], "", 2, ""),
        (&["--data", "/dev/null/x"], &[], "", 3, ""),
        (&["health", "--url", "http://127.0.0.1:9"], &[], "", 3, ""),
    ] {
        let ended = tickler(args, vars, input);
        let (out, err) = (ended.stdout, String::from_utf8_lossy(&ended.stderr).into_owned());
        let out = String::from_utf8_lossy(&out).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{args:?} {vars:?}: {out}{err}");
        assert!(out.contains(stdout), "{args:?}: {out}");
        assert_eq!(err.is_empty(), code < 2, "{args:?}: {err}");
    }
    let unknown = tickler(&[], &[("TICKLER_COLOUR", "red")], "");
    let line = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(line, "tickler: TICKLER_COLOUR: there is no such variable\n");
}

#[tokio::test]
async fn health_asks_the_server_and_log_lines_are_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a path").to_owned();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tickler"))
        .args(["--bind", "127.0.0.1:0", "--log-format", "json", "--data", &data])
        .env_remove("TICKLER_KILLS")
        .env_remove("TICKLER_SEED")
        .stdout(Stdio::piped())
        .spawn()
        .expect("tickler starts");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("a pipe")));
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("a JSON line")
    };
    let said = next();
    let said = said["msg"].as_str().expect("a message").to_owned();
    let url = said.split_whitespace().find(|word| word.starts_with("http://"));
    let url = url.expect("the address").trim_end_matches(',').to_owned();
    assert!(said.contains(&data), "{said}");
    assert!(next()["msg"].as_str().is_some_and(|msg| msg.starts_with("dev mode:")));
    let healthy = tokio::task::spawn_blocking({
        let url = url.clone();
        move || tickler(&["health", "--url", &url], &[], "")
    });
    assert_eq!(healthy.await.expect("it ends").status.code(), Some(0));
    let request = loop {
        let line = next();
        if line["msg"] == "request" {
            break line;
        }
    };
    for (name, value) in [("level", "info"), ("method", "GET"), ("route", "/ready")] {
        assert_eq!(request[name], value, "{request}");
    }
    assert_eq!(request["trace_id"].as_str().map(str::len), Some(32));
    assert!(request["ts"].as_str().is_some_and(|ts| ts.ends_with('Z')));
    let asked = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(asked.is_ok_and(|asked| asked.success()));
    let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("it ends");
    assert_eq!(ended.expect("a status").code(), Some(0), "SIGTERM is a graceful stop");
}
