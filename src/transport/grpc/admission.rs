//! Bounds the work in flight: what would have to wait too long is refused at once, while refusing is still cheap and the
//! caller can still go elsewhere. Health is not refused and always answers.
//!
//! Each worker thread has an [`Admission`] of its own, which knows how long its calls wait for the processor (`laps`). Once
//! in a while that is too long, in a burst, and all of it is answered. Where it goes on, only as many are answered as
//! need not wait too long, and a few besides; the rest is refused. So under a lasting overload nobody waits much longer
//! than may be, whatever a call costs.
//!
//! A call that is not answered in its turn waits for something else, the disk or an issuer's keys, and is bounded apart,
//! for it takes memory and no time of the processor. Streams are bounded by their number.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response, header::HeaderMap};
use http_body::{Frame, SizeHint};
use tonic::{body::Body, codegen::Service, server::NamedService};

use super::{arrivals::Arrivals, laps::Laps, status::overloaded_headers};

/// What is in flight at most, by one worker.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionSettings {
    /// How long a call may have to wait for the processor. What would wait longer is refused.
    pub queue_delay: Duration,
    /// How many calls may be waiting for something else.
    pub max_waiting: usize,
    /// How many requests may be arriving.
    pub max_arriving: usize,
    /// How many bytes of requests that are not small may be held while the rest arrives.
    pub max_arriving_bytes: usize,
    /// How long a request may take to arrive.
    pub request_timeout: Duration,
    /// How many streams may be open.
    pub max_streams: usize,
}

/// The path of the call that writes.
const RECORD: &str = "/curfew.v1.RevocationService/RecordLogout";

/// What is in flight with one worker.
#[derive(Debug)]
pub struct Admission {
    settings: AdmissionSettings,
    laps: Laps,
    waiting: AtomicUsize,
    streams: AtomicUsize,
    refused: AtomicU64,
    refusals: Vec<HeaderMap>,
    pub(super) arrivals: Arrivals,
}

impl Admission {
    /// Nothing in flight yet.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            laps: Laps::new(),
            waiting: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            refusals: overloaded_headers(),
            arrivals: Arrivals::new(settings.max_arriving, settings.max_arriving_bytes),
        })
    }

    /// Keeps the time; must go on, as a task of its own on the worker's thread, for as long as there are calls.
    pub async fn run(&self) {
        self.laps.run().await;
    }

    /// How many calls were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) const fn request_timeout(&self) -> Duration {
        self.settings.request_timeout
    }

    /// The answer to what is refused. The delays that they ask for differ, so that not all come back at once.
    fn refusal(&self) -> Response<Body> {
        let count = self.refused.fetch_add(1, Ordering::Relaxed);
        let number = usize::try_from(count).unwrap_or_default().checked_rem(self.refusals.len()).unwrap_or_default();
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.refusals.get(number).cloned().unwrap_or_default();
        response
    }
}

/// One of so many; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    admission: Arc<Admission>,
    counter: fn(&Admission) -> &AtomicUsize,
}

impl Slot {
    /// One more, if there may be.
    fn within(admission: &Arc<Admission>, counter: fn(&Admission) -> &AtomicUsize, most: usize) -> Option<Self> {
        // One thread alone takes slots, so that none is taken between looking and counting.
        if counter(admission).load(Ordering::Relaxed) >= most {
            return None;
        }
        counter(admission).fetch_add(1, Ordering::Relaxed);
        Some(Self { admission: Arc::clone(admission), counter })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        (self.counter)(&self.admission).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A service whose calls are bounded.
#[derive(Debug, Clone)]
pub(super) struct Bounded<S> {
    inner: S,
    admission: Arc<Admission>,
    /// The path of the one call that is a stream.
    stream: &'static str,
}

impl<S> Bounded<S> {
    pub(super) const fn new(inner: S, admission: Arc<Admission>, stream: &'static str) -> Self {
        Self { inner, admission, stream }
    }
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Unpin,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    /// Called when it is the call's turn, not when it comes: the library asks only then.
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let admission = &self.admission;
        if !admission.laps.let_in(admission.settings.queue_delay) {
            return Call::Refused(admission.refusal());
        }
        if request.uri().path() == self.stream {
            let most = admission.settings.max_streams;
            return match Slot::within(admission, |admission| &admission.streams, most) {
                Some(slot) => Call::Stream(self.inner.call(request), Some(slot)),
                None => Call::Refused(admission.refusal()),
            };
        }
        // A logout always waits for the disk; what is refused must not have been asked of the store already.
        let may_wait = admission.waiting.load(Ordering::Relaxed) < admission.settings.max_waiting;
        if !may_wait && request.uri().path() == RECORD {
            return Call::Refused(admission.refusal());
        }
        let call = self.inner.call(request);
        Call::Unary { call, admission: Arc::clone(admission), begun: false, waiting: None }
    }
}

/// A call, from its first turn to its answer.
pub(super) enum Call<F> {
    /// It was not let in.
    Refused(Response<Body>),
    /// It is answered once.
    Unary {
        call: F,
        admission: Arc<Admission>,
        /// It has had its first turn.
        begun: bool,
        /// It waits for something.
        waiting: Option<Slot>,
    },
    /// It begins a stream.
    Stream(F, Option<Slot>),
}

impl<F: Future<Output = Result<Response<Body>, Infallible>> + Unpin> Future for Call<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Refused(response) => Poll::Ready(Ok(std::mem::take(response))),
            Self::Stream(call, slot) => {
                let response = ready!(Pin::new(call).poll(context))?;
                Poll::Ready(Ok(response.map(|body| Body::new(Streaming { body, _slot: slot.take() }))))
            }
            Self::Unary { call, admission, begun, waiting } => {
                let polled = Pin::new(call).poll(context);
                let first = !std::mem::replace(begun, true);
                if first && polled.is_pending() {
                    *waiting = Slot::within(admission, |admission| &admission.waiting, admission.settings.max_waiting);
                    if waiting.is_none() {
                        return Poll::Ready(Ok(admission.refusal()));
                    }
                }
                polled
            }
        }
    }
}

/// The answers of a stream, which holds its slot until they end.
struct Streaming {
    body: Body,
    _slot: Option<Slot>,
}

impl http_body::Body for Streaming {
    type Data = <Body as http_body::Body>::Data;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
