//! The logouts of one thread's callers, on their way to the store together and back together.
//!
//! The store's writer lives on a thread of its own, and to wake a caller on another thread takes a system call and often
//! an interrupt. So a thread's callers hand their logouts to one task of that thread; it takes all that have gathered to
//! the store at once, and wakes them all when the one answer is there.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, oneshot};

use super::{Store, StoreError};
use crate::domain::{NewLogout, Recorded};

/// Whom to tell what came of a logout.
type Caller = oneshot::Sender<Result<Recorded, StoreError>>;

/// A way to the store for the callers of one thread.
pub struct Lane {
    store: Arc<dyn Store>,
    /// Locked only to add one or take all; in practice by one thread alone. Its length is bounded by the calls in flight.
    gathered: Mutex<Vec<(NewLogout, Caller)>>,
    more: Notify,
}

impl Lane {
    /// A way to this store; nothing moves on it until [`Lane::run`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, gathered: Mutex::default(), more: Notify::new() })
    }

    /// As [`Store::record`].
    ///
    /// # Errors
    /// As [`Store::record`]; [`StoreError::Closed`] when nothing moves any more.
    pub async fn record(&self, logout: NewLogout) -> Result<Recorded, StoreError> {
        let (caller, answer) = oneshot::channel();
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).push((logout, caller));
        self.more.notify_one();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Moves logouts and answers, until it is dropped.
    pub async fn run(&self) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = self.more.notified() => {
                    let gathered = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
                    let (logouts, callers): (Vec<_>, Vec<Caller>) = gathered.into_iter().unzip();
                    if !callers.is_empty() {
                        let recording = self.store.record_together(logouts);
                        under_way.push(async move { (callers, recording.await) });
                    }
                }
                Some((callers, answers)) = under_way.next() => {
                    for (caller, answer) in callers.into_iter().zip(answers) {
                        // A caller who no longer listens is no fault.
                        drop(caller.send(answer));
                    }
                }
            }
        }
    }
}
