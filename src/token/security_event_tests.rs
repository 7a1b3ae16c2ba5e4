//! The rules of a security event token, one by one; what each event means; and that nothing makes reading one panic.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    domain::LogoutReason,
    token::{EventTime, Rules, Subject, decide::tests::rules as token_rules, subject_identifier::tests::any_json},
};

const NOW: i64 = 1_780_000_000;

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type";

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000).unwrap()
}

fn rules() -> SecurityEventRules {
    let transmitter = Issuer::parse("https://op.example").unwrap();
    SecurityEventRules {
        audiences: vec!["https://curfew.example".to_owned(), "web".to_owned()],
        allow_exp: false,
        legacy_subject: false,
        stream_id: None,
        verification_state: None,
        credential_changes: CredentialChanges::default(),
        subjects: SubjectRules {
            issuers: vec![transmitter.clone()],
            opaque: None,
            email_is_subject: false,
            tenants: Vec::new(),
            critical: Vec::new(),
            widen: false,
            has_sessions: true,
        },
        transmitter,
        leeway: Duration::from_secs(10),
    }
}

fn ann() -> Value {
    json!({"format": "iss_sub", "iss": "https://op.example", "sub": "ann"})
}

/// A good one.
fn good() -> Value {
    json!({
        "iss": "https://op.example", "aud": "https://curfew.example", "iat": NOW - 5, "jti": "1", "txn": "t",
        "sub_id": ann(), "events": { (format!("{CAEP}/session-revoked")): {"event_timestamp": NOW - 60} }
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

/// A good one of another event.
fn event(uri: &str, event: &Value) -> Value {
    with(&json!({ "events": { (uri): event } }))
}

fn read_typed(
    header: &Value,
    payload: &Value,
    rules: &SecurityEventRules,
) -> Result<SecurityEvent, SecurityEventFault> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let raw = format!("{}.{}.c2ln", part(header), part(payload));
    let token = Compact::parse(&raw).map_err(|fault| SecurityEventFault::Token(Refusal::Malformed(fault)))?;
    let plain = Rules { last_logout: None, session_claim: None, ..token_rules() };
    SecurityEvent::read(&token, &Claims::read(&token.payload, &plain)?, rules, now())
}

fn read_by(rules: &SecurityEventRules, payload: &Value) -> Result<SecurityEvent, SecurityEventFault> {
    read_typed(&json!({"alg": "RS256", "typ": "secevent+jwt"}), payload, rules)
}

fn read(payload: &Value) -> Result<SecurityEvent, SecurityEventFault> {
    read_by(&rules(), payload)
}

#[test]
fn it_says_what_happened_to_whom_and_when() {
    let event = read(&good()).unwrap();
    assert_eq!(event.token_id.as_str(), "1");
    assert_eq!(event.issued_at.as_millis(), (NOW - 5) * 1000);
    assert_eq!(event.event, "caep/event-type/session-revoked");
    let subject = Subject::read(&ann(), "sub_id", false).unwrap();
    let at = EventTime { seconds: NOW - 60, nanos: 0 };
    assert_eq!(event.meaning, Meaning::Logout(subject, LogoutReason::ProviderLogout, Some(at)));
    assert!(read(&with(&json!({"aud": ["else", "web"]}))).is_ok());
}

#[test]
fn every_rule_refuses() {
    let session_revoked = format!("{CAEP}/session-revoked");
    let cases = [
        (json!({"iss": "https://else.example"}), "the events of this stream are of"),
        (json!({"iss": null}), "has no iss"),
        (json!({"aud": "https://api.example"}), "audience"),
        (json!({"aud": null}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": 5}), "aud"),
        (json!({"iat": null}), "has no iat"),
        (json!({"iat": "soon"}), "iat"),
        (json!({"iat": NOW + 60}), "clocks"),
        (json!({"iat": NOW * 1000}), "milliseconds"),
        (json!({"nbf": NOW + 60}), "not valid before"),
        (json!({"jti": null}), "has no jti"),
        (json!({"jti": ""}), "has no jti"),
        (json!({"jti": 7}), "jti"),
        (json!({"sub": "ann"}), "claim sub, which it must not"),
        (json!({"sub": ""}), "claim sub, which it must not"),
        (json!({"exp": NOW + 60}), "claim exp, which it must not"),
        (json!({"events": null}), "has no events"),
        (json!({"events": [session_revoked]}), "not an object"),
        (json!({"events": {}}), "has no event."),
        (
            json!({"events": { (&session_revoked): {}, (format!("{RISC}/sessions-revoked")): {} }}),
            "more than one event",
        ),
        (json!({"events": { (&session_revoked): {}, "https://else.example": {} }}), "more than one event"),
        (json!({"events": { (&session_revoked): [] }}), "event that is not an object"),
        (json!({"events": { "https://else.example": "x" }}), "event that is not an object"),
        (json!({"sub_id": null}), "has no sub_id"),
        (json!({"sub_id": "ann"}), "subject cannot be read: sub_id is not an object"),
        (json!({"sub_id": {"format": "iss_sub", "sub": "ann"}}), "iss_sub must have iss"),
        (json!({"events": { (&session_revoked): {"event_timestamp": "soon"} }}), "event_timestamp that is a number"),
        (json!({"events": { (&session_revoked): {"event_timestamp": -1.5} }}), "event_timestamp that is a number"),
    ];
    for (changes, expected) in cases {
        let fault = read(&with(&changes)).unwrap_err().to_string();
        assert!(fault.contains(expected), "{changes}: {fault}");
    }
    // Null is there, too.
    for name in ["sub", "exp"] {
        let mut payload = good();
        payload[name] = Value::Null;
        assert_eq!(read(&payload), Err(SecurityEventFault::Forbidden(name)));
    }
}

#[test]
fn the_type_is_always_insisted_on() {
    for (media_type, taken) in [
        (Some("secevent+jwt"), true),
        (Some("application/SecEvent+JWT"), true),
        (Some("JWT"), false),
        (Some("at+jwt"), false),
        (Some("logout+jwt"), false),
        (Some(""), false),
        (None, false),
    ] {
        let mut header = json!({"alg": "RS256"});
        if let Some(media_type) = media_type {
            header["typ"] = media_type.into();
        }
        assert_eq!(read_typed(&header, &good(), &rules()).is_ok(), taken, "{media_type:?}");
    }
}

#[test]
fn an_exp_that_may_be_there_counts() {
    let lenient = SecurityEventRules { allow_exp: true, ..rules() };
    assert!(read_by(&lenient, &good()).is_ok());
    assert!(read_by(&lenient, &with(&json!({"exp": NOW - 9}))).is_ok());
    for exp in [json!(NOW - 10), json!("soon"), json!(NOW * 1000)] {
        assert!(read_by(&lenient, &with(&json!({ "exp": exp }))).is_err(), "{exp}");
    }
}

#[test]
fn each_event_has_its_reason() {
    let logout = |uri: &str, payload: Value| match read(&event(uri, &payload)).unwrap().meaning {
        Meaning::Logout(_, reason, _) => Some(reason),
        Meaning::Nothing(_) => None,
        other => panic!("{uri}: {other:?}"),
    };
    let change = |kind: &str| json!({"credential_type": "password", "change_type": kind});
    for (uri, payload, expected) in [
        (format!("{CAEP}/session-revoked"), json!({}), Some(LogoutReason::ProviderLogout)),
        (format!("{CAEP}/session-revoked"), json!({"initiating_entity": "user"}), Some(LogoutReason::ProviderLogout)),
        (format!("{CAEP}/session-revoked"), json!({"initiating_entity": "admin"}), Some(LogoutReason::Administrator)),
        (
            format!("{CAEP}/session-revoked"),
            json!({"initiating_entity": ["admin"]}),
            Some(LogoutReason::ProviderLogout),
        ),
        (format!("{RISC}/sessions-revoked"), json!({}), Some(LogoutReason::ProviderLogout)),
        (format!("{RISC}/account-disabled"), json!({"reason": "hijacking"}), Some(LogoutReason::AccountDisabled)),
        (format!("{RISC}/account-purged"), json!({}), Some(LogoutReason::AccountDisabled)),
        (
            format!("{RISC}/credential-compromise"),
            json!({"credential_type": "password"}),
            Some(LogoutReason::Compromise),
        ),
        (format!("{CAEP}/credential-change"), change("update"), Some(LogoutReason::CredentialChange)),
        (format!("{CAEP}/credential-change"), change("create"), None),
        (format!("{RISC}/account-enabled"), json!({}), None),
        (format!("{CAEP}/token-claims-change"), json!({"claims": {"role": "admin"}}), None),
        ("https://else.example/event".to_owned(), json!({}), None),
    ] {
        assert_eq!(logout(&uri, payload.clone()), expected, "{uri} {payload}");
    }
    let of = |payload: Value| read(&event(&format!("{CAEP}/credential-change"), &payload));
    assert!(matches!(of(change("lost")).unwrap().meaning, Meaning::Unclear(why) if why.contains("lost")));
    assert_eq!(of(json!({"change_type": "update"})), Err(SecurityEventFault::Member("a credential_type")));
    assert_eq!(of(json!({"credential_type": "pin"})), Err(SecurityEventFault::Member("a change_type")));
}

#[test]
fn an_unknown_event_need_not_have_a_subject_that_is_understood() {
    let mut payload = event("https://else.example/event", &json!({"x": 1}));
    payload["sub_id"] = json!({"format": "complex"});
    assert!(matches!(read(&payload).unwrap().meaning, Meaning::Nothing(_)));
}

#[test]
fn the_time_of_the_event_is_kept_as_it_is_said() {
    let at = |value: Value| match read(&event(&format!("{CAEP}/session-revoked"), &json!({"event_timestamp": value}))) {
        Ok(SecurityEvent { meaning: Meaning::Logout(_, _, at), .. }) => at.map(|at| (at.seconds, at.nanos)),
        other => panic!("{other:?}"),
    };
    assert_eq!(at(json!(NOW)), Some((NOW, 0)));
    assert_eq!(at(json!(1_780_000_000.25)), Some((NOW, 250_000_000)));
    assert_eq!(at(Value::Null), None);
    // Whether these can be is asked where the present is known.
    assert_eq!(at(json!(NOW * 1000)), Some((NOW * 1000, 0)));
    assert_eq!(at(json!(-5)), Some((-5, 0)));
}

#[test]
fn a_verification_is_of_this_stream_and_says_what_was_asked_for() {
    let verification = |sub_id: Value, body: Value| {
        with(&json!({"sub_id": sub_id, "events": { (format!("{SSF}/verification")): body }}))
    };
    let stream = |id: &str| json!({"format": "opaque", "id": id});
    let open = rules();
    let ours = SecurityEventRules {
        stream_id: Some("s1".to_owned()),
        verification_state: Some("hello".to_owned()),
        ..rules()
    };
    let old = SecurityEventRules { legacy_subject: true, ..rules() };
    for (rules, payload, expected) in [
        (&open, verification(stream("any"), json!({"state": "any"})), None),
        (&open, verification(stream("any"), json!({})), None),
        (&ours, verification(stream("s1"), json!({"state": "hello"})), None),
        // Nobody asked for it: the transmitter tries the stream by itself.
        (&ours, verification(stream("s1"), json!({})), None),
        (&ours, verification(stream("s1"), json!({"state": "else"})), Some("state is not that")),
        (&ours, verification(stream("s1"), json!({"state": 5})), Some("state is not that")),
        (&ours, verification(stream("s2"), json!({"state": "hello"})), Some("stream is not that")),
        (&open, verification(ann(), json!({})), Some("format opaque")),
        (&open, verification(json!("s1"), json!({})), Some("not an object")),
        (&open, verification(Value::Null, json!({})), Some("has no sub_id")),
        (&old, verification(Value::Null, json!({"state": "x"})), None),
    ] {
        match (read_by(rules, &payload), expected) {
            (Ok(event), None) => assert_eq!(event.meaning, Meaning::Verified, "{payload}"),
            (Err(fault), Some(expected)) => assert!(fault.to_string().contains(expected), "{payload}: {fault}"),
            (found, _) => panic!("{payload}: {found:?}"),
        }
    }
    let paused = event(&format!("{SSF}/stream-updated"), &json!({"status": "paused"}));
    assert_eq!(read(&paused).unwrap().meaning, Meaning::StreamUpdated("\"paused\"".to_owned()));
}

#[test]
fn an_older_sender_s_subject_is_read_where_that_is_asked_for() {
    let subject = json!({"subject_type": "iss-sub", "iss": "https://op.example", "sub": "ann"});
    let mut payload = event(&format!("{RISC}/account-disabled"), &json!({"subject": subject, "reason": "hijacking"}));
    payload.as_object_mut().unwrap().remove("sub_id");
    assert_eq!(read(&payload), Err(SecurityEventFault::Token(Refusal::MissingClaim("sub_id"))));
    let old = SecurityEventRules { legacy_subject: true, ..rules() };
    let Meaning::Logout(found, reason, _) = read_by(&old, &payload).unwrap().meaning else { panic!("it logs out") };
    assert_eq!((found, reason), (Subject::read(&ann(), "sub_id", false).unwrap(), LogoutReason::AccountDisabled));
    // Where both are, the standard's counts, also for those who do not ask for the other.
    payload["sub_id"] = json!({"format": "iss_sub", "iss": "https://op.example", "sub": "bob"});
    for rules in [&old, &rules()] {
        let Meaning::Logout(found, ..) = read_by(rules, &payload).unwrap().meaning else { panic!("it logs out") };
        assert_eq!(found, Subject::read(&payload["sub_id"], "sub_id", false).unwrap());
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        name in prop_oneof!["iss|aud|iat|exp|nbf|jti|sub|events|sub_id|auth_time"],
        value in any_json(),
        kind in prop_oneof![Just("session-revoked"), Just("credential-change"), Just("else")],
        body in any_json(),
        lenient in any::<bool>(),
    ) {
        let rules = SecurityEventRules { allow_exp: lenient, legacy_subject: lenient, ..rules() };
        let mut payload = event(&format!("{CAEP}/{kind}"), &body);
        drop(read_by(&rules, &payload));
        payload[name] = value;
        drop(read_by(&rules, &payload));
    }

    #[test]
    fn no_token_of_another_kind_is_one(name in "[a-z+]{0,12}", lenient in any::<bool>()) {
        let rules = SecurityEventRules { allow_exp: lenient, legacy_subject: lenient, ..rules() };
        let read = read_typed(&json!({"alg": "RS256", "typ": name}), &good(), &rules);
        prop_assert_eq!(read.is_ok(), name == "secevent+jwt");
    }
}
