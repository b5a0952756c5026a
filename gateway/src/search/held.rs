//! Long lists in memory: a common word is in too many tasks of a long list to be read for each question.
//!
//! A list is held from the first question on that finds more than [`FEW`] of its tasks. Each question then reads what was
//! written since the one before, and looks at every task of the list, so that order, total and filters are exact.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use actors::message::{task::Task, time::Timestamp};
use uuid::Uuid;

use super::{Fit, Found, Match, Question, score, texts};
use crate::{
    shelf,
    views::{Archived, DELETED_KEPT_MS, Views, Written},
};

/// Most tasks that are read for one question alone.
const FEW: usize = 1_000;
/// Most tasks of all lists that are held.
const HELD_MAX: usize = 200_000;
/// Most tasks that are looked at of a list that is too long to be held; those that the index names first.
const LOOKED_AT_MAX: usize = 20_000;

/// The lists that are held in this process.
#[derive(Default)]
pub(crate) struct Lists(Mutex<Held>);

#[derive(Default)]
struct Held {
    lists: HashMap<String, Place>,
    /// Counts the questions: which list was asked last.
    asked: u64,
}

struct Place {
    list: Arc<tokio::sync::Mutex<List>>,
    tasks: usize,
    asked: u64,
}

impl Lists {
    /// What holds all words of a question.
    pub(crate) async fn find(
        &self,
        views: &Views,
        question: &Question<'_>,
    ) -> Result<Found, sqlx::Error> {
        let &Question { user, wanted, archived, now } = question;
        if let Some(list) = self.get(user) {
            return self.ask(views, &list, question).await;
        }
        let few = views.found(user, wanted, archived, (now, FEW + 1)).await?;
        if few.len() <= FEW {
            return Ok(Found::among(few, wanted));
        }
        let tasks = views.findable(user).await?;
        if tasks > HELD_MAX {
            let some = views.found(user, wanted, archived, (now, LOOKED_AT_MAX)).await?;
            return Ok(Found::among(some, wanted));
        }
        let list = self.hold(user, tasks);
        self.ask(views, &list, question).await
    }

    async fn ask(
        &self,
        views: &Views,
        list: &tokio::sync::Mutex<List>,
        question: &Question<'_>,
    ) -> Result<Found, sqlx::Error> {
        let mut list = list.lock().await;
        list.refresh(views, question.user).await?;
        let matches = list.matches(question);
        self.weigh(question.user, list.tasks.len());
        Ok(Found { matches, bodies: HashMap::new() })
    }

    /// Notes how long a list is by now; one that has become too long goes.
    fn weigh(&self, user: &str, tasks: usize) {
        let mut held = self.held();
        if tasks > HELD_MAX {
            held.lists.remove(user);
        } else if let Some(place) = held.lists.get_mut(user) {
            place.tasks = tasks;
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, user: &str) -> Option<Arc<tokio::sync::Mutex<List>>> {
        let mut held = self.held();
        held.asked += 1;
        let asked = held.asked;
        let place = held.lists.get_mut(user)?;
        place.asked = asked;
        Some(place.list.clone())
    }

    /// Makes room for a list of so many tasks: those that were not asked for longest go.
    fn hold(&self, user: &str, tasks: usize) -> Arc<tokio::sync::Mutex<List>> {
        let mut held = self.held();
        let asked = held.asked;
        while held.lists.values().map(|place| place.tasks).sum::<usize>() + tasks > HELD_MAX {
            let oldest = held.lists.iter().min_by_key(|(_, place)| place.asked);
            let Some(oldest) = oldest.map(|(user, _)| user.clone()) else { break };
            held.lists.remove(&oldest);
        }
        let new = || Place { list: Arc::default(), tasks, asked };
        held.lists.entry(user.to_owned()).or_insert_with(new).list.clone()
    }
}

/// All tasks of a user, and their words by number.
struct List {
    entries: HashMap<Uuid, usize>,
    tasks: Vec<Entry>,
    numbers: HashMap<Arc<str>, u32>,
    words: Vec<Arc<str>>,
    /// The newest stamp of what was read.
    stamp: i64,
}

struct Entry {
    task: Arc<Task>,
    /// The words of the title, then those of the description.
    words: Box<[u32]>,
    title_len: usize,
    is_archived: bool,
}

impl Default for List {
    fn default() -> Self {
        // What was written before there were stamps has 0.
        let stamp = -1;
        Self {
            entries: HashMap::new(),
            tasks: Vec::new(),
            numbers: HashMap::new(),
            words: Vec::new(),
            stamp,
        }
    }
}

impl List {
    /// Reads what was written since. A part of it, where that fails or is given up, is read again the next time.
    async fn refresh(&mut self, views: &Views, user: &str) -> Result<(), sqlx::Error> {
        let mut newest = self.stamp;
        views
            .each_written(user, self.stamp, |written| {
                newest = newest.max(written.stamp);
                self.take(&written);
            })
            .await?;
        self.stamp = newest;
        Ok(())
    }

    fn take(&mut self, written: &Written) {
        let Some(task) = shelf::read(&written.body) else { return };
        let (title, notes) = texts(&task);
        let title_len = title.len();
        let words = title.iter().chain(&notes).map(|word| self.number(&word.folded)).collect();
        let is_archived = written.is_archived;
        let entry = Entry { task: Arc::new(task), words, title_len, is_archived };
        match self.entries.get(&entry.task.id) {
            Some(at) => self.tasks[*at] = entry,
            None => {
                self.entries.insert(entry.task.id, self.tasks.len());
                self.tasks.push(entry);
            }
        }
    }

    fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = u32::try_from(self.words.len()).expect("fewer words than bytes of tasks");
        let word: Arc<str> = word.into();
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        number
    }

    fn matches(&self, question: &Question<'_>) -> Vec<Match> {
        let since = Timestamp(question.now.0 - DELETED_KEPT_MS);
        let meant = Meant::new(&self.words, question.wanted);
        let among = |entry: &&Entry| {
            (entry.is_archived || question.archived == Archived::Too)
                && entry.task.deleted_at.is_none_or(|at| at > since)
        };
        // The words first: of those that do not hold them nothing else is touched.
        let all = self.tasks.iter().filter_map(|entry| Some((entry, meant.score(entry)?)));
        all.filter(|(entry, _)| among(entry))
            .map(|(entry, score)| Match { task: entry.task.clone(), score })
            .collect()
    }
}

/// Which words of the question each word of a list begins with, and which it is: one bit for each.
struct Meant {
    begun: Vec<u32>,
    whole: Vec<u32>,
    wanted: usize,
}

impl Meant {
    fn new(words: &[Arc<str>], wanted: &[String]) -> Self {
        let bits = |fits: &dyn Fn(&str, &str) -> bool| {
            let of = |word: &Arc<str>| {
                let fitting = wanted.iter().enumerate().filter(|(_, one)| fits(word, one));
                fitting.fold(0, |bits, (n, _)| bits | 1 << n)
            };
            words.iter().map(of).collect()
        };
        let begun = bits(&|word, one| word.starts_with(one));
        Self { begun, whole: bits(&|word, one| word == one), wanted: wanted.len() }
    }

    /// How well a task holds the words; `None` where one of them is not there.
    fn score(&self, entry: &Entry) -> Option<f64> {
        let (title, notes) = entry.words.split_at(entry.title_len);
        let of =
            |words: &[u32], bits: &[u32]| words.iter().fold(0, |all, n| all | bits[*n as usize]);
        let begun = (of(title, &self.begun), of(notes, &self.begun));
        let all = u32::MAX >> (u32::BITS as usize - self.wanted);
        if begun.0 | begun.1 != all {
            return None;
        }
        let whole = (of(title, &self.whole), of(notes, &self.whole));
        let fit = |begun: u32, whole: u32, n: usize| match (begun >> n & 1, whole >> n & 1) {
            (_, 1) => Fit::Whole,
            (1, _) => Fit::Prefix,
            _ => Fit::None,
        };
        let fits = (0..self.wanted).map(|n| (fit(begun.0, whole.0, n), fit(begun.1, whole.1, n)));
        let marked = title.iter().filter(|n| self.begun[**n as usize] != 0).count();
        score(fits, marked, entry.title_len)
    }
}

#[cfg(test)]
impl Lists {
    /// Lists that hold this one already.
    pub(super) fn holding(user: &str) -> Self {
        let lists = Self::default();
        lists.hold(user, 0);
        lists
    }

    pub(super) fn holds(&self, user: &str) -> bool {
        self.held().lists.contains_key(user)
    }
}
