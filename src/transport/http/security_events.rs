//! `POST /ssf/events`: security event tokens that are pushed (RFC 8935).
//!
//! 202 says that what it told is on disk, or logs nobody out, or is among the dead letters. One that does not hold is
//! answered 400, as section 2.4 has it; our own trouble 503, so that it is sent again.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use tracing::{info, warn};

use super::{Desk, answer, authorization::Authorization, body, problem::Problem};
use crate::service::{Delivery, EventNotTaken, EventTaken};

/// The longest body: the longest token that is looked at, and a little.
const MOST_BYTES: usize = 32 * 1024;

/// The media type of a security event token (RFC 8417, section 7.2).
const MEDIA_TYPE: &str = "application/secevent+jwt";

/// Takes a security event token.
pub(super) async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    match take(&desk, &headers, body).await {
        // Section 2.2: nothing but the status.
        Ok(()) => answer::empty(StatusCode::ACCEPTED),
        Err(problem) => problem.of_security_event().into(),
    }
}

async fn take(desk: &Desk, headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    if !body::is_of_type(headers, MEDIA_TYPE) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("the Content-Type must be {MEDIA_TYPE}"),
        ));
    }
    let body = desk.bodies.read(headers, body, MOST_BYTES).await?;
    let raw_token = str::from_utf8(body.trim_ascii()).map_err(|_| Problem::invalid("the body is not text"))?;
    let by = Delivery::Push(Authorization::whole(headers));
    match desk.curfew.security_event(raw_token, by).await {
        Ok(EventTaken::Recorded(recorded)) => {
            info!(
                endpoint = "ssf/events", scope = %recorded.scope.kind(), revision = recorded.recorded.record.revision.0,
                "a logout that a security event told was recorded"
            );
            Ok(())
        }
        Ok(EventTaken::Again | EventTaken::Ignored | EventTaken::Kept) => Ok(()),
        Err(error) => {
            match &error {
                EventNotTaken::Refused(code, why) => {
                    info!(endpoint = "ssf/events", err = code.name(), %why, "a security event token was refused");
                }
                EventNotTaken::Failed(error) => warn!(endpoint = "ssf/events", %error, "a logout was not recorded"),
            }
            Err(error.into())
        }
    }
}
