//! What proxies are told: who may pass and who it is, and nothing that a client could have said itself.

use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{OTHER_AUDIENCE, server_with, server_with_clients, unfit};
use crate::support::{AUDIENCE, ISSUER, Server};

const PATH: &str = "/forward-auth";

const NAMES: [&str; 5] =
    ["x-curfew-issuer", "x-curfew-subject", "x-curfew-client-id", "x-curfew-session-id", "x-curfew-token-id"];

impl Server {
    async fn ask(&self, query: &str, authorization: &[&[u8]]) -> Response {
        let mut request = Client::new().get(self.at(PATH) + query);
        for value in authorization {
            request = request.header("authorization", *value);
        }
        request.send().await.unwrap()
    }

    async fn may_pass(&self, query: &str, token: &str) -> Response {
        self.ask(query, &[format!("Bearer {token}").as_bytes()]).await
    }
}

/// What the identity headers say, each of which is there once.
fn identity(response: &Response) -> [String; 5] {
    NAMES.map(|name| {
        let values: Vec<_> = response.headers().get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name} in {:?}", response.headers());
        values[0].to_str().unwrap().to_owned()
    })
}

/// That it is not let through, by this status and challenge, and that nothing is said of anybody.
fn assert_stopped(response: &Response, status: u16, challenge: &str, name: &str) {
    assert_eq!(response.status(), status, "{name}");
    assert_eq!(identity(response), [""; 5], "{name}");
    assert_eq!(response.headers()["cache-control"], "no-store", "{name}");
    let said = response.headers().get("www-authenticate").map_or("", |value| value.to_str().unwrap());
    assert!(said.starts_with(challenge) && said.is_empty() == challenge.is_empty(), "{name}: {said}");
}

#[tokio::test]
async fn who_has_a_good_token_passes_and_it_is_said_who_it_is() {
    let server = server_with("session_claim = \"sid\"");
    let response = server.may_pass("", &server.signed(&json!({}))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(identity(&response), [ISSUER, "ann", "web", "s1", "token-1"]);
    assert_eq!(response.text().await.unwrap(), "");
    // What a token does not say is said to be nothing, so that no client can say it instead.
    let least = json!({"client_id": null, "sid": null, "jti": null});
    assert_eq!(identity(&server.may_pass("", &server.signed(&least)).await), [ISSUER, "ann", "", "", ""]);
    // What a header cannot hold is encoded.
    let odd = json!({"sub": "jörg %20\r\nx-curfew-subject: admin", "azp": "a b", "client_id": null, "jti": "😀"});
    let said = identity(&server.may_pass("", &server.signed(&odd)).await);
    assert_eq!(said[1..], ["j%C3%B6rg%20%2520%0D%0Ax-curfew-subject:%20admin", "a%20b", "s1", "%F0%9F%98%80"]);
}

#[tokio::test]
async fn nobody_else_does() {
    let server = server_with("session_claim = \"sid\"");
    let invalid = "Bearer realm=\"curfew\", error=\"invalid_token\", error_description=\"";
    for (name, token) in unfit(&server) {
        assert_stopped(&server.may_pass("", &token).await, 401, invalid, name);
    }
    let good = format!("Bearer {}", server.signed(&json!({})));
    let with = |before: &str, after: &str| format!("{before}{good}{after}").into_bytes();
    let no_token = "Bearer realm=\"curfew\"";
    let malformed = "Bearer realm=\"curfew\", error=\"invalid_request\"";
    for (name, headers, status, challenge) in [
        ("nothing", vec![], 401, no_token),
        ("another scheme", vec![b"Basic YTpi".to_vec()], 401, no_token),
        ("no scheme", vec![good.as_bytes()[7..].to_vec()], 401, no_token),
        ("no token", vec![b"Bearer".to_vec()], 400, malformed),
        ("two headers", vec![with("", ""), with("", "")], 400, malformed),
        ("two schemes", vec![b"Basic YTpi".to_vec(), with("", "")], 400, malformed),
        ("no text", vec![b"Bearer \xff\xfe".to_vec()], 400, malformed),
        ("no text after the token", vec![with("", "\u{e9}")], 400, malformed),
        ("two in one", vec![with("", ", Bearer x")], 401, invalid),
        ("quoted", vec![b"Bearer \"x\", error=\"\"".to_vec()], 401, invalid),
    ] {
        let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
        let response = server.ask("", &headers).await;
        assert_stopped(&response, status, challenge, name);
        // Section 3.1: of an error nothing is said to who has sent no token.
        let said = response.headers()["www-authenticate"].to_str().unwrap();
        assert_eq!(said.contains("error"), challenge != no_token, "{name}: {said}");
    }
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn a_logout_counts_from_the_next_request_on() {
    let server = server_with("");
    let token = server.signed(&json!({}));
    assert_eq!(server.may_pass("", &token).await.status(), 200);
    server.log_out("ann").await;
    let response = server.may_pass("", &token).await;
    assert_stopped(&response, 401, "Bearer realm=\"curfew\", error=\"invalid_token\"", "logged out");
    assert!(response.headers()["www-authenticate"].to_str().unwrap().contains("logged out"));
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_not_repeated() {
    let server = server_with("");
    let ask = |token: Option<String>| {
        let mut request = Client::new().get(server.at(PATH));
        for name in NAMES {
            request = request.header(name, "admin").header(name.to_uppercase(), "admin");
        }
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send()
    };
    let bare = json!({"client_id": null, "sid": null, "jti": null});
    assert_eq!(identity(&ask(Some(server.signed(&bare))).await.unwrap()), [ISSUER, "ann", "", "", ""]);
    assert_stopped(&ask(None).await.unwrap(), 401, "Bearer realm=\"curfew\"", "no token");
}

#[tokio::test]
async fn a_proxy_may_stand_for_some_audiences_only() {
    let server = server_with_clients("");
    let token = server.signed(&json!({}));
    let other = form_urlencoded::byte_serialize(OTHER_AUDIENCE.as_bytes()).collect::<String>();
    for query in [
        "",
        "?",
        "?page=2&audiences=x",
        &format!("?audience={AUDIENCE}"),
        &format!("?audience={other}&audience={AUDIENCE}"),
    ] {
        assert_eq!(server.may_pass(query, &token).await.status(), 200, "{query}");
    }
    let invalid = "Bearer realm=\"curfew\", error=\"invalid_token\"";
    for query in [format!("?audience={other}"), "?audience=%ff".to_owned()] {
        assert_stopped(&server.may_pass(&query, &token).await, 401, invalid, &query);
    }
    // A slip in the proxy's configuration stops everybody, rather than to widen what passes.
    for query in
        ["?audience=".to_owned(), format!("?{}", "audience=x&".repeat(17)), format!("?audience={}", "x".repeat(513))]
    {
        assert_stopped(&server.may_pass(&query, &token).await, 400, "", &query);
    }
}

#[tokio::test]
async fn what_cannot_be_decided_does_not_pass() {
    let server = server_with_clients("");
    let response = server.may_pass("", &server.signed(&json!({"iss": "https://down.example"}))).await;
    assert_stopped(&response, 503, "", "no keys");
    assert_eq!(response.headers()["retry-after"], "1");
    // Anybody may read it: what is wrong, and where, is not their business.
    let text = response.text().await.unwrap();
    assert!(text.contains("temporarily_unavailable") && !text.contains("down"), "{text}");
}

#[tokio::test]
async fn any_method_is_answered_alike() {
    let server = server_with("");
    let good = format!("Bearer {}", server.signed(&json!({})));
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        let ask = || Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), server.at(PATH));
        let response = ask().header("authorization", &good).send().await.unwrap();
        assert_eq!((response.status().as_u16(), identity(&response)[1].as_str()), (200, "ann"), "{method}");
        assert_eq!(response.text().await.unwrap(), "");
        assert_stopped(&ask().send().await.unwrap(), 401, "Bearer realm=\"curfew\"", method);
    }
}

#[tokio::test]
async fn no_body_is_waited_for() {
    let server = server_with("");
    let address = server.http.as_deref().unwrap().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = server.signed(&json!({}));
    let head =
        format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await;
    read.expect("it waits for the body").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}
