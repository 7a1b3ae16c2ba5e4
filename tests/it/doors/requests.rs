//! Unfit requests: each is `INVALID_ARGUMENT` and names the field, with a reason that a program can read.

use std::sync::Arc;

use curfew::{
    domain::{KeyId, LogoutReason, Source},
    outbound::StaticKeys,
    service::{self, Curfew, Issuers, LogoutRequest, ServiceError, TokenCache},
    store::MemoryStore,
    token::{Algorithm, hmac_key},
    transport::grpc::{
        FILE_DESCRIPTOR_SET,
        pb::{self, record_logout_request::Target},
    },
};
use prost::{
    Message,
    bytes::{Buf, BufMut},
};
use prost_types::{FileDescriptorSet, Timestamp};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};
use tonic_types::StatusExt;

use crate::{
    support::{ManualClock, Setup, logout_of, unix_seconds},
    support_doors::{Caller, Door, through_both_doors},
};

through_both_doors!(
    an_unfit_logout_names_the_field,
    an_impossible_time_is_refused_saying_why,
    an_unknown_issuer_is_named_with_the_configured_ones,
    a_logout_that_could_stop_nothing_is_refused,
    a_token_that_does_not_hold_logs_nobody_out,
    a_token_and_its_audiences_have_limits,
    a_revision_that_is_not_there_is_unavailable,
);

/// The field at fault, the reason and the text.
fn fault(status: &Status) -> (String, String, String) {
    let details = status.get_error_details();
    let field = details.bad_request().and_then(|bad| bad.field_violations.first().map(|fault| fault.field.clone()));
    let reason = details.error_info().map(|info| info.reason.clone());
    (field.unwrap_or_default(), reason.unwrap_or_default(), status.message().to_owned())
}

async fn refused(client: &mut Caller, request: pb::RecordLogoutRequest) -> Status {
    client.record_logout(request).await.expect_err("the request is unfit")
}

fn with(target: Target) -> pb::RecordLogoutRequest {
    pb::RecordLogoutRequest { target: Some(target), ..Default::default() }
}

async fn an_unfit_logout_names_the_field(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let long = "x".repeat(513);
    let subject = |issuer: &str, subject: &str, client_id: &str| {
        let (issuer, subject, client_id) = (issuer.to_owned(), subject.to_owned(), client_id.to_owned());
        with(Target::Subject(pb::Subject { issuer, subject, client_id }))
    };
    let empty = String::new;
    let cases = [
        (pb::RecordLogoutRequest::default(), "target"),
        (subject("", "", ""), "subject.subject"),
        (subject("", &long, ""), "subject.subject"),
        (subject("", "ann", &long), "subject.client_id"),
        (subject(&long, "ann", ""), "subject.issuer"),
        (
            with(Target::Session(pb::Session { issuer: empty(), session_id: empty(), subject: empty() })),
            "session.session_id",
        ),
        (with(Target::TokenId(pb::TokenId { issuer: empty(), jti: empty() })), "token_id.jti"),
        (with(Target::Client(pb::Client { issuer: empty(), client_id: empty() })), "client.client_id"),
        (with(Target::Key(pb::Key { issuer: empty(), kid: empty() })), "key.kid"),
        (with(Target::Token(empty())), "token"),
        (pb::RecordLogoutRequest { token_scope: 1, ..logout_of("ann") }, "token_scope"),
        (pb::RecordLogoutRequest { token_scope: 99, ..with(Target::Token("x".to_owned())) }, "token_scope"),
        (pb::RecordLogoutRequest { reason: 99, ..logout_of("ann") }, "reason"),
    ];
    for (request, field) in cases {
        let status = refused(&mut client, request.clone()).await;
        let (found, reason, text) = fault(&status);
        assert_eq!((status.code(), found.as_str()), (Code::InvalidArgument, field), "{request:?}: {text}");
        assert_eq!(reason, "INVALID_REQUEST");
        assert!(!text.contains(&long), "the text repeats what it was sent");
    }
}

async fn an_impossible_time_is_refused_saying_why(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let now = unix_seconds();
    for (seconds, nanos, says) in [
        (now + 3600, 0, "in the future"),
        (now * 1000, 0, "looks like milliseconds"),
        (now / 1000, 0, "looks like seconds taken for milliseconds"),
        (now, 2_000_000_000, "nanos"),
        (i64::MIN, 0, "before 1973"),
        (i64::MAX, 0, "looks like nanoseconds"),
    ] {
        // JSON has no words for the others: its times are dates.
        if door == Door::Http && !(nanos == 0 && (0..now + 7200).contains(&seconds)) {
            continue;
        }
        let request = pb::RecordLogoutRequest { logout_time: Some(Timestamp { seconds, nanos }), ..logout_of("ann") };
        let (field, _, text) = fault(&refused(&mut client, request).await);
        assert_eq!(field, "logout_time");
        assert!(text.contains(says), "{says}: {text}");
    }
    let found =
        client.get_last_logout(pb::GetLastLogoutRequest { subject: "ann".to_owned(), ..Default::default() }).await;
    assert_eq!(found.unwrap().into_inner().last_logout_time, None, "a refused logout was recorded");
}

async fn an_unknown_issuer_is_named_with_the_configured_ones(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let request = pb::GetLastLogoutRequest {
        issuer: "https://nobody.example".to_owned(),
        subject: "ann".to_owned(),
        ..Default::default()
    };
    let status = client.get_last_logout(request).await.unwrap_err();
    let (field, reason, text) = fault(&status);
    assert_eq!((field.as_str(), reason.as_str()), ("issuer", "UNKNOWN_ISSUER"));
    assert!(text.contains("https://nobody.example") && text.contains("op (\"https://op.example\")"), "{text}");
}

async fn a_logout_that_could_stop_nothing_is_refused(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let session = pb::Session { issuer: String::new(), session_id: "s".to_owned(), subject: String::new() };
    let status = refused(&mut client, with(Target::Session(session.clone()))).await;
    let (_, reason, text) = fault(&status);
    assert_eq!((status.code(), reason.as_str()), (Code::FailedPrecondition, "NOT_ENFORCEABLE"));
    assert!(text.contains("session_claim"), "{text}");
    // With the subject it ends that subject's tokens.
    let with_subject = with(Target::Session(pb::Session { subject: "ann".to_owned(), ..session }));
    let recorded = client.record_logout(with_subject).await.unwrap().into_inner().logout.unwrap();
    assert!(matches!(recorded.scope, Some(pb::logout::Scope::Subject(subject)) if subject.subject == "ann"));
}

#[tokio::test]
async fn a_key_without_a_name_cannot_be_revoked_by_it() {
    for (kid, enforceable) in [(None, false), (Some(KeyId::parse("k1").unwrap()), true)] {
        let mut issuer = super::configured_issuer("op", "https://op.example");
        issuer.keys = Arc::new(StaticKeys::new(hmac_key(&[7; 32], kid, &[Algorithm::Hs256]).unwrap()));
        let clock = Arc::new(ManualClock::at(1_780_000_000_000));
        let curfew =
            Curfew::new(Issuers::new(vec![issuer]), Arc::new(MemoryStore::new()), clock, TokenCache::new(1 << 20));
        let request = LogoutRequest {
            target: service::Target::Key("op".to_owned(), KeyId::parse("k1").unwrap()),
            logout_time: None,
            reason: LogoutReason::Compromise,
            source: Source::Grpc,
            reauthenticate: None,
            settle: None,
        };
        match curfew.record_logout(request).await {
            Ok(_) => assert!(enforceable),
            Err(error) => assert!(!enforceable && matches!(error, ServiceError::NotEnforceable(_)), "{error}"),
        }
    }
}

async fn a_token_that_does_not_hold_logs_nobody_out(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let forged = curfew::token::Minter::generate("k1").unwrap();
    let now = unix_seconds();
    let claims = |aud: &str| serde_json::json!({"iss": "https://op.example", "sub": "ann", "aud": aud, "iat": now - 7200, "exp": now - 3600});
    let for_others = server.minter.sign(&claims("https://other.example")).unwrap();
    let by_others = forged.sign(&claims("https://api.example")).unwrap();
    for (token, verdict) in [
        ("rubbish".to_owned(), "VERDICT_MALFORMED"),
        (by_others, "VERDICT_BAD_SIGNATURE"),
        (for_others, "VERDICT_WRONG_AUDIENCE"),
    ] {
        let status = refused(&mut client, with(Target::Token(token.clone()))).await;
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.metadata["verdict"].as_str()), ("TOKEN_NOT_FIT", verdict));
        assert!(!format!("{status:?}").contains(&token) || token == "rubbish", "the token is in the error");
    }
    // An expired one of their own will do.
    let expired = server.minter.sign(&claims("https://api.example")).unwrap();
    assert!(client.record_logout(with(Target::Token(expired))).await.unwrap().into_inner().advanced);
}

async fn a_token_and_its_audiences_have_limits(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let ask = |token: &str, audiences: Vec<String>| pb::ValidateTokenRequest {
        token: token.to_owned(),
        audiences,
        ..Default::default()
    };
    for (request, field) in [
        (ask("", vec![]), "token"),
        (ask("t", vec!["a".to_owned(); 17]), "audiences"),
        (ask("t", vec!["a".to_owned(), String::new()]), "audiences[1]"),
        (ask("t", vec!["a".repeat(513)]), "audiences[0]"),
        (ask(&"t".repeat(2 << 20), vec![]), "request"),
    ] {
        let status = client.validate_token(request).await.unwrap_err();
        if field == "request" && door == Door::Http {
            assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
            continue;
        }
        assert_eq!((status.code(), fault(&status).0.as_str()), (Code::InvalidArgument, field), "{status:?}");
    }
    // A token of 64 KiB is a token, and malformed; over gRPC even one of 1 MiB.
    let answer = client.validate_token(ask(&"t".repeat(1 << 16), vec![])).await.unwrap().into_inner();
    assert_eq!(answer.verdict(), pb::Verdict::Malformed);
    if door == Door::Http {
        return;
    }
    let answer = client.validate_token(ask(&"t".repeat(1 << 20), vec![])).await.unwrap().into_inner();
    assert_eq!(answer.verdict(), pb::Verdict::Malformed);
}

async fn a_revision_that_is_not_there_is_unavailable(door: Door) {
    let server = door.server("");
    let mut client = door.caller(&server).await;
    let revision = client.record_logout(logout_of("ann")).await.unwrap().into_inner().revision;
    let ask = |min_revision| pb::GetLastLogoutRequest { subject: "ann".to_owned(), min_revision, ..Default::default() };
    assert!(client.get_last_logout(ask(revision)).await.is_ok());
    let status = client.get_last_logout(ask(revision + 1)).await.unwrap_err();
    assert_eq!((status.code(), fault(&status).1.as_str()), (Code::Unavailable, "REVISION_NOT_REACHED"));
    assert!(status.get_error_details().retry_info().is_some());
}

/// Sends bytes as they are.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_the_caller_s_fault() {
    let server = Setup::new().start();
    let channel = Channel::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    let mut raw = tonic::client::Grpc::new(channel);
    let service = "/curfew.v1.RevocationService";
    let cases: [(&str, &[u8], &str); 5] = [
        ("ValidateToken", b"\x0a\x02\xff\xfe", "token"),
        ("ValidateToken", b"\x08\x01", "token"),
        ("ValidateToken", b"\x0a\xff", "token"),
        ("GetLastLogout", b"\x12\x01\xc3", "subject"),
        ("RecordLogout", b"\x0a\x03\x12\x01\xff", "target.subject"),
    ];
    for (rpc, bytes, field) in cases {
        raw.ready().await.unwrap();
        let path = format!("{service}/{rpc}").parse().unwrap();
        let status = raw.unary(Request::new(bytes.to_vec()), path, Raw).await.unwrap_err();
        let (found, reason, text) = fault(&status);
        assert_eq!(status.code(), Code::InvalidArgument, "{rpc} {bytes:x?}: {status:?}");
        assert_eq!((found.as_str(), reason.as_str()), (field, "INVALID_REQUEST"), "{rpc} {bytes:x?}: {text}");
    }
    drop(server);
}

#[test]
fn every_message_and_field_of_the_protocol_is_described() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let file = set.file.iter().find(|file| file.package() == "curfew.v1").unwrap();
    let commented: Vec<&[i32]> = file
        .source_code_info
        .iter()
        .flat_map(|info| &info.location)
        .filter(|location| !location.leading_comments().trim().is_empty())
        .map(|location| location.path.as_slice())
        .collect();
    let mut wanted: Vec<Vec<i32>> = vec![vec![6, 0]];
    let index = |index: usize| i32::try_from(index).unwrap();
    wanted.extend((0..file.service[0].method.len()).map(|method| vec![6, 0, 2, index(method)]));
    for (message, descriptor) in file.message_type.iter().enumerate() {
        wanted.push(vec![4, index(message)]);
        wanted.extend((0..descriptor.field.len()).map(|field| vec![4, index(message), 2, index(field)]));
    }
    for (one, descriptor) in file.enum_type.iter().enumerate() {
        wanted.push(vec![5, index(one)]);
        wanted.extend((0..descriptor.value.len()).map(|value| vec![5, index(one), 2, index(value)]));
    }
    for path in wanted {
        assert!(commented.contains(&path.as_slice()), "nothing is said of the element at {path:?}");
    }
}
