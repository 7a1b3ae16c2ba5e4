//! The threads that serve: one a core, each with a runtime and connections of its own.
//!
//! A connection stays where it was accepted to, so that its calls never wait for another core, and many answers leave in
//! one write; that is worth half as much again over a runtime that moves work about. Connections are dealt out to whoever
//! has the fewest.

use std::{
    future::Future,
    io,
    net::TcpStream as StdTcpStream,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use tokio::{
    net::TcpStream,
    sync::mpsc::{Sender, channel, error::TrySendError},
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tracing::{error, warn};

use crate::transport::grpc::{Connection, ConnectionSettings, Open, serve};

/// How many accepted connections may wait for a worker to take them; what comes then is turned away.
const MOST_WAITING: usize = 1024;

/// What one worker serves.
pub struct Door {
    /// Its services.
    pub routes: Routes,
    /// What must go on meanwhile, on the same thread.
    pub moving: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// The threads that serve.
pub struct Workers {
    workers: Vec<Worker>,
    /// Ends serving in good order.
    stop: CancellationToken,
    /// Ends it at once.
    cut_off: CancellationToken,
    /// Cancelled by each as it ends.
    ended: Vec<CancellationToken>,
}

struct Worker {
    connections: Sender<(StdTcpStream, Open)>,
    open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Starts one for each door.
    ///
    /// # Errors
    /// When a thread or a runtime cannot be had.
    pub fn start(doors: Vec<Door>, settings: ConnectionSettings) -> io::Result<Self> {
        let (stop, cut_off) = (CancellationToken::new(), CancellationToken::new());
        let (mut workers, mut all_ended) = (Vec::new(), Vec::new());
        for (number, Door { routes, moving }) in doors.into_iter().enumerate() {
            let (connections, incoming) = channel::<(StdTcpStream, Open)>(MOST_WAITING);
            let (open, ended) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let ours = Arc::clone(&open);
            let (stop, cut_off) = (stop.clone(), cut_off.clone());
            // Also when the thread panics: the service must not go on with a core that does not answer.
            let at_the_end = ended.clone().drop_guard();
            let thread = std::thread::Builder::new().name(format!("curfew-worker-{number}")).spawn(move || {
                let _at_the_end = at_the_end;
                let incoming = ReceiverStream::new(incoming).map(move |(stream, all)| {
                    let stream = TcpStream::from_std(stream)?;
                    let open = vec![all, Open::count(&ours)];
                    Ok(Connection::new(stream, &settings, open))
                });
                // Tasks of their own, which have their turn after those that were waiting before they were woken. They end
                // with the runtime.
                moving.into_iter().for_each(|task| drop(runtime.spawn(task)));
                let served = runtime.block_on(async {
                    tokio::select! {
                        served = serve(routes, incoming, settings, stop) => served,
                        () = cut_off.cancelled() => Ok(()),
                    }
                });
                if let Err(error) = served {
                    error!(%error, "serving failed");
                }
            })?;
            workers.push(Worker { connections, open, thread });
            all_ended.push(ended);
        }
        Ok(Self { workers, stop, cut_off, ended: all_ended })
    }

    /// Hands an accepted connection to whoever has the fewest.
    pub fn take(&self, stream: StdTcpStream, all: Open) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load()) else { return };
        match worker.connections.try_send((stream, all)) {
            Ok(()) => (),
            Err(TrySendError::Full(_)) => warn!("a connection was turned away: too many are waiting to be served"),
            Err(TrySendError::Closed(_)) => warn!("a connection was turned away: the service is stopping"),
        }
    }

    /// Returns when any of them has ended, which none does by itself.
    pub async fn failed(&self) {
        let mut any: Vec<_> = self.ended.iter().map(|ended| Box::pin(ended.cancelled())).collect();
        std::future::poll_fn(|context| {
            let ended = any.iter_mut().any(|ended| ended.as_mut().poll(context).is_ready());
            if ended { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// Takes no more calls; returns when all in flight are answered.
    pub async fn finish(&self) {
        self.stop.cancel();
        for ended in &self.ended {
            ended.cancelled().await;
        }
    }

    /// Cuts off what is still in flight, and ends.
    pub fn end(self) {
        self.cut_off.cancel();
        for worker in self.workers {
            // A panic was logged where it happened.
            drop(worker.thread.join());
        }
    }
}

impl Worker {
    /// How many connections it has or is about to have.
    fn load(&self) -> usize {
        self.open.load(Ordering::Relaxed) + self.connections.max_capacity() - self.connections.capacity()
    }
}
