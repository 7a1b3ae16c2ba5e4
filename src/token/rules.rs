//! What an issuer's tokens must satisfy. All of it is configured; nothing is taken from a token.

use std::{sync::Arc, time::Duration};

use super::algorithm::Algorithm;
use crate::domain::{Issuer, Timestamp};

/// The rules for the tokens of one issuer.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `iss`, exactly.
    pub issuer: Issuer,
    /// The algorithms that its tokens may be signed with. Never empty.
    pub algorithms: Vec<Algorithm>,
    /// The audiences of which a token must name one. Never empty.
    pub audiences: Vec<String>,
    /// The media types that `typ` may name, in lower case and without `application/`; absent is always allowed.
    pub types: Vec<String>,
    /// By how much `exp`, `nbf` and `iat`, and the last-logout claim against `iat`, may be off.
    pub leeway: Duration,
    /// By how much the issuer's clock may be ahead of Curfew's when `iat` or `auth_time` is compared with a cutoff.
    pub clock_skew: Duration,
    /// The most that `exp` may lie after `iat`. What allows session and token logouts to be forgotten.
    pub max_token_lifetime: Duration,
    /// The claim that carries the last logout which the issuer knew of, if it sets one.
    pub last_logout: Option<LastLogoutClaim>,
    /// What to do with a last-logout claim later than any logout that the store knows.
    pub claim_ahead: ClaimAhead,
    /// The claim that carries the session, if the issuer's tokens are declared to have one.
    pub session_claim: Option<String>,
}

/// The last-logout claim of an issuer's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLogoutClaim {
    /// The name of the claim.
    pub name: Arc<str>,
    /// How its value is written.
    pub format: ClaimFormat,
}

/// How the last-logout claim is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimFormat {
    /// A string, as `2026-01-31T12:00:00.123Z`.
    Rfc3339,
    /// A number of seconds since 1970, with a fraction.
    Seconds,
    /// A number of milliseconds since 1970.
    Milliseconds,
}

/// What to do with a last-logout claim later than any logout that the store knows. A record was lost, a backup is old, a
/// replica lags, or somebody invents claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClaimAhead {
    /// Honour it, for it is after every logout known; count it.
    #[default]
    Accept,
    /// Refuse it.
    Refuse,
}

impl ClaimFormat {
    /// The claim's value for an instant, exact to the millisecond; null for never.
    ///
    /// A double holds seconds with three decimals exactly enough until the year 2240.
    #[must_use]
    pub fn write(self, last_logout: Option<Timestamp>) -> serde_json::Value {
        match (last_logout, self) {
            (None, _) => serde_json::Value::Null,
            (Some(at), Self::Rfc3339) => at.to_string().into(),
            (Some(at), Self::Milliseconds) => at.as_millis().into(),
            #[allow(clippy::cast_precision_loss, reason = "below 2^53 by the range of Timestamp")]
            (Some(at), Self::Seconds) => (at.as_millis() as f64 / 1000.0).into(),
        }
    }
}
