//! From configured issuers to issuers with keys: files are read now, endpoints are fetched once the service runs.

use std::{fs::File, io::Read, path::Path, sync::Arc};

use super::{auth0_poll, both, clients, elsewhere};
use crate::{
    config::{Config, Fault, IssuerConfig, KeysConfig},
    domain::Clock,
    outbound::{Fetcher, KeysEndpoint, RemoteKeys, StaticKeys},
    service::{ConfiguredIssuer, Issuers},
    token::{Algorithm, KeyError, KeySet, KeySource, hmac_key, key_from_pem, key_set_from_jwks, parse_object},
};

/// The largest key file that is read.
const MOST_BYTES: u64 = 1 << 20;

pub(super) struct Built {
    pub(super) issuers: Issuers,
    pub(super) remote_keys: Vec<Arc<RemoteKeys>>,
    /// The tenants whose log is read.
    pub(super) auth0_polls: Vec<auth0_poll::Plan>,
}

/// Builds all issuers; reports every key that cannot be used.
pub(super) fn build(configs: Vec<IssuerConfig>, clock: &Arc<dyn Clock>) -> Result<Built, Vec<Fault>> {
    let (mut issuers, mut remote_keys, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut auth0_polls = Vec::new();
    for (index, config) in configs.into_iter().enumerate() {
        let mut fault = |(key, text): (&'static str, String)| {
            faults.push(Fault { key: format!("issuer[{index}].{key}"), text });
        };
        let elsewhere = elsewhere::build(config.elsewhere.clone()).map_err(&mut fault).unwrap_or_default();
        auth0_polls.extend(auth0_poll::Plan::of(&config, clock).map_err(fault).unwrap_or_default());
        match key_source(&config, clock) {
            Ok((keys, remote)) => {
                remote_keys.extend(remote);
                issuers.push(ConfiguredIssuer {
                    name: config.name,
                    rules: config.rules,
                    keys,
                    settle: config.settle,
                    reauthenticate: config.reauthenticate,
                    elsewhere,
                });
            }
            Err(text) => faults.push(Fault { key: format!("issuer[{index}].keys"), text }),
        }
    }
    if faults.is_empty() { Ok(Built { issuers: Issuers::new(issuers), remote_keys, auth0_polls }) } else { Err(faults) }
}

/// The faults of all keys and secrets that are read at the start: what `check-config` says beyond the configuration itself.
#[must_use]
pub fn check_keys(config: &Config) -> Vec<Fault> {
    let clock: Arc<dyn Clock> = Arc::new(super::SystemClock);
    both(build(config.issuers.clone(), &clock), clients::build(&config.http.clients)).err().unwrap_or_default()
}

type Source = (Arc<dyn KeySource>, Option<Arc<RemoteKeys>>);

fn key_source(config: &IssuerConfig, clock: &Arc<dyn Clock>) -> Result<Source, String> {
    let algorithms = &config.rules.algorithms;
    let (endpoint, remote) = match &config.keys {
        KeysConfig::Discovery(remote) => (KeysEndpoint::Discovery(config.rules.issuer.clone()), remote),
        KeysConfig::JwksUrl(url, remote) => (KeysEndpoint::Jwks(url.clone()), remote),
        KeysConfig::JwksFile(path) => return from_file(path, |bytes| key_set(bytes, algorithms)),
        KeysConfig::PemFile(path, kid) => {
            return from_file(path, |bytes| key_from_pem(bytes, kid.clone(), algorithms));
        }
        KeysConfig::HmacSecretFile(path, kid) => {
            return from_file(path, |bytes| hmac_key(bytes, kid.clone(), algorithms));
        }
    };
    let fetcher = Fetcher::new(remote.timeout).map_err(|error| error.to_string())?;
    let keys = Arc::new(RemoteKeys::new(
        &config.name,
        endpoint,
        algorithms.clone(),
        remote.settings,
        fetcher,
        Arc::clone(clock),
    ));
    Ok((Arc::clone(&keys) as Arc<dyn KeySource>, Some(keys)))
}

fn from_file(path: &Path, read: impl Fn(&[u8]) -> Result<KeySet, KeyError>) -> Result<Source, String> {
    let fault = |text: String| format!("{}: {text}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fault(error.to_string()))?;
    // No trust in the length that the system tells: a device has none.
    let length = file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    if length as u64 > MOST_BYTES {
        return Err(fault(format!("it is longer than the {MOST_BYTES} bytes that are read")));
    }
    let keys = read(&bytes).map_err(|error| fault(error.to_string()))?;
    Ok((Arc::new(StaticKeys::new(keys)), None))
}

/// Whether an entry of a JWK Set has the private half of a key (RFC 7518, sections 6.2.2 and 6.3.2).
fn holds_private_keys(bytes: &[u8]) -> bool {
    let document = parse_object(bytes).unwrap_or_default();
    let entries = document.get("keys").and_then(serde_json::Value::as_array);
    entries.is_some_and(|entries| entries.iter().any(|entry| entry.get("d").is_some()))
}

/// A set in a file does not change, so that every algorithm must find its key now.
fn key_set(bytes: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
    let keys = key_set_from_jwks(bytes, algorithms)?;
    if holds_private_keys(bytes) {
        return Err(KeyError::Jwks("it holds a private key (member d), which Curfew must never see".to_owned()));
    }
    match keys.lacking(algorithms) {
        Some(algorithm) => Err(KeyError::NoneFits(algorithm)),
        None => Ok(keys),
    }
}
