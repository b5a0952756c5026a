//! A turn: what the model asks for is carried out, until it has said something.

use std::{panic::AssertUnwindSafe, time::Duration};

use axum::http::StatusCode;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{sleep, timeout},
};

use super::{
    prompt::{self, Tools},
    provider::{Failure, Provider},
    reply::ROUND_CALLS_MAX,
};
use crate::{
    http::unavailable,
    mcp::{self, Asked, Called},
    problem::{Problem, Slug},
    reminders,
    views::chat::{Lease, ToolCall, Turn},
};

/// Longest that a turn may take: below the minute after which proxies give up.
pub(crate) const TURN_MS: u64 = 55_000;
/// How often the model is asked in a turn; the last time it gets no tools.
const ROUNDS_MAX: usize = 8;
/// What the assistant says in a turn, in bytes.
const RESPONSE_BYTES_MAX: usize = 32 << 10;
/// The result of one call, in bytes; a longer one is told in lines, as far as they fit.
const RESULT_BYTES_MAX: usize = 32 << 10;
/// Results of a turn, in bytes; beyond them no tool is called.
const RESULTS_BYTES_MAX: usize = 128 << 10;
/// How often a call is made that gets no answer, under the same name.
const CALL_TRIES_MAX: usize = 3;
/// The wait between, in milliseconds.
const CALL_AGAIN_MS: u64 = 500;
/// Events that wait for their reader.
const EVENTS_MAX: usize = 64;
/// Longest that a reader may take over one; then the turn goes on without it.
const READER_MS: u64 = 5_000;

/// What happens in a turn, in this order: `Begun`, any of the next three, and one of the last two.
#[derive(Debug)]
pub(crate) enum Event {
    /// The turn has begun, or goes on.
    Begun,
    /// The assistant says something.
    Said(String),
    /// A tool is called: which one of the turn.
    Calling(usize, ToolCall),
    /// What came of it.
    Called(usize, ToolCall),
    /// The turn is answered.
    Done(Turn),
    /// It is not; what was done is kept.
    Failed(Problem),
}

/// A turn that is about to be answered.
pub(crate) struct Talk {
    pub(super) asked: Asked,
    pub(super) lease: Lease,
    /// The turns before it.
    pub(super) past: Vec<Turn>,
    pub(super) turn: Turn,
    pub(super) title: String,
    pub(super) slot: OwnedSemaphorePermit,
}

impl Talk {
    /// The conversation's id.
    pub(crate) fn conversation(&self) -> &str {
        &self.lease.conversation
    }

    /// What the conversation is called.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// The turn's id.
    pub(crate) fn id(&self) -> &str {
        &self.turn.id
    }

    /// Whether the turn was answered before, to the same request.
    pub(crate) fn is_answered(&self) -> bool {
        self.turn.answered_at.is_some()
    }

    /// Answers the turn in a task of its own, which a caller who leaves does not cut short.
    pub(crate) fn begin(self) -> mpsc::Receiver<Event> {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let Self { asked, lease, past, turn, slot, .. } = self;
        tokio::spawn(async move {
            let mut run = Run { asked, lease, past, turn, listener: Some(sender) };
            let last = run.through().await;
            if let Err(error) = run.asked.app.views.release(&run.lease).await {
                tracing::warn!(%error, "a conversation stays busy for a minute");
            }
            drop(slot);
            run.tell(last).await;
        });
        events
    }
}

struct Run {
    asked: Asked,
    lease: Lease,
    past: Vec<Turn>,
    turn: Turn,
    listener: Option<mpsc::Sender<Event>>,
}

impl Run {
    /// The last event of the turn, whatever happens.
    async fn through(&mut self) -> Event {
        let answering = AssertUnwindSafe(self.answer()).catch_unwind();
        let mut problem = match timeout(Duration::from_millis(TURN_MS), answering).await {
            Ok(Ok(Ok(()))) => return Event::Done(self.turn.clone()),
            Ok(Ok(Err(problem))) => problem,
            Err(_) => Failure::Slow.into(),
            Ok(Err(_)) => {
                tracing::error!("a turn of chat panicked");
                Problem::internal()
            }
        };
        if problem.slug.status() == StatusCode::SERVICE_UNAVAILABLE {
            problem.members.push(("conversation_id", json!(self.lease.conversation)));
        }
        Event::Failed(problem)
    }

    async fn answer(&mut self) -> Result<(), Problem> {
        self.catch_up().await;
        if self.turn.answered_at.is_some() {
            return Ok(());
        }
        let app = self.asked.app.clone();
        let user = &self.asked.caller.user;
        let zone = reminders::zone(&app, user).await;
        let zone = zone.map_err(|failure| Problem::failed(failure, user))?;
        let system = prompt::system(app.actors.now().local(zone), zone);
        let provider = app.chat.provider()?;
        loop {
            self.carry_out().await?;
            let round = self.turn.calls.last().map_or(1, |last| last.round + 1);
            let tools = if round < ROUNDS_MAX { Tools::Offered } else { Tools::Withheld };
            let calls = self.hear(provider, &system, (round, tools)).await?;
            if calls.is_empty() || tools == Tools::Withheld {
                break;
            }
            self.turn.calls.extend(calls);
            // What is asked for is kept before it is done, so that a turn that goes on does it under the same names.
            self.save().await?;
        }
        if self.turn.response.is_empty() && self.turn.calls.is_empty() {
            return Err(Failure::Empty.into());
        }
        self.turn.answered_at = Some(app.actors.now().0);
        self.save().await
    }

    /// Tells what was said and done before the turn broke off.
    async fn catch_up(&mut self) {
        self.tell(Event::Begun).await;
        for (n, call) in self.turn.calls.clone().into_iter().enumerate() {
            if call.result.is_some() {
                self.tell(Event::Calling(n, call.clone())).await;
                self.tell(Event::Called(n, call)).await;
            }
        }
        if !self.turn.response.is_empty() {
            self.tell(Event::Said(self.turn.response.clone())).await;
        }
    }

    /// Asks the model, and gives the tools that it asks for.
    async fn hear(
        &mut self,
        provider: &Provider,
        system: &str,
        (round, tools): (usize, Tools),
    ) -> Result<Vec<ToolCall>, Problem> {
        let request = prompt::request(system, &self.past, &self.turn, tools);
        let room = RESPONSE_BYTES_MAX.saturating_sub(self.turn.response.len());
        let mut speaking = provider.ask(request, room).await?;
        let mut apart = if self.turn.response.is_empty() { "" } else { "\n\n" };
        while let Some(said) = speaking.next().await? {
            let said = format!("{}{said}", std::mem::take(&mut apart));
            self.turn.response.push_str(&said);
            self.tell(Event::Said(said)).await;
        }
        Ok(speaking.calls(round))
    }

    /// Carries out what was asked for and has no result.
    async fn carry_out(&mut self) -> Result<(), Problem> {
        for n in 0..self.turn.calls.len() {
            if self.turn.calls[n].result.is_some() {
                continue;
            }
            self.tell(Event::Calling(n, self.turn.calls[n].clone())).await;
            let (ok, result) = self.carry_out_one(n).await?;
            let call = &mut self.turn.calls[n];
            (call.ok, call.result) = (ok, Some(result));
            let call = call.clone();
            self.save().await?;
            self.tell(Event::Called(n, call)).await;
        }
        Ok(())
    }

    async fn carry_out_one(&self, n: usize) -> Result<(bool, Value), Problem> {
        let calls = &self.turn.calls;
        let Value::Object(mut arguments) = calls[n].arguments.clone() else {
            return Ok(refused(Slug::Invalid, "The arguments are not a JSON object."));
        };
        let first = calls.iter().position(|call| call.round == calls[n].round).unwrap_or(n);
        if n - first >= ROUND_CALLS_MAX {
            return Ok(refused(Slug::LimitReached, "Too many calls at once; call the rest again."));
        }
        let bytes = |call: &ToolCall| call.result.as_ref().map_or(0, |it| it.to_string().len());
        if calls.iter().map(bytes).sum::<usize>() > RESULTS_BYTES_MAX {
            return Ok(refused(
                Slug::LimitReached,
                "Too much was read; answer with what there is.",
            ));
        }
        // The name under which a repeat does nothing twice: the turn and the place in it, whatever the model says.
        let key = format!("chat-{}-{n}", self.turn.id);
        arguments.insert("idempotency_key".to_owned(), json!(key));
        for _ in 0..CALL_TRIES_MAX {
            let called = mcp::call_named(&self.asked, &calls[n].name, arguments.clone()).await;
            if !is_unanswered(&called.result) {
                return Ok((called.ok, bounded(called)));
            }
            sleep(Duration::from_millis(CALL_AGAIN_MS)).await;
        }
        // Nobody knows whether it was done, so the model must not ask for it under another name.
        Err(Problem::unavailable())
    }

    async fn save(&self) -> Result<(), Problem> {
        let now = self.asked.app.actors.now();
        match self.asked.app.views.save_turn(&self.lease, &self.turn, now).await {
            Ok(true) => Ok(()),
            // It was deleted meanwhile.
            Ok(false) => Err(Problem::not_found()),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn tell(&mut self, event: Event) {
        let Some(listener) = &self.listener else { return };
        let sent = timeout(Duration::from_millis(READER_MS), listener.send(event)).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.listener = None;
        }
    }
}

/// Whether any of it had no answer: neither done nor refused.
pub(super) fn is_unanswered(result: &Value) -> bool {
    let failures = result["failures"].as_array().into_iter().flatten();
    let none = [Slug::Unavailable, Slug::Busy, Slug::ViewBehind].map(Slug::code);
    failures.filter_map(|failure| failure["code"].as_str()).any(|code| none.contains(&code))
}

/// What was not called at all.
fn refused(slug: Slug, why: &str) -> (bool, Value) {
    (false, json!({"failures": [{"index": 0, "code": slug.code(), "message": why}]}))
}

/// A result as data; one that is too long in lines, as many as fit.
pub(super) fn bounded(called: Called) -> Value {
    if called.result.to_string().len() <= RESULT_BYTES_MAX {
        return called.result;
    }
    let lines = &called.lines;
    let fits = &lines[..lines.floor_char_boundary(RESULT_BYTES_MAX)];
    let whole = if fits.len() == lines.len() {
        fits
    } else {
        fits.rsplit_once('\n').unwrap_or((fits, "")).0
    };
    json!({"lines": whole, "cut": whole.len() < lines.len()})
}
