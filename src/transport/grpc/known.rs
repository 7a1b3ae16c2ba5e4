//! The short way for the one call that every request of every backend makes: `ValidateToken` of a token that was verified
//! before.
//!
//! The library's own way from a request to an answer handles streams, compression and messages that come in pieces. This
//! one is for a request that is here in one piece and an answer that waits for nothing; it reads, decides and writes with
//! the same functions, and leaves everything else, errors among it, to the library's way. So what it answers is what that
//! would have answered.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use http::{HeaderMap, HeaderValue, Request, Response, header::CONTENT_TYPE, request::Parts};
use http_body::{Body as _, Frame, SizeHint};
use prost::{
    Message,
    bytes::{BufMut, Bytes, BytesMut},
};
use tonic::{body::Body, codegen::Service, server::NamedService};

use super::{
    STREAM, admission::Admission, answer::Response as Answered, arriving::Arriving, lean::LeanTokenRequest, stream,
};
use crate::service::{Call, Curfew};

/// The path of the call.
const PATH: &str = "/curfew.v1.RevocationService/ValidateToken";

/// What precedes a message: whether it is compressed, and its length.
const HEAD_BYTES: usize = 5;

/// A service in which known tokens are answered the short way.
#[derive(Clone)]
pub(super) struct Known<S> {
    inner: S,
    curfew: Arc<Curfew>,
    admission: Arc<Admission>,
}

impl<S> Known<S> {
    pub(super) const fn new(inner: S, curfew: Arc<Curfew>, admission: Arc<Admission>) -> Self {
        Self { inner, curfew, admission }
    }
}

impl<S: NamedService> NamedService for Known<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Known<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Attempt<S>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match request.uri().path() {
            PATH => (),
            // A stream may be silent for as long as its client likes.
            STREAM => {
                return Attempt::Stream(Box::pin(stream::serve(Arc::clone(&self.curfew), request)));
            }
            _ => {
                let arriving = request.map(|body| Body::new(Arriving::new(body, Arc::clone(&self.admission))));
                return Attempt::Long(self.inner.call(arriving));
            }
        }
        let (parts, body) = request.into_parts();
        Attempt::Short(Some(Box::new(Short { parts, body, service: self.clone() })))
    }
}

/// A call that may be answered the short way.
pub(super) enum Attempt<S: Service<Request<Body>>> {
    /// It has not been tried yet.
    Short(Option<Box<Short<S>>>),
    /// It is answered the library's way.
    Long(S::Future),
    /// It is a stream of its own.
    Stream(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

/// What is needed to try, and to do it the other way.
pub(super) struct Short<S> {
    parts: Parts,
    body: Body,
    service: Known<S>,
}

impl<S> Future for Attempt<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Unpin,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Self::Short(short) = &mut *self
            && let Some(Short { parts, mut body, mut service }) = short.take().map(|short| *short)
        {
            let first = match Pin::new(&mut body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => match answer(&service.curfew, &data, body.is_end_stream()) {
                        Some(answer) => return Poll::Ready(Ok(answer)),
                        None => Some(Ok(Frame::data(data))),
                    },
                    Err(frame) => Some(Ok(frame)),
                },
                Poll::Ready(Some(Err(status))) => Some(Err(status)),
                Poll::Ready(None) | Poll::Pending => None,
            };
            let arriving = Arriving::new(Body::new(Replayed { first, rest: body }), Arc::clone(&service.admission));
            let long = service.inner.call(Request::from_parts(parts, Body::new(arriving)));
            self.set(Self::Long(long));
        }
        match &mut *self {
            Self::Long(long) => Pin::new(long).poll(context),
            Self::Stream(stream) => stream.as_mut().poll(context).map(Ok),
            // Taken, and then replaced, above.
            Self::Short(_) => Poll::Pending,
        }
    }
}

/// The answer, if it can be given at once.
fn answer(curfew: &Curfew, data: &Bytes, is_all: bool) -> Option<Response<Body>> {
    let began = Instant::now();
    let (head, message) = data.split_first_chunk::<HEAD_BYTES>()?;
    let [compressed, length @ ..] = *head;
    let complete = usize::try_from(u32::from_be_bytes(length)).ok()? == message.len();
    if !is_all || !complete || compressed != 0 {
        return None;
    }
    let request = LeanTokenRequest::decode(data.slice_ref(message)).ok()?;
    let answer = Answered::from(curfew.validate_at_once(&request.checked().ok()?)?.ok()?);
    let length = answer.encoded_len();
    let mut bytes = BytesMut::with_capacity(HEAD_BYTES + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).ok()?);
    answer.encode(&mut bytes);
    curfew.answered(Call::ValidateToken, began.elapsed());
    let mut response = Response::new(Body::new(One { message: Some(bytes.freeze()), ended: false }));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Some(response)
}

/// One message, and that all went well.
struct One {
    message: Option<Bytes>,
    ended: bool,
}

impl http_body::Body for One {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// A body of which the first piece was read already.
struct Replayed {
    first: Option<Result<Frame<Bytes>, tonic::Status>>,
    rest: Body,
}

impl http_body::Body for Replayed {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let frame = ready!(Pin::new(&mut self.rest).poll_frame(context));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Only the library's own bodies know theirs.
        SizeHint::default()
    }
}
