//! Signs tokens, for the demonstration, the benchmarks and the tests. The service itself never signs anything.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A key could not be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token could not be signed")]
pub struct MintError;

/// A throw-away ES256 key pair.
pub struct Minter {
    key: EncodingKey,
    key_id: String,
    public_key: Vec<u8>,
}

impl Minter {
    /// Makes a new key, to be known by `key_id`.
    ///
    /// # Errors
    /// [`MintError`] when the system has no randomness to give.
    pub fn generate(key_id: &str) -> Result<Self, MintError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| MintError)?;
        let private = pair.to_pkcs8v1().map_err(|_| MintError)?;
        Ok(Self {
            key: EncodingKey::from_ec_der(private.as_ref()),
            key_id: key_id.to_owned(),
            public_key: pair.public_key().as_ref().to_vec(),
        })
    }

    /// The JWK Set with the public half.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let coordinate = |range| URL_SAFE_NO_PAD.encode(self.public_key.get(range).unwrap_or_default());
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id,
            "x": coordinate(1..33), "y": coordinate(33..65),
        }]})
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// [`MintError`] when the library refuses to sign.
    pub fn sign(&self, claims: &Value) -> Result<String, MintError> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|_| MintError)
    }
}
