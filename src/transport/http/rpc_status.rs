//! Errors of the JSON face: the gRPC status of the same error, as Google's AIP-193 writes it in JSON.
//!
//! `{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "…", "details": [{"@type": …}]}}`: whoever knows the
//! errors of the one door knows those of the other.

use std::{collections::HashMap, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER},
};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{answer, problem::Problem};
use crate::transport::grpc::DOMAIN;

/// The types of the details.
const TYPES: &str = "type.googleapis.com/google.rpc.";

/// The response that says an error.
pub(super) fn of(status: &Status) -> Response<Body> {
    let (http, name) = http_status(status.code());
    let details = status.get_error_details();
    let body = json!({"error": {
        "code": http.as_u16(), "status": name, "message": status.message(), "details": written(&details),
    }});
    let mut response = answer::json(http, body.to_string());
    if let Some(delay) = retry_delay(&details) {
        // Whole seconds, at least one.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn retry_delay(details: &ErrorDetails) -> Option<Duration> {
    details.retry_info().and_then(|info| info.retry_delay)
}

fn written(details: &ErrorDetails) -> Vec<Value> {
    let typed = |name: &str| format!("{TYPES}{name}");
    let error_info = details.error_info().map(|info| {
        json!({"@type": typed("ErrorInfo"), "reason": info.reason, "domain": info.domain, "metadata": info.metadata})
    });
    let bad_request = details.bad_request().map(|bad| {
        let violations: Vec<Value> = bad
            .field_violations
            .iter()
            .map(|violation| json!({"field": violation.field, "description": violation.description}))
            .collect();
        json!({"@type": typed("BadRequest"), "fieldViolations": violations})
    });
    let retry_info = retry_delay(details)
        .map(|delay| json!({"@type": typed("RetryInfo"), "retryDelay": format!("{}s", delay.as_secs_f64())}));
    [error_info, bad_request, retry_info].into_iter().flatten().collect()
}

/// The status of HTTP for a code, and the code's name (google.rpc.Code).
const fn http_status(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::Ok => (StatusCode::OK, "OK"),
        Code::Cancelled => (StatusCode::BAD_REQUEST, "CANCELLED"),
        Code::Unknown => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        Code::InvalidArgument => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        Code::DeadlineExceeded => (StatusCode::REQUEST_TIMEOUT, "DEADLINE_EXCEEDED"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        Code::FailedPrecondition => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
        Code::Aborted => (StatusCode::CONFLICT, "ABORTED"),
        Code::OutOfRange => (StatusCode::PAYLOAD_TOO_LARGE, "OUT_OF_RANGE"),
        Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED"),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Code::DataLoss => (StatusCode::INTERNAL_SERVER_ERROR, "DATA_LOSS"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
    }
}

impl From<Problem> for Status {
    /// A body that could not be read is the same fault at every endpoint.
    fn from(problem: Problem) -> Self {
        let mut details = ErrorDetails::new();
        let (code, reason) = match problem.status() {
            StatusCode::PAYLOAD_TOO_LARGE => (Code::OutOfRange, "INVALID_REQUEST"),
            StatusCode::REQUEST_TIMEOUT => (Code::DeadlineExceeded, "REQUEST_TIMEOUT"),
            StatusCode::SERVICE_UNAVAILABLE => {
                details.set_retry_info(Some(Duration::from_secs(1)));
                (Code::Unavailable, "OVERLOADED")
            }
            _ => (Code::InvalidArgument, "INVALID_REQUEST"),
        };
        details.set_error_info(reason, DOMAIN, HashMap::new());
        Self::with_error_details(code, problem.description(), details)
    }
}
