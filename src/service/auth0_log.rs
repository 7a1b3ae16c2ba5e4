//! Auth0's tenant log: events that a log stream pushes or that are read from the Management API, and the logouts they tell of.
//!
//! The events of one body are recorded side by side, so that they share the store's syncs, and so many at a time that the
//! store's queue is not filled by one body. An event that lacks what it needs is a dead letter; one that the store could
//! not take makes the whole body fail, to be sent again, which is harmless.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::{
    ConfiguredIssuer, Curfew, DeadLetter, LogoutRequest, Outcome, ServiceError, Target, event_time,
    event_time::heard_at,
};
use crate::{
    domain::{Issuer, Source},
    token::{LogEntry, LogEntryFault, LogLabel, LogLogout, NumericDate, Secret, Whom, label_of_unfit, read_log_event},
};

/// How many events of one body are recorded side by side; after as many, others have their turn.
const TOGETHER: usize = 256;

/// How many bodies are recorded at a time. Together they ask for an eighth of what the store lets wait, so that a log that
/// catches up does not keep other logouts out.
const MOST_BODIES: usize = 4;

/// For how long nothing is done after that, as a multiple of the time which they took: a stream that catches up has all
/// night, and those who check tokens meanwhile have not.
const REST: u32 = 2;

/// However long they took: when the disk is slow, the sender need not wait for us as well.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// How many events are remembered; more push out the oldest, whose second coming is then recorded once more.
const MOST_SEEN: usize = 65_536;

/// What came of the events of one body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogTaken {
    /// How many logouts were recorded, and are durable.
    pub recorded: usize,
    /// How many had come before.
    pub again: usize,
    /// How many log nobody out.
    pub ignored: usize,
    /// How many lack what they need. They are among the dead letters, which are durable.
    pub dead_letters: usize,
    /// How many are no JSON, and which is the first, counted from one: they should be sent again.
    pub damaged: usize,
    /// The first of these, and what is wrong with it.
    pub first_damaged: Option<(usize, String)>,
    /// What the last event that has an id is called.
    pub last_id: Option<String>,
}

/// What the bodies share.
pub(super) struct Auth0Log {
    /// The events that brought logouts, each as a whole: an id alone could make a different event pass for one that came
    /// before. Made when there are any.
    seen: OnceLock<Cache<SeenEvent, ()>>,
    /// How many more bodies may be recorded now.
    turns: Semaphore,
}

type SeenEvent = (Issuer, LogLabel, LogLogout);

impl Auth0Log {
    pub(super) fn new() -> Self {
        Self { seen: OnceLock::new(), turns: Semaphore::new(MOST_BODIES) }
    }

    fn has_seen(&self, event: &SeenEvent) -> bool {
        self.seen.get().is_some_and(|seen| seen.get(event).is_some())
    }

    fn remember(&self, event: SeenEvent) {
        self.seen.get_or_init(|| Cache::new(MOST_SEEN)).insert(event, ());
    }
}

/// What came of one event, and what it is called.
struct Taken {
    outcome: Outcome,
    id: String,
    damage: Option<String>,
}

impl Curfew {
    /// The issuer of this name, if whoever says this may send its log. Takes as long, and says no more, where there is none.
    #[must_use]
    pub fn auth0_sender(&self, name: &str, said: Option<&str>) -> Option<&Arc<ConfiguredIssuer>> {
        let issuer = self.issuers.by_name(name);
        let (secret, none) = (issuer.and_then(|issuer| issuer.elsewhere.auth0_stream.as_ref()), Secret::new(name));
        let known = secret.unwrap_or(&none).is(said.unwrap_or_default());
        issuer.filter(|_| known && secret.is_some() && said.is_some())
    }

    /// Takes the events of one body; returns when the logouts that they tell of are durable, and the dead letters too.
    ///
    /// # Errors
    /// [`ServiceError`] where one could not be taken: all should be sent again. Some may have been taken.
    pub async fn auth0_log(
        &self,
        issuer: &Arc<ConfiguredIssuer>,
        source: Source,
        entries: Vec<LogEntry<'_>>,
    ) -> Result<LogTaken, ServiceError> {
        // Never closed.
        let _turn = self.auth0.turns.acquire().await;
        let mut taken = LogTaken::default();
        let mut entries = entries.into_iter();
        let mut number = 0;
        loop {
            let began = Instant::now();
            let some = entries.by_ref().take(TOGETHER).map(|entry| self.auth0_entry(issuer, source, entry));
            let some = join_all(some).await;
            if some.is_empty() {
                break;
            }
            // Those that could be taken are, whatever became of the others.
            for one in some {
                number += 1;
                taken.count(number, one?);
            }
            tokio::time::sleep((began.elapsed() * REST).min(LONGEST_REST)).await;
        }
        self.dead_letters.written().await?;
        Ok(taken)
    }

    /// Takes one entry, and counts what came of it.
    async fn auth0_entry(
        &self,
        issuer: &Arc<ConfiguredIssuer>,
        source: Source,
        entry: LogEntry<'_>,
    ) -> Result<Taken, ServiceError> {
        let taken = self.hear_auth0_entry(issuer, source, entry).await;
        let outcome = taken.as_ref().map_or(Outcome::Failed, |taken| taken.outcome);
        self.metrics.event(source, outcome, self.clock.now());
        taken
    }

    async fn hear_auth0_entry(
        &self,
        issuer: &Arc<ConfiguredIssuer>,
        source: Source,
        entry: LogEntry<'_>,
    ) -> Result<Taken, ServiceError> {
        let (raw, actions) = (entry.raw(), &issuer.elsewhere.auth0_actions);
        let (label, logout) = match entry.read() {
            Ok(event) => {
                let (label, logout) = read_log_event(&event, actions);
                (label, logout.map_err(|fault| fault.to_string()))
            }
            Err(LogEntryFault::NotJson(fault)) => {
                return Ok(Taken { outcome: Outcome::Refused, id: String::new(), damage: Some(fault) });
            }
            Err(fault @ LogEntryFault::Unfit(_)) => {
                let label = raw.map(label_of_unfit).unwrap_or_default();
                // Of a kind that logs nobody out, whatever else is wrong with it.
                let ignored = !label.code.is_empty() && actions.of(&label.code).is_none();
                (label, if ignored { Ok(None) } else { Err(fault.to_string()) })
            }
        };
        let outcome = match logout {
            Ok(None) => Ok(Outcome::Ignored),
            Ok(Some(logout)) => self.record_auth0_logout(issuer, source, &label, logout).await,
            Err(why) => Err(NotRecorded::Unfit(why)),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(NotRecorded::Failed(error)) => return Err(error),
            Err(NotRecorded::Unfit(why)) => {
                let LogLabel { id, code } = label.clone();
                let (time, issuer) = (self.clock.now(), issuer.name.clone());
                self.dead_letters.keep(DeadLetter { time, source, issuer, id, event: code, why });
                Outcome::DeadLetter
            }
        };
        Ok(Taken { outcome, id: label.id, damage: None })
    }

    async fn record_auth0_logout(
        &self,
        issuer: &Arc<ConfiguredIssuer>,
        source: Source,
        label: &LogLabel,
        logout: LogLogout,
    ) -> Result<Outcome, NotRecorded> {
        let seen = (issuer.rules.issuer.clone(), label.clone(), logout);
        if !label.id.is_empty() && self.auth0.has_seen(&seen) {
            return Ok(Outcome::Again);
        }
        let logout = &seen.2;
        let (seconds, millis) = (logout.at.as_millis().div_euclid(1000), logout.at.as_millis().rem_euclid(1000));
        let nanos = i32::try_from(millis * 1_000_000).unwrap_or_default();
        let logout_time = event_time(seconds, nanos, self.clock.now())
            .map_err(|error| NotRecorded::Unfit(format!("its date cannot be: {error}")))?;
        let logout_time =
            if logout.to_the_second { heard_at(NumericDate(logout_time), self.clock.now()) } else { logout_time };
        let iss = issuer.rules.issuer.as_str().to_owned();
        let target = match logout.whom.clone() {
            Whom::Session(session, user) => Target::Session(iss, session, user),
            Whom::User(user) => Target::Subject(iss, user, None),
            Whom::UserAtClient(user, client) => Target::Subject(iss, user, Some(client)),
        };
        let request = LogoutRequest {
            target,
            logout_time: Some(logout_time),
            reason: logout.reason,
            source,
            reauthenticate: None,
            // Nobody is logged in because we answer.
            settle: Some(false),
        };
        match self.record_logout(request).await {
            Ok(_) => (),
            Err(error) if error.is_the_request_s() => return Err(NotRecorded::Unfit(error.to_string())),
            Err(error) => return Err(NotRecorded::Failed(error)),
        }
        if !label.id.is_empty() {
            self.auth0.remember(seen);
        }
        Ok(Outcome::Recorded)
    }
}

/// Why an event was not recorded.
enum NotRecorded {
    /// It will not do: a dead letter.
    Unfit(String),
    /// We could not.
    Failed(ServiceError),
}

impl LogTaken {
    fn count(&mut self, number: usize, taken: Taken) {
        let Taken { outcome, id, damage } = taken;
        *match outcome {
            Outcome::Recorded => &mut self.recorded,
            Outcome::Again => &mut self.again,
            Outcome::Ignored => &mut self.ignored,
            Outcome::DeadLetter => &mut self.dead_letters,
            Outcome::Refused | Outcome::Failed => &mut self.damaged,
        } += 1;
        if !id.is_empty() {
            self.last_id = Some(id);
        }
        if let (Some(damage), None) = (damage, &self.first_damaged) {
            self.first_damaged = Some((number, damage));
        }
    }
}
