//! What the one event of a security event token says: whose logout it is and why, or that it is none.
//!
//! By CAEP 1.0, RISC 1.0 and the OpenID Shared Signals Framework 1.0; [`EventType`] has the list.

use serde_json::{Map, Value};

use super::{
    credential_change::CredentialChanges,
    event_type::EventType,
    refusal::{Refusal, shown},
    security_event::{SecurityEventFault, SecurityEventRules},
    subject_identifier::{Subject, SubjectIdentifier},
};
use crate::domain::LogoutReason;

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

/// What an event says, in a token that says this besides.
pub(super) fn meaning(
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
