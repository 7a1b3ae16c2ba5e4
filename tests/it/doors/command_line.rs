//! The program as people and scripts use it.

use serde_json::Value;

use crate::support::{Server, Setup, curfew};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Runs the program against a server.
fn ask(server: &Server, arguments: &[&str], input: &str) -> (i32, String, String) {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--server", &server.url]).collect();
    curfew(&arguments, input)
}

#[test]
fn the_demonstration_comes_out_as_it_must() {
    let (code, out, err) = curfew(&["demo", "--once"], "");
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(out.matches('✓').count(), 7, "{out}");
    assert!(!out.contains('✗') && out.contains("Log out means logged out."), "{out}");
    assert!(!out.contains('\u{1b}'), "colour in a pipe");
}

#[test]
fn help_teaches() {
    let (code, out, _) = curfew(&["--help"], "");
    assert_eq!(code, 0);
    for command in ["serve", "demo", "validate", "logout", "last-logout", "dead-letters", "check-config", "bench"] {
        assert!(out.contains(command), "{out}");
        assert_eq!(curfew(&[command, "--help"], "").0, 0);
    }
}

#[test]
fn validate_explains_and_its_exit_code_tells() {
    let server = Setup::new().start();
    let token = server.token("ann");
    let file = server.directory.path().join("token");
    std::fs::write(&file, format!("Bearer {token}\n")).unwrap();
    // From an argument, a file, and standard input in two ways.
    for (arguments, input) in [
        (vec!["validate", &token], ""),
        (vec!["validate", "--file", file.to_str().unwrap()], ""),
        (vec!["validate", "-"], token.as_str()),
        (vec!["validate"], token.as_str()),
    ] {
        let (code, out, err) = ask(&server, &arguments, input);
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.starts_with("VALID") && out.contains("✓ signature holds"), "{out}");
    }
    assert_eq!(ask(&server, &["logout", "--subject", "ann"], "").0, 0);
    let (code, out, _) = ask(&server, &["validate", &token], "");
    assert_eq!(code, 1);
    for wanted in [
        "SUBJECT_LOGGED_OUT",
        "✓ token is not revoked",
        "✗ subject has not logged out since",
        "· client, key and issuer stand",
        "The logout that decided",
        "recorded",
        "live: stamped by Curfew",
        "administrator",
        "sub",
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
    let (code, out, _) = ask(&server, &["validate", "--json", &token], "");
    assert_eq!((code, json(&out)["verdict"].as_str()), (1, Some("VERDICT_SUBJECT_LOGGED_OUT")));
}

#[test]
fn programs_read_the_canonical_json_of_the_protocol() {
    let server = Setup::new().start();
    let never = json(&ask(&server, &["last-logout", "ann", "--json"], "").1);
    assert_eq!((&never["claimValue"], never.get("lastLogoutTime")), (&Value::Null, None));
    let (_, out, _) = ask(&server, &["logout", "--subject", "ann", "--reason", "user-logout", "--json"], "");
    let logout = json(&out);
    assert_eq!((logout["advanced"].as_bool(), logout["revision"].as_str()), (Some(true), Some("1")));
    assert_eq!(logout["logout"]["reason"], "LOGOUT_REASON_USER_LOGOUT");
    let last = json(&ask(&server, &["last-logout", "ann", "--json"], "").1);
    assert_eq!(last["lastLogoutTime"], logout["logout"]["logoutTime"]);
}

#[test]
fn a_logout_can_be_of_anything_and_of_one_thing_only() {
    let mut setup = Setup::new();
    setup.issuer = "session_claim = \"sid\"";
    let server = setup.start();
    let token = server.token("ann");
    for arguments in [
        vec!["--subject", "ann"],
        vec!["--subject", "ann", "--client", "app"],
        vec!["--session", "s1"],
        vec!["--token-id", "t1"],
        vec!["--client", "app"],
        vec!["--token", &token],
        vec!["--key", "k1"],
        vec!["--everybody"],
        vec!["--subject", "ann", "--time", "2026-01-01T00:00:00Z", "--reauthenticate", "true"],
        vec!["--subject", "ann", "--time", "1767225600"],
    ] {
        let (code, out, err) = ask(&server, &[&["logout"], arguments.as_slice()].concat(), "");
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    }
    for arguments in [vec![], vec!["--token", &token, "--subject", "ann"], vec!["--everybody", "--key", "k1"]] {
        assert_eq!(ask(&server, &[&["logout"], arguments.as_slice()].concat(), "").0, 2, "{arguments:?}");
    }
}

#[test]
fn failures_say_what_to_do() {
    let (code, _, err) = curfew(&["last-logout", "ann", "--server", "http://127.0.0.1:1"], "");
    assert_eq!(code, 2);
    assert!(err.contains("nobody answers") && err.contains("curfew serve"), "{err}");
    // A token is never sent in clear to what was meant to be TLS.
    let (code, _, err) = curfew(&["validate", "x", "--server", "https://127.0.0.1:1"], "");
    assert!(code == 2 && err.contains("TLS"), "{err}");
    let server = Setup::new().start();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_curfew"))
        .args(["last-logout", "ann", "--server", &server.url])
        .stdout(full)
        .output();
    let output = command.unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let (code, _, err) = ask(&server, &["logout", "--subject", "ann", "--issuer", "nobody"], "");
    assert_eq!(code, 2);
    assert!(err.contains("configured: op"), "{err}");
    assert!(!err.contains(&server.token("x")[..20]));
}

#[test]
fn check_config_says_every_fault_and_reads_the_keys() {
    let setup = Setup::new();
    let good = setup.write_config();
    let good = good.to_str().unwrap();
    let (code, out, err) = curfew(&["check-config", "--config", good], "");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let bad = good.replace(".toml", ".bad.toml");
    let text = std::fs::read_to_string(good).unwrap();
    std::fs::write(&bad, text.replace("[\"ES256\"]", "[]").replace("[grpc]", "[gprc]\n[grpc]")).unwrap();
    let (code, out, _) = curfew(&["check-config", "--config", &bad, "--json"], "");
    let report = json(&out);
    assert_eq!(
        (code, report["ok"].as_bool(), report["faults"].as_array().unwrap().len()),
        (2, Some(false), 2),
        "{out}"
    );
    // The algorithm does not fit the key that is there.
    std::fs::write(&bad, text.replace("[\"ES256\"]", "[\"RS256\"]")).unwrap();
    let (code, out, _) = curfew(&["check-config", "--config", &bad], "");
    assert!(code == 2 && out.contains("issuer[0].keys") && out.contains("RS256"), "{out}");
    // A private key has no business there; a device has no end.
    let keys = good.replace("curfew.toml", "keys.json");
    let set = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(keys.replace("keys", "private"), set.replace("\"kty\"", "\"d\":\"AA\",\"kty\"")).unwrap();
    for (file, says) in [(keys.replace("keys", "private"), "private key"), ("/dev/zero".to_owned(), "longer than")] {
        std::fs::write(&bad, text.replace(&keys, &file)).unwrap();
        let (code, out, _) = curfew(&["check-config", "--config", &bad], "");
        assert!(code == 2 && out.contains(says), "{says}: {out}");
    }
    std::fs::write(&bad, text.replace("[\"ES256\"]", "[\"RS256\"]")).unwrap();
    let (code, _, err) = curfew(&["serve", "--config", &bad], "");
    assert!(code == 2 && err.contains("no key among them fits the algorithm RS256"), "{err}");
}
