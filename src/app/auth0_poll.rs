//! Reads the logs of Auth0 tenants that push none: page after page, from where the last one ended.
//!
//! How far the log was read is remembered in a small file beside the store, and only after every logout and every dead
//! letter up to there is on disk: what was read and not remembered is read again, which is harmless. Where nobody knows
//! how far it was read (a new store, a damaged file, another tenant), reading begins `look_back` ago; where the tenant does
//! not know the event any more, a little before that was read.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::secrets;
use crate::{
    config::{Auth0PollConfig, IssuerConfig, check_base_url},
    domain::{Clock, Source, Timestamp},
    outbound::{Auth0Logs, FetchError, Fetcher, LogPosition, LogsError},
    service::{Curfew, ServiceError},
    store::{read_small_file, replace_small_file},
    token::{LogBodyFault, parse_object, split_log_body},
};

/// How many events are asked for at once: as many as the tenant gives.
const MOST_EVENTS: usize = 100;

/// The least time between two pages, when there is more to read. A tenant allows few requests a second.
const BETWEEN_PAGES: Duration = Duration::from_millis(100);

/// How long after a first failure it is tried again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The longest time between two tries. Also the time after which credentials that were refused are tried again: each try
/// costs tokens, of which a tenant has a quota.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// The longest time to wait because the tenant says so.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How much before the last event that was read the log is read again, where the tenant does not know that event any more.
const OVERLAP: Duration = Duration::from_secs(600);

/// The longest checkpoint.
const MOST_BYTES: u64 = 4096;

/// A tenant whose log is to be read.
pub(super) struct Plan {
    name: String,
    logs: Auth0Logs,
    interval: Duration,
    look_back: Duration,
}

impl Plan {
    /// That of an issuer, if it has one; otherwise the key at fault, below the issuer's table, and what is wrong with it.
    pub(super) fn of(config: &IssuerConfig, clock: &Arc<dyn Clock>) -> Result<Option<Self>, (&'static str, String)> {
        let Some(poll) = &config.elsewhere.auth0_poll else { return Ok(None) };
        let Auth0PollConfig { base_url, client_id, client_secret_file, interval, look_back, timeout } = poll;
        let issued_at = || config.rules.issuer.as_str().trim_end_matches('/').to_owned();
        let base_url = base_url.clone().unwrap_or_else(issued_at);
        check_base_url(&base_url).map_err(|text| ("auth0_poll.base_url", text))?;
        let secret = secrets::read(client_secret_file).map_err(|text| ("auth0_poll.client_secret_file", text))?;
        let fetcher = Fetcher::new(*timeout).map_err(|error| ("auth0_poll", error.to_string()))?;
        Ok(Some(Self {
            name: config.name.clone(),
            logs: Auth0Logs::new(fetcher, base_url, client_id.clone(), secret, Arc::clone(clock)),
            interval: *interval,
            look_back: look_back.unwrap_or(config.rules.max_token_lifetime),
        }))
    }
}

/// Reads one tenant's log.
pub(super) struct Poller {
    plan: Plan,
    curfew: Arc<Curfew>,
    clock: Arc<dyn Clock>,
    /// Where is remembered how far it was read.
    checkpoint: PathBuf,
}

/// How far it was read.
struct Progress {
    position: LogPosition,
    /// When that was. None: nothing was read yet.
    read_at: Option<Timestamp>,
    /// How many events to ask for.
    events: usize,
    failures: u32,
}

/// Why a page was not taken.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Logs(#[from] LogsError),
    #[error("the page: {0}")]
    Body(#[from] LogBodyFault),
    #[error("entry {0} of the page is not JSON ({1})")]
    Damaged(usize, String),
    #[error("{0}")]
    Service(#[from] ServiceError),
    #[error("{0} could not be written: {1}")]
    Checkpoint(PathBuf, io::Error),
}

impl Poller {
    /// Reads by this plan; remembers how far in a file in this directory.
    pub(super) fn new(plan: Plan, curfew: Arc<Curfew>, clock: Arc<dyn Clock>, directory: &Path) -> Self {
        let checkpoint = directory.join(format!("auth0-{}.checkpoint", plan.name));
        Self { plan, curfew, clock, checkpoint }
    }

    /// Reads until it is told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut progress = self.resume();
        info!(issuer = %self.plan.name, position = ?progress.position, "reading the tenant's log");
        loop {
            let pause = tokio::select! {
                pause = self.turn(&mut progress) => pause,
                () = stop.cancelled() => return,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes one page; returns how long to wait for the next.
    async fn turn(&self, progress: &mut Progress) -> Duration {
        match self.take_page(progress).await {
            Ok((is_more, wait)) => {
                (progress.failures, progress.events) = (0, MOST_EVENTS);
                let pause = if is_more { BETWEEN_PAGES } else { self.plan.interval };
                pause.max(wait.unwrap_or_default().min(LONGEST_WAIT))
            }
            Err(error) => {
                progress.failures = progress.failures.saturating_add(1);
                let pause = self.pause_after(&error, progress);
                warn!(issuer = %self.plan.name, %error, next_try = ?pause, "the tenant's log could not be read");
                pause
            }
        }
    }

    /// Takes the page at this position: whether there is more right after it, and how long the tenant asks to wait.
    async fn take_page(&self, progress: &mut Progress) -> Result<(bool, Option<Duration>), Failure> {
        let page = self.plan.logs.page(&progress.position, progress.events).await?;
        let entries = split_log_body(&page.body)?;
        let count = entries.len();
        // The plan was made of a configured issuer.
        let Some(issuer) = self.curfew.issuers().by_name(&self.plan.name) else { return Ok((false, None)) };
        let taken = self.curfew.auth0_log(issuer, Source::Auth0Poll, entries).await?;
        if let Some((number, fault)) = taken.first_damaged {
            return Err(Failure::Damaged(number, fault));
        }
        if taken.recorded + taken.dead_letters > 0 {
            info!(
                issuer = %self.plan.name, taken.recorded, taken.again, taken.ignored, taken.dead_letters,
                "events of the tenant's log were taken"
            );
        } else {
            debug!(issuer = %self.plan.name, taken.again, taken.ignored, "the tenant's log was read");
        }
        let reached = if count == 0 { None } else { page.next.or(taken.last_id) };
        let reached = reached.as_deref().and_then(LogPosition::after).filter(|reached| *reached != progress.position);
        let Some(reached) = reached else { return Ok((false, page.wait)) };
        let is_more = count >= progress.events || matches!(progress.position, LogPosition::Since(_));
        (progress.position, progress.read_at) = (reached, Some(self.clock.now()));
        self.remember(progress).await?;
        Ok((is_more, page.wait))
    }

    fn pause_after(&self, error: &Failure, progress: &mut Progress) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(progress.failures.saturating_sub(1)));
        let pause = doubled.min(LAST_RETRY.max(self.plan.interval));
        match error {
            Failure::Logs(LogsError::TooMany(wait)) => pause.max(wait.unwrap_or_default().min(LONGEST_WAIT)),
            Failure::Logs(LogsError::NotAllowed { .. }) => LAST_RETRY,
            Failure::Logs(LogsError::NoSuchPosition(..)) => {
                progress.position = LogPosition::Since(self.start(progress.read_at));
                pause
            }
            Failure::Logs(LogsError::Fetch(FetchError::TooLarge(..))) => {
                progress.events = (progress.events / 10).max(1);
                pause
            }
            Failure::Logs(LogsError::Fetch(_) | LogsError::Document(..))
            | Failure::Body(_)
            | Failure::Damaged(..)
            | Failure::Service(_)
            | Failure::Checkpoint(..) => pause,
        }
    }

    /// Since when to read, where there is no event to go on from.
    fn start(&self, read_at: Option<Timestamp>) -> Timestamp {
        read_at.map_or_else(|| self.clock.now().minus(self.plan.look_back), |at| at.minus(OVERLAP))
    }

    /// Where reading goes on: as remembered, else from the start.
    fn resume(&self) -> Progress {
        let remembered = read_small_file(&self.checkpoint, MOST_BYTES).map_err(|error| error.to_string());
        let remembered = remembered.and_then(|bytes| match bytes {
            Some(bytes) => read_checkpoint(&bytes, self.plan.logs.base_url()).map(Some),
            None => Ok(None),
        });
        let (position, read_at) = match remembered {
            Ok(Some((position, read_at))) => (position, Some(read_at)),
            Ok(None) => (LogPosition::Since(self.start(None)), None),
            Err(error) => {
                let path = self.checkpoint.display();
                warn!(issuer = %self.plan.name, %path, %error, "nobody knows how far the tenant's log was read");
                (LogPosition::Since(self.start(None)), None)
            }
        };
        Progress { position, read_at, events: MOST_EVENTS, failures: 0 }
    }

    /// Remembers how far it was read; returns when that is on disk.
    async fn remember(&self, progress: &Progress) -> Result<(), Failure> {
        let (LogPosition::After(id), Some(read_at)) = (&progress.position, progress.read_at) else { return Ok(()) };
        let text =
            json!({"base_url": self.plan.logs.base_url(), "after": id, "read_at": read_at.to_string()}).to_string();
        let path = self.checkpoint.clone();
        let written = tokio::task::spawn_blocking(move || replace_small_file(&path, text.as_bytes())).await;
        let written = written.unwrap_or_else(|ended| Err(io::Error::other(ended)));
        written.map_err(|error| Failure::Checkpoint(self.checkpoint.clone(), error))
    }
}

/// What a checkpoint says of the tenant at this URL.
fn read_checkpoint(bytes: &[u8], base_url: &str) -> Result<(LogPosition, Timestamp), String> {
    let checkpoint = parse_object(bytes).map_err(|error| error.to_string())?;
    let text = |name: &str| checkpoint.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("base_url") != base_url {
        return Err(format!("it is about {:?}", text("base_url")));
    }
    let position = LogPosition::after(text("after")).ok_or("it has no event to go on from")?;
    let read_at = Timestamp::parse_rfc3339(text("read_at")).map_err(|error| format!("its read_at is {error}"))?;
    Ok((position, read_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_of_one_tenant_and_whole() {
        let url = "https://t.example";
        let of = |value: Value| read_checkpoint(value.to_string().as_bytes(), url);
        let good = json!({"base_url": url, "after": "9001", "read_at": "2026-01-15T10:30:00.123Z"});
        let read_at = Timestamp::parse_rfc3339("2026-01-15T10:30:00.123Z").unwrap();
        assert_eq!(of(good.clone()), Ok((LogPosition::After("9001".to_owned()), read_at)));
        for (name, value) in [
            ("base_url", json!("https://else.example")),
            ("base_url", Value::Null),
            ("after", json!("")),
            ("after", json!("a b")),
            ("after", json!(9001)),
            ("read_at", json!("yesterday")),
            ("read_at", Value::Null),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(of(bad.clone()).is_err(), "{bad}");
        }
        let whole = good.to_string();
        for length in 0..whole.len() {
            assert!(read_checkpoint(&whole.as_bytes()[..length], url).is_err(), "{length}");
        }
    }
}
