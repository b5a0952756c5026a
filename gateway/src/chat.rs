//! Chat: a model of an OpenAI-compatible provider answers what a user says, with the tools of MCP, as that user.
//!
//! A message opens a turn (`open`). The turn (`turn`) sends the conversation (`prompt`) to the provider (`provider`), puts
//! its answer together (`reply`), carries out the tools that it asks for, and begins again, until the model has said
//! something. What is asked for is kept before it is carried out, under a name of its own: whoever goes on with a turn
//! that broke off does nothing twice.

mod open;
mod prompt;
mod provider;
mod reply;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    config::Outside,
    problem::{Problem, Slug},
};
pub(crate) use open::{Message, open};
use provider::Provider;
pub(crate) use reply::clean;
pub(crate) use turn::{Event, TURN_MS, Talk};

/// Turns that this process answers at once.
const TURNS_AT_ONCE_MAX: usize = 64;
/// Turns that one user may have under way, in as many conversations.
const USER_TURNS_MAX: i64 = 4;
/// Messages of one conversation that are answered.
const TURNS_MAX: i64 = 100;
/// Seconds after which a caller may ask again; a provider does not come by itself.
const NO_PROVIDER_S: u32 = 3_600;
/// Seconds after which a caller may ask again where others are being answered.
const FULL_S: u32 = 5;

/// The way to the provider, if one is configured.
pub(crate) struct Chat {
    provider: Option<Provider>,
    slots: Arc<Semaphore>,
}

impl Chat {
    /// Chat as configured; nobody is spoken to yet.
    pub(crate) fn new(outside: &Outside) -> anyhow::Result<Self> {
        let slots = Arc::new(Semaphore::new(TURNS_AT_ONCE_MAX));
        Ok(Self { provider: Provider::new(outside)?, slots })
    }

    fn provider(&self) -> Result<&Provider, Problem> {
        self.provider.as_ref().ok_or_else(|| {
            let why =
                "Chat has no provider here; use the tools of /mcp with a chatbot of your own.";
            Problem::new(Slug::ChatUnavailable, why).retry_after(NO_PROVIDER_S)
        })
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.slots.clone().try_acquire_owned().map_err(|_| {
            let why = "Too many messages are being answered just now; try again in a moment.";
            Problem::new(Slug::ChatUnavailable, why).retry_after(FULL_S)
        })
    }
}
