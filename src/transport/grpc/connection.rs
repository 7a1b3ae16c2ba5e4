//! One connection as it is accepted: it must begin to speak HTTP/2 in time, and end when its time is over.
//!
//! What happens in between is the library's: pings to those that are silent, and the limits of streams.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tonic::transport::server::Connected;

/// What a client must have sent before it counts as one: the preface (RFC 9113, section 3.4) and the head of a frame.
const GREETING_BYTES: usize = 24 + 9;

/// One of the connections that are open; counted until it is dropped.
#[derive(Debug)]
pub struct Open(Arc<AtomicUsize>);

impl Open {
    /// Counts one more.
    #[must_use]
    pub fn count(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An accepted connection.
pub struct Connection {
    stream: TcpStream,
    greeting: Option<Greeting>,
    /// When it is cut off, whatever it is doing.
    ends: Option<Pin<Box<Sleep>>>,
    _open: Vec<Open>,
}

/// A connection that has not begun yet.
struct Greeting {
    bytes: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Connection {
    /// A connection that must greet within a time, and is cut off after another.
    #[must_use]
    pub fn new(stream: TcpStream, greet_within: Duration, cut_off_after: Option<Duration>, open: Vec<Open>) -> Self {
        Self {
            stream,
            greeting: Some(Greeting { bytes: 0, deadline: Box::pin(sleep(greet_within)) }),
            ends: cut_off_after.map(|after| Box::pin(sleep(after))),
            _open: open,
        }
    }

    /// Whether its time is over; the task is woken when it is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let over = |deadline: &mut Pin<Box<Sleep>>| deadline.as_mut().poll(context).is_ready();
        let greeting = self.greeting.as_mut().map(|greeting| &mut greeting.deadline);
        greeting.into_iter().chain(&mut self.ends).any(over)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(greeting) = &mut self.greeting {
            greeting.bytes += buffer.filled().len() - before;
            if greeting.bytes >= GREETING_BYTES {
                self.greeting = None;
            }
        }
        if read.is_pending() && self.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected for Connection {
    type ConnectInfo = Option<SocketAddr>;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.peer_addr().ok()
    }
}
