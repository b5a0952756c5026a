//! Follows the embedded log and brings what it says into the views, in order, however often it must try.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actors::{
    Actors,
    embedded::{Embedded, FromLog},
    message::{event::CloudEvent, time::Timestamp},
};
use metrics::{counter, gauge};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use crate::{
    live::Live,
    observe::{self, Metrics},
    views::{Applied, Fresh, Views, topic},
};

/// What the log is called among topics, where what stands in it is no event.
const LOG: &str = "log";
/// What the views are called among the readers of the log.
pub(crate) const CONSUMER: &str = "views";
/// About so many events are applied in one transaction.
const BATCH_EVENTS_MAX: usize = 1_024;
/// After a batch the next one gathers, twice as long as that one took within these bounds: a batch of many costs the
/// views little more than one of a single event.
const GATHER_MIN: Duration = Duration::from_millis(10);
const GATHER_MAX: Duration = Duration::from_millis(50);
/// The first wait after a failure; it doubles.
const RETRY_MIN_MS: u64 = 50;
/// The longest wait after a failure.
const RETRY_MAX_MS: u64 = 5_000;
/// What is too old is forgotten this often.
const RETENTION_MS: u64 = 600_000;
/// Events that stay in the log after every reader has read them.
const LOG_KEPT_EVENTS: i64 = 10_000;
/// The log is trimmed once this many more have gathered.
const LOG_TRIM_EVENTS: i64 = 2_000;

/// How the feed stands, for readers of the views. Clones are the same one.
#[derive(Clone)]
pub struct Feed {
    applied: watch::Receiver<i64>,
    newest: watch::Receiver<i64>,
    failing: Arc<Mutex<Option<String>>>,
}

/// The running feed.
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    retention: JoinHandle<()>,
}

impl Running {
    /// Ends it after the batch that it is at.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
        let _ = self.retention.await;
    }
}

impl Feed {
    /// Starts to follow the log.
    pub fn start(log: Embedded, views: Views, live: Live) -> (Self, Running) {
        // What is counted before there is a recorder is counted by nobody.
        Metrics::install();
        let (applied, applied_seen) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let failing = Arc::default();
        let feed =
            Self { applied: applied_seen, newest: log.newest(), failing: Arc::clone(&failing) };
        let newest = log.newest();
        tokio::spawn(live.clone().hear_others(views.clone()));
        let clock = Actors::Embedded(log.clone());
        let retention = tokio::spawn(retain(clock, views.clone(), stopped.clone()));
        let run = Run { log, views, live, applied, newest, failing, stopped };
        let task = tokio::spawn(run.follow());
        (feed, Running { stop, task, retention })
    }

    /// The feed of a host whose log is delivered: what has come is in the views, and what has not is not known of.
    pub fn delivered() -> Self {
        let none = watch::channel(0).1;
        Self { applied: none.clone(), newest: none, failing: Arc::default() }
    }

    /// Waits until everything that was answered before this call is in the views; false where it takes longer.
    pub(crate) async fn caught_up(&self, within: Duration) -> bool {
        let newest = *self.newest.borrow();
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|applied| *applied >= newest);
        tokio::time::timeout(within, reached).await.is_ok_and(|reached| reached.is_ok())
    }

    /// Changes with each batch that the views have taken.
    pub(crate) fn batches(&self) -> watch::Receiver<i64> {
        self.applied.clone()
    }

    /// Why the views do not go on, where they do not.
    pub(crate) fn failing(&self) -> Option<String> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Run {
    log: Embedded,
    views: Views,
    live: Live,
    applied: watch::Sender<i64>,
    newest: watch::Receiver<i64>,
    failing: Arc<Mutex<Option<String>>>,
    stopped: watch::Receiver<bool>,
}

/// What was read of the log at once.
#[derive(Default)]
struct Batch {
    events: Vec<CloudEvent>,
    /// The place of each event.
    offsets: Vec<i64>,
    /// What is no event: topic, place, bytes, reason.
    aside: Vec<(&'static str, i64, Vec<u8>, String)>,
    oldest: Option<Timestamp>,
    last: i64,
}

/// The feed was asked to stop.
struct Stopped;

impl Run {
    async fn follow(mut self) {
        let Ok(mut at) = self.position().await else { return };
        let mut trimmed = at;
        self.applied.send_replace(at);
        loop {
            let Ok(events) = self.read(at).await else { return };
            let Some((last, _)) = events.last() else {
                say_lag(0);
                // A row that was refused leaves its offset unused: what is newest may have no event.
                if self.more(at).await.is_err() {
                    return;
                }
                continue;
            };
            let (last, full, began) = (*last, events.len() >= BATCH_EVENTS_MAX, Instant::now());
            if self.apply(events, last).await.is_err() {
                return;
            }
            at = last;
            self.applied.send_replace(at);
            if !full {
                tokio::time::sleep((began.elapsed() * 2).clamp(GATHER_MIN, GATHER_MAX)).await;
            }
            if at - trimmed > LOG_KEPT_EVENTS + LOG_TRIM_EVENTS {
                trimmed = at - LOG_KEPT_EVENTS;
                if let Err(error) = self.log.trim_log(trimmed).await {
                    tracing::warn!(%error, "the log was not trimmed");
                }
            }
        }
    }

    async fn position(&mut self) -> Result<i64, Stopped> {
        let mut wait = RETRY_MIN_MS;
        loop {
            match self.views.position(CONSUMER).await {
                Ok(at) => return Ok(at),
                Err(error) => self.pause(&error.to_string(), &mut wait).await?,
            }
        }
    }

    async fn read(&mut self, at: i64) -> Result<Vec<(i64, FromLog)>, Stopped> {
        let mut wait = RETRY_MIN_MS;
        loop {
            match self.log.log(at, BATCH_EVENTS_MAX).await {
                Ok(events) => return Ok(events),
                Err(error) => self.pause(&error.to_string(), &mut wait).await?,
            }
        }
    }

    /// Waits until the log is longer than this.
    async fn more(&mut self, at: i64) -> Result<(), Stopped> {
        loop {
            if *self.stopped.borrow() {
                return Err(Stopped);
            }
            tokio::select! {
                newer = self.newest.wait_for(|newest| *newest > at) => match newer {
                    Ok(_) => return Ok(()),
                    Err(_) => return Err(Stopped),
                },
                changed = self.stopped.changed() => if changed.is_err() { return Err(Stopped) },
            }
        }
    }

    async fn apply(&mut self, logged: Vec<(i64, FromLog)>, last: i64) -> Result<(), Stopped> {
        let mut batch = Batch { last, ..Batch::default() };
        for (offset, event) in logged {
            match event {
                Ok(event) => {
                    batch.oldest = Some(batch.oldest.unwrap_or(event.time).min(event.time));
                    batch.events.push(event.cloud_event());
                    batch.offsets.push(offset);
                }
                Err(it) => batch.aside.push((LOG, offset, it.bytes, it.why)),
            }
        }
        let mut wait = RETRY_MIN_MS;
        loop {
            let now = self.log.now();
            say_lag(batch.oldest.map_or(0, |oldest| now.0 - oldest.0));
            match self.take(&mut batch).await {
                Ok(fresh) => {
                    self.fails(None);
                    self.live.tell(fresh);
                    batch.events.iter().for_each(note);
                    return Ok(());
                }
                Err(error) => self.pause(&error.to_string(), &mut wait).await?,
            }
        }
    }

    /// Brings a batch into the views. What cannot be read or stored is set aside before the position passes it.
    async fn take(&self, batch: &mut Batch) -> Result<Vec<Fresh>, sqlx::Error> {
        let (now, position) = (self.log.now(), Some((CONSUMER, batch.last)));
        for (topic, offset, bytes, why) in &batch.aside {
            self.set_aside(topic, *offset, bytes, why).await?;
        }
        batch.aside.clear();
        let Applied { fresh, refused } =
            self.views.apply_each(&batch.events, position, now).await?;
        if refused.is_empty() {
            return Ok(fresh);
        }
        for (at, why) in &refused {
            let event = &batch.events[*at];
            let bytes = serde_json::to_vec(event).expect("a CloudEvent is JSON");
            self.set_aside(topic(&event.kind), batch.offsets[*at], &bytes, why).await?;
        }
        self.views.apply(&[], position, now).await?;
        Ok(fresh)
    }

    async fn set_aside(
        &self,
        topic: &'static str,
        offset: i64,
        bytes: &[u8],
        why: &str,
    ) -> Result<(), sqlx::Error> {
        let place = offset.to_string();
        self.views.keep_letter((topic, &place), bytes, why, self.log.now()).await?;
        counter!("tickler_dlq_total", "topic" => topic).increment(1);
        tracing::error!(topic, offset, why, "an event was set aside; see `tickler dlq list`");
        Ok(())
    }

    /// Notes a failure and waits, longer each time.
    async fn pause(&mut self, why: &str, wait_ms: &mut u64) -> Result<(), Stopped> {
        self.fails(Some(why));
        let until = tokio::time::sleep(Duration::from_millis(*wait_ms));
        *wait_ms = (*wait_ms * 2).min(RETRY_MAX_MS);
        if *self.stopped.borrow() {
            return Err(Stopped);
        }
        tokio::select! {
            () = until => Ok(()),
            _ = self.stopped.changed() => Err(Stopped),
        }
    }

    /// Says whether the views go on, once at each change.
    fn fails(&self, why: Option<&str>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match (why, failing.is_some()) {
            (Some(why), false) => {
                tracing::error!(why, "the views do not take events; trying again")
            }
            (None, true) => tracing::info!("the views take events again"),
            _ => {}
        }
        *failing = why.map(str::to_owned);
    }
}

/// Keeps what can be forgotten within its bounds, until the sender of `stopped` goes or says so: messages for a day,
/// deleted tasks as long as they can be restored, letters for a month once somebody has decided over them.
pub(crate) async fn retain<T>(clock: Actors, views: Views, mut stopped: watch::Receiver<T>) {
    loop {
        let pause = tokio::time::sleep(Duration::from_millis(RETENTION_MS));
        tokio::select! {
            () = pause => {}
            _ = stopped.changed() => return,
        }
        let now = clock.now();
        for kept in [
            views.forget_messages(now).await,
            views.forget_deleted(now).await,
            views.forget_letters(now).await,
            views.forget_conversations(now).await,
        ] {
            if let Err(error) = kept {
                tracing::warn!(%error, "what is too old was not forgotten; later again");
            }
        }
    }
}

fn say_lag(ms: i64) {
    gauge!("tickler_feed_lag_seconds", "consumer" => CONSUMER).set(ms.max(0) as f64 / 1_000.0);
}

/// Counts and logs an event: embedded, it is published by standing in the log, and consumed here.
fn note(event: &CloudEvent) {
    let (topic, event_id, kind) = (topic(&event.kind), event.id.as_str(), event.kind.as_str());
    counter!("tickler_events_published_total", "topic" => topic).increment(1);
    if kind == "reminder.triggered" {
        observe::reminder_lateness(event);
    }
    let said = "event_published";
    tracing::info!(event = said, topic, event_id, "type" = kind, "event published");
    let (said, status) = ("event_consumed", "SUCCESS");
    tracing::info!(event = said, topic, event_id, "type" = kind, status, "event consumed");
}
