//! Wiring: from a configuration to a running service, and back to nothing in good order.
//!
//! Start: open the store, read the keys, bind, serve with health saying NOT_SERVING; SERVING as soon as it is ready.
//! Serving is the [`Workers`]' business; everything else runs on the runtime that the service was started from.
//! Stop: NOT_SERVING, drain delay, no new calls, finish those in flight within the grace period, close the store.

mod accept;
mod auth0_poll;
mod background;
mod clients;
mod desk;
mod elsewhere;
mod issuers;
mod limits;
mod polling;
mod readiness;
mod secrets;
mod workers;

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

pub use accept::accept;
use auth0_poll::Poller;
use background::Background;
use desk::Desk;
pub use issuers::check_keys;
pub use limits::{admission_settings, connection_settings};
use polling::Polling;
pub use workers::{Door, Workers};

use crate::{
    config::{Config, Fault, ShutdownConfig},
    domain::{Clock, Timestamp},
    outbound::RemoteKeys,
    service::{Curfew, DeadLetters, TokenCache},
    store::{OpenError, SledStore, Store},
    transport::{
        grpc::{Admission, AdmissionSettings, ConnectionSettings, Health, RevocationServer},
        http::Vitals,
        json::MessageError,
    },
};

/// The file of the dead letters, in the store's directory.
const DEAD_LETTERS: &str = "dead-letters.jsonl";

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys of an issuer cannot be used: every reason.
    #[error("the configuration cannot be used:{}", .0.iter().map(|fault| format!("\n  {fault}")).collect::<String>())]
    Keys(Vec<Fault>),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The file of the dead letters cannot be read.
    #[error("{0} cannot be read: {1}. Move it away to start without the dead letters in it")]
    DeadLetters(PathBuf, io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// The compiled protocol is damaged.
    #[error("reflection could not be set up: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The compiled protocol is damaged.
    #[error("the protocol's messages could not be set up: {0}")]
    Messages(MessageError),
    /// There are no threads or no event queues left.
    #[error("the threads that serve could not be started: {0}")]
    Workers(io::Error),
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

/// Where a service listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// gRPC.
    pub grpc: SocketAddr,
    /// HTTP, where there is a front desk.
    pub http: Option<SocketAddr>,
}

/// A service that is wired and bound, and does not serve yet.
pub struct App {
    curfew: Arc<Curfew>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    remote_keys: Vec<Arc<RemoteKeys>>,
    /// Who read the logs of Auth0 tenants.
    pollers: Vec<Poller>,
    /// Where security events are fetched.
    polling: Vec<Polling>,
    health: Health,
    /// One for each worker.
    doors: Vec<Door>,
    connections: ConnectionSettings,
    max_connections: usize,
    listener: TcpListener,
    addresses: Addresses,
    /// The front desk, if there is one.
    desk: Option<Desk>,
    vitals: watch::Sender<Vitals>,
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
        let (built, clients) = (issuers::build(config.issuers, &clock), clients::build(&config.http.clients));
        let (built, clients) = both(built, clients).map_err(StartError::Keys)?;
        let issuers::Built { issuers, remote_keys, auth0_polls, polling } = built;
        let store: Arc<dyn Store> = Arc::new(SledStore::open(&config.store.path)?);
        info!(path = %config.store.path.display(), revision = store.revision().0, "store open");
        let tokens = TokenCache::new(config.token_cache.bytes);
        let path = config.store.path.join(DEAD_LETTERS);
        let dead_letters = DeadLetters::open(&path).map_err(|error| StartError::DeadLetters(path, error))?;
        let curfew = Curfew::new(issuers, Arc::clone(&store), Arc::clone(&clock), tokens);
        let curfew = Arc::new(curfew.with_dead_letters(dead_letters));
        let poller = |plan| Poller::new(plan, Arc::clone(&curfew), Arc::clone(&clock), &config.store.path);
        let pollers = auth0_polls.into_iter().map(poller).collect();
        let health = Health::new().await;
        let admission = admission_settings(&config.limits, config.runtime.workers);
        let door = |_| door(&curfew, &clock, &health, admission, config.grpc.reflection);
        let doors = (0..config.runtime.workers).map(door).collect::<Result<_, _>>()?;
        let (listener, address) = bind(config.grpc.listen).await?;
        let vitals = watch::Sender::new(Vitals::STARTING);
        let desk = Desk::build(&config.http, clients, &curfew, &clock, &vitals).await?;
        let addresses = Addresses { grpc: address, http: desk.as_ref().map(|(_, address)| *address) };
        Ok(Self {
            curfew,
            store,
            clock,
            remote_keys,
            pollers,
            polling,
            health,
            doors,
            connections: connection_settings(&config.connections),
            max_connections: limits::connections(config.connections.max),
            listener,
            addresses,
            desk: desk.map(|(desk, _)| desk),
            vitals,
            shutdown: config.shutdown,
            retention: config.store.retention,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until `stop` is done, then stops in good order. `ready` is called when calls are answered for the first
    /// time.
    ///
    /// # Errors
    /// [`StartError::Workers`].
    pub async fn run(
        self,
        ready: impl FnOnce(Addresses) + Send + 'static,
        stop: impl Future<Output = &'static str>,
    ) -> Result<Stopped, StartError> {
        let (tasks, stop_tasks) = (TaskTracker::new(), CancellationToken::new());
        let stop_readiness = stop_tasks.child_token();
        let addresses = self.addresses;
        let dead_letters = Arc::clone(self.curfew.dead_letters());
        let background = Background {
            curfew: Arc::clone(&self.curfew),
            store: Arc::clone(&self.store),
            clock: self.clock,
            retention: self.retention,
            remote_keys: &self.remote_keys,
            polling: self.polling,
            pollers: self.pollers,
        };
        background.start(&tasks, &stop_tasks);
        let watch = readiness::Watch {
            curfew: Arc::clone(&self.curfew),
            store: Arc::clone(&self.store),
            remote_keys: self.remote_keys,
            health: self.health.clone(),
            vitals: self.vitals,
        };
        let watching = tasks.spawn(watch.run(stop_readiness.clone(), move || ready(addresses)));
        tasks.close();

        let stop_desk = CancellationToken::new();
        let desk = self.desk.map(|desk| desk.start(stop_desk.clone())).transpose().map_err(StartError::Workers)?;
        let workers = Workers::start(self.doors, self.connections).map_err(StartError::Workers)?;
        let drained = async {
            let signal = stop.await;
            info!(signal, drain_delay = ?self.shutdown.drain_delay, grace = ?self.shutdown.grace, "stopping");
            stop_readiness.cancel();
            drop(watching.await);
            self.health.set_ready(false).await;
            tokio::time::sleep(self.shutdown.drain_delay).await;
        };
        let broke = tokio::select! {
            () = accept(self.listener, &workers, self.max_connections) => true,
            () = workers.failed() => true,
            () = desk::ended(desk.as_ref()) => true,
            () = drained => false,
        };
        self.health.end_watches().await;
        stop_desk.cancel();
        let finished = async {
            workers.finish().await;
            if desk.is_some() {
                desk::ended(desk.as_ref()).await;
            }
        };
        let stopped = match tokio::time::timeout(self.shutdown.grace, finished).await {
            Ok(_) if !broke => Stopped::Clean,
            Ok(_) | Err(_) => Stopped::Forced,
        };
        workers.end();
        stop_tasks.cancel();
        tasks.wait().await;
        close(&dead_letters, &*self.store, stopped).await;
        Ok(stopped)
    }
}

/// Sees what is kept to the disk, and says how it went.
async fn close(dead_letters: &Arc<DeadLetters>, store: &dyn Store, stopped: Stopped) {
    if let Err(error) = dead_letters.written().await {
        warn!(%error, "dead letters are lost");
    }
    if let Err(error) = store.close().await {
        warn!(%error, "the store did not close");
    }
    match stopped {
        Stopped::Clean => info!("stopped; every call was answered"),
        Stopped::Forced => warn!("stopped; the grace period was over, and open connections were cut off"),
    }
}

/// Both, or all the faults of either.
fn both<A, B>(one: Result<A, Vec<Fault>>, other: Result<B, Vec<Fault>>) -> Result<(A, B), Vec<Fault>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => Err([one.err(), other.err()].into_iter().flatten().flatten().collect()),
    }
}

/// Listens on an address; warns where others can reach it.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Bind(address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    if !address.ip().is_loopback() {
        warn!(%address, "INSECURE: callers are not authenticated, and whoever reaches this address can log everybody out");
    }
    Ok((listener, address))
}

/// Everything on the port, for one worker: what the workers share, they share below this.
fn door(
    curfew: &Curfew,
    clock: &Arc<dyn Clock>,
    health: &Health,
    admission: AdmissionSettings,
    reflection: bool,
) -> Result<Door, StartError> {
    let (curfew, moving) = curfew.for_one_thread();
    let admission = Admission::new(admission);
    let server = RevocationServer::new(Arc::new(curfew), Arc::clone(clock));
    let routes = server.routes(health, Arc::clone(&admission), reflection)?;
    Ok(Door { routes, moving: vec![Box::pin(moving), Box::pin(async move { admission.run().await })] })
}
