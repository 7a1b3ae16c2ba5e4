//! Logouts that are known to the second, of tokens that are known to the second: whatever happens within one, the last-logout
//! claim tells them apart.

use curfew::transport::grpc::pb::{self, Verdict};
use serde_json::{Value, json};

use super::server_with;
use crate::support::{AUDIENCE, ISSUER, Server, logout_of, unix_seconds};

const CLAIM: &str = "https://curfew.example/last_logout";

const LINES: &str = "last_logout_claim = \"https://curfew.example/last_logout\"\n\
    [issuer.backchannel_logout]\nclient_ids = [\"web\"]\n\
    [issuer.security_events]\naudiences = [\"https://curfew.example\"]\n";

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// The token of a login at this moment: it has the last logout as Curfew tells it.
async fn login(server: &Server) -> String {
    let request = pb::GetLastLogoutRequest { subject: "ann".to_owned(), ..Default::default() };
    let last = server.client().await.get_last_logout(request).await.unwrap().into_inner();
    let claim = match last.claim_value.and_then(|value| value.kind) {
        Some(prost_types::value::Kind::StringValue(claim)) => Value::String(claim),
        _ => Value::Null,
    };
    let now = unix_seconds();
    let claims = json!({"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now, "exp": now + 3600, CLAIM: claim});
    server.minter.sign(&claims).unwrap()
}

/// A logout of ann, in another way each time: told by the provider, told by a transmitter with and without a time of its
/// own, and stamped by Curfew.
async fn logout(server: &Server, number: usize) {
    let event = |body: Value| {
        let changes = json!({"jti": format!("event-{number}"), "events": { SESSION_REVOKED: body }});
        server.security_event(&changes)
    };
    match number % 7 {
        0 | 1 => {
            let raw_token = server.logout_token(&json!({"jti": format!("logout-{number}")}));
            assert_eq!(server.send_logout_token(&raw_token).await.status(), 200);
        }
        2 | 3 => assert_eq!(server.push(&event(json!({}))).await.status(), 202),
        4 | 5 => {
            let body = json!({"event_timestamp": unix_seconds()});
            assert_eq!(server.push(&event(body)).await.status(), 202);
        }
        _ => drop(server.client().await.record_logout(logout_of("ann")).await.unwrap()),
    }
}

#[tokio::test]
async fn no_fresh_login_is_refused_and_none_before_the_next_logout_is_honoured() {
    let server = server_with(LINES);
    let mut before = login(&server).await;
    for number in 0..14 {
        logout(&server, number).await;
        assert_eq!(server.verdict(&before).await, Verdict::SubjectLoggedOut, "logout {number}");
        before = login(&server).await;
        assert_eq!(server.verdict(&before).await, Verdict::Valid, "login after logout {number}");
    }
}

#[tokio::test]
async fn a_provider_whose_clock_is_ahead_still_logs_out_whom_it_let_in_before() {
    let server = server_with(LINES);
    let ahead = unix_seconds() + 5;
    let claims = json!({"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": ahead, "exp": ahead + 3600});
    let before = server.minter.sign(&claims).unwrap();
    assert_eq!(server.verdict(&before).await, Verdict::Valid);
    assert_eq!(server.send_logout_token(&server.logout_token(&json!({"iat": ahead}))).await.status(), 200);
    assert_eq!(server.verdict(&before).await, Verdict::SubjectLoggedOut);
}
