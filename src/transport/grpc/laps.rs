//! How long calls wait for the processor, and whether that is a lasting overload.
//!
//! A worker's tasks have their turns one after the other, in the order in which they were woken. A *lap* is the time in
//! which everything that waited when it began has had a turn. A request waits twice: its connection has to be read, and
//! then the call itself has to have its turn. So a call has waited since the lap before this one began, at most.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// However long a lap lasts, so many of its calls are answered: the system may have given the processor to others
/// meanwhile, and a few calls are no overload.
const LEAST_OF_A_LAP: usize = 8;

/// For so long, waits that are too long are taken for a burst. Time in which nobody waits too long makes up for as much time
/// in which somebody does.
const PATIENCE: Duration = Duration::from_millis(500);

/// While an overload lasts, calls may wait for this part of the time only: the answer waits again, to be written, and what
/// is refused should have been refused soon.
const STRICTER: u32 = 16;

/// A lasting overload is over when the time in which nobody waited too long is so much longer than that in which somebody did.
const MEMORY: Duration = Duration::from_secs(2);

/// A lap without calls that is as short as this had nothing to do.
const MOMENT: Duration = Duration::from_micros(200);

/// The laps of one worker, one after the other for as long as there are calls. Times are in nanoseconds since `epoch`, and
/// zero stands for none. One thread alone writes.
#[derive(Debug)]
pub(super) struct Laps {
    epoch: Instant,
    /// When this one began; none: nothing has been called since the last.
    began: AtomicU64,
    /// How long the one before lasted, if this one followed at once.
    before: AtomicU64,
    /// When the last one ended.
    ended: AtomicU64,
    /// How many calls had their turn in this one, and how many of them were let in.
    calls: AtomicUsize,
    let_in: AtomicUsize,
    /// Whether one of them had waited too long.
    was_late: AtomicBool,
    /// For how long somebody has waited too long lately, less the time in which nobody did.
    late: AtomicU64,
    begin: Notify,
}

impl Laps {
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            began: AtomicU64::new(0),
            before: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            let_in: AtomicUsize::new(0),
            was_late: AtomicBool::new(false),
            late: AtomicU64::new(0),
            begin: Notify::new(),
        }
    }

    /// Ends laps; must go on, as a task of its own on the worker's thread, for as long as there are calls.
    pub(super) async fn run(&self) {
        loop {
            self.begin.notified().await;
            loop {
                behind_all_others().await;
                if !self.end(self.now()) {
                    break;
                }
            }
        }
    }

    /// Whether a call whose turn it is now may be answered, where nobody should wait longer than `delay` for long.
    pub(super) fn let_in(&self, delay: Duration) -> bool {
        self.lets_in(self.now(), delay)
    }

    fn now(&self) -> u64 {
        nanos(self.epoch.elapsed()).max(1)
    }

    fn lets_in(&self, now: u64, delay: Duration) -> bool {
        let began = match self.began.load(Ordering::Relaxed) {
            0 => {
                self.count(now.saturating_sub(self.ended.load(Ordering::Relaxed)), false);
                self.begin(now, 0);
                self.begin.notify_one();
                now
            }
            began => began,
        };
        let waited = self.before.load(Ordering::Relaxed) + now.saturating_sub(began);
        let lasts = self.late.load(Ordering::Relaxed) >= nanos(PATIENCE);
        let is_late = waited > nanos(if lasts { delay / STRICTER } else { delay });
        if is_late {
            self.was_late.store(true, Ordering::Relaxed);
        }
        let let_in = self.let_in.load(Ordering::Relaxed);
        let lets_in = !is_late || !lasts || let_in < LEAST_OF_A_LAP;
        self.calls.store(self.calls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.let_in.store(let_in + usize::from(lets_in), Ordering::Relaxed);
        lets_in
    }

    fn begin(&self, now: u64, before: u64) {
        self.began.store(now, Ordering::Relaxed);
        self.before.store(before, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.let_in.store(0, Ordering::Relaxed);
        self.was_late.store(false, Ordering::Relaxed);
    }

    /// Counts a time in which somebody waited too long, or nobody did.
    fn count(&self, time: u64, is_late: bool) {
        let late = self.late.load(Ordering::Relaxed);
        let lasts = late >= nanos(PATIENCE);
        let late = if is_late { late.saturating_add(time) } else { late.saturating_sub(time) };
        // When patience ends it is at once as far beyond as it gets.
        let ends = !lasts && late >= nanos(PATIENCE);
        let most = nanos(PATIENCE + MEMORY);
        self.late.store(if ends { most } else { late.min(most) }, Ordering::Relaxed);
    }

    /// Everything that waited when the lap began has had its turn. Whether another one begins.
    fn end(&self, now: u64) -> bool {
        let lasted = now.saturating_sub(self.began.load(Ordering::Relaxed));
        self.count(lasted, self.was_late.load(Ordering::Relaxed));
        let goes_on = self.calls.load(Ordering::Relaxed) > 0 || lasted > nanos(MOMENT);
        self.ended.store(now, Ordering::Relaxed);
        self.begin(if goes_on { now } else { 0 }, lasted);
        goes_on
    }
}

/// Ready when all tasks that wait now have had their turn.
async fn behind_all_others() {
    let mut woken = false;
    poll_fn(|context| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        // Not the library's yielding, which looks for new input first.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "laps_tests.rs"]
mod tests;
