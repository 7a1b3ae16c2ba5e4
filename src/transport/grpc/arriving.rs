//! The body of a request while it arrives: in time, and among so many, and of so many bytes together, at most.
//!
//! Nearly always it is small, and all there when it is first asked for. Only for those that are not is a place taken, a
//! clock started, and their bytes counted.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body, codegen::Service, server::NamedService};

use super::{
    admission::Admission,
    arrivals::Arrival,
    status::{overloaded, too_slow},
};

/// What a request may hold without being counted: several times what a token with all its claims takes.
const SMALL_BYTES: usize = 32 * 1024;

/// A body that arrives.
pub(super) struct Arriving {
    body: Body,
    admission: Arc<Admission>,
    late: Option<Late>,
    bytes: usize,
    counted: usize,
}

/// A body that was not there when it was asked for.
struct Late {
    arrival: Arc<Arrival>,
    deadline: Pin<Box<Sleep>>,
}

impl Arriving {
    pub(super) const fn new(body: Body, admission: Arc<Admission>) -> Self {
        Self { body, admission, late: None, bytes: 0, counted: 0 }
    }

    /// Counts what has come; an error where no more bytes may be held.
    fn count(&mut self, bytes: usize) -> Result<(), Status> {
        self.bytes += bytes;
        let more = self.bytes.saturating_sub(SMALL_BYTES + self.counted);
        if more > 0 {
            if !self.admission.arrivals.hold(more) {
                return Err(overloaded("too many large requests at once; try again"));
            }
            self.counted += more;
        }
        Ok(())
    }

    /// An error when it has been late for too long, or has to make room for others.
    fn wait(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        let admission = &self.admission;
        let late = self.late.get_or_insert_with(|| Late {
            arrival: admission.arrivals.add(),
            deadline: Box::pin(sleep(admission.request_timeout())),
        });
        if late.arrival.is_sent_away(context.waker()) {
            return Err(overloaded("too many requests have begun and not ended; try again"));
        }
        if late.deadline.as_mut().poll(context).is_ready() {
            return Err(too_slow(admission.request_timeout()));
        }
        Ok(())
    }

    fn is_here(&mut self) {
        if let Some(late) = self.late.take() {
            self.admission.arrivals.remove(&late.arrival);
        }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.is_here();
        self.admission.arrivals.let_go(self.counted);
    }
}

impl http_body::Body for Arriving {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let fault = match &polled {
            Poll::Pending => self.wait(context),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len());
                self.count(bytes)
            }
            Poll::Ready(Some(Err(_)) | None) => Ok(()),
        };
        if let Err(status) = fault {
            return Poll::Ready(Some(Err(status)));
        }
        if polled.is_ready() && self.body.is_end_stream() {
            self.is_here();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A service whose requests must arrive in time; for those that are not refused when there is too much to do.
#[derive(Clone)]
pub(super) struct Prompt<S> {
    inner: S,
    admission: Arc<Admission>,
}

impl<S> Prompt<S> {
    pub(super) const fn new(inner: S, admission: Arc<Admission>) -> Self {
        Self { inner, admission }
    }
}

impl<S: NamedService> NamedService for Prompt<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<Request<Body>, Error = Infallible>> Service<Request<Body>> for Prompt<S> {
    type Response = S::Response;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.inner.call(request.map(|body| Body::new(Arriving::new(body, Arc::clone(&self.admission)))))
    }
}
