//! The front desk: bound with everything else, and served on a thread of its own that stands back behind those that answer
//! checks: every request of every backend waits for them, and an event can wait for a moment.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    sync::Arc,
};

use axum::Router;
use rustix::process::nice;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{StartError, bind};
use crate::{
    config::HttpConfig,
    domain::Clock,
    service::Curfew,
    transport::http::{HttpClients, HttpSettings, Vitals, routes, serve},
};

/// How far it stands back: while there is more to do than the processors can, it has half of what each other thread has.
const NICENESS: i32 = 3;

/// The front desk, bound.
pub(super) struct Desk {
    router: Router,
    listener: StdTcpListener,
    settings: HttpSettings,
}

impl Desk {
    /// The front desk and where it listens, if there is to be one.
    pub(super) async fn build(
        config: &HttpConfig,
        clients: HttpClients,
        curfew: &Arc<Curfew>,
        clock: &Arc<dyn Clock>,
        vitals: &watch::Sender<Vitals>,
    ) -> Result<Option<(Self, SocketAddr)>, StartError> {
        let Some(listen) = config.listen else { return Ok(None) };
        let (listener, address) = bind(listen).await?;
        let (curfew, clock) = (Arc::clone(curfew), Arc::clone(clock));
        let router =
            routes(curfew, clock, vitals.subscribe(), clients, config.request_timeout).map_err(StartError::Messages)?;
        let listener = listener.into_std().map_err(|error| StartError::Bind(address, error))?;
        let settings = HttpSettings { max_connections: config.max_connections, head_timeout: config.request_timeout };
        Ok(Some((Self { router, listener, settings }, address)))
    }

    /// Serves until it is told to stop; what is returned is cancelled when it has ended, every request answered.
    ///
    /// # Errors
    /// When there is no thread or no event queue left.
    pub(super) fn start(self, stop: CancellationToken) -> io::Result<CancellationToken> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = CancellationToken::new();
        // Also when the thread panics: nobody must wait for it then.
        let at_the_end = ended.clone().drop_guard();
        let serving = move || {
            let _at_the_end = at_the_end;
            // On Linux that is the thread's alone. Where it may not, it does as well as any.
            nice(NICENESS).unwrap_or_default();
            runtime.block_on(async {
                match TcpListener::from_std(self.listener) {
                    Ok(listener) => serve(self.router, listener, self.settings, stop).await,
                    Err(error) => error!(%error, "the front desk cannot be served"),
                }
            });
        };
        std::thread::Builder::new().name("curfew-desk".to_owned()).spawn(serving)?;
        Ok(ended)
    }
}

/// Returns when a front desk that was started has ended; never where there is none.
pub(super) async fn ended(desk: Option<&CancellationToken>) {
    match desk {
        Some(ended) => ended.cancelled().await,
        None => std::future::pending().await,
    }
}
