//! The one thread that writes.
//!
//! It takes every command that waits, works out what they come to together, writes that as one atomic batch with one
//! sync, and only then answers. While it syncs, the next commands gather: many callers share a sync, and one alone waits
//! for nobody.
//!
//! After a failed write nothing more is acknowledged until the database has been opened anew and a trial write has
//! reached the disk. After a failed sync, or where the database then lacks what was acknowledged, it never is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use ::sled::{Batch, Tree};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{
    Shared,
    database::{Database, WriteError},
};
use crate::{
    domain::{NewLogout, Record, Recorded, Revision, Scope, Timestamp},
    store::{
        Forgettable, Status, StoreError,
        codec::{decode_record, decode_scope, encode_record, encode_scope},
        stamp::{latest, recorded},
    },
};

/// The most commands in one batch: what a sync can be shared by before the batch itself takes longer than the sync.
const MOST_TOGETHER: usize = 1024;

/// How often writing is tried when nobody writes, and opening anew when that failed. Costs one sync.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// What the writer is asked to do.
pub(super) enum Command {
    /// Record a logout.
    Record(NewLogout, oneshot::Sender<Result<Recorded, StoreError>>),
    /// Remove those of the keys whose records can (still) be forgotten.
    Forget(Vec<Vec<u8>>, Forgettable, oneshot::Sender<Result<u64, StoreError>>),
    /// Let go of the files and end.
    Close(oneshot::Sender<()>),
}

/// An answer that waits for the batch to be durable.
enum Answer {
    Recorded(Recorded, oneshot::Sender<Result<Recorded, StoreError>>),
    Forgotten(u64, oneshot::Sender<Result<u64, StoreError>>),
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
}

/// What a batch comes to: changes on top of the tree, and the answers.
struct Pending {
    tree: Tree,
    changes: BTreeMap<Vec<u8>, Option<Record>>,
    revision: Revision,
    answers: Vec<Answer>,
}

impl Writer {
    pub(super) fn new(directory: &Path, database: Database, shared: Arc<Shared>, waiting: Receiver<Command>) -> Self {
        let (directory, marked) = (directory.to_owned(), *shared.revision.borrow());
        Self { directory, database: Some(database), shared, waiting, last_probe: Instant::now(), marked }
    }

    /// Works until it is told to close or nobody is left to tell it anything.
    pub(super) fn run(mut self) {
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
        let mut commands = Vec::new();
        for command in std::iter::once(first).chain(self.waiting.try_iter().take(MOST_TOGETHER - 1)) {
            match command {
                Command::Close(answer) => {
                    closer = Some(answer);
                    break;
                }
                other => commands.push(other),
            }
        }
        self.commit(commands);
        closer
    }

    fn commit(&mut self, commands: Vec<Command>) {
        let (Some(database), Status::Ready) = (&self.database, self.shared.status.borrow().clone()) else {
            return refuse_all(commands, &self.unavailable());
        };
        let mut pending = Pending {
            tree: database.tree(),
            changes: BTreeMap::new(),
            revision: *self.shared.revision.borrow(),
            answers: Vec::new(),
        };
        for command in commands {
            pending.take(command);
        }
        let written =
            if pending.changes.is_empty() { Ok(()) } else { database.write(pending.batch(), pending.revision) };
        match written {
            Ok(()) => {
                self.shared.revision.send_if_modified(|revision| {
                    let moved = *revision != pending.revision;
                    *revision = pending.revision;
                    moved
                });
                pending.answer();
            }
            Err(error) => {
                self.fail(error);
                pending.refuse(&self.unavailable());
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
                if let Some(Err(error)) = self.database.as_ref().map(Database::probe) {
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
        let (database, revision) = match Database::open(&self.directory) {
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
        let probed = database.probe();
        self.database = Some(database);
        match probed {
            Ok(()) => {
                // The disk may know of more than was acknowledged.
                self.shared.revision.send_replace(revision);
                self.shared.status.send_replace(Status::Ready);
                info!(revision = revision.0, "the store works again");
            }
            Err(error) => self.fail(error),
        }
    }

    fn unavailable(&self) -> StoreError {
        match &*self.shared.status.borrow() {
            Status::Failed(reason) | Status::Broken(reason) => StoreError::Unavailable(Arc::clone(reason)),
            Status::Ready => StoreError::Unavailable("it is being opened".into()),
            Status::Closed => StoreError::Closed,
        }
    }
}

impl Pending {
    /// Works out what a command changes, on top of what those before it changed.
    fn take(&mut self, command: Command) {
        match command {
            Command::Record(logout, answer) => match self.record(&logout) {
                Ok(recorded) => self.answers.push(Answer::Recorded(recorded, answer)),
                Err(error) => drop(answer.send(Err(error))),
            },
            Command::Forget(keys, forgettable, answer) => match self.forget(keys, &forgettable) {
                Ok(forgotten) => self.answers.push(Answer::Forgotten(forgotten, answer)),
                Err(error) => drop(answer.send(Err(error))),
            },
            // Taken out before.
            Command::Close(_) => (),
        }
    }

    fn record(&mut self, logout: &NewLogout) -> Result<Recorded, StoreError> {
        let key = encode_scope(&logout.scope);
        let known = self.known(&key)?;
        let latest = self.latest_of_the_same(&logout.scope, known)?;
        let next = Revision(self.revision.0 + 1);
        let recorded = recorded(known, latest, logout, next);
        if recorded.record.revision == next {
            self.revision = next;
            self.changes.insert(key, Some(recorded.record));
        }
        Ok(recorded)
    }

    fn forget(&mut self, keys: Vec<Vec<u8>>, forgettable: &Forgettable) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for key in keys {
            if let (Ok(scope), Some(record)) = (decode_scope(&key), self.known(&key)?)
                && forgettable(&scope, &record)
            {
                self.changes.insert(key, None);
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    fn known(&self, key: &[u8]) -> Result<Option<Record>, StoreError> {
        if let Some(changed) = self.changes.get(key) {
            return Ok(*changed);
        }
        let bytes = self.tree.get(key).map_err(|error| super::unavailable(&error))?;
        bytes.map(|bytes| decode_record(&bytes)).transpose().map_err(|error| super::unavailable(&error))
    }

    /// The latest logout of the scope; for a subject, of the subject at any client too: their keys begin with its own.
    fn latest_of_the_same(&self, scope: &Scope, known: Option<Record>) -> Result<Option<Timestamp>, StoreError> {
        let (Scope::Subject(issuer, subject) | Scope::SubjectAtClient(issuer, subject, _)) = scope else {
            return Ok(known.and_then(|record| latest(&record.cutoff)));
        };
        let prefix = encode_scope(&Scope::Subject(issuer.clone(), subject.clone()));
        let mut found = None;
        for entry in self.tree.scan_prefix(&prefix) {
            let (_, value) = entry.map_err(|error| super::unavailable(&error))?;
            let record = decode_record(&value).map_err(|error| super::unavailable(&error))?;
            found = found.max(latest(&record.cutoff));
        }
        let changed = self.changes.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        Ok(changed.filter_map(|(_, record)| latest(&(*record)?.cutoff)).max().max(found))
    }

    fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for (key, change) in &self.changes {
            match change {
                Some(record) => batch.insert(key.as_slice(), encode_record(record)),
                None => batch.remove(key.as_slice()),
            }
        }
        batch
    }

    /// A caller who no longer listens is no fault.
    fn answer(self) {
        for answer in self.answers {
            match answer {
                Answer::Recorded(recorded, caller) => drop(caller.send(Ok(recorded))),
                Answer::Forgotten(count, caller) => drop(caller.send(Ok(count))),
            }
        }
    }

    fn refuse(self, error: &StoreError) {
        for answer in self.answers {
            match answer {
                Answer::Recorded(_, caller) => drop(caller.send(Err(error.clone()))),
                Answer::Forgotten(_, caller) => drop(caller.send(Err(error.clone()))),
            }
        }
    }
}

fn refuse_all(commands: Vec<Command>, error: &StoreError) {
    for command in commands {
        match command {
            Command::Record(_, caller) => drop(caller.send(Err(error.clone()))),
            Command::Forget(_, _, caller) => drop(caller.send(Err(error.clone()))),
            Command::Close(_) => (),
        }
    }
}
