//! Tokens that somebody would like to pass for good ones: each is refused, by the whole service, for the right reason.
//!
//! Where a fault of form or of a claim is examined, the token carries the issuer's true signature: nothing but that one
//! fault stands in its way. Times are seconds around [`NOW`].

#[path = "support_forged_claims.rs"]
mod claimed;
#[path = "support_forged_form.rs"]
mod form;
#[path = "support_forged_signatures.rs"]
mod signatures;

use std::{sync::Arc, time::Duration};

use curfew::{
    domain::{ClientId, Issuer, KeyId, LogoutReason, SessionId, Source, SubjectId, TokenId},
    outbound::StaticKeys,
    service::{ConfiguredIssuer, Curfew, Issuers, LogoutRequest, Target, TokenCache, TokenRequest},
    store::MemoryStore,
    token::{
        Algorithm, ClaimAhead, ClaimFormat, Family, KeyError, KeySet, LastLogoutClaim, MAX_TOKEN_BYTES, Rules, Verdict,
        hmac_key, key_set_from_jwks,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::{
    support::ManualClock,
    vectors::{
        keys::{OTHER_RSA, Pair, RSA, decode, encode, jwks, pem, signing_input},
        openssl,
    },
};

/// The present, and `iat` of every token unless it says otherwise.
const NOW: i64 = 1_780_000_000;

const EC: &str = "https://ec.example";
const ED: &str = "https://ed.example";
const RSA_ISSUER: &str = "https://rsa.example";
const SECRET: &str = "https://secret.example";

/// A claim or header member that is to be left out.
const ABSENT: &str = "";

fn rules(issuer: &str, algorithms: &[Algorithm]) -> Rules {
    Rules {
        issuer: Issuer::parse(issuer).unwrap(),
        algorithms: algorithms.to_vec(),
        audiences: vec!["https://api.example".to_owned()],
        types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        leeway: Duration::from_secs(10),
        clock_skew: Duration::ZERO,
        max_token_lifetime: Duration::from_secs(86_400),
        last_logout: Some(LastLogoutClaim { name: "ll".into(), format: ClaimFormat::Seconds }),
        claim_ahead: ClaimAhead::Accept,
        session_claim: Some("sid".to_owned()),
    }
}

/// A service of several issuers, and the private keys of all.
struct World {
    runtime: Runtime,
    curfew: Curfew,
    /// `k1` of [`EC`].
    ec: Pair,
    /// `k2` of [`EC`].
    ec2: Pair,
    /// `k1` of [`ED`].
    ed: Pair,
    /// Of [`SECRET`].
    secret: Pair,
}

impl World {
    fn new() -> Self {
        Self::with(|_| ())
    }

    /// With other rules.
    fn with(change: impl Fn(&mut Rules)) -> Self {
        let [ec, ec2] = [0; 2].map(|_| Pair::generate(Family::P256));
        let (ed, secret) = (Pair::generate(Family::Ed25519), Pair::generate(Family::Hmac));
        let weak = json!({"kty": "RSA", "kid": "weak", "n": openssl::WEAK_MODULUS, "e": "AQAB"});
        let sets = [
            (EC, Algorithm::Es256, vec![ec.jwk("k1"), ec2.jwk("k2"), secret.jwk("k3")]),
            (ED, Algorithm::EdDsa, vec![ed.jwk("k1")]),
            (RSA_ISSUER, Algorithm::Rs256, vec![RSA.jwk("k1"), OTHER_RSA.jwk("k4"), secret.jwk("k3"), weak]),
        ];
        let Pair::Secret(bytes) = &secret else { unreachable!() };
        let mut issuers = vec![configured(rules(SECRET, &[Algorithm::Hs256]), &change, |_| {
            hmac_key(bytes, None, &[Algorithm::Hs256])
        })];
        issuers.extend(sets.into_iter().map(|(iss, algorithm, keys)| {
            configured(rules(iss, &[algorithm]), &change, |rules| {
                key_set_from_jwks(jwks(&keys).as_bytes(), &[&[algorithm], rules.algorithms.as_slice()].concat())
            })
        }));
        let issuers = Issuers::new(issuers);
        let clock = Arc::new(ManualClock::at(NOW * 1000));
        let curfew = Curfew::new(issuers, Arc::new(MemoryStore::new()), clock, TokenCache::new(1 << 20));
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        Self { runtime, curfew, ec, ec2, ed, secret }
    }

    fn verdict(&self, raw_token: &str) -> Verdict {
        let request = TokenRequest {
            raw_token: raw_token.as_bytes(),
            audiences: &[],
            min_revision: Default::default(),
            include_claims: false,
        };
        let ask = || {
            let answer = self.runtime.block_on(self.curfew.validate_token(&request)).unwrap();
            answer.decision.map_or_else(|refusal| refusal.verdict(), |_| Verdict::Valid)
        };
        let first = ask();
        // What was seen before is no better for it.
        assert_eq!(ask(), first);
        first
    }

    fn log_out(&self, target: Target) {
        let reason = LogoutReason::UserLogout;
        let request = LogoutRequest {
            target,
            logout_time: None,
            reason,
            source: Source::Grpc,
            reauthenticate: None,
            settle: None,
        };
        self.runtime.block_on(self.curfew.record_logout(request)).unwrap();
    }

    /// A token of [`EC`] with its true signature.
    fn token(&self, header: &[(&str, &str)], payload: &[(&str, &str)]) -> String {
        self.ec.token(Algorithm::Es256, &ec_header(header), &claims(EC, payload))
    }

    /// The verdict on a token of [`EC`] whose claims are changed.
    fn with_claims(&self, changes: &[(&str, &str)]) -> Verdict {
        self.verdict(&self.token(&[], changes))
    }

    /// The verdict on a token of [`EC`] whose header is changed.
    fn with_header(&self, changes: &[(&str, &str)]) -> Verdict {
        self.verdict(&self.token(changes, &[]))
    }
}

/// An issuer with these rules, changed, and with the keys that are read for them.
fn configured(
    mut rules: Rules,
    change: impl Fn(&mut Rules),
    keys: impl Fn(&Rules) -> Result<KeySet, KeyError>,
) -> ConfiguredIssuer {
    change(&mut rules);
    let keys = Arc::new(StaticKeys::new(keys(&rules).unwrap()));
    ConfiguredIssuer {
        name: rules.issuer.to_string(),
        rules,
        keys,
        settle: false,
        reauthenticate: None,
        elsewhere: Default::default(),
    }
}

/// A JSON object of these members, written just so; changes replace, remove ([`ABSENT`]) or add.
fn object(members: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let changed = |name| changes.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let kept = members.iter().map(|(name, value)| (*name, changed(*name).unwrap_or(*value)));
    let added = changes.iter().copied().filter(|(name, _)| !members.iter().any(|(other, _)| other == name));
    let written: Vec<String> = kept
        .chain(added)
        .filter(|(_, value)| *value != ABSENT)
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", written.join(","))
}

fn ec_header(changes: &[(&str, &str)]) -> String {
    object(&[("alg", r#""ES256""#), ("kid", r#""k1""#), ("typ", r#""at+jwt""#)], changes)
}

fn claims(issuer: &str, changes: &[(&str, &str)]) -> String {
    let (iss, iat, exp) = (format!("\"{issuer}\""), NOW.to_string(), (NOW + 3600).to_string());
    let members = [
        ("iss", iss.as_str()),
        ("sub", r#""ann""#),
        ("aud", r#""https://api.example""#),
        ("iat", iat.as_str()),
        ("exp", exp.as_str()),
        ("jti", r#""token""#),
        ("sid", r#""session""#),
        ("client_id", r#""app""#),
        ("auth_time", iat.as_str()),
    ];
    object(&members, changes)
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[test]
fn a_true_token_of_every_issuer_is_honoured() {
    let world = World::new();
    let header = |algorithm: &str| format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#);
    let tokens = [
        world.token(&[], &[]),
        world.ed.token(Algorithm::EdDsa, &header("EdDSA"), &claims(ED, &[])),
        RSA.token(Algorithm::Rs256, &header("RS256"), &claims(RSA_ISSUER, &[])),
        world.secret.token(Algorithm::Hs256, &header("HS256"), &claims(SECRET, &[])),
    ];
    for token in tokens {
        assert_eq!(world.verdict(&token), Verdict::Valid, "{token}");
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    let world = World::new();
    for name in ["none", "None", "NONE", "nOnE", "", "null", "none ", "n\\u006fne"] {
        let header = ec_header(&[("alg", &format!("\"{name}\""))]);
        let input = signing_input(&header, &claims(EC, &[]));
        let signature = encode(world.ec.sign(Algorithm::Es256, input.as_bytes()));
        for signature in ["", &signature] {
            let verdict = world.verdict(&format!("{input}.{signature}"));
            assert_eq!(verdict, Verdict::AlgorithmNotAllowed, "{name:?} with {signature:?}");
        }
    }
    let bare = signing_input(&ec_header(&[]), &claims(EC, &[]));
    assert_eq!(world.verdict(&format!("{bare}.")), Verdict::BadSignature);
    for alg in [ABSENT, "null", "0", "[]", r#"["ES256"]"#, "{}", "true"] {
        assert_eq!(world.with_header(&[("alg", alg)]), Verdict::Malformed, "{alg}");
    }
}

#[test]
fn a_public_key_does_not_serve_as_a_secret() {
    let der = RSA.public_der();
    let file = pem("PUBLIC KEY", &der);
    let guesses = [
        file.clone().into_bytes(),
        file.trim_end().as_bytes().to_vec(),
        file.replace('\n', "\r\n").into_bytes(),
        der,
        RSA.modulus(),
        encode(RSA.modulus()).into_bytes(),
        RSA.jwk("k1").to_string().into_bytes(),
        jwks(&[RSA.jwk("k1")]).into_bytes(),
        Vec::new(),
    ];
    let strict = World::new();
    // A configuration that mixes the two kinds is refused at the start; the rule must hold without that, too.
    let mixed = World::with(|rules| rules.algorithms.extend([Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512]));
    for secret in guesses.map(Pair::Secret) {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#);
            let token = secret.token(algorithm, &header, &claims(RSA_ISSUER, &[]));
            assert_eq!(strict.verdict(&token), Verdict::AlgorithmNotAllowed);
            assert_eq!(mixed.verdict(&token), Verdict::UnknownKey);
        }
    }
}

#[test]
fn a_secret_that_is_served_in_a_key_set_is_nobodys() {
    let strict = World::new();
    let mixed = World::with(|rules| rules.algorithms.push(Algorithm::Hs256));
    for (world, expected) in [(strict, Verdict::AlgorithmNotAllowed), (mixed, Verdict::UnknownKey)] {
        for iss in [RSA_ISSUER, EC] {
            for kid in [r#""k3""#, ABSENT] {
                let header = object(&[("alg", r#""HS256""#), ("kid", kid)], &[]);
                let token = world.secret.token(Algorithm::Hs256, &header, &claims(iss, &[]));
                assert_eq!(world.verdict(&token), expected, "{iss}, {kid}");
            }
        }
    }
}

#[test]
fn an_algorithm_outside_the_issuers_list_is_refused_even_with_a_true_signature() {
    let world = World::new();
    for algorithm in [Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#);
        let token = RSA.token(algorithm, &header, &claims(RSA_ISSUER, &[]));
        assert_eq!(world.verdict(&token), Verdict::AlgorithmNotAllowed, "{algorithm}");
        // The name of the allowed one, the signature of this one.
        let token = RSA.token(algorithm, r#"{"alg":"RS256","kid":"k1"}"#, &claims(RSA_ISSUER, &[]));
        assert_eq!(world.verdict(&token), Verdict::BadSignature, "{algorithm}");
    }
    for name in
        ["es256", "ES256 ", " ES256", "ES256\\u0000", "ES256K", "ES384", "HS256", "RS256", "EdDSA", "\\u0415S256"]
    {
        let verdict = world.with_header(&[("alg", &format!("\"{name}\""))]);
        assert_eq!(verdict, Verdict::AlgorithmNotAllowed, "{name}");
    }
}

#[test]
fn a_key_is_found_by_its_name_among_the_issuers_own() {
    let world = World::new();
    let signed_by = |pair: &Pair, kid: &str| {
        world.verdict(&pair.token(Algorithm::Es256, &ec_header(&[("kid", kid)]), &claims(EC, &[])))
    };
    let stranger = Pair::generate(Family::P256);
    let cases = [
        (&world.ec, r#""k2""#, Verdict::BadSignature),
        (&world.ec2, r#""k1""#, Verdict::BadSignature),
        (&world.ec2, r#""k2""#, Verdict::Valid),
        (&stranger, r#""k1""#, Verdict::BadSignature),
        // Of another issuer, of another algorithm, and of nobody.
        (&world.ec, r#""k4""#, Verdict::UnknownKey),
        (&world.ec, r#""k3""#, Verdict::UnknownKey),
        (&stranger, r#""stranger""#, Verdict::UnknownKey),
        // Byte for byte.
        (&world.ec, r#""K1""#, Verdict::UnknownKey),
        (&world.ec, r#""k1 ""#, Verdict::UnknownKey),
        (&world.ec, r#""k1\u0000""#, Verdict::UnknownKey),
        (&world.ec, r#""""#, Verdict::UnknownKey),
        (&world.ec, r#""../../../../dev/null""#, Verdict::UnknownKey),
        (&world.ec, r#""' OR 1=1 --""#, Verdict::UnknownKey),
        (&world.ec, r#""\u006b1""#, Verdict::Valid),
        // Two keys fit the algorithm: no name is not enough.
        (&world.ec, ABSENT, Verdict::UnknownKey),
        (&world.ec, "null", Verdict::Malformed),
        (&world.ec, "1", Verdict::Malformed),
        (&world.ec, r#"["k1"]"#, Verdict::Malformed),
    ];
    for (pair, kid, expected) in cases {
        assert_eq!(signed_by(pair, kid), expected, "{kid}");
    }
}

#[test]
fn a_key_of_one_issuer_does_not_sign_for_another() {
    let world = World::new();
    // Both issuers have a `k1`; `k2` is of the first alone.
    let foreign = |pair: &Pair, kid: &str, iss: &str| {
        world.verdict(&pair.token(Algorithm::Es256, &ec_header(&[("kid", kid)]), &claims(iss, &[])))
    };
    assert_eq!(foreign(&world.ec, r#""k1""#, ED), Verdict::AlgorithmNotAllowed);
    let header = r#"{"alg":"EdDSA","kid":"k1"}"#;
    let token = Pair::generate(Family::Ed25519).token(Algorithm::EdDsa, header, &claims(ED, &[]));
    assert_eq!(world.verdict(&token), Verdict::BadSignature);
    let twins = World::with(|rules| rules.algorithms = vec![Algorithm::Es256, Algorithm::EdDsa]);
    let token = twins.ed.token(Algorithm::EdDsa, header, &claims(EC, &[]));
    assert_eq!(twins.verdict(&token), Verdict::UnknownKey);
    let token = twins.ec.token(Algorithm::Es256, &ec_header(&[]), &claims(ED, &[]));
    assert_eq!(twins.verdict(&token), Verdict::UnknownKey);
}

#[test]
fn a_key_that_a_token_brings_along_is_ignored() {
    let world = World::new();
    let forger = Pair::generate(Family::P256);
    let (jwk, chain) = (forger.jwk("k1").to_string(), format!("[{}]", quoted(&encode(openssl::CERTIFICATE))));
    let url = r#""https://forger.example/jwks""#;
    let brought = [("jwk", jwk.as_str()), ("jku", url), ("x5u", url), ("x5c", &chain), ("x5t", url)];
    for (name, value) in brought {
        for (kid, expected) in
            [(r#""k1""#, Verdict::BadSignature), (r#""forger""#, Verdict::UnknownKey), (ABSENT, Verdict::UnknownKey)]
        {
            let header = ec_header(&[(name, value), ("kid", kid)]);
            let token = forger.token(Algorithm::Es256, &header, &claims(EC, &[]));
            assert_eq!(world.verdict(&token), expected, "{name}, kid {kid}");
        }
        // Brought along by the issuer itself, it changes nothing.
        assert_eq!(world.with_header(&[(name, value)]), Verdict::Valid, "{name}");
    }
    // Where the issuer has one key only, no name is enough; it still is the issuer's key that counts.
    let jwk = Pair::generate(Family::Ed25519).jwk("k1").to_string();
    let header = object(&[("alg", r#""EdDSA""#), ("jwk", &jwk)], &[]);
    let token = Pair::generate(Family::Ed25519).token(Algorithm::EdDsa, &header, &claims(ED, &[]));
    assert_eq!(world.verdict(&token), Verdict::BadSignature);
    assert_eq!(world.verdict(&world.ed.token(Algorithm::EdDsa, &header, &claims(ED, &[]))), Verdict::Valid);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_token_but_the_true_one_is_honoured(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..128_u8), 0..4),
    ) {
        thread_local!(static WORLD: (World, String) = {
            let world = World::new();
            let raw = world.token(&[], &[]);
            (world, raw)
        });
        WORLD.with(|(world, raw)| {
            let mut bytes = raw.clone().into_bytes();
            for (position, byte) in changes {
                *position.get_mut(&mut bytes) = byte;
            }
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(world.verdict(&changed) == Verdict::Valid, changed == *raw);
            Ok(())
        })?;
    }

    #[test]
    fn no_text_at_all_makes_it_panic(text in "\\PC{0,300}", header in "\\PC{0,60}", payload in "\\PC{0,60}") {
        thread_local!(static WORLD: World = World::new());
        WORLD.with(|world| {
            prop_assert_ne!(world.verdict(&text), Verdict::Valid);
            prop_assert_ne!(world.verdict(&world.ec.token(Algorithm::Es256, &header, &payload)), Verdict::Valid);
            Ok(())
        })?;
    }

    #[test]
    fn no_claim_whatever_it_says_makes_it_panic(
        name in prop::sample::select(
            ["iss", "sub", "aud", "exp", "iat", "nbf", "auth_time", "jti", "sid", "azp", "ll"].as_slice(),
        ),
        value in prop_oneof![
            any::<f64>().prop_map(|number| Value::from(number).to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| number.to_string()),
            any::<String>().prop_map(|text| quoted(&text)),
        ],
    ) {
        thread_local!(static WORLD: World = World::new());
        WORLD.with(|world| {
            world.with_claims(&[(name, &value)]);
        });
    }
}
