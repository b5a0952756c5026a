//! What every operation works with: the actors, the accounts, and what was answered to whom.

use std::sync::Arc;

use actors::{
    Actors, Answered, Done, Failure,
    message::{
        call::{By, Call, Idempotency},
        key::UserId,
        reminder,
        task::{command, query},
        time::Timestamp,
    },
};
use uuid::Uuid;

use crate::{
    accounts::Accounts,
    config::Config,
    identity::{Caller, Identity, rates::Rates},
    observe::Metrics,
    recent::Recent,
};

/// Users whose newest version is remembered, so that what they read is not older than what they were answered.
const VERSIONS_MIN: usize = 65_536;

/// Everything a request needs. One per process.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The way to the actors.
    pub actors: Actors,
    /// Tokens, sessions and tickets.
    pub accounts: Accounts,
    pub(crate) identity: Identity,
    pub(crate) rates: Rates,
    pub(crate) metrics: Metrics,
    versions: Recent<UserId, u64>,
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
    pub fn new(
        config: Config,
        actors: Actors,
        accounts: Accounts,
        set_clock: Option<SetClock>,
    ) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            identity: Identity::new(&config)?,
            rates: Rates::new(config.rate.filter(|_| !config.is_dev())),
            metrics: Metrics::install(),
            versions: Recent::new(VERSIONS_MIN),
            config,
            actors,
            accounts,
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

    /// Gives a command to a user's task list.
    pub(crate) async fn tell(
        &self,
        caller: &Caller,
        how: &How,
        command: command::Command,
    ) -> Result<Done<command::Reply>, Failure> {
        let told = self.actors.tasks(&caller.user, how.call(command)).await;
        if let Ok(done) = &told {
            self.saw(&caller.user, done.version);
        }
        told
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
        let seen = self.version_seen(&caller.user);
        self.actors.reminders(&caller.user, how.call(command), seen).await
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
