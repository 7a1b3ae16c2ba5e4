//! The tokens that brought logouts, as long as they are good, so that one that comes again is known.
//!
//! To record a logout twice is harmless. To see that somebody sends it again and again is not without interest, and the
//! standards advise to remember.

use quick_cache::sync::Cache;

use crate::domain::{Issuer, Timestamp, TokenId};

/// How many are remembered; more push out the oldest, whose second coming is then recorded once more.
const MOST: usize = 65_536;

/// The tokens that were seen, and from when on each is no longer good.
pub(super) struct Replays(Cache<(Issuer, TokenId), Timestamp>);

impl Replays {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// Whether it came before.
    pub(super) fn has(&self, issuer: &Issuer, token: &TokenId, now: Timestamp) -> bool {
        self.0.get(&(issuer.clone(), token.clone())).is_some_and(|ends| ends > now)
    }

    /// Remembers one whose logout is durable.
    pub(super) fn remember(&self, issuer: Issuer, token: TokenId, ends: Timestamp) {
        self.0.insert((issuer, token), ends);
    }
}
