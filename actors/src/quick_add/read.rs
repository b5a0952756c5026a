//! One pass over the text that collects phrases, and judges by their neighbours which are meant as such.

use chrono::{NaiveDate, Weekday};

use super::dates::{self, Date, Reading, Scene, Shape, Step};
use super::reminders::{self, Reminder};
use super::rules::{self, Rule};
use super::times::{self, Time};
use super::tokens::Tokens;
use super::words::{self, Form};

/// What a phrase says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A day or moment.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A rule of recurrence.
    Rule(Rule),
    /// `starting monday`; means something only beside a rule, as do the next three.
    Start(Date),
    /// `until 31 march`
    Until(NaiveDate),
    /// `for 10 times`
    Count(u32),
    /// `for 3 weeks`
    Lasting(Step),
    /// `remind me 30 min before`
    Reminder(Reminder),
}

/// A phrase and its range of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) item: Item,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Everything found in a text.
pub(super) struct Found {
    pub(super) pieces: Vec<Piece>,
    /// Something looked like a date and was not read: then a time alone is not read as today's either.
    pub(super) doubt: bool,
}

/// Reads the whole text, once from left to right; every phrase looks ahead a bounded way.
pub(super) fn read(t: &Tokens<'_>, s: &Scene) -> Found {
    let mut reader = Reader { t, s, pieces: Vec::new(), doubt: false };
    let mut i = 0;
    while i < t.len() {
        i = if t.taken(i) { i + 1 } else { reader.step(i) };
    }
    Found { pieces: reader.pieces, doubt: reader.doubt }
}

struct Reader<'a, 'b> {
    t: &'a Tokens<'b>,
    s: &'a Scene,
    pieces: Vec<Piece>,
    doubt: bool,
}

/// The word that introduces a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intro {
    None,
    /// `on`, `by`, `due`: what follows is when.
    When,
    /// `for`, `at`, `over`: or what.
    For,
}

impl Reader<'_, '_> {
    /// Reads the phrase at `i` if there is one, and answers where to go on.
    fn step(&mut self, i: usize) -> usize {
        let t = self.t;
        let silent = t.word(i).is_empty() && t.digits(i).is_empty() && t.mark(i) != Some('@');
        if silent {
            return i + 1;
        }
        if let Some((reminder, to)) = reminders::reminder(t, i, self.s) {
            return self.push(Item::Reminder(reminder), i, to);
        }
        if let Some((rule, to)) = rules::rule(t, i) {
            return match rule {
                Some(rule) if self.admits_rule(&rule, i, to) => self.push(Item::Rule(rule), i, to),
                rule => {
                    // A daily report is no date, `every second friday` is one in some way.
                    if rule.is_none() { self.refuse(to.max(i + 1)) } else { to }
                }
            };
        }
        if let Some(to) = self.clause(i) {
            return to;
        }
        if let Some(to) = self.due(i) {
            return to;
        }
        let word = t.word(i);
        self.doubt |= matches!(words::weekday(word), Some((_, form)) if form != Form::Doubtful)
            || word == "tomorrow";
        i + 1
    }

    fn push(&mut self, item: Item, from: usize, to: usize) -> usize {
        self.pieces.push(Piece { item, from, to });
        to
    }

    /// Whether a phrase ended right before `i`, so that the word before it is no noun.
    fn follows(&self, i: usize) -> bool {
        let comma = self.t.mark(i.wrapping_sub(1)) == Some(',');
        self.pieces.last().is_some_and(|piece| piece.to == i || comma && piece.to + 1 == i)
    }

    /// `daily` and the like are rules where they stand apart: alone, at the end, or before a time.
    fn admits_rule(&self, rule: &Rule, from: usize, to: usize) -> bool {
        let t = self.t;
        if !rule.adverb || (from == 0 && to == t.len()) {
            return true;
        }
        if t.is(
            from.wrapping_sub(1),
            &["the", "a", "an", "my", "our", "your", "this", "hate", "tgi"],
        ) {
            return false;
        }
        let timed = self.time_at(to);
        if !rule.days.is_empty() {
            return timed || self.follows(from);
        }
        let opening = from == 0 && rule.freq == rules::Freq::Daily && self.times_later(to);
        opening || timed || words::breaks(t, to) && !t.is(to, &["and", "or"])
    }

    /// Whether a time but no day stands behind `i`: `daily standup at 9`.
    fn times_later(&self, i: usize) -> bool {
        let t = self.t;
        (i..t.len().min(i + 40)).any(|at| self.time_at(at) && t.opens(at))
            && !(i..t.len()).any(|at| {
                words::weekday(t.word(at)).is_some()
                    || words::month(t.word(at)).is_some()
                    || t.is(at, &["every", "each", "tomorrow", "today", "tonight", "next", "in"])
            })
    }

    fn time_at(&self, i: usize) -> bool {
        let at = i + usize::from(self.t.mark(i) == Some(','));
        matches!(times::time(self.t, at), Some((Some(_), _)))
    }

    fn date_at(&self, i: usize) -> bool {
        let at = i + usize::from(self.t.mark(i) == Some(','));
        let (core, _) = introduction(self.t, at);
        matches!(dates::date(self.t, core, self.s), Some((Reading::Date(_), _)))
    }

    /// `starting …`, `until …`, `for 10 times`.
    fn clause(&mut self, i: usize) -> Option<usize> {
        let t = self.t;
        if !t.opens(i) {
            return None;
        }
        let day = |at: usize| {
            let (core, _) = introduction(t, at);
            match dates::date(t, core, self.s)? {
                (Reading::Date(date), next) => Some((date, next)),
                (Reading::Refused, _) => None,
            }
        };
        let ruled = self.pieces.iter().any(|piece| matches!(piece.item, Item::Rule(_)));
        let start = t.is(i, &["starting", "beginning", "starts", "effective"])
            || ruled && t.word(i) == "from";
        if ruled && start && self.time_at(i + 1) {
            // `every hour starting at 9am`: the time is read by itself, with the word before it.
            let (time, to) = times::time(t, i + 1)?;
            return Some(self.push(Item::Time(time?), i, to));
        }
        if start && let Some((date, next)) = day(i + 1) {
            return Some(self.push(Item::Start(date), i, next));
        }
        let end = t.is(i, &["until", "till", "til", "through", "thru", "ending", "ends"]);
        if end && let Some((date, next)) = day(i + 1) {
            let dates::At::Day(day) = date.at else { return None };
            if date.part.is_none() {
                return Some(self.push(Item::Until(day), i, next));
            }
        }
        if !self.follows(i) {
            return None;
        }
        let said = t.phrase(i, "for the next").or_else(|| t.phrase(i, "for"));
        let from = said.unwrap_or(i);
        let (n, next) = words::count(t, from)?;
        let times = ["times", "time", "occurrences", "repetitions", "iterations"];
        if t.is(next, &times) && !t.is(from, &["a", "an"]) && t.closes(next + 1) {
            return Some(self.push(Item::Count(n), i, next + 1));
        }
        let (step, next) = dates::amount(t, from).filter(|(step, _)| step.minutes == 0)?;
        (from > i && t.closes(next)).then(|| self.push(Item::Lasting(step), i, next))
    }

    /// A date or a time with its introduction; where it is not admitted, it is stepped over.
    fn due(&mut self, i: usize) -> Option<usize> {
        let t = self.t;
        if !t.opens(i) {
            return None;
        }
        let (core, intro) = introduction(t, i);
        if let Some((_, to)) = rules::weekdays(t, core)
            && to > core + 1
        {
            return Some(self.refuse(to));
        }
        if let Some((reading, to)) = dates::date(t, core, self.s) {
            let Reading::Date(date) = reading else { return Some(self.refuse(to)) };
            if !self.admits_date(&date, intro, i, core, to) {
                return Some(self.refuse(to));
            }
            return Some(self.push(Item::Date(date), i, to));
        }
        let (time, to) = times::time(t, i)?;
        match time {
            Some(time) if self.admits_time(&time, i, to) => {
                Some(self.push(Item::Time(time), i, to))
            }
            _ => Some(to),
        }
    }

    /// Steps over a date that is not read, over the time that belongs to it, and over its alternatives.
    fn refuse(&mut self, to: usize) -> usize {
        let t = self.t;
        self.doubt = true;
        let mut to = to;
        loop {
            let at = to + usize::from(t.mark(to) == Some(','));
            to = times::time(t, at).map_or(to, |(_, end)| end);
            let (core, _) = introduction(t, to + 1);
            let other = self.joins(to) || t.is(to, &["but", "except"]);
            match dates::date(t, core, self.s) {
                Some((_, end)) if other => to = end,
                _ => return to,
            }
        }
    }

    /// Whether the word or mark at `i` sets two dates or numbers side by side.
    fn joins(&self, i: usize) -> bool {
        self.t.is(i, &["and", "or", "to", "through", "thru"])
            || matches!(self.t.mark(i), Some('-' | '–' | '&'))
    }

    fn admits_date(&self, date: &Date, intro: Intro, from: usize, core: usize, to: usize) -> bool {
        let t = self.t;
        if from == 0 && to == t.len() {
            return true;
        }
        let before = if self.follows(from) { "" } else { t.before(from) };
        let blocked = match intro {
            Intro::None => words::NO_DATE_AFTER,
            _ => words::NO_INTRODUCED_AFTER,
        };
        if words::listed(blocked, before) || self.one_of_many(core, to) {
            return false;
        }
        let doing = from == 0
            && (words::begins_task(t, to)
                || matches!(date.shape, Shape::Weekday(Form::Full))
                    && !t.among(to, words::NO_WEEKDAY_BEFORE)
                    && self.times_later(to));
        let ends = words::breaks(t, to) || self.time_at(to) || doing;
        let when = intro == Intro::When;
        let named = intro == Intro::None && words::listed(words::NO_WEEKDAY_AFTER, before);
        match date.shape {
            Shape::Firm => true,
            _ if named => false,
            Shape::Weekday(Form::Full | Form::Plural) => {
                ends || when && !t.among(to, words::NO_WEEKDAY_BEFORE)
            }
            Shape::Weekday(Form::Short) => ends || when,
            Shape::Weekday(Form::Doubtful) => {
                let word = t.word(core);
                let alone = matches!(word, "mon" | "wed") && !self.weds(before) || doing;
                ends && (intro != Intro::None || self.time_at(to) || date.part.is_some() || alone)
            }
            Shape::Nth => ends && (when || self.time_at(to)),
            Shape::Weekend => ends && intro != Intro::None,
            Shape::Slash => when || self.time_at(to) || self.follows(from),
        }
    }

    /// `get wed`, `newly wed`: the word before makes it a verb.
    fn weds(&self, before: &str) -> bool {
        ["newly", "be", "get", "getting", "i", "we", "they", "are", "were", "just"]
            .contains(&before)
    }

    /// `3 and 5 january`, `jan 3 - jan 5`, `friday or later`: one of several days.
    fn one_of_many(&self, core: usize, to: usize) -> bool {
        let t = self.t;
        let number = |at: usize| !t.digits(at).is_empty();
        let before = core >= 2 && number(core) && self.joins(core - 1) && number(core - 2);
        let behind = self.joins(to) && number(to + 1) && !self.time_at(to + 1);
        before || behind || t.word(to) == "or" || self.joins(to) && self.date_at(to + 1)
    }

    fn admits_time(&self, time: &Time, from: usize, to: usize) -> bool {
        let t = self.t;
        if from == 0 && to == t.len() {
            return true;
        }
        let follows = self.follows(from);
        if !follows && t.among(from.wrapping_sub(1), words::NO_TIME_AFTER) {
            return false;
        }
        let dated = follows || self.date_at(to) || matches!(rules::rule(t, to), Some((Some(_), _)));
        if time.named && time.bare {
            let ends = to >= t.len() || t.taken(to) || t.mark(to).is_some();
            return dated || from > 0 && ends;
        }
        if time.number {
            let doing = from == 0 && words::begins_task(t, to);
            return dated || doing || words::breaks(t, to);
        }
        !t.is(to, &["min", "mins", "minutes", "mile", "miles", "pace", "ratio", "split"])
    }
}

/// Where the date begins behind `on`, `due by`, `for`, and how it is introduced.
fn introduction(t: &Tokens<'_>, i: usize) -> (usize, Intro) {
    match t.word(i) {
        "due" => {
            let at = i + 1 + usize::from(t.tight(i + 1, ':'));
            let at = at + usize::from(t.is(at, &["on", "by", "at", "for"]));
            (at, Intro::When)
        }
        "on" | "by" => (i + 1, Intro::When),
        "for" | "at" | "over" | "during" => (i + 1, Intro::For),
        _ if t.mark(i) == Some('@') => (i + 1, Intro::When),
        _ => (i, Intro::None),
    }
}

/// Whether a rule turns on the weekday of `day`, or on no weekday in particular.
pub(super) fn turns_on(rule: &Rule, day: Weekday) -> bool {
    rule.days.is_empty() || rule.days.contains(&day)
}
