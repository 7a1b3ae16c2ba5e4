//! The ways by which logouts come from elsewhere: defaults, and what does not start.

use std::time::Duration;

use crate::{
    config::{Config, ConfigError, ElsewhereConfig},
    token::{Algorithm, CredentialChanges},
};

const ISSUER: &str = r#"
[[issuer]]
name = "acme"
issuer = "https://acme.example/"
audiences = ["https://api.example"]
algorithms = ["RS256"]
keys = { discovery = true }
"#;

const EVENTS: &str = "[issuer.security_events]\naudiences = [\"https://curfew.example\"]\n";

const REVOCATION: &str =
    "[issuer.global_token_revocation]\nendpoint = \"https://curfew.example/g\"\ncallers = [\"app\"]\n";

fn parse(text: &str) -> Result<ElsewhereConfig, String> {
    match Config::parse(&format!("{ISSUER}{text}"), Vec::new()) {
        Ok(config) => Ok(config.issuers[0].elsewhere.clone()),
        Err(ConfigError::Faults(faults)) => Err(faults.iter().map(|fault| format!("{fault}\n")).collect()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn security_events_are_read_strictly_by_default() {
    let events = parse(EVENTS).unwrap().security_events.unwrap();
    assert_eq!(events.events.transmitter.as_str(), "https://acme.example/");
    assert!(!events.events.allow_exp && !events.events.legacy_subject);
    assert_eq!(events.events.credential_changes, CredentialChanges::default());
    let subjects = &events.events.subjects;
    assert_eq!(subjects.issuers.as_slice(), std::slice::from_ref(&events.events.transmitter));
    assert!(subjects.opaque.is_none() && !subjects.email_is_subject && !subjects.widen && !subjects.has_sessions);
    assert_eq!(
        (events.signer.issuer.as_str(), &events.signer.algorithms[..]),
        ("https://acme.example/", &[Algorithm::Rs256][..])
    );
    assert!(events.keys.is_none() && events.poll.is_none() && events.push_secret_file.is_none());
}

#[test]
fn a_transmitter_may_be_another_with_its_own_keys() {
    let other = "issuer = \"https://t.example\"\n";
    let shared = parse(&format!("{EVENTS}{other}")).unwrap().security_events.unwrap();
    assert_eq!(shared.events.transmitter.as_str(), "https://t.example");
    // It signs with the issuer's keys, so that a revoked one of these is no good.
    assert_eq!(shared.signer.issuer.as_str(), "https://acme.example/");
    assert_eq!(shared.events.subjects.issuers[0].as_str(), "https://acme.example/");
    let own = "algorithms = [\"ES256\"]\nkeys = { discovery = true }\n";
    let own = parse(&format!("{EVENTS}{other}{own}")).unwrap().security_events.unwrap();
    assert_eq!(
        (own.signer.issuer.as_str(), &own.signer.algorithms[..]),
        ("https://t.example", &[Algorithm::Es256][..])
    );
    assert!(own.keys.is_some());
}

#[test]
fn polling_has_bounds_by_default() {
    let poll =
        parse(&format!("{EVENTS}poll_url = \"https://t.example/poll\"\n")).unwrap().security_events.unwrap().poll;
    let poll = poll.unwrap();
    let seconds = Duration::from_secs;
    assert_eq!((poll.wait, poll.timeout, poll.interval, poll.max_events), (seconds(30), seconds(10), seconds(5), 100));
}

#[test]
fn revocation_is_for_the_named_callers_for_minutes() {
    let revocation = parse(REVOCATION).unwrap().global_token_revocation.unwrap();
    assert_eq!(revocation.callers.endpoint, "https://curfew.example/g");
    assert_eq!(revocation.callers.max_lifetime, Duration::from_secs(600));
    assert!(
        !revocation.legacy_subject && revocation.subjects.opaque.is_none() && !revocation.subjects.email_is_subject
    );
}

#[test]
fn what_could_skip_a_check_does_not_start() {
    for (text, key, reason) in [
        ("[issuer.security_events]\n", "security_events.audiences", "must name at least one"),
        ("[issuer.security_events]\naudiences = [\"\"]\n", "security_events.audiences", "none may be empty"),
        (&format!("{EVENTS}issuer = \"\"\n"), "security_events.issuer", "must not be empty"),
        (&format!("{EVENTS}subject_issuers = []\n"), "security_events.subject_issuers", "must name at least one"),
        (&format!("{EVENTS}algorithms = []\n"), "security_events.algorithms", "must name at least one"),
        (
            &format!("{EVENTS}algorithms = [\"HS256\"]\nkeys = {{ discovery = true }}\n"),
            "security_events.keys",
            "HS256",
        ),
        (&format!("{EVENTS}keys = {{ jwks_url = \"http://t.example/\" }}\n"), "security_events.keys", "plain HTTP"),
        (&format!("{EVENTS}opaque = \"everything\"\n"), "security_events.opaque", "none of"),
        (&format!("{EVENTS}opaque = \"session\"\n"), "security_events.opaque", "needs session_claim"),
        (
            &format!("{EVENTS}credential_changes = [\"password\"]\n"),
            "security_events.credential_changes",
            "\"password\"",
        ),
        (&format!("{EVENTS}poll_url = \"http://t.example/\"\n"), "security_events.poll_url", "plain HTTP"),
        (&format!("{EVENTS}poll_wait = \"1s\"\n"), "security_events.poll_wait", "goes with poll_url"),
        (&format!("{EVENTS}poll_secret_file = \"x\"\n"), "security_events.poll_secret_file", "goes with poll_url"),
        (
            &format!("{EVENTS}poll_url = \"https://t.example/\"\npoll_wait = \"1h\"\n"),
            "security_events.poll_wait",
            "10m",
        ),
        (
            &format!("{EVENTS}poll_url = \"https://t.example/\"\npoll_max_events = 0\n"),
            "security_events.poll_max_events",
            "1 and 200",
        ),
        (&format!("{EVENTS}widened = true\n"), "security_events.widened", "did you mean widen?"),
        ("[issuer.global_token_revocation]\n", "global_token_revocation.endpoint", "must be set"),
        ("[issuer.global_token_revocation]\n", "global_token_revocation.callers", "must name at least one"),
        (&REVOCATION.replace("[\"app\"]", "[\"\"]"), "global_token_revocation.callers", "none may be empty"),
        (
            &REVOCATION.replace("https://curfew.example/g", "curfew"),
            "global_token_revocation.endpoint",
            "is not the URL",
        ),
        (&REVOCATION.replace("example/g", "example/g?a"), "global_token_revocation.endpoint", "without a query"),
        (
            &REVOCATION.replace("https://curfew.example/g", "https://api.example"),
            "global_token_revocation.endpoint",
            "access token",
        ),
        (&format!("{REVOCATION}max_lifetime = \"1day\"\n"), "global_token_revocation.max_lifetime", "at most 1h"),
        (&format!("{REVOCATION}opaque = \"session\"\n"), "global_token_revocation.opaque", "none of"),
    ] {
        let faults = parse(text).unwrap_err();
        let named = |fault: &str| fault.starts_with(&format!("issuer[0].{key}")) && fault.contains(reason);
        assert!(faults.lines().any(named), "wanted {key}: … {reason}; found {faults}");
    }
}

#[test]
fn whoever_can_verify_with_a_secret_cannot_be_told_from_who_may_ask() {
    let shared = ISSUER.replace("RS256", "HS256").replace("discovery = true", "hmac_secret_file = \"secret\"");
    let faults = Config::parse(&format!("{shared}{REVOCATION}"), Vec::new()).unwrap_err().to_string();
    assert!(faults.contains("needs an issuer with public keys"), "{faults}");
    assert!(Config::parse(&format!("{shared}{EVENTS}"), Vec::new()).is_ok());
}

#[test]
fn whose_an_event_is_must_be_clear() {
    let other = ISSUER.replace("acme", "other");
    let shared = "issuer = \"https://t.example\"\n";
    let both = |audience: &str| {
        let text = format!("{EVENTS}{shared}{other}[issuer.security_events]\naudiences = [{audience:?}]\n{shared}");
        parse(&text)
    };
    assert!(both("https://else.example").is_ok());
    let fault = both("https://curfew.example").unwrap_err();
    assert!(fault.contains("acme") && fault.contains("other") && fault.contains("https://t.example"), "{fault}");
}
