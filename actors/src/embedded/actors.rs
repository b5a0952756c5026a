//! The actors of the process, over one desk.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use chrono_tz::Tz;
use tokio::{sync::watch, time::Instant};

use super::{Clock, Delivered, Delivery, Desk, FromLog, OpenError, Receivers};
use crate::{
    host::{Host, Unavailable},
    message::{
        call::Call,
        key::{Key, Kind, UserId},
        reminder,
        task::{command, query},
        time::Timestamp,
    },
    reach::{Answered, Done, Failure},
    recurrence::Recurrence,
    reminder::Reminders,
    task_list::TaskList,
    turn::{Relay, Seen, Turns},
};

/// Memory for task lists, about; those used longest ago go first.
const LIST_BYTES_MAX: usize = 256 << 20;
/// Memory for reminders, about.
const REMINDER_BYTES_MAX: usize = 128 << 20;
/// Memory for rules, about.
const RULE_BYTES_MAX: usize = 64 << 20;

/// What an embedded host is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; made if absent.
    pub dir: PathBuf,
    /// The zone of users who have set none.
    pub default_zone: Tz,
    /// What time it is.
    pub clock: Clock,
}

/// All actors in one process, over one SQLite file. Clones are the same ones.
#[derive(Clone)]
pub struct Embedded {
    desk: Desk,
    turns: Arc<Registries>,
}

struct Registries {
    lists: Turns<TaskList, Desk>,
    reminders: Turns<Reminders, Desk>,
    rules: Turns<Recurrence, Desk>,
}

impl Embedded {
    /// Takes the data folder, brings its file up to date, and goes on with what the last run left: alarms overdue fire,
    /// and what others were not told is told.
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        let desk = Desk::open(&options.dir, options.clock.clone()).await?;
        let (relay, zone) = (Relay::default(), options.default_zone);
        let turns = Arc::new(Registries {
            lists: Turns::new(desk.clone(), relay.clone(), zone, LIST_BYTES_MAX),
            reminders: Turns::new(desk.clone(), relay.clone(), zone, REMINDER_BYTES_MAX),
            rules: Turns::new(desk.clone(), relay, zone, RULE_BYTES_MAX),
        });
        // The desk must not keep the actors, who keep the desk.
        let weak = Arc::downgrade(&turns);
        desk.attach(Receivers::new(move |key, delivery| deliver(&weak, key, delivery)));
        Ok(Self { desk, turns })
    }

    /// The host's clock: what time it is for every actor.
    pub fn now(&self) -> Timestamp {
        self.desk.now()
    }

    /// The clock itself, which a test may set.
    pub fn clock(&self) -> &Clock {
        self.desk.clock()
    }

    /// See [`crate::Actors::store`].
    #[expect(clippy::unused_async, reason = "another host must ask its store")]
    pub async fn store(&self) -> Result<(), Unavailable> {
        self.desk.health()
    }

    /// See [`crate::Actors::ready`].
    pub async fn ready(&self) -> Result<(), Unavailable> {
        let nobody = Key::task_list(&UserId::parse("tickler-ready").expect("this is an id"));
        let asked = self.turns.lists.resume(&nobody).await;
        asked.map_err(|failure| Unavailable(failure.to_string()))
    }

    /// Leaves the address under which this process answers, for commands that find the folder owned.
    pub fn announce(&self, address: &str) -> io::Result<()> {
        self.desk.announce(address)
    }

    /// Makes the file's journal as long as it comes to be: for a process that goes on to serve. Commits are faster then.
    pub async fn grow_journal(&self) {
        self.desk.grow_journal().await;
    }

    /// Every user who has a task list.
    pub async fn users(&self) -> Result<Vec<UserId>, Unavailable> {
        self.desk.users().await
    }

    /// About `limit` events after the offset `after`, each with its own, oldest first.
    pub async fn log(&self, after: i64, limit: usize) -> Result<Vec<(i64, FromLog)>, Unavailable> {
        self.desk.log(after, limit).await
    }

    /// The newest offset in the log, as it changes.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.desk.newest()
    }

    /// Takes events up to an offset out of the log, a few thousand turns a call, oldest first; the newest stays.
    pub async fn trim_log(&self, through: i64) -> Result<(), Unavailable> {
        self.desk.trim_log(through).await
    }

    /// See [`crate::Actors::tasks`].
    pub async fn tasks(
        &self,
        user: &UserId,
        call: Call<command::Command>,
    ) -> Result<Done<command::Reply>, Failure> {
        self.turns.lists.call(&Key::task_list(user), call).await
    }

    /// A question to a user's task list, at or after what was `seen`.
    pub async fn ask_tasks(
        &self,
        user: &UserId,
        query: query::Query,
        seen: Seen,
    ) -> Result<Answered<query::Answer>, Failure> {
        self.turns.lists.query(&Key::task_list(user), &query, &seen).await
    }

    /// A command to a user's reminders.
    pub async fn reminders(
        &self,
        user: &UserId,
        call: Call<reminder::Command>,
    ) -> Result<Done<reminder::Reply>, Failure> {
        self.turns.reminders.call(&Key::reminder(user), call).await
    }

    /// A question to a user's reminders, at or after what was `seen`.
    pub async fn ask_reminders(
        &self,
        user: &UserId,
        query: reminder::Query,
        seen: Seen,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        self.turns.reminders.query(&Key::reminder(user), &query, &seen).await
    }

    /// See [`Turns::confirmed`].
    pub(crate) async fn confirmed(
        &self,
        list: &Key,
        to: &Key,
        version: u64,
    ) -> Result<u64, Failure> {
        self.turns.lists.confirmed(list, to, version).await
    }

    /// Stops within about this time: no more alarms, no more turns, those that run are waited for; then everything
    /// committed is folded into the file, and the folder given back. What could not be waited for is as after a crash.
    pub async fn close(&self, within: Duration) {
        let until = Instant::now() + within;
        let left = || until.saturating_duration_since(Instant::now());
        let _ = tokio::time::timeout(left(), self.desk.stop_timer()).await;
        // Lists first: reminders and rules may still hear what the last turns say.
        for ended in [
            self.turns.lists.drain(left()).await,
            self.turns.rules.drain(left()).await,
            self.turns.reminders.drain(left()).await,
        ] {
            if !ended {
                tracing::warn!("turns were still running at the end");
            }
        }
        self.desk.close().await;
    }
}

fn deliver(turns: &Weak<Registries>, key: Key, delivery: Delivery) -> Delivered {
    let turns = turns.upgrade();
    Box::pin(async move {
        let turns = turns.ok_or_else(|| Unavailable("tickler is stopping".to_owned()))?;
        let done = match key.kind {
            Kind::TaskListActor => to_one(&turns.lists, &key, delivery).await,
            Kind::ReminderActor => to_one(&turns.reminders, &key, delivery).await,
            Kind::RecurrenceActor => to_one(&turns.rules, &key, delivery).await,
        };
        done.map_err(|failure| Unavailable(failure.to_string()))
    })
}

async fn to_one<A: crate::actor::Actor>(
    turns: &Turns<A, Desk>,
    key: &Key,
    delivery: Delivery,
) -> Result<(), Failure> {
    match delivery {
        Delivery::Wake(moment) => turns.wake(key, moment).await,
        Delivery::Sync(sync) => turns.receive(key, sync).await,
        Delivery::Resume => turns.resume(key).await,
    }
}
