//! The host on Dapr: the same records in the sidecar's state store, alarms as actor reminders, events by bulk publish,
//! calls by actor invocation.
//!
//! What we ask daprd goes through the SDK's generated client; what daprd asks us comes in by [`routes`]. The state API of
//! the component is used, not the actor state API: that one has no ETag, and the ETag is the fence.

mod alarm;
mod cure;
mod front;
mod hosted;
mod id;
mod publisher;
mod queue;
mod routes;
mod store;

use std::{future::Future, sync::Arc, time::SystemTime};

use dapr::{
    client::{ApiTokenInterceptor, TonicClient, TonicClientWithAuth},
    dapr::proto::runtime::v1::{
        GetMetadataRequest, GetMetadataResponse, GetStateRequest, InvokeActorRequest,
        PublishEventRequest, ShutdownRequest, dapr_client::DaprClient,
    },
};
use tokio::time::{Duration, timeout};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use crate::{
    host::{Appended, Expect, Host, Record, Stored, Unavailable, WriteError},
    message::{event::Event, key::Key, sync::Sync, time::Timestamp},
    turn::{RECORD_BYTES_MAX, SNAPSHOT_BYTES_MAX},
};

pub use self::{
    front::Front,
    id::{actor_id, key_of},
    publisher::Topics,
    routes::{Service, hosts_nothing},
};

/// How long a write of a slot or a snapshot may take, in milliseconds.
pub const APPEND_MS: u64 = 1_500;
/// How long the registration of an alarm may take, in milliseconds.
pub const ARM_MS: u64 = 1_000;
/// How long a read may take, in milliseconds.
pub const LOAD_MS: u64 = 2_000;
/// How long a call of another actor may take, in milliseconds.
pub const INVOKE_MS: u64 = 5_000;
/// How long a bulk publish may take, in milliseconds.
pub const PUBLISH_MS: u64 = 5_000;
/// Largest message to and from the sidecar; the sidecar's `max-body-size` must be no smaller.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What a message needs besides the rows it carries, generously.
const ENVELOPE_BYTES: usize = 1024 * 1024;

const _: () = assert!(RECORD_BYTES_MAX + ENVELOPE_BYTES <= MESSAGE_BYTES_MAX);

/// Where the sidecar is, and what its components are called.
#[derive(Clone, Debug)]
pub struct Options {
    /// The sidecar's gRPC port on loopback (`DAPR_GRPC_PORT`).
    pub grpc_port: u16,
    /// What the sidecar asks of us to prove (`DAPR_API_TOKEN`).
    pub api_token: Option<String>,
    /// The state store's component (`TICKLER_STATE_STORE`).
    pub state_store: String,
    /// The pub/sub component (`DAPR_PUBSUB_NAME`).
    pub pubsub: String,
    /// What each topic is called.
    pub topics: Topics,
}

/// The sidecar as a host.
#[derive(Clone)]
pub struct Dapr {
    client: TonicClientWithAuth,
    channel: Channel,
    options: Arc<Options>,
    publisher: publisher::Publisher,
}

impl Dapr {
    /// The sidecar at `options`. Connects when first used: app and sidecar wait for each other at a start.
    pub fn new(options: Options) -> Result<Self, tonic::transport::Error> {
        let address = format!("http://127.0.0.1:{}", options.grpc_port);
        let channel = Endpoint::from_shared(address)?
            .connect_timeout(Duration::from_millis(ARM_MS))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5))
            .connect_lazy();
        let token = ApiTokenInterceptor::new(options.api_token.clone());
        let client = DaprClient::with_interceptor(channel.clone(), token)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let publisher = publisher::Publisher::new(client.clone(), &options);
        Ok(Self { client, channel, options: Arc::new(options), publisher })
    }

    /// The client that the SDK's runtime hands to its actors; ours ask nothing through it.
    fn plain_client(&self) -> TonicClient {
        DaprClient::new(self.channel.clone())
    }

    /// Whether the store answers.
    async fn check_store(&self) -> Result<(), Unavailable> {
        self.read("tickler/ready".to_owned()).await.map(drop)
    }

    /// Whether the sidecar takes messages as large as our largest; it is started with a bound of its own.
    async fn check_size(&self) -> Result<(), Unavailable> {
        let filling = "-".repeat(SNAPSHOT_BYTES_MAX);
        let request = GetStateRequest {
            store_name: self.options.state_store.clone(),
            key: "tickler/ready".to_owned(),
            consistency: 0,
            metadata: [("filling".to_owned(), filling)].into(),
        };
        let mut client = self.client.clone();
        let small = "start it with --max-body-size=32Mi (dapr.io/max-body-size)";
        match timeout(Duration::from_millis(LOAD_MS), client.get_state(request)).await {
            Ok(Err(status)) if status.code() == Code::ResourceExhausted => {
                Err(Unavailable(format!("the sidecar takes no message of our size: {small}")))
            }
            Ok(Err(status)) => Err(Unavailable(status.message().to_owned())),
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(Unavailable("no answer from the sidecar".to_owned())),
        }
    }

    /// Whether the sidecar knows where actors are, and, where this process hosts some, that it takes calls for them.
    async fn check_actors(&self, hosts: bool) -> Result<(), Unavailable> {
        let Some(runtime) = self.metadata().await?.actor_runtime else {
            return Err(Unavailable("the sidecar runs no actors".to_owned()));
        };
        match runtime.host_ready || !hosts {
            true => Ok(()),
            false => {
                Err(Unavailable(format!("the sidecar takes no calls yet; {}", runtime.placement)))
            }
        }
    }

    /// Whether the sidecar has the pub/sub component.
    async fn has_pubsub(&self) -> Result<bool, Unavailable> {
        let (known, name) = (self.metadata().await?, &self.options.pubsub);
        Ok(known.registered_components.iter().any(|component| component.name == *name))
    }

    /// Asks the sidecar to end; whoever keeps it running starts it again.
    async fn end_sidecar(&self) -> Result<(), Unavailable> {
        let mut client = self.client.clone();
        within(LOAD_MS, client.shutdown(ShutdownRequest {})).await.map(drop)
    }

    /// What the sidecar calls this app.
    async fn app_id(&self) -> Result<String, Unavailable> {
        Ok(self.metadata().await?.id)
    }

    /// What the sidecar says of itself.
    async fn metadata(&self) -> Result<GetMetadataResponse, Unavailable> {
        let mut client = self.client.clone();
        Ok(within(LOAD_MS, client.get_metadata(GetMetadataRequest {})).await?.into_inner())
    }

    /// Puts a message on a topic, as it is.
    async fn put(&self, topic: &str, body: Vec<u8>) -> Result<(), Unavailable> {
        let request = PublishEventRequest {
            pubsub_name: self.options.pubsub.clone(),
            topic: topic.to_owned(),
            data: body,
            data_content_type: "application/json".to_owned(),
            metadata: [("rawPayload".to_owned(), "true".to_owned())].into(),
        };
        let mut client = self.client.clone();
        within(PUBLISH_MS, client.publish_event(request)).await.map(drop)
    }

    /// Calls a method of an actor, wherever it is placed.
    async fn invoke(&self, key: &Key, method: &str, body: Vec<u8>) -> Result<Vec<u8>, Unavailable> {
        let request = InvokeActorRequest {
            actor_type: key.kind.to_string(),
            actor_id: actor_id(key),
            method: method.to_owned(),
            data: body,
            metadata: [("content-type".to_owned(), "application/json".to_owned())].into(),
        };
        let mut client = self.client.clone();
        let answer = within(INVOKE_MS, client.invoke_actor(request)).await?;
        Ok(answer.into_inner().data)
    }
}

/// What a call to the sidecar gives within a deadline.
async fn within<T>(
    millis: u64,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Unavailable> {
    match timeout(Duration::from_millis(millis), call).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(status)) => Err(Unavailable(format!("{:?}: {}", status.code(), status.message()))),
        Err(_) => Err(Unavailable(format!("no answer from the sidecar within {millis} ms"))),
    }
}

impl Host for Dapr {
    #[expect(clippy::disallowed_methods, reason = "a host is where the clock is")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "a host is where ids are drawn")]
    fn random(&self) -> Uuid {
        Uuid::new_v4()
    }

    async fn load(&self, key: &Key) -> Result<Record, Unavailable> {
        self.load_record(key).await
    }

    async fn slot(&self, key: &Key, index: u64) -> Result<Option<Stored>, Unavailable> {
        self.read(store::slot_key(key, index)).await
    }

    async fn append(
        &self,
        key: &Key,
        index: u64,
        entry: Vec<u8>,
        expect: Expect,
        _alarm: Option<Timestamp>,
        _events: &[Event],
    ) -> Result<Appended, WriteError> {
        self.write(store::slot_key(key, index), entry, expect).await?;
        Ok(Appended::default())
    }

    async fn snapshot(&self, key: &Key, snap: Vec<u8>, expect: Expect) -> Result<(), WriteError> {
        self.write(store::snap_key(key), snap, expect).await
    }

    async fn arm(&self, key: &Key, moment: Timestamp) -> Result<(), Unavailable> {
        self.register(key, moment).await
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Unavailable> {
        self.publisher.publish(events).await
    }

    async fn sync(&self, to: &Key, sync: &Sync) -> Result<(), Unavailable> {
        let body = serde_json::to_vec(sync).expect("a sync is JSON");
        front::read_reply::<()>(&self.invoke(to, "sync", body).await?)
            .map_err(|failure| Unavailable(failure.to_string()))
    }
}
