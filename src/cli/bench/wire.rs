//! The wire: HTTP/2 by the library that the service uses too, and one system call for all requests that go out at once.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use h2::client::{Builder, Connection, SendRequest};
use http::{HeaderMap, Request, StatusCode, uri::Authority};
use prost::bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_util::task::TaskTracker;

/// How much the service may send ahead, on a stream and on a connection: so much that it never waits for us.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// The most that may come, or go, in one frame.
const MOST_FRAME: u32 = 64 * 1024;

/// From how many bytes on a piece is written by itself: more than copying it costs a system call.
const LARGE: usize = 16 * 1024;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The stream was reset; the connection goes on.
    Reset(String),
    /// The connection is lost.
    Lost(String),
}

impl From<h2::Error> for Fault {
    fn from(error: h2::Error) -> Self {
        if error.is_reset() { Self::Reset(error.to_string()) } else { Self::Lost(error.to_string()) }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) http: StatusCode,
    pub(super) head: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

/// Connects. What happens on the connection is the work of a task of its own.
pub(super) async fn connect(
    authority: &Authority,
    wait: Duration,
    tasks: &TaskTracker,
) -> io::Result<SendRequest<Bytes>> {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let socket = timeout(wait, TcpStream::connect((host, authority.port_u16().unwrap_or(80)))).await??;
    socket.set_nodelay(true)?;
    let (reader, writer) = socket.into_split();
    let out = Arc::new(Mutex::new(Vec::new()));
    let (send, connection) = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MOST_FRAME)
        .enable_push(false)
        .handshake(Collected { reader, out: Arc::clone(&out) })
        .await
        .map_err(io::Error::other)?;
    drop(tasks.spawn(Driver { connection, writer, out }));
    Ok(send)
}

/// Makes one unary call.
pub(super) async fn call(send: &mut SendRequest<Bytes>, head: &Request<()>, body: Bytes) -> Result<Reply, Fault> {
    poll_fn(|cx| send.poll_ready(cx)).await?;
    let (response, mut outgoing) = send.send_request(head.clone(), false)?;
    outgoing.send_data(body, true)?;
    drop(outgoing);
    let (parts, mut incoming) = response.await?.into_parts();
    let mut body = Bytes::new();
    while let Some(chunk) = poll_fn(|cx| incoming.poll_data(cx)).await {
        let chunk = chunk?;
        incoming.flow_control().release_capacity(chunk.len())?;
        body = if body.is_empty() { chunk } else { [body, chunk].concat().into() };
    }
    let trailers = poll_fn(|cx| incoming.poll_trailers(cx)).await?;
    Ok(Reply { http: parts.status, head: parts.headers, body, trailers })
}

/// Splits what came on a stream into messages, as gRPC frames them. None: the next one is not there in full.
pub(super) fn next_message(bytes: &mut BytesMut) -> Option<Result<Bytes, &'static str>> {
    let (frame, _) = bytes.split_first_chunk::<5>()?;
    let [compressed, length @ ..] = *frame;
    if compressed != 0 {
        return Some(Err("a message is compressed, which nobody asked for"));
    }
    let whole = usize::try_from(u32::from_be_bytes(length)).ok()?.checked_add(frame.len())?;
    (bytes.len() >= whole).then(|| Ok(bytes.split_to(whole).freeze().slice(5..)))
}

/// Bytes on their way out, until they are written at once.
type Out = Arc<Mutex<Vec<u8>>>;

fn lock(out: &Out) -> MutexGuard<'_, Vec<u8>> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads from the socket, and keeps what is written for [`Driver`]: the library writes every request by itself, and a
/// system call for each costs more than all the rest.
struct Collected {
    reader: OwnedReadHalf,
    out: Out,
}

impl AsyncRead for Collected {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Collected {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    /// Takes everything. That is bounded by the calls in flight.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut out = lock(&self.out);
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut written = 0;
        if length >= LARGE {
            let all: Vec<_> = std::iter::once(io::IoSlice::new(&out)).chain(slices.iter().copied()).collect();
            // Where it cannot be written now, or ever, the driver will see.
            written = self.reader.as_ref().try_write_vectored(&all).unwrap_or(0);
        }
        let of_before = written.min(out.len());
        let mut skip = written - of_before;
        drop(out.drain(..of_before));
        for slice in slices {
            out.extend_from_slice(slice.get(skip..).unwrap_or_default());
            skip = skip.saturating_sub(slice.len());
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Moves a connection on, and writes what has collected.
struct Driver {
    connection: Connection<Collected, Bytes>,
    writer: OwnedWriteHalf,
    out: Out,
}

impl Future for Driver {
    type Output = ();

    /// Ends with the connection. Why it ended, the calls on it learn.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let ended = Pin::new(&mut this.connection).poll(cx).map(drop);
        let mut out = lock(&this.out);
        while !out.is_empty() {
            match Pin::new(&mut this.writer).poll_write(cx, &out) {
                Poll::Ready(Ok(written)) if written == out.len() => out.clear(),
                Poll::Ready(Ok(written)) if written > 0 => drop(out.drain(..written)),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        ended
    }
}
