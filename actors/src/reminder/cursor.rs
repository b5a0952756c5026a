//! Where a page ended, in words that only this actor reads.

use uuid::Uuid;

use crate::message::{
    key::NAMESPACE,
    rejection::{Rejection, Slug},
    time::Timestamp,
};

/// The end of a page of reminders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The last row shown.
    pub(super) last: (Timestamp, Uuid),
    /// The actor's sequence when the first page was read: rows changed since are left out.
    pub(super) began: u64,
}

impl Page {
    /// As text, bound to a filter.
    pub(super) fn write(&self, filter: &str) -> String {
        let (moment, id) = self.last;
        seal(&format!("{:x}-{:x}-{}", moment.0, self.began, id.simple()), filter)
    }

    /// From text that was written for the same filter.
    pub(super) fn read(text: &str, filter: &str) -> Result<Self, Rejection> {
        let body = open(text, filter)?;
        let mut parts = body.splitn(3, '-');
        let mut part = || parts.next().ok_or_else(wrong);
        // The moment is written as the bits of a signed number.
        let moment = u64::from_str_radix(part()?, 16).map_err(|_| wrong())?.cast_signed();
        let began = u64::from_str_radix(part()?, 16).map_err(|_| wrong())?;
        let id = Uuid::try_parse(part()?).map_err(|_| wrong())?;
        Ok(Self { last: (Timestamp(moment), id), began })
    }
}

/// A serial number as text, bound to a filter.
pub(super) fn write_serial(serial: u64, filter: &str) -> String {
    seal(&format!("{serial:x}"), filter)
}

/// A serial number from text that was written for the same filter.
pub(super) fn read_serial(text: &str, filter: &str) -> Result<u64, Rejection> {
    u64::from_str_radix(open(text, filter)?, 16).map_err(|_| wrong())
}

fn seal(body: &str, filter: &str) -> String {
    format!("{body}-{}", mark(body, filter))
}

fn open<'a>(text: &'a str, filter: &str) -> Result<&'a str, Rejection> {
    let (body, seal) = text.rsplit_once('-').ok_or_else(wrong)?;
    if seal == mark(body, filter) { Ok(body) } else { Err(wrong()) }
}

/// What ties a cursor to its filter, and shows most damage.
fn mark(body: &str, filter: &str) -> String {
    let id = Uuid::new_v5(&NAMESPACE, format!("{body} {filter}").as_bytes());
    format!("{:016x}", id.as_u64_pair().0)
}

fn wrong() -> Rejection {
    Rejection::new(
        Slug::InvalidCursor,
        "The cursor is not one of this list's; begin again without it.",
    )
}
