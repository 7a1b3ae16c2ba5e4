//! The front desk: bound with everything else, and served on the runtime that the service was started from, so that what
//! happens there takes no turn from the threads that answer checks.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{StartError, bind};
use crate::{
    config::HttpConfig,
    domain::Clock,
    service::Curfew,
    transport::http::{HttpClients, HttpSettings, Vitals, routes, serve},
};

/// The front desk, bound.
pub(super) struct Desk {
    router: Router,
    listener: TcpListener,
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
        let settings = HttpSettings { max_connections: config.max_connections, head_timeout: config.request_timeout };
        Ok(Some((Self { router, listener, settings }, address)))
    }

    /// Serves until it is told to stop, and then until every request is answered.
    pub(super) async fn serve(self, stop: CancellationToken) {
        serve(self.router, self.listener, self.settings, stop).await;
    }
}
