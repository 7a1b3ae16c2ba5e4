//! What is decided, asked through each door of a real server.

use std::time::Instant;

use curfew::transport::grpc::pb::{self, Verdict, record_logout_request::Target};
use prost_types::{Timestamp, Value as ProtoValue, value::Kind};
use serde_json::{Value, json};

use crate::{
    support::{AUDIENCE, ISSUER, Server, logout_of, unix_seconds},
    support_doors::{Caller, Door, through_both_doors},
};

through_both_doors!(
    each_target_refuses_its_tokens_and_no_others,
    a_signing_key_and_an_issuer_end_for_all_tokens_so_far,
    a_compromised_key_signs_nothing_any_more_and_logs_nobody_out,
    a_user_s_own_token_is_refused_after_it_even_where_its_claim_is_ahead,
    the_claim_value_is_ready_to_be_set_in_each_format,
    a_client_s_own_logout_counts_where_the_client_is_named,
    after_settling_a_login_without_a_claim_is_honoured,
    reauthentication_is_by_the_reason_unless_something_else_is_said,
    a_user_s_own_token_logs_out_that_user_session_or_token,
    a_user_s_own_token_is_refused_after_it_even_where_the_issuer_s_clock_is_ahead,
    the_answer_shows_the_token_and_its_claims_only_where_the_signature_holds,
);

struct Bench {
    server: Server,
    client: Caller,
}

impl Bench {
    async fn new(door: Door, issuer: &'static str) -> Self {
        let server = door.server(issuer);
        let client = door.caller(&server).await;
        Self { server, client }
    }

    /// A token with every claim, issued so many seconds ago, and changed.
    fn token(&self, ago: i64, change: Value) -> String {
        let issued = unix_seconds() - ago;
        let mut claims = json!({
            "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "iat": issued, "exp": issued + 3600,
            "jti": "t1", "sid": "s1", "client_id": "app",
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.server.minter.sign(&claims).unwrap()
    }

    async fn validate(&mut self, token: &str) -> pb::ValidateTokenResponse {
        let request = pb::ValidateTokenRequest { token: token.to_owned(), ..Default::default() };
        self.client.validate_token(request).await.unwrap().into_inner()
    }

    async fn record(&mut self, target: Target) -> pb::RecordLogoutResponse {
        let request = pb::RecordLogoutRequest { target: Some(target), ..Default::default() };
        self.client.record_logout(request).await.unwrap().into_inner()
    }

    async fn last_logout(&mut self, subject: &str, client: &str) -> pb::GetLastLogoutResponse {
        let request = pb::GetLastLogoutRequest {
            subject: subject.to_owned(),
            client_id: client.to_owned(),
            ..Default::default()
        };
        self.client.get_last_logout(request).await.unwrap().into_inner()
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn subject(client_id: &str) -> Target {
    Target::Subject(pb::Subject { issuer: text("op"), subject: text("ann"), client_id: text(client_id) })
}

async fn each_target_refuses_its_tokens_and_no_others(door: Door) {
    let issuer = text(ISSUER);
    let session = pb::Session { issuer: issuer.clone(), session_id: text("s1"), subject: text("") };
    let cases = [
        (subject(""), json!({"sub": "bob"}), Verdict::SubjectLoggedOut),
        (subject("app"), json!({"client_id": "shop"}), Verdict::SubjectLoggedOut),
        (Target::Session(session), json!({"sid": "s2"}), Verdict::SessionLoggedOut),
        (
            Target::TokenId(pb::TokenId { issuer: issuer.clone(), jti: text("t1") }),
            json!({"jti": "t2"}),
            Verdict::TokenRevoked,
        ),
        (
            Target::Client(pb::Client { issuer: issuer.clone(), client_id: text("app") }),
            json!({"client_id": "shop"}),
            Verdict::ClientRevoked,
        ),
    ];
    for (target, other, verdict) in cases {
        let mut bench = Bench::new(door, "session_claim = \"sid\"").await;
        let (covered, other) = (bench.token(60, json!({})), bench.token(60, other));
        assert!(bench.validate(&covered).await.valid && bench.validate(&other).await.valid);
        let recorded = bench.record(target.clone()).await;
        let refused = bench.validate(&covered).await;
        assert_eq!((refused.valid, refused.verdict()), (false, verdict), "{target:?}");
        assert!(refused.revision >= recorded.revision && recorded.advanced);
        assert_eq!(refused.logout, recorded.logout, "the logout that decided is shown");
        assert!(bench.validate(&other).await.valid, "{target:?} touched another");
    }
}

async fn a_signing_key_and_an_issuer_end_for_all_tokens_so_far(door: Door) {
    for (target, verdict) in [
        (Target::Key(pb::Key { issuer: text("op"), kid: text("k1") }), Verdict::KeyRevoked),
        (Target::Issuer(pb::Issuer { issuer: text("op") }), Verdict::IssuerRevoked),
    ] {
        let mut bench = Bench::new(door, "").await;
        let (ann, bob) = (bench.token(60, json!({})), bench.token(60, json!({"sub": "bob"})));
        bench.record(target).await;
        assert_eq!(bench.validate(&ann).await.verdict(), verdict);
        assert_eq!(bench.validate(&bob).await.verdict(), verdict);
        // What is issued in a later second passes.
        let later = bench.token(-2, json!({}));
        assert!(bench.validate(&later).await.valid);
    }
}

async fn a_compromised_key_signs_nothing_any_more_and_logs_nobody_out(door: Door) {
    let key = Target::Key(pb::Key { issuer: text("op"), kid: text("k1") });
    let mut bench = Bench::new(door, "").await;
    // Revoked as a matter of routine: what it signed before is refused, and cannot log anybody out either.
    bench.record(key.clone()).await;
    let (before, later) = (bench.token(60, json!({})), bench.token(-2, json!({})));
    assert_eq!(bench.validate(&before).await.verdict(), Verdict::KeyRevoked);
    assert!(bench.validate(&later).await.valid);
    let own =
        |token: &str| pb::RecordLogoutRequest { target: Some(Target::Token(token.to_owned())), ..Default::default() };
    assert!(bench.client.record_logout(own(&before)).await.unwrap_err().message().contains("signing key"));
    // In the wrong hands: `iat` says nothing.
    let request = pb::RecordLogoutRequest {
        target: Some(key.clone()),
        reason: pb::LogoutReason::Compromise.into(),
        ..Default::default()
    };
    bench.client.record_logout(request).await.unwrap();
    assert_eq!(bench.validate(&later).await.verdict(), Verdict::KeyRevoked);
    assert!(bench.client.record_logout(own(&later)).await.is_err());
    // And nothing recorded later brings it back.
    bench.record(key).await;
    assert_eq!(bench.validate(&later).await.verdict(), Verdict::KeyRevoked);
}

async fn a_user_s_own_token_is_refused_after_it_even_where_its_claim_is_ahead(door: Door) {
    let mut bench = Bench::new(door, "last_logout_claim = \"ll\"\nlast_logout_format = \"milliseconds\"").await;
    let token = bench.token(0, json!({"ll": (unix_seconds() + 9) * 1000}));
    assert!(bench.validate(&token).await.valid);
    bench.record(Target::Token(token.clone())).await;
    assert_eq!(bench.validate(&token).await.verdict(), Verdict::SubjectLoggedOut);
}

async fn the_claim_value_is_ready_to_be_set_in_each_format(door: Door) {
    for (issuer, is_of_format) in [
        (
            "last_logout_claim = \"ll\"\nlast_logout_format = \"rfc3339\"",
            (|kind| matches!(kind, Kind::StringValue(_))) as fn(&Kind) -> bool,
        ),
        (
            "last_logout_claim = \"ll\"\nlast_logout_format = \"seconds\"",
            |kind| matches!(kind, Kind::NumberValue(n) if *n < 1e10),
        ),
        (
            "last_logout_claim = \"ll\"\nlast_logout_format = \"milliseconds\"",
            |kind| matches!(kind, Kind::NumberValue(n) if *n > 1e12),
        ),
    ] {
        let mut bench = Bench::new(door, issuer).await;
        let never = bench.last_logout("ann", "").await;
        assert_eq!((never.last_logout_time, never.claim_value.unwrap().kind), (None, Some(Kind::NullValue(0))));
        // Twenty times within a second or two: with the claim, no fresh login is refused and no old token honoured.
        for _ in 0..20 {
            let value = bench_value(&mut bench).await;
            let before = bench.token(0, json!({"ll": claim(value)}));
            assert!(bench.validate(&before).await.valid);
            bench.record(subject("")).await;
            assert_eq!(bench.validate(&before).await.verdict(), Verdict::SubjectLoggedOut);
            let value = bench_value(&mut bench).await;
            assert!(is_of_format(value.kind.as_ref().unwrap()), "{value:?}");
            let after = bench.token(0, json!({"ll": claim(value)}));
            assert!(bench.validate(&after).await.valid);
        }
    }
}

async fn bench_value(bench: &mut Bench) -> ProtoValue {
    bench.last_logout("ann", "").await.claim_value.unwrap()
}

fn claim(value: ProtoValue) -> Value {
    match value.kind {
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::NumberValue(number)) => json!(number),
        _ => Value::Null,
    }
}

async fn a_client_s_own_logout_counts_where_the_client_is_named(door: Door) {
    let mut bench = Bench::new(door, "").await;
    let recorded = bench.record(subject("app")).await.logout.unwrap();
    assert_eq!(bench.last_logout("ann", "app").await.last_logout_time, recorded.logout_time);
    assert_eq!(bench.last_logout("ann", "").await.last_logout_time, None);
    assert_eq!(bench.last_logout("ann", "shop").await.last_logout_time, None);
}

async fn after_settling_a_login_without_a_claim_is_honoured(door: Door) {
    let mut bench = Bench::new(door, "settle = true").await;
    for _ in 0..3 {
        let old = bench.token(0, json!({}));
        let started = Instant::now();
        bench.record(subject("")).await;
        assert!(started.elapsed().as_millis() <= 1_200, "settling took {:?}", started.elapsed());
        let fresh = bench.token(0, json!({}));
        assert!(bench.validate(&fresh).await.valid);
        assert_eq!(bench.validate(&old).await.verdict(), Verdict::SubjectLoggedOut);
    }
}

async fn reauthentication_is_by_the_reason_unless_something_else_is_said(door: Door) {
    let provider = i32::from(pb::LogoutReason::ProviderLogout);
    let app = i32::from(pb::LogoutReason::UserLogout);
    for (issuer, reason, asked, must) in [
        ("", provider, None, true),
        ("", app, None, false),
        ("", provider, Some(false), false),
        ("", app, Some(true), true),
        ("reauthenticate = true", app, None, true),
        ("reauthenticate = false", provider, None, false),
        ("reauthenticate = false", app, Some(true), true),
    ] {
        let mut bench = Bench::new(door, issuer).await;
        let happened = Timestamp { seconds: unix_seconds() - 100, nanos: 0 };
        let request =
            pb::RecordLogoutRequest { reason, reauthenticate: asked, logout_time: Some(happened), ..logout_of("ann") };
        let logout = bench.client.record_logout(request).await.unwrap().into_inner().logout.unwrap();
        assert_eq!(logout.reauthenticate_after_time, must.then_some(happened));
        assert!(!logout.live);
        // Refreshed since: a fresh `iat`, an old `auth_time`.
        let refreshed = bench.token(10, json!({"auth_time": unix_seconds() - 200}));
        assert_eq!(bench.validate(&refreshed).await.valid, !must);
        let authenticated = bench.token(10, json!({"auth_time": unix_seconds() - 50}));
        assert!(bench.validate(&authenticated).await.valid);
    }
}

async fn a_user_s_own_token_logs_out_that_user_session_or_token(door: Door) {
    for (scope, verdict, others) in [
        (pb::TokenScope::Unspecified, Verdict::SubjectLoggedOut, Verdict::SubjectLoggedOut),
        (pb::TokenScope::Subject, Verdict::SubjectLoggedOut, Verdict::SubjectLoggedOut),
        (pb::TokenScope::Session, Verdict::SessionLoggedOut, Verdict::Valid),
        (pb::TokenScope::Token, Verdict::TokenRevoked, Verdict::Valid),
    ] {
        let mut bench = Bench::new(door, "session_claim = \"sid\"").await;
        let token = bench.token(60, json!({}));
        let other = bench.token(60, json!({"sid": "s2", "jti": "t2"}));
        let bob = bench.token(60, json!({"sub": "bob", "sid": "s3", "jti": "t3"}));
        let request = pb::RecordLogoutRequest {
            target: Some(Target::Token(token.clone())),
            token_scope: scope.into(),
            ..Default::default()
        };
        bench.client.record_logout(request).await.unwrap();
        assert_eq!(bench.validate(&token).await.verdict(), verdict);
        assert_eq!(bench.validate(&other).await.verdict(), others);
        assert!(bench.validate(&bob).await.valid);
    }
}

async fn a_user_s_own_token_is_refused_after_it_even_where_the_issuer_s_clock_is_ahead(door: Door) {
    for ahead in [0, 1, 3, 9] {
        let mut bench = Bench::new(door, "").await;
        let token = bench.token(-ahead, json!({}));
        assert!(bench.validate(&token).await.valid);
        bench.record(Target::Token(token.clone())).await;
        assert_eq!(bench.validate(&token).await.verdict(), Verdict::SubjectLoggedOut, "{ahead} s ahead");
    }
}

async fn the_answer_shows_the_token_and_its_claims_only_where_the_signature_holds(door: Door) {
    let mut bench = Bench::new(door, "session_claim = \"sid\"").await;
    let good = bench.token(60, json!({"nested": {"a": [1, null, true]}}));
    let ask =
        |token: &str| pb::ValidateTokenRequest { token: token.to_owned(), include_claims: true, ..Default::default() };
    let answer = bench.client.validate_token(ask(&good)).await.unwrap().into_inner();
    let token = answer.token.unwrap();
    assert_eq!((token.subject.as_str(), token.session_id.as_str(), token.jti.as_str()), ("ann", "s1", "t1"));
    assert_eq!((token.issuer.as_str(), token.client_id.as_str()), (ISSUER, "app"));
    assert!(answer.claims.unwrap().fields.contains_key("nested"));
    let mut forged = good.clone();
    forged.replace_range(
        good.len() - 6..good.len() - 5,
        if &good[good.len() - 6..good.len() - 5] == "A" { "B" } else { "A" },
    );
    let answer = bench.client.validate_token(ask(&forged)).await.unwrap().into_inner();
    assert_eq!((answer.verdict(), answer.token, answer.claims), (Verdict::BadSignature, None, None));
    assert!(!bench.server.log().contains(&good[..40]), "a token is in the log");
}
