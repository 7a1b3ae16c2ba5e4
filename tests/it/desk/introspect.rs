//! RFC 7662: what gateways are told of tokens, and who is told anything.

use reqwest::Response;
use serde_json::{Value, json};

use super::{
    FORM, GATEWAY, HTTP, NARROW, OTHER_AUDIENCE, basic, claims, form, said, server_with, server_with_clients, unfit,
};
use crate::support::{AUDIENCE, ISSUER, Server, Setup, curfew, unix_seconds};

const PATH: &str = "/introspect";

impl Server {
    async fn introspect(&self, client: (&str, &str), token: &str) -> Response {
        self.post_form(PATH, Some(&basic(client)), &[("token", token)]).await
    }
}

/// What was told. No cache may keep it: the next answer may be another.
async fn told(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// What is told of every token that is not honoured.
fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn a_token_that_is_honoured_is_active_and_what_it_says_is_told() {
    let server = server_with_clients("session_claim = \"sid\"");
    let said = claims(&json!({"nbf": unix_seconds() - 60, "roles": ["admin"]}));
    let mut expected = said.clone();
    expected["active"] = json!(true);
    expected["token_type"] = json!("Bearer");
    assert_eq!(told(server.introspect(GATEWAY, &server.minter.sign(&said).unwrap()).await).await, expected);
    // The least that a token can say.
    let least = json!({"jti": null, "sid": null, "client_id": null, "scope": null});
    let answer = told(server.introspect(GATEWAY, &server.signed(&least)).await).await;
    let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(names, ["active", "aud", "exp", "iat", "iss", "sub", "token_type"]);
}

#[tokio::test]
async fn claims_of_other_names_are_told_under_those_of_the_standard() {
    let server = server_with_clients("session_claim = \"session\"");
    for (changes, name, expected) in [
        (json!({"client_id": null, "azp": "app"}), "client_id", json!("app")),
        (json!({"client_id": "", "azp": "app"}), "client_id", json!("app")),
        (json!({"sid": null, "session": "s9"}), "sid", json!("s9")),
        (json!({"scope": ["read", "write"]}), "scope", json!("read write")),
        (json!({"scope": null, "scp": ["read", "write"]}), "scope", json!("read write")),
        (json!({"scope": ["read write"]}), "scope", json!(null)),
        (json!({"active": false}), "active", json!(true)),
        (json!({"active": "no", "token_type": "mac"}), "token_type", json!("Bearer")),
        (json!({"cnf": {"jkt": "abc"}}), "token_type", json!("DPoP")),
        (json!({"aud": [AUDIENCE, "more"]}), "aud", json!([AUDIENCE, "more"])),
    ] {
        let answer = told(server.introspect(GATEWAY, &server.signed(&changes)).await).await;
        assert_eq!(answer[name], expected, "{changes}: {answer}");
        assert_eq!(answer["active"], true);
    }
}

#[tokio::test]
async fn of_a_token_that_is_not_honoured_nothing_else_is_told() {
    let server = server_with_clients("session_claim = \"sid\"");
    for (name, token) in unfit(&server) {
        assert_eq!(told(server.introspect(GATEWAY, &token).await).await, inactive(), "{name}");
    }
    let token = server.signed(&json!({}));
    assert_eq!(told(server.introspect(GATEWAY, &token).await).await["active"], true);
    server.log_out("ann").await;
    assert_eq!(told(server.introspect(GATEWAY, &token).await).await, inactive(), "logged out");
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn a_token_for_somebody_else_is_inactive() {
    let server = server_with_clients("");
    let both = server.signed(&json!({"aud": [AUDIENCE, OTHER_AUDIENCE]}));
    let (one, other) = (server.signed(&json!({})), server.signed(&json!({"aud": OTHER_AUDIENCE})));
    assert_eq!(told(server.introspect(NARROW, &one).await).await, inactive());
    for token in [&other, &both] {
        assert_eq!(told(server.introspect(NARROW, token).await).await["active"], true);
    }
    for token in [&one, &other, &both] {
        assert_eq!(told(server.introspect(GATEWAY, token).await).await["active"], true);
    }
}

#[tokio::test]
async fn whoever_cannot_prove_who_they_are_is_told_nothing() {
    let server = server_with_clients("");
    let token = server.signed(&json!({}));
    let mut answers = Vec::new();
    for header in [
        None,
        Some(basic((GATEWAY.0, "wrong"))),
        Some(basic(("unknown", GATEWAY.1))),
        Some(basic((NARROW.0, GATEWAY.1))),
        Some(basic((GATEWAY.0, ""))),
        Some("Digest x".to_owned()),
    ] {
        let response = server.post_form(PATH, header.as_deref(), &[("token", &token)]).await;
        assert_eq!(response.status(), 401, "{header:?}");
        let mut headers = response.headers().clone();
        headers.remove("date");
        assert_eq!(headers["www-authenticate"], "Basic realm=\"curfew\", charset=\"UTF-8\"");
        answers.push((headers, response.text().await.unwrap()));
    }
    // Which of it was wrong, nothing tells.
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert!(answers[0].1.contains("invalid_client"), "{answers:?}");
    let response = server.post_form(PATH, Some("Bearer wrong"), &[("token", &token)]).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"curfew\", error=\"invalid_token\"");
    assert_eq!(said(response).await.0, 401);
    // The user's own token is no credential.
    let response = server.post_form(PATH, Some(&format!("Bearer {token}")), &[("token", &token)]).await;
    assert_eq!(response.status(), 401);
    // Where nobody is configured, nobody is told.
    let response = server_with("").post_form(PATH, Some(&basic(("", ""))), &[("token", "x")]).await;
    assert_eq!(response.status(), 401);
    assert!(!server.log().contains(GATEWAY.1));
}

#[tokio::test]
async fn the_secret_may_come_in_every_way_of_the_standards_but_in_one_only() {
    let server = server_with_clients("");
    let token = server.signed(&json!({}));
    let good = basic(GATEWAY);
    let bearer = format!("Bearer {}", GATEWAY.1);
    let posted = [("token", &*token), ("client_id", GATEWAY.0), ("client_secret", GATEWAY.1)];
    for response in [
        server.post_form(PATH, Some(&good), &[("token", &token)]).await,
        server.post_form(PATH, Some(&bearer), &[("token", &token)]).await,
        server.post_form(PATH, None, &posted).await,
        server.post_form(PATH, Some(&good), &[("token", &token), ("token_type_hint", "refresh_token")]).await,
        server.post_form(PATH, Some(&good), &[("token", &token), ("token_type_hint", "saml"), ("x", "y")]).await,
    ] {
        assert_eq!(told(response).await["active"], true);
    }
    let (status, error, why) = said(server.post_form(PATH, Some(&good), &posted).await).await;
    assert_eq!((status, error.as_str()), (400, "invalid_request"), "{why}");
}

#[tokio::test]
async fn a_request_that_is_none_is_an_error_and_not_an_inactive_token() {
    let server = server_with_clients("");
    let good = basic(GATEWAY);
    let post = |content_type: &'static str, body: String| {
        let request = reqwest::Client::new().post(server.at(PATH)).header("content-type", content_type);
        request.header("authorization", &good).body(body).send()
    };
    let twice = form(&[("token", "a"), ("token", "b")]);
    for (content_type, body, expected) in [
        (FORM, String::new(), "token is missing"),
        (FORM, form(&[("token", "")]), "token is missing"),
        (FORM, twice, "more than once"),
        ("application/json", json!({"token": "a"}).to_string(), FORM),
    ] {
        let (status, error, why) = said(post(content_type, body).await.unwrap()).await;
        assert_eq!((status, error.as_str()), (400, "invalid_request"), "{why}");
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(reqwest::get(server.at(PATH)).await.unwrap().status(), 405);
}

#[tokio::test]
async fn what_cannot_be_decided_is_not_called_inactive() {
    let server = server_with_clients("");
    let token = server.signed(&json!({"iss": "https://down.example"}));
    let response = server.introspect(GATEWAY, &token).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, error, why) = said(response).await;
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{why}");
    assert_ne!(ISSUER, "https://down.example");
}

#[test]
fn a_client_whose_secret_cannot_be_used_does_not_start() {
    let mut setup = Setup::new();
    let (good, short) = (setup.write("good", GATEWAY.1), setup.write("short", "secret"));
    let clients = [("a", good.as_str()), ("b", &good), ("c", &short), ("d", "\"/nowhere\""), ("a", &good)];
    let client = |(id, file): (&str, &str)| format!("[[http.client]]\nid = {id:?}\nsecret_file = {file}\n");
    let all = |clients: &[(&str, &str)]| clients.iter().copied().map(client).collect::<String>();
    let check = |setup: &Setup| {
        let config = setup.write_config();
        let (code, out, err) = curfew(&["check-config", "--config", config.to_str().unwrap()], "");
        assert_eq!(code, 2, "{out}{err}");
        out + &err
    };
    setup.top = String::leak(format!("{HTTP}{}", all(&clients[..4])));
    let faults = check(&setup);
    for wanted in [
        "http.client[1].secret_file",
        "has the secret of another client",
        "http.client[2].secret_file",
        "16 to 4096",
        "http.client[3].secret_file",
        "/nowhere",
    ] {
        assert!(faults.contains(wanted), "{wanted}: {faults}");
    }
    assert!(!faults.contains("client[0]") && !faults.contains(GATEWAY.1), "{faults}");
    setup.top = String::leak(format!("{HTTP}{}audiences = [\"https://nobody.example\"]\n", all(&clients[4..])));
    let faults = check(&setup);
    assert!(faults.contains("no issuer's audience"), "{faults}");
}
