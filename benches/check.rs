//! What a check costs in process: the decision alone, and a token that was never seen before against the bare signature.
//!
//! `cargo bench --bench check`. The last lines are measured in turn and can be compared; the others drift with the machine.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so and ends")]

use std::{
    fs,
    hint::black_box,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use criterion::{Criterion, Throughput};
use curfew::{
    domain::{Clock, Cutoff, Issuer, Kind, LogoutReason, Mark, Timestamp},
    outbound::StaticKeys,
    service::{ConfiguredIssuer, Curfew, Issuers, TokenCache, TokenRequest},
    store::MemoryStore,
    token::{
        Algorithm, ClaimAhead, ClaimFormat, Claims, Compact, Cutoffs, KeySet, LastLogoutClaim, Rules, decide,
        key_from_pem, verify,
    },
};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

const NOW: i64 = 1_780_000_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        at(NOW * 1000)
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("an instant of 2026")
}

fn rules() -> Rules {
    Rules {
        issuer: Issuer::parse("https://acme.eu.auth0.com/").expect("an issuer"),
        algorithms: vec![Algorithm::Rs256],
        audiences: vec!["https://api.acme.example".to_owned()],
        types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        leeway: Duration::from_secs(10),
        clock_skew: Duration::ZERO,
        max_token_lifetime: Duration::from_secs(86_400),
        last_logout: Some(LastLogoutClaim {
            name: "https://acme.example/last_logout".into(),
            format: ClaimFormat::Rfc3339,
        }),
        claim_ahead: ClaimAhead::Accept,
        session_claim: Some("sid".to_owned()),
    }
}

/// A 2048-bit key made for the occasion by openssl: the private and the public half.
fn rsa_key() -> (Vec<u8>, Vec<u8>) {
    let directory = tempfile::tempdir().expect("a directory");
    let (private, public) = (directory.path().join("private.pem"), directory.path().join("public.pem"));
    let openssl = |arguments: &[&str]| {
        let status = Command::new("openssl").args(arguments).stderr(std::process::Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "openssl is needed to make a key");
    };
    let (private_path, public_path) = (private.display().to_string(), public.display().to_string());
    openssl(&["genrsa", "-out", &private_path, "2048"]);
    openssl(&["rsa", "-in", &private_path, "-pubout", "-out", &public_path]);
    (fs::read(private).expect("a key"), fs::read(public).expect("a key"))
}

/// A token as a large provider issues them, some 900 bytes.
fn token(private: &[u8]) -> String {
    let claims = json!({
        "iss": "https://acme.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": ["https://api.acme.example", "https://acme.eu.auth0.com/userinfo"],
        "iat": NOW - 60, "exp": NOW + 3600, "azp": "my_client_id_0123456789abcdef",
        "scope": "openid profile email offline_access read:orders write:orders",
        "sid": "5f3c1f0e-6b1e-4a2c-9b1e-1f0e6b1e4a2c", "jti": "k2J8s0dPq1x",
        "https://acme.example/last_logout": "2026-05-01T00:00:00.123Z",
        "permissions": ["read:orders", "write:orders", "read:profile"],
    });
    let key = EncodingKey::from_rsa_pem(private).expect("a private key");
    jsonwebtoken::encode(&Header::new(jsonwebtoken::Algorithm::RS256), &claims, &key).expect("a token")
}

/// A logout of every scope that covers the token, each of which lets it pass: the longest way through the decision.
fn cutoffs() -> Cutoffs {
    let two_months_ago = at(NOW * 1000 - 60 * 86_400_000);
    let mark = |logout_time| Mark { logout_time, record_time: logout_time, reason: LogoutReason::UserLogout };
    let live = Cutoff::of(mark(two_months_ago), Kind::Live, true).instants();
    let both = live.join(Cutoff::of(mark(two_months_ago.plus(Duration::from_secs(1))), Kind::Late, false).instants());
    let key = Cutoff::of(mark(two_months_ago), Kind::Live, false).instants();
    Cutoffs { subject: both, subject_at_client: both, client: both, key, issuer: both, ..Cutoffs::default() }
}

fn keys(public: &[u8]) -> KeySet {
    key_from_pem(public, None, &[Algorithm::Rs256]).expect("a public key")
}

fn main() {
    let (private, public) = rsa_key();
    let (raw_token, rules, keys_) = (token(&private), rules(), keys(&public));
    let compact = Compact::parse(&raw_token).expect("a token");
    let claims: Claims = verify(&compact, &rules, &keys_).expect("it verifies").claims;
    let cutoffs = cutoffs();
    let mut criterion = Criterion::default().configure_from_args();

    criterion.bench_function("decide, claims in hand", |bench| {
        bench.iter(|| decide(black_box(&claims), black_box(&cutoffs), &rules, &[], at(NOW * 1000)).is_ok());
    });

    let mut group = criterion.benchmark_group("RS256");
    group.throughput(Throughput::Elements(1)).sample_size(200);
    let bare = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki(&public));
    let parsed = bare.parse().expect("a public key");
    group.bench_function("bare verification, key parsed before", |bench| {
        bench.iter(|| parsed.verify_sig(black_box(compact.signing_input.as_bytes()), &compact.signature).is_ok());
    });
    group.bench_function("bare verification, key parsed each time", |bench| {
        bench.iter(|| bare.verify(black_box(compact.signing_input.as_bytes()), &compact.signature).is_ok());
    });
    group.bench_function("parse, verify and decide", |bench| {
        bench.iter(|| {
            let compact = Compact::parse(black_box(&raw_token)).expect("a token");
            let verified = verify(&compact, &rules, &keys_).expect("it verifies");
            decide(&verified.claims, &cutoffs, &rules, &[], at(NOW * 1000)).is_ok()
        });
    });
    let curfew = service(&public);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let request = TokenRequest {
        raw_token: raw_token.as_bytes(),
        audiences: &[],
        min_revision: Default::default(),
        include_claims: false,
    };
    group.bench_function("validate_token, an empty store", |bench| {
        bench
            .iter(|| runtime.block_on(curfew.validate_token(black_box(&request))).expect("an answer").decision.is_ok());
    });
    group.finish();
    criterion.final_summary();

    let bare = || parsed.verify_sig(black_box(compact.signing_input.as_bytes()), &compact.signature).is_ok();
    let check = || {
        let compact = Compact::parse(black_box(&raw_token)).expect("a token");
        let verified = verify(&compact, &rules, &keys_).expect("it verifies");
        decide(&verified.claims, &cutoffs, &rules, &[], at(NOW * 1000)).is_ok()
    };
    let call = || runtime.block_on(curfew.validate_token(black_box(&request))).expect("an answer").decision.is_ok();
    assert!(bare(), "the bare verification refuses");
    assert!(check(), "the check refuses");
    assert!(call(), "the service refuses: {:?}", runtime.block_on(curfew.validate_token(&request)));
    println!("\nin turn, medians of {ROUNDS} rounds, against the bare verification with its key parsed before:");
    let [bare, check, call] = in_turn([&bare, &check, &call]);
    println!("  bare verification           {bare:6.2} µs");
    println!("  parse, verify and decide    {check:6.2} µs   {:.2}", check / bare);
    println!("  validate_token              {call:6.2} µs   {:.2}", call / bare);
}

/// How often each is measured.
const ROUNDS: usize = 201;

/// How often each is done in one measurement.
const TIMES: u32 = 100;

/// The median time of each in microseconds, measured in turn, so that the machine's drift meets them all alike.
fn in_turn<const N: usize>(things: [&dyn Fn() -> bool; N]) -> [f64; N] {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for _round in 0..ROUNDS {
        for (thing, times) in things.iter().zip(&mut times) {
            let started = Instant::now();
            assert!((0..TIMES).all(|_| thing()), "an answer was wrong");
            times.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(ROUNDS / 2).copied().unwrap_or_default()
    })
}

fn service(public: &[u8]) -> Curfew {
    let issuer = ConfiguredIssuer {
        name: "acme".to_owned(),
        rules: rules(),
        keys: Arc::new(StaticKeys::new(keys(public))),
        settle: false,
        reauthenticate: None,
        elsewhere: Default::default(),
    };
    Curfew::new(Issuers::new(vec![issuer]), Arc::new(MemoryStore::new()), Arc::new(FixedClock), TokenCache::new(0))
}

/// The DER of a PEM file's public key.
fn spki(pem: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(pem);
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).expect("base64")
}
