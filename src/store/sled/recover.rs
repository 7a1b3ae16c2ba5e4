//! What the writer does between batches: it remembers how far the database is, tries whether writing works, and opens the
//! database anew where it did not.

use std::{sync::Arc, time::Instant};

use tracing::{info, warn};

use super::{
    database::{Database, WriteError},
    show::{Shown, show},
    writer::Writer,
};
use crate::{
    domain::Revision,
    store::{Status, codec::decode_record},
};

impl Writer {
    /// Remembers outside of the database how far it is. Not being able to is no reason to refuse logouts.
    pub(super) fn mark(&mut self) {
        let revision = *self.shared.revision.borrow();
        if let (true, Some(database)) = (revision > self.marked, &self.database) {
            match database.mark(revision) {
                Ok(()) => self.marked = revision,
                Err(error) => warn!(%error, "the store's watermark could not be written"),
            }
        }
    }

    /// Finds out whether writing works where nobody wrote, or works again where it did not.
    pub(super) fn probe(&mut self) {
        self.settle();
        self.last_probe = Instant::now();
        let status = self.shared.status.borrow().clone();
        match status {
            Status::Ready => {
                self.mark();
                let revision = *self.shared.revision.borrow();
                if let Some(Err(error)) = self.database.as_ref().map(|database| database.probe(revision)) {
                    self.shared.fail(error);
                }
            }
            Status::Failed(_) => self.open_anew(),
            Status::Broken(_) | Status::Closed => (),
        }
    }

    /// Opens the database anew and tries to write.
    fn open_anew(&mut self) {
        self.shared.tree.store(None);
        if let Some(database) = self.database.take() {
            Database::close(database);
        }
        let opened =
            Database::open(&self.directory).map_err(|error| error.to_string()).and_then(|(database, reached)| {
                self.show_what_reached_the_disk(&database, reached).map(|end| (database, end))
            });
        let (database, revision) = match opened {
            Ok(opened) => opened,
            Err(reason) => {
                warn!(%reason, "the store could not be opened anew; trying again");
                return;
            }
        };
        let acknowledged = *self.shared.revision.borrow();
        if revision < acknowledged {
            // Remembered in the watermark, so that it does not open after a restart either.
            if let Err(error) = database.mark(acknowledged) {
                warn!(%error, "the store's watermark could not be written");
            }
            Database::close(Arc::new(database));
            let (ends, had) = (revision.0, acknowledged.0);
            let reason = format!("it came back at revision {ends}, but had acknowledged up to {had}");
            return self.shared.fail(WriteError::Sync(reason.into()));
        }
        self.shared.tree.store(Some(Arc::new(database.tree())));
        let probed = database.probe(revision);
        self.database = Some(Arc::new(database));
        match probed {
            Ok(()) => {
                // The disk may know of more than was acknowledged.
                self.unsure.clear();
                self.shared.reach(revision);
                self.shared.status.send_replace(Status::Ready);
                info!(revision = revision.0, "the store works again");
            }
            Err(error) => self.shared.fail(error),
        }
    }

    /// Brings the view in step with the disk after a write that failed, and returns how far the disk is: it says that it
    /// had reached `reached`, and it has what was written last before, if it is not an older one. Nothing else was
    /// written since.
    fn show_what_reached_the_disk(&self, database: &Database, reached: Revision) -> Result<Revision, String> {
        let tree = database.tree();
        let read = |key: &Vec<u8>| {
            let bytes = tree.get(key).map_err(|error| error.to_string())?;
            bytes.map(|bytes| decode_record(&bytes)).transpose().map_err(|error| error.to_string())
        };
        let mut end = reached;
        if let Some(record) = self.last_key.as_ref().map(read).transpose()?.flatten() {
            end = end.max(record.revision);
        }
        if end < *self.shared.revision.borrow() {
            // An older one: nothing in it may be shown.
            return Ok(end);
        }
        let view = &self.shared.view;
        for key in &self.unsure {
            let record = read(key)?;
            end = end.max(record.map(|record| record.revision).unwrap_or_default());
            show(view, std::iter::once(Shown::new(view, key, record.as_ref())));
        }
        Ok(end)
    }
}
