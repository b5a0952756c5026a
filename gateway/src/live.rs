//! Who looks at which stream: the feed says what is new, and every open stream of that user hears of it.
//!
//! A stream holds nothing but its place. It reads what follows from the user's last messages, which all of the user's
//! streams share, or from the views where it is further behind: a client that does not read costs no memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::views::{CHANNEL, ChangesError, Fresh, Message, Views};

/// Most streams of one user.
pub(crate) const USER_STREAMS_MAX: usize = 20;
/// Messages of a user that their streams share in memory.
const TAIL_MAX: usize = 128;
/// Most messages that a stream takes at once.
const PAGE_MAX: i64 = 100;
/// About so many bytes a stream takes at once, so that one that waits for its client holds no more; one message at least.
const PAGE_BYTES_MAX: usize = 256 << 10;
/// The wait before other processes are listened to again.
const LISTEN_RETRY_MS: u64 = 1_000;
/// A stream that is further behind than this, after it once was up to date, is told to fetch anew.
const BEHIND_MAX: i64 = 1_000;

/// The open streams of this process. Clones are the same ones.
#[derive(Clone)]
pub struct Live {
    users: Arc<Mutex<HashMap<String, Watched>>>,
    open: watch::Sender<bool>,
}

/// A user whom somebody looks at.
struct Watched {
    streams: usize,
    /// The newest message that is known of, whoever wrote it.
    newest: watch::Sender<i64>,
    /// The last messages that this process wrote, without a gap; others may have written later ones.
    tail: VecDeque<Message>,
}

impl Default for Live {
    fn default() -> Self {
        Self { users: Arc::default(), open: watch::Sender::new(true) }
    }
}

impl Live {
    /// Tells the streams of the users concerned.
    pub(crate) fn tell(&self, fresh: Vec<Fresh>) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        for Fresh { user, message } in fresh {
            let Some(watched) = users.get_mut(&user) else { continue };
            let ordinal = message.ordinal;
            if watched.tail.back().is_some_and(|last| last.ordinal + 1 != ordinal) {
                // Another process wrote what lies between: the views have it.
                watched.tail.clear();
            }
            if watched.tail.len() >= TAIL_MAX {
                watched.tail.pop_front();
            }
            watched.tail.push_back(message);
            watched.newest.send_modify(|newest| *newest = ordinal.max(*newest));
        }
    }

    /// Makes a user's streams look again: something happened, and may be in the views by now.
    pub(crate) fn nudge(&self, user: &str) {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(user).inspect(|watched| watched.newest.send_modify(|_| {}));
    }

    /// The views hold a user's messages up to this one, whoever wrote it.
    fn written(&self, user: &str, ordinal: i64) {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(user).inspect(|watched| {
            watched.newest.send_if_modified(|newest| {
                let is_news = ordinal > *newest;
                *newest = ordinal.max(*newest);
                is_news
            });
        });
    }

    /// Makes every stream look into the views: nobody has listened for a while.
    fn doubt(&self) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        for watched in users.values_mut() {
            watched.tail.clear();
            watched.newest.send_modify(|_| {});
        }
    }

    /// Hears what other processes write into the views that they share, until the process stops. What is said while
    /// nobody listens is made up for: afterwards every stream looks again.
    pub(crate) async fn hear_others(self, views: Views) {
        let Views::Postgres(pool) = views else { return };
        let mut open = self.open.subscribe();
        let listen = async {
            loop {
                if let Err(error) = self.hear(&pool).await {
                    tracing::warn!(%error, "other processes are not heard; trying again");
                }
                tokio::time::sleep(Duration::from_millis(LISTEN_RETRY_MS)).await;
            }
        };
        tokio::select! {
            () = listen => {}
            _ = open.wait_for(|open| !open) => {}
        }
    }

    async fn hear(&self, pool: &sqlx::PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        self.doubt();
        while let Some(said) = listener.try_recv().await? {
            if let Some((user, ordinal)) = heard(said.payload()) {
                self.written(user, ordinal);
            }
        }
        Ok(())
    }

    /// Ends every stream: the process is stopping.
    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }

    /// Opens a stream of a user; `None` where there are too many.
    pub(crate) fn join(&self, views: &Views, user: &str) -> Option<Stream> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = users.entry(user.to_owned()).or_insert_with(|| Watched {
            streams: 0,
            newest: watch::Sender::new(0),
            tail: VecDeque::new(),
        });
        if watched.streams >= USER_STREAMS_MAX {
            return None;
        }
        watched.streams += 1;
        Some(Stream {
            newest: watched.newest.subscribe(),
            open: self.open.subscribe(),
            live: self.clone(),
            views: views.clone(),
            user: user.to_owned(),
            at: 0,
            looks: true,
            caught_up: false,
        })
    }

    /// What follows a place, where memory holds all of it.
    fn after(&self, user: &str, at: i64) -> Option<Vec<Message>> {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let Watched { tail, newest, .. } = users.get(user)?;
        if tail.front()?.ordinal > at.saturating_add(1)
            || tail.back()?.ordinal < at.max(*newest.borrow())
        {
            return None;
        }
        let after = tail.iter().filter(|message| message.ordinal > at);
        Some(after.take(PAGE_MAX as usize).cloned().collect())
    }

    fn leave(&self, user: &str) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = users.get_mut(user) {
            watched.streams -= 1;
            if watched.streams == 0 {
                users.remove(user);
            }
        }
    }
}

/// Whose messages go how far, as it is told on the channel.
fn heard(said: &str) -> Option<(&str, i64)> {
    let (ordinal, user) = said.split_once(' ')?;
    Some((user, ordinal.parse().ok()?))
}

/// Why a client must fetch anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// What follows its place is not kept any more, or never was.
    Lost,
    /// It reads too slowly.
    Slow,
}

impl Reset {
    /// The reason as the client is told.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Slow => "slow",
        }
    }
}

/// What a stream has next.
#[derive(Debug)]
pub(crate) enum Next {
    /// These, in order.
    Messages(Vec<Message>),
    /// Nothing that leads on from where it was; it goes on from now, which is here.
    Reset(Reset, i64),
    /// The process is stopping.
    End,
}

/// One client's view of its user's messages.
pub(crate) struct Stream {
    live: Live,
    views: Views,
    user: String,
    newest: watch::Receiver<i64>,
    open: watch::Receiver<bool>,
    /// The last message that was taken.
    at: i64,
    /// There may be something new, whoever wrote it.
    looks: bool,
    /// It was up to date once; before that it catches up with what it asked for.
    caught_up: bool,
}

impl Stream {
    /// Goes to the end of what there is, and says where that is.
    pub(crate) async fn go_to_now(&mut self) -> Result<i64, sqlx::Error> {
        self.at = self.views.newest(&self.user).await?;
        Ok(self.at)
    }

    /// Goes to a place that a client names.
    pub(crate) fn go_to(&mut self, place: i64) {
        self.at = place;
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Next, sqlx::Error> {
        loop {
            if !*self.open.borrow() {
                return Ok(Next::End);
            }
            let newest = *self.newest.borrow_and_update();
            if self.caught_up && newest - self.at > BEHIND_MAX {
                return self.reset(Reset::Slow).await;
            }
            if self.looks || newest > self.at {
                let messages = match self.live.after(&self.user, self.at) {
                    Some(messages) => messages,
                    None => match self.views.changes(&self.user, self.at, PAGE_MAX).await {
                        Ok(changes) => changes.messages,
                        Err(ChangesError::Expired) => return self.reset(Reset::Lost).await,
                        Err(ChangesError::Database(error)) => return Err(error),
                    },
                };
                let messages = first_bytes(messages);
                if let Some(last) = messages.last() {
                    self.at = last.ordinal;
                    return Ok(Next::Messages(messages));
                }
                (self.looks, self.caught_up) = (false, true);
            }
            tokio::select! {
                changed = self.newest.changed() => match changed {
                    Ok(()) => self.looks = true,
                    Err(_) => return Ok(Next::End),
                },
                _ = self.open.changed() => {}
            }
        }
    }

    async fn reset(&mut self, reset: Reset) -> Result<Next, sqlx::Error> {
        let now = self.go_to_now().await?;
        Ok(Next::Reset(reset, now))
    }
}

/// The first messages that are no longer than a page together; the first in any case.
fn first_bytes(mut messages: Vec<Message>) -> Vec<Message> {
    let mut bytes = 0;
    let fit = messages.iter().take_while(|message| {
        bytes += message.json.len();
        bytes <= PAGE_BYTES_MAX
    });
    let fit = fit.count();
    messages.truncate(fit.max(1));
    messages
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.live.leave(&self.user);
    }
}

#[cfg(test)]
mod tests;
