//! What is pure of chat: how answers are read however they come, and what a model is told of before.

use serde_json::{Value, json};

use super::{
    open::title,
    prompt::{self, Tools},
    provider::{Failure, endpoint},
    reply::{Payloads, ROUND_CALLS_MAX, Reply},
    turn::{bounded, is_unanswered},
};
use crate::{
    mcp::Called,
    views::chat::{ToolCall, Turn},
};

fn payloads(bytes: &[u8], cut: usize) -> Vec<String> {
    let mut payloads = Payloads::events();
    for piece in bytes.chunks(cut) {
        payloads.push(piece);
    }
    payloads.end();
    std::iter::from_fn(|| payloads.next()).collect()
}

#[test]
fn events_are_the_same_wherever_they_are_cut() {
    let stream = ": hello\n\nevent: message\ndata: {\"ä\":1}\r\n\r\nid: 7\ndata:{\ndata: }\n\n\n\ndata: [DONE]";
    let whole = ["{\"ä\":1}", "{\n}", "[DONE]"];
    for cut in 1..=stream.len() {
        assert_eq!(payloads(stream.as_bytes(), cut), whole, "pieces of {cut} bytes");
    }
}

/// The text and the calls of an answer in these pieces.
fn read(pieces: &[Value]) -> Result<(String, Vec<(String, Value)>), Failure> {
    let mut reply = Reply::new(1_000);
    let mut said = String::new();
    for piece in pieces {
        let chunk = json!({"choices": [{"delta": piece, "finish_reason": null}]});
        said.push_str(&reply.take(&chunk.to_string())?);
    }
    let calls = reply.calls(1).into_iter().map(|call| (call.name, call.arguments)).collect();
    Ok((said, calls))
}

fn piece(index: Option<u64>, id: &str, name: &str, arguments: &str) -> Value {
    let mut call = json!({"function": {"arguments": arguments}});
    if let Some(index) = index {
        call["index"] = json!(index);
    }
    if !id.is_empty() {
        call["id"] = json!(id);
    }
    if !name.is_empty() {
        call["function"]["name"] = json!(name);
    }
    json!({ "tool_calls": [call] })
}

#[test]
fn calls_are_put_together_however_they_are_numbered() {
    let two = vec![("a".to_owned(), json!({"x": 1})), ("b".to_owned(), json!({"y": 2}))];
    let rows = [
        // By index, in turns.
        vec![
            piece(Some(0), "1", "a", ""),
            piece(Some(1), "2", "b", "{\"y\":"),
            piece(Some(0), "", "", "{\"x\":1}"),
            piece(Some(1), "", "", "2}"),
        ],
        // All are number 0, whole, told apart by their ids.
        vec![piece(Some(0), "1", "a", "{\"x\":1}"), piece(Some(0), "2", "b", "{\"y\":2}")],
        // No index; ids.
        vec![
            piece(None, "1", "a", "{\"x\":"),
            piece(None, "1", "a", "1}"),
            piece(None, "2", "b", "{\"y\":2}"),
        ],
        // Nothing but names.
        vec![
            piece(None, "", "a", "{\"x\":"),
            piece(None, "", "", "1}"),
            piece(None, "", "b", "{\"y\":2}"),
        ],
    ];
    for row in rows {
        assert_eq!(read(&row).unwrap().1, two, "{row:?}");
    }
}

#[test]
fn what_a_model_gives_is_made_fit_to_be_sent_back() {
    let whole = json!({"tool_calls": [{"function": {"name": "a", "arguments": {"x": 1}}}]});
    let rows = [
        (piece(Some(0), "1", "a", ""), ("a", json!({}))),
        (piece(Some(0), "1", "a", "{\"x\""), ("a", json!("{\"x\""))),
        (piece(Some(0), "1", "rm -rf /", "{}"), ("rm-rf", json!({}))),
        (piece(Some(0), "1", "", "{}"), ("unknown", json!({}))),
        (whole, ("a", json!({"x": 1}))),
    ];
    for (piece, (name, arguments)) in rows {
        assert_eq!(read(&[piece]).unwrap().1, [(name.to_owned(), arguments)]);
    }
    let many: Vec<Value> = (0..100).map(|n| piece(Some(n), "", "a", "{}")).collect();
    assert_eq!(read(&many).unwrap().1.len(), ROUND_CALLS_MAX + 1);
    let long = piece(Some(0), "1", "a", &"x".repeat(70_000));
    assert_eq!(read(&[long]), Err(Failure::TooLong));
}

#[test]
fn a_text_comes_in_one_piece_or_several_without_control_characters_and_within_bounds() {
    let parts = json!({"content": [{"type": "text", "text": "b"}, {"type": "image"}]});
    let said = read(&[json!({"content": "a\u{0}\n"}), parts, json!({"content": null})]);
    assert_eq!(said.unwrap().0, "a\nb");
    let mut reply = Reply::new(5);
    let chunk = |text: &str| json!({"choices": [{"delta": {"content": text}}]}).to_string();
    assert_eq!(reply.take(&chunk("äää")).unwrap(), "ää…");
    assert!(reply.cut && reply.finished);
}

#[test]
fn what_is_no_answer_is_a_failure() {
    for (payload, failure) in [
        ("{", Failure::Unreadable),
        ("[]", Failure::Unreadable),
        ("<html>", Failure::Unreadable),
        ("{\"error\":{\"message\":\"no\"}}", Failure::Failed),
    ] {
        assert_eq!(Reply::new(9).take(payload), Err(failure), "{payload}");
    }
    for payload in ["{}", "{\"choices\":[]}", "{\"choices\":[{}]}", "{\"error\":null}"] {
        assert_eq!(Reply::new(9).take(payload), Ok(String::new()), "{payload}");
    }
}

#[test]
fn a_provider_is_named_by_its_api_or_by_its_endpoint() {
    for (given, expected) in [
        ("https://api.example/v1", "https://api.example/v1/chat/completions"),
        ("https://api.example/v1/", "https://api.example/v1/chat/completions"),
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234/chat/completions"),
        ("https://api.example/v1/chat/completions", "https://api.example/v1/chat/completions"),
        (
            "https://a.example/v1?api-version=2",
            "https://a.example/v1/chat/completions?api-version=2",
        ),
    ] {
        assert_eq!(endpoint(given).unwrap().as_str(), expected);
    }
    assert!(endpoint("nowhere").is_err());
}

#[test]
fn a_title_is_the_beginning_of_the_message_on_one_line() {
    assert_eq!(title(" Call\n Ann "), "Call Ann");
    assert_eq!(title(&"ä".repeat(60)), "ä".repeat(60));
    assert_eq!(title(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
}

fn turn(message: &str, calls: Vec<ToolCall>, response: &str) -> Turn {
    Turn {
        id: String::new(),
        ordinal: 1,
        message: message.to_owned(),
        calls,
        response: response.to_owned(),
        created_at: 0,
        answered_at: None,
    }
}

fn call(round: usize, arguments: Value, result: Option<Value>) -> ToolCall {
    ToolCall { name: "list_tasks".to_owned(), arguments, result, ok: true, round }
}

#[test]
fn a_model_is_told_of_each_round_and_every_call_has_a_result() {
    let calls = vec![
        call(1, json!({"view": "all"}), Some(json!({"tasks": []}))),
        call(1, json!("nonsense"), None),
        call(2, json!({}), Some(json!(2))),
    ];
    let past = [turn("before", Vec::new(), "yes")];
    let request = prompt::request("who", &past, &turn("now", calls, "so far"), Tools::Withheld);
    assert_eq!(request["tool_choice"], "none");
    assert_eq!(request["tools"].as_array().unwrap().len(), 9);
    let roles = |message: &Value| message["role"].as_str().unwrap().to_owned();
    let messages = request["messages"].as_array().unwrap();
    let roles: Vec<String> = messages.iter().map(roles).collect();
    let expected = ["system", "user", "assistant", "user", "assistant", "tool", "tool"];
    assert_eq!(roles, [&expected[..], &["assistant", "tool"]].concat());
    assert_eq!(messages[4]["tool_calls"][1]["function"]["arguments"], "{}");
    assert_eq!(messages[4]["tool_calls"][1]["id"], messages[6]["tool_call_id"]);
    assert_eq!(messages[5]["content"], "{\"tasks\":[]}");
    assert!(messages[6]["content"].as_str().unwrap().contains("interrupted"));
}

#[test]
fn of_a_long_past_the_newest_turns_are_sent() {
    let long = "x".repeat(10_000);
    let past: Vec<Turn> = (0..30).map(|n| turn(&format!("{n}"), Vec::new(), &long)).collect();
    let request = prompt::request("", &past, &turn("now", Vec::new(), ""), Tools::Offered);
    let messages = request["messages"].as_array().unwrap();
    let said: Vec<&Value> =
        messages.iter().filter(|m| m["role"] == "user").map(|m| &m["content"]).collect();
    assert_eq!(said, ["26", "27", "28", "29", "now"]);
}

#[test]
fn a_call_is_unanswered_when_any_of_it_is_neither_done_nor_refused() {
    let result = |codes: &[&str]| {
        let failures: Vec<Value> = codes.iter().map(|code| json!({ "code": code })).collect();
        json!({"tasks": [], "failures": failures})
    };
    for code in ["unavailable", "busy", "view-behind"] {
        assert!(is_unanswered(&result(&["not-found", code])), "{code}");
    }
    for fine in [json!({"tasks": []}), Value::Null, result(&["invalid", "internal"])] {
        assert!(!is_unanswered(&fine), "{fine}");
    }
}

#[test]
fn a_result_that_is_too_long_is_told_in_whole_lines() {
    let short = Called { ok: true, result: json!({"tasks": [1]}), lines: "one".to_owned() };
    assert_eq!(bounded(short), json!({"tasks": [1]}));
    let (long, line) = (json!("x".repeat(40_000)), "ü".repeat(10_000));
    for (lines, expected, cut) in [
        (line.clone(), line.clone(), false),
        (format!("{line}\n{line}"), line.clone(), true),
        ("ü".repeat(20_000), "ü".repeat(16_384), true),
    ] {
        let called = Called { ok: true, result: long.clone(), lines };
        assert_eq!(bounded(called), json!({"lines": expected, "cut": cut}));
    }
}
