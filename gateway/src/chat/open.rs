//! A message on its way to a turn: whose conversation it is of, and whether it was said before.

use uuid::Uuid;

use super::{TURN_MS, TURNS_MAX, USER_TURNS_MAX, prompt::HISTORY_TURNS_MAX, turn::Talk};
use crate::{
    app::wall_clock,
    http::unavailable,
    mcp::Asked,
    problem::{Problem, Slug},
    views::chat::{Conversation, Lease, Leased, Turn},
};

/// How long the right to answer is had: as long as a turn may take, and a while to write it down.
const LEASE_MS: i64 = TURN_MS as i64 + 5_000;
/// How long a message that begins a conversation is taken for a repeat of one that was not answered, in milliseconds.
const AGAIN_MS: i64 = 600_000;
/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 60;
/// Seconds after which a caller may ask again where an answer is under way.
const BUSY_S: u32 = 2;

/// What a user says.
pub(crate) struct Message {
    /// The text, without control characters.
    pub(crate) text: String,
    /// The conversation that it belongs to, if it begins none.
    pub(crate) conversation: Option<Uuid>,
    /// The turn's id: of the Idempotency-Key and the bytes of the request, or random.
    pub(crate) id: Uuid,
    /// Whether it came with an Idempotency-Key.
    pub(crate) keyed: bool,
}

/// Opens the turn of a message: a new one, or the one that it was said in before.
pub(crate) async fn open(asked: Asked, message: Message) -> Result<Talk, Problem> {
    let (app, user) = (asked.app.clone(), asked.caller.user.clone());
    let user = user.as_str();
    let known = match message.conversation {
        None => None,
        Some(id) => {
            let found = app.views.conversation(user, &id.to_string()).await;
            Some(found.map_err(unavailable)?.ok_or_else(Problem::not_found)?)
        }
    };
    app.chat.provider()?;
    let slot = app.chat.slot()?;
    let Conversation { id, title, .. } = match known {
        Some(known) => known,
        None => begin(&asked, &message).await?,
    };
    let lease = (wall_clock(), LEASE_MS);
    let lease = app.views.lease(user, &id, lease, USER_TURNS_MAX).await.map_err(unavailable)?;
    let lease = match lease {
        Leased::Yes(lease) => lease,
        Leased::Absent => return Err(Problem::not_found()),
        Leased::Busy => {
            // A repeat under the same key may be about to say something in it.
            if !message.keyed {
                app.views.delete_if_empty(&id).await.map_err(unavailable)?;
            }
            let why = "Another message of yours is being answered; wait for it and try again.";
            return Err(Problem::new(Slug::Busy, why).retry_after(BUSY_S));
        }
    };
    match place(&asked, &lease, &message).await {
        Ok((past, turn)) => Ok(Talk { asked, lease, past, turn, title, slot }),
        Err(problem) => {
            app.views.release(&lease).await.map_err(unavailable)?;
            Err(problem)
        }
    }
}

/// Begins a conversation; a repeat comes to the same one: under its key, or because the first was not answered.
async fn begin(asked: &Asked, message: &Message) -> Result<Conversation, Problem> {
    let now = asked.app.actors.now();
    let user = asked.caller.user.as_str();
    if !message.keyed {
        let since = now.plus(-AGAIN_MS);
        let before = asked.app.views.broken_off(user, &message.text, since).await;
        if let Some(before) = before.map_err(unavailable)? {
            return Ok(before);
        }
    }
    let id = Uuid::new_v5(&message.id, b"conversation").to_string();
    let title = title(&message.text);
    let begun = asked.app.views.begin_conversation(user, (&id, &title), now).await;
    begun.map_err(unavailable)?;
    Ok(Conversation { id, title, created_at: now.0, updated_at: now.0 })
}

/// The turn of a message, and those before it.
async fn place(
    asked: &Asked,
    lease: &Lease,
    message: &Message,
) -> Result<(Vec<Turn>, Turn), Problem> {
    let views = &asked.app.views;
    if message.keyed
        && let Some(turn) = views.turn(&message.id.to_string()).await.map_err(unavailable)?
    {
        return before(asked, lease, turn).await;
    }
    let newest = views.turns(&lease.conversation, 1).await.map_err(unavailable)?.pop();
    let ordinal = newest.as_ref().map_or(1, |newest| newest.ordinal + 1);
    // Who says the same again after a failure means the same turn.
    let again = newest.filter(|newest| {
        !message.keyed && newest.answered_at.is_none() && newest.message == message.text
    });
    if let Some(turn) = again {
        return before(asked, lease, turn).await;
    }
    if ordinal > TURNS_MAX {
        let why =
            format!("A conversation has at most {TURNS_MAX} messages of yours; begin another.");
        return Err(Problem::new(Slug::LimitReached, why));
    }
    let turn = Turn {
        id: message.id.to_string(),
        ordinal,
        message: message.text.clone(),
        calls: Vec::new(),
        response: String::new(),
        created_at: asked.app.actors.now().0,
        answered_at: None,
    };
    match views.add_turn(lease, &turn).await.map_err(unavailable)? {
        true => before(asked, lease, turn).await,
        false => Err(Problem::not_found()),
    }
}

/// A turn, and as many before it as a model is told of.
async fn before(asked: &Asked, lease: &Lease, turn: Turn) -> Result<(Vec<Turn>, Turn), Problem> {
    let most = HISTORY_TURNS_MAX as i64 + 1;
    let newest = asked.app.views.turns(&lease.conversation, most).await.map_err(unavailable)?;
    let past = newest.into_iter().filter(|one| one.ordinal < turn.ordinal).collect();
    Ok((past, turn))
}

/// The beginning of a message, on one line.
pub(super) fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TITLE_CHARS_MAX) {
        None => line,
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
    }
}
