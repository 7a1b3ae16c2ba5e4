//! The names that tokens and logouts carry: parsed once at the edge, compared byte for byte ever after.
//!
//! No case folding and no Unicode normalisation: an identity provider that issues `Ann` and `ann` means two people.

use std::{fmt, sync::Arc};

/// The most bytes that any identifier may have.
///
/// OpenID Connect allows `sub` 255 characters; issuers are URLs and seldom longer. Twice that leaves room and keeps a
/// record small.
pub const MAX_IDENTIFIER_BYTES: usize = 512;

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// It has no bytes.
    #[error("must not be empty")]
    Empty,
    /// It has more than [`MAX_IDENTIFIER_BYTES`] bytes.
    #[error("is {0} bytes long; at most {MAX_IDENTIFIER_BYTES} are allowed")]
    TooLong(usize),
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            ///
            /// # Errors
            /// [`IdentifierError`] when it is empty or longer than [`MAX_IDENTIFIER_BYTES`].
            pub fn parse(text: &str) -> Result<Self, IdentifierError> {
                match text.len() {
                    0 => Err(IdentifierError::Empty),
                    1..=MAX_IDENTIFIER_BYTES => Ok(Self(Arc::from(text))),
                    longer => Err(IdentifierError::TooLong(longer)),
                }
            }

            /// The text, just as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

identifier! {
    /// Who signs tokens: `iss` (RFC 7519, section 4.1.1).
    Issuer
}
identifier! {
    /// A user at an issuer: `sub` (RFC 7519, section 4.1.2).
    SubjectId
}
identifier! {
    /// A session at an issuer: `sid` (OpenID Connect Back-Channel Logout 1.0, section 2.1).
    SessionId
}
identifier! {
    /// One token of an issuer: `jti` (RFC 7519, section 4.1.7).
    TokenId
}
identifier! {
    /// A client of an issuer: `client_id` (RFC 8693, section 4.3) or `azp` (OpenID Connect Core 1.0, section 2).
    ClientId
}
identifier! {
    /// A signing key of an issuer: `kid` (RFC 7517, section 4.5).
    KeyId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_a_length() {
        assert_eq!(SubjectId::parse(""), Err(IdentifierError::Empty));
        assert!(SubjectId::parse(&"x".repeat(MAX_IDENTIFIER_BYTES)).is_ok());
        let one_more = MAX_IDENTIFIER_BYTES + 1;
        assert_eq!(SubjectId::parse(&"x".repeat(one_more)), Err(IdentifierError::TooLong(one_more)));
    }

    #[test]
    fn identifiers_are_byte_exact() {
        assert_ne!(SubjectId::parse("Ann"), SubjectId::parse("ann"));
        assert_ne!(SubjectId::parse("ann"), SubjectId::parse("ann "));
        // The same letter, composed and decomposed.
        assert_ne!(SubjectId::parse("\u{e9}"), SubjectId::parse("e\u{301}"));
    }
}
