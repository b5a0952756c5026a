//! The host on Dapr, over the real engines: a sidecar of its own for each test, with tables, topics and actors of its own.
//!
//! Needs what `tools/stack up --hosts 0` starts, found by `TICKLER_STACK_DIR`; without it nothing is shown, and said so.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path as FilePath,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::{
    dapr::{Dapr, Front, Options, Service, Topics, key_of},
    host::Host,
    message::{
        call::By,
        event::{CloudEvent, Event, Fact, Members, Topic},
        key::{Key, UserId},
        sync::Sync,
        time::Timestamp,
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, post, put},
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
    },
    task::JoinHandle,
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::host_contract::{Place, event};

crate::host_contract!(contract, super::DaprPlace, if crate::dapr::stack().is_some());

/// Sidecars at once.
const SIDECARS_MAX: usize = 4;
/// How long a start may take.
const START: Duration = Duration::from_secs(60);
/// How long a delivery may take.
const DELIVERY: Duration = Duration::from_secs(30);

static SIDECARS: std::sync::LazyLock<Arc<Semaphore>> =
    std::sync::LazyLock::new(|| Arc::new(Semaphore::new(SIDECARS_MAX)));

/// What is known of the engines; `None` where none were started.
pub(crate) fn stack() -> Option<Map<String, Value>> {
    let dir = std::env::var("TICKLER_STACK_DIR").ok()?;
    let file = std::fs::read(FilePath::new(&dir).join("stack.json")).ok()?;
    let state: Value = serde_json::from_slice(&file).unwrap();
    Some(state["facts"].as_object().unwrap().clone())
}

/// What the sidecar has delivered, and to whom it is told.
struct App {
    wakes: UnboundedSender<(Key, Timestamp, Timestamp)>,
    syncs: UnboundedSender<(Key, Sync)>,
    events: Mutex<Vec<Event>>,
    failing: AtomicUsize,
    topic: String,
    clock: Dapr,
}

/// A sidecar and an app that only notes what comes.
struct DaprPlace {
    name: String,
    components: TempDir,
    host: Dapr,
    daprd: Child,
    app: Arc<App>,
    serving: JoinHandle<()>,
    wakes: UnboundedReceiver<(Key, Timestamp, Timestamp)>,
    syncs: UnboundedReceiver<(Key, Sync)>,
    permit: Option<OwnedSemaphorePermit>,
}

/// A free port below those from which the system draws for connections, which may take one before the sidecar does; and
/// below those of `tools/stack`.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % 900) as u16 * 10;
    loop {
        let port = 10_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// The definitions of the stack, with tables and a consumer group of the test's own.
fn components(facts: &Map<String, Value>, name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = FilePath::new(facts["COMPONENTS"].as_str().unwrap());
    for file in ["statestore.yaml", "pubsub-kafka.yaml", "secrets-local.yaml", "resiliency.yaml"] {
        let text = std::fs::read_to_string(from.join(file)).unwrap();
        let text = text
            .replace("value: dapr_ }", &format!("value: {name}_ }}"))
            .replace("value: dapr_metadata }", &format!("value: {name}_metadata }}"))
            .replace(
                "consumerGroup, value: todo-backend }",
                &format!("consumerGroup, value: {name} }}"),
            );
        std::fs::write(dir.path().join(file), text).unwrap();
    }
    dir
}

fn sidecar(
    facts: &Map<String, Value>,
    name: &str,
    components: &FilePath,
    app: u16,
    grpc: u16,
) -> Child {
    let fact = |name: &str| facts[name].as_str().unwrap();
    let config = FilePath::new(fact("STACK_DIR")).join("configuration.yaml");
    let log = std::fs::File::create(components.join("daprd.log")).unwrap();
    Command::new(FilePath::new(fact("ENGINES")).join("daprd"))
        .args(["--mode=standalone", "--app-id=todo-backend", "--app-protocol=http"])
        .args(["--app-channel-address=127.0.0.1", "--dapr-listen-addresses=127.0.0.1"])
        .args([
            "--dapr-internal-grpc-listen-address=127.0.0.1",
            "--metrics-listen-address=127.0.0.1",
        ])
        .args(["--dapr-graceful-shutdown-seconds=1", "--max-body-size=32Mi"])
        .arg(format!("--app-port={app}"))
        .arg(format!("--dapr-grpc-port={grpc}"))
        .arg(format!("--dapr-http-port={}", port()))
        .arg(format!("--dapr-internal-grpc-port={}", port()))
        .arg(format!("--metrics-port={}", port()))
        .arg(format!("--resources-path={}", components.display()))
        .arg(format!("--config={}", config.display()))
        .arg(format!("--placement-host-address={}", fact("PLACEMENT")))
        .arg(format!("--scheduler-host-address={}", fact("SCHEDULER")))
        .envs([("NAMESPACE", name), ("DAPR_HOST_IP", "127.0.0.1"), ("POD_NAME", name)])
        .stdout(Stdio::from(log.try_clone().unwrap()))
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap()
}

impl DaprPlace {
    async fn open(name: String, components: TempDir, permit: Option<OwnedSemaphorePermit>) -> Self {
        let facts = stack().unwrap();
        let (app_port, grpc_port) = (port(), port());
        let topics = Topics::with_prefix(&format!("{name}."));
        let topic = topics.task_events.clone();
        let host = Dapr::new(Options {
            grpc_port,
            api_token: None,
            state_store: "statestore".to_owned(),
            pubsub: "pubsub-kafka".to_owned(),
            topics,
        });
        let host = host.unwrap();
        let (wake, wakes) = mpsc::unbounded_channel();
        let (sync, syncs) = mpsc::unbounded_channel();
        let app = Arc::new(App {
            wakes: wake,
            syncs: sync,
            events: Mutex::default(),
            failing: AtomicUsize::new(0),
            topic,
            clock: host.clone(),
        });
        let listener =
            tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, app_port)).await.unwrap();
        let router = router(app.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let daprd = sidecar(&facts, &name, components.path(), app_port, grpc_port);
        let place = Self { name, components, host, daprd, app, serving, wakes, syncs, permit };
        let service = Service::new(
            &place.host,
            chrono_tz::Tz::UTC,
            Duration::from_millis(actors::turn::GATE_MS),
        );
        let front = Front::new(place.host.clone(), Some(service));
        let ready = async {
            while front.ready().await.is_err() || front.store().await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(START, ready).await.is_err() {
            let log = std::fs::read_to_string(place.components.path().join("daprd.log")).unwrap();
            panic!("the sidecar did not start: {log}");
        }
        place
    }

    fn end(&mut self) {
        self.daprd.kill().unwrap();
        self.daprd.wait().unwrap();
        self.serving.abort();
    }
}

impl Drop for DaprPlace {
    fn drop(&mut self) {
        let _ = self.daprd.kill();
        let _ = self.daprd.wait();
    }
}

impl Place for DaprPlace {
    type Host = Dapr;
    /// The scheduler hands out what is due side by side.
    const WAKES_IN_ORDER: bool = false;
    const ARMING_MS: i64 = 10_000;

    async fn start() -> Self {
        let permit = SIDECARS.clone().acquire_owned().await.unwrap();
        let name = format!("t{}", &Uuid::new_v4().simple().to_string()[..8]);
        let components = components(&stack().unwrap(), &name);
        Self::open(name, components, Some(permit)).await
    }

    fn host(&self) -> &Dapr {
        &self.host
    }

    async fn woken(&mut self) -> (Key, Timestamp, Timestamp) {
        self.wakes.recv().await.unwrap()
    }

    fn fail_wakes(&self, times: usize) {
        self.app.failing.store(times, Ordering::SeqCst);
    }

    async fn told(&mut self) -> (Key, Sync) {
        self.syncs.recv().await.unwrap()
    }

    /// The topic has one partition: a last event comes last.
    async fn log(&self) -> Vec<Event> {
        let last = event(&Key::task_list(&UserId::parse("the last").unwrap()), 1, 0);
        self.host.publish(std::slice::from_ref(&last)).await.unwrap();
        let all = async {
            loop {
                let mut events = self.app.events.lock().unwrap().clone();
                if let Some(end) = events.iter().position(|event| event.id == last.id) {
                    events.truncate(end);
                    return events;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(DELIVERY, all).await.expect("the log is read to its end")
    }

    async fn restart(mut self) -> Self {
        self.end();
        let components = components(&stack().unwrap(), &self.name);
        let permit = self.permit.take();
        Self::open(self.name.clone(), components, permit).await
    }
}

fn router(app: Arc<App>) -> Router {
    let config = json!({
        "entities": ["TaskListActor", "ReminderActor", "RecurrenceActor"],
        "actorIdleTimeout": "90s",
        "drainOngoingCallTimeout": "1s",
        "drainRebalancedActors": true,
    });
    let subscriptions = json!([
        { "pubsubname": "pubsub-kafka", "topic": app.topic, "route": "/events" }
    ]);
    Router::new()
        .route("/dapr/config", get(|| async { Json(config) }))
        .route("/dapr/subscribe", get(|| async { Json(subscriptions) }))
        .route("/actors/{kind}/{id}", delete(|| async {}))
        .route("/actors/{kind}/{id}/method/remind/{name}", put(remind))
        .route("/actors/{kind}/{id}/method/sync", put(take_sync))
        .route("/events", post(take_event))
        .with_state(app)
}

async fn remind(
    State(app): State<Arc<App>>,
    Path((kind, id, name)): Path<(String, String, String)>,
) -> StatusCode {
    let key = key_of(&kind, &id).unwrap();
    let _ = app.wakes.send((key, Timestamp(name.parse().unwrap()), app.clock.now()));
    let less = |times: usize| times.checked_sub(1);
    match app.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
        Ok(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Err(_) => StatusCode::OK,
    }
}

async fn take_sync(
    State(app): State<Arc<App>>,
    Path((kind, id)): Path<(String, String)>,
    body: Bytes,
) -> Json<Value> {
    let sync = serde_json::from_slice(&body).unwrap();
    let _ = app.syncs.send((key_of(&kind, &id).unwrap(), sync));
    Json(json!({ "ok": null }))
}

async fn take_event(State(app): State<Arc<App>>, Json(event): Json<CloudEvent>) -> Json<Value> {
    let actor = event.actor.unwrap();
    let user = UserId::parse(event.partitionkey.as_deref().unwrap()).unwrap();
    assert_eq!(actor, format!("TaskListActor/{user}"));
    app.events.lock().unwrap().push(Event {
        id: event.id.parse().unwrap(),
        key: Key::task_list(&user),
        sequence: event.sequence.unwrap().parse().unwrap(),
        index: event.index.unwrap().parse().unwrap(),
        time: event.time.unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap().into(),
        by: By::system(),
        // The sidecar gives one to an event that has none.
        traceparent: None,
        fact: Fact {
            topic: Topic::TaskEvents,
            kind: event.kind,
            subject: event.subject.unwrap().parse().unwrap(),
            cause: None,
            data: Members::default(),
        },
    });
    Json(json!({ "status": "SUCCESS" }))
}
