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

    /// All of it, scheme and rest, as it was written. None: there is none, or it is unclear.
    pub(super) fn whole(headers: &'a HeaderMap) -> Option<&'a str> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            (Some(_) | None, _) => None,
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
    fn all_of_it_is_found_where_there_is_one() {
        assert_eq!(Authorization::whole(&of(&["Bearer  a b"])), Some("Bearer  a b"));
        assert_eq!(Authorization::whole(&of(&["anything"])), Some("anything"));
        assert_eq!(Authorization::whole(&of(&[])), None);
        assert_eq!(Authorization::whole(&of(&["Bearer a", "Bearer a"])), None);
    }
}
