//! Cursors: where a page ended, as opaque text that holds for one list alone.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::message::rejection::{Rejection, Slug};

/// Where the page before ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The sort key of its last row.
    pub(super) key: Saved,
    /// That row's number.
    pub(super) number: u64,
    /// The list's sequence when the first page was shown.
    pub(super) version: u64,
    /// Which filter and sort it belongs to.
    pub(super) of: u64,
}

/// A sort key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Saved {
    Int(i64),
    Text(String),
    None,
}

/// 400: not a cursor of this list.
pub(super) fn invalid() -> Rejection {
    Rejection::new(Slug::InvalidCursor, "The cursor is not one of this list; begin without one.")
}

/// A value as opaque text.
pub(super) fn write<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("a cursor has no maps");
    let mut text = String::with_capacity(json.len() * 2);
    for byte in json {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).expect("half a byte is a digit"));
        }
    }
    text
}

/// What a text was written from.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Rejection> {
    let half = |byte: u8| char::from(byte).to_digit(16).and_then(|half| u8::try_from(half).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(half(*high)? << 4 | half(*low)?)).collect();
    let bytes = bytes.filter(|_| rest.is_empty()).ok_or_else(invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| invalid())
}

/// A number for a value, the same wherever it is computed (FNV-1a).
pub(super) fn hash<T: Serialize>(value: &T) -> u64 {
    let json = serde_json::to_vec(value).expect("what is asked has no maps");
    json.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
