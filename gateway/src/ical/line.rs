//! Content lines of RFC 5545 §3.1: name, parameters, value; unfolded when read, folded when written.

use std::borrow::Cow;

/// Bytes of a written line at most, its end not counted.
const LINE_BYTES_MAX: usize = 75;

/// A content line that was taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// In upper case.
    pub(super) name: String,
    /// Name (in upper case) and value of each parameter; a quoted value without its quotes.
    pub(super) params: Vec<(String, &'a str)>,
    /// As it is written, escapes and all.
    pub(super) value: &'a str,
}

impl<'a> Line<'a> {
    /// Takes an unfolded line apart; `None` for what is no content line.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (name, mut rest) = text.split_at(text.find([':', ';'])?);
        let mut params = Vec::new();
        while let Some(after) = rest.strip_prefix(';') {
            let (param, tail) = after.split_at(after.find('=')?);
            let tail = &tail[1..];
            let end = end_of_param(tail)?;
            let value = tail[..end].trim();
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            params.push((token(param)?, bare.unwrap_or(value)));
            rest = &tail[end..];
        }
        Some(Self { name: token(name)?, params, value: rest.strip_prefix(':')? })
    }

    /// The value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&'a str> {
        self.params.iter().find(|(param, _)| param == name).map(|(_, value)| *value)
    }

    /// Whether a parameter has this value, in any case.
    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.param(name).is_some_and(|said| said.eq_ignore_ascii_case(value))
    }

    /// The value as text, without escapes.
    pub(super) fn text(&self) -> String {
        unescape(self.value)
    }
}

/// The name of a line as it stands, without taking the rest apart.
pub(super) fn name(text: &str) -> String {
    text[..text.find([':', ';']).unwrap_or(text.len())].trim().to_ascii_uppercase()
}

/// A name in upper case; one of ours or of another maker, but nothing that could not stand before a sign.
fn token(text: &str) -> Option<String> {
    let text = text.trim();
    let odd = |c: char| c.is_control() || c.is_whitespace() || "\":;,=".contains(c);
    (!text.is_empty() && !text.contains(odd)).then(|| text.to_ascii_uppercase())
}

/// Where a parameter's value ends: at the first `;` or `:` outside quotes.
fn end_of_param(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' | b':' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Text as a value writes it (§3.3.11).
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value as the text that it stands for.
pub(super) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => text.push(c),
            _ => match chars.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(c @ ('\\' | ';' | ',' | ':' | '"')) => text.push(c),
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
        }
    }
    text
}

/// The items of a list of texts: cut at commas that are not escaped.
pub(super) fn items(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (at, byte) in value.bytes().enumerate() {
        if byte == b',' && !escaped {
            items.push(unescape(&value[from..at]));
            from = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    items.push(unescape(&value[from..]));
    items
}

/// Writes lines of at most 75 bytes, never inside a character.
pub(super) fn fold(lines: &str, out: &mut Vec<u8>) {
    for line in lines.lines() {
        let (mut rest, mut room) = (line, LINE_BYTES_MAX);
        while rest.len() > room {
            let end = (1..=room).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
            out.extend_from_slice(&rest.as_bytes()[..end]);
            out.extend_from_slice(b"\r\n ");
            (rest, room) = (&rest[end..], LINE_BYTES_MAX - 1);
        }
        out.extend_from_slice(rest.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The lines of a file, unfolded, each with the number of its first; empty ones are left out.
pub(super) fn unfold(bytes: &[u8]) -> impl Iterator<Item = (usize, Cow<'_, [u8]>)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let physical = bytes.split(|byte| *byte == b'\n').enumerate();
    let physical = physical.map(|(at, line)| (at + 1, line.strip_suffix(b"\r").unwrap_or(line)));
    let mut physical = physical.peekable();
    std::iter::from_fn(move || {
        loop {
            let (at, first) = physical.next()?;
            let mut line = Cow::Borrowed(first);
            while let Some((_, more)) =
                physical.next_if(|(_, more)| more.starts_with(b" ") || more.starts_with(b"\t"))
            {
                line.to_mut().extend_from_slice(&more[1..]);
            }
            if !line.trim_ascii().is_empty() {
                return Some((at, line));
            }
        }
    })
}
