//! Serves connections on the runtime of one thread.

use std::{io, time::Duration};

use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Server};

use super::connection::Connection;

/// How much may be on its way to the server before it is taken: for one call, and for all of a connection. A call's own is
/// the protocol's default, which a token fits into many times; a connection's lets a stream of tokens flow.
const WINDOWS: (u32, u32) = (64 * 1024, 1024 * 1024);

/// The most that comes in one frame, which is read as a whole: with the protocol's 16 KiB, a stream of tokens takes four
/// times as many turns.
const MOST_FRAME: u32 = 64 * 1024;

/// How connections are dealt with.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionSettings {
    /// How long one may take to begin.
    pub handshake_timeout: Duration,
    /// The most calls that one may have in flight; clients queue beyond it, on their side.
    pub max_calls: u32,
    /// How long one may be silent before it is asked whether it is still there.
    pub keepalive_interval: Duration,
    /// How long the answer to that may take.
    pub keepalive_timeout: Duration,
    /// After how long one is asked to end, so that clients spread anew. None: never.
    pub max_age: Option<Duration>,
    /// How long its calls may go on after that.
    pub max_age_grace: Duration,
}

impl ConnectionSettings {
    /// After how long a connection is cut off, whatever it is doing.
    #[must_use]
    pub fn cut_off_after(&self) -> Option<Duration> {
        self.max_age.map(|age| age + self.max_age_grace)
    }
}

/// Serves what comes in until it is told to stop, and then until every call is answered.
///
/// # Errors
/// When serving itself fails.
pub async fn serve(
    routes: Routes,
    incoming: impl Stream<Item = io::Result<Connection>>,
    settings: ConnectionSettings,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let mut server = Server::builder()
        .max_frame_size(MOST_FRAME)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .http2_keepalive_interval(Some(settings.keepalive_interval))
        .http2_keepalive_timeout(Some(settings.keepalive_timeout))
        .max_concurrent_streams(settings.max_calls);
    if let Some(age) = settings.max_age {
        // The library's own grace would leave out asking; the connection sees to that end itself.
        server = server.max_connection_age(age);
    }
    server.add_routes(routes).serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await
}
