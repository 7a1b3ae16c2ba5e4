//! Forged tokens: signatures and keys that are none.

use super::*;

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `a - b` of two numbers of the same length.
fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digits = a.iter().zip(b).rev().map(|(a, b)| {
        let digit = i16::from(*a) - i16::from(*b) - borrow;
        borrow = i16::from(digit < 0);
        u8::try_from(digit.rem_euclid(256)).unwrap()
    });
    let mut digits: Vec<u8> = digits.collect();
    digits.reverse();
    digits
}

/// A number in DER.
fn integer(digits: &[u8]) -> Vec<u8> {
    let start = digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len() - 1);
    let sign: &[u8] = if digits[start] >= 0x80 { &[0] } else { &[] };
    let body = [sign, &digits[start..]].concat();
    [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

#[test]
fn an_ecdsa_signature_that_is_no_pair_of_numbers_in_range_is_refused() {
    let world = World::new();
    let input = signing_input(&ec_header(&[]), &claims(EC, &[]));
    let good = world.ec.sign(Algorithm::Es256, input.as_bytes());
    let (r, s) = good.split_at(32);
    let (zero, mut one) = ([0; 32], [0; 32]);
    one[31] = 1;
    let numbers = [integer(r), integer(s)].concat();
    let der = [&[0x30, u8::try_from(numbers.len()).unwrap()], numbers.as_slice()].concat();
    let verdict = |signature: &[u8]| world.verdict(&format!("{input}.{}", encode(signature)));
    assert_eq!(verdict(&good), Verdict::Valid);
    for (name, signature) in [
        ("all zeros", vec![0; 64]),
        ("r = 0", [&zero, s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("r = s = 1", [one, one].concat()),
        ("r = n", [ORDER.as_slice(), s].concat()),
        ("s = n", [r, &ORDER].concat()),
        ("r = s = n", [ORDER, ORDER].concat()),
        ("all ones", vec![0xff; 64]),
        ("swapped", [s, r].concat()),
        ("DER", der),
        ("empty", Vec::new()),
        ("one byte", vec![0]),
        ("half", r.to_vec()),
        ("a byte short", good[..63].to_vec()),
        ("a byte long", [good.as_slice(), &[0]].concat()),
        ("a zero before each", [&[0], r, &[0], s].concat()),
        ("of the width of P-384", [&[0; 16], r, &[0; 16], s].concat()),
    ] {
        assert_eq!(verdict(&signature), Verdict::BadSignature, "{name}");
    }
}

/// Whoever has one ECDSA signature can write down a second, `(r, n - s)`. It is over the same text, so that it is the
/// same token to everybody who goes by what the text says.
#[test]
fn the_twin_of_a_signature_does_not_outlive_a_revoked_token() {
    let world = World::new();
    let raw = world.token(&[], &[]);
    let (input, signature) = raw.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let twin = [&signature[..32], &minus(&ORDER, &signature[32..])].concat();
    let twin = format!("{input}.{}", encode(twin));
    assert_eq!([world.verdict(&raw), world.verdict(&twin)], [Verdict::Valid, Verdict::Valid]);
    world.log_out(Target::TokenId(EC.to_owned(), TokenId::parse("token").unwrap()));
    assert_eq!([world.verdict(&raw), world.verdict(&twin)], [Verdict::TokenRevoked, Verdict::TokenRevoked]);
}

/// The points of Ed25519 of order 1, 2, 4 and 8 in their canonical spelling.
const SMALL_ORDER: [&str; 8] = [
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "7P_______________________________________38",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU",
    "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o",
];

#[test]
fn an_ed25519_signature_of_a_point_of_small_order_is_refused() {
    let world = World::new();
    let input = signing_input(r#"{"alg":"EdDSA","kid":"k1"}"#, &claims(ED, &[]));
    let good = world.ed.sign(Algorithm::EdDsa, input.as_bytes());
    let verdict = |signature: &[u8]| world.verdict(&format!("{input}.{}", encode(signature)));
    assert_eq!(verdict(&good), Verdict::Valid);
    for point in SMALL_ORDER.map(decode) {
        assert_eq!(verdict(&[point.as_slice(), &[0; 32]].concat()), Verdict::BadSignature);
        assert_eq!(verdict(&[point.as_slice(), &good[32..]].concat()), Verdict::BadSignature);
    }
    // The second number must be less than the group's order (RFC 8032, section 5.1.7): s + order is another spelling.
    let order = [
        0xed_u8, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    let s: Vec<u8> = good[32..]
        .iter()
        .zip(order)
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(b) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    assert_eq!(verdict(&[&good[..32], &s].concat()), Verdict::BadSignature);
    assert_eq!(verdict(&[0; 64]), Verdict::BadSignature);
    assert_eq!(verdict(&good[..63]), Verdict::BadSignature);
}

/// With a public key of order 1, `(R = key, s = 0)` is a signature over everything. Only the issuer itself can publish
/// such a key; it must not be used all the same.
#[test]
fn an_ed25519_key_of_small_order_verifies_nothing() {
    for point in SMALL_ORDER {
        let set = jwks(&[json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": point})]);
        let Ok(keys) = key_set_from_jwks(set.as_bytes(), &[Algorithm::EdDsa]) else { continue };
        let honoured = (0..64_u8).any(|text| {
            SMALL_ORDER.iter().any(|r| {
                let signature = [decode(r).as_slice(), &[0; 32]].concat();
                keys.keys()[0].verify(Algorithm::EdDsa, &[text], &signature)
            })
        });
        assert!(!honoured, "{point}");
    }
}

#[test]
fn an_rsa_signature_that_is_not_the_keys_is_refused() {
    let world = World::new();
    let input = signing_input(r#"{"alg":"RS256","kid":"k1"}"#, &claims(RSA_ISSUER, &[]));
    let good = RSA.sign(Algorithm::Rs256, input.as_bytes());
    let verdict = |signature: &[u8]| world.verdict(&format!("{input}.{}", encode(signature)));
    assert_eq!(verdict(&good), Verdict::Valid);
    let mut one = vec![0; 256];
    one[255] = 1;
    for (name, signature) in [
        ("all zeros", vec![0; 256]),
        ("one", one),
        ("the modulus", RSA.modulus()),
        ("all ones", vec![0xff; 256]),
        ("a zero before", [&[0], good.as_slice()].concat()),
        ("a zero after", [good.as_slice(), &[0]].concat()),
        ("a byte short", good[1..].to_vec()),
        ("of another key", OTHER_RSA.sign(Algorithm::Rs256, input.as_bytes())),
        ("PSS", RSA.sign(Algorithm::Ps256, input.as_bytes())),
        ("of another hash", RSA.sign(Algorithm::Rs512, input.as_bytes())),
    ] {
        assert_eq!(verdict(&signature), Verdict::BadSignature, "{name}");
    }
}

#[test]
fn a_weak_rsa_key_of_the_issuer_signs_nothing() {
    let verdict = World::new().verdict(openssl::WEAK_TOKEN);
    assert!(matches!(verdict, Verdict::UnknownKey | Verdict::BadSignature), "{verdict:?}");
}

#[test]
fn a_weak_rsa_key_is_as_good_as_absent() {
    assert_eq!(World::new().verdict(openssl::WEAK_TOKEN), Verdict::UnknownKey);
}
