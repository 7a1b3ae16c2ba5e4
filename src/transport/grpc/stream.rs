//! `ValidateTokens`: many tokens over one stream, each answered as soon as it is decided.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{
    Stream, StreamExt,
    stream::{FusedStream, FuturesUnordered},
};
use http::{Request, Response};
use prost_types::Duration as ProtoDuration;
use tonic::{
    Status, Streaming,
    body::Body,
    codec::Codec,
    server::{Grpc, StreamingService},
};
use tonic_types::StatusExt;

use super::{
    answer::{Response as Answered, StreamEncoder, StreamResponse},
    codec::StrictDecoder,
    fields,
    lean::LeanStreamRequest,
    pb,
    status::{failed, to_status},
};
use crate::service::{Curfew, ServiceError};

/// How many requests of a stream are read ahead of their answers. The proto says so.
const MOST_AHEAD: usize = 256;

/// How many requests of a stream are answered before the others on the same thread have their turn. So many answers also
/// leave in few writes.
const BURST: usize = 128;

/// For how many a request counts whose token is not known: a signature takes as long as tens of known tokens.
const UNKNOWN: usize = 16;

/// The largest message of a stream: several times the longest token, for a stream may hold one for ever.
const MOST_BYTES: usize = 64 * 1024;

/// The longest `request_id`.
const MOST_ID_BYTES: usize = 128;

/// Answers a stream of requests.
pub(super) async fn serve(curfew: Arc<Curfew>, request: Request<Body>) -> Response<Body> {
    Grpc::new(StreamCodec).max_decoding_message_size(MOST_BYTES).streaming(Checks(curfew), request).await
}

/// Reads requests and writes answers.
#[derive(Debug, Clone, Copy)]
struct StreamCodec;

impl Codec for StreamCodec {
    type Encode = StreamResponse;
    type Decode = LeanStreamRequest;
    type Encoder = StreamEncoder;
    type Decoder = StrictDecoder<LeanStreamRequest>;

    fn encoder(&mut self) -> Self::Encoder {
        StreamEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder::default()
    }
}

struct Checks(Arc<Curfew>);

impl StreamingService<LeanStreamRequest> for Checks {
    type Response = StreamResponse;
    type ResponseStream = Answers;
    type Future = std::future::Ready<Result<tonic::Response<Answers>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<LeanStreamRequest>>) -> Self::Future {
        let answers = Answers {
            requests: request.into_inner(),
            ended: false,
            curfew: Arc::clone(&self.0),
            waiting: FuturesUnordered::new(),
            in_a_row: 0,
        };
        std::future::ready(Ok(tonic::Response::new(answers)))
    }
}

/// An answer that waits for something: a new token's keys, a revision.
type Waiting = Pin<Box<dyn Future<Output = StreamResponse> + Send>>;

/// The answers of a stream.
struct Answers {
    requests: Streaming<LeanStreamRequest>,
    /// The client has asked everything.
    ended: bool,
    curfew: Arc<Curfew>,
    waiting: FuturesUnordered<Waiting>,
    in_a_row: usize,
}

/// What a request comes to.
enum Next {
    Now(StreamResponse),
    Later(Waiting),
}

impl Answers {
    fn begin(&self, request: LeanStreamRequest) -> Result<Next, Status> {
        let LeanStreamRequest { request_id, request } = request;
        // There is no id to answer to: the stream is at its end.
        let request_id = fields::at_most("request_id", request_id, MOST_ID_BYTES).map_err(|error| to_status(&error))?;
        let Some(request) = request else {
            let missing = to_status(&ServiceError::invalid("request", "must be set"));
            return Ok(Next::Now(StreamResponse { request_id, outcome: Err(check_error(&missing)) }));
        };
        let at_once = match request.checked() {
            Err(error) => Some(Err(check_error(&to_status(&error)))),
            Ok(checked) => self.curfew.validate_at_once(&checked).map(outcome),
        };
        if let Some(outcome) = at_once {
            return Ok(Next::Now(StreamResponse { request_id, outcome }));
        }
        let curfew = Arc::clone(&self.curfew);
        Ok(Next::Later(Box::pin(async move {
            let answered = match request.checked() {
                Ok(checked) => curfew.validate_token(&checked).await,
                Err(error) => Err(error),
            };
            StreamResponse { request_id, outcome: outcome(answered) }
        })))
    }
}

impl Stream for Answers {
    type Item = Result<StreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if !self.waiting.is_terminated()
                && let Poll::Ready(Some(answer)) = self.waiting.poll_next_unpin(context)
            {
                return Poll::Ready(Some(Ok(answer)));
            }
            if self.ended {
                return if self.waiting.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            }
            if self.waiting.len() >= MOST_AHEAD {
                return Poll::Pending;
            }
            if self.in_a_row >= BURST {
                self.in_a_row = 0;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.requests.poll_next_unpin(context) {
                Poll::Ready(Some(request)) => {
                    self.in_a_row += 1;
                    match request.and_then(|request| self.begin(request)) {
                        Ok(Next::Now(answer)) => return Poll::Ready(Some(Ok(answer))),
                        Ok(Next::Later(answer)) => {
                            self.in_a_row += UNKNOWN;
                            self.waiting.push(answer);
                        }
                        Err(status) => {
                            self.ended = true;
                            return Poll::Ready(Some(Err(status)));
                        }
                    }
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => {
                    self.in_a_row = 0;
                    return Poll::Pending;
                }
            }
        }
    }
}

fn outcome(answered: Result<crate::service::Answer, ServiceError>) -> Result<Answered, pb::CheckError> {
    match answered {
        Ok(answer) => Ok(answer.into()),
        Err(error) => Err(check_error(&failed("ValidateTokens", &error))),
    }
}

/// The error of one request, as the status of a call would have said it.
fn check_error(status: &Status) -> pb::CheckError {
    let details = status.get_error_details();
    let retry_delay = details.retry_info().and_then(|info| info.retry_delay);
    pb::CheckError {
        // The number on the wire.
        code: status.code() as i32,
        reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
        message: status.message().to_owned(),
        retry_delay: retry_delay.and_then(|delay| ProtoDuration::try_from(delay).ok()),
    }
}
