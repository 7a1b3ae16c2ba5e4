//! What is counted. Each thread that makes load has a tally of its own; they are added up in the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::{CreationError, Histogram};

use super::{
    answer::{Answer, Failed, REFUSED},
    plan::Kind,
};
use crate::transport::grpc::pb::Verdict;

/// What one kind of call came to.
#[derive(Debug, Clone)]
pub(super) struct KindTally {
    pub(super) right: u64,
    pub(super) wrong: u64,
    pub(super) errors: BTreeMap<&'static str, u64>,
    /// Of the calls whose status was OK, in nanoseconds.
    pub(super) latency: Histogram<u64>,
}

impl KindTally {
    /// Nothing yet.
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self { right: 0, wrong: 0, errors: BTreeMap::new(), latency: histogram()? })
    }

    /// Every call.
    pub(super) fn calls(&self) -> u64 {
        self.right + self.wrong + self.errors.values().sum::<u64>()
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        add(&mut self.errors, &other.errors);
        // The bounds are the same.
        self.latency.add(&other.latency).unwrap_or_default();
    }
}

/// Everything that is counted.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// By kind, in the order of [`Kind::ALL`].
    pub(super) kinds: [KindTally; 5],
    /// How long it took to be refused, in nanoseconds.
    pub(super) refused: Histogram<u64>,
    pub(super) verdicts: BTreeMap<&'static str, u64>,
    pub(super) reasons: BTreeMap<String, u64>,
    /// How many calls that count have begun, by kind.
    begun: [u64; 5],
    /// How many were due while too many were in flight.
    pub(super) not_sent: u64,
    pub(super) reconnections: u64,
    /// The first that was not as it must be, in words.
    pub(super) first_fault: Option<String>,
    /// The same as in `kinds`, since it was last taken; only where somebody watches.
    live: Option<Histogram<u64>>,
}

/// From 0.1 µs to two minutes, to a thousandth.
fn histogram() -> Result<Histogram<u64>, CreationError> {
    Histogram::new_with_bounds(100, 120_000_000_000, 3)
}

fn add<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key.clone()).or_default() += count;
    }
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(watched: bool) -> Result<Self, CreationError> {
        let kind = KindTally::new()?;
        Ok(Self {
            kinds: std::array::from_fn(|_| kind.clone()),
            refused: histogram()?,
            verdicts: BTreeMap::new(),
            reasons: BTreeMap::new(),
            begun: [0; 5],
            not_sent: 0,
            reconnections: 0,
            first_fault: None,
            live: watched.then(histogram).transpose()?,
        })
    }

    /// A call that counts has begun.
    pub(super) fn begin(&mut self, kind: Kind) {
        if let Some(begun) = self.begun.get_mut(kind as usize) {
            *begun += 1;
        }
    }

    /// It was answered.
    pub(super) fn end(&mut self, kind: Kind, took: Duration, answer: &Answer) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let Some(tally) = self.kinds.get_mut(kind as usize) else { return };
        let verdict = match answer {
            Answer::Right(verdict) => {
                tally.right += 1;
                verdict
            }
            Answer::Wrong(verdict, what) => {
                tally.wrong += 1;
                self.first_fault.get_or_insert_with(|| what.clone());
                verdict
            }
            Answer::Failed(failed) => return self.failed(kind, nanos, failed),
        };
        tally.latency.saturating_record(nanos);
        if let Some(live) = &mut self.live {
            live.saturating_record(nanos);
        }
        if let Some(verdict) = verdict {
            *self.verdicts.entry(name(*verdict)).or_default() += 1;
        }
    }

    fn failed(&mut self, kind: Kind, nanos: u64, failed: &Failed) {
        if failed.code == REFUSED {
            self.refused.saturating_record(nanos);
        }
        if let Some(tally) = self.kinds.get_mut(kind as usize) {
            *tally.errors.entry(failed.code).or_default() += 1;
        }
        if !failed.reason.is_empty() {
            match self.reasons.get_mut(&failed.reason) {
                Some(count) => *count += 1,
                None => drop(self.reasons.insert(failed.reason.clone(), 1)),
            }
        }
        self.first_fault.get_or_insert_with(|| failed.message.clone());
    }

    /// The run is over: what has begun and not ended has no answer.
    pub(super) fn close(&mut self) {
        for (tally, begun) in self.kinds.iter_mut().zip(self.begun) {
            let open = begun.saturating_sub(tally.calls());
            if open > 0 {
                *tally.errors.entry("NO_ANSWER").or_default() += open;
                self.first_fault.get_or_insert_with(|| "calls were not answered in time; see --timeout".to_owned());
            }
        }
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: Self) {
        self.kinds.iter_mut().zip(&other.kinds).for_each(|(mine, its)| mine.add(its));
        self.refused.add(&other.refused).unwrap_or_default();
        add(&mut self.verdicts, &other.verdicts);
        add(&mut self.reasons, &other.reasons);
        self.not_sent += other.not_sent;
        self.reconnections += other.reconnections;
        self.first_fault = self.first_fault.take().or(other.first_fault);
    }

    /// Moves what came since the last time into `to`, and says how many errors there are and how many of them are refusals.
    pub(super) fn take(&mut self, to: &mut Histogram<u64>) -> (u64, u64) {
        if let Some(live) = &mut self.live {
            to.add(&*live).unwrap_or_default();
            live.reset();
        }
        (self.kinds.iter().map(|kind| kind.wrong + kind.errors.values().sum::<u64>()).sum(), self.refused.len())
    }
}

/// `SUBJECT_LOGGED_OUT` of `VERDICT_SUBJECT_LOGGED_OUT`.
fn name(verdict: Verdict) -> &'static str {
    crate::cli::output::verdict(verdict.into())
}

/// A tally that the thread and whoever watches share. The thread has it nearly always to itself.
pub(super) type Shared = Arc<Mutex<Tally>>;

/// Opens it.
pub(super) fn open(tally: &Shared) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_that_has_begun_is_accounted_for() {
        let mut tally = Tally::new(true).unwrap();
        (0..5).for_each(|_| tally.begin(Kind::Fresh));
        let took = Duration::from_micros(50);
        tally.end(Kind::Fresh, took, &Answer::Right(Some(Verdict::Valid)));
        tally.end(Kind::Fresh, took, &Answer::Wrong(Some(Verdict::Expired), "it expired".to_owned()));
        tally.end(Kind::Fresh, took, &Answer::Failed(Failed::of(REFUSED, "too much".to_owned())));
        let mut live = histogram().unwrap();
        assert_eq!((tally.take(&mut live), live.len()), ((2, 1), 2));
        tally.close();
        let mut sum = Tally::new(false).unwrap();
        sum.add(tally.clone());
        sum.add(tally);
        let [_, fresh, ..] = &sum.kinds;
        assert_eq!((fresh.right, fresh.wrong, fresh.calls(), fresh.latency.len()), (2, 2, 10, 4));
        assert_eq!(fresh.errors, BTreeMap::from([(REFUSED, 2), ("NO_ANSWER", 4)]));
        assert_eq!(sum.verdicts, BTreeMap::from([("VALID", 2), ("EXPIRED", 2)]));
        assert_eq!((sum.refused.len(), sum.first_fault.as_deref()), (2, Some("it expired")));
    }
}
