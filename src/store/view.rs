//! The cutoffs in memory: what a check reads instead of the disk.
//!
//! A flat table of slots of 32 bytes: a keyed hash of the scope, and the three instants of its cutoff. One check looks up
//! all scopes of a token together, in a few hundred nanoseconds at ten million records, and takes no lock.
//!
//! The hash has 119 bits and a random key of this process, so that nobody can make two scopes meet, and chance hardly
//! will: with ten million records and a million checks a second it takes 100,000 times the age of the universe.
//!
//! Writers are serialised by part; readers retry in the rare case that a writer was at work in the very part they read.

use std::{
    hash::Hasher,
    hint::black_box,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{
    codec::encode_scope_into,
    slots::{Fingerprint, PARTS, Part},
};
use crate::domain::{Instants, Scope};

/// The cutoffs of all scopes, in memory.
pub struct View {
    key: [u8; 16],
    parts: ArcSwap<Vec<Arc<Part>>>,
    /// One for each part: held while it is written, never while anything is waited for.
    writing: Vec<Mutex<()>>,
}

impl View {
    /// An empty one, with a key of its own.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)?;
        Ok(Self::with_key(key))
    }

    /// An empty one with this key, which nobody else must know.
    pub(super) fn with_key(key: [u8; 16]) -> Self {
        let parts = (0..PARTS).map(|_| Arc::new(Part::new())).collect();
        let writing = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { key, parts: ArcSwap::from_pointee(parts), writing }
    }

    /// What a scope is found by.
    #[must_use]
    pub fn fingerprint(&self, scope: &Scope) -> Fingerprint {
        let mut key = Vec::with_capacity(128);
        encode_scope_into(scope, &mut key);
        self.fingerprint_of(&key)
    }

    /// What the scope with this key on disk is found by. No two scopes have the same.
    pub(super) fn fingerprint_of(&self, key: &[u8]) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(key);
        let hash = hasher.finish128();
        Fingerprint { high: hash.h2, low: hash.h1 | 1 }
    }

    /// The cutoffs of some scopes together; the default one of what was never logged out, and for none.
    #[must_use]
    pub fn look_up<const N: usize>(&self, scopes: [Option<Fingerprint>; N]) -> [Instants; N] {
        let parts = self.parts.load();
        // First every place is read once and nothing waited for, so that the memory brings them all at the same time.
        let near: [_; N] = std::array::from_fn(|index| {
            let (part, scope) =
                scopes.get(index).copied().flatten().and_then(|scope| Some((parts.get(scope.part())?, scope)))?;
            Some((part, scope, part.is_surely_absent(scope)))
        });
        near.map(|found| match found {
            None | Some((_, _, true)) => Instants::default(),
            Some((part, scope, false)) => part.find(scope),
        })
    }

    /// The cutoff of one scope.
    pub(super) fn look_up_one(&self, scope: Fingerprint) -> Instants {
        let [found] = self.look_up([Some(scope)]);
        found
    }

    /// Has the memory bring the places of some scopes, all at the same time, for whoever is about to set them.
    pub(super) fn bring(&self, scopes: impl Iterator<Item = Fingerprint>) {
        let parts = self.parts.load();
        for scope in scopes {
            black_box(parts.get(scope.part()).map(|part| part.is_surely_absent(scope)));
        }
    }

    /// Sets the cutoff of a scope; the default one forgets it.
    pub(super) fn set(&self, scope: Fingerprint, instants: Instants) {
        self.change(scope, |_| instants);
    }

    /// Joins a cutoff to that of a scope.
    pub(super) fn join(&self, scope: Fingerprint, instants: Instants) {
        self.change(scope, |before| before.join(instants));
    }

    fn change(&self, scope: Fingerprint, change: impl Fn(Instants) -> Instants) {
        let (Some(writing), index) = (self.writing.get(scope.part()), scope.part()) else { return };
        let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let parts = self.parts.load();
            let Some(part) = parts.get(index) else { return };
            if part.set(scope, change(part.find(scope))) {
                return;
            }
            let grown = Arc::new(part.grown());
            self.parts.rcu(|parts| {
                let mut parts = Vec::clone(parts);
                if let Some(part) = parts.get_mut(index) {
                    *part = Arc::clone(&grown);
                }
                parts
            });
        }
    }

    /// How many scopes it knows, forgotten ones among them until their part grows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.load().iter().map(|part| part.used()).sum()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes its slots take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.load().iter().map(|part| part.bytes()).sum()
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
