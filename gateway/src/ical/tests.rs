//! Files of the programs people come from, in and out; what is wrong with a file; and whatever else may come.

use std::collections::BTreeMap;

use actors::message::{
    lead_time::LeadTime,
    task::{Priority, Status, Task, shown::fields},
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    part::{self, Part},
    *,
};

const APPLE: &str = include_str!("../../tests/ics/apple-reminders.ics");
const THUNDERBIRD: &str = include_str!("../../tests/ics/thunderbird.ics");
const NEXTCLOUD: &str = include_str!("../../tests/ics/nextcloud-tasks.ics");
const TASKS_ORG: &str = include_str!("../../tests/ics/tasks-org.ics");

fn owner() -> Owner {
    Owner {
        zone: chrono_tz::Europe::Berlin,
        all_day: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
        channels: vec![Channel::InApp],
        now: "2026-11-21T08:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().into(),
    }
}

#[derive(Default)]
struct Held {
    tasks: Vec<std::sync::Arc<Task>>,
    series: Vec<std::sync::Arc<actors::message::series::Series>>,
    failed: Vec<(usize, &'static str, String)>,
}

impl Held {
    /// What a file comes to over what is held.
    fn with(&self, file: &str) -> Self {
        let mut new = Self::default();
        for item in read(file.as_bytes(), &self.tasks, &self.series, &owner()).unwrap() {
            match item {
                Ok(Item::Task(_, task, series)) => {
                    let held = self.series.iter().find(|one| Some(one.id) == task.recurrence_id);
                    new.series.extend(series.or_else(|| held.cloned()));
                    new.tasks.push(task);
                }
                Ok(Item::Foreign) => {}
                Err(Fail { at, slug, why }) => new.failed.push((at, slug.code(), why)),
            }
        }
        new
    }

    fn task(&self, title: &str) -> &Task {
        self.tasks.iter().find(|task| task.title.as_str().starts_with(title)).unwrap()
    }

    fn write(&self) -> String {
        let series = |task: &Task| {
            self.series.iter().find(|one| Some(one.id) == task.recurrence_id).map(|one| &**one)
        };
        let bytes = write(self.tasks.iter().map(|task| &**task), series, &owner());
        String::from_utf8(bytes).unwrap()
    }
}

fn taken(file: &str) -> Held {
    let held = Held::default().with(&file.replace('\n', "\r\n"));
    assert_eq!(held.failed, []);
    held
}

/// A file with the numbers that the contract gives to priorities.
fn in_our_numbers(file: &str) -> String {
    let ours = [("2", "1"), ("4", "3"), ("6", "7"), ("8", "7"), ("9", "7")];
    ours.iter().fold(file.to_owned(), |file, (theirs, ours)| {
        file.replace(&format!("PRIORITY:{theirs}\n"), &format!("PRIORITY:{ours}\n"))
    })
}

/// The VTODOs of a file by UID, each as its lines and alarms in no order.
fn todos(file: &str) -> BTreeMap<String, Vec<String>> {
    let calendars = part::read(file.as_bytes()).unwrap();
    let parts = calendars.into_iter().flat_map(|calendar| calendar.parts);
    let todos = parts.filter(|part| part.name == "VTODO").map(|part: Part| {
        let mut lines: Vec<String> = part.lines.iter().map(|line| line.text.clone()).collect();
        for alarm in &part.parts {
            let mut text = String::new();
            alarm.write(&mut text);
            lines.push(text);
        }
        lines.sort();
        (part.text("UID").unwrap(), lines)
    });
    todos.collect()
}

#[test]
fn files_of_other_programs_come_out_as_they_came_in() {
    for file in [APPLE, THUNDERBIRD, NEXTCLOUD, TASKS_ORG] {
        let held = taken(file);
        let written = held.write();
        let (was, is) = (todos(&in_our_numbers(file)), todos(&written));
        for (uid, lines) in &was {
            let stamped =
                |line: &&String| !line.starts_with("DTSTAMP") && !line.contains("MODIFIED");
            // Nextcloud writes CREATED without Z; it is an instant and comes out as one.
            let stamped = |line: &&String| stamped(line) && !line.starts_with("CREATED");
            for line in lines.iter().filter(stamped) {
                assert!(is[uid].contains(line), "{line}\nis not in\n{:#?}", is[uid]);
            }
            let added: Vec<&String> = is[uid].iter().filter(|line| !lines.contains(line)).collect();
            let fine = ["DTSTAMP", "CREATED", "LAST-MODIFIED", "STATUS:NEEDS-ACTION", "DTSTART"];
            for line in added {
                assert!(fine.iter().any(|name| line.starts_with(name)), "{uid}: {line}");
            }
        }
        assert_eq!(was.len(), is.len());
        assert!(written.split("\r\n").all(|line| line.len() <= 75), "{written}");
        // The same again changes nothing; and elsewhere the written file comes to the same.
        for again in [held.with(file), held.with(&written), taken(&written)] {
            assert_eq!(again.failed, []);
            for (was, is) in held.tasks.iter().zip(&again.tasks) {
                let (mut was, mut is) = ((**was).clone(), (**is).clone());
                was.updated_at = is.updated_at;
                is.created_at = was.created_at;
                assert_eq!(is, was);
            }
            assert_eq!(again.series.len(), held.series.len());
        }
    }
}

#[test]
fn fields_are_read_from_the_lines_that_say_them() {
    let apple = taken(APPLE);
    let bins = fields(apple.task("Put the bins out, both"));
    assert_eq!(bins["due_date"], "2026-11-30T18:00:00+01:00");
    assert_eq!((&bins["zone"], &bins["priority"]), (&json!("Europe/Berlin"), &json!("urgent")));
    assert_eq!(bins["description"], "Black and yellow\nBefore six");
    assert_eq!(bins["recurrence"]["rrule"], "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO");
    assert_eq!(bins["recurrence"]["exdates"], json!(["2026-12-14T18:00:00"]));
    let reminders = bins["reminders"].as_array().unwrap();
    let set = |n: usize| (&reminders[n]["lead_time"], &reminders[n]["remind_at"]);
    assert_eq!(set(0), (&Value::Null, &json!("2026-11-30T17:00:00.000Z")));
    assert_eq!(set(1), (&json!("30min"), &json!("2026-11-30T16:30:00.000Z")));
    assert_eq!(bins["created_at"], "2026-11-01T09:15:00.000Z");
    let tree = apple.task("Buy a tree");
    assert_eq!(fields(tree)["due_date"], "2026-12-24");
    assert_eq!((tree.priority, tree.reminders.len()), (Some(Priority::Low), 0));
    let plumber = fields(apple.task("Call the plumber"));
    assert_eq!(plumber["completed_at"], "2026-11-03T12:00:00.000Z");

    let thunderbird = taken(THUNDERBIRD);
    let report = fields(thunderbird.task("Quarterly"));
    assert_eq!(report["description"], "Sections; see the shared folder");
    assert_eq!(report["tags"], json!(["clients", "projects/q4"]));
    assert_eq!(report["status"], "in_progress");
    // The rule counts from the due date, an hour after the start that its exceptions count from.
    assert_eq!(report["recurrence"]["exdates"], json!(["2027-02-28T10:00:00"]));
    assert_eq!(report["recurrence"]["rdates"], json!(["2027-01-15T10:00:00"]));
    assert_eq!(report["reminders"][0]["lead_time"], "1d");
    assert_eq!(report["reminders"][1]["lead_time"], "PT2H");
    let manual = fields(thunderbird.task("Read"));
    assert_eq!((&manual["status"], &manual["zone"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(manual["due_date"], "2026-12-10T12:00:00+01:00", "it floats");
    assert_eq!(manual["tags"], json!(["reading-list"]));

    let nextcloud = taken(NEXTCLOUD);
    let move_ = nextcloud.task("Umzug planen");
    assert_eq!(move_.reminders[0].lead_time, Some(LeadTime::parse("15min").unwrap()));
    assert_eq!(move_.reminders[1].remind_at.to_string(), "2026-12-01T08:00:00.000Z");
    let boxes = nextcloud.task("Kartons");
    assert_eq!(boxes.reminders[0].remind_at.to_string(), "2026-12-05T08:00:00.000Z");

    let tasks_org = taken(TASKS_ORG);
    let tulsi = tasks_org.task("Water");
    assert_eq!(tulsi.tags.len(), 3);
    assert_eq!(tulsi.reminders[0].remind_at.to_string(), "2026-12-01T01:30:00.000Z");
    assert_eq!(fields(tasks_org.task("Renew"))["due_date"], "2027-03-01T10:30:00Z");
    assert_eq!(tasks_org.task("Send").priority, None);
}

#[test]
fn a_field_that_changed_is_written_from_the_task_and_the_rest_as_it_was() {
    let mut held = taken(APPLE);
    let bins = std::sync::Arc::make_mut(
        held.tasks.iter_mut().find(|task| task.title.as_str().starts_with("Put")).unwrap(),
    );
    bins.priority = Some(Priority::Low);
    bins.status = Status::Completed;
    bins.completed_at = Some(Timestamp(1_795_000_000_000));
    bins.reminders.remove(0);
    let tree = std::sync::Arc::make_mut(&mut held.tasks[1]);
    tree.due = None;
    let written = held.write();
    for line in [
        "PRIORITY:7\r\n",
        "STATUS:COMPLETED\r\nCOMPLETED:20261118T110640Z\r\n",
        "X-APPLE-SORT-ORDER:720259331\r\n",
        "TRIGGER:-PT30M\r\n",
        "X-APPLE-PROXIMITY:ARRIVE\r\n",
    ] {
        assert!(written.contains(line), "{line}: {written}");
    }
    for line in ["20261130T170000Z", "PRIORITY:1\r\n", "20261224"] {
        assert!(!written.contains(line), "{line}: {written}");
    }
}

fn calendar(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n",
        lines.replace('\n', "\r\n")
    )
}

fn todo(lines: &str) -> String {
    calendar(&format!("BEGIN:VTODO\nUID:1\nSUMMARY:x\n{lines}\nEND:VTODO"))
}

#[test]
fn zones_are_known_by_the_names_that_programs_give_them() {
    for (id, zone) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("\"Europe/Berlin\"", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/America/Argentina/Salta", "America/Argentina/Salta"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Customized", "Asia/Tokyo"),
    ] {
        let zones = "BEGIN:VTIMEZONE\nTZID:Customized\nX-LIC-LOCATION:Asia/Tokyo\nEND:VTIMEZONE";
        let todo =
            format!("BEGIN:VTODO\nUID:1\nSUMMARY:x\nDUE;TZID={id}:20261201T090000\nEND:VTODO");
        let held = taken(&calendar(&format!("{zones}\n{todo}")));
        assert_eq!(held.tasks[0].zone.unwrap().name(), zone);
        let written = held.write();
        assert!(written.contains(&format!("DUE;TZID={zone}:20261201T090000\r\n")), "{written}");
        assert!(written.contains(&format!("TZID:{zone}\r\nBEGIN:STANDARD\r\n")), "{written}");
        assert!(written.find("BEGIN:VTIMEZONE") < written.find("BEGIN:VTODO"));
    }
    let new_york = taken(&todo("DUE;TZID=America/New_York:20260601T090000")).write();
    let spring = "DTSTART:20260308T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nTZNAME:EDT";
    assert!(new_york.contains(spring), "{new_york}");
}

#[test]
fn what_is_wrong_with_a_task_is_said_with_its_line_and_the_others_come_in() {
    let late = format!("SUMMARY:{}", "x".repeat(201));
    let heavy = format!("X-A:{}", "x".repeat(KEPT_BYTES_MAX));
    for (lines, line, code) in [
        ("UID:1", 3, "invalid"),
        ("SUMMARY:x", 3, "invalid"),
        ("UID:1\nSUMMARY:", 5, "invalid"),
        (&format!("UID:1\n{late}"), 5, "invalid"),
        ("UID:1\nSUMMARY:x\nno colon", 6, "malformed"),
        ("UID:1\nSUMMARY:x\nDUE:tomorrow", 6, "invalid"),
        ("UID:1\nSUMMARY:x\nDUE;TZID=Mars/Olympus:20261201T090000", 6, "invalid-zone"),
        ("UID:1\nSUMMARY:x\nRRULE:FREQ=DAILY", 6, "recurrence-needs-due-date"),
        ("UID:1\nSUMMARY:x\nDUE:20261201T090000\nRRULE:FREQ=OFTEN", 7, "invalid-recurrence"),
        (
            "UID:1\nSUMMARY:x\nDUE:20261201T090000\nRRULE:FREQ=DAILY;UNTIL=20200101T000000Z",
            7,
            "invalid-recurrence",
        ),
        (
            "UID:1\nSUMMARY:x\nDUE:20261201T090000\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY",
            8,
            "invalid-recurrence",
        ),
        (&format!("UID:1\nSUMMARY:x\n{heavy}"), 3, "too-large"),
    ] {
        let other = "BEGIN:VTODO\nUID:2\nSUMMARY:fine\nEND:VTODO";
        let file = calendar(&format!("BEGIN:VTODO\n{lines}\nEND:VTODO\n{other}"));
        let held = Held::default().with(&file);
        let failed: Vec<_> = held.failed.iter().map(|(at, code, _)| (*at, *code)).collect();
        assert_eq!(failed, [(line, code)], "{lines}: {:?}", held.failed);
        assert_eq!(held.tasks.len(), 1, "{lines}");
    }
}

#[test]
fn a_file_that_is_no_calendar_or_was_cut_off_is_refused() {
    let cut = &APPLE[..APPLE.len() - 20];
    let deep = "BEGIN:A\n".repeat(9);
    for file in ["", "hello", "BEGIN:VCARD\nEND:VCARD", "END:VCALENDAR", cut, &deep] {
        let refused = read(file.as_bytes(), &[], &[], &owner()).err().unwrap();
        assert_eq!(refused.slug, Slug::Invalid, "{file}");
    }
}

#[test]
fn rules_that_calendars_cannot_say_come_back_all_the_same() {
    let rules = [
        json!("daily"),
        json!("monthly"),
        json!({"pattern": "monthly", "month_day": 31, "count": 12, "until": "2027-06-30"}),
        json!({"pattern": "weekly", "days": ["mon", "thu"], "mode": "schedule", "ahead": "P1D"}),
        json!({"pattern": "daily", "from": "completed", "catch_up": "latest"}),
        json!({"pattern": "cron", "cron": "0 9 * * 1"}),
        json!({"rrule": "FREQ=MONTHLY;BYDAY=-1FR;COUNT=9", "exdates": ["2026-12-25T09:00:00"], "until": "2027-12-31"}),
        json!({"rrule": "FREQ=WEEKLY;UNTIL=20270101T000000Z", "rdates": ["2026-12-24"]}),
    ];
    for due in
        ["DUE;TZID=Europe/Berlin:20261127T090000", "DUE:20261127T090000", "DUE;VALUE=DATE:20261127"]
    {
        for rule in &rules {
            let mut held = taken(&todo(&format!("{due}\nRRULE:FREQ=YEARLY")));
            let rule = actors::recurrence::rule::Rule::read(rule).unwrap().unwrap();
            let task = std::sync::Arc::make_mut(&mut held.tasks[0]);
            task.recurrence = Some(rule.clone().into());
            std::sync::Arc::make_mut(&mut held.series[0]).rule = rule.clone().into();
            let written = held.write();
            for again in [taken(&written), held.with(&written)] {
                assert_eq!(again.tasks[0].recurrence.as_deref(), Some(&rule), "{written}");
            }
        }
    }
}

/// Lines that come far: of names that we know, with values that may fit.
fn lines() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("SUMMARY"),
        Just("DESCRIPTION"),
        Just("DUE"),
        Just("DTSTART"),
        Just("DURATION"),
        Just("RRULE"),
        Just("EXDATE"),
        Just("RDATE"),
        Just("STATUS"),
        Just("COMPLETED"),
        Just("PRIORITY"),
        Just("CATEGORIES"),
        Just("PERCENT-COMPLETE"),
        Just("X-A"),
        Just("UID"),
        Just("RECURRENCE-ID"),
        Just("TRIGGER"),
        Just("BEGIN"),
        Just("END"),
        Just("X-TICKLER-RECURRENCE"),
        Just("X-TICKLER-ZONE"),
        Just("CREATED"),
        Just("X-TICKLER-FOLLOWS"),
        Just("X-TICKLER-REMINDER"),
        Just("ACTION"),
        Just("é"),
        Just(""),
    ];
    let param = prop_oneof![
        Just(""),
        Just(";VALUE=DATE"),
        Just(";TZID=Europe/Berlin"),
        Just(";TZID=\"a:b;c\""),
        Just(";RELATED=END"),
        Just(";X=\""),
        Just(";"),
        Just(";TZID="),
        Just(";ALTREP=\"é\""),
    ];
    let value = prop_oneof![
        Just("20261201T090000".to_owned()),
        Just("20261201T090000Z".to_owned()),
        Just("20261201".to_owned()),
        Just("-PT15M".to_owned()),
        Just("P1D".to_owned()),
        Just("PT0S".to_owned()),
        Just("FREQ=DAILY;COUNT=3".to_owned()),
        Just("FREQ=MONTHLY;BYMONTHDAY=31".to_owned()),
        Just("COMPLETED".to_owned()),
        Just("IN-PROCESS".to_owned()),
        Just("3".to_owned()),
        Just("99991231T235959".to_owned()),
        Just("VALARM".to_owned()),
        Just("00010101".to_owned()),
        Just("VTODO".to_owned()),
        Just("a\\,b,c\\n\\\\".to_owned()),
        Just("\"daily\"".to_owned()),
        Just("Europe/Berlin".to_owned()),
        "\\PC{0,90}",
        Just("-P999999999W".to_owned()),
    ];
    let line =
        (name, param, value).prop_map(|(name, param, value)| format!("{name}{param}:{value}"));
    proptest::collection::vec(line, 0..14).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_file_harms_and_what_was_read_is_read_again(lines in lines()) {
        let file = todo(&lines);
        if read(file.as_bytes(), &[], &[], &owner()).is_ok() {
            let held = Held::default().with(&file);
            let written = held.write();
            let again = Held::default().with(&written);
            prop_assert_eq!(&again.failed, &[], "{}", &written);
            for (was, is) in held.tasks.iter().zip(&again.tasks) {
                prop_assert_eq!(fields(was), fields(is), "{}", &written);
            }
            let over = held.with(&written);
            for (was, is) in held.tasks.iter().zip(&over.tasks) {
                prop_assert_eq!(was, is, "{}", &written);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, &[], &[], &owner());
    }

    #[test]
    fn folding_keeps_every_line(text in "\\PC{0,300}") {
        prop_assume!(!text.trim().is_empty() && !text.starts_with([' ', '\t']));
        let mut folded = Vec::new();
        line::fold(&text, &mut folded);
        let unfolded: Vec<_> = line::unfold(&folded).collect();
        prop_assert_eq!(unfolded.len(), 1);
        prop_assert_eq!(&*unfolded[0].1, text.as_bytes());
        prop_assert_eq!(line::unescape(&line::escape(&text)), text);
    }
}
