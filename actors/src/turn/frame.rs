//! How a row is written: a short head that is read without decoding the rest, then JSON, compressed where that pays.
//! A large state has its pages behind it, each compressed by itself.

use std::cell::RefCell;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::actor::{Kept, PageJson};

/// Rows of more bytes than this are compressed; smaller ones gain less than the compression costs.
pub(super) const PLAIN_BYTES_MAX: usize = 2 * 1024;
/// What a row can hold when unpacked: guards the decoder against a damaged length.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;
const LEVEL: i32 = 1;
const PLAIN: u8 = b'J';
const PACKED: u8 = b'Z';
const PAGED: u8 = b'P';
const HEAD_BYTES: usize = 1 + 8 + 16 + 16 + 4;

/// What every row says first: which turn it is (of a snapshot: the last one in it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The turn.
    pub(super) sequence: u64,
    /// The random id of that turn.
    pub(super) id: Uuid,
    /// The id of the turn before.
    pub(super) before: Uuid,
}

/// A row and how large it was before it was compressed.
pub(super) struct Framed {
    /// What is stored.
    pub(super) bytes: Vec<u8>,
    /// Bytes of its JSON.
    pub(super) raw: usize,
}

thread_local! {
    // A compressor's tables cost more to allocate than a row to compress.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// Writes a row.
pub(super) fn write<T: Serialize>(head: Head, body: &T) -> Result<Framed, String> {
    let mut bytes = begun(head, PLAIN);
    bytes.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut bytes, body).map_err(|error| error.to_string())?;
    let raw = bytes.len() - HEAD_BYTES;
    let length = length(raw)?;
    bytes[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&length);
    if raw > PLAIN_BYTES_MAX {
        let packed = compress(&bytes[HEAD_BYTES..])?;
        bytes.truncate(HEAD_BYTES);
        bytes[0] = PACKED;
        bytes.extend_from_slice(&packed);
        bytes.shrink_to_fit();
    }
    Ok(Framed { bytes, raw })
}

/// The pages of a row, as they stand in it: how long each is unpacked and packed, then itself.
#[derive(Default)]
pub(super) struct Pages {
    bytes: Vec<u8>,
    raw: usize,
    count: usize,
    failed: Option<String>,
}

impl Pages {
    /// One more, packed unless it is kept.
    pub(super) fn add(&mut self, kept: &Kept, json: PageJson<'_>) {
        let packed = match kept.get() {
            Some(packed) => packed,
            None => match json().map_err(|error| error.to_string()).and_then(|json| page(&json)) {
                Ok(packed) => kept.get_or_init(|| packed),
                Err(why) => return self.failed = Some(why),
            },
        };
        self.bytes.extend_from_slice(packed);
        self.raw += number(packed, 0).unwrap_or(0);
        self.count += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.failed.is_none()
    }

    /// Writes a row of a body with these pages behind it.
    pub(super) fn write<T: Serialize>(self, head: Head, body: &T) -> Result<Framed, String> {
        self.failed.map_or(Ok(()), Err)?;
        let body = serde_json::to_vec(body).map_err(|error| error.to_string())?;
        let mut bytes = begun(head, PAGED);
        bytes.extend_from_slice(&length(self.count)?);
        bytes.extend_from_slice(&page(&body)?);
        bytes.extend_from_slice(&self.bytes);
        Ok(Framed { bytes, raw: self.raw + body.len() })
    }
}

fn page(json: &[u8]) -> Result<Box<[u8]>, String> {
    let packed = compress(json)?;
    Ok([&length(json.len())?[..], &length(packed.len())?, &packed].concat().into())
}

fn begun(head: Head, kind: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    bytes.push(kind);
    bytes.extend_from_slice(&head.sequence.to_le_bytes());
    bytes.extend_from_slice(head.id.as_bytes());
    bytes.extend_from_slice(head.before.as_bytes());
    bytes
}

fn length(bytes: usize) -> Result<[u8; 4], String> {
    u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| "a row of 4 GiB".to_owned())
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four) as usize)
}

/// Reads the head of a row.
pub(super) fn head(bytes: &[u8]) -> Result<Head, String> {
    if bytes.len() < HEAD_BYTES || !matches!(bytes[0], PLAIN | PACKED | PAGED) {
        return Err(format!("no row of ours ({} bytes)", bytes.len()));
    }
    let sixteen = |at: usize| {
        Uuid::from_slice(&bytes[at..at + 16]).expect("sixteen bytes are a UUID by their length")
    };
    let mut sequence = [0; 8];
    sequence.copy_from_slice(&bytes[1..9]);
    Ok(Head { sequence: u64::from_le_bytes(sequence), id: sixteen(9), before: sixteen(25) })
}

/// Reads what follows the head, and how many bytes of JSON it was.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), String> {
    let mut body = None;
    let raw = each(bytes, |json| {
        let read = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        body.get_or_insert(read);
        Ok(())
    })?;
    body.map(|body| (body, raw)).ok_or_else(|| "an empty row".to_owned())
}

/// Reads the JSON of the body and then of each page, and how many bytes it was in all.
pub(super) fn each(
    bytes: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<usize, String> {
    head(bytes)?;
    let length = number(bytes, HEAD_BYTES - 4).unwrap_or(0);
    let mut rest = &bytes[HEAD_BYTES..];
    match bytes[0] {
        PLAIN => read(rest).map(|()| length),
        PACKED => read(&unpack(rest, length)?).map(|()| length),
        _ => {
            let mut all = 0;
            for _ in 0..=length {
                let sizes = number(rest, 0).zip(number(rest, 4));
                let (raw, packed) = sizes.ok_or("a row that is cut off")?;
                let page = rest.get(8..8 + packed).ok_or("a row that is cut off")?;
                read(&unpack(page, raw)?)?;
                (all, rest) = (all + raw, &rest[8 + packed..]);
            }
            Ok(all)
        }
    }
}

fn unpack(packed: &[u8], raw: usize) -> Result<Vec<u8>, String> {
    if raw > BODY_BYTES_MAX {
        return Err(format!("a row of {raw} bytes"));
    }
    zstd::bulk::decompress(packed, raw).map_err(|error| error.to_string())
}

fn compress(json: &[u8]) -> Result<Vec<u8>, String> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => {
                kept.insert(zstd::bulk::Compressor::new(LEVEL).map_err(|error| error.to_string())?)
            }
        };
        compressor.compress(json).map_err(|error| error.to_string())
    })
}
