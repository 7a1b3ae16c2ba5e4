//! Logout tokens (OpenID Connect Back-Channel Logout 1.0): what an identity provider sends when somebody logged out there.
//!
//! Whether one holds, and whom it logs out, by the rules of section 2.6. Its signature is verified as any token's is.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    claims::{Claims, NumericDate, identifier},
    compact::Compact,
    refusal::{Refusal, shown},
    rules::Rules,
};
use crate::domain::{SessionId, SubjectId, Timestamp, TokenId};

/// The event that makes a token a logout token (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The media type that is registered for it, without `application/`.
const MEDIA_TYPE: &str = "logout+jwt";

/// What an issuer's logout tokens must satisfy, beside what its tokens must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutTokenRules {
    /// The clients for which logouts are taken: `aud` must name one. Never empty.
    pub client_ids: Vec<String>,
    /// Whether `typ` must be `logout+jwt`. Otherwise it may also be `JWT`, as a large provider writes, or be left out.
    pub strict_type: bool,
    /// How old a token without `exp` may be: the text of 2022 does not ask for one.
    pub max_age: Duration,
}

/// A logout token that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// Whose it is. None: only the session is known.
    pub subject: Option<SubjectId>,
    /// The session that ended. None: all of the subject's.
    pub session: Option<SessionId>,
    /// When that was, as far as is known: mostly to the second.
    pub issued_at: NumericDate,
    /// What tells it from all others of its issuer.
    pub token_id: TokenId,
    /// From when on it no longer holds, so that nobody need remember it any longer.
    pub ends: Timestamp,
}

/// Why a logout token does not hold. Never holds the token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogoutTokenFault {
    /// For a reason that every token may have.
    #[error("{0}")]
    Token(Refusal),
    /// `typ` is another one.
    #[error("The logout token's typ is {0}; it must be {1}.")]
    MediaType(String, &'static str),
    /// Section 2.4: so that no ID token can be taken for it.
    #[error("The token has a nonce, which a logout token must not have.")]
    Nonce,
    /// Section 2.4: the event is missing, or is no object.
    #[error("The logout token's claim events {0}.")]
    Events(&'static str),
    /// Neither `sub` nor `sid`.
    #[error("The logout token has neither sub nor sid: nobody has logged out.")]
    Nobody,
    /// It has no `exp`, and `iat` lies too far back: when it was issued, and how old it may be in seconds.
    #[error("The logout token was issued at {0}; without exp, it may be {1} s old.")]
    TooOld(Timestamp, u64),
}

impl From<Refusal> for LogoutTokenFault {
    fn from(refusal: Refusal) -> Self {
        Self::Token(refusal)
    }
}

impl LogoutToken {
    /// Reads a logout token whose signature holds, and its claims.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn read(
        token: &Compact<'_>,
        claims: &Claims,
        rules: &Rules,
        logout: &LogoutTokenRules,
        now: Timestamp,
    ) -> Result<Self, LogoutTokenFault> {
        check_media_type(token.media_type.as_deref(), logout.strict_type)?;
        if !claims.audiences.iter().any(|audience| logout.client_ids.contains(audience)) {
            return Err(Refusal::WrongAudience(claims.audiences.clone(), logout.client_ids.clone()).into());
        }
        let date = claims.issued_at.ok_or(Refusal::MissingClaim("iat"))?;
        let NumericDate(issued_at) = date;
        if issued_at > now.plus(rules.leeway) {
            return Err(Refusal::IssuedInFuture(issued_at, now).into());
        }
        let ends = ends(claims, issued_at, rules, logout);
        if ends <= now {
            return Err(match claims.expires {
                Some(NumericDate(expires)) => Refusal::Expired(expires).into(),
                None => LogoutTokenFault::TooOld(issued_at, logout.max_age.as_secs()),
            });
        }
        let session = identifier(&token.payload, "sid", SessionId::parse)?;
        if claims.subject.is_none() && session.is_none() {
            return Err(LogoutTokenFault::Nobody);
        }
        check_events(&token.payload)?;
        if token.payload.contains_key("nonce") {
            return Err(LogoutTokenFault::Nonce);
        }
        let token_id = claims.token_id.clone().ok_or(Refusal::MissingClaim("jti"))?;
        Ok(Self { subject: claims.subject.clone(), session, issued_at: date, token_id, ends })
    }
}

/// From when on it no longer holds.
fn ends(claims: &Claims, issued_at: Timestamp, rules: &Rules, logout: &LogoutTokenRules) -> Timestamp {
    match claims.expires {
        Some(NumericDate(expires)) => expires.plus(rules.leeway),
        None => issued_at.plus(logout.max_age).plus(rules.leeway),
    }
}

fn check_media_type(named: Option<&str>, strict: bool) -> Result<(), LogoutTokenFault> {
    let lower = named.map(str::to_ascii_lowercase);
    let short = lower.as_deref().map(|lower| lower.strip_prefix("application/").unwrap_or(lower));
    match short {
        Some(MEDIA_TYPE) => Ok(()),
        None | Some("jwt") if !strict => Ok(()),
        _ => {
            let wanted = if strict { "logout+jwt" } else { "logout+jwt or JWT" };
            Err(LogoutTokenFault::MediaType(named.map_or_else(|| "missing".to_owned(), shown), wanted))
        }
    }
}

fn check_events(payload: &Map<String, Value>) -> Result<(), LogoutTokenFault> {
    let Some(events) = payload.get("events").filter(|events| !events.is_null()) else {
        return Err(Refusal::MissingClaim("events").into());
    };
    let Value::Object(events) = events else { return Err(LogoutTokenFault::Events("is not an object")) };
    match events.get(EVENT) {
        Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(LogoutTokenFault::Events("has a logout event that is not an object")),
        None => Err(LogoutTokenFault::Events("has no logout event")),
    }
}

#[cfg(test)]
#[path = "logout_token_tests.rs"]
mod tests;
