//! Every format, every fault, and that nothing makes reading one panic.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(value: &Value) -> Result<Subject, String> {
    Subject::read(value, "sub_id", false).map_err(|fault| fault.to_string())
}

fn legacy(value: &Value) -> Result<Subject, String> {
    Subject::read(value, "subject", true).map_err(|fault| fault.to_string())
}

fn iss_sub() -> SubjectIdentifier {
    SubjectIdentifier::IssSub("https://op.example".to_owned(), "ann".to_owned())
}

#[test]
fn every_format_is_read() {
    let simple = |value: Value| match read(&value).unwrap() {
        Subject::Simple(identifier) => identifier,
        Subject::Complex(_) => panic!("{value}"),
    };
    let text = str::to_owned;
    let as_written = json!({"format": "iss_sub", "iss": "https://op.example", "sub": "ann"});
    assert_eq!(simple(as_written.clone()), iss_sub());
    assert_eq!(simple(json!({"format": "opaque", "id": "x"})), SubjectIdentifier::Opaque(text("x")));
    assert_eq!(simple(json!({"format": "email", "email": "a@b.c"})), SubjectIdentifier::Email(text("a@b.c")));
    let jwt_id = SubjectIdentifier::JwtId(text("i"), text("j"));
    assert_eq!(simple(json!({"format": "jwt_id", "iss": "i", "jti": "j"})), jwt_id);
    let both = json!({"format": "aliases", "identifiers": [as_written, {"format": "opaque", "id": "x"}]});
    assert_eq!(simple(both), SubjectIdentifier::Aliases(vec![iss_sub(), SubjectIdentifier::Opaque(text("x"))]));
    for other in
        ["account", "did", "uri", "phone_number", "saml_assertion_id", "ip-addresses", "catalog_item", "iss-sub"]
    {
        let expected = SubjectIdentifier::Other(format!("{other:?}"));
        assert_eq!(simple(json!({"format": other, "iss": "i", "sub": "s"})), expected);
    }
}

#[test]
fn a_complex_subject_has_its_members() {
    let value = json!({
        "format": "complex",
        "user": {"format": "iss_sub", "iss": "https://op.example", "sub": "ann"},
        "session": {"format": "opaque", "id": "s1"}
    });
    let Subject::Complex(mut members) = read(&value).unwrap() else { panic!("it is complex") };
    members.sort_by(|a, b| a.0.cmp(&b.0));
    let session = ("session".to_owned(), SubjectIdentifier::Opaque("s1".to_owned()));
    assert_eq!(members, [session, ("user".to_owned(), iss_sub())]);
}

#[test]
fn every_fault_is_named() {
    let alias = json!({"format": "aliases", "identifiers": [{"format": "opaque", "id": "x"}]});
    let mut crowd = json!({"format": "complex"});
    for number in 0..=MOST_MEMBERS {
        crowd[format!("member-{number}")] = json!({"format": "opaque", "id": "x"});
    }
    let cases = [
        (json!("ann"), "sub_id is not an object"),
        (json!(null), "not an object"),
        (json!([]), "not an object"),
        (json!({}), "has no format"),
        (json!({"format": 1}), "has no format"),
        (json!({"subject_type": "iss-sub", "iss": "i", "sub": "s"}), "has no format"),
        (json!({"format": "iss_sub", "sub": "ann"}), "iss_sub must have iss"),
        (json!({"format": "iss_sub", "iss": "i"}), "iss_sub must have sub"),
        (json!({"format": "iss_sub", "iss": "i", "sub": ""}), "iss_sub must have sub"),
        (json!({"format": "iss_sub", "iss": "i", "sub": 7}), "iss_sub must have sub"),
        (json!({"format": "iss_sub", "iss": "i", "sub": null}), "iss_sub must have sub"),
        (json!({"format": "opaque"}), "opaque must have id"),
        (json!({"format": "email", "email": []}), "email must have email"),
        (json!({"format": "jwt_id", "iss": "i"}), "jwt_id must have jti"),
        (json!({"format": "aliases"}), "must have identifiers"),
        (json!({"format": "aliases", "identifiers": []}), "must have identifiers"),
        (json!({"format": "aliases", "identifiers": [alias]}), "aliases must not be inside another"),
        (json!({"format": "aliases", "identifiers": [{"format": "complex"}]}), "complex must not be inside"),
        (json!({"format": "complex"}), "has 0 members"),
        (json!({"format": "complex", "user": "ann"}), "not an object"),
        (json!({"format": "complex", "user": {"format": "complex"}}), "complex must not be inside"),
        (json!({"format": "complex", "user": {"format": "opaque"}}), "opaque must have id"),
        (json!({"user": {"format": "opaque", "id": "x"}}), "has no format"),
        (crowd, "has 33 members"),
    ];
    for (value, expected) in cases {
        let fault = read(&value).unwrap_err();
        assert!(fault.contains(expected), "{value}: {fault}");
    }
}

#[test]
fn what_senders_wrote_before_the_standard_is_read_where_that_is_asked_for() {
    let older = json!({"subject_type": "iss-sub", "iss": "https://op.example", "sub": "ann"});
    assert_eq!(legacy(&older), Ok(Subject::Simple(iss_sub())));
    let newer = json!({"format": "iss_sub", "iss": "https://op.example", "sub": "ann"});
    assert_eq!(legacy(&newer), Ok(Subject::Simple(iss_sub())));
    // A complex subject had no format then.
    assert_eq!(legacy(&json!({ "user": older })), Ok(Subject::Complex(vec![("user".to_owned(), iss_sub())])));
    let oauth = json!({"subject_type": "oauth_token", "token_type": "refresh_token", "token": "x"});
    assert_eq!(legacy(&oauth), Ok(Subject::Simple(SubjectIdentifier::Other("\"oauth_token\"".to_owned()))));
    assert!(legacy(&json!({})).is_err() && legacy(&json!({"subject_type": "iss-sub"})).is_err());
}

/// Anything that JSON can say, with the words of the standard among it.
pub(in crate::token) fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("iss_sub"),
        Just("opaque"),
        Just("email"),
        Just("jwt_id"),
        Just("aliases"),
        Just("complex"),
        Just("iss-sub"),
        Just("https://op.example"),
        Just("ann"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("format".to_owned()),
        Just("subject_type".to_owned()),
        Just("iss".to_owned()),
        Just("sub".to_owned()),
        Just("id".to_owned()),
        Just("email".to_owned()),
        Just("jti".to_owned()),
        Just("identifiers".to_owned()),
        Just("user".to_owned()),
        Just("session".to_owned()),
        Just("device".to_owned()),
        ".{0,6}",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(value in any_json(), older in any::<bool>()) {
        drop(Subject::read(&value, "sub_id", older));
    }
}
