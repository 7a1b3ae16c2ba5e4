//! Small files beside the store's own: each is replaced as a whole or not at all, and what is said to be written is on disk.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

/// The content of a file of at most so many bytes. None: there is no such file.
///
/// # Errors
/// When it cannot be read, or is longer.
pub fn read_small_file(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    if file.take(most + 1).read_to_end(&mut bytes)? as u64 > most {
        return Err(io::Error::other(format!("it is longer than the {most} bytes that are read")));
    }
    Ok(Some(bytes))
}

/// Replaces the content of a file; returns when the new one is on disk. A reader, or a start after a crash, finds the old
/// one or the new one.
///
/// # Errors
/// When it cannot be written: the old one is still there, unless the last step failed, where it may be either.
pub fn replace_small_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&fresh, path)?;
    sync_directory_of(path)
}

/// Makes the name of a file durable.
pub(super) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}
