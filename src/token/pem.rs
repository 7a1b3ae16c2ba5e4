//! Public keys in PEM files (RFC 7468, section 13; RFC 8017, appendix A.1.1).

use aws_lc_rs::{io::Positive, rsa::PublicKey};
use jsonwebtoken::DecodingKey;

use super::{
    algorithm::{Algorithm, Family},
    keys::{KeyError, KeySet, Material, single},
};
use crate::domain::KeyId;

/// Reads the one public key of a PEM file.
///
/// # Errors
/// [`KeyError::Pem`] when it holds no public key; [`KeyError::DoesNotFit`] when one of the algorithms is of another kind.
pub fn key_from_pem(pem: &[u8], id: Option<KeyId>, algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
    single(&material(pem)?, id, algorithms)
}

fn material(pem: &[u8]) -> Result<Material, KeyError> {
    let text = str::from_utf8(pem).map_err(|_| KeyError::Pem("it is not a PEM file: not even text"))?;
    if text.contains("PRIVATE KEY") {
        return Err(KeyError::Pem(
            "it holds a private key, which Curfew must never see; give it the public one: openssl pkey -pubout",
        ));
    }
    if text.contains("BEGIN CERTIFICATE") {
        return Err(KeyError::Pem("it holds a certificate; give the public key in it: openssl x509 -pubkey -noout"));
    }
    if text.matches("-----BEGIN ").count() > 1 {
        return Err(KeyError::Pem("it holds more than one key; which one is meant? Give each a file of its own"));
    }
    if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
        let key = PublicKey::from_der(&bytes(&key)?).map_err(|_| KeyError::Rejected(Family::Rsa))?;
        let big_endian = |number: Positive<'_>| number.big_endian_without_leading_zero().to_vec();
        return Ok(Material::Rsa { modulus: big_endian(key.modulus()), exponent: big_endian(key.exponent()) });
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        let point = bytes(&key)?;
        // The length of an uncompressed point tells its curve.
        let family = match point.len() {
            65 => Family::P256,
            97 => Family::P384,
            133 => Family::P521,
            _ => return Err(KeyError::Pem("its curve is not supported; use P-256, P-384 or P-521")),
        };
        return Ok(Material::Point(family, point));
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Ok(Material::Ed25519(bytes(&key)?));
    }
    Err(KeyError::Pem("it holds no public key that is understood (BEGIN PUBLIC KEY: RSA, EC or Ed25519)"))
}

fn bytes(key: &DecodingKey) -> Result<Vec<u8>, KeyError> {
    key.try_get_as_bytes().map(<[u8]>::to_vec).map_err(|_| KeyError::Pem("its public key could not be read"))
}
