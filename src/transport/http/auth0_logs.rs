//! `POST /auth0/logs/{issuer}`: Auth0's log streams ("custom webhook"), for the issuer with this name.
//!
//! The sender is known by the whole `Authorization` header that the stream is configured with. 200 says that every logout
//! that the body tells of is on disk, and every dead letter too; after anything else the sender sends all of it again, which
//! is harmless. To whoever does not know the secret, an issuer that is there looks like one that is not.

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Response, StatusCode},
};
use serde_json::json;
use tracing::{info, warn};

use super::{Desk, answer, authorization::Authorization, problem::Problem};
use crate::{domain::Source, service::LogTaken, token::split_log_body};

/// The longest body.
const MOST_BYTES: usize = 4 << 20;

/// Takes the events of a log stream.
pub(super) async fn receive(
    State(desk): State<Desk>,
    issuer: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    // A name that is not text is no issuer's.
    let issuer = issuer.map(|Path(name)| name).unwrap_or_default();
    match take(&desk, &issuer, &headers, body).await {
        Ok(taken) => done(&taken),
        Err(problem) => problem.into(),
    }
}

async fn take(desk: &Desk, name: &str, headers: &HeaderMap, body: Body) -> Result<LogTaken, Problem> {
    let Some(issuer) = desk.curfew.auth0_sender(name, Authorization::whole(headers)) else {
        desk.curfew.refused(Source::Auth0Stream);
        info!(endpoint = "auth0/logs", "events were refused: the Authorization header, or the issuer's name, is wrong");
        return Err(Problem::unauthorized(
            "the Authorization header must be the one in secret_file, every character of it, of the issuer's \
             [issuer.auth0_logs]; if it is, there is no such issuer",
        ));
    };
    let refused = |problem| {
        desk.curfew.refused(Source::Auth0Stream);
        problem
    };
    let body = desk.bodies.read(headers, body, MOST_BYTES).await.map_err(refused)?;
    let entries = split_log_body(&body).map_err(|fault| refused(fault.into()))?;
    let taken = desk.curfew.auth0_log(issuer, Source::Auth0Stream, entries).await.inspect_err(|error| {
        warn!(endpoint = "auth0/logs", issuer = %issuer.name, %error, "events were not taken; they should come again");
    })?;
    info!(
        endpoint = "auth0/logs", issuer = %issuer.name, taken.recorded, taken.again, taken.ignored, taken.dead_letters,
        taken.damaged, "events were taken"
    );
    match &taken.first_damaged {
        None => Ok(taken),
        Some((number, fault)) => Err(Problem::invalid(format!(
            "entry {number} of the body is not JSON ({fault}); all others were taken, and may be sent again"
        ))),
    }
}

/// What came of them, for whoever looks.
fn done(taken: &LogTaken) -> Response<Body> {
    let LogTaken { recorded, again, ignored, dead_letters, .. } = taken;
    let counts = json!({"recorded": recorded, "again": again, "ignored": ignored, "dead_letters": dead_letters});
    answer::json(StatusCode::OK, counts.to_string())
}
