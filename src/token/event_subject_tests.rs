//! What each subject ends, as a table, and that nothing is ever widened, as a property.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rules() -> SubjectRules {
    SubjectRules {
        issuers: vec![Issuer::parse("https://op.example").unwrap()],
        opaque: None,
        email_is_subject: false,
        tenants: Vec::new(),
        critical: Vec::new(),
        widen: false,
        has_sessions: true,
    }
}

fn target(rules: &SubjectRules, subject: &Value) -> Result<EventTarget, NoTarget> {
    rules.target(&Subject::read(subject, "sub_id", false).unwrap())
}

fn ann() -> EventTarget {
    EventTarget::Subject(SubjectId::parse("ann").unwrap())
}

fn session(subject: Option<&str>) -> EventTarget {
    EventTarget::Session(SessionId::parse("s1").unwrap(), subject.map(|name| SubjectId::parse(name).unwrap()))
}

fn user() -> Value {
    json!({"format": "iss_sub", "iss": "https://op.example", "sub": "ann"})
}

fn opaque(id: &str) -> Value {
    json!({"format": "opaque", "id": id})
}

/// A complex subject of these members.
fn complex(members: &Value) -> Value {
    let mut subject = members.clone();
    subject["format"] = "complex".into();
    subject
}

#[test]
fn a_simple_subject_ends_what_it_names_and_a_guess_is_not_made() {
    let email = json!({"format": "email", "email": "ann"});
    let token = EventTarget::Token(TokenId::parse("t1").unwrap());
    let aliases = |identifiers: Value| json!({"format": "aliases", "identifiers": identifiers});
    let open = SubjectRules { opaque: Some(NameOf::Subject), email_is_subject: true, ..rules() };
    let sessions = SubjectRules { opaque: Some(NameOf::Session), ..rules() };
    let none = SubjectRules { has_sessions: false, ..sessions.clone() };
    let cases: [(&SubjectRules, Value, Result<EventTarget, &str>); 20] = [
        (&rules(), user(), Ok(ann())),
        (&rules(), json!({"format": "iss_sub", "iss": "https://op.example/", "sub": "ann"}), Err("not this one")),
        (&rules(), json!({"format": "iss_sub", "iss": "https://else.example", "sub": "ann"}), Err("not this one")),
        (&rules(), json!({"format": "iss_sub", "iss": "https://op.example", "sub": "x".repeat(513)}), Err("513 bytes")),
        (&rules(), json!({"format": "jwt_id", "iss": "https://op.example", "jti": "t1"}), Ok(token)),
        (&rules(), json!({"format": "jwt_id", "iss": "https://else.example", "jti": "t1"}), Err("not this one")),
        (&rules(), opaque("ann"), Err("opaque = ")),
        (&open, opaque("ann"), Ok(ann())),
        (&sessions, opaque("s1"), Ok(session(None))),
        (&none, opaque("s1"), Err("session_claim")),
        (&rules(), email.clone(), Err("email = ")),
        (&open, email.clone(), Ok(ann())),
        (&rules(), json!({"format": "phone_number", "phone_number": "+1"}), Err("phone_number")),
        (&rules(), json!({"format": "catalog_item"}), Err("catalog_item")),
        (&rules(), aliases(json!([email, user()])), Ok(ann())),
        (&open, aliases(json!([email, user(), opaque("ann")])), Ok(ann())),
        (&open, aliases(json!([user(), opaque("bob")])), Err("different things")),
        (&rules(), aliases(json!([email, opaque("ann")])), Err("none can be told")),
        (&rules(), complex(&json!({ "user": user() })), Ok(ann())),
        (&rules(), complex(&json!({ "device": user() })), Err("device")),
    ];
    for (rules, subject, expected) in cases {
        match (target(rules, &subject), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{subject}"),
            (Err(why), Err(expected)) => assert!(why.to_string().contains(expected), "{subject}: {why}"),
            (found, expected) => panic!("{subject}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_complex_subject_ends_no_more_than_it_says() {
    let all = || json!({"user": user(), "session": opaque("s1"), "tenant": opaque("t1"), "device": opaque("d1")});
    let foreign = json!({"format": "iss_sub", "iss": "https://else.example", "sub": "ann"});
    let email = json!({"format": "email", "email": "a@b.c"});
    let strict = rules();
    let plain = SubjectRules { has_sessions: false, ..rules() };
    let tenants = SubjectRules { tenants: vec!["t1".to_owned()], ..rules() };
    let wide = SubjectRules { widen: true, ..rules() };
    let wide_plain = SubjectRules { widen: true, has_sessions: false, ..rules() };
    let cases: [(&str, &SubjectRules, Value, Result<EventTarget, &str>); 22] = [
        ("a session is one", &strict, json!({"session": opaque("s1")}), Ok(session(None))),
        ("and somebody's", &strict, json!({"session": opaque("s1"), "user": user()}), Ok(session(Some("ann")))),
        ("in a tenant, on a device", &strict, all(), Ok(session(Some("ann")))),
        ("of a user that cannot be told", &strict, json!({"session": opaque("s1"), "user": email}), Ok(session(None))),
        ("of another's user", &strict, json!({"session": opaque("s1"), "user": foreign}), Err("not this one")),
        (
            "at one application",
            &strict,
            json!({"session": opaque("s1"), "application": opaque("a")}),
            Err("application"),
        ),
        ("and something else", &strict, json!({"session": opaque("s1"), "x": opaque("a")}), Err("\"x\"")),
        ("no session in tokens", &plain, json!({"session": opaque("s1"), "user": user()}), Err("session")),
        ("no session in tokens, alone", &plain, json!({"session": opaque("s1")}), Err("session")),
        ("a session that is no name", &strict, json!({"session": user(), "user": user()}), Err("session")),
        ("one device", &strict, json!({"user": user(), "device": opaque("d1")}), Err("device")),
        ("a tenant nobody spoke of", &strict, json!({"user": user(), "tenant": opaque("t1")}), Err("tenant")),
        ("our tenant", &tenants, json!({"user": user(), "tenant": opaque("t1")}), Ok(ann())),
        ("another tenant", &tenants, json!({"user": user(), "tenant": opaque("t2")}), Err("not among tenants")),
        ("its session", &tenants, json!({"session": opaque("s1"), "tenant": opaque("t2")}), Err("not among tenants")),
        ("widened", &wide, json!({"user": user(), "device": opaque("d1"), "x": opaque("a")}), Ok(ann())),
        ("widened from a session", &wide_plain, json!({"user": user(), "session": opaque("s1")}), Ok(ann())),
        ("not where it can be told", &wide, all(), Ok(session(Some("ann")))),
        ("not to everybody", &wide, json!({"device": opaque("d1")}), Err("neither a user nor a session")),
        ("not to a tenant", &wide, json!({"tenant": opaque("t1")}), Err("neither a user nor a session")),
        ("not to another's", &wide, json!({"user": foreign, "device": opaque("d1")}), Err("not this one")),
        ("not to whom nobody knows", &wide, json!({"user": email, "device": opaque("d1")}), Err("e-mail")),
    ];
    for (name, rules, members, expected) in cases {
        match (target(rules, &complex(&members)), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{name}"),
            (Err(why), Err(expected)) => assert!(why.to_string().contains(expected), "{name}: {why}"),
            (found, expected) => panic!("{name}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_critical_member_that_cannot_be_told_is_a_refusal() {
    let critical = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let both = json!({"user": user(), "device": opaque("d1")});
    for widen in [false, true] {
        let rules = SubjectRules { critical: critical(&["device"]), widen, ..rules() };
        assert_eq!(target(&rules, &complex(&both)), Err(NoTarget::Critical("\"device\"".to_owned())));
    }
    // One that says where a session is, too; and a user who cannot be told.
    let device = SubjectRules { critical: critical(&["device"]), ..rules() };
    let session_there = json!({"session": opaque("s1"), "device": opaque("d1")});
    assert!(matches!(target(&device, &complex(&session_there)), Err(NoTarget::Critical(_))));
    let of_user = SubjectRules { critical: critical(&["user"]), ..rules() };
    let nobody = json!({"session": opaque("s1"), "user": {"format": "email", "email": "a@b.c"}});
    assert!(matches!(target(&of_user, &complex(&nobody)), Err(NoTarget::Critical(_))));
    // Those that can be told are no hindrance, nor are those that are not there.
    let told = SubjectRules {
        critical: critical(&["user", "session", "tenant", "device"]),
        tenants: vec!["t1".to_owned()],
        ..rules()
    };
    let members = json!({"user": user(), "session": opaque("s1"), "tenant": opaque("t1")});
    assert_eq!(target(&told, &complex(&members)), Ok(session(Some("ann"))));
}

prop_compose! {
    fn any_rules()(
        opaque in prop_oneof![Just(None), Just(Some(NameOf::Subject)), Just(Some(NameOf::Session))],
        email_is_subject in any::<bool>(),
        has_tenants in any::<bool>(),
        critical in proptest::collection::vec(prop_oneof![Just("device".to_owned()), Just("user".to_owned())], 0..2),
        has_sessions in any::<bool>(),
    ) -> SubjectRules {
        let tenants = if has_tenants { vec!["t1".to_owned()] } else { Vec::new() };
        SubjectRules { opaque, email_is_subject, tenants, critical, has_sessions, ..rules() }
    }
}

fn any_identifier() -> impl Strategy<Value = SubjectIdentifier> {
    let text =
        || prop_oneof![Just("ann".to_owned()), Just("s1".to_owned()), Just("t1".to_owned()), Just("x".repeat(600))];
    let issuer = || prop_oneof![Just("https://op.example".to_owned()), Just("https://else.example".to_owned())];
    prop_oneof![
        (issuer(), text()).prop_map(|(issuer, subject)| SubjectIdentifier::IssSub(issuer, subject)),
        (issuer(), text()).prop_map(|(issuer, token)| SubjectIdentifier::JwtId(issuer, token)),
        text().prop_map(SubjectIdentifier::Opaque),
        text().prop_map(SubjectIdentifier::Email),
        Just(SubjectIdentifier::Other("did".to_owned())),
    ]
}

proptest! {
    #[test]
    fn nothing_is_widened_unless_that_is_asked_for(
        rules in any_rules(),
        members in proptest::collection::hash_map(
            prop_oneof![
                Just("user"), Just("session"), Just("device"), Just("tenant"), Just("application"), Just("group"), Just("x")
            ],
            any_identifier(),
            1..6,
        ),
    ) {
        let complex: Vec<_> = members.iter().map(|(name, identifier)| ((*name).to_owned(), identifier.clone())).collect();
        match rules.target(&Subject::Complex(complex)) {
            Ok(EventTarget::Subject(subject)) => {
                // It named that user, and nothing else but a tenant of ours.
                prop_assert_eq!(rules.named(&members["user"]), Ok(EventTarget::Subject(subject)));
                let ours = SubjectIdentifier::Opaque("t1".to_owned());
                let is_ours = |identifier: &SubjectIdentifier| *identifier == ours && !rules.tenants.is_empty();
                let only = members.iter().all(|(name, named)| *name == "user" || *name == "tenant" && is_ours(named));
                prop_assert!(only);
            }
            Ok(EventTarget::Session(session, _)) => {
                prop_assert!(rules.has_sessions);
                prop_assert_eq!(&members["session"], &SubjectIdentifier::Opaque(session.as_str().to_owned()));
                prop_assert!(!members.contains_key("application") && !members.contains_key("x"));
            }
            Ok(EventTarget::Token(_)) => prop_assert!(false, "no member names a token"),
            Err(_) => (),
        }
    }
}
