//! An issuer's keys, fetched from its key endpoint and kept fresh by one task.
//!
//! They are fetched again when the sender's cache time is over, after `refresh` at the latest: a removed key is no longer
//! trusted then. A token that names an unknown key makes them be fetched at once, but only once per `cooldown`, however
//! many such tokens come. While the endpoint does not answer, the known keys stay in use, up to `max_age`.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use serde_json::Value;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::fetch::{FetchError, Fetcher, check_url};
use crate::{
    domain::{Clock, Issuer, Timestamp},
    token::{Algorithm, KeyError, KeySet, KeySource, KeysUnavailable, key_set_from_jwks, parse_object},
};

/// How long after a failed fetch the next is tried; doubled each time, up to `refresh`.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Where the keys are.
#[derive(Debug, Clone)]
pub enum KeysEndpoint {
    /// Where the issuer's discovery document says (OpenID Connect Discovery 1.0, section 4).
    Discovery(Issuer),
    /// Where the configuration of this transmitter of security events says (OpenID Shared Signals Framework 1.0, section 7).
    Transmitter(Issuer),
    /// At this URL.
    Jwks(String),
}

/// How often keys are fetched and how long they are trusted.
#[derive(Debug, Clone, Copy)]
pub struct RefreshSettings {
    /// The longest time between two fetches.
    pub refresh: Duration,
    /// The shortest time between two fetches for the sake of tokens that name unknown keys, however many come.
    pub cooldown: Duration,
    /// How long keys are trusted after they were last fetched.
    pub max_age: Duration,
}

/// How fetching goes, for health and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysHealth {
    /// The first fetch is not over.
    Starting,
    /// The last fetch brought keys.
    Fresh,
    /// The last fetch failed; the keys from before are in use.
    Stale,
    /// There are no keys, or only such as are too old.
    Missing,
}

/// Keys and when they were fetched.
struct Loaded {
    keys: Arc<KeySet>,
    fetched_at: Timestamp,
}

/// The keys of one issuer.
pub struct RemoteKeys {
    name: String,
    endpoint: KeysEndpoint,
    algorithms: Vec<Algorithm>,
    settings: RefreshSettings,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    loaded: ArcSwapOption<Loaded>,
    health: watch::Sender<KeysHealth>,
    /// Wakes the task before its time.
    wanted: Notify,
    fetches: watch::Sender<Fetches>,
    /// The last time that the task was woken for an unknown key. Locked only to read and set it.
    woken: Mutex<Option<Woken>>,
}

/// How many fetches have begun, and how many of these are over.
#[derive(Debug, Clone, Copy, Default)]
struct Fetches {
    begun: u64,
    over: u64,
}

/// When the task was woken, and the fetch that began after that: one that was under way may have read the old keys.
#[derive(Debug, Clone, Copy)]
struct Woken {
    at: Instant,
    fetch: u64,
}

impl RemoteKeys {
    /// The keys of the issuer with this name; nothing is fetched until [`RemoteKeys::run`].
    #[must_use]
    pub fn new(
        name: &str,
        endpoint: KeysEndpoint,
        algorithms: Vec<Algorithm>,
        settings: RefreshSettings,
        fetcher: Fetcher,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            endpoint,
            algorithms,
            settings,
            fetcher,
            clock,
            loaded: ArcSwapOption::empty(),
            health: watch::Sender::new(KeysHealth::Starting),
            wanted: Notify::new(),
            fetches: watch::Sender::new(Fetches::default()),
            woken: Mutex::new(None),
        }
    }

    /// The issuer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How fetching goes, now and from now on.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<KeysHealth> {
        self.health.subscribe()
    }

    /// Fetches the keys, again and again, until it is told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            self.fetches.send_modify(|fetches| fetches.begun += 1);
            let fetched = tokio::select! {
                fetched = self.fetch() => fetched,
                () = stop.cancelled() => return,
            };
            let pause = match fetched {
                Ok((keys, max_age)) => {
                    self.accept(keys, failures > 0);
                    failures = 0;
                    max_age
                        .map_or(self.settings.refresh, |age| age.clamp(self.settings.cooldown, self.settings.refresh))
                }
                Err(error) => {
                    self.note_failure(&error);
                    failures += 1;
                    let doubled = FIRST_RETRY * 2_u32.pow((failures - 1).min(16));
                    doubled.min(self.settings.refresh).max(self.settings.cooldown.min(FIRST_RETRY))
                }
            };
            self.fetches.send_modify(|fetches| fetches.over = fetches.begun);
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = self.wanted.notified() => (),
                () = stop.cancelled() => (),
            }
        }
    }

    async fn fetch(&self) -> Result<(KeySet, Option<Duration>), FetchError> {
        let url = match &self.endpoint {
            KeysEndpoint::Jwks(url) => url.clone(),
            KeysEndpoint::Discovery(issuer) => {
                let base = issuer.as_str().trim_end_matches('/');
                self.discover(issuer, format!("{base}/.well-known/openid-configuration")).await?
            }
            KeysEndpoint::Transmitter(issuer) => self.discover(issuer, transmitter_configuration(issuer)?).await?,
        };
        let fetched = self.fetcher.get(&url).await?;
        match key_set_from_jwks(&fetched.body, &self.algorithms) {
            Ok(keys) => Ok((keys, fetched.max_age)),
            // An issuer that withdraws all its keys is obeyed: a removed key is not trusted any more.
            Err(KeyError::NoneFits(_)) => Ok((KeySet::default(), fetched.max_age)),
            Err(error) => Err(FetchError::Document { url, reason: error.to_string() }),
        }
    }

    /// The key endpoint that the discovery document of an issuer names. The document must be about that very issuer.
    async fn discover(&self, issuer: &Issuer, url: String) -> Result<String, FetchError> {
        let document = |reason: String| FetchError::Document { url: url.clone(), reason };
        let body = self.fetcher.get(&url).await?.body;
        let metadata = parse_object(&body).map_err(|error| document(error.to_string()))?;
        match metadata.get("issuer").and_then(Value::as_str) {
            Some(named) if named == issuer.as_str() => (),
            named => {
                return Err(document(format!(
                    "it is about the issuer {:?}; configured is {:?} (every character counts, a last slash too)",
                    named.unwrap_or_default(),
                    issuer.as_str()
                )));
            }
        }
        let jwks = metadata.get("jwks_uri").and_then(Value::as_str);
        let jwks = jwks.ok_or_else(|| document("it has no jwks_uri".to_owned()))?;
        check_url(jwks).map_err(|error| document(format!("its jwks_uri {error}")))?;
        Ok(jwks.to_owned())
    }

    fn accept(&self, keys: KeySet, after_failure: bool) {
        let count = keys.keys().len();
        if let Some(algorithm) = keys.lacking(&self.algorithms) {
            tracing::debug!(issuer = %self.name, %algorithm, "no key for a configured algorithm");
        }
        // Where they are the same keys as before, what was verified with them goes on being verified.
        let before = self.loaded.load().as_ref().map(|loaded| Arc::clone(&loaded.keys));
        let first = before.is_none();
        let keys = before.filter(|before| before.is_same_as(&keys)).unwrap_or_else(|| Arc::new(keys));
        self.loaded.store(Some(Arc::new(Loaded { keys, fetched_at: self.clock.now() })));
        if first || after_failure {
            info!(issuer = %self.name, keys = count, "keys loaded");
        }
        self.health.send_replace(if count == 0 { KeysHealth::Missing } else { KeysHealth::Fresh });
    }

    fn note_failure(&self, error: &FetchError) {
        let usable = self.current(self.clock.now()).is_ok();
        let health = if usable { KeysHealth::Stale } else { KeysHealth::Missing };
        self.health.send_replace(health);
        warn!(issuer = %self.name, %error, known_keys_in_use = usable, "the issuer's keys could not be fetched");
    }

    /// Wakes the task if it was not woken within the cooldown. Returns the fetch to wait for: the one that it was woken
    /// for, be it by this caller or by another just before.
    fn wake(&self) -> u64 {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        match *woken {
            Some(last) if last.at.elapsed() < self.settings.cooldown => last.fetch,
            _ => {
                let fetch = self.fetches.borrow().begun + 1;
                *woken = Some(Woken { at: Instant::now(), fetch });
                self.wanted.notify_one();
                fetch
            }
        }
    }
}

impl RemoteKeys {
    /// Looks at the keys to trust at this instant.
    fn with_current<T>(&self, now: Timestamp, look: impl FnOnce(&Arc<KeySet>) -> T) -> Result<T, KeysUnavailable> {
        let loaded = self.loaded.load();
        let Some(loaded) = loaded.as_ref() else {
            return Err(KeysUnavailable(format!("the keys of issuer {} are not loaded yet", self.name)));
        };
        if now.since(loaded.fetched_at) > self.settings.max_age {
            return Err(KeysUnavailable(format!(
                "the keys of issuer {} were last fetched at {}, too long ago to be trusted",
                self.name, loaded.fetched_at
            )));
        }
        Ok(look(&loaded.keys))
    }
}

/// Section 7.2: between the host and the path.
fn transmitter_configuration(issuer: &Issuer) -> Result<String, FetchError> {
    let mut url = check_url(issuer.as_str())?;
    let path = format!("/.well-known/ssf-configuration{}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url.into())
}

impl KeySource for RemoteKeys {
    fn current(&self, now: Timestamp) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.with_current(now, Arc::clone)
    }

    fn is_current(&self, keys: &Arc<KeySet>, now: Timestamp) -> Result<bool, KeysUnavailable> {
        self.with_current(now, |current| Arc::ptr_eq(current, keys))
    }

    fn look_again(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut fetches = self.fetches.subscribe();
        let fetch = self.wake();
        Box::pin(async move {
            // The fetcher gives up by itself, so that this ends.
            drop(fetches.wait_for(|fetches| fetches.over >= fetch).await);
        })
    }

    /// They are if they were fetched within the cooldown, as they were for a token with an unknown key unless the endpoint
    /// does not answer.
    fn are_complete(&self, now: Timestamp) -> bool {
        let loaded = self.loaded.load();
        loaded.as_ref().is_some_and(|loaded| now.since(loaded.fetched_at) <= self.settings.cooldown)
    }

    fn has_key_ids(&self) -> bool {
        true
    }
}
