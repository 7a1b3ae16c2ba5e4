//! What the commands that are written together come to: the changes, and the answers that wait for them to be durable.

use std::{collections::BTreeMap, sync::Arc};

use ::sled::Tree;
use tokio::sync::oneshot;

use super::{
    database::{Database, WriteError},
    show::{Shown, show},
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

/// Records by key; none: it was forgotten.
pub(super) type Changes = BTreeMap<Vec<u8>, Option<Record>>;

/// Changes on top of those that are being made durable, which are on top of those that are.
pub(super) struct Batch {
    tree: Tree,
    /// What is being made durable.
    before: Arc<Changes>,
    changes: Changes,
    /// The keys of changes that have not been written yet.
    unwritten: Vec<Vec<u8>>,
    revision: Revision,
    answers: Vec<Answer>,
    logouts: usize,
}

/// A batch to which nothing is added any more.
pub(super) struct Sealed {
    pub(super) changes: Arc<Changes>,
    /// The revision that it ends at.
    pub(super) revision: Revision,
    answers: Vec<Answer>,
}

impl Batch {
    /// No changes yet.
    pub(super) fn new(tree: Tree, before: Arc<Changes>, revision: Revision) -> Self {
        let (changes, unwritten, answers) = (Changes::new(), Vec::new(), Vec::new());
        Self { tree, before, changes, unwritten, revision, answers, logouts: 0 }
    }

    /// How many logouts it was asked to record.
    pub(super) const fn logouts(&self) -> usize {
        self.logouts
    }

    /// Nothing more is added.
    pub(super) fn seal(self) -> Sealed {
        Sealed { changes: Arc::new(self.changes), revision: self.revision, answers: self.answers }
    }

    /// Works out what a command changes, on top of what those before it changed.
    pub(super) fn take(&mut self, command: Command, view: &View) {
        match command {
            Command::Record(logouts, answer) => {
                self.logouts += logouts.len();
                let answers = logouts.iter().map(|logout| self.record(logout, view)).collect();
                self.answers.push(Answer::Recorded(answers, answer));
            }
            Command::Forget(keys, forgettable, answer) => match self.forget(keys, &forgettable, view) {
                Ok(forgotten) => self.answers.push(Answer::Forgotten(forgotten, answer)),
                Err(error) => drop(answer.send(Err(error))),
            },
            // Taken out before.
            Command::Close(_) | Command::Synced => (),
        }
    }

    fn record(&mut self, logout: &NewLogout, view: &View) -> Result<Recorded, StoreError> {
        let key = encode_scope(&logout.scope);
        let known = self.known(&key, view)?;
        let latest = self.latest_of_the_same(&logout.scope, &key, known, view);
        let next = Revision(self.revision.0 + 1);
        let recorded = recorded(known, latest, logout, next);
        if recorded.record.revision == next {
            self.revision = next;
            self.change(key, Some(recorded.record));
        }
        Ok(recorded)
    }

    fn change(&mut self, key: Vec<u8>, record: Option<Record>) {
        self.unwritten.push(key.clone());
        self.changes.insert(key, record);
    }

    fn forget(&mut self, keys: Vec<Vec<u8>>, forgettable: &Forgettable, view: &View) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for key in keys {
            if let (Ok(scope), Some(record)) = (decode_scope(&key), self.known(&key, view)?)
                && forgettable(&scope, &record)
            {
                self.change(key, None);
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    /// What is known of the scope with this key. Of most the view knows at once that nothing is.
    fn known(&self, key: &[u8], view: &View) -> Result<Option<Record>, StoreError> {
        if let Some(changed) = self.changes.get(key).or_else(|| self.before.get(key)) {
            return Ok(*changed);
        }
        if view.look_up_one(view.fingerprint_of(key)) == Instants::default() {
            return Ok(None);
        }
        let bytes = self.tree.get(key).map_err(|error| unavailable(&error))?;
        bytes.map(|bytes| decode_record(&bytes)).transpose().map_err(|error| unavailable(&error))
    }

    /// The latest logout of the scope; for a subject, of the subject at any client too: their keys begin with its own.
    fn latest_of_the_same(&self, scope: &Scope, key: &[u8], known: Option<Record>, view: &View) -> Option<Timestamp> {
        let (Scope::Subject(issuer, subject) | Scope::SubjectAtClient(issuer, subject, _)) = scope else {
            return known.and_then(|record| latest(&record.cutoff));
        };
        let prefix = match scope {
            Scope::Subject(..) => key.to_vec(),
            _ => encode_scope(&Scope::Subject(issuer.clone(), subject.clone())),
        };
        let subject = view.fingerprint_of(&prefix);
        let clients = view.fingerprint_of(&at_any_client(&prefix));
        let durable = view.look_up([Some(subject), Some(clients)]);
        let durable = durable.iter().flat_map(|at| [at.live, at.late, at.authentication]).max().flatten();
        durable.max(latest_below(&self.before, &prefix)).max(latest_below(&self.changes, &prefix))
    }

    /// Writes what has not been written yet; makes nothing durable.
    pub(super) fn write(&mut self, database: &Database) -> Result<(), WriteError> {
        let (mut kept, mut forgotten) = (Vec::new(), Vec::new());
        // Of many logouts of one scope the last says it all.
        self.unwritten.sort_unstable();
        self.unwritten.dedup();
        for key in &self.unwritten {
            match self.changes.get(key).copied().flatten() {
                Some(record) => kept.push((key.as_slice(), encode_record(&record))),
                None => forgotten.push(key.as_slice()),
            }
        }
        if !kept.is_empty() {
            database.insert(kept.into_iter())?;
        }
        if !forgotten.is_empty() {
            database.remove(forgotten.into_iter(), self.revision)?;
        }
        self.unwritten.clear();
        Ok(())
    }

    /// Refuses everybody; returns the keys, for who knows what has reached the disk.
    pub(super) fn refuse(self, error: &StoreError) -> Vec<Vec<u8>> {
        self.seal().refuse(error)
    }
}

impl Sealed {
    /// The key of the record with the last revision, if any record is new.
    pub(super) fn last_key(&self) -> Option<Vec<u8>> {
        let records = self.changes.iter().filter_map(|(key, record)| Some((record.as_ref()?.revision, key)));
        records.max().map(|(_, key)| key.clone())
    }

    /// The changes are durable: shows them to the readers.
    pub(super) fn show(&self, view: &View) {
        show(view, self.changes.iter().map(|(key, change)| Shown::new(view, key, change.as_ref())));
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

    /// As [`Batch::refuse`].
    pub(super) fn refuse(self, error: &StoreError) -> Vec<Vec<u8>> {
        for answer in self.answers {
            match answer {
                Answer::Recorded(answers, caller) => drop(caller.send(vec![Err(error.clone()); answers.len()])),
                Answer::Forgotten(_, caller) => drop(caller.send(Err(error.clone()))),
            }
        }
        self.changes.keys().cloned().collect()
    }
}

/// The latest logout among the changes whose keys begin like this.
fn latest_below(changes: &Changes, prefix: &[u8]) -> Option<Timestamp> {
    let below = changes.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
    below.filter_map(|(_, record)| latest(&(*record)?.cutoff)).max()
}
