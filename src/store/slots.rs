//! The slots of a [`View`](super::View): where the cutoffs are, and how they are read while they are written.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use crate::domain::{Instants, Timestamp};

/// Into how many parts the table is divided. A part grows by itself, within a millisecond at ten million records, while
/// the others are read and written.
pub(super) const PARTS: usize = 256;

/// How many slots an empty part has.
const FIRST_SLOTS: usize = 16;

/// How many slots follow after those that scopes begin at, so that the last ones need not go around the end.
const BEYOND: usize = 16;

/// How full a part may become, as a fraction: more, and a lookup of what is not there takes too many steps.
const FULL: (usize, usize) = (7, 10);

/// By how much a full part grows, as a fraction. Doubling would leave it half empty, which ten million records feel.
const GROWTH: (usize, usize) = (14, 10);

/// How often a reader tries again before it lets the writer have its core.
const SPINS: u32 = 64;

/// What a scope is found by: a keyed hash of it, good for one [`View`](super::View) only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Which part, and 48 bits to tell it from others there.
    pub(super) high: u64,
    /// Where in the part, and 64 bits more. Never zero.
    pub(super) low: u64,
}

/// The slots of some scopes. A slot is empty when its first word is zero; a slot with a hash and no instants stands for
/// a scope that was forgotten, and goes when the part grows.
///
/// A scope is at its place or behind it, with no empty slot between, and neighbours stand in the order of their first
/// words. So a search for what is not there, which most are, ends at the first slot that is empty or has a greater word,
/// and that is nearly always the very first. Once a slot is taken, its first word only ever becomes less, so that such an
/// answer holds whatever a writer does meanwhile.
pub(super) struct Part {
    /// Odd while a writer is at work; every change makes it another.
    version: AtomicU64,
    used: AtomicUsize,
    slots: Box<[Slot]>,
}

/// The low half of the hash; 48 bits of the high half and 16 of the authentication; the live and the late instant with 16
/// bits more of the authentication each.
#[derive(Default)]
struct Slot([AtomicU64; 4]);

impl Fingerprint {
    pub(super) const fn part(self) -> usize {
        (self.high >> 56) as usize % PARTS
    }

    /// The bits that are compared beside `low`.
    const fn rest(self) -> u64 {
        self.high << 16
    }
}

impl Part {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self::with(FIRST_SLOTS)
    }

    /// How many slots are taken.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// How many bytes its slots take.
    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    /// Whether a look at a scope's place alone says that it is not there.
    pub(super) fn is_surely_absent(&self, scope: Fingerprint) -> bool {
        self.from(scope).first().is_none_or(|slot| slot.ends_search(scope))
    }

    fn with(slots: usize) -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(slots + BEYOND).collect();
        Self { version: AtomicU64::new(0), used: AtomicUsize::new(0), slots }
    }

    /// Where the search for a scope begins: its hash, scaled to the number of slots.
    #[allow(clippy::cast_possible_truncation, reason = "less than the number of slots")]
    const fn place(&self, scope: Fingerprint) -> usize {
        ((scope.low as u128 * self.places() as u128) >> 64) as usize
    }

    /// In how many slots scopes begin.
    const fn places(&self) -> usize {
        self.slots.len() - BEYOND
    }

    /// The slots from a scope's own on.
    fn from(&self, scope: Fingerprint) -> &[Slot] {
        self.slots.get(self.place(scope)..).unwrap_or_default()
    }

    /// The cutoff of a scope.
    pub(super) fn find(&self, scope: Fingerprint) -> Instants {
        let mut spins = 0;
        loop {
            let version = self.version.load(Ordering::Acquire);
            if version.is_multiple_of(2) {
                let found = self.from(scope).iter().find_map(|slot| slot.read(scope)).unwrap_or_default();
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
    pub(super) fn set(&self, scope: Fingerprint, instants: Instants) -> bool {
        let slots = self.from(scope);
        let Some(at) = slots.iter().position(|slot| slot.is_of(scope) || slot.ends_search(scope)) else { return false };
        let Some(slots) = slots.get(at..) else { return false };
        let is_new = !slots.first().is_some_and(|slot| slot.is_of(scope));
        // Those in the way move on by one, up to the next empty slot.
        let moved = if is_new { slots.iter().position(Slot::is_empty) } else { Some(0) };
        let Some(moved) = moved else { return false };
        if is_new {
            if instants == Instants::default() {
                return true;
            }
            let used = self.used.load(Ordering::Relaxed) + 1;
            if used * FULL.1 > self.places() * FULL.0 {
                return false;
            }
            self.used.store(used, Ordering::Relaxed);
        }
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        // From the end, so that none is ever missing.
        for pair in slots.windows(2).take(moved).rev() {
            if let [from, to] = pair {
                to.copy(from);
            }
        }
        if let Some(slot) = slots.first() {
            slot.write(scope.low, scope.rest(), instants);
        }
        self.version.store(version + 2, Ordering::Release);
        true
    }

    /// A larger one with the same content, without what was forgotten.
    pub(super) fn grown(&self) -> Self {
        let kept = || self.slots.iter().filter(|slot| !slot.is_empty() && slot.instants() != Instants::default());
        let wanted = (kept().count() + 1) * GROWTH.0 / GROWTH.1 * FULL.1 / FULL.0;
        let mut slots = wanted.max(FIRST_SLOTS);
        loop {
            let grown = Self::with(slots);
            if kept().all(|slot| grown.set(slot.scope(), slot.instants())) {
                return grown;
            }
            // By chance, too many stand at the very end.
            slots += slots / 8 + 1;
        }
    }
}

impl Slot {
    fn is_empty(&self) -> bool {
        self.0[0].load(Ordering::Relaxed) == 0
    }

    /// Whether a scope that was not met before this slot is not there at all.
    fn ends_search(&self, scope: Fingerprint) -> bool {
        let low = self.0[0].load(Ordering::Relaxed);
        low == 0 || low > scope.low
    }

    /// The scope that it is of, as far as its part tells scopes apart.
    fn scope(&self) -> Fingerprint {
        let [low, rest, ..] = self.0.each_ref().map(|word| word.load(Ordering::Relaxed));
        Fingerprint { low, high: rest >> 16 }
    }

    fn copy(&self, from: &Self) {
        for (to, from) in self.0.iter().zip(&from.0) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    fn is_of(&self, scope: Fingerprint) -> bool {
        let [low, rest, ..] = &self.0;
        low.load(Ordering::Relaxed) == scope.low && rest.load(Ordering::Relaxed) & !0xffff == scope.rest()
    }

    /// The search's next step: an answer where it ends; none to go on.
    fn read(&self, scope: Fingerprint) -> Option<Instants> {
        if self.ends_search(scope) {
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
#[path = "slots_tests.rs"]
mod tests;
