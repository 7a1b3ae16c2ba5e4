//! The embedded store: a directory with a sled database.
//!
//! One thread writes ([`writer`]) all that wait together; when one sync has made it durable, it is shown in the view and
//! answered, while the next ones are written. Readers never wait for it.
//!
//! No type of sled's leaves this folder.

mod ahead;
mod batch;
mod database;
mod leftovers;
mod load;
mod open;
mod recover;
mod shared;
mod show;
mod sync;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use ::sled::Tree;
use arc_swap::ArcSwapOption;
use tokio::sync::{oneshot, watch};

use ahead::ReadAhead;
use database::{Database, FILE, META};
use load::LoadError;
pub use open::OpenError;
use shared::Shared;
use writer::{Command, Writer};

use super::{
    Answers, Forgettable, Status, Store, StoreError, View, Work,
    codec::{DecodeError, decode_record, decode_scope, encode_scope},
};
use crate::domain::{NewLogout, Record, Recorded, Revision, Scope};

/// How many logouts, and how many commands, may wait for the writer. At 50,000 a second these are 160 ms of work; whoever
/// comes then is refused at once, which is better than an answer that comes too late.
const MOST_WAITING: usize = 8192;

/// How many records the sweep looks at before it lets the others have the machine.
const SWEEP_CHUNK: usize = 1000;

/// How long it lets them have it.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);

/// The embedded store.
pub struct SledStore {
    shared: Arc<Shared>,
    /// The writer's second thread knows it too, and must not keep it open.
    commands: Arc<SyncSender<Command>>,
    /// Taken by whoever closes the store; locked only for that.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SledStore {
    /// Opens the store in a directory, which is made where it does not exist.
    ///
    /// # Errors
    /// [`OpenError`], saying what to do.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let ahead = ReadAhead::start(&directory.join(FILE));
        let (database, reached) = Database::open(directory)?;
        let view = View::new()
            .map_err(|error| OpenError::Io { doing: "reading random numbers", source: std::io::Error::other(error) })?;
        let last = load::load(&database.tree(), &view).map_err(|error| not_loaded(directory, error))?;
        drop(ahead);
        let revision = last.max(reached);
        database.check_end(revision)?;
        let shared = Arc::new(Shared {
            view,
            tree: ArcSwapOption::from_pointee(database.tree()),
            revision: watch::Sender::new(revision),
            reached: AtomicU64::new(revision.0),
            waiting: AtomicUsize::new(0),
            status: watch::Sender::new(Status::Ready),
        });
        let (commands, waiting) = sync_channel(MOST_WAITING);
        let commands = Arc::new(commands);
        let start = || -> std::io::Result<_> {
            let writer = Writer::new(directory, database, Arc::clone(&shared), waiting, Arc::downgrade(&commands))?;
            std::thread::Builder::new().name("curfew-store".to_owned()).spawn(move || writer.run())
        };
        let writer = start().map_err(|source| OpenError::Io { doing: "starting the writer", source })?;
        Ok(Self { shared, commands, writer: Mutex::new(Some(writer)) })
    }

    /// Hands a command to the writer without waiting.
    fn send(&self, command: Command) -> Result<(), StoreError> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// Asks for logouts to be recorded. At once, not when the answer is first waited for: a caller who does not wait has
    /// asked all the same.
    fn ask(&self, logouts: Vec<NewLogout>) -> Result<oneshot::Receiver<Vec<Result<Recorded, StoreError>>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let count = logouts.len();
        if self.shared.waiting.fetch_add(count, Ordering::Relaxed) + count > MOST_WAITING {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        self.send(Command::Record(logouts, answer)).inspect_err(|_| {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
        })?;
        Ok(answered)
    }

    fn tree(&self) -> Result<Arc<Tree>, StoreError> {
        self.shared.tree.load_full().ok_or_else(|| match &*self.shared.status.borrow() {
            Status::Failed(reason) | Status::Broken(reason) => StoreError::Unavailable(Arc::clone(reason)),
            Status::Ready | Status::Closed => StoreError::Closed,
        })
    }

    /// The forgettable ones among the next few records, and the last key that was looked at.
    fn look_through(&self, after: &[u8], forgettable: &Forgettable) -> Result<Chunk, StoreError> {
        let mut chunk = Chunk { forgettable: Vec::new(), last: None };
        let from = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        for entry in self.tree()?.range::<&[u8], _>(from).take(SWEEP_CHUNK) {
            let (key, value) = entry.map_err(|error| unavailable(&error))?;
            if !key.starts_with(&[META])
                && let (Ok(scope), Ok(record)) = (decode_scope(&key), decode_record(&value))
                && forgettable(&scope, &record)
            {
                chunk.forgettable.push(key.to_vec());
            }
            chunk.last = Some(key.to_vec());
        }
        Ok(chunk)
    }
}

fn not_loaded(directory: &Path, error: LoadError) -> OpenError {
    let directory = directory.to_owned();
    match error {
        LoadError::Unreadable(reason) => OpenError::Damaged { directory, reason },
        LoadError::Record(DecodeError::Newer(found)) => OpenError::Newer { directory, found },
        LoadError::Record(DecodeError::Damaged) => {
            OpenError::Damaged { directory, reason: "a record is damaged".to_owned() }
        }
    }
}

/// What one step of a sweep found.
struct Chunk {
    forgettable: Vec<Vec<u8>>,
    last: Option<Vec<u8>>,
}

/// A failure to read, in words.
fn unavailable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("it could not be read: {error}").into())
}

impl Store for SledStore {
    fn record(&self, logout: NewLogout) -> Work<'_, Recorded> {
        let answered = self.ask(vec![logout]);
        Box::pin(async move {
            answered?.await.ok().and_then(|mut answers| answers.pop()).unwrap_or(Err(StoreError::Closed))
        })
    }

    fn record_together(&self, logouts: Vec<NewLogout>) -> Answers<'_> {
        let count = logouts.len();
        let answered = self.ask(logouts);
        Box::pin(async move {
            let refused = match answered {
                Ok(answered) => match answered.await {
                    Ok(answers) => return answers,
                    Err(_ended) => StoreError::Closed,
                },
                Err(error) => error,
            };
            vec![Err(refused); count]
        })
    }

    fn view(&self) -> &View {
        &self.shared.view
    }

    fn get(&self, scope: &Scope) -> Result<Option<Record>, StoreError> {
        let bytes = self.tree()?.get(encode_scope(scope)).map_err(|error| unavailable(&error))?;
        bytes.map(|bytes| decode_record(&bytes)).transpose().map_err(|error| unavailable(&error))
    }

    fn revision(&self) -> Revision {
        Revision(self.shared.reached.load(Ordering::Acquire))
    }

    fn reached(&self, revision: Revision) -> Work<'_, ()> {
        let mut changes = self.shared.revision.subscribe();
        Box::pin(async move {
            changes.wait_for(|reached| *reached >= revision).await.map(|_| ()).map_err(|_| StoreError::Closed)
        })
    }

    fn forget(&self, forgettable: Forgettable) -> Work<'_, u64> {
        Box::pin(async move {
            let mut forgotten = 0;
            let mut after = Vec::new();
            loop {
                let chunk = self.look_through(&after, &forgettable)?;
                if !chunk.forgettable.is_empty() {
                    let (answer, answered) = oneshot::channel();
                    self.send(Command::Forget(chunk.forgettable, Arc::clone(&forgettable), answer))?;
                    forgotten += answered.await.map_err(|_| StoreError::Closed)??;
                }
                match chunk.last {
                    Some(last) => after = last,
                    None => return Ok(forgotten),
                }
                tokio::time::sleep(SWEEP_PAUSE).await;
            }
        })
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    fn close(&self) -> Work<'_, ()> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            match self.commands.try_send(Command::Close(answer)) {
                // The writer is gone already.
                Err(TrySendError::Disconnected(_)) => return Ok(()),
                Err(TrySendError::Full(Command::Close(answer))) => {
                    let commands = Arc::clone(&self.commands);
                    let sent = tokio::task::spawn_blocking(move || commands.send(Command::Close(answer)));
                    drop(sent.await);
                }
                Err(TrySendError::Full(_)) | Ok(()) => (),
            }
            drop(answered.await);
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(writer) = writer {
                // The thread has answered, so that this returns at once; it holds the last handle on the files.
                drop(writer.join());
            }
            Ok(())
        })
    }
}
