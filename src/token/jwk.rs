//! JWK Sets (RFC 7517, section 5): from the JSON of an issuer's key endpoint to keys that are ready to verify.
//!
//! A key that cannot be used is left out, as section 5 asks: of an unknown type, for encryption, for another algorithm,
//! damaged or too short. A secret (`oct`) is never taken from a set: what is served is not secret.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde_json::Value;

use super::{
    algorithm::{Algorithm, Family},
    json::parse_object,
    keys::{Key, KeyError, KeySet, Material},
};
use crate::domain::KeyId;

/// The most keys that are read from one set. Providers serve two to five.
pub const MAX_KEYS: usize = 64;

/// Reads a JWK Set, keeping the keys that one of the algorithms can use.
///
/// # Errors
/// [`KeyError::Jwks`] when it is no such document; [`KeyError::NoneFits`] when no key is left for any algorithm.
pub fn key_set_from_jwks(document: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
    let document = parse_object(document).map_err(|error| KeyError::Jwks(error.to_string()))?;
    let Some(Value::Array(entries)) = document.get("keys") else {
        return Err(KeyError::Jwks("it has no array \"keys\"".to_owned()));
    };
    if entries.len() > MAX_KEYS {
        return Err(KeyError::Jwks(format!("it has {} keys; at most {MAX_KEYS} are read", entries.len())));
    }
    let keys: Vec<Key> = entries.iter().filter_map(|entry| usable(entry, algorithms)).collect();
    match algorithms.first() {
        Some(first) if keys.is_empty() => Err(KeyError::NoneFits(*first)),
        _ => Ok(KeySet::new(keys)),
    }
}

/// The key, if it can be used for one of the algorithms.
fn usable(entry: &Value, algorithms: &[Algorithm]) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(entry.clone()).ok()?;
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let verifies =
        jwk.common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !signs || !verifies {
        return None;
    }
    // Section 4.4: a key that names an algorithm is for that one alone.
    let own = entry.get("alg").and_then(Value::as_str);
    let allowed: Vec<Algorithm> = algorithms
        .iter()
        .copied()
        .filter(|algorithm| own.is_none_or(|own| own.parse().is_ok_and(|own: Algorithm| own == *algorithm)))
        .collect();
    let id = match &jwk.common.key_id {
        Some(id) => Some(KeyId::parse(id).ok()?),
        None => None,
    };
    let key = Key::new(id, &material(&jwk)?, &allowed).ok()?;
    algorithms.iter().any(|algorithm| key.fits(*algorithm)).then_some(key)
}

/// The public key's bytes; none for a secret and for what is not supported.
fn material(jwk: &Jwk) -> Option<Material> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => Some(Material::Rsa { modulus: decode(&rsa.n)?, exponent: decode(&rsa.e)? }),
        AlgorithmParameters::EllipticCurve(point) => {
            let (family, width) = match point.curve {
                EllipticCurve::P256 => (Family::P256, 32),
                EllipticCurve::P384 => (Family::P384, 48),
                EllipticCurve::P521 => (Family::P521, 66),
                EllipticCurve::Ed25519 => return None,
                _ => return None,
            };
            let (x, y) = (decode(&point.x)?, decode(&point.y)?);
            // RFC 7518, section 6.2.1.2: the full width of the field, leading zeros included.
            let uncompressed: Vec<u8> = std::iter::once(4).chain(x.iter().copied()).chain(y.iter().copied()).collect();
            (x.len() == width && y.len() == width).then_some(Material::Point(family, uncompressed))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            Some(Material::Ed25519(decode(&pair.x)?))
        }
        _ => None,
    }
}
