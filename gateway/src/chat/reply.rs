//! What a provider answers, from its bytes to a text and the tools that it asks for.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::provider::Failure;
use crate::views::chat::ToolCall;

/// Calls of one round that are carried out; of what goes beyond, the first is told that it was too much.
pub(super) const ROUND_CALLS_MAX: usize = 16;
/// Arguments of all calls of one round, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 64 << 10;
/// Longest name of a tool, in characters: what providers take back.
const NAME_CHARS_MAX: usize = 64;

/// Takes the payloads out of what comes: of server-sent events each, otherwise the whole.
pub(super) enum Payloads {
    /// Server-sent events: the line that is not yet whole, the event that is not yet whole, and those that are.
    Events { line: Vec<u8>, data: Option<String>, whole: VecDeque<String> },
    /// One JSON document.
    Document { bytes: Vec<u8>, ended: bool },
}

impl Payloads {
    pub(super) fn events() -> Self {
        Self::Events { line: Vec::new(), data: None, whole: VecDeque::new() }
    }

    pub(super) fn document() -> Self {
        Self::Document { bytes: Vec::new(), ended: false }
    }

    /// Takes the next bytes, wherever they were cut.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Document { bytes: all, .. } => all.extend_from_slice(bytes),
            Self::Events { line, data, whole } => {
                for &byte in bytes {
                    if byte == b'\n' {
                        take_line(line, data, whole);
                        line.clear();
                    } else {
                        line.push(byte);
                    }
                }
            }
        }
    }

    /// There is no more.
    pub(super) fn end(&mut self) {
        match self {
            Self::Document { ended, .. } => *ended = true,
            Self::Events { line, data, whole } => {
                take_line(line, data, whole);
                line.clear();
                whole.extend(data.take());
            }
        }
    }

    /// The next payload that is whole.
    pub(super) fn next(&mut self) -> Option<String> {
        match self {
            Self::Events { whole, .. } => whole.pop_front(),
            Self::Document { bytes, ended } => {
                let whole = *ended && !bytes.is_empty();
                whole.then(|| String::from_utf8_lossy(&std::mem::take(bytes)).into_owned())
            }
        }
    }
}

/// A line of an event: its data, its end, or something else.
fn take_line(line: &[u8], data: &mut Option<String>, whole: &mut VecDeque<String>) {
    let line = String::from_utf8_lossy(line);
    let line = line.strip_suffix('\r').unwrap_or(&line);
    if line.is_empty() {
        whole.extend(data.take());
    } else if let Some(more) = line.strip_prefix("data:") {
        let more = more.strip_prefix(' ').unwrap_or(more);
        match data {
            None => *data = Some(more.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(more);
            }
        }
    }
}

/// A call of a tool that is being put together.
#[derive(Debug, Default)]
struct Draft {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(super) struct Reply {
    drafts: Vec<Draft>,
    arguments_bytes: usize,
    /// Bytes of text that there is still room for.
    room: usize,
    /// The provider has said that this is all, or there is no room for more.
    pub(super) finished: bool,
    /// There was no room for more.
    pub(super) cut: bool,
}

impl Reply {
    /// An answer of so many bytes of text at most.
    pub(super) fn new(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// Takes a payload and gives the text in it.
    pub(super) fn take(&mut self, payload: &str) -> Result<String, Failure> {
        if payload.trim() == "[DONE]" {
            self.finished = true;
            return Ok(String::new());
        }
        let chunk: Value = serde_json::from_str(payload).map_err(|_| Failure::Unreadable)?;
        let Value::Object(chunk) = chunk else { return Err(Failure::Unreadable) };
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Failure::Failed);
        }
        // Usage, and what some put first, come without a choice.
        let Some(choice) = chunk.get("choices").and_then(|choices| choices.get(0)) else {
            return Ok(String::new());
        };
        // An answer that does not come in pieces is one piece.
        let piece = choice.get("delta").or_else(|| choice.get("message"));
        let mut said = String::new();
        if let Some(piece) = piece {
            said = text(&piece["content"]);
            for call in piece["tool_calls"].as_array().into_iter().flatten() {
                self.call(call)?;
            }
        }
        self.finished |= choice.get("finish_reason").is_some_and(Value::is_string);
        Ok(self.fit(said))
    }

    /// Cuts what there is no room for, and with it the answer.
    fn fit(&mut self, mut said: String) -> String {
        if said.len() > self.room {
            said.truncate(said.floor_char_boundary(self.room));
            said.push('…');
            self.drafts.clear();
            (self.cut, self.finished) = (true, true);
        }
        self.room = self.room.saturating_sub(said.len());
        said
    }

    /// A piece of a call. It belongs to the call of its index; some number none, and some number all alike.
    fn call(&mut self, piece: &Value) -> Result<(), Failure> {
        let index = piece["index"].as_u64();
        let id = piece["id"].as_str().unwrap_or_default();
        let function = &piece["function"];
        let name = function["name"].as_str().unwrap_or_default();
        let same = |draft: &Draft| match (index, id) {
            (None, "") => name.is_empty(),
            (None, id) => draft.id == id,
            (index, id) => {
                draft.index == index && (id.is_empty() || draft.id.is_empty() || draft.id == id)
            }
        };
        let at = match self.drafts.iter().rposition(same) {
            Some(at) => at,
            None if self.drafts.len() > ROUND_CALLS_MAX => return Ok(()),
            None => {
                self.drafts.push(Draft { index, ..Draft::default() });
                self.drafts.len() - 1
            }
        };
        let draft = &mut self.drafts[at];
        if !id.is_empty() {
            id.clone_into(&mut draft.id);
        }
        // Some say the whole name with every piece.
        if draft.name != name {
            draft.name.push_str(name);
        }
        let arguments = match &function["arguments"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            whole => whole.to_string(),
        };
        self.arguments_bytes += name.len() + arguments.len();
        draft.arguments.push_str(&arguments);
        if self.arguments_bytes > ARGUMENTS_BYTES_MAX {
            return Err(Failure::TooLong);
        }
        Ok(())
    }

    /// The tools that are asked for.
    pub(super) fn calls(self, round: usize) -> Vec<ToolCall> {
        let call = |draft: Draft| ToolCall {
            name: name(&draft.name),
            arguments: arguments(&draft.arguments),
            result: None,
            ok: false,
            round,
        };
        self.drafts.into_iter().map(call).collect()
    }
}

/// A text, in one piece or in several, without control characters.
fn text(content: &Value) -> String {
    let part = |part: &Value| part["text"].as_str().unwrap_or_default().to_owned();
    let whole = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect(),
        _ => String::new(),
    };
    clean(&whole)
}

/// A text without control characters but line breaks and tabs.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// A name that providers take back.
fn name(text: &str) -> String {
    let fine = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = text.chars().filter(fine).take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// What is no JSON stays a text, which no tool takes.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
