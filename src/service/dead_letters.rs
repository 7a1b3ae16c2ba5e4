//! Events that came in and could not become a logout: kept for a person to look at, never guessed.
//!
//! The latest thousand are kept, in a file too, so that they are still there after a restart. Nobody waits for the file but
//! whoever asks whether it is written ([`DeadLetters::written`]): a sender must not be told that an event was taken before
//! what is left of it is on disk.

use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::ServiceError;
use crate::{
    domain::{Source, Timestamp},
    store::{LineFile, StoreError},
};

/// How many are kept; more push out the oldest.
const MOST: usize = 1000;

/// The most characters of what a sender calls an event or its kind.
const MOST_NAME: usize = 128;

/// The most characters of why.
const MOST_WHY: usize = 1000;

/// After how long it is tried again to write what could not be written.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// An event that could not become a logout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// When it came.
    pub time: Timestamp,
    /// By which way.
    pub source: Source,
    /// The issuer's short name.
    pub issuer: String,
    /// What its sender calls it: `log_id`, `jti`. Empty: nothing.
    pub id: String,
    /// What it says happened: its code or its event type.
    pub event: String,
    /// Why nothing could be made of it, and what to do.
    pub why: String,
}

/// The latest of them.
#[derive(Default)]
pub struct DeadLetters {
    kept: Mutex<Kept>,
    /// Where they are written. Held while they are; only on threads that may wait.
    file: Option<Mutex<Written>>,
    more: Notify,
}

#[derive(Default)]
struct Kept {
    letters: VecDeque<DeadLetter>,
    /// How many there have been since the start; the last one's number.
    count: u64,
}

struct Written {
    file: LineFile,
    /// The number of the last one that is on disk.
    count: u64,
}

impl DeadLetter {
    /// Whether the other says the same of the same event, which has come again.
    fn is_again(&self, other: &Self) -> bool {
        !self.id.is_empty()
            && (self.source, &self.issuer, &self.id, &self.event, &self.why)
                == (other.source, &other.issuer, &other.id, &other.event, &other.why)
    }

    fn to_line(&self) -> String {
        json!({
            "time": self.time.to_string(), "source": self.source.name(), "issuer": self.issuer, "id": self.id,
            "event": self.event, "why": self.why,
        })
        .to_string()
    }

    /// What a line says. None: it is damaged, or of a Curfew that knows more sources.
    fn of_line(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let source = text("source")?;
        Some(Self {
            time: Timestamp::parse_rfc3339(&text("time")?).ok()?,
            source: Source::ALL.into_iter().find(|known| known.name() == source)?,
            issuer: text("issuer")?,
            id: text("id")?,
            event: text("event")?,
            why: text("why")?,
        })
    }
}

impl DeadLetters {
    /// Those in a file, which need not be there, and all that are to come.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = LineFile::open(path, MOST)?;
        let letters: VecDeque<_> = file.lines().filter_map(DeadLetter::of_line).collect();
        let damaged = file.lines().count() - letters.len();
        if damaged > 0 {
            tracing::warn!(path = %path.display(), damaged, "some dead letters cannot be read any more; the others are kept");
        }
        let kept = Mutex::new(Kept { letters, count: 0 });
        Ok(Self { kept, file: Some(Mutex::new(Written { file, count: 0 })), more: Notify::new() })
    }

    /// Keeps one, and says so in the log; once only, where the same comes again.
    pub fn keep(&self, letter: DeadLetter) {
        let letter = DeadLetter {
            id: clipped(&letter.id, MOST_NAME),
            event: clipped(&letter.event, MOST_NAME),
            why: clipped(&letter.why, MOST_WHY),
            ..letter
        };
        let mut kept = self.kept();
        if kept.letters.iter().any(|known| known.is_again(&letter)) {
            return;
        }
        tracing::warn!(
            source = letter.source.name(), issuer = %letter.issuer, id = %letter.id, event = %letter.event,
            why = %letter.why, "an event could not become a logout; see `curfew dead-letters`"
        );
        if kept.letters.len() >= MOST {
            kept.letters.pop_front();
        }
        kept.letters.push_back(letter);
        kept.count += 1;
        drop(kept);
        self.more.notify_one();
    }

    /// All that are kept, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<DeadLetter> {
        self.kept().letters.iter().cloned().collect()
    }

    /// Returns when all that were kept before are on disk, where they are written at all.
    ///
    /// # Errors
    /// [`ServiceError::StoreUnavailable`] when they are not.
    pub async fn written(self: &Arc<Self>) -> Result<(), ServiceError> {
        let Some(file) = &self.file else { return Ok(()) };
        // Nearly always there is nothing to write, and nobody is writing.
        if let Ok(written) = file.try_lock()
            && written.count == self.kept().count
        {
            return Ok(());
        }
        let ours = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || ours.write()).await;
        written.unwrap_or_else(|ended| Err(io::Error::other(ended))).map_err(|error| {
            let text = format!("dead letters could not be written: {error}");
            ServiceError::StoreUnavailable(StoreError::Unavailable(text.into()))
        })
    }

    /// Writes them as they come, for ever.
    pub async fn keep_writing(self: Arc<Self>) {
        loop {
            self.more.notified().await;
            while let Err(error) = self.written().await {
                tracing::warn!(%error, "trying again shortly");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }

    /// Writes what is not written yet, unless somebody else just has.
    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut written = file.lock().unwrap_or_else(PoisonError::into_inner);
        let (lines, count) = {
            let kept = self.kept();
            let new = usize::try_from(kept.count - written.count).unwrap_or(MOST).min(kept.letters.len());
            let letters = kept.letters.iter().skip(kept.letters.len() - new);
            (letters.map(DeadLetter::to_line).collect::<Vec<String>>(), kept.count)
        };
        if count > written.count {
            written.file.append(&lines)?;
            written.count = count;
        }
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text of at most so many characters, and nothing in it that a terminal or a log's reader would obey.
fn clipped(text: &str, most: usize) -> String {
    let mut characters = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let mut clipped: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        clipped.push('…');
    }
    clipped
}
