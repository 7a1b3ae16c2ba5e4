//! The options of `curfew bench`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

/// What to call, how much and how long.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Load {
    /// How long to measure.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(super) duration: Duration,
    /// How long to call before that without counting.
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(super) warm_up: Duration,
    /// How many connections. The service takes at most 256 calls at once on each.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(super) connections: usize,
    /// How many calls are under way at once, over all connections.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(super) concurrency: usize,
    /// How many threads make the load. One is enough for most services.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) threads: usize,
    /// Begin so many calls a second, whether answers come or not; times count from when a call was due. Default: each
    /// call as soon as the one before it is answered.
    #[arg(long, value_name = "N", conflicts_with_all = ["stream", "retry"])]
    pub(super) rate: Option<f64>,
    /// The share of calls, from 0 to 1, that check a token never sent before. Needs --key.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(super) fresh: f64,
    /// The share that records logouts, of subjects invented for the run.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(super) logouts: f64,
    /// The share that asks for the last logout: of subjects that the run logged out, else of those of the tokens.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(super) last_logouts: f64,
    /// Check tokens by ValidateTokens: one stream on each connection.
    #[arg(long, conflicts_with_all = ["retry", "raw_path"])]
    pub(super) stream: bool,
    /// When the service is overloaded or unavailable, wait as long as it says before the next call. Default: go on.
    #[arg(long)]
    pub(super) retry: bool,
    /// The verdict that every token must get, such as VALID. Default: verdicts are only counted.
    #[arg(long, value_name = "VERDICT")]
    pub(super) expect: Option<String>,
    /// The issuer of the logouts, by iss or by name; may be left out where one is configured.
    #[arg(long, default_value = "", value_name = "ISSUER")]
    pub(super) issuer: String,
    /// Send the requests to another unary method.
    #[arg(long, hide = true, value_name = "PATH", conflicts_with_all = ["logouts", "last_logouts", "expect"])]
    pub(super) raw_path: Option<String>,
    /// How long that method's answers are; 0: any length.
    #[arg(long, hide = true, default_value_t = 0, value_name = "BYTES", requires = "raw_path")]
    pub(super) raw_answer_bytes: usize,
}

/// Where tokens come from.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Tokens {
    /// Check the tokens in a file, one a line, in turn.
    #[arg(long, value_name = "FILE")]
    pub(super) tokens: Option<PathBuf>,
    /// Sign tokens with this private key: a PEM file, or for HS256 and the like a secret.
    #[arg(long, value_name = "FILE", requires = "algorithm")]
    pub(super) key: Option<PathBuf>,
    /// The algorithm to sign by: RS256, PS256, ES256, ES384, EdDSA, HS256, …
    #[arg(long, value_name = "ALG", requires = "key")]
    pub(super) algorithm: Option<String>,
    /// The key's id in the issuer's key set.
    #[arg(long, value_name = "KID", requires = "key")]
    pub(super) kid: Option<String>,
    /// `iss` of the signed tokens.
    #[arg(long, value_name = "ISS", requires = "key")]
    pub(super) iss: Option<String>,
    /// `aud` of the signed tokens; may be given several times.
    #[arg(long, value_name = "AUD", requires = "key")]
    pub(super) aud: Vec<String>,
    /// More claims of the signed tokens: a JSON object. They come before the usual ones.
    #[arg(long, value_name = "JSON", requires = "key")]
    pub(super) claims: Option<String>,
    /// How many tokens to sign before the run, which are then sent in turn.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(super) known: usize,
    /// How many tokens to sign for --fresh. When they are used up they are sent again, and the report says so.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    pub(super) fresh_tokens: usize,
}
