//! What the writer, the thread that syncs and the readers share: the view, how far it goes, and how the store is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use ::sled::Tree;
use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tracing::{error, warn};

use super::database::WriteError;
use crate::{
    domain::Revision,
    store::{Status, StoreError, View},
};

/// What the writer and the readers share.
pub(super) struct Shared {
    pub(super) view: View,
    /// The tree to read; none while the database is being opened anew, or closed.
    pub(super) tree: ArcSwapOption<Tree>,
    /// For those who wait for one; who asks for the present one reads the number beside it.
    pub(super) revision: watch::Sender<Revision>,
    pub(super) reached: AtomicU64,
    /// How many logouts wait for the writer.
    pub(super) waiting: AtomicUsize,
    pub(super) status: watch::Sender<Status>,
}

impl Shared {
    /// What is durable and shown now goes this far.
    pub(super) fn reach(&self, revision: Revision) {
        self.reached.store(revision.0, Ordering::Release);
        self.revision.send_if_modified(|reached| std::mem::replace(reached, revision) != revision);
    }

    /// Nothing is acknowledged any more.
    pub(super) fn fail(&self, error: WriteError) {
        let status = match error {
            WriteError::Write(reason) => {
                warn!(%reason, "the store failed: refusing logouts, and trying to open it anew");
                Status::Failed(reason)
            }
            WriteError::Sync(reason) => {
                error!(%reason, "the store failed and must not be written any more: restart Curfew");
                Status::Broken(reason)
            }
        };
        // A store that must not be written any more stays so.
        self.status.send_if_modified(|now| {
            let worse = !matches!(now, Status::Broken(_));
            if worse {
                *now = status;
            }
            worse
        });
    }

    /// What is said to those who are refused.
    pub(super) fn unavailable(&self) -> StoreError {
        match &*self.status.borrow() {
            Status::Failed(reason) | Status::Broken(reason) => StoreError::Unavailable(Arc::clone(reason)),
            Status::Ready => StoreError::Unavailable("it is being opened".into()),
            Status::Closed => StoreError::Closed,
        }
    }
}
