//! The world that turns run in: a linearizable store, a scheduler, a log, and hosts that fail by seed.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    sync::Notify,
    time::{Duration, Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use super::{
    super::{Relay, SKEW_MS, Turns, frame},
    host::SimHost,
};
use crate::{
    actor::Actor,
    host::{Etag, Expect, Stored},
    message::{
        event::Event,
        key::{Key, Kind},
        sync::Sync,
        time::Timestamp,
    },
};

/// Slots of the simulated ring: few, so that it comes round often.
pub(super) const RING: u64 = 8;
const START: i64 = 1_800_000_000_000;
/// Memory of one node's actors of one type: small, so that actors are dropped now and then.
const BYTES_MAX: usize = 64 * 1024;

/// Three actors that are simulated together, and the kind of host.
pub(super) trait Cast: Sized + Send + std::marker::Sync + 'static {
    const OWNED: bool;
    type List: Actor;
    type Clock: Actor;
    type Rule: Actor;
}

/// A bug planted outside the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Flaw {
    /// Writes by ETag take place whatever the row is.
    NoEtag,
    /// A new alarm takes the place of the one before.
    AlarmMoved,
}

/// splitmix64.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub(super) fn millis(&mut self, n: u64) -> Duration {
        Duration::from_millis(self.below(n + 1))
    }
}

/// How bad things are, in chances of 10,000 per step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) crash: u64,
    pub(super) freeze: u64,
    pub(super) slow: u64,
    pub(super) write: u64,
    pub(super) snapshot: u64,
    pub(super) late: u64,
    pub(super) arm: u64,
    pub(super) sync: u64,
    pub(super) publish: u64,
    pub(super) misroute: u64,
    pub(super) move_away: u64,
    pub(super) forget: u64,
}

impl Weather {
    fn of(rng: &mut Rng) -> Self {
        let calls_fail = rng.below(4) == 0;
        let mut some = |worst: u64| match rng.below(3) {
            0 => 0,
            1 => rng.below(worst / 10 + 1),
            _ => rng.below(worst),
        };
        Self {
            crash: some(100),
            freeze: some(100),
            slow: some(500),
            write: some(2_000),
            snapshot: some(9_000),
            late: some(7_000),
            arm: if calls_fail { 9_000 } else { some(6_000) },
            sync: some(4_000),
            publish: some(4_000),
            misroute: some(5_000),
            move_away: some(1_000),
            forget: some(200),
        }
    }
}

/// One process.
pub(super) struct Node<C: Cast> {
    pub(super) id: usize,
    pub(super) lists: Turns<C::List, SimHost<C>>,
    pub(super) clocks: Turns<C::Clock, SimHost<C>>,
    pub(super) rules: Turns<C::Rule, SimHost<C>>,
}

pub(super) struct Status {
    pub(super) alive: bool,
    pub(super) frozen_until: Instant,
    pub(super) skew: i64,
}

struct Alarm {
    registration: u64,
    at: i64,
    in_flight: bool,
}

/// A turn that took place in the store.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) key: Key,
    pub(super) sequence: u64,
    pub(super) at: i64,
    pub(super) facts: Vec<Uuid>,
    /// The row as it was written.
    pub(super) row: Stored,
}

/// Everything that outlives a process.
pub(super) struct Inner<C: Cast> {
    pub(super) rng: Rng,
    pub(super) rows: BTreeMap<(Key, Option<u64>), Stored>,
    pub(super) log: Vec<Event>,
    pub(super) commits: Vec<Commit>,
    pub(super) last: BTreeMap<Key, (u64, Uuid)>,
    pub(super) broken: Option<String>,
    alarms: BTreeMap<(i64, Key), Alarm>,
    pub(super) nodes: Vec<Arc<Node<C>>>,
    pub(super) status: Vec<Status>,
    places: HashMap<Key, usize>,
    pub(super) weather: Weather,
    pub(super) log_down: bool,
    /// Rows that bulk reads leave out, without an error.
    pub(super) unread: Vec<Option<u64>>,
    writes: u64,
}

/// The world.
pub(super) struct World<C: Cast> {
    inner: Mutex<Inner<C>>,
    began: Instant,
    alarm_set: Notify,
    flaw: Option<Flaw>,
    /// The longest that a client pauses between two calls, most of the time.
    pub(super) pause_max: u64,
}

impl<C: Cast> World<C> {
    pub(super) fn new(seed: u64, flaw: Option<Flaw>) -> Arc<Self> {
        let mut rng = Rng(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let weather = Weather::of(&mut rng);
        let log_down = rng.below(3) == 0;
        let pause_max = [20, 100, 300, 1_000][rng.below(4) as usize];
        let inner = Inner {
            rng,
            rows: BTreeMap::new(),
            log: Vec::new(),
            commits: Vec::new(),
            last: BTreeMap::new(),
            broken: None,
            alarms: BTreeMap::new(),
            nodes: Vec::new(),
            status: Vec::new(),
            places: HashMap::new(),
            weather,
            log_down,
            unread: Vec::new(),
            writes: 0,
        };
        let (began, alarm_set) = (Instant::now(), Notify::new());
        let world = Arc::new(Self { inner: Mutex::new(inner), began, alarm_set, flaw, pause_max });
        for _ in 0..if C::OWNED { 1 } else { 3 } {
            world.start_node();
        }
        tokio::spawn(schedule(world.clone()));
        world
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner<C>> {
        self.inner.lock().unwrap()
    }

    /// The true time.
    pub(super) fn now(&self) -> i64 {
        START + i64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    pub(super) fn below(&self, n: u64) -> u64 {
        self.inner().rng.below(n)
    }

    /// Notes the first promise that was broken.
    pub(super) fn broke(&self, what: impl FnOnce() -> String) {
        let now = self.now();
        self.inner().broken.get_or_insert_with(|| format!("at {now}: {}", what()));
    }

    fn start_node(self: &Arc<Self>) {
        let mut inner = self.inner();
        let id = inner.nodes.len();
        // Owner and scheduler are one process with one clock; else each clock is off by up to half the skew.
        let half = SKEW_MS.unsigned_abs() / 2 - 1;
        let skew =
            if C::OWNED { 0 } else { inner.rng.below(2 * half).cast_signed() - half.cast_signed() };
        let host = SimHost { world: self.clone(), node: id };
        let relay = Relay::default();
        let zone = chrono_tz::UTC;
        let lists = Turns::new(host.clone(), relay.clone(), zone, BYTES_MAX);
        let clocks = Turns::new(host.clone(), relay.clone(), zone, BYTES_MAX);
        let rules = Turns::new(host, relay, zone, BYTES_MAX);
        inner.nodes.push(Arc::new(Node { id, lists, clocks, rules }));
        inner.status.push(Status { alive: true, frozen_until: Instant::now(), skew });
    }

    pub(super) fn kill(self: &Arc<Self>, node: usize) {
        let mut inner = self.inner();
        if !std::mem::replace(&mut inner.status[node].alive, false) {
            return;
        }
        let after = inner.rng.millis(5_000);
        drop(inner);
        let world = self.clone();
        tokio::spawn(async move {
            sleep(after).await;
            world.start_node();
        });
    }

    /// From now on nothing fails; every process starts anew, and nobody asks anything.
    pub(super) async fn heal(self: &Arc<Self>) {
        let nodes = {
            let mut inner = self.inner();
            inner.weather = Weather::default();
            inner.log_down = false;
            inner.status.len()
        };
        for node in 0..nodes {
            self.kill(node);
        }
        sleep(Duration::from_secs(6)).await;
    }

    pub(super) fn log_is_down(&self, down: bool) {
        self.inner().log_down = down;
    }

    /// Ends what holds itself.
    pub(super) fn end(&self) {
        self.inner().nodes.clear();
    }

    /// Where a key lives, most of the time.
    pub(super) fn route(&self, key: &Key) -> Option<Arc<Node<C>>> {
        let mut inner = self.inner();
        let alive: Vec<usize> =
            (0..inner.nodes.len()).filter(|node| inner.status[*node].alive).collect();
        let any = *alive.get(usize::try_from(inner.rng.below(alive.len() as u64)).unwrap())?;
        let weather = inner.weather;
        let roll = inner.rng.below(10_000);
        let placed = inner.places.get(key).copied().filter(|node| inner.status[*node].alive);
        let node = match placed {
            Some(placed) if roll >= weather.misroute => placed,
            _ => any,
        };
        if placed.is_none() || inner.rng.below(10_000) < weather.move_away {
            inner.places.insert(key.clone(), any);
        }
        Some(inner.nodes[node].clone())
    }

    /// Runs something on a node for someone outside: who is dead does not answer, who is frozen answers late.
    pub(super) async fn on<T>(&self, node: &Node<C>, asked: impl Future<Output = T>) -> Option<T> {
        let answer = timeout(Duration::from_secs(20), asked).await.ok()?;
        loop {
            let until = {
                let inner = self.inner();
                let status = &inner.status[node.id];
                if !status.alive {
                    return None;
                }
                status.frozen_until
            };
            if until <= Instant::now() {
                return Some(answer);
            }
            sleep_until(until).await;
        }
    }

    async fn wake(&self, key: &Key, moment: Timestamp) -> bool {
        let Some(node) = self.route(key) else { return false };
        let woken = match key.kind {
            Kind::TaskListActor => self.on(&node, node.lists.wake(key, moment)).await,
            Kind::ReminderActor => self.on(&node, node.clocks.wake(key, moment)).await,
            Kind::RecurrenceActor => self.on(&node, node.rules.wake(key, moment)).await,
        };
        matches!(woken, Some(Ok(())))
    }

    pub(super) async fn receive(&self, to: &Key, sync: Sync) -> bool {
        let Some(node) = self.route(to) else { return false };
        let received = match to.kind {
            Kind::TaskListActor => self.on(&node, node.lists.receive(to, sync)).await,
            Kind::ReminderActor => self.on(&node, node.clocks.receive(to, sync)).await,
            Kind::RecurrenceActor => self.on(&node, node.rules.receive(to, sync)).await,
        };
        matches!(received, Some(Ok(())))
    }

    pub(super) fn register(&self, key: &Key, moment: i64) {
        let mut inner = self.inner();
        inner.writes += 1;
        let alarm = Alarm { registration: inner.writes, at: moment, in_flight: false };
        if self.flaw == Some(Flaw::AlarmMoved) {
            inner.alarms.retain(|(_, other), _| other != key);
        }
        inner.alarms.insert((moment, key.clone()), alarm);
        drop(inner);
        self.alarm_set.notify_one();
    }

    /// The store's one way to change a row: at one instant, or not at all.
    pub(super) fn write(
        &self,
        key: &Key,
        row: Option<u64>,
        bytes: &[u8],
        expect: &Expect,
        facts: &[Event],
    ) -> bool {
        let at = self.now();
        let mut inner = self.inner();
        let held = inner.rows.get(&(key.clone(), row));
        let as_expected = match expect {
            Expect::Absent => held.is_none(),
            Expect::Etag(_) if self.flaw == Some(Flaw::NoEtag) => true,
            Expect::Etag(etag) => held.is_some_and(|held| held.etag == *etag),
        };
        if !as_expected {
            return false;
        }
        inner.writes += 1;
        let etag = if C::OWNED { content_etag(bytes) } else { Etag(inner.writes.to_string()) };
        let stored = Stored { bytes: bytes.to_vec(), etag };
        inner.rows.insert((key.clone(), row), stored.clone());
        if row.is_none() {
            return true;
        }
        let head = frame::head(bytes).unwrap();
        let last = inner.last.insert(key.clone(), (head.sequence, head.id)).unwrap_or_default();
        let facts = facts.iter().filter(|event| event.sequence == head.sequence);
        let facts = facts.map(|event| event.id).collect();
        let (key, sequence) = (key.clone(), head.sequence);
        inner.commits.push(Commit { key: key.clone(), sequence, at, facts, row: stored });
        drop(inner);
        if (last.0 + 1, last.1) != (head.sequence, head.before) {
            self.broke(|| {
                format!("{key}: turn {} was written over turn {}", head.sequence, last.0)
            });
        }
        true
    }
}

pub(super) fn content_etag(bytes: &[u8]) -> Etag {
    Etag(Uuid::new_v5(&Uuid::nil(), bytes).to_string())
}

/// The scheduler: brings every alarm back until it is taken, now and then twice.
async fn schedule<C: Cast>(world: Arc<World<C>>) {
    loop {
        let now = world.now();
        let (due, next) = {
            let mut inner = world.inner();
            let mut due = Vec::new();
            let mut next = i64::MAX;
            for ((moment, key), alarm) in &mut inner.alarms {
                if !alarm.in_flight && alarm.at <= now {
                    alarm.in_flight = true;
                    due.push((*moment, key.clone(), alarm.registration));
                } else if !alarm.in_flight {
                    next = next.min(alarm.at);
                }
            }
            (due, next)
        };
        for (moment, key, registration) in due {
            tokio::spawn(deliver(world.clone(), moment, key, registration));
        }
        let wait = Duration::from_millis((next - now).clamp(0, 3_600_000).unsigned_abs());
        let _ = timeout(wait, world.alarm_set.notified()).await;
    }
}

async fn deliver<C: Cast>(world: Arc<World<C>>, moment: i64, key: Key, registration: u64) {
    let late = {
        let mut inner = world.inner();
        let slow = inner.rng.below(10_000) < inner.weather.slow;
        inner.rng.millis(if slow { 20_000 } else { 20 })
    };
    sleep(late).await;
    let taken = world.wake(&key, Timestamp(moment)).await;
    let now = world.now();
    let mut inner = world.inner();
    let again = inner.rng.below(10_000) < inner.weather.sync;
    let slot = (moment, key);
    let Some(alarm) = inner.alarms.get_mut(&slot) else { return };
    if alarm.registration != registration {
        return;
    }
    if taken && !again {
        inner.alarms.remove(&slot);
    } else {
        alarm.in_flight = false;
        alarm.at = now + 30_000;
    }
    drop(inner);
    world.alarm_set.notify_one();
}
