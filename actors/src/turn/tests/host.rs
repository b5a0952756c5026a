//! A host in the world: every await is a place to crash, to freeze or to be lied to.

use std::{future::pending, sync::Arc};

use tokio::time::{Duration, Instant, sleep, sleep_until};
use uuid::Uuid;

use super::world::{Cast, RING, Weather, World, content_etag};
use crate::{
    host::{Appended, Etag, Expect, Host, Record, Stored, Unavailable, WriteError},
    message::{event::Event, key::Key, sync::Sync, time::Timestamp},
};

/// A host in this world.
pub(super) struct SimHost<C: Cast> {
    pub(super) world: Arc<World<C>>,
    pub(super) node: usize,
}

impl<C: Cast> Clone for SimHost<C> {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), node: self.node }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fine,
    /// It does not arrive.
    Lost,
    /// It arrives; nobody is told.
    Unanswered,
    /// It arrives when nobody waits for it any more.
    Late(Duration),
}

impl<C: Cast> SimHost<C> {
    /// Any await on the world: time passes, and the process may end or stand still here.
    async fn step(&self) {
        let pause = {
            let mut inner = self.world.inner();
            let weather = inner.weather;
            let crash = inner.rng.below(10_000) < weather.crash;
            let freeze = inner.rng.below(10_000) < weather.freeze;
            let slow = inner.rng.below(10_000) < weather.slow;
            let forget = inner.rng.below(10_000) < weather.forget;
            if freeze {
                let until = Instant::now() + inner.rng.millis(90_000);
                inner.status[self.node].frozen_until = until;
            }
            let pause = inner.rng.millis(if slow { 3_000 } else { 3 });
            let node = inner.nodes.get(self.node).filter(|_| forget).cloned();
            drop(inner);
            if crash {
                self.world.kill(self.node);
            }
            if let Some(node) = node {
                node.lists.forget_all();
                node.clocks.forget_all();
            }
            pause
        };
        sleep(pause).await;
        loop {
            let until = {
                let inner = self.world.inner();
                let status = &inner.status[self.node];
                if status.alive { Some(status.frozen_until) } else { None }
            };
            match until {
                None => pending::<()>().await,
                Some(until) if until <= Instant::now() => return,
                Some(until) => sleep_until(until).await,
            }
        }
    }

    fn fate(&self, chance: impl Fn(&Weather) -> u64) -> Fate {
        let mut inner = self.world.inner();
        let chance = chance(&inner.weather);
        if inner.rng.below(10_000) >= chance {
            return Fate::Fine;
        }
        let late = inner.weather.late;
        if inner.rng.below(10_000) < late && !C::OWNED {
            return Fate::Late(inner.rng.millis(10_000));
        }
        if inner.rng.below(2) == 0 { Fate::Lost } else { Fate::Unanswered }
    }

    async fn save(
        &self,
        key: &Key,
        row: Option<u64>,
        bytes: Vec<u8>,
        expect: Expect,
        events: &[Event],
    ) -> Result<(), WriteError> {
        self.step().await;
        let chance =
            |weather: &Weather| if row.is_none() { weather.snapshot } else { weather.write };
        let fate = self.fate(chance);
        let unknown = || WriteError::Unknown("simulated".to_owned());
        let saved = match fate {
            Fate::Fine | Fate::Unanswered => self.world.write(key, row, &bytes, &expect, events),
            Fate::Lost => false,
            Fate::Late(after) => {
                let (world, key, facts) = (self.world.clone(), key.clone(), events.to_vec());
                tokio::spawn(async move {
                    sleep(after).await;
                    world.write(&key, row, &bytes, &expect, &facts);
                });
                return Err(unknown());
            }
        };
        if fate != Fate::Fine && C::OWNED {
            // A process whose commit failed stops.
            self.world.kill(self.node);
        }
        self.step().await;
        match fate {
            Fate::Fine if saved => Ok(()),
            Fate::Fine => Err(WriteError::Refused),
            _ => Err(unknown()),
        }
    }
}

impl<C: Cast> Host for SimHost<C> {
    const OWNS_STORE: bool = C::OWNED;
    const RING: u64 = RING;

    fn etag(&self, row: &[u8]) -> Option<Etag> {
        C::OWNED.then(|| content_etag(row))
    }

    fn now(&self) -> Timestamp {
        let now = self.world.now();
        Timestamp(now + self.world.inner().status[self.node].skew)
    }

    fn random(&self) -> Uuid {
        let mut inner = self.world.inner();
        Uuid::from_u64_pair(inner.rng.next(), inner.rng.next())
    }

    async fn load(&self, key: &Key) -> Result<Record, Unavailable> {
        self.step().await;
        let mut order: Vec<Option<u64>> = (0..RING).map(Some).chain([None]).collect();
        let torn = {
            let mut inner = self.world.inner();
            for i in (1..order.len()).rev() {
                let j = usize::try_from(inner.rng.below(i as u64 + 1)).unwrap();
                order.swap(i, j);
            }
            inner.rng.below(2) == 0 && !C::OWNED
        };
        let mut record = Record::default();
        for (count, row) in order.into_iter().enumerate() {
            if torn && count % 3 == 2 {
                let pause = self.world.inner().rng.millis(1_500);
                sleep(pause).await;
                self.step().await;
            }
            let inner = self.world.inner();
            let stored = inner.rows.get(&(key.clone(), row)).cloned();
            let stored = stored.filter(|_| !inner.unread.contains(&row));
            drop(inner);
            match row {
                None => record.snap = stored,
                Some(index) => record.slots.extend(stored.map(|stored| (index, stored))),
            }
        }
        self.step().await;
        match self.fate(|weather| weather.write / 4) {
            Fate::Fine => Ok(record),
            // What had come when the connection broke, and no error: as Dapr's PostgreSQL component answers.
            Fate::Unanswered if !C::OWNED => {
                let kept = record.slots.len() / 3;
                record.snap = record.snap.filter(|_| record.slots.len() % 2 == 1);
                record.slots.truncate(kept);
                Ok(record)
            }
            _ => Err(Unavailable("simulated".to_owned())),
        }
    }

    async fn slot(&self, key: &Key, index: u64) -> Result<Option<Stored>, Unavailable> {
        self.step().await;
        let stored = self.world.inner().rows.get(&(key.clone(), Some(index))).cloned();
        self.step().await;
        match self.fate(|weather| weather.write / 4) {
            Fate::Fine => Ok(stored),
            _ => Err(Unavailable("simulated".to_owned())),
        }
    }

    async fn append(
        &self,
        key: &Key,
        index: u64,
        entry: Vec<u8>,
        expect: Expect,
        alarm: Option<Timestamp>,
        events: &[Event],
    ) -> Result<Appended, WriteError> {
        if !C::OWNED {
            self.save(key, Some(index), entry, expect, events).await?;
            return Ok(Appended::default());
        }
        self.step().await;
        let fate = self.fate(|weather| weather.write / 8);
        let saved =
            fate != Fate::Lost && self.world.write(key, Some(index), &entry, &expect, events);
        if saved {
            self.world.inner().log.extend_from_slice(events);
            if let Some(alarm) = alarm {
                self.world.register(key, alarm.0);
            }
        }
        if fate != Fate::Fine {
            self.world.kill(self.node);
        }
        self.step().await;
        if saved { Ok(Appended { armed: true, logged: true }) } else { Err(WriteError::Refused) }
    }

    async fn snapshot(&self, key: &Key, snap: Vec<u8>, expect: Expect) -> Result<(), WriteError> {
        self.save(key, None, snap, expect, &[]).await
    }

    async fn arm(&self, key: &Key, moment: Timestamp) -> Result<(), Unavailable> {
        self.step().await;
        let fate = self.fate(|weather| weather.arm);
        match fate {
            Fate::Fine | Fate::Unanswered => self.world.register(key, moment.0),
            Fate::Lost => {}
            Fate::Late(after) => {
                let (world, key) = (self.world.clone(), key.clone());
                tokio::spawn(async move {
                    sleep(after).await;
                    world.register(&key, moment.0);
                });
            }
        }
        self.step().await;
        if fate == Fate::Fine { Ok(()) } else { Err(Unavailable("simulated".to_owned())) }
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Unavailable> {
        self.step().await;
        let fate = self.fate(|weather| weather.publish);
        {
            let mut inner = self.world.inner();
            if inner.log_down {
                return Err(Unavailable("the log is down".to_owned()));
            }
            let arrive = match fate {
                Fate::Fine | Fate::Unanswered => events.len(),
                Fate::Lost => usize::try_from(inner.rng.below(events.len() as u64)).unwrap(),
                Fate::Late(_) => 0,
            };
            inner.log.extend_from_slice(&events[..arrive]);
        }
        if let Fate::Late(after) = fate {
            let (world, events) = (self.world.clone(), events.to_vec());
            tokio::spawn(async move {
                sleep(after).await;
                world.inner().log.extend_from_slice(&events);
            });
        }
        self.step().await;
        if fate == Fate::Fine { Ok(()) } else { Err(Unavailable("simulated".to_owned())) }
    }

    async fn sync(&self, to: &Key, sync: &Sync) -> Result<(), Unavailable> {
        self.step().await;
        let fate = self.fate(|weather| weather.sync);
        let taken = match fate {
            Fate::Lost => false,
            Fate::Fine | Fate::Unanswered => self.world.receive(to, sync.clone()).await,
            Fate::Late(after) => {
                let (world, to, sync) = (self.world.clone(), to.clone(), sync.clone());
                tokio::spawn(async move {
                    sleep(after).await;
                    world.receive(&to, sync).await;
                });
                false
            }
        };
        self.step().await;
        if fate == Fate::Fine && taken { Ok(()) } else { Err(Unavailable("simulated".to_owned())) }
    }
}
