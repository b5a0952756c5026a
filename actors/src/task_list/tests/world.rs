//! A list with a clock, driven as a turn drives it, its invariants checked at every step.

use std::sync::Arc;

use chrono::DateTime;
use uuid::Uuid;

use crate::{
    actor::{Actor, Effects, Moment},
    message::{
        call::{By, Call, Caller},
        key::{Key, UserId},
        lead_time::LeadTime,
        rejection::Rejection,
        series::Series,
        sync::{Item, Subject, Value},
        task::{
            Task,
            command::{
                Change, Command, Done, Operation, Patch, ReminderAt, ReminderDraft, Reply, Scope,
                TaskRef, When,
            },
            query::{Answer, List, Query},
        },
        text::{Tag, Title},
        time::{Local, Timestamp},
    },
    recurrence::rule::Rule,
    task_list::TaskList,
};

pub(super) struct World {
    pub(super) list: TaskList,
    pub(super) now: Timestamp,
    pub(super) sequence: u64,
    pub(super) calls: u128,
    pub(super) key: Key,
    /// What the last turn wrote.
    pub(super) wrote: Effects<TaskList>,
}

pub(super) fn timestamp(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc().into()
}

pub(super) fn local(text: &str) -> Local {
    Local::try_from(text.to_owned()).unwrap()
}

pub(super) fn when(text: &str) -> When {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => When::Instant(at.to_utc()),
        Err(_) => When::Local(local(text)),
    }
}

pub(super) fn title(text: &str) -> Title {
    Title::parse(text).unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

pub(super) fn rule(json: serde_json::Value) -> Arc<Rule> {
    Arc::new(Rule::read(&json).unwrap().unwrap())
}

pub(super) fn draft(text: &str) -> Patch {
    Patch { title: Some(title(text)), ..Patch::default() }
}

pub(super) fn due(text: &str, on: &str) -> Patch {
    Patch { due: Change::Set(when(on)), ..draft(text) }
}

pub(super) fn recurring(text: &str, on: &str, json: serde_json::Value) -> Patch {
    Patch { recurrence: Change::Set(rule(json)), ..due(text, on) }
}

pub(super) fn id(task: &Task) -> TaskRef {
    TaskRef::Id(task.id)
}

pub(super) fn complete(task: &Task) -> Operation {
    Operation::Complete { task: id(task), expect: None }
}

pub(super) fn reopen(task: &Task) -> Operation {
    Operation::Reopen { task: id(task), expect: None }
}

pub(super) fn delete(task: &Task, scope: Scope) -> Operation {
    Operation::Delete { task: id(task), scope, expect: None }
}

pub(super) fn restore(task: &Task) -> Operation {
    Operation::Restore { task: id(task), expect: None }
}

pub(super) fn edit(task: &Task, patch: Patch) -> Operation {
    edit_in(task, patch, Scope::Following)
}

pub(super) fn edit_in(task: &Task, patch: Patch, scope: Scope) -> Operation {
    Operation::Edit { task: id(task), patch: Box::new(patch), scope, expect: None }
}

impl World {
    /// Noon in UTC on 21 November 2026.
    pub(super) fn new() -> Self {
        let user = UserId::parse("u1").unwrap();
        Self {
            list: TaskList::default(),
            now: timestamp("2026-11-21T12:00:00Z"),
            sequence: 0,
            calls: 0,
            key: Key::task_list(&user),
            wrote: Effects::default(),
        }
    }

    pub(super) fn at<T>(&self, with: impl FnOnce(&TaskList, &Moment<'_>) -> T) -> T {
        let at = Moment {
            key: &self.key,
            sequence: self.sequence + 1,
            now: self.now,
            default_zone: chrono_tz::UTC,
        };
        with(&self.list, &at)
    }

    pub(super) fn call(&mut self, command: Command) -> Call<Command> {
        self.calls += 1;
        Call {
            id: Uuid::from_u128(self.calls),
            idempotency: None,
            by: By { kind: Caller::User, id: "u1".to_owned() },
            traceparent: None,
            command,
        }
    }

    pub(super) fn run(&mut self, call: &Call<Command>) -> Result<Reply, Rejection> {
        let decision = self.at(|list, at| list.decide(call, at))?;
        self.take(decision.effects);
        Ok(decision.reply)
    }

    /// Takes in what a turn wrote; nothing at all does not count as a turn.
    pub(super) fn take(&mut self, effects: Effects<TaskList>) {
        let mut list = self.list.clone();
        self.at(|_, at| effects.events.iter().for_each(|event| list.evolve(event, at)));
        assert_eq!(
            effects.after.as_ref(),
            Some(&list),
            "what was decided on is what the events make"
        );
        self.list = list;
        self.sequence += u64::from(!effects.events.is_empty() || !effects.syncs.is_empty());
        self.wrote = effects;
        self.sound();
    }

    pub(super) fn tell(&mut self, command: Command) -> Result<Reply, Rejection> {
        let call = self.call(command);
        self.run(&call)
    }

    pub(super) fn one(&mut self, operation: Operation) -> Result<Done, Rejection> {
        match self.tell(Command::One { operation })? {
            Reply::Task(done) => Ok(done),
            other => panic!("an operation replies a task, not {other:?}"),
        }
    }

    pub(super) fn add(&mut self, draft: Patch) -> Arc<Task> {
        self.one(Operation::Create { draft: Box::new(draft) }).unwrap().task
    }

    /// Adds a task without looking at what is derived: many come fast.
    pub(super) fn unchecked(&mut self, draft: Patch) -> Arc<Task> {
        let operation = Operation::Create { draft: Box::new(draft) };
        let call = self.call(Command::One { operation });
        let effects = self.at(|list, at| list.decide(&call, at).unwrap().effects);
        let mut list = self.list.clone();
        self.at(|_, at| effects.events.iter().for_each(|event| list.evolve(event, at)));
        self.list = list;
        self.sequence += 1;
        self.list.get(call.id).unwrap().clone()
    }

    pub(super) fn get(&self, task: &Task) -> Arc<Task> {
        self.list.get(task.id).unwrap().clone()
    }

    pub(super) fn series(&self, task: &Task) -> Arc<Series> {
        self.list.series[&task.recurrence_id.unwrap()].clone()
    }

    pub(super) fn ask(&self, query: &Query) -> Result<Answer, Rejection> {
        let at = Moment {
            key: &self.key,
            sequence: self.sequence,
            now: self.now,
            default_zone: chrono_tz::UTC,
        };
        self.list.answer(query, &at)
    }

    pub(super) fn titles(&self, list: &List) -> Vec<String> {
        match self.ask(&Query::List { list: Box::new(list.clone()) }).unwrap() {
            Answer::List { tasks, .. } => tasks.iter().map(|task| task.title.to_string()).collect(),
            other => panic!("a list is answered with tasks, not {other:?}"),
        }
    }

    /// The clock goes on, and every alarm on the way is kept.
    pub(super) fn until(&mut self, text: &str) {
        let goal = timestamp(text);
        let mut alarms = std::collections::BTreeSet::new();
        for _ in 0..100_000 {
            let Some(alarm) = self.list.alarm().filter(|alarm| *alarm <= goal) else { break };
            assert!(alarms.insert(alarm), "each alarm has a moment of its own");
            self.now = self.now.max(alarm);
            let effects = self.at(|list, at| list.wake(alarm, at));
            assert!(!effects.events.is_empty(), "an alarm finds something to do");
            self.take(effects);
        }
        self.now = goal;
    }

    pub(super) fn ring(&mut self, series: Uuid, starts: &[&str]) {
        let from = Key::recurrence(&self.key.user, series);
        let item = |start: &&str| Item {
            subject: Subject::Ring(local(start)),
            value: Value::Ring(local(start)),
            sequence: 1,
        };
        let items: Vec<Item> = starts.iter().map(item).collect();
        let effects = self.at(|list, at| list.receive(&from, &items, at));
        self.take(effects);
    }

    /// The kinds of what the last turn told the log.
    pub(super) fn told(&self) -> Vec<String> {
        self.at(|_, at| {
            let facts = self.wrote.events.iter().filter_map(|event| TaskList::fact(event, at));
            facts.map(|fact| fact.kind).collect()
        })
    }

    /// The fields that the last turn's first fact says changed.
    pub(super) fn changed(&self) -> Vec<String> {
        self.at(|_, at| {
            let fact =
                self.wrote.events.iter().find_map(|event| TaskList::fact(event, at)).unwrap();
            fact.data.read()["changes"].as_object().unwrap().keys().cloned().collect()
        })
    }

    /// What is stored is the whole state: all else follows from it.
    pub(super) fn sound(&self) {
        let json = serde_json::to_string(&self.list).unwrap();
        let again: TaskList = serde_json::from_str(&json).unwrap();
        assert_eq!(again, self.list, "what is derived agrees with what is stored");
        for series in self.list.series.values() {
            let open = self.list.tasks.values().filter(|task| {
                task.recurrence_id == Some(series.id) && crate::task_list::state::is_open(task)
            });
            let mut open: Vec<Uuid> = open.map(|task| task.id).collect();
            let mut held = series.open_task_ids.clone();
            open.sort_unstable();
            held.sort_unstable();
            assert_eq!(open, held, "a rule knows its open tasks");
        }
        assert_eq!(self.list.positions.len(), self.list.tasks.len(), "each task has its own place");
    }
}

pub(super) fn lead(text: &str) -> ReminderDraft {
    reminder(ReminderAt::Lead(LeadTime::parse(text).unwrap()))
}

pub(super) fn moment(text: &str) -> ReminderDraft {
    reminder(ReminderAt::Moment(when(text)))
}

fn reminder(at: ReminderAt) -> ReminderDraft {
    ReminderDraft { id: None, at, channels: None, webhook_url: None, email_address: None }
}
