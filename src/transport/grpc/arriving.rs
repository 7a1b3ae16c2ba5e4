//! The body of a request while it arrives: in time, and among so many, and of so many bytes together, at most.
//!
//! Nearly always it is small, and all there when it is first asked for. Only for those that are not is a place taken, a
//! clock started, and their bytes counted.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body};

use super::admission::{Admission, Slot};

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
    _slot: Slot,
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
            if !self.admission.hold(more) {
                return Err(Status::resource_exhausted("too many large requests at once; try again"));
            }
            self.counted += more;
        }
        Ok(())
    }

    /// Whether it has been late for too long; an error where no more late ones may be.
    fn is_too_late(&mut self, context: &mut Context<'_>) -> Result<bool, Status> {
        if self.late.is_none() {
            let slot = Slot::arriving(&self.admission)
                .ok_or_else(|| Status::resource_exhausted("too many requests have begun and not ended; try again"))?;
            let deadline = Box::pin(sleep(self.admission.settings().request_timeout));
            self.late = Some(Late { _slot: slot, deadline });
        }
        Ok(self.late.as_mut().is_some_and(|late| late.deadline.as_mut().poll(context).is_ready()))
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.admission.let_go(self.counted);
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
        match &polled {
            Poll::Pending => match self.is_too_late(context) {
                Ok(false) => Poll::Pending,
                Ok(true) => {
                    let within = self.admission.settings().request_timeout;
                    let text = format!("the request did not arrive within {}", humantime::format_duration(within));
                    Poll::Ready(Some(Err(Status::deadline_exceeded(text))))
                }
                Err(status) => Poll::Ready(Some(Err(status))),
            },
            Poll::Ready(frame) => {
                let bytes = match frame {
                    Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len()),
                    Some(Err(_)) | None => 0,
                };
                if let Err(status) = self.count(bytes) {
                    return Poll::Ready(Some(Err(status)));
                }
                if self.body.is_end_stream() {
                    self.late = None;
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
