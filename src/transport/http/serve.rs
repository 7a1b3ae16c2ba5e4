//! Serves HTTP/1.1 connections, each within bounds: how many there are, how long a head and a whole exchange may take.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::{debug, warn};

/// The most that a request's line and headers may take.
const MOST_HEAD_BYTES: usize = 32 * 1024;

/// How long no connection is accepted after one could not be, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// How connections are dealt with.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// How many may be open; those beyond are closed at once.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be silent between two.
    pub head_timeout: Duration,
}

/// Serves until it is told to stop, and then until every request is answered.
pub async fn serve(router: Router, listener: TcpListener, settings: HttpSettings, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let (open, tasks) = (GracefulShutdown::new(), TaskTracker::new());
    let mut turned_away = false;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stop.cancelled() => break,
        };
        match (accepted, Arc::clone(&places).try_acquire_owned()) {
            (Ok(stream), Ok(place)) => {
                turned_away = false;
                begin(stream, place, router.clone(), settings, &open, &tasks);
            }
            (Ok(_), Err(_)) => {
                if !std::mem::replace(&mut turned_away, true) {
                    warn!(
                        most = settings.max_connections,
                        "HTTP connections are turned away: as many as there may be are open"
                    );
                }
            }
            (Err(error), _) if error.kind() == io::ErrorKind::ConnectionAborted => (),
            (Err(error), _) => {
                warn!(%error, "an HTTP connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    open.shutdown().await;
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn begin(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    router: Router,
    settings: HttpSettings,
    open: &GracefulShutdown,
    tasks: &TaskTracker,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            Ok::<_, Infallible>(router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {}))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(MOST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let connection = open.watch(connection);
    drop(tasks.spawn(async move {
        let _place = place;
        if let Err(error) = connection.await {
            debug!(%error, "an HTTP connection ended");
        }
    }));
}
