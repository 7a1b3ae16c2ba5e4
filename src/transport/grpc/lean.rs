//! The requests that are made most often, read without copying the token out of what was received.
//!
//! The fields are those of the protocol's messages of the same name.

use prost::bytes::Bytes;

use super::fields;
use crate::{
    domain::{IdentifierError, Revision},
    service::{ServiceError, TokenRequest},
};

/// `ValidateTokenRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeanTokenRequest {
    #[prost(bytes = "bytes", tag = "1")]
    token: Bytes,
    #[prost(string, repeated, tag = "2")]
    audiences: Vec<String>,
    #[prost(uint64, tag = "3")]
    min_revision: u64,
    #[prost(bool, tag = "4")]
    include_claims: bool,
}

/// `ValidateTokensRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LeanStreamRequest {
    #[prost(string, tag = "1")]
    pub(super) request_id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) request: Option<LeanTokenRequest>,
}

impl LeanTokenRequest {
    /// What is asked.
    pub(super) fn checked(&self) -> Result<TokenRequest<'_>, ServiceError> {
        token_request(&self.token, &self.audiences, self.min_revision, self.include_claims)
    }
}

/// What is asked of a token.
pub(super) fn token_request<'a>(
    raw_token: &'a [u8],
    audiences: &'a [String],
    min_revision: u64,
    include_claims: bool,
) -> Result<TokenRequest<'a>, ServiceError> {
    if raw_token.is_empty() {
        return Err(ServiceError::identifier("token", IdentifierError::Empty));
    }
    fields::audiences(audiences)?;
    Ok(TokenRequest { raw_token, audiences, min_revision: Revision(min_revision), include_claims })
}
