//! What an actor is: a state that decides and a state that changes, and nothing else.

use std::{fmt::Debug, sync::OnceLock};

use serde::{Serialize, de::DeserializeOwned};

use crate::message::{
    call::Call,
    event::Fact,
    key::Key,
    rejection::Rejection,
    sync::{Item, Subject, Value},
    time::Timestamp,
};

/// Where and when a decision is taken. Time comes from here alone.
#[derive(Clone, Debug)]
pub struct Moment<'a> {
    /// The actor itself.
    pub key: &'a Key,
    /// The sequence that the turn will have if it writes; for a query, the current one.
    pub sequence: u64,
    /// The host's clock.
    pub now: Timestamp,
    /// The zone of users who have set none.
    pub default_zone: chrono_tz::Tz,
}

/// What a turn does: the events it writes and what other actors must come to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects<A: Actor> {
    /// What happened, in order. Empty, with no syncs: nothing is written.
    pub events: Vec<A::Event>,
    /// What these events make of the actor, where that was found on the way; else it evolves by them.
    pub after: Option<A>,
    /// What other actors must know: replaces what is unconfirmed under the same subject.
    pub syncs: Vec<(Key, Subject, Value)>,
    /// A moment less than two minutes off was taken away or postponed: success is answered only once the syncs are confirmed.
    pub confirm: bool,
}

impl<A: Actor> Default for Effects<A> {
    fn default() -> Self {
        Self { events: Vec::new(), after: None, syncs: Vec::new(), confirm: false }
    }
}

/// What a command leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<A: Actor> {
    /// What the caller is told.
    pub reply: A::Reply,
    /// What is written.
    pub effects: Effects<A>,
}

/// How a page of a large state is stored, from when it is first written until something in it changes.
pub type Kept = OnceLock<Box<[u8]>>;

/// Writes a page as JSON.
pub type PageJson<'a> = &'a dyn Fn() -> serde_json::Result<Vec<u8>>;

/// A virtual actor's core: pure, without clock, randomness or I/O.
pub trait Actor:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What can be asked of it that changes something.
    type Command: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What it tells the caller.
    type Reply: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What happened to it.
    type Event: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What can be asked without changing anything.
    type Query: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What it answers.
    type Answer: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Judges a command; changes nothing.
    fn decide(
        &self,
        call: &Call<Self::Command>,
        at: &Moment<'_>,
    ) -> Result<Decision<Self>, Rejection>;

    /// What is due. Due means not after `alarm`, the moment that the alarm was named by, whatever the clock says.
    fn wake(&self, alarm: Timestamp, at: &Moment<'_>) -> Effects<Self>;

    /// Takes in the items of a sync that are above its mark; cannot refuse.
    fn receive(&self, from: &Key, items: &[Item], at: &Moment<'_>) -> Effects<Self>;

    /// Changes by an event; judges nothing. `at` is the moment of the turn that wrote it.
    fn evolve(&mut self, event: &Self::Event, at: &Moment<'_>);

    /// The earliest moment to be woken; reads the state only.
    fn alarm(&self) -> Option<Timestamp>;

    /// Answers a question.
    fn answer(&self, query: &Self::Query, at: &Moment<'_>) -> Result<Self::Answer, Rejection>;

    /// What the log is told of an event; `None` for what only the actor needs.
    fn fact(event: &Self::Event, at: &Moment<'_>) -> Option<Fact>;

    /// What of a large state is written apart, in pages, so that only what has changed is encoded again: `page` is
    /// called for each. A state without pages is written whole.
    fn pages(&self, _page: &mut dyn FnMut(&Kept, PageJson<'_>)) {}

    /// The state without what is in its pages.
    fn unpaged(&self) -> Self {
        self.clone()
    }

    /// Takes in a page that was read, after the state without pages.
    fn add_page(&mut self, _json: &[u8]) -> serde_json::Result<()> {
        Ok(())
    }

    /// Lets a reply that was read beside the state share with it what both say alike, instead of holding it twice.
    fn share(&self, _reply: &mut Self::Reply) {}
}
