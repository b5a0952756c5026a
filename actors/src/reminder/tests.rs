//! Reminders as stories: what is heard, asked or due, and the whole of what comes of it.

mod always;
mod heard;
mod inbox;
mod life;
mod pages;
mod saved;

use super::*;
use crate::message::{
    call::By,
    key::UserId,
    lead_time::LeadTime,
    reminder::Gone,
    sync::{Moments, Subject},
    task::{Due, SetReminder},
    text::Title,
    time::Local,
};

/// What is done to the actor. Moments are in seconds after the epoch.
#[derive(Clone, Debug)]
enum Step {
    /// The task list says this.
    Hear(Moments),
    /// The alarm of this second rings.
    Wake(i64),
    /// A user asks.
    Ask(Command),
}

/// Now, what is done, and every event or the refusal that comes of it, each in one line.
type Row<'a> = (i64, Step, &'a [&'a str]);

/// Plays a story from an empty actor on; hands back the actor.
fn story(rows: &[Row<'_>]) -> Reminders {
    let mut state = Reminders::default();
    for (index, (now, step, want)) in rows.iter().enumerate() {
        let got = play(&mut state, *now, index as u64 + 1, step);
        assert_eq!(got, *want, "row {index}: {step:?}");
    }
    state
}

/// Does one step in one turn; every event it leads to, or the refusal.
fn play(state: &mut Reminders, now: i64, sequence: u64, step: &Step) -> Vec<String> {
    let key = key();
    let at = moment(&key, now, sequence);
    match effects(state, step, &at) {
        Err(refused) => vec![format!("{:?}", refused.slug)],
        Ok(effects) => {
            assert!(effects.syncs.is_empty() && !effects.confirm);
            for event in &effects.events {
                state.evolve(event, &at);
            }
            effects.events.iter().map(line).collect()
        }
    }
}

fn effects(
    state: &Reminders,
    step: &Step,
    at: &Moment<'_>,
) -> Result<Effects<Reminders>, Rejection> {
    match step {
        Step::Wake(alarm) => Ok(state.wake(Timestamp(alarm * 1000), at)),
        Step::Hear(moments) => {
            let from = Key::task_list(&user());
            let subject = Subject::Task(moments.task);
            let value = Value::Moments(moments.clone());
            let item = Item { subject, value, sequence: at.sequence };
            Ok(state.receive(&from, &[item], at))
        }
        Step::Ask(command) => {
            let decision = state.decide(&call(command.clone()), at)?;
            assert_reply_is_what_follows(state, &decision, at);
            Ok(decision.effects)
        }
    }
}

/// The reply shows what a read after the turn shows.
fn assert_reply_is_what_follows(
    state: &Reminders,
    decision: &Decision<Reminders>,
    at: &Moment<'_>,
) {
    let mut after = state.clone();
    for event in &decision.effects.events {
        after.evolve(event, at);
    }
    match &decision.reply {
        Reply::Reminder(shown) => {
            let query = Query::Reminder { reminder: shown.id };
            assert_eq!(after.answer(&query, at), Ok(Answer::Reminder(shown.clone())));
        }
        Reply::Notification(shown) => {
            assert_eq!(after.inbox.get(shown.id), Some(shown.as_ref()));
        }
        Reply::Done => {}
    }
}

/// An event in one line: what, which reminder, where it stands, when it comes, its version, and what is unusual.
fn line(event: &Event) -> String {
    let (name, record) = match event {
        Event::Scheduled { reminder } => ("scheduled", reminder),
        Event::Triggered { reminder, .. } => ("triggered", reminder),
        Event::Snoozed { reminder } => ("snoozed", reminder),
        Event::Acknowledged { reminder } => ("acknowledged", reminder),
        Event::Cancelled { reminder } => ("cancelled", reminder),
        Event::Noted { reminder } => ("noted", reminder),
        Event::Delivered { delivery, .. } => {
            return format!(
                "delivered {:?} {} {}",
                delivery.channel, delivery.status, delivery.attempts
            );
        }
        Event::Told { notification } => return format!("told {}", notification.title),
        Event::Read { .. } => return "read".to_owned(),
        Event::AllRead { .. } => return "all read".to_owned(),
    };
    let it = &record.reminder;
    let status = format!("{:?}", it.status).to_lowercase();
    let mut line =
        format!("{name} {} {status} {}s v{}", it.id.as_u128(), it.remind_at.0 / 1000, it.version);
    let reason = record.gone.map(|gone| format!("{gone:?}"));
    let marks = [
        it.snoozed_until.map(|_| "zzz".to_owned()),
        it.late.then(|| "late".to_owned()),
        record.off.then(|| "off".to_owned()),
        reason.filter(|_| it.status == Status::Cancelled),
    ];
    for mark in marks.into_iter().flatten() {
        line = format!("{line} {mark}");
    }
    line
}

fn user() -> UserId {
    UserId::parse("ada").unwrap()
}

fn key() -> Key {
    Key::reminder(&user())
}

fn moment(key: &Key, now: i64, sequence: u64) -> Moment<'_> {
    Moment { key, sequence, now: Timestamp(now * 1000), default_zone: chrono_tz::UTC }
}

fn call(command: Command) -> Call<Command> {
    Call { id: id(99), idempotency: None, by: By::system(), traceparent: None, command }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// Reminder `n` at a fixed second, of version 1.
fn fixed(n: u128, second: i64) -> SetReminder {
    SetReminder {
        id: id(n),
        lead_time: None,
        remind_at: Timestamp(second * 1000),
        channels: vec![Channel::InApp],
        webhook_url: None,
        email_address: None,
        created_at: Timestamp(0),
        version: 1,
    }
}

/// Reminder `n` an hour before something, at a second.
fn leading(n: u128, second: i64) -> SetReminder {
    SetReminder { lead_time: LeadTime::parse("1h").ok(), ..fixed(n, second) }
}

/// The open task 1 with these reminders.
fn open(reminders: &[SetReminder]) -> Moments {
    Moments {
        task: id(1001),
        title: Title::parse("Pay the rent").unwrap(),
        due: None,
        closed: None,
        reminders: reminders.to_vec(),
        due_cleared: Vec::new(),
        email: None,
    }
}

/// The same task, closed.
fn closed(reason: Gone, reminders: &[SetReminder]) -> Moments {
    Moments { closed: Some(reason), ..open(reminders) }
}

fn due(text: &str) -> Option<Due> {
    Some(Due::new(Local::try_from(text.to_owned()).unwrap(), chrono_tz::UTC))
}

fn snooze(n: u128, minutes: i64) -> Step {
    let until = SnoozeUntil::Minutes(minutes);
    Step::Ask(Command::Snooze { reminder: id(n), until, expect: None })
}

fn acknowledge(n: u128) -> Step {
    Step::Ask(Command::Acknowledge { reminder: id(n), expect: None })
}
