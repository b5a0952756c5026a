//! Bytes that nobody should ever have written: read or refused, never a panic.

use serde_json::Value;
use uuid::Uuid;

use super::{
    super::{
        entry::Entry,
        frame::{self, Head},
        state::State,
    },
    world::Rng,
};
use crate::{
    actor::Actor,
    host::{Etag, Stored},
    message::{event::CloudEvent, lead_time::LeadTime, time::Local},
    recurrence::Recurrence,
    reminder::Reminders,
    task_list::TaskList,
};

const TRIES: u64 = 4_000;

/// A text or row with a few bytes changed, lost, doubled or cut off.
fn spoil(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
        match rng.below(5) {
            0 if !bytes.is_empty() => bytes[at] = rng.next().to_le_bytes()[0],
            1 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
            2 => bytes.truncate(at),
            3 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => bytes.insert(at, b"0\"{[,:-TZ\xff"[usize::try_from(rng.below(10)).unwrap()]),
        }
    }
}

fn read<A: Actor>(bytes: &[u8]) {
    let row = Stored { bytes: bytes.to_vec(), etag: Etag(String::new()) };
    let _ = frame::head(bytes);
    let _ = Entry::<A>::read(&row);
    let _ = State::<A>::read(&row);
}

#[test]
fn spoilt_rows_are_read_or_refused() {
    let mut rng = Rng(1);
    let head = Head { sequence: 7, id: Uuid::from_u128(7), before: Uuid::from_u128(6) };
    let state = State::<TaskList> { sequence: 7, ..State::default() };
    let large: Value = (0..2_000).map(|n| Value::from(n % 7)).collect();
    let rows = [
        state.write().unwrap().bytes,
        frame::write(head, &large).unwrap().bytes,
        frame::write(head, &serde_json::json!({"time": 1, "by": {"kind": "user", "id": "u"}}))
            .unwrap()
            .bytes,
        super::pages::long(520).write().unwrap().bytes,
    ];
    for _ in 0..TRIES {
        let mut row = rows[usize::try_from(rng.below(4)).unwrap()].clone();
        spoil(&mut rng, &mut row);
        read::<TaskList>(&row);
        read::<Reminders>(&row);
        read::<Recurrence>(&row);
    }
}

#[test]
fn spoilt_texts_are_read_or_refused() {
    let mut rng = Rng(2);
    let event =
        r#"{"specversion":"1.0","id":"a","type":"task.created","sequence":"7","data":{"a":[1]}}"#;
    let texts = [event, "P1DT2H30M", "1 day 2 hours", "90m", "2027-01-31T09:00:00", "2027-01-31"];
    for _ in 0..TRIES {
        let mut text = texts[usize::try_from(rng.below(6)).unwrap()].as_bytes().to_vec();
        spoil(&mut rng, &mut text);
        let _ = serde_json::from_slice::<CloudEvent>(&text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let _ = LeadTime::parse(&text);
        let _ = Local::try_from(text);
    }
}
