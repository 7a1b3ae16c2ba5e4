//! Any body, sent as an Auth0 log stream: every entry of what is answered 200 is accounted for, and nothing is recorded that
//! is not said to be.
#![no_main]

use axum::http::{Method, StatusCode};
use curfew::token::split_log_body;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    curfew_fuzz::desk(|desk| {
        let before = desk.revision();
        let Some((status, answer)) = desk.send(Method::POST, "/auth0/logs/op", "application/json", body) else { return };
        if status != StatusCode::OK {
            return;
        }
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let count = |name: &str| answer[name].as_u64().expect("a number");
        let all = count("recorded") + count("again") + count("ignored") + count("dead_letters");
        assert_eq!(all, split_log_body(body).expect("entries").len() as u64);
        assert!(desk.revision() - before <= count("recorded"));
    });
});
