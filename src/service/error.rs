//! Why a request was not answered. An unfit token is not among the reasons, except where a logout was to be recorded by
//! it.

use crate::{
    domain::{IdentifierError, Revision},
    store::StoreError,
    token::{KeysUnavailable, Refusal},
};

/// A field of a request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Its path in the request, as the protocol names it: `subject.client_id`.
    pub field: String,
    /// What is wrong with it, as a clause to follow the field's name.
    pub description: String,
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ServiceError {
    /// The request is unfit; every field at fault.
    #[error("{}", listed(.0))]
    Invalid(Vec<FieldFault>),
    /// The issuer is not configured: where it was named, what it was, and the configured ones.
    #[error("{field}: {named} is not a configured issuer; configured: {configured}")]
    UnknownIssuer {
        /// The field that names it.
        field: &'static str,
        /// What it says, fit to be shown.
        named: String,
        /// The configured ones, fit to be shown.
        configured: String,
    },
    /// The token that was to stand for its user is unfit.
    #[error("token: {0}")]
    TokenNotFit(Box<Refusal>),
    /// The logout could stop no token.
    #[error("the logout could not be enforced: {0}")]
    NotEnforceable(String),
    /// Too much is waiting.
    #[error("{0}; try again shortly")]
    Overloaded(StoreError),
    /// The store cannot read or write.
    #[error("{0}; nothing was decided or acknowledged")]
    StoreUnavailable(StoreError),
    /// The issuer's keys are not there.
    #[error("{0}")]
    KeysUnavailable(KeysUnavailable),
    /// `min_revision` lies ahead.
    #[error(
        "min_revision {wanted} is not reached: this store is at {reached}. Was the revision given out by another store?",
        wanted = .wanted.0, reached = .reached.0
    )]
    RevisionNotReached {
        /// What was asked for.
        wanted: Revision,
        /// What there is.
        reached: Revision,
    },
}

impl ServiceError {
    /// One field at fault.
    #[must_use]
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldFault { field: field.into(), description: description.into() }])
    }

    /// Whether the request is at fault, and will be when it is made again; else it is worth another try.
    #[must_use]
    pub const fn is_the_request_s(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::UnknownIssuer { .. } | Self::TokenNotFit(_) | Self::NotEnforceable(_) => true,
            Self::Overloaded(_)
            | Self::StoreUnavailable(_)
            | Self::KeysUnavailable(_)
            | Self::RevisionNotReached { .. } => false,
        }
    }

    /// A field that is no identifier.
    #[must_use]
    pub fn identifier(field: &str, error: IdentifierError) -> Self {
        Self::invalid(field, error.to_string())
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::Overloaded(error),
            StoreError::Unavailable(_) | StoreError::Closed => Self::StoreUnavailable(error),
        }
    }
}

impl From<KeysUnavailable> for ServiceError {
    fn from(error: KeysUnavailable) -> Self {
        Self::KeysUnavailable(error)
    }
}

fn listed(faults: &[FieldFault]) -> String {
    let each: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.description)).collect();
    each.join("; ")
}
