//! Calls against deactivations of one id, through the SDK's own routes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use axum::{Router, body::Body, http::Request, middleware::from_fn_with_state};
use dapr::{
    dapr::proto::runtime::v1::dapr_client::DaprClient,
    server::actor::{
        Actor, ActorError,
        runtime::{ActorRuntime, ActorTypeRegistration},
    },
};
use tower::ServiceExt;

use super::{Living, hold};

const CALLS: usize = 120_000;
const DEACTIVATIONS: usize = 40_000;
const ALIVE: usize = 0x00C0_FFEE;

static LIVE: AtomicUsize = AtomicUsize::new(0);
/// Where the instance of each call stands that is under way: not all that live, because one whose last holder has let
/// go may still be on its way out when the next is made.
static BUSY: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static TWO_BUSY: AtomicUsize = AtomicUsize::new(0);
static FREED_IN_USE: AtomicUsize = AtomicUsize::new(0);
static CALLED: AtomicUsize = AtomicUsize::new(0);

/// An actor that knows when it is no more.
struct Inner {
    state: AtomicUsize,
    busy: AtomicUsize,
}

#[dapr_macros::actor]
type Canary = Inner;

impl Inner {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self { state: AtomicUsize::new(ALIVE), busy: AtomicUsize::new(0) }
    }

    async fn call(&'static self) {
        let here = std::ptr::from_ref(self).addr();
        self.busy.fetch_add(1, Ordering::SeqCst);
        {
            let mut busy = BUSY.lock().unwrap();
            let others = busy.iter().any(|other| *other != here);
            TWO_BUSY.fetch_add(usize::from(others), Ordering::SeqCst);
            busy.push(here);
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        if self.state.load(Ordering::SeqCst) != ALIVE {
            FREED_IN_USE.fetch_add(1, Ordering::SeqCst);
        }
        {
            let mut busy = BUSY.lock().unwrap();
            let place = busy.iter().position(|other| *other == here).unwrap();
            busy.swap_remove(place);
        }
        self.busy.fetch_sub(1, Ordering::SeqCst);
        CALLED.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.state.store(0, Ordering::SeqCst);
        FREED_IN_USE.fetch_add(self.busy.load(Ordering::SeqCst), Ordering::SeqCst);
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Actor for Inner {
    async fn on_activate(&self) -> Result<(), ActorError> {
        // Here the SDK lets a second first call make an instance of its own.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn on_deactivate(&self) -> Result<(), ActorError> {
        Ok(())
    }

    async fn on_reminder(&self, _name: &str, _data: Vec<u8>) -> Result<(), ActorError> {
        Ok(())
    }

    async fn on_timer(&self, _name: &str, _data: Vec<u8>) -> Result<(), ActorError> {
        Ok(())
    }
}

async fn cured() -> (Router, Arc<ActorRuntime>) {
    let living = Living::new(|_| Some(Inner::new()));
    let channel = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let runtime = Arc::new(ActorRuntime::new(DaprClient::new(channel)));
    let of = living.clone();
    let factory = move |_: &str, id: &str, _| of.get(id).unwrap() as Arc<dyn Actor>;
    let registration = ActorTypeRegistration::new::<Canary>("Canary", Box::new(factory));
    runtime.register_actor(registration.register_method("call", Canary::call)).await;
    let router = runtime.configure_method_routes(Router::new(), runtime.clone()).await;
    (router.route_layer(from_fn_with_state(living, hold::<Inner>)), runtime)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_instance_lives_and_none_is_freed_in_use() {
    const CALLERS: usize = 8;
    let (router, runtime) = cured().await;
    let done = Arc::new(AtomicBool::new(false));
    let deactivator = {
        let (runtime, done) = (runtime.clone(), done.clone());
        tokio::spawn(async move {
            let mut ended = 0;
            while ended < DEACTIVATIONS && !done.load(Ordering::SeqCst) {
                ended += usize::from(runtime.deactivate_actor("Canary", "one").await.is_ok());
                tokio::task::yield_now().await;
            }
            ended
        })
    };
    let callers = (0..CALLERS).map(|_| {
        let router = router.clone();
        tokio::spawn(async move {
            for _ in 0..CALLS / CALLERS {
                let call =
                    Request::put("/actors/Canary/one/method/call").body(Body::empty()).unwrap();
                assert!(router.clone().oneshot(call).await.unwrap().status().is_success());
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let ended = deactivator.await.unwrap();
    assert_eq!(CALLED.load(Ordering::SeqCst), CALLS);
    assert!(ended > CALLS / 100, "only {ended} deactivations came between the calls");
    assert_eq!(FREED_IN_USE.load(Ordering::SeqCst), 0);
    assert_eq!(TWO_BUSY.load(Ordering::SeqCst), 0);
    drop((router, runtime));
    assert_eq!(LIVE.load(Ordering::SeqCst), 0, "an instance is never let go");
}
