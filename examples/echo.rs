//! An empty gRPC call, to measure others against: reads a request, and answers so many bytes.
//!
//! `--runtime shipped` serves it as Curfew serves: one thread a core, each with its own connections, and Curfew's
//! connection settings. `--runtime stock` serves it as the library does by itself: one runtime that moves work between
//! threads. Both have Curfew's allocator, which does the second a favour.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so and ends")]

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use clap::{Parser, ValueEnum};
use curfew::{
    app::{Door, Workers, accept},
    transport::grpc::ConnectionSettings,
};
use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService, UnaryService},
    service::Routes,
    transport::Server,
};
use tonic_prost::ProstCodec;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How it is served.
    #[arg(long, default_value = "shipped")]
    runtime: Runtime,
    /// How many bytes the answer has.
    #[arg(long, default_value_t = 149)]
    answer_bytes: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Runtime {
    Shipped,
    Stock,
}

/// Reads the token of a `ValidateTokenRequest` as it would be read, and ignores the rest.
#[derive(Clone, PartialEq, prost::Message)]
struct EchoRequest {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EchoResponse {
    #[prost(bytes = "bytes", tag = "1")]
    payload: Bytes,
}

#[derive(Debug, Clone)]
struct Echo {
    payload: Bytes,
}

impl NamedService for Echo {
    const NAME: &'static str = "curfew.bench.v1.EchoService";
}

impl UnaryService<EchoRequest> for Echo {
    type Response = EchoResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<EchoResponse>, Status>> + Send>>;

    fn call(&mut self, _request: Request<EchoRequest>) -> Self::Future {
        let payload = self.payload.clone();
        Box::pin(async move { Ok(Response::new(EchoResponse { payload })) })
    }
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            let codec: ProstCodec<EchoResponse, EchoRequest> = ProstCodec::default();
            Ok(Grpc::new(codec).unary(echo, request).await)
        })
    }
}

fn main() {
    let arguments = Arguments::parse();
    // The message's own tag and length take three bytes.
    let echo = Echo { payload: Bytes::from(vec![b'x'; arguments.answer_bytes.saturating_sub(3)]) };
    match arguments.runtime {
        Runtime::Shipped => shipped(arguments.listen, &echo),
        Runtime::Stock => stock(arguments.listen, echo),
    }
}

fn announce(listener: &TcpListener) {
    println!("echo: listening on {}", listener.local_addr().expect("an address"));
}

#[tokio::main(flavor = "current_thread")]
async fn shipped(listen: SocketAddr, echo: &Echo) {
    let settings = ConnectionSettings {
        handshake_timeout: Duration::from_secs(10),
        max_calls: 256,
        keepalive_interval: Duration::from_secs(30),
        keepalive_timeout: Duration::from_secs(20),
        max_age: None,
        max_age_grace: Duration::ZERO,
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let door = |_| Door { routes: Routes::new(echo.clone()), moving: Vec::new() };
    let workers = Workers::start((0..cores).map(door).collect(), settings).expect("threads");
    let listener = TcpListener::bind(listen).await.expect("a free port");
    announce(&listener);
    accept(listener, &workers, 10_000).await;
}

#[tokio::main]
async fn stock(listen: SocketAddr, echo: Echo) {
    let listener = TcpListener::bind(listen).await.expect("a free port");
    announce(&listener);
    let incoming = tokio_stream::StreamExt::map(TcpListenerStream::new(listener), |accepted| {
        accepted.and_then(|stream| stream.set_nodelay(true).map(|()| stream))
    });
    Server::builder().add_service(echo).serve_with_incoming(incoming).await.expect("it serves");
}
