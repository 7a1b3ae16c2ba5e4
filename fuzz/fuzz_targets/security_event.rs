//! Any claims, signed as the transmitter signs: only what names us, one event and a user, session or token of the issuer logs
//! anybody out.
#![no_main]

use axum::http::{Method, StatusCode};
use curfew::token::parse_object;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|claims: &[u8]| {
    let Ok(claims) = parse_object(claims) else { return };
    let claims = Value::Object(claims);
    curfew_fuzz::desk(|desk| {
        let Some(token) = desk.security_event(&claims) else { return };
        let before = desk.revision();
        let sent = desk.send(Method::POST, "/ssf/events", "application/secevent+jwt", token.as_bytes());
        if desk.revision() == before {
            return;
        }
        assert!(matches!(sent, Some((StatusCode::ACCEPTED, _))));
        let us = Value::from("https://curfew.example");
        assert!(claims["aud"] == us || claims["aud"].as_array().is_some_and(|aud| aud.contains(&us)));
        assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
        assert!(claims["events"].as_object().is_some_and(|events| events.len() == 1));
        assert!(claims["sub_id"].is_object());
    });
});
