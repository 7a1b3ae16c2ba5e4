//! `ValidateTokens`: many tokens over one stream, each answered as soon as it is decided.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt};
use prost_types::Duration as ProtoDuration;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use super::{
    convert, fields,
    pb::{self, validate_tokens_response::Outcome},
    server::{failed, token_request},
    status::to_status,
};
use crate::service::{Curfew, ServiceError};

/// How many requests of a stream are read ahead of their answers. The proto says so.
const MOST_AHEAD: usize = 256;

/// The longest `request_id`.
const MOST_ID_BYTES: usize = 128;

/// The answers of a stream.
pub(super) type Answers = Pin<Box<dyn Stream<Item = Result<pb::ValidateTokensResponse, Status>> + Send>>;

/// Answers the requests of a stream, in the order in which that is possible.
pub(super) fn answers(curfew: Arc<Curfew>, requests: Streaming<pb::ValidateTokensRequest>) -> Answers {
    let answer = move |request: Result<pb::ValidateTokensRequest, Status>| {
        let curfew = Arc::clone(&curfew);
        async move {
            // What could not be read has no id to answer to: the stream is at its end.
            let pb::ValidateTokensRequest { request_id, request } = request?;
            let request_id =
                fields::at_most("request_id", request_id, MOST_ID_BYTES).map_err(|error| to_status(&error))?;
            let outcome = match check(&curfew, request).await {
                Ok(response) => Outcome::Response(response),
                Err(status) => Outcome::Error(check_error(&status)),
            };
            Ok(pb::ValidateTokensResponse { request_id, outcome: Some(outcome) })
        }
    };
    Box::pin(requests.map(answer).buffer_unordered(MOST_AHEAD))
}

async fn check(
    curfew: &Curfew,
    request: Option<pb::ValidateTokenRequest>,
) -> Result<pb::ValidateTokenResponse, Status> {
    let request = request.ok_or_else(|| to_status(&ServiceError::invalid("request", "must be set")))?;
    let request = token_request(request).map_err(|error| to_status(&error))?;
    match curfew.validate_token(&request).await {
        Ok(answer) => Ok(convert::answer(answer)),
        Err(error) => Err(failed("ValidateTokens", &error)),
    }
}

/// The error of one request, as the status of a call would have said it.
fn check_error(status: &Status) -> pb::CheckError {
    let details = status.get_error_details();
    let retry_delay = details.retry_info().and_then(|info| info.retry_delay);
    pb::CheckError {
        code: code_number(status.code()),
        reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
        message: status.message().to_owned(),
        retry_delay: retry_delay.and_then(|delay| ProtoDuration::try_from(delay).ok()),
    }
}

const fn code_number(code: Code) -> i32 {
    code as i32
}
