//! Errors over HTTP: the only place where they get a status.
//!
//! The body is that of OAuth 2.0 (RFC 6749, section 5.2): `error`, for programs, and `error_description`, for people. What
//! a sender must not send again is a 4xx, our own trouble a 503: some senders give up for good after the former.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER},
};
use serde_json::json;

use super::answer;
use crate::service::{NotHeard, ServiceError};

/// After how many seconds it is worth trying again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An error to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into() }
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

impl From<Problem> for Response<Body> {
    fn from(problem: Problem) -> Self {
        let body = json!({"error": problem.error, "error_description": problem.description});
        let mut response = answer::json(problem.status, body.to_string());
        if problem.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
        }
        response
    }
}
