//! How calls follow each other: each as soon as the one before it is answered, or each when it is due.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use h2::client::SendRequest;
use prost::bytes::Bytes;
use tokio::sync::Notify;

use super::{
    answer::{Answer, Failed, Wanted, judge},
    plan::{Plan, Window},
    requests::{Asked, Call, Inputs, Source},
    tally::{Shared, open},
    wire::{self, Fault},
};

/// How far apart calls are at least that are due one by one; of faster rates, several are due at once.
const TICK: Duration = Duration::from_micros(100);

/// How many calls of a lane may be in flight where calls are sent as they are due.
const MOST_BEHIND: usize = 16;

/// The connection is lost, and why.
pub(super) struct Lost(pub(super) String);

/// What a connection needs to make its calls.
pub(super) struct Scene<'a> {
    pub(super) plan: &'a Plan,
    pub(super) inputs: &'a Inputs,
    pub(super) window: Window,
    pub(super) tally: &'a Shared,
}

/// What a lane should know of the call that it made.
struct Made {
    /// The service asks to be left alone for so long.
    wait: Option<Duration>,
    /// The number of the invented subject whose logout was acknowledged.
    recorded: Option<u64>,
}

impl Scene<'_> {
    /// What answers must be.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted { verdict: self.plan.expect, raw_bytes: self.plan.raw.as_ref().map_or(0, |(_, bytes)| *bytes) }
    }

    /// Makes a call that was due then, and counts it if it counts.
    async fn make(&self, send: &mut SendRequest<Bytes>, call: Call<'_>, due: Instant) -> Result<Made, Lost> {
        let counts = self.window.counts(due);
        if counts {
            open(self.tally).begin(call.kind);
        }
        let result = wire::call(send, call.head, call.body).await;
        let answer = match &result {
            Ok(reply) => judge(&call.asked, reply, self.wanted()),
            Err(Fault::Reset(why)) => Answer::Failed(Failed::of("RESET", why.clone())),
            Err(Fault::Lost(why)) => Answer::Failed(Failed::of("CONNECTION_LOST", why.clone())),
        };
        if counts {
            open(self.tally).end(call.kind, due.elapsed(), &answer);
        }
        match (result, answer, call.asked) {
            (Err(Fault::Lost(why)), ..) => Err(Lost(why)),
            (_, Answer::Failed(failed), _) => Ok(Made { wait: failed.wait(), recorded: None }),
            (_, Answer::Right(_), Asked::Logout(_, number)) => Ok(Made { wait: None, recorded: Some(number) }),
            _ => Ok(Made { wait: None, recorded: None }),
        }
    }

    /// All lanes of a connection, each as fast as it is answered.
    pub(super) async fn as_answered(&self, connection: usize, send: &SendRequest<Bytes>) -> Result<(), Lost> {
        let lanes = self.plan.lanes(connection).map(|lane| self.lane(lane, send.clone()));
        let mut lanes: FuturesUnordered<_> = lanes.collect();
        let mut outcome = Ok(());
        while let Some(ended) = lanes.next().await {
            outcome = outcome.and(ended);
        }
        outcome
    }

    async fn lane(&self, lane: usize, mut send: SendRequest<Bytes>) -> Result<(), Lost> {
        let mut source = Source::new(self.inputs, self.plan, lane);
        loop {
            let now = Instant::now();
            if now >= self.window.end {
                return Ok(());
            }
            let Some(call) = source.next() else { return Ok(()) };
            let made = self.make(&mut send, call, now).await?;
            source.recorded = made.recorded.or(source.recorded);
            if let Some(wait) = made.wait.filter(|_| self.plan.retry) {
                tokio::time::sleep(wait.min(self.window.end.saturating_duration_since(Instant::now()))).await;
            }
        }
    }

    /// The calls of a connection, each when it is due, whether the ones before it are answered or not.
    pub(super) async fn as_due(
        &self,
        connection: usize,
        send: &SendRequest<Bytes>,
        schedule: &mut Schedule,
    ) -> Result<(), Lost> {
        let lanes = self.plan.lanes(connection).count();
        let ticks = Ticks::start(schedule, self.window.end);
        let mut source = Source::new(self.inputs, self.plan, connection);
        let mut flying = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = ticks.0.notified() => {
                    let now = Instant::now();
                    while let Some(due) = schedule.next(now.min(self.window.end)) {
                        if flying.len() >= lanes * MOST_BEHIND {
                            open(self.tally).not_sent += u64::from(self.window.counts(due));
                            continue;
                        }
                        let Some(call) = source.next() else { return Ok(()) };
                        let mut send = send.clone();
                        flying.push(async move { self.make(&mut send, call, due).await });
                    }
                    if now >= self.window.end {
                        break;
                    }
                }
                Some(made) = flying.next() => {
                    source.recorded = made?.recorded.or(source.recorded);
                }
            }
        }
        while let Some(made) = flying.next().await {
            made?;
        }
        Ok(())
    }
}

/// When calls are due: at every tick so many that the rate comes out.
pub(super) struct Schedule {
    start: Instant,
    tick: Duration,
    /// Calls a tick.
    each: f64,
    ticks: u32,
    /// How many are due by the last tick, and how many of them were handed out.
    due: f64,
    handed_out: f64,
}

impl Schedule {
    /// For one connection of several, whose ticks lie between each other.
    pub(super) fn new(plan: &Plan, rate: f64, connection: usize, now: Instant) -> Self {
        let mine = rate / plan.connections as f64;
        // Below one call in a day, a day will do.
        let tick = Duration::from_secs_f64((1.0 / mine).min(86_400.0)).max(TICK * plan.connections.min(1000) as u32);
        let offset = tick.mul_f64(connection as f64 / plan.connections as f64);
        Self { start: now + offset, tick, each: mine * tick.as_secs_f64(), ticks: 0, due: 0.0, handed_out: 0.0 }
    }

    /// When the next call was due, if it was due by now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Instant> {
        // Hundreds of thousands of sums of fractions may miss a whole number by a little.
        while self.handed_out + 1.0 > self.due + 1e-6 {
            if self.at(self.ticks + 1) > now {
                return None;
            }
            self.ticks += 1;
            self.due = f64::from(self.ticks) * self.each;
        }
        self.handed_out += 1.0;
        Some(self.at(self.ticks))
    }

    fn at(&self, ticks: u32) -> Instant {
        self.start + self.tick.saturating_mul(ticks)
    }
}

/// A clock finer than the runtime's, which counts in milliseconds: a thread that sleeps from tick to tick.
struct Ticks(Arc<Notify>);

impl Ticks {
    fn start(schedule: &Schedule, end: Instant) -> Self {
        let notify = Arc::new(Notify::new());
        let (start, tick, weak) = (schedule.start, schedule.tick, Arc::downgrade(&notify));
        drop(thread::spawn(move || {
            let mut at = start;
            // Ends with whoever listens, too.
            while let Some(notify) = weak.upgrade() {
                // Read before telling: who is told last must find that the end has come.
                let now = Instant::now();
                notify.notify_one();
                drop(notify);
                if now >= end {
                    break;
                }
                while at <= now {
                    at += tick;
                }
                thread::sleep(at.min(end).saturating_duration_since(now));
            }
        }));
        Self(notify)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Failure, bench::options::Load};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        load: Load,
    }

    #[test]
    fn a_rate_comes_out_over_all_connections() {
        for (connections, rate) in [("1", 10.0), ("4", 3.0), ("4", 1000.0), ("4", 123_456.0), ("64", 50_000.0)] {
            let line = Line::try_parse_from(["bench", "--connections", connections]).unwrap();
            let plan = Plan::of(&line.load, Duration::ZERO).map_err(|Failure(text)| text).unwrap();
            let (start, mut calls) = (Instant::now(), 0.0);
            for connection in 0..plan.connections {
                let mut schedule = Schedule::new(&plan, rate, connection, start);
                let mut last = start;
                // However late it is asked, every call is due when it was due.
                for seconds in [4, 10] {
                    while let Some(due) = schedule.next(start + Duration::from_secs(seconds)) {
                        assert!(due >= last && due <= start + Duration::from_secs(seconds));
                        last = due;
                        calls += 1.0;
                    }
                }
            }
            let wanted = rate * 10.0;
            assert!((calls - wanted).abs() <= wanted * 0.001 + plan.connections as f64, "{calls} of {wanted}");
        }
    }
}
