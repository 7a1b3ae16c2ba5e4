//! The rules of a logout token, one by one, and that nothing makes reading one panic.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::token::decide::tests::rules;

const NOW: i64 = 1_780_000_000;

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000).unwrap()
}

fn logout_rules() -> LogoutTokenRules {
    let client_ids = vec!["web".to_owned(), "app".to_owned()];
    LogoutTokenRules { client_ids, strict_type: false, max_age: Duration::from_secs(120) }
}

/// A good one.
fn good() -> Value {
    json!({
        "iss": "https://op.example", "aud": "web", "iat": NOW - 5, "exp": NOW + 60, "jti": "1", "sub": "ann", "sid": "s1",
        "events": { EVENT: {} }
    })
}

/// A good one with these members; null takes one away.
fn with(changes: &Value) -> Value {
    let mut payload = good();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
            value => payload[name] = value.clone(),
        }
    }
    payload
}

fn read_typed(header: &Value, payload: &Value, logout: &LogoutTokenRules) -> Result<LogoutToken, LogoutTokenFault> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let raw = format!("{}.{}.c2ln", part(header), part(payload));
    let token = Compact::parse(&raw).map_err(|fault| LogoutTokenFault::Token(Refusal::Malformed(fault)))?;
    LogoutToken::read(&token, &Claims::read(&token.payload, &rules())?, &rules(), logout, now())
}

fn read(payload: &Value) -> Result<LogoutToken, LogoutTokenFault> {
    read_typed(&json!({"alg": "RS256", "typ": "logout+jwt"}), payload, &logout_rules())
}

#[test]
fn it_says_who_logged_out_and_when() {
    let token = read(&good()).unwrap();
    assert_eq!(token.subject.unwrap().as_str(), "ann");
    assert_eq!(token.session.unwrap().as_str(), "s1");
    assert_eq!(token.issued_at.0.as_millis(), (NOW - 5) * 1000);
    assert_eq!(token.token_id.as_str(), "1");
    assert_eq!(token.ends, now().plus(Duration::from_secs(60)).plus(rules().leeway));
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    assert!(read(&with(&json!({"sid": null}))).unwrap().session.is_none());
    assert!(read(&with(&json!({"sub": null}))).unwrap().subject.is_none());
    assert!(read(&with(&json!({"exp": null}))).is_ok());
    assert!(read(&with(&json!({"aud": ["other", "app"]}))).is_ok());
    // Other events, and what the event itself says, are nobody's business.
    assert!(read(&with(&json!({"events": {EVENT: {"x": 1}, "https://else.example": []}}))).is_ok());
}

#[test]
fn every_rule_refuses() {
    let cases = [
        (json!({"aud": "somebody-else"}), "somebody-else"),
        (json!({"aud": null}), "aud"),
        (json!({"iat": null}), "iat"),
        (json!({"iat": NOW + 60}), "clocks"),
        (json!({"iat": NOW * 1000}), "milliseconds"),
        (json!({"exp": NOW - 60}), "expired"),
        (json!({"exp": null, "iat": NOW - 200}), "without exp"),
        (json!({"jti": null}), "jti"),
        (json!({"sub": null, "sid": null}), "neither sub nor sid"),
        (json!({"sub": "", "sid": ""}), "neither sub nor sid"),
        (json!({"sid": 5}), "sid"),
        (json!({"nonce": "n"}), "nonce"),
        (json!({"events": null}), "events"),
        (json!({"events": [EVENT]}), "not an object"),
        (json!({"events": {}}), "no logout event"),
        (json!({"events": {EVENT: []}}), "logout event that is not an object"),
        (json!({"events": {EVENT: "x"}}), "logout event that is not an object"),
        (json!({"events": {"https://schemas.openid.net/event/backchannel-logout": {}}}), "no logout event"),
    ];
    for (changes, expected) in cases {
        let fault = read(&with(&changes)).unwrap_err().to_string();
        assert!(fault.to_lowercase().contains(&expected.to_lowercase()), "{changes}: {fault}");
    }
    // A null nonce is one, too.
    let mut payload = good();
    payload["nonce"] = Value::Null;
    assert_eq!(read(&payload), Err(LogoutTokenFault::Nonce));
}

#[test]
fn leeway_is_for_clocks() {
    let leeway = i64::try_from(rules().leeway.as_secs()).unwrap();
    assert!(leeway > 1);
    assert!(read(&with(&json!({"exp": NOW - leeway + 1}))).is_ok());
    assert!(read(&with(&json!({"exp": NOW - leeway}))).is_err());
    assert!(read(&with(&json!({"iat": NOW + leeway}))).is_ok());
    assert!(read(&with(&json!({"iat": NOW + leeway + 1}))).is_err());
}

#[test]
fn the_type_is_as_strict_as_configured() {
    let strict = LogoutTokenRules { strict_type: true, ..logout_rules() };
    for (media_type, lenient_takes, strict_takes) in [
        (Some("logout+jwt"), true, true),
        (Some("application/Logout+JWT"), true, true),
        (Some("JWT"), true, false),
        (None, true, false),
        (Some("at+jwt"), false, false),
        (Some("secevent+jwt"), false, false),
    ] {
        let mut header = json!({"alg": "RS256"});
        if let Some(media_type) = media_type {
            header["typ"] = media_type.into();
        }
        for (rules, takes) in [(&logout_rules(), lenient_takes), (&strict, strict_takes)] {
            assert_eq!(read_typed(&header, &good(), rules).is_ok(), takes, "{media_type:?}");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!({ EVENT: {} })),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(name in prop_oneof!["iss|aud|iat|exp|jti|sub|sid|events|nonce|auth_time"], value in any_json()) {
        let mut payload = good();
        payload[name] = value;
        drop(read(&payload));
    }
}
