//! Events on their way to the topics: bulk publishes filled across actors, each told when its own are durable.
//!
//! An actor has one publish in flight (the relay sees to it), so that order per actor holds whatever the bulk does.

use std::{collections::BTreeMap, sync::Arc};

use dapr::{
    client::TonicClientWithAuth,
    dapr::proto::runtime::v1::{BulkPublishRequest, BulkPublishRequestEntry},
};
use futures_util::future::try_join_all;
use tokio::sync::{mpsc, oneshot};

use super::{Options, PUBLISH_MS, within};
use crate::{
    host::Unavailable,
    message::event::{CloudEvent, Event, Topic},
};

/// Events in one bulk publish.
const BULK_EVENTS_MAX: usize = 100;
/// Events that may wait for a bulk, per topic; more wait with their actor.
const WAITING_EVENTS_MAX: usize = 10_000;
/// What a topic carries.
const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What each topic is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// What became of tasks.
    pub task_events: String,
    /// What became of reminders.
    pub reminders: String,
    /// What became of rules and occurrences.
    pub task_recurrence: String,
    /// Slim copies for screens.
    pub task_updates: String,
    /// The audit trail.
    pub task_audit: String,
}

impl Topics {
    /// The names under a prefix (`todo.`).
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            task_events: format!("{prefix}task-events"),
            reminders: format!("{prefix}reminders"),
            task_recurrence: format!("{prefix}task-recurrence"),
            task_updates: format!("{prefix}task-updates"),
            task_audit: format!("{prefix}task-audit"),
        }
    }

    /// Takes whole names for some, by their plain names; `false` where there is no such topic.
    pub fn rename(&mut self, plain: &str, whole: &str) -> bool {
        let topic = match plain {
            "task-events" => &mut self.task_events,
            "reminders" => &mut self.reminders,
            "task-recurrence" => &mut self.task_recurrence,
            "task-updates" => &mut self.task_updates,
            "task-audit" => &mut self.task_audit,
            _ => return false,
        };
        whole.clone_into(topic);
        true
    }

    fn of(&self, topic: Topic) -> &str {
        match topic {
            Topic::TaskEvents => &self.task_events,
            Topic::Reminders => &self.reminders,
            Topic::TaskRecurrence => &self.task_recurrence,
        }
    }
}

/// An event that one caller waits for.
struct Parcel {
    entry: BulkPublishRequestEntry,
    done: oneshot::Sender<Result<(), Unavailable>>,
}

/// One queue and one sender per topic.
#[derive(Clone)]
pub(super) struct Publisher {
    topics: Topics,
    queues: Arc<BTreeMap<String, mpsc::Sender<Parcel>>>,
}

impl Publisher {
    /// A sender task per topic.
    pub(super) fn new(client: TonicClientWithAuth, options: &Options) -> Self {
        let topics = options.topics.clone();
        let names = [
            &topics.task_events,
            &topics.reminders,
            &topics.task_recurrence,
            &topics.task_updates,
            &topics.task_audit,
        ];
        let queues = names.map(|topic| {
            let (queue, parcels) = mpsc::channel(WAITING_EVENTS_MAX);
            let (pubsub, topic) = (options.pubsub.clone(), topic.clone());
            tokio::spawn(send(client.clone(), pubsub, topic.clone(), parcels));
            (topic, queue)
        });
        Self { topics, queues: Arc::new(queues.into()) }
    }

    /// Publishes events of one actor, in order; `Ok` when every topic has them.
    pub(super) async fn publish(&self, events: &[Event]) -> Result<(), Unavailable> {
        let mut parcels: BTreeMap<&str, Vec<CloudEvent>> = BTreeMap::new();
        for event in events {
            parcels.entry(self.topics.of(event.fact.topic)).or_default().push(event.cloud_event());
            if let Some(copy) = event.screen_copy() {
                parcels.entry(&self.topics.task_updates).or_default().push(copy);
            }
        }
        try_join_all(parcels.into_iter().map(|(topic, events)| self.put(topic, events))).await?;
        Ok(())
    }

    /// Puts events on one topic, one after another: the broker may take some of a bulk and not others, and what comes
    /// after a gap could not be told from what was lost.
    async fn put(&self, topic: &str, events: Vec<CloudEvent>) -> Result<(), Unavailable> {
        let queue = self.queues.get(topic).expect("every topic has its queue");
        let gone = || Unavailable("the publisher has stopped".to_owned());
        for event in &events {
            let (done, sent) = oneshot::channel();
            let parcel = Parcel { entry: entry(event), done };
            queue.send(parcel).await.map_err(|_| gone())?;
            sent.await.map_err(|_| gone())??;
        }
        Ok(())
    }
}

fn entry(event: &CloudEvent) -> BulkPublishRequestEntry {
    let key = event.partitionkey.clone().unwrap_or_default();
    BulkPublishRequestEntry {
        entry_id: String::new(),
        event: serde_json::to_vec(event).expect("a CloudEvent is JSON"),
        content_type: CONTENT_TYPE.to_owned(),
        metadata: [("partitionKey".to_owned(), key)].into(),
    }
}

/// Sends what has gathered, one bulk after another.
async fn send(
    client: TonicClientWithAuth,
    pubsub: String,
    topic: String,
    mut parcels: mpsc::Receiver<Parcel>,
) {
    let mut bulk = Vec::with_capacity(BULK_EVENTS_MAX);
    while parcels.recv_many(&mut bulk, BULK_EVENTS_MAX).await > 0 {
        send_bulk(client.clone(), &pubsub, &topic, bulk.drain(..)).await;
    }
}

/// Sends one bulk, and tells each what became of its own.
async fn send_bulk(
    mut client: TonicClientWithAuth,
    pubsub: &str,
    topic: &str,
    bulk: impl Iterator<Item = Parcel>,
) {
    let numbered = bulk.enumerate().map(|(number, Parcel { mut entry, done })| {
        entry.entry_id = number.to_string();
        (entry, done)
    });
    let (entries, waiting): (Vec<_>, Vec<_>) = numbered.unzip();
    let request = BulkPublishRequest {
        pubsub_name: pubsub.to_owned(),
        topic: topic.to_owned(),
        entries,
        metadata: Default::default(),
    };
    let answer = within(PUBLISH_MS, client.bulk_publish_event(request)).await;
    let failed: BTreeMap<usize, String> = match answer {
        Ok(answer) => {
            let failed = answer.into_inner().failed_entries.into_iter();
            failed.filter_map(|entry| Some((entry.entry_id.parse().ok()?, entry.error))).collect()
        }
        Err(why) => (0..waiting.len()).map(|number| (number, why.0.clone())).collect(),
    };
    for (number, done) in waiting.into_iter().enumerate() {
        let outcome = failed.get(&number).map_or(Ok(()), |why| Err(Unavailable(why.clone())));
        // A caller that has gone publishes again; consumers have seen the id.
        let _ = done.send(outcome);
    }
}
