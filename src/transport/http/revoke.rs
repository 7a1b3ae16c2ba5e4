//! `POST /revoke`: RFC 7009. Whoever has a token may end it.
//!
//! 200 says that the token is dead: the logout is on disk, or it was no token that anybody honours. Which of the two, the
//! answer does not tell (section 2.2).

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};
use tracing::{info, warn};

use super::{Desk, answer, body, clients::HttpClient, problem::Problem};
use crate::service::{NotRevoked, Revoked};

/// The longest body: the longest token that is looked at, and room for what else a sender may put there.
const MOST_BYTES: usize = 32 * 1024;

/// The parameter that has the token.
const PARAMETER: &str = "token";

/// Takes a token that shall be honoured no more.
pub(super) async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Response<Body> {
    match take(&desk, &headers, body).await {
        Ok(()) => answer::empty(StatusCode::OK),
        Err(problem) => problem.into(),
    }
}

async fn take(desk: &Desk, headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    let form = desk.bodies.read(headers, body, MOST_BYTES).await?;
    // Public clients have no credentials; whoever gives some must give the right ones.
    let proven = desk.clients.authenticate(headers, &form)?;
    let raw_token = body::form_value(headers, &form, PARAMETER)?;
    let named = body::optional_value(&form, "client_id")?;
    let client = proven.map(HttpClient::id).or(named.as_deref());
    match desk.curfew.revoke_token(&raw_token, client).await {
        Ok(Revoked::Recorded(recorded)) => {
            info!(
                endpoint = "revoke", scope = %recorded.scope.kind(),
                revision = recorded.recorded.record.revision.0, "a token was revoked"
            );
            Ok(())
        }
        Ok(Revoked::Nothing) => {
            info!(endpoint = "revoke", "a token that is not honoured anyway was to be revoked");
            Ok(())
        }
        Err(error) => {
            match &error {
                NotRevoked::AnotherClient | NotRevoked::Lacks(_) => {
                    info!(endpoint = "revoke", %error, "a revocation was refused");
                }
                NotRevoked::MayYetHold(_) | NotRevoked::Failed(_) => {
                    warn!(endpoint = "revoke", %error, "a token was not revoked");
                }
            }
            Err(error.into())
        }
    }
}
