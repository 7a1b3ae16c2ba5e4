//! What several tests need: a clock set by hand, and short ways to the vocabulary.

use std::sync::atomic::{AtomicI64, Ordering};

use curfew::domain::{Clock, Timestamp};

/// A clock that stands still until it is set.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// At so many milliseconds after 1970.
    pub const fn at(millis: i64) -> Self {
        Self(AtomicI64::new(millis))
    }

    /// Sets it.
    pub fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}
