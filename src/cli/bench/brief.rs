//! Answers on tokens, read only as far as they are judged: a load generator that makes a text of every field would measure
//! itself.
//!
//! The fields are those of the protocol's messages; the texts stay where they were received.

use prost::bytes::Bytes;

use crate::transport::grpc::pb::CheckError;

/// `ValidateTokenResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TokenAnswer {
    #[prost(bool, tag = "1")]
    pub(super) valid: bool,
    #[prost(int32, tag = "2")]
    pub(super) verdict: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) detail: Bytes,
    #[prost(message, optional, tag = "4")]
    pub(super) token: Option<TokenAbout>,
}

/// `TokenInfo`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TokenAbout {
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) subject: Bytes,
}

/// `ValidateTokensResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamAnswer {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) request_id: Bytes,
    #[prost(oneof = "StreamOutcome", tags = "2, 3")]
    pub(super) outcome: Option<StreamOutcome>,
}

/// What came of a request of a stream.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum StreamOutcome {
    /// What is said of the token.
    #[prost(message, tag = "2")]
    Response(TokenAnswer),
    /// Why nothing could be said.
    #[prost(message, tag = "3")]
    Error(CheckError),
}

impl StreamAnswer {
    /// The number that its request went by.
    pub(super) fn number(&self) -> Option<usize> {
        str::from_utf8(&self.request_id).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::transport::grpc::pb::{
        TokenInfo, ValidateTokenResponse, ValidateTokensResponse, Verdict, validate_tokens_response::Outcome,
    };

    #[test]
    fn it_reads_what_the_protocol_writes() {
        let token = TokenInfo { issuer: "op".to_owned(), subject: "ann".to_owned(), ..Default::default() };
        let verdict = Verdict::Expired.into();
        let said = ValidateTokenResponse {
            valid: true,
            verdict,
            detail: "late".to_owned(),
            token: Some(token),
            revision: 7,
            ..Default::default()
        };
        let whole = |outcome| ValidateTokensResponse { request_id: "12".to_owned(), outcome: Some(outcome) };
        let read = |outcome| StreamAnswer::decode(Bytes::from(whole(outcome).encode_to_vec())).unwrap();

        let answer = read(Outcome::Response(said));
        assert_eq!(answer.number(), Some(12));
        let about = TokenAbout { subject: "ann".into() };
        let brief = TokenAnswer { valid: true, verdict, detail: "late".into(), token: Some(about) };
        assert_eq!(answer.outcome, Some(StreamOutcome::Response(brief)));

        let error = CheckError { code: 8, reason: "OVERLOADED".to_owned(), ..Default::default() };
        assert_eq!(read(Outcome::Error(error.clone())).outcome, Some(StreamOutcome::Error(error)));
    }
}
