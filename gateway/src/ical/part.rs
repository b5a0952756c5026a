//! The components of a file: what stands between BEGIN and END.

use actors::message::fault::Code;

use super::line::{self, Line};
use crate::problem::Problem;

/// Most lines of a file, unfolded.
const LINES_MAX: usize = 1_000_000;
/// Components inside components at most.
const DEPTH_MAX: usize = 8;

/// One line of a component, and where it begins in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) at: usize,
    /// Unfolded, without control characters.
    pub(super) text: String,
}

/// A component: its lines, and the components in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// In upper case.
    pub(super) name: String,
    /// The line of its BEGIN.
    pub(super) at: usize,
    pub(super) lines: Vec<Content>,
    pub(super) parts: Vec<Part>,
}

impl Part {
    /// The first line of a name.
    pub(super) fn line(&self, name: &str) -> Option<(usize, Line<'_>)> {
        self.all(name).next()
    }

    /// Every line of a name that can be taken apart.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = (usize, Line<'_>)> {
        let named = self.lines.iter().filter(move |content| line::name(&content.text) == name);
        named.filter_map(|content| Some((content.at, Line::parse(&content.text)?)))
    }

    /// The text of a line of a name, if it has one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.line(name).map(|(_, line)| line.text()).filter(|text| !text.trim().is_empty())
    }

    /// Writes it as unfolded lines.
    pub(super) fn write(&self, out: &mut String) {
        write(out, &format!("BEGIN:{}", self.name));
        for content in &self.lines {
            write(out, &content.text);
        }
        for part in &self.parts {
            part.write(out);
        }
        write(out, &format!("END:{}", self.name));
    }
}

/// Adds a line.
pub(super) fn write(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// Reads the components of a file.
///
/// # Errors
/// 422: it is no calendar, has been cut off, or is deeper or longer than any calendar.
pub(super) fn read(file: &[u8]) -> Result<Vec<Part>, Problem> {
    let refused =
        |at: usize, why: &str| Problem::field("", Code::Invalid, format!("Line {at}: {why}"));
    let (mut open, mut done): (Vec<Part>, Vec<Part>) = (Vec::new(), Vec::new());
    let mut last = 1;
    for (count, (at, bytes)) in line::unfold(file).enumerate() {
        last = at;
        if count >= LINES_MAX {
            return Err(refused(at, "The file has more than a million lines."));
        }
        // What is no text is no content line either, and fails the component that it stands in.
        let text = String::from_utf8(bytes.into_owned()).unwrap_or_else(|_| "\u{fffd}".to_owned());
        let text = text.trim_start().replace(|c: char| c.is_control() && c != '\t', "");
        if text.is_empty() {
            continue;
        }
        let parsed = Line::parse(&text);
        let edge = parsed.as_ref().map(|line| (line.name.as_str(), line.value.trim()));
        let depth = open.len();
        match (edge, open.last_mut()) {
            (Some(("BEGIN", _)), _) if depth >= DEPTH_MAX => {
                return Err(refused(at, "The components are nested too deep."));
            }
            (Some(("BEGIN", name)), _) => {
                let name = name.to_ascii_uppercase();
                open.push(Part { name, at, ..Part::default() });
            }
            (Some(("END", name)), Some(part)) if part.name.eq_ignore_ascii_case(name) => {
                let Some(part) = open.pop() else { break };
                match open.last_mut() {
                    Some(around) => around.parts.push(part),
                    None => done.push(part),
                }
            }
            (Some(("END", _)), _) => return Err(refused(at, "This END ends nothing.")),
            (_, Some(part)) => part.lines.push(Content { at, text }),
            (_, None) => return Err(refused(at, "A calendar begins with BEGIN:VCALENDAR.")),
        }
    }
    if let Some(part) = open.first() {
        let why = format!("{} has no end; the file may have been cut off.", part.name);
        return Err(refused(part.at, &why));
    }
    if !done.iter().any(|part| part.name == "VCALENDAR") {
        return Err(refused(last, "The file is no calendar."));
    }
    Ok(done)
}

/// Reads lines that this program kept.
pub(super) fn kept(text: &str) -> Part {
    let file = format!("BEGIN:VCALENDAR\nBEGIN:VTODO\n{text}END:VTODO\nEND:VCALENDAR\n");
    let read = read(file.as_bytes()).ok().and_then(|mut parts| parts.pop());
    read.and_then(|mut calendar| calendar.parts.pop()).unwrap_or_default()
}
