//! What is counted: verdicts, logouts and events, for operators to watch and to be woken by.
//!
//! Plain counters, read by whoever shows them. Those of checks are kept apart for every thread that answers them, so that
//! no two wait for the same line of memory. Labels come from enums and the configuration only, never from a request.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    domain::{LogoutReason, Source, Timestamp},
    token::{Refusal, Standing, Verdict},
};

/// The upper bounds of the buckets of exposure, in seconds: from a sender that tells at once to a day's outage.
const EXPOSURE_BOUNDS: [f64; 13] =
    [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0];

/// The upper bounds of the buckets of latencies, in seconds: from a check out of memory to a settled logout.
const LATENCY_BOUNDS: [f64; 14] = [2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 0.1, 0.5, 2.0];

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A logout was recorded.
    Recorded,
    /// It had come before.
    Again,
    /// It is of a kind that logs nobody out, here or as configured.
    Ignored,
    /// It lacks what it needs; it is among the dead letters.
    DeadLetter,
    /// It is no good, or its sender is not who it should be.
    Refused,
    /// We could not take it; its sender should send it again.
    Failed,
}

/// The calls whose latencies are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `RecordLogout`.
    RecordLogout,
    /// `GetLastLogout`.
    GetLastLogout,
    /// `ValidateToken`; not the tokens of streams, which come in heaps.
    ValidateToken,
    /// Token introspection (RFC 7662).
    Introspect,
    /// What a proxy asks before it lets a request through.
    ForwardAuth,
}

/// How often something took up to so long.
pub struct Histogram<const N: usize> {
    bounds: [f64; N],
    /// Of each bound, and of what is beyond the last.
    counts: [AtomicU64; N],
    beyond: AtomicU64,
    micros: AtomicU64,
}

/// What the threads that answer checks count, each for itself.
pub struct Tally {
    /// By issuer, in the order of the configuration and one more for none of them, and verdict.
    verdicts: Vec<[AtomicU64; Verdict::ALL.len()]>,
    ambiguous: AtomicU64,
    claims_ahead: AtomicU64,
    latencies: [Histogram<14>; Call::ALL.len()],
}

/// All that is counted.
pub struct Metrics {
    issuers: usize,
    tallies: Mutex<Vec<Arc<Tally>>>,
    logouts: [[AtomicU64; LogoutReason::ALL.len()]; Source::ALL.len()],
    exposures: [Histogram<13>; Source::ALL.len()],
    events: [[AtomicU64; Outcome::ALL.len()]; Source::ALL.len()],
    /// When the last event came, in milliseconds since 1970; zero: none did.
    last_events: [AtomicI64; Source::ALL.len()],
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 6] =
        [Self::Recorded, Self::Again, Self::Ignored, Self::DeadLetter, Self::Refused, Self::Failed];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Again => "again",
            Self::Ignored => "ignored",
            Self::DeadLetter => "dead-letter",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Call {
    /// Every call there is.
    pub const ALL: [Self; 5] =
        [Self::RecordLogout, Self::GetLastLogout, Self::ValidateToken, Self::Introspect, Self::ForwardAuth];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RecordLogout => "RecordLogout",
            Self::GetLastLogout => "GetLastLogout",
            Self::ValidateToken => "ValidateToken",
            Self::Introspect => "Introspect",
            Self::ForwardAuth => "ForwardAuth",
        }
    }
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [f64; N]) -> Self {
        Self {
            bounds,
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            beyond: AtomicU64::new(0),
            micros: AtomicU64::new(0),
        }
    }

    fn add(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.iter().zip(&self.counts).find(|(bound, _)| seconds <= **bound);
        add(bucket.map_or(&self.beyond, |(_, count)| count), 1);
        add(&self.micros, u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX));
    }

    /// How often each bound was the least that held, how often none did, and the sum of all, in seconds.
    #[must_use]
    pub fn read(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let counts = self.bounds.iter().copied().zip(self.counts.iter().map(read)).collect();
        #[allow(clippy::cast_precision_loss, reason = "a sum for averages")]
        (counts, read(&self.beyond), read(&self.micros) as f64 / 1e6)
    }
}

impl Tally {
    fn new(issuers: usize) -> Self {
        Self {
            verdicts: std::iter::repeat_with(Default::default).take(issuers + 1).collect(),
            ambiguous: AtomicU64::new(0),
            claims_ahead: AtomicU64::new(0),
            latencies: std::array::from_fn(|_| Histogram::new(LATENCY_BOUNDS)),
        }
    }

    /// Counts a decision on a token of the issuer with this number; none: of no configured one.
    pub(super) fn decision(&self, issuer: Option<usize>, decision: Result<&Standing, &Refusal>) {
        let verdict = decision.err().map_or(Verdict::Valid, Refusal::verdict);
        let of_issuer = issuer.and_then(|issuer| self.verdicts.get(issuer)).or(self.verdicts.last());
        if let Some(count) = of_issuer.and_then(|counts| counts.get(verdict as usize)) {
            add(count, 1);
        }
        match decision {
            Ok(Standing { claim_ahead: true }) => add(&self.claims_ahead, 1),
            Err(refusal) if refusal.is_ambiguous() => add(&self.ambiguous, 1),
            Ok(Standing { claim_ahead: false }) | Err(_) => (),
        }
    }

    /// Counts how long an answer took.
    pub(super) fn answered(&self, call: Call, after: Duration) {
        if let Some(histogram) = self.latencies.get(call as usize) {
            histogram.add(after);
        }
    }

    /// How often there was this verdict on tokens of the issuer with this number; none: of no configured one.
    #[must_use]
    pub fn verdicts(&self, issuer: Option<usize>, verdict: Verdict) -> u64 {
        let of_issuer = issuer.map_or(self.verdicts.last(), |issuer| self.verdicts.get(issuer));
        of_issuer.and_then(|counts| counts.get(verdict as usize)).map_or(0, read)
    }

    /// Refusals for which the second of `iat` was too coarse to tell.
    #[must_use]
    pub fn ambiguous(&self) -> u64 {
        read(&self.ambiguous)
    }

    /// Tokens whose last-logout claim was later than any logout known here.
    #[must_use]
    pub fn claims_ahead(&self) -> u64 {
        read(&self.claims_ahead)
    }

    /// How long answers to these calls took.
    #[must_use]
    pub fn latencies(&self, call: Call) -> Option<&Histogram<14>> {
        self.latencies.get(call as usize)
    }
}

impl Metrics {
    /// Nothing counted yet, for so many issuers.
    pub(super) fn new(issuers: usize) -> Self {
        Self {
            issuers,
            tallies: Mutex::default(),
            logouts: Default::default(),
            exposures: std::array::from_fn(|_| Histogram::new(EXPOSURE_BOUNDS)),
            events: Default::default(),
            last_events: Default::default(),
        }
    }

    /// A tally for one more thread.
    pub(super) fn tally(&self) -> Arc<Tally> {
        let tally = Arc::new(Tally::new(self.issuers));
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&tally));
        tally
    }

    /// Counts a logout that is durable; `exposure` is how long it went unknown, if it was reported afterwards.
    pub(super) fn logout(&self, source: Source, reason: LogoutReason, exposure: Option<Duration>) {
        if let Some(count) = self.logouts.get(source as usize).and_then(|counts| counts.get(reason as usize)) {
            add(count, 1);
        }
        if let (Some(exposure), Some(histogram)) = (exposure, self.exposures.get(source as usize)) {
            histogram.add(exposure);
        }
    }

    /// Counts an event that came in at the front desk, and what came of it.
    pub fn event(&self, source: Source, outcome: Outcome, now: Timestamp) {
        if let Some(count) = self.events.get(source as usize).and_then(|counts| counts.get(outcome as usize)) {
            add(count, 1);
        }
        // Whoever sends nonsense does not keep the alarm of a silent stream quiet.
        if let (true, Some(last)) = (outcome != Outcome::Refused, self.last_events.get(source as usize)) {
            last.fetch_max(now.as_millis(), Ordering::Relaxed);
        }
    }

    /// The tallies of all threads.
    #[must_use]
    pub fn tallies(&self) -> Vec<Arc<Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many logouts came this way for this reason.
    #[must_use]
    pub fn logouts(&self, source: Source, reason: LogoutReason) -> u64 {
        self.logouts.get(source as usize).and_then(|counts| counts.get(reason as usize)).map_or(0, read)
    }

    /// How long logouts that came this way went unknown.
    #[must_use]
    pub fn exposures(&self, source: Source) -> Option<&Histogram<13>> {
        self.exposures.get(source as usize)
    }

    /// How many events came this way to this end.
    #[must_use]
    pub fn events(&self, source: Source, outcome: Outcome) -> u64 {
        self.events.get(source as usize).and_then(|counts| counts.get(outcome as usize)).map_or(0, read)
    }

    /// When the last event came this way that was not refused. None: none has since the start.
    #[must_use]
    pub fn last_event(&self, source: Source) -> Option<Timestamp> {
        let millis = self.last_events.get(source as usize)?.load(Ordering::Relaxed);
        Timestamp::from_millis(millis).ok().filter(|at| *at > Timestamp::EPOCH)
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
