//! Signs tokens, for the demonstration, the benchmarks and the tests. The service itself never signs anything.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::algorithm::{Algorithm, Family};

/// A key could not be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token could not be signed")]
pub struct MintError;

/// Why no tokens can be signed with a key of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The library verifies with it but does not sign.
    #[error("tokens cannot be signed by {0} here; use another algorithm, or sign them elsewhere")]
    Algorithm(Algorithm),
    /// Not a private key of the algorithm's kind.
    #[error(
        "is no private key for {0}; it must be a PEM file with BEGIN PRIVATE KEY (PKCS #8), which openssl pkcs8 -topk8 \
         -nocrypt makes of older forms"
    )]
    Key(Algorithm),
    /// The key was read, but signs nothing.
    #[error("signs nothing by {0}: it is of another curve, or too short")]
    Unusable(Algorithm),
}

/// A private key or a secret, and the header of the tokens that it signs.
pub struct Signer {
    key: EncodingKey,
    header: Header,
}

impl Signer {
    /// Reads the private key of a PEM file; for HMAC, the bytes are the secret as they are.
    ///
    /// # Errors
    /// [`SignerError`] when the key does not fit the algorithm, or the algorithm cannot sign here.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8], key_id: Option<&str>) -> Result<Self, SignerError> {
        let library = library(algorithm).ok_or(SignerError::Algorithm(algorithm))?;
        let key = match algorithm.family() {
            Family::Hmac => Ok(EncodingKey::from_secret(pem)),
            Family::Rsa => EncodingKey::from_rsa_pem(pem),
            Family::P256 | Family::P384 | Family::P521 => EncodingKey::from_ec_pem(pem),
            Family::Ed25519 => EncodingKey::from_ed_pem(pem),
        };
        let key = key.map_err(|_| SignerError::Key(algorithm))?;
        let signer = Self::new(key, library, "JWT", key_id);
        // The library looks at the key only when it signs.
        signer.sign(&json!({})).map_err(|_| SignerError::Unusable(algorithm))?;
        Ok(signer)
    }

    fn new(key: EncodingKey, algorithm: jsonwebtoken::Algorithm, media_type: &str, key_id: Option<&str>) -> Self {
        let mut header = Header::new(algorithm);
        header.typ = Some(media_type.to_owned());
        header.kid = key_id.map(str::to_owned);
        Self { key, header }
    }

    /// The same with another `typ`; none: it is left out.
    #[must_use]
    pub fn typed(mut self, media_type: Option<&str>) -> Self {
        self.header.typ = media_type.map(str::to_owned);
        self
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// [`MintError`] when the library refuses to sign.
    pub fn sign(&self, claims: &Value) -> Result<String, MintError> {
        jsonwebtoken::encode(&self.header, claims, &self.key).map_err(|_| MintError)
    }
}

/// The library's name for an algorithm, where it signs by it.
const fn library(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    use jsonwebtoken::Algorithm as Library;
    Some(match algorithm {
        Algorithm::Rs256 => Library::RS256,
        Algorithm::Rs384 => Library::RS384,
        Algorithm::Rs512 => Library::RS512,
        Algorithm::Ps256 => Library::PS256,
        Algorithm::Ps384 => Library::PS384,
        Algorithm::Ps512 => Library::PS512,
        Algorithm::Es256 => Library::ES256,
        Algorithm::Es384 => Library::ES384,
        Algorithm::EdDsa => Library::EdDSA,
        Algorithm::Hs256 => Library::HS256,
        Algorithm::Hs384 => Library::HS384,
        Algorithm::Hs512 => Library::HS512,
        Algorithm::Es512 | Algorithm::Ed25519 => return None,
    })
}

/// A throw-away ES256 key pair.
pub struct Minter {
    signer: Signer,
    private_key: Vec<u8>,
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
        let key = EncodingKey::from_ec_der(private.as_ref());
        Ok(Self {
            signer: Signer::new(key, jsonwebtoken::Algorithm::ES256, "at+jwt", Some(key_id)),
            private_key: private.as_ref().to_vec(),
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

    /// The private half in a PEM file (PKCS #8), for [`Signer::from_pem`].
    #[must_use]
    pub fn private_pem(&self) -> String {
        let base64 = base64::engine::general_purpose::STANDARD.encode(&self.private_key);
        format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n")
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// [`MintError`] when the library refuses to sign.
    pub fn sign(&self, claims: &Value) -> Result<String, MintError> {
        self.signer.sign(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Compact, hmac_key, key_set_from_jwks};

    fn algorithm(name: &str) -> Algorithm {
        name.parse().unwrap()
    }

    #[test]
    fn a_key_read_from_a_file_signs_as_its_pair_does() {
        let minter = Minter::generate("k1").unwrap();
        let signer = Signer::from_pem(algorithm("ES256"), minter.private_pem().as_bytes(), Some("k1")).unwrap();
        let token = signer.sign(&json!({"sub": "ann"})).unwrap();
        let compact = Compact::parse(&token).unwrap();
        assert_eq!((compact.algorithm.as_str(), compact.key_id.as_deref()), ("ES256", Some("k1")));
        assert_eq!(compact.media_type.as_deref(), Some("JWT"));
        let public = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
            &minter.public_key,
        );
        public.verify(compact.signing_input.as_bytes(), &compact.signature).unwrap();
        // What the pair gives out as its public half is that of the file.
        assert!(key_set_from_jwks(minter.jwks().to_string().as_bytes(), &[algorithm("ES256")]).is_ok());
    }

    #[test]
    fn a_secret_signs_and_a_key_of_another_kind_does_not() {
        let secret = [7; 32];
        let signer = Signer::from_pem(algorithm("HS256"), &secret, None).unwrap();
        assert_eq!(Compact::parse(&signer.sign(&json!({})).unwrap()).unwrap().key_id, None);
        assert!(hmac_key(&secret, None, &[algorithm("HS256")]).is_ok());
        let pem = Minter::generate("k1").unwrap().private_pem();
        for (name, text) in [("RS256", "private key"), ("EdDSA", "private key"), ("ES384", "curve"), ("ES512", "sign")]
        {
            let error = Signer::from_pem(algorithm(name), pem.as_bytes(), None).err().unwrap().to_string();
            assert!(error.contains(text), "{name}: {error}");
        }
        assert!(Signer::from_pem(algorithm("ES256"), b"nothing", None).is_err());
    }
}
