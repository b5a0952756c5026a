//! Zones of a calendar file: which IANA zone a TZID means, and the VTIMEZONE that says it to others.

use std::collections::{BTreeMap, HashMap};

use actors::message::time::Timestamp;
use chrono::{DateTime, Datelike, Duration, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use super::part::{Part, write};

/// Years after the last date of a file for which its zones are told.
const YEARS_AHEAD: i32 = 10;
/// The years that are told at most.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;

/// Names of Windows for the zones that Outlook and Exchange write most (CLDR, windowsZones).
#[rustfmt::skip]
const WINDOWS: [(&str, &str); 44] = [
    ("AUS Eastern Standard Time", "Australia/Sydney"), ("Alaskan Standard Time", "America/Anchorage"),
    ("Arab Standard Time", "Asia/Riyadh"), ("Arabian Standard Time", "Asia/Dubai"),
    ("Argentina Standard Time", "America/Buenos_Aires"), ("Atlantic Standard Time", "America/Halifax"),
    ("Cen. Australia Standard Time", "Australia/Adelaide"), ("Central America Standard Time", "America/Guatemala"),
    ("Central Asia Standard Time", "Asia/Almaty"), ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"), ("Central Standard Time", "America/Chicago"),
    ("Central Standard Time (Mexico)", "America/Mexico_City"), ("China Standard Time", "Asia/Shanghai"),
    ("E. Africa Standard Time", "Africa/Nairobi"), ("E. Australia Standard Time", "Australia/Brisbane"),
    ("E. South America Standard Time", "America/Sao_Paulo"), ("Eastern Standard Time", "America/New_York"),
    ("Egypt Standard Time", "Africa/Cairo"), ("FLE Standard Time", "Europe/Kiev"),
    ("GMT Standard Time", "Europe/London"), ("GTB Standard Time", "Europe/Bucharest"),
    ("Greenwich Standard Time", "Atlantic/Reykjavik"), ("Hawaiian Standard Time", "Pacific/Honolulu"),
    ("India Standard Time", "Asia/Calcutta"), ("Israel Standard Time", "Asia/Jerusalem"),
    ("Korea Standard Time", "Asia/Seoul"), ("Mountain Standard Time", "America/Denver"),
    ("New Zealand Standard Time", "Pacific/Auckland"), ("Newfoundland Standard Time", "America/St_Johns"),
    ("Pacific SA Standard Time", "America/Santiago"), ("Pacific Standard Time", "America/Los_Angeles"),
    ("Pakistan Standard Time", "Asia/Karachi"), ("Romance Standard Time", "Europe/Paris"),
    ("Russian Standard Time", "Europe/Moscow"), ("SA Pacific Standard Time", "America/Bogota"),
    ("SE Asia Standard Time", "Asia/Bangkok"), ("Singapore Standard Time", "Asia/Singapore"),
    ("South Africa Standard Time", "Africa/Johannesburg"), ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Turkey Standard Time", "Europe/Istanbul"), ("US Mountain Standard Time", "America/Phoenix"),
    ("UTC", "UTC"), ("W. Europe Standard Time", "Europe/Berlin"),
];

/// The zones of a file by their TZID.
#[derive(Debug, Default)]
pub(super) struct Zones(HashMap<String, Tz>);

impl Zones {
    /// The zones that a calendar defines. Only their names count: IANA knows the rules better than the file.
    pub(super) fn of(calendars: &[Part]) -> Self {
        let parts = calendars.iter().flat_map(|calendar| &calendar.parts);
        let defined = parts.filter(|part| part.name == "VTIMEZONE").filter_map(|part| {
            let (_, id) = part.line("TZID")?;
            let known = part.line("X-LIC-LOCATION").and_then(|(_, line)| named(line.value));
            Some((id.value.trim().to_owned(), named(id.value).or(known)?))
        });
        Self(defined.collect())
    }

    /// The zone that a TZID means.
    pub(super) fn get(&self, id: &str) -> Option<Tz> {
        let id = id.trim();
        self.0.get(id).copied().or_else(|| named(id))
    }
}

/// A zone by its IANA name, at the end of a path such as `/freeassociation.sourceforge.net/Europe/Berlin` too, or by
/// Windows' name for it.
fn named(id: &str) -> Option<Tz> {
    let id = id.trim();
    let windows = || WINDOWS.iter().find(|(name, _)| *name == id)?.1.parse().ok();
    if let Some(zone) = id.parse().ok().or_else(windows) {
        return Some(zone);
    }
    let mut tails = id.match_indices('/').map(|(at, _)| &id[at + 1..]);
    tails.find_map(|tail| tail.parse().ok())
}

/// The zones that a written file names, and the years it tells of.
#[derive(Debug, Default)]
pub(super) struct Named {
    zones: BTreeMap<&'static str, Tz>,
    years: Option<(i32, i32)>,
}

impl Named {
    /// Notes a zone.
    pub(super) fn zone(&mut self, zone: Tz) {
        self.zones.insert(zone.name(), zone);
    }

    /// Notes a year.
    pub(super) fn year(&mut self, at: NaiveDate) {
        let year = at.year().clamp(*YEARS.start(), *YEARS.end());
        let (from, to) = self.years.unwrap_or((year, year));
        self.years = Some((from.min(year), to.max(year)));
    }

    /// Writes each zone, from the first year to some after the last.
    pub(super) fn write(&self, now: Timestamp, out: &mut String) {
        let now = now.utc().year();
        let (from, to) = self.years.unwrap_or((now, now));
        let to = (to.max(now) + YEARS_AHEAD).min(*YEARS.end());
        for zone in self.zones.values() {
            define(*zone, from - 1, to, out);
        }
    }
}

/// A VTIMEZONE with each change of the zone's offset in these years.
fn define(zone: Tz, from: i32, to: i32, out: &mut String) {
    let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    let (first, last) = (midnight(day(from)), midnight(day(to)));
    write(out, "BEGIN:VTIMEZONE");
    write(out, &format!("TZID:{}", zone.name()));
    observe(zone, first, first, out);
    let mut at = first;
    while at < last {
        let next = at + Duration::days(1);
        if offset(zone, at) != offset(zone, next) {
            observe(zone, at, change(zone, at, next), out);
        }
        at = next;
    }
    write(out, "END:VTIMEZONE");
}

/// What holds from an instant on; `before` it another offset may have held.
fn observe(zone: Tz, before: DateTime<Utc>, at: DateTime<Utc>, out: &mut String) {
    let (from, to) = (offset(zone, before), offset(zone, at));
    let here = zone.offset_from_utc_datetime(&at.naive_utc());
    let kind = if here.dst_offset().is_zero() { "STANDARD" } else { "DAYLIGHT" };
    let local = at.naive_utc() + Duration::seconds(i64::from(from));
    write(out, &format!("BEGIN:{kind}"));
    write(out, &format!("DTSTART:{}", local.format("%Y%m%dT%H%M%S")));
    write(out, &format!("TZOFFSETFROM:{}", signed(from)));
    write(out, &format!("TZOFFSETTO:{}", signed(to)));
    if let Some(name) = here.abbreviation() {
        write(out, &format!("TZNAME:{name}"));
    }
    write(out, &format!("END:{kind}"));
}

/// The second at which the offset changes between two instants.
fn change(zone: Tz, mut before: DateTime<Utc>, mut after: DateTime<Utc>) -> DateTime<Utc> {
    while after - before > Duration::seconds(1) {
        let middle = before + Duration::seconds((after - before).num_seconds() / 2);
        match offset(zone, middle) == offset(zone, before) {
            true => before = middle,
            false => after = middle,
        }
    }
    after
}

/// Seconds east of UTC.
fn offset(zone: Tz, at: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// `+0100`, with seconds where there are some.
fn signed(offset: i32) -> String {
    let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let text = format!("{sign}{:02}{:02}", size / 3600, size / 60 % 60);
    if size % 60 == 0 { text } else { format!("{text}{:02}", size % 60) }
}
