//! Shared Signals, pushed (RFC 8935): what a transmitter sends, what it is answered, and what is in force then.

use curfew::{
    token::{Algorithm, Minter, Signer},
    transport::grpc::pb::{self, LogoutReason, Verdict},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::{HTTP, changed, server_with, session_token, transmitter::Transmitter, verdict_on};
use crate::support::{AUDIENCE, ISSUER, Server, Setup, logout_of, unix_seconds};

/// Who Curfew is to the transmitter.
pub(super) const RECEIVER: &str = "https://curfew.example";

/// The lines for an issuer whose tokens carry their session, and whose security events are taken.
pub(super) const EVENTS: &str =
    "session_claim = \"sid\"\n[issuer.security_events]\naudiences = [\"https://curfew.example\"]\n";

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type";

/// A subject of the issuer, as an event names it.
pub(super) fn named(subject: &str) -> Value {
    json!({"format": "iss_sub", "iss": ISSUER, "sub": subject})
}

fn opaque(id: &str) -> Value {
    json!({"format": "opaque", "id": id})
}

/// The claims of a good security event token with these changes; null takes one away.
pub(super) fn event_claims(changes: &Value) -> Value {
    let claims = json!({
        "iss": ISSUER, "aud": RECEIVER, "iat": unix_seconds(), "jti": "event-1", "txn": "t", "sub_id": named("ann"),
        "events": { (format!("{CAEP}/session-revoked")): {"initiating_entity": "policy"} }
    });
    changed(claims, changes)
}

impl Server {
    /// A security event token, signed as the issuer signs.
    pub(super) fn security_event(&self, changes: &Value) -> String {
        self.signed_as(Some("secevent+jwt"), &event_claims(changes))
    }

    /// One of this event.
    fn event(&self, uri: &str, body: &Value, changes: &Value) -> String {
        let mut changes = changes.clone();
        changes["events"] = json!({ (uri): body });
        self.security_event(&changes)
    }

    pub(super) async fn push(&self, raw_token: &str) -> Response {
        self.post("/ssf/events", "application/secevent+jwt", raw_token.to_owned()).await
    }

    /// Pushes one that is to be taken.
    async fn push_good(&self, raw_token: &str) {
        let response = self.push(raw_token).await;
        assert_eq!(response.status(), 202);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.text().await.unwrap(), "");
    }

    /// Pushes one that is to be refused; the error and what is said of it.
    async fn push_bad(&self, raw_token: &str) -> (String, String) {
        refused(self.push(raw_token).await).await
    }

    /// How often an event could not become a logout.
    fn kept(&self) -> usize {
        self.log().matches("could not become a logout").count()
    }
}

/// The error and the description of a refusal, which has the form that the standard asks for.
pub(super) async fn refused(response: Response) -> (String, String) {
    if response.status() != 400 {
        panic!("{}: {}", response.status(), response.text().await.unwrap());
    }
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["content-language"], "en");
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    (field("err"), field("description"))
}

async fn last_logout(server: &Server, subject: &str) -> pb::GetLastLogoutResponse {
    let request = pb::GetLastLogoutRequest { subject: subject.to_owned(), ..Default::default() };
    server.client().await.get_last_logout(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_revoked_session_is_over_and_no_other_and_a_user_s_all_are() {
    let server = server_with(EVENTS);
    let [ended, other, somebody] = [("ann", "s1"), ("ann", "s2"), ("bob", "s3")]
        .map(|(subject, session)| session_token(&server, subject, session));
    // As CAEP's own example has it, with the tenant that the session is of.
    let sub_id = json!({"format": "complex", "session": opaque("s1"), "user": named("ann"), "tenant": opaque("t1")});
    server.push_good(&server.security_event(&json!({"sub_id": sub_id}))).await;
    assert_eq!(verdict_on(&server, &ended).await, Verdict::SessionLoggedOut);
    assert_eq!(verdict_on(&server, &other).await, Verdict::Valid);
    server.push_good(&server.security_event(&json!({"jti": "event-2"}))).await;
    assert_eq!(verdict_on(&server, &other).await, Verdict::SubjectLoggedOut);
    assert_eq!(verdict_on(&server, &somebody).await, Verdict::Valid);
}

#[tokio::test]
async fn each_event_is_recorded_for_its_reason_at_its_time() {
    let server = server_with(EVENTS);
    let happened = unix_seconds() - 30;
    let change = json!({"credential_type": "password", "change_type": "update"});
    for (number, (uri, body, reason)) in [
        (format!("{CAEP}/session-revoked"), json!({}), LogoutReason::ProviderLogout),
        (format!("{CAEP}/session-revoked"), json!({"initiating_entity": "admin"}), LogoutReason::Administrator),
        (format!("{RISC}/sessions-revoked"), json!({}), LogoutReason::ProviderLogout),
        (format!("{CAEP}/credential-change"), change, LogoutReason::CredentialChange),
        (format!("{RISC}/account-disabled"), json!({"reason": "hijacking"}), LogoutReason::AccountDisabled),
        (format!("{RISC}/account-purged"), json!({}), LogoutReason::AccountDisabled),
        (format!("{RISC}/credential-compromise"), json!({"credential_type": "pin"}), LogoutReason::Compromise),
    ]
    .into_iter()
    .enumerate()
    {
        let subject = format!("user-{number}");
        let (before, after) = (session_token(&server, &subject, "s"), server.token(&subject));
        let body = changed(body, &json!({"event_timestamp": happened}));
        let changes = json!({"jti": subject, "sub_id": named(&subject)});
        server.push_good(&server.event(&uri, &body, &changes)).await;
        assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut, "{uri}");
        // Whoever logged in since is not logged out by news that came late.
        assert_eq!(verdict_on(&server, &after).await, Verdict::Valid, "{uri}");
        let last = last_logout(&server, &subject).await;
        assert_eq!((last.last_logout_time.unwrap().seconds, last.reason()), (happened, reason), "{uri}");
    }
}

#[tokio::test]
async fn without_a_time_of_its_own_an_event_happened_when_it_was_issued() {
    let server = server_with(EVENTS);
    let minute_ago = unix_seconds() - 60;
    server.push_good(&server.security_event(&json!({"iat": minute_ago}))).await;
    assert_eq!(last_logout(&server, "ann").await.last_logout_time.unwrap().seconds, minute_ago);
}

#[tokio::test]
async fn events_that_log_nobody_out_are_acknowledged() {
    let server = server_with(EVENTS);
    let before = session_token(&server, "ann", "s1");
    let create = json!({"credential_type": "app", "change_type": "create"});
    for (number, (uri, body)) in [
        (format!("{CAEP}/credential-change"), create),
        (format!("{CAEP}/token-claims-change"), json!({"claims": {"role": "x"}})),
        (format!("{RISC}/account-enabled"), json!({})),
        ("https://else.example/event".to_owned(), json!({"x": [1]})),
        (format!("{SSF}/stream-updated"), json!({"status": "paused", "reason": "maintenance"})),
    ]
    .into_iter()
    .enumerate()
    {
        server.push_good(&server.event(&uri, &body, &json!({"jti": number.to_string()}))).await;
    }
    assert_eq!(verdict_on(&server, &before).await, Verdict::Valid);
    assert_eq!(server.kept(), 0);
    assert!(server.log().contains("paused"), "whoever runs it should know");
}

#[tokio::test]
async fn what_does_not_hold_is_refused_by_its_code_and_changes_nothing() {
    let server = server_with(EVENTS);
    let before = session_token(&server, "ann", "s1");
    let now = unix_seconds();
    let session_revoked = format!("{CAEP}/session-revoked");
    let at = |time: Value| json!({"events": { (&session_revoked): {"event_timestamp": time} }});
    let stranger = Minter::generate("k1").unwrap();
    let sign = |pem: &str, key: &str| {
        let signer = Signer::from_pem(Algorithm::Es256, pem.as_bytes(), Some(key)).unwrap();
        signer.typed(Some("secevent+jwt")).sign(&event_claims(&json!({}))).unwrap()
    };
    let public = server.minter.jwks().to_string();
    let hs256 = Signer::from_pem(Algorithm::Hs256, public.as_bytes(), Some("k1")).unwrap().typed(Some("secevent+jwt"));
    let good = event_claims(&json!({}));
    let part = super::super::vectors::keys::encode;
    let none = format!("{}.{}.", part(r#"{"alg":"none","typ":"secevent+jwt"}"#), part(&good.to_string()));
    let cases = [
        ("sub", server.security_event(&json!({"sub": "ann"})), "invalid_request", "claim sub"),
        ("exp", server.security_event(&json!({"exp": now + 60})), "invalid_request", "claim exp"),
        (
            "two events",
            server.security_event(
                &json!({"events": { (&session_revoked): {}, (format!("{RISC}/account-disabled")): {} }}),
            ),
            "invalid_request",
            "more than one event",
        ),
        ("no event", server.security_event(&json!({"events": {}})), "invalid_request", "no event"),
        ("a list of events", server.security_event(&json!({"events": [session_revoked]})), "invalid_request", "events"),
        ("typ JWT", server.signed_as(Some("JWT"), &good), "invalid_request", "typ"),
        ("typ at+jwt", server.signed_as(Some("at+jwt"), &good), "invalid_request", "typ"),
        ("no typ", server.signed_as(None, &good), "invalid_request", "typ"),
        (
            "another issuer",
            server.security_event(&json!({"iss": "https://else.example"})),
            "invalid_issuer",
            "else.example",
        ),
        ("no issuer", server.security_event(&json!({"iss": null})), "invalid_request", "iss"),
        ("another audience", server.security_event(&json!({"aud": AUDIENCE})), "invalid_audience", "audience"),
        ("no audience", server.security_event(&json!({"aud": null})), "invalid_audience", "audience"),
        ("no iat", server.security_event(&json!({"iat": null})), "invalid_request", "iat"),
        ("from the future", server.security_event(&json!({"iat": now + 300})), "invalid_request", "clocks"),
        ("milliseconds", server.security_event(&json!({"iat": now * 1000})), "invalid_request", "milliseconds"),
        ("no jti", server.security_event(&json!({"jti": null})), "invalid_request", "jti"),
        ("no subject", server.security_event(&json!({"sub_id": null})), "invalid_request", "sub_id"),
        ("half a subject", server.security_event(&json!({"sub_id": {"format": "iss_sub"}})), "invalid_request", "iss"),
        (
            "an event in milliseconds",
            server.security_event(&at(json!(now * 1000))),
            "invalid_request",
            "looks like milliseconds",
        ),
        ("an event in the future", server.security_event(&at(json!(now + 3600))), "invalid_request", "in the future"),
        ("an event in kiloseconds", server.security_event(&at(json!(now / 1000))), "invalid_request", "before 1973"),
        ("an event at noon", server.security_event(&at(json!("noon"))), "invalid_request", "event_timestamp"),
        ("by somebody else", sign(&stranger.private_pem(), "k1"), "invalid_key", "signature"),
        ("by nobody we know", sign(&stranger.private_pem(), "k9"), "invalid_key", "k9"),
        ("by the public key", hs256.sign(&good).unwrap(), "invalid_key", "HS256"),
        ("unsigned", none, "invalid_key", "none"),
        ("no token", "x".to_owned(), "invalid_request", "part"),
        ("nothing", String::new(), "invalid_request", "part"),
        ("an access token", before.clone(), "invalid_request", "typ"),
    ];
    for (name, raw_token, code, expected) in cases {
        let (err, why) = server.push_bad(&raw_token).await;
        assert_eq!(err, code, "{name}: {why}");
        assert!(why.to_lowercase().contains(&expected.to_lowercase()), "{name}: {why}");
        assert!(!why.contains("eyJ"), "{name}: the token is in the answer: {why}");
    }
    assert_eq!(verdict_on(&server, &before).await, Verdict::Valid);
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn what_cannot_be_told_is_kept_for_a_person_and_never_widened() {
    let server = server_with(EVENTS);
    let tokens = [("ann", "s1"), ("ann", "s2")].map(|(subject, session)| session_token(&server, subject, session));
    let complex = |members: Value| changed(members, &json!({"format": "complex"}));
    let cases = [
        complex(json!({"user": named("ann"), "device": opaque("d1")})),
        complex(json!({"user": named("ann"), "tenant": opaque("t1")})),
        complex(json!({"user": named("ann"), "application": opaque("a1")})),
        complex(json!({"user": named("ann"), "shoe-size": opaque("42")})),
        complex(json!({"user": named("ann"), "session": opaque("s1"), "application": opaque("a1")})),
        complex(json!({"device": opaque("d1")})),
        complex(json!({"tenant": opaque("t1")})),
        opaque("ann"),
        json!({"format": "email", "email": "ann"}),
        json!({"format": "phone_number", "phone_number": "+1"}),
        json!({"format": "iss_sub", "iss": "https://else.example", "sub": "ann"}),
        json!({"format": "jwt_id", "iss": "https://else.example", "jti": "ann-s1"}),
        json!({"format": "made-up", "id": "ann"}),
    ];
    for (number, sub_id) in cases.iter().enumerate() {
        server.push_good(&server.security_event(&json!({"jti": number.to_string(), "sub_id": sub_id}))).await;
        assert_eq!(server.kept(), number + 1, "{sub_id}");
    }
    for token in &tokens {
        assert_eq!(verdict_on(&server, token).await, Verdict::Valid);
    }
    assert!(server.log().contains("widen = true"));
}

#[tokio::test]
async fn one_token_can_be_named() {
    let server = server_with(EVENTS);
    let tokens = [("ann", "s1"), ("ann", "s2")].map(|(subject, session)| session_token(&server, subject, session));
    let sub_id = json!({"format": "jwt_id", "iss": ISSUER, "jti": "ann-s1"});
    server.push_good(&server.security_event(&json!({"sub_id": sub_id}))).await;
    assert_eq!(verdict_on(&server, &tokens[0]).await, Verdict::TokenRevoked);
    assert_eq!(verdict_on(&server, &tokens[1]).await, Verdict::Valid);
}

#[tokio::test]
async fn where_tokens_carry_no_session_one_session_is_not_the_whole_user_unless_that_is_said() {
    let sub_id = json!({"format": "complex", "session": opaque("s1"), "user": named("ann")});
    let event = json!({"sub_id": sub_id});
    let server = server_with("[issuer.security_events]\naudiences = [\"https://curfew.example\"]\n");
    let before = session_token(&server, "ann", "s1");
    server.push_good(&server.security_event(&event)).await;
    assert_eq!((verdict_on(&server, &before).await, server.kept()), (Verdict::Valid, 1));
    let wide = "[issuer.security_events]\naudiences = [\"https://curfew.example\"]\nwiden = true\n";
    let server = server_with(wide);
    let before = session_token(&server, "ann", "s1");
    server.push_good(&server.security_event(&event)).await;
    assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
    // A session of nobody is nobody's.
    let alone = json!({"format": "complex", "session": opaque("s1")});
    server.push_good(&server.security_event(&json!({"jti": "2", "sub_id": alone}))).await;
    assert_eq!(server.kept(), 1);
}

#[tokio::test]
async fn the_subjects_mean_what_the_configuration_says() {
    let server = server_with(
        "session_claim = \"sid\"\n[issuer.security_events]\naudiences = [\"https://curfew.example\"]\nopaque = \
         \"subject\"\nemail = \"subject\"\ntenants = [\"t1\"]\ncritical_subject_members = [\"device\", \"tenant\"]\n\
         credential_changes = [\"app/create\"]\n",
    );
    let complex = |members: Value| json!({"sub_id": changed(members, &json!({"format": "complex"}))});
    let logged_out = [
        ("ann", json!({"sub_id": opaque("ann")})),
        ("bob@b.example", json!({"sub_id": {"format": "email", "email": "bob@b.example"}})),
        ("cid", complex(json!({"user": named("cid"), "tenant": opaque("t1")}))),
        ("dan", json!({"sub_id": {"format": "aliases", "identifiers": [{"format": "phone_number"}, named("dan")]}})),
    ];
    for (subject, changes) in logged_out {
        let before = session_token(&server, subject, "s");
        server.push_good(&server.security_event(&changed(changes, &json!({"jti": subject})))).await;
        assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut, "{subject}");
    }
    // A member that is critical and cannot be told is no event to be taken.
    let eve = session_token(&server, "eve", "s");
    let device = complex(json!({"user": named("eve"), "device": opaque("d1")}));
    let (err, why) = server.push_bad(&server.security_event(&device)).await;
    assert!(err == "invalid_request" && why.contains("critical member \"device\""), "{err}: {why}");
    // Another tenant's is not ours.
    let foreign = complex(json!({"user": named("eve"), "tenant": opaque("t2")}));
    server.push_good(&server.security_event(&changed(foreign, &json!({"jti": "foreign"})))).await;
    let credential = format!("{CAEP}/credential-change");
    let change = |kind: &str| json!({"credential_type": kind, "change_type": "create"});
    let of_eve = |id: &str| json!({"jti": id, "sub_id": named("eve")});
    server.push_good(&server.event(&credential, &change("password"), &of_eve("1"))).await;
    assert_eq!(verdict_on(&server, &eve).await, Verdict::Valid);
    server.push_good(&server.event(&credential, &change("app"), &of_eve("2"))).await;
    assert_eq!(verdict_on(&server, &eve).await, Verdict::SubjectLoggedOut);
}

#[tokio::test]
async fn whoever_pushes_says_what_was_agreed_upon() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "Bearer the-stream-s-own-secret\n").unwrap();
    let server = server_with(format!("{EVENTS}push_secret_file = {:?}\n", secret.path()).leak());
    let before = session_token(&server, "ann", "s1");
    let event = server.security_event(&json!({}));
    let push = async |values: &[&str]| {
        let mut request =
            Client::new().post(server.at("/ssf/events")).header("content-type", "application/secevent+jwt");
        for value in values {
            request = request.header("authorization", *value);
        }
        request.body(event.clone()).send().await.unwrap()
    };
    let right = "Bearer the-stream-s-own-secret";
    for wrong in [
        &[][..],
        &["Bearer the-stream-s-own-secre"],
        &["bearer the-stream-s-own-secret"],
        &["the-stream-s-own-secret"],
        &["Basic the-stream-s-own-secret"],
        &[right, right],
    ] {
        let (err, why) = refused(push(wrong).await).await;
        assert_eq!(err, "authentication_failed", "{wrong:?}: {why}");
        assert!(!why.contains("own-secret"), "{why}");
    }
    assert_eq!(verdict_on(&server, &before).await, Verdict::Valid);
    assert_eq!(push(&[right]).await.status(), 202);
    assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
    assert!(!server.log().contains("own-secret"));
}

#[tokio::test]
async fn a_token_that_comes_again_is_acknowledged_again_and_changes_nothing() {
    let server = server_with(
        EVENTS.replace("[issuer.sec", "[issuer.backchannel_logout]\nclient_ids = [\"web\"]\n[issuer.sec").leak(),
    );
    // The same identifier on a token of another kind is another one.
    let logout = server.logout_token(&json!({"jti": "event-1", "sub": "zoe"}));
    assert_eq!(server.send_logout_token(&logout).await.status(), 200);
    let before = session_token(&server, "ann", "s1");
    let event = server.security_event(&json!({}));
    for _ in 0..3 {
        server.push_good(&event).await;
    }
    assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
    let recorded = server.client().await.record_logout(logout_of("bob")).await.unwrap().into_inner();
    assert_eq!(recorded.revision, 3, "each was recorded once");
}

#[tokio::test]
async fn the_stream_is_verified() {
    let server = server_with(
        "[issuer.security_events]\naudiences = [\"https://curfew.example\"]\nstream_id = \"stream-1\"\n\
         verification_state = \"hello\"\n",
    );
    let verification = |stream: &str, body: &Value| {
        server.event(
            &format!("{SSF}/verification"),
            body,
            &json!({"sub_id": opaque(stream), "jti": format!("{stream}{body}")}),
        )
    };
    server.push_good(&verification("stream-1", &json!({"state": "hello"}))).await;
    server.push_good(&verification("stream-1", &json!({}))).await;
    assert_eq!(server.log().matches("the stream of security events works").count(), 2);
    for (stream, body) in [("stream-1", json!({"state": "else"})), ("stream-2", json!({"state": "hello"}))] {
        let (err, why) = server.push_bad(&verification(stream, &body)).await;
        assert_eq!(err, "invalid_state", "{why}");
    }
    assert_eq!(server.kept(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transmitter_of_its_own_signs_with_its_own_keys() {
    let transmitter = Transmitter::start().await;
    let minter = Minter::generate("t1").unwrap();
    let iss = transmitter.url("/tenant");
    transmitter.serve("/keys", &minter.jwks());
    let configuration = json!({"issuer": iss, "jwks_uri": transmitter.url("/keys")});
    transmitter.serve("/.well-known/ssf-configuration/tenant", &configuration);
    let sources = ["discovery = true".to_owned(), format!("jwks_url = {:?}", transmitter.url("/keys"))];
    for keys in sources {
        let server = server_with(format!("{EVENTS}issuer = {iss:?}\nkeys = {{ {keys} }}\n").leak());
        let before = session_token(&server, "ann", "s1");
        let claims = event_claims(&json!({"iss": iss}));
        // The issuer's own key is not the transmitter's, and the transmitter is not the issuer.
        let (err, _) = server.push_bad(&server.signed_as(Some("secevent+jwt"), &claims)).await;
        assert_eq!(err, "invalid_key");
        let signer = Signer::from_pem(Algorithm::Es256, minter.private_pem().as_bytes(), Some("t1")).unwrap();
        let signer = signer.typed(Some("secevent+jwt"));
        let (err, _) = server.push_bad(&signer.sign(&event_claims(&json!({}))).unwrap()).await;
        assert_eq!(err, "access_denied");
        // Nor may it sign access tokens.
        let now = unix_seconds();
        let forged = json!({"iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": now, "exp": now + 60});
        let forged =
            Signer::from_pem(Algorithm::Es256, minter.private_pem().as_bytes(), Some("t1")).unwrap().sign(&forged);
        assert_eq!(verdict_on(&server, &forged.unwrap()).await, Verdict::UnknownKey);
        assert_eq!(verdict_on(&server, &before).await, Verdict::Valid);
        server.push_good(&signer.sign(&claims).unwrap()).await;
        assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut, "{keys}");
    }
}

#[tokio::test]
async fn an_older_sender_is_understood_where_that_is_asked_for() {
    let server = server_with(
        "session_claim = \"sid\"\n[issuer.security_events]\naudiences = [\"https://curfew.example\"]\nissuer = \
         \"https://op.example/\"\nsubject_issuers = [\"https://op.example/\"]\nlegacy_subject = true\nallow_exp = true\n",
    );
    let subject = json!({"subject_type": "iss-sub", "iss": "https://op.example/", "sub": "ann"});
    let now = unix_seconds();
    let event = |id: &str, exp: i64| {
        let changes = json!({"iss": "https://op.example/", "sub_id": null, "jti": id, "exp": exp});
        server.event(&format!("{RISC}/account-disabled"), &json!({"subject": subject, "reason": "hijacking"}), &changes)
    };
    let before = session_token(&server, "ann", "s1");
    let (err, why) = server.push_bad(&event("1", now - 60)).await;
    assert!(err == "invalid_request" && why.contains("expired"), "{err}: {why}");
    assert_eq!(verdict_on(&server, &before).await, Verdict::Valid);
    server.push_good(&event("2", now + 60)).await;
    assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
}

#[tokio::test]
async fn an_issuer_that_is_not_configured_for_it_logs_nobody_out() {
    let server = server_with("");
    let (err, why) = server.push_bad(&server.security_event(&json!({}))).await;
    assert!(err == "access_denied" && why.contains("security_events"), "{err}: {why}");
}

#[tokio::test]
async fn a_revoked_key_logs_nobody_out() {
    let server = server_with(EVENTS);
    let key = pb::Key { issuer: "op".to_owned(), kid: "k1".to_owned() };
    let request = pb::RecordLogoutRequest {
        target: Some(pb::record_logout_request::Target::Key(key)),
        reason: LogoutReason::Compromise.into(),
        ..Default::default()
    };
    server.client().await.record_logout(request).await.unwrap();
    let (err, why) = server.push_bad(&server.security_event(&json!({}))).await;
    assert_eq!(err, "invalid_key", "{why}");
    assert!(last_logout(&server, "ann").await.last_logout_time.is_none());
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_our_trouble() {
    let server = server_with(
        "[[issuer]]\nname = \"down\"\nissuer = \"https://down.example\"\naudiences = [\"x\"]\nalgorithms = [\"ES256\"]\n\
         keys = { jwks_url = \"http://127.0.0.1:1/\" }\n[issuer.security_events]\naudiences = \
         [\"https://curfew.example\"]\n",
    );
    let response = server.push(&server.security_event(&json!({"iss": "https://down.example"}))).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
}

#[tokio::test]
async fn requests_that_cannot_be_taken_say_why() {
    let server = server_with(EVENTS);
    let path = "/ssf/events";
    let large = server.post(path, "application/secevent+jwt", "x".repeat(33 * 1024)).await;
    assert_eq!(large.status(), 413);
    for content_type in ["application/jwt", "text/plain", "application/json"] {
        let other = server.post(path, content_type, server.security_event(&json!({}))).await;
        assert_eq!(other.status(), 415, "{content_type}");
    }
    assert_eq!(Client::new().get(server.at(path)).send().await.unwrap().status(), 405);
    let bytes = server.post(path, "application/secevent+jwt", b"\xff\xfe".to_vec()).await;
    assert_eq!(refused(bytes).await.0, "invalid_request");
    // Parameters and letters of the type do not matter, nor does a line's end.
    let event = format!("{}\n", server.security_event(&json!({})));
    assert_eq!(server.post(path, "Application/SecEvent+JWT; charset=utf-8", event).await.status(), 202);
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk() {
    let mut server = server_with(EVENTS);
    for number in 0..5 {
        let subject = format!("user-{number}");
        let before = session_token(&server, &subject, "s");
        server.push_good(&server.security_event(&json!({"sub_id": named(&subject), "jti": subject}))).await;
        server.kill();
        server.restart();
        assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
    }
}

#[tokio::test]
async fn two_issuers_may_share_a_transmitter_and_each_event_is_for_one_of_them() {
    let mut setup = Setup::new();
    setup.top = HTTP;
    let keys = setup.write_config().with_file_name("keys.json");
    setup.issuer = format!(
        "[issuer.security_events]\naudiences = [\"one\"]\nissuer = \"https://t.example\"\n[[issuer]]\nname = \"two\"\n\
         issuer = \"https://two.example\"\naudiences = [\"{AUDIENCE}\"]\nalgorithms = [\"ES256\"]\nkeys = {{ jwks_file = \
         {keys:?} }}\n[issuer.security_events]\naudiences = [\"two\"]\nissuer = \"https://t.example\"\n"
    )
    .leak();
    let server = setup.start();
    let now = unix_seconds();
    let token = |iss: &str| {
        let claims = json!({"iss": iss, "sub": "ann", "aud": AUDIENCE, "iat": now - 60, "exp": now + 60});
        server.minter.sign(&claims).unwrap()
    };
    let (one, two) = (token(ISSUER), token("https://two.example"));
    let sub_id = json!({"format": "iss_sub", "iss": "https://two.example", "sub": "ann"});
    let event = json!({"iss": "https://t.example", "aud": "two", "sub_id": sub_id});
    server.push_good(&server.security_event(&event)).await;
    assert_eq!(verdict_on(&server, &one).await, Verdict::Valid);
    assert_eq!(verdict_on(&server, &two).await, Verdict::SubjectLoggedOut);
    // One for the first about the second's user is for nobody.
    let crossed = changed(event, &json!({"aud": "one", "jti": "2"}));
    server.push_good(&server.security_event(&crossed)).await;
    assert_eq!((verdict_on(&server, &one).await, server.kept()), (Verdict::Valid, 1));
}
