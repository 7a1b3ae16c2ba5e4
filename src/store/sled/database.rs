//! The files of the embedded store: opening them, and making what was written durable.
//!
//! sled's own `flush` does not end in an fsync on Linux: it calls `sync_file_range`, which neither commits the file's
//! metadata nor empties the disk's cache. So a second descriptor on the same file is kept, and `fdatasync` on it follows
//! every flush. Only then is anything acknowledged.
//!
//! sled opens a file that it cannot make sense of as an empty database, or as an older one. For a store of logouts that is
//! the worst there is: every old token would be honoured again. So a small file beside it, the watermark, remembers a
//! revision that was durable once; a database that is behind it does not open.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use ::sled::{Batch, Db, Tree};

use super::open::{OpenError, open_sled};
use crate::{domain::Revision, store::codec::FORMAT};

/// The first byte of the keys that are not scopes.
pub(super) const META: u8 = 0;
const FORMAT_KEY: &[u8] = b"\0format";
const REVISION_KEY: &[u8] = b"\0revision";

/// The name of sled's file.
pub(super) const FILE: &str = "db";

/// The name of the watermark.
const WATERMARK: &str = "watermark";

/// Why a write is not durable.
pub(super) enum WriteError {
    /// sled could not write. Opening the database anew brings back what is on disk.
    Write(Arc<str>),
    /// The files are gone, or lack what was acknowledged, or the sync failed. The kernel may have dropped pages that it could not write and call the next sync a success, so
    /// that nothing can be vouched for any more.
    Sync(Arc<str>),
}

/// An open database.
pub(super) struct Database {
    db: Db,
    /// A second descriptor on sled's file, for `fdatasync`.
    file: File,
    directory: PathBuf,
}

impl Database {
    /// Opens or makes the database in a directory; also returns a revision that it had reached. Its records may go further.
    pub(super) fn open(directory: &Path) -> Result<(Self, Revision), OpenError> {
        let io = |doing| move |source| OpenError::Io { doing, source };
        // Who may read it knows who logged out when.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(io("making the store's directory"))?;
        let db = open_sled(directory)?;
        let file = File::options()
            .read(true)
            .write(true)
            .open(directory.join(FILE))
            .map_err(io("opening the store's file"))?;
        let database = Self { db, file, directory: directory.to_owned() };
        let watermark = read_watermark(directory).map_err(io("reading the store's watermark"))?;
        let reached = database.check_format(watermark)?;
        // The files' names must be durable too.
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent).map_err(io("syncing the store's parent directory"))?;
        }
        Ok((database, reached))
    }

    /// Checks that the database, which ends at this revision, lacks nothing that was durable once.
    pub(super) fn check_end(&self, revision: Revision) -> Result<(), OpenError> {
        let io = |doing| move |source| OpenError::Io { doing, source };
        let watermark = read_watermark(&self.directory).map_err(io("reading the store's watermark"))?;
        if let Some(watermark) = watermark.filter(|watermark| *watermark > revision) {
            let reason = format!("it ends at revision {}, but had reached {}", revision.0, watermark.0);
            return Err(OpenError::Damaged { directory: self.directory.clone(), reason });
        }
        if watermark != Some(revision) {
            self.mark(revision).map_err(io("writing the store's watermark"))?;
        }
        Ok(())
    }

    /// Where scopes and records are.
    pub(super) fn tree(&self) -> Tree {
        (*self.db).clone()
    }

    /// Writes records; [`Database::sync`] makes them durable. Each by itself: what is not acknowledged may be there or not,
    /// and the library's own batches cost a write more.
    pub(super) fn insert<'a>(&self, records: impl Iterator<Item = (&'a [u8], Vec<u8>)>) -> Result<(), WriteError> {
        caught(|| records.into_iter().try_for_each(|(key, record)| self.db.insert(key, record).map(drop)))
    }

    /// Removes records; [`Database::sync`] makes that durable. They may be the last ones: how far the database is stays in
    /// it.
    pub(super) fn remove<'a>(
        &self,
        keys: impl Iterator<Item = &'a [u8]>,
        revision: Revision,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::default();
        batch.insert(REVISION_KEY, &revision.0.to_be_bytes());
        keys.for_each(|key| batch.remove(key));
        caught(|| self.db.apply_batch(batch))
    }

    /// Returns when everything that was written before is on disk.
    pub(super) fn sync(&self) -> Result<(), WriteError> {
        if !self.is_in_place() {
            return Err(WriteError::Sync("its files were removed or replaced while it was in use".into()));
        }
        caught(|| self.db.flush().map(drop))?;
        self.file.sync_data().map_err(|error| WriteError::Sync(format!("fdatasync failed: {error}").into()))
    }

    /// Whether the files are still where they belong. What is written to files that were removed is lost on the way.
    fn is_in_place(&self) -> bool {
        let (Ok(ours), Ok(theirs)) = (self.file.metadata(), fs::metadata(self.directory.join(FILE))) else {
            return false;
        };
        (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())
    }

    /// Remembers, outside of the database, that this revision was durable.
    pub(super) fn mark(&self, revision: Revision) -> io::Result<()> {
        let path = self.directory.join(WATERMARK);
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{}", revision.0)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        sync_directory(&self.directory)
    }

    /// Writes how far the database is, to learn whether writing works.
    pub(super) fn probe(&self, revision: Revision) -> Result<(), WriteError> {
        caught(|| self.db.insert(REVISION_KEY, &revision.0.to_be_bytes()).map(drop))?;
        self.sync()
    }

    /// Lets go of the files, unless somebody else holds on to them. sled flushes on the way, and panics where that fails.
    pub(super) fn close(this: Arc<Self>) {
        drop(catch_unwind(AssertUnwindSafe(move || drop(this))));
    }

    /// Checks that this Curfew can read the database, and reads how far it says it is. A new one gets its format.
    fn check_format(&self, watermark: Option<Revision>) -> Result<Revision, OpenError> {
        let directory = &self.directory;
        let damaged = |reason: String| OpenError::Damaged { directory: directory.clone(), reason };
        let read = |key| self.db.get(key).map_err(|error| damaged(error.to_string()));
        match read(FORMAT_KEY)?.as_deref() {
            Some([FORMAT]) => (),
            Some([found]) => return Err(OpenError::Newer { directory: directory.to_owned(), found: *found }),
            Some(_) => return Err(damaged("its format is not legible".to_owned())),
            None if watermark.is_some() => return Err(damaged("what was in it is gone".to_owned())),
            None if !self.db.is_empty() => return Err(OpenError::Foreign(directory.to_owned())),
            None => {
                let mut batch = Batch::default();
                batch.insert(FORMAT_KEY, &[FORMAT]);
                batch.insert(REVISION_KEY, &0_u64.to_be_bytes());
                caught(|| self.db.apply_batch(batch)).and_then(|()| self.sync()).map_err(|error| match error {
                    WriteError::Write(reason) | WriteError::Sync(reason) => OpenError::Io {
                        doing: "writing to the new store",
                        source: io::Error::other(reason.to_string()),
                    },
                })?;
            }
        }
        let revision = read(REVISION_KEY)?.and_then(|bytes| number(&bytes));
        revision.map(Revision).ok_or_else(|| damaged("its last revision is missing".to_owned()))
    }
}

/// What the library says to a write. It panics on some I/O errors instead of returning them.
fn caught(write: impl FnOnce() -> ::sled::Result<()>) -> Result<(), WriteError> {
    match catch_unwind(AssertUnwindSafe(write)) {
        Ok(written) => written.map_err(write_failed),
        Err(_) => Err(WriteError::Write("the database panicked while writing".into())),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The revision in the watermark; none where there is no watermark.
fn read_watermark(directory: &Path) -> io::Result<Option<Revision>> {
    match fs::read_to_string(directory.join(WATERMARK)) {
        Ok(text) => {
            let revision = text.trim().parse().map_err(|_| io::Error::other("it is not a number"))?;
            Ok(Some(Revision(revision)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn write_failed(error: ::sled::Error) -> WriteError {
    WriteError::Write(format!("the database could not write: {error}").into())
}
