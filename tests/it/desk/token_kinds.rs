//! No token passes as one of another kind: every kind at every door, all signed with one key and good for their own.

use curfew::transport::grpc::pb::Verdict;
use serde_json::json;

use super::{
    global_token_revocation::{REVOCATION, caller_claims, user},
    logout_claims,
    security_events::{EVENTS, event_claims},
    server_with, session_token, verdict_on,
};
use crate::support::{AUDIENCE, ISSUER, Server, unix_seconds};

/// The doors, in the order of the columns below.
const DOORS: [&str; 4] = ["ValidateToken", "backchannel-logout", "ssf/events", "global-token-revocation"];

/// An issuer of which everything is taken, and which does not insist on a logout token's `typ`.
fn everything() -> Server {
    server_with(format!("{EVENTS}[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n{REVOCATION}").leak())
}

/// At which doors a token passes.
async fn passes(server: &Server, raw_token: &str) -> [bool; 4] {
    [
        verdict_on(server, raw_token).await == Verdict::Valid,
        server.send_logout_token(raw_token).await.status() == 200,
        server.push(raw_token).await.status() == 202,
        server.revoke_all(raw_token, &user("zoe")).await.status() == 204,
    ]
}

#[tokio::test]
async fn every_kind_passes_its_own_door_and_no_other() {
    let server = everything();
    let now = unix_seconds();
    let access = json!({
        "iss": ISSUER, "sub": "bob", "aud": AUDIENCE, "iat": now - 60, "exp": now + 60, "jti": "a", "client_id": "web",
        "scope": "openid"
    });
    let id = json!({
        "iss": ISSUER, "sub": "bob", "aud": "web", "iat": now - 60, "exp": now + 60, "jti": "i", "nonce": "n",
        "auth_time": now - 60, "sid": "s"
    });
    let (logout, caller) = (logout_claims(&json!({})), caller_claims(&json!({})));
    // Null takes what is not given: every token has a `jti` of its own, so that none is refused as one that was used.
    let event = event_claims(&json!({}));
    for (name, raw_token, expected) in [
        ("an access token", server.signed_as(Some("at+jwt"), &access), [true, false, false, false]),
        ("an older access token", server.signed_as(Some("JWT"), &access), [true, false, false, false]),
        ("an access token without typ", server.signed_as(None, &access), [true, false, false, false]),
        ("an ID token", server.signed_as(Some("JWT"), &id), [false; 4]),
        ("an ID token without typ", server.signed_as(None, &id), [false; 4]),
        ("a logout token", server.signed_as(Some("logout+jwt"), &logout), [false, true, false, false]),
        ("an older logout token", server.signed_as(Some("JWT"), &logout), [false, true, false, false]),
        ("a security event token", server.signed_as(Some("secevent+jwt"), &event), [false, false, true, false]),
        ("a caller's token", server.signed_as(Some("JWT"), &caller), [false, false, false, true]),
        (
            "a caller's token without typ",
            { server.signed_as(None, &caller_claims(&json!({"jti": "call-2"}))) },
            [false, false, false, true],
        ),
    ] {
        let found = passes(&server, &raw_token).await;
        for ((door, found), expected) in DOORS.iter().zip(found).zip(expected) {
            assert_eq!(found, expected, "{name} at {door}");
        }
    }
}

#[tokio::test]
async fn not_even_with_the_audience_of_another() {
    // An issuer that has one name for everything: the API, the client, and the receiver of events.
    let server = server_with(
        "session_claim = \"sid\"\n[issuer.backchannel_logout]\nclient_ids = [\"https://api.example\"]\n\
         [issuer.security_events]\naudiences = [\"https://api.example\"]\n[issuer.global_token_revocation]\nendpoint = \
         \"https://curfew.example/global-token-revocation\"\ncallers = [\"bob\"]\n",
    );
    let now = unix_seconds();
    let all = |aud: &str| {
        json!({
            "iss": ISSUER, "sub": "bob", "aud": aud, "iat": now - 60, "exp": now + 60, "jti": format!("all-{aud}"),
            "sid": "s"
        })
    };
    let access = all(AUDIENCE);
    for media_type in [Some("at+jwt"), Some("JWT"), None] {
        let expected = [true, false, false, false];
        assert_eq!(passes(&server, &server.signed_as(media_type, &access)).await, expected, "{media_type:?}");
    }
    // What all kinds say together is none of them, but for the types that are one kind's alone.
    let mut everything = access.clone();
    everything["events"] = json!({
        "http://schemas.openid.net/event/backchannel-logout": {},
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}
    });
    everything["sub_id"] = json!({"format": "iss_sub", "iss": ISSUER, "sub": "bob"});
    everything["nonce"] = json!("n");
    for media_type in [Some("secevent+jwt"), Some("logout+jwt"), Some("x+jwt")] {
        assert_eq!(passes(&server, &server.signed_as(media_type, &everything)).await, [false; 4], "{media_type:?}");
    }
    // A security event without `sub` is not a logout token, though it has a session; nor the other way round.
    let still = session_token(&server, "bob", "s");
    assert_eq!(verdict_on(&server, &still).await, Verdict::Valid);
}
