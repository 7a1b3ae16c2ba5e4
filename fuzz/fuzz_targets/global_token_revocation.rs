//! Any subject, asked for by the identity provider itself: only a user of the issuer is logged out.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Each of the caller's tokens is good for one request.
static NEXT: AtomicU64 = AtomicU64::new(0);

fuzz_target!(|body: &[u8]| {
    curfew_fuzz::desk(|desk| {
        let (iat, jti) = (curfew_fuzz::NOW / 1000, NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let claims = json!({
            "iss": curfew_fuzz::ISSUER, "sub": "my-app", "aud": curfew_fuzz::REVOCATION, "iat": iat, "exp": iat + 300, "jti": jti,
        });
        let Some(token) = desk.signed(&claims) else { return };
        let before = desk.revision();
        let authorization = format!("Bearer {token}");
        let path = "/global-token-revocation";
        let sent = desk.send_as(authorization.as_bytes(), Method::POST, path, "application/json", body);
        if let Some((StatusCode::NO_CONTENT, _)) = sent {
            let body: Value = serde_json::from_slice(body).expect("JSON");
            let subject = body.get("sub_id").or(body.get("subject")).expect("a subject");
            assert_eq!(subject["iss"], curfew_fuzz::ISSUER);
        } else {
            assert_eq!(desk.revision(), before, "a user was logged out");
        }
    });
});
