//! RFC 7009: whoever has a token may end it, and nothing more than was configured to end with it.

use curfew::transport::grpc::pb::{TokenScope, Verdict, record_logout_request::Target};
use reqwest::{Response, header::HeaderMap};
use serde_json::json;

use super::{FORM, GATEWAY, NARROW, basic, said, server_with, server_with_clients, unfit};
use crate::support::{Server, logout_of, unix_seconds};

const PATH: &str = "/revoke";

impl Server {
    async fn revoke(&self, token: &str) -> Response {
        self.post_form(PATH, None, &[("token", token)]).await
    }

    /// How many logouts were recorded before now, and one more is.
    async fn revision(&self) -> u64 {
        self.log_out("nobody").await.revision - 1
    }
}

/// All that an answer says, but for the time of day.
async fn everything(response: Response) -> (u16, HeaderMap, String) {
    let mut headers = response.headers().clone();
    headers.remove("date");
    (response.status().as_u16(), headers, response.text().await.unwrap())
}

fn assert_refused(answer: (u16, String, String), error: &str) {
    let (status, named, why) = answer;
    assert_eq!((status, named.as_str()), (400, error), "{why}");
}

#[tokio::test]
async fn a_revoked_token_is_dead_and_no_other_is() {
    let mut server = server_with("session_claim = \"sid\"");
    let (this, other) = (server.signed(&json!({})), server.signed(&json!({"jti": "token-2"})));
    assert_eq!(said(server.revoke(&this).await).await, (200, String::new(), String::new()));
    assert_eq!(server.verdict(&this).await, Verdict::TokenRevoked);
    assert_eq!(server.verdict(&other).await, Verdict::Valid);
    // Again is not an error, and it was on disk before it was answered.
    assert_eq!(server.revoke(&this).await.status(), 200);
    for number in 3..8 {
        let token = server.signed(&json!({"jti": format!("token-{number}")}));
        assert_eq!(server.revoke(&token).await.status(), 200);
        server.kill();
        server.restart();
        assert_eq!(server.verdict(&token).await, Verdict::TokenRevoked);
    }
    assert_eq!(server.verdict(&other).await, Verdict::Valid);
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn whether_a_token_was_good_the_answer_does_not_tell() {
    let server = server_with("session_claim = \"sid\"");
    let good = everything(server.revoke(&server.signed(&json!({}))).await).await;
    assert_eq!((good.0, good.2.as_str()), (200, ""));
    assert_eq!(good.1["cache-control"], "no-store");
    for (name, token) in unfit(&server) {
        assert_eq!(everything(server.revoke(&token).await).await, good, "{name}");
    }
    for hint in ["access_token", "refresh_token", "saml2"] {
        let token = server.signed(&json!({"jti": hint}));
        let answer = server.post_form(PATH, None, &[("token", &token), ("token_type_hint", hint)]).await;
        assert_eq!(everything(answer).await, good, "{hint}");
        assert_eq!(server.verdict(&token).await, Verdict::TokenRevoked);
    }
}

#[tokio::test]
async fn what_is_no_good_is_not_recorded() {
    let server = server_with("session_claim = \"sid\"\n[issuer.token_revocation]\nscope = \"subject\"");
    // Those that are too old by the issuer's own word are its own all the same.
    let genuine = ["expired", "living too long"];
    for (name, token) in unfit(&server).into_iter().filter(|(name, _)| !genuine.contains(name)) {
        assert_eq!(server.revoke(&token).await.status(), 200, "{name}");
    }
    assert_eq!(server.revision().await, 0);
}

#[tokio::test]
async fn an_expired_token_still_ends_what_it_names() {
    let server = server_with("session_claim = \"sid\"\n[issuer.token_revocation]\nscope = \"session\"");
    let now = unix_seconds();
    let stale = server.signed(&json!({"iat": now - 7200, "exp": now - 3600}));
    let (same, other) = (server.signed(&json!({"jti": "2"})), server.signed(&json!({"jti": "3", "sid": "s2"})));
    assert_eq!(server.revoke(&stale).await.status(), 200);
    assert_eq!(server.verdict(&same).await, Verdict::SessionLoggedOut);
    assert_eq!(server.verdict(&other).await, Verdict::Valid);
    // Its signature counts all the same.
    let forged = curfew::token::Minter::generate("k1").unwrap();
    let forged = forged.sign(&super::claims(&json!({"iat": now - 7200, "exp": now - 3600, "sid": "s2"}))).unwrap();
    assert_eq!(server.revoke(&forged).await.status(), 200);
    assert_eq!(server.verdict(&other).await, Verdict::Valid);
}

#[tokio::test]
async fn the_whole_subject_ends_where_that_is_configured() {
    let server = server_with("[issuer.token_revocation]\nscope = \"subject\"");
    let (this, other) = (server.signed(&json!({"jti": null})), server.signed(&json!({"jti": "2"})));
    let somebody = server.signed(&json!({"sub": "bob"}));
    assert_eq!(server.revoke(&this).await.status(), 200);
    for token in [&this, &other] {
        assert_eq!(server.verdict(token).await, Verdict::SubjectLoggedOut);
    }
    assert_eq!(server.verdict(&somebody).await, Verdict::Valid);
}

#[tokio::test]
async fn what_a_token_does_not_name_is_refused_and_nothing_else_ends_instead() {
    for (issuer, lacks) in [
        ("session_claim = \"sid\"", json!({"jti": null})),
        ("session_claim = \"sid\"", json!({"jti": ""})),
        ("session_claim = \"sid\"\n[issuer.token_revocation]\nscope = \"session\"", json!({"sid": null})),
    ] {
        let server = server_with(issuer);
        let token = server.signed(&lacks);
        assert_refused(said(server.revoke(&token).await).await, "unsupported_token_type");
        // Whoever signed it: a refusal does not tell a good token from a forged one.
        let forger = curfew::token::Minter::generate("k1").unwrap();
        let forged = forger.sign(&super::claims(&lacks)).unwrap();
        let answers = [everything(server.revoke(&token).await).await, everything(server.revoke(&forged).await).await];
        assert_eq!(answers[0], answers[1]);
        assert_eq!(server.verdict(&token).await, Verdict::Valid);
        assert_eq!(server.revision().await, 0);
    }
}

#[tokio::test]
async fn a_client_ends_its_own_tokens_only() {
    let server = server_with("session_claim = \"sid\"");
    let revoke = |token: String, client: &'static str| {
        let server = &server;
        async move { server.post_form(PATH, None, &[("token", &token), ("client_id", client)]).await }
    };
    let token = server.signed(&json!({}));
    assert_refused(said(revoke(token.clone(), "app").await).await, "invalid_grant");
    assert_eq!(server.verdict(&token).await, Verdict::Valid);
    assert_eq!(revoke(token.clone(), "web").await.status(), 200);
    assert_eq!(server.verdict(&token).await, Verdict::TokenRevoked);
    // By `azp` where there is no `client_id`; where the token names none, having it is enough.
    let by_azp = server.signed(&json!({"client_id": null, "azp": "web", "jti": "2"}));
    assert_refused(said(revoke(by_azp.clone(), "app").await).await, "invalid_grant");
    assert_eq!(revoke(by_azp, "web").await.status(), 200);
    let nameless = server.signed(&json!({"client_id": null, "jti": "3"}));
    assert_eq!(revoke(nameless.clone(), "app").await.status(), 200);
    assert_eq!(server.verdict(&nameless).await, Verdict::TokenRevoked);
}

#[tokio::test]
async fn credentials_need_not_be_given_but_must_be_right() {
    let server = server_with_clients("session_claim = \"sid\"");
    let token = server.signed(&json!({"client_id": GATEWAY.0}));
    let fields: [(&str, &str); 1] = [("token", &token)];
    let bearer = format!("Bearer {token}");
    for wrong in [&basic((GATEWAY.0, "wrong")), &basic(("unknown", GATEWAY.1)), &bearer, "Digest x"] {
        let response = server.post_form(PATH, Some(wrong), &fields).await;
        assert!(response.headers().contains_key("www-authenticate"));
        let (status, error, _) = said(response).await;
        assert_eq!((status, error.as_str()), (401, "invalid_client"));
    }
    let wrong = [("token", &*token), ("client_id", GATEWAY.0), ("client_secret", "wrong")];
    assert_eq!(server.post_form(PATH, None, &wrong).await.status(), 401);
    // Right, but of somebody else than the token.
    assert_refused(said(server.post_form(PATH, Some(&basic(NARROW)), &fields).await).await, "invalid_grant");
    assert_eq!(server.verdict(&token).await, Verdict::Valid);
    assert_eq!(server.post_form(PATH, Some(&basic(GATEWAY)), &fields).await.status(), 200);
    assert_eq!(server.verdict(&token).await, Verdict::TokenRevoked);
}

#[tokio::test]
async fn a_token_that_may_yet_be_honoured_is_not_called_dead() {
    let server = server_with_clients("session_claim = \"sid\"");
    let now = unix_seconds();
    for changes in [json!({"nbf": now + 600}), json!({"iat": now + 600}), json!({"iss": "https://down.example"})] {
        let response = server.revoke(&server.signed(&changes)).await;
        assert_eq!(response.headers()["retry-after"], "1", "{changes}");
        let (status, error, why) = said(response).await;
        assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{why}");
        assert!(!why.contains("eyJ"), "{why}");
    }
    assert_eq!(server.revision().await, 0);
}

#[tokio::test]
async fn a_request_that_is_none_says_why() {
    let server = server_with("");
    for (content_type, body, expected) in [
        (FORM, "", "token is missing"),
        (FORM, "token=", "token is missing"),
        (FORM, "token=a&token=b", "more than once"),
        (FORM, "token=a&client_id=b&client_id=b", "more than once"),
        ("application/json", "{\"token\":\"a\"}", FORM),
    ] {
        let (status, error, why) = said(server.post(PATH, content_type, body).await).await;
        assert_eq!((status, error.as_str()), (400, "invalid_request"), "{why}");
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn both_doors_mean_the_same_by_a_token_s_scope() {
    let server = server_with("session_claim = \"sid\"");
    let tokens: Vec<String> = ["a", "b"].map(|jti| server.signed(&json!({"jti": jti}))).to_vec();
    assert_eq!(server.revoke(&tokens[0]).await.status(), 200);
    let mut request = logout_of("ann");
    request.target = Some(Target::Token(tokens[1].clone()));
    request.token_scope = TokenScope::Token.into();
    server.client().await.record_logout(request).await.unwrap();
    for token in &tokens {
        assert_eq!(server.verdict(token).await, Verdict::TokenRevoked);
    }
}
