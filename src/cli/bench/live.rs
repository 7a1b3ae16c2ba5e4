//! The line that tells how a run goes, once a second.

use std::time::{Duration, Instant};

use anstream::eprint;
use hdrhistogram::{CreationError, Histogram};
use tokio::time::{Interval, interval};

use super::{
    plan::Window,
    report::time,
    tally::{Shared, open},
};
use crate::cli::output::{BOLD, DIM};

/// The line.
pub(super) struct Live {
    watched: bool,
    window: Window,
    interval: Interval,
    last: Instant,
    second: Histogram<u64>,
}

impl Live {
    pub(super) fn new(watched: bool, window: Window) -> Result<Self, CreationError> {
        let second = Histogram::new_with_bounds(100, 120_000_000_000, 3)?;
        Ok(Self { watched, window, interval: interval(Duration::from_secs(1)), last: Instant::now(), second })
    }

    /// Waits until the next second begins.
    pub(super) async fn second(&mut self) {
        self.interval.tick().await;
    }

    /// Writes it.
    pub(super) fn show(&mut self, tallies: &[Shared]) {
        let now = Instant::now();
        if now < self.window.begin {
            eprint!("\r\x1b[K{DIM}warming up{DIM:#}");
            return;
        }
        self.second.reset();
        let (mut faults, mut refused) = (0, 0);
        for tally in tallies {
            let (more_faults, more_refused) = open(tally).take(&mut self.second);
            (faults, refused) = (faults + more_faults, refused + more_refused);
        }
        let since = now.duration_since(self.last.max(self.window.begin)).as_secs_f64();
        let rate = if since > 0.01 { self.second.len() as f64 / since } else { 0.0 };
        self.last = now;
        eprint!(
            "\r\x1b[K{DIM}{:>4} s{DIM:#}  {BOLD}{rate:.0}{BOLD:#} calls/s  p50 {}  p99 {}  refused {refused}  errors {}",
            now.duration_since(self.window.begin).as_secs(),
            time(self.second.value_at_quantile(0.5)),
            time(self.second.value_at_quantile(0.99)),
            faults.saturating_sub(refused),
        );
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        if self.watched {
            eprint!("\r\x1b[K");
        }
    }
}
