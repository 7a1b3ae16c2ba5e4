//! The one thread that writes.
//!
//! It takes every command that waits, works out what they come to together, and writes that. A second thread makes it
//! durable with one sync (`sync`), and only then is it answered. Meanwhile the next commands gather and are written: many
//! callers share a sync, and a few are synced right here, for nobody waits.
//!
//! After a failed write nothing more is acknowledged until the database has been opened anew and a trial write has
//! reached the disk. After a failed sync, or where the database then lacks what was acknowledged, it never is.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    batch::{Batch, Changes},
    database::{Database, WriteError},
    shared::Shared,
    sync::{Outcome, Syncer, finish},
};
use crate::{
    domain::{NewLogout, Recorded, Revision},
    store::{Forgettable, Status, StoreError},
};

/// About how many logouts are written together at most: what a sync can be shared by before the batch itself takes longer than the sync.
const MOST_TOGETHER: usize = 1024;

/// So few logouts are synced by the writer itself: to wake another thread for it would take longer than what could be
/// done meanwhile.
const FEW: usize = 64;

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
    /// Look what became of the batch that was being synced.
    Synced,
}

/// The writer's own things.
pub(super) struct Writer {
    pub(super) directory: PathBuf,
    /// None while it could not be opened anew.
    pub(super) database: Option<Arc<Database>>,
    pub(super) shared: Arc<Shared>,
    waiting: Receiver<Command>,
    /// What gathers and is written, and not durable.
    gathering: Option<Batch>,
    syncer: Syncer,
    /// What is being made durable, and the revision that it ends at.
    syncing: Option<(Arc<Changes>, Revision)>,
    pub(super) last_probe: Instant,
    /// The revision in the watermark.
    pub(super) marked: Revision,
    /// The key of the record with the last revision that was made durable.
    pub(super) last_key: Option<Vec<u8>>,
    /// The keys of writes that failed: whether they reached the disk, only the disk will tell.
    pub(super) unsure: Vec<Vec<u8>>,
}

impl Writer {
    /// Who writes to this database what comes from `commands`.
    pub(super) fn new(
        directory: &Path,
        database: Database,
        shared: Arc<Shared>,
        waiting: Receiver<Command>,
        commands: Weak<SyncSender<Command>>,
    ) -> std::io::Result<Self> {
        let (directory, marked) = (directory.to_owned(), *shared.revision.borrow());
        Ok(Self {
            directory,
            database: Some(Arc::new(database)),
            waiting,
            gathering: None,
            syncer: Syncer::start(Arc::clone(&shared), commands)?,
            syncing: None,
            shared,
            last_probe: Instant::now(),
            marked,
            last_key: None,
            unsure: Vec::new(),
        })
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
            self.write();
            if self.last_probe.elapsed() >= PROBE_EVERY {
                self.probe();
            }
        };
        self.write();
        self.settle();
        self.mark();
        self.shared.status.send_replace(Status::Closed);
        self.shared.tree.store(None);
        self.syncer.end();
        if let Some(database) = self.database.take() {
            Database::close(database);
        }
        if let Some(closer) = closer {
            // Nobody may be waiting any more.
            closer.send(()).unwrap_or_default();
        }
    }

    /// Takes a command and all others that wait. Returns whom to tell when closing.
    fn take_together(&mut self, first: Command) -> Option<oneshot::Sender<()>> {
        let mut taken = 0;
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Close(answer) => return Some(answer),
                Command::Synced => (),
                Command::Record(..) | Command::Forget(..) => {
                    taken += self.take(command);
                    if taken >= MOST_TOGETHER {
                        break;
                    }
                }
            }
            next = self.waiting.try_recv().ok();
        }
        None
    }

    /// Takes a command; returns how much it is.
    fn take(&mut self, command: Command) -> usize {
        let count = if let Command::Record(logouts, _) = &command { logouts.len() } else { 1 };
        // Not borrowed for longer: the other thread may be about to change it.
        let is_ready = *self.shared.status.borrow() == Status::Ready;
        match &self.database {
            Some(database) if is_ready => {
                let batch = self.gathering.get_or_insert_with(|| {
                    let durable = || (Arc::default(), *self.shared.revision.borrow());
                    let (before, revision) = self.syncing.clone().unwrap_or_else(durable);
                    Batch::new(database.tree(), before, revision)
                });
                batch.take(command, &self.shared.view);
            }
            _ => {
                if let Command::Record(logouts, _) = &command {
                    self.shared.waiting.fetch_sub(logouts.len(), Ordering::Relaxed);
                }
                refuse(command, &self.shared.unavailable());
            }
        }
        count
    }

    /// Writes what has gathered, and has it made durable unless something else is being.
    fn write(&mut self) {
        // After all that waited was taken: who found no room to say that a batch is done had said so before.
        self.look();
        let (Some(batch), Some(database)) = (&mut self.gathering, &self.database) else { return };
        if let Err(error) = batch.write(database) {
            self.shared.fail(error);
            return self.give_up();
        }
        if self.syncing.is_some() {
            return;
        }
        let Some(batch) = self.gathering.take() else { return };
        let (database, logouts) = (Arc::clone(database), batch.logouts());
        self.shared.waiting.fetch_sub(logouts, Ordering::Relaxed);
        let batch = batch.seal();
        if logouts <= FEW {
            let outcome = finish(&database, batch, &self.shared);
            drop(database);
            return self.note(outcome);
        }
        self.syncing = Some((Arc::clone(&batch.changes), batch.revision));
        if let Err(batch) = self.syncer.begin(database, batch) {
            self.syncing = None;
            self.shared.fail(WriteError::Sync("the thread that syncs has ended".into()));
            self.unsure.extend(batch.refuse(&self.shared.unavailable()));
        }
    }

    /// Looks whether what was being made durable is.
    fn look(&mut self) {
        if self.syncing.is_some()
            && let Some(outcome) = self.syncer.done()
        {
            self.note(outcome);
        }
    }

    /// Waits for what is being made durable, and then makes durable what was written meanwhile.
    pub(super) fn settle(&mut self) {
        while self.syncing.is_some() {
            match self.syncer.wait() {
                Some(outcome) => self.note(outcome),
                None => {
                    self.shared.fail(WriteError::Sync("the thread that syncs has ended".into()));
                    self.syncing = None;
                    self.give_up();
                }
            }
            self.write();
        }
    }

    fn note(&mut self, outcome: Outcome) {
        self.syncing = None;
        match outcome {
            Outcome::Durable(last_key) => self.last_key = last_key.or(self.last_key.take()),
            Outcome::Unsure(keys) => {
                self.unsure.extend(keys);
                // It is on top of what failed.
                self.give_up();
            }
        }
    }

    /// Refuses what has gathered. Some of it may have been written.
    fn give_up(&mut self) {
        if let Some(batch) = self.gathering.take() {
            self.shared.waiting.fetch_sub(batch.logouts(), Ordering::Relaxed);
            self.unsure.extend(batch.refuse(&self.shared.unavailable()));
        }
    }
}

fn refuse(command: Command, error: &StoreError) {
    match command {
        Command::Record(logouts, caller) => drop(caller.send(vec![Err(error.clone()); logouts.len()])),
        Command::Forget(_, _, caller) => drop(caller.send(Err(error.clone()))),
        Command::Close(_) | Command::Synced => (),
    }
}
