//! One answer by every way: a token's first call, its later ones, a message that comes in pieces, and a stream.

use curfew::transport::grpc::pb::{self, record_logout_request::Target, validate_tokens_response::Outcome};
use prost::{Message, bytes::Bytes};
use serde_json::json;
use tokio_stream::StreamExt;
use tonic::Code;

use crate::support::{AUDIENCE, ISSUER, Server, Setup, logout_of, unix_seconds};

/// A token with every claim, changed.
fn token(server: &Server, change: serde_json::Value) -> String {
    let now = unix_seconds();
    let mut claims = json!({
        "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now - 60, "exp": now + 3000, "jti": "t1", "sid": "s1",
        "client_id": "app", "deep": {"list": [1, "two", null]},
    });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    server.minter.sign(&claims).unwrap()
}

/// Requests that are answered in every manner there is.
async fn requests(server: &Server) -> Vec<pb::ValidateTokenRequest> {
    let mut client = server.client().await;
    client.record_logout(logout_of("gone")).await.unwrap();
    let key = pb::TokenId { jti: "dead".to_owned(), ..Default::default() };
    let revoked = pb::RecordLogoutRequest { target: Some(Target::TokenId(key)), ..Default::default() };
    client.record_logout(revoked).await.unwrap();
    let ask = |token: String| pb::ValidateTokenRequest { token, ..Default::default() };
    let good = token(server, json!({}));
    vec![
        ask(good.clone()),
        pb::ValidateTokenRequest { include_claims: true, ..ask(good.clone()) },
        pb::ValidateTokenRequest { audiences: vec!["https://other.example".to_owned()], ..ask(good.clone()) },
        pb::ValidateTokenRequest { min_revision: 2, ..ask(good) },
        ask(token(server, json!({"sub": "gone"}))),
        ask(token(server, json!({"jti": "dead"}))),
        ask(token(server, json!({"exp": 1_780_000_000, "iat": 1_779_999_000}))),
        ask(token(server, json!({"iss": "https://nobody.example"}))),
        ask("rubbish".to_owned()),
    ]
}

/// Asks with a message that is sent in two pieces, which the short way leaves to the library's. The first is a message of
/// its own, that asks for less: the token without what is asked of it.
async fn in_pieces(server: &Server, request: &pb::ValidateTokenRequest) -> pb::ValidateTokenResponse {
    let stream = tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let head = http::Request::post("http://curfew/curfew.v1.RevocationService/ValidateToken")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (response, mut body) = client.ready().await.unwrap().send_request(head.body(()).unwrap(), false).unwrap();
    let message = request.encode_to_vec();
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend(message);
    let token_alone = pb::ValidateTokenRequest { token: request.token.clone(), ..Default::default() };
    let rest = bytes.split_off(5 + token_alone.encoded_len());
    body.send_data(Bytes::from(bytes), false).unwrap();
    body.send_data(Bytes::from(rest), true).unwrap();
    let (head, mut answer) = response.await.unwrap().into_parts();
    assert_eq!(head.headers["content-type"], "application/grpc");
    let mut received = Vec::new();
    while let Some(data) = answer.data().await {
        let data = data.unwrap();
        answer.flow_control().release_capacity(data.len()).unwrap();
        received.extend(data);
    }
    assert_eq!(answer.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    connection.abort();
    pb::ValidateTokenResponse::decode(&received[5..]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_gives_the_same_answer() {
    let server = Setup::new().start();
    let (requests, mut client) = (requests(&server).await, server.client().await);
    let mut verdicts = Vec::new();
    for request in &requests {
        let first = client.validate_token(request.clone()).await.unwrap().into_inner();
        for _ in 0..2 {
            assert_eq!(client.validate_token(request.clone()).await.unwrap().into_inner(), first);
        }
        assert_eq!(in_pieces(&server, request).await, first);
        assert_eq!(first.claims.is_some(), request.include_claims);
        verdicts.push((request.clone(), first));
    }
    // All of them at once by a stream, twice over, each by its id.
    let asked = (0..2 * requests.len()).map({
        let requests = requests.clone();
        move |number| pb::ValidateTokensRequest {
            request_id: number.to_string(),
            request: Some(requests[number % requests.len()].clone()),
        }
    });
    let mut answers = client.validate_tokens(tokio_stream::iter(asked)).await.unwrap().into_inner();
    let mut seen = vec![0; requests.len()];
    while let Some(answer) = answers.next().await {
        let answer = answer.unwrap();
        let index = answer.request_id.parse::<usize>().unwrap() % requests.len();
        assert_eq!(answer.outcome, Some(Outcome::Response(verdicts[index].1.clone())));
        seen[index] += 1;
    }
    assert_eq!(seen, vec![2; requests.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_a_stream_that_cannot_be_answered_does_not_end_it() {
    let server = Setup::new().start();
    let good = pb::ValidateTokenRequest { token: server.token("ann"), ..Default::default() };
    let ask = |id: &str, request| pb::ValidateTokensRequest { request_id: id.to_owned(), request };
    let asked = [
        ask("empty", Some(pb::ValidateTokenRequest::default())),
        ask("none", None),
        ask("ahead", Some(pb::ValidateTokenRequest { min_revision: 99, ..good.clone() })),
        ask("good", Some(good)),
    ];
    let mut client = server.client().await;
    let answers = client.validate_tokens(tokio_stream::iter(asked)).await.unwrap().into_inner();
    let mut answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    // What waits for a revision does not hold up what can be answered.
    assert_eq!(answers.last().map(|answer| answer.request_id.as_str()), Some("ahead"));
    answers.sort_by(|a, b| a.request_id.cmp(&b.request_id));
    let said: Vec<_> = answers
        .iter()
        .map(|answer| match answer.outcome.as_ref().unwrap() {
            Outcome::Response(response) => (answer.request_id.as_str(), 0, response.valid, ""),
            Outcome::Error(error) => {
                (answer.request_id.as_str(), error.code, error.retry_delay.is_some(), error.reason.as_str())
            }
        })
        .collect();
    assert_eq!(
        said,
        [
            ("ahead", Code::Unavailable as i32, true, "REVISION_NOT_REACHED"),
            ("empty", Code::InvalidArgument as i32, false, "INVALID_REQUEST"),
            ("good", 0, true, ""),
            ("none", Code::InvalidArgument as i32, false, "INVALID_REQUEST"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_that_is_too_long_ends_the_stream() {
    let server = Setup::new().start();
    let mut client = server.client().await;
    let asked = pb::ValidateTokensRequest { request_id: "x".repeat(129), request: None };
    let mut answers = client.validate_tokens(tokio_stream::iter([asked])).await.unwrap().into_inner();
    let status = answers.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("request_id is 129 bytes long"), "{status:?}");
}
