//! A store in memory, as plain as can be: the model that the laws hold the others against, and a store for tests.
//!
//! It forgets everything when the process ends.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    Answers, Forgettable, Status, Store, StoreError, View, Work,
    stamp::{latest, recorded},
};
use crate::domain::{Instants, NewLogout, Record, Recorded, Revision, Scope, Timestamp};

/// A store in memory.
pub struct MemoryStore {
    /// One lock for all, held for the length of one operation and never across an await.
    records: Mutex<BTreeMap<Scope, Record>>,
    view: View,
    revision: watch::Sender<Revision>,
    status: watch::Sender<Status>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            records: Mutex::default(),
            // Nobody else is in this process, from whom it would have to be kept.
            view: View::with_key([0; 16]),
            revision: watch::Sender::new(Revision(0)),
            status: watch::Sender::new(Status::Ready),
        }
    }

    fn records(&self) -> Result<MutexGuard<'_, BTreeMap<Scope, Record>>, StoreError> {
        if *self.status.borrow() == Status::Closed {
            return Err(StoreError::Closed);
        }
        // No operation leaves the map half changed, so that a panic elsewhere does not spoil it.
        Ok(self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn record_now(&self, logout: NewLogout) -> Result<Recorded, StoreError> {
        let mut records = self.records()?;
        let known = records.get(&logout.scope).copied();
        let latest = latest_of_the_same(&records, &logout.scope);
        let next = Revision(self.revision.borrow().0 + 1);
        let recorded = recorded(known, latest, &logout, next);
        if recorded.record.revision == next {
            self.view.set(self.view.fingerprint(&logout.scope), recorded.record.cutoff.instants());
            records.insert(logout.scope, recorded.record);
            self.revision.send_replace(next);
        }
        Ok(recorded)
    }
}

/// The latest logout of the scope; for a subject, of the subject at any client too.
fn latest_of_the_same(records: &BTreeMap<Scope, Record>, scope: &Scope) -> Option<Timestamp> {
    let subject_of = |scope: &Scope| match scope {
        Scope::Subject(issuer, subject) | Scope::SubjectAtClient(issuer, subject, _) => {
            Some((issuer.clone(), subject.clone()))
        }
        _ => None,
    };
    let same = |other: &Scope| other == scope || subject_of(other).is_some_and(|of| Some(of) == subject_of(scope));
    records.iter().filter(|(other, _)| same(other)).filter_map(|(_, record)| latest(&record.cutoff)).max()
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn record(&self, logout: NewLogout) -> Work<'_, Recorded> {
        Box::pin(async move { self.record_now(logout) })
    }

    fn record_together(&self, logouts: Vec<NewLogout>) -> Answers<'_> {
        Box::pin(async move { logouts.into_iter().map(|logout| self.record_now(logout)).collect() })
    }

    fn view(&self) -> &View {
        &self.view
    }

    fn get(&self, scope: &Scope) -> Result<Option<Record>, StoreError> {
        Ok(self.records()?.get(scope).copied())
    }

    fn revision(&self) -> Revision {
        *self.revision.borrow()
    }

    fn reached(&self, revision: Revision) -> Work<'_, ()> {
        let mut changes = self.revision.subscribe();
        Box::pin(async move {
            changes.wait_for(|reached| *reached >= revision).await.map(|_| ()).map_err(|_| StoreError::Closed)
        })
    }

    fn forget(&self, forgettable: Forgettable) -> Work<'_, u64> {
        Box::pin(async move {
            let mut records = self.records()?;
            let before = records.len();
            records.retain(|scope, record| {
                let forgotten = forgettable(scope, record);
                if forgotten {
                    self.view.set(self.view.fingerprint(scope), Instants::default());
                }
                !forgotten
            });
            Ok(u64::try_from(before - records.len()).unwrap_or(u64::MAX))
        })
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    fn close(&self) -> Work<'_, ()> {
        Box::pin(async move {
            self.status.send_replace(Status::Closed);
            Ok(())
        })
    }
}
