//! From a string to claims that the issuer has signed (RFC 7515, section 5.2; RFC 7519, section 7.2; RFC 8725).

use serde_json::Value;

use super::{
    algorithm::Algorithm,
    claims::Claims,
    compact::Compact,
    keys::{Key, KeySet},
    refusal::{Malformed, Refusal, shown},
    rules::Rules,
};
use crate::domain::KeyId;

/// A token whose signature holds. Whether it is honoured, [`super::decide()`] says.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    /// What it says.
    pub claims: Claims,
    /// The key that it was verified with, by the name which the key set gives it. None: the key has no name.
    pub key_id: Option<KeyId>,
}

impl Compact<'_> {
    /// The issuer that the token names; nobody has confirmed it yet.
    ///
    /// # Errors
    /// [`Refusal::MissingClaim`] or [`Refusal::Malformed`] where it names none.
    pub fn claimed_issuer(&self) -> Result<&str, Refusal> {
        match self.payload.get("iss") {
            Some(Value::String(issuer)) => Ok(issuer),
            None | Some(Value::Null) => Err(Refusal::MissingClaim("iss")),
            Some(_) => Err(Refusal::Malformed(Malformed::ClaimType("iss".to_owned(), "a string"))),
        }
    }
}

/// Verifies a token with the rules and keys of the issuer that it names.
///
/// # Errors
/// The first of these that fails: `typ`, algorithm, key, signature, types of the claims.
pub fn verify(token: &Compact<'_>, rules: &Rules, keys: &KeySet) -> Result<VerifiedToken, Refusal> {
    check_media_type(token.media_type.as_deref(), rules)?;
    let key = signed_by(token, rules, keys)?;
    Ok(VerifiedToken { claims: Claims::read(&token.payload, rules)?, key_id: key.id().cloned() })
}

/// The key among these that has signed a token, by an algorithm that the rules allow.
///
/// # Errors
/// The first of these that fails: algorithm, key, signature.
pub fn signed_by<'k>(token: &Compact<'_>, rules: &Rules, keys: &'k KeySet) -> Result<&'k Key, Refusal> {
    let algorithm = allowed_algorithm(&token.algorithm, rules)?;
    let mut candidates = keys.candidates(token.key_id.as_deref(), algorithm).peekable();
    if candidates.peek().is_none() {
        return Err(Refusal::UnknownKey(token.key_id.as_deref().map(shown), algorithm));
    }
    let message = token.signing_input.as_bytes();
    candidates.find(|key| key.verify(algorithm, message, &token.signature)).ok_or(Refusal::BadSignature(algorithm))
}

/// `typ` names a media type: case does not matter and `application/` may be left out (RFC 7515, section 4.1.9).
fn check_media_type(named: Option<&str>, rules: &Rules) -> Result<(), Refusal> {
    let Some(named) = named else { return Ok(()) };
    let lower = named.to_ascii_lowercase();
    let short = lower.strip_prefix("application/").unwrap_or(&lower);
    if rules.types.iter().any(|allowed| allowed == short) {
        return Ok(());
    }
    Err(Refusal::Malformed(Malformed::MediaType(shown(named), rules.types.join(", "))))
}

fn allowed_algorithm(named: &str, rules: &Rules) -> Result<Algorithm, Refusal> {
    named.parse().ok().filter(|algorithm| rules.algorithms.contains(algorithm)).ok_or_else(|| {
        let allowed: Vec<String> = rules.algorithms.iter().map(ToString::to_string).collect();
        Refusal::AlgorithmNotAllowed(shown(named), allowed.join(", "))
    })
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
