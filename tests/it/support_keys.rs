//! Key pairs of every kind that Curfew verifies, made on the spot, and tokens signed with them byte for byte as given.
//!
//! Nothing here knows Curfew's rules: a header or payload may say anything, for forgers do not ask either.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use curfew::token::{Algorithm, Family};
use serde_json::{Value, json};

/// Every algorithm there is.
pub(crate) const ALGORITHMS: [Algorithm; 14] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
    Algorithm::Ed25519,
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
];

/// An RSA key of 2048 bits; making one takes long enough that all tests share it.
pub(crate) static RSA: LazyLock<Pair> = LazyLock::new(|| Pair::generate(Family::Rsa));

/// Another one.
pub(crate) static OTHER_RSA: LazyLock<Pair> = LazyLock::new(|| Pair::generate(Family::Rsa));

/// A key that can sign.
pub(crate) enum Pair {
    /// RSA.
    Rsa(Box<RsaKeyPair>),
    /// On a curve of the NIST.
    Ec(Family, EcdsaKeyPair),
    /// Ed25519.
    Ed(Ed25519KeyPair),
    /// A shared secret.
    Secret(Vec<u8>),
}

impl Pair {
    /// A new one of this kind.
    pub(crate) fn generate(family: Family) -> Self {
        let ec = |algorithm| Self::Ec(family, EcdsaKeyPair::generate(algorithm).unwrap());
        match family {
            Family::Rsa => Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
            Family::P256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Family::P384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Family::P521 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Family::Ed25519 => Self::Ed(Ed25519KeyPair::generate().unwrap()),
            Family::Hmac => {
                let mut secret = vec![0; 64];
                aws_lc_rs::rand::fill(&mut secret).unwrap();
                Self::Secret(secret)
            }
        }
    }

    /// Its signature over a message, by an algorithm of its kind.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_encoding(algorithm), &SystemRandom::new(), message, &mut bytes).unwrap();
                bytes
            }
            Self::Ec(_, pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Secret(secret) => {
                let hash = match algorithm {
                    Algorithm::Hs384 => hmac::HMAC_SHA384,
                    Algorithm::Hs512 => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(hash, secret), message).as_ref().to_vec()
            }
        }
    }

    /// A token with just this header and payload, signed.
    pub(crate) fn token(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let input = signing_input(header, payload);
        let signature = self.sign(algorithm, input.as_bytes());
        format!("{input}.{}", encode(signature))
    }

    /// The public key as a JWK; of a secret, the secret.
    pub(crate) fn jwk(&self, key_id: &str) -> Value {
        match self {
            Self::Rsa(_) => json!({"kty": "RSA", "kid": key_id, "n": encode(self.modulus()), "e": "AQAB"}),
            Self::Ec(family, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = family.to_string().replace("EC ", "");
                json!({"kty": "EC", "crv": curve, "kid": key_id, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": key_id, "x": encode(pair.public_key().as_ref())})
            }
            Self::Secret(secret) => json!({"kty": "oct", "kid": key_id, "k": encode(secret)}),
        }
    }

    /// The modulus of an RSA key.
    pub(crate) fn modulus(&self) -> Vec<u8> {
        let Self::Rsa(pair) = self else { panic!("not an RSA key") };
        // RFC 8017, appendix A.1.1: SEQUENCE { INTEGER n, INTEGER e }, of which 2048 bits fix all lengths.
        let der = pair.public_key().as_ref();
        assert_eq!((&der[..9], &der[265..]), (&[48, 130, 1, 10, 2, 130, 1, 1, 0][..], &[2, 3, 1, 0, 1][..]));
        der[9..265].to_vec()
    }

    /// The public key as in a certificate (`SubjectPublicKeyInfo`).
    pub(crate) fn public_der(&self) -> Vec<u8> {
        let of = |key: &dyn AsDer<PublicKeyX509Der<'static>>| key.as_der().unwrap().as_ref().to_vec();
        match self {
            Self::Rsa(pair) => of(pair.public_key()),
            Self::Ec(_, pair) => of(pair.public_key()),
            Self::Ed(pair) => of(pair.public_key()),
            Self::Secret(_) => panic!("a secret has no public half"),
        }
    }

    /// The private key as in PKCS #8.
    pub(crate) fn private_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(&**pair).unwrap().as_ref().to_vec(),
            Self::Ec(_, pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Self::Secret(_) => panic!("a secret is not in PKCS #8"),
        }
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => panic!("{algorithm} is not of RSA"),
    }
}

/// Base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of base64url without padding.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// What is signed.
pub(crate) fn signing_input(header: &str, payload: &str) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

/// A PEM file of one block.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A JWK Set of these keys.
pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}
