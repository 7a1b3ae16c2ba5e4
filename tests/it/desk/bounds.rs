//! What the front desk does with requests that are too much, too slow, or none of its own.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{FORM, said, server};
use crate::support::{Server, Setup};

async fn connect(server: &Server) -> TcpStream {
    let address = server.http.as_deref().unwrap().strip_prefix("http://").unwrap().to_owned();
    TcpStream::connect(address).await.unwrap()
}

/// All that is answered until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection may be reset after its answer.
    drop(tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut text)).await.expect("it never ends"));
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn requests_that_cannot_be_taken_say_why() {
    let server = server();
    let path = "/backchannel-logout";
    let cases = [
        (server.post(path, FORM, "x".repeat(33 * 1024)).await, 413, "32768"),
        (server.post(path, "application/json", "{}").await, 400, FORM),
        (server.post(path, FORM, "").await, 400, "logout_token"),
        (server.post(path, FORM, "logout_token=a&logout_token=b").await, 400, "more than once"),
        (server.post(path, FORM, b"logout_token=\xff\xfe".to_vec()).await, 400, "part"),
        (server.post("/else", FORM, "").await, 404, "no such endpoint"),
        (Client::new().get(server.at(path)).send().await.unwrap(), 405, "method"),
    ];
    for (response, expected, text) in cases {
        let (status, _, why) = said(response).await;
        assert!(status == expected && why.contains(text), "{expected} {text}: {status} {why}");
    }
    // A bomb is not unpacked.
    let packed = Client::new().post(server.at(path)).header("content-type", FORM).header("content-encoding", "gzip");
    let (status, _, why) = said(packed.body("x").send().await.unwrap()).await;
    assert!(status == 415 && why.contains("compressed"), "{why}");
}

#[tokio::test]
async fn slow_requests_are_ended_and_others_are_unharmed() {
    let server = server();
    let began = Instant::now();
    let mut slow_head = connect(&server).await;
    slow_head.write_all(b"POST /backchannel-logout HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut slow_body = connect(&server).await;
    let head = format!(
        "POST /backchannel-logout HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 100\r\n\r\nlogout"
    );
    slow_body.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(server.send_logout_token(&server.logout_token(&json!({}))).await.status(), 200);
    assert!(rest(&mut slow_body).await.starts_with("HTTP/1.1 408 "));
    rest(&mut slow_head).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_thousand_slow_bodies_are_refused_and_others_are_unharmed() {
    let mut setup = Setup::new();
    setup.top = "[http]\nlisten = \"127.0.0.1:0\"\nrequest_timeout = \"3s\"\nmax_connections = 2000\n";
    setup.issuer = "[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n";
    let server = setup.start();
    let head = format!(
        "POST /backchannel-logout HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 32000\r\n\r\n{}",
        "x".repeat(16_000)
    );
    let mut slow = Vec::new();
    for _ in 0..1000 {
        let mut stream = connect(&server).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let began = Instant::now();
    assert_eq!(server.send_logout_token(&server.logout_token(&json!({}))).await.status(), 200);
    assert!(server.client().await.record_logout(crate::support::logout_of("bob")).await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for stream in &mut slow {
        assert!(rest(stream).await.starts_with("HTTP/1.1 408 "));
    }
}

#[tokio::test]
async fn bodies_share_a_bound_and_make_room_when_they_are_gone() {
    let mut setup = Setup::new();
    setup.top = "[http]\nlisten = \"127.0.0.1:0\"\nrequest_timeout = \"8s\"\nmax_connections = 2000\n";
    let server = setup.start();
    // 600 times 120 KiB are more than all bodies may take together.
    let head = format!(
        "POST /v1/tokens:validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 122881\r\n\r\n{}",
        " ".repeat(120 * 1024)
    );
    let mut slow = Vec::new();
    for _ in 0..600 {
        let mut stream = connect(&server).await;
        // One that is refused is reset.
        drop(stream.write_all(head.as_bytes()).await);
        slow.push(stream);
    }
    let mut statuses = std::collections::BTreeMap::<String, usize>::new();
    for stream in &mut slow {
        let status = rest(stream).await.split(' ').nth(1).unwrap_or("reset").to_owned();
        *statuses.entry(status).or_default() += 1;
    }
    let refused = statuses.get("503").copied().unwrap_or_default() + statuses.get("reset").copied().unwrap_or_default();
    assert!((40..=120).contains(&refused), "{statuses:?}");
    assert_eq!(statuses.get("408").copied().unwrap_or_default() + refused, 600, "{statuses:?}");
    let body = json!({ "token": server.token("ann") }).to_string();
    assert_eq!(server.post("/v1/tokens:validate", "application/json", body).await.status(), 200);
}

#[tokio::test]
async fn more_connections_than_there_may_be_are_closed_and_those_that_are_open_go_on() {
    let server = server();
    let client = Client::new();
    let live = || client.get(server.at("/livez")).send();
    assert_eq!(live().await.unwrap().status(), 200);
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(&server).await;
        drop(stream.write_all(b"POST /backchannel-logout HTTP/1.1\r\n").await);
        slow.push(stream);
    }
    // The one connection that was there before is served; and when the slow ones are gone, all are.
    assert_eq!(live().await.unwrap().status(), 200);
    assert_eq!(
        server.client().await.record_logout(crate::support::logout_of("ann")).await.unwrap().into_inner().revision,
        1
    );
    let began = Instant::now();
    while Client::new().get(server.at("/livez")).send().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never recovers");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn probes_say_how_it_is_and_a_stop_answers_what_is_in_flight() {
    let mut server = server();
    let client = Client::new();
    for path in ["/livez", "/readyz"] {
        let response = client.get(server.at(path)).send().await.unwrap();
        assert_eq!(said(response).await, (200, String::new(), "ok\n".to_owned()));
    }
    // A request of which half is there when it is told to stop.
    let mut half = connect(&server).await;
    let body = format!("logout_token={}", server.logout_token(&json!({})));
    let head = format!(
        "POST /backchannel-logout HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    half.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.signal("TERM");
    tokio::time::sleep(Duration::from_millis(100)).await;
    half.write_all(body.as_bytes()).await.unwrap();
    let answer = rest(&mut half).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(server.wait().success());
}
