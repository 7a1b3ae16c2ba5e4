//! Signatures that others made: the published vectors, the `openssl` program's, and a second library's opinion on ours.
//!
//! Whoever made them, a signature holds with its own key and algorithm over its own text, and with nothing else.

#[path = "support_keys.rs"]
pub(crate) mod keys;
#[path = "support_openssl.rs"]
pub(crate) mod openssl;

use std::{collections::BTreeMap, time::Duration};

use curfew::{
    domain::Issuer,
    token::{
        Algorithm, ClaimAhead, Compact, Family, KeyError, KeySet, Refusal, Rules, Verdict, hmac_key, key_from_pem,
        key_set_from_jwks, verify,
    },
};
use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use keys::{ALGORITHMS, Pair, decode, encode, jwks, pem};

/// One published vector; `tests/vectors/README.md` says what the members mean.
#[derive(Deserialize)]
struct Vector {
    name: String,
    alg: String,
    jwk: Option<Value>,
    token: String,
    payload_utf8: Option<String>,
    expect: String,
}

impl Vector {
    fn algorithm(&self) -> Algorithm {
        self.alg.parse().unwrap()
    }

    /// Its key, by the way on which Curfew reads keys of that kind.
    fn keys(&self, algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
        let jwk = self.jwk.as_ref().unwrap();
        match jwk["k"].as_str() {
            Some(secret) => hmac_key(&decode(secret), None, algorithms),
            None => key_set_from_jwks(jwks(std::slice::from_ref(jwk)).as_bytes(), algorithms),
        }
    }

    /// What is signed, and the signature.
    fn signed(&self) -> (&[u8], Vec<u8>) {
        let (input, signature) = self.token.rsplit_once('.').unwrap();
        (input.as_bytes(), decode(signature))
    }
}

fn vectors(expect: &str) -> Vec<Vector> {
    let all: Vec<Vector> = serde_json::from_str(include_str!("../vectors/jws.json")).unwrap();
    all.into_iter().filter(|vector| vector.expect == expect).collect()
}

/// Rules that let every algorithm pass.
fn rules(issuer: &str) -> Rules {
    Rules {
        issuer: Issuer::parse(issuer).unwrap(),
        algorithms: ALGORITHMS.to_vec(),
        audiences: vec!["https://api.example".to_owned()],
        types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        leeway: Duration::from_secs(10),
        clock_skew: Duration::ZERO,
        max_token_lifetime: Duration::from_secs(86_400),
        last_logout: None,
        claim_ahead: ClaimAhead::Accept,
        session_claim: None,
    }
}

/// Whether the only key of a set takes the signature for its own.
fn holds(keys: &KeySet, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let [key] = keys.keys() else { panic!("one key, not {}", keys.keys().len()) };
    key.verify(algorithm, message, signature)
}

/// The same bytes with one bit changed, for every bit.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

#[test]
fn every_published_signature_holds_and_no_changed_bit_does() {
    let vectors = vectors("valid");
    assert_eq!(vectors.len(), 10);
    for vector in &vectors {
        let (name, algorithm) = (&vector.name, vector.algorithm());
        let keys = vector.keys(&[algorithm]).unwrap();
        let (message, signature) = vector.signed();
        assert!(holds(&keys, algorithm, message, &signature), "{name}");
        assert!(flipped(&signature).all(|changed| !holds(&keys, algorithm, message, &changed)), "{name}: signature");
        assert!(flipped(message).all(|changed| !holds(&keys, algorithm, &changed, &signature)), "{name}: text");
        assert!((0..signature.len()).all(|end| !holds(&keys, algorithm, message, &signature[..end])), "{name}: cut");
    }
}

#[test]
fn a_published_key_is_good_for_its_own_algorithms_alone() {
    for vector in vectors("valid") {
        let (name, own) = (&vector.name, vector.algorithm());
        let (message, signature) = vector.signed();
        let keys = vector.keys(&[own]).unwrap();
        for other in ALGORITHMS.into_iter().filter(|other| *other != own) {
            assert!(!holds(&keys, other, message, &signature), "{name}: made for {own}, used with {other}");
            let same_signature = other.family() == Family::Ed25519 && own.family() == Family::Ed25519;
            match vector.keys(&[other]) {
                Ok(keys) => {
                    assert_eq!(other.family(), own.family(), "{name} was accepted for {other}");
                    assert_eq!(holds(&keys, other, message, &signature), same_signature, "{name}: {other}");
                }
                Err(KeyError::NoneFits(algorithm) | KeyError::DoesNotFit { algorithm, .. }) => {
                    assert_eq!(algorithm, other, "{name}");
                    assert!(
                        vector.jwk.as_ref().unwrap()["alg"].is_string() || other.family() != own.family(),
                        "{name}"
                    );
                }
                Err(KeyError::ShortSecret { algorithm, .. }) => assert_eq!(algorithm, other, "{name}"),
                Err(error) => panic!("{name}, {other}: {error}"),
            }
        }
    }
}

#[test]
fn a_published_secret_is_never_taken_from_a_key_set() {
    for vector in vectors("valid").iter().filter(|vector| vector.alg.starts_with("HS")) {
        let set = jwks(&[vector.jwk.clone().unwrap()]);
        assert_eq!(
            key_set_from_jwks(set.as_bytes(), &ALGORITHMS).unwrap_err(),
            KeyError::NoneFits(ALGORITHMS[0]),
            "{}",
            vector.name
        );
    }
}

#[test]
fn published_tokens_with_claims_are_read() {
    let mut read = 0;
    for vector in vectors("valid") {
        let name = &vector.name;
        let payload: Value = match serde_json::from_str(vector.payload_utf8.as_ref().unwrap()) {
            Ok(payload) => payload,
            Err(_) => {
                let fault = Compact::parse(&vector.token).unwrap_err().to_string();
                assert!(fault.starts_with("its payload is not acceptable JSON"), "{name}: {fault}");
                continue;
            }
        };
        let compact = Compact::parse(&vector.token).unwrap();
        assert_eq!(Value::Object(compact.payload.clone()), payload, "{name}");
        let issuer = compact.claimed_issuer().unwrap();
        let keys = vector.keys(&[vector.algorithm()]).unwrap();
        let token = verify(&compact, &rules(issuer), &keys).unwrap();
        assert_eq!(token.claims.issuer.as_str(), "joe", "{name}");
        assert_eq!(token.claims.expires.map(|date| date.0.as_millis()), Some(1_300_819_380_000), "{name}");
        let narrow =
            Rules { algorithms: ALGORITHMS.into_iter().filter(|a| *a != vector.algorithm()).collect(), ..rules("joe") };
        let refused = verify(&compact, &narrow, &keys).unwrap_err();
        assert_eq!(refused.verdict(), Verdict::AlgorithmNotAllowed, "{name}");
        read += 1;
    }
    assert_eq!(read, 4);
}

#[test]
fn what_the_standards_say_is_no_signed_token_is_refused() {
    // The verdict, and what its sentence must speak of.
    let expected = BTreeMap::from([
        ("RFC 7515 A.5", (Verdict::AlgorithmNotAllowed, "none")),
        ("RFC 7515 A.6", (Verdict::Malformed, "1 part")),
        ("RFC 7515 A.7", (Verdict::Malformed, "1 part")),
        ("RFC 7515 E", (Verdict::Malformed, "crit")),
        ("RFC 7519 6.1", (Verdict::AlgorithmNotAllowed, "none")),
        ("RFC 7519 A.1", (Verdict::Malformed, "5 parts")),
        ("RFC 7520 4.5 compact", (Verdict::Malformed, "payload")),
        ("RFC 7520 4.5 general JSON", (Verdict::Malformed, "1 part")),
        ("RFC 7520 4.5 flattened JSON", (Verdict::Malformed, "1 part")),
        ("RFC 7520 4.6 general JSON", (Verdict::Malformed, "1 part")),
        ("RFC 7520 4.6 flattened JSON", (Verdict::Malformed, "1 part")),
        ("RFC 7520 4.7 general JSON", (Verdict::Malformed, "1 part")),
        ("RFC 7520 4.7 flattened JSON", (Verdict::Malformed, "1 part")),
        ("RFC 7520 4.8 general JSON", (Verdict::Malformed, "5 parts")),
    ]);
    let vectors = vectors("refused");
    let names: Vec<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert!(names.iter().all(|name| expected.contains_key(name)) && names.len() == expected.len(), "{names:?}");
    for vector in &vectors {
        let (verdict, part) = expected[vector.name.as_str()];
        let keys = match &vector.jwk {
            Some(_) => vector.keys(&[vector.algorithm()]).unwrap(),
            None => KeySet::default(),
        };
        let refusal = Compact::parse(&vector.token)
            .map_err(Refusal::Malformed)
            .and_then(|compact| verify(&compact, &rules("joe"), &keys))
            .unwrap_err();
        assert_eq!(refusal.verdict(), verdict, "{}: {refusal}", vector.name);
        assert!(refusal.to_string().contains(part), "{}: {refusal}", vector.name);
    }
}

/// The same algorithm in the second library, which knows neither ES512 nor the name Ed25519.
fn elsewhere(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.to_string().parse().ok()
}

/// A key, in Curfew and in the second library.
fn in_both(pair: &Pair, algorithm: Algorithm) -> (KeySet, DecodingKey) {
    match pair {
        Pair::Secret(secret) => (hmac_key(secret, None, &[algorithm]).unwrap(), DecodingKey::from_secret(secret)),
        _ => {
            let jwk = pair.jwk("k");
            let theirs: Jwk = serde_json::from_value(jwk.clone()).unwrap();
            let ours = key_set_from_jwks(jwks(&[jwk]).as_bytes(), &[algorithm]).unwrap();
            (ours, DecodingKey::from_jwk(&theirs).unwrap())
        }
    }
}

fn pair_for(algorithm: Algorithm) -> Pair {
    match algorithm.family() {
        Family::Rsa => {
            Pair::Rsa(Box::new(aws_lc_rs::signature::RsaKeyPair::from_pkcs8(&keys::RSA.private_der()).unwrap()))
        }
        family => Pair::generate(family),
    }
}

#[test]
fn a_second_library_agrees_on_good_and_changed_signatures() {
    let message = keys::signing_input(r#"{"alg":"any"}"#, r#"{"sub":"ann"}"#).into_bytes();
    let mut compared = 0;
    for (algorithm, theirs) in ALGORITHMS.into_iter().filter_map(|ours| Some((ours, elsewhere(ours)?))) {
        let pair = pair_for(algorithm);
        let (ours, key) = in_both(&pair, algorithm);
        let signature = pair.sign(algorithm, &message);
        let agreed = |message: &[u8], signature: &[u8]| {
            let here = holds(&ours, algorithm, message, signature);
            let there = jsonwebtoken::crypto::verify(&encode(signature), message, &key, theirs).unwrap();
            assert_eq!(here, there, "{algorithm}: {}", encode(signature));
            here
        };
        assert!(agreed(&message, &signature), "{algorithm}");
        assert!(flipped(&signature).all(|changed| !agreed(&message, &changed)), "{algorithm}: signature");
        assert!(flipped(&message).all(|changed| !agreed(&changed, &signature)), "{algorithm}: text");
        assert!((0..signature.len()).all(|end| !agreed(&message, &signature[..end])), "{algorithm}: cut");
        assert!(!agreed(&message, &[&[0], signature.as_slice()].concat()), "{algorithm}: a zero before it");
        assert!(!agreed(&message, &[signature.as_slice(), &[0]].concat()), "{algorithm}: a zero after it");
        assert!(!agreed(&message, &vec![0; signature.len()]), "{algorithm}: nothing but zeros");
        compared += 1;
    }
    assert_eq!(compared, 12);
}

#[test]
fn a_generated_key_of_every_kind_signs_and_no_other_key_does() {
    for algorithm in ALGORITHMS {
        let (pair, message) = (pair_for(algorithm), b"text".as_slice());
        let other =
            if algorithm.family() == Family::Rsa { &keys::OTHER_RSA } else { &Pair::generate(algorithm.family()) };
        let keys = match &pair {
            Pair::Secret(secret) => hmac_key(secret, None, &[algorithm]).unwrap(),
            _ => key_set_from_jwks(jwks(&[pair.jwk("k")]).as_bytes(), &[algorithm]).unwrap(),
        };
        assert!(holds(&keys, algorithm, message, &pair.sign(algorithm, message)), "{algorithm}");
        assert!(!holds(&keys, algorithm, message, &other.sign(algorithm, message)), "{algorithm}: another key");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_honoured_here_is_honoured_by_a_second_library(
        position in any::<prop::sample::Index>(), byte in b' '..=b'~', keep in any::<bool>(),
    ) {
        static PAIR: std::sync::LazyLock<Pair> = std::sync::LazyLock::new(|| Pair::generate(Family::Ed25519));
        let header = r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#;
        let raw = PAIR.token(Algorithm::EdDsa, header, r#"{"iss":"joe","sub":"ann"}"#);
        let mut bytes = raw.clone().into_bytes();
        if !keep {
            *position.get_mut(&mut bytes) = byte;
        }
        let changed = String::from_utf8(bytes).unwrap();
        let (keys, key) = in_both(&PAIR, Algorithm::EdDsa);
        let here = Compact::parse(&changed).is_ok_and(|compact| verify(&compact, &rules("joe"), &keys).is_ok());
        let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let there = jsonwebtoken::decode::<Value>(&changed, &key, &validation).is_ok();
        prop_assert_eq!(here, there);
        prop_assert_eq!(here, changed == raw);
    }
}

#[test]
fn keys_and_signatures_of_the_openssl_program_are_accepted() {
    let message = openssl::MESSAGE.as_bytes();
    for openssl::Signed { name, pem, signatures } in &openssl::SIGNED {
        for (algorithm, signature) in *signatures {
            let algorithm: Algorithm = algorithm.parse().unwrap();
            for written in [(*pem).to_owned(), pem.replace('\n', "\r\n"), format!("Public-Key:\n    pub:\n{pem}")] {
                let keys = key_from_pem(written.as_bytes(), None, &[algorithm]).unwrap();
                assert!(holds(&keys, algorithm, message, &decode(signature)), "{name}, {algorithm}");
                assert!(!holds(&keys, algorithm, b"other", &decode(signature)), "{name}, {algorithm}");
            }
            for other in ALGORITHMS.into_iter().filter(|other| other.family() != algorithm.family()) {
                let error = key_from_pem(pem.as_bytes(), None, &[algorithm, other]).unwrap_err();
                let family = algorithm.family();
                assert_eq!(error, KeyError::DoesNotFit { algorithm: other, family }, "{name}, {other}");
            }
        }
    }
}

#[test]
fn a_salt_of_another_length_than_the_hash_is_refused() {
    let keys = key_from_pem(openssl::SIGNED[0].pem.as_bytes(), None, &[Algorithm::Ps256]).unwrap();
    assert!(!holds(&keys, Algorithm::Ps256, openssl::MESSAGE.as_bytes(), &decode(openssl::SHORT_SALT)));
}

#[test]
fn the_same_key_verifies_whether_it_comes_as_pem_or_as_jwk() {
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| algorithm.family() != Family::Hmac) {
        let (pair, message) = (pair_for(algorithm), b"text".as_slice());
        let file = pem("PUBLIC KEY", &pair.public_der());
        let signature = pair.sign(algorithm, message);
        let from_jwk = key_set_from_jwks(jwks(&[pair.jwk("k")]).as_bytes(), &[algorithm]).unwrap();
        let from_pem = key_from_pem(file.as_bytes(), None, &[algorithm]).unwrap();
        assert!(holds(&from_jwk, algorithm, message, &signature), "{algorithm}");
        assert!(holds(&from_pem, algorithm, message, &signature), "{algorithm}");
    }
}

#[test]
fn a_file_that_holds_no_public_key_is_refused_saying_why() {
    let private = |label: &str, family| pem(label, &pair_for(family).private_der());
    let public = openssl::SIGNED[2].pem;
    let cases = [
        ("PKCS #8, RSA", private("PRIVATE KEY", Algorithm::Rs256), "private key"),
        ("PKCS #8, EC", private("PRIVATE KEY", Algorithm::Es256), "private key"),
        ("PKCS #8, Ed25519", private("PRIVATE KEY", Algorithm::EdDsa), "private key"),
        ("PKCS #1", private("RSA PRIVATE KEY", Algorithm::Rs256), "private key"),
        ("SEC 1", private("EC PRIVATE KEY", Algorithm::Es256), "private key"),
        ("encrypted", private("ENCRYPTED PRIVATE KEY", Algorithm::Es256), "private key"),
        ("of ssh", private("OPENSSH PRIVATE KEY", Algorithm::EdDsa), "private key"),
        ("public, then private", format!("{public}{}", private("PRIVATE KEY", Algorithm::Es256)), "private key"),
        ("certificate", openssl::CERTIFICATE.to_owned(), "certificate"),
        ("certificate and key", format!("{}{public}", openssl::CERTIFICATE), "certificate"),
        ("empty", String::new(), "no public key"),
        ("not PEM", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me".to_owned(), "no public key"),
        ("a JWK", pair_for(Algorithm::Es256).jwk("k").to_string(), "no public key"),
        ("no DER within", pem("PUBLIC KEY", b"garbage"), "no public key"),
        ("cut", public[..100].to_owned(), "no public key"),
    ];
    for (name, file, why) in cases {
        let error = key_from_pem(file.as_bytes(), None, &[Algorithm::Es256]).unwrap_err();
        assert!(matches!(error, KeyError::Pem(text) if text.contains(why)), "{name}: {error}");
    }
    let error = key_from_pem(&[0xff, 0xfe, 0], None, &[Algorithm::Es256]).unwrap_err();
    assert!(error.to_string().contains("not even text"), "{error}");
}

#[test]
fn a_public_key_of_a_kind_that_is_not_supported_is_refused() {
    for (name, file) in openssl::UNFIT {
        for algorithm in ALGORITHMS {
            let refused = key_from_pem(file.as_bytes(), None, &[algorithm]);
            assert!(refused.is_err(), "{name} was accepted for {algorithm}");
        }
    }
}

#[test]
fn an_rsa_key_of_less_than_2048_bits_is_refused_when_it_is_read() {
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| algorithm.family() == Family::Rsa) {
        let refused = key_from_pem(openssl::WEAK_RSA.as_bytes(), None, &[algorithm]);
        assert_eq!(refused.unwrap_err(), KeyError::Rejected(Family::Rsa), "{algorithm}");
    }
}

#[test]
fn a_key_of_a_set_that_cannot_be_used_is_left_out_and_the_others_stay() {
    let good = Pair::generate(Family::P256);
    let point = good.jwk("unfit");
    let with = |changes: Value| {
        let mut jwk = point.clone();
        jwk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        jwk
    };
    let unfit = [
        ("for encryption", with(json!({"use": "enc"}))),
        ("to sign with", with(json!({"key_ops": ["sign"]}))),
        ("for another algorithm", with(json!({"alg": "ES384"}))),
        ("for an unknown algorithm", with(json!({"alg": "ES256K"}))),
        ("on another curve", with(json!({"crv": "P-384"}))),
        ("on an unknown curve", with(json!({"crv": "secp256k1"}))),
        ("not on the curve", with(json!({"y": encode([1; 32])}))),
        ("at infinity", with(json!({"x": encode([0; 32]), "y": encode([0; 32])}))),
        ("a short coordinate", with(json!({"x": encode([1; 31])}))),
        (
            "a long coordinate",
            with(json!({"x": encode([[0; 1].as_slice(), &decode(point["x"].as_str().unwrap())].concat())})),
        ),
        ("padded", with(json!({"x": format!("{}=", point["x"].as_str().unwrap())}))),
        ("of another type", with(json!({"kty": "RSA"}))),
        ("of an unknown type", with(json!({"kty": "AKP"}))),
        ("kid is a number", with(json!({"kid": 1}))),
        ("kid is too long", with(json!({"kid": "x".repeat(513)}))),
        ("a secret", json!({"kty": "oct", "kid": "unfit", "k": encode([7; 64])})),
        ("not an object", json!("key")),
        ("null", Value::Null),
    ];
    for (name, jwk) in unfit {
        assert_eq!(kept(jwk, &good), ["good"], "{name}");
    }
}

/// The ids of the keys that are kept of a set of these two.
fn kept(jwk: Value, good: &Pair) -> Vec<String> {
    let set = jwks(&[jwk, good.jwk("good")]);
    let keys = key_set_from_jwks(set.as_bytes(), &ALGORITHMS).unwrap();
    keys.keys().iter().map(|key| key.id().unwrap().to_string()).collect()
}

/// RSA keys that nobody may verify with: the modulus and the exponent.
fn unfit_rsa_keys() -> [(&'static str, String, &'static str); 4] {
    [
        ("1024 bits", openssl::WEAK_MODULUS.to_owned(), "AQAB"),
        ("16,384 bits", encode([0xff; 2048]), "AQAB"),
        ("an even exponent", encode(keys::RSA.modulus()), "Ag"),
        ("the exponent one", encode(keys::RSA.modulus()), "AQ"),
    ]
}

#[test]
fn an_unfit_rsa_key_of_a_set_is_left_out_and_the_others_stay() {
    let good = Pair::generate(Family::P256);
    for (name, n, e) in unfit_rsa_keys() {
        let jwk = json!({"kty": "RSA", "kid": "unfit", "n": n, "e": e});
        assert_eq!(kept(jwk, &good), ["good"], "{name}");
    }
}

#[test]
fn nothing_verifies_with_an_unfit_rsa_key() {
    let (message, padded) = (b"text".as_slice(), emsa_pkcs1_sha256(b"text", 256));
    for (name, n, e) in unfit_rsa_keys() {
        let set = jwks(&[json!({"kty": "RSA", "n": n, "e": e})]);
        let Ok(keys) = key_set_from_jwks(set.as_bytes(), &[Algorithm::Rs256]) else { continue };
        // With the exponent one, the padded hash is its own signature.
        for signature in [padded.clone(), vec![0; 256], keys::RSA.sign(Algorithm::Rs256, message)] {
            assert!(!holds(&keys, Algorithm::Rs256, message, &signature), "{name}");
        }
    }
    let (input, signature) = openssl::WEAK_TOKEN.rsplit_once('.').unwrap();
    let keys = key_from_pem(openssl::WEAK_RSA.as_bytes(), None, &[Algorithm::Rs256]);
    assert!(keys.is_err() || !holds(&keys.unwrap(), Algorithm::Rs256, input.as_bytes(), &decode(signature)));
}

/// What RSASSA-PKCS1-v1_5 signs (RFC 8017, section 9.2).
fn emsa_pkcs1_sha256(message: &[u8], length: usize) -> Vec<u8> {
    let mut info = vec![0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    info.extend(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message).as_ref());
    let padding = vec![0xff; length - info.len() - 3];
    [&[0, 1], padding.as_slice(), &[0], &info].concat()
}
