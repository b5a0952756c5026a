//! Users at work in a bad world, and then the calm in which everything must come to its end.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::{Duration, sleep, timeout};
use uuid::Uuid;

use super::{
    super::Seen,
    judge,
    toys::{Snooze, Tell, Told, Toys},
    world::{Cast, Flaw, Node, World},
};
use crate::{
    message::{
        call::{By, Call, Idempotency},
        key::{Key, UserId},
        rejection::Slug,
        time::Timestamp,
    },
    reach::{Done, Failure},
};

const CLIENTS: u64 = 3;
const CALLS: u64 = 16;
const ITEMS: u64 = 5;
/// How often a client repeats what was not answered.
const REPEATS: u64 = 4;
/// All moments that are set lie within this after the bad times began.
const MOMENTS_MS: u64 = 240_000;

/// A command that was acknowledged, and when.
#[derive(Clone, Debug)]
pub(super) struct Ack {
    pub(super) call: Call<Tell>,
    pub(super) done: Done<Told>,
    pub(super) began: i64,
    pub(super) ended: i64,
}

/// What the users of a run have seen.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) issued: Vec<Uuid>,
    pub(super) acks: Vec<Ack>,
    pub(super) snoozed: Vec<(Uuid, u64)>,
    pub(super) rule: Option<Timestamp>,
}

pub(super) struct User<C: Toys> {
    pub(super) world: Arc<World<C>>,
    pub(super) list: Key,
    pub(super) clock: Key,
    pub(super) seen: std::sync::Mutex<Heard>,
    rule: Uuid,
    least_total: AtomicU64,
    version: AtomicU64,
}

/// Runs one seed to its end.
pub(super) async fn run<C: Toys>(seed: u64, flaw: Option<Flaw>) -> Result<(), String> {
    let world = World::<C>::new(seed, flaw);
    let user = work(&world).await;
    world.heal().await;
    let ended = match broken(&world) {
        Some(broken) => Err(broken),
        None => end(&user).await,
    };
    world.end();
    ended
}

/// Everything that a run leaves, in one number.
pub(super) async fn trace<C: Toys>(seed: u64) -> String {
    let world = World::<C>::new(seed, None);
    let user = work(&world).await;
    let seen = format!("{:?}", user.seen.lock().unwrap().acks);
    let inner = world.inner();
    let left = format!("{seen}{:?}{:?}", inner.commits, inner.rows);
    drop(inner);
    world.end();
    left
}

async fn work<C: Toys>(world: &Arc<World<C>>) -> Arc<User<C>> {
    let name = UserId::parse("ann").unwrap();
    let user = Arc::new(User {
        world: world.clone(),
        list: Key::task_list(&name),
        clock: Key::reminder(&name),
        seen: std::sync::Mutex::default(),
        rule: Uuid::from_u128(77),
        least_total: AtomicU64::new(0),
        version: AtomicU64::new(0),
    });
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(user.clone().client())).collect();
    let log = tokio::spawn(log_breaks(world.clone()));
    // Half of the runs end in the middle of it, so that the last that was done has no one to follow it up.
    let longest = [600_000, 20_000, 3_000][world.below(3) as usize];
    let longest = 100 + world.below(longest);
    let _ = timeout(Duration::from_millis(longest), join_all(&clients)).await;
    for client in clients {
        client.abort();
    }
    log.abort();
    user
}

pub(super) async fn join_all(clients: &[tokio::task::JoinHandle<()>]) {
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        sleep(Duration::from_millis(100)).await;
    }
}

pub(super) fn broken<C: Cast>(world: &World<C>) -> Option<String> {
    world.inner().broken.clone()
}

pub(super) async fn log_breaks<C: Cast>(world: Arc<World<C>>) {
    loop {
        let pause = world.inner().rng.millis(60_000);
        sleep(pause).await;
        let down = world.below(2) == 0;
        world.log_is_down(down);
    }
}

/// In the calm: first nobody asks anything, and alarms alone must bring what was acknowledged to its end.
async fn end<C: Toys>(user: &Arc<User<C>>) -> Result<(), String> {
    let world = &user.world;
    sleep(Duration::from_millis(MOMENTS_MS) + Duration::from_secs(300)).await;
    judge::acknowledged(user)?;
    for _ in 0..3 {
        let node = world.route(&user.list).ok_or("nobody is alive")?;
        node.lists.query(&user.list, &(), &Seen::default()).await.map_err(|e| e.to_string())?;
        node.clocks.query(&user.clock, &(), &Seen::default()).await.map_err(|e| e.to_string())?;
        let rule = Key::recurrence(&user.list.user, user.rule);
        node.rules.query(&rule, &(), &Seen::default()).await.map_err(|e| e.to_string())?;
        sleep(Duration::from_secs(300)).await;
    }
    judge::committed(user)?;
    broken(world).map_or(Ok(()), Err)
}

impl<C: Toys> User<C> {
    async fn client(self: Arc<Self>) {
        for _ in 0..CALLS {
            let (pause, what) = {
                let mut inner = self.world.inner();
                let longest = if inner.rng.below(5) == 0 { 20_000 } else { self.world.pause_max };
                (inner.rng.millis(longest), inner.rng.below(100))
            };
            sleep(pause).await;
            match what {
                0..34 => self.set().await,
                34..48 => self.tell(Tell::Add { n: self.world.below(3) + 1 }).await,
                48..54 => self.reach().await,
                54..60 => self.look().await,
                60..70 => self.read().await,
                70..78 => self.hear().await,
                78..86 => self.snooze().await,
                86..96 => self.repeat().await,
                _ => self.start().await,
            }
        }
    }

    fn call(&self, command: Tell) -> Call<Tell> {
        let mut inner = self.world.inner();
        let id = Uuid::from_u64_pair(inner.rng.next(), inner.rng.next());
        let keyed = inner.rng.below(2) == 0;
        let idempotency = keyed.then(|| Idempotency { hash: id.to_string() });
        drop(inner);
        self.seen.lock().unwrap().issued.push(id);
        Call { id, idempotency, by: By::system(), traceparent: None, command }
    }

    /// One command, repeated under its id where it was not answered.
    async fn tell(&self, command: Tell) {
        let call = self.call(command);
        let began = self.world.now();
        let repeats = self.world.below(REPEATS);
        for _ in 0..=repeats {
            let Some(node) = self.world.route(&self.list) else { continue };
            match self.world.on(&node, node.lists.call(&self.list, call.clone())).await {
                Some(Ok(done)) => return self.acknowledged(call, done, began),
                Some(Err(failure)) => self.failed(&failure),
                None => {}
            }
            let pause = self.world.inner().rng.millis(2_000);
            sleep(pause).await;
        }
    }

    fn acknowledged(&self, call: Call<Tell>, done: Done<Told>, began: i64) {
        self.version.fetch_max(done.version, Ordering::Relaxed);
        if matches!(call.command, Tell::Add { .. }) {
            self.least_total.fetch_max(done.reply.total, Ordering::Relaxed);
        }
        let ended = self.world.now();
        self.seen.lock().unwrap().acks.push(Ack { call, done, began, ended });
    }

    fn failed(&self, failure: &Failure) {
        if let Failure::Broken(why) = failure {
            self.world.broke(|| format!("broken: {why}"));
        }
    }

    fn moment(&self) -> Option<Timestamp> {
        let none = self.world.below(4) == 0;
        let near = self.world.below(2) == 0;
        let within = if near { 15_000 } else { MOMENTS_MS };
        let ahead = self.world.below(within).cast_signed() - 2_000;
        (!none).then(|| Timestamp(self.world.now() + ahead))
    }

    async fn set(&self) {
        let (item, moment) = (self.world.below(ITEMS), self.moment());
        self.tell(Tell::Set { item, moment }).await;
    }

    async fn start(&self) {
        let first = Timestamp((self.world.now() + 5_000) / 1_000 * 1_000);
        {
            let mut seen = self.seen.lock().unwrap();
            if seen.rule.is_some() {
                return;
            }
            seen.rule = Some(first);
        }
        self.tell(Tell::Start { rule: self.rule, first }).await;
    }

    /// A rejection must be of what holds now: the total was reached by what was acknowledged before.
    async fn reach(&self) {
        let total = self.least_total.load(Ordering::Relaxed);
        let call = self.call(Tell::Reach { total });
        let Some(node) = self.world.route(&self.list) else { return };
        match self.world.on(&node, node.lists.call(&self.list, call)).await {
            Some(Err(Failure::Rejected(rejection))) => {
                self.world.broke(|| format!("{total} was reached, yet only {}", rejection.detail));
            }
            Some(Err(failure)) => self.failed(&failure),
            _ => {}
        }
    }

    async fn look(&self) {
        let total = self.least_total.load(Ordering::Relaxed);
        let call = Call { idempotency: None, ..self.call(Tell::Look) };
        let Some(node) = self.world.route(&self.list) else { return };
        if let Some(Ok(done)) = self.world.on(&node, node.lists.call(&self.list, call)).await
            && done.reply.total < total
        {
            self.world.broke(|| format!("{total} was acknowledged, yet {}", done.reply.total));
        }
    }

    /// The turn that a read must know that began then: all but those of the last second. The owner of a store knows a
    /// turn when its append has returned; between, nobody has been told of it.
    fn least(&self, key: &Key, began: i64) -> u64 {
        if C::OWNED { 0 } else { judge::version_at(&self.world, key, began - 1_001) }
    }

    async fn read(&self) {
        let known = self.version.load(Ordering::Relaxed);
        let version = if self.world.below(2) == 0 { known } else { 0 };
        let began = self.world.now();
        let Some(node) = self.world.route(&self.list) else { return };
        let seen = Seen { version, heard: None };
        let asked = node.lists.query(&self.list, &(), &seen);
        match self.world.on(&node, asked).await {
            Some(Ok(answered)) => {
                let least =
                    self.least(&self.list, began).max(if C::OWNED { known } else { version });
                if answered.version < least || answered.answer.1 != answered.version {
                    self.world.broke(|| format!("read {} after {least}", answered.version));
                }
            }
            Some(Err(Failure::Behind)) => self.world.broke(|| format!("behind {version}")),
            Some(Err(failure)) => self.failed(&failure),
            None => {}
        }
    }

    /// Reads the clock, which must have heard of what the list has acknowledged.
    async fn hear(&self) {
        let version = self.version.load(Ordering::Relaxed);
        let Some(node) = self.world.route(&self.list) else { return };
        let waited = node.lists.confirmed(&self.list, &self.clock, version);
        let Some(Ok(mark)) = self.world.on(&node, waited).await else { return };
        let began = self.world.now();
        let Some(node) = self.world.route(&self.clock) else { return };
        let answered = self.ask_clock(&node, mark).await;
        let Some(Ok((heard, read))) = answered else { return };
        let least = self.least(&self.clock, began);
        if read < least {
            self.world.broke(|| format!("read the clock at {read} after {least}"));
        }
        let seen = self.seen.lock().unwrap();
        for ack in &seen.acks {
            let Tell::Set { item, .. } = ack.call.command else { continue };
            let set = ack.done.version;
            if set <= version && heard.get(&item).is_none_or(|heard| *heard < set) {
                self.world.broke(|| format!("{version} was told, yet not {item} of {set}"));
            }
        }
    }

    async fn ask_clock(
        &self,
        node: &Node<C>,
        mark: u64,
    ) -> Option<Result<(std::collections::BTreeMap<u64, u64>, u64), Failure>> {
        let seen = Seen { version: 0, heard: Some((self.list.clone(), mark)) };
        let answered = self.world.on(node, node.clocks.query(&self.clock, &(), &seen)).await?;
        if let Err(Failure::Behind) = answered {
            self.world.broke(|| format!("the clock confirmed {mark} and does not know it"));
        }
        Some(answered.map(|answered| (answered.answer, answered.version)))
    }

    async fn snooze(&self) {
        let to = Timestamp(self.world.now() + self.world.below(30_000).cast_signed());
        let id = self.call(Tell::Look).id;
        let command = Snooze { item: self.world.below(ITEMS), to };
        let call = Call { id, idempotency: None, by: By::system(), traceparent: None, command };
        for _ in 0..2 {
            let Some(node) = self.world.route(&self.clock) else { return };
            match self.world.on(&node, node.clocks.call(&self.clock, call.clone())).await {
                Some(Ok(done)) => {
                    return self.seen.lock().unwrap().snoozed.push((id, done.version));
                }
                Some(Err(failure)) => self.failed(&failure),
                None => {}
            }
        }
    }

    /// Repeats a command that was answered: the same answer, or under another body none.
    async fn repeat(&self) {
        let (ack, other, behind) = {
            let seen = self.seen.lock().unwrap();
            let keyed: Vec<&Ack> =
                seen.acks.iter().filter(|ack| ack.call.idempotency.is_some()).collect();
            let pick = self.world.below(keyed.len() as u64);
            let Some(ack) = keyed.get(usize::try_from(pick).unwrap()) else { return };
            ((*ack).clone(), self.world.below(4) == 0, seen.issued.len())
        };
        assert!(behind < super::super::window::WINDOW_MAX, "the run is too long to repeat in");
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
