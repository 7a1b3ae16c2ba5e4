//! Whose a token is, in headers: what a proxy copies to the backend that it guards.
//!
//! Every header is in every answer, empty where there is nothing to say, so that a proxy which copies them always writes
//! over what a client has sent under the same name.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::token::Claims;

/// The headers, in the order of [`values`].
const NAMES: [HeaderName; 5] = [
    HeaderName::from_static("x-curfew-issuer"),
    HeaderName::from_static("x-curfew-subject"),
    HeaderName::from_static("x-curfew-client-id"),
    HeaderName::from_static("x-curfew-session-id"),
    HeaderName::from_static("x-curfew-token-id"),
];

/// What stands for nothing.
const EMPTY: HeaderValue = HeaderValue::from_static("");

/// What cannot stand in a header as it is, beside all that is not ASCII; and the mark of what was changed.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Says whose a token is. None: nobody's, or nobody's that is honoured.
pub(super) fn set(headers: &mut HeaderMap, claims: Option<&Claims>) {
    let values = claims.map_or([None; 5], values);
    for (name, value) in NAMES.into_iter().zip(values) {
        headers.insert(name, value.map_or(EMPTY, encoded));
    }
}

fn values(claims: &Claims) -> [Option<&str>; 5] {
    [
        Some(claims.issuer.as_str()),
        claims.subject.as_ref().map(|id| id.as_str()),
        claims.client_id.as_ref().map(|id| id.as_str()),
        claims.session_id.as_ref().map(|id| id.as_str()),
        claims.token_id.as_ref().map(|id| id.as_str()),
    ]
}

/// A value in visible ASCII; what is not, and `%`, as `%` and the two hexadecimal digits of each byte.
fn encoded(text: &str) -> HeaderValue {
    let value = if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%') {
        HeaderValue::from_str(text)
    } else {
        HeaderValue::try_from(utf8_percent_encode(text, ENCODED).to_string())
    };
    // Visible ASCII always can; if it could not, nothing would be said.
    value.unwrap_or(EMPTY)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_visible_and_tell_themselves_apart() {
        for (text, expected) in [
            ("auth0|65f0", "auth0|65f0"),
            ("https://op.example/", "https://op.example/"),
            ("Ann Example", "Ann%20Example"),
            ("50%", "50%25"),
            ("a%20b", "a%2520b"),
            ("jörg", "j%C3%B6rg"),
            ("a\r\nX-Curfew-Subject: admin", "a%0D%0AX-Curfew-Subject:%20admin"),
            ("\u{7f}\t\0", "%7F%09%00"),
            ("\"quoted\", \\", "\"quoted\",%20\\"),
        ] {
            assert_eq!(encoded(text), expected, "{text:?}");
        }
    }

    #[test]
    fn all_are_there_and_those_from_before_are_gone() {
        let mut headers: HeaderMap =
            NAMES.into_iter().map(|name| (name, HeaderValue::from_static("spoofed"))).collect();
        set(&mut headers, None);
        assert_eq!(headers.len(), 5);
        assert!(headers.values().all(HeaderValue::is_empty));
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(text in ".{0,100}") {
            let value = encoded(&text);
            let written = value.to_str().unwrap();
            prop_assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(percent_decode_str(written).decode_utf8().unwrap(), text);
        }
    }
}
