//! Why security event tokens are not taken, as their senders are told (RFC 8935, section 2.4; RFC 8936, section 2.6).

use super::ServiceError;
use crate::token::{Refusal, SecurityEventFault};

/// What is wrong with a security event token, as its sender is told (RFC 8935, section 2.4; the framework, section 8.1.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventError {
    /// It cannot be read, or does not say what it must.
    InvalidRequest,
    /// It is not signed with a key that is trusted.
    InvalidKey,
    /// It is of an issuer whose events are not expected here.
    InvalidIssuer,
    /// It is for somebody else.
    InvalidAudience,
    /// Its sender is not who it should be.
    AuthenticationFailed,
    /// Its sender may not send any.
    AccessDenied,
    /// It says something else of the stream than was asked for.
    InvalidState,
}

/// Why a security event token was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EventNotTaken {
    /// It is no good, and will not be when it is sent again.
    #[error("{1}")]
    Refused(EventError, String),
    /// It is good, or may be.
    #[error(transparent)]
    Failed(ServiceError),
}

impl EventError {
    /// Its registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AccessDenied => "access_denied",
            Self::InvalidState => "invalid_state",
        }
    }

    const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::UnknownIssuer(..) => Self::InvalidIssuer,
            Refusal::AlgorithmNotAllowed(..)
            | Refusal::UnknownKey(..)
            | Refusal::BadSignature(_)
            // Of all logouts, only a key's is asked about here.
            | Refusal::LoggedOut(_) => Self::InvalidKey,
            Refusal::WrongAudience(..) => Self::InvalidAudience,
            Refusal::Malformed(_)
            | Refusal::MissingClaim(_)
            | Refusal::Expired(_)
            | Refusal::NotYetValid(_)
            | Refusal::IssuedInFuture(..)
            | Refusal::ImpossibleClaim(_)
            | Refusal::LifetimeTooLong(..) => Self::InvalidRequest,
        }
    }
}

impl From<Refusal> for EventNotTaken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(EventError::of(&refusal), refusal.to_string())
    }
}

impl From<SecurityEventFault> for EventNotTaken {
    fn from(fault: SecurityEventFault) -> Self {
        let error = match &fault {
            SecurityEventFault::Token(refusal) => EventError::of(refusal),
            SecurityEventFault::Transmitter(..) => EventError::InvalidIssuer,
            SecurityEventFault::State(_) => EventError::InvalidState,
            SecurityEventFault::MediaType(_)
            | SecurityEventFault::Forbidden(_)
            | SecurityEventFault::Events(_)
            | SecurityEventFault::Subject(_)
            | SecurityEventFault::Member(_) => EventError::InvalidRequest,
        };
        Self::Refused(error, fault.to_string())
    }
}

impl From<ServiceError> for EventNotTaken {
    fn from(error: ServiceError) -> Self {
        if error.is_the_request_s() {
            Self::Refused(EventError::InvalidRequest, error.to_string())
        } else {
            Self::Failed(error)
        }
    }
}
