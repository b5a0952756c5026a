//! Finds tasks by their words: all of them, by prefix, in title (which weighs more) and description.

mod held;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use actors::message::{
    rejection::Rejection,
    task::{Task, query::List},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use held::Lists;

use crate::{
    shelf,
    views::{Archived, Views, Word, words},
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

/// A task that holds the words.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    task: Arc<Task>,
    /// How well it fits, above 0 and at most 1.
    score: f64,
}

/// A match as it is shown.
#[derive(Debug)]
pub(crate) struct Hit {
    /// The task as the interface writes it.
    pub(crate) body: Arc<str>,
    /// How well it fits, above 0 and at most 1.
    pub(crate) score: f64,
    /// Where the words stand, title first.
    pub(crate) highlights: Vec<Highlight>,
}

/// What holds the words of a question, before any filter.
#[derive(Debug, Default)]
pub(crate) struct Found {
    matches: Vec<Match>,
    /// What the tasks were read from, where they were read for this question alone.
    bodies: HashMap<Uuid, Arc<str>>,
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

/// How well a task holds the words; `None` where one of them is not there.
fn look(task: &Task, wanted: &[String]) -> Option<f64> {
    let (title, notes) = texts(task);
    let fits = wanted.iter().map(|word| (fit(&title, word), fit(&notes, word)));
    score(fits, marks("title", &title, wanted).count(), title.len())
}

/// The words of a task's title and of its description.
fn texts(task: &Task) -> (Vec<Word>, Vec<Word>) {
    let notes = task.description.as_ref().map(|text| words(text.as_str()));
    (words(task.title.as_str()), notes.unwrap_or_default())
}

/// What the score of a task follows from: how each word of the question fits in title and description, how many words of
/// the title were asked for, and how many it has.
fn score(
    fits: impl ExactSizeIterator<Item = (Fit, Fit)>,
    marked: usize,
    title_len: usize,
) -> Option<f64> {
    let (mut sum, count) = (0.0, fits.len());
    for (title, notes) in fits {
        if (title, notes) == (Fit::None, Fit::None) {
            return None;
        }
        sum += (title.weight() * TITLE_WEIGHT).max(notes.weight() * NOTES_WEIGHT);
    }
    // Of tasks that hold the same words, the one that says little else fits best.
    let share = marked as f64 / title_len.max(1) as f64;
    let score = (sum / count as f64) * (1.0 - SHARE_WEIGHT) + share * SHARE_WEIGHT;
    // Four digits, so that both databases and every machine write the same.
    Some((score * 10_000.0).round() / 10_000.0)
}

/// What a word in the title counts.
const TITLE_WEIGHT: f64 = 1.0;
/// What a word in the description counts: less than the beginning of one in the title.
const NOTES_WEIGHT: f64 = 0.4;
/// What the beginning of a word counts of the whole one.
const PREFIX_WEIGHT: f64 = 0.8;
/// How much it counts which part of the title was asked for.
const SHARE_WEIGHT: f64 = 0.1;

/// How a word of the question is in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    None,
    /// A word begins with it.
    Prefix,
    Whole,
}

impl Fit {
    fn weight(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Prefix => PREFIX_WEIGHT,
            Self::Whole => 1.0,
        }
    }
}

fn fit(text: &[Word], word: &str) -> Fit {
    if text.iter().any(|one| one.folded == word) {
        Fit::Whole
    } else if text.iter().any(|one| one.folded.starts_with(word)) {
        Fit::Prefix
    } else {
        Fit::None
    }
}

/// Where the words stand in a task, title first.
fn highlights(task: &Task, wanted: &[String]) -> Vec<Highlight> {
    let (title, notes) = texts(task);
    let all = marks("title", &title, wanted).chain(marks("description", &notes, wanted));
    all.take(HIGHLIGHTS_MAX).collect()
}

fn marks(field: &'static str, text: &[Word], wanted: &[String]) -> impl Iterator<Item = Highlight> {
    let meant = |one: &&Word| wanted.iter().any(|word| one.folded.starts_with(word.as_str()));
    text.iter().filter(meant).map(move |&Word { start, end, .. }| Highlight { field, start, end })
}

/// Where a page by relevance ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    score: f64,
    number: u64,
    /// The user's sequence when the first page was shown: what changed since is left out.
    version: u64,
}

impl Found {
    /// What holds the words among these tasks as the interface writes them.
    fn among(bodies: Vec<Arc<str>>, wanted: &[String]) -> Self {
        let mut found = Self::default();
        for body in bodies {
            let Some(task) = shelf::read(&body) else { continue };
            if let Some(score) = look(&task, wanted) {
                found.bodies.insert(task.id, body);
                found.matches.push(Match { task: Arc::new(task), score });
            }
        }
        found
    }

    /// Keeps what passes the filter of a list, and says how many these are.
    pub(crate) fn sieve(&mut self, owner: &shelf::Owner, list: &List) -> usize {
        owner.sieve(&mut self.matches, |one| &one.task, &list.filter);
        self.matches.len()
    }

    /// Leaves the best ones after a place, at most `limit`, and says where the last stands if more follow.
    pub(crate) fn best(
        &mut self,
        after: Option<Place>,
        limit: usize,
        version: u64,
    ) -> Option<Place> {
        let version = after.map_or(version, |place| place.version);
        let matches = &mut self.matches;
        if let Some(place) = after {
            matches.retain(|one| {
                let later = one.score < place.score
                    || (one.score == place.score && one.task.number > place.number);
                later && one.task.version <= place.version
            });
        }
        let order = |a: &Match, b: &Match| {
            b.score.total_cmp(&a.score).then_with(|| a.task.number.cmp(&b.task.number))
        };
        let more = matches.len() > limit;
        if more {
            matches.select_nth_unstable_by(limit, order);
            matches.truncate(limit);
        }
        matches.sort_unstable_by(order);
        let place = |one: &Match| Place { score: one.score, number: one.task.number, version };
        matches.last().filter(|_| more).map(place)
    }

    /// Leaves the page that a list asks for, in its order, and gives the cursor of the next one.
    pub(crate) fn page(
        &mut self,
        owner: shelf::Owner,
        list: &List,
    ) -> Result<Option<String>, Rejection> {
        let tasks: Vec<_> = self.matches.iter().map(|one| one.task.clone()).collect();
        let shelf::Sorted { tasks, next, .. } = owner.page(&tasks, list)?;
        let page: HashSet<Uuid> = tasks.iter().map(|task| task.id).collect();
        let shown = self.matches.iter().filter(|one| page.contains(&one.task.id));
        let scores: HashMap<Uuid, f64> = shown.map(|one| (one.task.id, one.score)).collect();
        let scored = |task: Arc<Task>| Some(Match { score: *scores.get(&task.id)?, task });
        self.matches = tasks.into_iter().filter_map(scored).collect();
        Ok(next)
    }

    /// What is left, as it is shown. A task that was changed since it was found is shown as it is now, or not at all where
    /// it does not hold the words any more.
    pub(crate) async fn shown(
        self,
        views: &Views,
        user: &str,
        wanted: &[String],
    ) -> Result<Vec<Hit>, sqlx::Error> {
        let Self { matches, mut bodies } = self;
        let unread = |one: &&Match| !bodies.contains_key(&one.task.id);
        let missing: Vec<Uuid> = matches.iter().filter(unread).map(|one| one.task.id).collect();
        if !missing.is_empty() {
            let read = views.bodies(user, &missing).await?;
            bodies.extend(read.into_iter().filter_map(|body| Some((shelf::read(&body)?.id, body))));
        }
        let show = |one: Match| {
            let body = bodies.remove(&one.task.id)?;
            let task = shelf::read(&body)?;
            let score = match task.version == one.task.version {
                true => one.score,
                false => look(&task, wanted)?,
            };
            Some(Hit { score, highlights: highlights(&task, wanted), body })
        };
        Ok(matches.into_iter().filter_map(show).collect())
    }
}

/// A question.
pub(crate) struct Question<'a> {
    /// Who asks.
    pub(crate) user: &'a str,
    /// Its words.
    pub(crate) wanted: &'a [String],
    /// Which tasks it is about.
    pub(crate) archived: Archived,
    /// When it is asked.
    pub(crate) now: Timestamp,
}

#[cfg(test)]
mod tests;
