//! The front desk: logouts that happen outside of the frontends, as those who know of them send them, over HTTP.
//!
//! One file for each specification; what they share is how a body is read (`body`) and how errors are said
//! (`problem`).

mod answer;
mod authorization;
mod backchannel_logout;
mod body;
mod metrics;
mod ops;
mod problem;
mod rpc;
mod rpc_status;
mod serve;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};

use body::Bodies;
pub use ops::{Probes, Vitals};
use problem::Problem;
pub use serve::{HttpSettings, serve};

use super::{
    grpc::Calls,
    json::{MessageError, Messages},
};
use crate::{
    domain::{Clock, Timestamp},
    service::Curfew,
};

/// What the endpoints share.
#[derive(Clone)]
struct Desk {
    curfew: Arc<Curfew>,
    /// The same through the protocol's messages.
    calls: Arc<Calls>,
    /// The messages, as JSON.
    messages: Messages,
    clock: Arc<dyn Clock>,
    /// When the service began.
    started: Timestamp,
    probes: Probes,
    bodies: Bodies,
}

/// Everything on the port.
///
/// # Errors
/// When the compiled protocol is damaged.
pub fn routes(
    curfew: Arc<Curfew>,
    clock: Arc<dyn Clock>,
    probes: Probes,
    body_timeout: Duration,
) -> Result<Router, MessageError> {
    let calls = Arc::new(Calls::new(Arc::clone(&curfew), Arc::clone(&clock)));
    let (messages, started) = (Messages::new()?, clock.now());
    Ok(Router::new()
        .route("/backchannel-logout", post(backchannel_logout::receive))
        .route("/v1/logouts", post(rpc::record_logout))
        .route("/v1/last-logout", get(rpc::last_logout))
        .route("/v1/tokens:validate", post(rpc::validate_token))
        .route("/metrics", get(metrics::metrics))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Desk { curfew, calls, messages, clock, started, probes, bodies: Bodies::new(body_timeout) }))
}

async fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such endpoint; see the README's chapter on HTTP")
        .into()
}

async fn wrong_method() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this endpoint takes another method").into()
}
