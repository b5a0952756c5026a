//! Rows as they are stored: their JSON, their compression, their bounds.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    super::{
        ENTRY_BYTES_MAX, OUTBOX_MAX,
        entry::{Entry, Outcome},
        frame::{self, Head, PLAIN_BYTES_MAX},
        state::State,
        window::{UNKEYED_REPLIES_MAX, WINDOW_MAX, Window},
    },
    toys::{List, Listed, Told, id},
};
use crate::{
    host::{Etag, Stored},
    message::{
        call::By,
        key::{Key, UserId},
        sync::{Subject, Value},
        time::{Local, Timestamp},
    },
};

fn ann() -> Key {
    Key::task_list(&UserId::parse("ann").unwrap())
}

fn head(sequence: u64) -> Head {
    Head { sequence, id: Uuid::from_u128(2), before: Uuid::from_u128(1) }
}

fn entry(sequence: u64) -> Entry<List> {
    let command = Uuid::from_u128(9);
    let start = Local::Day(chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
    let reply = Arc::new(Told { total: 2, sequence, confirmed: false });
    Entry {
        head: head(sequence),
        time: Timestamp(1_800_000_000_000),
        outcome: Some(Outcome { id: command, asked: Some(id(3)), confirm: true, reply }),
        by: By::system(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        events: vec![Listed::Added { command, n: 2 }, Listed::Counted],
        syncs: vec![(
            Key::recurrence(&ann().user, id(4)),
            Subject::Rule(id(4)),
            Value::Ring(start),
        )],
        mark: Some((Key::reminder(&ann().user), 7)),
        published: 5,
        confirmed: vec![(Key::reminder(&ann().user), 4)],
        logged: false,
    }
}

fn stored(bytes: Vec<u8>) -> Stored {
    Stored { bytes, etag: Etag("1".to_owned()) }
}

#[test]
fn an_entry_is_written_so() {
    insta::assert_json_snapshot!(entry(6));
    let row = stored(entry(6).write().unwrap().bytes);
    let (read, _) = Entry::<List>::read(&row).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(entry(6)).unwrap());
    assert_eq!(read.head, head(6));
}

#[test]
fn a_state_is_written_so() {
    let key = ann();
    let mut state = State::<List>::default();
    for sequence in 1..=2 {
        let entry = Entry { published: 0, ..entry(sequence) };
        let at = entry.moment(&key, chrono_tz::UTC);
        state.replay(entry.clone(), &at);
    }
    insta::assert_json_snapshot!(serde_json::to_value(&state).unwrap());
    let row = stored(state.write().unwrap().bytes);
    let (read, _) = State::<List>::read(&row).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&state).unwrap());
    assert_eq!((read.sequence, read.last), (2, head(2).id));
}

#[test]
fn large_rows_are_compressed_and_small_ones_are_not() {
    for (length, packed) in [(PLAIN_BYTES_MAX - 2, false), (PLAIN_BYTES_MAX - 1, true)] {
        let text = "x".repeat(length);
        let framed = frame::write(head(3), &text).unwrap();
        assert_eq!(framed.bytes.len() < length, packed);
        assert_eq!(frame::head(&framed.bytes), Ok(head(3)));
        assert_eq!(frame::body::<String>(&framed.bytes), Ok((text, length + 2)));
    }
}

#[test]
fn what_is_no_row_is_refused() {
    let whole = frame::write(head(3), &"x".repeat(5_000)).unwrap().bytes;
    for bytes in [&b""[..], b"{}", &whole[..40], &[0; 60]] {
        assert!(frame::head(bytes).is_err());
    }
    assert!(frame::body::<String>(&whole[..whole.len() - 1]).is_err());
}

#[test]
fn the_window_keeps_keyed_replies_longer_than_others() {
    let mut window = Window::default();
    let outcome = |n: u64| Outcome {
        id: id(n),
        asked: n.is_multiple_of(2).then(|| id(1_000 + n)),
        confirm: false,
        reply: Arc::new(n),
    };
    let last = 200;
    for n in 0..=last {
        window.push(n, &outcome(n));
    }
    let kept = |n: u64| window.find(id(n)).map(|known| known.reply.is_some());
    let first = last + 1 - WINDOW_MAX as u64;
    assert_eq!(kept(first - 1), None);
    assert_eq!(kept(first), Some(false), "odd ones have no key");
    assert_eq!(kept(first + 1), Some(true));
    let replies = (first..=last).filter(|n| !n.is_multiple_of(2) && kept(*n) == Some(true));
    assert_eq!(replies.count(), UNKEYED_REPLIES_MAX);
}

#[test]
fn bounds_fit_the_messages_that_carry_them() {
    assert_eq!((ENTRY_BYTES_MAX, OUTBOX_MAX), (256 * 1024, 10_000));
    assert_eq!(super::super::RECORD_BYTES_MAX, 24 * 1024 * 1024);
}
