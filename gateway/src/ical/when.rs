//! Dates, times and durations of calendar lines, and the due date that they come to.

use actors::{
    message::{
        task::Due,
        time::{Local, Timestamp, resolve},
    },
    recurrence::rule::When,
};
use chrono::{Datelike, Duration, NaiveDateTime};
use chrono_tz::Tz;

use super::{Fail, fail, line::Line, part::Part, zone::Zones};
use crate::problem::Slug;

/// The last year of a due date.
const YEAR_MAX: i32 = 9999;
/// Our word for a day's own zone: DUE of a day can name none.
pub(super) const ZONE: &str = "X-TICKLER-ZONE";
/// Our word for a due date that follows the user's zone, which it names: DUE would else fix it.
pub(super) const FOLLOWS: &str = "X-TICKLER-FOLLOWS";
/// The lines that make a due date.
pub(super) const DUE: &[&str] = &["DUE", "DURATION", ZONE, FOLLOWS];

/// A day, or a wall-clock time and the zone it is of; without one it floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) local: Local,
    pub(super) zone: Option<Tz>,
}

impl Stamp {
    /// The due date it is for a user of a zone.
    pub(super) fn due(self, users: Tz) -> Due {
        Due::new(self.local, self.zone.unwrap_or(users))
    }

    /// Its parameters and value, as `DUE` and its like write them.
    pub(super) fn written(self) -> String {
        match (self.local, self.zone) {
            (Local::Day(day), _) => format!(";VALUE=DATE:{}", day.format("%Y%m%d")),
            (Local::Moment(at), None) => format!(":{}", basic(at)),
            (Local::Moment(at), Some(Tz::UTC)) => format!(":{}Z", basic(at)),
            (Local::Moment(at), Some(zone)) => format!(";TZID={}:{}", zone.name(), basic(at)),
        }
    }
}

/// `20261121T090000`.
pub(super) fn basic(at: NaiveDateTime) -> String {
    at.format("%Y%m%dT%H%M%S").to_string()
}

/// An instant as calendars write it.
pub(super) fn utc(at: Timestamp) -> String {
    format!("{}Z", basic(at.utc().naive_utc()))
}

/// One date or time of a line.
pub(super) fn stamp((at, line): &(usize, Line<'_>), zones: &Zones) -> Result<Stamp, Fail> {
    one(line, line.value, *at, zones)
}

/// Every date or time of a line that lists some.
pub(super) fn stamps((at, line): &(usize, Line<'_>), zones: &Zones) -> Result<Vec<Stamp>, Fail> {
    line.value.split(',').map(|value| one(line, value, *at, zones)).collect()
}

fn one(line: &Line<'_>, value: &str, at: usize, zones: &Zones) -> Result<Stamp, Fail> {
    let unreadable = || fail(at, Slug::Invalid, format!("{} is no date and no time.", line.name));
    let zone = || match line.param("TZID") {
        None => Ok(None),
        Some(id) => zones.get(id).map(Some).ok_or_else(|| {
            let why = format!("The TZID {id:?} is no IANA zone and no known name of one.");
            fail(at, Slug::InvalidZone, why)
        }),
    };
    match When::read(value).ok_or_else(unreadable)? {
        When::Local(Local::Day(day)) => Ok(Stamp { local: Local::Day(day), zone: None }),
        When::Local(Local::Moment(moment)) if line.says("VALUE", "DATE") => {
            Ok(Stamp { local: Local::Day(moment.date()), zone: None })
        }
        When::Local(local) => Ok(Stamp { local, zone: zone()? }),
        When::Utc(moment) => Ok(Stamp { local: Local::Moment(moment), zone: Some(Tz::UTC) }),
    }
}

/// An instant that a line such as `CREATED` gives; what cannot be read is as if it were not there.
pub(super) fn instant(part: &Part, name: &str, users: Tz, zones: &Zones) -> Option<Timestamp> {
    let stamp = stamp(&part.line(name)?, zones).ok()?;
    let at = stamp.local.at(chrono::NaiveTime::MIN);
    let at = resolve(at, stamp.zone.unwrap_or(users)).utc;
    // On the edge of time a zone leads out of the years that are written with four digits.
    Some(at.into()).filter(|_| (1..=9_999).contains(&at.year()))
}

/// When a component begins.
pub(super) fn start(part: &Part, zones: &Zones) -> Result<Option<Stamp>, Fail> {
    part.line("DTSTART").map(|line| stamp(&line, zones)).transpose()
}

/// The due date of a VTODO and the zone of its own. DTSTART with DURATION says one, and DTSTART alone where it recurs.
pub(super) fn due(
    part: &Part,
    users: Tz,
    zones: &Zones,
) -> Result<(Option<Due>, Option<Tz>), Fail> {
    let zone_of = |name: &str| part.line(name).and_then(|(_, line)| line.value.trim().parse().ok());
    let stamp = match (part.line("DUE"), part.line("DURATION")) {
        (Some(line), _) => Some(stamp(&line, zones)?),
        (None, Some((at, line))) => match (start(part, zones)?, duration(line.value)) {
            (Some(start), Some(length)) => Some(later(start, length)),
            (None, Some(_)) => None,
            (_, None) => {
                return Err(fail(at, Slug::Invalid, "The DURATION is none.".to_owned()));
            }
        },
        (None, None) if part.line("RRULE").is_some() => start(part, zones)?,
        (None, None) => None,
    };
    let Some(stamp) = stamp else { return Ok((None, zone_of(ZONE))) };
    if stamp.local.date().year() > YEAR_MAX {
        let why = format!("The due date lies beyond the year {YEAR_MAX}.");
        return Err(fail(part.at, Slug::Invalid, why));
    }
    let follows = stamp.zone.is_some() && stamp.zone == zone_of(FOLLOWS);
    let zone = match stamp.local {
        Local::Day(_) => zone_of(ZONE),
        Local::Moment(_) if follows => None,
        Local::Moment(_) => stamp.zone,
    };
    Ok((Some(Stamp { zone, ..stamp }.due(users)), zone))
}

fn later(start: Stamp, secs: i64) -> Stamp {
    let local = match start.local {
        Local::Day(day) => {
            Local::Day(day.checked_add_signed(Duration::days(secs / 86_400)).unwrap_or(day))
        }
        Local::Moment(at) => {
            Local::Moment(at.checked_add_signed(Duration::seconds(secs)).unwrap_or(at))
        }
    };
    Stamp { local, ..start }
}

/// The due date's lines.
pub(super) fn written(due: Option<Due>, zone: Option<Tz>, users: Tz) -> Vec<String> {
    let own = || zone.map(|zone| format!("{ZONE}:{}", zone.name()));
    let Some(due) = due else { return own().into_iter().collect() };
    let stamp = Stamp { local: due.local(), zone: Some(zone.unwrap_or(users)) };
    let line = format!("DUE{}", stamp.written());
    let beside = match (due, zone) {
        (Due::Day(_), _) => own(),
        (Due::Moment { .. }, None) => Some(format!("{FOLLOWS}:{}", users.name())),
        (Due::Moment { .. }, Some(_)) => None,
    };
    std::iter::once(line).chain(beside).collect()
}

/// Seconds of a duration, signed: `-PT15M`, `P1W`. At most some hundred years.
pub(super) fn duration(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let mut rest = rest.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let (mut secs, mut clock) = (0_i64, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T').filter(|_| !clock) {
            (rest, clock) = (after, true);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..=9).contains(end))?;
        let unit = match (rest.as_bytes()[end], clock) {
            (b'W', false) => 604_800,
            (b'D', false) => 86_400,
            (b'H', true) => 3_600,
            (b'M', true) => 60,
            (b'S', true) => 1,
            _ => return None,
        };
        secs = secs.checked_add(rest[..end].parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    (secs <= 4_000_000_000).then_some(sign * secs)
}

/// Seconds as a duration; whole days keep the wall clock and are written as such.
pub(super) fn span(secs: i64) -> String {
    let (sign, size) = (if secs < 0 { "-" } else { "" }, secs.abs());
    if size % 86_400 == 0 && size > 0 {
        return format!("{sign}P{}D", size / 86_400);
    }
    let parts = [(size / 3_600, 'H'), (size / 60 % 60, 'M'), (size % 60, 'S')];
    let parts: String =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    format!("{sign}PT{}", if parts.is_empty() { "0S" } else { &parts })
}
