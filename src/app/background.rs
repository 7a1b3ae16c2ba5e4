//! What goes on beside the answering of calls: keys and events are fetched, what nothing needs any more is forgotten.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use super::{auth0_poll::Poller, polling::Polling};
use crate::{
    domain::Clock,
    outbound::RemoteKeys,
    service::{Curfew, forgettable},
    store::Store,
};

/// How often records that nothing needs any more are looked for. They do no harm meanwhile.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// How often verified tokens that nothing needs any more are dropped. They are not honoured meanwhile, but take room.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// What it needs.
pub(super) struct Background<'a> {
    pub(super) curfew: Arc<Curfew>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    /// How long subjects' logouts are kept. None: for ever.
    pub(super) retention: Option<Duration>,
    pub(super) remote_keys: &'a [Arc<RemoteKeys>],
    /// Where security events are fetched.
    pub(super) polling: Vec<Polling>,
    /// Who read the logs of Auth0 tenants.
    pub(super) pollers: Vec<Poller>,
}

impl Background<'_> {
    /// Starts all of it, each as a task that ends when it is told to.
    pub(super) fn start(self, tasks: &TaskTracker, stop: &CancellationToken) {
        for keys in self.remote_keys {
            let (keys, stop) = (Arc::clone(keys), stop.clone());
            tasks.spawn(async move { keys.run(stop).await });
        }
        for polling in self.polling {
            tasks.spawn(polling.run(Arc::clone(&self.curfew), stop.clone()));
        }
        for poller in self.pollers {
            tasks.spawn(poller.run(stop.clone()));
        }
        let forgetting = sweep(Arc::clone(&self.curfew), self.store, self.clock, self.retention);
        tasks.spawn(stop.clone().run_until_cancelled_owned(forgetting));
        tasks.spawn(stop.clone().run_until_cancelled_owned(tidy(Arc::clone(&self.curfew))));
        let dead_letters = Arc::clone(self.curfew.dead_letters());
        tasks.spawn(stop.clone().run_until_cancelled_owned(dead_letters.keep_writing()));
    }
}

/// Drops, every now and then, verified tokens that are of no more use.
async fn tidy(curfew: Arc<Curfew>) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        curfew.tidy();
        let stats = curfew.cache_stats();
        debug!(stats.hits, stats.misses, stats.tokens, stats.bytes, "verified tokens");
    }
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
