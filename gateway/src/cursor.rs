//! Cursors of the views: where a page ended, as opaque text that holds for one question alone.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::problem::{Problem, Slug};

/// Writes the place where a page of the question `of` ended.
pub(crate) fn write(of: &impl Serialize, place: &impl Serialize) -> String {
    BASE64.encode(serde_json::to_vec(&(print(of), place)).unwrap_or_default())
}

/// Reads a place; a cursor of another question is none of this one.
pub(crate) fn read<P: DeserializeOwned>(of: &impl Serialize, text: &str) -> Result<P, Problem> {
    let bytes = BASE64.decode(text).map_err(|_| invalid())?;
    let (for_print, place): (String, P) = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if for_print == print(of) { Ok(place) } else { Err(invalid()) }
}

/// 400: not a cursor of this list.
pub(crate) fn invalid() -> Problem {
    Problem::new(Slug::InvalidCursor, "The cursor is not one of this list; begin without one.")
}

fn print(of: &impl Serialize) -> String {
    let digest = Sha256::digest(serde_json::to_vec(of).unwrap_or_default());
    BASE64.encode(&digest[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_question_alone() {
        let text = write(&("ann", 1), &42_i64);
        assert_eq!(read::<i64>(&("ann", 1), &text).ok(), Some(42));
        for (of, text) in [(("bob", 1), text.as_str()), (("ann", 1), "x"), (("ann", 1), "")] {
            let problem = read::<i64>(&of, text).unwrap_err();
            assert_eq!(problem.slug, Slug::InvalidCursor);
        }
    }
}
