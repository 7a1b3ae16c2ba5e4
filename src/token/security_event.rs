//! Security event tokens (RFC 8417), as the OpenID Shared Signals Framework 1.0 wants them: what a transmitter says has
//! happened to a user, a session or a token.
//!
//! Whether one holds, and what it says, by section 4 of the framework. Its signature is verified as any token's is.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    claims::{Claims, NumericDate},
    compact::Compact,
    credential_change::CredentialChanges,
    event_subject::SubjectRules,
    event_type::EventType,
    refusal::{Refusal, shown},
    subject_identifier::{Subject, SubjectFault, SubjectIdentifier},
};
use crate::domain::{Issuer, LogoutReason, Timestamp, TokenId};

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

/// What a security event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// That something of this subject ended, why, and when. None: about when it was issued.
    Logout(Subject, LogoutReason, Option<EventTime>),
    /// That the stream works.
    Verified,
    /// That the stream was paused, disabled or enabled: which of these, fit to be shown.
    StreamUpdated(String),
    /// Nothing that logs anybody out: why.
    Nothing(&'static str),
    /// Something of which it cannot be told whether it does: why.
    Unclear(String),
}

/// When an event happened, as it says: seconds since 1970, and billionths. Nobody has looked whether that can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// Seconds.
    pub seconds: i64,
    /// Billionths of a second.
    pub nanos: i32,
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

fn meaning(
    kind: EventType,
    event: &Map<String, Value>,
    payload: &Map<String, Value>,
    rules: &SecurityEventRules,
) -> Result<Meaning, SecurityEventFault> {
    let reason = match kind {
        EventType::Verification => return verification(event, payload, rules),
        EventType::StreamUpdated => {
            let status = event.get("status").and_then(Value::as_str).ok_or(SecurityEventFault::Member("a status"))?;
            return Ok(Meaning::StreamUpdated(shown(status)));
        }
        EventType::CredentialChange => match credential_change(event, &rules.credential_changes)? {
            Ok(()) => LogoutReason::CredentialChange,
            Err(nothing) => return Ok(nothing),
        },
        EventType::SessionRevoked | EventType::TokensRevoked => match event.get("initiating_entity") {
            Some(Value::String(entity)) if entity == "admin" => LogoutReason::Administrator,
            Some(_) | None => LogoutReason::ProviderLogout,
        },
        EventType::AccountDisabled | EventType::AccountPurged => LogoutReason::AccountDisabled,
        EventType::CredentialCompromise => LogoutReason::Compromise,
    };
    Ok(Meaning::Logout(subject(event, payload, rules.legacy_subject)?, reason, event_time(event)?))
}

/// Whether a changed credential logs out; otherwise what it means instead.
fn credential_change(
    event: &Map<String, Value>,
    changes: &CredentialChanges,
) -> Result<Result<(), Meaning>, SecurityEventFault> {
    let member = |name: &str| event.get(name).and_then(Value::as_str);
    let credential = member("credential_type").ok_or(SecurityEventFault::Member("a credential_type"))?;
    let change = member("change_type").ok_or(SecurityEventFault::Member("a change_type"))?;
    Ok(match changes.log_out(credential, change) {
        Some(true) => Ok(()),
        Some(false) => Err(Meaning::Nothing("by credential_changes, a change like this logs nobody out")),
        None => Err(Meaning::Unclear(format!("has the change_type {}, which is none of CAEP's", shown(change)))),
    })
}

/// Section 8.1.4.1: the stream by its name, and what we asked to be said, if it was we who asked.
fn verification(
    event: &Map<String, Value>,
    payload: &Map<String, Value>,
    rules: &SecurityEventRules,
) -> Result<Meaning, SecurityEventFault> {
    let stream = match payload.get("sub_id") {
        None if rules.legacy_subject => None,
        None => return Err(Refusal::MissingClaim("sub_id").into()),
        Some(value) => Some(SubjectIdentifier::read(value, "sub_id", rules.legacy_subject)?),
    };
    match (&rules.stream_id, stream) {
        (Some(ours), Some(SubjectIdentifier::Opaque(named))) if *ours != named => {
            return Err(SecurityEventFault::State("stream"));
        }
        (_, None | Some(SubjectIdentifier::Opaque(_))) => (),
        (_, Some(_)) => return Err(SecurityEventFault::Member("the stream as its subject, in the format opaque")),
    }
    match (&rules.verification_state, event.get("state")) {
        // A transmitter may try the stream by itself, and says nothing then.
        (None, _) | (_, None) => Ok(Meaning::Verified),
        (Some(ours), Some(Value::String(state))) if state == ours => Ok(Meaning::Verified),
        (Some(_), Some(_)) => Err(SecurityEventFault::State("state")),
    }
}

/// `sub_id`; else, if it may be there, the subject in the event.
fn subject(
    event: &Map<String, Value>,
    payload: &Map<String, Value>,
    legacy: bool,
) -> Result<Subject, SecurityEventFault> {
    match (payload.get("sub_id"), event.get("subject")) {
        (Some(value), _) => Ok(Subject::read(value, "sub_id", legacy)?),
        (None, Some(value)) if legacy => Ok(Subject::read(value, "subject", legacy)?),
        (None, _) => Err(Refusal::MissingClaim("sub_id").into()),
    }
}

/// CAEP 1.0, section 2: a number of seconds.
fn event_time(event: &Map<String, Value>) -> Result<Option<EventTime>, SecurityEventFault> {
    let Some(value) = event.get("event_timestamp").filter(|value| !value.is_null()) else { return Ok(None) };
    if let Some(seconds) = value.as_i64() {
        return Ok(Some(EventTime { seconds, nanos: 0 }));
    }
    let seconds = value.as_f64().filter(|seconds| (0.0..=9e18).contains(seconds));
    let seconds =
        seconds.ok_or(SecurityEventFault::Member("an event_timestamp that is a number of seconds since 1970"))?;
    #[allow(clippy::cast_possible_truncation, reason = "within the range by the line before")]
    let (whole, billionths) = (seconds.floor() as i64, (seconds.fract() * 1e9) as i32);
    Ok(Some(EventTime { seconds: whole, nanos: billionths }))
}

/// A URI for people: the part that tells, fit to be shown.
fn shown_uri(uri: &str) -> String {
    let short = uri.strip_prefix("https://schemas.openid.net/secevent/").unwrap_or(uri);
    shown(short).trim_matches('"').to_owned()
}

#[cfg(test)]
#[path = "security_event_tests.rs"]
mod tests;
