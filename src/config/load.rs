//! The sections that say how much the service takes on: `[runtime]`, `[token_cache]`, `[connections]`, `[limits]`.

use std::time::Duration;

use super::reader::Section;

/// `[runtime]`
#[derive(Debug, Clone, Copy)]
pub struct RuntimeConfig {
    /// How many threads serve.
    pub workers: usize,
}

/// `[token_cache]`
#[derive(Debug, Clone, Copy)]
pub struct TokenCacheConfig {
    /// How many bytes of verified tokens are kept; zero: none.
    pub bytes: u64,
}

/// `[connections]`
#[derive(Debug, Clone, Copy)]
pub struct ConnectionsConfig {
    /// How many may be open.
    pub max: usize,
    /// How many calls one may have in flight.
    pub max_calls: u32,
    /// How long one may take to begin.
    pub handshake_timeout: Duration,
    /// How long one may be silent before it is asked whether it is still there.
    pub keepalive_interval: Duration,
    /// How long the answer to that may take.
    pub keepalive_timeout: Duration,
    /// After how long one is asked to end. None: never.
    pub max_age: Option<Duration>,
    /// How long its calls may go on after that.
    pub max_age_grace: Duration,
}

/// `[limits]`
#[derive(Debug, Clone, Copy)]
pub struct LimitsConfig {
    /// How long a call may have to wait for the processor before that counts as too long.
    pub queue_delay: Duration,
    /// How many calls may wait for something else: the disk, keys, the rest of their request.
    pub max_waiting: usize,
    /// How many streams may be open.
    pub max_streams: usize,
    /// How long a request may take to arrive.
    pub request_timeout: Duration,
    /// How many bytes of large requests may be held while the rest arrives.
    pub request_bytes: u64,
}

/// The most workers: more than any machine has cores.
const MOST_WORKERS: u64 = 1024;

impl RuntimeConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = section.number("workers", 1..=MOST_WORKERS).map_or(cores, count);
        section.finish();
        Self { workers }
    }
}

impl TokenCacheConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let bytes = section.bytes("size").unwrap_or(64 << 20);
        section.finish();
        Self { bytes }
    }
}

impl ConnectionsConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let seconds = Duration::from_secs;
        let forever = section.text("max_age").is_none_or(|text| text == "forever");
        let config = Self {
            max: section.number("max", 1..=1_000_000).map_or(10_000, count),
            max_calls: section
                .number("max_calls", 1..=100_000)
                .map_or(256, |calls| u32::try_from(calls).unwrap_or(256)),
            handshake_timeout: section.positive_duration("handshake_timeout").unwrap_or(seconds(10)),
            keepalive_interval: section.positive_duration("keepalive_interval").unwrap_or(seconds(30)),
            keepalive_timeout: section.positive_duration("keepalive_timeout").unwrap_or(seconds(20)),
            max_age: if forever { None } else { section.positive_duration("max_age") },
            max_age_grace: section.duration("max_age_grace").unwrap_or(seconds(60)),
        };
        section.finish();
        config
    }
}

impl LimitsConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let config = Self {
            queue_delay: section.positive_duration("queue_delay").unwrap_or(Duration::from_millis(10)),
            max_waiting: section.number("max_waiting", 1..=1_000_000).map_or(16_384, count),
            max_streams: section.number("max_streams", 1..=1_000_000).map_or(1024, count),
            request_timeout: section.positive_duration("request_timeout").unwrap_or(Duration::from_secs(10)),
            request_bytes: section.bytes("request_bytes").unwrap_or(64 << 20),
        };
        section.finish();
        config
    }
}

pub(super) fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
