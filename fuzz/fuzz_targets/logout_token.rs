//! Any claims, signed as the issuer signs: only what names its client and the event logs anybody out.
#![no_main]

use axum::http::{Method, StatusCode};
use curfew::token::parse_object;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fuzz_target!(|claims: &[u8]| {
    let Ok(claims) = parse_object(claims) else { return };
    let claims = Value::Object(claims);
    curfew_fuzz::desk(|desk| {
        let Some(token) = desk.signed(&claims) else { return };
        let form = format!("logout_token={token}");
        let sent = desk.send(Method::POST, "/backchannel-logout", "application/x-www-form-urlencoded", form.as_bytes());
        if let Some((StatusCode::OK, _)) = sent {
            assert!(claims["aud"] == "web" || claims["aud"].as_array().is_some_and(|aud| aud.contains(&"web".into())));
            assert!(claims["events"][EVENT].is_object() && claims.get("nonce").is_none());
            assert!(claims["sub"].is_string() || claims["sid"].is_string());
        }
    });
});
