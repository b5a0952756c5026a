//! The words of a text: where they stand, how they compare, and how both databases keep them.

use actors::message::text::fold;
use sha2::{Digest, Sha256};

/// Characters of a word that the index knows; what agrees so far is compared whole afterwards.
const INDEXED_CHARS_MAX: usize = 64;

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without case and diacritics.
    pub(crate) folded: String,
    /// Where it begins, in UTF-16 units.
    pub(crate) start: usize,
    /// Where it ends, in UTF-16 units.
    pub(crate) end: usize,
}

/// The words of a text: runs of letters, digits and marks. Where a script writes no spaces, each character is one.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begun: Option<(usize, usize)> = None;
    let mut utf16 = 0;
    let mut finish = |begun: &mut Option<(usize, usize)>, byte: usize, end: usize| {
        if let Some((from, start)) = begun.take() {
            let folded = folded(&text[from..byte]);
            if !folded.is_empty() {
                words.push(Word { folded, start, end });
            }
        }
    };
    for (byte, char) in text.char_indices() {
        let mark = fold(char.encode_utf8(&mut [0; 4])).is_empty();
        if is_alone(char) || !(char.is_alphanumeric() || mark && begun.is_some()) {
            finish(&mut begun, byte, utf16);
        }
        if char.is_alphanumeric() && begun.is_none() {
            begun = Some((byte, utf16));
        }
        utf16 += char.len_utf16();
        if is_alone(char) {
            finish(&mut begun, byte + char.len_utf8(), utf16);
        }
    }
    finish(&mut begun, text.len(), utf16);
    words
}

/// Characters of scripts without spaces between words.
fn is_alone(char: char) -> bool {
    matches!(u32::from(char), 0x3040..=0x30ff | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

fn folded(word: &str) -> String {
    // A sigma at the end of a word is the same letter.
    fold(word).replace('ς', "σ")
}

/// A word as the index keeps it: ASCII letters and digits, so that no database cuts it; what begins alike stays so.
fn indexed(word: &str) -> String {
    let mut ascii = String::with_capacity(word.len());
    for char in word.chars().take(INDEXED_CHARS_MAX) {
        if char.is_ascii_alphanumeric() {
            ascii.push(char);
        } else {
            ascii.push_str(&format!("q{:06x}", u32::from(char)));
        }
    }
    ascii
}

/// The word that stands for an owner in the index, which is shared by all.
fn owner(user: &str) -> String {
    let digest = Sha256::digest(user);
    format!("zzq{}", base16ct::lower::encode_string(&digest[..8]))
}

/// What the index keeps of a task: its owner and its words, each once.
pub(super) fn index(user: &str, texts: [Option<&str>; 2]) -> Vec<String> {
    let mut all: Vec<String> =
        texts.into_iter().flatten().flat_map(words).map(|word| indexed(&word.folded)).collect();
    all.sort_unstable();
    all.dedup();
    all.insert(0, owner(user));
    all
}

/// The question of FTS5 for all of these words by prefix.
pub(super) fn fts5(user: &str, wanted: &[String]) -> String {
    let words = wanted.iter().map(|word| format!(" \"{}\"*", indexed(word)));
    format!("\"{}\"{}", owner(user), words.collect::<String>())
}

/// The question of PostgreSQL for the same.
pub(super) fn tsquery(user: &str, wanted: &[String]) -> String {
    let words = wanted.iter().map(|word| format!(" & '{}':*", indexed(word)));
    format!("'{}'{}", owner(user), words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_stand_where_they_are() {
        let found: Vec<_> = words("Äpfel, 🍎 ΟΔΟΣ/2 né e\u{301}té 東京")
            .into_iter()
            .map(|word| (word.folded, word.start, word.end))
            .collect();
        let expected = [
            ("apfel", 0, 5),
            ("οδοσ", 10, 14),
            ("2", 15, 16),
            ("ne", 17, 19),
            ("ete", 20, 24),
            ("東", 25, 26),
            ("京", 26, 27),
        ];
        assert_eq!(found, expected.map(|(word, start, end)| (word.to_owned(), start, end)));
    }

    #[test]
    fn what_begins_alike_does_so_in_the_index() {
        assert!(indexed("οδοσ").starts_with(&indexed("οδ")));
        let long = "x".repeat(10_000);
        assert_eq!(indexed(&long).len(), INDEXED_CHARS_MAX);
        assert!(fts5("o'neil", &["a\"b".to_owned()]).chars().filter(|c| *c == '"').count() == 4);
    }
}
