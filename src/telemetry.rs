//! The log: structured events on standard error, as text or as JSON.
//!
//! Standard output is left to what a program was asked for. No event carries a token, a key or a claim set.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// Starts logging. Only the first call has an effect.
pub fn start(config: &LogConfig) {
    // The level was checked with the rest of the configuration.
    let filter = EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if config.json {
        log.json().flatten_event(true).try_init()
    } else {
        log.with_ansi(io::stderr().is_terminal()).try_init()
    };
    // Already started: by a test, or by the demonstration.
    started.unwrap_or_default();
}
