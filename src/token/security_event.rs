//! Security event tokens (RFC 8417), as the OpenID Shared Signals Framework 1.0 wants them: what a transmitter says has
//! happened to a user, a session or a token.
//!
//! Whether one holds, by section 4 of the framework. Its signature is verified as any token's is; what its event says is
//! read in `event_meaning`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    claims::{Claims, NumericDate},
    compact::Compact,
    credential_change::CredentialChanges,
    event_meaning::{Meaning, meaning},
    event_subject::SubjectRules,
    event_type::EventType,
    refusal::{Refusal, shown},
    subject_identifier::SubjectFault,
};
use crate::domain::{Issuer, Timestamp, TokenId};

/// The media type that is registered for it, without `application/`.
const MEDIA_TYPE: &str = "secevent+jwt";

/// What an issuer's security events must satisfy, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEventRules {
    /// The transmitter: `iss` must be this.
    pub transmitter: Issuer,
    /// Who we are to it: `aud` must name one. Never empty.
    pub audiences: Vec<String>,
    /// Whether `exp` may be there, and then counts: older senders set it. The framework forbids it.
    pub allow_exp: bool,
    /// Whether the subject may stand in the event, as before RFC 9493.
    pub legacy_subject: bool,
    /// What the transmitter calls our stream, if that is to be checked.
    pub stream_id: Option<String>,
    /// What a verification that we asked for must say, if that is to be checked.
    pub verification_state: Option<String>,
    /// Which changes of credentials log out.
    pub credential_changes: CredentialChanges,
    /// What the subjects mean.
    pub subjects: SubjectRules,
    /// By how much `iat`, `nbf` and `exp` may be off.
    pub leeway: Duration,
}

/// A security event that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// What tells it from all others of its transmitter.
    pub token_id: TokenId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Its URI, fit to be shown.
    pub event: String,
    /// What it says.
    pub meaning: Meaning,
}

/// Why a security event token does not hold. Never holds the token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SecurityEventFault {
    /// For a reason that every token may have.
    #[error("{0}")]
    Token(Refusal),
    /// `typ` is another one (section 4.1.1).
    #[error("The security event token's typ is {0}; it must be secevent+jwt.")]
    MediaType(String),
    /// `iss` is another one (section 4.1.6): what it is, and the transmitter.
    #[error("The security event token is of {0}; the events of this stream are of {1}.")]
    Transmitter(String, String),
    /// A claim that must not be there (section 4.1.3).
    #[error("The security event token has the claim {0}, which it must not have.")]
    Forbidden(&'static str),
    /// `events` (RFC 8417, section 2.2; the framework, section 4.2.1).
    #[error("The security event token's claim events {0}.")]
    Events(&'static str),
    /// The subject.
    #[error("The security event token's subject cannot be read: {0}.")]
    Subject(SubjectFault),
    /// A member of the event that it must have, or is not what it must be.
    #[error("The event must have {0}.")]
    Member(&'static str),
    /// A verification of another stream, or one that says something else than was asked for.
    #[error("The verification event's {0} is not that of this stream.")]
    State(&'static str),
}

impl From<Refusal> for SecurityEventFault {
    fn from(refusal: Refusal) -> Self {
        Self::Token(refusal)
    }
}

impl From<SubjectFault> for SecurityEventFault {
    fn from(fault: SubjectFault) -> Self {
        Self::Subject(fault)
    }
}

impl SecurityEvent {
    /// Reads a security event token whose signature holds, and its claims.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn read(
        token: &Compact<'_>,
        claims: &Claims,
        rules: &SecurityEventRules,
        now: Timestamp,
    ) -> Result<Self, SecurityEventFault> {
        check_media_type(token.media_type.as_deref())?;
        check_transmitter(token.claimed_issuer()?, &rules.transmitter)?;
        if !claims.audiences.iter().any(|audience| rules.audiences.contains(audience)) {
            return Err(Refusal::WrongAudience(claims.audiences.clone(), rules.audiences.clone()).into());
        }
        let NumericDate(issued_at) = claims.issued_at.ok_or(Refusal::MissingClaim("iat"))?;
        check_times(token, claims, issued_at, rules, now)?;
        if token.payload.contains_key("sub") {
            return Err(SecurityEventFault::Forbidden("sub"));
        }
        let token_id = claims.token_id.clone().ok_or(Refusal::MissingClaim("jti"))?;
        let (uri, event) = the_event(&token.payload)?;
        let meaning = match EventType::of(uri) {
            None => Meaning::Nothing("events of this type log nobody out"),
            Some(kind) => meaning(kind, event, &token.payload, rules)?,
        };
        Ok(Self { token_id, issued_at, event: shown_uri(uri), meaning })
    }
}

fn check_media_type(named: Option<&str>) -> Result<(), SecurityEventFault> {
    let lower = named.map(str::to_ascii_lowercase);
    match lower.as_deref().map(|lower| lower.strip_prefix("application/").unwrap_or(lower)) {
        Some(MEDIA_TYPE) => Ok(()),
        _ => Err(SecurityEventFault::MediaType(named.map_or_else(|| "missing".to_owned(), shown))),
    }
}

fn check_transmitter(named: &str, transmitter: &Issuer) -> Result<(), SecurityEventFault> {
    if named == transmitter.as_str() {
        return Ok(());
    }
    Err(SecurityEventFault::Transmitter(shown(named), shown(transmitter.as_str())))
}

/// A token that has not begun, is from the future or has ended does not hold; and `exp` must be allowed.
fn check_times(
    token: &Compact<'_>,
    claims: &Claims,
    issued_at: Timestamp,
    rules: &SecurityEventRules,
    now: Timestamp,
) -> Result<(), SecurityEventFault> {
    if issued_at > now.plus(rules.leeway) {
        return Err(Refusal::IssuedInFuture(issued_at, now).into());
    }
    if let Some(NumericDate(begins)) = claims.not_before.filter(|begins| begins.0 > now.plus(rules.leeway)) {
        return Err(Refusal::NotYetValid(begins).into());
    }
    match claims.expires {
        _ if token.payload.contains_key("exp") && !rules.allow_exp => Err(SecurityEventFault::Forbidden("exp")),
        // RFC 8417, section 2.2: where it is, it is binding.
        Some(NumericDate(ends)) if ends.plus(rules.leeway) <= now => Err(Refusal::Expired(ends).into()),
        Some(_) | None => Ok(()),
    }
}

/// The one event. Several may be there only as other names of the same (section 4.2.1); we know no such names.
fn the_event(payload: &Map<String, Value>) -> Result<(&str, &Map<String, Value>), SecurityEventFault> {
    let Some(events) = payload.get("events").filter(|events| !events.is_null()) else {
        return Err(Refusal::MissingClaim("events").into());
    };
    let Value::Object(events) = events else { return Err(SecurityEventFault::Events("is not an object")) };
    let mut all = events.iter();
    match (all.next(), all.next()) {
        (Some((uri, Value::Object(event))), None) => Ok((uri, event)),
        (Some(_), None) => Err(SecurityEventFault::Events("has an event that is not an object")),
        (Some(_), Some(_)) => Err(SecurityEventFault::Events("has more than one event; exactly one is taken")),
        (None, _) => Err(SecurityEventFault::Events("has no event")),
    }
}

/// A URI for people: the part that tells, fit to be shown.
fn shown_uri(uri: &str) -> String {
    let short = uri.strip_prefix("https://schemas.openid.net/secevent/").unwrap_or(uri);
    shown(short).trim_matches('"').to_owned()
}

#[cfg(test)]
#[path = "security_event_tests.rs"]
mod tests;
