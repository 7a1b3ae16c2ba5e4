//! The thread that makes batches durable, one after the other, while the writer works out and writes the next one.

use std::{
    io,
    sync::{
        Arc, Weak,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use super::{batch::Sealed, database::Database, shared::Shared, writer::Command};

/// What became of a batch.
pub(super) enum Outcome {
    /// It is durable, shown and answered. With the key of its last record.
    Durable(Option<Vec<u8>>),
    /// It is refused, and the status says why. With its keys: what of them reached the disk, nobody knows.
    Unsure(Vec<Vec<u8>>),
}

/// Makes a batch that was written durable, and only then shows and answers it.
pub(super) fn finish(database: &Database, batch: Sealed, shared: &Shared) -> Outcome {
    let synced = if batch.changes.is_empty() { Ok(()) } else { database.sync() };
    match synced {
        Ok(()) => {
            batch.show(&shared.view);
            shared.reach(batch.revision);
            let last_key = batch.last_key();
            batch.answer();
            Outcome::Durable(last_key)
        }
        Err(error) => {
            shared.fail(error);
            Outcome::Unsure(batch.refuse(&shared.unavailable()))
        }
    }
}

/// A thread of its own that does it.
pub(super) struct Syncer {
    jobs: SyncSender<(Arc<Database>, Sealed)>,
    done: Receiver<Outcome>,
    thread: JoinHandle<()>,
}

impl Syncer {
    /// Starts it. Where the writer may be waiting for commands, it is told that something is done by one.
    pub(super) fn start(shared: Arc<Shared>, writer: Weak<SyncSender<Command>>) -> io::Result<Self> {
        let (jobs, todo) = sync_channel::<(Arc<Database>, Sealed)>(1);
        let (tell, done) = sync_channel(1);
        let thread = std::thread::Builder::new().name("curfew-sync".to_owned()).spawn(move || {
            for (database, batch) in todo {
                let outcome = finish(&database, batch, &shared);
                // The writer may want to close it next.
                drop(database);
                if tell.send(outcome).is_err() {
                    return;
                }
                // Where there is no room, the writer is busy and will look anyway.
                if let Some(writer) = writer.upgrade() {
                    writer.try_send(Command::Synced).unwrap_or_default();
                }
            }
        })?;
        Ok(Self { jobs, done, thread })
    }

    /// Hands it a batch; the one before must be done. The batch, if the thread has ended, which is a panic.
    pub(super) fn begin(&self, database: Arc<Database>, batch: Sealed) -> Result<(), Sealed> {
        self.jobs.send((database, batch)).map_err(|back| back.0.1)
    }

    /// What became of the batch, if that is known by now.
    pub(super) fn done(&self) -> Option<Outcome> {
        self.done.try_recv().ok()
    }

    /// What became of the batch; waits for it. None: the thread has ended, which is a panic.
    pub(super) fn wait(&self) -> Option<Outcome> {
        self.done.recv().ok()
    }

    /// Ends it; nothing may be under way.
    pub(super) fn end(self) {
        drop(self.jobs);
        // A panic was logged where it happened.
        drop(self.thread.join());
    }
}
