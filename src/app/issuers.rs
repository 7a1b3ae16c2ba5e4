//! From configured issuers to issuers with keys: files are read now, endpoints are fetched once the service runs.

use std::{fs::File, io::Read, path::Path, sync::Arc};

use super::{auth0_poll, both, clients, elsewhere, polling::Polling};
use crate::{
    config::{Config, Fault, IssuerConfig, KeysConfig},
    domain::{Clock, Issuer},
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
    /// Where security events are fetched.
    pub(super) polling: Vec<Polling>,
}

/// Builds all issuers; reports every key that cannot be used.
pub(super) fn build(configs: Vec<IssuerConfig>, clock: &Arc<dyn Clock>) -> Result<Built, Vec<Fault>> {
    let (mut issuers, mut remote_keys, mut polling) = (Vec::new(), Vec::new(), Vec::new());
    let (mut auth0_polls, mut faults) = (Vec::new(), Vec::new());
    for (index, config) in configs.into_iter().enumerate() {
        let mut fault = |(key, text): (&'static str, String)| {
            faults.push(Fault { key: format!("issuer[{index}].{key}"), text });
        };
        let built = elsewhere::build(&config, clock).map_err(&mut fault).unwrap_or_default();
        auth0_polls.extend(auth0_poll::Plan::of(&config, clock).map_err(fault).unwrap_or_default());
        remote_keys.extend(built.remote_keys);
        polling.extend(built.polling);
        let asked = Asked::Provider(&config.rules.issuer);
        match key_source(&config.name, &config.keys, asked, &config.rules.algorithms, clock) {
            Ok((keys, remote)) => {
                remote_keys.extend(remote);
                issuers.push(ConfiguredIssuer {
                    name: config.name,
                    rules: config.rules,
                    keys,
                    settle: config.settle,
                    reauthenticate: config.reauthenticate,
                    elsewhere: built.elsewhere,
                });
            }
            Err(text) => faults.push(Fault { key: format!("issuer[{index}].keys"), text }),
        }
    }
    if faults.is_empty() {
        Ok(Built { issuers: Issuers::new(issuers), remote_keys, auth0_polls, polling })
    } else {
        Err(faults)
    }
}

/// The faults of all keys and secrets that are read at the start: what `check-config` says beyond the configuration itself.
#[must_use]
pub fn check_keys(config: &Config) -> Vec<Fault> {
    let clock: Arc<dyn Clock> = Arc::new(super::SystemClock);
    both(build(config.issuers.clone(), &clock), clients::build(&config.http.clients)).err().unwrap_or_default()
}

pub(super) type Source = (Arc<dyn KeySource>, Option<Arc<RemoteKeys>>);

/// Whose document says where the keys are, if one is to be asked.
pub(super) enum Asked<'a> {
    /// An identity provider's.
    Provider(&'a Issuer),
    /// A transmitter's of security events.
    Transmitter(&'a Issuer),
}

/// The keys that this configuration means, under this name.
pub(super) fn key_source(
    name: &str,
    config: &KeysConfig,
    asked: Asked<'_>,
    algorithms: &[Algorithm],
    clock: &Arc<dyn Clock>,
) -> Result<Source, String> {
    let (endpoint, remote) = match (config, asked) {
        (KeysConfig::Discovery(remote), Asked::Provider(issuer)) => (KeysEndpoint::Discovery(issuer.clone()), remote),
        (KeysConfig::Discovery(remote), Asked::Transmitter(issuer)) => {
            (KeysEndpoint::Transmitter(issuer.clone()), remote)
        }
        (KeysConfig::JwksUrl(url, remote), _) => (KeysEndpoint::Jwks(url.clone()), remote),
        (KeysConfig::JwksFile(path), _) => return from_file(path, |bytes| key_set(bytes, algorithms)),
        (KeysConfig::PemFile(path, kid), _) => {
            return from_file(path, |bytes| key_from_pem(bytes, kid.clone(), algorithms));
        }
        (KeysConfig::HmacSecretFile(path, kid), _) => {
            return from_file(path, |bytes| hmac_key(bytes, kid.clone(), algorithms));
        }
    };
    let fetcher = Fetcher::new(remote.timeout).map_err(|error| error.to_string())?;
    let (algorithms, clock) = (algorithms.to_vec(), Arc::clone(clock));
    let keys = Arc::new(RemoteKeys::new(name, endpoint, algorithms, remote.settings, fetcher, clock));
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
