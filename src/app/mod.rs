//! Wiring: from a configuration to a running service, and back to nothing in good order.
//!
//! Start: open the store, read the keys, bind, serve with health saying NOT_SERVING; SERVING as soon as it is ready.
//! Stop: NOT_SERVING, drain delay, no new calls, finish those in flight within the grace period, close the store.

mod issuers;
mod readiness;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tracing::{info, warn};

pub use issuers::check_keys;

use crate::{
    config::{Config, Fault, ShutdownConfig},
    domain::{Clock, Timestamp},
    outbound::RemoteKeys,
    service::{Curfew, forgettable},
    store::{OpenError, SledStore, Store},
    transport::grpc::{Health, RevocationServer},
};

/// How often records that nothing needs any more are looked for. They do no harm meanwhile.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// How long an HTTP/2 connection may be silent before it is asked whether it is still there, and how long the answer may
/// take: half-open connections go within a minute.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// The most calls that one connection may have in flight. Clients queue beyond it, on their side.
const MOST_STREAMS: u32 = 256;

/// How long a call may take, its request included: one that is never finished must not be kept for ever. Settling takes
/// a second and the clock skew, which is at most half of this.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long no connection is accepted after one could not be, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys of an issuer cannot be used: every reason.
    #[error("the configuration cannot be used:{}", .0.iter().map(|fault| format!("\n  {fault}")).collect::<String>())]
    Keys(Vec<Fault>),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// The compiled protocol is damaged.
    #[error("reflection could not be set up: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// How the service stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every call was answered.
    Clean,
    /// Some calls or connections were cut off when the grace period was over.
    Forced,
}

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods, reason = "the one place where the clock is read")]
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // A clock before 1970 or after 9999 reads as the nearest end: nothing is honoured then.
        i64::try_from(since_epoch.as_millis())
            .ok()
            .and_then(|millis| Timestamp::from_millis(millis).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

/// A service that is wired and bound, and does not serve yet.
pub struct App {
    curfew: Arc<Curfew>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    remote_keys: Vec<Arc<RemoteKeys>>,
    routes: Routes,
    health: Health,
    listener: TcpListener,
    address: SocketAddr,
    shutdown: ShutdownConfig,
    retention: Option<Duration>,
}

impl App {
    /// Wires the service and binds its port.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn build(config: Config) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let issuers::Built { issuers, remote_keys } =
            issuers::build(config.issuers, &clock).map_err(StartError::Keys)?;
        let store: Arc<dyn Store> = Arc::new(SledStore::open(&config.store.path)?);
        info!(path = %config.store.path.display(), revision = store.revision().0, "store open");
        let curfew = Arc::new(Curfew::new(issuers, Arc::clone(&store), Arc::clone(&clock)));
        let server = RevocationServer::new(Arc::clone(&curfew), Arc::clone(&clock));
        let (routes, health) = server.routes(config.grpc.reflection).await?;
        let bind = |error| StartError::Bind(config.grpc.listen, error);
        let listener = TcpListener::bind(config.grpc.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        if !address.ip().is_loopback() {
            warn!(%address, "INSECURE: callers are not authenticated, and whoever reaches this address can log everybody out");
        }
        Ok(Self {
            curfew,
            store,
            clock,
            remote_keys,
            routes,
            health,
            listener,
            address,
            shutdown: config.shutdown,
            retention: config.store.retention,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done, then stops in good order. `ready` is called when calls are answered for the first
    /// time.
    ///
    /// # Errors
    /// When serving itself fails.
    pub async fn run(
        self,
        ready: impl FnOnce(SocketAddr) + Send + 'static,
        stop: impl Future<Output = &'static str>,
    ) -> Result<Stopped, tonic::transport::Error> {
        let (tasks, stop_tasks) = (TaskTracker::new(), CancellationToken::new());
        let stop_readiness = stop_tasks.child_token();
        let address = self.address;
        for keys in &self.remote_keys {
            let (keys, stop) = (Arc::clone(keys), stop_tasks.clone());
            tasks.spawn(async move { keys.run(stop).await });
        }
        let forgetting = sweep(Arc::clone(&self.curfew), Arc::clone(&self.store), self.clock, self.retention);
        tasks.spawn(stop_tasks.clone().run_until_cancelled_owned(forgetting));
        let watch = readiness::Watch {
            curfew: Arc::clone(&self.curfew),
            store: Arc::clone(&self.store),
            remote_keys: self.remote_keys,
            health: self.health.clone(),
        };
        let watching = tasks.spawn(watch.run(stop_readiness.clone(), move || ready(address)));
        tasks.close();

        let stop_serving = CancellationToken::new();
        let serving = serve(self.routes, self.listener, stop_serving.clone());
        let mut serving = std::pin::pin!(serving);
        let signal = tokio::select! {
            ended = &mut serving => return ended.map(|()| Stopped::Forced),
            signal = stop => signal,
        };
        info!(signal, drain_delay = ?self.shutdown.drain_delay, grace = ?self.shutdown.grace, "stopping");
        stop_readiness.cancel();
        drop(watching.await);
        self.health.set_ready(false).await;
        tokio::select! {
            ended = &mut serving => return ended.map(|()| Stopped::Forced),
            () = tokio::time::sleep(self.shutdown.drain_delay) => (),
        }
        stop_serving.cancel();
        self.health.end_watches().await;
        let stopped = match tokio::time::timeout(self.shutdown.grace, serving).await {
            Ok(ended) => ended.map(|()| Stopped::Clean)?,
            Err(_elapsed) => Stopped::Forced,
        };
        stop_tasks.cancel();
        tasks.wait().await;
        if let Err(error) = self.store.close().await {
            warn!(%error, "the store did not close");
        }
        match stopped {
            Stopped::Clean => info!("stopped; every call was answered"),
            Stopped::Forced => warn!("stopped; the grace period was over, and open connections were cut off"),
        }
        Ok(stopped)
    }
}

async fn serve(routes: Routes, listener: TcpListener, stop: CancellationToken) -> Result<(), tonic::transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).then(|accepted| async {
        if let Err(error) = &accepted {
            warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
        accepted
    });
    Server::builder()
        .timeout(CALL_TIMEOUT)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .max_concurrent_streams(MOST_STREAMS)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}

/// Forgets, every now and then, what nothing needs any more.
async fn sweep(curfew: Arc<Curfew>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, retention: Option<Duration>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        match store.forget(forgettable(curfew.issuers(), retention, clock.now())).await {
            Ok(0) => (),
            Ok(forgotten) => info!(forgotten, "forgot logouts that no living token can meet"),
            Err(error) => warn!(%error, "forgetting failed; trying again later"),
        }
    }
}
