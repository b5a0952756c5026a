//! What every operation works with: the actors, the accounts, and what was answered to whom.

use std::{sync::Arc, time::Duration};

use actors::{
    Actors, Answered, Done, Failure,
    message::{
        call::{By, Call, Idempotency},
        key::{Kind, UserId},
        rejection::{Rejection, Slug},
        reminder,
        task::{
            command::{self, Change, SettingsPatch},
            query,
        },
        time::Timestamp,
    },
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    accounts::Accounts,
    chat::Chat,
    config::Config,
    feed::Feed,
    identity::{Caller, Identity, rates::Rates},
    live::Live,
    notify::Notify,
    observe::Metrics,
    recent::Recent,
    search::Lists,
    views::Views,
};

/// Users whose newest version is remembered, so that what they read is not older than what they were answered.
const VERSIONS_MIN: usize = 65_536;
/// Keys whose actor is remembered. Each actor knows its own; this is for those that are used on two.
const KEYS_MIN: usize = 16_384;
/// Longest that a read of the views waits for what its caller names by `min_version`.
const VIEWS_ASKED_MS: u64 = 2_000;
/// The wait between two looks at whether delivered events have come.
const VIEWS_AGAIN_MS: u64 = 20;
/// Longest that any other read of the views waits for what was answered before it.
const VIEWS_USUAL_MS: u64 = 200;

/// Everything a request needs. One per process.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The way to the actors.
    pub actors: Actors,
    /// Tokens, sessions and tickets.
    pub accounts: Accounts,
    /// What became of the facts.
    pub views: Views,
    /// How far the views have come.
    pub feed: Feed,
    /// Long lists that are searched.
    pub(crate) lists: Lists,
    /// Who looks at which stream.
    pub live: Live,
    /// The way to webhooks and mailboxes.
    pub(crate) notify: Notify,
    pub(crate) chat: Chat,
    pub(crate) identity: Identity,
    pub(crate) rates: Rates,
    pub(crate) metrics: Metrics,
    versions: Recent<UserId, u64>,
    introduced: Recent<UserId, bool>,
    keys: Recent<Uuid, Option<Kind>>,
    set_clock: Option<SetClock>,
}

/// Sets the host's clock (`TICKLER_TEST_CLOCK`).
pub type SetClock = Box<dyn Fn(Timestamp) + Send + Sync>;

/// How a command is called: its name for repeats, who asks, and the trace it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct How {
    /// The command's id.
    pub(crate) id: Uuid,
    /// What was asked under an Idempotency-Key.
    pub(crate) idempotency: Option<Idempotency>,
    /// Who asks.
    pub(crate) by: By,
    /// W3C trace context.
    pub(crate) traceparent: Option<String>,
}

impl How {
    fn call<C>(&self, command: C) -> Call<C> {
        Call {
            id: self.id,
            idempotency: self.idempotency.clone(),
            by: self.by.clone(),
            traceparent: self.traceparent.clone(),
            command,
        }
    }
}

impl App {
    /// Puts together what requests need. With `set_clock` there is `/dev/clock`.
    pub(crate) fn new(
        config: Config,
        actors: Actors,
        accounts: Accounts,
        (views, feed, live, notify): (Views, Feed, Live, Notify),
        set_clock: Option<SetClock>,
    ) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            chat: Chat::new(&config.outside)?,
            identity: Identity::new(&config)?,
            rates: Rates::new(config.rate.filter(|_| !config.is_dev())),
            metrics: Metrics::install(),
            versions: Recent::new(VERSIONS_MIN),
            introduced: Recent::new(VERSIONS_MIN),
            keys: Recent::new(KEYS_MIN),
            config,
            actors,
            accounts,
            views,
            lists: Lists::default(),
            feed,
            live,
            notify,
            set_clock,
        }))
    }

    /// How the host's clock is set, where it may be.
    pub(crate) fn set_clock(&self) -> Option<&SetClock> {
        self.set_clock.as_ref()
    }

    /// The newest version that a user was answered.
    pub(crate) fn version_seen(&self, user: &UserId) -> u64 {
        self.versions.get(user).unwrap_or_default()
    }

    fn saw(&self, user: &UserId, version: u64) {
        self.versions.update(user.clone(), |seen| *seen = version.max(*seen));
    }

    /// Waits, within a bound, until the views show what was answered before this call, and says whether they do; with a
    /// `min_version` the bound is wider, and what is not there then is `view-behind`.
    pub(crate) async fn views_shown(
        &self,
        user: &UserId,
        min_version: u64,
    ) -> Result<bool, Failure> {
        if min_version == 0 {
            let seen = self.version_seen(user);
            return Ok(self.shown(user, seen, Duration::from_millis(VIEWS_USUAL_MS)).await);
        }
        self.ask(user, query::Query::Settings, min_version).await?;
        let there = self.shown(user, min_version, Duration::from_millis(VIEWS_ASKED_MS)).await;
        if there { Ok(true) } else { Err(Failure::Behind) }
    }

    /// Whether the views come to show a version of a user's list within a time. A log that is followed here is known to
    /// its end; one that is delivered is known by what has come of it.
    async fn shown(&self, user: &UserId, version: u64, within: Duration) -> bool {
        if matches!(self.actors, Actors::Embedded(_)) {
            return self.feed.caught_up(within).await;
        }
        let until = Instant::now() + within;
        loop {
            let shown = self.views.version(user).await;
            if shown.is_ok_and(|shown| shown >= version) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            sleep(Duration::from_millis(VIEWS_AGAIN_MS)).await;
        }
    }

    /// Gives a command to a user's task list.
    pub(crate) async fn tell(
        &self,
        caller: &Caller,
        how: &How,
        command: command::Command,
    ) -> Result<Done<command::Reply>, Failure> {
        self.notify.judge(&command)?;
        self.check_key(how, Kind::TaskListActor)?;
        let told = self.actors.tasks(&caller.user, how.call(command)).await;
        if let Ok(done) = &told {
            self.saw(&caller.user, done.version);
            self.note_key(how, Kind::TaskListActor);
        }
        told
    }

    /// Refuses a key that was used on another actor: what that one was asked was another request.
    fn check_key(&self, how: &How, actor: Kind) -> Result<(), Failure> {
        let known = how.idempotency.as_ref().and_then(|_| self.keys.get(&how.id)).flatten();
        if known.is_none_or(|known| known == actor) {
            return Ok(());
        }
        let why = "This Idempotency-Key was used for another request; take a new key.";
        Err(Failure::Rejected(Box::new(Rejection::new(Slug::IdempotencyKeyReused, why))))
    }

    fn note_key(&self, how: &How, actor: Kind) {
        if how.idempotency.is_some() {
            self.keys.set(how.id, Some(actor));
        }
    }

    /// Takes over what a token says of a user (e-mail, zone) where the user has said nothing: once in a process.
    pub(crate) async fn introduce(
        &self,
        caller: &Caller,
        traceparent: &str,
    ) -> Result<(), Failure> {
        let says = caller.zone.is_some() || caller.email.is_some();
        if !says || self.introduced.get(&caller.user).is_some() {
            return Ok(());
        }
        let known = self.ask(&caller.user, query::Query::Settings, 0).await?.answer;
        if let query::Answer::Settings { settings, .. } = known {
            let keep = SettingsPatch::default();
            let patch = SettingsPatch {
                email: unsaid(settings.email.as_ref(), caller.email.as_ref()),
                zone: unsaid(settings.zone.as_ref(), caller.zone.as_ref()),
                ..keep.clone()
            };
            if patch != keep {
                let (id, by) = (random_id(), caller.by.clone());
                let traceparent = Some(traceparent.to_owned());
                let how = How { id, idempotency: None, by, traceparent };
                self.tell(caller, &how, command::Command::Configure { patch }).await?;
            }
        }
        self.introduced.set(caller.user.clone(), true);
        Ok(())
    }

    /// Asks a user's task list, which must have reached `min_version` and all that the user was answered.
    pub(crate) async fn ask(
        &self,
        user: &UserId,
        query: query::Query,
        min_version: u64,
    ) -> Result<Answered<query::Answer>, Failure> {
        let least = min_version.max(self.version_seen(user));
        let answered = self.actors.ask_tasks(user, query, least).await?;
        self.saw(user, answered.version);
        Ok(answered)
    }

    /// Gives a command to a user's reminders, which know all that the user was answered of their tasks.
    pub(crate) async fn tell_reminders(
        &self,
        caller: &Caller,
        how: &How,
        command: reminder::Command,
    ) -> Result<Done<reminder::Reply>, Failure> {
        self.check_key(how, Kind::ReminderActor)?;
        let seen = self.version_seen(&caller.user);
        let told = self.actors.reminders(&caller.user, how.call(command), seen).await;
        if told.is_ok() {
            self.note_key(how, Kind::ReminderActor);
        }
        told
    }

    /// Asks a user's reminders, which know the task list up to `min_version` and all that the user was answered.
    pub(crate) async fn ask_reminders(
        &self,
        user: &UserId,
        query: reminder::Query,
        min_version: u64,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        let least = min_version.max(self.version_seen(user));
        self.actors.ask_reminders(user, query, least).await
    }
}

/// What was not said yet and is said now.
fn unsaid<T: Clone>(said: Option<&T>, now: Option<&T>) -> Change<T> {
    match (said, now) {
        (None, Some(now)) => Change::Set(now.clone()),
        _ => Change::Keep,
    }
}

/// A random id: the name of a command that has no key, of a trace, of a token.
#[expect(clippy::disallowed_methods, reason = "the edge names what comes from outside")]
pub(crate) fn random_id() -> Uuid {
    Uuid::new_v4()
}

/// The clock on the wall: for what comes from outside, whose makers no test clock moves.
#[expect(clippy::disallowed_methods, reason = "the edge meets the times of the world")]
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::from(chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()))
}
