//! The token by which an identity provider shows who it is when it asks for all tokens of a user to be revoked
//! (draft-parecki-oauth-global-token-revocation-06, section 3.5): a JWT of few minutes, for one endpoint and one request.
//!
//! Whether one holds. Its signature is verified as any token's is, by asymmetric algorithms only.

use std::time::Duration;

use super::{
    claims::{Claims, NumericDate},
    compact::Compact,
    refusal::{Refusal, shown},
};
use crate::domain::{Timestamp, TokenId};

/// Claims that tokens of other kinds have, and this one never: an event, an answer to a login.
const OF_OTHER_KINDS: [&str; 3] = ["events", "sub_id", "nonce"];

/// What the callers of an issuer must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerRules {
    /// The URL of the endpoint, exactly: `aud` must be this and nothing else.
    pub endpoint: String,
    /// Who may ask: `sub` must be one. An issuer with many customers signs such tokens for each of them. Never empty.
    pub callers: Vec<String>,
    /// How long a token may hold, from `iat` to `exp`.
    pub max_lifetime: Duration,
    /// By how much `iat`, `nbf` and `exp` may be off.
    pub leeway: Duration,
}

/// A caller who is who it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationCaller {
    /// What tells its token from all others of its issuer: good for one request.
    pub token_id: TokenId,
    /// From when on the token no longer holds, so that nobody need remember it any longer.
    pub ends: Timestamp,
}

/// Why a caller is not let in. Never holds the token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallerFault {
    /// For a reason that every token may have.
    #[error("{0}")]
    Token(Refusal),
    /// `typ` is that of another kind of token.
    #[error("The caller's token has the typ {0}; it must be JWT, or left out.")]
    MediaType(String),
    /// A claim of another kind of token.
    #[error("The caller's token has the claim {0}, which tokens of another kind have.")]
    OtherKind(&'static str),
    /// It holds for too long: how many seconds, and how many it may.
    #[error("The caller's token holds for {0} s; it may hold for {1} s.")]
    Lifetime(u64, u64),
    /// `sub` is nobody who may ask.
    #[error("The caller {0} is not among callers.")]
    Caller(String),
}

impl From<Refusal> for CallerFault {
    fn from(refusal: Refusal) -> Self {
        Self::Token(refusal)
    }
}

impl RevocationCaller {
    /// Reads the token of a caller whose signature holds, and its claims.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn read(
        token: &Compact<'_>,
        claims: &Claims,
        rules: &CallerRules,
        now: Timestamp,
    ) -> Result<Self, CallerFault> {
        check_media_type(token.media_type.as_deref())?;
        if let Some(name) = OF_OTHER_KINDS.into_iter().find(|name| token.payload.contains_key(*name)) {
            return Err(CallerFault::OtherKind(name));
        }
        // A token that also is for others could have been sent to them, and on to us.
        if claims.audiences.as_slice() != std::slice::from_ref(&rules.endpoint) {
            return Err(Refusal::WrongAudience(claims.audiences.clone(), vec![rules.endpoint.clone()]).into());
        }
        let ends = check_times(claims, rules, now)?;
        let caller = claims.subject.as_ref().ok_or(Refusal::MissingClaim("sub"))?;
        if !rules.callers.iter().any(|known| known == caller.as_str()) {
            return Err(CallerFault::Caller(shown(caller.as_str())));
        }
        let token_id = claims.token_id.clone().ok_or(Refusal::MissingClaim("jti"))?;
        Ok(Self { token_id, ends })
    }
}

fn check_media_type(named: Option<&str>) -> Result<(), CallerFault> {
    let lower = named.map(str::to_ascii_lowercase);
    match lower.as_deref().map(|lower| lower.strip_prefix("application/").unwrap_or(lower)) {
        None | Some("jwt") => Ok(()),
        Some(_) => Err(CallerFault::MediaType(named.map_or_else(String::new, shown))),
    }
}

/// From when on the token no longer holds.
fn check_times(claims: &Claims, rules: &CallerRules, now: Timestamp) -> Result<Timestamp, CallerFault> {
    let NumericDate(issued_at) = claims.issued_at.ok_or(Refusal::MissingClaim("iat"))?;
    let NumericDate(expires) = claims.expires.ok_or(Refusal::MissingClaim("exp"))?;
    if expires.plus(rules.leeway) <= now {
        return Err(Refusal::Expired(expires).into());
    }
    if let Some(NumericDate(begins)) = claims.not_before.filter(|begins| begins.0 > now.plus(rules.leeway)) {
        return Err(Refusal::NotYetValid(begins).into());
    }
    if issued_at > now.plus(rules.leeway) {
        return Err(Refusal::IssuedInFuture(issued_at, now).into());
    }
    if expires.since(issued_at) > rules.max_lifetime {
        return Err(CallerFault::Lifetime(expires.since(issued_at).as_secs(), rules.max_lifetime.as_secs()));
    }
    Ok(expires.plus(rules.leeway))
}

#[cfg(test)]
#[path = "revocation_caller_tests.rs"]
mod tests;
