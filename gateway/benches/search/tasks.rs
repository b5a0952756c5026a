//! Tasks made up of words as people use them: few of them everywhere, most of them seldom.

use serde_json::{Value, json};

/// Different words.
pub(crate) const WORDS: usize = 20_000;
/// The commonest words, commonest first; the others are made of syllables.
const COMMON: &[&str] = &[
    "the", "to", "for", "and", "call", "buy", "of", "with", "send", "new", "in", "check", "book",
    "on", "ask", "pay", "from", "meeting", "report", "plan", "write", "about", "fix", "review",
    "email", "order", "clean", "car", "home", "house", "prepare", "invoice", "project", "doctor",
    "garden", "school", "café", "résumé", "Zürich", "mañana",
];
const SYLLABLES: &[&str] = &[
    "ba", "be", "bi", "cha", "co", "cu", "da", "de", "dro", "fa", "fe", "gra", "ho", "in", "ka",
    "la", "le", "lin", "ma", "mo", "na", "né", "no", "o", "pa", "pe", "pla", "qui", "ra", "re",
    "ri", "sa", "se", "so", "sta", "ta", "te", "ti", "tur", "ü", "va", "ver", "we", "za",
];
const TAGS: &[&str] = &["home", "work", "garden", "errand", "health", "money", "travel", "waiting"];

/// Numbers that look drawn, the same in every run (SplitMix64).
pub(crate) struct Drawn(pub(crate) u64);

impl Drawn {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.number() % most as u64) as usize
    }
}

/// All words, commonest first, and how often each comes: the n-th a n-th as often as the first (Zipf).
pub(crate) struct Words {
    pub(crate) all: Vec<String>,
    sums: Vec<f64>,
}

impl Words {
    pub(crate) fn new() -> Self {
        let mut drawn = Drawn(7);
        let mut all: Vec<String> = COMMON.iter().map(|word| (*word).to_owned()).collect();
        let mut known: std::collections::HashSet<String> = all.iter().cloned().collect();
        while all.len() < WORDS {
            let syllables = 2 + drawn.below(3);
            let word: String =
                (0..syllables).map(|_| SYLLABLES[drawn.below(SYLLABLES.len())]).collect();
            if known.insert(word.clone()) {
                all.push(word);
            }
        }
        let mut sum = 0.0;
        let sums = (1..=WORDS).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self { sums: sums.collect(), all }
    }

    fn text(&self, drawn: &mut Drawn, words: usize) -> String {
        let mut text = String::new();
        for n in 0..words {
            let at = drawn.below(1 << 53) as f64 / (1u64 << 53) as f64 * self.sums[WORDS - 1];
            let word = &self.all[self.sums.partition_point(|sum| *sum < at)];
            text.push_str(if n > 0 { " " } else { "" });
            text.push_str(word);
        }
        text
    }

    /// A user's task as the interface writes it. All have version 1, so that a user whose list holds one task is as new.
    pub(crate) fn task(&self, user: &str, number: usize, drawn: &mut Drawn) -> Value {
        let words = 3 + drawn.below(6);
        let title = self.text(drawn, words);
        let notes = 8 + drawn.below(20);
        let description = (drawn.below(10) < 3).then(|| self.text(drawn, notes));
        let status = ["pending", "in_progress", "cancelled"].get(drawn.below(30)).copied();
        let status = status.unwrap_or("completed");
        let priority = ["low", "medium", "high", "urgent"].get(drawn.below(8)).copied();
        let tags: Vec<&str> = (0..drawn.below(3)).map(|_| TAGS[drawn.below(TAGS.len())]).collect();
        let (month, day) = (1 + drawn.below(12), 1 + drawn.below(28));
        let due = (drawn.below(2) == 0).then(|| format!("2026-{month:02}-{day:02}"));
        let (month, day) = (1 + drawn.below(12), 1 + drawn.below(28));
        let at = format!("2025-{month:02}-{day:02}T09:{:02}:00.000Z", drawn.below(60));
        let done = (status == "completed").then_some(&at);
        let id = uuid::Uuid::from_u64_pair(drawn.number(), number as u64);
        json!({
            "id": id, "number": number, "user_id": user, "title": title, "description": description,
            "status": status, "completed": status == "completed", "priority": priority, "tags": tags,
            "due_date": due, "zone": null, "recurrence": null, "recurrence_id": null, "occurrence": null,
            "reminders": [], "position": format!("a{number:06}"), "created_at": at, "updated_at": at,
            "completed_at": done, "deleted_at": null, "version": 1,
        })
    }
}
