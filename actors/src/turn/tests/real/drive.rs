//! Users with tasks, reminders and rules in a bad world, and then the calm.

use std::{collections::BTreeMap, sync::Arc};

use chrono::Timelike;
use serde_json::json;
use tokio::time::{Duration, sleep, timeout};
use uuid::Uuid;

use super::{
    super::{
        super::Seen,
        drive::{broken, join_all, log_breaks},
        judge::version_at,
        world::{Flaw, World},
    },
    Real, judge,
};
use crate::{
    message::{
        call::{By, Call, Idempotency},
        key::{Key, UserId},
        lead_time::LeadTime,
        rejection::Slug,
        reminder::{self, SnoozeUntil},
        task::{
            Task,
            command::{
                Change, Command, Operation, Patch, ReminderAt, ReminderDraft, Reply, Scope,
                SeriesDraft, TaskRef, When,
            },
            query::Query,
        },
        text::Title,
        time::{Local, Timestamp},
    },
    reach::{Done, Failure},
    recurrence::rule::Rule,
};

const CLIENTS: u64 = 2;
const CALLS: u64 = 20;
/// How often a client repeats what was not answered.
const REPEATS: u64 = 4;
/// Most moments that are set lie within this.
const MOMENTS_MS: u64 = 240_000;

/// A command that was acknowledged, and when.
#[derive(Clone, Debug)]
pub(super) struct Ack<C, R> {
    pub(super) call: Call<C>,
    pub(super) done: Done<R>,
    pub(super) began: i64,
    pub(super) ended: i64,
}

/// What a user has asked and seen.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) issued: Vec<Uuid>,
    pub(super) lists: Vec<Ack<Command, Reply>>,
    pub(super) clocks: Vec<Ack<reminder::Command, reminder::Reply>>,
    /// Tasks as they were shown.
    tasks: Vec<Arc<Task>>,
    reminders: Vec<Uuid>,
    series: Vec<Uuid>,
    /// The highest version seen of each actor.
    known: BTreeMap<Key, u64>,
}

pub(super) struct User<C: Real> {
    pub(super) world: Arc<World<C>>,
    pub(super) list: Key,
    pub(super) clock: Key,
    pub(super) seen: std::sync::Mutex<Heard>,
}

/// Runs one seed to its end.
pub(super) async fn run<C: Real>(seed: u64, flaw: Option<Flaw>) -> Result<(), String> {
    played::<C>(seed, flaw).await.map(drop)
}

/// Runs one seed to its end, and says how often the log was told of what.
pub(super) async fn played<C: Real>(
    seed: u64,
    flaw: Option<Flaw>,
) -> Result<BTreeMap<String, usize>, String> {
    let world = World::<C>::new(seed, flaw);
    let users: Vec<_> =
        ["ann", "bob"].into_iter().take(1 + usize::from(seed.is_multiple_of(4))).collect();
    let users: Vec<_> = users.into_iter().map(|name| user(&world, name)).collect();
    let clients = users.iter().flat_map(|user| (0..CLIENTS).map(|_| user.clone()));
    let clients: Vec<_> = clients.map(|user| tokio::spawn(user.client())).collect();
    let log = tokio::spawn(log_breaks(world.clone()));
    let longest = [600_000, 20_000, 3_000][usize::try_from(world.below(3)).unwrap()];
    let longest = 100 + world.below(longest);
    let _ = timeout(Duration::from_millis(longest), join_all(&clients)).await;
    for client in clients {
        client.abort();
        if client.await.is_err_and(|error| error.is_panic()) {
            return Err("a user of the simulation panicked".to_owned());
        }
    }
    log.abort();
    world.heal().await;
    let ended = match broken(&world) {
        Some(broken) => Err(broken),
        None => end(&world, &users).await,
    };
    let mut told = BTreeMap::new();
    for event in &world.inner().log {
        *told.entry(event.fact.kind.clone()).or_default() += 1;
        if let Some(cause) = &event.fact.cause {
            *told.entry(format!("by {}", cause.kind)).or_default() += 1;
        }
    }
    world.end();
    ended.map(|()| told)
}

fn user<C: Real>(world: &Arc<World<C>>, name: &str) -> Arc<User<C>> {
    let name = UserId::parse(name).unwrap();
    let (list, clock) = (Key::task_list(&name), Key::reminder(&name));
    Arc::new(User { world: world.clone(), list, clock, seen: std::sync::Mutex::default() })
}

/// In the calm: first alarms alone must bring to its end what was acknowledged, then all that took place.
async fn end<C: Real>(world: &Arc<World<C>>, users: &[Arc<User<C>>]) -> Result<(), String> {
    sleep(Duration::from_millis(MOMENTS_MS) + Duration::from_secs(300)).await;
    for user in users {
        judge::judge(user, judge::What::Acknowledged)?;
    }
    let keys: std::collections::BTreeSet<Key> =
        world.inner().commits.iter().map(|commit| commit.key.clone()).collect();
    for _ in 0..2 {
        for key in &keys {
            let node = world.route(key).ok_or("nobody is alive")?;
            let resumed = match key.rule {
                Some(_) => node.rules.resume(key).await,
                None if key.kind == crate::message::key::Kind::ReminderActor => {
                    node.clocks.resume(key).await
                }
                None => node.lists.resume(key).await,
            };
            resumed.map_err(|failure| failure.to_string())?;
        }
        sleep(Duration::from_secs(200)).await;
    }
    for user in users {
        judge::judge(user, judge::What::Everything)?;
    }
    broken(world).map_or(Ok(()), Err)
}

fn rule(json: &serde_json::Value) -> Arc<Rule> {
    Arc::new(Rule::read(json).unwrap().unwrap())
}

impl<C: Real> User<C> {
    async fn client(self: Arc<Self>) {
        for _ in 0..CALLS {
            let (pause, what) = {
                let mut inner = self.world.inner();
                let longest = if inner.rng.below(5) == 0 { 20_000 } else { self.world.pause_max };
                (inner.rng.millis(longest), inner.rng.below(100))
            };
            sleep(pause).await;
            match what {
                0..64 => {
                    let command = self.command();
                    self.tell(command).await;
                }
                64..80 => self.answer_reminder().await,
                80..88 => self.read().await,
                88..92 => self.hear().await,
                _ => self.repeat().await,
            }
        }
    }

    fn below(&self, n: u64) -> u64 {
        self.world.below(n)
    }

    /// An instant near or further off, now and then already past.
    fn moment(&self) -> Timestamp {
        let within = if self.below(2) == 0 { 15_000 } else { MOMENTS_MS };
        Timestamp(self.world.now() + self.below(within).cast_signed() - 2_000)
    }

    fn whole(&self) -> When {
        let at = Timestamp(self.moment().0 + 120_000).utc();
        When::Instant(at.with_nanosecond(0).unwrap())
    }

    fn drafts(&self) -> Vec<ReminderDraft> {
        (0..self.below(3)).map(|_| self.draft()).collect()
    }

    fn draft(&self) -> ReminderDraft {
        let lead = ["1m", "2m", "3m"][usize::try_from(self.below(3)).unwrap()];
        let at = match self.below(2) {
            0 => ReminderAt::Lead(LeadTime::parse(lead).unwrap()),
            _ => ReminderAt::Moment(When::Instant(self.moment().utc())),
        };
        ReminderDraft { id: None, at, channels: None, webhook_url: None, email_address: None }
    }

    fn schedule(&self) -> serde_json::Value {
        let step = 20 + self.below(60);
        let count = 1 + self.below(6);
        json!({
            "pattern": "rrule",
            "rrule": format!("FREQ=SECONDLY;INTERVAL={step};COUNT={count}"),
            "mode": "schedule",
            "catch_up": if self.below(4) == 0 { "latest" } else { "each" },
        })
    }

    fn patch(&self) -> Patch {
        let rules = [
            json!("daily"),
            json!({"pattern": "daily", "count": 3}),
            json!({"pattern": "rrule", "rrule": "FREQ=SECONDLY;INTERVAL=40", "mode": "completion"}),
            self.schedule(),
        ];
        let recurrence = match self.below(8) {
            n @ 0..4 => Change::Set(rule(&rules[usize::try_from(n).unwrap()])),
            _ => Change::Keep,
        };
        Patch {
            title: Some(Title::parse(&format!("task {}", self.below(1_000))).unwrap()),
            due: Change::Set(self.whole()),
            reminders: Change::Set(self.drafts()),
            recurrence,
            ..Patch::default()
        }
    }

    fn edit(&self) -> Patch {
        match self.below(5) {
            0 => Patch { title: Some(Title::parse("renamed").unwrap()), ..Patch::default() },
            1 => Patch { due: Change::Clear, reminders: Change::Keep, ..Patch::default() },
            2 => Patch { reminders: Change::Set(self.drafts()), ..Patch::default() },
            _ => Patch { due: Change::Set(self.whole()), ..Patch::default() },
        }
    }

    /// Any id of those seen; now and then, while there is none, one that never was.
    fn any(&self, of: impl Fn(&Heard) -> &Vec<Uuid>) -> Uuid {
        let roll = self.below(1 << 32);
        let seen = self.seen.lock().unwrap();
        let ids = of(&seen);
        let at = usize::try_from(roll).unwrap() % ids.len().max(1);
        ids.get(at).copied().unwrap_or(Uuid::nil())
    }

    fn operation(&self) -> Operation {
        let (task, expect) = (TaskRef::Number(1 + self.below(4)), None);
        let scope = if self.below(2) == 0 { Scope::Following } else { Scope::This };
        match self.below(84) {
            0..16 => Operation::Create { draft: Box::new(self.patch()) },
            16..32 => Operation::Edit { task, patch: Box::new(self.edit()), scope, expect },
            32..48 => Operation::Complete { task, expect },
            48..52 => Operation::Toggle { task, expect },
            52..55 => Operation::Skip { task, expect },
            55..63 => Operation::Reopen { task, expect },
            63..73 => Operation::Delete { task, scope, expect },
            _ => Operation::Restore { task, expect },
        }
    }

    fn batch(&self) -> Command {
        let operations = (0..=self.below(4)).map(|_| self.operation()).collect();
        Command::Batch { atomic: self.below(3) == 0, operations }
    }

    fn command(&self) -> Command {
        let (task, expect) = (TaskRef::Number(1 + self.below(4)), None);
        match self.below(104) {
            0..70 => Command::One { operation: self.operation() },
            70..77 => self.batch(),
            77..80 => Command::SetReminder { task, draft: self.draft() },
            80..84 => {
                let at = Some(self.draft().at);
                let reminder = self.any(|seen| &seen.reminders);
                Command::ChangeReminder { reminder, at, channels: None, expect }
            }
            84..87 => {
                Command::DeleteReminder { reminder: self.any(|seen| &seen.reminders), expect }
            }
            87..93 => self.create_series(),
            93..95 => Command::PauseSeries { series: self.any(|seen| &seen.series), expect },
            95..98 => Command::ResumeSeries { series: self.any(|seen| &seen.series), expect },
            98..100 => {
                let (series, occurrence) = (self.any(|seen| &seen.series), None);
                Command::SkipOccurrence { series, occurrence, expect }
            }
            _ => self.import(),
        }
    }

    /// Tasks as they once were; some under an id that nobody has, as if of another list.
    fn import(&self) -> Command {
        let (replace, dry_run) = (self.below(2) == 0, self.below(8) == 0);
        let (mut tasks, series) = (Vec::new(), Vec::new());
        for _ in 0..=self.below(3) {
            let (roll, id) = (self.below(1 << 32), self.below(1 << 32));
            let seen = self.seen.lock().unwrap();
            let at = usize::try_from(roll).unwrap() % seen.tasks.len().max(1);
            let Some(task) = seen.tasks.get(at).cloned() else { continue };
            let id = if id % 3 == 0 { Uuid::from_u64_pair(roll, id) } else { task.id };
            tasks.push(Arc::new(Task { id, ..(*task).clone() }));
        }
        Command::Import { replace, dry_run, tasks, series, tags: Vec::new(), settings: None }
    }

    fn create_series(&self) -> Command {
        let task = Patch { title: Some(Title::parse("rung").unwrap()), ..Patch::default() };
        let (rule, start, zone) = (rule(&self.schedule()), self.whole(), None);
        Command::CreateSeries { draft: Box::new(SeriesDraft { rule, start, zone, task }) }
    }

    fn call<T>(&self, command: T) -> Call<T> {
        let mut inner = self.world.inner();
        let id = Uuid::from_u64_pair(inner.rng.next(), inner.rng.next());
        let keyed = inner.rng.below(2) == 0;
        let idempotency = keyed.then(|| Idempotency { hash: id.to_string() });
        drop(inner);
        self.seen.lock().unwrap().issued.push(id);
        Call { id, idempotency, by: By::system(), traceparent: None, command }
    }

    /// One command, repeated under its id where it was not answered.
    async fn tell(&self, command: Command) {
        let call = self.call(command);
        let began = self.world.now();
        for _ in 0..=self.below(REPEATS) {
            let Some(node) = self.world.route(&self.list) else { continue };
            match self.world.on(&node, node.lists.call(&self.list, call.clone())).await {
                Some(Ok(done)) => return self.acknowledged(call, done, began),
                Some(Err(Failure::Rejected(_))) => return,
                Some(Err(failure)) => self.failed(&failure),
                None => {}
            }
            let pause = self.world.inner().rng.millis(2_000);
            sleep(pause).await;
        }
    }

    fn acknowledged(&self, call: Call<Command>, done: Done<Reply>, began: i64) {
        let ended = self.world.now();
        let mut seen = self.seen.lock().unwrap();
        let known = seen.known.entry(self.list.clone()).or_default();
        *known = done.version.max(*known);
        let replies: Vec<&Reply> = match &done.reply {
            Reply::Batch(results) => results.iter().flatten().collect(),
            one => vec![one],
        };
        for reply in replies {
            match reply {
                Reply::Task(told) => {
                    let tasks: Vec<&Arc<Task>> =
                        [Some(&told.task), told.next.as_ref()].into_iter().flatten().collect();
                    let reminders = tasks.iter().flat_map(|task| &task.reminders).map(|set| set.id);
                    seen.reminders.extend(reminders);
                    seen.series.extend(tasks.iter().filter_map(|task| task.recurrence_id));
                    seen.tasks.extend(tasks.into_iter().cloned());
                }
                Reply::Reminder(reminder) => seen.reminders.push(reminder.id),
                Reply::Series { series, .. } => seen.series.push(series.id),
                _ => {}
            }
        }
        seen.lists.push(Ack { call, done, began, ended });
    }

    fn failed(&self, failure: &Failure) {
        if let Failure::Broken(why) = failure {
            self.world.broke(|| format!("broken: {why}"));
        }
    }

    /// Snoozes or acknowledges a reminder.
    async fn answer_reminder(&self) {
        let reminder = self.any(|seen| &seen.reminders);
        let until = SnoozeUntil::Moment(Timestamp(
            self.world.now() + 500 + self.below(40_000).cast_signed(),
        ));
        let command = match self.below(3) {
            0 => reminder::Command::Acknowledge { reminder, expect: None },
            _ => reminder::Command::Snooze { reminder, until, expect: None },
        };
        let call = self.call(command);
        let began = self.world.now();
        for _ in 0..2 {
            let Some(node) = self.world.route(&self.clock) else { return };
            match self.world.on(&node, node.clocks.call(&self.clock, call.clone())).await {
                Some(Ok(done)) => {
                    let ended = self.world.now();
                    return self.seen.lock().unwrap().clocks.push(Ack { call, done, began, ended });
                }
                Some(Err(Failure::Rejected(_))) => return,
                Some(Err(failure)) => self.failed(&failure),
                None => {}
            }
        }
    }

    /// Reads the list, which never goes back behind what was seen of it.
    async fn read(&self) {
        let known = self.seen.lock().unwrap().known.get(&self.list).copied().unwrap_or(0);
        let version = if self.below(2) == 0 { known } else { 0 };
        let began = self.world.now();
        let Some(node) = self.world.route(&self.list) else { return };
        let asked = Seen { version, heard: None };
        let query = Query::Counts;
        match self.world.on(&node, node.lists.query(&self.list, &query, &asked)).await {
            Some(Ok(answered)) => {
                let held = if C::OWNED {
                    known
                } else {
                    version_at(&self.world, &self.list, began - 1_001)
                };
                let least = held.max(version);
                if answered.version < least {
                    self.world.broke(|| format!("read {} after {least}", answered.version));
                }
                let mut seen = self.seen.lock().unwrap();
                let known = seen.known.entry(self.list.clone()).or_default();
                *known = answered.version.max(*known);
            }
            Some(Err(Failure::Behind)) => self.world.broke(|| format!("behind {version}")),
            Some(Err(failure)) => self.failed(&failure),
            None => {}
        }
    }

    /// Reads the reminders, which must have heard of what the list has acknowledged.
    async fn hear(&self) {
        let version = self.seen.lock().unwrap().known.get(&self.list).copied().unwrap_or(0);
        let Some(node) = self.world.route(&self.list) else { return };
        let waited = node.lists.confirmed(&self.list, &self.clock, version);
        let Some(Ok(mark)) = self.world.on(&node, waited).await else { return };
        let Some(node) = self.world.route(&self.clock) else { return };
        let seen = Seen { version: 0, heard: Some((self.list.clone(), mark)) };
        let asked = node.clocks.query(&self.clock, &reminder::Query::Everything, &seen);
        match self.world.on(&node, asked).await {
            Some(Err(Failure::Behind)) => {
                self.world.broke(|| format!("reminders confirmed {mark} and do not know it"));
            }
            Some(Err(failure)) => self.failed(&failure),
            _ => {}
        }
    }

    /// Repeats a command that was answered: the same answer, or under another body none.
    async fn repeat(&self) {
        let (roll, other) = (self.below(1 << 32), self.below(4) == 0);
        let ack = {
            let seen = self.seen.lock().unwrap();
            let keyed: Vec<_> =
                seen.lists.iter().filter(|ack| ack.call.idempotency.is_some()).collect();
            let at = usize::try_from(roll).unwrap() % keyed.len().max(1);
            let Some(ack) = keyed.get(at) else { return };
            (*ack).clone()
        };
        let mut call = ack.call.clone();
        if other {
            call.idempotency = Some(Idempotency { hash: "other".to_owned() });
        }
        let Some(node) = self.world.route(&self.list) else { return };
        match self.world.on(&node, node.lists.call(&self.list, call)).await {
            Some(Ok(done)) => {
                let same = done.reply == ack.done.reply && done.version == ack.done.version;
                if other || !same || !done.replayed {
                    self.world.broke(|| format!("{:?} repeated is {done:?}", ack.done));
                }
            }
            Some(Err(Failure::Rejected(rejection)))
                if !other || rejection.slug != Slug::IdempotencyKeyReused =>
            {
                self.world.broke(|| format!("{:?} repeated is {rejection:?}", ack.done));
            }
            Some(Err(failure)) => self.failed(&failure),
            None => {}
        }
    }
}

/// The instant of a start that is a moment, in UTC.
pub(super) fn instant(start: Local) -> Timestamp {
    start.at(chrono::NaiveTime::MIN).and_utc().into()
}
