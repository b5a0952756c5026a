//! Writes a calendar file.

use actors::message::{series::Series, task::Task};
use chrono_tz::Tz;

use super::{
    Owner, alarm,
    group::{Group, View},
    line::{self, Line},
    part::{self, Part, write as add},
    rule, todo, when,
    zone::{Named, Zones},
};

/// Who made the file.
const MAKER: &str = concat!("PRODID:-//Tickler//Tickler ", env!("CARGO_PKG_VERSION"), "//EN");

/// Writes these tasks as one calendar. `series` finds a task's rule.
pub(crate) fn write<'a>(
    tasks: impl Iterator<Item = &'a Task>,
    series: impl Fn(&Task) -> Option<&'a Series>,
    owner: &Owner,
) -> Vec<u8> {
    let mut named = Named::default();
    let mut todos = String::new();
    for task in tasks {
        one(task, series(task), owner, &mut named, &mut todos);
    }
    let mut head = String::new();
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", MAKER, "CALSCALE:GREGORIAN"] {
        add(&mut head, line);
    }
    named.write(owner.now, &mut head);
    let mut out = Vec::with_capacity(head.len() + todos.len() + todos.len() / 16);
    line::fold(&head, &mut out);
    line::fold(&todos, &mut out);
    line::fold("END:VCALENDAR", &mut out);
    out
}

fn one(task: &Task, series: Option<&Series>, owner: &Owner, named: &mut Named, out: &mut String) {
    let zone = task.zone.unwrap_or(owner.zone);
    let view = View { task, rule: rule::shown(task, series, zone), owner };
    let kept = task.ical.as_deref().map(part::kept).unwrap_or_default();
    let zones = Zones::default();
    let begins = out.len();
    add(out, "BEGIN:VTODO");
    put(&kept, "UID", out, || Some(format!("UID:{}", task.id)));
    add(out, &format!("DTSTAMP:{}", when::utc(task.updated_at)));
    add(out, &format!("CREATED:{}", when::utc(task.created_at)));
    add(out, &format!("LAST-MODIFIED:{}", when::utc(task.updated_at)));
    match kept.line("DTSTART").is_some() && todo::begins_in_time(&kept, &view) {
        true => put(&kept, "DTSTART", out, || None),
        false => todo::start(&view).into_iter().for_each(|line| add(out, &line)),
    }
    for group in Group::ALL {
        let theirs = kept.lines.iter();
        let theirs = theirs.filter(|line| group.names().contains(&line::name(&line.text).as_str()));
        let theirs: Vec<&str> = theirs.map(|line| line.text.as_str()).collect();
        match !theirs.is_empty() && view.agrees(group, &kept, &zones) {
            true => theirs.iter().for_each(|line| add(out, line)),
            false => view.lines(group).iter().for_each(|line| add(out, line)),
        }
    }
    for line in &kept.lines {
        let name = line::name(&line.text);
        match name.as_str() {
            "UID" | "DTSTART" => {}
            todo::PERCENT => add(out, &todo::percent(task, &line.text)),
            _ if Group::of(&name).is_none() => add(out, &line.text),
            _ => {}
        }
    }
    alarm::write_all(&kept, task, owner, &zones, out);
    add(out, "END:VTODO");
    note(&out[begins..], task, named);
}

/// Adds the kept lines of a name, or ours where there are none.
fn put(kept: &Part, name: &str, out: &mut String, ours: impl Fn() -> Option<String>) {
    let mut theirs = kept.lines.iter().filter(|line| line::name(&line.text) == name).peekable();
    if theirs.peek().is_none() {
        ours().into_iter().for_each(|line| add(out, &line));
    }
    theirs.for_each(|line| add(out, &line.text));
}

/// Notes the zones that a VTODO names, so that the file defines them.
fn note(lines: &str, task: &Task, named: &mut Named) {
    let texts = lines.lines().filter(|line| line.contains("TZID="));
    for line in texts.filter_map(Line::parse) {
        if let Some(zone) = line.param("TZID").and_then(|id| id.parse::<Tz>().ok()) {
            named.zone(zone);
            named.year(
                task.due
                    .map_or_else(|| task.created_at.utc().date_naive(), |due| due.local().date()),
            );
        }
    }
}
