//! Answers on tokens, as they are written.
//!
//! Nearly every answer is that a token is honoured, and what it says of the token is the same each time. That part is made
//! once a token and copied from then on; a test holds it against the protocol's own message.

use std::sync::Arc;

use prost::{
    Message,
    bytes::BufMut,
    encoding::{self, WireType},
};
use prost_types::Timestamp;
use tonic::{
    Status,
    codec::{EncodeBuf, Encoder},
};

use super::{
    convert,
    pb::{self, validate_tokens_response::Outcome},
};
use crate::service::{Answer, Verified};

/// What every answer that honours a token begins with: `valid`, `verdict` and `detail`.
const HONOURED: &[u8] = b"\x08\x01\x10\x01\x1a\x16The token is honoured.";

/// The numbers of the other fields of `ValidateTokenResponse`.
const TOKEN: u32 = 4;
const LAST_LOGOUT_TIME: u32 = 6;
const REVISION: u32 = 7;

/// The numbers of the fields of `ValidateTokensResponse`.
const REQUEST_ID: u32 = 1;
const RESPONSE: u32 = 2;

/// A `ValidateTokenResponse`.
pub(super) enum Response {
    /// The token is honoured, and its claims were not asked for.
    Honoured {
        /// The token.
        verified: Arc<Verified>,
        /// When its subject last logged out.
        last_logout_time: Option<Timestamp>,
        /// What the answer includes.
        revision: u64,
    },
    /// Anything else.
    Other(Box<pb::ValidateTokenResponse>),
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer { decision: Ok(_), verified: Some(verified), payload: None, last_logout, revision, .. } => {
                let last_logout_time = last_logout.map(convert::timestamp);
                Self::Honoured { verified, last_logout_time, revision: revision.0 }
            }
            other => Self::Other(Box::new(convert::answer(other))),
        }
    }
}

/// What a token says, as it is written: made when it is first asked for.
fn token(verified: &Verified) -> &[u8] {
    verified.written.get_or_init(|| convert::token(&verified.token.claims).encode_to_vec().into())
}

/// The length of a field of so many bytes.
fn field_len(number: u32, length: usize) -> usize {
    encoding::key_len(number) + encoding::encoded_len_varint(length as u64) + length
}

/// Writes the head of a field of so many bytes.
fn put_head(number: u32, length: usize, buffer: &mut impl BufMut) {
    encoding::encode_key(number, WireType::LengthDelimited, buffer);
    encoding::encode_varint(length as u64, buffer);
}

impl Response {
    pub(super) fn encoded_len(&self) -> usize {
        match self {
            Self::Honoured { verified, last_logout_time, revision } => {
                let last_logout =
                    last_logout_time.as_ref().map_or(0, |at| encoding::message::encoded_len(LAST_LOGOUT_TIME, at));
                let revision = if *revision == 0 { 0 } else { encoding::uint64::encoded_len(REVISION, revision) };
                HONOURED.len() + field_len(TOKEN, token(verified).len()) + last_logout + revision
            }
            Self::Other(message) => message.encoded_len(),
        }
    }

    pub(super) fn encode(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Honoured { verified, last_logout_time, revision } => {
                let token = token(verified);
                buffer.put_slice(HONOURED);
                put_head(TOKEN, token.len(), buffer);
                buffer.put_slice(token);
                if let Some(at) = last_logout_time {
                    encoding::message::encode(LAST_LOGOUT_TIME, at, buffer);
                }
                if *revision != 0 {
                    encoding::uint64::encode(REVISION, revision, buffer);
                }
            }
            Self::Other(message) => message.encode_raw(buffer),
        }
    }
}

/// A `ValidateTokensResponse`.
pub(super) struct StreamResponse {
    /// That of the request.
    pub(super) request_id: String,
    /// What came of it.
    pub(super) outcome: Result<Response, pb::CheckError>,
}

/// Writes the answers of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StreamEncoder;

impl Encoder for StreamEncoder {
    type Item = StreamResponse;
    type Error = Status;

    fn encode(&mut self, item: StreamResponse, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match item.outcome {
            Ok(response) => {
                let length = response.encoded_len();
                buffer.reserve(field_len(REQUEST_ID, item.request_id.len()) + field_len(RESPONSE, length));
                if !item.request_id.is_empty() {
                    put_head(REQUEST_ID, item.request_id.len(), buffer);
                    buffer.put_slice(item.request_id.as_bytes());
                }
                put_head(RESPONSE, length, buffer);
                response.encode(buffer);
                Ok(())
            }
            Err(error) => {
                let message =
                    pb::ValidateTokensResponse { request_id: item.request_id, outcome: Some(Outcome::Error(error)) };
                message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
            }
        }
    }
}
