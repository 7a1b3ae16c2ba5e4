//! More than the service can take on, and clients that do not keep to the rules: the others
//! are answered all the same.
//!
//! The servers are real processes, most with one worker, so that whatever holds up the one thread holds up everybody.

use std::{
    future::Future,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use curfew::{
    token::Minter,
    transport::grpc::{SERVICE_NAME, pb},
};
use futures_util::{FutureExt, future::join_all};
use h2::{
    Ping, PingPong, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{Request, Version};
use prost::{
    Message,
    bytes::{BufMut, Bytes, BytesMut},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Barrier, Mutex, mpsc},
    task::JoinHandle,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use crate::support::{AUDIENCE, ISSUER, Server, Setup, logout_of, unix_seconds};

/// What must happen happens within this, on a busy machine also; what is meant to last forever lasts longer.
const IN_TIME: Duration = Duration::from_secs(20);

/// A call is prompt that is answered within this, by a debug build on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

/// By how much a server may grow under attack.
const MOST_GROWTH: u64 = 64 << 20;

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Held by tests that need most of the machine, so that they do not measure each other.
static MACHINE: Mutex<()> = Mutex::const_new(());

/// A server with lines of configuration.
///
/// Unless a test sets it, calls may wait for the processor for long: what is refused for that is the storm's business.
fn server(top: &'static str) -> Server {
    const PATIENT: &str = "queue_delay = \"30s\"";
    let mut setup = Setup::new();
    setup.top = if top.contains("queue_delay") {
        top
    } else if top.contains("[limits]") {
        top.replace("[limits]", &format!("[limits]\n{PATIENT}")).leak()
    } else {
        format!("[limits]\n{PATIENT}\n{top}").leak()
    };
    setup.start()
}

/// Its address.
fn address(server: &Server) -> &str {
    server.url.trim_start_matches("http://")
}

/// What comes of it, in time.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(IN_TIME, future).await.unwrap_or_else(|_| panic!("{what}: not within {IN_TIME:?}"))
}

/// Tries until it comes true, in time.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + IN_TIME;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: not within {IN_TIME:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How much memory its process has, in bytes.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn check_of(token: &str) -> pb::ValidateTokenRequest {
    pb::ValidateTokenRequest { token: token.to_owned(), ..Default::default() }
}

/// A token with a claim of so many bytes.
fn long_token(server: &Server, bytes: usize) -> String {
    let now = unix_seconds();
    let padding = "x".repeat(bytes);
    let claims = json!({"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now, "exp": now + 3600, "pad": padding});
    server.minter.sign(&claims).unwrap()
}

/// A client that does as it should: both kinds of calls are answered, and promptly.
struct Good {
    client: pb::revocation_service_client::RevocationServiceClient<Channel>,
    token: String,
}

impl Good {
    async fn new(server: &Server) -> Self {
        let mut good = Self { client: server.client().await, token: server.token("ann") };
        good.validates().await;
        good
    }

    async fn validates(&mut self) -> Duration {
        let started = Instant::now();
        let answer = in_time("a good call", self.client.validate_token(check_of(&self.token))).await;
        assert!(answer.unwrap().into_inner().valid);
        let took = started.elapsed();
        assert!(took < PROMPT, "{took:?}");
        took
    }

    async fn records(&mut self) {
        let started = Instant::now();
        in_time("a logout", self.client.record_logout(logout_of("bob"))).await.unwrap();
        assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
    }
}

/// A connection of raw HTTP/2, on which calls can be begun and left.
struct Raw {
    sender: SendRequest<Bytes>,
    ping: PingPong,
    connection: JoinHandle<Result<(), h2::Error>>,
    url: String,
}

/// A call that was begun.
struct Begun {
    response: ResponseFuture,
    body: SendStream<Bytes>,
}

/// How a call ended.
#[derive(Debug)]
struct Ended {
    status: Status,
    message: Bytes,
}

impl Raw {
    async fn open(server: &Server) -> Self {
        let stream = tokio::net::TcpStream::connect(address(server)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, server).await
    }

    /// One whose first so many bytes leave all at once, and together with those of others.
    async fn open_together(server: &Server, bytes: usize, others: Arc<Barrier>) -> Self {
        let mut stream = tokio::net::TcpStream::connect(address(server)).await.unwrap();
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while held.len() < bytes {
                theirs.read_buf(&mut held).await.unwrap();
            }
            others.wait().await;
            // And what has come since, such as the end of the last frame.
            while let Some(Ok(1..)) = theirs.read_buf(&mut held).now_or_never() {}
            stream.write_all(&held).await.unwrap();
            // It ends when either side does.
            drop(tokio::io::copy_bidirectional(&mut theirs, &mut stream).await);
        });
        Self::over(ours, server).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, server: &Server) -> Self {
        // With the little room that is the default, the library gives up where many small answers wait to be read.
        let mut builder = h2::client::Builder::new();
        builder.initial_connection_window_size(8 << 20).initial_max_send_streams(256);
        let (sender, mut connection) = builder.handshake(stream).await.unwrap();
        let ping = connection.ping_pong().unwrap();
        Self { sender, ping, connection: tokio::spawn(connection), url: server.url.clone() }
    }

    /// Returns when the other side has spoken.
    async fn is_established(&mut self) {
        in_time("a ping", self.ping.ping(Ping::opaque())).await.unwrap();
    }

    /// Begins a call: its head, and so much of its body.
    async fn begin(&self, path: &str, bytes: Bytes, is_all: bool) -> Begun {
        let request = Request::post(format!("{}/{path}", self.url))
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let mut sender = in_time("a place for a call", self.sender.clone().ready()).await.unwrap();
        let (response, mut body) = sender.send_request(request, false).unwrap();
        if is_all || !bytes.is_empty() {
            // It may have been refused already, for its head alone.
            drop(body.send_data(bytes, is_all));
        }
        Begun { response, body }
    }

    /// Begins one of the service's calls and leaves it half-sent.
    async fn half(&self, method: &str, whole: &Bytes) -> Begun {
        self.begin(&format!("{SERVICE_NAME}/{method}"), whole.slice(..whole.len() / 2), false).await
    }

    /// A whole call.
    async fn call(&self, method: &str, whole: &Bytes) -> Ended {
        self.begin(&format!("{SERVICE_NAME}/{method}"), whole.clone(), true).await.ended().await
    }

    /// Returns when what was begun before has arrived: so has a call that was begun after it, which goes nowhere, and so
    /// is answered for its head alone and takes no place from those that are waited for.
    async fn has_arrived(&self) {
        let ended = self.begin("nothing/There", Bytes::new(), true).await.ended().await;
        assert_eq!(ended.status.code(), Code::Unimplemented, "{ended:?}");
    }
}

/// A call on a connection of its own, the head and the body of which arrive together.
async fn call_at_once(server: &Server, method: &str, whole: &Bytes) -> Ended {
    assert!(whole.len() > 300, "what comes before the body is less than that");
    let raw = Raw::open_together(server, PREFACE.len() + whole.len(), Arc::new(Barrier::new(1))).await;
    raw.call(method, whole).await
}

impl Begun {
    /// Sends the rest.
    fn finish(&mut self, whole: &Bytes) {
        self.body.send_data(whole.slice(whole.len() / 2..), true).unwrap();
    }

    /// Hands over so much, as the other side takes it; an error where it takes no more of this call.
    async fn push(&mut self, mut bytes: Bytes) -> Result<(), h2::Error> {
        while !bytes.is_empty() {
            self.body.reserve_capacity(bytes.len().min(16 * 1024));
            let Some(room) = std::future::poll_fn(|context| self.body.poll_capacity(context)).await else {
                return Err(h2::Reason::STREAM_CLOSED.into());
            };
            let now = bytes.split_to(room?.min(bytes.len()));
            self.body.send_data(now, false)?;
        }
        Ok(())
    }

    fn is_pending(&mut self) -> bool {
        (&mut self.response).now_or_never().is_none()
    }

    /// Its end, where it comes to a good one.
    async fn ended(self) -> Ended {
        in_time("the answer", self.try_ended()).await.unwrap()
    }

    async fn try_ended(self) -> Result<Ended, h2::Error> {
        // Its half of the stream stays open, or the server would be told that the call was given up.
        let Self { response, body: _open } = self;
        let (head, mut body) = response.await?.into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return Ok(Ended { status, message: Bytes::new() });
        }
        let mut bytes = BytesMut::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            bytes.extend_from_slice(&data);
        }
        let status = Status::from_header_map(&body.trailers().await?.unwrap()).unwrap();
        Ok(Ended { status, message: bytes.freeze() })
    }
}

impl Ended {
    fn verdict(&self) -> pb::Verdict {
        assert_eq!(self.status.code(), Code::Ok, "{self:?}");
        pb::ValidateTokenResponse::decode(&self.message[5..]).unwrap().verdict()
    }
}

/// A message as gRPC puts it on the wire.
fn on_the_wire(message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut bytes).unwrap();
    bytes.freeze()
}

/// That it was refused with all that a caller needs to do better.
fn assert_says_when_to_try_again(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let details = status.get_error_details();
    let delay = details.retry_info().and_then(|info| info.retry_delay).unwrap_or_else(|| panic!("{status:?}"));
    assert!(delay > Duration::ZERO && delay < Duration::from_secs(5), "{delay:?}");
    let info = details.error_info().unwrap_or_else(|| panic!("{status:?}"));
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("OVERLOADED", "curfew.v1"));
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// Begins as a client that can take so much for a call, and any amount for all of them; and hears how much the server
/// takes, which it must not exceed.
fn greet(stream: &mut TcpStream, window: u32) {
    let settings = [&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat();
    let widen = ((1_u32 << 31) - 1 - 65_535).to_be_bytes();
    stream.write_all(&[PREFACE, &frame(4, 0, 0, &settings), &frame(8, 0, 0, &widen)].concat()).unwrap();
    stream.set_read_timeout(Some(IN_TIME)).unwrap();
    let mut head = [0; 9];
    while head[3] != 8 {
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        stream.read_exact(&mut payload).unwrap();
    }
}

/// The frames of a whole call.
fn whole_call(stream: u32, authority: &str, message: &Bytes) -> Vec<u8> {
    let path = format!("/{SERVICE_NAME}/ValidateToken");
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", authority),
        (":path", &path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        // Each literally, with a new name, and not to be remembered (RFC 7541, section 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    // END_HEADERS, then END_STREAM.
    [frame(1, 4, stream, &block), frame(0, 1, stream, message)].concat()
}

/// How sending without end came to one.
#[derive(Debug, PartialEq, Eq)]
enum Flooded {
    /// The server takes no more.
    Blocked,
    /// The server has closed the connection.
    Closed,
    /// Everything was sent.
    Sent,
}

/// Sends calls, at most so many, until the server takes no more.
fn flood(stream: &mut TcpStream, message: &Bytes, calls: u32) -> Flooded {
    let authority = stream.peer_addr().unwrap().to_string();
    pour(stream, (0..calls).map(|number| whole_call(2 * number + 1, &authority, message)))
}

/// Sends calls and gives each up at once.
fn flood_and_reset(stream: &mut TcpStream, message: &Bytes, calls: u32) -> Flooded {
    let authority = stream.peer_addr().unwrap().to_string();
    let frames = (0..calls).map(|number| {
        let id = 2 * number + 1;
        // CANCEL.
        [whole_call(id, &authority, message), frame(3, 0, id, &8_u32.to_be_bytes())].concat()
    });
    pour(stream, frames)
}

/// Sends all of it, until the server takes no more.
fn pour(stream: &mut TcpStream, frames: impl Iterator<Item = Vec<u8>>) -> Flooded {
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    for bytes in frames {
        match stream.write_all(&bytes) {
            Ok(()) => (),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Flooded::Blocked;
            }
            Err(_) => return Flooded::Closed,
        }
    }
    Flooded::Sent
}

/// Reads until the other side closes; when it did.
fn closed(mut stream: TcpStream) -> Instant {
    stream.set_read_timeout(Some(IN_TIME)).unwrap();
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            // Its settings may come before.
            Ok(1..) => (),
            Ok(0) => return Instant::now(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Instant::now(),
            Err(error) => panic!("it was not closed: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_begin_is_closed_and_the_others_are_answered_meanwhile() {
    let server = server("[connections]\nhandshake_timeout = \"300ms\"\n[runtime]\nworkers = 1");
    let mut good = Good::new(&server).await;
    let started = Instant::now();
    let watches: Vec<_> = [&b""[..], &PREFACE[..12], PREFACE]
        .into_iter()
        .map(|bytes| {
            let mut stream = TcpStream::connect(address(&server)).unwrap();
            stream.write_all(bytes).unwrap();
            tokio::task::spawn_blocking(move || closed(stream))
        })
        .collect();
    while !watches.iter().all(JoinHandle::is_finished) {
        good.validates().await;
    }
    for watch in watches {
        let after = watch.await.unwrap() - started;
        assert!(after >= Duration::from_millis(300), "too soon: {after:?}");
        assert!(after < Duration::from_secs(5), "too late: {after:?}");
    }
    // One that did begin is not held to it.
    good.validates().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_above_the_most_are_closed_at_once_and_a_closed_one_makes_room() {
    // Nothing but the number may close them within the test.
    let server = server("[connections]\nmax = 3\nhandshake_timeout = \"10m\"");
    let (first, mut second, mut third) = (Good::new(&server).await, Good::new(&server).await, Good::new(&server).await);
    let turned_away = || {
        let stream = TcpStream::connect(address(&server)).unwrap();
        in_time("the end of one too many", tokio::task::spawn_blocking(move || closed(stream)))
    };
    turned_away().await.unwrap();
    second.validates().await;
    drop(first);
    let mut fourth = None;
    until("room for another", async || {
        let Ok(mut client) = pb::revocation_service_client::RevocationServiceClient::connect(server.url.clone()).await
        else {
            return false;
        };
        let answered = client.validate_token(check_of(&second.token)).await.is_ok();
        fourth = answered.then_some(client);
        answered
    })
    .await;
    turned_away().await.unwrap();
    third.validates().await;
    assert!(fourth.unwrap().validate_token(check_of(&third.token)).await.unwrap().into_inner().valid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_arrive_is_answered_deadline_exceeded() {
    let server = server("[limits]\nrequest_timeout = \"300ms\"\n[runtime]\nworkers = 1");
    let raw = Raw::open(&server).await;
    let check = on_the_wire(&check_of(&server.token("ann")));
    let logout = on_the_wire(&logout_of("ann"));
    for (method, whole) in [("ValidateToken", &check), ("RecordLogout", &logout), ("GetLastLogout", &logout)] {
        // Nothing of the body, the beginning of its length, and some of the message.
        for sent in [0, 3, whole.len() / 2] {
            let started = Instant::now();
            let begun = raw.begin(&format!("{SERVICE_NAME}/{method}"), whole.slice(..sent), false).await;
            let ended = begun.ended().await;
            assert_eq!(ended.status.code(), Code::DeadlineExceeded, "{method} {sent}: {ended:?}");
            let took = started.elapsed();
            assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(5), "{method} {sent}: {took:?}");
        }
    }
    assert_eq!(raw.call("ValidateToken", &check).await.verdict(), pb::Verdict::Valid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_drips_in_is_not_given_more_time_for_it() {
    let server = server("[limits]\nrequest_timeout = \"300ms\"");
    let raw = Raw::open(&server).await;
    let whole = on_the_wire(&check_of(&long_token(&server, 8000)));
    let started = Instant::now();
    let mut begun = raw.begin(&format!("{SERVICE_NAME}/ValidateToken"), whole.slice(..10), false).await;
    let mut sent = 10;
    let response = loop {
        if let Some(response) = (&mut begun.response).now_or_never() {
            break response.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(5), "it was given all the time it wanted");
        begun.body.send_data(whole.slice(sent..=sent), false).unwrap();
        sent += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), Code::DeadlineExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_half_sent_requests_hold_up_nobody_and_are_answered_when_they_end() {
    let server = server("[limits]\nrequest_timeout = \"10m\"\n[runtime]\nworkers = 1");
    let mut good = Good::new(&server).await;
    let whole = on_the_wire(&check_of(&server.token("ann")));
    let mut connections = Vec::new();
    for _ in 0..4 {
        let raw = Raw::open(&server).await;
        let mut half_sent = Vec::new();
        for _ in 0..100 {
            half_sent.push(raw.half("ValidateToken", &whole).await);
        }
        assert_eq!(raw.call("ValidateToken", &whole).await.verdict(), pb::Verdict::Valid);
        connections.push((raw, half_sent));
    }
    for _ in 0..50 {
        good.validates().await;
    }
    good.records().await;
    for (_raw, half_sent) in &mut connections {
        assert!(half_sent.iter_mut().all(Begun::is_pending));
        half_sent.iter_mut().for_each(|begun| begun.finish(&whole));
    }
    for (_raw, half_sent) in connections {
        for ended in join_all(half_sent.into_iter().map(Begun::ended)).await {
            assert_eq!(ended.verdict(), pb::Verdict::Valid);
        }
    }
}

/// A server on which as many requests are half-sent as may be: ten.
async fn full_of_half_sent() -> (Server, Raw, Vec<Begun>, Bytes) {
    let server = server("[limits]\nrequest_timeout = \"10m\"\nmax_waiting = 40\n[runtime]\nworkers = 1");
    let raw = Raw::open(&server).await;
    let whole = on_the_wire(&check_of(&long_token(&server, 300)));
    let mut half_sent = Vec::new();
    for _ in 0..10 {
        half_sent.push(raw.half("ValidateToken", &whole).await);
    }
    raw.has_arrived().await;
    assert!(half_sent.iter_mut().all(Begun::is_pending));
    (server, raw, half_sent, whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_half_sent_requests_the_first_has_to_go_and_whole_ones_are_answered() {
    let (server, raw, mut half_sent, whole) = full_of_half_sent().await;
    // On this connection or another, of whatever kind.
    let logout = on_the_wire(&logout_of(&"bob".repeat(150)));
    let other = Raw::open(&server).await;
    for (connection, method) in [(&raw, "ValidateToken"), (&other, "ValidateToken"), (&other, "RecordLogout")] {
        let newest = connection.half(method, &whole).await;
        let ended = half_sent.remove(0).ended().await;
        assert_eq!(ended.status.code(), Code::ResourceExhausted, "{ended:?}");
        half_sent.push(newest);
        assert_eq!(call_at_once(&server, "ValidateToken", &whole).await.verdict(), pb::Verdict::Valid);
        let recorded = call_at_once(&server, "RecordLogout", &logout).await;
        assert_eq!(recorded.status.code(), Code::Ok, "{recorded:?}");
    }
    assert!(half_sent.iter_mut().all(Begun::is_pending), "the others stay");
    // One that ends makes room for one, and one that is given up for another.
    let mut first = half_sent.remove(0);
    first.finish(&whole);
    assert_eq!(first.ended().await.verdict(), pb::Verdict::Valid);
    half_sent.remove(0).body.send_reset(h2::Reason::CANCEL);
    raw.has_arrived().await;
    half_sent.push(raw.half("ValidateToken", &whole).await);
    half_sent.push(raw.half("ValidateToken", &whole).await);
    raw.has_arrived().await;
    assert!(half_sent.iter_mut().all(Begun::is_pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_an_ordinary_client_are_answered_however_many_others_are_half_sent() {
    const CALLS: usize = 500;
    let (server, _raw, _half_sent, _whole) = full_of_half_sent().await;
    // Its library hands head and body to the system one after the other: they may arrive apart.
    let (mut client, token) = (server.client().await, server.token("ann"));
    let (mut checks, mut logouts) = (0, 0);
    for _ in 0..CALLS {
        checks += usize::from(client.validate_token(check_of(&token)).await.is_err());
        logouts += usize::from(client.record_logout(logout_of("bob")).await.is_err());
    }
    assert_eq!((checks, logouts), (0, 0), "refused, of {CALLS} each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sent_request_too_many_is_told_when_to_try_again() {
    let (_server, raw, mut half_sent, whole) = full_of_half_sent().await;
    let _newest = raw.half("ValidateToken", &whole).await;
    assert_says_when_to_try_again(&half_sent.remove(0).ended().await.status);
}

/// An open stream of tokens.
struct Tokens {
    requests: mpsc::Sender<pb::ValidateTokensRequest>,
    answers: tonic::Streaming<pb::ValidateTokensResponse>,
}

impl Tokens {
    async fn open(server: &Server) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(16);
        let answers = server.client().await.validate_tokens(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Self { requests, answers })
    }

    async fn check(&mut self, token: &str) -> Result<bool, Status> {
        let request = pb::ValidateTokensRequest { request_id: String::new(), request: Some(check_of(token)) };
        self.requests.send(request).await.map_err(|_| Status::cancelled("the stream is at its end"))?;
        let Some(answer) = in_time("an answer of the stream", self.answers.next()).await else {
            return Err(Status::cancelled("the stream has ended"));
        };
        match answer?.outcome.unwrap() {
            pb::validate_tokens_response::Outcome::Response(response) => Ok(response.valid),
            pb::validate_tokens_response::Outcome::Error(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_too_many_is_refused_and_may_begin_when_another_ends() {
    let server = server("[limits]\nmax_streams = 2\n[runtime]\nworkers = 1");
    let token = server.token("ann");
    let mut first = Tokens::open(&server).await.unwrap();
    let mut second = Tokens::open(&server).await.unwrap();
    assert!(first.check(&token).await.unwrap() && second.check(&token).await.unwrap());
    assert_says_when_to_try_again(&Tokens::open(&server).await.err().unwrap());
    // Single calls are no streams, and those that were let in go on.
    Good::new(&server).await.records().await;
    assert!(first.check(&token).await.unwrap() && second.check(&token).await.unwrap());
    // In good order, or because the client is gone.
    let Tokens { requests, mut answers } = first;
    drop(requests);
    assert!(in_time("the end of a stream", answers.next()).await.is_none());
    let mut third = Tokens::open(&server).await.unwrap();
    assert!(third.check(&token).await.unwrap());
    assert_says_when_to_try_again(&Tokens::open(&server).await.err().unwrap());
    drop(second);
    let mut fourth = None;
    until("room for a stream", async || {
        fourth = Tokens::open(&server).await.ok();
        fourth.is_some()
    })
    .await;
    assert!(fourth.unwrap().check(&token).await.unwrap());
}

/// Calls of one client without end; the others' are answered, and the server does not grow.
async fn hold_out(window: u32, reads: bool) -> Vec<Flooded> {
    let _machine = MACHINE.lock().await;
    let server = server("[runtime]\nworkers = 1");
    let mut good = Good::new(&server).await;
    // The answers hold the claims: they are as long as the requests.
    let request = pb::ValidateTokenRequest { include_claims: true, ..check_of(&long_token(&server, 6000)) };
    let message = on_the_wire(&request);
    let before = resident(&server);
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let (mut stream, message) = (TcpStream::connect(address(&server)).unwrap(), message.clone());
            greet(&mut stream, window);
            if reads {
                let stream = stream.try_clone().unwrap();
                tokio::task::spawn_blocking(move || closed(stream));
            }
            tokio::task::spawn_blocking(move || (flood(&mut stream, &message, 8000), stream))
        })
        .collect();
    while !floods.iter().all(JoinHandle::is_finished) {
        good.validates().await;
        let growth = resident(&server).saturating_sub(before);
        assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
    }
    let (floods, streams): (Vec<_>, Vec<_>) = join_all(floods).await.into_iter().map(Result::unwrap).unzip();
    for _ in 0..50 {
        good.validates().await;
    }
    good.records().await;
    let growth = resident(&server).saturating_sub(before);
    assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
    for stream in streams {
        // Whoever reads must come to an end also.
        drop(stream.shutdown(std::net::Shutdown::Both));
    }
    floods
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_without_end_and_never_reads_stops_nobody_else() {
    let floods = hold_out((1 << 31) - 1, false).await;
    assert!(!floods.contains(&Flooded::Sent), "the server read on though nobody takes its answers: {floods:?}");
}

/// A connection of a client that will not read its answers, and cannot take in much unread either.
async fn deaf(server: &Server, window: u32) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address(server).parse().unwrap()).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    greet(&mut stream, window);
    stream
}

/// Sends as many calls as one connection may have in flight, the answers to which are some 50 KiB long, four times as
/// long as the requests; keeps to the protocol's windows, and reads nothing.
async fn leave_unread(stream: &mut TcpStream, server: &Server, good: &mut Good) {
    let now = unix_seconds();
    let numbers = vec![1; 4500];
    let claims = json!({"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now, "exp": now + 3600, "n": numbers});
    let token = server.minter.sign(&claims).unwrap();
    let request = pb::ValidateTokenRequest { include_claims: true, ..check_of(&token) };
    let message = on_the_wire(&request);
    assert!(message.len() < 16 * 1024, "one frame");
    for number in 0..250 {
        stream.write_all(&whole_call(2 * number + 1, address(server), &message)).unwrap();
        if number % 20 == 0 {
            // The one worker has read what came before when it has answered a few who came after.
            for _ in 0..3 {
                good.validates().await;
            }
        }
    }
    for _ in 0..50 {
        good.validates().await;
    }
    good.records().await;
}

/// By how much a server grows by so many connections whose answers are not taken.
async fn growth_by_unread(connections: usize) -> u64 {
    let _machine = MACHINE.lock().await;
    let server = server("[runtime]\nworkers = 1");
    let mut good = Good::new(&server).await;
    let before = resident(&server);
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = deaf(&server, 0).await;
        leave_unread(&mut stream, &server, &mut good).await;
        streams.push(stream);
    }
    resident(&server).saturating_sub(before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_as_many_answers_as_it_may_unread_stops_nobody_else() {
    let growth = growth_by_unread(1).await;
    assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_answers_in_stops_nobody_else() {
    for reads in [true, false] {
        hold_out(0, reads).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_every_call_up_at_once_stops_nobody_else() {
    let _machine = MACHINE.lock().await;
    let server = server("[runtime]\nworkers = 1\n[token_cache]\nsize = \"0\"");
    let mut good = Good::new(&server).await;
    let message = on_the_wire(&check_of(&server.token("ann")));
    let before = resident(&server);
    for _ in 0..5 {
        let (mut stream, message) = (TcpStream::connect(address(&server)).unwrap(), message.clone());
        greet(&mut stream, 65_535);
        let reader = stream.try_clone().unwrap();
        let end = tokio::task::spawn_blocking(move || closed(reader));
        let flood = tokio::task::spawn_blocking(move || (flood_and_reset(&mut stream, &message, 20_000), stream));
        while !flood.is_finished() {
            good.validates().await;
        }
        let (_, stream) = flood.await.unwrap();
        drop(stream.shutdown(std::net::Shutdown::Both));
        end.await.unwrap();
    }
    good.records().await;
    let growth = resident(&server).saturating_sub(before);
    assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_be_silent_for_longer_than_a_request_may_take() {
    let server = server("[limits]\nrequest_timeout = \"200ms\"");
    let token = server.token("ann");
    // From its beginning, and in between.
    let mut stream = Tokens::open(&server).await.unwrap();
    for _ in 0..2 {
        // The passing of time is what is tested.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(stream.check(&token).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_answers_are_not_taken_is_read_no_further_and_none_is_lost() {
    const TOKENS: usize = 6000;
    let _machine = MACHINE.lock().await;
    let server = server("[runtime]\nworkers = 1");
    let mut good = Good::new(&server).await;
    let token = long_token(&server, 9000);
    assert!(TOKENS * token.len() > usize::try_from(MOST_GROWTH).unwrap(), "all of them would be noticed");
    let before = resident(&server);
    let sent = Arc::new(AtomicUsize::new(0));
    let ours = Arc::clone(&sent);
    let requests = tokio_stream::iter(0..TOKENS).map(move |number| {
        ours.fetch_add(1, Ordering::Relaxed);
        pb::ValidateTokensRequest { request_id: number.to_string(), request: Some(check_of(&token)) }
    });
    // What the client's own side takes in unasked is little.
    let endpoint = Endpoint::from_shared(server.url.clone()).unwrap();
    let channel = endpoint.initial_stream_window_size(65_535).connect().await.unwrap();
    let mut client = pb::revocation_service_client::RevocationServiceClient::new(channel);
    let mut answers = client.validate_tokens(requests).await.unwrap().into_inner();
    // It has come to a stand when none more is sent for a while.
    let mut last = (0, Instant::now());
    until("a stand", async || {
        let now = sent.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now == TOKENS || last.1.elapsed() > Duration::from_secs(1)
    })
    .await;
    assert!(last.0 > 0 && last.0 < TOKENS / 2, "{} were read", last.0);
    let growth = resident(&server).saturating_sub(before);
    assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
    good.validates().await;
    let mut missing: std::collections::HashSet<_> = (0..TOKENS).map(|number| number.to_string()).collect();
    while let Some(answer) = in_time("the next answer", answers.next()).await {
        let pb::ValidateTokensResponse { request_id, outcome } = answer.unwrap();
        assert!(matches!(outcome, Some(pb::validate_tokens_response::Outcome::Response(answer)) if answer.valid));
        assert!(missing.remove(&request_id), "{request_id} was answered twice");
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// As many idle connections as this process may have, up to so many.
async fn idle_connections(server: &Server, wanted: usize) -> Vec<Raw> {
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum }).unwrap();
    let possible = limits.maximum.map_or(wanted, |most| usize::try_from(most / 2).unwrap());
    let mut connections = Vec::new();
    while connections.len() < wanted.min(possible) {
        let some = join_all((0..50).map(|_| async {
            let mut raw = Raw::open(server).await;
            raw.is_established().await;
            raw
        }));
        connections.extend(some.await);
    }
    connections
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_slow_nobody_down() {
    let _machine = MACHINE.lock().await;
    let server = server("");
    let mut idle = idle_connections(&server, 2000).await;
    let mut good = Good::new(&server).await;
    let mut took = Vec::new();
    for _ in 0..500 {
        took.push(good.validates().await);
    }
    took.sort_unstable();
    assert!(took[494] < Duration::from_millis(100), "the slowest: {:?}", &took[490..]);
    // They were there all the time, and are served when they ask.
    assert!(idle.iter().all(|raw| !raw.connection.is_finished()));
    idle.last_mut().unwrap().is_established().await;
}

/// What came of calls.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    refused: usize,
}

/// Calls of one connection, so many at once; every second one with a forged token.
async fn storm(raw: Raw, at_once: usize, good: Bytes, forged: Bytes) -> Tally {
    let mut tally = Tally::default();
    let path = format!("{SERVICE_NAME}/ValidateToken");
    let calls = (0..at_once).map(|number| {
        let (whole, verdict) = match number % 2 {
            0 => (&good, pb::Verdict::Valid),
            _ => (&forged, pb::Verdict::BadSignature),
        };
        let begun = raw.begin(&path, whole.clone(), true);
        async move { (begun.await.ended().await, verdict) }
    });
    for (ended, verdict) in join_all(calls).await {
        if ended.status.code() == Code::Ok {
            assert_eq!(ended.verdict(), verdict);
            tally.answered += 1;
        } else {
            assert_says_when_to_try_again(&ended.status);
            tally.refused += 1;
        }
    }
    tally
}

/// Several times as many calls at once as one worker answers within a millisecond, again and again; meanwhile health is
/// asked for. What came of them: each was answered right, or refused as it should be.
async fn weather_a_storm() -> Tally {
    const ROUNDS: usize = 4;
    const CONNECTIONS: usize = 12;
    // As many as fit into the protocol's first window.
    const AT_ONCE: usize = 150;
    let _machine = MACHINE.lock().await;
    let server = server("[runtime]\nworkers = 1\n[limits]\nqueue_delay = \"1ms\"\n[token_cache]\nsize = \"0\"");
    let good = on_the_wire(&check_of(&server.token("ann")));
    let claims =
        json!({"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": unix_seconds(), "exp": unix_seconds() + 60});
    let forged = Minter::generate("k1").unwrap().sign(&claims).unwrap();
    let forged = on_the_wire(&check_of(&forged));
    let channel = Channel::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let over = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn({
        let over = Arc::clone(&over);
        async move {
            let mut checks = 0;
            while !over.load(Ordering::Relaxed) {
                for service in ["", SERVICE_NAME] {
                    let request = HealthCheckRequest { service: service.to_owned() };
                    let answer = in_time("health", health.check(request)).await.unwrap().into_inner();
                    assert_eq!(answer.status(), ServingStatus::Serving);
                    checks += 1;
                }
            }
            checks
        }
    });
    let mut sum = Tally::default();
    for _ in 0..ROUNDS {
        let mut storms = Vec::new();
        let together = Arc::new(Barrier::new(CONNECTIONS));
        for _ in 0..CONNECTIONS {
            let raw = Raw::open_together(&server, AT_ONCE * good.len().min(forged.len()), Arc::clone(&together)).await;
            storms.push(tokio::spawn(storm(raw, AT_ONCE, good.clone(), forged.clone())));
        }
        for tally in join_all(storms).await {
            let tally = tally.unwrap();
            sum = Tally { answered: sum.answered + tally.answered, refused: sum.refused + tally.refused };
        }
    }
    over.store(true, Ordering::Relaxed);
    assert!(watch.await.unwrap() > 0);
    assert_eq!(sum.answered + sum.refused, CONNECTIONS * AT_ONCE * ROUNDS);
    // It is over at once when it is over.
    Good::new(&server).await.records().await;
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_every_call_is_answered_right_or_refused_and_health_is_serving() {
    assert!(weather_a_storm().await.answered > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_what_would_wait_for_too_long_is_refused() {
    let tally = weather_a_storm().await;
    assert!(tally.refused > 0, "{tally:?}");
}

/// Connections live for half a second here, and three tenths more if they must.
const SHORT_LIVES: &str = "[connections]\nmax_age = \"500ms\"\nmax_age_grace = \"300ms\"\n[runtime]\nworkers = 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_asked_to_end_when_it_is_old_and_ends_well() {
    let server = server(SHORT_LIVES);
    let started = Instant::now();
    let mut raw = Raw::open(&server).await;
    raw.is_established().await;
    in_time("its end", raw.connection).await.unwrap().unwrap();
    let after = started.elapsed();
    assert!(after >= Duration::from_millis(500) && after < Duration::from_secs(5), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_tries_once_more_sees_no_call_fail_when_connections_end() {
    let server = server(SHORT_LIVES);
    let (mut client, token) = (server.client().await, server.token("ann"));
    let (started, mut calls, mut lost) = (Instant::now(), 0, 0);
    while started.elapsed() < Duration::from_secs(3) {
        let first = in_time("a call", client.validate_token(check_of(&token))).await;
        let answer = match first {
            Ok(answer) => answer,
            // This client's library takes a call in, then learns that the connection is at its end, and leaves it to
            // the caller to make another. The call was not sent: this is no answer of the server's.
            Err(status) => {
                let source = std::error::Error::source(&status).unwrap_or_else(|| panic!("{status:?}"));
                assert!(source.is::<tonic::transport::Error>(), "{status:?}");
                lost += 1;
                in_time("the second attempt", client.validate_token(check_of(&token))).await.unwrap()
            }
        };
        assert!(answer.into_inner().valid);
        calls += 1;
    }
    // One a connection at most, of which there were six or seven.
    assert!(calls > 50 && lost <= 7, "{lost} of {calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_when_its_connection_is_old_and_is_cut_off_after_the_grace() {
    let server = server(SHORT_LIVES);
    let token = server.token("ann");
    let started = Instant::now();
    let mut stream = Tokens::open(&server).await.unwrap();
    let mut answered = Duration::ZERO;
    let failed = loop {
        match stream.check(&token).await {
            Ok(valid) => assert!(valid),
            Err(status) => break status,
        }
        answered = started.elapsed();
        assert!(answered < Duration::from_secs(5), "it was not cut off");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let after = started.elapsed();
    assert!(answered > Duration::from_millis(500), "it was not answered while it might: {answered:?}, {failed:?}");
    assert!(after >= Duration::from_millis(800), "cut off before its time: {after:?}, {failed:?}");
}

/// That a connection whose client does not read, so that the server can write to it no more, is closed.
async fn is_closed_though_it_is_not_read_from(top: &'static str) {
    let server = server(top);
    let mut good = Good::new(&server).await;
    let mut stream = deaf(&server, (1 << 31) - 1).await;
    let started = Instant::now();
    leave_unread(&mut stream, &server, &mut good).await;
    assert!(started.elapsed() < Duration::from_secs(4), "its time was over before it was blocked");
    // What the server wants to answer at once, and cannot.
    let ping = frame(6, 0, 0, &[0; 8]);
    stream.set_write_timeout(Some(IN_TIME)).unwrap();
    until("the end of a connection that is not read from", async || match stream.write_all(&ping) {
        Ok(()) => false,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
            true
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_client_does_not_read_is_gone_after_the_keepalive() {
    let _machine = MACHINE.lock().await;
    is_closed_though_it_is_not_read_from(
        "[connections]\nkeepalive_interval = \"4s\"\nkeepalive_timeout = \"1s\"\n[runtime]\nworkers = 1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_client_does_not_read_is_cut_off_like_any_other() {
    let _machine = MACHINE.lock().await;
    // The library's pings must not be what ends it.
    is_closed_though_it_is_not_read_from(
        "[connections]\nmax_age = \"4s\"\nmax_age_grace = \"300ms\"\nkeepalive_interval = \"10m\"\n\
         [runtime]\nworkers = 1",
    )
    .await;
}

/// A request with a body of so many bytes, and the first of them.
fn large(bytes: usize, sent: usize) -> (Bytes, Bytes) {
    let whole = on_the_wire(&check_of(&"x".repeat(bytes)));
    (whole.slice(..sent), whole.slice(sent..))
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_are_bounded_together_and_small_ones_go_on_being_answered() {
    let server = server("[limits]\nrequest_bytes = \"1 MiB\"\nrequest_timeout = \"10m\"\n[runtime]\nworkers = 1");
    let mut good = Good::new(&server).await;
    let path = format!("{SERVICE_NAME}/ValidateToken");
    let (first_part, rest) = large(1_000_000, 900 << 10);
    let (one, other) = (Raw::open(&server).await, Raw::open(&server).await);
    let mut first = one.begin(&path, Bytes::new(), false).await;
    in_time("most of a large request", first.push(first_part.clone())).await.unwrap();
    for raw in [&other, &one] {
        let started = Instant::now();
        let begun = raw.begin(&path, first_part.clone(), false).await;
        let ended = begun.ended().await;
        assert_eq!(ended.status.code(), Code::ResourceExhausted, "{ended:?}");
        assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
        good.validates().await;
        good.records().await;
    }
    // The one that was let in is answered, and makes room.
    assert!(first.is_pending());
    in_time("the rest of it", first.push(rest)).await.unwrap();
    first.body.send_data(Bytes::new(), true).unwrap();
    assert_eq!(first.ended().await.verdict(), pb::Verdict::Malformed);
    let mut second = other.begin(&path, Bytes::new(), false).await;
    in_time("another", second.push(first_part)).await.unwrap();
    good.validates().await;
    assert!(second.is_pending());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_too_many_is_told_when_to_try_again() {
    let server = server("[limits]\nrequest_bytes = \"64 KiB\"\nrequest_timeout = \"10m\"");
    let raw = Raw::open(&server).await;
    let begun = raw.begin(&format!("{SERVICE_NAME}/ValidateToken"), large(1_000_000, 900 << 10).0, false).await;
    assert_says_when_to_try_again(&begun.ended().await.status);
}

/// Half-sent requests of 900 KiB, 200 of them on four connections: how much the server grows.
async fn growth_by_large_halves(server: &Server, path: &str) -> u64 {
    let before = resident(server);
    let (part, _) = large(1_000_000, 900 << 10);
    let mut held = Vec::new();
    for _ in 0..4 {
        let raw = Raw::open(server).await;
        let mut all = Vec::new();
        for _ in 0..50 {
            let mut begun = raw.begin(path, Bytes::new(), false).await;
            let pushed = tokio::time::timeout(Duration::from_secs(1), begun.push(part.clone())).await;
            all.push(begun);
            // Where one is refused, or its connection not read from any further, that is as good.
            if pushed.is_err() {
                break;
            }
        }
        held.push((raw, all));
    }
    resident(server).saturating_sub(before)
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_of_streams_are_bounded_together_too() {
    let _machine = MACHINE.lock().await;
    let server = server("[limits]\nrequest_bytes = \"1 MiB\"\nrequest_timeout = \"10m\"\n[runtime]\nworkers = 1");
    let growth = growth_by_large_halves(&server, &format!("{SERVICE_NAME}/ValidateTokens")).await;
    assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_health_checks_are_bounded_together_too() {
    let _machine = MACHINE.lock().await;
    let server = server("[limits]\nrequest_bytes = \"1 MiB\"\nrequest_timeout = \"10m\"\n[runtime]\nworkers = 1");
    let growth = growth_by_large_halves(&server, "grpc.health.v1.Health/Check").await;
    assert!(growth < MOST_GROWTH, "it grew by {growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sent_health_check_does_not_wait_for_ever() {
    let server = server("[limits]\nrequest_timeout = \"300ms\"");
    let raw = Raw::open(&server).await;
    let whole = on_the_wire(&HealthCheckRequest { service: SERVICE_NAME.to_owned() });
    let begun = raw.begin("grpc.health.v1.Health/Check", whole.slice(..whole.len() / 2), false).await;
    assert_eq!(begun.ended().await.status.code(), Code::DeadlineExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_arrive_is_told_why() {
    let server = server("[limits]\nrequest_timeout = \"300ms\"");
    let raw = Raw::open(&server).await;
    let ended = raw.half("ValidateToken", &on_the_wire(&check_of(&server.token("ann")))).await.ended().await;
    assert_eq!(ended.status.code(), Code::DeadlineExceeded);
    // As the protocol says: every error carries one.
    let details = ended.status.get_error_details();
    assert_eq!(details.error_info().map(|info| info.domain.as_str()), Some("curfew.v1"), "{ended:?}");
}
