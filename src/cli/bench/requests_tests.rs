//! Tests of what is sent: read back as the service reads it.

use clap::Parser;

use super::*;
use crate::cli::bench::{options::Load, wire::next_message};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    load: Load,
}

fn token(number: usize) -> Token {
    Token { text: format!("token.number.{number}"), subject: Some(format!("subject-{number}")) }
}

fn inputs(known: usize, fresh: usize) -> Inputs {
    let heads = Heads::new(&"127.0.0.1:50051".parse().unwrap(), None).map_err(|Failure(text)| text).unwrap();
    let tokens = |range: std::ops::Range<usize>| range.map(token).collect();
    Inputs::new(tokens(0..known), tokens(known..known + fresh), heads, "op".to_owned(), false)
        .map_err(|Failure(text)| text)
        .unwrap()
}

fn plan(arguments: &[&str]) -> Plan {
    let line = Line::try_parse_from([&["bench"], arguments].concat()).unwrap();
    Plan::of(&line.load, std::time::Duration::ZERO).map_err(|Failure(text)| text).unwrap()
}

fn read<M: Message + Default>(call: &Call<'_>) -> M {
    let mut bytes = BytesMut::from(&call.body[..]);
    let message = next_message(&mut bytes).unwrap().unwrap();
    assert!(bytes.is_empty());
    M::decode(message).unwrap()
}

#[test]
fn known_tokens_come_in_turn_and_each_lane_begins_elsewhere() {
    let (inputs, plan) = (inputs(4, 0), plan(&["--concurrency", "2", "--connections", "1"]));
    for (lane, order) in [(0, [0, 1, 2, 3, 0]), (1, [2, 3, 0, 1, 2])] {
        let mut source = Source::new(&inputs, &plan, lane);
        for number in order {
            let call = source.next().unwrap();
            assert_eq!(read::<pb::ValidateTokenRequest>(&call).token, token(number).text);
            assert_eq!(call.asked, Asked::Token(token(number).subject.as_deref()));
            assert_eq!(call.head.uri(), "http://127.0.0.1:50051/curfew.v1.RevocationService/ValidateToken");
        }
    }
}

#[test]
fn fresh_tokens_are_sent_once_by_all_lanes_together_until_there_are_no_more() {
    let (inputs, plan) = (inputs(0, 4), plan(&["--fresh", "1"]));
    let mut lanes = [Source::new(&inputs, &plan, 0), Source::new(&inputs, &plan, 1)];
    let mut send = || -> Vec<String> {
        let calls = (0..2).flat_map(|_| lanes.iter_mut().map(|lane| lane.next().unwrap()).collect::<Vec<_>>());
        calls.map(|call| read::<pb::ValidateTokenRequest>(&call).token).collect()
    };
    let all: Vec<String> = (0..4).map(|number| token(number).text).collect();
    assert_eq!((send(), inputs.repeated()), (all.clone(), 0));
    assert_eq!((send(), inputs.repeated()), (all, 1));
}

#[test]
fn logouts_are_of_one_invented_subject_each() {
    let (inputs, plan) = (inputs(0, 0), plan(&["--logouts", "1"]));
    let mut source = Source::new(&inputs, &plan, 0);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let call = source.next().unwrap();
        let request: pb::RecordLogoutRequest = read(&call);
        let Some(Target::Subject(subject)) = request.target else { panic!("a subject") };
        assert_eq!(subject.issuer, "op");
        assert!(subject.subject.starts_with("curfew-bench-") && !seen.contains(&subject.subject), "{subject:?}");
        assert_eq!(call.asked, Asked::Logout(subject.subject.clone(), seen.len() as u64));
        seen.push(subject.subject);
    }
}

#[test]
fn the_last_logout_is_asked_of_who_was_logged_out_else_of_who_is_known() {
    let (inputs, plan) = (inputs(1, 0), plan(&["--last-logouts", "1"]));
    let mut source = Source::new(&inputs, &plan, 0);
    let call = source.next().unwrap();
    assert_eq!(read::<pb::GetLastLogoutRequest>(&call).subject, "subject-0");
    assert_eq!(call.asked, Asked::LastLogout(false));
    source.recorded = Some(7);
    let call = source.next().unwrap();
    assert_eq!(read::<pb::GetLastLogoutRequest>(&call).subject, format!("{}7", inputs.prefix));
    assert_eq!(call.asked, Asked::LastLogout(true));
}

#[test]
fn requests_of_a_stream_are_packed_one_behind_the_other() {
    let inputs = inputs(2, 0);
    let mut bytes = BytesMut::new();
    for (id, prepared) in ["0", "slot-12345"].into_iter().zip(&inputs.known) {
        frame_of_stream(&mut bytes, id, &prepared.body);
    }
    for (number, id) in ["0", "slot-12345"].into_iter().enumerate() {
        let message = next_message(&mut bytes).unwrap().unwrap();
        let request = pb::ValidateTokensRequest::decode(message).unwrap();
        assert_eq!((request.request_id.as_str(), request.request.unwrap().token), (id, token(number).text));
    }
    assert!(next_message(&mut bytes).is_none());
}

#[test]
fn a_message_that_is_not_there_in_full_is_waited_for() {
    let whole = frame(&pb::ValidateTokenRequest { token: "a.b.c".to_owned(), ..Default::default() });
    for end in 0..whole.len() {
        assert!(next_message(&mut BytesMut::from(&whole[..end])).is_none());
    }
    assert!(next_message(&mut BytesMut::from(&[1, 0, 0, 0, 0][..])).unwrap().is_err());
}
