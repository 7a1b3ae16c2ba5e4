//! Remembers logouts: the contract of a store, and its backends.
//!
//! A backend keeps, for every scope, the join of all logouts recorded for it; and the instants of all of them in memory,
//! in a [`View`], which is all that a check needs. What must hold is said on the trait and examined by one set of laws
//! (`tests/it/laws.rs`) that every backend sits.

mod codec;
mod files;
mod lane;
mod line_file;
mod memory;
mod sled;
mod slots;
mod stamp;
mod view;

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::watch;

pub use codec::{DecodeError, FORMAT, decode_record, decode_scope, encode_record, encode_scope};
pub use files::{read_small_file, replace_small_file};
pub use lane::Lane;
pub use line_file::LineFile;
pub use memory::MemoryStore;
pub use sled::{OpenError, SledStore};
pub use slots::Fingerprint;
pub use view::View;

use crate::domain::{NewLogout, Record, Recorded, Revision, Scope};

/// Work that a store does for a caller, who may drop it at any time: then it happens wholly or not at all.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What came of several logouts, in their order.
pub type Answers<'a> = Pin<Box<dyn Future<Output = Vec<Result<Recorded, StoreError>>> + Send + 'a>>;

/// Says of a record whether it can be forgotten.
pub type Forgettable = Arc<dyn Fn(&Scope, &Record) -> bool + Send + Sync>;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting to be written. Nothing was recorded; try again shortly.
    #[error("too many logouts are waiting to be written")]
    Overloaded,
    /// It cannot read or write. Whether what was asked has happened is not known: it may be recorded or not, and asking
    /// again is harmless.
    #[error("the store is not available: {0}")]
    Unavailable(Arc<str>),
    /// It was closed.
    #[error("the store is closed")]
    Closed,
}

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It reads and writes.
    Ready,
    /// It does not, and tries to recover by itself.
    Failed(Arc<str>),
    /// It does not, and cannot vouch for what it would write: the process must be started anew.
    Broken(Arc<str>),
    /// It was closed.
    Closed,
}

/// Keeps logouts.
pub trait Store: Send + Sync + 'static {
    /// Records a logout: joins it to what is known of its scope, and returns only when that is durable.
    ///
    /// A logout for now ([`crate::domain::When`]) is stamped with its `record_time`, or, where the store knows of a
    /// logout of the same scope (for a subject also: of the subject at any client) that is not earlier, one millisecond
    /// after that: a clock that was set back must not let a second logout go unnoticed.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Unavailable`] it may yet have been recorded.
    fn record(&self, logout: NewLogout) -> Work<'_, Recorded>;

    /// Records several logouts, each as [`Store::record`] does, one after the other. All are answered at once.
    fn record_together(&self, logouts: Vec<NewLogout>) -> Answers<'_>;

    /// The cutoffs of all scopes, in memory: at any time the instants of what [`Store::get`] would answer, also while the
    /// store cannot read or write. Includes at least everything up to [`Store::revision`] as read before.
    fn view(&self) -> &View;

    /// All that is known of a scope: exactly this one. None: it was never logged out, or that is long forgotten. Includes
    /// at least everything up to [`Store::revision`] as read before. Reads the disk, if need be.
    ///
    /// # Errors
    /// [`StoreError`]: it is not known.
    fn get(&self, scope: &Scope) -> Result<Option<Record>, StoreError>;

    /// The last change that is durable and visible. Never goes back, not even over a restart.
    fn revision(&self) -> Revision;

    /// Waits until a revision is reached, for ever if need be.
    ///
    /// # Errors
    /// [`StoreError::Closed`].
    fn reached(&self, revision: Revision) -> Work<'_, ()>;

    /// Removes every record that can be forgotten, little by little so that writers hardly notice. Each is asked about
    /// again at the moment of its removal. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been removed.
    fn forget(&self, forgettable: Forgettable) -> Work<'_, u64>;

    /// How it is, now and from now on.
    fn status(&self) -> watch::Receiver<Status>;

    /// Finishes what it was given, and lets go of its files. Everything asked of it afterwards is
    /// [`StoreError::Closed`].
    fn close(&self) -> Work<'_, ()>;
}
