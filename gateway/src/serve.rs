//! The main job: opens everything, says where it is, answers until it is told to stop, closes everything.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use actors::{
    Actors,
    embedded::{Clock, Embedded, Options},
};
use anyhow::Context;
use axum::Router;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    Accounts,
    app::{App, SetClock},
    config::{Config, Role, Runtime},
    feed::{self, Feed},
    http::{self, Peer},
    live::Live,
    notify::{self, Notify},
    observe::START,
    sidecar,
    views::Views,
    waiting,
};

/// Longest that requests under way may still take after a signal to stop.
const DRAIN_MS: u64 = 10_000;

/// Longest that turns and relays under way may then take.
const CLOSE_MS: u64 = 5_000;

/// What was opened for the main job.
pub struct Host {
    /// The way to the actors.
    pub actors: Actors,
    /// How their clock is set, under the test clock.
    pub set_clock: Option<SetClock>,
}

impl Host {
    /// Opens the host that the configuration names.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if config.runtime == Runtime::Dapr {
            let actors = Actors::Dapr(Box::new(sidecar::front(config)?));
            return Ok(Self { actors, set_clock: None });
        }
        let clock = if config.test_clock { Clock::settable() } else { Clock::real() };
        let dir = config.data.clone();
        let options = Options { dir, default_zone: config.zone, clock: clock.clone() };
        let actors = Actors::Embedded(Embedded::open(&options).await?);
        let set_clock: Option<SetClock> =
            config.test_clock.then(|| Box::new(move |at| clock.set(at)) as SetClock);
        Ok(Self { actors, set_clock })
    }
}

/// What runs beside the requests.
#[derive(Default)]
pub(crate) struct Running {
    feed: Option<feed::Running>,
    notify: Option<notify::Running>,
    /// Where events are delivered to us, ends what else runs when it is dropped.
    beside: Option<watch::Sender<i64>>,
}

impl Running {
    /// Ends it all: what is under way is finished, within bounds.
    pub(crate) async fn stop(self) {
        if let Some(feed) = self.feed {
            feed.stop().await;
        }
        if let Some(notify) = self.notify {
            notify.stop().await;
        }
        drop(self.beside);
    }
}

/// A server that listens.
pub struct Server {
    app: Arc<App>,
    router: Router,
    running: Running,
    listener: TcpListener,
    address: SocketAddr,
    sidecars: Option<TcpListener>,
}

impl Server {
    /// Opens the accounts and the views and begins to listen; requests are answered once it runs.
    pub async fn open(config: Config, host: Host) -> anyhow::Result<Self> {
        let (listener, address) = listen(config.bind).await?;
        let sidecars = match config.sidecar_bind.filter(|_| config.runtime == Runtime::Dapr) {
            Some(bind) => Some(listen(bind).await?.0),
            None => None,
        };
        if let Actors::Embedded(here) = &host.actors {
            here.announce(&format!("http://{address}"))?;
            here.grow_journal().await;
        }
        let (listener, porch) = match &config.database_url {
            Some(url) => waiting::for_postgres(url, listener).await?,
            None => (listener, None),
        };
        let (app, running) = open_app(config, host).await?;
        let router = match app.config.role {
            Role::Actors => http::probes(&app),
            Role::All | Role::Gateway => http::router(&app),
        };
        let router = match &app.actors {
            Actors::Dapr(front) => sidecar::door(&app, front, router).await?,
            Actors::Embedded(_) => sidecar::door_at_home(&app, router),
        };
        if let Some(porch) = porch {
            porch.end(router.clone()).await;
        }
        Ok(Self { app, router, running, listener, address, sidecars })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its requests work with.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Says in a few lines where it is, where its data is, and who may ask.
    pub fn announce(&self) {
        let config = &self.app.config;
        let data = match config.runtime {
            Runtime::Embedded => format!("data in {}", config.data.display()),
            Runtime::Dapr => format!("its sidecar at port {}", config.dapr.grpc_port),
        };
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(target: START, "tickler {version} listens on http://{}, {data}", self.address);
        if config.is_dev() {
            tracing::info!(
                target: START,
                "dev mode: whoever reaches {} is the user dev; configure TICKLER_JWKS or \
                 TICKLER_JWT_SECRET for others",
                self.address
            );
        }
        if config.test_clock {
            tracing::warn!(target: START, "the clock can be set at /dev/clock: this is for tests");
        }
    }

    /// Answers until `stop`, then finishes what is under way, within a bound.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { app, router, running, listener, sidecars, .. } = self;
        let service = router.into_make_service_with_connect_info::<Peer>();
        // Open to the end: what is under way is done by actors, whom the sidecar reaches through it.
        let inner = sidecars.map(|listener| {
            let service = service.clone();
            tokio::spawn(async move { axum::serve(listener, service).await })
        });
        let (stopping, mut stopped) = tokio::sync::watch::channel(());
        let live = app.live.clone();
        let stop = async move {
            stop.await;
            live.close();
            drop(stopping);
        };
        let serving = axum::serve(listener, service).with_graceful_shutdown(stop);
        let late = async move {
            // Ends when the signal has come and the sender is gone.
            while stopped.changed().await.is_ok() {}
            tokio::time::sleep(Duration::from_millis(DRAIN_MS)).await;
        };
        tokio::select! {
            served = async { serving.await } => served.context("cannot go on listening")?,
            () = late => tracing::warn!("some requests did not end within {DRAIN_MS} ms"),
        }
        running.stop().await;
        app.actors.close(Duration::from_millis(CLOSE_MS)).await;
        app.accounts.close().await;
        app.views.close().await;
        if let Some(inner) = inner {
            inner.abort();
        }
        Ok(())
    }
}

async fn listen(bind: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(bind).await;
    let listener = listener.with_context(|| format!("cannot listen on {bind}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Opens the accounts and the views over a host, and begins to follow the log where it is not delivered.
pub(crate) async fn open_app(config: Config, host: Host) -> anyhow::Result<(Arc<App>, Running)> {
    let accounts = match (config.runtime, &config.database_url) {
        (Runtime::Embedded, _) => Accounts::open(&config.data).await?,
        (Runtime::Dapr, Some(url)) => Accounts::postgres(url).await?,
        (Runtime::Dapr, None) => anyhow::bail!("--runtime dapr needs DATABASE_URL"),
    };
    let views = open_views(&config).await?;
    let live = Live::default();
    let notify = Notify::open(&config, views.clone(), host.actors.clone()).await?;
    let (feed, running) = match &host.actors {
        Actors::Embedded(here) => {
            views.release_all().await?;
            let (feed, following) = Feed::start(here.clone(), views.apart().await?, live.clone());
            let notifying = notify.start(feed.batches());
            (feed, Running { feed: Some(following), notify: Some(notifying), beside: None })
        }
        Actors::Dapr(_) if config.role == Role::Actors => (Feed::delivered(), Running::default()),
        Actors::Dapr(front) => {
            tokio::spawn(live.clone().hear_others(views.clone()));
            let (beside, none) = watch::channel(0);
            tokio::spawn(feed::retain(host.actors.clone(), views.clone(), none.clone()));
            tokio::spawn(sidecar::register_patrol((**front).clone(), none.clone()));
            let notify = Some(notify.start(none));
            (Feed::delivered(), Running { feed: None, notify, beside: Some(beside) })
        }
    };
    let beside = (views, feed, live, notify);
    let app = App::new(config, host.actors, accounts, beside, host.set_clock)?;
    Ok((app, running))
}

/// Opens the views: in PostgreSQL where one is configured, else in a file of the data folder.
pub(crate) async fn open_views(config: &Config) -> anyhow::Result<Views> {
    match &config.database_url {
        None => Views::sqlite(&config.data).await.context("cannot open the views"),
        Some(url) => Views::postgres(url).await.context("cannot open the views at DATABASE_URL"),
    }
}

/// Ends when the process is asked to stop: SIGINT or SIGTERM.
pub async fn signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("stopping: what is under way is finished first");
}
