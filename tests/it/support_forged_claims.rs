//! Forged tokens: claims that cannot be, and logouts that must not be mistaken for others.

use super::*;

/// What `exp`, `iat`, `nbf` and `auth_time` cannot be.
const NO_TIMES: [&str; 33] = [
    "1e300",
    "1e400",
    "-1e400",
    "-1",
    "-1.5",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "1e11",
    "1780003600000",
    "1.7800036e12",
    "1780003600000000",
    "NaN",
    "Infinity",
    "-Infinity",
    "0x6A18",
    "01780003600",
    "+1780003600",
    "1780003600.",
    ".5",
    r#""NaN""#,
    r#""1780003600""#,
    r#""2026-05-28T20:26:40Z""#,
    r#""""#,
    "[]",
    "[1780003600]",
    "{}",
    r#"{"$numberLong":"1780003600"}"#,
    "true",
    "false",
];

#[test]
fn a_time_that_is_no_number_of_seconds_is_refused() {
    let world = World::new();
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in NO_TIMES {
            assert_eq!(world.with_claims(&[(name, value)]), Verdict::Malformed, "{name}: {value}");
        }
    }
    let others = [
        ("exp", "1e-300", Verdict::Expired),
        ("exp", "0", Verdict::Expired),
        ("exp", "-0.0", Verdict::Expired),
        ("exp", "null", Verdict::MissingClaim),
        ("exp", ABSENT, Verdict::MissingClaim),
        ("exp", "1779999990", Verdict::Expired),
        ("exp", "99999999999", Verdict::LifetimeTooLong),
        ("exp", "1780086401", Verdict::LifetimeTooLong),
        ("exp", "1780086400", Verdict::Valid),
        ("exp", "1.7800036e9", Verdict::Valid),
        ("iat", "1e-300", Verdict::LifetimeTooLong),
        ("iat", "0", Verdict::LifetimeTooLong),
        ("iat", "null", Verdict::MissingClaim),
        ("iat", ABSENT, Verdict::MissingClaim),
        ("iat", "1780000011", Verdict::IssuedInFuture),
        ("iat", "1780000010.001", Verdict::IssuedInFuture),
        ("iat", "1780000010", Verdict::Valid),
        ("iat", "99999999999", Verdict::IssuedInFuture),
        ("nbf", "1780000011", Verdict::NotYetValid),
        ("nbf", "99999999999", Verdict::NotYetValid),
        ("nbf", "1780000010", Verdict::Valid),
        ("nbf", "1e-300", Verdict::Valid),
        ("nbf", "null", Verdict::Valid),
        ("auth_time", "1e-300", Verdict::Valid),
        ("auth_time", "null", Verdict::Valid),
        ("auth_time", ABSENT, Verdict::Valid),
    ];
    for (name, value, expected) in others {
        assert_eq!(world.with_claims(&[(name, value)]), expected, "{name}: {value}");
    }
}

#[test]
fn only_the_exact_issuer_is_the_issuer() {
    let world = World::new();
    let cases = [
        ("[]", Verdict::Malformed),
        (r#"["https://ec.example"]"#, Verdict::Malformed),
        ("1", Verdict::Malformed),
        ("true", Verdict::Malformed),
        (r#"{"iss":"https://ec.example"}"#, Verdict::Malformed),
        ("null", Verdict::MissingClaim),
        (ABSENT, Verdict::MissingClaim),
        (r#""""#, Verdict::UnknownIssuer),
        (r#""https://ec.example/""#, Verdict::UnknownIssuer),
        (r#""https://EC.example""#, Verdict::UnknownIssuer),
        (r#""HTTPS://ec.example""#, Verdict::UnknownIssuer),
        (r#""http://ec.example""#, Verdict::UnknownIssuer),
        (r#""https://ec.example:443""#, Verdict::UnknownIssuer),
        (r#""https://ec.example ""#, Verdict::UnknownIssuer),
        (r#"" https://ec.example""#, Verdict::UnknownIssuer),
        (r#""https://ec.example\u0000""#, Verdict::UnknownIssuer),
        (r#""https://ec.example.forger.example""#, Verdict::UnknownIssuer),
        (r#""https://forger.example""#, Verdict::UnknownIssuer),
        (r#""https://ec\u3002example""#, Verdict::UnknownIssuer),
        (r#""https:\/\/ec.example""#, Verdict::Valid),
        (r#""https://ed.example""#, Verdict::AlgorithmNotAllowed),
        (r#""https://secret.example""#, Verdict::AlgorithmNotAllowed),
    ];
    for (iss, expected) in cases {
        assert_eq!(world.with_claims(&[("iss", iss)]), expected, "{iss}");
    }
}

#[test]
fn a_token_for_others_is_refused() {
    let world = World::new();
    let cases = [
        (ABSENT, Verdict::MissingClaim),
        ("null", Verdict::MissingClaim),
        ("[]", Verdict::MissingClaim),
        ("1", Verdict::Malformed),
        ("true", Verdict::Malformed),
        ("{}", Verdict::Malformed),
        (r#"{"https://api.example":1}"#, Verdict::Malformed),
        (r#"["https://api.example",1]"#, Verdict::Malformed),
        (r#"[["https://api.example"]]"#, Verdict::Malformed),
        ("[null]", Verdict::Malformed),
        (r#""""#, Verdict::WrongAudience),
        (r#""*""#, Verdict::WrongAudience),
        (r#""https://api.example/""#, Verdict::WrongAudience),
        (r#""https://API.example""#, Verdict::WrongAudience),
        (r#""https://api.example https://other.example""#, Verdict::WrongAudience),
        (r#"["https://other.example","https://third.example"]"#, Verdict::WrongAudience),
        (r#"["https://other.example","https://api.example"]"#, Verdict::Valid),
    ];
    for (aud, expected) in cases {
        assert_eq!(world.with_claims(&[("aud", aud)]), expected, "{aud}");
    }
}

#[test]
fn an_identifier_that_is_no_text_is_refused() {
    let world = World::new();
    for name in ["sub", "jti", "sid", "client_id"] {
        for value in ["1", "true", "[]", r#"["ann"]"#, "{}", &quoted(&"x".repeat(513))] {
            assert_eq!(world.with_claims(&[(name, value)]), Verdict::Malformed, "{name}: {value}");
        }
        for value in [ABSENT, "null", r#""""#] {
            let expected = if name == "sub" { Verdict::MissingClaim } else { Verdict::Valid };
            assert_eq!(world.with_claims(&[(name, value)]), expected, "{name}: {value}");
        }
    }
    assert_eq!(world.with_claims(&[("client_id", ABSENT), ("azp", "1")]), Verdict::Malformed);
}

/// Last-logout claims of a token issued at [`NOW`], by their format.
const LAST_LOGOUTS: [(ClaimFormat, &[(&str, Verdict)]); 3] = [
    (
        ClaimFormat::Seconds,
        &[
            ("1780000011", Verdict::ImpossibleClaim),
            ("1780000010.999", Verdict::Valid),
            ("4000000000", Verdict::ImpossibleClaim),
            ("1780000000000", Verdict::ImpossibleClaim),
            ("1e300", Verdict::ImpossibleClaim),
            ("18446744073709551616", Verdict::ImpossibleClaim),
            ("1e400", Verdict::Malformed),
            ("-1", Verdict::Malformed),
            ("-1e300", Verdict::Malformed),
            (r#""1779999999""#, Verdict::Malformed),
            (r#""2026-05-28T20:26:39Z""#, Verdict::Malformed),
            ("true", Verdict::Malformed),
            ("[]", Verdict::Malformed),
            ("{}", Verdict::Malformed),
            ("NaN", Verdict::Malformed),
            ("null", Verdict::Valid),
            ("0", Verdict::Valid),
            ("1779999999", Verdict::Valid),
        ],
    ),
    (
        ClaimFormat::Milliseconds,
        &[
            ("1780000011000", Verdict::ImpossibleClaim),
            ("1780000010999", Verdict::Valid),
            ("1780000000", Verdict::ImpossibleClaim),
            ("1e-300", Verdict::ImpossibleClaim),
            ("1780000000000000", Verdict::Malformed),
            ("1e300", Verdict::Malformed),
            ("1e400", Verdict::Malformed),
            ("-1", Verdict::Malformed),
            (r#""1780000000000""#, Verdict::Malformed),
            ("false", Verdict::Malformed),
            ("null", Verdict::Valid),
            ("0", Verdict::Valid),
        ],
    ),
    (
        ClaimFormat::Rfc3339,
        &[
            (r#""2026-05-28T20:26:51Z""#, Verdict::ImpossibleClaim),
            (r#""2026-05-28T20:26:50.999Z""#, Verdict::Valid),
            (r#""9999-12-31T23:59:59.999Z""#, Verdict::ImpossibleClaim),
            (r#""1969-12-31T23:59:59Z""#, Verdict::Malformed),
            (r#""+10000-01-01T00:00:00Z""#, Verdict::Malformed),
            (r#""2026-05-28 20:26:39""#, Verdict::Malformed),
            (r#""2026-05-28T20:26:39""#, Verdict::Malformed),
            (r#""2026-02-30T00:00:00Z""#, Verdict::Malformed),
            (r#""yesterday""#, Verdict::Malformed),
            (r#""""#, Verdict::Malformed),
            ("1779999999", Verdict::Malformed),
            ("true", Verdict::Malformed),
            ("null", Verdict::Valid),
            (r#""2026-05-28T22:26:39+02:00""#, Verdict::Valid),
        ],
    ),
];

#[test]
fn a_last_logout_claim_that_cannot_be_true_is_refused() {
    for (format, cases) in LAST_LOGOUTS {
        let world = World::with(|rules| rules.last_logout = Some(LastLogoutClaim { name: "ll".into(), format }));
        for (value, expected) in cases {
            assert_eq!(world.with_claims(&[("ll", value)]), *expected, "{format:?}: {value}");
        }
    }
    let wary = World::with(|rules| rules.claim_ahead = ClaimAhead::Refuse);
    assert_eq!(wary.with_claims(&[("ll", "1779999999")]), Verdict::ImpossibleClaim);
    assert_eq!(wary.with_claims(&[]), Verdict::Valid);
}

#[test]
fn a_logout_of_one_kind_does_not_refuse_by_another_of_the_same_name() {
    type Named = fn(&str) -> Target;
    let kinds: [(&str, Named, Verdict); 5] = [
        (
            "sub",
            |iss| Target::Subject(iss.to_owned(), SubjectId::parse("k2").unwrap(), None),
            Verdict::SubjectLoggedOut,
        ),
        (
            "sid",
            |iss| Target::Session(iss.to_owned(), SessionId::parse("k2").unwrap(), None),
            Verdict::SessionLoggedOut,
        ),
        ("jti", |iss| Target::TokenId(iss.to_owned(), TokenId::parse("k2").unwrap()), Verdict::TokenRevoked),
        ("client_id", |iss| Target::Client(iss.to_owned(), ClientId::parse("k2").unwrap()), Verdict::ClientRevoked),
        ("kid", |iss| Target::Key(iss.to_owned(), KeyId::parse("k2").unwrap()), Verdict::KeyRevoked),
    ];
    // A token of the issuer that says "k2" in just these places.
    let token = |world: &World, iss: &str, places: &[&str]| {
        let changes: Vec<_> = places.iter().filter(|place| **place != "kid").map(|place| (*place, r#""k2""#)).collect();
        let payload = claims(iss, &changes);
        match (iss, places.contains(&"kid")) {
            (ED, _) => world.ed.token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"k1"}"#, &payload),
            (_, true) => world.ec2.token(Algorithm::Es256, &ec_header(&[("kid", r#""k2""#)]), &payload),
            (_, false) => world.ec.token(Algorithm::Es256, &ec_header(&[]), &payload),
        }
    };
    for (kind, target, verdict) in kinds {
        let world = World::new();
        world.log_out(target(EC));
        let others: Vec<&str> = kinds.iter().map(|(other, ..)| *other).filter(|other| *other != kind).collect();
        assert_eq!(world.verdict(&token(&world, EC, &others)), Verdict::Valid, "{kind}: in all places but this");
        for other in others {
            assert_eq!(world.verdict(&token(&world, EC, &[other])), Verdict::Valid, "{kind}: in {other}");
        }
        assert_eq!(world.verdict(&token(&world, EC, &[kind])), verdict, "{kind}");
        let everywhere = ["sub", "sid", "jti", "client_id"];
        assert_eq!(world.verdict(&token(&world, ED, &everywhere)), Verdict::Valid, "{kind}: at another issuer");
    }
}

#[test]
fn a_logout_of_a_subject_at_one_client_is_of_both_names_in_their_order() {
    let world = World::new();
    let (subject, client) = (SubjectId::parse("a").unwrap(), ClientId::parse("b").unwrap());
    world.log_out(Target::Subject(EC.to_owned(), subject, Some(client)));
    let of = |sub: &str, client: &str| world.with_claims(&[("sub", &quoted(sub)), ("client_id", &quoted(client))]);
    assert_eq!(of("a", "b"), Verdict::SubjectLoggedOut);
    for (sub, client) in [("b", "a"), ("a", "c"), ("ab", ""), ("a", "bb"), ("c", "b"), ("a\0b", "b"), ("a", "")] {
        assert_eq!(of(sub, client), Verdict::Valid, "{sub:?} at {client:?}");
    }
}

#[test]
fn a_logout_at_one_issuer_leaves_the_others_alone() {
    let world = World::new();
    world.log_out(Target::Issuer(EC.to_owned()));
    assert_eq!(world.with_claims(&[]), Verdict::IssuerRevoked);
    let token = world.ed.token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"k1"}"#, &claims(ED, &[]));
    assert_eq!(world.verdict(&token), Verdict::Valid);
}
