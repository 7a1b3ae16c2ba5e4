//! The one place where a [`ServiceError`] becomes a gRPC status. The reasons are documented in the proto.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::service::ServiceError;

/// Whose reasons they are.
pub(in crate::transport) const DOMAIN: &str = "curfew.v1";

/// When a caller should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// When a caller should try again that came when too much was waiting: the queue is worth a fifth of a second.
const RETRY_AFTER_OVERLOAD: Duration = Duration::from_millis(200);

/// When those should try again that were refused because too much was in flight: it drains within milliseconds. They differ,
/// so that not all come back at once.
const RETRY_AFTER_REFUSAL_MILLIS: [u64; 8] = [30, 90, 50, 110, 70, 40, 100, 60];

/// The headers of the answers to what is refused because too much is in flight, made in advance: refusing must be cheap.
pub(super) fn overloaded_headers() -> Vec<http::HeaderMap> {
    let headers = |millis| {
        let status = refused("too many calls are in flight; try again shortly", Duration::from_millis(millis));
        status.into_http::<tonic::body::Body>().headers().clone()
    };
    RETRY_AFTER_REFUSAL_MILLIS.map(headers).to_vec()
}

/// The status for what is refused because there is too much of it.
pub(super) fn overloaded(text: &str) -> Status {
    refused(text, RETRY_AFTER_OVERLOAD)
}

fn refused(text: &str, retry_after: Duration) -> Status {
    let mut details = ErrorDetails::new();
    details.set_retry_info(Some(retry_after));
    details.set_error_info("OVERLOADED", DOMAIN, HashMap::new());
    Status::with_error_details(Code::ResourceExhausted, text, details)
}

/// The status for a request that did not arrive in time.
pub(super) fn too_slow(within: Duration) -> Status {
    let text = format!("the request did not arrive within {}", humantime::format_duration(within));
    let mut details = ErrorDetails::new();
    details.set_error_info("REQUEST_TIMEOUT", DOMAIN, HashMap::new());
    Status::with_error_details(Code::DeadlineExceeded, text, details)
}

/// The status for an error.
#[must_use]
pub fn to_status(error: &ServiceError) -> Status {
    let mut details = ErrorDetails::new();
    let mut metadata = HashMap::new();
    let (code, reason) = match error {
        ServiceError::Invalid(faults) => {
            let violations = faults.iter().map(|fault| FieldViolation::new(&fault.field, &fault.description));
            details.set_bad_request(violations.collect::<Vec<_>>());
            (Code::InvalidArgument, "INVALID_REQUEST")
        }
        ServiceError::UnknownIssuer { field, configured, .. } => {
            details.add_bad_request_violation(*field, error.to_string());
            metadata.insert("configured".to_owned(), configured.clone());
            (Code::InvalidArgument, "UNKNOWN_ISSUER")
        }
        ServiceError::TokenNotFit(refusal) => {
            details.add_bad_request_violation("token", refusal.to_string());
            let verdict = super::convert::verdict(refusal.verdict());
            metadata.insert("verdict".to_owned(), verdict.as_str_name().to_owned());
            (Code::InvalidArgument, "TOKEN_NOT_FIT")
        }
        ServiceError::NotEnforceable(_) => (Code::FailedPrecondition, "NOT_ENFORCEABLE"),
        ServiceError::Overloaded(_) => {
            details.set_retry_info(Some(RETRY_AFTER_OVERLOAD));
            (Code::ResourceExhausted, "OVERLOADED")
        }
        ServiceError::StoreUnavailable(_) => {
            details.set_retry_info(Some(RETRY_AFTER));
            (Code::Unavailable, "STORE_UNAVAILABLE")
        }
        ServiceError::KeysUnavailable(_) => {
            details.set_retry_info(Some(RETRY_AFTER));
            (Code::Unavailable, "KEYS_UNAVAILABLE")
        }
        ServiceError::RevisionNotReached { .. } => {
            details.set_retry_info(Some(RETRY_AFTER));
            (Code::Unavailable, "REVISION_NOT_REACHED")
        }
    };
    details.set_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, error.to_string(), details)
}

/// The status for an error, which is logged here and nowhere else where it is ours and not the caller's.
pub(in crate::transport) fn failed(rpc: &'static str, error: &ServiceError) -> Status {
    let status = to_status(error);
    if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Internal) {
        tracing::warn!(rpc, code = ?status.code(), %error, "not answered");
    }
    status
}
