//! Events on their way to the topics: bulk publishes filled across actors, each told when its own are durable.
//!
//! An actor has one publish in flight (the relay sees to it), so that order per actor holds whatever the bulk does.

use std::collections::BTreeMap;

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

    fn of(&self, topic: Topic) -> &str {
        match topic {
            Topic::TaskEvents => &self.task_events,
            Topic::Reminders => &self.reminders,
            Topic::TaskRecurrence => &self.task_recurrence,
        }
    }
}

/// Events that one caller waits for.
struct Parcel {
    entries: Vec<BulkPublishRequestEntry>,
    done: oneshot::Sender<Result<(), Unavailable>>,
}

/// One queue and one sender per topic.
#[derive(Clone)]
pub(super) struct Publisher {
    topics: Topics,
    queues: BTreeMap<String, mpsc::Sender<Parcel>>,
}

impl Publisher {
    /// A sender task per topic.
    pub(super) fn new(client: TonicClientWithAuth, options: &Options) -> Self {
        let topics = options.topics.clone();
        let names = [&topics.task_events, &topics.reminders, &topics.task_recurrence, &topics.task_updates, &topics.task_audit];
        let queues = names.map(|topic| {
            let (queue, parcels) = mpsc::channel(WAITING_EVENTS_MAX / BULK_EVENTS_MAX);
            let (pubsub, topic) = (options.pubsub.clone(), topic.clone());
            tokio::spawn(send(client.clone(), pubsub, topic.clone(), parcels));
            (topic, queue)
        });
        Self { topics, queues: queues.into() }
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
        try_join_all(parcels.into_iter().map(|(topic, events)| self.put(topic, &events))).await?;
        Ok(())
    }

    /// Puts events on one topic, in order.
    async fn put(&self, topic: &str, events: &[CloudEvent]) -> Result<(), Unavailable> {
        let queue = self.queues.get(topic).expect("every topic has its queue");
        for some in events.chunks(BULK_EVENTS_MAX) {
            let (done, sent) = oneshot::channel();
            let entries = some.iter().map(entry).collect();
            let gone = |_| Unavailable("the publisher has stopped".to_owned());
            queue.send(Parcel { entries, done }).await.map_err(|_| gone(()))?;
            sent.await.map_err(|_| gone(()))??;
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
    while let Some(first) = parcels.recv().await {
        let mut bulk = vec![first];
        let mut count = bulk[0].entries.len();
        while count < BULK_EVENTS_MAX {
            let Ok(next) = parcels.try_recv() else { break };
            count += next.entries.len();
            bulk.push(next);
        }
        send_bulk(client.clone(), &pubsub, &topic, bulk).await;
    }
}

/// Sends one bulk, and tells each parcel what became of its own.
async fn send_bulk(mut client: TonicClientWithAuth, pubsub: &str, topic: &str, bulk: Vec<Parcel>) {
    let mut entries = Vec::new();
    let mut waiting = Vec::new();
    for (number, parcel) in bulk.into_iter().enumerate() {
        for (index, mut entry) in parcel.entries.into_iter().enumerate() {
            entry.entry_id = format!("{number}/{index}");
            entries.push(entry);
        }
        waiting.push(parcel.done);
    }
    let request = BulkPublishRequest {
        pubsub_name: pubsub.to_owned(),
        topic: topic.to_owned(),
        entries,
        metadata: Default::default(),
    };
    let answer = within(PUBLISH_MS, client.bulk_publish_event(request)).await;
    let failed: BTreeMap<usize, String> = match &answer {
        Ok(answer) => {
            let failed = answer.get_ref().failed_entries.iter();
            failed.filter_map(|f| Some((f.entry_id.split('/').next()?.parse().ok()?, f.error.clone()))).collect()
        }
        Err(why) => (0..waiting.len()).map(|number| (number, why.0.clone())).collect(),
    };
    for (number, done) in waiting.into_iter().enumerate() {
        // A caller that has gone publishes again; consumers have seen the id.
        let _ = done.send(failed.get(&number).map_or(Ok(()), |why| Err(Unavailable(why.clone()))));
    }
}
