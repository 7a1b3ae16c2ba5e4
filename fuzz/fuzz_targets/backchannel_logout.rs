//! Any form, sent as a back-channel logout: without the issuer's signature nobody is logged out.
#![no_main]

use axum::http::Method;
use libfuzzer_sys::fuzz_target;

const FORM: &str = "application/x-www-form-urlencoded";

fuzz_target!(|form: &[u8]| {
    curfew_fuzz::desk(|desk| desk.send_in_vain(Method::POST, "/backchannel-logout", FORM, form));
});
