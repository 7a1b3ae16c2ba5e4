//! One fetch: every answer that is no document, and every place that may not be asked, is an error by its kind.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use curfew::outbound::{FetchError, Fetcher};
use tokio::time::timeout;

use super::{
    PATIENCE,
    http::{Reply, Server},
};

#[tokio::test]
async fn an_answer_that_is_not_a_document_is_refused_by_its_kind() {
    type Expected = fn(&FetchError) -> bool;
    let server = Server::start().await;
    server.answer("/moved", Reply::ok("{}"));
    let moved = |status| Reply::status(status).with("Location", &server.url("/moved"));
    let status: Expected = |error| matches!(error, FetchError::Status { hint: "", .. });
    let redirect: Expected =
        |error| matches!(error, FetchError::Status { .. }) && error.to_string().contains("redirects are not followed");
    let large: Expected = |error| matches!(error, FetchError::TooLarge(..));
    let transport: Expected = |error| matches!(error, FetchError::Transport { .. });
    let cases = [
        ("500", Reply::status(500), status),
        ("401", Reply::status(401), status),
        ("301", moved(301), redirect),
        ("302", moved(302), redirect),
        ("303", moved(303), redirect),
        ("307", moved(307), redirect),
        ("308", moved(308), redirect),
        ("300", moved(300), redirect),
        ("an endless body", Reply::Endless, large),
        ("a body that is too long", Reply::ok(&"x".repeat(512 * 1024 + 1)), large),
        ("silence", Reply::SilentHead, transport),
        ("a head without an end", Reply::SlowHead, transport),
        ("silence in the body", Reply::SilentBody, transport),
        ("a body, byte by byte", Reply::SlowBody, transport),
        ("a body that is cut", Reply::CutBody, transport),
        ("a closed connection", Reply::Closed, transport),
        ("not HTTP", Reply::Raw("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned()), transport),
    ];
    let fetcher = Fetcher::new(Duration::from_millis(300)).unwrap();
    for (name, reply, expected) in cases {
        server.answer("/jwks", reply);
        let before = Instant::now();
        let error = timeout(PATIENCE, fetcher.get(&server.url("/jwks"))).await.expect(name).unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert!(!matches!(error, FetchError::Transport { .. }) || before.elapsed() < Duration::from_secs(5), "{name}");
    }
    assert!(server.requests().iter().all(|path| path == "/jwks"), "a redirect was followed");
    let largest = "x".repeat(512 * 1024);
    server.answer("/jwks", Reply::ok(&largest));
    assert_eq!(Fetcher::new(PATIENCE).unwrap().get(&server.url("/jwks")).await.unwrap().body.len(), largest.len());
}

#[tokio::test]
async fn nothing_is_asked_of_a_url_that_may_not_be_fetched() {
    let fetcher = Fetcher::new(Duration::from_millis(300)).unwrap();
    for url in ["http://op.example/", "ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://0.0.0.0/", "http:"] {
        assert!(matches!(fetcher.get(url).await, Err(FetchError::Url(_))), "{url}");
    }
}

/// `openssl s_server` with a certificate that only it vouches for; ended when it is dropped.
struct TlsServer {
    process: Child,
    url: String,
    _files: tempfile::TempDir,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl TlsServer {
    fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(&files)
            .output()
            .expect("this test needs the openssl program");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-key", "key.pem", "-cert", "cert.pem", "-www"])
            .current_dir(&files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let accepts = lines.find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned)).unwrap();
        Self { process, url: format!("https://{accepts}/"), _files: files }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = TlsServer::start();
    let fetcher = Fetcher::new(PATIENCE).unwrap();
    for url in [server.url.clone(), server.url.replace("127.0.0.1", "localhost")] {
        let error = fetcher.get(&url).await.unwrap_err();
        assert!(matches!(&error, FetchError::Transport { .. }), "{error:?}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
