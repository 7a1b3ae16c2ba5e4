//! What the readers are shown of a record: the instants of its cutoff, in the view.

use crate::{
    domain::{Instants, Record},
    store::{Fingerprint, View, codec::at_any_client},
};

/// How many places in the view are brought from memory at the same time. One after the other, each would be waited for.
pub(super) const TOGETHER: usize = 64;

/// What one key comes to in a view.
pub(super) struct Shown {
    scope: Fingerprint,
    instants: Instants,
    /// Of a subject at one client: the subject at all of them together.
    clients: Option<Fingerprint>,
}

impl Shown {
    /// The record of a key; none: it was forgotten.
    pub(super) fn new(view: &View, key: &[u8], record: Option<&Record>) -> Self {
        // What stamps of the subject must be later than. It may outlive what it stands for: a stamp is never too late by
        // it, for it lies in the past.
        let subject = subject_of_client(key).filter(|_| record.is_some());
        Self {
            scope: view.fingerprint_of(key),
            instants: record.map(|record| record.cutoff.instants()).unwrap_or_default(),
            clients: subject.map(|subject| view.fingerprint_of(&at_any_client(subject))),
        }
    }
}

/// Shows them to the readers, in this order.
pub(super) fn show(view: &View, all: impl Iterator<Item = Shown>) {
    let mut all = all.peekable();
    while all.peek().is_some() {
        let some: Vec<_> = all.by_ref().take(TOGETHER).collect();
        view.bring(some.iter().flat_map(|shown| [Some(shown.scope), shown.clients]).flatten());
        for Shown { scope, instants, clients } in some {
            view.set(scope, instants);
            if let Some(clients) = clients {
                view.join(clients, instants);
            }
        }
    }
}

/// The key of the subject, where a key is of a subject at a client.
fn subject_of_client(key: &[u8]) -> Option<&[u8]> {
    let at_client = key.first() == Some(&b's');
    let names = |key: &[u8], from: usize| -> Option<usize> {
        let length = key.get(from..from + 2)?.first_chunk::<2>()?;
        Some(from + 2 + usize::from(u16::from_be_bytes(*length)))
    };
    let subject_ends = names(key, names(key, 1)?)?;
    key.get(..subject_ends).filter(|_| at_client && key.len() > subject_ends)
}
