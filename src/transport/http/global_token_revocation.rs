//! `POST /global-token-revocation`: an identity provider asks for all tokens of a user to be revoked
//! (draft-parecki-oauth-global-token-revocation-06). Okta calls it Universal Logout.
//!
//! 204 says that it is on disk: every token of the user from before is refused from now on. Errors are told by their status
//! (section 3.4.2); the body is for people.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use tracing::{info, warn};

use super::{Desk, answer, authorization::Authorization, body, problem::Problem};
use crate::service::NotAllRevoked;

/// The longest body: one subject identifier.
const MOST_BYTES: usize = 8 * 1024;

/// Takes a request.
pub(super) async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    match take(&desk, &headers, body).await {
        // Section 3.4.1: nothing but the status.
        Ok(()) => answer::empty(StatusCode::NO_CONTENT),
        Err(problem) => problem.into(),
    }
}

async fn take(desk: &Desk, headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    if !body::is_of_type(headers, answer::JSON) {
        return Err(Problem::invalid(format!("the Content-Type must be {}", answer::JSON)));
    }
    let body = desk.bodies.read(headers, body, MOST_BYTES).await?;
    let raw_token = Authorization::of(headers).bearer();
    match desk.curfew.global_token_revocation(raw_token, &body).await {
        Ok(recorded) => {
            info!(
                endpoint = "global-token-revocation",
                revision = recorded.recorded.record.revision.0,
                "all tokens of a user were revoked"
            );
            Ok(())
        }
        Err(error) => {
            match &error {
                NotAllRevoked::Unauthenticated(_) | NotAllRevoked::Unfit(_) | NotAllRevoked::Forbidden(_) => {
                    info!(endpoint = "global-token-revocation", %error, "a request to revoke all tokens was refused");
                }
                NotAllRevoked::Failed(_) => {
                    warn!(endpoint = "global-token-revocation", %error, "a user's tokens were not revoked");
                }
            }
            Err(Problem::of_revocation(error, raw_token.is_some()))
        }
    }
}
