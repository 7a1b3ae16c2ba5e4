//! The configuration: defaults, variables, and every fault at once.

use super::*;

const LEAST: &str = r#"
[[issuer]]
name = "acme"
issuer = "https://acme.example/"
audiences = ["https://api.example"]
algorithms = ["RS256"]
keys = { discovery = true }
"#;

fn parse(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// The faults, each as one line.
fn faults(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    match parse(text, env).unwrap_err() {
        ConfigError::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

/// That a line of the least configuration, changed, is at fault, at this key and for this reason.
fn assert_fault(from: &str, to: &str, key: &str, reason: &str) {
    assert!(LEAST.contains(from), "{from}");
    let faults = faults(&LEAST.replace(from, to), &[]);
    assert!(
        faults.iter().any(|fault| fault.starts_with(&format!("{key}: ")) && fault.contains(reason)),
        "wanted {key}: … {reason}; found {faults:#?}"
    );
}

#[test]
fn the_least_configuration_has_safe_defaults() {
    let config = parse(LEAST, &[]).unwrap();
    assert!(config.grpc.listen.ip().is_loopback() && !config.grpc.insecure);
    assert_eq!(config.store.retention, None);
    assert_eq!(config.token_cache.bytes, 64 << 20);
    assert!(config.runtime.workers >= 1 && config.connections.max_age.is_none());
    let rules = &config.issuers[0].rules;
    assert_eq!((rules.leeway, rules.clock_skew), (Duration::from_secs(10), Duration::ZERO));
    assert_eq!(rules.max_token_lifetime, Duration::from_secs(86_400));
    assert_eq!(rules.types, ["jwt", "at+jwt"]);
}

#[test]
fn the_example_is_a_configuration() {
    parse(include_str!("../../curfew.example.toml"), &[]).unwrap();
}

#[test]
fn what_the_service_takes_on_is_bounded_and_faults_are_named() {
    let set = parse(
        &format!(
            "[runtime]\nworkers = 3\n[token_cache]\nsize = \"0\"\n[connections]\nmax_age = \"1h\"\n[limits]\nqueue_delay = \
             \"20ms\"\n{LEAST}"
        ),
        &[("CURFEW_LIMITS__MAX_STREAMS", "7"), ("CURFEW_LIMITS__REQUEST_BYTES", "1 GiB")],
    )
    .unwrap();
    assert_eq!((set.runtime.workers, set.token_cache.bytes, set.limits.max_streams), (3, 0, 7));
    assert_eq!(set.connections.max_age, Some(Duration::from_secs(3600)));
    assert_eq!((set.limits.queue_delay, set.limits.request_bytes), (Duration::from_millis(20), 1 << 30));
    let wrong = "[runtime]\nworkers = 0\n[token_cache]\nsize = \"much\"\n[connections]\nmax = -1\nkeepalive_timeout = \
                 \"0s\"\n[limits]\nqueue_delay = \"4\"\n";
    let all = faults(&format!("{wrong}{LEAST}"), &[]).join("\n");
    for wanted in [
        "runtime.workers: is 0; it must be between 1 and 1024",
        "token_cache.size: \"much\" is not a number of bytes as \"64 MiB\"",
        "connections.max: must be a whole number",
        "connections.keepalive_timeout: must not be zero",
        "limits.queue_delay: \"4\" is not a length of time",
    ] {
        assert!(all.contains(wanted), "{wanted}\n{all}");
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    let all = faults(
        r#"
        [grpc]
        listen = "0.0.0.0:50051"
        reflektion = true
        [log]
        format = "xml"
        [[issuer]]
        name = "Acme Inc"
        issuer = ""
        audiences = []
        algorithms = ["RS256", "none"]
        keys = { jwks_url = "http://acme.example/jwks", pem_file = "a.pem" }
        leeway = "soon"
        "#,
        &[("CURFEW_STORE__PAHT", "/tmp")],
    );
    for key in [
        "grpc.listen:",
        "grpc.reflektion: is not a configuration key; did you mean reflection?",
        "log.format:",
        "issuer[0].name:",
        "issuer[0].issuer: must be set",
        "issuer[0].audiences:",
        "issuer[0].algorithms: \"none\"",
        "issuer[0].keys.keys:",
        "issuer[0].leeway:",
        "CURFEW_STORE__PAHT: is not a configuration key; did you mean CURFEW_STORE__PATH?",
    ] {
        assert!(all.iter().any(|fault| fault.starts_with(key)), "wanted {key}; found {all:#?}");
    }
}

#[test]
fn nothing_starts_that_could_skip_a_check() {
    assert_fault("audiences = [\"https://api.example\"]", "", "issuer[0].audiences", "must name at least one");
    assert_fault("[\"https://api.example\"]", "[\"\"]", "issuer[0].audiences", "none may be empty");
    assert_fault("algorithms = [\"RS256\"]", "", "issuer[0].algorithms", "must name at least one");
    assert_fault("[\"RS256\"]", "[]", "issuer[0].algorithms", "must name at least one");
    assert_fault("keys = { discovery = true }", "", "issuer[0].keys.keys", "must name one source");
    assert_fault("discovery = true", "discovery = false", "issuer[0].keys.discovery", "can only be true");
    let none = faults("", &[]);
    assert!(none[0].contains("at least one [[issuer]]"), "{none:?}");
}

#[test]
fn secrets_and_public_keys_are_not_mixed() {
    assert_fault("[\"RS256\"]", "[\"RS256\", \"HS256\"]", "issuer[0].keys.discovery", "HS256 does not fit public keys");
    let to = "hmac_secret_file = \"secret\"";
    assert_fault("discovery = true", to, "issuer[0].keys.hmac_secret_file", "RS256 does not fit a shared secret");
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    assert_fault("https://acme.example/", "http://acme.example/", "issuer[0].keys.discovery", "plain HTTP");
    assert!(parse(&LEAST.replace("https://acme.example/", "http://127.0.0.1:8080"), &[]).is_ok());
}

#[test]
fn traps_are_faults() {
    let level = faults(&format!("[log]\nlevel = \"inof\"\n{LEAST}"), &[]);
    assert!(level[0].starts_with("log.level: \"inof\" is neither"), "{level:?}");
    for good in ["info", "INFO", "off", "info,curfew::store=debug"] {
        assert!(parse(&format!("[log]\nlevel = \"{good}\"\n{LEAST}"), &[]).is_ok(), "{good}");
    }
    let both = faults(&format!("{LEAST}last_logout_claim = \"x\"\nsession_claim = \"x\"\n"), &[]);
    assert!(both[0].contains("cannot be both"), "{both:?}");
    let list = faults(LEAST, &[("CURFEW_ISSUER__0__AUDIENCES", "[\"a\", \"b\"]")]);
    assert!(list[0].contains("without brackets"), "{list:?}");
    assert!(faults(&format!("{LEAST}clock_skew = \"31s\""), &[])[0].contains("at most 30s"));
}

#[test]
fn two_issuers_have_two_names() {
    let twice = faults(&format!("{LEAST}{LEAST}"), &[]);
    assert!(twice.iter().any(|fault| fault.contains("\"acme\" is configured twice")), "{twice:?}");
    assert!(twice.iter().any(|fault| fault.contains("\"https://acme.example/\" is configured twice")), "{twice:?}");
}

#[test]
fn subjects_are_not_forgotten_while_tokens_live() {
    let short = faults(&format!("[store]\nretention = \"24h\"\n{LEAST}"), &[]);
    assert!(short[0].starts_with("store.retention: must be at least 1day"), "{short:?}");
    assert!(parse(&format!("[store]\nretention = \"25h\"\n{LEAST}"), &[]).is_ok());
    assert!(parse(&format!("[store]\nretention = \"forever\"\n{LEAST}"), &[]).is_ok());
}

#[test]
fn variables_come_before_the_file_and_can_replace_it() {
    let config =
        parse(LEAST, &[("CURFEW_GRPC__LISTEN", "127.0.0.1:1"), ("CURFEW_ISSUER__0__AUDIENCES", "a, b")]).unwrap();
    assert_eq!(config.grpc.listen.port(), 1);
    assert_eq!(config.issuers[0].rules.audiences, ["a", "b"]);
    let only = [
        ("CURFEW_ISSUER__0__NAME", "acme"),
        ("CURFEW_ISSUER__0__ISSUER", "https://acme.example/"),
        ("CURFEW_ISSUER__0__AUDIENCES", "a"),
        ("CURFEW_ISSUER__0__ALGORITHMS", "ES256"),
        ("CURFEW_ISSUER__0__KEYS__DISCOVERY", "true"),
        // Not ours: Kubernetes makes these up for a service called curfew.
        ("CURFEW_PORT", "tcp://10.0.0.1:50051"),
        ("CURFEW_SERVICE_HOST", "10.0.0.1"),
    ];
    assert_eq!(parse("", &only).unwrap().issuers.len(), 1);
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    let open = "[grpc]\nlisten = \"0.0.0.0:50051\"\n";
    let refused = faults(&format!("{open}{LEAST}"), &[]);
    assert!(refused[0].contains("insecure = true") && refused[0].contains("127.0.0.1 behind a proxy"), "{refused:?}");
    assert!(parse(&format!("{open}insecure = true\n{LEAST}"), &[]).is_ok());
    assert!(parse(&format!("{open}{LEAST}"), &[("CURFEW_GRPC__INSECURE", "true")]).is_ok());
}

#[test]
fn whoever_may_ask_about_tokens_has_a_name_and_a_secret() {
    let client = |lines: &str| format!("{LEAST}[[http.client]]\n{lines}\n");
    let good =
        parse(&client("id = \"gateway\"\nsecret_file = \"s\"\naudiences = [\"https://api.example\"]"), &[]).unwrap();
    assert_eq!((good.http.clients[0].id.as_str(), good.http.clients[0].audiences.len()), ("gateway", 1));
    let env = [("CURFEW_HTTP__CLIENT__0__ID", "a"), ("CURFEW_HTTP__CLIENT__0__SECRET_FILE", "s")];
    assert_eq!(parse(LEAST, &env).unwrap().http.clients.len(), 1);
    for (lines, wanted) in [
        ("id = \"a\"", "http.client[0].secret_file: must be set"),
        ("secret_file = \"s\"", "http.client[0].id: must be set"),
        ("id = \"a\"\nsecret = \"s\"\nsecret_file = \"s\"", "http.client[0].secret: is not a configuration key"),
        ("id = \"a\\nb\"\nsecret_file = \"s\"", "http.client[0].id: must have at most"),
        ("id = \"a\"\nsecret_file = \"s\"\naudiences = []", "http.client[0].audiences: must name at least one"),
        ("id = \"a\"\nsecret_file = \"s\"\naudiences = [\"\"]", "http.client[0].audiences: must name at least one"),
        (
            "id = \"a\"\nsecret_file = \"s\"\naudiences = [\"https://else.example\"]",
            "http.client[0].audiences: \"https://else.example\" is no issuer's audience",
        ),
        (
            "id = \"a\"\nsecret_file = \"s\"\n[[http.client]]\nid = \"a\"\nsecret_file = \"t\"",
            "http.client: \"a\" is configured twice",
        ),
    ] {
        let all = faults(&client(lines), &[]);
        assert!(all.len() == 1 && all[0].starts_with(wanted), "wanted {wanted}; found {all:#?}");
    }
}

#[test]
fn what_ends_with_a_revoked_token_is_that_token_unless_more_is_said() {
    let scope = |lines: &str| parse(&format!("{LEAST}{lines}"), &[]).unwrap().issuers[0].elsewhere.token_revocation;
    assert_eq!(scope(""), None);
    assert_eq!(scope("[issuer.token_revocation]\n"), None);
    assert_eq!(scope("[issuer.token_revocation]\nscope = \"subject\"\n"), Some(crate::service::TokenScope::Subject));
    let session = "session_claim = \"sid\"\n[issuer.token_revocation]\nscope = \"session\"\n";
    assert_eq!(scope(session), Some(crate::service::TokenScope::Session));
    let without = faults(&format!("{LEAST}[issuer.token_revocation]\nscope = \"session\"\n"), &[]);
    assert!(without[0].contains("needs session_claim"), "{without:?}");
    let other = faults(&format!("{LEAST}[issuer.token_revocation]\nscope = \"user\"\n"), &[]);
    assert!(other[0].starts_with("issuer[0].token_revocation.scope: \"user\" is none of"), "{other:?}");
}

#[test]
fn what_is_not_toml_is_said_with_its_place() {
    let error = parse("[grpc\nlisten = 1", &[]).unwrap_err().to_string();
    assert!(error.contains("not TOML") && error.contains("line 1"), "{error}");
}

/// The least configuration with lines of one issuer's after it.
fn with(lines: &str) -> String {
    format!("{LEAST}{lines}\n")
}

#[test]
fn auth0_s_log_is_taken_as_configured() {
    use crate::token::LogAction;
    let nothing = parse(LEAST, &[]).unwrap().issuers.remove(0).elsewhere;
    assert!(nothing.auth0_logs.is_none() && nothing.auth0_poll.is_none());
    let actions = "[issuer.auth0_actions]\nslo = \"ignore\"\npwd_leak = \"user\"\nsapi = \"management\"\n";
    let poll = "[issuer.auth0_poll]\nclient_id = \"c\"\nclient_secret_file = \"f\"\n";
    let text = with(&format!("[issuer.auth0_logs]\nsecret_file = \"s\"\n{poll}{actions}"));
    let env = ("CURFEW_ISSUER__0__AUTH0_ACTIONS__SCP", "session");
    let elsewhere = parse(&text, &[env]).unwrap().issuers.remove(0).elsewhere;
    assert_eq!(elsewhere.auth0_logs.as_deref(), Some(Path::new("s")));
    let poll = elsewhere.auth0_poll.unwrap();
    assert_eq!((poll.interval, poll.timeout), (Duration::from_secs(10), Duration::from_secs(10)));
    assert_eq!((poll.base_url, poll.look_back), (None, None));
    let action = |code| elsewhere.auth0_actions.of(code).map(|(action, _)| action);
    assert_eq!(action("slo"), None);
    assert_eq!(action("pwd_leak"), Some(LogAction::User));
    assert_eq!(action("sapi"), Some(LogAction::Management));
    assert_eq!(action("scp"), Some(LogAction::Session));
    assert_eq!(action("sdu"), Some(LogAction::User));
}

#[test]
fn faults_of_auth0_s_log_are_named_with_what_was_meant() {
    let logs = "[issuer.auth0_logs]\nsecret_file = \"s\"\n";
    let poll = |more: &str| format!("[issuer.auth0_poll]\nclient_id = \"c\"\nclient_secret_file = \"f\"\n{more}");
    let actions = |line: &str| format!("{logs}[issuer.auth0_actions]\n{line}\n");
    for (lines, key, reason) in [
        ("[issuer.auth0_logs]\n".to_owned(), "auth0_logs.secret_file", "must be set"),
        (actions("sol = \"user\""), "auth0_actions.sol", "did you mean slo?"),
        (actions("slo = \"sesion\""), "auth0_actions.slo", "did you mean session?"),
        (actions("slo = \"logout\""), "auth0_actions.slo", "none of \"session\", \"user\", \"client\", \"ignore\""),
        // Its user is who called.
        (actions("sapi = \"user\""), "auth0_actions.sapi", "none of \"management\", \"ignore\""),
        (actions("slo = \"management\""), "auth0_actions.slo", "none of"),
        ("[issuer.auth0_actions]\nslo = \"user\"\n".to_owned(), "auth0_actions", "that nobody takes"),
        ("[issuer.auth0_poll]\nclient_id = \"c\"\n".to_owned(), "auth0_poll.client_secret_file", "must be set"),
        (poll("base_url = \"http://t.example\""), "auth0_poll.base_url", "plain HTTP"),
        (poll("base_url = \"https://t.example/api/v2\""), "auth0_poll.base_url", "nothing after it"),
        (poll("base_url = \"https://t.example?x\""), "auth0_poll.base_url", "nothing after it"),
        (poll("base_url = \"t.example\""), "auth0_poll.base_url", "not a URL"),
        (poll("interval = \"500ms\""), "auth0_poll.interval", "at least 1s"),
        (poll("timeout = \"0s\""), "auth0_poll.timeout", "at least 1s"),
        (poll("look_back = \"0s\""), "auth0_poll.look_back", "must not be zero"),
        (poll("intervall = \"5s\""), "auth0_poll.intervall", "did you mean interval?"),
    ] {
        let all = faults(&with(&lines), &[]);
        let named = |fault: &String| fault.starts_with(&format!("issuer[0].{key}: ")) && fault.contains(reason);
        assert!(all.len() == 1 && all.iter().any(named), "wanted {key}: … {reason}; found {all:#?}");
    }
}
