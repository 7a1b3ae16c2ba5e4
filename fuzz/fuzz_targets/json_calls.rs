//! Any body as the JSON of a call, and any text as a query.
#![no_main]

use axum::http::Method;
use libfuzzer_sys::fuzz_target;

const JSON: &str = "application/json";

fuzz_target!(|input: &[u8]| {
    let Some((which, body)) = input.split_first() else { return };
    curfew_fuzz::desk(|desk| match which % 3 {
        0 => drop(desk.send(Method::POST, "/v1/logouts", JSON, body)),
        1 => desk.send_in_vain(Method::POST, "/v1/tokens:validate", JSON, body),
        _ => {
            let target = format!("/v1/last-logout?{}", String::from_utf8_lossy(body));
            desk.send_in_vain(Method::GET, &target, JSON, b"");
        }
    });
});
