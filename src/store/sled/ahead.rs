//! Reads the database's file from front to end while it is opened, so that the disk is asked for much at a time.
//!
//! sled reads a page where its key leads it, all over the file, and waits for each. A disk that has to be asked half a
//! million times makes a start take twice as long; what was read in passing, the kernel still has.

use std::{
    fs::File,
    io::Read,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// How much is asked for at a time.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The reading; dropping it ends it.
pub(super) struct ReadAhead(Arc<AtomicBool>);

impl ReadAhead {
    /// Begins to read a file. It is a help only: where it cannot be read, whoever needs it will say so.
    pub(super) fn start(path: &Path) -> Self {
        let (stopped, path) = (Arc::new(AtomicBool::new(false)), path.to_owned());
        let ends = Arc::clone(&stopped);
        let read = move || {
            let (Ok(mut file), mut chunk) = (File::open(path), vec![0; CHUNK_BYTES]) else { return };
            while !ends.load(Ordering::Relaxed) && file.read(&mut chunk).is_ok_and(|length| length > 0) {}
        };
        drop(thread::Builder::new().name("curfew-ahead".to_owned()).spawn(read));
        Self(stopped)
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
