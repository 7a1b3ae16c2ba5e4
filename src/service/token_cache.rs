//! Tokens whose signature was verified, so that it need not be verified again while their keys are trusted.
//!
//! No verdict is kept: times, audiences and logouts are decided anew on every call. A token is found by its whole text, so
//! that no two can be confused, whatever anybody sends; and only what an issuer has signed gets in. An entry is good only
//! with the very key set that it was verified with: when an issuer's keys change, its tokens are verified anew.

use std::{
    fmt,
    hint::black_box,
    sync::{Arc, OnceLock},
};

use quick_cache::{Weighter, sync::Cache};

use super::{ConfiguredIssuer, Issuers};
use crate::{
    domain::{KeyId, Timestamp},
    store::Fingerprint,
    token::{Claims, KeySet, NumericDate, VerifiedToken},
};

/// What an entry takes beside the bytes that are counted: the library's own, and the allocator's.
const OVERHEAD: u64 = 160;

/// A mean token, to guess how many entries the bytes are good for.
const MEAN_BYTES: u64 = 1600;

/// A token whose signature holds, and what is needed to decide on it.
pub struct Verified {
    /// Whose it is.
    pub issuer: Arc<ConfiguredIssuer>,
    /// What it says, and the key that signed it.
    pub token: VerifiedToken,
    /// The keys among which that one was.
    pub(super) keys: Arc<KeySet>,
    /// What a door makes of it for its answers, which say the same of the token every time.
    pub written: OnceLock<Box<[u8]>>,
    /// The scopes that cover it, in the order of [`crate::token::Cutoffs`]; none where it names none.
    pub(super) scopes: [Option<Fingerprint>; 7],
}

impl Verified {
    /// Has the memory bring all that an answer needs of it at the same time, rather than one thing after the other.
    fn bring(&self) {
        let claims = &self.token.claims;
        let audience = claims.audiences.first().and_then(|audience| audience.as_bytes().first());
        let written = self.written.get();
        let ends = written.and_then(|written| written.first().zip(written.last()));
        black_box((audience, ends, self.scopes.first(), self.scopes.last(), claims.expires, &self.issuer.name));
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("issuer", &self.issuer.name)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// How the cache does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// How often a token was found.
    pub hits: u64,
    /// How often it had to be verified.
    pub misses: u64,
    /// How many tokens it has.
    pub tokens: u64,
    /// How many bytes they take.
    pub bytes: u64,
}

/// Verified tokens, up to a number of bytes.
pub struct TokenCache {
    tokens: Option<Cache<Box<[u8]>, Arc<Verified>, Bytes>>,
}

/// Counts what an entry takes.
#[derive(Debug, Clone, Copy)]
struct Bytes;

impl Weighter<Box<[u8]>, Arc<Verified>> for Bytes {
    fn weight(&self, raw_token: &Box<[u8]>, verified: &Arc<Verified>) -> u64 {
        let names = claims_bytes(&verified.token.claims);
        // The names twice: in the claims, and in what a door writes.
        (raw_token.len() + size_of::<Verified>() + 2 * names) as u64 + OVERHEAD
    }
}

/// What the texts of the claims take; the issuer's is shared.
fn claims_bytes(claims: &Claims) -> usize {
    let ids = [
        claims.subject.as_ref().map(|id| id.as_str()),
        claims.token_id.as_ref().map(|id| id.as_str()),
        claims.session_id.as_ref().map(|id| id.as_str()),
        claims.client_id.as_ref().map(|id| id.as_str()),
    ];
    let arc = 2 * size_of::<usize>();
    let ids: usize = ids.into_iter().flatten().map(|id| id.len() + arc).sum();
    ids + claims.audiences.iter().map(|audience| audience.len() + size_of::<String>()).sum::<usize>()
}

impl TokenCache {
    /// A cache of at most so many bytes; none at all for zero.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let entries = usize::try_from(bytes / MEAN_BYTES).unwrap_or(usize::MAX).max(16);
        Self { tokens: (bytes > 0).then(|| Cache::with_weighter(entries, bytes, Bytes)) }
    }

    /// The token, if it was verified with keys that are still the issuer's.
    pub(super) fn get(&self, raw_token: &[u8]) -> Option<Arc<Verified>> {
        let found = self.tokens.as_ref()?.get(raw_token)?;
        found.bring();
        Some(found)
    }

    pub(super) fn insert(&self, raw_token: &[u8], verified: &Arc<Verified>) {
        if let Some(tokens) = &self.tokens {
            tokens.insert(raw_token.into(), Arc::clone(verified));
        }
    }

    pub(super) fn remove(&self, raw_token: &[u8]) {
        if let Some(tokens) = &self.tokens {
            tokens.remove(raw_token);
        }
    }

    /// Drops the tokens of a key of an issuer.
    pub(super) fn remove_key(&self, issuer: &ConfiguredIssuer, key: &KeyId) {
        self.retain(|verified| {
            verified.issuer.rules.issuer != issuer.rules.issuer || verified.token.key_id.as_ref() != Some(key)
        });
    }

    /// Drops what has expired, and what was verified with keys that are no longer current.
    pub(super) fn tidy(&self, issuers: &Issuers, now: Timestamp) {
        let current: Vec<_> = issuers.all().iter().filter_map(|issuer| issuer.keys.current(now).ok()).collect();
        self.retain(|verified| {
            let alive = |NumericDate(expires): NumericDate| expires.plus(verified.issuer.rules.leeway) > now;
            verified.token.claims.expires.is_some_and(alive)
                && current.iter().any(|keys| Arc::ptr_eq(keys, &verified.keys))
        });
    }

    fn retain(&self, keep: impl Fn(&Verified) -> bool) {
        if let Some(tokens) = &self.tokens {
            tokens.retain(|_, verified| keep(verified));
        }
    }

    /// How it does.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.tokens.as_ref().map_or_else(CacheStats::default, |tokens| CacheStats {
            hits: tokens.hits(),
            misses: tokens.misses(),
            tokens: tokens.len() as u64,
            bytes: tokens.weight(),
        })
    }
}
