//! The program's commands, their output and their exit codes.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use serde_json::Value;

use crate::program;

fn tickler(args: &[&str], vars: &[(&str, &str)], input: &str) -> Output {
    let mut child = program::tickler()
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
        (&["completions", "bash"], &[], "", 0, "_tickler"),
        (&["completions", "zsh"], &[], "", 0, "#compdef tickler"),
        (&["completions", "tcsh"], &[], "", 2, ""),
        (&["export", "--all", "--user", "ann"], &[], "", 2, ""),
        (&["export", "--all", "--format", "ics"], &[], "", 2, ""),
        (&["export", "--format", "xml"], &[], "", 2, ""),
        (&["export", "--url", "http://127.0.0.1:9"], &[], "", 3, ""),
        (&["export", "--data", "/dev/null/x"], &[], "", 3, ""),
        (&["import"], &[], "", 2, ""),
        (&["import", "/nonexistent.ics"], &[], "", 3, ""),
        (&["import", "-", "--mode", "some"], &[], "", 2, ""),
        (&["token", "create"], &[], "", 2, ""),
        (&["token", "create", "--user", "ann", "--scope", "all"], &[], "", 2, ""),
        (&["token", "create", "--user", "ann", "--expires", "366"], &[], "", 2, ""),
        (&["token", "list", "--user", "ann", "--data", "/dev/null/x"], &[], "", 3, ""),
    ] {
        let ended = tickler(args, vars, input);
        let (out, err) = (ended.stdout, String::from_utf8_lossy(&ended.stderr).into_owned());
        let out = String::from_utf8_lossy(&out).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{args:?} {vars:?}: {out}{err}");
        assert!(out.contains(stdout), "{args:?}: {out}");
        assert_eq!(err.is_empty(), code < 2, "{args:?}: {err}");
    }
    for (args, named) in [
        (&["token", "create", "--user", "ann", "--scope", "all"][..], "--scope"),
        (&["export", "--format", "xml"], "--format"),
        (&["--bind", "nowhere"], "--bind"),
    ] {
        let err = String::from_utf8_lossy(&tickler(args, &[], "").stderr).into_owned();
        assert!(err.contains(named), "{args:?}: {err}");
    }
    let unknown = tickler(&[], &[("TICKLER_COLOUR", "red")], "");
    let line = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(line, "tickler: TICKLER_COLOUR: there is no such variable\n");
}

#[tokio::test]
async fn health_asks_the_server_and_log_lines_are_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a path").to_owned();
    let mut child = program::tickler()
        .args(["--bind", "127.0.0.1:0", "--log-format", "json", "--data", &data])
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

#[test]
fn a_server_that_is_named_needs_no_folder() {
    let asked = ["export", "--url", "http://127.0.0.1:9"];
    let ended = program::tickler().args(asked).env_clear().output().expect("tickler starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("http://127.0.0.1:9 does not answer: Connection refused"), "{said}");
}

/// What a command on a folder says: its exit, stdout, stderr.
fn on(folder: &std::path::Path, args: &[&str], input: &str) -> (i32, String, String) {
    let data = folder.to_str().expect("a path");
    let ended = tickler(&[args, &["--data", data]].concat(), &[], input);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code().expect("a code"), text(&ended.stdout), text(&ended.stderr))
}

const TWO: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:1\r\nSUMMARY:Milk\r\nEND:VTODO\r\n\
    BEGIN:VTODO\r\nUID:2\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";

#[test]
fn a_folder_goes_out_and_comes_in_without_a_server() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (args, code, said) in [
        (
            &["import", "-", "--dry-run"][..],
            1,
            "dev: 1 created, 0 updated, 0 skipped, 1 failed (dry run)\n",
        ),
        (&["import", "-"], 1, "dev: 1 created, 0 updated, 0 skipped, 1 failed\n"),
        (&["import", "-", "--user", "ann"], 1, "ann: 1 created, 0 updated, 0 skipped, 1 failed\n"),
        (
            &["import", "-", "--mode", "replace"],
            1,
            "dev: 0 created, 0 updated, 1 skipped, 1 failed\n",
        ),
    ] {
        let (exit, out, err) = on(one.path(), args, TWO);
        assert_eq!((exit, out.as_str()), (code, said), "{args:?}: {err}");
        assert_eq!(err, "line 7: invalid: The VTODO has no SUMMARY.\n", "nothing but what failed");
    }
    let (exit, calendar, _) = on(one.path(), &["export", "--format", "ics"], "");
    assert_eq!((exit, calendar.matches("BEGIN:VTODO").count()), (0, 1));
    let file = two.path().join("all.jsonl");
    let path = file.to_str().unwrap();
    let (exit, out, err) = on(one.path(), &["export", "--all", "--output", path], "");
    assert_eq!((exit, out.as_str(), err.as_str()), (0, "", ""), "no terminal, no progress");
    let all = std::fs::read_to_string(&file).unwrap();
    assert_eq!(all.matches("\"kind\":\"header\"").count(), 2);
    let (exit, out, err) = on(two.path(), &["import", path], "");
    assert_eq!(exit, 0, "{err}");
    for user in ["ann", "dev"] {
        assert!(out.contains(&format!("{user}: 1 created, 0 updated, ")), "{out}");
    }
    let cut = all.lines().take(3).collect::<Vec<_>>().join("\n");
    assert_eq!(on(two.path(), &["import", "-", "--user", "ann"], &cut).0, 1, "it was cut off");
    assert_eq!(on(two.path(), &["import", path, "--user", "eve"], "").0, 1, "none of hers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_is_asked_as_whoever_has_its_folder() {
    let secret = ("TICKLER_JWT_SECRET", "0123456789abcdef0123456789abcdef");
    let server = crate::program::Program::start_with(&[secret]).await;
    if server.is_deployed() {
        return;
    }
    let folder = server.data_dir().to_owned();
    let say = |args: &[&str], input: &str| on(&folder, args, input);
    let (exit, out, err) = say(&["import", "-", "--user", "ann"], TWO);
    assert_eq!(
        (exit, out.as_str()),
        (1, "ann: 1 created, 0 updated, 0 skipped, 1 failed\n"),
        "{err}"
    );
    // This waits until the views, which know everybody, have seen what came in.
    assert_eq!(say(&["export", "--user", "ann"], "").0, 0);
    let (exit, out, err) = say(&["export", "--all"], "");
    assert_eq!((exit, out.matches("Milk").count()), (0, 1), "{err}");
    assert_eq!(say(&["export"], "").0, 2, "nobody is named");
    let (_, listed, _) = say(&["token", "list", "--user", "ann"], "");
    assert_eq!(listed, "", "what the command made for itself is gone");

    let (exit, token, err) = say(&["token", "create", "--user", "ann", "--name", "laptop"], "");
    assert_eq!(exit, 0, "{err}");
    let token = token.trim();
    assert!(token.starts_with("tkl_"), "{token}");
    let (exit, out, err) = say(&["export", "--token", token, "--format", "ics"], "");
    assert_eq!((exit, out.matches("SUMMARY:Milk").count()), (0, 1), "{err}");
    let (_, listed, _) = say(&["token", "list", "--user", "ann"], "");
    let fields: Vec<&str> = listed.trim().split('\t').collect();
    assert_eq!(&fields[1..3], ["laptop", "tasks:read tasks:write"]);
    assert_eq!(say(&["token", "revoke", fields[0], "--user", "eve"], "").0, 1, "it is not hers");
    assert_eq!(say(&["token", "revoke", fields[0], "--user", "ann"], "").0, 0);
    let (exit, _, err) = say(&["export", "--token", token], "");
    assert_eq!(exit, 1, "{err}");
}

#[test]
fn the_manual_names_every_variable() {
    let manual = tickler(&["--help"], &[], "").stdout;
    let manual = String::from_utf8_lossy(&manual).into_owned();
    for name in gateway::cli::VARIABLES {
        assert!(manual.contains(name), "{name}");
    }
    assert!(manual.lines().all(|line| line.chars().count() <= 100));
    for words in ["export", "import", "token", "completions", "Exit codes:", "unavailable"] {
        assert!(manual.contains(words), "{words}");
    }
}
