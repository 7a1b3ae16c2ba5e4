//! Forged tokens: faults of form. A token has one spelling, and means what its form says.

use super::*;

#[test]
fn an_extension_that_must_be_understood_is_refused() {
    let world = World::new();
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", "false", r#""exp""#, r#"["alg","kid"]"#, "{}"] {
        assert_eq!(world.with_header(&[("crit", crit), ("exp", "1")]), Verdict::Malformed, "{crit}");
        assert_eq!(world.with_header(&[("\\u0063rit", crit)]), Verdict::Malformed, "escaped: {crit}");
    }
}

#[test]
fn a_payload_in_another_encoding_is_refused() {
    let world = World::new();
    let plain = claims(EC, &[]);
    let sign = |header: &str, payload: &str| {
        let input = format!("{}.{payload}", encode(header));
        let signature = world.ec.sign(Algorithm::Es256, input.as_bytes());
        format!("{input}.{}", encode(signature))
    };
    let stored =
        [&[1, u8::try_from(plain.len() & 0xff).unwrap(), u8::try_from(plain.len() >> 8).unwrap()], &[0xff; 2][..]];
    let deflated = [stored.concat().as_slice(), plain.as_bytes()].concat();
    let unencoded = ec_header(&[("b64", "false")]);
    let cases = [
        ("RFC 7797, as it stands", sign(&unencoded, &plain.replace('.', ","))),
        ("RFC 7797, with dots", sign(&unencoded, &plain)),
        ("compressed", sign(&ec_header(&[("zip", r#""DEF""#)]), &encode(deflated))),
        ("a token within", sign(&ec_header(&[("cty", r#""JWT""#)]), &encode(world.token(&[], &[])))),
        ("a quoted token within", sign(&ec_header(&[("cty", r#""JWT""#)]), &encode(quoted(&world.token(&[], &[]))))),
        ("encoded twice", sign(&ec_header(&[]), &encode(encode(&plain)))),
        (
            "in UTF-16",
            sign(&ec_header(&[]), &encode(plain.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())),
        ),
        ("with a byte order mark", sign(&ec_header(&[]), &encode(format!("\u{feff}{plain}")))),
        ("with a zero byte after it", sign(&ec_header(&[]), &encode(format!("{plain}\0")))),
        ("with more after it", sign(&ec_header(&[]), &encode(format!("{plain}{plain}")))),
        ("not in UTF-8", sign(&ec_header(&[]), &encode(b"{\"iss\":\"https://ec.example\",\"sub\":\"\xff\"}"))),
        ("half a surrogate pair", sign(&ec_header(&[]), &encode(claims(EC, &[("sub", r#""\ud800""#)])))),
        ("empty", sign(&ec_header(&[]), "")),
        ("an array", sign(&ec_header(&[]), &encode(format!("[{plain}]")))),
        ("null", sign(&ec_header(&[]), &encode("null"))),
        ("a comment", sign(&ec_header(&[]), &encode(plain.replacen('{', "{/**/", 1)))),
        ("a last comma", sign(&ec_header(&[]), &encode(plain.replace('}', ",}")))),
    ];
    for (name, token) in cases {
        assert_eq!(world.verdict(&token), Verdict::Malformed, "{name}");
    }
    // Without meaning in a signed token, and therefore without effect (RFC 7515, section 4).
    for member in [("b64", "false"), ("b64", "true"), ("zip", r#""DEF""#), ("cty", r#""JWT""#), ("enc", r#""A128GCM""#)]
    {
        assert_eq!(world.with_header(&[member]), Verdict::Valid, "{member:?}");
    }
}

#[test]
fn a_token_of_another_kind_is_refused() {
    let world = World::new();
    let kinds = [
        ("logout+jwt", Verdict::Malformed),
        ("secevent+jwt", Verdict::Malformed),
        ("dpop+jwt", Verdict::Malformed),
        ("application/logout+jwt", Verdict::Malformed),
        ("LOGOUT+JWT", Verdict::Malformed),
        ("application/application/jwt", Verdict::Malformed),
        ("text/jwt", Verdict::Malformed),
        ("at+jwt ", Verdict::Malformed),
        ("at+jwt;v=1", Verdict::Malformed),
        ("at+jwt\\u0000", Verdict::Malformed),
        ("\u{ff41}t+jwt", Verdict::Malformed),
        ("JWE", Verdict::Malformed),
        ("", Verdict::Malformed),
        ("JWT", Verdict::Valid),
        ("at+jwt", Verdict::Valid),
        ("AT+JWT", Verdict::Valid),
        ("application/at+jwt", Verdict::Valid),
        ("Application/JWT", Verdict::Valid),
    ];
    for (kind, expected) in kinds {
        assert_eq!(world.with_header(&[("typ", &format!("\"{kind}\""))]), expected, "{kind}");
    }
    for typ in ["null", "1", "[]", r#"["JWT"]"#] {
        assert_eq!(world.with_header(&[("typ", typ)]), Verdict::Malformed, "{typ}");
    }
    assert_eq!(world.with_header(&[("typ", ABSENT)]), Verdict::Valid);
}

#[test]
fn a_token_that_is_cut_anywhere_is_refused() {
    let world = World::new();
    let raw = world.token(&[], &[]);
    let signature = raw.rfind('.').unwrap() + 1;
    for end in 0..raw.len() {
        let verdict = world.verdict(&raw[..end]);
        let whole_bytes = (end.saturating_sub(signature)) % 4 == 0;
        let expected = if end >= signature && whole_bytes { Verdict::BadSignature } else { Verdict::Malformed };
        // What is left of a signature may by chance have its last bits zero.
        let by_chance = end > signature && verdict == Verdict::BadSignature;
        assert!(verdict == expected || by_chance, "{end}: {verdict:?}");
    }
    for start in 1..raw.len() {
        assert_eq!(world.verdict(&raw[start..]), Verdict::Malformed, "from {start}");
    }
}

#[test]
fn a_token_of_more_or_fewer_parts_is_refused() {
    let world = World::new();
    let raw = world.token(&[], &[]);
    let parts: Vec<&str> = raw.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let jwe = ec_header(&[("alg", r#""dir""#), ("enc", r#""A128GCM""#)]);
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    let cases = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{raw}."),
        format!(".{raw}"),
        format!("{raw}.{signature}"),
        format!("{raw}.{raw}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{}..{}.{}.{}", encode(jwe), encode([0; 12]), encode([0; 40]), encode([0; 16])),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("{header}\u{3002}{payload}\u{ff0e}{signature}"),
        json,
        "x".repeat(1 << 20),
        ".".repeat(1 << 20),
        format!("{raw}{}", "A".repeat(1 << 20)),
    ];
    for token in cases {
        assert_eq!(world.verdict(&token), Verdict::Malformed, "{}", &token[..token.len().min(200)]);
    }
}

#[test]
fn a_token_has_one_spelling_only() {
    let world = World::new();
    let raw = world.token(&[], &[]);
    let parts: Vec<&str> = raw.split('.').collect();
    for part in 0..3 {
        let with = |changed: String| {
            let mut parts = parts.clone();
            parts[part] = &changed;
            world.verdict(&parts.join("."))
        };
        let text = parts[part];
        for (name, changed) in [
            ("padded once", format!("{text}=")),
            ("padded twice", format!("{text}==")),
            ("a space before", format!(" {text}")),
            ("a space after", format!("{text} ")),
            ("a tab", format!("{text}\t")),
            ("a line break", format!("{text}\n")),
            ("broken into lines", format!("{}\r\n{}", &text[..8], &text[8..])),
            ("a zero byte", format!("{text}\0")),
            ("a zero width space", format!("{text}\u{200b}")),
            ("percent-encoded", text.replacen(&text[..1], &format!("%{:02x}", text.as_bytes()[0]), 1)),
            ("a letter of full width", text.replacen(&text[..1], "\u{ff45}", 1)),
            ("a plus sign", format!("+{}", &text[1..])),
            ("a slash", format!("/{}", &text[1..])),
        ] {
            assert_eq!(with(changed), Verdict::Malformed, "{name} in part {part}");
        }
    }
    for (name, token) in [
        ("a scheme", format!("Bearer {raw}")),
        ("quotes", format!("\"{raw}\"")),
        ("a space before", format!(" {raw}")),
        ("a line break after", format!("{raw}\n")),
    ] {
        assert_eq!(world.verdict(&token), Verdict::Malformed, "{name}");
    }
}

#[test]
fn spare_bits_of_the_last_letter_must_be_zero() {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let world = World::new();
    let raw = world.token(&[], &[]);
    // 64 bytes leave two letters at the end, of which the last has four bits to spare.
    let value = LETTERS.iter().position(|letter| Some(letter) == raw.as_bytes().last()).unwrap();
    assert_eq!(value % 16, 0);
    for spare in 1..16 {
        let other = char::from(LETTERS[value + spare]);
        let verdict = world.verdict(&format!("{}{other}", &raw[..raw.len() - 1]));
        assert_eq!(verdict, Verdict::Malformed, "{other}");
    }
}

#[test]
fn a_member_that_appears_twice_is_refused() {
    let world = World::new();
    let doubled = |member: &str| claims(EC, &[]).replacen('{', &format!("{{{member},"), 1);
    for member in [
        r#""sub":"eve""#,
        r#""sub":"ann""#,
        r#""\u0073ub":"eve""#,
        r#""exp":4000000000"#,
        r#""iat":1"#,
        r#""iss":"https://ed.example""#,
        r#""aud":"https://other.example""#,
        r#""jti":null"#,
        r#""act":{"sub":"a","sub":"b"}"#,
        r#""a":[{"b":{"c":1,"c":1}}]"#,
    ] {
        let token = world.ec.token(Algorithm::Es256, &ec_header(&[]), &doubled(member));
        assert_eq!(world.verdict(&token), Verdict::Malformed, "{member}");
    }
    for member in [
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""alg":"ES256""#,
        r#""kid":"k2""#,
        r#""typ":"logout+jwt""#,
        r#""jwk":{"kty":"EC","kty":"RSA"}"#,
    ] {
        let header = ec_header(&[]).replacen('{', &format!("{{{member},"), 1);
        let token = world.ec.token(Algorithm::Es256, &header, &claims(EC, &[]));
        assert_eq!(world.verdict(&token), Verdict::Malformed, "{member}");
    }
}

#[test]
fn a_name_that_only_looks_like_alg_is_not_alg() {
    let world = World::new();
    let named = |name: &str| world.with_header(&[("alg", ABSENT), (name, r#""ES256""#)]);
    for name in
        ["ALG", "Alg", "alg ", " alg", "alg\\u0000", "\\u0430lg", "\u{430}lg", "a\\u200blg", "a\\u0301lg", "algorithm"]
    {
        assert_eq!(named(name), Verdict::Malformed, "{name}");
    }
    // The same name, only written otherwise (RFC 8259, section 8.3).
    assert_eq!(named("\\u0061lg"), Verdict::Valid);
    // Beside the true one they are members that nobody knows.
    for name in ["ALG", "alg\\u0000", "\\u0430lg"] {
        assert_eq!(world.with_header(&[(name, r#""none""#)]), Verdict::Valid, "{name}");
    }
}

#[test]
fn deep_and_long_json_is_refused() {
    let world = World::new();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (depth, expected) in [(15, Verdict::Valid), (17, Verdict::Malformed), (5_000, Verdict::Malformed)] {
        assert_eq!(world.with_claims(&[("deep", &nested(depth))]), expected, "{depth}");
        assert_eq!(world.with_header(&[("deep", &nested(depth))]), expected, "{depth} in the header");
    }
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    for (depth, expected) in [(15, Verdict::Valid), (17, Verdict::Malformed), (2_000, Verdict::Malformed)] {
        assert_eq!(world.with_claims(&[("deep", &objects(depth))]), expected, "{depth}");
    }
    let padded = |length: usize| world.token(&[], &[("pad", &quoted(&"x".repeat(length)))]);
    let spare = (MAX_TOKEN_BYTES - padded(0).len()) * 3 / 4;
    let longest = (0..=spare + 3).rev().map(padded).find(|token| token.len() <= MAX_TOKEN_BYTES).unwrap();
    assert!(longest.len() > MAX_TOKEN_BYTES - 4);
    assert_eq!(world.verdict(&longest), Verdict::Valid);
    assert_eq!(world.verdict(&padded(spare + 4)), Verdict::Malformed);
    assert_eq!(world.verdict(&padded(1 << 20)), Verdict::Malformed);
}
