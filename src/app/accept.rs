//! Accepts connections, up to a number, and deals them out to the workers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpListener, time::Instant};
use tracing::warn;

use super::Workers;
use crate::transport::grpc::Open;

/// How long no connection is accepted after one could not be, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the log says that connections are turned away.
const WARN_EVERY: Duration = Duration::from_secs(1);

/// Accepts connections for ever; those above the most are closed at once, so that their clients know.
pub async fn accept(listener: TcpListener, workers: &Workers, most: usize) {
    let open = Arc::new(AtomicUsize::new(0));
    let mut warned: Option<Instant> = None;
    let mut warn_now = || {
        let now = warned.is_none_or(|at| at.elapsed() >= WARN_EVERY);
        if now {
            warned = Some(Instant::now());
        }
        now
    };
    loop {
        match accept_one(&listener).await {
            Ok(_) if open.load(Ordering::Relaxed) >= most => {
                if warn_now() {
                    warn!(most, "a connection was turned away: as many as there may be are open");
                }
            }
            Ok(stream) => workers.take(stream, Open::count(&open)),
            // The client went away before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => (),
            Err(error) => {
                if warn_now() {
                    warn!(%error, "a connection could not be accepted");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection, fit to be taken to another runtime.
async fn accept_one(listener: &TcpListener) -> io::Result<std::net::TcpStream> {
    let (stream, _address) = listener.accept().await?;
    // Answers are small: none must wait for another to fill a packet.
    stream.set_nodelay(true)?;
    stream.into_std()
}
