//! Tests of where tokens come from.

use std::{fs, io::Cursor};

use super::*;
use crate::token::Minter;

fn read_text(text: &str) -> Result<Vec<String>, String> {
    let tokens = read(Cursor::new(text.as_bytes()), "tokens.txt").map_err(|Failure(text)| text)?;
    Ok(tokens.into_iter().map(|token| token.text).collect())
}

#[test]
fn a_file_has_one_token_a_line() {
    assert_eq!(
        read_text("a.b.c\n\nBearer d.e.f\r\n  g.h.i"),
        Ok(["a.b.c", "d.e.f", "g.h.i"].map(str::to_owned).to_vec())
    );
    let longest = "x".repeat(MAX_TOKEN_BYTES);
    assert_eq!(read_text(&format!("Bearer {longest}\r\n")), Ok(vec![longest]));
}

#[test]
fn a_line_at_fault_is_named() {
    for (text, wanted) in [
        (format!("a.b.c\n{}\n", "x".repeat(MAX_TOKEN_BYTES + 1)), "tokens.txt, line 2: is longer"),
        (format!("a.b.c\n\n{}", "x".repeat(1 << 20)), "tokens.txt, line 3: is longer"),
        ("a.b.c d.e.f\n".to_owned(), "tokens.txt, line 1: holds more than one word"),
        ("\n\n".to_owned(), "tokens.txt: there is no token"),
        (String::new(), "tokens.txt: there is no token"),
    ] {
        let error = read_text(&text).unwrap_err();
        assert!(error.starts_with(wanted), "{error}");
    }
    let error = read(Cursor::new(b"a.b.c\n\xff\n"), "tokens.txt").err().map(|Failure(text)| text);
    assert_eq!(error.as_deref(), Some("tokens.txt, line 2: is not text"));
    let many = "a\n".repeat(MOST_TOKENS + 1);
    assert!(read_text(&many).unwrap_err().contains("line 1000001: is one too many"));
}

fn options(key: &Path) -> Tokens {
    Tokens {
        tokens: None,
        key: Some(key.to_owned()),
        algorithm: Some("ES256".to_owned()),
        kid: Some("k1".to_owned()),
        iss: Some("https://op.example".to_owned()),
        aud: vec!["https://api.example".to_owned()],
        claims: Some(r#"{"tenant": "acme", "acr": "2"}"#.to_owned()),
        known: 3,
        fresh_tokens: 2,
    }
}

#[test]
fn signed_tokens_are_of_different_subjects_and_carry_the_claims_asked_for() {
    let directory = tempfile::TempDir::new().unwrap();
    let key = directory.path().join("key.pem");
    fs::write(&key, Minter::generate("k1").unwrap().private_pem()).unwrap();
    let mint = Mint::of(&options(&key), &key).map_err(|Failure(text)| text).unwrap();
    let tokens = mint.many(5, 2).map_err(|Failure(text)| text).unwrap();
    let subjects: Vec<_> = tokens.iter().map(|token| token.subject.as_deref().unwrap()).collect();
    assert_eq!(subjects, ["curfew-bench-5", "curfew-bench-6"]);
    let token = tokens.first().unwrap();
    assert_eq!(subject(&token.text), token.subject);
    let payload = Compact::parse(&token.text).unwrap().payload;
    for (name, wanted) in [("tenant", "acme"), ("acr", "2"), ("aud", "https://api.example")] {
        assert_eq!(payload.get(name).and_then(Value::as_str), Some(wanted));
    }
    // An RS256 signature is 256 bytes more than one of ES256 less its 64; of them base64 makes a third more.
    let as_rs256 = token.text.len() + (256 - 64) * 4 / 3;
    assert!((950..1150).contains(&as_rs256), "{as_rs256}");
}

#[test]
fn what_a_key_cannot_sign_is_said() {
    let directory = tempfile::TempDir::new().unwrap();
    let key = directory.path().join("key.pem");
    fs::write(&key, Minter::generate("k1").unwrap().private_pem()).unwrap();
    let error = |change: &dyn Fn(&mut Tokens)| {
        let mut options = options(&key);
        change(&mut options);
        Mint::of(&options, &key).err().map_or(String::new(), |Failure(text)| text)
    };
    assert!(error(&|options| options.algorithm = Some("none".to_owned())).contains("not a supported algorithm"));
    assert!(error(&|options| options.algorithm = Some("RS256".to_owned())).contains("private key for RS256"));
    assert!(error(&|options| options.iss = None).contains("--iss"));
    assert!(error(&|options| options.aud.clear()).contains("--aud"));
    assert!(error(&|options| options.claims = Some("[]".to_owned())).contains("JSON object"));
    assert!(error(&|options| options.claims = Some("{".to_owned())).contains("no JSON"));
}
