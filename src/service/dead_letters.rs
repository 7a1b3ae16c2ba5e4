//! Events that came in and could not become a logout: kept for a person to look at, never guessed.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::domain::{Source, Timestamp};

/// How many are kept; more push out the oldest.
const MOST: usize = 1000;

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
pub struct DeadLetters(Mutex<VecDeque<DeadLetter>>);

impl DeadLetters {
    /// Keeps one, and says so in the log.
    pub fn keep(&self, letter: DeadLetter) {
        tracing::warn!(
            source = letter.source.name(), issuer = %letter.issuer, id = %letter.id, event = %letter.event,
            why = %letter.why, "an event could not become a logout; see `curfew dead-letters`"
        );
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if letters.len() >= MOST {
            letters.pop_front();
        }
        letters.push_back(letter);
    }

    /// All that are kept, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<DeadLetter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
