//! The one thread that writes.
//!
//! It takes every command that waits, works out what they come to together, writes that as one atomic batch with one
//! sync, and only then answers. While it syncs, the next commands gather: many callers share a sync, and one alone waits
//! for nobody.
//!
//! After a failed write nothing more is acknowledged until the database has been opened anew and a trial write has
//! reached the disk. After a failed sync, or where the database then lacks what was acknowledged, it never is.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{
    Shared,
    batch::{Batch, show},
    database::{Database, WriteError},
};
use crate::{
    domain::{NewLogout, Recorded, Revision},
    store::{Forgettable, Status, StoreError, codec::decode_record},
};

/// About how many logouts are written together at most: what a sync can be shared by before the batch itself takes longer than the sync.
const MOST_TOGETHER: usize = 1024;

/// How often writing is tried when nobody writes, and opening anew when that failed. Costs one sync.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// What the writer is asked to do.
pub(super) enum Command {
    /// Record logouts.
    Record(Vec<NewLogout>, oneshot::Sender<Vec<Result<Recorded, StoreError>>>),
    /// Remove those of the keys whose records can (still) be forgotten.
    Forget(Vec<Vec<u8>>, Forgettable, oneshot::Sender<Result<u64, StoreError>>),
    /// Let go of the files and end.
    Close(oneshot::Sender<()>),
}

/// The writer's own things.
pub(super) struct Writer {
    directory: PathBuf,
    /// None while it could not be opened anew.
    database: Option<Database>,
    shared: Arc<Shared>,
    waiting: Receiver<Command>,
    last_probe: Instant,
    /// The revision in the watermark.
    marked: Revision,
    /// The key of the record with the last revision that was written.
    last_key: Option<Vec<u8>>,
    /// The keys of a write that failed: whether it reached the disk, only the disk will tell.
    unsure: Vec<Vec<u8>>,
}

impl Writer {
    pub(super) fn new(directory: &Path, database: Database, shared: Arc<Shared>, waiting: Receiver<Command>) -> Self {
        let (directory, marked) = (directory.to_owned(), *shared.revision.borrow());
        Self {
            directory,
            database: Some(database),
            shared,
            waiting,
            last_probe: Instant::now(),
            marked,
            last_key: None,
            unsure: Vec::new(),
        }
    }

    /// Works until it is told to close or nobody is left to tell it anything.
    pub(super) fn run(mut self) {
        self.probe();
        let closer = loop {
            match self.waiting.recv_timeout(PROBE_EVERY) {
                Ok(first) => {
                    if let Some(closer) = self.take_together(first) {
                        break Some(closer);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.probe(),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
            if self.last_probe.elapsed() >= PROBE_EVERY {
                self.probe();
            }
        };
        self.mark();
        self.shared.status.send_replace(Status::Closed);
        self.shared.tree.store(None);
        if let Some(database) = self.database.take() {
            database.close();
        }
        if let Some(closer) = closer {
            // Nobody may be waiting any more.
            closer.send(()).unwrap_or_default();
        }
    }

    /// Does a command and all others that wait. Returns whom to tell when closing.
    fn take_together(&mut self, first: Command) -> Option<oneshot::Sender<()>> {
        let mut closer = None;
        let (mut commands, mut logouts) = (Vec::new(), 0);
        for command in std::iter::once(first).chain(self.waiting.try_iter()) {
            match command {
                Command::Close(answer) => {
                    closer = Some(answer);
                    break;
                }
                Command::Record(several, answer) => {
                    logouts += several.len();
                    commands.push(Command::Record(several, answer));
                }
                Command::Forget(..) => commands.push(command),
            }
            if logouts.max(commands.len()) >= MOST_TOGETHER {
                break;
            }
        }
        self.shared.waiting.fetch_sub(logouts, Ordering::Relaxed);
        self.commit(commands);
        closer
    }

    fn commit(&mut self, commands: Vec<Command>) {
        let (Some(database), Status::Ready) = (&self.database, self.shared.status.borrow().clone()) else {
            return refuse_all(commands, &self.unavailable());
        };
        let mut batch = Batch::new(database.tree(), &self.shared.view, *self.shared.revision.borrow());
        for command in commands {
            batch.take(command);
        }
        match batch.write(database) {
            Ok(()) => {
                batch.show();
                self.last_key = batch.last_key().or(self.last_key.take());
                self.shared.reach(batch.revision());
                batch.answer();
            }
            Err(error) => {
                self.fail(error);
                batch.refuse(&self.unavailable());
                self.unsure = batch.into_keys().collect();
            }
        }
    }

    /// Remembers outside of the database how far it is. Not being able to is no reason to refuse logouts.
    fn mark(&mut self) {
        let revision = *self.shared.revision.borrow();
        if let (true, Some(database)) = (revision > self.marked, &self.database) {
            match database.mark(revision) {
                Ok(()) => self.marked = revision,
                Err(error) => warn!(%error, "the store's watermark could not be written"),
            }
        }
    }

    /// Finds out whether writing works where nobody wrote, or works again where it did not.
    fn probe(&mut self) {
        self.last_probe = Instant::now();
        let status = self.shared.status.borrow().clone();
        match status {
            Status::Ready => {
                self.mark();
                let revision = *self.shared.revision.borrow();
                if let Some(Err(error)) = self.database.as_ref().map(|database| database.probe(revision)) {
                    self.fail(error);
                }
            }
            Status::Failed(_) => self.open_anew(),
            Status::Broken(_) | Status::Closed => (),
        }
    }

    fn fail(&self, error: WriteError) {
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
        self.shared.status.send_replace(status);
    }

    /// Opens the database anew and tries to write.
    fn open_anew(&mut self) {
        self.shared.tree.store(None);
        if let Some(database) = self.database.take() {
            database.close();
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
            database.close();
            let (ends, had) = (revision.0, acknowledged.0);
            let reason = format!("it came back at revision {ends}, but had acknowledged up to {had}");
            return self.fail(WriteError::Sync(reason.into()));
        }
        self.shared.tree.store(Some(Arc::new(database.tree())));
        let probed = database.probe(revision);
        self.database = Some(database);
        match probed {
            Ok(()) => {
                // The disk may know of more than was acknowledged.
                self.shared.reach(revision);
                self.shared.status.send_replace(Status::Ready);
                info!(revision = revision.0, "the store works again");
            }
            Err(error) => self.fail(error),
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
        for key in &self.unsure {
            let record = read(key)?;
            end = end.max(record.map(|record| record.revision).unwrap_or_default());
            show(&self.shared.view, key, record.as_ref());
        }
        Ok(end)
    }

    fn unavailable(&self) -> StoreError {
        match &*self.shared.status.borrow() {
            Status::Failed(reason) | Status::Broken(reason) => StoreError::Unavailable(Arc::clone(reason)),
            Status::Ready => StoreError::Unavailable("it is being opened".into()),
            Status::Closed => StoreError::Closed,
        }
    }
}

fn refuse_all(commands: Vec<Command>, error: &StoreError) {
    for command in commands {
        match command {
            Command::Record(logouts, caller) => drop(caller.send(vec![Err(error.clone()); logouts.len()])),
            Command::Forget(_, _, caller) => drop(caller.send(Err(error.clone()))),
            Command::Close(_) => (),
        }
    }
}
