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
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering, fence},
    },
};

use arc_swap::ArcSwap;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::codec::encode_scope_into;
use crate::domain::{Instants, Scope, Timestamp};

/// Into how many parts the table is divided. A part grows by itself, within a millisecond at ten million records, while
/// the others are read and written.
const PARTS: usize = 256;

/// How many slots an empty part has.
const FIRST_SLOTS: usize = 16;

/// How full a part may become, as a fraction: more, and a lookup of what is not there takes too many steps.
const FULL: (usize, usize) = (7, 10);

/// By how much a full part grows, as a fraction. Doubling would leave it half empty, which ten million records feel.
const GROWTH: (usize, usize) = (14, 10);

/// How often a reader tries again before it lets the writer have its core.
const SPINS: u32 = 64;

/// What a scope is found by: a keyed hash of it, good for one [`View`] only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Which part, and 48 bits to tell it from others there.
    high: u64,
    /// Where in the part, and 64 bits more. Never zero.
    low: u64,
}

/// The cutoffs of all scopes, in memory.
pub struct View {
    key: [u8; 16],
    parts: ArcSwap<Vec<Arc<Part>>>,
    /// One for each part: held while it is written, never while anything is waited for.
    writing: Vec<Mutex<()>>,
}

/// The slots of some scopes. A slot is empty when its first word is zero; a slot with a hash and no instants stands for
/// a scope that was forgotten, and goes when the part grows.
struct Part {
    /// Odd while a writer is at work; every change makes it another.
    version: AtomicU64,
    used: AtomicUsize,
    slots: Box<[Slot]>,
}

/// The low half of the hash; 48 bits of the high half and 16 of the authentication; the live and the late instant with 16
/// bits more of the authentication each.
#[derive(Default)]
struct Slot([AtomicU64; 4]);

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
        let parts = (0..PARTS).map(|_| Arc::new(Part::new(FIRST_SLOTS))).collect();
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
            let first = part.slots.get(part.place(scope))?;
            Some((part, scope, first.0[0].load(Ordering::Relaxed)))
        });
        near.map(|found| match found {
            // Most scopes have no cutoff, and most of these no neighbour: nothing was there, and that is that.
            None | Some((_, _, 0)) => Instants::default(),
            Some((part, scope, _)) => part.find(scope),
        })
    }

    /// The cutoff of one scope.
    pub(super) fn look_up_one(&self, scope: Fingerprint) -> Instants {
        let [found] = self.look_up([Some(scope)]);
        found
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
        self.parts.load().iter().map(|part| part.used.load(Ordering::Relaxed)).sum()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes its slots take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.load().iter().map(|part| part.slots.len() * size_of::<Slot>()).sum()
    }
}

impl Fingerprint {
    const fn part(self) -> usize {
        (self.high >> 56) as usize % PARTS
    }

    /// The bits that are compared beside `low`.
    const fn rest(self) -> u64 {
        self.high << 16
    }
}

impl Part {
    fn new(slots: usize) -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(slots).collect();
        Self { version: AtomicU64::new(0), used: AtomicUsize::new(0), slots }
    }

    /// Where the search for a scope begins: its hash, scaled to the number of slots.
    #[allow(clippy::cast_possible_truncation, reason = "less than the number of slots")]
    const fn place(&self, scope: Fingerprint) -> usize {
        ((scope.low as u128 * self.slots.len() as u128) >> 64) as usize
    }

    /// The slots from a scope's own on, around the end; there is always an empty one.
    fn from(&self, scope: Fingerprint) -> impl Iterator<Item = &Slot> {
        let (before, after) = self.slots.split_at(self.place(scope));
        after.iter().chain(before)
    }

    fn find(&self, scope: Fingerprint) -> Instants {
        let mut spins = 0;
        loop {
            let version = self.version.load(Ordering::Acquire);
            if version.is_multiple_of(2) {
                let found = self.from(scope).find_map(|slot| slot.read(scope)).unwrap_or_default();
                fence(Ordering::Acquire);
                if self.version.load(Ordering::Relaxed) == version {
                    return found;
                }
            }
            spins += 1;
            if spins % SPINS == 0 { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }

    /// Whether there was room. The caller is the only writer.
    fn set(&self, scope: Fingerprint, instants: Instants) -> bool {
        let Some(slot) = self.from(scope).find(|slot| slot.is_empty() || slot.is_of(scope)) else { return false };
        if slot.is_empty() {
            if instants == Instants::default() {
                return true;
            }
            let used = self.used.load(Ordering::Relaxed) + 1;
            if used * FULL.1 > self.slots.len() * FULL.0 {
                return false;
            }
            self.used.store(used, Ordering::Relaxed);
        }
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        slot.write(scope.low, scope.rest(), instants);
        self.version.store(version + 2, Ordering::Release);
        true
    }

    /// A larger one with the same content, without what was forgotten.
    fn grown(&self) -> Self {
        let kept = || self.slots.iter().filter(|slot| !slot.is_empty() && slot.instants() != Instants::default());
        let wanted = (kept().count() + 1) * GROWTH.0 / GROWTH.1 * FULL.1 / FULL.0;
        let grown = Self::new(wanted.max(FIRST_SLOTS));
        for slot in kept() {
            let [low, rest, ..] = &slot.0;
            let scope = Fingerprint { low: low.load(Ordering::Relaxed), high: rest.load(Ordering::Relaxed) >> 16 };
            grown.set(scope, slot.instants());
        }
        grown
    }
}

impl Slot {
    fn is_empty(&self) -> bool {
        self.0[0].load(Ordering::Relaxed) == 0
    }

    fn is_of(&self, scope: Fingerprint) -> bool {
        let [low, rest, ..] = &self.0;
        low.load(Ordering::Relaxed) == scope.low && rest.load(Ordering::Relaxed) & !0xffff == scope.rest()
    }

    /// The search's next step: an answer at the scope's own slot, or at an empty one; none to go on.
    fn read(&self, scope: Fingerprint) -> Option<Instants> {
        if self.is_empty() {
            return Some(Instants::default());
        }
        self.is_of(scope).then(|| self.instants())
    }

    fn instants(&self) -> Instants {
        let [_, rest, live, late] = self.0.each_ref().map(|word| word.load(Ordering::Relaxed));
        let authentication = (rest & 0xffff) << 32 | (live & 0xffff) << 16 | late & 0xffff;
        Instants { live: unpacked(live >> 16), late: unpacked(late >> 16), authentication: unpacked(authentication) }
    }

    fn write(&self, low: u64, rest: u64, instants: Instants) {
        let [live, late, authentication] = [instants.live, instants.late, instants.authentication].map(packed);
        let words = [
            low,
            rest | authentication >> 32,
            live << 16 | authentication >> 16 & 0xffff,
            late << 16 | authentication & 0xffff,
        ];
        for (word, value) in self.0.iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
    }
}

/// An instant in 48 bits: the year 9999 is less than 2^48 milliseconds away. Zero is none.
fn packed(instant: Option<Timestamp>) -> u64 {
    instant.map_or(0, |instant| instant.as_millis().unsigned_abs() + 1)
}

fn unpacked(bits: u64) -> Option<Timestamp> {
    let millis = i64::try_from(bits.checked_sub(1)?).ok()?;
    Timestamp::from_millis(millis).ok()
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
