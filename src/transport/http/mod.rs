//! The front desk: logouts that happen outside of the frontends, as those who know of them send them, over HTTP.
//!
//! One file for each specification; what they share is how a body is read (`body`) and how errors are said
//! (`problem`).

mod auth0_logs;
mod authorization;
mod backchannel_logout;
mod body;
mod ops;
mod problem;
mod serve;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};

pub use ops::{Probes, Vitals};
use problem::Problem;
pub use serve::{HttpSettings, serve};
use tokio::sync::Semaphore;

use crate::service::Curfew;

/// What the endpoints share.
#[derive(Clone)]
struct Desk {
    curfew: Arc<Curfew>,
    probes: Probes,
    /// How long a body may take to arrive.
    body_timeout: Duration,
    /// How many more large bodies may be in memory at once.
    large_bodies: Arc<Semaphore>,
}

/// How many large bodies may be in memory at once; what comes then waits before it is read.
const MOST_LARGE_BODIES: usize = 8;

/// Everything on the port.
pub fn routes(curfew: Arc<Curfew>, probes: Probes, body_timeout: Duration) -> Router {
    let large_bodies = Arc::new(Semaphore::new(MOST_LARGE_BODIES));
    Router::new()
        .route("/auth0/logs/{issuer}", post(auth0_logs::receive))
        .route("/backchannel-logout", post(backchannel_logout::receive))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Desk { curfew, probes, body_timeout, large_bodies })
}

async fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such endpoint; see the README's chapter on HTTP")
        .into()
}

async fn wrong_method() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this endpoint takes another method").into()
}
