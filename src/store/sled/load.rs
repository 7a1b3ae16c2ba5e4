//! Fills the view at the start: every record is read once.
//!
//! Two threads read towards each other, one from either end, and stop where they meet: wherever the keys lie, each has
//! about half of them.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ::sled::{IVec, Tree};
use tracing::info;

use super::{
    database::META,
    show::{Shown, TOGETHER, show},
};
use crate::{
    domain::Revision,
    store::{
        View,
        codec::{DecodeError, decode_record},
    },
};

/// After how many records a thread says where it is and looks where the other one is.
const STEP: u64 = 1024;

/// How often the log says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Why the records could not be read.
pub(super) enum LoadError {
    /// sled could not.
    Unreadable(String),
    /// One of them is not what was written.
    Record(DecodeError),
}

/// What the two threads tell each other.
struct Meeting<'a> {
    view: &'a View,
    loaded: AtomicU64,
    /// The last revision so far.
    last: AtomicU64,
    /// Where the one from the front is, and where the one from the back is; locked only to read and set them.
    front: Mutex<Option<IVec>>,
    back: Mutex<Option<IVec>>,
    started: Instant,
}

/// Shows every record of the tree in the view; returns the last revision of all. Nobody writes meanwhile.
pub(super) fn load(tree: &Tree, view: &View) -> Result<Revision, LoadError> {
    let meeting = Meeting {
        view,
        loaded: AtomicU64::new(0),
        last: AtomicU64::new(0),
        front: Mutex::default(),
        back: Mutex::default(),
        started: Instant::now(),
    };
    let (from_front, from_back) = thread::scope(|scope| {
        let back = scope.spawn(|| {
            meeting.read(tree.iter().rev(), &meeting.back, &meeting.front, |ours, theirs| ours < theirs, false)
        });
        let front = meeting.read(tree.iter(), &meeting.front, &meeting.back, |ours, theirs| ours > theirs, true);
        (front, back.join())
    });
    from_front?;
    from_back.unwrap_or_else(|_| Err(LoadError::Unreadable("the database panicked while it was read".to_owned())))?;
    let (records, bytes, seconds) = (view.len(), view.bytes(), meeting.started.elapsed().as_secs_f64());
    if records > 0 {
        info!(records, memory_bytes = bytes, seconds = format!("{seconds:.1}"), "logouts loaded");
    }
    Ok(Revision(meeting.last.into_inner()))
}

impl Meeting<'_> {
    fn read(
        &self,
        entries: impl Iterator<Item = ::sled::Result<(IVec, IVec)>>,
        ours: &Mutex<Option<IVec>>,
        theirs: &Mutex<Option<IVec>>,
        met: impl Fn(&IVec, &IVec) -> bool,
        says: bool,
    ) -> Result<(), LoadError> {
        let (mut count, mut said, mut shown) = (0, self.started, Vec::with_capacity(TOGETHER));
        for entry in entries {
            let (key, value) = entry.map_err(|error| LoadError::Unreadable(error.to_string()))?;
            if !key.starts_with(&[META]) {
                let record = decode_record(&value).map_err(LoadError::Record)?;
                shown.push(Shown::new(self.view, &key, Some(&record)));
                if shown.len() == TOGETHER {
                    show(self.view, shown.drain(..));
                }
                self.last.fetch_max(record.revision.0, Ordering::Relaxed);
            }
            count += 1;
            if count % STEP == 0 {
                let loaded = self.loaded.fetch_add(STEP, Ordering::Relaxed) + STEP;
                if says && said.elapsed() >= PROGRESS_EVERY {
                    info!(records = loaded, "loading logouts");
                    said = Instant::now();
                }
                let passed =
                    theirs.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|at| met(&key, at));
                *ours.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
                if passed {
                    break;
                }
            }
        }
        show(self.view, shown.into_iter());
        Ok(())
    }
}
