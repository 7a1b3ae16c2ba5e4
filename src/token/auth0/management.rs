//! Calls of the Management API that end logins (`sapi`): what was called, with which method, and on whom.
//!
//! The user that such an event names is whoever called; the one that is meant stands in the path. Only these calls are
//! known, by their whole path; every other one logs nobody out:
//!
//! | call | logs out |
//! | --- | --- |
//! | `DELETE /api/v2/users/{id}/sessions` | the user |
//! | `POST /api/v2/users/{id}/revoke-access` | the user |
//! | `DELETE /api/v2/users/{id}` | the user: the account is gone |
//! | `PATCH /api/v2/users/{id}` with `"blocked": true` | the user: the account is disabled |
//! | `DELETE /api/v2/sessions/{id}`, `POST /api/v2/sessions/{id}/revoke` | the session |

use serde_json::{Map, Value};

use super::event::{LogEventFault, Whom};
use crate::domain::{IdentifierError, LogoutReason, SessionId, SubjectId};

/// What a call did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Managed {
    /// Nothing that ends a login.
    Nothing,
    /// This logout, for this reason.
    Logout(Whom, LogoutReason),
}

/// What the call did that an event tells of. `reason` is that of a logout, unless the account itself is at stake.
pub(super) fn managed(event: &Map<String, Value>, reason: LogoutReason) -> Result<Managed, LogEventFault> {
    let request = event.get("details").and_then(|details| details.get("request")).and_then(Value::as_object);
    let Some(request) = request else { return Ok(Managed::Nothing) };
    let text = |name| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let (method, path) = (text("method").to_ascii_lowercase(), text("path"));
    let segments: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let user = |id: &str| named(id, SubjectId::parse).map(Whom::User);
    let session = |id: &str| named(id, SessionId::parse).map(|session| Whom::Session(session, None));
    let ended = |whom: Result<Whom, LogEventFault>| whom.map(|whom| Managed::Logout(whom, reason));
    match (method.as_str(), segments.as_slice()) {
        ("delete", ["", "api", "v2", "users", id, "sessions"])
        | ("post", ["", "api", "v2", "users", id, "revoke-access"]) => ended(user(id)),
        ("delete", ["", "api", "v2", "sessions", id]) | ("post", ["", "api", "v2", "sessions", id, "revoke"]) => {
            ended(session(id))
        }
        ("delete", ["", "api", "v2", "users", id]) => {
            user(id).map(|whom| Managed::Logout(whom, LogoutReason::AccountDisabled))
        }
        ("patch", ["", "api", "v2", "users", id]) if blocks(request) => {
            user(id).map(|whom| Managed::Logout(whom, LogoutReason::AccountDisabled))
        }
        _ => Ok(Managed::Nothing),
    }
}

fn blocks(request: &Map<String, Value>) -> bool {
    request.get("body").and_then(|body| body.get("blocked")) == Some(&Value::Bool(true))
}

/// The identifier in a segment of a path.
fn named<T>(segment: &str, parse: impl Fn(&str) -> Result<T, IdentifierError>) -> Result<T, LogEventFault> {
    percent_decoded(segment).and_then(|text| parse(&text).ok()).ok_or(LogEventFault::Path)
}

/// A segment of a path without its percent-encoding (RFC 3986, section 2.1). None: it is not as it says, or not UTF-8.
fn percent_decoded(segment: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn call(method: &str, path: &str, body: &Value) -> Result<Managed, LogEventFault> {
        let request = json!({"method": method, "path": path, "body": body});
        let event = json!({"type": "sapi", "user_id": "auth0|admin", "details": {"request": request, "response": {}}});
        managed(event.as_object().unwrap(), LogoutReason::Administrator)
    }

    fn user(id: &str, reason: LogoutReason) -> Result<Managed, LogEventFault> {
        Ok(Managed::Logout(Whom::User(SubjectId::parse(id).unwrap()), reason))
    }

    #[test]
    fn known_calls_log_out_whom_their_path_names_and_never_the_caller() {
        use LogoutReason::{AccountDisabled, Administrator};
        let session = || {
            let session = SessionId::parse("s1").unwrap();
            Ok(Managed::Logout(Whom::Session(session, None), Administrator))
        };
        let nothing = Value::Null;
        for (method, path, body, expected) in [
            ("delete", "/api/v2/users/auth0%7Cann/sessions", &nothing, user("auth0|ann", Administrator)),
            ("DELETE", "/api/v2/users/auth0|ann/sessions", &nothing, user("auth0|ann", Administrator)),
            ("post", "/api/v2/users/auth0%7Cann/revoke-access", &nothing, user("auth0|ann", Administrator)),
            ("delete", "/api/v2/users/auth0%7Cann", &nothing, user("auth0|ann", AccountDisabled)),
            ("patch", "/api/v2/users/auth0%7Cann", &json!({"blocked": true}), user("auth0|ann", AccountDisabled)),
            ("patch", "/api/v2/users/auth0%7Cann?x=1", &json!({"blocked": true}), user("auth0|ann", AccountDisabled)),
            // A name with everything in it that a path escapes.
            ("delete", "/api/v2/users/a%2Fb%25%3F%2B+c/sessions", &nothing, user("a/b%?++c", Administrator)),
            ("delete", "/api/v2/sessions/s1", &nothing, session()),
            ("post", "/api/v2/sessions/s1/revoke", &nothing, session()),
        ] {
            assert_eq!(call(method, path, body), expected, "{method} {path}");
        }
    }

    #[test]
    fn every_other_call_logs_nobody_out() {
        for (method, path, body) in [
            ("patch", "/api/v2/users/u", json!({"blocked": false})),
            ("patch", "/api/v2/users/u", json!({"blocked": "true"})),
            ("patch", "/api/v2/users/u", json!({"name": "blocked"})),
            ("patch", "/api/v2/users/u", Value::Null),
            ("post", "/api/v2/users", json!({"blocked": true})),
            ("delete", "/api/v2/users/u/multifactor/duo", Value::Null),
            ("delete", "/api/v2/users", Value::Null),
            ("delete", "/api/v2/clients/c", Value::Null),
            ("delete", "/api/v3/users/u", Value::Null),
            ("delete", "api/v2/users/u", Value::Null),
            ("delete", "/x/api/v2/users/u", Value::Null),
            ("get", "/api/v2/users/u/sessions", Value::Null),
            ("", "", Value::Null),
        ] {
            assert_eq!(call(method, path, &body), Ok(Managed::Nothing), "{method} {path}");
        }
        assert_eq!(managed(&Map::new(), LogoutReason::Administrator), Ok(Managed::Nothing));
    }

    #[test]
    fn a_path_that_names_nobody_is_a_fault() {
        for id in ["", "%", "%7", "%zz", "%+7", "%ff", &"x".repeat(513)] {
            let path = format!("/api/v2/users/{id}/sessions");
            assert!(matches!(call("delete", &path, &Value::Null), Err(LogEventFault::Path)), "{id}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(method in "[a-zA-Z]{0,6}", path in r"(/api/v2/(users|sessions)/)?[ -~é%/]{0,40}") {
            drop(call(&method, &path, &Value::Null));
        }

        #[test]
        fn what_was_encoded_is_decoded(name in r"[ -~é]{1,20}") {
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(percent_decoded(&encoded), Some(name));
        }
    }
}
