//! The ranges that were understood, and the title that remains without them.

use super::tokens::Tokens;
use super::{Span, SpanKind};

/// A range of bytes and what it says.
pub(super) type Range = (SpanKind, usize, usize);

/// Ranges of tokens as ranges of bytes, in order: neighbours of one kind joined, with the brackets, commas and final
/// marks that would be left without a purpose.
pub(super) fn ranges(t: &Tokens<'_>, mut used: Vec<Range>) -> Vec<Range> {
    used.sort_unstable_by_key(|(_, from, _)| *from);
    let mut joined: Vec<Range> = Vec::new();
    for (kind, from, to) in used {
        match joined.last_mut() {
            Some(last) if last.0 == kind && joins(t, kind, last.2, from) => last.2 = to,
            _ => joined.push((kind, from, to)),
        }
    }
    let mut clear = t.len();
    for at in (0..joined.len()).rev() {
        let floor = at.checked_sub(1).map_or(0, |before| joined[before].2);
        let ceiling = joined.get(at + 1).map_or(t.len(), |next| next.1);
        let opening = at == 0 && joined[at].1 == 0;
        let range = &mut joined[at];
        widen(t, range, floor, ceiling, opening, clear);
        if range.2 >= clear {
            clear = range.1;
        }
    }
    joined
        .into_iter()
        .map(|(kind, from, to)| (kind, t.list[from].start, t.list[to - 1].end))
        .collect()
}

/// A date and its time are one span, also across a comma; two tags are two.
fn joins(t: &Tokens<'_>, kind: SpanKind, end: usize, start: usize) -> bool {
    let wide = matches!(kind, SpanKind::Due | SpanKind::Recurrence);
    wide && (end == start || end + 1 == start && t.mark(end) == Some(','))
}

/// `opening`: nothing stands before it; what stands behind `clear` is all understood.
fn widen(
    t: &Tokens<'_>,
    range: &mut Range,
    floor: usize,
    ceiling: usize,
    opening: bool,
    clear: usize,
) {
    let (_, from, to) = range;
    let open = from.checked_sub(1).filter(|at| *at >= floor).and_then(|at| t.mark(at));
    let close = if *to < ceiling { t.mark(*to) } else { None };
    if matches!((open, close), (Some('('), Some(')')) | (Some('['), Some(']'))) {
        *from -= 1;
        *to += 1;
    }
    if *to < ceiling {
        let last = *to + 1 >= clear;
        match t.mark(*to) {
            Some(',') => *to += 1,
            Some(';' | ':') if opening || last => *to += 1,
            Some('.' | '!') if last && t.closes(*to) => *to += 1,
            _ => {}
        }
    }
    let ends = *to >= clear;
    while ends && *from > floor {
        let before = *from - 1;
        let idle = match t.mark(before) {
            Some(',' | ';' | ':') => true,
            Some('-' | '–' | '—') => !t.glued(before),
            _ => matches!(t.word(before), "and" | "then") && range.0 == SpanKind::Reminder,
        };
        if !idle || before == 0 {
            break;
        }
        *from = before;
    }
}

/// The text less the ranges, with spaces folded.
pub(super) fn title(text: &str, ranges: &[Range]) -> String {
    let mut left = String::with_capacity(text.len());
    let mut at = 0;
    for (_, start, end) in ranges {
        left.push_str(&text[at..*start]);
        at = *end;
    }
    left.push_str(&text[at..]);
    left.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The ranges in UTF-16 units, counted in one pass.
pub(super) fn in_utf16(text: &str, ranges: &[Range]) -> Vec<Span> {
    let (mut byte, mut unit) = (0, 0);
    let mut to = |end: usize| {
        unit += text[byte..end].encode_utf16().count();
        byte = end;
        unit
    };
    ranges
        .iter()
        .map(|(kind, start, end)| Span {
            kind: *kind,
            start: to(*start),
            end: to(*end),
            text: text[*start..*end].to_owned(),
        })
        .collect()
}
