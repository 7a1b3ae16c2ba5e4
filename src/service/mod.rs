//! The use cases, one a file: the only room that sees both tokens and the store.
//!
//! Requests arrive here parsed; answers leave as the vocabulary's types. What is asked and how it is answered on a wire is
//! the doors' business.

mod auth0_log;
mod backchannel_logout;
mod dead_letters;
mod elsewhere;
mod error;
mod event_error;
mod event_time;
mod forget;
mod global_token_revocation;
mod issuers;
mod last_logout;
mod metrics;
mod record_logout;
mod replays;
mod revoke_token;
mod security_event;
mod single_use;
mod token_cache;
mod validate_token;

use std::{future::Future, sync::Arc, time::Duration};

pub use auth0_log::LogTaken;
pub use backchannel_logout::{Heard, NotHeard};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use elsewhere::{Elsewhere, GlobalTokenRevocation, SecurityEvents};
pub use error::{FieldFault, ServiceError};
pub use event_error::{EventError, EventNotTaken};
pub use event_time::event_time;
pub use forget::{forgettable, horizon};
pub use global_token_revocation::NotAllRevoked;
pub use issuers::{ConfiguredIssuer, Issuers};
pub use last_logout::{LastLogout, LastLogoutRequest};
pub use metrics::{Call, Histogram, Metrics, Outcome, Tally};
pub use record_logout::{LogoutRequest, RecordedLogout, Target, TokenScope};
pub use revoke_token::{NotRevoked, Revoked};
pub use security_event::{Delivery, EventTaken};
pub use token_cache::{CacheStats, TokenCache, Verified};
pub use validate_token::{Answer, Decided, TokenRequest};

use auth0_log::Auth0Log;
use replays::Replays;
use single_use::SingleUse;

use crate::{
    domain::{Clock, Revision, Source},
    store::{Lane, Store},
};

/// How long a request waits for the revision that it asks for. A revision that is on its way arrives within
/// milliseconds; one that does not is of another store, and the caller is better told so.
const REVISION_WAIT: Duration = Duration::from_secs(2);

/// The service: everything that the doors call.
#[derive(Clone)]
pub struct Curfew {
    issuers: Arc<Issuers>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tokens: Arc<TokenCache>,
    replays: Arc<Replays>,
    auth0: Arc<Auth0Log>,
    /// The security events that were taken: their `jti` has nothing to do with that of logout tokens.
    events_seen: Arc<Replays>,
    /// The tokens by which callers showed who they are.
    callers_seen: Arc<SingleUse>,
    dead_letters: Arc<DeadLetters>,
    metrics: Arc<Metrics>,
    /// What this thread counts.
    tally: Arc<Tally>,
    /// How logouts go to the store, where callers of one thread go together.
    lane: Option<Arc<Lane>>,
}

impl Curfew {
    /// The service of these issuers, on this store, by this clock, with this cache of verified tokens.
    #[must_use]
    pub fn new(issuers: Issuers, store: Arc<dyn Store>, clock: Arc<dyn Clock>, tokens: TokenCache) -> Self {
        let metrics = Arc::new(Metrics::new(issuers.all().len()));
        Self {
            issuers: Arc::new(issuers),
            store,
            clock,
            tokens: Arc::new(tokens),
            replays: Arc::new(Replays::new()),
            auth0: Arc::new(Auth0Log::new()),
            events_seen: Arc::new(Replays::new()),
            callers_seen: Arc::default(),
            dead_letters: Arc::default(),
            tally: metrics.tally(),
            metrics,
            lane: None,
        }
    }

    /// The same service, with these dead letters in place of none.
    #[must_use]
    pub fn with_dead_letters(self, dead_letters: DeadLetters) -> Self {
        Self { dead_letters: Arc::new(dead_letters), ..self }
    }

    /// The same service for the callers of one thread, whose logouts go to the store together. The future moves them; it
    /// does not end.
    pub fn for_one_thread(&self) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let lane = Lane::new(Arc::clone(&self.store));
        let moving = Arc::clone(&lane);
        (Self { lane: Some(lane), tally: self.metrics.tally(), ..self.clone() }, async move { moving.run().await })
    }

    /// How the cache of verified tokens does.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.tokens.stats()
    }

    /// The position of the last change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.store.revision()
    }

    /// For how many scopes a logout is in force, forgotten ones among them for a while.
    #[must_use]
    pub fn cutoffs(&self) -> usize {
        self.store.view().len()
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The events that could not become a logout.
    #[must_use]
    pub const fn dead_letters(&self) -> &Arc<DeadLetters> {
        &self.dead_letters
    }

    /// Counts a request that was refused before it came to its events.
    pub fn refused(&self, source: Source) {
        self.metrics.event(source, Outcome::Refused, self.clock.now());
    }

    /// Counts how long an answer took.
    pub fn answered(&self, call: Call, after: Duration) {
        self.tally.answered(call, after);
    }

    /// Drops the verified tokens that are of no more use: expired, or verified with keys that their issuer no longer has.
    pub fn tidy(&self) {
        self.tokens.tidy(&self.issuers, self.clock.now());
    }

    /// The configured issuers.
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Whether the keys of any issuer can be used now: without, nothing can be decided.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        let now = self.clock.now();
        self.issuers.all().iter().any(|issuer| issuer.keys.current(now).is_ok_and(|keys| !keys.keys().is_empty()))
    }

    /// Waits until the store has reached a revision; returns the one that it has reached.
    async fn reach(&self, wanted: Revision) -> Result<Revision, ServiceError> {
        let reached = self.store.revision();
        if reached >= wanted {
            return Ok(reached);
        }
        match tokio::time::timeout(REVISION_WAIT, self.store.reached(wanted)).await {
            Ok(done) => done?,
            Err(_elapsed) => return Err(ServiceError::RevisionNotReached { wanted, reached: self.store.revision() }),
        }
        Ok(self.store.revision())
    }
}
