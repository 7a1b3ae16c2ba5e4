//! From configured limits to those of one worker and of this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::{
    config::{ConnectionsConfig, LimitsConfig},
    transport::grpc::{AdmissionSettings, ConnectionSettings},
};

/// File descriptors for everything that is no connection: the store, the workers' own, requests for keys.
const OTHER_DESCRIPTORS: u64 = 64;

/// Of the calls that wait for something else, a quarter may be waiting for the rest of their request: the others wait for
/// the service, and must not be kept out by clients that do not finish.
const ARRIVING_SHARE: usize = 4;

/// What one of so many workers admits.
#[must_use]
pub fn admission_settings(limits: &LimitsConfig, workers: usize) -> AdmissionSettings {
    let share = |all: usize| all.div_ceil(workers.max(1));
    AdmissionSettings {
        queue_delay: limits.queue_delay,
        max_waiting: share(limits.max_waiting),
        max_arriving: share(limits.max_waiting).div_ceil(ARRIVING_SHARE),
        max_arriving_bytes: share(usize::try_from(limits.request_bytes).unwrap_or(usize::MAX)),
        request_timeout: limits.request_timeout,
        max_streams: share(limits.max_streams),
    }
}

/// How connections are dealt with.
#[must_use]
pub const fn connection_settings(config: &ConnectionsConfig) -> ConnectionSettings {
    ConnectionSettings {
        handshake_timeout: config.handshake_timeout,
        max_calls: config.max_calls,
        keepalive_interval: config.keepalive_interval,
        keepalive_timeout: config.keepalive_timeout,
        max_age: config.max_age,
        max_age_grace: config.max_age_grace,
    }
}

/// How many connections there may be: as many as configured, or as file descriptors allow.
pub(super) fn connections(configured: usize) -> usize {
    let limits = getrlimit(Resource::Nofile);
    // A process may have as many as its hard limit says, if it asks.
    let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(_) => limits.current,
    };
    let Some(current) = current else { return configured };
    let possible = usize::try_from(current.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(usize::MAX).max(1);
    if possible < configured {
        warn!(configured, possible, "fewer connections than configured: this process may open too few files");
    }
    configured.min(possible)
}
