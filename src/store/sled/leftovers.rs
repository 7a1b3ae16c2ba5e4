//! What sled leaves behind when it is interrupted, and then takes for damage.
//!
//! From time to time sled writes a snapshot beside its log, to open faster: to a file `snap.….generating`, which it then
//! renames. A process that is killed meanwhile, or a disk that becomes full, leaves that file behind in part; sled reads it
//! as the newest snapshot when it opens next, and refuses to open. The log has everything, and the last whole snapshot is
//! still there, so that nothing is lost by removing it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use tracing::info;

use super::database::FILE;

/// What an unfinished snapshot's name begins and ends with.
const NAME: (&str, &str) = ("snap.", ".generating");

/// Removes unfinished snapshots, unless somebody has the database open, who may be writing one.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    let file = match File::open(directory.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // The lock that sled takes too; let go of at the end, before sled does.
    match file.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let removed = remove_unfinished(directory);
    // Closing would leave it to a process that was forked meanwhile.
    file.unlock()?;
    removed
}

fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(NAME.0) && name.ends_with(NAME.1)) {
            fs::remove_file(entry.path())?;
            info!(file = ?name, "removed a snapshot that was never finished");
        }
    }
    Ok(())
}
