//! Opening the library's database, and why it may not open.

use std::{
    io,
    panic::catch_unwind,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use ::sled::Db;

use super::leftovers;
use crate::store::codec::FORMAT;

/// How much sled keeps in memory, by its own reckoning. A service that refuses logouts because of its own cache would be
/// absurd; this is enough for the hot part of a million records.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// How long a process that has the store open may take to let go of it: a restart must not fail for being quick.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the store in {0} is in use by another process: only one may have it open. Stop the other one, or give this one \
         another [store] path"
    )]
    InUse(PathBuf),
    /// Written by a newer Curfew.
    #[error(
        "the store in {directory} has format {found}; this Curfew reads up to {FORMAT}. Run the Curfew that wrote it, or \
         a newer one"
    )]
    Newer {
        /// Where it is.
        directory: PathBuf,
        /// Its format.
        found: u8,
    },
    /// A sled database of something else.
    #[error("{0} holds a database that is not Curfew's. Give Curfew a [store] path of its own")]
    Foreign(PathBuf),
    /// sled cannot make sense of its files.
    #[error(
        "the store in {directory} is damaged ({reason}). Restore it from a backup. To go on without what is lost, which \
         honours tokens again that were logged out: remove the file watermark in it, or move it all away to start empty"
    )]
    Damaged {
        /// Where it is.
        directory: PathBuf,
        /// What sled says.
        reason: String,
    },
    /// The file system said no.
    #[error("{doing} failed: {source}. Check that the directory exists, can be written and has room")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

/// Opens it; waits a little for whoever has it open, who may be on the way out.
pub(super) fn open_sled(directory: &Path) -> Result<Db, OpenError> {
    let until = Instant::now() + PATIENCE;
    loop {
        leftovers::remove(directory)
            .map_err(|source| OpenError::Io { doing: "tidying the store's directory", source })?;
        match open_now(directory) {
            Err(OpenError::InUse(_)) if Instant::now() < until => thread::sleep(PATIENCE / 20),
            opened => return opened,
        }
    }
}

fn open_now(directory: &Path) -> Result<Db, OpenError> {
    let open = || ::sled::Config::new().path(directory).cache_capacity(CACHE_BYTES).open();
    let damaged = |reason| OpenError::Damaged { directory: directory.to_owned(), reason };
    // sled panics on some damaged files instead of returning an error.
    match catch_unwind(open) {
        Ok(Ok(db)) => Ok(db),
        // Its lock on the file is held by somebody else; the message is all there is to tell by.
        Ok(Err(::sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => {
            Err(OpenError::InUse(directory.to_owned()))
        }
        Ok(Err(::sled::Error::Io(source))) => Err(OpenError::Io { doing: "opening the store", source }),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("the database panicked while opening".to_owned())),
    }
}
