//! Finds tasks by their words: all of them, by prefix, in title (which weighs more) and description.

use std::sync::Arc;

use actors::message::task::{Task, query::List};
use serde::{Deserialize, Serialize};

use crate::{
    shelf,
    views::{Word, words},
};

/// Most highlights of one task.
const HIGHLIGHTS_MAX: usize = 100;
/// Most words of a question that count.
const WORDS_MAX: usize = 32;

/// Where a word of the question stands in a task, in UTF-16 units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Highlight {
    field: &'static str,
    start: usize,
    end: usize,
}

/// A task that was found.
#[derive(Debug)]
pub(crate) struct Hit {
    task: Arc<Task>,
    /// The task as the interface writes it.
    pub(crate) body: Arc<str>,
    /// How well it fits, above 0 and at most 1.
    pub(crate) score: f64,
    /// Where the words stand, title first.
    pub(crate) highlights: Vec<Highlight>,
}

/// The words of a question, folded, each once.
pub(crate) fn wanted(question: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for Word { folded, .. } in words(question) {
        if !wanted.contains(&folded) && wanted.len() < WORDS_MAX {
            wanted.push(folded);
        }
    }
    wanted
}

/// Looks at a task: how well it holds the words, and where; `None` where one of them is not there.
pub(crate) fn look(task: Arc<Task>, body: Arc<str>, wanted: &[String]) -> Option<Hit> {
    let title = words(task.title.as_str());
    let notes = task.description.as_ref().map(|text| words(text.as_str())).unwrap_or_default();
    let mut sum = 0.0;
    for word in wanted {
        let (in_title, in_notes) = (fit(&title, word), fit(&notes, word));
        if in_title == 0.0 && in_notes == 0.0 {
            return None;
        }
        sum += (in_title * TITLE_WEIGHT).max(in_notes * NOTES_WEIGHT);
    }
    let mut highlights = marks("title", &title, wanted);
    // Of tasks that hold the same words, the one that says little else fits best.
    let share = highlights.len() as f64 / title.len().max(1) as f64;
    let score = (sum / wanted.len() as f64) * (1.0 - SHARE_WEIGHT) + share * SHARE_WEIGHT;
    highlights.extend(marks("description", &notes, wanted));
    highlights.truncate(HIGHLIGHTS_MAX);
    // Four digits, so that both databases and every machine write the same.
    let score = (score * 10_000.0).round() / 10_000.0;
    Some(Hit { task, body, score, highlights })
}

/// What a word in the title counts.
const TITLE_WEIGHT: f64 = 1.0;
/// What a word in the description counts: less than the beginning of one in the title.
const NOTES_WEIGHT: f64 = 0.4;
/// What the beginning of a word counts of the whole one.
const PREFIX_WEIGHT: f64 = 0.8;
/// How much it counts which part of the title was asked for.
const SHARE_WEIGHT: f64 = 0.1;

fn fit(text: &[Word], word: &str) -> f64 {
    if text.iter().any(|one| one.folded == word) {
        1.0
    } else if text.iter().any(|one| one.folded.starts_with(word)) {
        PREFIX_WEIGHT
    } else {
        0.0
    }
}

fn marks(field: &'static str, text: &[Word], wanted: &[String]) -> Vec<Highlight> {
    let meant = |one: &&Word| wanted.iter().any(|word| one.folded.starts_with(word.as_str()));
    text.iter()
        .filter(meant)
        .map(|&Word { start, end, .. }| Highlight { field, start, end })
        .collect()
}

/// Where a page by relevance ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    score: f64,
    number: u64,
    /// The user's sequence when the first page was shown: what changed since is left out.
    version: u64,
}

/// The best hits after a place, at most `limit`, and the place of the last where more follow.
pub(crate) fn best(
    mut hits: Vec<Hit>,
    after: Option<Place>,
    limit: usize,
    version: u64,
) -> (Vec<Hit>, Option<Place>) {
    let version = after.map_or(version, |place| place.version);
    if let Some(place) = after {
        hits.retain(|hit| {
            let later = hit.score < place.score
                || (hit.score == place.score && hit.task.number > place.number);
            later && hit.task.version <= place.version
        });
    }
    hits.sort_unstable_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| a.task.number.cmp(&b.task.number))
    });
    let more = hits.len() > limit;
    hits.truncate(limit);
    let place = |hit: &Hit| Place { score: hit.score, number: hit.task.number, version };
    let next = hits.last().filter(|_| more).map(place);
    (hits, next)
}

/// The hits among a page of a list, in its order.
pub(crate) fn in_order(hits: Vec<Hit>, page: &shelf::Page) -> Vec<Hit> {
    let mut hits: std::collections::HashMap<_, _> =
        hits.into_iter().map(|hit| (hit.task.id, hit)).collect();
    page.ids.iter().filter_map(|id| hits.remove(id)).collect()
}

/// The hits that pass the filter of a list.
pub(crate) fn sieve(
    bodies: Vec<Arc<str>>,
    owner: &shelf::Owner,
    list: &List,
    wanted: &[String],
) -> Vec<Hit> {
    let passed = shelf::sieve(bodies, owner, &list.filter);
    passed.into_iter().filter_map(|(task, body)| look(task, body, wanted)).collect()
}

#[cfg(test)]
mod tests;
