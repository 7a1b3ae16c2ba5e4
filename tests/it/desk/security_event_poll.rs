//! Shared Signals, fetched (RFC 8936): from a transmitter on this machine, which has every fault that it is told to have.
//!
//! It answers on a thread of its own, also while a test waits for the server to start.

use std::time::{Duration, Instant};

use curfew::{token::Minter, transport::grpc::pb::Verdict};
use serde_json::{Value, json};

use super::{
    changed,
    security_events::{EVENTS, event_claims, named},
    server_with, session_token,
    transmitter::{Fault, PATIENCE, Transmitter},
    verdict_on,
};
use crate::support::Server;

/// A server that asks this transmitter, which answers at once where there is nothing.
fn polling(transmitter: &Transmitter, more: &str) -> Server {
    let url = transmitter.url("/poll");
    let lines = "poll_wait = \"0s\"\npoll_interval = \"100ms\"\npoll_timeout = \"1s\"\n";
    server_with(format!("{EVENTS}poll_url = {url:?}\n{lines}{more}").leak())
}

/// A token about one subject, by whose name it is known.
fn about(server: &Server, subject: &str, changes: &Value) -> String {
    server.security_event(&changed(json!({"jti": subject, "sub_id": named(subject)}), changes))
}

/// Waits until a token is refused.
async fn until_refused(server: &Server, token: &str) {
    let began = Instant::now();
    while verdict_on(server, token).await == Verdict::Valid {
        assert!(began.elapsed() < PATIENCE, "it is still honoured:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_fetched_page_by_page_and_acknowledged() {
    let transmitter = Transmitter::start().await;
    let server = polling(&transmitter, "poll_max_events = 10\n");
    let subjects: Vec<String> = (0..35).map(|number| format!("user-{number}")).collect();
    for subject in &subjects {
        transmitter.tell(subject, about(&server, subject, &json!({})));
    }
    transmitter.until_told().await;
    for subject in &subjects {
        let token = session_token(&server, subject, "s");
        assert_eq!(verdict_on(&server, &token).await, Verdict::SubjectLoggedOut, "{subject}");
    }
    let mut acknowledged = transmitter.acknowledged();
    acknowledged.sort();
    acknowledged.dedup();
    assert_eq!(acknowledged.len(), subjects.len());
    assert!(transmitter.errors().is_empty());
    let questions = transmitter.questions();
    assert!(
        questions.iter().all(|question| question.body["maxEvents"] == 10 && question.body["returnImmediately"] == true)
    );
    assert!(questions.iter().all(|question| question.headers["content-type"] == "application/json"));
    assert!(!server.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_on_disk() {
    let transmitter = Transmitter::start().await;
    let mut server = polling(&transmitter, "");
    for number in 0..5 {
        let subject = format!("user-{number}");
        let before = session_token(&server, &subject, "s");
        transmitter.tell(&subject, about(&server, &subject, &json!({})));
        transmitter.until_told().await;
        server.kill();
        server.restart();
        assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_do_not_hold_are_reported_and_those_beside_them_are_taken() {
    let transmitter = Transmitter::start().await;
    let server = polling(&transmitter, "");
    let before = session_token(&server, "bad", "s");
    let stranger = Minter::generate("k1").unwrap();
    let signer =
        curfew::token::Signer::from_pem(curfew::token::Algorithm::Es256, stranger.private_pem().as_bytes(), Some("k1"));
    let signer = signer.unwrap().typed(Some("secevent+jwt"));
    let bad = |changes: Value| about(&server, "bad", &changes);
    let cases = [
        ("garbage", json!("garbage"), "invalid_request"),
        ("a number", json!(7), "invalid_request"),
        ("typ", json!(server.signed_as(Some("JWT"), &event_claims(&json!({"jti": "typ"})))), "invalid_request"),
        ("aud", json!(bad(json!({"jti": "aud", "aud": "else"}))), "invalid_audience"),
        ("iss", json!(bad(json!({"jti": "iss", "iss": "https://else.example"}))), "invalid_issuer"),
        ("exp", json!(bad(json!({"jti": "exp", "exp": 1}))), "invalid_request"),
        ("key", json!(signer.sign(&event_claims(&json!({"jti": "key"}))).unwrap()), "invalid_key"),
        // What is acknowledged must be what was looked at.
        ("another's", json!(bad(json!({"jti": "somebody-else-s"}))), "invalid_request"),
    ];
    for (id, token, _) in &cases {
        transmitter.tell(id, token.clone());
    }
    let good = session_token(&server, "ann", "s");
    transmitter.tell("ann", about(&server, "ann", &json!({})));
    transmitter.until_told().await;
    assert_eq!(verdict_on(&server, &good).await, Verdict::SubjectLoggedOut);
    assert_eq!(verdict_on(&server, &before).await, Verdict::Valid);
    assert_eq!(transmitter.acknowledged(), ["ann"]);
    let errors = transmitter.errors();
    assert_eq!(errors.len(), cases.len());
    for (id, _, code) in &cases {
        assert_eq!(errors[*id]["err"], *code, "{id}: {}", errors[*id]);
        assert!(errors[*id]["description"].as_str().is_some_and(|text| !text.is_empty() && !text.contains("eyJ")));
    }
    let told = transmitter.questions().into_iter().find(|question| !question.body["setErrs"].is_null()).unwrap();
    assert_eq!(told.headers["content-language"], "en");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transmitter_that_answers_nonsense_is_asked_again_and_not_at_once() {
    let transmitter = Transmitter::start().await;
    let faults = [Fault::Status(500), Fault::Text("<html>"), Fault::Status(401)];
    faults.iter().for_each(|fault| transmitter.fail(*fault));
    let server = polling(&transmitter, "");
    let before = session_token(&server, "ann", "s");
    transmitter.tell("ann", about(&server, "ann", &json!({})));
    transmitter.until_told().await;
    assert_eq!(verdict_on(&server, &before).await, Verdict::SubjectLoggedOut);
    let questions = transmitter.questions();
    for (number, least) in [(1, 1), (2, 2), (3, 4)] {
        let pause = questions[number].at - questions[number - 1].at;
        assert!(pause >= Duration::from_secs(least), "{number}: {pause:?}");
    }
    let log = server.log();
    assert!(log.matches("security events could not be fetched").count() == 3 && log.contains("answers again"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transmitter_that_is_too_slow_or_says_too_much_is_not_waited_for() {
    for fault in [Fault::Slow, Fault::Silent, Fault::Huge, Fault::Text(r#"{"sets":[]}"#)] {
        let transmitter = Transmitter::start().await;
        transmitter.fail(fault);
        let server = polling(&transmitter, "poll_max_events = 100\n");
        let before = session_token(&server, "ann", "s");
        transmitter.tell("ann", about(&server, "ann", &json!({})));
        until_refused(&server, &before).await;
        let questions = transmitter.questions();
        let took = questions[1].at - questions[0].at;
        assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(10), "{fault:?}: {took:?}");
        // Where it was too much, less is asked for.
        let fewer = if matches!(fault, Fault::Huge) { 50 } else { 100 };
        assert_eq!(questions[1].body["maxEvents"], fewer, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_could_not_take_is_neither_acknowledged_nor_refused() {
    let transmitter = Transmitter::start().await;
    let url = transmitter.url("/poll");
    // The transmitter's keys cannot be had.
    let lines = format!(
        "{EVENTS}poll_url = {url:?}\npoll_wait = \"0s\"\nissuer = \"https://t.example\"\nkeys = {{ jwks_url = \
         \"http://127.0.0.1:1/\" }}\n"
    );
    let server = server_with(lines.leak());
    transmitter.tell("ann", about(&server, "ann", &json!({"iss": "https://t.example"})));
    transmitter.until_asked(3).await;
    assert!(transmitter.acknowledged().is_empty() && transmitter.errors().is_empty());
    let questions = transmitter.questions();
    assert!(questions[2].at - questions[0].at >= Duration::from_secs(1), "it asks again and again");
    assert!(server.log().contains("the transmitter will send it again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_happens_while_the_transmitter_waits_is_taken_at_once() {
    let transmitter = Transmitter::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "Bearer what-was-agreed-upon\n").unwrap();
    let url = transmitter.url("/poll");
    let lines = format!("{EVENTS}poll_url = {url:?}\npoll_secret_file = {:?}\n", secret.path());
    let mut server = server_with(lines.leak());
    transmitter.until_asked(1).await;
    let before = session_token(&server, "ann", "s");
    let began = Instant::now();
    transmitter.tell("ann", about(&server, "ann", &json!({})));
    until_refused(&server, &before).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    transmitter.until_told().await;
    let question = &transmitter.questions()[0];
    assert_eq!(question.headers["authorization"], "Bearer what-was-agreed-upon");
    assert_eq!(question.body["returnImmediately"], false);
    assert!(!server.log().contains("what-was-agreed-upon"));
    // A question that is open does not keep the service from stopping.
    let began = Instant::now();
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transmitter_that_says_the_same_again_and_again_is_not_asked_all_the_time() {
    let transmitter = Transmitter::start().await;
    transmitter.forget_what_it_is_told();
    let url = transmitter.url("/poll");
    let lines = format!("{EVENTS}poll_url = {url:?}\npoll_wait = \"0s\"\npoll_interval = \"1s\"\n");
    let server = server_with(lines.leak());
    let before = session_token(&server, "ann", "s");
    transmitter.tell("ann", about(&server, "ann", &json!({})));
    transmitter.tell("bad", "garbage");
    until_refused(&server, &before).await;
    let (asked, began) = (transmitter.questions().len(), Instant::now());
    transmitter.until_asked(asked + 3).await;
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
    assert_eq!(server.log().matches("a fetched security event told was recorded").count(), 1);
}
