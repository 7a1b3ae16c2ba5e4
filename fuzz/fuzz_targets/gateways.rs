//! Any form to `/introspect` and `/revoke`, with any credentials, and any header and query to `/forward-auth`: no token is
//! found good, and none ended, that the issuer has not signed.
#![no_main]

use axum::http::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;

const FORM: &str = "application/x-www-form-urlencoded";

fuzz_target!(|input: &[u8]| {
    let Some((which, rest)) = input.split_first() else { return };
    let (authorization, body) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    curfew_fuzz::desk(|desk| {
        let before = desk.revision();
        let known = format!("Bearer {}", curfew_fuzz::CLIENT_SECRET);
        match which % 4 {
            0 => {
                let told = desk.send_as(known.as_bytes(), Method::POST, "/introspect", FORM, body);
                assert!(told.is_none_or(|(status, told)| status != StatusCode::OK || told == b"{\"active\":false}"));
            }
            1 => {
                let told = desk.send_as(authorization, Method::POST, "/introspect", FORM, body);
                assert!(told.is_none_or(|(status, _)| status != StatusCode::OK));
            }
            2 => drop(desk.send_as(authorization, Method::POST, "/revoke", FORM, body)),
            _ => {
                let target = format!("/forward-auth?{}", String::from_utf8_lossy(body));
                let told = desk.send_as(authorization, Method::GET, &target, FORM, b"");
                assert!(told.is_none_or(|(status, _)| status != StatusCode::OK));
            }
        }
        assert_eq!(desk.revision(), before, "a token was ended");
    });
});
