//! Keeps health honest: ready while the store writes and there are keys to verify with.
//!
//! One dead identity provider among several must not take the service away from the others, so that being ready asks for
//! the keys of one issuer at least, once every first fetch is over; each issuer's own state is at `curfew.keys.NAME`.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    outbound::{KeysHealth, RemoteKeys},
    service::Curfew,
    store::{Status, Store},
    transport::{grpc::Health, http::Vitals},
};

/// How often it is looked. A probe asks every second or slower.
const EVERY: Duration = Duration::from_millis(100);

/// What is watched, and what says it.
pub(super) struct Watch {
    pub(super) curfew: Arc<Curfew>,
    pub(super) store: Arc<dyn Store>,
    pub(super) remote_keys: Vec<Arc<RemoteKeys>>,
    pub(super) health: Health,
    pub(super) vitals: watch::Sender<Vitals>,
}

impl Watch {
    /// Watches until it is told to stop; calls `first_ready` when it is ready for the first time.
    pub(super) async fn run(self, stop: CancellationToken, first_ready: impl FnOnce() + Send) {
        let mut first_ready = Some(first_ready);
        let mut before = None;
        while !stop.is_cancelled() {
            let status = self.store.status().borrow().clone();
            let ready = status == Status::Ready && self.has_keys();
            if before != Some(ready) {
                self.health.set_ready(ready).await;
                match (ready, before) {
                    (true, _) => info!("ready"),
                    (false, Some(_)) => warn!(store = ?status, keys = self.has_keys(), "no longer ready"),
                    (false, None) => (),
                }
                before = Some(ready);
            }
            if ready && let Some(first_ready) = first_ready.take() {
                first_ready();
            }
            let alive = !matches!(status, Status::Broken(_));
            self.health.set_alive(alive).await;
            self.vitals.send_replace(Vitals { alive, ready });
            for keys in &self.remote_keys {
                let fresh = *keys.health().borrow() == KeysHealth::Fresh;
                self.health.set_keys(keys.name(), fresh).await;
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => (),
                () = stop.cancelled() => (),
            }
        }
        // The service is stopping; as it began.
        self.vitals.send_replace(Vitals::STARTING);
    }

    fn has_keys(&self) -> bool {
        let starting = self.remote_keys.iter().any(|keys| *keys.health().borrow() == KeysHealth::Starting);
        !starting && self.curfew.has_keys()
    }
}
