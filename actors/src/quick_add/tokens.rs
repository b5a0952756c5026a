//! The text as words, numbers and marks, each with its place; what is quoted is one closed token.

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A run of letters.
    Word,
    /// A run of ASCII digits.
    Number,
    /// One other character.
    Mark,
    /// Quoted text, an address or a link: nothing in it is read.
    Closed,
    /// Part of a tag, a priority or a short reminder that was read already.
    Taken,
}

/// One token: a range of bytes, and whether no space stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) glued: bool,
}

/// A tokenized text; every accessor answers for positions beyond the end too, as for a token of no kind.
pub(super) struct Tokens<'a> {
    pub(super) text: &'a str,
    low: String,
    pub(super) list: Vec<Token>,
}

impl<'a> Tokens<'a> {
    /// Cuts `text` in one pass.
    pub(super) fn scan(text: &'a str) -> Self {
        // ASCII lower case keeps every byte in its place, so one range serves both texts.
        let mut scan = Scan { text, at: 0, list: Vec::new(), hopeless: Vec::new() };
        scan.run();
        Self { text, low: text.to_ascii_lowercase(), list: scan.list }
    }

    /// How many tokens there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    fn kind(&self, i: usize) -> Option<Kind> {
        self.list.get(i).map(|token| token.kind)
    }

    fn low(&self, i: usize) -> &str {
        self.list.get(i).map_or("", |token| &self.low[token.start..token.end])
    }

    /// The word at `i` in lower case; empty if there is none.
    pub(super) fn word(&self, i: usize) -> &str {
        if self.kind(i) == Some(Kind::Word) { self.low(i) } else { "" }
    }

    /// The word before `i`; empty if there is none.
    pub(super) fn before(&self, i: usize) -> &str {
        i.checked_sub(1).map_or("", |i| self.word(i))
    }

    /// Whether the word at `i` is one of `words`.
    pub(super) fn is(&self, i: usize, words: &[&str]) -> bool {
        let word = self.word(i);
        !word.is_empty() && words.contains(&word)
    }

    /// Whether the word at `i` is one of a list that spaces part.
    pub(super) fn among(&self, i: usize, list: &str) -> bool {
        super::words::listed(list, self.word(i))
    }

    /// The index after the words of `phrase`, if they stand at `i`.
    pub(super) fn phrase(&self, i: usize, phrase: &str) -> Option<usize> {
        let first = self.word(i);
        if first.is_empty() || !phrase.starts_with(first) {
            return None;
        }
        let mut at = i;
        for word in phrase.split(' ') {
            if self.word(at) != word {
                return None;
            }
            at += 1;
        }
        Some(at)
    }

    /// The digits at `i`, empty if there is no number.
    pub(super) fn digits(&self, i: usize) -> &str {
        if self.kind(i) == Some(Kind::Number) { self.low(i) } else { "" }
    }

    /// The number at `i`, if it has at most four digits.
    pub(super) fn number(&self, i: usize) -> Option<u32> {
        let digits = self.digits(i);
        if digits.len() > 4 { None } else { digits.parse().ok() }
    }

    /// The mark at `i`.
    pub(super) fn mark(&self, i: usize) -> Option<char> {
        if self.kind(i) == Some(Kind::Mark) { self.low(i).chars().next() } else { None }
    }

    /// Whether the mark `c` stands at `i` without a space before it.
    pub(super) fn tight(&self, i: usize, c: char) -> bool {
        self.glued(i) && self.mark(i) == Some(c)
    }

    /// Whether no space stands before `i`.
    pub(super) fn glued(&self, i: usize) -> bool {
        self.list.get(i).is_some_and(|token| token.glued)
    }

    /// Whether a tag, priority or short reminder stands at `i`.
    pub(super) fn taken(&self, i: usize) -> bool {
        self.kind(i) == Some(Kind::Taken)
    }

    /// Whether a phrase may begin at `i`: not in the middle of `read-only`, `2.0`, `$5` or `p/n`.
    pub(super) fn opens(&self, i: usize) -> bool {
        if !self.glued(i) {
            return i < self.len();
        }
        let before = i.checked_sub(1).and_then(|i| self.mark(i));
        match before {
            Some('(' | '[' | '{' | ';' | '—' | '…' | '@') => true,
            Some(',') => self.digits(i).is_empty(),
            Some(':') => i >= 2 && self.is(i - 2, &["due", "when", "date", "deadline"]),
            _ => false,
        }
    }

    /// Whether a phrase may end before `i`: not before `'s`, `-ish`, `/7`, `%` or a decimal point.
    pub(super) fn closes(&self, i: usize) -> bool {
        if !self.glued(i) || self.taken(i) {
            return true;
        }
        let loose = i + 1 >= self.len() || !self.glued(i + 1);
        match self.mark(i) {
            Some('—' | '…') => true,
            Some(',') => loose || self.digits(i + 1).is_empty(),
            Some(';' | ':' | '.' | '!' | '?' | ')' | ']' | '}') => {
                loose || matches!(self.mark(i + 1), Some('.' | '!' | '?' | ')' | ']' | '}' | ','))
            }
            _ => false,
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    list: Vec<Token>,
    /// Quotes that were searched to the end in vain: no later search for them can succeed either.
    hopeless: Vec<char>,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut glued = false;
        while let Some(c) = self.text[self.at..].chars().next() {
            if c.is_whitespace() {
                self.at += c.len_utf8();
                glued = false;
                continue;
            }
            let start = self.at;
            let (kind, end) = self.next(c, glued);
            self.list.push(Token { kind, start, end, glued });
            self.at = end;
            glued = true;
        }
    }

    fn next(&mut self, c: char, glued: bool) -> (Kind, usize) {
        let bracket = self.text[..self.at].ends_with(['(', '[', '{', ',', ':']);
        if (!glued || bracket)
            && let Some(end) = self.quote(c)
        {
            return (Kind::Closed, end);
        }
        if !glued && let Some(end) = self.link() {
            return (Kind::Closed, end);
        }
        if c.is_ascii_digit() {
            return (Kind::Number, self.span(|c| c.is_ascii_digit()));
        }
        if letter(c) {
            return (Kind::Word, self.span(letter));
        }
        (Kind::Mark, self.at + c.len_utf8())
    }

    fn span(&self, inside: impl Fn(char) -> bool) -> usize {
        let rest = &self.text[self.at..];
        rest.find(|c: char| !inside(c)).map_or(self.text.len(), |len| self.at + len)
    }

    /// The end of a link or address that begins here.
    fn link(&self) -> Option<usize> {
        let end = self.span(|c| !c.is_whitespace());
        let chunk = &self.text[self.at..end];
        let address = chunk.find('@').is_some_and(|at| at > 0 && at + 1 < chunk.len());
        (chunk.contains("://") || chunk.starts_with("www.") || address).then_some(end)
    }

    /// The end of the quotation that `open` begins here, if it is closed.
    fn quote(&mut self, open: char) -> Option<usize> {
        let close = match open {
            '"' | '\'' | '`' => open,
            '“' | '„' => '”',
            '‘' => '’',
            '«' => '»',
            _ => return None,
        };
        if self.hopeless.contains(&close) {
            return None;
        }
        let from = self.at + open.len_utf8();
        let mut inside = self.text[from..].char_indices().peekable();
        while let Some((at, c)) = inside.next() {
            // An apostrophe within a word closes nothing.
            let ends = inside.peek().is_none_or(|(_, next)| !next.is_alphanumeric());
            if (c == close || (open == '„' && c == '“')) && ends && at > 0 {
                return Some(from + at + c.len_utf8());
            }
        }
        self.hopeless.push(close);
        None
    }
}

fn letter(c: char) -> bool {
    !c.is_ascii_digit()
        && (c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c))
}
