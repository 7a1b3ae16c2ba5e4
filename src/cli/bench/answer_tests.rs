//! Tests of how answers are judged.

use prost_types::Timestamp;
use tonic_types::ErrorDetails;

use super::*;
use crate::cli::bench::requests::frame;

const ANY: Wanted = Wanted { verdict: None, raw_bytes: 0 };

fn ok() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static("0"))])
}

fn reply(body: Bytes) -> Reply {
    Reply { http: StatusCode::OK, head: HeaderMap::new(), body, trailers: Some(ok()) }
}

fn valid(subject: &str) -> pb::ValidateTokenResponse {
    pb::ValidateTokenResponse {
        valid: true,
        verdict: Verdict::Valid.into(),
        token: Some(pb::TokenInfo { subject: subject.to_owned(), ..Default::default() }),
        ..Default::default()
    }
}

#[test]
fn an_answer_about_another_token_is_wrong() {
    let asked = Asked::Token(Some("ann"));
    let answer = judge(&asked, &reply(frame(&valid("ann"))), ANY);
    assert_eq!(answer, Answer::Right(Some(Verdict::Valid)));
    assert!(matches!(judge(&asked, &reply(frame(&valid("bob"))), ANY), Answer::Wrong(..)));
    let wanted = Wanted { verdict: Some(Verdict::Expired), ..ANY };
    assert!(matches!(judge(&asked, &reply(frame(&valid("ann"))), wanted), Answer::Wrong(Some(Verdict::Valid), _)));
    let torn = pb::ValidateTokenResponse { valid: false, ..valid("ann") };
    assert!(matches!(judge(&asked, &reply(frame(&torn)), ANY), Answer::Wrong(..)));
}

#[test]
fn a_body_that_is_not_one_message_is_wrong() {
    let whole = frame(&valid("ann"));
    let twice = [whole.clone(), whole.clone()].concat().into();
    let compressed = [&[1], whole.slice(1..).as_ref()].concat().into();
    for body in [Bytes::new(), whole.slice(..3), whole.slice(..whole.len() - 1), twice, compressed] {
        assert!(matches!(judge(&Asked::Token(None), &reply(body), ANY), Answer::Wrong(None, _)));
    }
}

#[test]
fn an_error_is_never_a_success() {
    let details = ErrorDetails::with_error_info("OVERLOADED", "curfew.v1", std::collections::HashMap::new())
        .set_retry_info(Some(Duration::from_millis(200)))
        .clone();
    let status = Status::with_error_details(Code::ResourceExhausted, "too much", details);
    let mut headers = HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    let wanted = Failed {
        code: REFUSED,
        reason: "OVERLOADED".to_owned(),
        message: "too much".to_owned(),
        retry: Some(Duration::from_millis(200)),
    };
    assert_eq!(wanted.wait(), wanted.retry);
    // In the trailers, and in the head of an answer that is nothing else.
    let (head, trailers) = (HeaderMap::new(), Some(headers.clone()));
    let in_trailers = Reply { http: StatusCode::OK, head, body: frame(&valid("ann")), trailers };
    let in_head = Reply { http: StatusCode::OK, head: headers, body: Bytes::new(), trailers: None };
    for reply in [in_trailers, in_head] {
        assert_eq!(judge(&Asked::Token(None), &reply, ANY), Answer::Failed(wanted.clone()));
    }
    let silent = Reply { trailers: None, ..reply(frame(&valid("ann"))) };
    assert!(matches!(judge(&Asked::Token(None), &silent, ANY), Answer::Failed(Failed { code: "NO_STATUS", .. })));
    let proxy = Reply { http: StatusCode::BAD_GATEWAY, ..reply(frame(&valid("ann"))) };
    assert!(matches!(judge(&Asked::Token(None), &proxy, ANY), Answer::Failed(Failed { code: "HTTP_STATUS", .. })));
}

#[test]
fn logouts_are_checked_for_what_they_cover_and_for_being_remembered() {
    let subject = pb::Subject { subject: "ann".to_owned(), ..Default::default() };
    let logout = pb::Logout { scope: Some(Scope::Subject(subject)), ..Default::default() };
    let recorded = reply(frame(&pb::RecordLogoutResponse { logout: Some(logout), revision: 1, advanced: true }));
    let fine = Answer::Right(None);
    assert_eq!(judge(&Asked::Logout("ann".to_owned(), 0), &recorded, ANY), fine);
    assert_ne!(judge(&Asked::Logout("bob".to_owned(), 0), &recorded, ANY), fine);
    let never = reply(frame(&pb::GetLastLogoutResponse { revision: 1, ..Default::default() }));
    let time = Some(Timestamp { seconds: 1, nanos: 0 });
    let once = reply(frame(&pb::GetLastLogoutResponse { last_logout_time: time, ..Default::default() }));
    assert_eq!(judge(&Asked::LastLogout(false), &never, ANY), fine);
    assert_eq!(judge(&Asked::LastLogout(true), &once, ANY), fine);
    assert_ne!(judge(&Asked::LastLogout(true), &never, ANY), fine);
}

#[test]
fn another_methods_answers_are_measured_by_their_length() {
    let five = reply(Bytes::from_static(&[0, 0, 0, 0, 5, 1, 2, 3, 4, 5]));
    for (raw_bytes, fits) in [(0, true), (5, true), (4, false)] {
        assert_eq!(judge(&Asked::Raw, &five, Wanted { raw_bytes, ..ANY }) == Answer::Right(None), fits);
    }
}
