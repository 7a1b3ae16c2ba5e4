//! The claims of a token (RFC 7519, section 4.1), read once into types.
//!
//! Here it is decided what a claim *says*; whether that is acceptable is decided later. A wrong type is a fault of form;
//! an absent or null claim is absent (but for the last-logout claim, where null says that there was no logout).

use serde_json::{Map, Value};

use super::{
    refusal::{Malformed, Refusal},
    rules::{ClaimFormat, LastLogoutClaim, Rules},
};
use crate::domain::{ClientId, Issuer, SessionId, SubjectId, Timestamp, TokenId};

/// A number of seconds from here on can only be one of milliseconds: as seconds it is the year 5138.
const LOOKS_LIKE_MILLISECONDS: f64 = 1e11;

/// Half a microsecond, in milliseconds, makes up for what a double cannot hold of an instant; what is finer than a
/// millisecond is then cut off, so that a token is never taken for younger, or better informed, than it is.
const ROUNDING: f64 = 0.0005;

/// What a token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// `iss`.
    pub issuer: Issuer,
    /// `sub`.
    pub subject: Option<SubjectId>,
    /// `aud`, be it one or several.
    pub audiences: Vec<String>,
    /// `exp`.
    pub expires: Option<NumericDate>,
    /// `nbf`.
    pub not_before: Option<NumericDate>,
    /// `iat`.
    pub issued_at: Option<NumericDate>,
    /// `auth_time` (OpenID Connect Core 1.0, section 2): when the user really authenticated.
    pub authenticated_at: Option<NumericDate>,
    /// `jti`.
    pub token_id: Option<TokenId>,
    /// The session, by the claim that the issuer is declared to set.
    pub session_id: Option<SessionId>,
    /// `client_id`, else `azp`.
    pub client_id: Option<ClientId>,
    /// The last logout that the issuer knew of.
    pub last_logout: LastLogout,
}

/// An instant that a token names, to the millisecond; what is finer is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate(pub Timestamp);

/// What the last-logout claim says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLogout {
    /// No such claim is configured, or the token has none: `iat` decides.
    Absent,
    /// It is null: the issuer knew of no logout at all.
    Never,
    /// The issuer knew of a logout at this instant, and of none later.
    At(Timestamp),
    /// The number is of the wrong unit: the name of the unit that it looks like, and of the one that belongs there.
    WrongUnit(&'static str, &'static str),
}

impl NumericDate {
    /// The last instant that it may stand for: issuers cut `iat` down to the whole second.
    #[must_use]
    pub fn latest(self) -> Timestamp {
        if self.0.is_whole_second() { self.0.plus(std::time::Duration::from_millis(999)) } else { self.0 }
    }
}

impl Claims {
    /// Reads the claims of a token of the issuer with these rules.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when a claim has the wrong type or is no instant.
    pub fn read(payload: &Map<String, Value>, rules: &Rules) -> Result<Self, Refusal> {
        Ok(Self {
            issuer: rules.issuer.clone(),
            subject: identifier(payload, "sub", SubjectId::parse)?,
            audiences: audiences(payload)?,
            expires: date(payload, "exp")?,
            not_before: date(payload, "nbf")?,
            issued_at: date(payload, "iat")?,
            authenticated_at: date(payload, "auth_time")?,
            token_id: identifier(payload, "jti", TokenId::parse)?,
            session_id: match &rules.session_claim {
                Some(name) => identifier(payload, name, SessionId::parse)?,
                None => None,
            },
            client_id: match identifier(payload, "client_id", ClientId::parse)? {
                Some(client) => Some(client),
                None => identifier(payload, "azp", ClientId::parse)?,
            },
            last_logout: match &rules.last_logout {
                Some(claim) => last_logout(payload, claim)?,
                None => LastLogout::Absent,
            },
        })
    }
}

/// A claim, where null is the same as absent.
fn present<'a>(payload: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    payload.get(name).filter(|value| !value.is_null())
}

fn wrong_type(name: &str, expected: &'static str) -> Refusal {
    Refusal::Malformed(Malformed::ClaimType(name.to_owned(), expected))
}

/// A string claim. The empty one, which some issuers set for "none", counts as absent: no logout can name it.
pub(super) fn identifier<T, E>(
    payload: &Map<String, Value>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Refusal> {
    match present(payload, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            parse(text).map(Some).map_err(|_| wrong_type(name, "a string of at most 512 bytes"))
        }
        Some(_) => Err(wrong_type(name, "a string")),
    }
}

/// One audience or an array of them (RFC 7519, section 4.1.3).
fn audiences(payload: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let each = |value: &Value| value.as_str().map(str::to_owned);
    match present(payload, "aud") {
        None => Some(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(each).collect::<Option<_>>(),
        Some(one) => each(one).map(|audience| vec![audience]),
    }
    .ok_or_else(|| wrong_type("aud", "a string or an array of strings"))
}

/// Seconds since 1970, possibly with a fraction (RFC 7519, section 2, `NumericDate`).
fn date(payload: &Map<String, Value>, name: &'static str) -> Result<Option<NumericDate>, Refusal> {
    let Some(value) = present(payload, name) else { return Ok(None) };
    let seconds = value.as_f64().ok_or_else(|| wrong_type(name, "a number of seconds"))?;
    if seconds >= LOOKS_LIKE_MILLISECONDS {
        return Err(Refusal::Malformed(Malformed::Milliseconds(name)));
    }
    let millis = match value.as_i64() {
        Some(whole) => whole.checked_mul(1000),
        None => whole_number((seconds * 1000.0 + ROUNDING).floor()),
    };
    millis
        .and_then(|millis| Timestamp::from_millis(millis).ok())
        .map(|at| Some(NumericDate(at)))
        .ok_or_else(|| wrong_type(name, "a number of seconds since 1970"))
}

/// A double as an integer, where it is one that an instant can have.
fn whole_number(value: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "within the range by the comparison, and whole by the caller")]
    (0.0..=9e15).contains(&value).then_some(value as i64)
}

fn last_logout(payload: &Map<String, Value>, claim: &LastLogoutClaim) -> Result<LastLogout, Refusal> {
    let Some(value) = payload.get(&*claim.name) else { return Ok(LastLogout::Absent) };
    if value.is_null() {
        return Ok(LastLogout::Never);
    }
    let at = match claim.format {
        ClaimFormat::Rfc3339 => value.as_str().and_then(|text| Timestamp::parse_rfc3339(text).ok()),
        ClaimFormat::Seconds => match value.as_f64() {
            Some(seconds) if seconds >= LOOKS_LIKE_MILLISECONDS => {
                return Ok(LastLogout::WrongUnit("milliseconds", "seconds"));
            }
            Some(seconds) => instant((seconds * 1000.0 + ROUNDING).floor()),
            None => None,
        },
        ClaimFormat::Milliseconds => match value.as_f64() {
            // As milliseconds these lie before March 1973; zero is left alone, for it may stand for "never".
            Some(millis) if millis > 0.0 && millis < LOOKS_LIKE_MILLISECONDS => {
                return Ok(LastLogout::WrongUnit("seconds", "milliseconds"));
            }
            Some(millis) => instant(millis.floor()),
            None => None,
        },
    };
    at.map(LastLogout::At).ok_or_else(|| {
        let expected = match claim.format {
            ClaimFormat::Rfc3339 => "a string as in RFC 3339",
            ClaimFormat::Seconds => "a number of seconds since 1970",
            ClaimFormat::Milliseconds => "a number of milliseconds since 1970",
        };
        wrong_type(&claim.name, expected)
    })
}

fn instant(millis: f64) -> Option<Timestamp> {
    whole_number(millis).and_then(|millis| Timestamp::from_millis(millis).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::token::decide::tests::rules;

    fn read(payload: &Value, format: ClaimFormat) -> Result<Claims, Refusal> {
        let claim = LastLogoutClaim { name: "ll".into(), format };
        let rules = Rules { last_logout: Some(claim), session_claim: Some("sid".to_owned()), ..rules() };
        Claims::read(payload.as_object().unwrap(), &rules)
    }

    #[test]
    fn absent_null_and_empty_are_absent() {
        let claims = read(&json!({"sub": "", "sid": null}), ClaimFormat::Seconds).unwrap();
        assert_eq!((claims.subject, claims.session_id, claims.issued_at), (None, None, None));
        assert_eq!(claims.last_logout, LastLogout::Absent);
    }

    #[test]
    fn a_null_last_logout_claim_says_never() {
        for format in [ClaimFormat::Rfc3339, ClaimFormat::Seconds, ClaimFormat::Milliseconds] {
            assert_eq!(read(&json!({"ll": null}), format).unwrap().last_logout, LastLogout::Never);
        }
    }

    #[test]
    fn an_instant_is_kept_to_the_millisecond() {
        for (value, millis) in [
            (json!(1_700_000_000), 1_700_000_000_000),
            (json!(1_700_000_000.123), 1_700_000_000_123),
            (json!(1_700_000_000.123_9), 1_700_000_000_123),
            (json!(0), 0),
        ] {
            let claims = read(&json!({"iat": value}), ClaimFormat::Seconds).unwrap();
            assert_eq!(claims.issued_at.map(|date| date.0.as_millis()), Some(millis), "{value}");
        }
    }

    #[test]
    fn a_wrong_type_is_named() {
        for (payload, name) in [
            (json!({"sub": 5}), "sub"),
            (json!({"sub": "x".repeat(513)}), "sub"),
            (json!({"aud": {"a": 1}}), "aud"),
            (json!({"aud": ["a", 1]}), "aud"),
            (json!({"exp": "1700000000"}), "exp"),
            (json!({"exp": -1}), "exp"),
            (json!({"exp": 1e300}), "exp"),
            (json!({"iat": 1_700_000_000_000_i64}), "milliseconds"),
            (json!({"auth_time": true}), "auth_time"),
            (json!({"sid": ["s"]}), "sid"),
            (json!({"client_id": 1}), "client_id"),
            (json!({"azp": 1}), "azp"),
            (json!({"ll": "2026-01-01T00:00:00Z"}), "ll"),
            (json!({"ll": -1}), "ll"),
        ] {
            let error = read(&payload, ClaimFormat::Seconds).unwrap_err().to_string();
            assert!(error.contains(name), "{payload}: {error}");
        }
    }

    #[test]
    fn the_wrong_unit_of_the_claim_is_recognised() {
        let of = |value: Value, format| read(&json!({ "ll": value }), format).unwrap().last_logout;
        let unit = |value, format| match of(value, format) {
            LastLogout::WrongUnit(looks_like, _) => Some(looks_like),
            _ => None,
        };
        assert_eq!(unit(json!(1_700_000_000_123_i64), ClaimFormat::Seconds), Some("milliseconds"));
        assert_eq!(unit(json!(1_700_000_000), ClaimFormat::Milliseconds), Some("seconds"));
        assert_eq!(of(json!(0), ClaimFormat::Milliseconds), LastLogout::At(Timestamp::EPOCH));
    }

    proptest! {
        #[test]
        fn a_claim_value_comes_back_as_it_was_written(millis in 200_000_000_000_i64..7_000_000_000_000) {
            let at = Timestamp::from_millis(millis).unwrap();
            for format in [ClaimFormat::Rfc3339, ClaimFormat::Seconds, ClaimFormat::Milliseconds] {
                // Through a double, as google.protobuf.Value and JavaScript have it.
                let value = match format.write(Some(at)) {
                    Value::Number(number) => json!(number.as_f64().unwrap()),
                    other => other,
                };
                let claims = read(&json!({ "ll": value }), format).unwrap();
                prop_assert_eq!(claims.last_logout, LastLogout::At(at));
            }
        }
    }
}
