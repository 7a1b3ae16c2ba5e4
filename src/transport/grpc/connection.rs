//! One connection as it is accepted: it must begin to speak HTTP/2 in time, go on reading what it is sent, and end when its
//! time is over.
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

use super::serve::ConnectionSettings;

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
    /// Runs while the client does not take what it is sent.
    stuck: Option<Pin<Box<Sleep>>>,
    stuck_for: Duration,
    /// Its time is over: nothing is read or written any more, not even a farewell.
    over: bool,
    _open: Vec<Open>,
}

/// A connection that has not begun yet.
struct Greeting {
    bytes: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Connection {
    /// A connection that is dealt with as set; counted until it is dropped.
    #[must_use]
    pub fn new(stream: TcpStream, settings: &ConnectionSettings, open: Vec<Open>) -> Self {
        Self {
            stream,
            greeting: Some(Greeting { bytes: 0, deadline: Box::pin(sleep(settings.handshake_timeout)) }),
            ends: settings.cut_off_after().map(|after| Box::pin(sleep(after))),
            stuck: None,
            stuck_for: settings.keepalive_interval + settings.keepalive_timeout,
            over: false,
            _open: open,
        }
    }

    /// Whether its time is over; the task is woken when it is.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let over = |deadline: &mut Pin<Box<Sleep>>| deadline.as_mut().poll(context).is_ready();
        let greeting = self.greeting.as_mut().map(|greeting| &mut greeting.deadline);
        self.over = self.over || greeting.into_iter().chain(&mut self.ends).chain(&mut self.stuck).any(over);
        self.over
    }

    /// What a write came to, unless it has been getting nowhere for too long.
    fn written<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck_for = self.stuck_for;
        self.stuck.get_or_insert_with(|| Box::pin(sleep(stuck_for)));
        if self.is_over(context) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { written }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.over {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, written)
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
