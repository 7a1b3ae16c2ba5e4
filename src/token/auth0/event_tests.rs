//! Events: a table of what each comes to, and that no event makes the reader panic or guess.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const DATE: &str = "2026-01-15T10:30:00.123Z";

/// A good event of this code; null takes a member away.
fn event(code: &str, changes: &Value) -> Value {
    let mut event = json!({
        "date": DATE, "type": code, "description": "", "client_id": "c1", "client_name": "App", "ip": "203.0.113.5",
        "user_id": "auth0|ann", "user_name": "ann@example.com", "log_id": "9001",
        "details": {"session_id": "s1", "return_to": "https://app.example"}
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(event.as_object_mut().unwrap().remove(name)),
            value => event[name] = value.clone(),
        }
    }
    event
}

fn read(event: &Value) -> Result<Option<LogLogout>, LogEventFault> {
    let mut actions = LogActions::default();
    for (code, action) in
        [("srrt", LogAction::Client), ("gd_unenroll", LogAction::User), ("sapi", LogAction::Management)]
    {
        actions.set(code, action);
    }
    read_log_event(event.as_object().unwrap(), &actions).1
}

fn logout(whom: Whom, reason: LogoutReason) -> Result<Option<LogLogout>, LogEventFault> {
    Ok(Some(LogLogout { whom, at: Timestamp::parse_rfc3339(DATE).unwrap(), to_the_second: false, reason }))
}

fn ann() -> SubjectId {
    SubjectId::parse("auth0|ann").unwrap()
}

fn user(reason: LogoutReason) -> Result<Option<LogLogout>, LogEventFault> {
    logout(Whom::User(ann()), reason)
}

fn session(user: Option<SubjectId>) -> Result<Option<LogLogout>, LogEventFault> {
    logout(Whom::Session(SessionId::parse("s1").unwrap(), user), LogoutReason::ProviderLogout)
}

fn at_client(reason: LogoutReason) -> Result<Option<LogLogout>, LogEventFault> {
    logout(Whom::UserAtClient(ann(), ClientId::parse("c1").unwrap()), reason)
}

#[test]
fn what_an_event_says_is_what_is_done() {
    use LogoutReason::{AccountDisabled, CredentialChange, ProviderLogout, UserLogout};
    let no_details = json!({"details": null});
    for (code, changes, expected) in [
        ("slo", json!({}), session(Some(ann()))),
        ("slo", json!({"user_id": null}), session(None)),
        ("slo", json!({"user_id": ""}), session(None)),
        ("slo", json!({"details": {}}), user(ProviderLogout)),
        ("slo", json!({"details": {"session_id": ""}}), user(ProviderLogout)),
        ("slo", json!({"details": {"session_id": null}}), user(ProviderLogout)),
        ("slo", no_details.clone(), user(ProviderLogout)),
        ("slo", json!({"client_id": null}), session(Some(ann()))),
        ("scp", json!({}), user(CredentialChange)),
        ("sdu", no_details.clone(), user(AccountDisabled)),
        ("oidc_backchannel_logout_failed", no_details, at_client(ProviderLogout)),
        ("srrt", json!({}), at_client(UserLogout)),
        ("gd_unenroll", json!({"details": {"enrollment": {"user_id": "auth0|ann"}}}), user(CredentialChange)),
        // Nobody is logged out, whatever else is wrong with them.
        ("s", json!({"user_id": 5, "date": "x"}), Ok(None)),
        ("f", json!({"user_id": ""}), Ok(None)),
        ("oidc_backchannel_logout_succeeded", json!({}), Ok(None)),
        ("never_heard_of", json!({}), Ok(None)),
        ("sapi", json!({}), Ok(None)),
    ] {
        assert_eq!(read(&event(code, &changes)), expected, "{code} {changes}");
    }
}

#[test]
fn what_an_event_lacks_is_not_guessed() {
    use LogEventFault as Fault;
    let long = "x".repeat(513);
    let too_long = IdentifierError::TooLong(513);
    for (code, changes, expected) in [
        ("slo", json!({"user_id": null, "details": null}), Fault::Nobody),
        ("slo", json!({"user_id": "", "details": {"session_id": ""}}), Fault::Nobody),
        ("slo", json!({"date": null}), Fault::NoDate),
        ("slo", json!({"date": ""}), Fault::NoDate),
        ("slo", json!({"user_id": 5}), Fault::FieldType("user_id", "a string")),
        ("slo", json!({"details": {"session_id": ["s1"]}}), Fault::FieldType("details.session_id", "a string")),
        ("slo", json!({ "user_id": long }), Fault::Identifier("user_id", too_long)),
        ("slo", json!({"details": {"session_id": long}}), Fault::Identifier("details.session_id", too_long)),
        ("scp", json!({"user_id": ""}), Fault::NoUser),
        ("sdu", json!({"user_id": null}), Fault::NoUser),
        ("srrt", json!({"client_id": null}), Fault::NoClient),
        ("srrt", json!({"client_id": ""}), Fault::NoClient),
        ("srrt", json!({"user_id": ""}), Fault::NoUser),
        ("srrt", json!({"client_id": 1}), Fault::FieldType("client_id", "a string")),
        ("gd_unenroll", json!({"details": {"enrollment": {"user_id": "auth0|bob"}}}), Fault::TwoUsers),
        ("slo", json!({"type": null}), Fault::NoType),
        ("slo", json!({"type": ""}), Fault::NoType),
        ("slo", json!({"type": 1}), Fault::NoType),
        ("slo", json!({"date": true}), Fault::FieldType("date", "a time as in RFC 3339")),
        ("slo", json!({"date": 1.5}), Fault::FieldType("date", "a time as in RFC 3339")),
        ("slo", json!({"date": 1_768_473_000}), Fault::DateUnit(1_768_473_000, "seconds")),
        ("slo", json!({"date": -5}), Fault::DateUnit(-5, "seconds")),
        (
            "slo",
            json!({"date": 1_768_473_000_123_000_i64}),
            Fault::DateUnit(1_768_473_000_123_000, "microseconds or less"),
        ),
    ] {
        assert_eq!(read(&event(code, &changes)), Err(expected), "{code} {changes}");
    }
    for date in ["yesterday", "2026-01-15", "1768473000", "1969-12-31T23:59:59Z", &long] {
        let fault = read(&event("slo", &json!({ "date": date }))).unwrap_err();
        assert!(matches!(&fault, Fault::Date(..)) && fault.to_string().len() < 250, "{date}: {fault}");
    }
    // A null client is no fault where none is needed.
    let mut null_client = event("slo", &json!({}));
    null_client["client_id"] = Value::Null;
    assert_eq!(read(&null_client), session(Some(ann())));
    null_client["type"] = json!("srrt");
    assert_eq!(read(&null_client), Err(Fault::NoClient));
}

#[test]
fn milliseconds_are_as_good_as_a_text() {
    let at = Timestamp::parse_rfc3339(DATE).unwrap();
    let found = read(&event("slo", &json!({"date": at.as_millis()}))).unwrap().unwrap();
    assert_eq!((found.at, found.to_the_second), (at, false));
}

#[test]
fn a_text_without_a_fraction_is_known_to_the_second() {
    for (date, expected) in [
        ("2026-01-15T10:30:00Z", true),
        ("2026-01-15T10:30:00+00:00", true),
        ("2026-01-15T10:30:00.000Z", false),
        (DATE, false),
    ] {
        let found = read(&event("slo", &json!({ "date": date }))).unwrap().unwrap();
        assert_eq!(found.to_the_second, expected, "{date}");
    }
}

#[test]
fn the_envelope_and_the_bare_event_say_the_same() {
    let label = |entry: &Value| read_log_event(entry.as_object().unwrap(), &LogActions::default()).0;
    let bare = event("slo", &json!({}));
    let expected = LogLabel { id: "9001".to_owned(), code: "slo".to_owned() };
    assert_eq!(label(&bare), expected);
    let enveloped = json!({"log_id": "9001", "data": bare});
    assert_eq!((label(&enveloped), read(&enveloped)), (expected.clone(), read(&bare)));
    // Older ones call it _id; the envelope's id will do.
    let old = event("slo", &json!({"log_id": null, "_id": "9001"}));
    assert_eq!(label(&old), expected);
    let outside = json!({"log_id": "9001", "data": event("slo", &json!({"log_id": null}))});
    assert_eq!(label(&outside), expected);
    let without = event("slo", &json!({"log_id": null}));
    assert_eq!((label(&without).id.as_str(), read(&without)), ("", read(&bare)));
    // An event that has something of its own called data.
    assert_eq!(read(&event("slo", &json!({"data": {"type": "s"}}))), read(&bare));
}

#[test]
fn an_event_that_cannot_be_read_still_says_which_it_is() {
    let label = |raw: &str| {
        let LogLabel { id, code } = label_of_unfit(raw.as_bytes());
        (id, code)
    };
    let expected = ("9001".to_owned(), "slo".to_owned());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for raw in [
        r#"{"log_id":"9001","data":{"type":"slo","user_id":"a","user_id":"b"}}"#.to_owned(),
        r#"{"type":"slo","_id":"9001","x":1e999}"#.to_owned(),
        format!(r#"{{"details":{deep},"type":"slo","log_id":"9001"}}"#),
    ] {
        assert_eq!(label(&raw), expected);
    }
    // What stands there twice is not known.
    for raw in [r#"{"type":"slo","type":"s","log_id":"9001"}"#, r#"{"type":["slo"]}"#, "[]", "x", ""] {
        assert_eq!(label(raw), (String::new(), String::new()), "{raw}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9|:TZ.-]{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("(session_id|request|method|path|enrollment|user_id)", inner, 0..3)
                .prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn no_event_makes_it_panic_and_a_logout_names_only_whom_the_event_names(
        code in "(slo|scp|srrt|sapi|gd_unenroll|oidc_backchannel_logout_failed)",
        user in value(), client in value(), date in value(), details in value(),
    ) {
        let event = json!({"type": code, "user_id": user, "client_id": client, "date": date, "details": details});
        if let Ok(Some(logout)) = read(&event) {
            let named = match logout.whom {
                Whom::Session(session, _) => session.to_string(),
                Whom::User(user) | Whom::UserAtClient(user, _) => user.to_string(),
            };
            prop_assert!(event.to_string().contains(&named));
        }
    }
}
