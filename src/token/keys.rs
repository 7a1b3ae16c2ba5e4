//! An issuer's keys: parsed once, ready to verify, and found by `kid` and algorithm, never by what a token brings along.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use aws_lc_rs::{
    digest, hmac,
    signature::{ED25519, ParsedPublicKey, RsaPublicKeyComponents},
};

use super::algorithm::{Algorithm, Family};
use crate::domain::{KeyId, Timestamp};

/// RSA keys shorter than this are not accepted (RFC 7518, section 3.3).
pub const LEAST_RSA_BITS: usize = 2048;

/// The most that the library verifies with.
const MOST_RSA_BITS: usize = 8192;
const MOST_EXPONENT_BITS: usize = 33;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no key, or too weak a one.
    #[error(
        "the {0} key was not accepted: damaged, of another curve, or an RSA key of less than 2048 or more than 8192 bits"
    )]
    Rejected(Family),
    /// RFC 7518, section 3.2.
    #[error("{algorithm} needs a secret of at least {least} bytes; this one has {actual}")]
    ShortSecret {
        /// The algorithm that asks for more.
        algorithm: Algorithm,
        /// How many bytes it needs.
        least: usize,
        /// How many there are.
        actual: usize,
    },
    /// No configured algorithm can use the key: accepting it anyway invites confusion of key types.
    #[error("{algorithm} does not fit the key, which is of the kind {family}")]
    DoesNotFit {
        /// The configured algorithm.
        algorithm: Algorithm,
        /// What the key is.
        family: Family,
    },
    /// Nothing among the keys can be used for this configured algorithm.
    #[error("no key among them fits the algorithm {0}")]
    NoneFits(Algorithm),
    /// Not PEM, or not of a public key.
    #[error("{0}")]
    Pem(&'static str),
    /// Not a JWK Set.
    #[error("not a JWK Set (RFC 7517, section 5): {0}")]
    Jwks(String),
}

/// A public key or a secret, with every algorithm that it may be used for.
pub struct Key {
    id: Option<KeyId>,
    family: Family,
    /// A hash of what it is made of, to know it again.
    thumbprint: [u8; 32],
    verifiers: Vec<(Algorithm, Verifier)>,
}

/// A key made ready for one algorithm, so that no check has to parse it again.
enum Verifier {
    Public(ParsedPublicKey),
    /// Boxed, for it is twenty times the size of the other.
    Secret(Box<hmac::Key>),
}

/// The bytes of a key, before it is made ready.
pub(super) enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Point(Family, Vec<u8>),
    Ed25519(Vec<u8>),
    Secret(Vec<u8>),
}

impl Material {
    pub(super) const fn family(&self) -> Family {
        match self {
            Self::Rsa { .. } => Family::Rsa,
            Self::Point(family, _) => *family,
            Self::Ed25519(_) => Family::Ed25519,
            Self::Secret(_) => Family::Hmac,
        }
    }

    /// A hash of it. Of a secret, too, it gives nothing away: it is never shown.
    fn thumbprint(&self) -> [u8; 32] {
        let parts: [&[u8]; 2] = match self {
            Self::Rsa { modulus, exponent } => [modulus, exponent],
            Self::Point(_, bytes) | Self::Ed25519(bytes) | Self::Secret(bytes) => [bytes, &[]],
        };
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            hash.update(&part.len().to_be_bytes());
            hash.update(part);
        }
        // A SHA-256 has 32 bytes.
        hash.finish().as_ref().try_into().unwrap_or_default()
    }

    /// Makes it ready for an algorithm of its own family.
    fn verifier(&self, algorithm: Algorithm) -> Result<Verifier, KeyError> {
        let family = self.family();
        let does_not_fit = KeyError::DoesNotFit { algorithm, family };
        let parsed = match self {
            Self::Rsa { modulus, exponent } => {
                let parameters = algorithm.rsa().ok_or(does_not_fit)?;
                if !is_sound_rsa(modulus, exponent) {
                    return Err(KeyError::Rejected(family));
                }
                RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() }
                    .to_parsed_public_key(parameters)
                    .map_err(|_| KeyError::Rejected(family))?
            }
            Self::Point(_, point) => ParsedPublicKey::new(algorithm.ecdsa().ok_or(does_not_fit)?, point)
                .map_err(|_| KeyError::Rejected(family))?,
            Self::Ed25519(bytes) if is_of_small_order(bytes) => return Err(KeyError::Rejected(family)),
            Self::Ed25519(bytes) => ParsedPublicKey::new(&ED25519, bytes).map_err(|_| KeyError::Rejected(family))?,
            Self::Secret(secret) => {
                let (hash, least) = algorithm.hmac().ok_or(does_not_fit)?;
                if secret.len() < least {
                    return Err(KeyError::ShortSecret { algorithm, least, actual: secret.len() });
                }
                return Ok(Verifier::Secret(Box::new(hmac::Key::new(hash, secret))));
            }
        };
        Ok(Verifier::Public(parsed))
    }
}

/// The library looks at these only when it verifies; a key that never will is better not taken at all. Sizes as RFC 7518,
/// section 3.3, and the library allow; an exponent is odd and at least 3 (RFC 8017, section 3.1).
fn is_sound_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let bits = |number: &[u8]| {
        let significant: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
    };
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    (LEAST_RSA_BITS..=MOST_RSA_BITS).contains(&bits(modulus))
        && (2..=MOST_EXPONENT_BITS).contains(&bits(exponent))
        && odd(modulus)
        && odd(exponent)
}

/// The points of small order, by their y; the sign bit is left out. With such a key one signature fits many texts
/// (RFC 8032, section 5.1.7, asks for no such check, but nobody's key is one of these by honest means).
fn is_of_small_order(point: &[u8]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
        *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    ];
    let Ok(mut y) = <[u8; 32]>::try_from(point) else { return false };
    let [low, middle @ .., high] = &mut y;
    *high &= 0x7f;
    // 0 and 1; then -1, and 0 and 1 again with the prime 2^255 - 19 added.
    let tiny = *low <= 1 && *high == 0 && middle.iter().all(|byte| *byte == 0);
    let near_prime = (0xec..=0xee).contains(low) && *high == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    tiny || near_prime || ORDER_8.contains(&y)
}

impl Key {
    /// Makes a key ready for those of the algorithms that are of its family; none may be.
    pub(super) fn new(id: Option<KeyId>, material: &Material, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        let family = material.family();
        let verifiers = algorithms
            .iter()
            .filter(|algorithm| algorithm.family() == family)
            .map(|algorithm| Ok((*algorithm, material.verifier(*algorithm)?)))
            .collect::<Result<_, KeyError>>()?;
        Ok(Self { id, family, thumbprint: material.thumbprint(), verifiers })
    }

    /// `kid`, if the key has one. Only what the key set says counts, not what a token says.
    #[must_use]
    pub const fn id(&self) -> Option<&KeyId> {
        self.id.as_ref()
    }

    /// Whether the key may be used for an algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.verifiers.iter().any(|(fitting, _)| *fitting == algorithm)
    }

    /// Whether the signature is this key's over the message. HMAC is compared in constant time.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verifiers.iter().filter(|(fitting, _)| *fitting == algorithm).any(|(_, verifier)| match verifier {
            Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
            Verifier::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        })
    }
}

impl fmt::Debug for Key {
    /// Names the key; never shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("family", &self.family).finish_non_exhaustive()
    }
}

/// A shared secret, for the HMAC algorithms.
///
/// # Errors
/// [`KeyError::ShortSecret`], or [`KeyError::DoesNotFit`] where an algorithm is not an HMAC.
pub fn hmac_key(secret: &[u8], id: Option<KeyId>, algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
    single(&Material::Secret(secret.to_vec()), id, algorithms)
}

/// A set of one key, which every algorithm must fit.
pub(super) fn single(material: &Material, id: Option<KeyId>, algorithms: &[Algorithm]) -> Result<KeySet, KeyError> {
    let family = material.family();
    if let Some(algorithm) = algorithms.iter().find(|algorithm| algorithm.family() != family) {
        return Err(KeyError::DoesNotFit { algorithm: *algorithm, family });
    }
    Ok(KeySet::new(vec![Key::new(id, material, algorithms)?]))
}

/// All the keys of an issuer at one time.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// A set of these keys.
    #[must_use]
    pub const fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    /// All of them.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether the other has the very same keys, by the same names, for the same algorithms and in the same order: then
    /// whatever was verified with one holds with the other.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same = |one: &Key, other: &Key| {
            let algorithms = |key: &Key| key.verifiers.iter().map(|(algorithm, _)| *algorithm).collect::<Vec<_>>();
            (&one.id, one.family, one.thumbprint, algorithms(one))
                == (&other.id, other.family, other.thumbprint, algorithms(other))
        };
        self.keys.len() == other.keys.len() && self.keys.iter().zip(&other.keys).all(|(one, other)| same(one, other))
    }

    /// The first of the algorithms that no key can be used for.
    #[must_use]
    pub fn lacking(&self, algorithms: &[Algorithm]) -> Option<Algorithm> {
        algorithms.iter().copied().find(|algorithm| !self.keys.iter().any(|key| key.fits(*algorithm)))
    }

    /// The keys that a token may have been signed with.
    ///
    /// A token that names a key means a key of that name, or one without a name (a PEM file, a secret). A token that names
    /// none means one without a name, or the only one there is for its algorithm.
    pub fn candidates(&self, key_id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let fitting = move |key: &&Key| key.fits(algorithm);
        let only_one = self.keys.iter().filter(fitting).count() == 1;
        self.keys.iter().filter(fitting).filter(move |key| match (key_id, &key.id) {
            (Some(wanted), Some(id)) => wanted == id.as_str(),
            (Some(_), None) => true,
            (None, None) => true,
            (None, Some(_)) => only_one,
        })
    }
}

/// An issuer's keys are not loaded, or have not been confirmed for longer than they may be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeysUnavailable(pub String);

/// Where an issuer's keys come from.
pub trait KeySource: Send + Sync + 'static {
    /// The keys to trust at this instant: the very same [`Arc`] as long as they are the same keys, and another when they
    /// are not.
    ///
    /// # Errors
    /// [`KeysUnavailable`] when there are none: nothing can be decided then.
    fn current(&self, now: Timestamp) -> Result<Arc<KeySet>, KeysUnavailable>;

    /// Whether these are the very keys to trust at this instant.
    ///
    /// # Errors
    /// As [`KeySource::current`].
    fn is_current(&self, keys: &Arc<KeySet>, now: Timestamp) -> Result<bool, KeysUnavailable>;

    /// Looks for keys that are not among the current ones, for a token names one of them. Returns once that is done, at
    /// once if it may not be done (again) yet. Whether it found any, [`KeySource::current`] tells.
    fn look_again(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Whether the current keys are all that the issuer has, as far as can be known: of a token by a key that is not among
    /// them it can be said for good that nobody honours it.
    fn are_complete(&self, now: Timestamp) -> bool;

    /// Whether its keys can have ids, so that one of them can be revoked.
    fn has_key_ids(&self) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shorter_than_its_hash_is_not_accepted() {
        for (algorithm, least) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            assert!(hmac_key(&vec![7; least], None, &[algorithm]).is_ok());
            for actual in [0, 1, least - 1] {
                let refused = hmac_key(&vec![7; actual], None, &[algorithm]).unwrap_err();
                assert_eq!(refused, KeyError::ShortSecret { algorithm, least, actual });
            }
        }
        // The strictest of several decides.
        assert!(hmac_key(&[7; 32], None, &[Algorithm::Hs256, Algorithm::Hs512]).is_err());
    }

    #[test]
    fn a_key_of_one_kind_and_an_algorithm_of_another_do_not_start() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            let refused = hmac_key(&[7; 64], None, &[Algorithm::Hs256, algorithm]).unwrap_err();
            assert_eq!(refused, KeyError::DoesNotFit { algorithm, family: Family::Hmac });
        }
    }
}
