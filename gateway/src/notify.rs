//! Tells the world: delivers events to webhooks and reminders to mailboxes, at most once in effect, for days if it must.
//!
//! The queue is a table that the views fill in the transaction of each batch. One at a time goes to an endpoint, in
//! order; what fails comes again later and holds up nobody.

pub(crate) mod address;
mod attempt;
mod channels;
mod mail;
mod send;
pub(crate) mod sign;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actors::Actors;
use tokio::{
    sync::{Notify as Nudge, watch},
    task::{Id, JoinHandle, JoinSet},
};

use crate::{
    config::Config,
    views::{Views, deliveries::Delivery},
};
pub(crate) use send::{TEST_MS, Verdict};

/// Endpoints that are called at once.
const ENDPOINTS_MAX: usize = 32;
/// Longest wait for what is due, in milliseconds.
const WAIT_MS_MAX: i64 = 60_000;
/// The same under the test clock, which may be set at any moment.
const TEST_WAIT_MS_MAX: i64 = 100;
/// Shortest wait while something due waits for its endpoint.
const BUSY_MS: i64 = 1_000;
/// Longest that tries under way may take once there is a signal to stop.
const STOP_MS: u64 = 5_000;
/// What has ended is dropped when it is old: so often, in milliseconds.
const FORGET_MS: i64 = 3_600_000;

/// The way out. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Notify(Arc<Out>);

struct Out {
    views: Views,
    actors: Actors,
    sender: send::Sender,
    mailer: Option<mail::Mailer>,
    root: String,
    nudge: Nudge,
    wait_ms: i64,
}

/// The running worker.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it; tries under way are waited for, within a bound.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

impl Notify {
    /// Puts together what deliveries need.
    pub(crate) async fn open(
        config: &Config,
        views: Views,
        actors: Actors,
    ) -> anyhow::Result<Self> {
        let root = views.root_secret("reminders", &sign::secret()).await?;
        Ok(Self(Arc::new(Out {
            views,
            actors,
            sender: send::Sender::new(address::Guard::new(&config.outside.allow))?,
            mailer: mail::Mailer::open(config)?,
            root,
            nudge: Nudge::new(),
            wait_ms: if config.test_clock { TEST_WAIT_MS_MAX } else { WAIT_MS_MAX },
        })))
    }

    /// Starts to deliver; `batches` changes when the views have taken something.
    pub(crate) fn start(&self, batches: watch::Receiver<i64>) -> Running {
        let (stop, stopped) = watch::channel(false);
        let work = Work {
            out: self.clone(),
            busy: HashSet::new(),
            tries: JoinSet::new(),
            endpoints: HashMap::new(),
            forgot_at: 0,
            failing: false,
        };
        Running { stop, task: tokio::spawn(work.run(batches, stopped)) }
    }

    /// Says that there is something new in the queue.
    pub(crate) fn nudge(&self) {
        self.0.nudge.notify_one();
    }

    /// Who judges addresses.
    pub(crate) fn guard(&self) -> &address::Guard {
        self.0.sender.guard()
    }

    /// Whether mail can be sent.
    pub(crate) fn has_mail(&self) -> bool {
        self.0.mailer.is_some()
    }

    /// The secret that signs what goes to a reminder's own URL.
    pub(crate) fn reminder_secret(&self, reminder: &str) -> String {
        sign::derived(&self.0.root, reminder)
    }

    /// Calls a webhook once, now, within [`TEST_MS`].
    pub(crate) async fn test(
        &self,
        url: &str,
        secrets: &[&str],
        id: &str,
        body: &str,
    ) -> send::Try {
        self.0.sender.post(url, secrets, (id, body), Duration::from_millis(TEST_MS)).await
    }

    fn now(&self) -> i64 {
        self.0.actors.now().0
    }
}

struct Work {
    out: Notify,
    busy: HashSet<String>,
    tries: JoinSet<()>,
    endpoints: HashMap<Id, String>,
    forgot_at: i64,
    failing: bool,
}

impl Work {
    async fn run(mut self, mut batches: watch::Receiver<i64>, mut stopped: watch::Receiver<bool>) {
        let out = self.out.clone();
        while !*stopped.borrow() {
            let wait = self.begin().await;
            self.say(wait.as_ref().err());
            let wait = Duration::from_millis(wait.unwrap_or(BUSY_MS).unsigned_abs());
            tokio::select! {
                () = out.0.nudge.notified() => {}
                changed = batches.changed() => if changed.is_err() { break },
                Some(ended) = self.tries.join_next_with_id(), if !self.tries.is_empty() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    self.ended(id);
                }
                () = tokio::time::sleep(wait) => {}
                changed = stopped.changed() => if changed.is_err() { break },
            }
        }
        let all = async { while self.tries.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS), all).await;
    }

    fn ended(&mut self, id: Id) {
        if let Some(endpoint) = self.endpoints.remove(&id) {
            self.busy.remove(&endpoint);
        }
    }

    /// Begins what is due, and says how long there is nothing else to do.
    async fn begin(&mut self) -> Result<i64, sqlx::Error> {
        let (out, now) = (self.out.clone(), self.out.now());
        let views = &out.0.views;
        if now - self.forgot_at >= FORGET_MS {
            views.forget_deliveries(now).await?;
            self.forgot_at = now;
        }
        for told in views.untold().await? {
            if !self.busy.contains(&told.endpoint) {
                self.spawn(told, |out, told| async move { out.tell_user(&told).await });
            }
        }
        let due = views.due(now, 2 * ENDPOINTS_MAX as i64).await?;
        let shortest = if due.is_empty() { 1 } else { BUSY_MS.min(out.0.wait_ms) };
        for delivery in due {
            if self.busy.len() < ENDPOINTS_MAX && !self.busy.contains(&delivery.endpoint) {
                self.spawn(delivery, |out, delivery| async move { out.attempt(delivery).await });
            }
        }
        let next = views.next_due().await?.map_or(out.0.wait_ms, |next| next - now);
        Ok(next.clamp(shortest, out.0.wait_ms))
    }

    fn spawn<F>(&mut self, it: Delivery, job: impl FnOnce(Notify, Delivery) -> F)
    where
        F: Future<Output = Result<(), attempt::Undone>> + Send + 'static,
    {
        let endpoint = it.endpoint.clone();
        let job = job(self.out.clone(), it);
        let id = self.tries.spawn(async move {
            if let Err(error) = job.await {
                tracing::warn!(%error, "a delivery was not written down; it comes again");
                tokio::time::sleep(Duration::from_millis(BUSY_MS.unsigned_abs())).await;
            }
        });
        self.endpoints.insert(id.id(), endpoint.clone());
        self.busy.insert(endpoint);
    }

    /// Says whether the queue can be read, once at each change.
    fn say(&mut self, error: Option<&sqlx::Error>) {
        match (error, self.failing) {
            (Some(error), false) => {
                tracing::error!(%error, "the queue of deliveries does not answer; trying again")
            }
            (None, true) => tracing::info!("the queue of deliveries answers again"),
            _ => {}
        }
        self.failing = error.is_some();
    }
}
