//! `curfew bench` against a real server: what it counts, what it finds wrong, and when it cannot run.

use std::fs;

use serde_json::Value;

use crate::support::{AUDIENCE, ISSUER, Server, Setup, curfew};
use curfew::token::Minter;

/// Short, and small enough for a debug build on a busy machine.
const SHORT: [&str; 10] =
    ["bench", "--duration", "500ms", "--warm-up", "100ms", "--connections", "2", "--concurrency", "8", "--json"];

/// Runs it, for a short time, and returns its exit code, its object and standard error.
fn bench(server: &Server, arguments: &[&str]) -> (i32, Value, String) {
    let arguments = [&SHORT, arguments, &["--server", &server.url]].concat();
    let (code, out, err) = curfew(&arguments, "");
    let value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    (code, value, err)
}

/// A file in the server's directory.
fn file(server: &Server, name: &str, text: &str) -> String {
    let path = server.directory.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A file of tokens.
fn tokens(server: &Server) -> String {
    let tokens: Vec<String> = (0..20).map(|number| server.token(&format!("user-{number}"))).collect();
    file(server, "tokens.txt", &tokens.join("\n"))
}

/// The options that sign tokens with a key.
fn signing<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let signing = ["--key", key, "--algorithm", "ES256", "--kid", "k1", "--iss", ISSUER, "--aud", AUDIENCE];
    [&signing, more].concat()
}

/// That every call of a run was right, and how many there were.
fn all_right(value: &Value) -> u64 {
    let (calls, ok) = (value["calls"].as_u64().unwrap(), value["ok"].as_u64().unwrap());
    assert!(calls > 0 && calls == ok && value["wrong"] == 0, "{value}");
    assert_eq!(value["errors"], serde_json::json!({}), "{value}");
    assert!(value["latency_us"]["p50"].as_f64().unwrap() > 0.0, "{value}");
    calls
}

#[test]
fn known_tokens_are_all_valid_and_every_call_is_counted() {
    let server = Setup::new().start();
    let (code, value, err) = bench(&server, &["--tokens", &tokens(&server), "--expect", "VALID"]);
    assert_eq!((code, err.as_str()), (0, ""), "{value}");
    let calls = all_right(&value);
    assert_eq!(
        (value["verdicts"]["VALID"].as_u64(), value["kinds"]["validate"]["ok"].as_u64()),
        (Some(calls), Some(calls))
    );
    assert_eq!((value["connections"].as_u64(), value["concurrency"].as_u64()), (Some(2), Some(8)));
}

#[test]
fn all_kinds_of_calls_at_once_are_answered_as_they_must_be() {
    let server = Setup::new().start();
    let key = file(&server, "key.pem", &server.minter.private_pem());
    let shares =
        ["--known", "10", "--fresh", "0.3", "--fresh-tokens", "5", "--logouts", "0.2", "--last-logouts", "0.2"];
    let (code, value, _) = bench(&server, &signing(&key, &shares));
    assert_eq!(code, 0, "{value}");
    all_right(&value);
    for kind in ["validate", "fresh", "logout", "last_logout"] {
        assert!(value["kinds"][kind]["ok"].as_u64().unwrap() > 0, "{kind}: {value}");
    }
    assert!(value["fresh_tokens_repeated"].as_u64().unwrap() > 0, "{value}");
    // Logouts alone need no token.
    let (code, value, _) = bench(&server, &["--logouts", "1", "--issuer", "op", "--threads", "2"]);
    assert_eq!((code, all_right(&value)), (0, value["kinds"]["logout"]["ok"].as_u64().unwrap()));
}

#[test]
fn a_stream_carries_known_and_fresh_tokens() {
    let server = Setup::new().start();
    let key = file(&server, "key.pem", &server.minter.private_pem());
    let options =
        signing(&key, &["--stream", "--known", "10", "--fresh", "0.5", "--fresh-tokens", "500", "--expect", "VALID"]);
    let (code, value, _) = bench(&server, &options);
    assert_eq!((code, value["verdicts"]["VALID"].as_u64()), (0, Some(all_right(&value))));
    assert!(value["kinds"]["stream"]["ok"].as_u64().unwrap() > 0, "{value}");
    assert!(value["kinds"]["fresh"]["ok"].as_u64().unwrap() > 0, "{value}");
}

#[test]
fn a_rate_is_kept() {
    let server = Setup::new().start();
    let (code, value, _) = bench(&server, &["--tokens", &tokens(&server), "--rate", "200"]);
    assert_eq!(code, 0, "{value}");
    // Half a second of it, give or take the ticks at its ends.
    assert!(all_right(&value).abs_diff(100) <= 2, "{value}");
    assert_eq!(value["not_sent_in_time"], 0);
}

#[test]
fn tokens_of_a_wrong_key_are_wrong_where_valid_ones_are_expected() {
    let server = Setup::new().start();
    let key = file(&server, "key.pem", &Minter::generate("k1").unwrap().private_pem());
    for stream in [&[][..], &["--stream"]] {
        let options = signing(&key, &[&["--known", "10"], stream].concat());
        let (code, value, _) = bench(&server, &[&options[..], &["--expect", "VALID"]].concat());
        assert_eq!((code, value["ok"].as_u64()), (1, Some(0)), "{value}");
        assert!(
            value["wrong"].as_u64().unwrap() > 0 && value["wrong"] == value["verdicts"]["BAD_SIGNATURE"],
            "{value}"
        );
        assert_eq!(bench(&server, &options).0, 0, "verdicts are only counted where none is expected");
    }
}

#[test]
fn errors_are_counted_by_code_and_reason_and_are_never_successes() {
    let server = Setup::new().start();
    let (code, value, _) = bench(&server, &["--logouts", "1", "--issuer", "nobody"]);
    assert_eq!((code, value["ok"].as_u64()), (1, Some(0)), "{value}");
    assert_eq!(value["errors"]["INVALID_ARGUMENT"], value["calls"]);
    assert_eq!(value["reasons"]["UNKNOWN_ISSUER"], value["calls"]);
    // A method that is not there is answered in the head of the response.
    let raw = ["--tokens", &tokens(&server), "--raw-path", "/curfew.v1.RevocationService/Nothing"];
    let (code, value, _) = bench(&server, &raw);
    assert_eq!((code, &value["errors"]["UNIMPLEMENTED"]), (1, &value["calls"]), "{value}");
    // And one that is there is measured by the length of its answers alone.
    let raw = ["--tokens", &tokens(&server), "--raw-path", "/curfew.v1.RevocationService/ValidateToken"];
    assert_eq!(bench(&server, &raw).0, 0);
    assert_eq!(bench(&server, &[&raw[..], &["--raw-answer-bytes", "1"]].concat()).0, 1);
}

#[test]
fn a_server_that_is_gone_is_given_up_after_a_few_attempts() {
    let mut server = Setup::new().start();
    let tokens = tokens(&server);
    let arguments =
        ["bench", "--tokens", &tokens, "--duration", "3s", "--warm-up", "0s", "--json", "--server", &server.url]
            .map(str::to_owned);
    let run = std::thread::spawn(move || curfew(&arguments.each_ref().map(String::as_str), ""));
    std::thread::sleep(std::time::Duration::from_millis(700));
    server.kill();
    let (code, out, err) = run.join().unwrap();
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("was lost") && err.contains("could not be made again"), "{err}");
}

#[test]
fn what_cannot_run_says_why() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("tokens.txt");
    fs::write(&file, "a.b.c\nnot a token\n").unwrap();
    let file = file.to_str().unwrap();
    let dead = "http://127.0.0.1:1";
    for (arguments, wanted) in [
        (&["--logouts", "1", "--server", dead][..], "nobody answers at http://127.0.0.1:1"),
        (&["--logouts", "1", "--server", "https://127.0.0.1:1"], "TLS"),
        (&["--server", dead], "which tokens?"),
        (&["--tokens", file, "--server", dead], "line 2"),
        (&["--tokens", "/nowhere", "--server", dead], "/nowhere"),
        (&["--tokens", file, "--fresh", "1", "--server", dead], "--fresh needs new tokens"),
        (&["--connections", "0", "--server", dead], "--connections 0"),
    ] {
        let (code, out, err) = curfew(&[&["bench"], arguments].concat(), "");
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(wanted), "{arguments:?}: {err}");
    }
    let (code, out, _) = curfew(&["bench", "--help"], "");
    assert!(code == 0 && out.contains("Examples:") && out.contains("curfew-bench-") && !out.contains("raw"), "{out}");
}
