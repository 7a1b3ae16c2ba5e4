//! The JWS compact serialisation (RFC 7515, section 7.1): a string cut into header, payload and signature.
//!
//! Nothing here is trusted yet: the header only says which of *our* keys and algorithms to try. `jwk`, `jku`, `x5u` and
//! `x5c` in it are ignored, `crit` is refused, for no extension is understood (section 4.1.11).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{json::parse_object, refusal::Malformed};

/// The longest token that is looked at. Real ones have one or two KiB; HTTP servers stop at 8 to 16 KiB of headers.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token cut into its parts; its signature is not verified.
#[derive(Debug)]
pub struct Compact<'a> {
    /// `alg`, as it stands there.
    pub algorithm: String,
    /// `kid`, if any.
    pub key_id: Option<String>,
    /// `typ`, if any.
    pub media_type: Option<String>,
    /// The members of the payload.
    pub payload: Map<String, Value>,
    /// What is signed: the first two parts and the dot between them.
    pub signing_input: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Cuts a token into its parts.
    ///
    /// # Errors
    /// [`Malformed`], saying what is wrong with its form.
    pub fn parse(raw_token: &'a str) -> Result<Self, Malformed> {
        if raw_token.len() > MAX_TOKEN_BYTES {
            return Err(Malformed::TooLong(raw_token.len()));
        }
        let (header, payload, signature) = cut(raw_token)?;
        let signing_input = raw_token.get(..header.len() + 1 + payload.len()).ok_or(Malformed::Parts(0))?;
        let header =
            parse_object(&decode(header, "header")?).map_err(|error| Malformed::Json("header", error.to_string()))?;
        if header.contains_key("crit") {
            return Err(Malformed::Critical);
        }
        let payload = parse_object(&decode(payload, "payload")?)
            .map_err(|error| Malformed::Json("payload", error.to_string()))?;
        Ok(Self {
            algorithm: text(&header, "alg")?.ok_or(Malformed::NoAlgorithm)?,
            key_id: text(&header, "kid")?,
            media_type: text(&header, "typ")?,
            payload,
            signing_input,
            signature: decode(signature, "signature")?,
        })
    }
}

/// The three parts, all but the signature not empty (`alg: none` leaves that empty, and is refused later by its name).
fn cut(raw_token: &str) -> Result<(&str, &str, &str), Malformed> {
    let mut parts = raw_token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok((header, payload, signature)),
        _ => Err(Malformed::Parts(raw_token.split('.').count())),
    }
}

/// Base64url without padding, strictly: bits left over must be zero, so that a token has one spelling only.
fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed::Base64(name))
}

/// A header member that must be a string where it is present.
fn text(header: &Map<String, Value>, name: &'static str) -> Result<Option<String>, Malformed> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Malformed::WrongType(name, "a string")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_is_cut_into_its_parts() {
        let raw = token(r#"{"alg":"RS256","kid":"k","typ":"JWT","jwk":{}}"#, r#"{"sub":"ann"}"#);
        let compact = Compact::parse(&raw).unwrap();
        assert_eq!(compact.algorithm, "RS256");
        assert_eq!(compact.key_id.as_deref(), Some("k"));
        assert_eq!(compact.media_type.as_deref(), Some("JWT"));
        assert_eq!(compact.payload["sub"], "ann");
        assert_eq!(compact.signature, b"sig");
        assert_eq!(raw, format!("{}.c2ln", compact.signing_input));
    }

    #[test]
    fn every_fault_of_form_is_named() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        let cases = [
            (String::new(), "1 part"),
            (good.replace(".c2ln", ""), "2 parts"),
            (format!("{good}.x.y"), "5 parts"),
            (good.replace(".c2ln", ".c2l="), "base64url"),
            (good.replace(".c2ln", ".c2lu!"), "base64url"),
            // The same signature in another spelling: the last letter's spare bits are not zero.
            (good.replace(".c2ln", ".c2k9").replace(".c2k9", ".c2l"), "base64url"),
            (token("{", "{}"), "header"),
            (token("{}", "{}"), "alg"),
            (token(r#"{"alg":1}"#, "{}"), "alg"),
            (token(r#"{"alg":"RS256","kid":[]}"#, "{}"), "kid"),
            (token(r#"{"alg":"RS256","crit":["exp"]}"#, "{}"), "crit"),
            (token(r#"{"alg":"RS256","alg":"none"}"#, "{}"), "twice"),
            (token(r#"{"alg":"RS256"}"#, r#"{"sub":"a","sub":"b"}"#), "twice"),
            (token(r#"{"alg":"RS256"}"#, "[]"), "payload"),
            ("x".repeat(1 << 20), "1048576 bytes"),
        ];
        for (raw, expected) in cases {
            let error = Compact::parse(&raw).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_string_makes_it_panic(raw in ".{0,200}") {
            drop(Compact::parse(&raw));
        }

        #[test]
        fn nothing_like_a_token_makes_it_panic(raw in "[A-Za-z0-9_-]{0,60}[.][A-Za-z0-9_-]{0,60}[.][A-Za-z0-9_-]{0,20}") {
            drop(Compact::parse(&raw));
        }
    }
}
