//! Auth0's log streams: what a tenant sends, what it is answered, and what is in force then.

use std::{fs, time::Instant};

use curfew::{
    app::SystemClock,
    domain::{Clock, Timestamp},
    transport::grpc::pb::{self, LogoutReason, Verdict},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::said;
use crate::support::{AUDIENCE, ISSUER, Server, Setup, logout_of, unix_seconds};

/// The `Authorization` header that the stream is configured with.
const SECRET: &str = "Bearer correct-horse-battery";

const HTTP: &str = "[http]\nlisten = \"127.0.0.1:0\"\nrequest_timeout = \"10s\"\n";

/// A second issuer, which takes no stream.
const OTHER: &str = "[[issuer]]\nname = \"other\"\nissuer = \"https://other.example\"\naudiences = [\"x\"]\nalgorithms = \
                     [\"ES256\"]\nkeys = { jwks_url = \"http://127.0.0.1:1/\" }\n";

/// A server that takes the stream of an issuer whose tokens carry their session.
pub(super) fn server() -> Server {
    server_with("session_claim = \"sid\"\n", "")
}

/// The same, with other lines for the issuer, before the stream's table and after it.
pub(super) fn server_with(before: &str, after: &str) -> Server {
    let mut setup = Setup::new();
    let secret = setup.file("stream-secret", &format!("{SECRET}\n"));
    setup.top = HTTP;
    setup.issuer = format!("{before}[issuer.auth0_logs]\nsecret_file = {secret:?}\n{after}").leak();
    setup.start()
}

/// An instant so many seconds ago, as Auth0 writes it.
pub(super) fn ago(seconds: i64) -> String {
    Timestamp::from_millis((unix_seconds() - seconds) * 1000 + 123).unwrap().to_string()
}

/// An event that happened a second ago; null takes a member away.
pub(super) fn event(code: &str, log_id: &str, changes: &Value) -> Value {
    let mut data = json!({
        "date": ago(1), "type": code, "description": "", "connection": "db", "client_id": "c1", "client_name": "App",
        "ip": "203.0.113.5", "user_agent": "Chrome", "hostname": "tenant.auth0.com", "user_id": "auth0|ann",
        "user_name": "ann@example.com", "details": {"session_id": "s1", "allowed_logout_url": ["https://app.example"]},
        "tenant_name": "tenant", "is_mobile": false, "log_id": log_id, "$event_schema": {"version": "1.0.0"}
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(data.as_object_mut().unwrap().remove(name)),
            value => data[name] = value.clone(),
        }
    }
    data
}

/// An event in the envelope of a stream.
pub(super) fn wrapped(data: &Value) -> Value {
    json!({"log_id": data["log_id"], "data": data})
}

/// Events as JSON lines.
fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{}\n", wrapped(event))).collect()
}

/// Sends a body to the stream of the first issuer.
pub(super) async fn send(server: &Server, body: impl Into<reqwest::Body>) -> Response {
    send_as(server, "op", Some(SECRET), body).await
}

async fn send_as(server: &Server, issuer: &str, secret: Option<&str>, body: impl Into<reqwest::Body>) -> Response {
    let request =
        Client::new().post(server.at(&format!("/auth0/logs/{issuer}"))).header("content-type", "application/json");
    let request = secret
        .map(|secret| ("authorization", secret))
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    request.body(body).send().await.unwrap()
}

/// Sends events that are all taken; returns how many were recorded, had come before, were ignored, and lacked something.
pub(super) async fn taken(server: &Server, body: impl Into<reqwest::Body>) -> [u64; 4] {
    let (status, _, text) = said(send(server, body).await).await;
    assert_eq!(status, 200, "{text}");
    let counts: Value = serde_json::from_str(&text).unwrap();
    ["recorded", "again", "ignored", "dead_letters"].map(|name| counts[name].as_u64().unwrap())
}

/// An access token of a user in a session at a client, issued a minute ago.
pub(super) fn token(server: &Server, subject: &str, session: &str, client: &str) -> String {
    let now = unix_seconds();
    let claims = json!({
        "iss": ISSUER, "sub": subject, "sid": session, "azp": client, "aud": AUDIENCE, "iat": now - 60, "exp": now + 3600
    });
    server.minter.sign(&claims).unwrap()
}

pub(super) async fn verdict(server: &Server, token: &str) -> Verdict {
    let request = pb::ValidateTokenRequest { token: token.to_owned(), ..Default::default() };
    server.client().await.validate_token(request).await.unwrap().into_inner().verdict()
}

async fn last_logout(server: &Server, subject: &str) -> pb::GetLastLogoutResponse {
    let request = pb::GetLastLogoutRequest { subject: subject.to_owned(), ..Default::default() };
    server.client().await.get_last_logout(request).await.unwrap().into_inner()
}

/// When a user last logged out.
async fn last_time(server: &Server, subject: &str) -> String {
    let at = last_logout(server, subject).await.last_logout_time.unwrap();
    Timestamp::from_millis(at.seconds * 1000 + i64::from(at.nanos / 1_000_000)).unwrap().to_string()
}

/// How many changes the store has seen.
async fn revision(server: &Server) -> u64 {
    last_logout(server, "nobody").await.revision
}

#[tokio::test]
async fn a_session_that_ended_is_over_and_no_other_in_each_format() {
    type Format = fn(&Value) -> String;
    let formats: [(&str, Format); 5] = [
        ("a line", |event| format!("{}\n", wrapped(event))),
        ("an array", |event| json!([wrapped(event)]).to_string()),
        ("an object", |event| serde_json::to_string_pretty(&wrapped(event)).unwrap()),
        ("a bare event", Value::to_string),
        ("an array of bare events", |event| json!([event]).to_string()),
    ];
    let server = server();
    for (number, (name, format)) in formats.into_iter().enumerate() {
        let user = format!("auth0|user-{number}");
        let [ended, other] = ["a", "b"].map(|session| token(&server, &user, &format!("{session}-{number}"), "c1"));
        let changes = json!({"user_id": user, "details": {"session_id": format!("a-{number}")}});
        let body = format(&event("slo", &number.to_string(), &changes));
        assert_eq!(taken(&server, body).await, [1, 0, 0, 0], "{name}");
        assert_eq!(verdict(&server, &ended).await, Verdict::SessionLoggedOut, "{name}");
        assert_eq!(verdict(&server, &other).await, Verdict::Valid, "{name}");
    }
}

#[tokio::test]
async fn each_kind_of_event_does_what_it_is_for() {
    let server = server();
    let cases = [
        ("slo", json!({"details": {}}), Verdict::SubjectLoggedOut, LogoutReason::ProviderLogout),
        (
            "slo",
            json!({"client_id": Value::Null, "details": {}}),
            Verdict::SubjectLoggedOut,
            LogoutReason::ProviderLogout,
        ),
        ("scp", json!({}), Verdict::SubjectLoggedOut, LogoutReason::CredentialChange),
        ("sdu", json!({}), Verdict::SubjectLoggedOut, LogoutReason::AccountDisabled),
        ("du", json!({}), Verdict::SubjectLoggedOut, LogoutReason::AccountDisabled),
        ("universal_logout_succeeded", json!({}), Verdict::SubjectLoggedOut, LogoutReason::ProviderLogout),
    ];
    for (number, (code, changes, expected, reason)) in cases.into_iter().enumerate() {
        let user = format!("auth0|user-{number}");
        let (before, mut changes) = (token(&server, &user, "s", "c1"), changes);
        changes["user_id"] = json!(user);
        // A null client is in the event, not left out of it.
        let mut event = event(code, &format!("each-{number}"), &changes);
        event["client_id"] = changes.get("client_id").cloned().unwrap_or(json!("c1"));
        assert_eq!(taken(&server, lines(&[event])).await, [1, 0, 0, 0], "{code}");
        assert_eq!(verdict(&server, &before).await, expected, "{code}");
        assert_eq!(last_logout(&server, &user).await.reason(), reason, "{code}");
    }
    // An application that could not be told: the user's tokens at that one.
    let [there, elsewhere] = ["c1", "c2"].map(|client| token(&server, "auth0|ann", "s1", client));
    let failed = event("oidc_backchannel_logout_failed", "bcl", &json!({"details": {"initiator": "rp-logout"}}));
    assert_eq!(taken(&server, lines(&[failed])).await, [1, 0, 0, 0]);
    assert_eq!(verdict(&server, &there).await, Verdict::SubjectLoggedOut);
    assert_eq!(verdict(&server, &elsewhere).await, Verdict::Valid);
}

#[tokio::test]
async fn what_logs_nobody_out_is_passed_over() {
    let server = server();
    let before = token(&server, "auth0|ann", "s1", "c1");
    let codes = ["s", "f", "fp", "seacft", "flo", "scpr", "pwd_leak", "limit_wc", "sapi", "mgmt_api_read", "brand_new"];
    let mut events: Vec<Value> = codes.iter().map(|code| event(code, code, &json!({}))).collect();
    // Whatever else is wrong with them.
    events.push(event("s", "odd", &json!({"user_id": 5, "date": true, "details": []})));
    assert_eq!(taken(&server, lines(&events)).await, [0, 0, 12, 0]);
    assert_eq!(verdict(&server, &before).await, Verdict::Valid);
    assert_eq!(taken(&server, "[]").await, [0; 4]);
}

#[tokio::test]
async fn the_configuration_says_what_is_done() {
    let actions =
        "[issuer.auth0_actions]\nslo = \"ignore\"\npwd_leak = \"user\"\nsrrt = \"client\"\nsapi = \"management\"\n";
    let server = server_with("session_claim = \"sid\"\n", actions);
    let tokens = ["auth0|ann", "auth0|bob", "auth0|cal", "auth0|dan"].map(|user| token(&server, user, "s", "c1"));
    let call = json!({"request": {"method": "delete", "path": "/api/v2/users/auth0%7Ccal/sessions"}, "response": {}});
    let events = [
        event("slo", "1", &json!({})),
        event("pwd_leak", "2", &json!({"user_id": "auth0|bob"})),
        event("sapi", "3", &json!({"user_id": "auth0|dan", "details": call})),
        event("srrt", "4", &json!({"user_id": "auth0|eve"})),
    ];
    assert_eq!(taken(&server, lines(&events)).await, [3, 0, 1, 0]);
    let verdicts = [
        verdict(&server, &tokens[0]).await,
        verdict(&server, &tokens[1]).await,
        verdict(&server, &tokens[2]).await,
        verdict(&server, &tokens[3]).await,
    ];
    // Of the Management API's caller nothing is known but the name.
    assert_eq!(verdicts, [Verdict::Valid, Verdict::SubjectLoggedOut, Verdict::SubjectLoggedOut, Verdict::Valid]);
    assert_eq!(last_logout(&server, "auth0|bob").await.reason(), LogoutReason::Compromise);
}

#[tokio::test]
async fn what_an_event_lacks_is_not_guessed() {
    let server = server_with("", "");
    let before = token(&server, "auth0|ann", "s1", "c1");
    let now = unix_seconds();
    let tomorrow = Timestamp::from_millis((now + 86_400) * 1000).unwrap().to_string();
    let in_1970 = Timestamp::from_millis(now).unwrap().to_string();
    let cases = [
        ("slo", json!({"user_id": null, "details": {}}), "names neither a user"),
        ("slo", json!({"user_id": "", "details": {}}), "names neither a user"),
        ("slo", json!({"user_id": ""}), "session_claim"),
        ("slo", json!({"date": null}), "no date"),
        ("slo", json!({"date": now}), "a number of seconds where milliseconds belong"),
        ("slo", json!({"date": now * 1_000_000}), "microseconds"),
        ("slo", json!({ "date": in_1970 }), "lies before 1973"),
        ("slo", json!({ "date": tomorrow }), "in the future"),
        ("slo", json!({"date": "yesterday"}), "RFC 3339"),
        ("slo", json!({"user_id": 7}), "user_id is not a string"),
        ("slo", json!({"user_id": "x".repeat(513)}), "513 bytes"),
        ("scp", json!({"user_id": ""}), "names no user"),
        ("oidc_backchannel_logout_failed", json!({"client_id": null}), "names no client"),
    ];
    let mut expected = Vec::new();
    for (number, (code, changes, why)) in cases.into_iter().enumerate() {
        let id = format!("dead-{number}");
        assert_eq!(taken(&server, lines(&[event(code, &id, &changes)])).await, [0, 0, 0, 1], "{code} {changes}");
        expected.push((id, code, why));
    }
    let no_type = event("slo", "dead-type", &json!({"type": null}));
    assert_eq!(taken(&server, lines(&[no_type])).await, [0, 0, 0, 1]);
    expected.push(("dead-type".to_owned(), "", "no type"));
    let letters = super::dead_letters::list(&server).await;
    assert_eq!(letters.len(), expected.len());
    for (letter, (id, code, why)) in letters.iter().zip(&expected) {
        assert_eq!((letter.event_id.as_str(), letter.event_type.as_str()), (id.as_str(), *code));
        assert!(letter.detail.contains(why), "{id}: {why}: {}", letter.detail);
        assert_eq!((letter.issuer.as_str(), letter.source()), ("op", pb::EventSource::Auth0Stream));
    }
    assert_eq!(verdict(&server, &before).await, Verdict::Valid);
    assert_eq!(revision(&server).await, 0, "something was recorded");
    // One that lacks nothing, among those that do, is taken all the same.
    let mixed =
        [event("slo", "x1", &json!({"date": null})), event("scp", "x2", &json!({})), event("s", "x3", &json!({}))];
    assert_eq!(taken(&server, lines(&mixed)).await, [1, 0, 1, 1]);
    assert_eq!(verdict(&server, &before).await, Verdict::SubjectLoggedOut);
}

#[tokio::test]
async fn the_event_s_own_time_counts_to_the_millisecond() {
    let server = server();
    let (minutes_ago, now) = (ago(600), unix_seconds());
    let claims = json!({"iss": ISSUER, "sub": "auth0|ann", "aud": AUDIENCE, "iat": now - 300, "exp": now + 60});
    let after = server.minter.sign(&claims).unwrap();
    assert_eq!(taken(&server, lines(&[event("scp", "1", &json!({ "date": minutes_ago }))])).await, [1, 0, 0, 0]);
    assert_eq!(verdict(&server, &after).await, Verdict::Valid, "whoever logged in since is not logged out");
    assert_eq!(last_time(&server, "auth0|ann").await, minutes_ago);
    // A provider's clock that is a little ahead of ours is believed: its tokens are stamped by the same clock.
    let ahead = Timestamp::from_millis(SystemClock.now().as_millis() + 5000).unwrap().to_string();
    assert_eq!(
        taken(&server, lines(&[event("scp", "2", &json!({"date": ahead, "user_id": "auth0|bob"}))])).await,
        [1, 0, 0, 0]
    );
    assert_eq!(last_time(&server, "auth0|bob").await, ahead);
    // One that is known to the second only may have happened at its end.
    let second = minutes_ago.replace(".123Z", "Z");
    let known_to_the_second = event("scp", "3", &json!({"date": second, "user_id": "auth0|cal"}));
    assert_eq!(taken(&server, lines(&[known_to_the_second])).await, [1, 0, 0, 0]);
    assert_eq!(last_time(&server, "auth0|cal").await, minutes_ago.replace(".123Z", ".999Z"));
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing_and_another_of_its_name_is_no_repetition() {
    let server = server();
    let first = event("scp", "9001", &json!({}));
    assert_eq!(taken(&server, lines(std::slice::from_ref(&first))).await, [1, 0, 0, 0]);
    let before = revision(&server).await;
    assert_eq!(taken(&server, lines(&[first.clone(), first.clone()])).await, [0, 2, 0, 0]);
    assert_eq!(taken(&server, json!([first]).to_string()).await, [0, 1, 0, 0]);
    assert_eq!(revision(&server).await, before);
    let bob = token(&server, "auth0|bob", "s", "c1");
    let other = event("scp", "9001", &json!({"user_id": "auth0|bob"}));
    assert_eq!(taken(&server, lines(&[other])).await, [1, 0, 0, 0]);
    assert_eq!(verdict(&server, &bob).await, Verdict::SubjectLoggedOut);
    // Out of order, and late: the later logout stands.
    let late = event("scp", "8000", &json!({"date": ago(5000)}));
    let stands = last_logout(&server, "auth0|ann").await.last_logout_time;
    assert_eq!(taken(&server, lines(&[late])).await, [1, 0, 0, 0]);
    assert_eq!(last_logout(&server, "auth0|ann").await.last_logout_time, stands);
}

#[tokio::test]
async fn strangers_are_told_nothing() {
    let server = server_with("", OTHER);
    let before = token(&server, "auth0|ann", "s1", "c1");
    let body = || lines(&[event("scp", "1", &json!({}))]);
    let mut answers = Vec::new();
    for (issuer, secret) in [
        ("op", None),
        ("op", Some("")),
        ("op", Some("correct-horse-battery")),
        ("op", Some("bearer correct-horse-battery")),
        ("op", Some("Bearer correct-horse-batter")),
        ("op", Some("Bearer correct-horse-battery-staple")),
        // An issuer that takes no stream, and none at all: with any secret, and with the right one.
        ("other", None),
        ("other", Some(SECRET)),
        ("other", Some("other")),
        ("nobody", None),
        ("nobody", Some(SECRET)),
        ("%ff", Some(SECRET)),
        ("%20", Some(SECRET)),
    ] {
        let response = send_as(&server, issuer, secret, body()).await;
        assert!(response.headers().contains_key("www-authenticate"));
        let answer = said(response).await;
        assert_eq!((answer.0, answer.1.as_str()), (401, "unauthorized"), "{issuer} {secret:?}");
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let twice = Client::new().post(server.at("/auth0/logs/op")).header("authorization", SECRET);
    let twice = twice.header("authorization", SECRET).body(body()).send().await.unwrap();
    assert_eq!(said(twice).await, answers[0]);
    // Before anything is read: not even a large body makes a difference.
    let large = Client::new().post(server.at("/auth0/logs/op")).body(" ".repeat(5 << 20)).send().await;
    // Whoever still sends when the answer is there may find the connection closed instead.
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status() == 401));
    assert_eq!(verdict(&server, &before).await, Verdict::Valid);
    assert!(!server.log().contains("correct-horse"), "the secret is in the log");
    assert_eq!(Client::new().get(server.at("/auth0/logs/op")).send().await.unwrap().status(), 405);
    assert_eq!(taken(&server, body()).await, [1, 0, 0, 0]);
}

#[tokio::test]
async fn bodies_that_cannot_be_taken_say_why() {
    let server = server();
    for (body, status, text) in [
        (String::new(), 400, "empty"),
        (" \n".to_owned(), 400, "empty"),
        ("not JSON".to_owned(), 400, "not JSON"),
        ("[{}".to_owned(), 400, "no end"),
        ("[{}]x".to_owned(), 400, "after it"),
        (" ".repeat((4 << 20) + 1), 413, "4194304"),
        ("{}\n".repeat(10_001), 413, "10000"),
    ] {
        let (found, error, why) = said(send(&server, body.clone()).await).await;
        assert!(found == status && why.contains(text), "{}: {found} {error} {why}", body.get(..20).unwrap_or(&body));
    }
    let packed = Client::new().post(server.at("/auth0/logs/op")).header("authorization", SECRET);
    let (status, _, why) = said(packed.header("content-encoding", "gzip").body("x").send().await.unwrap()).await;
    assert!(status == 415 && why.contains("compressed"), "{why}");
    assert!(super::dead_letters::list(&server).await.is_empty());
}

#[tokio::test]
async fn one_bad_entry_takes_no_other_with_it() {
    let server = server();
    let before = ["auth0|ann", "auth0|bob"].map(|user| token(&server, user, "s", "c1"));
    let ann = wrapped(&event("scp", "1", &json!({}))).to_string();
    let bob = wrapped(&event("scp", "2", &json!({"user_id": "auth0|bob"}))).to_string();
    // What is no JSON may have been damaged on its way: the others are taken, and all of it should come again.
    let damaged =
        [ann.as_bytes(), b"\n{\"log_id\":\"3\",\"data\":{\"type\":\"scp\",\"user_id\":\"\xff\"}}\n", bob.as_bytes()];
    let (status, _, why) = said(send(&server, damaged.concat()).await).await;
    assert!(status == 400 && why.contains("entry 2") && why.contains("UTF-8"), "{status} {why}");
    for token in &before {
        assert_eq!(verdict(&server, token).await, Verdict::SubjectLoggedOut);
    }
    assert!(super::dead_letters::list(&server).await.is_empty());
    // What is JSON and not accepted would not be next time either.
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let cal = wrapped(&event("scp", "9", &json!({"user_id": "auth0|cal"})));
    let unfit = [
        r#"{"log_id":"4","data":{"type":"scp","user_id":"auth0|ann","user_id":"auth0|bob"}}"#.to_owned(),
        format!(r#"{{"log_id":"5","data":{{"type":"slo","details":{deep}}}}}"#),
        format!(r#"{{"log_id":"6","data":{{"type":"slo","details":"{}"}}}}"#, "x".repeat(600 * 1024)),
        r#"{"log_id":"7","data":{"type":"scp","description":"\ud800"}}"#.to_owned(),
        "[]".to_owned(),
    ];
    // Of a kind that logs nobody out, it does not matter.
    let passed_over = format!(r#"{{"log_id":"8","data":{{"type":"sapi","details":{deep}}}}}"#);
    let body = format!("{}\n{passed_over}\n{cal}\n", unfit.join("\n"));
    assert_eq!(taken(&server, body).await, [1, 0, 1, 5]);
    let letters = super::dead_letters::list(&server).await;
    let ids: Vec<(&str, &str)> =
        letters.iter().map(|letter| (letter.event_id.as_str(), letter.event_type.as_str())).collect();
    assert_eq!(ids, [("4", "scp"), ("5", "slo"), ("6", "slo"), ("7", "scp"), ("", "")]);
    for (letter, why) in letters.iter().zip(["appears twice", "16 deep", "bytes", "hex escape", "object"]) {
        assert!(letter.detail.contains(why), "{why}: {}", letter.detail);
    }
}

#[tokio::test]
async fn what_was_answered_is_on_disk() {
    let mut server = server();
    for number in 0..5 {
        let user = format!("auth0|user-{number}");
        let before = token(&server, &user, "s", "c1");
        let good = event("scp", &format!("good-{number}"), &json!({"user_id": user}));
        let dead = event("scp", &format!("dead-{number}"), &json!({"user_id": ""}));
        assert_eq!(taken(&server, lines(&[good, dead])).await, [1, 0, 0, 1]);
        server.kill();
        server.restart();
        assert_eq!(verdict(&server, &before).await, Verdict::SubjectLoggedOut);
        let letters = super::dead_letters::list(&server).await;
        assert_eq!(letters.last().unwrap().event_id, format!("dead-{number}"));
        assert_eq!(letters.len(), number + 1);
    }
}

#[tokio::test]
async fn a_store_that_does_not_write_is_our_trouble() {
    let server = server();
    let first = event("scp", "1", &json!({}));
    assert_eq!(taken(&server, lines(std::slice::from_ref(&first))).await, [1, 0, 0, 0]);
    fs::remove_file(server.directory.path().join("store/db")).unwrap();
    let many: Vec<Value> =
        (0..100).map(|number| event("scp", &format!("x{number}"), &json!({"user_id": format!("u{number}")}))).collect();
    let response = send(&server, lines(&many)).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, error, why) = said(response).await;
    assert_eq!((status, error.as_str()), (503, "temporarily_unavailable"), "{why}");
    // What was not recorded has not come before.
    assert_eq!(send(&server, lines(&many)).await.status(), 503);
    // What needs no store is taken.
    assert_eq!(taken(&server, lines(&[event("s", "2", &json!({}))])).await, [0, 0, 1, 0]);
    // And so is what had come before, for it is on disk.
    assert_eq!(taken(&server, lines(&[first])).await, [0, 1, 0, 0]);
    assert_eq!(server.client().await.record_logout(logout_of("x")).await.unwrap_err().code(), tonic::Code::Unavailable);
}

/// Not a test but a measurement: a hundred thousand logouts, in bodies of five hundred, over eight connections.
///
/// `cargo test --release --test it -- --ignored --nocapture a_burst_of_events`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement; see its comment"]
async fn a_burst_of_events() {
    const EVENTS: usize = 100_000;
    const TOGETHER: usize = 500;
    let server = server();
    let client = Client::new();
    let bodies: Vec<String> = (0..EVENTS / TOGETHER)
        .map(|body| {
            let one = |number: usize| {
                let user = format!("auth0|user-{}", body * TOGETHER + number);
                event("slo", &format!("{body}-{number}"), &json!({"user_id": user, "details": {"session_id": user}}))
            };
            lines(&(0..TOGETHER).map(one).collect::<Vec<_>>())
        })
        .collect();
    let bytes: usize = bodies.iter().map(String::len).sum();
    let began = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for share in bodies.chunks(bodies.len().div_ceil(8)) {
        let (client, url, share) = (client.clone(), server.at("/auth0/logs/op"), share.to_vec());
        senders.spawn(async move {
            for body in share {
                let response = client.post(&url).header("authorization", SECRET).body(body).send().await.unwrap();
                assert_eq!(response.status(), 200);
            }
        });
    }
    senders.join_all().await;
    let took = began.elapsed();
    assert_eq!(revision(&server).await, EVENTS as u64);
    #[allow(clippy::cast_precision_loss, reason = "a figure to read")]
    let rate = EVENTS as f64 / took.as_secs_f64();
    println!("{EVENTS} events, {} MiB, in {took:.2?}: {rate:.0} a second", bytes >> 20);
}
