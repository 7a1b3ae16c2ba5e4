//! A small HTTP server that answers as it is told, also as no server should, and remembers what it was asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// An answer.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Status, further headers, body.
    Whole(u16, Vec<(String, String)>, String),
    /// These bytes.
    Raw(String),
    /// The connection is closed without a word.
    Closed,
    /// Nothing, ever.
    SilentHead,
    /// A header now and then, and no end of them.
    SlowHead,
    /// A head, and then nothing.
    SilentBody,
    /// A byte now and then.
    SlowBody,
    /// Less than was announced.
    CutBody,
    /// Chunk after chunk, and no end of them.
    Endless,
    /// The other one, once it is released.
    Held(CancellationToken, Box<Reply>),
}

impl Reply {
    /// A document.
    pub(crate) fn ok(body: &str) -> Self {
        Self::Whole(200, Vec::new(), body.to_owned())
    }

    /// Nothing but a status.
    pub(crate) fn status(status: u16) -> Self {
        Self::Whole(status, Vec::new(), String::new())
    }

    /// With one header more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Whole(_, headers, _) = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// A server; it ends when it is dropped.
pub(crate) struct Server {
    address: std::net::SocketAddr,
    state: Arc<State>,
    _accepting: JoinSet<()>,
}

struct State {
    replies: Mutex<HashMap<String, Reply>>,
    /// The path of each request, and when it came.
    requests: watch::Sender<Vec<(String, Instant)>>,
}

impl Server {
    /// One that knows nothing yet.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { replies: Mutex::default(), requests: watch::Sender::default() });
        let mut accepting = JoinSet::new();
        let shared = Arc::clone(&state);
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                connections.spawn(async move { drop(serve(stream, &state).await) });
            }
        });
        Self { address, state, _accepting: accepting }
    }

    /// The URL of a path on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers requests of a path like this from now on.
    pub(crate) fn answer(&self, path: &str, reply: Reply) {
        self.state.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// The paths that were asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.borrow().iter().map(|(path, _)| path.clone()).collect()
    }

    /// When they were.
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.state.requests.borrow().iter().map(|(_, at)| *at).collect()
    }

    /// How many there were.
    pub(crate) fn count(&self) -> usize {
        self.state.requests.borrow().len()
    }

    /// Waits until there were so many.
    pub(crate) async fn until(&self, count: usize) {
        let mut requests = self.state.requests.subscribe();
        let came = timeout(super::PATIENCE, requests.wait_for(|requests| requests.len() >= count)).await;
        assert!(came.is_ok(), "request {count} never came; there were {}", self.count());
    }
}

/// Reads one request and answers it.
async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = state.replies.lock().unwrap().get(&path).cloned().unwrap_or_else(|| Reply::status(404));
    state.requests.send_modify(|requests| requests.push((path, Instant::now())));
    let reply = match reply {
        Reply::Held(release, reply) => {
            release.cancelled().await;
            *reply
        }
        reply => reply,
    };
    write(&mut stream, reply).await?;
    stream.shutdown().await
}

async fn write(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n";
    const NOW_AND_THEN: Duration = Duration::from_millis(20);
    match reply {
        Reply::Whole(status, headers, body) => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
            let text = format!("HTTP/1.1 {status} As told\r\nConnection: close\r\n{length}{headers}\r\n{body}");
            stream.write_all(text.as_bytes()).await
        }
        Reply::Raw(text) => stream.write_all(text.as_bytes()).await,
        Reply::Closed | Reply::Held(..) => Ok(()),
        Reply::SilentHead => std::future::pending().await,
        Reply::SlowHead => {
            stream.write_all(HEAD).await?;
            loop {
                stream.write_all(b"X: y\r\n").await?;
                tokio::time::sleep(NOW_AND_THEN).await;
            }
        }
        Reply::SilentBody => {
            stream.write_all(&[HEAD, b"Content-Length: 9\r\n\r\n{"].concat()).await?;
            std::future::pending().await
        }
        Reply::SlowBody => {
            stream.write_all(&[HEAD, b"Content-Length: 9999\r\n\r\n"].concat()).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(NOW_AND_THEN).await;
            }
        }
        Reply::CutBody => stream.write_all(&[HEAD, b"Content-Length: 9\r\n\r\n{"].concat()).await,
        Reply::Endless => {
            stream.write_all(&[HEAD, b"Transfer-Encoding: chunked\r\n\r\n"].concat()).await?;
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            loop {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
    }
}
