//! `POST /backchannel-logout`: OpenID Connect Back-Channel Logout 1.0, section 2.5 to 2.8.
//!
//! 200 says that the logout is on disk. Whoever sends needs no credentials: the token is signed by the provider.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use tracing::{info, warn};

use super::{Desk, answer, body, problem::Problem};
use crate::service::{Heard, NotHeard};

/// The longest body: the longest token that is looked at, and room for what else a sender may put there.
const MOST_BYTES: usize = 32 * 1024;

/// The parameter that has the token.
const PARAMETER: &str = "logout_token";

/// Takes a logout token.
pub(super) async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    match take(&desk, &headers, body).await {
        // Section 2.8: nothing of the answer may be kept.
        Ok(()) => answer::empty(StatusCode::OK),
        Err(problem) => problem.into(),
    }
}

async fn take(desk: &Desk, headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    let form = desk.bodies.read(headers, body, MOST_BYTES).await?;
    let raw_token = body::form_value(headers, &form, PARAMETER)?;
    match desk.curfew.backchannel_logout(&raw_token).await {
        Ok(Heard::Recorded(recorded)) => {
            info!(
                endpoint = "backchannel-logout", scope = %recorded.scope.kind(),
                revision = recorded.recorded.record.revision.0, "a provider's logout was recorded"
            );
            Ok(())
        }
        Ok(Heard::Again) => {
            info!(endpoint = "backchannel-logout", "a logout token came again; it was recorded before");
            Ok(())
        }
        Err(error) => {
            match &error {
                NotHeard::Unfit(_) | NotHeard::NotConfigured(_) => {
                    info!(endpoint = "backchannel-logout", %error, "a logout token was refused");
                }
                NotHeard::Failed(_) => warn!(endpoint = "backchannel-logout", %error, "a logout was not recorded"),
            }
            Err(error.into())
        }
    }
}
