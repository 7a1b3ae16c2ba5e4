//! OpenID Connect Back-Channel Logout 1.0: what a provider sends, what it is answered, and what is in force then.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use curfew::{
    token::{Algorithm, Signer},
    transport::grpc::pb::{self, Verdict},
};
use serde_json::{Value, json};

use super::{logout_claims, said, server, server_with};
use crate::support::{AUDIENCE, ISSUER, Server, logout_of, unix_seconds};

/// An access token of a subject in a session, issued a minute ago.
fn token(server: &Server, subject: &str, session: &str) -> String {
    let now = unix_seconds();
    let claims =
        json!({"iss": ISSUER, "sub": subject, "sid": session, "aud": AUDIENCE, "iat": now - 60, "exp": now + 3600});
    server.minter.sign(&claims).unwrap()
}

async fn verdict(server: &Server, token: &str) -> Verdict {
    let request = pb::ValidateTokenRequest { token: token.to_owned(), ..Default::default() };
    server.client().await.validate_token(request).await.unwrap().into_inner().verdict()
}

#[tokio::test]
async fn a_session_that_ended_at_the_provider_is_over_and_no_other() {
    let server = server();
    let [ended, other, somebody] =
        [("ann", "s1"), ("ann", "s2"), ("bob", "s3")].map(|(subject, session)| token(&server, subject, session));
    let answer = server.send_logout_token(&server.logout_token(&json!({"sid": "s1"}))).await;
    assert_eq!(said(answer).await, (200, String::new(), String::new()));
    assert_eq!(verdict(&server, &ended).await, Verdict::SessionLoggedOut);
    assert_eq!(verdict(&server, &other).await, Verdict::Valid);
    // Without a session, all of the user's are.
    let answer = server.send_logout_token(&server.logout_token(&json!({"jti": "logout-2"}))).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(verdict(&server, &other).await, Verdict::SubjectLoggedOut);
    assert_eq!(verdict(&server, &somebody).await, Verdict::Valid);
}

#[tokio::test]
async fn a_session_alone_cannot_be_enforced_where_tokens_do_not_carry_it() {
    let server = server_with("[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n");
    let before = token(&server, "ann", "s1");
    let (status, error, why) =
        said(server.send_logout_token(&server.logout_token(&json!({"sid": "s1", "sub": null}))).await).await;
    assert_eq!((status, error.as_str()), (400, "invalid_request"));
    assert!(why.contains("session_claim"), "{why}");
    assert_eq!(verdict(&server, &before).await, Verdict::Valid);
    // With its subject, it is the subject's.
    assert_eq!(server.send_logout_token(&server.logout_token(&json!({"sid": "s1"}))).await.status(), 200);
    assert_eq!(verdict(&server, &before).await, Verdict::SubjectLoggedOut);
}

#[tokio::test]
async fn the_event_s_own_time_counts() {
    let server = server();
    let minute_ago = unix_seconds() - 60;
    let after = server.token("ann");
    let logout = server.logout_token(&json!({"iat": minute_ago}));
    assert_eq!(server.send_logout_token(&logout).await.status(), 200);
    // Whoever logged in since is not logged out by news that came late.
    assert_eq!(verdict(&server, &after).await, Verdict::Valid);
    let request = pb::GetLastLogoutRequest { subject: "ann".to_owned(), ..Default::default() };
    let last = server.client().await.get_last_logout(request).await.unwrap().into_inner();
    assert_eq!(last.last_logout_time.unwrap().seconds, minute_ago);
    assert_eq!(last.reason(), pb::LogoutReason::ProviderLogout);
}

#[tokio::test]
async fn what_does_not_hold_changes_nothing() {
    let server = server();
    let before = token(&server, "ann", "s1");
    let now = unix_seconds();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = logout_claims(&json!({}));
    let public = server.minter.jwks().to_string();
    let hs256 = Signer::from_pem(Algorithm::Hs256, public.as_bytes(), Some("k1")).unwrap();
    let stranger = curfew::token::Minter::generate("k1").unwrap();
    let stranger = Signer::from_pem(Algorithm::Es256, stranger.private_pem().as_bytes(), Some("k1")).unwrap();
    let cases = [
        ("a nonce", server.logout_token(&json!({"nonce": "n"})), "nonce"),
        ("nobody", server.logout_token(&json!({"sub": null})), "neither sub nor sid"),
        ("another audience", server.logout_token(&json!({"aud": AUDIENCE})), "aud"),
        ("another issuer", server.logout_token(&json!({"iss": "https://else.example"})), "else.example"),
        ("no issuer", server.logout_token(&json!({"iss": null})), "iss"),
        ("events in a list", server.logout_token(&json!({"events": [super::EVENT]})), "events"),
        ("no event", server.logout_token(&json!({"events": {}})), "events"),
        ("expired", server.logout_token(&json!({"iat": now - 300, "exp": now - 120})), "expired"),
        ("too old", server.logout_token(&json!({"iat": now - 300, "exp": null})), "without exp"),
        ("from the future", server.logout_token(&json!({"iat": now + 300})), "clocks"),
        ("milliseconds", server.logout_token(&json!({"iat": now * 1000})), "milliseconds"),
        ("no jti", server.logout_token(&json!({"jti": null})), "jti"),
        ("an access token", server.minter.sign(&claims).unwrap(), "typ"),
        ("the user's own token", before.clone(), "typ"),
        ("unsigned", format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims)), "none"),
        ("signed with the public key", hs256.sign(&claims).unwrap(), "HS256"),
        ("signed by somebody else", stranger.sign(&claims).unwrap(), "signature"),
        ("no token", "x".to_owned(), "part"),
        (
            "deep JSON",
            format!("{}.{}.x", part(&json!({"alg": "ES256"})), URL_SAFE_NO_PAD.encode("[".repeat(5000))),
            "payload",
        ),
    ];
    for (name, raw_token, expected) in cases {
        let (status, error, why) = said(server.send_logout_token(&raw_token).await).await;
        assert_eq!((status, error.as_str()), (400, "invalid_request"), "{name}: {why}");
        assert!(why.to_lowercase().contains(&expected.to_lowercase()), "{name}: {why}");
        assert!(!why.contains("eyJ"), "{name}: the token is in the answer: {why}");
    }
    assert_eq!(verdict(&server, &before).await, Verdict::Valid);
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn the_type_can_be_insisted_on() {
    let server = server_with("[issuer.backchannel_logout]\nclient_ids = [\"web\"]\nstrict_type = true\n");
    let (status, _, why) = said(server.send_logout_token(&server.logout_token(&json!({}))).await).await;
    assert!(status == 400 && why.contains("logout+jwt"), "{why}");
}

#[tokio::test]
async fn an_issuer_that_is_not_configured_for_it_logs_nobody_out() {
    let server = server_with("");
    let (status, _, why) = said(server.send_logout_token(&server.logout_token(&json!({}))).await).await;
    assert!(status == 400 && why.contains("backchannel_logout"), "{why}");
}

#[tokio::test]
async fn a_token_that_comes_again_is_taken_and_changes_nothing() {
    let server = server();
    let logout = server.logout_token(&json!({}));
    for _ in 0..3 {
        assert_eq!(server.send_logout_token(&logout).await.status(), 200);
    }
    let recorded = server.client().await.record_logout(logout_of("bob")).await.unwrap().into_inner();
    assert_eq!(recorded.revision, 2, "it was recorded once");
    assert!(server.log().contains("came again"));
}

#[tokio::test]
async fn a_revoked_key_logs_nobody_out() {
    let server = server();
    let before = token(&server, "ann", "s1");
    let key = pb::Key { issuer: "op".to_owned(), kid: "k1".to_owned() };
    let request = pb::RecordLogoutRequest {
        target: Some(pb::record_logout_request::Target::Key(key)),
        reason: pb::LogoutReason::Compromise.into(),
        ..Default::default()
    };
    server.client().await.record_logout(request).await.unwrap();
    let (status, _, why) = said(server.send_logout_token(&server.logout_token(&json!({}))).await).await;
    assert!(status == 400 && why.contains("key"), "{why}");
    assert_eq!(verdict(&server, &before).await, Verdict::KeyRevoked);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_our_trouble() {
    let server = server_with(
        "[[issuer]]\nname = \"down\"\nissuer = \"https://down.example\"\naudiences = [\"x\"]\nalgorithms = [\"ES256\"]\n\
         keys = { jwks_url = \"http://127.0.0.1:1/\" }\n[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n",
    );
    let response = server.send_logout_token(&server.logout_token(&json!({"iss": "https://down.example"}))).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, error, why) = said(response).await;
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{why}");
}

#[tokio::test]
async fn what_was_answered_is_on_disk() {
    let mut server = server();
    for number in 0..5 {
        let subject = format!("user-{number}");
        let before = token(&server, &subject, "s");
        let changes = json!({"sub": subject, "jti": subject});
        assert_eq!(server.send_logout_token(&server.logout_token(&changes)).await.status(), 200);
        server.kill();
        server.restart();
        assert_eq!(verdict(&server, &before).await, Verdict::SubjectLoggedOut);
    }
}
