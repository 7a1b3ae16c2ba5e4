//! The requests that are arriving at one worker: how many there may be, and how much of them may be held.
//!
//! When there are too many, the one that began first has to go, not the one that came last: an honest client's request is
//! here within moments, and those that were never going to end must not keep it out.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Waker,
};

use futures_util::task::AtomicWaker;

/// The requests that are arriving.
#[derive(Debug)]
pub(super) struct Arrivals {
    most: usize,
    most_bytes: usize,
    bytes: AtomicUsize,
    /// In the order in which they began. Locked only to add or remove one, by one thread.
    late: Mutex<Late>,
}

#[derive(Debug, Default)]
struct Late {
    next: u64,
    by_number: BTreeMap<u64, Arc<Arrival>>,
}

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    number: u64,
    sent_away: AtomicBool,
    waker: AtomicWaker,
}

impl Arrivals {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, bytes: AtomicUsize::new(0), late: Mutex::default() }
    }

    fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more is late. Where there are too many, the first of them is sent away.
    pub(super) fn add(&self) -> Arc<Arrival> {
        let mut late = self.late();
        let number = late.next;
        late.next += 1;
        let arrival = Arc::new(Arrival { number, ..Arrival::default() });
        late.by_number.insert(number, Arc::clone(&arrival));
        if late.by_number.len() > self.most
            && let Some((_, first)) = late.by_number.pop_first()
        {
            first.sent_away.store(true, Ordering::Release);
            first.waker.wake();
        }
        arrival
    }

    /// It is here, or given up.
    pub(super) fn remove(&self, arrival: &Arrival) {
        self.late().by_number.remove(&arrival.number);
    }

    /// Whether so many bytes more may be held; counts them if so.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        // One thread alone counts, so that nothing is added between looking and adding.
        let fits = self.bytes.load(Ordering::Relaxed) + bytes <= self.most_bytes;
        if fits {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// They are no longer held.
    pub(super) fn let_go(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Arrival {
    /// Whether it has to go; if not, the task is woken when it has to.
    pub(super) fn is_sent_away(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.sent_away.load(Ordering::Acquire)
    }
}
