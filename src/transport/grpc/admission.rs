//! Bounds the work in flight: what would have to wait too long is refused at once, while refusing is still cheap and the
//! caller can still go elsewhere. Health is not refused and always answers.
//!
//! Each worker thread has an [`Admission`] of its own. Its calls have the processor one after the other, in the order in
//! which they came. A *pass* begins with a call and ends when all those have had their turn that were waiting then. A
//! call whose turn comes late in a long pass has waited too long already, and so has everything behind it. Once in a
//! while that is a burst, and all of it is answered; when pass after pass is too long, the rest of each is refused. So
//! under a lasting overload nobody waits much longer than a pass may last, whatever a call costs.
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
    time::{Duration, Instant},
};

use http::{Request, Response, header::HeaderMap};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tonic::{body::Body, codegen::Service, server::NamedService};

use super::{arrivals::Arrivals, status::overloaded_headers};

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

/// However long a pass lasts, so many calls of it are answered: the system may have given the processor to others
/// meanwhile, and a few calls are no overload.
const LEAST_OF_A_PASS: usize = 64;

/// The path of the call that writes.
const RECORD: &str = "/curfew.v1.RevocationService/RecordLogout";

/// For so long, passes that are too long are taken for a burst.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is in flight with one worker.
#[derive(Debug)]
pub struct Admission {
    settings: AdmissionSettings,
    pass: Pass,
    waiting: AtomicUsize,
    streams: AtomicUsize,
    refused: AtomicU64,
    refusals: Vec<HeaderMap>,
    pub(super) arrivals: Arrivals,
}

/// The pass that is under way.
#[derive(Debug)]
struct Pass {
    /// Nanoseconds from `epoch` to its beginning; zero: none is under way.
    began: AtomicU64,
    /// When the last one ended.
    ended: AtomicU64,
    /// How many calls it has let in.
    let_in: AtomicUsize,
    /// When the first of the passes began that have been too long since, this one included; zero: none.
    too_long_since: AtomicU64,
    epoch: Instant,
    /// Has whoever ends it queue up behind all that wait now.
    over: Notify,
}

impl Admission {
    /// Nothing in flight yet.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            pass: Pass::new(),
            waiting: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            refusals: overloaded_headers(),
            arrivals: Arrivals::new(settings.max_arriving, settings.max_arriving_bytes),
        })
    }

    /// Ends passes; must go on, on the worker's own thread, for as long as there are calls.
    pub async fn run(&self) {
        loop {
            self.pass.over.notified().await;
            self.pass.end(self.pass.now(), self.settings.queue_delay);
        }
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

impl Pass {
    fn new() -> Self {
        Self {
            began: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            let_in: AtomicUsize::new(0),
            too_long_since: AtomicU64::new(0),
            epoch: Instant::now(),
            over: Notify::new(),
        }
    }

    /// Nanoseconds since the epoch; never zero, which stands for none.
    fn now(&self) -> u64 {
        nanos(self.epoch.elapsed()).max(1)
    }

    /// Whether a call whose turn it is may be answered.
    fn lets_in(&self, now: u64, delay: Duration) -> bool {
        let (began, let_in) = (self.began.load(Ordering::Relaxed), self.let_in.load(Ordering::Relaxed));
        if began == 0 {
            if now.saturating_sub(self.ended.load(Ordering::Relaxed)) > nanos(delay) {
                // There was nothing to do in between: what was too long is past.
                self.too_long_since.store(0, Ordering::Relaxed);
            }
            self.began.store(now, Ordering::Relaxed);
            self.let_in.store(1, Ordering::Relaxed);
            self.over.notify_one();
            return true;
        }
        let lets_in =
            let_in < LEAST_OF_A_PASS || now.saturating_sub(began) <= nanos(delay) || self.is_a_burst(now, began);
        self.let_in.store(let_in + usize::from(lets_in), Ordering::Relaxed);
        lets_in
    }

    /// Whether passes have not been too long for long. This one is.
    fn is_a_burst(&self, now: u64, began: u64) -> bool {
        let since = match self.too_long_since.load(Ordering::Relaxed) {
            0 => began,
            since => since,
        };
        self.too_long_since.store(since, Ordering::Relaxed);
        now.saturating_sub(since) <= nanos(PATIENCE)
    }

    /// Everything that waited when it began has had its turn.
    fn end(&self, now: u64, delay: Duration) {
        let lasted = now.saturating_sub(self.began.swap(0, Ordering::Relaxed));
        self.ended.store(now, Ordering::Relaxed);
        if lasted <= nanos(delay) {
            self.too_long_since.store(0, Ordering::Relaxed);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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
        if !admission.pass.lets_in(admission.pass.now(), admission.settings.queue_delay) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(4);
    const MS: u64 = 1_000_000;

    /// A pass of so many calls, each of which takes a while: how many were let in, and when it was over. A refused call
    /// takes a tenth of one that is answered.
    fn pass(pass: &Pass, mut now: u64, calls: usize, each: u64) -> (usize, u64) {
        let mut let_in = 0;
        for _ in 0..calls {
            let lets_in = pass.lets_in(now, DELAY);
            let_in += usize::from(lets_in);
            now += if lets_in { each } else { each / 10 };
        }
        pass.end(now, DELAY);
        (let_in, now)
    }

    #[test]
    fn a_burst_is_answered_in_full() {
        let (passes, mut now) = (Pass::new(), 1);
        for _ in 0..20 {
            let (let_in, over) = pass(&passes, now, 3_000, MS / 30);
            assert_eq!(let_in, 3_000);
            // Nothing to do for a while.
            now = over + 20 * MS;
        }
    }

    #[test]
    fn a_lasting_overload_is_refused_and_what_is_let_in_waits_no_longer_than_it_may() {
        let (passes, mut now) = (Pass::new(), 1);
        let mut last = (0, 0);
        for _ in 0..100 {
            let began = now;
            let (let_in, over) = pass(&passes, now, 1_000, MS / 30);
            last = (let_in, over - began);
            now = over;
        }
        let (let_in, lasted) = last;
        // Four milliseconds' worth, and the cheap rest.
        assert!((120..=122).contains(&let_in), "{let_in}");
        assert!(lasted < 8 * MS, "{lasted}");
        // As soon as a pass is short again, all is well.
        let (_, over) = pass(&passes, now, 10, MS / 30);
        assert_eq!(pass(&passes, over, 1_000, MS / 30).0, 1_000);
    }

    #[test]
    fn a_few_calls_are_let_in_however_long_they_take() {
        let (passes, mut now) = (Pass::new(), 1);
        for _ in 0..100 {
            let (let_in, over) = pass(&passes, now, LEAST_OF_A_PASS, 20 * MS);
            assert_eq!(let_in, LEAST_OF_A_PASS);
            now = over;
        }
        assert_eq!(pass(&passes, now, LEAST_OF_A_PASS + 9, 20 * MS).0, LEAST_OF_A_PASS);
    }

    #[test]
    fn a_pause_makes_an_end_of_it() {
        let (passes, mut now) = (Pass::new(), 1);
        for _ in 0..100 {
            now = pass(&passes, now, 1_000, MS / 30).1;
        }
        now += 5 * MS;
        assert_eq!(pass(&passes, now, 1_000, MS / 30).0, 1_000);
    }
}
