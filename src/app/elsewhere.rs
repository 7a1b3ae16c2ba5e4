//! From the configured ways by which logouts come from elsewhere to those that work: secrets are read now.

use std::{path::PathBuf, sync::Arc};

use super::{
    issuers::{Asked, key_source},
    polling::Polling,
    secrets,
};
use crate::{
    config::{IssuerConfig, SecurityEventsConfig},
    domain::Clock,
    outbound::{RemoteKeys, Transmitter},
    service::{Elsewhere, SecurityEvents},
    token::Secret,
};

/// These ways, and what must go on for them.
#[derive(Default)]
pub(super) struct Built {
    pub(super) elsewhere: Elsewhere,
    /// The keys of a transmitter of security events that has its own, where they are fetched.
    pub(super) remote_keys: Option<Arc<RemoteKeys>>,
    /// Where security events are fetched.
    pub(super) polling: Option<Polling>,
}

/// The key at fault, below the issuer's table, and what is wrong with it.
pub(super) type BuildFault = (&'static str, String);

/// Builds them.
pub(super) fn build(config: &IssuerConfig, clock: &Arc<dyn Clock>) -> Result<Built, BuildFault> {
    // Reading an Auth0 tenant's log is a task of its own.
    let ways = config.elsewhere.clone();
    let mut built = Built {
        elsewhere: Elsewhere {
            backchannel_logout: ways.backchannel_logout,
            token_revocation: ways.token_revocation,
            auth0_stream: secret("auth0_logs.secret_file", ways.auth0_logs.as_ref())?,
            auth0_actions: ways.auth0_actions,
            security_events: None,
            global_token_revocation: ways.global_token_revocation,
        },
        ..Built::default()
    };
    if let Some(events) = ways.security_events {
        built.polling = polling(&config.name, &events)?;
        let (events, remote_keys) = security_events(&config.name, events, clock)?;
        (built.elsewhere.security_events, built.remote_keys) = (Some(events), remote_keys);
    }
    Ok(built)
}

fn security_events(
    issuer: &str,
    config: SecurityEventsConfig,
    clock: &Arc<dyn Clock>,
) -> Result<(SecurityEvents, Option<Arc<RemoteKeys>>), BuildFault> {
    let (keys, remote_keys) = match &config.keys {
        None => (None, None),
        Some(keys) => {
            let name = format!("{issuer}.security-events");
            let asked = Asked::Transmitter(&config.events.transmitter);
            let (keys, remote) = key_source(&name, keys, asked, &config.signer.algorithms, clock)
                .map_err(|text| ("security_events.keys", text))?;
            (Some(keys), remote)
        }
    };
    let push_secret = secret("security_events.push_secret_file", config.push_secret_file.as_ref())?;
    Ok((SecurityEvents { events: config.events, signer: config.signer, keys, push_secret }, remote_keys))
}

fn polling(issuer: &str, config: &SecurityEventsConfig) -> Result<Option<Polling>, BuildFault> {
    let Some(poll) = &config.poll else { return Ok(None) };
    let secret = secret("security_events.poll_secret_file", poll.secret_file.as_ref())?;
    let transmitter = Transmitter::new(&poll.url, secret.as_ref(), poll.wait, poll.timeout)
        .map_err(|error| ("security_events.poll_url", error.to_string()))?;
    Ok(Some(Polling { issuer: issuer.to_owned(), transmitter, interval: poll.interval, max_events: poll.max_events }))
}

fn secret(key: &'static str, path: Option<&PathBuf>) -> Result<Option<Secret>, BuildFault> {
    path.map(|path| secrets::read(path)).transpose().map_err(|text| (key, text))
}
