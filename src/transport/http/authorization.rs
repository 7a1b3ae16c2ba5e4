//! The `Authorization` header (RFC 9110, section 11.6.2; RFC 6750, section 2.1).

use axum::http::{HeaderMap, header::AUTHORIZATION};

/// What a caller says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authorization<'a> {
    /// Nothing.
    None,
    /// A scheme, as it was written, and what follows it.
    Given(&'a str, &'a str),
    /// More than one header, or one that is no text: proxies that choose differently could be fooled.
    Unclear,
}

impl<'a> Authorization<'a> {
    /// The whole of the one header, as it was sent, where there is one and it is text.
    pub(super) fn whole(headers: &'a HeaderMap) -> Option<&'a str> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok()
    }

    /// What these headers say.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => match value.to_str() {
                Ok(text) => {
                    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
                    Self::Given(scheme, rest.trim_matches(' '))
                }
                Err(_) => Self::Unclear,
            },
            (Some(_), Some(_)) => Self::Unclear,
        }
    }

    /// What follows `Bearer`, if that is the scheme; its case does not matter.
    pub(super) fn bearer(self) -> Option<&'a str> {
        match self {
            Self::Given(scheme, rest) if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() => Some(rest),
            Self::None | Self::Given(..) | Self::Unclear => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_bearer_token_is_found_however_its_scheme_is_written() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(Authorization::of(&of(&[value])).bearer(), Some("abc"), "{value}");
        }
        for values in [&[][..], &["Bearer"], &["Bearer "], &["Basic abc"], &["abc"], &["Bearer a", "Bearer a"]] {
            assert_eq!(Authorization::of(&of(values)).bearer(), None, "{values:?}");
        }
        assert_eq!(Authorization::of(&of(&["Bearer a", "Bearer b"])), Authorization::Unclear);
    }

    #[test]
    fn the_whole_header_is_as_it_was_sent_and_alone() {
        for value in ["Bearer abc", "abc", "Basic a b  c", ""] {
            assert_eq!(Authorization::whole(&of(&[value])), Some(value), "{value}");
        }
        assert_eq!(Authorization::whole(&of(&[])), None);
        assert_eq!(Authorization::whole(&of(&["a", "a"])), None);
        let no_text = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"a\xff").unwrap())]);
        assert_eq!(Authorization::whole(&no_text), None);
    }
}
