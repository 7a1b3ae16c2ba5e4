//! What a run does: which calls in which shares, over how many connections, for how long. Checked before anything starts.

use std::time::{Duration, Instant};

use super::options::Load;
use crate::{cli::Failure, transport::grpc::pb::Verdict};

/// The most connections, lanes and threads: more are surely a slip of the finger.
const MOST_CONNECTIONS: usize = 10_000;
const MOST_CONCURRENCY: usize = 100_000;
const MOST_THREADS: usize = 256;

/// The most calls a second that are asked for.
const MOST_RATE: f64 = 10_000_000.0;

/// The longest run, warm-up and wait for answers.
const MOST_TIME: Duration = Duration::from_secs(24 * 3600);

/// A kind of call, which is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ValidateToken` of a known token.
    Validate,
    /// The same of a token never sent before, alone or on a stream.
    Fresh,
    /// `RecordLogout` of an invented subject.
    Logout,
    /// `GetLastLogout`.
    LastLogout,
    /// A known token on a stream of `ValidateTokens`.
    Stream,
}

impl Kind {
    /// Every kind, in the order in which they are reported.
    pub(super) const ALL: [Self; 5] = [Self::Validate, Self::Fresh, Self::Logout, Self::LastLogout, Self::Stream];

    /// Its name in the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Fresh => "fresh",
            Self::Logout => "logout",
            Self::LastLogout => "last_logout",
            Self::Stream => "stream",
        }
    }
}

/// Which share of the calls is of which kind; what is left over is of known tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    pub(super) fresh: f64,
    pub(super) logouts: f64,
    pub(super) last_logouts: f64,
}

impl Shares {
    fn check(self) -> Result<Self, Failure> {
        for (name, share) in
            [("--fresh", self.fresh), ("--logouts", self.logouts), ("--last-logouts", self.last_logouts)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(Failure(format!("{name} {share} is no share of the calls: it goes from 0 to 1")));
            }
        }
        let sum = self.fresh + self.logouts + self.last_logouts;
        // Decimal fractions do not add up exactly.
        if sum > 1.0 + 1e-9 {
            return Err(Failure(format!("--fresh, --logouts and --last-logouts add up to {sum}: more than all calls")));
        }
        Ok(self)
    }

    /// Whether some calls are of known tokens.
    pub(super) fn need_known(self) -> bool {
        self.fresh + self.logouts + self.last_logouts < 1.0 - 1e-9
    }
}

/// Deals the kinds out evenly: the golden ratio's multiples, cut off at 1, fall into every part of 0 to 1 as often as it is
/// wide, and never bunch. Cheap, and the same in every run.
#[derive(Debug, Clone)]
pub(super) struct Mix {
    position: u64,
    /// Where the fresh tokens, the logouts and the last logouts end, of 2³².
    bounds: [u64; 3],
}

impl Mix {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

    /// For one lane; each begins elsewhere, or all would record their logouts at once.
    pub(super) fn new(shares: Shares, lane: usize) -> Self {
        let parts = [shares.fresh, shares.logouts, shares.last_logouts];
        let mut sum = 0.0;
        let mut bounds = parts.map(|share| {
            sum += share;
            (sum * 4_294_967_296.0).round() as u64
        });
        if !shares.need_known() {
            // What rounding left over goes to the last kind that was asked for.
            for (bound, share) in bounds.iter_mut().zip(parts).rev() {
                *bound = u64::MAX;
                if share > 0.0 {
                    break;
                }
            }
        }
        let position = (lane as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
        Self { position, bounds }
    }

    /// The kind of the next call.
    pub(super) fn next(&mut self) -> Kind {
        self.position = self.position.wrapping_add(Self::GOLDEN);
        let at = self.position >> 32;
        let [fresh, logouts, last_logouts] = self.bounds;
        match () {
            () if at < fresh => Kind::Fresh,
            () if at < logouts => Kind::Logout,
            () if at < last_logouts => Kind::LastLogout,
            () => Kind::Validate,
        }
    }
}

/// When calls count, and when waiting for their answers ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// The end of the warm-up.
    pub(super) begin: Instant,
    /// No call is begun from here on.
    pub(super) end: Instant,
    /// What is not answered by then never will be.
    pub(super) cut: Instant,
}

impl Window {
    /// Whether a call begun then counts.
    pub(super) fn counts(&self, begun: Instant) -> bool {
        begun >= self.begin && begun < self.end
    }
}

/// A run, checked.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) shares: Shares,
    pub(super) connections: usize,
    pub(super) concurrency: usize,
    pub(super) threads: usize,
    pub(super) duration: Duration,
    pub(super) warm_up: Duration,
    /// How long the last answers may take.
    pub(super) timeout: Duration,
    /// Calls a second; none: as many as there are answers.
    pub(super) rate: Option<f64>,
    pub(super) retry: bool,
    pub(super) stream: bool,
    pub(super) expect: Option<Verdict>,
    /// Another method to send the requests to, and how long its answers are.
    pub(super) raw: Option<(String, usize)>,
}

impl Plan {
    /// Checks what was asked for.
    pub(super) fn of(load: &Load, timeout: Duration) -> Result<Self, Failure> {
        let shares = Shares { fresh: load.fresh, logouts: load.logouts, last_logouts: load.last_logouts }.check()?;
        within("--connections", load.connections, MOST_CONNECTIONS)?;
        within("--concurrency", load.concurrency, MOST_CONCURRENCY)?;
        within("--threads", load.threads, MOST_THREADS)?;
        let (concurrency, connections, threads) = (load.concurrency, load.connections, load.threads);
        if concurrency < connections {
            return Err(Failure(format!(
                "--concurrency {concurrency} leaves some of --connections {connections} without a call; give as many at \
                 least"
            )));
        }
        if connections < threads {
            return Err(Failure(format!(
                "--threads {threads} share --connections {connections}; give as many at least"
            )));
        }
        if load.duration.is_zero() {
            return Err(Failure("--duration must be longer than nothing, such as 10s".to_owned()));
        }
        for (name, time) in [("--duration", load.duration), ("--warm-up", load.warm_up), ("--timeout", timeout)] {
            if time > MOST_TIME {
                return Err(Failure(format!("{name} is longer than a day")));
            }
        }
        if load.rate.is_some_and(|rate| !(rate > 0.0 && rate <= MOST_RATE)) {
            return Err(Failure(format!("--rate must be above 0 and at most {MOST_RATE} calls a second")));
        }
        if load.stream && shares.logouts + shares.last_logouts > 0.0 {
            return Err(Failure(
                "--stream carries tokens only; run another bench beside it for --logouts or --last-logouts".to_owned(),
            ));
        }
        Ok(Self {
            shares,
            connections,
            concurrency,
            threads,
            duration: load.duration,
            warm_up: load.warm_up,
            timeout,
            rate: load.rate,
            retry: load.retry,
            stream: load.stream,
            expect: load.expect.as_deref().map(verdict).transpose()?,
            raw: load.raw_path.as_deref().map(|path| raw(path, load.raw_answer_bytes)).transpose()?,
        })
    }

    /// The window of a run that starts now.
    pub(super) fn window(&self) -> Result<Window, Failure> {
        let begin = Instant::now().checked_add(self.warm_up);
        let end = begin.and_then(|begin| begin.checked_add(self.duration));
        match (begin, end, end.and_then(|end| end.checked_add(self.timeout))) {
            (Some(begin), Some(end), Some(cut)) => Ok(Window { begin, end, cut }),
            _ => Err(Failure("--warm-up, --duration and --timeout are longer than any clock goes".to_owned())),
        }
    }

    /// The numbers of the lanes of a connection: spread evenly.
    pub(super) fn lanes(&self, connection: usize) -> impl Iterator<Item = usize> + use<> {
        (connection..self.concurrency).step_by(self.connections)
    }

    /// The numbers of the connections of a thread.
    pub(super) fn connections_of(&self, thread: usize) -> impl Iterator<Item = usize> + use<> {
        (thread..self.connections).step_by(self.threads)
    }
}

fn within(name: &str, number: usize, most: usize) -> Result<(), Failure> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    Err(Failure(format!("{name} {number}: it must be from 1 to {most}")))
}

fn verdict(name: &str) -> Result<Verdict, Failure> {
    let upper = name.to_uppercase().replace('-', "_");
    let full = if upper.starts_with("VERDICT_") { upper } else { format!("VERDICT_{upper}") };
    match Verdict::from_str_name(&full) {
        Some(verdict) if verdict != Verdict::Unspecified => Ok(verdict),
        _ => Err(Failure(format!("--expect {name}: there is no such verdict; try VALID or SUBJECT_LOGGED_OUT"))),
    }
}

fn raw(path: &str, answer_bytes: usize) -> Result<(String, usize), Failure> {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    match parts {
        Some((service, method)) if !service.is_empty() && !method.is_empty() && !method.contains('/') => {
            Ok((path.to_owned(), answer_bytes))
        }
        _ => Err(Failure(format!("--raw-path {path}: it must be like /package.Service/Method"))),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
