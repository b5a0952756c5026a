//! The manual order: positions that compare bytewise, with room between any two of them.
//!
//! A position is an integer (a head that says how many digits it has, then the digits) and a fraction without
//! trailing zeros, in base 62. Putting a task at an end changes the integer, so that ends stay short; putting one
//! between two others lengthens the fraction. No other position ever changes.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    edit::done,
    event::Fate,
    state::TaskList,
    work::{Work, invalid},
};
use crate::message::{
    fault::Code,
    rejection::Rejection,
    task::{
        Task,
        command::{Done, Place, Reply},
    },
};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FIRST: &str = "a0";
/// Longest position that is taken over from elsewhere.
const POSITION_LEN_MAX: usize = 200;

fn digit(byte: u8) -> Option<usize> {
    DIGITS.iter().position(|digit| *digit == byte)
}

/// How long the integer part is that begins with `head`: `a` to `z` count up from zero, `Z` to `A` down.
fn integer_len(head: u8) -> Option<usize> {
    match head {
        b'a'..=b'z' => Some(usize::from(head - b'a') + 2),
        b'A'..=b'Z' => Some(usize::from(b'Z' - head) + 2),
        _ => None,
    }
}

fn split(position: &str) -> Option<(&str, &str)> {
    position.split_at_checked(integer_len(*position.as_bytes().first()?)?)
}

/// Whether a text from elsewhere can be a position here.
pub(super) fn is_position(text: &str) -> bool {
    text.len() <= POSITION_LEN_MAX
        && text.bytes().all(|byte| digit(byte).is_some())
        && split(text).is_some_and(|(_, fraction)| !fraction.ends_with('0'))
}

/// The next integer up.
fn up(integer: &str) -> Option<String> {
    let mut bytes = integer.as_bytes().to_vec();
    for at in (1..bytes.len()).rev() {
        let next = digit(bytes[at])? + 1;
        if next < DIGITS.len() {
            bytes[at] = DIGITS[next];
            return String::from_utf8(bytes).ok();
        }
        bytes[at] = b'0';
    }
    match bytes[0] {
        b'Z' => Some(FIRST.to_owned()),
        b'z' => None,
        head => {
            let head = head + 1;
            bytes[0] = head;
            bytes.resize(integer_len(head)?, b'0');
            String::from_utf8(bytes).ok()
        }
    }
}

/// The next integer down.
fn down(integer: &str) -> Option<String> {
    let mut bytes = integer.as_bytes().to_vec();
    for at in (1..bytes.len()).rev() {
        match digit(bytes[at])? {
            0 => bytes[at] = b'z',
            n => {
                bytes[at] = DIGITS[n - 1];
                return String::from_utf8(bytes).ok();
            }
        }
    }
    match bytes[0] {
        b'a' => Some("Zz".to_owned()),
        b'A' => None,
        head => {
            let head = head - 1;
            bytes[0] = head;
            bytes.resize(integer_len(head)?, b'z');
            String::from_utf8(bytes).ok()
        }
    }
}

/// A fraction between two: `low` < result < `high`, where no `high` is one.
fn middle(low: &str, high: Option<&str>) -> String {
    let (low, mut high) = (low.as_bytes(), high.map(str::as_bytes));
    let mut result = Vec::new();
    let mut at = 0;
    loop {
        let a = low.get(at).copied().and_then(digit).unwrap_or(0);
        let b =
            high.map_or(DIGITS.len(), |high| high.get(at).copied().and_then(digit).unwrap_or(0));
        if a == b {
            result.push(DIGITS[a]);
        } else if b > a + 1 {
            result.push(DIGITS[a.midpoint(b)]);
            break;
        } else {
            result.push(DIGITS[a]);
            high = None;
        }
        at += 1;
    }
    String::from_utf8(result).expect("digits are ASCII")
}

/// A position between two, or beyond one, or the first of all.
pub(super) fn between(low: Option<&str>, high: Option<&str>) -> Arc<str> {
    let parts = |position: Option<&str>| {
        position.map(|text| {
            let (integer, fraction) = split(text).unwrap_or((FIRST, ""));
            (integer.to_owned(), fraction.to_owned())
        })
    };
    let made = match (parts(low), parts(high)) {
        (None, None) => FIRST.to_owned(),
        (None, Some((integer, fraction))) => match (fraction.is_empty(), down(&integer)) {
            (true, Some(lower)) => lower,
            _ if !fraction.is_empty() => integer,
            _ => format!("{integer}{}", middle("", Some(&fraction))),
        },
        (Some((integer, fraction)), None) => match up(&integer) {
            Some(higher) => higher,
            None => format!("{integer}{}", middle(&fraction, None)),
        },
        (Some((low, low_fraction)), Some((high, high_fraction))) if low == high => {
            format!("{low}{}", middle(&low_fraction, Some(&high_fraction)))
        }
        (Some((low, low_fraction)), Some((high, high_fraction))) => match up(&low) {
            Some(next) if next < high || next == high && !high_fraction.is_empty() => next,
            _ => format!("{low}{}", middle(&low_fraction, None)),
        },
    };
    made.into()
}

/// A position after all others.
pub(super) fn last(list: &TaskList) -> Arc<str> {
    between(list.positions.get_max().map(|(position, _)| position.as_ref()), None)
}

/// Changes a task's place.
pub(super) fn place(
    work: &mut Work<'_>,
    task: &Arc<Task>,
    place: Place,
) -> Result<Done, Rejection> {
    let others = |position: &Arc<str>| *position != task.position;
    let positions = &work.list.positions;
    let (low, high) = match place {
        Place::First => (None, positions.keys().find(|at| others(at))),
        Place::Last => (positions.keys().rev().find(|at| others(at)), None),
        Place::Before(mark) | Place::After(mark) => {
            let mark = work.list.find(mark)?;
            if mark.id == task.id {
                return Ok(done(task.clone()));
            }
            let at = mark.position.clone();
            if matches!(place, Place::Before(_)) {
                let low =
                    positions.range(..at.clone()).rev().map(|(at, _)| at).find(|at| others(at));
                (low, positions.get_key_value(&at).map(|(at, _)| at))
            } else {
                use std::ops::Bound::{Excluded, Unbounded};
                let after = positions.range::<_, Arc<str>>((Excluded(at.clone()), Unbounded));
                let high = after.map(|(at, _)| at).find(|at| others(at));
                (positions.get_key_value(&at).map(|(at, _)| at), high)
            }
        }
    };
    let stands =
        low.is_none_or(|low| *low < task.position) && high.is_none_or(|high| task.position < *high);
    if stands {
        return Ok(done(task.clone()));
    }
    let position = between(low.map(AsRef::as_ref), high.map(AsRef::as_ref));
    let task = work.put(Fate::Updated, Task { position, ..(**task).clone() });
    Ok(done(task))
}

/// Saves an order: these tasks, in this order, go before all others. What stands right already stays.
pub(super) fn arrange(work: &mut Work<'_>, tasks: &[Uuid]) -> Result<Reply, Rejection> {
    if tasks.len() > super::TASKS_MAX {
        return Err(invalid("", Code::OutOfRange, "An order holds at most 10,000 tasks."));
    }
    let mut ordered: Vec<Arc<Task>> = Vec::with_capacity(tasks.len());
    let mut named = std::collections::BTreeSet::new();
    for id in tasks {
        let task = work.list.find(crate::message::task::command::TaskRef::Id(*id))?;
        if named.insert(task.number) {
            ordered.push(task.clone());
        }
    }
    let rest = work.list.positions.iter().find(|(_, number)| !named.contains(number));
    let mut high: Option<Arc<str>> = rest.map(|(position, _)| position.clone());
    for task in ordered.into_iter().rev() {
        let stands = high.as_ref().is_none_or(|high| task.position < *high);
        if !stands {
            let low = high.as_ref().and_then(|high| {
                work.list.positions.range(..high.clone()).next_back().map(|(low, _)| low.clone())
            });
            let position = between(low.as_deref(), high.as_deref());
            work.put(Fate::Updated, Task { position, ..(*task).clone() });
        }
        high = Some(work.again(task.id).position.clone());
    }
    Ok(Reply::Done)
}

/// A position, or one just before it where another task has it.
pub(super) fn free(list: &TaskList, position: &str) -> Arc<str> {
    if !list.positions.contains_key(position) {
        return position.into();
    }
    let held: Arc<str> = position.into();
    let low = list.positions.range(..held).next_back();
    between(low.map(|(low, _)| low.as_ref()), Some(position))
}
