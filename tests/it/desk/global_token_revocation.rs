//! Global Token Revocation: what an identity provider sends, what it is answered, and what is in force then.

use curfew::{
    token::{Algorithm, Minter, Signer},
    transport::grpc::pb::{self, LogoutReason, Verdict},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{changed, said, server_with, session_token};
use crate::support::{AUDIENCE, ISSUER, Server, unix_seconds};

/// The URL of the endpoint, as the world knows it.
pub(super) const ENDPOINT: &str = "https://curfew.example/global-token-revocation";

/// The lines for an issuer that may ask.
pub(super) const REVOCATION: &str = "[issuer.global_token_revocation]\nendpoint = \"https://curfew.example/global-token-revocation\"\ncallers = [\"okta-app\"]\n";

/// The claims of a caller's good token with these changes; null takes one away.
pub(super) fn caller_claims(changes: &Value) -> Value {
    let now = unix_seconds();
    let claims =
        json!({"iss": ISSUER, "sub": "okta-app", "aud": ENDPOINT, "iat": now, "exp": now + 300, "jti": "call-1"});
    changed(claims, changes)
}

/// The body that names a user of the issuer.
pub(super) fn user(subject: &str) -> Value {
    json!({"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": subject}})
}

impl Server {
    /// A caller's token, signed as the issuer signs.
    pub(super) fn caller(&self, changes: &Value) -> String {
        self.signed_as(Some("JWT"), &caller_claims(changes))
    }

    /// Asks with this token.
    pub(super) async fn revoke_all(&self, raw_token: &str, body: &Value) -> Response {
        self.revoke_with(&[&format!("Bearer {raw_token}")], &body.to_string()).await
    }

    /// Asks with these headers `Authorization`.
    async fn revoke_with(&self, authorization: &[&str], body: &str) -> Response {
        let mut request =
            Client::new().post(self.at("/global-token-revocation")).header("content-type", "application/json");
        for value in authorization {
            request = request.header("authorization", *value);
        }
        request.body(body.to_owned()).send().await.unwrap()
    }
}

#[tokio::test]
async fn all_of_a_user_s_tokens_end_and_the_user_must_authenticate_again() {
    let server = server_with(&format!("session_claim = \"sid\"\nreauthenticate = false\n{REVOCATION}").leak()[..]);
    let tokens = [("ann", "s1"), ("ann", "s2")].map(|(subject, session)| session_token(&server, subject, session));
    let somebody = session_token(&server, "bob", "s3");
    let response = server.revoke_all(&server.caller(&json!({})), &user("ann")).await;
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.text().await.unwrap(), "");
    for token in &tokens {
        assert_eq!(server.verdict(token).await, Verdict::SubjectLoggedOut);
    }
    assert_eq!(server.verdict(&somebody).await, Verdict::Valid);
    // A token that was refreshed since goes back to the same login; one of a new login does not.
    let later = unix_seconds() + 5;
    let token = |authenticated: i64| {
        let claims = json!({
            "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": later, "exp": later + 60, "auth_time": authenticated
        });
        server.minter.sign(&claims).unwrap()
    };
    assert_eq!(server.verdict(&token(later - 3600)).await, Verdict::SubjectLoggedOut);
    assert_eq!(server.verdict(&token(later)).await, Verdict::Valid);
    let request = pb::GetLastLogoutRequest { subject: "ann".to_owned(), ..Default::default() };
    let last = server.client().await.get_last_logout(request).await.unwrap().into_inner();
    assert_eq!(last.reason(), LogoutReason::Administrator);
}

#[tokio::test]
async fn a_caller_who_does_not_show_who_it_is_is_not_let_in() {
    let server = server_with(REVOCATION);
    let before = session_token(&server, "ann", "s1");
    let now = unix_seconds();
    let good = caller_claims(&json!({}));
    let stranger = Minter::generate("k1").unwrap();
    let stranger = Signer::from_pem(Algorithm::Es256, stranger.private_pem().as_bytes(), Some("k1")).unwrap();
    let public = server.minter.jwks().to_string();
    let hs256 = Signer::from_pem(Algorithm::Hs256, public.as_bytes(), Some("k1")).unwrap();
    let part = super::super::vectors::keys::encode;
    let cases = [
        ("no aud", server.caller(&json!({"aud": null})), "audience"),
        ("a slash more", server.caller(&json!({"aud": format!("{ENDPOINT}/")})), "audience"),
        ("a query", server.caller(&json!({"aud": format!("{ENDPOINT}?a=b")})), "audience"),
        ("the host alone", server.caller(&json!({"aud": "https://curfew.example"})), "audience"),
        ("the audience of access tokens", server.caller(&json!({"aud": AUDIENCE})), "audience"),
        ("for others, too", server.caller(&json!({"aud": [ENDPOINT, "https://else.example"]})), "audience"),
        ("another caller", server.caller(&json!({"sub": "somebody"})), "callers"),
        ("no caller", server.caller(&json!({"sub": null})), "sub"),
        ("no jti", server.caller(&json!({"jti": null})), "jti"),
        ("no iat", server.caller(&json!({"iat": null})), "iat"),
        ("no exp", server.caller(&json!({"exp": null})), "exp"),
        ("expired", server.caller(&json!({"iat": now - 300, "exp": now - 60})), "expired"),
        ("for a day", server.caller(&json!({"exp": now + 86_400})), "holds for"),
        ("from the future", server.caller(&json!({"iat": now + 120, "exp": now + 300})), "clocks"),
        ("another issuer", server.caller(&json!({"iss": "https://else.example"})), "else.example"),
        ("no issuer", server.caller(&json!({"iss": null})), "iss"),
        ("by somebody else", stranger.sign(&good).unwrap(), "signature"),
        ("by the public key", hs256.sign(&good).unwrap(), "HS256"),
        ("unsigned", format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&good.to_string())), "none"),
        ("typ at+jwt", server.signed_as(Some("at+jwt"), &good), "typ"),
        ("typ secevent+jwt", server.signed_as(Some("secevent+jwt"), &good), "typ"),
        ("typ logout+jwt", server.signed_as(Some("logout+jwt"), &good), "typ"),
        ("an event", server.caller(&json!({"events": {}})), "events"),
        ("no token", "x".to_owned(), "part"),
    ];
    for (name, raw_token, expected) in cases {
        let response = server.revoke_all(&raw_token, &user("ann")).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer error=\"invalid_token\"", "{name}");
        let (status, error, why) = said(response).await;
        assert_eq!((status, error.as_str()), (401, "invalid_token"), "{name}: {why}");
        assert!(why.to_lowercase().contains(&expected.to_lowercase()), "{name}: {why}");
        assert!(!why.contains("eyJ"), "{name}: the token is in the answer: {why}");
    }
    let bearer = format!("Bearer {}", server.caller(&json!({})));
    let basic = bearer.replace("Bearer", "Basic");
    for headers in [&[][..], &[basic.as_str()], &["Bearer"], &[&bearer, &bearer]] {
        let response = server.revoke_with(headers, &user("ann").to_string()).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(said(response).await.0, 401);
    }
    assert_eq!(server.verdict(&before).await, Verdict::Valid);
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn a_caller_s_token_is_good_for_one_request() {
    let server = server_with(REVOCATION);
    let once = server.caller(&json!({}));
    assert_eq!(server.revoke_all(&once, &user("ann")).await.status(), 204);
    for body in [user("ann"), user("bob")] {
        let (status, _, why) = said(server.revoke_all(&once, &body).await).await;
        assert!(status == 401 && why.contains("used before"), "{status}: {why}");
    }
    // Also where many come at once.
    let crowd = server.caller(&json!({"jti": "call-2"}));
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        let request = Client::new().post(server.at("/global-token-revocation"));
        let request = request.header("content-type", "application/json").bearer_auth(&crowd);
        asking.spawn(request.body(user("cid").to_string()).send());
    }
    let mut answers: Vec<u16> = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.push(answer.unwrap().unwrap().status().as_u16());
    }
    answers.sort_unstable();
    assert_eq!((answers[0], answers[1], answers[19]), (204, 401, 401), "{answers:?}");
}

#[tokio::test]
async fn whom_the_request_names_must_be_understood_and_the_caller_s() {
    let server = server_with(REVOCATION);
    let before = session_token(&server, "ann", "s1");
    let subject = |sub_id: Value| json!({ "sub_id": sub_id }).to_string();
    let foreign = subject(json!({"format": "iss_sub", "iss": "https://else.example", "sub": "ann"}));
    let mut more = user("ann");
    more["zzz"] = json!(1);
    let cases = [
        (foreign, 403, "not this one"),
        (subject(json!({"format": "email", "email": "ann"})), 400, "email = "),
        (subject(json!({"format": "opaque", "id": "ann"})), 400, "opaque = "),
        (subject(json!({"format": "phone_number", "phone_number": "+1"})), 400, "phone_number"),
        (subject(json!({"format": "jwt_id", "iss": ISSUER, "jti": "x"})), 400, "not a user"),
        (subject(json!({"format": "complex", "user": {"format": "opaque", "id": "x"}})), 400, "complex"),
        (subject(json!({"format": "iss_sub", "iss": ISSUER})), 400, "sub"),
        (subject(json!({})), 400, "format"),
        (subject(json!("ann")), 400, "not an object"),
        (more.to_string(), 400, "no other"),
        ("{}".to_owned(), 400, "sub_id"),
        ("[]".to_owned(), 400, "JSON"),
        ("{".to_owned(), 400, "JSON"),
        (String::new(), 400, "JSON"),
        (json!({"subject": user("ann")["sub_id"]}).to_string(), 400, "sub_id"),
        (format!("{{\"sub_id\":{0},\"sub_id\":{0}}}", user("ann")["sub_id"]), 400, "twice"),
    ];
    for (number, (body, expected, text)) in cases.into_iter().enumerate() {
        let bearer = format!("Bearer {}", server.caller(&json!({"jti": number.to_string()})));
        let (status, _, why) = said(server.revoke_with(&[&bearer], &body).await).await;
        assert!(status == expected && why.contains(text), "{body}: {status} {why}");
    }
    let (status, _, why) =
        said(server.post("/global-token-revocation", "text/plain", user("ann").to_string()).await).await;
    assert!(status == 400 && why.contains("application/json"), "{why}");
    let long = "x".repeat(9 * 1024);
    assert_eq!(server.post("/global-token-revocation", "application/json", long).await.status(), 413);
    assert_eq!(server.verdict(&before).await, Verdict::Valid);
}

#[tokio::test]
async fn other_names_are_understood_where_that_is_configured() {
    let lines = format!("{REVOCATION}opaque = \"subject\"\nemail = \"subject\"\nlegacy_subject = true\n");
    let server = server_with(lines.leak());
    for (subject, body) in [
        ("ann", json!({"sub_id": {"format": "opaque", "id": "ann"}})),
        ("bob@b.example", json!({"sub_id": {"format": "email", "email": "bob@b.example"}})),
        ("cid", json!({"subject": {"format": "iss_sub", "iss": ISSUER, "sub": "cid"}})),
        ("dan", user("dan")),
    ] {
        let before = session_token(&server, subject, "s");
        assert_eq!(server.revoke_all(&server.caller(&json!({"jti": subject})), &body).await.status(), 204, "{body}");
        assert_eq!(server.verdict(&before).await, Verdict::SubjectLoggedOut, "{body}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_not_configured_for_it_may_not_ask() {
    let server = server_with("");
    let (status, _, why) = said(server.revoke_all(&server.caller(&json!({})), &user("ann")).await).await;
    assert!(status == 401 && why.contains("global_token_revocation"), "{status}: {why}");
}

#[tokio::test]
async fn a_revoked_key_lets_nobody_in() {
    let server = server_with(REVOCATION);
    let key = pb::Key { issuer: "op".to_owned(), kid: "k1".to_owned() };
    let request = pb::RecordLogoutRequest {
        target: Some(pb::record_logout_request::Target::Key(key)),
        reason: LogoutReason::Compromise.into(),
        ..Default::default()
    };
    server.client().await.record_logout(request).await.unwrap();
    let (status, _, why) = said(server.revoke_all(&server.caller(&json!({})), &user("ann")).await).await;
    assert!(status == 401 && why.contains("key"), "{status}: {why}");
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_our_trouble() {
    let lines = format!(
        "[[issuer]]\nname = \"down\"\nissuer = \"https://down.example\"\naudiences = [\"x\"]\nalgorithms = [\"ES256\"]\n\
         keys = {{ jwks_url = \"http://127.0.0.1:1/\" }}\n{REVOCATION}"
    );
    let server = server_with(lines.leak());
    let response = server.revoke_all(&server.caller(&json!({"iss": "https://down.example"})), &user("ann")).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, error, why) = said(response).await;
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{why}");
}

#[tokio::test]
async fn what_was_answered_is_on_disk() {
    let mut server = server_with(REVOCATION);
    for number in 0..5 {
        let subject = format!("user-{number}");
        let before = session_token(&server, &subject, "s");
        assert_eq!(server.revoke_all(&server.caller(&json!({"jti": subject})), &user(&subject)).await.status(), 204);
        server.kill();
        server.restart();
        assert_eq!(server.verdict(&before).await, Verdict::SubjectLoggedOut);
    }
}
