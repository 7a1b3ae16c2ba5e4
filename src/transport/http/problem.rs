//! Errors over HTTP: the only place where they get a status.
//!
//! The body is that of OAuth 2.0 (RFC 6749, section 5.2): `error`, for programs, and `error_description`, for people; a
//! security event token that does not hold has a form of its own (RFC 8935, section 2.3). What a sender must not send again
//! is a 4xx, our own trouble a 503: some senders give up for good after the former.

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CONTENT_LANGUAGE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde_json::json;

use super::answer;
use crate::{
    service::{EventNotTaken, NotAllRevoked, NotHeard, NotRevoked, ServiceError},
    token::LogBodyFault,
};

/// After how many seconds it is worth trying again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// How to say who one is (RFC 9110, section 11.6.1: a 401 must say so).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"curfew\"");

/// An error to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// How whoever asks can prove who they are (RFC 9110, section 11.6.1).
    challenge: Option<HeaderValue>,
    form: Form,
}

/// How an error is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// RFC 6749, section 5.2.
    OAuth,
    /// RFC 8935, section 2.3.
    SecurityEvent,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), form: Form::OAuth, challenge: None }
    }

    /// The same, with a challenge.
    pub(super) fn challenging(self, challenge: HeaderValue) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// The same, to whoever sent a security event token: what is wrong with the token has a form of its own.
    pub(super) fn of_security_event(self) -> Self {
        let form = if self.status == StatusCode::BAD_REQUEST { Form::SecurityEvent } else { self.form };
        Self { form, ..self }
    }

    /// Why not all tokens of a user were revoked. `said`: whether the caller showed anything (RFC 6750, section 3.1).
    pub(super) fn of_revocation(error: NotAllRevoked, said: bool) -> Self {
        let description = error.to_string();
        match error {
            NotAllRevoked::Unauthenticated(_) => {
                let challenge = if said { "Bearer error=\"invalid_token\"" } else { "Bearer" };
                Self::unauthenticated("invalid_token", challenge, description)
            }
            NotAllRevoked::Unfit(_) => Self::invalid(description),
            NotAllRevoked::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "access_denied", description),
            NotAllRevoked::Failed(error) if error.is_the_request_s() => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not_enforceable", description)
            }
            NotAllRevoked::Failed(error) => error.into(),
        }
    }

    /// The caller is not let in; `challenge` says what to show.
    fn unauthenticated(error: &'static str, challenge: &'static str, description: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error, description).challenging(HeaderValue::from_static(challenge))
    }

    /// Its status.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What a person should know.
    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// We cannot take it now.
    pub(super) fn busy(description: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description)
    }

    /// The request itself is at fault.
    pub(super) fn invalid(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// The caller is not who they should be, or did not say who they are.
    pub(super) fn unauthorized(description: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", description).challenging(CHALLENGE)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let description = error.to_string();
        match error {
            ServiceError::Invalid(_)
            | ServiceError::UnknownIssuer { .. }
            | ServiceError::TokenNotFit(_)
            | ServiceError::NotEnforceable(_) => Self::invalid(description),
            ServiceError::Overloaded(_)
            | ServiceError::StoreUnavailable(_)
            | ServiceError::KeysUnavailable(_)
            | ServiceError::RevisionNotReached { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description)
            }
        }
    }
}

impl From<NotHeard> for Problem {
    fn from(error: NotHeard) -> Self {
        match error {
            NotHeard::Unfit(_) | NotHeard::NotConfigured(_) => Self::invalid(error.to_string()),
            NotHeard::Failed(error) => error.into(),
        }
    }
}

impl From<NotRevoked> for Problem {
    /// RFC 7009, section 2.2.1; RFC 6749, section 5.2.
    fn from(error: NotRevoked) -> Self {
        let description = error.to_string();
        match error {
            NotRevoked::AnotherClient => Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description),
            NotRevoked::Lacks(_) => Self::new(StatusCode::BAD_REQUEST, "unsupported_token_type", description),
            NotRevoked::MayYetHold(_) => Self::busy(description),
            NotRevoked::Failed(error) => error.into(),
        }
    }
}

impl From<LogBodyFault> for Problem {
    fn from(fault: LogBodyFault) -> Self {
        match fault {
            LogBodyFault::Empty | LogBodyFault::NotAnArray => Self::invalid(fault.to_string()),
            LogBodyFault::TooMany => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", fault.to_string()),
        }
    }
}

impl From<EventNotTaken> for Problem {
    fn from(error: EventNotTaken) -> Self {
        match error {
            EventNotTaken::Refused(code, why) => {
                Self::new(StatusCode::BAD_REQUEST, code.name(), why).of_security_event()
            }
            EventNotTaken::Failed(error) => error.into(),
        }
    }
}

impl From<Problem> for Response<Body> {
    fn from(problem: Problem) -> Self {
        let body = match problem.form {
            Form::OAuth => json!({"error": problem.error, "error_description": problem.description}),
            Form::SecurityEvent => json!({"err": problem.error, "description": problem.description}),
        };
        let mut response = answer::json(problem.status, body.to_string());
        let headers = response.headers_mut();
        if problem.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_SECONDS);
        }
        if problem.form == Form::SecurityEvent {
            headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        }
        if let Some(challenge) = problem.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
