//! How a row is written: a short head that is read without decoding the rest, then JSON, compressed where that pays.

use std::cell::RefCell;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Rows of more bytes than this are compressed; smaller ones gain less than the compression costs.
pub(super) const PLAIN_BYTES_MAX: usize = 2 * 1024;
/// What a row can hold when unpacked: guards the decoder against a damaged length.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;
const LEVEL: i32 = 1;
const PLAIN: u8 = b'J';
const PACKED: u8 = b'Z';
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
    let mut bytes = Vec::with_capacity(1024);
    bytes.push(PLAIN);
    bytes.extend_from_slice(&head.sequence.to_le_bytes());
    bytes.extend_from_slice(head.id.as_bytes());
    bytes.extend_from_slice(head.before.as_bytes());
    bytes.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut bytes, body).map_err(|error| error.to_string())?;
    let raw = bytes.len() - HEAD_BYTES;
    let length = u32::try_from(raw).map_err(|_| "a row of 4 GiB".to_owned())?;
    bytes[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
    if raw > PLAIN_BYTES_MAX {
        let packed = compress(&bytes[HEAD_BYTES..])?;
        bytes.truncate(HEAD_BYTES);
        bytes[0] = PACKED;
        bytes.extend_from_slice(&packed);
        bytes.shrink_to_fit();
    }
    Ok(Framed { bytes, raw })
}

/// Reads the head of a row.
pub(super) fn head(bytes: &[u8]) -> Result<Head, String> {
    if bytes.len() < HEAD_BYTES || !matches!(bytes[0], PLAIN | PACKED) {
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
    head(bytes)?;
    let mut length = [0; 4];
    length.copy_from_slice(&bytes[HEAD_BYTES - 4..HEAD_BYTES]);
    let raw = u32::from_le_bytes(length) as usize;
    let rest = &bytes[HEAD_BYTES..];
    let read = |json: &[u8]| serde_json::from_slice(json).map_err(|error| error.to_string());
    if bytes[0] == PLAIN {
        return read(rest).map(|body| (body, raw));
    }
    if raw > BODY_BYTES_MAX {
        return Err(format!("a row of {raw} bytes"));
    }
    let json = zstd::bulk::decompress(rest, raw).map_err(|error| error.to_string())?;
    read(&json).map(|body| (body, raw))
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
