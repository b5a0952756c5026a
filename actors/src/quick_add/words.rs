//! The words that dates, times and rules are made of, and the words that forbid reading one.

use chrono::Weekday;

use super::tokens::Tokens;

/// How a weekday was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `friday`
    Full,
    /// `fri`: no other English word.
    Short,
    /// `sat`, `sun`, `wed`, `mon`: other words too.
    Doubtful,
    /// `fridays`
    Plural,
}

/// The weekday a word names.
pub(super) fn weekday(word: &str) -> Option<(Weekday, Form)> {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    Some(match word {
        "monday" => (Mon, Form::Full),
        "tuesday" => (Tue, Form::Full),
        "wednesday" => (Wed, Form::Full),
        "thursday" => (Thu, Form::Full),
        "friday" => (Fri, Form::Full),
        "saturday" => (Sat, Form::Full),
        "sunday" => (Sun, Form::Full),
        "tue" | "tues" => (Tue, Form::Short),
        "weds" => (Wed, Form::Short),
        "thu" | "thur" | "thurs" => (Thu, Form::Short),
        "fri" => (Fri, Form::Short),
        "mon" => (Mon, Form::Doubtful),
        "wed" => (Wed, Form::Doubtful),
        "sat" => (Sat, Form::Doubtful),
        "sun" => (Sun, Form::Doubtful),
        "mondays" => (Mon, Form::Plural),
        "tuesdays" => (Tue, Form::Plural),
        "wednesdays" => (Wed, Form::Plural),
        "thursdays" => (Thu, Form::Plural),
        "fridays" => (Fri, Form::Plural),
        "saturdays" => (Sat, Form::Plural),
        "sundays" => (Sun, Form::Plural),
        _ => return None,
    })
}

/// The month a word names.
pub(super) fn month(word: &str) -> Option<u32> {
    Some(match word {
        "jan" | "january" => 1,
        "feb" | "february" => 2,
        "mar" | "march" => 3,
        "apr" | "april" => 4,
        "may" => 5,
        "jun" | "june" => 6,
        "jul" | "july" => 7,
        "aug" | "august" => 8,
        "sep" | "sept" | "september" => 9,
        "oct" | "october" => 10,
        "nov" | "november" => 11,
        "dec" | "december" => 12,
        _ => return None,
    })
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Workday,
    Week,
    Month,
    Year,
}

/// The unit at `i` and how many of it the word is (a fortnight is two weeks); one letter only right behind a number.
pub(super) fn unit(t: &Tokens<'_>, i: usize) -> Option<(Unit, u32, usize)> {
    if t.is(i, &["business", "working", "work", "week"]) && t.is(i + 1, &["day", "days"]) {
        return Some((Unit::Workday, 1, i + 2));
    }
    let (unit, times) = match t.word(i) {
        "minute" | "minutes" | "min" | "mins" => (Unit::Minute, 1),
        "hour" | "hours" | "hr" | "hrs" => (Unit::Hour, 1),
        "day" | "days" => (Unit::Day, 1),
        "week" | "weeks" | "wk" | "wks" => (Unit::Week, 1),
        "fortnight" | "fortnights" => (Unit::Week, 2),
        "month" | "months" => (Unit::Month, 1),
        "quarter" | "quarters" => (Unit::Month, 3),
        "year" | "years" | "yr" | "yrs" => (Unit::Year, 1),
        "weekday" | "weekdays" | "workday" | "workdays" => (Unit::Workday, 1),
        "m" if t.glued(i) => (Unit::Minute, 1),
        "h" if t.glued(i) => (Unit::Hour, 1),
        "d" if t.glued(i) => (Unit::Day, 1),
        "w" if t.glued(i) => (Unit::Week, 1),
        "y" if t.glued(i) => (Unit::Year, 1),
        _ => return None,
    };
    Some((unit, times, i + 1))
}

/// The count at `i`: `3`, `three`, `twenty five`, `a`, `a couple of`.
pub(super) fn count(t: &Tokens<'_>, i: usize) -> Option<(u32, usize)> {
    if let Some(n) = t.number(i) {
        return (n > 0).then_some((n, i + 1));
    }
    if let Some(next) = t.phrase(i, "a couple of").or_else(|| t.phrase(i, "a couple")) {
        return Some((2, next));
    }
    let tens = match t.word(i) {
        "a" | "an" => return Some((1, i + 1)),
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "ninety" => 90,
        word => return small(word).map(|n| (n, i + 1)),
    };
    let hyphen = usize::from(t.tight(i + 1, '-'));
    match small(t.word(i + 1 + hyphen)) {
        Some(ones) if ones < 10 => Some((tens + ones, i + 2 + hyphen)),
        _ => Some((tens, i + 1)),
    }
}

/// The number from one to nineteen that a word names.
pub(super) fn small(word: &str) -> Option<u32> {
    const NAMES: [&str; 19] = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    NAMES.iter().position(|name| *name == word).and_then(|at| u32::try_from(at + 1).ok())
}

/// The ordinal at `i`: `3rd`, `third`; -1 is `last`.
pub(super) fn ordinal(t: &Tokens<'_>, i: usize) -> Option<(i32, usize)> {
    if let Some(n) = t.number(i) {
        let suffix = match (n % 10, n % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        let fits = t.glued(i + 1) && t.word(i + 1) == suffix && n <= 31 && n > 0;
        return fits.then(|| (i32::try_from(n).unwrap_or(1), i + 2));
    }
    let n = match t.word(i) {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        "last" | "final" => -1,
        _ => return None,
    };
    Some((n, i + 1))
}

/// A part of the day, and the hour it stands for where no time is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    Afternoon,
    Evening,
    Night,
}

impl Part {
    /// The hour of the part itself.
    pub(super) fn hour(self) -> u32 {
        match self {
            Self::Morning => 9,
            Self::Afternoon => 15,
            Self::Evening | Self::Night => 20,
        }
    }

    /// The part a word names.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "morning" => Self::Morning,
            "afternoon" => Self::Afternoon,
            "evening" => Self::Evening,
            "night" => Self::Night,
            _ => return None,
        })
    }
}

/// The part of the day at `i`, behind a date or time: `morning`, `in the evening`, `at night`.
pub(super) fn part(t: &Tokens<'_>, i: usize) -> Option<(Part, usize)> {
    if let Some(next) = t.phrase(i, "at night") {
        return Some((Part::Night, next));
    }
    let at = t.phrase(i, "in the").unwrap_or(i);
    Part::named(t.word(at)).map(|part| (part, at + 1))
}

/// Behind one of these a date is not the day something is due: `until friday`, `last friday`.
pub(super) const NO_DATE_AFTER: &str = "\
    about after ago before between each ev every except excluding fortnight from last like not \
    of past previous psychology since than through thru til till to unless until usa versus vs \
    week yesterday";

/// Behind one of these not even `on friday` is a date.
pub(super) const NO_INTRODUCED_AFTER: &str = "ago except excluding fortnight not than unless week";

/// Behind one of these a weekday, `15th` or `weekend` is part of a name or noun: `the friday report`, `good friday`.
pub(super) const NO_WEEKDAY_AFTER: &str = "\
    a an another any ash black bloody casual cyber easter fat fifth final first fourth freaky \
    good her his holy its long manic my no our palm ruby second shrove some super that the \
    their these third those whit your";

/// Before one of these even `on` or `by` does not make a weekday a date: `by friday night lights`.
pub(super) const NO_WEEKDAY_BEFORE: &str = "\
    addams blues lights paper prayers roast school times";

/// Behind one of these a time of day is not when something is due.
pub(super) const NO_TIME_AFTER: &str = "\
    after between except from high like not or past since than the through thru til till to \
    unless until versus vs";

/// These take a number of their own: `version 2.0`, `chapter 10 may`, `psalm 23:10`.
pub(super) const NUMBERED: &str = "\
    apartment apt article building bus chapter episode exodus flight floor gate genesis \
    highway invoice isaiah issue item level leviticus line matthew no number order page part \
    phase platform pr proverbs psalm psalms ratio revelation romans room route score season \
    section size step suite task ticket top track unit v verse version vol volume windows";

/// What a number before one of these counts is no day of a month: `march 10 miles`.
pub(super) const COUNTED: &str = "\
    abreast am bags boxes copies cups days dollars euros feet ft guests hours hrs items kg \
    kilometers kilometres km laps meters metres mile miles min mins minutes months more pages \
    people percent persons players pm pounds steps students tickets times units weeks years";

/// Words that carry on a sentence behind a date, so that the date is no attribute of what follows.
const GOING_ON: &str = "\
    about after again also and around as at because before but by daily each ev every for from \
    if in instead into near on please regarding remind so starting then till to too until \
    using via w weekly when while with without";

/// Words a task begins with: behind one date at the very start (`friday call ann`) the date is no attribute.
const DOING: &str = "\
    ask attend book bring buy call cancel check clean collect cook do drop email fetch file \
    finish fix get give go help make meet order pack pay phone pick plan post prepare read \
    renew reply return review ring schedule see send start submit take text visit wash watch \
    water work write";

/// Whether `word` is one of a list.
pub(super) fn listed(list: &str, word: &str) -> bool {
    // In bytes, for this is the inner loop of everything.
    !word.is_empty() && list.as_bytes().split(|b| *b == b' ').any(|one| one == word.as_bytes())
}

/// Whether the sentence ends, pauses or goes on at `i`, so that what stood before is no attribute of a noun.
pub(super) fn breaks(t: &Tokens<'_>, i: usize) -> bool {
    i >= t.len()
        || t.taken(i)
        || t.among(i, GOING_ON)
        || matches!(t.mark(i), Some(c) if !matches!(c, '&' | '/' | '$' | '€' | '£' | '#' | '+'))
}

/// Whether a task begins at `i`.
pub(super) fn begins_task(t: &Tokens<'_>, i: usize) -> bool {
    t.among(i, DOING)
}

/// Zones that are named behind a time; such a time is not read, for it is not the user's.
pub(super) const ZONE_NAMES: &str = "\
    aedt aest bst cdt cest cet cst ct edt eest eet est et gmt ist jst mdt msk mst pdt pst pt \
    utc zulu";

/// Monday to Friday.
pub(super) const WORKDAYS: [Weekday; 5] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// Monday to Sunday.
pub(super) const ALL_DAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// The days of the week that a word in `the last … of the month` means.
pub(super) fn days(word: &str) -> Option<Vec<Weekday>> {
    match word {
        "day" => Some(ALL_DAYS.to_vec()),
        "weekday" | "workday" => Some(WORKDAYS.to_vec()),
        _ => match weekday(word)? {
            (_, Form::Plural) => None,
            (day, _) => Some(vec![day]),
        },
    }
}
