//! Shared Signals: a transmitter says what has happened to a user, a session or a token (RFC 8417), whichever way its
//! security event tokens come.
//!
//! What is taken is durable, or it logs nobody out, or it is among the dead letters. Whom an event names decides
//! [`crate::token::SubjectRules`]; never more than that ends.

use std::{sync::Arc, time::Duration};

use super::{
    ConfiguredIssuer, Curfew, DeadLetter, EventError, EventNotTaken, LogoutRequest, Outcome, RecordedLogout,
    SecurityEvents, ServiceError, Target, event_time, event_time::heard_at,
};
use crate::{
    domain::{Issuer, LogoutReason, Source, Timestamp},
    token::{
        Claims, Compact, EventTarget, EventTime, Meaning, NoTarget, NumericDate, Refusal, SecurityEvent, Subject,
        shown, signed_by,
    },
};

/// For how long an event that was taken is known when it comes again.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The way by which a security event token came.
#[derive(Debug, Clone, Copy)]
pub enum Delivery<'a> {
    /// It was pushed (RFC 8935), with this value of the header `Authorization`.
    Push(Option<&'a str>),
    /// It was fetched (RFC 8936) from the transmitter of the issuer with this name, under this `jti`.
    Poll(&'a str, &'a str),
}

/// What came of a security event token. All of these are to be acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub enum EventTaken {
    /// The logout is recorded, and durable.
    Recorded(RecordedLogout),
    /// It had come before, and was taken then.
    Again,
    /// It logs nobody out.
    Ignored,
    /// It is good, and it cannot be told whom it logs out: it is among the dead letters.
    Kept,
}

impl Delivery<'_> {
    const fn source(self) -> Source {
        match self {
            Self::Push(_) => Source::SecurityEventPush,
            Self::Poll(..) => Source::SecurityEventPoll,
        }
    }
}

/// An issuer and how its security events are dealt with.
type Stream<'a> = (&'a Arc<ConfiguredIssuer>, &'a SecurityEvents);

impl Curfew {
    /// Takes a security event token; returns when what it says is durable.
    ///
    /// # Errors
    /// [`EventNotTaken`].
    pub async fn security_event(&self, raw_token: &str, by: Delivery<'_>) -> Result<EventTaken, EventNotTaken> {
        let taken = self.take_security_event(raw_token, by).await;
        let outcome = match &taken {
            Ok(EventTaken::Recorded(_)) => Outcome::Recorded,
            Ok(EventTaken::Again) => Outcome::Again,
            Ok(EventTaken::Ignored) => Outcome::Ignored,
            Ok(EventTaken::Kept) => Outcome::DeadLetter,
            Err(EventNotTaken::Refused(..)) => Outcome::Refused,
            Err(EventNotTaken::Failed(_)) => Outcome::Failed,
        };
        self.metrics.event(by.source(), outcome, self.clock.now());
        taken
    }

    async fn take_security_event(&self, raw_token: &str, by: Delivery<'_>) -> Result<EventTaken, EventNotTaken> {
        let compact = Compact::parse(raw_token).map_err(Refusal::Malformed)?;
        let (issuer, stream) = self.stream(&compact, by)?;
        check_sender(stream, by)?;
        let now = self.clock.now();
        let signed = |keys: &_| signed_by(&compact, &stream.signer, keys).map(|key| key.id().cloned());
        let (key, _) = self.with_keys_of(stream.keys.as_ref().unwrap_or(&issuer.keys), now, signed).await??;
        let claims = Claims::read(&compact.payload, &stream.signer)?;
        let event = SecurityEvent::read(&compact, &claims, &stream.events, now)?;
        self.check_key(key, &claims, &stream.signer)?;
        check_id(&event, by)?;
        // By the issuer, not by the transmitter, which may have a stream for each of several issuers.
        let iss = &issuer.rules.issuer;
        if self.events_seen.has(iss, &event.token_id, now) {
            return Ok(EventTaken::Again);
        }
        let taken = self.act(issuer, stream, &event, by.source(), now).await?;
        if taken == EventTaken::Kept {
            // Whoever sent it must not be told that it was taken before what is left of it is on disk.
            self.dead_letters.written().await?;
        }
        self.events_seen.remember(iss.clone(), event.token_id, now.plus(REMEMBERED));
        Ok(taken)
    }

    /// The stream that a token, whose signature nobody has looked at yet, says that it is of.
    fn stream(&self, token: &Compact<'_>, by: Delivery<'_>) -> Result<Stream<'_>, EventNotTaken> {
        let all = self.issuers.all().iter();
        let streams = all.filter_map(|issuer| Some((issuer, issuer.elsewhere.security_events.as_ref()?)));
        if let Delivery::Poll(name, _) = by {
            let mut streams = streams;
            return streams.find(|(issuer, _)| issuer.name == name).ok_or_else(|| not_configured(name));
        }
        let iss = token.claimed_issuer()?;
        let of_transmitter: Vec<Stream<'_>> =
            streams.filter(|(_, stream)| stream.events.transmitter.as_str() == iss).collect();
        // One transmitter may have a stream for each of several issuers; they differ by who we are to it.
        let is_for = |stream: &SecurityEvents| names_one(token, &stream.events.audiences);
        let meant = of_transmitter.iter().find(|(_, stream)| is_for(stream)).or(of_transmitter.first());
        match (meant, self.issuers.by_iss(iss)) {
            (Some(stream), _) => Ok(*stream),
            (None, Some(issuer)) => Err(not_configured(&issuer.name)),
            (None, None) => Err(refused(
                EventError::InvalidIssuer,
                format!("The issuer {} is not one whose security events are taken here.", shown(iss)),
            )),
        }
    }

    /// Does what an event says.
    async fn act(
        &self,
        issuer: &ConfiguredIssuer,
        stream: &SecurityEvents,
        event: &SecurityEvent,
        source: Source,
        now: Timestamp,
    ) -> Result<EventTaken, EventNotTaken> {
        let keep = |why: String| {
            self.dead_letters.keep(DeadLetter {
                time: now,
                source,
                issuer: issuer.name.clone(),
                id: event.token_id.as_str().to_owned(),
                event: event.event.clone(),
                why,
            });
            Ok(EventTaken::Kept)
        };
        let (target, reason, happened) = match &event.meaning {
            Meaning::Logout(subject, reason, happened) => match target(stream, subject, &issuer.rules.issuer) {
                Ok(target) => (target, *reason, *happened),
                Err(NoTarget::Critical(member)) => {
                    let why = format!("The subject has the critical member {member}, which cannot be told.");
                    return Err(refused(EventError::InvalidRequest, why));
                }
                Err(NoTarget::Foreign(why) | NoTarget::Unclear(why)) => return keep(format!("the subject {why}")),
            },
            Meaning::Unclear(why) => return keep(format!("the event {why}")),
            Meaning::Verified => {
                tracing::info!(issuer = %issuer.name, source = source.name(), "the stream of security events works");
                return Ok(EventTaken::Ignored);
            }
            Meaning::StreamUpdated(status) => {
                tracing::warn!(issuer = %issuer.name, %status, "the transmitter changed the stream of security events");
                return Ok(EventTaken::Ignored);
            }
            Meaning::Nothing(why) => {
                tracing::debug!(issuer = %issuer.name, event = %event.event, why, "a security event logs nobody out");
                return Ok(EventTaken::Ignored);
            }
        };
        let logout_time = logout_time(happened, event.issued_at, now)?;
        match self.record_logout(request(target, reason, logout_time, source)).await {
            Ok(recorded) => Ok(EventTaken::Recorded(recorded)),
            Err(ServiceError::NotEnforceable(why)) => keep(why),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whoever pushes says what was agreed upon. Whoever is polled is known by its address.
fn check_sender(stream: &SecurityEvents, by: Delivery<'_>) -> Result<(), EventNotTaken> {
    match (by, &stream.push_secret) {
        (Delivery::Push(said), Some(secret)) if !said.is_some_and(|said| secret.is(said)) => Err(refused(
            EventError::AuthenticationFailed,
            "The header Authorization does not say what was agreed upon for this stream.".to_owned(),
        )),
        (Delivery::Push(_) | Delivery::Poll(..), _) => Ok(()),
    }
}

/// What is acknowledged by its `jti` must be what was looked at.
fn check_id(event: &SecurityEvent, by: Delivery<'_>) -> Result<(), EventNotTaken> {
    match by {
        Delivery::Poll(_, id) if event.token_id.as_str() != id => Err(refused(
            EventError::InvalidRequest,
            "The security event token has another jti than the one under which it was sent.".to_owned(),
        )),
        Delivery::Push(_) | Delivery::Poll(..) => Ok(()),
    }
}

/// What an event ends, by its issuer.
fn target(stream: &SecurityEvents, subject: &Subject, iss: &Issuer) -> Result<Target, NoTarget> {
    let iss = iss.as_str().to_owned();
    Ok(match stream.events.subjects.target(subject)? {
        EventTarget::Subject(subject) => Target::Subject(iss, subject, None),
        EventTarget::Session(session, subject) => Target::Session(iss, session, subject),
        EventTarget::Token(token) => Target::TokenId(iss, token),
    })
}

/// When it happened, as it says; else when it was issued. Both are mostly known to the second.
fn logout_time(happened: Option<EventTime>, issued_at: Timestamp, now: Timestamp) -> Result<Timestamp, EventNotTaken> {
    let said = match happened {
        None => issued_at,
        Some(EventTime { seconds, nanos }) => event_time(seconds, nanos, now).map_err(|error| {
            let why = error.to_string().replacen("logout_time", "The event_timestamp", 1);
            refused(EventError::InvalidRequest, why)
        })?,
    };
    Ok(heard_at(NumericDate(said), now))
}

fn request(target: Target, reason: LogoutReason, logout_time: Timestamp, source: Source) -> LogoutRequest {
    LogoutRequest {
        target,
        logout_time: Some(logout_time),
        reason,
        source,
        reauthenticate: None,
        // The transmitter does not log anybody in because we answer.
        settle: Some(false),
    }
}

/// Whether a token, whose signature nobody has looked at yet, says that it is for one of these.
fn names_one(token: &Compact<'_>, audiences: &[String]) -> bool {
    let is_one =
        |value: &serde_json::Value| value.as_str().is_some_and(|named| audiences.iter().any(|one| one == named));
    match token.payload.get("aud") {
        Some(serde_json::Value::Array(several)) => several.iter().any(is_one),
        Some(one) => is_one(one),
        None => false,
    }
}

fn not_configured(issuer: &str) -> EventNotTaken {
    let why =
        format!("Issuer {issuer} has no [issuer.security_events] in the configuration: its events are not taken.");
    refused(EventError::AccessDenied, why)
}

fn refused(error: EventError, why: String) -> EventNotTaken {
    EventNotTaken::Refused(error, why)
}
