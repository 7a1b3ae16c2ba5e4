//! Fetches security events (RFC 8936): one task for each issuer that has a transmitter to ask.
//!
//! An event is acknowledged only after what it tells is on disk; one that does not hold is reported with its reason; one
//! that we could not take is passed over in silence, so that the transmitter sends it again. Whatever a transmitter does, it
//! is asked no more often than it has something new to tell, and after a failure less and less often.
//!
//! What was to be acknowledged when the service stops is sent again to the next one, and changes nothing there.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    outbound::{FetchError, Page, Refused, Told, Transmitter},
    service::{Curfew, Delivery, EventNotTaken, EventTaken},
};

/// How long after a failure it is tried again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest time until it is tried again.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// One transmitter, and the issuer whose events it tells.
pub(super) struct Polling {
    pub(super) issuer: String,
    pub(super) transmitter: Transmitter,
    /// The shortest time between two questions of which the first brought nothing new.
    pub(super) interval: Duration,
    /// How many tokens are asked for at once.
    pub(super) max_events: u32,
}

/// How it goes.
#[derive(Default)]
struct Progress {
    /// What the transmitter is still to be told.
    told: Told,
    /// The tokens that came last.
    last: HashSet<String>,
    /// How many questions in a row have failed.
    failures: u32,
    /// How often the number of tokens was halved, because they were too much to read.
    halved: u32,
}

impl Polling {
    /// Asks, again and again, until it is told to stop.
    pub(super) async fn run(self, curfew: Arc<Curfew>, stop: CancellationToken) {
        let mut progress = Progress::default();
        while !stop.is_cancelled() {
            let began = Instant::now();
            let most = self.max_events.checked_shr(progress.halved).unwrap_or(0).max(1);
            let asked = tokio::select! {
                asked = self.transmitter.ask(&progress.told, most) => asked,
                () = stop.cancelled() => return,
            };
            let pause = match asked {
                Ok(page) => self.take(&curfew, page, &mut progress, began, &stop).await,
                Err(error) => self.note_failure(&error, &mut progress),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = stop.cancelled() => (),
            }
        }
    }

    /// Takes what came; returns how long to wait before the next question.
    async fn take(
        &self,
        curfew: &Curfew,
        page: Page,
        progress: &mut Progress,
        began: Instant,
        stop: &CancellationToken,
    ) -> Duration {
        if progress.failures > 0 {
            info!(issuer = %self.issuer, "the transmitter of security events answers again");
        }
        let before = std::mem::take(&mut progress.last);
        progress.told = Told::default();
        progress.halved = progress.halved.saturating_sub(1);
        let mut all_taken = true;
        for (id, raw_token) in page.tokens {
            if stop.is_cancelled() {
                break;
            }
            all_taken &= self.take_one(curfew, &id, &raw_token, &mut progress.told).await;
            progress.last.insert(id);
        }
        if !all_taken {
            progress.failures = progress.failures.saturating_add(1);
            return retry(progress.failures);
        }
        progress.failures = 0;
        let anything_new = progress.last.iter().any(|id| !before.contains(id));
        if anything_new { Duration::ZERO } else { self.interval.saturating_sub(began.elapsed()) }
    }

    /// Takes one token, and notes what the transmitter is to be told of it. False: nothing, for it was our own fault.
    async fn take_one(&self, curfew: &Curfew, id: &str, raw_token: &str, told: &mut Told) -> bool {
        match curfew.security_event(raw_token, Delivery::Poll(&self.issuer, id)).await {
            Ok(taken) => {
                if let EventTaken::Recorded(recorded) = taken {
                    info!(
                        issuer = %self.issuer, scope = %recorded.scope.kind(),
                        revision = recorded.recorded.record.revision.0,
                        "a logout that a fetched security event told was recorded"
                    );
                }
                told.taken.push(id.to_owned());
                true
            }
            Err(EventNotTaken::Refused(error, why)) => {
                info!(issuer = %self.issuer, err = error.name(), %why, "a fetched security event token was refused");
                told.refused.push(Refused { id: id.to_owned(), error: error.name(), description: why });
                true
            }
            Err(EventNotTaken::Failed(error)) => {
                warn!(issuer = %self.issuer, %error, "a logout was not recorded; the transmitter will send it again");
                false
            }
        }
    }

    /// Notes that the transmitter did not answer as it should; returns how long to wait.
    fn note_failure(&self, error: &FetchError, progress: &mut Progress) -> Duration {
        if matches!(error, FetchError::TooLarge(..)) {
            progress.halved = progress.halved.saturating_add(1);
        }
        progress.failures = progress.failures.saturating_add(1);
        let pause = retry(progress.failures);
        warn!(issuer = %self.issuer, %error, again_in = ?pause, "security events could not be fetched");
        pause
    }
}

/// How long to wait after so many failures in a row.
fn retry(failures: u32) -> Duration {
    (FIRST_RETRY * 2_u32.pow(failures.saturating_sub(1).min(16))).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_become_rare_but_do_not_end() {
        let seconds = |failures| retry(failures).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 1000, u32::MAX].map(seconds), [1, 2, 4, 32, 60, 60, 60]);
    }
}
