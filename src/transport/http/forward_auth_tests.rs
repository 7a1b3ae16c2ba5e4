//! What is read from a proxy's request, and that no bytes make the reader panic.

use axum::http::header::AUTHORIZATION;
use proptest::prelude::*;

use super::*;

fn headers(values: &[&[u8]]) -> HeaderMap {
    values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())).collect()
}

#[test]
fn the_token_is_found_or_it_is_said_what_is_wrong() {
    assert_eq!(presented(&headers(&[b"Bearer a.b.c"])), Ok(Some("a.b.c")));
    assert_eq!(presented(&headers(&[b"bEARER  a.b.c"])), Ok(Some("a.b.c")));
    // Nothing of this kind: a challenge without an error.
    for none in [&[][..], &[&b"Basic YTpi"[..]], &[&b"DPoP a.b.c"[..]], &[&b"Bearera.b.c"[..]], &[&b""[..]]] {
        assert_eq!(presented(&headers(none)), Ok(None));
    }
    for bad in [
        &[&b"Bearer"[..]][..],
        &[b"Bearer "],
        &[b"Bearer a", b"Bearer a"],
        &[b"Bearer a", b"Basic b"],
        &[b"Bearer \xff"],
    ] {
        assert!(presented(&headers(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn audiences_narrow_and_a_slip_does_not_widen() {
    let of = |query: &str| audiences(Some(query)).ok();
    assert_eq!(audiences(None), Ok(Vec::new()));
    assert_eq!(of("x=1&Audience=a"), Some(Vec::new()));
    assert_eq!(of("audience=https%3A%2F%2Fapi.example&page=2"), Some(vec!["https://api.example".to_owned()]));
    assert_eq!(of(&"audience=a&".repeat(16)).map(|all| all.len()), Some(16));
    for bad in ["audience=", "audience", "audience=a&audience="] {
        assert_eq!(of(bad), None, "{bad}");
    }
    assert_eq!(of(&"audience=a&".repeat(17)), None);
    assert_eq!(of(&format!("audience={}", "a".repeat(513))), None);
}

#[test]
fn what_is_said_of_a_token_stays_within_its_header() {
    for verdict in Verdict::ALL {
        let value = challenge(verdict);
        let text = value.to_str().unwrap();
        let description = text.strip_prefix("Bearer realm=\"curfew\", error=\"invalid_token\", error_description=\"");
        let description = description.and_then(|rest| rest.strip_suffix('"')).unwrap();
        // RFC 6750, section 3.
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(!description.is_empty() && description.bytes().all(allowed), "{description}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..3), query in ".{0,80}") {
        let headers: HeaderMap =
            values.iter().filter_map(|value| Some((AUTHORIZATION, HeaderValue::from_bytes(value).ok()?))).collect();
        drop(presented(&headers).map(|token| token.map(str::len)));
        drop(audiences(Some(&query)));
    }
}
