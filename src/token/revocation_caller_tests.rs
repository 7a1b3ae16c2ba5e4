//! The rules of a caller's token, one by one, and that nothing makes reading one panic.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::token::{decide::tests::rules as token_rules, subject_identifier::tests::any_json};

const NOW: i64 = 1_780_000_000;

const ENDPOINT: &str = "https://curfew.example/global-token-revocation";

fn rules() -> CallerRules {
    CallerRules {
        endpoint: ENDPOINT.to_owned(),
        callers: vec!["okta-app".to_owned()],
        max_lifetime: Duration::from_secs(600),
        leeway: Duration::from_secs(10),
    }
}

/// A good one with these members; null takes one away.
fn with(changes: &Value) -> Value {
    let mut payload = json!({
        "iss": "https://op.example", "sub": "okta-app", "aud": ENDPOINT, "iat": NOW - 5, "exp": NOW + 295, "jti": "1"
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
            value => payload[name] = value.clone(),
        }
    }
    payload
}

fn read_typed(header: &Value, payload: &Value) -> Result<RevocationCaller, CallerFault> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let raw = format!("{}.{}.c2ln", part(header), part(payload));
    let token = Compact::parse(&raw).map_err(|fault| CallerFault::Token(Refusal::Malformed(fault)))?;
    let now = Timestamp::from_millis(NOW * 1000).unwrap();
    RevocationCaller::read(&token, &Claims::read(&token.payload, &token_rules())?, &rules(), now)
}

fn read(payload: &Value) -> Result<RevocationCaller, CallerFault> {
    read_typed(&json!({"alg": "RS256", "typ": "JWT"}), payload)
}

#[test]
fn a_good_one_is_let_in_until_it_ends() {
    let caller = read(&with(&json!({}))).unwrap();
    assert_eq!((caller.token_id.as_str(), caller.ends.as_millis()), ("1", (NOW + 305) * 1000));
    assert!(read(&with(&json!({"aud": [ENDPOINT]}))).is_ok());
    assert!(read(&with(&json!({"iat": NOW, "exp": NOW + 600}))).is_ok());
    assert!(read(&with(&json!({"iat": NOW + 10, "exp": NOW + 600}))).is_ok());
    assert!(read(&with(&json!({"iat": NOW - 300, "exp": NOW - 9}))).is_ok());
}

#[test]
fn every_rule_refuses() {
    let cases = [
        (json!({"aud": null}), "audience"),
        (json!({"aud": "https://api.example"}), "audience"),
        (json!({"aud": format!("{ENDPOINT}/")}), "audience"),
        (json!({"aud": format!("{ENDPOINT}?x=1")}), "audience"),
        (json!({"aud": "https://curfew.example"}), "audience"),
        (json!({"aud": [ENDPOINT, "https://else.example"]}), "audience"),
        (json!({"aud": [ENDPOINT, ENDPOINT]}), "audience"),
        (json!({"sub": null}), "has no sub"),
        (json!({"sub": "somebody-else"}), "not among callers"),
        (json!({"jti": null}), "has no jti"),
        (json!({"iat": null}), "has no iat"),
        (json!({"exp": null}), "has no exp"),
        (json!({"exp": NOW - 10}), "expired"),
        (json!({"exp": NOW * 1000}), "milliseconds"),
        (json!({"iat": NOW + 11}), "clocks"),
        (json!({"nbf": NOW + 11}), "not valid before"),
        (json!({"exp": NOW + 596}), "holds for 601 s"),
        (json!({"iat": NOW - 86_400}), "holds for"),
        (json!({"events": {}}), "claim events"),
        (json!({"sub_id": {"format": "opaque", "id": "x"}}), "claim sub_id"),
        (json!({"nonce": "n"}), "claim nonce"),
    ];
    for (changes, expected) in cases {
        let fault = read(&with(&changes)).unwrap_err().to_string();
        assert!(fault.contains(expected), "{changes}: {fault}");
    }
}

#[test]
fn its_type_is_none_of_the_others() {
    for (media_type, taken) in [
        (None, true),
        (Some("JWT"), true),
        (Some("application/jwt"), true),
        (Some("at+jwt"), false),
        (Some("secevent+jwt"), false),
        (Some("logout+jwt"), false),
        (Some(""), false),
    ] {
        let mut header = json!({"alg": "RS256"});
        if let Some(media_type) = media_type {
            header["typ"] = media_type.into();
        }
        assert_eq!(read_typed(&header, &with(&json!({}))).is_ok(), taken, "{media_type:?}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(name in prop_oneof!["iss|aud|iat|exp|nbf|jti|sub|events|auth_time"], value in any_json()) {
        let mut payload = with(&json!({}));
        payload[name] = value;
        drop(read(&payload));
    }
}
