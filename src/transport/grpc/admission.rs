//! Bounds the work in flight: what would have to wait too long is refused at once, while refusing is still cheap and the
//! caller can still go elsewhere. Health is not counted here and always answers.
//!
//! Each worker thread has an [`Admission`] of its own. A call is *queued* from its arrival until it is first given the
//! core; most are answered right then. One that is not waits for something else, the disk or the rest of its request, and
//! is bounded apart, for it takes memory and no time of the core. Streams are bounded by their number.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use http::{Request, Response, header::HeaderMap};
use http_body::{Frame, SizeHint};
use tonic::{body::Body, codegen::Service, server::NamedService};

use super::status::overloaded;

/// What is in flight at most, by one worker.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionSettings {
    /// How long a call may have to wait for the core. What would wait longer is refused.
    pub queue_delay: Duration,
    /// How many calls may be waiting for something else.
    pub max_waiting: usize,
    /// How many of those may be waiting for the rest of their request.
    pub max_arriving: usize,
    /// How many bytes of requests that are not small may be held while the rest arrives.
    pub max_arriving_bytes: usize,
    /// How long a request may take to arrive.
    pub request_timeout: Duration,
    /// How many streams may be open.
    pub max_streams: usize,
}

/// However long calls take, so many may queue: a burst of a few clients is no overload.
const LEAST_QUEUE: usize = 32;

/// However short they are, no more: what a client sees as waiting also includes the network's buffers.
const MOST_QUEUE: usize = 4096;

/// After how many calls their mean time is worked out anew.
const SAMPLE: u64 = 64;

/// The time that a call takes, until that is known: a signature to verify.
const FIRST_GUESS_NANOS: u64 = 30_000;

/// What is in flight with one worker.
#[derive(Debug)]
pub struct Admission {
    settings: AdmissionSettings,
    queued: AtomicUsize,
    waiting: AtomicUsize,
    arriving: AtomicUsize,
    arriving_bytes: AtomicUsize,
    streams: AtomicUsize,
    refused: AtomicU64,
    pace: Pace,
    refusals: Vec<HeaderMap>,
}

/// How long a call takes the core, on the average of late.
#[derive(Debug)]
struct Pace {
    nanos: AtomicU64,
    /// Calls since `since`, while there was always another one queued.
    calls: AtomicU64,
    since: AtomicU64,
    epoch: Instant,
}

impl Admission {
    /// Nothing in flight yet.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            queued: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            arriving: AtomicUsize::new(0),
            arriving_bytes: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            pace: Pace::new(),
            refusals: overloaded(),
        })
    }

    /// How many calls were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) const fn settings(&self) -> &AdmissionSettings {
        &self.settings
    }

    /// Whether so many bytes more may be held; counts them if so.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let fits = self.arriving_bytes.load(Ordering::Relaxed) + bytes <= self.settings.max_arriving_bytes;
        if fits {
            self.arriving_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// They are no longer held.
    pub(super) fn let_go(&self, bytes: usize) {
        self.arriving_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The answer to what is refused. The delays that they ask for differ, so that not all come back at once.
    fn refusal(&self) -> Response<Body> {
        let count = self.refused.fetch_add(1, Ordering::Relaxed);
        let number = usize::try_from(count).unwrap_or_default().checked_rem(self.refusals.len()).unwrap_or_default();
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = self.refusals.get(number).cloned().unwrap_or_default();
        response
    }

    fn has_room_in_the_queue(&self) -> bool {
        let nanos = self.pace.nanos.load(Ordering::Relaxed).max(1);
        let delay = u64::try_from(self.settings.queue_delay.as_nanos()).unwrap_or(u64::MAX);
        let most = usize::try_from(delay / nanos).unwrap_or(MOST_QUEUE).clamp(LEAST_QUEUE, MOST_QUEUE);
        self.queued.load(Ordering::Relaxed) < most
    }
}

impl Pace {
    fn new() -> Self {
        Self {
            nanos: AtomicU64::new(FIRST_GUESS_NANOS),
            calls: AtomicU64::new(0),
            since: AtomicU64::new(0),
            epoch: Instant::now(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A call has had the core; whether another was queued behind it. One thread alone calls this.
    fn note(&self, busy: bool) {
        let calls = self.calls.load(Ordering::Relaxed);
        if !busy {
            // The core may have idled after this: what follows is another stretch.
            self.calls.store(0, Ordering::Relaxed);
        } else if calls == 0 {
            self.since.store(self.now(), Ordering::Relaxed);
            self.calls.store(1, Ordering::Relaxed);
        } else if calls < SAMPLE {
            self.calls.store(calls + 1, Ordering::Relaxed);
        } else {
            let mean = self.now().saturating_sub(self.since.load(Ordering::Relaxed)) / SAMPLE;
            let before = self.nanos.load(Ordering::Relaxed);
            self.nanos.store((3 * before + mean) / 4, Ordering::Relaxed);
            self.calls.store(0, Ordering::Relaxed);
        }
    }
}

/// One of so many; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    admission: Arc<Admission>,
    counter: fn(&Admission) -> &AtomicUsize,
}

impl Slot {
    /// One more, whatever their number.
    fn take(admission: &Arc<Admission>, counter: fn(&Admission) -> &AtomicUsize) -> Self {
        counter(admission).fetch_add(1, Ordering::Relaxed);
        Self { admission: Arc::clone(admission), counter }
    }

    /// One more, if there may be.
    fn within(admission: &Arc<Admission>, counter: fn(&Admission) -> &AtomicUsize, most: usize) -> Option<Self> {
        (counter(admission).load(Ordering::Relaxed) < most).then(|| Self::take(admission, counter))
    }

    /// A place among the requests that are arriving.
    pub(super) fn arriving(admission: &Arc<Admission>) -> Option<Self> {
        Self::within(admission, |admission| &admission.arriving, admission.settings.max_arriving)
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let admission = &self.admission;
        if !admission.has_room_in_the_queue() {
            return Call::Refused(admission.refusal());
        }
        if request.uri().path() == self.stream {
            let most = admission.settings.max_streams;
            return match Slot::within(admission, |admission| &admission.streams, most) {
                Some(slot) => Call::Stream(self.inner.call(request), Some(slot)),
                None => Call::Refused(admission.refusal()),
            };
        }
        let queued = Slot::take(admission, |admission| &admission.queued);
        Call::Unary(self.inner.call(request), Some(queued), None)
    }
}

/// A call, from its arrival to its answer.
pub(super) enum Call<F> {
    /// It was not let in.
    Refused(Response<Body>),
    /// It is queued, or waits for something.
    Unary(F, Option<Slot>, Option<Slot>),
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
            Self::Unary(call, queued, waiting) => {
                let polled = Pin::new(call).poll(context);
                if let Some(slot) = queued.take() {
                    let admission = Arc::clone(&slot.admission);
                    drop(slot);
                    admission.pace.note(admission.queued.load(Ordering::Relaxed) > 0);
                    if polled.is_pending() {
                        *waiting =
                            Slot::within(&admission, |admission| &admission.waiting, admission.settings.max_waiting);
                        if waiting.is_none() {
                            return Poll::Ready(Ok(admission.refusal()));
                        }
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
