//! What the commands that are written together come to: the changes, and the answers that wait for them to be durable.

use std::collections::BTreeMap;

use ::sled::Tree;
use tokio::sync::oneshot;

use super::{
    database::{Database, WriteError},
    unavailable,
    writer::Command,
};
use crate::{
    domain::{Instants, NewLogout, Record, Recorded, Revision, Scope, Timestamp},
    store::{
        Forgettable, StoreError, View,
        codec::{at_any_client, decode_record, decode_scope, encode_record, encode_scope},
        stamp::{latest, recorded},
    },
};

/// Whom to answer, and what once the changes are durable.
enum Answer {
    Recorded(Vec<Result<Recorded, StoreError>>, oneshot::Sender<Vec<Result<Recorded, StoreError>>>),
    Forgotten(u64, oneshot::Sender<Result<u64, StoreError>>),
}

/// Changes on top of what is durable, and the answers.
pub(super) struct Batch<'a> {
    tree: Tree,
    view: &'a View,
    changes: BTreeMap<Vec<u8>, Option<Record>>,
    revision: Revision,
    answers: Vec<Answer>,
}

impl<'a> Batch<'a> {
    /// No changes yet.
    pub(super) const fn new(tree: Tree, view: &'a View, revision: Revision) -> Self {
        Self { tree, view, changes: BTreeMap::new(), revision, answers: Vec::new() }
    }

    /// The revision that it ends at.
    pub(super) const fn revision(&self) -> Revision {
        self.revision
    }

    /// Works out what a command changes, on top of what those before it changed.
    pub(super) fn take(&mut self, command: Command) {
        match command {
            Command::Record(logouts, answer) => {
                let answers = logouts.iter().map(|logout| self.record(logout)).collect();
                self.answers.push(Answer::Recorded(answers, answer));
            }
            Command::Forget(keys, forgettable, answer) => match self.forget(keys, &forgettable) {
                Ok(forgotten) => self.answers.push(Answer::Forgotten(forgotten, answer)),
                Err(error) => drop(answer.send(Err(error))),
            },
            // Taken out before.
            Command::Close(_) => (),
        }
    }

    fn record(&mut self, logout: &NewLogout) -> Result<Recorded, StoreError> {
        let key = encode_scope(&logout.scope);
        let known = self.known(&key)?;
        let latest = self.latest_of_the_same(&logout.scope, &key, known);
        let next = Revision(self.revision.0 + 1);
        let recorded = recorded(known, latest, logout, next);
        if recorded.record.revision == next {
            self.revision = next;
            self.changes.insert(key, Some(recorded.record));
        }
        Ok(recorded)
    }

    fn forget(&mut self, keys: Vec<Vec<u8>>, forgettable: &Forgettable) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for key in keys {
            if let (Ok(scope), Some(record)) = (decode_scope(&key), self.known(&key)?)
                && forgettable(&scope, &record)
            {
                self.changes.insert(key, None);
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    /// What is known of the scope with this key. Of most the view knows at once that nothing is.
    fn known(&self, key: &[u8]) -> Result<Option<Record>, StoreError> {
        if let Some(changed) = self.changes.get(key) {
            return Ok(*changed);
        }
        if self.view.look_up_one(self.view.fingerprint_of(key)) == Instants::default() {
            return Ok(None);
        }
        let bytes = self.tree.get(key).map_err(|error| unavailable(&error))?;
        bytes.map(|bytes| decode_record(&bytes)).transpose().map_err(|error| unavailable(&error))
    }

    /// The latest logout of the scope; for a subject, of the subject at any client too: their keys begin with its own.
    fn latest_of_the_same(&self, scope: &Scope, key: &[u8], known: Option<Record>) -> Option<Timestamp> {
        let (Scope::Subject(issuer, subject) | Scope::SubjectAtClient(issuer, subject, _)) = scope else {
            return known.and_then(|record| latest(&record.cutoff));
        };
        let prefix = match scope {
            Scope::Subject(..) => key.to_vec(),
            _ => encode_scope(&Scope::Subject(issuer.clone(), subject.clone())),
        };
        let subject = self.view.fingerprint_of(&prefix);
        let clients = self.view.fingerprint_of(&at_any_client(&prefix));
        let durable = self.view.look_up([Some(subject), Some(clients)]);
        let durable = durable.iter().flat_map(|at| [at.live, at.late, at.authentication]).max().flatten();
        let changed = self.changes.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        changed.filter_map(|(_, record)| latest(&(*record)?.cutoff)).max().max(durable)
    }

    /// Writes the changes and returns when they are on disk.
    pub(super) fn write(&self, database: &Database) -> Result<(), WriteError> {
        let (mut kept, mut forgotten) = (Vec::new(), Vec::new());
        for (key, change) in &self.changes {
            match change {
                Some(record) => kept.push((key.as_slice(), encode_record(record))),
                None => forgotten.push(key.as_slice()),
            }
        }
        if !kept.is_empty() {
            database.write(kept.into_iter())?;
        }
        if !forgotten.is_empty() {
            database.remove(forgotten.into_iter(), self.revision)?;
        }
        Ok(())
    }

    /// The key of the record with the last revision, if any record is new.
    pub(super) fn last_key(&self) -> Option<Vec<u8>> {
        let records = self.changes.iter().filter_map(|(key, record)| Some((record.as_ref()?.revision, key)));
        records.max().map(|(_, key)| key.clone())
    }

    /// The keys that change.
    pub(super) fn into_keys(self) -> impl Iterator<Item = Vec<u8>> {
        self.changes.into_keys()
    }

    /// The changes are durable: shows them to the readers.
    pub(super) fn show(&self) {
        for (key, change) in &self.changes {
            show(self.view, key, change.as_ref());
        }
    }

    /// Answers everybody. A caller who no longer listens is no fault.
    pub(super) fn answer(self) {
        for answer in self.answers {
            match answer {
                Answer::Recorded(answers, caller) => drop(caller.send(answers)),
                Answer::Forgotten(count, caller) => drop(caller.send(Ok(count))),
            }
        }
    }

    /// Tells everybody that it failed.
    pub(super) fn refuse(&mut self, error: &StoreError) {
        for answer in self.answers.drain(..) {
            match answer {
                Answer::Recorded(answers, caller) => drop(caller.send(vec![Err(error.clone()); answers.len()])),
                Answer::Forgotten(_, caller) => drop(caller.send(Err(error.clone()))),
            }
        }
    }
}

/// Shows the record of a key to the readers; none: it was forgotten.
pub(super) fn show(view: &View, key: &[u8], record: Option<&Record>) {
    let instants = record.map(|record| record.cutoff.instants()).unwrap_or_default();
    view.set(view.fingerprint_of(key), instants);
    // What stamps of the subject must be later than. It may outlive what it stands for: a stamp is never too late by it,
    // for it lies in the past.
    if let (Some(subject), Some(_)) = (subject_of_client(key), record) {
        let clients = view.fingerprint_of(&at_any_client(subject));
        view.join(clients, instants);
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
