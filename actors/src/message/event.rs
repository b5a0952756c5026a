//! A fact on its way to the log: what happened, as CloudEvents carry it.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Map, Value, json, value::RawValue};
use uuid::Uuid;

use super::{
    call::{By, Cause},
    key::Key,
    time::Timestamp,
};

/// Where an event goes. Each has a dead-letter topic; `task-updates` and `task-audit` are derived copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// What became of tasks.
    TaskEvents,
    /// What became of reminders.
    Reminders,
    /// What became of rules and occurrences.
    TaskRecurrence,
}

/// What an actor says of one of its events, without the envelope that the turn adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Where it goes.
    pub topic: Topic,
    /// `task.created` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The task, rule or reminder.
    pub subject: Uuid,
    /// What led to it.
    pub cause: Option<Cause>,
    /// The members of `data` besides user_id, timestamp, sequence, actor and cause.
    pub data: Members,
}

/// The members of a JSON object, as text: an event is written far more often than somebody looks into it.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Members(Box<RawValue>);

impl Members {
    /// Those that `object` serializes to.
    pub fn write(object: &impl Serialize) -> Self {
        let text =
            serde_json::value::to_raw_value(object).expect("members have names that are texts");
        debug_assert!(is_object(&text), "{text} is no object");
        Self(text)
    }

    /// The members by their names.
    pub fn read(&self) -> Map<String, Value> {
        serde_json::from_str(self.0.get()).expect("it was written as a JSON object, or read as one")
    }
}

impl Default for Members {
    fn default() -> Self {
        Self::write(&Map::new())
    }
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(from)?;
        if is_object(&text) {
            Ok(Self(text))
        } else {
            Err(D::Error::custom("members are no object"))
        }
    }
}

fn is_object(text: &RawValue) -> bool {
    text.get().starts_with('{')
}

/// A fact with its envelope: what the log holds and every consumer reads. Ordered per actor by (sequence, index).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// UUIDv5(actor, sequence, index): the same at every delivery.
    pub id: Uuid,
    /// The actor that wrote it.
    pub key: Key,
    /// The actor's turn.
    pub sequence: u64,
    /// Which event of that turn.
    pub index: usize,
    /// When the turn was decided.
    pub time: Timestamp,
    /// Who did it.
    pub by: By,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// What happened.
    pub fact: Fact,
}

/// Version of the shape of `data` (`schemaversion`).
pub const SCHEMA_VERSION: &str = "1";

/// A CloudEvent 1.0 in structured JSON, as topics carry it and consumers read it. Attributes that no consumer of ours
/// needs are optional, so that what others publish is read too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// `1.0`.
    #[serde(default = "spec_version")]
    pub specversion: String,
    /// The same at every delivery.
    pub id: String,
    /// Which part of the program wrote it.
    #[serde(default)]
    pub source: String,
    /// `task.created` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The task, rule or reminder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `application/json`.
    #[serde(default = "json_type")]
    pub datacontenttype: String,
    /// The user; also the Kafka key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitionkey: Option<String>,
    /// The actor's turn, 20 digits, zero-padded, so that it sorts as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// See [`SCHEMA_VERSION`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemaversion: Option<String>,
    /// W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The actor that wrote it; absent on events that no actor of ours wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Which event of that turn, as a decimal number: CloudEvents attributes are text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// `true` on the slim copies of `task-updates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    /// What happened.
    pub data: Map<String, Value>,
}

fn spec_version() -> String {
    "1.0".to_owned()
}

fn json_type() -> String {
    "application/json".to_owned()
}

impl Event {
    /// `data`: what every event says, then the fact's own members.
    pub fn data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("user_id".into(), self.key.user.as_str().into());
        data.insert("timestamp".into(), self.time.to_string().into());
        data.insert("sequence".into(), self.sequence.into());
        data.insert("actor".into(), json!({"kind": self.by.kind, "id": self.by.id}));
        let cause =
            self.fact.cause.as_ref().map(|cause| json!({"kind": cause.kind, "id": cause.id}));
        data.insert("cause".into(), cause.unwrap_or_default());
        data.extend(self.fact.data.read());
        data
    }

    /// The event as its topic carries it.
    pub fn cloud_event(&self) -> CloudEvent {
        let source = match self.fact.topic {
            Topic::Reminders => "todo-reminder-scheduler",
            Topic::TaskEvents | Topic::TaskRecurrence => "todo-backend",
        };
        CloudEvent {
            specversion: spec_version(),
            id: self.id.to_string(),
            source: source.to_owned(),
            kind: self.fact.kind.clone(),
            time: Some(self.time.to_string()),
            subject: Some(self.fact.subject.to_string()),
            datacontenttype: json_type(),
            partitionkey: Some(self.key.user.as_str().to_owned()),
            sequence: Some(format!("{:020}", self.sequence)),
            schemaversion: Some(SCHEMA_VERSION.to_owned()),
            traceparent: self.traceparent.clone(),
            actor: Some(self.key.to_string()),
            index: Some(self.index.to_string()),
            copy: None,
            data: self.data(),
        }
    }

    /// The copy for screens (`task-updates`): same id and type, little data. Only task and reminder events have one.
    pub fn screen_copy(&self) -> Option<CloudEvent> {
        if self.fact.topic == Topic::TaskRecurrence {
            return None;
        }
        let mut copy = self.cloud_event();
        let kept =
            ["user_id", "task_id", "reminder_id", "number", "sequence", "timestamp", "changes"];
        copy.data.retain(|name, _| kept.contains(&name.as_str()));
        copy.copy = Some("true".to_owned());
        Some(copy)
    }
}
