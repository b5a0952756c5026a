//! How the edge reaches actors through the sidecar, and how an actor's answer is written.
//!
//! An actor method answers 200 with `{"ok": …}` or `{"err": …}`: any other status would lose its body on the way.

use std::sync::Arc;

use axum::Router;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    sync::OnceCell,
    time::{Duration, Instant, sleep, sleep_until, timeout_at},
};
use uuid::Uuid;

use super::{
    Dapr, Topics,
    queue::Queue,
    routes::{Service, hosts_nothing},
};
use crate::{
    host::{Host, Unavailable},
    message::{
        call::Call,
        key::{Key, UserId},
        reminder,
        task::{command, query},
        time::Timestamp,
    },
    reach::{Answered, Done, Failure},
    recurrence,
    turn::{CONFIRM_MS, Seen},
};

/// How long a call may take, with all that is tried, in milliseconds: less than the request that waits for it.
const SEND_MS: u64 = 4_500;
/// The waits between attempts, in milliseconds; after the last there is none.
const RETRIES_MS: [u64; 6] = [20, 100, 300, 800, 1_500, 0];
/// The wait before a confirmation is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// What an actor method answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<T> {
    Ok(T),
    Err(Failure),
}

/// Writes what a method answers.
pub(super) fn write_reply<T: Serialize>(answer: Result<T, Failure>) -> Vec<u8> {
    let reply = match answer {
        Ok(done) => Reply::Ok(done),
        Err(failure) => Reply::Err(failure),
    };
    serde_json::to_vec(&reply).expect("an answer is JSON")
}

/// Reads what a method answered. A sidecar whose app or peer was killed meanwhile may pass an empty answer on as one that
/// succeeded (daprd 1.18.3): what is cut off is no answer, and may be asked for again.
pub(super) fn read_reply<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    match serde_json::from_slice(body) {
        Ok(Reply::Ok(done)) => Ok(done),
        Ok(Reply::Err(failure)) => Err(failure),
        Err(why) if why.is_eof() => {
            Err(Failure::Unavailable("an actor's answer was cut off".to_owned()))
        }
        Err(why) => Err(Failure::Broken(format!("an actor's answer cannot be read: {why}"))),
    }
}

/// A question, and what the one who asks has seen.
#[derive(Serialize, Deserialize)]
pub(super) struct Question<Q> {
    pub(super) query: Q,
    pub(super) seen: Seen,
}

/// The edge's way to the actors, and those of them that this process hosts.
#[derive(Clone)]
pub struct Front {
    dapr: Dapr,
    queue: Queue,
    service: Option<Service>,
    app_id: Arc<OnceCell<String>>,
    /// The sidecar was found to take our largest messages.
    sized: Arc<OnceCell<()>>,
}

impl Front {
    /// Through this sidecar; `service` is what it finds here.
    pub fn new(dapr: Dapr, service: Option<Service>) -> Self {
        let (queue, app_id, sized) = (Queue::default(), Arc::default(), Arc::default());
        Self { dapr, queue, service, app_id, sized }
    }

    /// The host's clock.
    pub fn now(&self) -> Timestamp {
        self.dapr.now()
    }

    /// See [`crate::Actors::tasks`].
    pub async fn tasks(
        &self,
        user: &UserId,
        call: Call<command::Command>,
    ) -> Result<Done<command::Reply>, Failure> {
        self.send(&Key::task_list(user), "call", &call).await
    }

    /// A question to a user's task list, at or after what was `seen`.
    pub async fn ask_tasks(
        &self,
        user: &UserId,
        query: query::Query,
        seen: Seen,
    ) -> Result<Answered<query::Answer>, Failure> {
        self.send(&Key::task_list(user), "query", &Question { query, seen }).await
    }

    /// A command to a user's reminders.
    pub async fn reminders(
        &self,
        user: &UserId,
        call: Call<reminder::Command>,
    ) -> Result<Done<reminder::Reply>, Failure> {
        self.send(&Key::reminder(user), "call", &call).await
    }

    /// A question to a user's reminders, at or after what was `seen`.
    pub async fn ask_reminders(
        &self,
        user: &UserId,
        query: reminder::Query,
        seen: Seen,
    ) -> Result<Answered<reminder::Answer>, Failure> {
        self.send(&Key::reminder(user), "query", &Question { query, seen }).await
    }

    /// See [`crate::turn::Turns::confirmed`].
    pub(crate) async fn confirmed(
        &self,
        list: &Key,
        to: &Key,
        version: u64,
    ) -> Result<u64, Failure> {
        let until = Instant::now() + Duration::from_millis(CONFIRM_MS);
        loop {
            match self.send(list, "confirmed", &(to, version)).await {
                Err(Failure::Behind) if Instant::now() < until => sleep(ASK_AGAIN).await,
                mark => return mark,
            }
        }
    }

    /// Sends a call. A repeat of a command finds what the first one did, so what got no answer is sent again while there
    /// is time: after a host has gone, the next one has the actor within seconds.
    async fn send<T: DeserializeOwned>(
        &self,
        key: &Key,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).expect("what the edge sends is JSON");
        let until = Instant::now() + Duration::from_millis(SEND_MS);
        let _place =
            timeout_at(until, self.queue.enter(&key.user)).await.unwrap_or(Err(Failure::Busy))?;
        for wait in RETRIES_MS {
            let answered =
                match timeout_at(until, self.dapr.invoke(key, method, body.clone())).await {
                    Ok(Ok(answer)) => read_reply(&answer),
                    Ok(Err(why)) => Err(Failure::Unavailable(why.0)),
                    Err(_) => {
                        return Err(Failure::Unavailable(format!("no answer within {SEND_MS} ms")));
                    }
                };
            let again = Instant::now() + Duration::from_millis(wait);
            match answered {
                Err(Failure::Unavailable(_)) if wait > 0 && again < until => {
                    sleep_until(again).await
                }
                answered => return answered,
            }
        }
        unreachable!("the last wait is none")
    }

    /// See [`crate::Actors::store`].
    pub async fn store(&self) -> Result<(), Unavailable> {
        self.sized.get_or_try_init(|| self.dapr.check_size()).await?;
        self.dapr.check_store().await
    }

    /// See [`crate::Actors::ready`].
    pub async fn ready(&self) -> Result<(), Unavailable> {
        self.dapr.check_actors(self.service.is_some()).await
    }

    /// What the sidecar calls this app; asked once.
    pub async fn app_id(&self) -> Result<&str, Unavailable> {
        self.app_id.get_or_try_init(|| self.dapr.app_id()).await.map(String::as_str)
    }

    /// Whether the sidecar has the pub/sub component. One that started without its broker has not, and gets none.
    pub async fn has_pubsub(&self) -> Result<bool, Unavailable> {
        self.dapr.has_pubsub().await
    }

    /// Asks the sidecar to end; whoever keeps it running starts it again.
    pub async fn end_sidecar(&self) -> Result<(), Unavailable> {
        self.dapr.end_sidecar().await
    }

    /// Puts a message on a topic, as it is.
    pub async fn put(&self, topic: &str, body: Vec<u8>) -> Result<(), Unavailable> {
        self.dapr.put(topic, body).await
    }

    /// What each topic is called.
    pub fn topics(&self) -> &Topics {
        &self.dapr.options.topics
    }

    /// Wakes a user's reminders, which fire what is due.
    pub async fn wake_reminders(&self, user: &UserId) -> Result<(), Unavailable> {
        self.dapr.arm(&Key::reminder(user), self.dapr.now()).await
    }

    /// When a rule rings next, as its actor says.
    pub async fn rings_at(&self, user: &UserId, rule: Uuid) -> Result<Option<Timestamp>, Failure> {
        let question = Question { query: recurrence::Query::Ledger, seen: Seen::default() };
        let answered: Answered<recurrence::Answer> =
            self.send(&Key::recurrence(user, rule), "query", &question).await?;
        let recurrence::Answer::Ledger { next, .. } = answered.answer;
        Ok(next.map(|(_, moment)| moment))
    }

    /// Wakes a rule, which rings what has come.
    pub async fn wake_rule(&self, user: &UserId, rule: Uuid) -> Result<(), Unavailable> {
        self.dapr.arm(&Key::recurrence(user, rule), self.dapr.now()).await
    }

    /// Registers a job of this app where there is none of that name: it comes by `POST /job/{name}` to one process of the cluster.
    pub async fn schedule_job(&self, name: &str, schedule: &str) -> Result<(), Unavailable> {
        self.dapr.schedule_job(name, schedule).await
    }

    /// The sidecar's routes for the actors that live here.
    pub async fn router(&self) -> Router {
        match &self.service {
            Some(service) => service.router().await,
            None => hosts_nothing(),
        }
    }

    /// Takes no more turns here and waits for those that run, about this long.
    pub async fn close(&self, within: Duration) {
        if let Some(service) = &self.service {
            service.close(within).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_off_is_none() {
        let whole = write_reply(Ok("done".to_owned()));
        assert_eq!(read_reply(&whole), Ok("done".to_owned()));
        for end in 0..whole.len() {
            let read = read_reply::<String>(&whole[..end]);
            assert!(matches!(read, Err(Failure::Unavailable(_))), "{end}: {read:?}");
        }
        let read = read_reply::<String>(b"<html>");
        assert!(matches!(read, Err(Failure::Broken(_))), "{read:?}");
    }
}
